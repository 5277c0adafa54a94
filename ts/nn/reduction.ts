/** What all losses share: reading inputs, the reduction at the end, products that count 0 where a weight is 0. */
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { apply } from "../ops/apply.js";
import { Tensor, type TensorLike } from "../tensor.js";

/** How a loss of many elements becomes one number. */
export type Reduction = "mean" | "sum" | "none";

/** What all losses take. */
export interface LossOptions {
  /** "mean" (default) over all elements or examples, their "sum", or "none" of these: a loss each. */
  reduction?: Reduction;
}

/** float32 or float64. */
export const isFloat = (x: Tensor) => x.dtype === "float32" || x.dtype === "float64";
/** A shape in words. */
export const show = (shape: readonly number[]) => `[${shape.join(", ")}]`;

/** The reduction asked for, looked at before anything is computed. */
export function checkReduction<R extends string>(name: string, given: unknown, known: readonly R[]): R {
  if (given === undefined) return known[0]!;
  if (!known.includes(given as R)) {
    const names = known.map((k) => `"${k}"`);
    throw new ValueError(
      `${name}: reduction ${typeof given === "string" ? JSON.stringify(given) : describe(given)} does not exist; expected ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`,
      name,
    );
  }
  return given as R;
}

/** The reductions that all losses know, the default first. */
export const REDUCTIONS = ["mean", "sum", "none"] as const;

/** `klDiv` knows one more. */
export const KL_REDUCTIONS = [...REDUCTIONS, "batchmean"] as const;

/** The names of the options of each loss, for the function and for its module. */
export const KNOWN = {
  mse: ["reduction"],
  l1: ["reduction"],
  huber: ["reduction", "delta"],
  bce: ["reduction", "weight", "posWeight"],
  klDiv: ["reduction", "logTarget"],
  nll: ["reduction", "weight", "ignoreIndex"],
  crossEntropy: ["reduction", "weight", "ignoreIndex", "labelSmoothing"],
  cosine: ["axis", "eps"],
  smoothL1: ["reduction", "beta"],
  bceLoss: ["reduction", "weight"],
  poisson: ["reduction", "logInput", "full", "eps"],
  gaussian: ["reduction", "full", "eps"],
  margin: ["reduction", "margin"],
  triplet: ["reduction", "margin", "p", "eps", "swap"],
  softMargin: ["reduction"],
  multiLabel: ["reduction", "weight"],
  multiMargin: ["reduction", "margin", "p", "weight"],
} as const;

/** The mean or sum of losses, or each of them. */
export function reduced(losses: Tensor, reduction: Reduction): Tensor {
  return reduction === "mean" ? losses.mean() : reduction === "sum" ? losses.sum() : losses;
}

/** A loss's tensor argument: arrays and numbers become tensors of the float dtype of `like`. */
export function argument(name: string, what: string, value: TensorLike, like?: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  if (
    !Array.isArray(value) &&
    typeof value !== "number" &&
    typeof value !== "boolean" &&
    !(ArrayBuffer.isView(value) && !((value as unknown) instanceof DataView))
  ) {
    throw new ValueError(`${name}: ${what} must be a tensor or an array of numbers, got ${describe(value)}`, name);
  }
  return asTensor(value, like);
}

/** Input and target of one shape; integers and booleans in the target become the input's dtype. */
export function pair(name: string, given: TensorLike, goal: TensorLike): [input: Tensor, target: Tensor] {
  const input = argument(name, "the input", given, goal instanceof Tensor ? goal : undefined);
  const target = argument(name, "the target", goal, input);
  if (input.shape.join() !== target.shape.join()) {
    throw new ShapeError(
      `${name}: the input has shape ${show(input.shape)} and the target ${show(target.shape)}; they must be equal (reshape one: broadcasting here is usually a mistake)`,
      name,
    );
  }
  return [
    isFloat(input) ? input : input.cast(isFloat(target) ? target.dtype : "float32"),
    isFloat(target) ? target : target.cast(isFloat(input) ? input.dtype : "float32"),
  ];
}

/** Weights that broadcast against a loss's input without changing its shape. */
export function weights(name: string, what: string, given: TensorLike, input: Tensor): Tensor {
  const weight = argument(name, what, given, input);
  if (weight.dtype === "bool") throw new DTypeError(`${name}: ${what} is a bool tensor; expected numbers (cast it)`, name);
  const missing = input.ndim - weight.ndim;
  if (missing < 0 || weight.shape.some((d, i) => d !== 1 && d !== input.shape[missing + i])) {
    throw new ShapeError(
      `${name}: ${what} of shape ${show(weight.shape)} does not broadcast against an input of shape ${show(input.shape)}`,
      name,
    );
  }
  return weight;
}

/**
 * weight · x, and 0 where the weight is 0, whatever x is (the convention of x log y at 0): what is not asked for costs nothing, even
 * where it cannot be. The derivative with respect to the weight is x all the same.
 */
export const weighted = (weight: Tensor, x: Tensor): Tensor => apply("mulZeroWins", [weight, x]);
