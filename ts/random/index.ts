/**
 * Counter-based random numbers (threefry2x32, 20 rounds: Salmon et al., SC 2011), with JAX's splittable keys: the same key
 * gives the same numbers on every host and in every build, and a key is used once.
 */
import { dtypeCode, type DType } from "../dtype.js";
import { checkShape, getDefaultDtype, tensor } from "../creation.js";
import { DTypeError, ValueError } from "../errors.js";
import { inScope } from "../transforms/machinery.js";
import { apply } from "../ops/apply.js";
import { Tensor } from "../tensor.js";

export interface DrawOptions {
  dtype?: DType;
}

/** A key from a seed: any integer up to 2^53. */
export function key(seed: number): Tensor {
  if (!Number.isSafeInteger(seed)) throw new ValueError(`random.key: seed ${seed} is not an integer below 2^53`, "random.key");
  const low = ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  return tensor(Int32Array.of(high | 0, low | 0));
}

/** `n` new keys [n, 2]; unpack them with `.at(i)`, or map over them with vmap. */
export function split(k: Tensor, n = 2): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new ValueError(`random.split: ${n} is not a number of keys`, "random.split");
  return apply("randomSplit", [k], [n]);
}

function drawn(name: string, op: "randomUniform" | "randomNormal", k: Tensor, shape: readonly number[], dtype: DType = getDefaultDtype()): Tensor {
  checkShape(shape, name);
  if (dtype !== "float32" && dtype !== "float64") throw new DTypeError(`${name}: numbers are drawn as float32 or float64, not ${String(dtype)}`, name);
  return apply(op, [k], [dtypeCode(dtype), ...shape]);
}

/** Uniform on [minval, maxval), default [0, 1). */
export function uniform(k: Tensor, shape: readonly number[] = [], options: DrawOptions & { minval?: number; maxval?: number } = {}): Tensor {
  const { minval = 0, maxval = 1 } = options;
  return inScope(() => {
    const u = drawn("random.uniform", "randomUniform", k, shape, options.dtype);
    return minval === 0 && maxval === 1 ? u : u.mul(maxval - minval).add(minval);
  });
}

/** Normal with the given mean and standard deviation. */
export function normal(k: Tensor, shape: readonly number[] = [], options: DrawOptions & { mean?: number; std?: number } = {}): Tensor {
  const { mean = 0, std = 1 } = options;
  return inScope(() => {
    const z = drawn("random.normal", "randomNormal", k, shape, options.dtype);
    return mean === 0 && std === 1 ? z : z.mul(std).add(mean);
  });
}

/** Standard normal between `lower` and `upper`, by inversion: √2 erfinv of a uniform between erf(lower/√2) and erf(upper/√2). */
export function truncatedNormal(k: Tensor, shape: readonly number[] = [], options: DrawOptions & { lower?: number; upper?: number } = {}): Tensor {
  const { lower = -2, upper = 2 } = options;
  if (!(lower < upper)) throw new ValueError(`random.truncatedNormal: the lower bound ${lower} is not below the upper bound ${upper}`, "random.truncatedNormal");
  return inScope(() => {
    const u = drawn("random.truncatedNormal", "randomUniform", k, shape, options.dtype);
    const bound = (v: number) => (Number.isFinite(v) ? tensor(v / Math.SQRT2, { dtype: "float64" }).erf().item() : Math.sign(v));
    const [a, b] = [bound(lower), bound(upper)];
    // Rounding may step over an end by a bit: clamp.
    return u.mul(b - a).add(a).erfinv().mul(Math.SQRT2).clamp(lower, upper);
  });
}

/** Distribution parameters before the shape are JAX's order, in the options ours: `f(key, p, shape)` is `f(key, shape, { p })`. */
function isParameter(value: unknown): value is number | Tensor {
  return typeof value === "number" || value instanceof Tensor;
}

const shapeOf = (value: number | Tensor): readonly number[] => (value instanceof Tensor ? value.shape : []);

/** true with probability p (default 1/2; a tensor broadcasts against the shape). */
export function bernoulli(k: Tensor, shape: readonly number[] | number | Tensor = [], options: { p?: number | Tensor } | readonly number[] = {}): Tensor {
  if (isParameter(shape)) return bernoulli(k, Array.isArray(options) ? (options as number[]) : shapeOf(shape), { p: shape });
  const { p = 0.5 } = options as { p?: number | Tensor };
  return inScope(() => drawn("random.bernoulli", "randomUniform", k, shape, "float32").lt(p));
}

/** int32 from minval (included, default 0) to maxval (excluded): `randint(key, shape, { minval, maxval })` or `(key, shape, minval, maxval)`. */
export function randint(k: Tensor, shape: readonly number[], bounds: { minval?: number; maxval: number } | number, maxval?: number): Tensor {
  const [low, high] = typeof bounds === "number" ? [bounds, maxval] : [bounds?.minval ?? 0, bounds?.maxval];
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high!) {
    throw new ValueError(`random.randint: from ${low} to ${high}; expected integers with minval < maxval`, "random.randint");
  }
  // 53 random bits times the span: the bias is below 2^-21 for any int32 span.
  return inScope(() => drawn("random.randint", "randomUniform", k, shape, "float64").mul(high! - low).floor().add(low).cast("int32"));
}

