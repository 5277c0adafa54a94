/** Dropout: of elements, of channels, and the one that keeps SELU's mean and variance. Names and defaults are torch.nn's. */
import { atMost, boolean, probability } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import * as random from "../random/index.js";
import { nextKey } from "../random/state.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { Activation } from "./activations.js";
import { argument, show } from "./reduction.js";

/** Options of `dropout` and its kin. */
export interface DropoutOptions {
  /** The probability of a zero, from 0 to 1; default 0.5. */
  p?: number;
  /** false gives the input back; default true. */
  training?: boolean;
  /** A random key; without it the sequence of `manualSeed` goes on. */
  key?: Tensor;
}

/** Puts what is dropped in the place of x, where `keep` (which broadcasts) is false. */
type Drop = (x: Tensor, keep: Tensor, p: number) => Tensor;
const zeroed: Drop = (x, keep, p) => keep.where(p < 1 ? x.mul(1 / (1 - p)) : x, 0);

function drops(
  name: string,
  input: TensorLike,
  options: DropoutOptions | undefined,
  maskOf: (x: Tensor) => readonly number[],
  drop: Drop,
): Tensor {
  const { p = 0.5, training = true, key } = readOptions(name, options, ["p", "training", "key"]);
  probability(name, "probability", p);
  boolean(name, "training", training);
  if (key !== undefined && !(key instanceof Tensor))
    throw new ValueError(`${name}: key must be a key of random.key() or random.split(), got ${describe(key)}`, name);
  const x = argument(name, "the input", input);
  const shape = maskOf(x);
  if (!training || p === 0) return x;
  return inScope(() => drop(x, random.bernoulli(key ?? nextKey(name), shape, { p: 1 - p }), p));
}

/** Zeroes elements with probability p and scales the rest by 1/(1 - p), so that the mean stays. Not training, or with p = 0, gives the input back. */
export function dropout(input: TensorLike, options?: DropoutOptions): Tensor {
  atMost("dropout", arguments, 2);
  return drops("dropout", input, options, (x) => x.shape, zeroed);
}

/** The mask of whole channels of [batch, channels, ...] with `axes` axes behind; without the batch axis too. */
const channelsOf = (name: string, axes: number) => (x: Tensor) => {
  const channel = x.ndim - axes - 1;
  if (channel !== 0 && channel !== 1)
    throw new ShapeError(
      `${name}: the input has shape ${show(x.shape)}; expected [batch, channels] or [channels] and ${axes === 1 ? "one axis" : `${axes} axes`} behind`,
      name,
    );
  return x.shape.map((d, i) => (i > channel ? 1 : d));
};

/** Zeroes whole channels of [batch, channels, length] with probability p and scales the rest by 1/(1 - p). Throws `ShapeError`. */
export function dropout1d(input: TensorLike, options?: DropoutOptions): Tensor {
  atMost("dropout1d", arguments, 2);
  return drops("dropout1d", input, options, channelsOf("dropout1d", 1), zeroed);
}

/** Zeroes whole channels of [batch, channels, height, width] with probability p and scales the rest by 1/(1 - p). Throws `ShapeError`. */
export function dropout2d(input: TensorLike, options?: DropoutOptions): Tensor {
  atMost("dropout2d", arguments, 2);
  return drops("dropout2d", input, options, channelsOf("dropout2d", 2), zeroed);
}

/** Zeroes whole channels of [batch, channels, depth, height, width] with probability p and scales the rest by 1/(1 - p). Throws `ShapeError`. */
export function dropout3d(input: TensorLike, options?: DropoutOptions): Tensor {
  atMost("dropout3d", arguments, 2);
  return drops("dropout3d", input, options, channelsOf("dropout3d", 3), zeroed);
}

/** The limit of SELU far below 0. */
const LIMIT = -1.0507009873554805 * 1.6732632423543772;

/**
 * Sets elements to the limit of SELU, -1.758, with probability p, and scales and shifts all so that mean 0 and variance 1 stay. Klambauer et al. 2017.
 */
export function alphaDropout(input: TensorLike, options?: DropoutOptions): Tensor {
  atMost("alphaDropout", arguments, 2);
  return drops(
    "alphaDropout",
    input,
    options,
    (x) => x.shape,
    (x, keep, p) => {
      if (p === 1) return x.mul(0);
      const scale = 1 / Math.sqrt((1 - p) * (1 + p * LIMIT * LIMIT));
      return keep
        .where(x, LIMIT)
        .mul(scale)
        .add(-scale * p * LIMIT);
    },
  );
}

/** A layer that drops while training: its one setting is p. */
abstract class Drops extends Activation {
  /** The probability of a zero. */
  readonly p: number;
  protected constructor(
    private readonly name: string,
    private readonly apply: (x: TensorLike, options: DropoutOptions) => Tensor,
    p: number | Pick<DropoutOptions, "p"> | undefined,
  ) {
    super();
    this.p = probability(name, "probability", typeof p === "object" ? (readOptions(name, p, ["p"]).p ?? 0.5) : (p ?? 0.5));
  }
  /** Of the shape of the input; the input itself when evaluating. */
  forward(x: TensorLike): Tensor {
    atMost(`${this.name}.forward`, arguments, 1);
    return this.apply(x, { p: this.p, training: this.training });
  }
}

/** Zeroes elements with probability p while training and scales the rest by 1/(1 - p): `new Dropout(0.1)` or `new Dropout({ p: 0.1 })`. */
export class Dropout extends Drops {
  constructor(p?: number | Pick<DropoutOptions, "p">) {
    atMost("Dropout", arguments, 1);
    super("Dropout", dropout, p);
  }
}

/** Zeroes whole channels of [batch, channels, length] with probability p while training. */
export class Dropout1d extends Drops {
  constructor(p?: number | Pick<DropoutOptions, "p">) {
    atMost("Dropout1d", arguments, 1);
    super("Dropout1d", dropout1d, p);
  }
}

/** Zeroes whole channels of [batch, channels, height, width] with probability p while training. */
export class Dropout2d extends Drops {
  constructor(p?: number | Pick<DropoutOptions, "p">) {
    atMost("Dropout2d", arguments, 1);
    super("Dropout2d", dropout2d, p);
  }
}

/** Zeroes whole channels of [batch, channels, depth, height, width] with probability p while training. */
export class Dropout3d extends Drops {
  constructor(p?: number | Pick<DropoutOptions, "p">) {
    atMost("Dropout3d", arguments, 1);
    super("Dropout3d", dropout3d, p);
  }
}

/** `alphaDropout` while training, for networks of SELU. */
export class AlphaDropout extends Drops {
  constructor(p?: number | Pick<DropoutOptions, "p">) {
    atMost("AlphaDropout", arguments, 1);
    super("AlphaDropout", alphaDropout, p);
  }
}
