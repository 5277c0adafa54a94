/** Joining and slicing: gradients of many pieces, and of pieces that overlap, added in place or not. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("joined tensors", () => {
  it("a stack of twenty thousand tensors has its gradient", () => {
    ad.scope(() => {
      const n = 20000;
      const xs = Array.from({ length: n }, (_, i) => f64(i));
      const gradients: Tensor[] = ad.grad((xs: Tensor[]) => ad.stack(xs).square().sum())(xs);
      expect(gradients.map((g) => g.item())).toEqual(Array.from({ length: n }, (_, i) => 2 * i));
    });
  });

  it("pieces of different sizes, some of them constants or twice there", () => {
    ad.scope(() => {
      const [a, b] = [f64([[1, 2]]), f64([[3], [4]])];
      const f = (a: Tensor, b: Tensor) =>
        ad
          .concat([a.T, b, f64([[9]]), b, a.T], 0)
          .reshape([9])
          .mul(f64([1, 2, 3, 4, 5, 6, 7, 8, 9]))
          .sum();
      const [ga, gb] = ad.grad(f, { argnums: [0, 1] })(a, b);
      expect([ga.toArray(), gb.toArray()]).toEqual([[[1 + 8, 2 + 9]], [[3 + 6], [4 + 7]]]);
    });
  });
});

describe("parts of a tensor", () => {
  /** Overlapping parts with steps, an empty one, and the whole. */
  const f = (x: Tensor) =>
    ad
      .stack([
        x.slice([0, 1], [2, 3]).square().sum(),
        x.slice([1, 0], [3, 4], [1, 3]).exp().sum(),
        x.at(2).mul(x.at(0)).sum(),
        x.slice([2, 2], [2, 4]).sum(),
        x.sin().sum(),
        x.at(1, 3).mul(x.T.at(3, 1)),
      ])
      .sum();
  const x = () =>
    f64([
      [0.1, 0.2, 0.3, 0.4],
      [0.5, 0.6, 0.7, 0.8],
      [0.9, 1, 1.1, 1.2],
    ]);

  it("their gradients add up, in every nesting", () => {
    ad.scope(() => {
      ad.gradcheck(f, [x()], { order: 2 });
      const forward = ad.jacfwd(f)(x()).toArray().flat();
      const reverse = ad.grad(f)(x()).toArray().flat();
      reverse.forEach((g: number, i: number) => expect(g).toBeCloseTo(forward[i], 13));
    });
  });

  it("a part used many times leaves the seed, and what else is wanted, as they were", () => {
    ad.scope(() => {
      const w = ad.tensor([1, 2, 3], { dtype: "float64", requiresGrad: true });
      const whole = w.mul(1).retainGrad();
      const seed = f64([1, 1, 1]);
      // The whole gets the seed itself, then the cotangents of its parts.
      const parts = [0, 1, 2, 1].map((i) => whole.at(i));
      whole.add(ad.stack(parts).sum().mul(10)).backward(seed);
      expect([seed.toArray(), whole.grad!.toArray(), w.grad!.toArray()]).toEqual([
        [1, 1, 1],
        [31, 61, 31],
        [31, 61, 31],
      ]);
      w.dispose();
    });
  });

  it("a sequence taken step by step", () => {
    ad.scope(() => {
      const steps = 300;
      const xs = ad
        .arange(steps * 2, { dtype: "float64" })
        .reshape([steps, 2])
        .div(steps);
      const run = (xs: Tensor) => {
        let h = f64([0, 0]);
        for (let t = 0; t < steps; t++) h = h.mul(0.5).add(xs.at(t));
        return h.sum();
      };
      const gradient = ad.grad(run)(xs).toArray() as number[][];
      gradient.forEach((row, t) => row.forEach((g) => expect(g).toBe(0.5 ** (steps - 1 - t))));
    });
  });
});
