/** `optimize.minimize`: SciPy's minima by every method, trees and dtypes, NaN on the way, refusals, memory. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface References {
  minima: { name: string; x0: number[]; x: number[]; value: number }[];
  evaluations: Record<"BFGS" | "L-BFGS-B", number>;
}
const references = JSON.parse(readFileSync(new URL("references/optimize.json", import.meta.url), "utf8")) as References;
const f64 = (v: ad.TensorLike) => ad.tensor(v, { dtype: "float64" });
const { minimize } = ad.optimize;

const rosenbrock = (v: Tensor) => {
  const [a, b] = [v.slice([0], [v.size - 1]), v.slice([1], [v.size])];
  return b.sub(a.square()).square().mul(100).add(a.neg().add(1).square()).sum();
};
const himmelblau = (v: Tensor) => {
  const [x, y] = [v.at(0), v.at(1)];
  return x.square().add(y).sub(11).square().add(x.add(y.square()).sub(7).square());
};
const FUNCTIONS: Record<string, (v: Tensor) => Tensor> = {
  rosenbrock,
  rosenbrock6: rosenbrock,
  beale: (v) => {
    const [x, y] = [v.at(0), v.at(1)];
    const term = (c: number, power: number) => x.mul(y.pow(power)).sub(x).add(c).square();
    return term(1.5, 1).add(term(2.25, 2)).add(term(2.625, 3));
  },
  himmelblau,
  himmelblau2: himmelblau,
  quadratic: (v) => {
    const weights = f64(Array.from({ length: 8 }, (_, i) => 10 ** ((6 * i) / 7)));
    const centre = f64(Array.from({ length: 8 }, (_, i) => i - 3));
    return v.sub(centre).square().mul(weights).sum().div(2).add(v.sum().square());
  },
};
const METHODS = ["bfgs", "lbfgs", "newton-cg"] as const;

describe.each(references.minima.map((row) => [row.name, row] as const))("%s", (name, { x0, x, value }) => {
  it.each(METHODS)("is found by %s as by SciPy", (method) =>
    ad.scope(() => {
      const found = minimize(FUNCTIONS[name]!, x0, { method, toleranceGrad: 1e-8 });
      expect(found.converged, found.message).toBe(true);
      (found.x.toArray() as number[]).forEach((v, i) => expect(Math.abs(v - x[i]!)).toBeLessThan(1e-6));
      expect(Math.abs(found.value - value)).toBeLessThan(1e-12 * Math.max(1, value));
      expect(Math.max(...(found.gradient.toArray() as number[]).map(Math.abs))).toBeLessThanOrEqual(1e-8);
      expect(found.evaluations).toBeGreaterThan(found.iterations);
      expect(found.iterations).toBeLessThan(150);
    }),
  );
});

it("takes about as many evaluations as SciPy", () =>
  ad.scope(() => {
    for (const [method, theirs] of [
      ["bfgs", references.evaluations.BFGS],
      ["lbfgs", references.evaluations["L-BFGS-B"]],
    ] as const)
      expect(minimize(rosenbrock, [-1.2, 1], { method }).evaluations).toBeLessThan(1.3 * theirs);
  }));

it("goes straight down where asked, and says when that took too long", () =>
  ad.scope(() => {
    const found = minimize(himmelblau, [0, 0], { method: "gradient-descent" });
    expect(found.converged).toBe(true);
    expect(found.x.at(0).item()).toBeCloseTo(3, 6);
    const slow = minimize(rosenbrock, [-1.2, 1], { method: "gradient-descent", maxIterations: 50 });
    expect([slow.converged, slow.iterations, slow.message]).toEqual([false, 50, "stopped after maxIterations = 50"]);
    expect(slow.value).toBeLessThan(24.2);
  }));

describe("points", () => {
  it("are numbers, tensors, arrays and trees; results have their form", () =>
    ad.scope(() => {
      expect(minimize((x) => x.sub(3).square(), 0).x.item()).toBeCloseTo(3, 6);
      const matrix = minimize(
        (x) =>
          x
            .sub(f64([[1, 2]]))
            .square()
            .sum(),
        [[0, 0]],
      );
      expect(matrix.x.shape).toEqual([1, 2]);
      const { x, gradient } = minimize(
        ({ a, list: [b, c] }) => a.sub(1).square().add(b.sub(2).square().sum()).add(c.add(3).square().sum()),
        {
          a: 0,
          list: [ad.tensor([0, 0]), new Float64Array([9])],
        } as const,
      );
      expect([x.a.shape, x.list[0].dtype, x.list[1].dtype]).toEqual([[], "float32", "float64"]);
      [x.a.item(), ...(x.list[0].toArray() as number[]), x.list[1].at(0).item()].forEach((v, i) =>
        expect(v).toBeCloseTo([1, 2, 2, -3][i]!, 5),
      );
      expect(gradient.list[0].shape).toEqual([2]);
    }));

  it("may be float32, with tolerances that it can reach", () =>
    ad.scope(() => {
      for (const method of METHODS) {
        const found = minimize(rosenbrock, ad.tensor([-1.2, 1]), { method });
        expect(found.converged, found.message).toBe(true);
        expect(found.x.dtype).toBe("float32");
        (found.x.toArray() as number[]).forEach((v) => expect(v).toBeCloseTo(1, 1));
      }
    }));

  it("outlive neither themselves nor the search", () => {
    const before = ad.memory().tensors;
    for (let i = 0; i < 3; i++) ad.scope(() => void minimize(himmelblau, [0, i]));
    expect(ad.memory().tensors).toBe(before);
  });
});

describe("a function", () => {
  it("may be NaN or infinite on the way: steps are shorter there", () =>
    ad.scope(() => {
      for (const method of METHODS) {
        const found = minimize((x) => x.sub(x.log()), 30, { method });
        expect(found.x.item(), found.message).toBeCloseTo(1, 5);
        expect(minimize((x) => x.sqrt().sub(0.01).square(), 4, { method }).x.item()).toBeCloseTo(1e-4, 4);
      }
    }));

  it("without a minimum ends with an honest message", () =>
    ad.scope(() => {
      for (const method of [...METHODS, "gradient-descent"] as const) {
        const found = minimize((x) => x.mul(2), 0, { method, maxIterations: 60 });
        expect(found.converged).toBe(false);
        expect(found.message).toMatch(/maxIterations|no step lowers/);
        expect(found.value).toBeLessThan(-1);
      }
      // A kink at the minimum: the gradient never becomes small.
      const kink = minimize((x) => x.maximum(x.mul(-0.5)).sum().add(1), [1, -0.3]);
      expect(kink.converged).toBe(false);
      expect(kink.message).toMatch(/no step lowers f any more; the largest magnitude in the gradient is /);
      expect(kink.value).toBeCloseTo(1, 6);
    }));

  it("that is a constant, or at its minimum, is left where it is", () =>
    ad.scope(() => {
      expect(minimize(() => 3, [1, 2])).toMatchObject({ value: 3, iterations: 0, evaluations: 1, converged: true });
      expect(minimize((x) => x.square().sum(), [0, 0]).x.toArray()).toEqual([0, 0]);
    }));

  it("that throws throws its own error", () => {
    const own = new Error("mine");
    expect(() =>
      ad.scope(() =>
        minimize(() => {
          throw own;
        }, 1),
      ),
    ).toThrow(own);
  });

  it("may bend down: Newton's method follows the descent", () =>
    ad.scope(() => {
      const found = minimize((x) => x.pow(4).sub(x.square().mul(2)).sum(), [0.1, -0.2], { method: "newton-cg" });
      (found.x.toArray() as number[]).forEach((v, i) => expect(v).toBeCloseTo([1, -1][i]!, 6));
    }));
});

it("a callback sees each iteration and may stop", () =>
  ad.scope(() => {
    const seen: number[] = [];
    const found = minimize(rosenbrock, [-1.2, 1], {
      callback: ({ iteration, x, value, gradientNorm }) => {
        expect(rosenbrock(x).item()).toBe(value);
        expect(gradientNorm).toBeGreaterThan(0);
        seen.push(iteration);
        return iteration < 3;
      },
    });
    expect(seen).toEqual([1, 2, 3]);
    expect(found).toMatchObject({ iterations: 3, converged: false, message: "stopped by the callback" });
  }));

it("a small change may be enough", () =>
  ad.scope(() => {
    const found = minimize(rosenbrock, [-1.2, 1], { toleranceChange: 0.5, toleranceGrad: 0 });
    expect(found.converged).toBe(true);
    expect(found.message).toMatch(/toleranceChange/);
  }));

describe("refused are", () => {
  it.each<[string, () => unknown, new (...a: never[]) => Error, RegExp]>([
    [
      "an unknown method",
      () => minimize(rosenbrock, [1, 1], { method: "powell" as never }),
      ad.ValueError,
      /method is the string "powell"; expected "bfgs", "lbfgs"/,
    ],
    ["an unknown option", () => minimize(rosenbrock, [1, 1], { tol: 1 } as never), ad.ValueError, /unknown option "tol"/],
    ["a tolerance below 0", () => minimize(rosenbrock, [1, 1], { toleranceGrad: -1 }), ad.ValueError, /toleranceGrad is -1/],
    ["no numbers", () => minimize(rosenbrock, [] as never), ad.ValueError, /x0 has no numbers/],
    ["an empty tensor", () => minimize((x) => x.sum(), f64([])), ad.ValueError, /x0 has no numbers/],
    ["NaN to begin with", () => minimize((x) => x.sum(), [NaN]), ad.ValueError, /x0 holds NaN/],
    ["f(x0) of NaN", () => minimize((x) => x.log(), -1), ad.ValueError, /f\(x0\) is NaN/],
    ["a gradient of infinity", () => minimize((x) => x.sqrt(), 0), ad.ValueError, /gradient at x0/],
    ["integers", () => minimize((x) => x.sum(), ad.tensor([1], { dtype: "int32" })), ad.DTypeError, /x0 holds a int32 tensor/],
    ["a string", () => minimize(rosenbrock, "x" as never), ad.ValueError, /x0 is or holds/],
    ["more than one value", () => minimize((x) => x.square(), [1, 2]), ad.ShapeError, /must return a scalar.*\[2\]/],
    ["nothing returned", () => minimize((() => undefined) as never, [1]), ad.ValueError, /return missing/],
    [
      "plain arithmetic",
      () => minimize((x) => Math.exp(x as never), 1),
      ad.NotDifferentiableError,
      /plain number after it had used a tensor/,
    ],
    ["no function", () => minimize(3 as never, [1]), ad.ValueError, /must be a function/],
    [
      "derivatives through the search",
      () => ad.grad((a: Tensor) => minimize((x) => x.sub(a).square(), 0).x)(f64(1)),
      ad.NotDifferentiableError,
      /outside of grad/,
    ],
  ])("%s", (_, f, kind, message) => {
    const before = ad.memory().tensors;
    ad.scope(() => {
      expect(f).toThrow(kind);
      expect(f).toThrow(message);
    });
    expect(ad.memory().tensors).toBe(before);
  });
});
