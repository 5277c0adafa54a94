/** Losses of class scores, with labels (class numbers) or probabilities as the target. Conventions are PyTorch's. */
import { atMost, integer, number } from "../input/arguments.js";
import { DTypeError, IndexError, ShapeError, TracedValueError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { sub, where } from "../ops/elementwise.js";
import { logSoftmax } from "../ops/reduce.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor, TensorLike } from "../tensor.js";
import {
  argument,
  checkReduction,
  isFloat,
  KNOWN,
  reduced,
  REDUCTIONS,
  show,
  weighted,
  type LossOptions,
  type Reduction,
} from "./reduction.js";

/** Options of `nllLoss`. */
export interface NllLossOptions extends LossOptions {
  /** A factor for each class, shape [C]. The mean divides by the weights of the labels that were there. */
  weight?: TensorLike;
  /** The label that says "none": such examples have loss and gradient 0 and leave the mean (which is NaN when none is left). Default -100. */
  ignoreIndex?: number;
}

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends NllLossOptions {
  /** Part s of the probability spread evenly over all classes, from 0 to 1: (1 - s) of the target's own plus s / C each. */
  labelSmoothing?: number;
}

/** Labels made ready for `gather`: class numbers, 0 where ignored. */
interface Labels {
  index: Tensor;
  /** null when none is. */
  ignored: Tensor | null;
}

/** The numbers of a tensor, where there is one for each element: not inside vmap. */
function readable(labels: Tensor): ArrayLike<number> | null {
  try {
    return labels.data();
  } catch (error) {
    if (error instanceof TracedValueError) return null;
    throw error;
  }
}

/** Checks labels and finds the ignored ones: by reading, which costs less than ops, or by ops, which work under every transform. */
export function classNumbers(name: string, labels: Tensor, classes: number, ignoreIndex: number): Labels {
  const numbers = readable(labels);
  if (numbers !== null) {
    let ignores = false;
    for (let i = 0; i < numbers.length; i++) {
      const label = numbers[i]!;
      if (label === ignoreIndex) ignores = true;
      else if (!(Number.isInteger(label) && label >= 0 && label < classes)) throw noClass(name, classes, label, i);
    }
    const whole = labels.dtype === "int32" ? labels : labels.cast("int32");
    if (!ignores) return { index: whole, ignored: null };
    const ignored = whole.eq(ignoreIndex);
    return { index: where(ignored, 0, whole), ignored };
  }
  // What is no class, fractions and NaN among it, becomes an index that gather refuses; negative ones would count from the end there.
  const whole = isFloat(labels) ? where(labels.eq(labels.floor()), labels, classes).cast("int32") : labels;
  const ignored = whole.eq(ignoreIndex);
  return { index: where(ignored, 0, where(whole.lt(0), classes, whole)), ignored };
}

function noClass(name: string, classes: number, label?: number, position?: number): IndexError {
  const which = label === undefined ? "a label" : `label ${label} (at position ${position})`;
  const cure =
    label !== undefined && label < 0 && Number.isInteger(label) ? `; { ignoreIndex: ${label} } leaves examples with such a label out` : "";
  return new IndexError(
    `${name}: ${which} is no class; the scores have ${classes} classes, so labels are whole numbers from 0 to ${classes - 1}${cure}`,
    name,
  );
}

/** The factors of the classes, [C]; null without. */
export function classWeights(name: string, given: TensorLike | undefined, scores: Tensor, classes: number): Tensor | null {
  if (given === undefined) return null;
  const weight = argument(name, "weight", given, scores);
  if (weight.ndim !== 1 || weight.shape[0] !== classes) {
    throw new ShapeError(
      `${name}: weight has shape ${show(weight.shape)}; expected [${classes}], a factor for each class of scores ${show(scores.shape)}`,
      name,
    );
  }
  return weight;
}

interface Setting {
  axis: number;
  classes: number;
  weight: Tensor | null;
  smoothing: number;
  reduction: Reduction;
}

/** Class weights in the place of the class axis. */
const along = (weight: Tensor, scores: Tensor, axis: number) => weight.reshape(scores.shape.map((_, i) => (i === axis ? -1 : 1)));

/** Of log probabilities and labels: -w[y] log p[y], with smoothing s: (1 - s) of it plus s/C Σ_c -w[c] log p[c]. */
function labelLoss(
  name: string,
  logs: Tensor,
  labels: Tensor,
  ignoreIndex: number,
  { axis, classes, weight, smoothing, reduction }: Setting,
): Tensor {
  const { index, ignored } = classNumbers(name, labels, classes, ignoreIndex);
  let losses: Tensor;
  try {
    losses = logs.gather(axis, index.unsqueeze(axis)).squeeze(axis).neg();
  } catch (error) {
    throw error instanceof IndexError ? noClass(name, classes) : error;
  }
  const shares = weight === null ? null : weight.take(index, 0);
  if (shares !== null) losses = weighted(shares, losses);
  if (smoothing > 0) {
    const each = weight === null ? logs : weighted(along(weight, logs, axis), logs);
    losses = losses.mul(1 - smoothing).sub(each.sum(axis).mul(smoothing / classes));
  }
  if (ignored !== null) losses = where(ignored, 0, losses);
  if (reduction !== "mean" || (ignored === null && shares === null)) return reduced(losses, reduction);
  const kept = shares === null ? sub(labels.size, ignored!.sum()) : (ignored === null ? shares : where(ignored, 0, shares)).sum();
  return losses.sum().div(kept);
}

/** Of log probabilities and target probabilities: -Σ_c w[c] t[c] log p[c]; the mean is over examples. */
function probabilityLoss(logs: Tensor, target: Tensor, { axis, classes, weight, smoothing, reduction }: Setting): Tensor {
  const t = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / classes) : target;
  const terms = weighted(t, logs);
  return reduced((weight === null ? terms : weighted(along(weight, logs, axis), terms)).sum(axis).neg(), reduction);
}

