/** `optimize.leastSquares`: fits of SciPy with covariance, bounds, rank, NaN on the way, refusals. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Fits {
  t: number[];
  y: number[];
  sigma: number[];
  x: number[];
  covariance: number[][];
  weighted: number[];
  weightedCovariance: number[][];
  bounded: { lower: number[]; upper: (number | null)[]; x0: number[]; x: number[]; cost: number }[];
}
const { fits } = JSON.parse(readFileSync(new URL("references/optimize.json", import.meta.url), "utf8")) as { fits: Fits };
const f64 = (v: ad.TensorLike) => ad.tensor(v, { dtype: "float64" });
const { leastSquares } = ad.optimize;
const near = (got: unknown, expected: unknown, relative: number) => {
  const [a, b] = [[got].flat(3) as number[], [expected].flat(3) as number[]];
  expect(a.length).toBe(b.length);
  a.forEach((v, i) => expect(Math.abs(v - b[i]!), `${v} for ${b[i]}`).toBeLessThanOrEqual(relative * Math.abs(b[i]!)));
};
const decay = (p: Tensor) => f64(fits.t).mul(p.at(1)).neg().exp().mul(p.at(0)).add(p.at(2)).sub(f64(fits.y));

describe("a fit", () => {
  it("is that of SciPy's curve_fit, with its covariance, also with weights", () =>
    ad.scope(() => {
      const fit = leastSquares(decay, [1, 1, 0]);
      expect(fit.converged, fit.message).toBe(true);
      near(fit.x.toArray(), fits.x, 1e-8);
      near(fit.covariance.toArray(), fits.covariance, 1e-6);
      near(
        fit.standardErrors.toArray(),
        fits.covariance.map((row, i) => Math.sqrt(row[i]!)),
        1e-6,
      );
      near(fit.residuals.toArray(), decay(fit.x).toArray(), 1e-12);
      near(fit.cost, decay(fit.x).square().sum().item() / 2, 1e-12);
      near(fit.jacobian.toArray(), (ad.jacobian(decay)(fit.x) as Tensor).toArray(), 1e-12);
      const weighted = leastSquares((p) => decay(p).div(f64(fits.sigma)), [1, 1, 0]);
      near(weighted.x.toArray(), fits.weighted, 1e-8);
      near(weighted.covariance.toArray(), fits.weightedCovariance, 1e-6);
    }));

  it("takes trees and residuals of any shape, in float32 as well", () =>
    ad.scope(() => {
      const tree = leastSquares(({ a, rest: [k, c] }) => decay(ad.stack([a, k, c])).reshape([1, -1]), {
        a: 1,
        rest: [ad.tensor(1), ad.tensor(0)],
      } as const);
      expect(tree.residuals.shape).toEqual([1, 17]);
      near([tree.x.a.item(), tree.x.rest[0].item(), tree.x.rest[1].item()], fits.x, 1e-5);
      expect(tree.standardErrors.rest[0].shape).toEqual([]);
      const single = leastSquares((p) => decay(p.cast("float64")).cast("float32"), ad.tensor([1, 1, 0]));
      expect(single.converged, single.message).toBe(true);
      expect(single.x.dtype).toBe("float32");
      near(single.x.toArray(), fits.x, 2e-3);
    }));

  it("ends at once where the residuals are 0, and says so", () =>
    ad.scope(() => {
      expect(leastSquares((x) => x.sub(f64([1, 2])), [1, 2])).toMatchObject({
        cost: 0,
        iterations: 0,
        converged: true,
        message: "all residuals are 0",
      });
      const roots = leastSquares((x) => ad.stack([x.at(0).mul(x.at(1)).sub(6), x.at(0).sub(x.at(1)).sub(1)]), [5, 1]);
      near(roots.x.toArray(), [3, 2], 1e-10);
      // Two equations for two numbers leave nothing to judge errors by.
      expect(roots.covariance.toArray()).toEqual([
        [Infinity, Infinity],
        [Infinity, Infinity],
      ]);
    }));

  it("bears numbers that the data do not determine", () =>
    ad.scope(() => {
      const { x, converged, covariance } = leastSquares(
        (x) =>
          f64([1, 2, 3])
            .mul(x.at(0).add(x.at(1)))
            .sub(f64([2, 4, 6.3])),
        [0, 0, 5],
      );
      expect(converged).toBe(true);
      near(x.at(0).add(x.at(1)).item(), (2 + 8 + 18.9) / 14, 1e-9);
      near(x.at(0).item(), x.at(1).item(), 1e-9);
      expect(x.at(2).item()).toBe(5);
      expect(covariance.at(0, 0).item()).toBe(Infinity);
      // Fewer residuals than numbers: one of the points where they are 0.
      const few = leastSquares((x) => x.sum().sub(6).reshape([1]), [1, 0, 2]);
      near(few.x.sum().item(), 6, 1e-12);
    }));
});

describe("bounds", () => {
  it.each(fits.bounded.map((row, i) => [i, row] as const))("hold as SciPy's do (%i)", (_, { lower, upper, x0, x, cost }) =>
    ad.scope(() => {
      const limits = upper.map((v) => v ?? Infinity);
      const fit = leastSquares(decay, x0, { bounds: [lower, limits] });
      expect(fit.converged, fit.message).toBe(true);
      near(fit.x.toArray(), x, 1e-6);
      near(fit.cost, cost, 1e-9);
      (fit.x.toArray() as number[]).forEach((v, i) => {
        expect(v).toBeGreaterThanOrEqual(lower[i]!);
        expect(v).toBeLessThanOrEqual(limits[i]!);
      });
    }),
  );

  it("are one number for all, or trees", () =>
    ad.scope(() => {
      const fit = leastSquares(
        ({ a, b }) => ad.stack([a.sub(5), b.at(0).add(5), b.at(1).sub(0.5)]),
        { a: 0, b: [0, 0] },
        { bounds: [-1, { a: 2, b: [1, 1] }] },
      );
      expect([fit.x.a.item(), fit.x.b.toArray()]).toEqual([2, [-1, 0.5]]);
      // Never asked outside.
      leastSquares(
        (x) => {
          expect(x.at(0).item()).toBeGreaterThanOrEqual(0.1);
          return x.log().sub(f64([-9, 1]));
        },
        [3, 3],
        { bounds: [0.1, 10] },
      );
    }));
});

it("residuals may be NaN on the way: steps are shorter there", () =>
  ad.scope(() => {
    const fit = leastSquares((x) => x.log().add(1).reshape([1]), 20);
    near(fit.x.item(), Math.exp(-1), 1e-8);
    // A wall at 1, behind which the minimum would be.
    const wall = leastSquares((x) => ad.where(x.gt(1), x, NaN).reshape([1]), 2);
    expect(wall.converged).toBe(false);
    expect(wall.message).toMatch(/NaN or infinite/);
    expect(wall.x.item()).toBeLessThan(1.001);
  }));

it("a callback sees each iteration and may stop; iterations end", () =>
  ad.scope(() => {
    const costs: number[] = [];
    const fit = leastSquares(decay, [1, 1, 0], {
      callback: ({ iteration, x, cost }) => {
        expect(x.shape).toEqual([3]);
        costs.push(cost);
        return iteration < 2;
      },
    });
    expect(fit).toMatchObject({ iterations: 2, converged: false, message: "stopped by the callback" });
    expect(costs[1]).toBeLessThan(costs[0]!);
    expect(leastSquares(decay, [1, 1, 0], { maxIterations: 1 })).toMatchObject({ iterations: 1, converged: false });
    expect(leastSquares(decay, [1, 1, 0], { maxIterations: 0 }).x.toArray()).toEqual([1, 1, 0]);
  }));

describe("refused are", () => {
  it.each<[string, () => unknown, new (...a: never[]) => Error, RegExp]>([
    [
      "another method",
      () => leastSquares(decay, [1, 1, 0], { method: "trf" as never }),
      ad.ValueError,
      /method is the string "trf"; expected "lm"/,
    ],
    [
      "a point outside",
      () => leastSquares(decay, [1, 1, 0], { bounds: [0.5, 2] }),
      ad.ValueError,
      /x0 has 0, outside of its bounds \[0.5, 2\]/,
    ],
    [
      "bounds upside down",
      () => leastSquares(decay, [1, 1, 0], { bounds: [2, -2] }),
      ad.ValueError,
      /lower bound 2 is above the upper bound -2/,
    ],
    [
      "bounds of another form",
      () => leastSquares(decay, [1, 1, 0], { bounds: [[0, 0], 9] }),
      ad.ValueError,
      /lower bound has 2 numbers where x0 has 3/,
    ],
    ["one bound", () => leastSquares(decay, [1, 1, 0], { bounds: 3 as never }), ad.ValueError, /bounds are \[lower, upper\]/],
    ["residuals of NaN", () => leastSquares((x) => x.log().reshape([1]), -1), ad.ValueError, /residuals at x0/],
    [
      "plain arithmetic",
      () => leastSquares(((x: Tensor) => Math.exp(x as never)) as never, 3),
      ad.NotDifferentiableError,
      /plain number after it had used a tensor/,
    ],
    ["no residuals", () => leastSquares(() => f64([]), 1), ad.ValueError, /no residuals/],
    ["integers", () => leastSquares(() => ad.tensor([1], { dtype: "int32" }), 1), ad.DTypeError, /residuals are int32/],
    ["an unknown option", () => leastSquares(decay, [1, 1, 0], { loss: "huber" } as never), ad.ValueError, /unknown option "loss"/],
  ])("%s", (_, f, kind, message) => {
    const before = ad.memory().tensors;
    ad.scope(() => {
      expect(f).toThrow(kind);
      expect(f).toThrow(message);
    });
    expect(ad.memory().tensors).toBe(before);
  });
});
