/** The instance: growing memory, traps, fresh starts. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";

describe("memory that grows", () => {
  it("between any two calls does not matter", () => {
    ad.testing.stressGrowth(true);
    try {
      ad.scope(() => {
        const f = (x: Tensor) =>
          ad
            .concat([x, x.mul(2)])
            .reshape([2, -1])
            .softmax(1)
            .sum(0)
            .at(1);
        const x = ad.tensor([0.1, 0.2, 0.3], { dtype: "float64" });
        const [value, gradient] = ad.valueAndGrad(f)(x);
        expect(ad.gradcheck(f, [x])).toBe(true);
        expect(Number.isFinite(value.item())).toBe(true);
        expect(gradient.shape).toEqual([3]);
        expect(ad.tensor(new Float32Array(100_000).fill(1)).sum().item()).toBe(100_000);
        expect(
          ad
            .vmap((v: Tensor) => v.sum())(ad.ones([3, 4]))
            .toArray(),
        ).toEqual([4, 4, 4]);
      });
    } finally {
      ad.testing.stressGrowth(false);
    }
  });

  it("lists longer than the scratch buffer pass", () => {
    ad.scope(() => {
      const many = Array.from({ length: 3000 }, (_, i) => ad.tensor(i));
      expect(ad.stack(many).sum().item()).toBe((2999 * 3000) / 2);
      const g = ad.grad((xs: Tensor[]) => ad.stack(xs).square().sum())(many) as Tensor[];
      expect(g[2999]!.item()).toBe(5998);
    });
  });
});

describe("a trap", () => {
  it("poisons the instance; reset() gives a fresh one", () => {
    const before = ad.ones([2]);
    expect(() => ad.testing.trap()).toThrow(/a panic on request[\s\S]*reset\(\)/);
    expect(() => before.add(1)).toThrow(ad.PoisonedError);
    expect(() => ad.ones([1])).toThrow(/reset\(\)/);
    ad.reset();
    expect(ad.memory().tensors).toBe(0);
    expect(ad.ones([3]).sum().item()).toBe(3);
    expect(() => before.add(1)).toThrow(ad.EscapedValueError);
    expect(
      ad
        .grad((x: Tensor) => x.square().sum())(ad.ones([2]))
        .toArray(),
    ).toEqual([2, 2]);
  });
});
