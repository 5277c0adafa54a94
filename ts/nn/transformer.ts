/** Layers of transformers and stacks of them (Vaswani et al., 2017). Names, layouts, defaults and the names in `stateDict()` are torch.nn's. */
import { atMost, boolean, integer, number, probability } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { gelu, relu } from "../ops/elementwise.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { dropout } from "./dropout.js";
import { Linear } from "./layers.js";
import { MultiheadAttention } from "./multihead.js";
import { Module } from "./module.js";
import { LayerNorm } from "./normalizations.js";
import { argument } from "./reduction.js";
import { TorchNamed } from "./torch-names.js";

/** Options of `TransformerEncoderLayer` and `TransformerDecoderLayer`. */
export interface TransformerLayerOptions {
  /** The width between the two linear layers; default 2048. */
  dimFeedforward?: number;
  /** The probability of a zero while training; default 0.1. */
  dropout?: number;
  /** "relu" (default), "gelu", or a function of one tensor. */
  activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Added to the variance in normalizations; default 1e-5. */
  layerNormEps?: number;
  /** Inputs are [batch, length, dModel] instead of [length, batch, dModel]; default false. */
  batchFirst?: boolean;
  /** Normalize before attention and linear layers instead of after; default false. */
  normFirst?: boolean;
  /** Add trained vectors; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `TransformerEncoderLayer.forward` and of the encoder's. Bool masks are true where a key is *not* to be seen; numbers are added to the scores. */
export interface EncoderForwardOptions {
  /** [L, L], or [batch · nhead, L, L]. */
  mask?: TensorLike | null;
  /** [batch, L]. */
  srcKeyPaddingMask?: TensorLike | null;
  /** Each position sees those up to itself only; default false. */
  isCausal?: boolean;
}

/** Options of `TransformerDecoderLayer.forward` and of the decoder's; masks as of the encoder. */
export interface DecoderForwardOptions {
  /** Among the targets: [T, T], or [batch · nhead, T, T]. */
  tgtMask?: TensorLike | null;
  /** From targets to memory: [T, S], or [batch · nhead, T, S]. */
  memoryMask?: TensorLike | null;
  /** [batch, T]. */
  tgtKeyPaddingMask?: TensorLike | null;
  /** [batch, S]. */
  memoryKeyPaddingMask?: TensorLike | null;
  /** Each target sees those up to itself only; default false. */
  tgtIsCausal?: boolean;
  /** The same for memory; default false. */
  memoryIsCausal?: boolean;
}

/** Options of `TransformerEncoder` and `TransformerDecoder`. */
export interface TransformerOptions {
  /** A normalization at the end; default none. */
  norm?: Module | null;
}

const KNOWN = ["dimFeedforward", "dropout", "activation", "layerNormEps", "batchFirst", "normFirst", "bias", "dtype"] as const;
const ACTIVATIONS = { relu, gelu } as const;

/** What both kinds of layer have: attention of a sequence to itself, two linear layers, sums and normalizations around each. */
abstract class TransformerLayer extends TorchNamed {
  /** Attention of the sequence to itself. */
  selfAttn: MultiheadAttention;
  /** dModel to dimFeedforward. */
  linear1: Linear;
  /** dimFeedforward to dModel. */
  linear2: Linear;
  /** Around the attention. */
  norm1: LayerNorm;
  /** Around what comes next. */
  norm2: LayerNorm;
  /** The probability of a zero while training. */
  readonly dropout: number;
  /** Whether normalizations come first. */
  readonly normFirst: boolean;
  /** Whether the batch is the first axis. */
  readonly batchFirst: boolean;
  /** Between the linear layers. */
  private readonly activation: (x: Tensor) => Tensor;

