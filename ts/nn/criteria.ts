/** Losses as modules, as torch.nn has them: the options go to the constructor, `forward(input, target)` is the function's value. */
import { atMost } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { crossEntropy, nllLoss, type CrossEntropyOptions, type NllLossOptions } from "./classification.js";
import {
  bceWithLogits,
  cosineSimilarity,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  smoothL1Loss,
  type SmoothL1Options,
  type BceOptions,
  type CosineSimilarityOptions,
  type HuberOptions,
  type KlDivOptions,
} from "./losses.js";
import {
  gaussianNllLoss,
  bceLoss,
  poissonNllLoss,
  type BceLossOptions,
  type GaussianNllOptions,
  type PoissonNllOptions,
} from "./likelihoods.js";
import {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  multiLabelSoftMarginLoss,
  multiMarginLoss,
  softMarginLoss,
  tripletMarginLoss,
  type MarginOptions,
  type MultiLabelOptions,
  type MultiMarginOptions,
  type TripletMarginOptions,
} from "./margins.js";
import { Module } from "./module.js";
import { checkReduction, KL_REDUCTIONS, KNOWN, REDUCTIONS, type LossOptions } from "./reduction.js";

/** A loss as a module. A weight among its options is one of its buffers. */
export abstract class Criterion<Options = LossOptions> extends Module {
  /** As given to the constructor. */
  abstract readonly options: Options;
  abstract override forward(input: TensorLike, target: TensorLike): Tensor;
}

/** A loss of three tensors as a module. */
export abstract class CriterionOfThree<Options = LossOptions> extends Module {
  /** As given to the constructor. */
  abstract readonly options: Options;
  abstract override forward(first: TensorLike, second: TensorLike, third: TensorLike): Tensor;
}

