/** Attention with several heads as a layer. Names, layouts, defaults and the names in `stateDict()` are torch.nn's. */
import { atMost, boolean, integer, probability } from "../input/arguments.js";
import { zeros } from "../creation.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { attentionWeights, scaledDotProductAttention } from "./attention.js";
import { affine } from "./cells.js";
import { dropout } from "./dropout.js";
import * as init from "./init.js";
import { Linear } from "./layers.js";
import { parameter, type Parameter } from "./module.js";
import { argument, show } from "./reduction.js";
import { TorchNamed } from "./torch-names.js";

/** Options of `MultiheadAttention`. */
export interface MultiheadAttentionOptions {
  /** The probability with which a weight is dropped while training; default 0. */
  dropout?: number;
  /** Add trained vectors; default true. */
  bias?: boolean;
  /** The width of the keys; default embedDim. */
  kdim?: number;
  /** The width of the values; default embedDim. */
  vdim?: number;
  /** Inputs are [batch, length, width] instead of [length, batch, width]; default false. */
  batchFirst?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `MultiheadAttention.forward`. */
export interface MultiheadForwardOptions {
  /** [batch, S], of one sequence [S]: bool, true for keys that are *not* to be seen, or numbers that are added to the scores. */
  keyPaddingMask?: TensorLike | null;
  /** [L, S], or [batch · numHeads, L, S]: bool, true where a key is *not* to be seen, or numbers that are added to the scores. */
  attnMask?: TensorLike | null;
  /** A query sees the keys up to its own position only; default false. */
  isCausal?: boolean;
  /** Give the weights too; default true. Without them long sequences are gone through in blocks. */
  needWeights?: boolean;
  /** Their mean over the heads instead of those of each head; default true. */
  averageAttnWeights?: boolean;
}

/** Both masks as one: true where a key may be seen, or numbers to add; of PyTorch's, where true hides, bool ones are turned around. */
function joined(a: Tensor | null, b: Tensor | null): Tensor | null {
  const seen = (mask: Tensor) => mask.logicalNot();
  if (a === null || b === null) {
    const mask = a ?? b;
    return mask !== null && mask.dtype === "bool" ? seen(mask) : mask;
  }
  if (a.dtype === "bool" && b.dtype === "bool") return seen(a.logicalOr(b));
  const [added, other] = a.dtype === "bool" ? [b, a] : [a, b];
  return other.dtype === "bool" ? where(other, -Infinity, added) : added.add(other);
}

/**
 * `numHeads` times `scaledDotProductAttention` of projected queries, keys and values, side by side, projected again. `forward(query, key, value, options)` gives
 * [output, weights], with query and output [L, batch, embedDim], key [S, batch, kdim], value [S, batch, vdim], weights [batch, L, S] or null; one sequence without its batch
 * axis too. As in PyTorch, a bool mask is true where a key is *hidden* (for `scaledDotProductAttention` it is true where one is seen). A query that may see nothing gives
 * only the bias.
 *
 * @example
 * const attention = new ad.nn.MultiheadAttention(8, 2, { batchFirst: true });
 * const x = ad.ones([3, 5, 8]);
 * attention.forward(x, x, x, { isCausal: true })[0].shape; // [3, 5, 8]
 */
export class MultiheadAttention extends TorchNamed<[output: Tensor, weights: Tensor | null]> {
  /** The projections of queries, keys and values, [3 · embedDim, embedDim]; null where their widths differ. */
  inProjWeight: Parameter | null = null;
  /** That of queries, [embedDim, embedDim]; null where there is one for all. */
  qProjWeight: Parameter | null = null;
  /** That of keys, [embedDim, kdim]; null where there is one for all. */
  kProjWeight: Parameter | null = null;
  /** That of values, [embedDim, vdim]; null where there is one for all. */
  vProjWeight: Parameter | null = null;
  /** [3 · embedDim]; null without one. */
  inProjBias: Parameter | null;
  /** The projection of what the heads give. */
  outProj: Linear;
  /** The probability with which a weight is dropped while training. */
  readonly dropout: number;
  /** Whether the batch is the first axis. */
  readonly batchFirst: boolean;
  /** The width of the keys. */
  readonly kdim: number;
  /** The width of the values. */
  readonly vdim: number;

  constructor(
    /** The width of queries and outputs. */
    readonly embedDim: number,
    /** How many heads part it. */
    readonly numHeads: number,
    options?: MultiheadAttentionOptions,
  ) {
    const name = "MultiheadAttention";
    atMost(name, arguments, 3);
    super();
    const known = ["dropout", "bias", "kdim", "vdim", "batchFirst", "dtype"] as const;
    const { dropout: p = 0, bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false, dtype } = readOptions(name, options, known);
    integer(name, "embedDim", embedDim, 1);
    integer(name, "numHeads", numHeads, 1);
    if (embedDim % numHeads !== 0)
      throw new ValueError(
        `${name}: embedDim = ${embedDim} cannot be parted among ${numHeads} heads; it must be a multiple of numHeads`,
        name,
      );
    this.kdim = integer(name, "kdim", kdim, 1);
    this.vdim = integer(name, "vdim", vdim, 1);
    this.dropout = probability(name, "dropout", p);
    this.batchFirst = boolean(name, "batchFirst", batchFirst);
    boolean(name, "bias", bias);
    const weight = (rows: number, columns: number) => parameter(init.xavierUniform([rows, columns], 1, { dtype }));
    if (kdim === embedDim && vdim === embedDim) this.inProjWeight = weight(3 * embedDim, embedDim);
    else
      [this.qProjWeight, this.kProjWeight, this.vProjWeight] = [weight(embedDim, embedDim), weight(embedDim, kdim), weight(embedDim, vdim)];
    this.inProjBias = bias ? parameter(zeros([3 * embedDim], { dtype })) : null;
    this.outProj = new Linear(embedDim, embedDim, { bias, dtype });
    if (this.outProj.bias !== null) {
      this.outProj.bias.dispose();
      this.outProj.bias = parameter(zeros([embedDim], { dtype }));
    }
  }

