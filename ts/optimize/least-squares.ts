/** `optimize.leastSquares`: the parameters of a model from data, and how well they are known. */
import { atMost, callback, integer } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { nonNegative } from "../optim/rules.js";
import type { Tensor } from "../tensor.js";
import { jacobian } from "../transforms/jacobian.js";
import { arithmeticGuard, outputTensor } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { dot } from "./dense.js";
import { MarquardtSearch } from "./levenberg-marquardt.js";
import { spaceOf, type PointOf, type Space, type Start } from "./space.js";
import { inverseNormal, type Bounds } from "./trust.js";

/** What the callback is told. */
export interface LeastSquaresProgress<P = unknown> {
  /** Iterations so far. */
  iteration: number;
  /** The point, valid while the callback runs. */
  x: P;
  /** Half the sum of squares there. */
  cost: number;
}

/** Options of `leastSquares`. */
export interface LeastSquaresOptions<P = unknown> {
  /** "lm": Levenberg and Marquardt. */
  method?: "lm";
  /** The least and the largest of each number: one number for all, or trees like x0. */
  bounds?: readonly [lower: Start, upper: Start];
  /** Converged when a step changes the sum of squares by less than this part of it; default 1e-14, 1e-6 for float32. */
  toleranceChange?: number;
  /** Converged when steps are shorter than this part of x; default 1e-10, 1e-5 for float32. */
  toleranceX?: number;
  /** Converged when the cosine of the angle between the residuals and each column of the Jacobian is at most this; default 1e-10, 1e-5. */
  toleranceGrad?: number;
  /** Default 1000. */
  maxIterations?: number;
  /** Called after each iteration; stops the search by returning false. */
  callback?: (progress: LeastSquaresProgress<P>) => unknown;
}

/** What `leastSquares` returns. */
export interface LeastSquaresResult<P = unknown> {
  /** The best point, a tree like x0 of tensors. */
  x: P;
  /** Half the sum of squares there. */
  cost: number;
  /** The residuals there, of the shape that r gave them. */
  residuals: Tensor;
  /** Their Jacobian, float64 [residuals, numbers of x in order]. */
  jacobian: Tensor;
  /**
   * float64 [n, n]: s² (JᵀJ)⁻¹ with s² = Σ r² / (m - n), the covariance of x when the residuals are errors of equal variance. Infinite where
   * the data do not determine x: with m ≤ n, or a Jacobian of lower rank.
   */
  covariance: Tensor;
  /** The roots of its diagonal, a tree like x. */
  standardErrors: P;
  /** How many steps were taken. */
  iterations: number;
  /** How often the residuals were computed. */
  evaluations: number;
  /** Whether a tolerance was reached. */
  converged: boolean;
  /** Why it ended. */
  message: string;
}

const OP = "optimize.leastSquares";
const KNOWN = ["method", "bounds", "toleranceChange", "toleranceX", "toleranceGrad", "maxIterations", "callback"] as const;

/** r as a function of the vector, giving a vector; notes the shape it had. */
function overVector(r: (x: never) => unknown, space: Space, note: (shape: readonly number[]) => void) {
  return (vector: Tensor): Tensor => {
    const guard = arithmeticGuard(OP);
    const given = r(space.unravel(vector) as never);
    guard(given);
    const out = outputTensor(OP, given, [vector]);
    if (out.dtype !== "float32" && out.dtype !== "float64")
      throw new DTypeError(`${OP}: the residuals are ${out.dtype}; expected float32 or float64`, OP);
    if (out.size === 0) throw new ValueError(`${OP}: there are no residuals: shape [${out.shape.join(", ")}]`, OP);
    note(out.shape);
    return out.reshape([-1]);
  };
}

/** Reads and checks bounds; x0 lies within. */
function readBounds(space: Space, given: unknown): Bounds | null {
  if (given === undefined) return null;
  if (!Array.isArray(given) || given.length !== 2)
    throw new ValueError(`${OP}: bounds are [lower, upper], each a number or a tree like x0, got ${describe(given)}`, OP);
  const [lower, upper] = [space.numbers(OP, "the lower bound", given[0]), space.numbers(OP, "the upper bound", given[1])];
  space.start.forEach((x, i) => {
    if (!(lower[i]! <= upper[i]!)) throw new ValueError(`${OP}: the lower bound ${lower[i]} is above the upper bound ${upper[i]}`, OP);
    if (!(x >= lower[i]! && x <= upper[i]!))
      throw new ValueError(`${OP}: x0 has ${x}, outside of its bounds [${lower[i]}, ${upper[i]}]`, OP);
  });
  return { lower, upper };
}

