/** Roots and fixed points of functions of trees, with the derivatives of what they depend on. */
import { atMost, callback, integer, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { stopGradient } from "../ops/elementwise.js";
import { largestOf } from "../optimize/dense.js";
import type { PointOf } from "../optimize/space.js";
import { solve } from "../ops/linalg.js";
import type { Tensor } from "../tensor.js";
import { jacobian } from "../transforms/jacobian.js";
import { inScope } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { guarded, numbersOf, vectorsOf, type Vectors } from "./space.js";

/** Options of `rootSolve` and `fixedPoint`. */
export interface RootOptions {
  /** The largest number of f that counts as 0 (of `fixedPoint`, the largest change); default 1e-10 in float64, 1e-5 in float32. */
  tolerance?: number;
  /** Steps after which to give up; default 100 (of `fixedPoint`, 1000). */
  maxIterations?: number;
}

/** The largest magnitude; NaN where one is. */
const largest = (x: Tensor): number => largestOf(numbersOf(x));

function settings(op: string, options: RootOptions | undefined, most: number, start: Tensor): Required<RootOptions> {
  const { tolerance = start.dtype === "float64" ? 1e-10 : 1e-5, maxIterations = most } = readOptions<RootOptions>(op, options, [
    "tolerance",
    "maxIterations",
  ]);
  if (!(number(op, "tolerance", tolerance) >= 0)) throw new ValueError(`${op}: tolerance is ${tolerance}; expected a number from 0`, op);
  integer(op, "maxIterations", maxIterations, 1);
  return { tolerance, maxIterations };
}

/** x - J⁻¹ f(x) */
const newton = (f: (x: Tensor) => Tensor, x: Tensor): Tensor => x.sub(solve(jacobian(f as never)(x as never) as unknown as Tensor, f(x)));

/**
 * The root with its derivatives: three of Newton's steps from a root that is a constant. They change nothing in the value, and each doubles the order to which what f depends on is
 * followed: the first seven derivatives are those of the implicit function theorem, in every mode.
 */
const followed = (f: (x: Tensor) => Tensor, root: Tensor): Tensor => newton(f, newton(f, newton(f, root)));

/** f as a function of vectors. */
const overVectors = (op: string, f: (x: never) => unknown, vectors: Vectors) => {
  const rule = guarded(op, f as (x: unknown) => unknown);
  return (x: Tensor): Tensor => vectors.ravel(rule(vectors.unravel(x)));
};

/**
 * An x near `x0` with f(x) = 0, by Newton's method with exact Jacobians, in steps that are halved until f gets smaller. `x` is a number, a tensor, or a tree of these, and `f` gives
 * a tree like it. The first seven derivatives with respect to whatever `f` closes over are those of the implicit function theorem; `x0` has none. Plain numbers are float64.
 *
 * Throws `ValueError` when no root is found, or the Jacobian is singular on the way.
 *
 * @example
 * ad.rootSolve((x) => x.square().sub(2), 1); // 1.414214
 * ad.grad((a) => ad.rootSolve((x) => x.square().sub(a), 1))(4); // 0.25
 */
export function rootSolve<const X>(f: (x: PointOf<X>) => unknown, x0: X, options?: RootOptions): PointOf<X> {
  const op = "rootSolve";
  atMost(op, arguments, 3);
  callback(op, "the function whose root is sought", f);
  return inScope(() => {
    const vectors = vectorsOf(op, "x0", x0);
    const { tolerance, maxIterations } = settings(op, options, 100, vectors.start);
    const g = overVectors(op, f as (x: never) => unknown, vectors);
    const root = scope(() =>
      noGrad(() => {
        let x = stopGradient(vectors.start);
        let size = largest(g(x));
        for (let i = 0; size > tolerance || Number.isNaN(size); i++) {
          if (i >= maxIterations)
            throw new ValueError(
              `${op}: after ${maxIterations} steps f is still as large as ${size.toPrecision(3)}; begin nearer to the root, or raise maxIterations`,
              op,
            );
          const next = scope(() => {
            const step = stopGradient(newton(g, x)).sub(x);
            for (let part = 1; part > 1e-10; part /= 2) {
              const to = stopGradient(x.add(step.mul(part)));
              const there = largest(g(to));
              // At rounding nothing gets smaller any more.
              if (there < size || there <= tolerance) return { to, there };
            }
            return null;
          });
          if (next === null)
            throw new ValueError(
              `${op}: f gets no smaller than ${size.toPrecision(3)} from here; begin elsewhere, or raise the tolerance`,
              op,
            );
          [x, size] = [next.to, next.there];
        }
        return x;
      }),
    );
    return vectors.unravel(followed(g, stopGradient(root))) as PointOf<X>;
  });
}

/**
 * The x with f(x) = x that repeating x := f(x) from `x0` leads to. Trees, derivatives and dtypes as of `rootSolve`: the derivative does not go through the repetitions.
 *
 * Throws `ValueError` when it does not settle.
 *
 * @example
 * ad.fixedPoint((x) => x.cos(), 1); // 0.739085
 */
export function fixedPoint<const X>(f: (x: PointOf<X>) => unknown, x0: X, options?: RootOptions): PointOf<X> {
  const op = "fixedPoint";
  atMost(op, arguments, 3);
  callback(op, "the function whose fixed point is sought", f);
  return inScope(() => {
    const vectors = vectorsOf(op, "x0", x0);
    const { tolerance, maxIterations } = settings(op, options, 1000, vectors.start);
    const g = overVectors(op, f as (x: never) => unknown, vectors);
    const point = scope(() =>
      noGrad(() => {
        let x = stopGradient(vectors.start);
        for (let i = 0; ; i++) {
          const next = scope(() => {
            const to = stopGradient(g(x));
            return { to, change: largest(to.sub(x)) };
          });
          x = next.to;
          if (next.change <= tolerance) return x;
          if (i >= maxIterations || Number.isNaN(next.change))
            throw new ValueError(
              `${op}: after ${i + 1} repetitions x still changes by ${next.change.toPrecision(3)}; rootSolve((x) => f(x) - x) finds points that repeating does not lead to`,
              op,
            );
        }
      }),
    );
    return vectors.unravel(followed((x) => g(x).sub(x), stopGradient(point))) as PointOf<X>;
  });
}
