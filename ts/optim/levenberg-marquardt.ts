/** Levenberg and Marquardt's method for the parameters of a model: one iteration per step. */
import { atMost, callback, number } from "../input/arguments.js";
import { substituting } from "../captures.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { isParameter } from "../nn/module.js";
import { slice } from "../ops/shape.js";
import { dot } from "../optimize/dense.js";
import { MarquardtSearch } from "../optimize/levenberg-marquardt.js";
import type { Bounds } from "../optimize/trust.js";
import type { Tensor } from "../tensor.js";
import { jacobian } from "../transforms/jacobian.js";
import { outputTensor } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { optimized, type Parameters } from "./parameters.js";
import { nonNegative } from "./rules.js";
import { numbersOf, putNumbers } from "./vector.js";

/** Options of `LevenbergMarquardt`. */
export interface LevenbergMarquardtOptions {
  /** How far the first step may go, as a part of the parameters in the scale of each (MINPACK's factor); smaller is more damped. Default 100. */
  factor?: number;
  /** The least and the largest value of every parameter. */
  bounds?: readonly [lower: number, upper: number];
  /** Converged when a step changes the sum of squares by less than this part; default 1e-14, 1e-6 for float32. */
  toleranceChange?: number;
  /** Converged when steps are shorter than this part of the parameters; default 1e-10, 1e-5 for float32. */
  toleranceX?: number;
  /** Converged when the cosine between the residuals and each column of the Jacobian is at most this; default 1e-10, 1e-5. */
  toleranceGrad?: number;
}

/** What a step came to. */
export interface MarquardtStep {
  /** Half the sum of squares after it. */
  cost: number;
  /** Whether there is nothing left to gain. */
  converged: boolean;
  /** Why, when it is so, or when no step could be taken. */
  message: string;
}

/** What `stateDict()` gives. */
export interface MarquardtState {
  /** How far a step may go; 0 before the first. */
  radius: number;
  /** The scale of each number; empty before the first step. */
  scale: number[];
}

const OP = "LevenbergMarquardt";

/**
 * Least squares for models with parameters, such as small networks: `step(residuals)` calls the function for the residuals of all data and
 * for their Jacobian by the parameters, and takes one step that lowers the sum of squares (`optimize.leastSquares` has the method). It
 * keeps a Jacobian of residuals × parameters: for thousands of parameters there is `LBFGS`.
 * @example
 * const [a, k] = [ad.tensor(1, { requiresGrad: true }), ad.tensor(1, { requiresGrad: true })];
 * const [t, y] = [ad.tensor([0, 1, 2]), ad.tensor([2, 1, 0.5])];
 * const optimizer = new ad.optim.LevenbergMarquardt([a, k]);
 * for (let i = 0; i < 10; i++) if (optimizer.step(() => t.mul(k).neg().exp().mul(a).sub(y)).converged) break;
 * const found = [a.item(), k.item()]; // [2, 0.693147]
 */
export class LevenbergMarquardt {
  /** The parameters. */
  readonly params: readonly Tensor[];
  private readonly factor: number;
  private readonly tolerances: { change: number; x: number; grad: number };
  private readonly limits: readonly [number, number] | null;
  private radius = 0;
  private scale: Float64Array | null = null;

  constructor(params: Parameters, options?: LevenbergMarquardtOptions) {
    atMost(OP, arguments, 2);
    this.params = Object.freeze(optimized(OP, params, isParameter, new Set()));
    const known = ["factor", "bounds", "toleranceChange", "toleranceX", "toleranceGrad"] as const;
    const { factor = 100, bounds, toleranceChange, toleranceX, toleranceGrad } = readOptions(OP, options, known);
    this.factor = nonNegative(OP, "factor", factor);
    const exact = this.params.every((p) => p.dtype === "float64");
    this.tolerances = {
      change: nonNegative(OP, "toleranceChange", toleranceChange ?? (exact ? 1e-14 : 1e-6)),
      x: nonNegative(OP, "toleranceX", toleranceX ?? (exact ? 1e-10 : 1e-5)),
      grad: nonNegative(OP, "toleranceGrad", toleranceGrad ?? (exact ? 1e-10 : 1e-5)),
    };
    this.limits = bounds === undefined ? null : this.readLimits(bounds);
  }