/**
 * The point where the sum of squares of `r` is least, near `x0`: Levenberg and Marquardt's method with MINPACK's scaling and trust region
 * (Moré 1978) and exact Jacobians. `r` takes a tree like `x0` (a number or an array of numbers becomes a float64 tensor) and returns
 * residuals of any shape, such as model minus data over sigma. Where `r` is NaN or infinite on the way, shorter steps are taken.
 *
 * Throws `ValueError` when `x0` is empty, outside of its bounds, or r(x0) is not finite.
 * @example
 * const [t, y] = [ad.tensor([0, 1, 2, 3], { dtype: "float64" }), ad.tensor([2.1, 1.2, 0.8, 0.4], { dtype: "float64" })];
 * const fit = ad.optimize.leastSquares(({ a, k }) => t.mul(k).neg().exp().mul(a).sub(y), { a: 1, k: 1 });
 * const [rate, error] = [fit.x.k.item(), fit.standardErrors.k.item()]; // 0.523097, 0.030394
 */
export function leastSquares<const X>(
  r: (x: PointOf<X>) => Tensor,
  x0: X,
  options?: LeastSquaresOptions<PointOf<X>>,
): LeastSquaresResult<PointOf<X>> {
  atMost(OP, arguments, 3);
  callback(OP, "the function that gives the residuals", r);
  const given = readOptions(OP, options, KNOWN);
  if (given.method !== undefined && given.method !== "lm")
    throw new ValueError(`${OP}: method is ${describe(given.method)}; expected "lm"`, OP);
  const space = spaceOf(OP, x0);
  const exact = space.dtype === "float64";
  const tolerances = {
    change: nonNegative(OP, "toleranceChange", given.toleranceChange ?? (exact ? 1e-14 : 1e-6)),
    x: nonNegative(OP, "toleranceX", given.toleranceX ?? (exact ? 1e-10 : 1e-5)),
    grad: nonNegative(OP, "toleranceGrad", given.toleranceGrad ?? (exact ? 1e-10 : 1e-5)),
  };
  const most = integer(OP, "maxIterations", given.maxIterations ?? 1000, 0);
  const tell = given.callback === undefined ? null : callback(OP, "callback", given.callback);
  const bounds = readBounds(space, given.bounds);

  let shape: readonly number[] = [];
  const of = overVector(r as never, space, (found) => (shape = found));
  const numbers = (f: (v: Tensor) => Tensor, x: Float64Array) =>
    scope(() => noGrad(() => Float64Array.from(f(tensor(x, { dtype: space.dtype })).data())));
  const search = new MarquardtSearch(
    { residuals: (x) => numbers(of, x), jacobian: (x) => numbers((v) => jacobian(of)(v) as Tensor, x) },
    space.start,
    bounds,
    tolerances,
  );
  if (!search.look())
    throw new ValueError(`${OP}: the residuals at x0, or their derivatives, hold NaN or an infinity; begin where they are finite`, OP);

  const cost = () => dot(search.residuals, search.residuals) / 2;
  let ending = { converged: false, message: `stopped after maxIterations = ${most}` };
  while (search.iterations < most) {
    const before = search.iterations;
    const found = search.iterate();
    if (tell !== null && search.iterations > before) {
      const goesOn = scope(() => tell({ iteration: search.iterations, x: space.tree(search.x) as PointOf<X>, cost: cost() }));
      if (goesOn === false) {
        ending = { converged: false, message: "stopped by the callback" };
        break;
      }
    }
    if (found !== null) {
      ending = found;
      break;
    }
  }

  const { x, residuals, jacobian: J, iterations, evaluations } = search;
  const [m, n] = [residuals.length, x.length];
  const variance = m > n ? (2 * cost()) / (m - n) : Infinity;
  const covariance = inverseNormal(J, m, n).map((v) => (variance === Infinity ? Infinity : v * variance));
  return {
    x: space.tree(x) as PointOf<X>,
    cost: cost(),
    residuals: tensor(residuals, { dtype: space.dtype, shape: [...shape] }),
    jacobian: tensor(J, { dtype: "float64", shape: [m, n] }),
    covariance: tensor(covariance, { dtype: "float64", shape: [n, n] }),
    standardErrors: space.tree(Float64Array.from({ length: n }, (_, i) => Math.sqrt(covariance[i * n + i]!))) as PointOf<X>,
    iterations,
    evaluations,
    ...ending,
  };
}