/** 0 ... n - 1 in random order (int32), or the slices of a tensor along `axis` in random order. `[n]` means n. */
export function permutation(k: Tensor, what: number | Tensor | readonly number[], options: { axis?: number } | number = {}): Tensor {
  const axis = typeof options === "number" ? options : (options.axis ?? 0);
  const of = what instanceof Tensor || typeof what === "number" ? what : what[0]!;
  return inScope(() => {
    const n = typeof of === "number" ? of : of.shape[axis]!;
    // 53 bits each: ties, which a stable sort would order by position, have probability n²/2^54.
    const order = drawn("random.permutation", "randomUniform", k, [n], "float64").argsort();
    return typeof of === "number" ? order : of.take(order, axis);
  });
}

/** Standard Gumbel: -log(-log u). */
export function gumbel(k: Tensor, shape: readonly number[] = [], options: DrawOptions = {}): Tensor {
  return inScope(() => positive("random.gumbel", k, shape, options).log().neg().log().neg());
}

/** Exponential with rate 1: -log u. */
export function exponential(k: Tensor, shape: readonly number[] = [], options: DrawOptions = {}): Tensor {
  return inScope(() => drawn("random.exponential", "randomUniform", k, shape, options.dtype).neg().log1p().neg());
}

/** Uniform on (0, 1): zero, which has no logarithm, is lifted to half a step. */
function positive(name: string, k: Tensor, shape: readonly number[], options: DrawOptions): Tensor {
  const u = drawn(name, "randomUniform", k, shape, options.dtype);
  return u.maximum(u.dtype === "float64" ? 2 ** -54 : 2 ** -25);
}

export interface CategoricalOptions {
  logits?: Tensor;
  axis?: number;
  shape?: readonly number[];
}

/**
 * Class numbers (int32) drawn from unnormalised log probabilities along `axis`, by the Gumbel trick:
 * `categorical(key, shape, { logits })` or `(key, logits, { shape })`. The shape ends with the logits' own batch axes.
 */
export function categorical(k: Tensor, first: Tensor | readonly number[], options: CategoricalOptions = {}): Tensor {
  if (!(first instanceof Tensor)) {
    if (!(options.logits instanceof Tensor)) throw new ValueError("random.categorical: the options need logits, a tensor of log probabilities", "random.categorical");
    return categorical(k, options.logits, { axis: options.axis, shape: first });
  }
  const logits = first;
  return inScope(() => {
    const { axis = -1 } = options;
    const at = axis < 0 ? axis + logits.ndim : axis;
    const batch = logits.shape.filter((_, i) => i !== at);
    const shape = options.shape ?? batch;
    const moved = logits.moveaxis(at, -1);
    const noise = gumbel(k, [...shape, logits.shape[at]!], { dtype: logits.dtype });
    return moved.add(noise).argmax(-1);
  });
}

/**
 * Gamma with shape parameter `a` (default 1) and scale 1, `gamma(key, shape, { a })` or `(key, a, shape)`: Marsaglia and Tsang, ACM TOMS 26 (2000), with as many proposals drawn at once
 * as make a miss rarer than 1e-12, and boosted for a < 1.
 */
export function gamma(k: Tensor, first: readonly number[] | number | Tensor, second: (DrawOptions & { a?: number | Tensor }) | readonly number[] = {}, third: DrawOptions = {}): Tensor {
  if (!isParameter(first)) {
    const { a = 1, ...rest } = second as DrawOptions & { a?: number | Tensor };
    return gamma(k, a, first, rest);
  }
  const [a, shape, options] = [first, Array.isArray(second) ? (second as number[]) : undefined, third];
  return inScope(() => {
    const dtype = options.dtype ?? getDefaultDtype();
    const alpha = typeof a === "number" ? tensor(a, { dtype }) : a.cast(dtype);
    if (!alpha.gt(0).all().item()) throw new ValueError("random.gamma: the shape parameter must be positive", "random.gamma");
    const out = shape ?? alpha.shape;
    const keys = split(k, 3);
    const [kNormal, kUniform, kBoost] = [keys.at(0), keys.at(1), keys.at(2)];
    const boost = alpha.lt(1);
    // a < 1: draw for a + 1 and multiply by u^(1/a).
    const d = boost.where(alpha.add(1), alpha).sub(1 / 3);
    const c = d.mul(9).rsqrt();
    // Each proposal is accepted with probability above 0.95: ten misses have probability below 1e-13.
    const tries = 10;
    const x = normal(kNormal, [tries, ...out], { dtype });
    const u = positive("random.gamma", kUniform, [tries, ...out], { dtype });
    const root = x.mul(c).add(1);
    const v = root.mul(root).mul(root);
    const safe = v.gt(0).where(v, 1);
    const bound = x.square().mul(0.5).add(d).sub(d.mul(v)).add(d.mul(safe.log()));
    const accepted = v.gt(0).logicalAnd(u.log().lt(bound));
    const first = accepted.cast("int32").argmax(0, { keepdims: true });
    const drawn = d.mul(v.gather(0, first).reshape(out));
    const lift = positive("random.gamma", kBoost, out, { dtype }).pow(alpha.reciprocal());
    return boost.where(drawn.mul(lift), drawn);
  });
}

export * from "./state.js";
