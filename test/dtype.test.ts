/** Element types and their promotion. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

describe("numbers", () => {
  it("promote as documented", () => {
    ad.scope(() => {
      const i = ad.tensor([1, 2], { dtype: "int32" });
      const d = ad.tensor([1, 2], { dtype: "float64" });
      const b = ad.tensor([true, false]);
      expect(i.add(1).dtype).toBe("int32");
      expect(i.add(0.5).dtype).toBe("float32");
      expect(i.add(ad.ones([2])).dtype).toBe("float32");
      expect(ad.ones([2]).add(d).dtype).toBe("float64");
      expect(d.add(0.1).toArray()).toEqual([1.1, 2.1]);
      expect(d.add([0.1, 0.2]).toArray()).toEqual([1.1, 2.2]);
      expect(b.add(1).dtype).toBe("int32");
      expect(b.sum().item()).toBe(1);
      expect(ad.sub(1, d).toArray()).toEqual([0, -1]);
      expect(ad.tensor(new Float64Array(1)).dtype).toBe("float64");
      expect(ad.tensor(new Int32Array(1)).dtype).toBe("int32");
      expect(b.toArray()).toEqual([true, false]);
      expect(ad.tensor([]).shape).toEqual([0]);
      expect(ad.tensor(3).shape).toEqual([]);
    });
  });

  it("float32 sums of ten million elements are right to 1e-6", () => {
    ad.scope(() => {
      const n = 10_000_000;
      expect(Math.abs(ad.full([n], 0.1).sum().item() / (n * Math.fround(0.1)) - 1)).toBeLessThan(1e-6);
      expect(
        Math.abs(
          ad
            .full([n / 10, 10], 0.1)
            .sum(0)
            .at(3)
            .item() /
            ((n / 10) * Math.fround(0.1)) -
            1,
        ),
      ).toBeLessThan(1e-6);
    });
  });
});