/** The class of a loss's modules. Throws `ValueError` for options that the loss does not have. */
function classOf<Options extends { reduction?: string }>(
  Base: abstract new () => Module,
  count: number,
  name: string,
  loss: (...given: any[]) => Tensor,
  known: readonly (keyof Options & string)[],
  reductions: readonly string[],
): unknown {
  const made = class extends Base {
    readonly options: Options;
    constructor(options?: Options) {
      atMost(name, arguments, 1);
      super();
      this.options = { ...readOptions(name, options, known) };
      checkReduction(name, this.options.reduction, reductions);
    }
    forward(...inputs: TensorLike[]): Tensor {
      atMost(`${name}.forward`, inputs, count);
      return loss(...Array.from({ length: count }, (_, i) => inputs[i]), this.options);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
}

type Loss<Options> = (input: TensorLike, target: TensorLike, options?: Options) => Tensor;
type LossOfThree<Options> = (first: TensorLike, second: TensorLike, third: TensorLike, options?: Options) => Tensor;

/** A module class for a loss of input and target. */
function criterion<Options extends { reduction?: string }>(
  name: string,
  loss: Loss<Options>,
  known: readonly (keyof Options & string)[],
  reductions: readonly string[] = REDUCTIONS,
): {
  /** Options are those of the loss; `ValueError` for others. */
  new (options?: Options): Criterion<Options>;
} {
  return classOf<Options>(Criterion, 2, name, loss, known, reductions) as new (
    options?: Options,
  ) => Criterion<Options>;
}

/** A module class for a loss of three tensors. */
function criterionOfThree<Options extends { reduction?: string }>(
  name: string,
  loss: LossOfThree<Options>,
  known: readonly (keyof Options & string)[],
): {
  /** Options are those of the loss; `ValueError` for others. */
  new (options?: Options): CriterionOfThree<Options>;
} {
  return classOf<Options>(CriterionOfThree, 3, name, loss, known, REDUCTIONS) as new (
    options?: Options,
  ) => CriterionOfThree<Options>;
}

/** `crossEntropy` as a module: `new CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(logits, labels)`. */
export const CrossEntropyLoss = /* @__PURE__ */ criterion<CrossEntropyOptions>("CrossEntropyLoss", crossEntropy, KNOWN.crossEntropy);
/** `nllLoss` as a module. */
export const NLLLoss = /* @__PURE__ */ criterion<NllLossOptions>("NLLLoss", nllLoss, KNOWN.nll);
/** `mseLoss` as a module. */
export const MSELoss = /* @__PURE__ */ criterion<LossOptions>("MSELoss", mseLoss, KNOWN.mse);
/** `l1Loss` as a module. */
export const L1Loss = /* @__PURE__ */ criterion<LossOptions>("L1Loss", l1Loss, KNOWN.l1);
/** `huberLoss` as a module. */
export const HuberLoss = /* @__PURE__ */ criterion<HuberOptions>("HuberLoss", huberLoss, KNOWN.huber);
/** `bceWithLogits` as a module. */
export const BCEWithLogitsLoss = /* @__PURE__ */ criterion<BceOptions>("BCEWithLogitsLoss", bceWithLogits, KNOWN.bce);
/** `klDiv` as a module. */
export const KLDivLoss = /* @__PURE__ */ criterion<KlDivOptions>("KLDivLoss", klDiv, KNOWN.klDiv, KL_REDUCTIONS);
/** What a criterion is that gives a number for each pair, and reduces nothing. */
interface Unreduced {
  /** There is none. */
  reduction?: never;
}

/** `cosineSimilarity` as a module. */
export const CosineSimilarity = /* @__PURE__ */ criterion<CosineSimilarityOptions & Unreduced>(
  "CosineSimilarity",
  cosineSimilarity,
  KNOWN.cosine,
);

/** `smoothL1Loss` as a module. */
export const SmoothL1Loss = /* @__PURE__ */ criterion<SmoothL1Options>("SmoothL1Loss", smoothL1Loss, KNOWN.smoothL1);
/** `bceLoss` as a module. */
export const BCELoss = /* @__PURE__ */ criterion<BceLossOptions>("BCELoss", bceLoss, KNOWN.bceLoss);
/** `poissonNllLoss` as a module. */
export const PoissonNLLLoss = /* @__PURE__ */ criterion<PoissonNllOptions>("PoissonNLLLoss", poissonNllLoss, KNOWN.poisson);
/** `gaussianNllLoss` as a module: `forward(input, target, variance)`. */
export const GaussianNLLLoss = /* @__PURE__ */ criterionOfThree<GaussianNllOptions>("GaussianNLLLoss", gaussianNllLoss, KNOWN.gaussian);
/** `hingeEmbeddingLoss` as a module. */
export const HingeEmbeddingLoss = /* @__PURE__ */ criterion<MarginOptions>("HingeEmbeddingLoss", hingeEmbeddingLoss, KNOWN.margin);
/** `softMarginLoss` as a module. */
export const SoftMarginLoss = /* @__PURE__ */ criterion<LossOptions>("SoftMarginLoss", softMarginLoss, KNOWN.softMargin);
/** `multiMarginLoss` as a module. */
export const MultiMarginLoss = /* @__PURE__ */ criterion<MultiMarginOptions>("MultiMarginLoss", multiMarginLoss, KNOWN.multiMargin);
/** `multiLabelSoftMarginLoss` as a module. */
export const MultiLabelSoftMarginLoss = /* @__PURE__ */ criterion<MultiLabelOptions>(
  "MultiLabelSoftMarginLoss",
  multiLabelSoftMarginLoss,
  KNOWN.multiLabel,
);
/** `marginRankingLoss` as a module: `forward(first, second, target)`. */
export const MarginRankingLoss = /* @__PURE__ */ criterionOfThree<MarginOptions>("MarginRankingLoss", marginRankingLoss, KNOWN.margin);
/** `cosineEmbeddingLoss` as a module: `forward(first, second, target)`. */
export const CosineEmbeddingLoss = /* @__PURE__ */ criterionOfThree<MarginOptions>(
  "CosineEmbeddingLoss",
  cosineEmbeddingLoss,
  KNOWN.margin,
);
/** `tripletMarginLoss` as a module: `forward(anchor, positive, negative)`. */
export const TripletMarginLoss = /* @__PURE__ */ criterionOfThree<TripletMarginOptions>(
  "TripletMarginLoss",
  tripletMarginLoss,
  KNOWN.triplet,
);