  protected constructor(
    name: string,
    /** The width of the sequence. */
    readonly dModel: number,
    /** Heads of the attention. */
    readonly nhead: number,
    /** For copies. */
    private readonly options: TransformerLayerOptions,
  ) {
    super();
    const {
      dimFeedforward = 2048,
      dropout: p = 0.1,
      activation = "relu",
      layerNormEps = 1e-5,
      batchFirst = false,
      normFirst = false,
      bias = true,
      dtype,
    } = options;
    integer(name, "dModel", dModel, 1);
    integer(name, "nhead", nhead, 1);
    integer(name, "dimFeedforward", dimFeedforward, 1);
    number(name, "layerNormEps", layerNormEps);
    this.dropout = probability(name, "dropout", p);
    this.batchFirst = boolean(name, "batchFirst", batchFirst);
    this.normFirst = boolean(name, "normFirst", normFirst);
    boolean(name, "bias", bias);
    if (typeof activation !== "function" && !Object.hasOwn(ACTIVATIONS, activation))
      throw new ValueError(`${name}: activation must be "relu", "gelu" or a function, got ${describe(activation)}`, name);
    this.activation = typeof activation === "function" ? activation : (x) => ACTIVATIONS[activation](x);
    this.selfAttn = this.attention();
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype });
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype });
    this.norm1 = this.normalization();
    this.norm2 = this.normalization();
  }

  /** @internal */
  protected attention(): MultiheadAttention {
    const { bias, dtype, dropout: p = 0.1, batchFirst } = this.options;
    return new MultiheadAttention(this.dModel, this.nhead, { bias, dtype, batchFirst, dropout: p });
  }

  /** @internal */
  protected normalization(): LayerNorm {
    const { layerNormEps, bias, dtype } = this.options;
    return new LayerNorm(this.dModel, { eps: layerNormEps, bias, dtype });
  }

  /** @internal Zeros while training. */
  protected dropped(x: Tensor): Tensor {
    return dropout(x, { p: this.dropout, training: this.training });
  }

  /** @internal x + f(x), normalized before or after. */
  protected around(x: Tensor, norm: LayerNorm, f: (x: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(this.dropped(f(norm.forward(x)))) : norm.forward(x.add(this.dropped(f(x))));
  }

  /** @internal The two linear layers. */
  protected wide(x: Tensor): Tensor {
    return this.linear2.forward(this.dropped(this.activation(this.linear1.forward(x))));
  }

  /** @internal Another one with these options; by the constructor, whose name is kept so. */
  protected again(): this {
    type Made = new (dModel: number, nhead: number, options: TransformerLayerOptions) => this;
    return new (this.constructor as Made)(this.dModel, this.nhead, this.options);
  }

  /** @internal Another layer with these options and numbers. */
  copy(): this {
    const fresh = this.again();
    fresh.loadStateDict(this.stateDict());
    return fresh.train(this.training);
  }
}

/**
 * A layer of an encoder: attention of the sequence to itself, then two linear layers, each with a sum and a normalization around it. `forward(src, { mask,
 * srcKeyPaddingMask, isCausal })` from [length, batch, dModel] to the same; [length, dModel] too.
 *
 * @example
 * const layer = new ad.nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true });
 * layer.forward(ad.ones([3, 5, 8]), { isCausal: true }).shape; // [3, 5, 8]
 */
export class TransformerEncoderLayer extends TransformerLayer {
  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    atMost("TransformerEncoderLayer", arguments, 3);
    super("TransformerEncoderLayer", dModel, nhead, readOptions("TransformerEncoderLayer", options, KNOWN));
  }

  /** [length, batch, dModel] to the same. Throws `ShapeError`. */
  forward(src: TensorLike, options?: EncoderForwardOptions): Tensor {
    const name = "TransformerEncoderLayer";
    atMost(`${name}.forward`, arguments, 2);
    const {
      mask: attnMask,
      srcKeyPaddingMask: keyPaddingMask,
      isCausal,
    } = readOptions<EncoderForwardOptions>(`${name}.forward`, options, ENCODER);
    return inScope(() => {
      const x = argument(name, "src", src, this.linear1.weight);
      const attended = this.around(
        x,
        this.norm1,
        (x) => this.selfAttn.forward(x, x, x, { attnMask, keyPaddingMask, isCausal, needWeights: false })[0],
      );
      return this.around(attended, this.norm2, (x) => this.wide(x));
    });
  }
}

/**
 * A layer of a decoder: attention of the targets to themselves, then to the memory of an encoder, then two linear layers. `forward(tgt, memory, { tgtMask,
 * memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask, tgtIsCausal, memoryIsCausal })` from [T, batch, dModel] and [S, batch, dModel] to [T, batch, dModel].
 *
 * @example
 * const layer = new ad.nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true });
 * layer.forward(ad.ones([3, 4, 8]), ad.ones([3, 6, 8]), { tgtIsCausal: true }).shape; // [3, 4, 8]
 */
export class TransformerDecoderLayer extends TransformerLayer {
  /** Attention to the memory. */
  multiheadAttn: MultiheadAttention;
  /** Around the linear layers. */
  norm3: LayerNorm;

  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    atMost("TransformerDecoderLayer", arguments, 3);
    super("TransformerDecoderLayer", dModel, nhead, readOptions("TransformerDecoderLayer", options, KNOWN));
    this.multiheadAttn = this.attention();
    this.norm3 = this.normalization();
  }

  /** @internal As PyTorch names them: `multihead_attn`, in the order of its parameters. */
  override *places(prefix = "", above: readonly Module<unknown>[] = []): ReturnType<Module["places"]> {
    const all = [...super.places(prefix, above)];
    const rank = (name: string) =>
      ["self_attn", "multihead_attn", "linear1", "linear2", "norm1", "norm2", "norm3"].findIndex((own) => name.startsWith(prefix + own));
    yield* all.sort((a, b) => rank(a.name) - rank(b.name));
  }

  /** [T, batch, dModel] and the memory [S, batch, dModel] to [T, batch, dModel]. Throws `ShapeError`. */
  forward(tgt: TensorLike, memory: TensorLike, options?: DecoderForwardOptions): Tensor {
    const name = "TransformerDecoderLayer";
    atMost(`${name}.forward`, arguments, 3);
    const own = readOptions<DecoderForwardOptions>(`${name}.forward`, options, DECODER);
    return inScope(() => {
      const x = argument(name, "tgt", tgt, this.linear1.weight);
      const seen = argument(name, "memory", memory, this.linear1.weight);
      const among = { attnMask: own.tgtMask, keyPaddingMask: own.tgtKeyPaddingMask, isCausal: own.tgtIsCausal, needWeights: false };
      const to = { attnMask: own.memoryMask, keyPaddingMask: own.memoryKeyPaddingMask, isCausal: own.memoryIsCausal, needWeights: false };
      const attended = this.around(x, this.norm1, (x) => this.selfAttn.forward(x, x, x, among)[0]);
      const informed = this.around(attended, this.norm2, (x) => this.multiheadAttn.forward(x, seen, seen, to)[0]);
      return this.around(informed, this.norm3, (x) => this.wide(x));
    });
  }
}

