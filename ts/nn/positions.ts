/** Where an element of a sequence stands, as numbers that are added to it. */
import { atMost, boolean, integer, number, probability } from "../input/arguments.js";
import { tensor } from "../creation.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { dropout } from "./dropout.js";
import * as init from "./init.js";
import { Module, parameter, type Parameter } from "./module.js";
import { argument, show } from "./reduction.js";

/** Options of `sinusoidalPositions`. */
export interface SinusoidalOptions {
  /** The longest wave has about 2π times this many positions; default 10000. */
  base?: number;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/**
 * Of shape [length, width]: of position t in columns 2i and 2i + 1 sin and cos of t / base^(2i / width) (Vaswani et al., 2017, 3.5).
 *
 * @example
 * ad.nn.sinusoidalPositions(2, 4).at(1); // [0.84147, 0.5403, 0.01, 0.99995]
 */
export function sinusoidalPositions(length: number, width: number, options?: SinusoidalOptions): Tensor {
  const name = "nn.sinusoidalPositions";
  atMost(name, arguments, 3);
  const { base = 10000, dtype } = readOptions<SinusoidalOptions>(name, options, ["base", "dtype"]);
  integer(name, "length", length, 0);
  integer(name, "width", width, 1);
  if (!(number(name, "base", base) > 0)) throw new ValueError(`${name}: base is ${base}; expected a number above 0`, name);
  const values = Float64Array.from({ length: length * width }, (_, at) => {
    const [t, column] = [Math.floor(at / width), at % width];
    const angle = t / base ** ((column - (column % 2)) / width);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return tensor(values, { shape: [length, width], dtype: dtype ?? "float32" });
}

/** Options of `PositionalEncoding`. */
export interface PositionalEncodingOptions {
  /** The probability of a zero while training; default 0.1. */
  dropout?: number;
  /** The input is [batch, length, dModel] instead of [length, batch, dModel]; default false. */
  batchFirst?: boolean;
}

/**
 * Adds `sinusoidalPositions` to a sequence of any length, and drops. Nothing is trained; for positions that are, see `LearnedPositionalEncoding`.
 *
 * @example
 * new ad.nn.PositionalEncoding(4, { batchFirst: true }).eval().forward(ad.zeros([1, 2, 4])).at(0, 0); // [0, 1, 0, 1]
 */
export class PositionalEncoding extends Module {
  /** The probability of a zero while training. */
  readonly dropout: number;
  /** Whether the batch is the first axis. */
  readonly batchFirst: boolean;
  constructor(
    /** The width of the sequence. */
    readonly dModel: number,
    options?: PositionalEncodingOptions,
  ) {
    atMost("PositionalEncoding", arguments, 2);
    super();
    const { dropout: p = 0.1, batchFirst = false } = readOptions<PositionalEncodingOptions>("PositionalEncoding", options, [
      "dropout",
      "batchFirst",
    ]);
    integer("PositionalEncoding", "dModel", dModel, 1);
    this.dropout = probability("PositionalEncoding", "dropout", p);
    this.batchFirst = boolean("PositionalEncoding", "batchFirst", batchFirst);
  }

  /** [length, batch, dModel] to the same; [length, dModel] too. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    atMost("PositionalEncoding.forward", arguments, 1);
    return placed("PositionalEncoding", this, argument("PositionalEncoding", "the input", input), (length, x) =>
      sinusoidalPositions(length, this.dModel, { dtype: x.dtype === "float64" ? "float64" : "float32" }),
    );
  }
}

/** Options of `LearnedPositionalEncoding`. */
export interface LearnedPositionalEncodingOptions extends PositionalEncodingOptions {
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/**
 * Adds a trained row for each position to a sequence of at most `maxLength`, and drops (Gehring et al., 2017). The rows begin as normal numbers of standard deviation
 * 0.02, and are named `weight` in `stateDict()`, as those of an `Embedding` of positions.
 *
 * @example
 * const positions = new ad.nn.LearnedPositionalEncoding(512, 4, { batchFirst: true });
 * positions.forward(ad.zeros([3, 7, 4])).shape; // [3, 7, 4]
 */
export class LearnedPositionalEncoding extends Module {
  /** A row for each position, [maxLength, dModel]. */
  weight: Parameter;
  /** The probability of a zero while training. */
  readonly dropout: number;
  /** Whether the batch is the first axis. */
  readonly batchFirst: boolean;
  constructor(
    /** How long a sequence may be. */
    readonly maxLength: number,
    /** The width of the sequence. */
    readonly dModel: number,
    options?: LearnedPositionalEncodingOptions,
  ) {
    const name = "LearnedPositionalEncoding";
    atMost(name, arguments, 3);
    super();
    const known = ["dropout", "batchFirst", "dtype"] as const;
    const { dropout: p = 0.1, batchFirst = false, dtype } = readOptions<LearnedPositionalEncodingOptions>(name, options, known);
    integer(name, "maxLength", maxLength, 1);
    integer(name, "dModel", dModel, 1);
    this.dropout = probability(name, "dropout", p);
    this.batchFirst = boolean(name, "batchFirst", batchFirst);
    this.weight = parameter(init.normal([maxLength, dModel], 0, 0.02, { dtype }));
  }

  /** [length, batch, dModel] to the same; [length, dModel] too. Throws `ShapeError`, also where length is above maxLength. */
  forward(input: TensorLike): Tensor {
    const name = "LearnedPositionalEncoding";
    atMost(`${name}.forward`, arguments, 1);
    return placed(name, this, argument(name, "the input", input, this.weight), (length) => {
      if (length > this.maxLength)
        throw new ShapeError(`${name}: the sequence has length ${length}; there are positions for maxLength = ${this.maxLength}`, name);
      return this.weight.slice([0, 0], [length, this.dModel]);
    });
  }
}

/** The sequence plus what `positions` gives for its length, dropped. */
function placed(
  name: string,
  layer: PositionalEncoding | LearnedPositionalEncoding,
  x: Tensor,
  positions: (length: number, x: Tensor) => Tensor,
): Tensor {
  const { dModel, batchFirst, dropout: p, training } = layer;
  if ((x.ndim !== 2 && x.ndim !== 3) || x.shape.at(-1) !== dModel)
    throw new ShapeError(
      `${name}: the input has shape ${show(x.shape)}; expected ${batchFirst ? "[batch, length" : "[length, batch"}, ${dModel}] or [length, ${dModel}]`,
      name,
    );
  return inScope(() => {
    const added = positions(x.shape[x.ndim === 3 && batchFirst ? 1 : 0]!, x);
    return dropout(x.add(x.ndim === 3 && !batchFirst ? added.unsqueeze(1) : added), { p, training });
  });
}
