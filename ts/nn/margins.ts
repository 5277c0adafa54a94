/** Losses of margins: what is apart by enough costs nothing. Conventions are PyTorch's. */
import { atMost, boolean, integer, number } from "../input/arguments.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { checkLabels, classAxis, classNumbers, classWeights } from "./classification.js";
import {
  argument,
  checkReduction,
  isFloat,
  KNOWN,
  pair,
  reduced,
  REDUCTIONS,
  show,
  weighted,
  weights,
  type LossOptions,
} from "./reduction.js";

/** Options of losses with a margin. */
export interface MarginOptions extends LossOptions {
  /** How far apart is enough. */
  margin?: number;
}

/** A tensor of floats: of integers, those of float32. */
const floats = (name: string, what: string, value: TensorLike, like?: Tensor): Tensor => {
  const x = argument(name, what, value, like);
  return isFloat(x) ? x : x.cast("float32");
};

/** Two tensors of floats of one shape. */
function both(name: string, first: TensorLike, second: TensorLike): [Tensor, Tensor] {
  const a = floats(name, "the first input", first);
  const b = floats(name, "the second input", second, a);
  if (a.shape.join() !== b.shape.join())
    throw new ShapeError(`${name}: the inputs have shapes ${show(a.shape)} and ${show(b.shape)}; they must be equal`, name);
  return [a, b];
}

/** Targets 1 and -1 in the shape of what they are about. */
function signs(name: string, given: TensorLike, like: Tensor): Tensor {
  const t = floats(name, "the target", given, like);
  if (t.shape.join() !== like.shape.join())
    throw new ShapeError(`${name}: the target has shape ${show(t.shape)}; expected ${show(like.shape)}, 1 or -1 for each example`, name);
  return t;
}

/**
 * max(0, margin - target (first - second)): the first should be larger by the margin where the target is 1, the second where it is -1.
 * Margin 0 by default.
 *
 * @example
 * ad.nn.marginRankingLoss([2, 1], [1, 3], [1, 1]); // 1
 */
export function marginRankingLoss(first: TensorLike, second: TensorLike, target: TensorLike, options?: MarginOptions): Tensor {
  atMost("marginRankingLoss", arguments, 4);
  const name = "marginRankingLoss";
  const { reduction, margin = 0 } = readOptions(name, options, KNOWN.margin);
  const how = checkReduction(name, reduction, REDUCTIONS);
  number(name, "margin", margin);
  return inScope(() => {
    const [a, b] = both(name, first, second);
    return reduced(signs(name, target, a).neg().mul(a.sub(b)).add(margin).relu(), how);
  });
}

/**
 * Of distances x: x where the target is 1 (should be near), max(0, margin - x) where it is -1. Margin 1 by default.
 *
 * @example
 * ad.nn.hingeEmbeddingLoss([0.5, 0.25], [1, -1]); // 0.625
 */
export function hingeEmbeddingLoss(input: TensorLike, target: TensorLike, options?: MarginOptions): Tensor {
  atMost("hingeEmbeddingLoss", arguments, 3);
  const name = "hingeEmbeddingLoss";
  const { reduction, margin = 1 } = readOptions(name, options, KNOWN.margin);
  const how = checkReduction(name, reduction, REDUCTIONS);
  number(name, "margin", margin);
  return inScope(() => {
    const [x, t] = pair(name, input, target);
    const far = t.ne(1).where(x.neg().add(margin).relu(), 0);
    return reduced(far.add(t.ne(-1).where(x, 0)), how);
  });
}

/**
 * Of vectors [N, D] (or [D]): 1 - cos where the target ([N] or []) is 1, max(0, cos - margin) where it is -1. Margin 0 by default.
 *
 * @example
 * ad.nn.cosineEmbeddingLoss([[1, 0]], [[0, 1]], [1]); // 1
 */
export function cosineEmbeddingLoss(first: TensorLike, second: TensorLike, target: TensorLike, options?: MarginOptions): Tensor {
  atMost("cosineEmbeddingLoss", arguments, 4);
  const name = "cosineEmbeddingLoss";
  const { reduction, margin = 0 } = readOptions(name, options, KNOWN.margin);
  const how = checkReduction(name, reduction, REDUCTIONS);
  number(name, "margin", margin);
  return inScope(() => {
    const [a, b] = both(name, first, second);
    if (a.ndim !== 1 && a.ndim !== 2)
      throw new ShapeError(`${name}: the inputs have shape ${show(a.shape)}; expected vectors [N, D] or [D]`, name);
    // Added to the squares, as PyTorch does, so that a vector of zeros has a derivative.
    const square = (v: Tensor) => v.square().sum(-1).add(1e-12);
    const cos = a
      .mul(b)
      .sum(-1)
      .div(square(a).mul(square(b)).sqrt());
    const t = signs(name, target, cos);
    return reduced(
      t
        .eq(1)
        .where(cos.neg().add(1), 0)
        .add(t.eq(-1).where(cos.sub(margin).relu(), 0)),
      how,
    );
  });
}

/** Options of `tripletMarginLoss`. */
export interface TripletMarginOptions extends MarginOptions {
  /** The p of the norm that measures; default 2. */
  p?: number;
  /** Added to each difference, so that equal vectors have a derivative; default 1e-6. */
  eps?: number;
  /** Measure from the positive to the negative where that is nearer than from the anchor; default false. */
  swap?: boolean;
}

