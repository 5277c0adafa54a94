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
  type BceOptions,
  type CosineSimilarityOptions,
  type HuberOptions,
  type KlDivOptions,
} from "./losses.js";
import { Module } from "./module.js";
import { checkReduction, KL_REDUCTIONS, KNOWN, REDUCTIONS, type LossOptions } from "./reduction.js";

/** A loss as a module. A weight among its options is one of its buffers. */
export abstract class Criterion<Options = LossOptions> extends Module {
  /** As given to the constructor. */
  abstract readonly options: Options;
  abstract override forward(input: TensorLike, target: TensorLike): Tensor;
}

type Loss<Options> = (input: TensorLike, target: TensorLike, options?: Options) => Tensor;

/** A module class for a loss. Throws `ValueError` for options that the loss does not have. */
function criterion<Options extends { reduction?: string }>(
  name: string,
  loss: Loss<Options>,
  known: readonly (keyof Options & string)[],
  reductions: readonly string[] = REDUCTIONS,
): {
  /** Options are those of the loss; `ValueError` for others. */
  new (options?: Options): Criterion<Options>;
} {
  const made = class extends Criterion<Options> {
    readonly options: Options;
    constructor(options?: Options) {
      atMost(name, arguments, 1);
      super();
      this.options = { ...readOptions(name, options, known) };
      checkReduction(name, this.options.reduction, reductions);
    }
    forward(input: TensorLike, target: TensorLike): Tensor {
      atMost(`${name}.forward`, arguments, 2);
      return loss(input, target, this.options);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
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
