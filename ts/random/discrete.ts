/** Draws of whole numbers, truth values and orders. Without a key each takes one from the implicit generator (`manualSeed`). */
import { atMost, axisOf, integer } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { isPlainObject, readOptions } from "../input/options.js";
import { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import {
  demand,
  drawArguments,
  drawShape,
  less,
  lessEqual,
  openUniform,
  parameter,
  raw,
  shown,
  type Draw,
  type NeedyDraw,
  type Parameter,
  type Shape,
} from "./arguments.js";
import { checkKey } from "./keys.js";

/** Options of `bernoulli`. */
export interface BernoulliOptions {
  /** The probability of true; default 1/2. */
  p?: Parameter;
}

/**
 * bool: true with probability p, `bernoulli(key, shape, { p })`. Without a shape that of p. Throws `ValueError` for a p outside of [0, 1].
 *
 * @example
 * const coins = ad.random.bernoulli(ad.random.key(0), [10]);
 */
export const bernoulli: Draw<BernoulliOptions> = (...args: unknown[]) => {
  const name = "random.bernoulli";
  const { key, shape, options } = drawArguments<BernoulliOptions>(name, args, ["p"]);
  return inScope(() => {
    const p = parameter(name, "p", options.p ?? 0.5);
    demand(name, lessEqual(0, p), `the probability p must lie between 0 and 1, got ${shown(p)}`);
    demand(name, lessEqual(p, 1), `the probability p must lie between 0 and 1, got ${shown(p)}`);
    // 24 bits are too few for what is rare.
    const coarse = typeof p === "number" && p > 2 ** -10 && p < 1 - 2 ** -10;
    return raw(name, "randomUniform", key, drawShape(name, shape, { p }), coarse ? "float32" : "float64").lt(p);
  });
};

/** Options of `randint`. */
export interface RandintOptions {
  /** The smallest number; default 0. */
  minval?: Parameter;
  /** One more than the largest. */
  maxval: Parameter;
}

const LEAST = -(2 ** 31);
const END = 2 ** 31;

/**
 * int32 from minval (included, default 0) to maxval (excluded): `randint(key, shape, { minval, maxval })`. Throws `ValueError` for bounds that
 * are no integers, outside of int32, or with nothing between them.
 *
 * @example
 * const dice = ad.random.randint(ad.random.key(0), [2], { minval: 1, maxval: 7 });
 */
export const randint: NeedyDraw<RandintOptions> = (...args: unknown[]) => {
  const name = "random.randint";
  const { key, shape, options } = drawArguments<RandintOptions>(name, args, ["minval", "maxval"]);
  const { minval, maxval } = options;
  if (maxval === undefined || maxval === null)
    throw new ValueError(`${name}: maxval is missing; write (key, shape, { minval, maxval })`, name);
  return inScope(() => {
    const [low, high] = [parameter(name, "minval", minval ?? 0), parameter(name, "maxval", maxval)];
    for (const bound of [low, high]) {
      demand(
        name,
        typeof bound === "number" ? Number.isInteger(bound) : bound.floor().eq(bound),
        `the bounds ${shown(low)} and ${shown(high)} must be integers`,
      );
    }
    demand(name, less(low, high), `from ${shown(low)} to ${shown(high)} there is no number; expected minval < maxval`);
    demand(name, lessEqual(LEAST, low), `int32 begins at ${LEAST}, minval is ${shown(low)}`);
    demand(name, lessEqual(high, END), `int32 ends below ${END}, maxval is ${shown(high)}`);
    const wide = (bound: number | Tensor) => (bound instanceof Tensor ? bound.cast("float64") : bound);
    const [a, b] = [wide(low), wide(high)];
    const span = typeof b === "number" ? (typeof a === "number" ? b - a : a.neg().add(b)) : b.sub(a);
    // 53 random bits times the span, which never rounds up to the span itself: no number is off its share by more than 2^-21 of it.
    const u = raw(name, "randomUniform", key, drawShape(name, shape, { minval: low, maxval: high }), "float64");
    return u.mul(span).floor().add(a).cast("int32");
  });
};

/** Options of `permutation`. */
export interface PermutationOptions {
  /** The axis along which a tensor's slices are reordered; default 0. */
  axis?: number;
}

/**
 * 0 ... n - 1 in random order (int32), or the slices of a tensor along `axis` in random order. `[n]` means n. Alone, without a key in
 * front, a tensor is what is reordered.
 */
export function permutation(key: Tensor, what: number | Tensor | Shape, options?: PermutationOptions): Tensor;
export function permutation(what: number | Tensor | Shape, options?: PermutationOptions): Tensor;
export function permutation(...args: unknown[]): Tensor {
  const name = "random.permutation";
  const keyed = args[0] instanceof Tensor && args.length > 1 && !isPlainObject(args[1]) && args[1] !== undefined;
  const key = keyed ? checkKey(name, args[0]) : undefined;
  const rest = keyed ? args.slice(1) : args;
  atMost(name, rest, 2);
  const { axis = 0 } = readOptions<PermutationOptions>(
    name,
    typeof rest[1] === "number" ? { axis: rest[1] } : (rest[1] as PermutationOptions | undefined),
    ["axis"],
  );
  const what = rest[0];
  if (what instanceof Tensor) {
    const at = axisOf(name, axis, what.ndim);
    return inScope(() => what.take(shuffled(name, key, what.shape[at]!), at));
  }
  const list = Array.isArray(what) ? (what as unknown[]) : [what];
  if (list.length !== 1) throw new ShapeError(`${name}: expected a number n, [n] or a tensor, got ${describe(what)}`, name);
  return inScope(() => shuffled(name, key, integer(name, "n", list[0], 0)));
}

/** 53 bits each, sorted: ties, which a stable sort would order by position, have probability n²/2^54. */
function shuffled(name: string, key: Tensor | undefined, n: number): Tensor {
  return raw(name, "randomUniform", key, [n], "float64").argsort();
}

/** Options of `categorical`. */
export interface CategoricalOptions {
  /** Unnormalised log probabilities, float32 or float64; -Infinity is a class that never comes. */
  logits: Tensor;
  /** The axis of the classes; default the last. */
  axis?: number;
}

/**
 * Class numbers (int32) drawn from unnormalised log probabilities along `axis`, by the Gumbel trick: `categorical(key, shape, { logits })`.
 * The shape ends with the logits' own batch axes, which it is where it is not given. Throws `ValueError` for NaN, +Infinity, and where no
 * class can come.
 *
 * @example
 * const labels = ad.random.categorical(ad.random.key(0), [5], { logits: ad.tensor([0, 1]) });
 */
export const categorical: NeedyDraw<CategoricalOptions> = (...args: unknown[]) => {
  const name = "random.categorical";
  const { key, shape, options } = drawArguments<CategoricalOptions>(name, args, ["logits", "axis"]);
  const { logits } = options;
  if (!(logits instanceof Tensor))
    throw new ValueError(`${name}: logits are missing: a float tensor of log probabilities, (key, shape, { logits })`, name);
  if (logits.dtype !== "float32" && logits.dtype !== "float64")
    throw new DTypeError(`${name}: logits are log probabilities, float32 or float64, got ${logits.dtype}`, name);
  const at = axisOf(name, options.axis ?? -1, logits.ndim);
  const batch = logits.shape.filter((_, i) => i !== at);
  const out = shape ?? batch;
  if (out.length < batch.length || batch.some((d, i) => d !== out[out.length - batch.length + i])) {
    throw new ShapeError(`${name}: the shape [${out.join(", ")}] does not end with the logits' batch axes [${batch.join(", ")}]`, name);
  }
  return inScope(() => {
    const largest = logits.moveaxis(at, -1).max(-1);
    demand(
      name,
      largest.isFinite(),
      "the largest logit of each distribution must be finite: NaN and Infinity are no log probabilities, and with all at -Infinity no class can come",
    );
    const noise = openUniform(name, key, [...out, logits.shape[at]!], logits.dtype)
      .log()
      .neg()
      .log()
      .neg();
    return logits.moveaxis(at, -1).add(noise).argmax(-1);
  });
};