  /** [output, weights]. Throws `ShapeError`. */
  forward(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    options?: MultiheadForwardOptions,
  ): [output: Tensor, weights: Tensor | null] {
    const name = "MultiheadAttention";
    atMost(`${name}.forward`, arguments, 4);
    const known = ["keyPaddingMask", "attnMask", "isCausal", "needWeights", "averageAttnWeights"] as const;
    const own = readOptions<MultiheadForwardOptions>(`${name}.forward`, options, known);
    const { isCausal = false, needWeights = true, averageAttnWeights = true } = own;
    for (const [what, flag] of Object.entries({ isCausal, needWeights, averageAttnWeights })) boolean(`${name}.forward`, what, flag);
    const { embedDim, numHeads, kdim, vdim } = this;
    return inScope(() => {
      const like = this.outProj.weight;
      const given = [query, key, value].map((x, i) => argument(name, ["the query", "the key", "the value"][i]!, x, like));
      const widths = [embedDim, kdim, vdim];
      const alone = given[0]!.ndim === 2;
      given.forEach((x, i) => {
        if (x.ndim === (alone ? 2 : 3) && x.shape.at(-1) === widths[i]) return;
        const layout = alone ? "[length, " : this.batchFirst ? "[batch, length, " : "[length, batch, ";
        throw new ShapeError(
          `${name}: the ${["query", "key", "value"][i]} has shape ${show(x.shape)}; expected ${layout}${widths[i]}]`,
          name,
        );
      });
      // [batch, length, width]
      const [q, k, v] = given.map((x) => (alone ? x.unsqueeze(0) : this.batchFirst ? x : x.transpose([1, 0, 2]))) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const [batch, length] = q.shape as [number, number];
      const keys = k.shape[1]!;
      if (k.shape[0] !== batch || v.shape[0] !== batch || v.shape[1] !== keys)
        throw new ShapeError(
          `${name}: query ${show(given[0]!.shape)}, key ${show(given[1]!.shape)} and value ${show(given[2]!.shape)} have other batches or lengths`,
          name,
        );
      const heads = this.projected([q, k, v]).map((x) =>
        x.reshape([batch, x.shape[1]!, numHeads, embedDim / numHeads]).transpose([0, 2, 1, 3]),
      );
      const mask = joined(this.padding(own.keyPaddingMask, batch, keys, alone), this.scores(own.attnMask, batch, length, keys));
      const p = this.training ? this.dropout : 0;
      const [qs, ks, vs] = heads as [Tensor, Tensor, Tensor];
      let weights: Tensor | null = null;
      let mixed: Tensor;
      if (needWeights) {
        weights = attentionWeights(qs, ks, mask, 0, isCausal, 1 / Math.sqrt(embedDim / numHeads));
        if (p > 0) weights = dropout(weights, { p });
        mixed = weights.matmul(vs);
        if (averageAttnWeights) weights = weights.mean(1);
        if (alone) weights = weights.squeeze(0);
      } else mixed = scaledDotProductAttention(qs, ks, vs, { mask, isCausal, dropout: p });
      const y = this.outProj.forward(mixed.transpose([0, 2, 1, 3]).reshape([batch, length, embedDim]));
      return [alone ? y.squeeze(0) : this.batchFirst ? y : y.transpose([1, 0, 2]), weights];
    });
  }

  /** Queries, keys and values, each through its part of the projection; one product where all three are one tensor's. */
  private projected([q, k, v]: readonly [Tensor, Tensor, Tensor]): Tensor[] {
    const { inProjWeight, embedDim } = this;
    if (inProjWeight !== null && q === k && k === v) return affine(q, inProjWeight, this.inProjBias).split(embedDim, -1);
    const weights = inProjWeight?.split(embedDim, 0) ?? [this.qProjWeight!, this.kProjWeight!, this.vProjWeight!];
    const biases = this.inProjBias?.split(embedDim, 0);
    return [q, k, v].map((x, i) => affine(x, weights[i]!, biases?.[i] ?? null));
  }

  /** [batch, 1, 1, S] */
  private padding(given: TensorLike | null | undefined, batch: number, keys: number, alone: boolean): Tensor | null {
    if (given === undefined || given === null) return null;
    const mask = argument("MultiheadAttention", "keyPaddingMask", given, this.outProj.weight);
    const expected = alone ? [keys] : [batch, keys];
    if (mask.shape.join() !== expected.join())
      throw new ShapeError(
        `MultiheadAttention: keyPaddingMask has shape ${show(mask.shape)}; expected ${show(expected)}`,
        "MultiheadAttention",
      );
    return mask.reshape([batch, 1, 1, keys]);
  }

  /** [1, 1, L, S] or [batch, numHeads, L, S] */
  private scores(given: TensorLike | null | undefined, batch: number, length: number, keys: number): Tensor | null {
    if (given === undefined || given === null) return null;
    const mask = argument("MultiheadAttention", "attnMask", given, this.outProj.weight);
    const all = batch * this.numHeads;
    if (mask.shape.join() === [length, keys].join()) return mask.reshape([1, 1, length, keys]);
    if (mask.shape.join() === [all, length, keys].join()) return mask.reshape([batch, this.numHeads, length, keys]);
    throw new ShapeError(
      `MultiheadAttention: attnMask has shape ${show(mask.shape)}; expected [${length}, ${keys}] or [${all}, ${length}, ${keys}]`,
      "MultiheadAttention",
    );
  }
}