  private readLimits(bounds: unknown): readonly [number, number] {
    if (!Array.isArray(bounds) || bounds.length !== 2)
      throw new ValueError(`${OP}: bounds are [lower, upper], two numbers, got ${describe(bounds)}`, OP);
    const [lower, upper] = [number(OP, "the lower bound", bounds[0]), number(OP, "the upper bound", bounds[1])];
    if (!(lower <= upper)) throw new ValueError(`${OP}: the lower bound ${lower} is above the upper bound ${upper}`, OP);
    if (numbersOf(this.params).some((v) => !(v >= lower && v <= upper)))
      throw new ValueError(`${OP}: a parameter lies outside of its bounds [${lower}, ${upper}]`, OP);
    return [lower, upper];
  }

  /** One step that lowers the sum of squares of what `residuals` returns, a tensor of any shape. Throws `ValueError` when it is not finite. */
  step(residuals: () => Tensor): MarquardtStep {
    atMost(`${OP}.step`, arguments, 1);
    callback(OP, "the closure of step, which returns the residuals,", residuals);
    const { params } = this;
    const dtype = params.some((p) => p.dtype === "float64") ? "float64" : "float32";
    const of = (vector: Tensor): Tensor =>
      scope(() => {
        let offset = 0;
        const values = new Map<Tensor, Tensor>();
        for (const p of params) {
          const piece = slice(vector, [offset], [(offset += p.size)]).reshape([...p.shape]);
          values.set(p, piece.cast(p.dtype));
        }
        return outputTensor(
          OP,
          scope(() => substituting(values, residuals)),
          [vector],
        ).reshape([-1]);
      });
    const numbers = (f: (v: Tensor) => Tensor, x: Float64Array) =>
      scope(() => noGrad(() => Float64Array.from(f(tensor(x, { dtype })).data())));
    const size = params.reduce((sum, p) => sum + p.size, 0);
    const bounds: Bounds | null = this.limits && {
      lower: new Float64Array(size).fill(this.limits[0]),
      upper: new Float64Array(size).fill(this.limits[1]),
    };
    const problem = {
      residuals: (x: Float64Array) => numbers(of, x),
      jacobian: (x: Float64Array) => numbers((v) => jacobian(of)(v) as Tensor, x),
    };
    const search = new MarquardtSearch(problem, numbersOf(params), bounds, this.tolerances, this.factor);
    [search.radius, search.scale] = [this.radius, this.scale];
    if (!search.look()) throw new ValueError(`${OP}: the residuals, or their derivatives, hold NaN or an infinity`, OP);
    const ending = search.iterate();
    [this.radius, this.scale] = [search.radius, search.scale];
    if (search.iterations > 0) putNumbers(params, search.x);
    const cost = dot(search.residuals, search.residuals) / 2;
    return { cost, converged: false, message: "", ...ending };
  }

  /** What the next step depends on, apart from the parameters: plain numbers. */
  stateDict(): MarquardtState {
    atMost(`${OP}.stateDict`, arguments, 0);
    return { radius: this.radius, scale: [...(this.scale ?? [])] };
  }

  /** Goes on where `stateDict()` was taken. */
  loadStateDict(saved: MarquardtState): void {
    atMost(`${OP}.loadStateDict`, arguments, 1);
    const op = `${OP}.loadStateDict`;
    const { radius, scale } = readOptions(op, saved, ["radius", "scale"]);
    const size = this.params.reduce((sum, p) => sum + p.size, 0);
    const numbers = Array.isArray(scale) ? scale.map((s) => nonNegative(op, "a scale", s)) : null;
    if (numbers === null || (numbers.length !== 0 && numbers.length !== size))
      throw new ValueError(`${op}: scale must be ${size} numbers, or none, got ${describe(scale)}`, op);
    this.radius = nonNegative(op, "radius", radius);
    this.scale = numbers.length === 0 ? null : Float64Array.from(numbers);
  }
}