/** The class axis: 1 of [N, C, ...], 0 of [C]. */
export function classAxis(name: string, scores: Tensor): number {
  if (scores.ndim === 0) throw new ShapeError(`${name}: the scores are 0-d; expected [C], [N, C] or [N, C, d1, ...] with C classes`, name);
  return scores.ndim === 1 ? 0 : 1;
}

/** Labels have the shape of the scores without the class axis. */
export function checkLabels(name: string, scores: Tensor, labels: Tensor, axis: number, otherwise: string): void {
  const expected = scores.shape.filter((_, i) => i !== axis);
  if (labels.shape.join() === expected.join() && labels.ndim === expected.length) {
    if (labels.dtype === "bool")
      throw new DTypeError(`${name}: the labels are bool; class numbers are int32 (or whole floats): cast(labels, "int32")`, name);
    return;
  }
  const cure = labels.ndim === scores.ndim && labels.shape[axis] === 1 ? `; squeeze(${axis}) the labels` : "";
  throw new ShapeError(
    `${name}: scores of shape ${show(scores.shape)} with a target of shape ${show(labels.shape)}; expected class numbers of shape ${show(expected)}${otherwise}${cure}`,
    name,
  );
}

/**
 * -log p[label] of log probabilities [N, C] (or [C], or [N, C, d1, ...]) and labels [N] (or [], or [N, d1, ...]): int32, or floats
 * that are whole numbers. Throws `IndexError` for a label that is no class, negative ones included, and `ShapeError`.
 */
export function nllLoss(logProbabilities: TensorLike, labels: TensorLike, options?: NllLossOptions): Tensor {
  atMost("nllLoss", arguments, 3);
  const name = "nllLoss";
  const { reduction, weight, ignoreIndex = -100 } = readOptions(name, options, KNOWN.nll);
  const how = checkReduction(name, reduction, REDUCTIONS);
  integer(name, "ignoreIndex", ignoreIndex);
  return inScope(() => {
    const logs = argument(name, "the log probabilities", logProbabilities);
    const target = argument(name, "the labels", labels);
    const axis = classAxis(name, logs);
    checkLabels(name, logs, target, axis, "");
    const classes = logs.shape[axis]!;
    return labelLoss(name, logs, target, ignoreIndex, {
      axis,
      classes,
      weight: classWeights(name, weight, logs, classes),
      smoothing: 0,
      reduction: how,
    });
  });
}

/**
 * Cross entropy of logits [N, C] (or [C], or [N, C, d1, ...]) with labels [N] (or [], or [N, d1, ...]), or with probabilities of the
 * logits' own shape. Labels are int32, or floats that are whole numbers. Throws `IndexError` for a label that is no class, negative
 * ones included, and `ShapeError`.
 */
export function crossEntropy(logits: TensorLike, target: TensorLike, options?: CrossEntropyOptions): Tensor {
  atMost("crossEntropy", arguments, 3);
  const name = "crossEntropy";
  const { reduction, weight, ignoreIndex, labelSmoothing = 0 } = readOptions(name, options, KNOWN.crossEntropy);
  const how = checkReduction(name, reduction, REDUCTIONS);
  if (ignoreIndex !== undefined) integer(name, "ignoreIndex", ignoreIndex);
  number(name, "labelSmoothing", labelSmoothing);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ValueError(`${name}: labelSmoothing is ${labelSmoothing}; expected a number from 0 to 1`, name);
  return inScope(() => {
    const scores = argument(name, "the logits", logits);
    const goal = argument(name, "the target", target, scores);
    const axis = classAxis(name, scores);
    const classes = scores.shape[axis]!;
    const logs = logSoftmax(scores, axis);
    const setting = { axis, classes, weight: classWeights(name, weight, scores, classes), smoothing: labelSmoothing, reduction: how };
    if (goal.ndim === scores.ndim && goal.shape.join() === scores.shape.join()) {
      if (ignoreIndex !== undefined)
        throw new ValueError(
          `${name}: ignoreIndex belongs to class numbers; the target of shape ${show(goal.shape)} holds probabilities`,
          name,
        );
      return probabilityLoss(logs, isFloat(goal) ? goal : goal.cast(logs.dtype), setting);
    }
    checkLabels(name, scores, goal, axis, ` or probabilities of shape ${show(scores.shape)}`);
    return labelLoss(name, logs, goal, ignoreIndex ?? -100, setting);
  });
}
