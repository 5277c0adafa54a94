/** Layers with parameters. Names and defaults are torch.nn's; `forward` accepts arrays for tensors. */
import { atMost, boolean, integer, number } from "../input/arguments.js";
import { assign } from "../ambient.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import { lookUp } from "../ops/lookup.js";
import { recorder } from "../recording.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import * as init from "./init.js";
import { Module, parameter, type Parameter } from "./module.js";
import { argument } from "./reduction.js";

/** Options of `Linear`. */
export interface LinearOptions {
  /** Add a trained vector; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/**
 * x Wᵀ + b with W of shape [outFeatures, inFeatures]: the last axis of the input, [..., inFeatures], becomes outFeatures. Starts as
 * PyTorch's does, uniform within ±1/√inFeatures.
 */
export class Linear extends Module {
  /** W, [outFeatures, inFeatures]. */
  weight: Parameter;
  /** b, [outFeatures]; null without one. */
  bias: Parameter | null;
  /** The size of the input's last axis. */
  readonly inFeatures: number;
  /** The size of the output's last axis. */
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions) {
    atMost("Linear", arguments, 3);
    super();
    const { bias = true, dtype } = readOptions("Linear", options, ["bias", "dtype"]);
    this.inFeatures = integer("Linear", "inFeatures", inFeatures, 0);
    this.outFeatures = integer("Linear", "outFeatures", outFeatures, 0);
    boolean("Linear", "bias", bias);
    // PyTorch's kaiming uniform with a = √5: both bounds are 1/√in.
    const bound = 1 / Math.sqrt(Math.max(inFeatures, 1));
    this.weight = parameter(init.uniform([outFeatures, inFeatures], -bound, bound, { dtype }));
    this.bias = bias ? parameter(init.uniform([outFeatures], -bound, bound, { dtype })) : null;
  }

  /** [..., inFeatures] to [..., outFeatures]. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    atMost("Linear.forward", arguments, 1);
    const x = argument("Linear", "the input", input, this.weight);
    const { shape } = x;
    if (shape.length === 0 || shape[shape.length - 1] !== this.inFeatures) {
      throw new ShapeError(
        `Linear: the input has shape [${shape.join(", ")}]; its last axis must be inFeatures = ${this.inFeatures}`,
        "Linear",
      );
    }
    const y = x.matmul(this.weight.T);
    return this.bias === null ? y : y.add(this.bias);
  }
}

/** What `Sequential` is made of: a module of one tensor, or a function. */
export type Layer = Module | ((x: Tensor) => Tensor);

/** Modules (or functions of one tensor) one after the other: `new Sequential(new Linear(2, 8), new ReLU(), (x) => x.mul(2))`. */
export class Sequential extends Module {
  /** As given, in order. */
  readonly layers: Layer[];
  constructor(...layers: Layer[]) {
    super();
    for (const layer of layers) {
      if (layer instanceof Module || typeof layer === "function") continue;
      const cure = Array.isArray(layer) ? "; spread a list: new Sequential(...layers)" : "";
      throw new ValueError(`Sequential: a layer is a module or a function, got ${describe(layer)}${cure}`, "Sequential");
    }
    this.layers = layers;
  }

  /** @internal As PyTorch names them: `0.weight` is that of the first layer. */
  override *places(prefix = "", above: readonly Module<unknown>[] = []): ReturnType<Module["places"]> {
    for (const place of super.places("", above)) yield { ...place, name: prefix + place.name.replace(/^layers\./, "") };
  }

  forward(input: TensorLike): Tensor {
    atMost("Sequential.forward", arguments, 1);
    let x = input;
    for (const layer of this.layers) x = layer instanceof Module ? layer.forward(x) : layer(argument("Sequential", "the input", x));
    return argument("Sequential", "the input", x);
  }
}

/** Options of `Embedding`. */
export interface EmbeddingOptions {
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
  /** A row that stands for nothing: starts as zeros and gets no gradient. Negative ones count from the end. */
  paddingIdx?: number;
  /** Rows longer than this are shortened to it, in place, when they are looked up. */
  maxNorm?: number;
  /** The p of the norm that `maxNorm` bounds; default 2. */
  normType?: number;
}

/** Rows of a trained table [count, width] by int32 indices of any shape: [...] to [..., width]. Negative indices are refused. */
export class Embedding extends Module {
  /** The table, [count, width]. */
  weight: Parameter;
  /** The row that stands for nothing, counted from the start; null without one. */
  readonly paddingIdx: number | null;
  /** The bound on the length of rows; null without one. */
  readonly maxNorm: number | null;
  /** The p of the norm that is bounded. */
  readonly normType: number;

  constructor(
    /** The number of rows. */
    readonly count: number,
    /** The length of a row. */
    readonly width: number,
    options?: EmbeddingOptions,
  ) {
    atMost("Embedding", arguments, 3);
    super();
    const { dtype, paddingIdx, maxNorm, normType = 2 } = readOptions("Embedding", options, ["dtype", "paddingIdx", "maxNorm", "normType"]);
    integer("Embedding", "the number of rows", count, 1);
    integer("Embedding", "the width", width, 1);
    this.paddingIdx =
      paddingIdx === undefined || paddingIdx === null
        ? null
        : (integer("Embedding", "paddingIdx", paddingIdx, -count, count - 1) + count) % count;
    this.maxNorm = maxNorm === undefined || maxNorm === null ? null : positive("Embedding", "maxNorm", maxNorm);
    this.normType = positive("Embedding", "normType", normType);
    this.weight = parameter(
      inScope(() => {
        const drawn = init.normal([count, width], 0, 1, { dtype });
        return this.paddingIdx === null ? drawn : where(isRow(count, this.paddingIdx), 0, drawn);
      }),
    );
  }

  /** Throws `IndexError` for an index outside 0 ... count - 1, `DTypeError` unless the indices are int32 (plain arrays become so). */
  forward(indices: TensorLike): Tensor {
    atMost("Embedding.forward", arguments, 1);
    return inScope(() => {
      const given = indices instanceof Tensor ? indices : tensor(indices, { dtype: "int32" });
      if (this.maxNorm !== null) this.shorten(given);
      const y = lookUp("Embedding", given, this.weight);
      return this.paddingIdx === null ? y : where(given.eq(this.paddingIdx).unsqueeze(-1), y.detach(), y);
    });
  }

  /** The rows looked up, none longer than maxNorm: PyTorch writes them back to the table. */
  private shorten(rows: Tensor): void {
    noGrad(() => {
      const table = this.weight.detach();
      // A look first, which costs less than the table; a recorded program must not depend on it.
      if (recorder === null) {
        const used = lookUp("Embedding", rows.flatten(), table).norm(-1, { p: this.normType });
        if (!used.gt(this.maxNorm!).any().item()) return;
      }
      const norms = table.norm(1, { p: this.normType, keepdims: true });
      const wanted = tensor(new Int32Array(this.count))
        .scatterAdd(0, rows.flatten(), tensor(new Int32Array(rows.size).fill(1)))
        .gt(0)
        .unsqueeze(1);
      const long = norms.gt(this.maxNorm!).logicalAnd(wanted);
      assign(this.weight, where(long, table.mul(norms.add(1e-7).reciprocal().mul(this.maxNorm!)), table));
    });
  }
}

/** [count, 1], true in one row. */
const isRow = (count: number, row: number) => tensor(Array.from({ length: count }, (_, i) => [i === row]));

function positive(op: string, what: string, value: number): number {
  if (!(number(op, what, value) > 0)) throw new ValueError(`${op}: ${what} is ${value}; expected a number above 0`, op);
  return value;
}
