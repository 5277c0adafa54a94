/** vmap. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("vmap", () => {
  it("maps trees, axes and nested maps", () => {
    clean(() => {
      const xs = f64([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(
        ad
          .vmap((x: Tensor) => x.sum())(xs)
          .toArray(),
      ).toEqual([6, 15]);
      expect(
        ad
          .vmap((x: Tensor) => x.sum(), { inAxes: 1 })(xs)
          .toArray(),
      ).toEqual([5, 7, 9]);
      expect(ad.vmap((x: Tensor) => x.mul(2), { outAxes: 1 })(xs).shape).toEqual([3, 2]);
      expect(
        ad
          .vmap(ad.vmap((x: Tensor) => x.square()))(xs)
          .toArray(),
      ).toEqual([
        [1, 4, 9],
        [16, 25, 36],
      ]);
      const { a, b } = ad.vmap((p: { x: Tensor }, w: Tensor) => ({ a: p.x.mul(w).sum(), b: w }), { inAxes: [0, null] })(
        { x: xs },
        f64([1, 0, 1]),
      );
      expect(a.toArray()).toEqual([4, 10]);
      expect(b.shape).toEqual([2, 3]);
      // Outer product by two maps.
      const outer = ad.vmap((x: Tensor) => ad.vmap((y: Tensor) => x.mul(y))(f64([1, 2])))(f64([3, 4, 5]));
      expect(outer.toArray()).toEqual([
        [3, 6],
        [4, 8],
        [5, 10],
      ]);
    });
  });

  it("gives per-example gradients", () => {
    clean(() => {
      const loss = (w: Tensor, x: Tensor) => w.mul(x).tanh().sum();
      const [w, xs] = [
        f64([0.3, -0.2]),
        f64([
          [1, 2],
          [3, 4],
          [-1, 0.5],
        ]),
      ];
      const mapped = ad
        .vmap(ad.grad(loss), { inAxes: [null, 0] })(w, xs)
        .toArray();
      const looped = [0, 1, 2].map((i) => ad.grad(loss)(w, xs.at(i)).toArray());
      expect(mapped).toEqual(looped);
      const gradOfMap = ad
        .grad((v: Tensor) =>
          ad
            .vmap(loss, { inAxes: [null, 0] })(v, xs)
            .sum(),
        )(w)
        .toArray() as number[];
      gradOfMap.forEach((v, i) => expect(v).toBeCloseTo(looped[0]![i] + looped[1]![i] + looped[2]![i], 13));
    });
  });

  it("draws by split keys, one per example", () => {
    clean(() => {
      const keys = ad.random.split(ad.random.key(3), 4);
      const mapped = ad
        .vmap((k: Tensor) => ad.random.normal(k, [2]))(keys)
        .toArray();
      expect(mapped).toEqual([0, 1, 2, 3].map((i) => ad.random.normal(keys.at(i), [2]).toArray()));
    });
  });

  it("refuses reading values and axes that disagree", () => {
    const xs = f64([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(() => ad.vmap((x: Tensor) => (x.sum().item() > 0 ? x : x.neg()))(xs)).toThrow(ad.TracedValueError);
    expect(() => ad.vmap((x: Tensor, y: Tensor) => x.add(y))(xs, f64([1, 2]))).toThrow(/batch axes of different sizes/);
    expect(() => ad.vmap((x: Tensor) => x, { inAxes: 5 })(xs)).toThrow(ad.IndexError);
    expect(() => ad.vmap((x: Tensor) => x, { inAxes: null })(xs)).toThrow(/no argument is mapped/);
    xs.dispose();
  });
});