/**
 * max(0, |anchor - positive| - |anchor - negative| + margin) along the last axis: the positive should be nearer than the negative by the margin,
 * by default 1.
 *
 * @example
 * ad.nn.tripletMarginLoss([[0, 0]], [[0, 1]], [[0, 4]]); // 0
 */
export function tripletMarginLoss(anchor: TensorLike, positive: TensorLike, negative: TensorLike, options?: TripletMarginOptions): Tensor {
  atMost("tripletMarginLoss", arguments, 4);
  const name = "tripletMarginLoss";
  const { reduction, margin = 1, p = 2, eps = 1e-6, swap = false } = readOptions(name, options, KNOWN.triplet);
  const how = checkReduction(name, reduction, REDUCTIONS);
  if (!(number(name, "margin", margin) > 0)) throw new ValueError(`${name}: margin is ${margin}; expected a number above 0`, name);
  number(name, "p", p);
  number(name, "eps", eps);
  boolean(name, "swap", swap);
  return inScope(() => {
    const [a, near] = both(name, anchor, positive);
    const [, far] = both(name, a, negative);
    const distance = (x: Tensor, y: Tensor) => x.sub(y).add(eps).norm(-1, { p });
    const apart = distance(a, far);
    return reduced(
      distance(a, near)
        .sub(swap ? apart.minimum(distance(near, far)) : apart)
        .add(margin)
        .relu(),
      how,
    );
  });
}

/**
 * log(1 + e^(-target x)) of scores x and targets 1 and -1.
 *
 * @example
 * ad.nn.softMarginLoss([0], [1]); // 0.693147
 */
export function softMarginLoss(input: TensorLike, target: TensorLike, options?: LossOptions): Tensor {
  atMost("softMarginLoss", arguments, 3);
  const { reduction } = readOptions("softMarginLoss", options, KNOWN.softMargin);
  const how = checkReduction("softMarginLoss", reduction, REDUCTIONS);
  return inScope(() => {
    const [x, t] = pair("softMarginLoss", input, target);
    return reduced(t.neg().mul(x).softplus(), how);
  });
}

/** Options of `multiLabelSoftMarginLoss`. */
export interface MultiLabelOptions extends LossOptions {
  /** A factor for each class; broadcasts against the input. */
  weight?: TensorLike;
}

/**
 * Binary cross entropy of logits [N, C] (or [C]) with targets 0 and 1, its mean over the classes; the reduction is over examples.
 *
 * @example
 * ad.nn.multiLabelSoftMarginLoss([[0, 0]], [[1, 0]]); // 0.693147
 */
export function multiLabelSoftMarginLoss(input: TensorLike, target: TensorLike, options?: MultiLabelOptions): Tensor {
  atMost("multiLabelSoftMarginLoss", arguments, 3);
  const name = "multiLabelSoftMarginLoss";
  const { reduction, weight } = readOptions(name, options, KNOWN.multiLabel);
  const how = checkReduction(name, reduction, REDUCTIONS);
  return inScope(() => {
    const [x, t] = pair(name, input, target);
    if (x.ndim === 0) throw new ShapeError(`${name}: the input is 0-d; expected [C] or [N, C]`, name);
    const losses = weighted(t, x.logSigmoid())
      .add(weighted(t.neg().add(1), x.neg().logSigmoid()))
      .neg();
    const each = weight === undefined ? losses : weighted(weights(name, "weight", weight, x), losses);
    return reduced(each.mean(-1), how);
  });
}

/** Options of `multiMarginLoss`. */
export interface MultiMarginOptions extends MarginOptions {
  /** 1 or 2: the power of what is missing; default 1. */
  p?: number;
  /** A factor for each class, shape [C]. */
  weight?: TensorLike;
}

/**
 * Σ_c max(0, margin - x[label] + x[c])^p / C over the classes c other than the label, of scores [N, C] (or [C]) with int32 labels [N] (or []). Margin 1
 * by default. Throws `IndexError` for a label that is no class.
 *
 * @example
 * ad.nn.multiMarginLoss([[0, 0.5]], ad.tensor([1], { dtype: "int32" })); // 0.25
 */
export function multiMarginLoss(input: TensorLike, labels: TensorLike, options?: MultiMarginOptions): Tensor {
  atMost("multiMarginLoss", arguments, 3);
  const name = "multiMarginLoss";
  const { reduction, margin = 1, p = 1, weight } = readOptions(name, options, KNOWN.multiMargin);
  const how = checkReduction(name, reduction, REDUCTIONS);
  number(name, "margin", margin);
  integer(name, "p", p, 1, 2);
  return inScope(() => {
    const x = floats(name, "the scores", input);
    const given = argument(name, "the labels", labels);
    if (x.ndim > 2) throw new ShapeError(`${name}: the scores have shape ${show(x.shape)}; expected [N, C] or [C]`, name);
    const axis = classAxis(name, x);
    checkLabels(name, x, given, axis, "");
    const classes = x.shape[axis]!;
    // No label is left out here: -1 is no class either.
    const { index } = classNumbers(name, given, classes, Number.NaN);
    const own = x.gather(axis, index.unsqueeze(axis));
    const missing = x.sub(own).add(margin).relu();
    const powers = p === 1 ? missing : missing.square();
    const factors = classWeights(name, weight, x, classes);
    // What the label's own class adds is left out.
    const others = index.oneHot(classes).gt(0).where(0, powers).sum(axis).div(classes);
    return reduced(factors === null ? others : weighted(factors.take(index, 0), others), how);
  });
}
