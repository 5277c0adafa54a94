/** Losses of numbers and probabilities: the mean over all elements unless `reduction` says "sum" or "none". Arrays are accepted for tensors. */
import { atMost, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { sub } from "../ops/elementwise.js";
import { readOptions } from "../input/options.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor, TensorLike } from "../tensor.js";
import {
  argument,
  checkReduction,
  KL_REDUCTIONS,
  KNOWN,
  pair,
  reduced,
  REDUCTIONS,
  weighted,
  weights,
  type LossOptions,
  type Reduction,
} from "./reduction.js";

export type { LossOptions } from "./reduction.js";

/** A loss of input and target of one shape, element by element. */
function elementwise(
  name: string,
  input: TensorLike,
  target: TensorLike,
  reduction: Reduction | undefined,
  losses: (input: Tensor, target: Tensor) => Tensor,
): Tensor {
  const how = checkReduction(name, reduction, REDUCTIONS);
  return inScope(() => reduced(losses(...pair(name, input, target)), how));
}

/** Squared error (input - target)². Input and target have one shape, else `ShapeError`. */
export function mseLoss(input: TensorLike, target: TensorLike, options?: LossOptions): Tensor {
  atMost("mseLoss", arguments, 3);
  const { reduction } = readOptions("mseLoss", options, KNOWN.mse);
  return elementwise("mseLoss", input, target, reduction, (x, t) => x.sub(t).square());
}

/** Absolute error |input - target|. Input and target have one shape, else `ShapeError`. */
export function l1Loss(input: TensorLike, target: TensorLike, options?: LossOptions): Tensor {
  atMost("l1Loss", arguments, 3);
  const { reduction } = readOptions("l1Loss", options, KNOWN.l1);
  return elementwise("l1Loss", input, target, reduction, (x, t) => x.sub(t).abs());
}

/** Options of `huberLoss`. */
export interface HuberOptions extends LossOptions {
  /** Where the square turns into a line; above 0, default 1. */
  delta?: number;
}

/** d²/2 where |d| <= delta, else delta (|d| - delta/2), with d = input - target. */
export function huberLoss(input: TensorLike, target: TensorLike, options?: HuberOptions): Tensor {
  atMost("huberLoss", arguments, 3);
  const { reduction, delta = 1 } = readOptions("huberLoss", options, KNOWN.huber);
  if (!(number("huberLoss", "delta", delta) > 0))
    throw new ValueError(`huberLoss: delta is ${delta}; expected a number above 0`, "huberLoss");
  return elementwise("huberLoss", input, target, reduction, (x, t) => {
    const d = x.sub(t);
    // clamp(d)·(d - clamp(d)/2): no branch, and the derivative clamp(d) at the bounds.
    const inner = d.clamp(-delta, delta);
    return inner.mul(d.sub(inner.mul(0.5)));
  });
}

/** Options of `smoothL1Loss`. */
export interface SmoothL1Options extends LossOptions {
  /** Where the square turns into a line; from 0 (which is `l1Loss`), default 1. */
  beta?: number;
}

/**
 * d²/(2 beta) where |d| < beta, else |d| - beta/2, with d = input - target: `huberLoss` divided by beta.
 *
 * @example
 * ad.nn.smoothL1Loss([0.5, 3], [0, 0], { reduction: "none" }); // [0.125, 2.5]
 */
export function smoothL1Loss(input: TensorLike, target: TensorLike, options?: SmoothL1Options): Tensor {
  atMost("smoothL1Loss", arguments, 3);
  const { reduction, beta = 1 } = readOptions("smoothL1Loss", options, KNOWN.smoothL1);
  if (!(number("smoothL1Loss", "beta", beta) >= 0))
    throw new ValueError(`smoothL1Loss: beta is ${beta}; expected a number from 0`, "smoothL1Loss");
  return elementwise("smoothL1Loss", input, target, reduction, (x, t) => {
    const d = x.sub(t);
    if (beta === 0) return d.abs();
    const inner = d.clamp(-beta, beta);
    return inner.mul(d.sub(inner.mul(0.5))).div(beta);
  });
}

/** Options of `bceWithLogits`. */
export interface BceOptions extends LossOptions {
  /** Factor of each element's loss; broadcasts against the input. */
  weight?: TensorLike;
  /** Factor of the positive part, (negatives / positives) to balance classes; broadcasts against the input. */
  posWeight?: TensorLike;
}

/**
 * Binary cross entropy of logits z with targets t in [0, 1]: (1 - t) softplus(z) - posWeight t log σ(z), exact for any z: neither
 * part cancels, and one that the target leaves out counts 0 even where it is infinite.
 */
export function bceWithLogits(logits: TensorLike, target: TensorLike, options?: BceOptions): Tensor {
  atMost("bceWithLogits", arguments, 3);
  const name = "bceWithLogits";
  const { reduction, weight, posWeight } = readOptions(name, options, KNOWN.bce);
  return elementwise(name, logits, target, reduction, (z, t) => {
    const positive = posWeight === undefined ? t : t.mul(weights(name, "posWeight", posWeight, z));
    const losses = weighted(sub(1, t), z.softplus()).sub(weighted(positive, z.logSigmoid()));
    return weight === undefined ? losses : weighted(weights(name, "weight", weight, z), losses);
  });
}

/** Options of `klDiv`. */
export interface KlDivOptions {
  /** As for the other losses; "batchmean" divides the sum by the batch size. */
  reduction?: Reduction | "batchmean";
  /** The target holds log probabilities too. */
  logTarget?: boolean;
}

/**
 * Kullback-Leibler divergence of log probabilities from a target distribution, t (log t - input), 0 where t = 0. "batchmean"
 * divides the sum by the batch size, which is the divergence's own mean; "mean" divides by all elements, as PyTorch.
 */
export function klDiv(input: TensorLike, target: TensorLike, options?: KlDivOptions): Tensor {
  atMost("klDiv", arguments, 3);
  const { reduction, logTarget = false } = readOptions("klDiv", options, KNOWN.klDiv);
  const how = checkReduction("klDiv", reduction, KL_REDUCTIONS);
  return inScope(() => {
    const [x, t] = pair("klDiv", input, target);
    let losses: Tensor;
    if (logTarget) {
      const p = t.exp();
      losses = p.mul(p.eq(0).where(0, t.sub(x)));
    } else {
      losses = t.xlogy(t).sub(weighted(t, x));
    }
    return how === "batchmean" ? losses.sum().div(x.shape[0] ?? 1) : reduced(losses, how);
  });
}

/** Options of `cosineSimilarity`. */
export interface CosineSimilarityOptions {
  /** The axis of the vectors; default 1. */
  axis?: number;
  /** Lengths below it count as it; default 1e-8. */
  eps?: number;
}

/** a·b / (|a| |b|) along an axis; lengths below eps count as eps. */
export function cosineSimilarity(a: TensorLike, b: TensorLike, options?: CosineSimilarityOptions): Tensor {
  atMost("cosineSimilarity", arguments, 3);
  const { axis = 1, eps = 1e-8 } = readOptions("cosineSimilarity", options, KNOWN.cosine);
  if (!(number("cosineSimilarity", "eps", eps) >= 0))
    throw new ValueError(`cosineSimilarity: eps is ${eps}; expected a number from 0`, "cosineSimilarity");
  return inScope(() => {
    const x = argument("cosineSimilarity", "the first input", a);
    const y = argument("cosineSimilarity", "the second input", b, x);
    // Each to length 1 first: the product of two lengths would overflow where the cosine does not.
    const unit = (v: Tensor) => v.div(v.norm(axis, { keepdims: true }).maximum(eps));
    return unit(x).mul(unit(y)).sum(axis);
  });
}
