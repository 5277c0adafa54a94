/** Losses: the mean over all elements (examples) unless `reduction` says "sum" or "none". */
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { logSoftmax } from "../ops/reduce.js";

export interface LossOptions {
  reduction?: "mean" | "sum" | "none";
}

function reduced(name: string, losses: Tensor, { reduction = "mean" }: LossOptions): Tensor {
  if (reduction === "mean") return losses.mean();
  if (reduction === "sum") return losses.sum();
  if (reduction === "none") return losses;
  throw new ValueError(`${name}: reduction ${JSON.stringify(reduction)} does not exist; expected "mean", "sum" or "none"`, name);
}

function sameShape(name: string, a: Tensor, b: Tensor): void {
  if (a.shape.join() !== b.shape.join()) {
    throw new ShapeError(`${name}: the input has shape [${a.shape.join(", ")}] and the target [${b.shape.join(", ")}]; they must be equal (reshape one: broadcasting here is usually a mistake)`, name);
  }
}

function labelled(name: string, logits: Tensor, labels: Tensor): void {
  if (logits.ndim !== 2 || labels.ndim !== 1 || labels.shape[0] !== logits.shape[0]) {
    throw new ShapeError(`${name}: scores of shape [${logits.shape.join(", ")}] with labels of shape [${labels.shape.join(", ")}]; expected [N, C] and [N]`, name);
  }
  if (labels.dtype !== "int32") throw new DTypeError(`${name}: labels are class numbers of dtype int32, got ${labels.dtype}; cast them, or give probabilities of shape [N, C]`, name);
}

/** -log p[label] of log probabilities [N, C] and int32 labels [N]. */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  labelled("nllLoss", logProbabilities, labels);
  const picked = logProbabilities.gather(1, labels.unsqueeze(1)).squeeze(1);
  return reduced("nllLoss", picked.neg(), options);
}

/** Cross entropy of logits [N, C] with int32 labels [N], or with probabilities [N, C]. */
export function crossEntropy(logits: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  if (target.dtype === "int32") {
    labelled("crossEntropy", logits, target);
    return nllLoss(logSoftmax(logits, 1), target, options);
  }
  sameShape("crossEntropy", logits, target);
  return reduced("crossEntropy", logSoftmax(logits, 1).mul(target).sum(1).neg(), options);
}

export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  sameShape("mseLoss", input, target);
  return reduced("mseLoss", input.sub(target).square(), options);
}

export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  sameShape("l1Loss", input, target);
  return reduced("l1Loss", input.sub(target).abs(), options);
}

/** d²/2 where |d| <= delta, else delta (|d| - delta/2). */
export function huberLoss(input: Tensor, target: Tensor, { delta = 1, ...options }: LossOptions & { delta?: number } = {}): Tensor {
  sameShape("huberLoss", input, target);
  const d = input.sub(target);
  // clamp(d)·(d - clamp(d)/2): no branch, and the derivative clamp(d) at the bounds.
  const inner = d.clamp(-delta, delta);
  return reduced("huberLoss", inner.mul(d.sub(inner.mul(0.5))), options);
}

/** Binary cross entropy of logits: softplus(z) - z t, stable for any z. */
export function bceWithLogits(logits: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  sameShape("bceWithLogits", logits, target);
  return reduced("bceWithLogits", logits.softplus().sub(logits.mul(target)), options);
}

/**
 * Kullback-Leibler divergence of log probabilities from a target distribution, t (log t - input), 0 where t = 0. "batchmean"
 * divides the sum by the batch size, which is the divergence's own mean; "mean" divides by all elements, as PyTorch.
 */
export function klDiv(input: Tensor, target: Tensor, options: { reduction?: "mean" | "sum" | "none" | "batchmean"; logTarget?: boolean } = {}): Tensor {
  sameShape("klDiv", input, target);
  const losses = options.logTarget ? target.exp().mul(target.sub(input)) : target.xlogy(target).sub(target.mul(input));
  if (options.reduction === "batchmean") return losses.sum().div(input.shape[0] ?? 1);
  return reduced("klDiv", losses, { reduction: options.reduction ?? "mean" });
}

/** a·b / (|a| |b|) along an axis; lengths below eps count as eps. */
export function cosineSimilarity(a: Tensor, b: Tensor, { axis = 1, eps = 1e-8 }: { axis?: number; eps?: number } = {}): Tensor {
  return a.mul(b).sum(axis).div(a.norm(axis).maximum(eps).mul(b.norm(axis).maximum(eps)));
}
