/** Losses of distributions: of probabilities, counts and measurements with a variance. Conventions are PyTorch's. */
import { atMost, boolean, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { stopGradient, sub } from "../ops/elementwise.js";
import { readOptions } from "../input/options.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { argument, checkReduction, KNOWN, pair, reduced, REDUCTIONS, weighted, weights, type LossOptions } from "./reduction.js";

/** Options of `bceLoss`. */
export interface BceLossOptions extends LossOptions {
  /** Factor of each element's loss; broadcasts against the input. */
  weight?: TensorLike;
}

/** log p as PyTorch bounds it, -100 at the least; the derivative below is 0. */
const boundedLog = (p: Tensor, one: number, log: (p: Tensor) => Tensor): Tensor => {
  const pole = p.eq(one);
  // The pole is taken out before the logarithm, whose derivative is infinite there.
  return pole.where(-100, log(pole.where(0.5, p)).maximum(-100));
};

/**
 * Binary cross entropy of probabilities p with targets t in [0, 1]: -t log p - (1 - t) log(1 - p), logarithms below -100 counted as -100.
 * `bceWithLogits` is exact where this is not. NaN for p outside of [0, 1]; `ShapeError` for other shapes.
 *
 * @example
 * ad.nn.bceLoss([0.5, 1], [0, 1]); // 0.346574
 */
export function bceLoss(input: TensorLike, target: TensorLike, options?: BceLossOptions): Tensor {
  atMost("bceLoss", arguments, 3);
  const name = "bceLoss";
  const { reduction, weight } = readOptions(name, options, KNOWN.bceLoss);
  const how = checkReduction(name, reduction, REDUCTIONS);
  return inScope(() => {
    const [p, t] = pair(name, input, target);
    const losses = weighted(
      t,
      boundedLog(p, 0, (x) => x.log()),
    )
      .add(
        weighted(
          sub(1, t),
          boundedLog(p, 1, (x) => x.neg().log1p()),
        ),
      )
      .neg();
    return reduced(weight === undefined ? losses : weighted(weights(name, "weight", weight, p), losses), how);
  });
}

/** Options of `poissonNllLoss`. */
export interface PoissonNllOptions extends LossOptions {
  /** The input is the logarithm of the rate; default true. */
  logInput?: boolean;
  /** Add Stirling's approximation of log t! for targets above 1; default false. */
  full?: boolean;
  /** Added to a rate before its logarithm; default 1e-8. */
  eps?: number;
}

/**
 * Negative log likelihood of counts t under Poisson distributions: eˣ - t x of log rates x, or x - t log(x + eps) of rates with
 * `{ logInput: false }`. Without log t! unless `{ full: true }`.
 *
 * @example
 * ad.nn.poissonNllLoss([0], [3]); // 1
 */
export function poissonNllLoss(input: TensorLike, target: TensorLike, options?: PoissonNllOptions): Tensor {
  atMost("poissonNllLoss", arguments, 3);
  const name = "poissonNllLoss";
  const { reduction, logInput = true, full = false, eps = 1e-8 } = readOptions(name, options, KNOWN.poisson);
  const how = checkReduction(name, reduction, REDUCTIONS);
  boolean(name, "logInput", logInput);
  boolean(name, "full", full);
  number(name, "eps", eps);
  return inScope(() => {
    const [x, t] = pair(name, input, target);
    const losses = logInput ? x.exp().sub(t.mul(x)) : x.sub(t.mul(x.add(eps).log()));
    if (!full) return reduced(losses, how);
    const large = t.gt(1);
    const safe = large.where(t, 1);
    const stirling = safe
      .mul(safe.log())
      .sub(safe)
      .add(
        safe
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    return reduced(losses.add(large.where(stirling, 0)), how);
  });
}

/** Options of `gaussianNllLoss`. */
export interface GaussianNllOptions extends LossOptions {
  /** Add the constant log(2π) / 2; default false. */
  full?: boolean;
  /** Variances below it count as it; default 1e-6. */
  eps?: number;
}

/**
 * Negative log likelihood of targets under normal distributions with means `input`: (log v + (input - target)² / v) / 2. The variance v broadcasts
 * against the input. One below eps counts as eps and has the derivative of eps, as in PyTorch.
 *
 * @example
 * ad.nn.gaussianNllLoss([1, 2], [1, 4], [1, 1]); // 1
 */
export function gaussianNllLoss(input: TensorLike, target: TensorLike, variance: TensorLike, options?: GaussianNllOptions): Tensor {
  atMost("gaussianNllLoss", arguments, 4);
  const name = "gaussianNllLoss";
  const { reduction, full = false, eps = 1e-6 } = readOptions(name, options, KNOWN.gaussian);
  const how = checkReduction(name, reduction, REDUCTIONS);
  boolean(name, "full", full);
  if (!(number(name, "eps", eps) > 0)) throw new ValueError(`${name}: eps is ${eps}; expected a number above 0`, name);
  return inScope(() => {
    const [x, t] = pair(name, input, target);
    const given = weights(name, "the variance", argument(name, "the variance", variance, x), x);
    const v = given.add(stopGradient(given.maximum(eps).sub(given)));
    const losses = v.log().add(x.sub(t).square().div(v)).mul(0.5);
    return reduced(full ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, how);
  });
}