const ENCODER = ["mask", "srcKeyPaddingMask", "isCausal"] as const;
const DECODER = ["tgtMask", "memoryMask", "tgtKeyPaddingMask", "memoryKeyPaddingMask", "tgtIsCausal", "memoryIsCausal"] as const;

/** Layers one after the other: copies of one, or what a function makes. */
abstract class Stack<L extends TransformerLayer> extends Module {
  /** In order. */
  readonly layers: L[];
  /** At the end; null without one. */
  readonly norm: Module | null;

  protected constructor(
    name: string,
    kind: abstract new (...given: never[]) => L,
    layer: L | (() => L),
    numLayers: number,
    options: TransformerOptions | undefined,
  ) {
    super();
    const { norm = null } = readOptions<TransformerOptions>(name, options, ["norm"]);
    integer(name, "numLayers", numLayers, 1);
    if (norm !== null && !(norm instanceof Module)) throw new ValueError(`${name}: norm is a module, got ${describe(norm)}`, name);
    const make = typeof layer === "function" ? layer : () => layer.copy();
    if (typeof layer !== "function" && !(layer instanceof kind))
      throw new ValueError(`${name}: expected a layer, which is copied, or a function that makes one, got ${describe(layer)}`, name);
    if (typeof layer !== "function" && Object.getPrototypeOf(layer) !== kind.prototype)
      throw new ValueError(
        `${name}: a layer of a class of your own cannot be copied; pass a function that makes one: () => new MyLayer(...)`,
        name,
      );
    this.layers = Array.from({ length: numLayers }, make);
    this.norm = norm;
  }
}

/**
 * `numLayers` encoder layers one after the other: copies of the one given, as in PyTorch, or `() => new TransformerEncoderLayer(...)`, each with numbers of its own.
 *
 * @example
 * const make = () => new ad.nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 });
 * new ad.nn.TransformerEncoder(make, 3).forward(ad.ones([5, 2, 8])).shape; // [5, 2, 8]
 */
export class TransformerEncoder extends Stack<TransformerEncoderLayer> {
  constructor(layer: TransformerEncoderLayer | (() => TransformerEncoderLayer), numLayers: number, options?: TransformerOptions) {
    atMost("TransformerEncoder", arguments, 3);
    super("TransformerEncoder", TransformerEncoderLayer, layer, numLayers, options);
  }

  /** [length, batch, dModel] to the same. Throws `ShapeError`. */
  forward(src: TensorLike, options?: EncoderForwardOptions): Tensor {
    atMost("TransformerEncoder.forward", arguments, 2);
    const own = readOptions<EncoderForwardOptions>("TransformerEncoder.forward", options, ENCODER);
    return inScope(() => {
      const y = this.layers.reduce((x: TensorLike, layer) => layer.forward(x, own), src) as Tensor;
      return this.norm === null ? y : this.norm.forward(y);
    });
  }
}

/**
 * `numLayers` decoder layers one after the other: copies of the one given, as in PyTorch, or `() => new TransformerDecoderLayer(...)`, each with numbers of its own.
 *
 * @example
 * const make = () => new ad.nn.TransformerDecoderLayer(8, 2, { dimFeedforward: 16 });
 * new ad.nn.TransformerDecoder(make, 2).forward(ad.ones([4, 2, 8]), ad.ones([6, 2, 8])).shape; // [4, 2, 8]
 */
export class TransformerDecoder extends Stack<TransformerDecoderLayer> {
  constructor(layer: TransformerDecoderLayer | (() => TransformerDecoderLayer), numLayers: number, options?: TransformerOptions) {
    atMost("TransformerDecoder", arguments, 3);
    super("TransformerDecoder", TransformerDecoderLayer, layer, numLayers, options);
  }

  /** [T, batch, dModel] and the memory [S, batch, dModel] to [T, batch, dModel]. Throws `ShapeError`. */
  forward(tgt: TensorLike, memory: TensorLike, options?: DecoderForwardOptions): Tensor {
    atMost("TransformerDecoder.forward", arguments, 3);
    const own = readOptions<DecoderForwardOptions>("TransformerDecoder.forward", options, DECODER);
    return inScope(() => {
      const y = this.layers.reduce((x: TensorLike, layer) => layer.forward(x, memory, own), tgt) as Tensor;
      return this.norm === null ? y : this.norm.forward(y);
    });
  }
}
