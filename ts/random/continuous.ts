/** Draws of real numbers. Each is `(key, shape, options)`, or `(shape, options)` with a key of the implicit generator (`manualSeed`). */
import { tensor } from "../creation.js";
import { dtypeCode } from "../dtype.js";
import { apply } from "../ops/apply.js";
import { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import {
  demand,
  drawArguments,
  drawShape,
  floatDtype,
  isFiniteEverywhere,
  less,
  lessEqual,
  openUniform,
  parameter,
  raw,
  shown,
  type Draw,
  type DrawOptions,
  type Parameter,
} from "./arguments.js";
import { nextKey } from "./state.js";

/** Options of `uniform`. */
export interface UniformOptions extends DrawOptions {
  /** The least number; default 0. */
  minval?: Parameter;
  /** The end, which never comes; default 1. */
  maxval?: Parameter;
}

/**
 * Uniform on [minval, maxval), default [0, 1); equal bounds give that number. Differentiable in the bounds. Throws `ValueError` for
 * bounds that are infinite, NaN or the wrong way round.
 */
export const uniform: Draw<UniformOptions> = (...args: unknown[]) => {
  const name = "random.uniform";
  const { key, shape, options } = drawArguments<UniformOptions>(name, args, ["dtype", "minval", "maxval"]);
  return inScope(() => {
    const low = parameter(name, "minval", options.minval ?? 0);
    const high = parameter(name, "maxval", options.maxval ?? 1);
    const dtype = floatDtype(name, options.dtype, low, high);
    for (const bound of [low, high])
      demand(name, isFiniteEverywhere(bound, dtype), `bounds must be finite ${dtype} numbers, got ${shown(low)} and ${shown(high)}`);
    demand(name, lessEqual(low, high), `minval ${shown(low)} is above maxval ${shown(high)}`);
    const u = raw(name, "randomUniform", key, drawShape(name, shape, { minval: low, maxval: high }), dtype);
    if (low === 0 && high === 1) return u;
    const [a, b] = [low, high].map((bound) => (bound instanceof Tensor ? bound.cast(dtype) : bound)) as [number | Tensor, number | Tensor];
    const x = between(u, a, b);
    // Rounding up to the end: counted as the start, which by rounding has got half a step too little.
    return x.lt(b).where(x, a);
  });
};

/** a + u (b - a); in halves where the difference may overflow, which costs nothing but the last bits of subnormal numbers. */
function between(u: Tensor, a: number | Tensor, b: number | Tensor): Tensor {
  if (typeof a === "number" && typeof b === "number") {
    const width = u.dtype === "float32" ? Math.fround(b - a) : b - a;
    if (Number.isFinite(width)) return u.mul(width).add(a);
  }
  const half = (x: number | Tensor) => (typeof x === "number" ? x / 2 : x.mul(0.5));
  const [from, to] = [half(a), half(b)];
  const width = typeof to === "number" ? (typeof from === "number" ? to - from : from.neg().add(to)) : to.sub(from);
  return u.mul(width).add(from).mul(2).maximum(a);
}

/** Options of `normal`. */
export interface NormalOptions extends DrawOptions {
  /** The mean; default 0. */
  mean?: Parameter;
  /** The standard deviation, from 0 on; default 1. */
  std?: Parameter;
}

/** Normal with the given mean and standard deviation, in which it is differentiable. Throws `ValueError` for a negative or NaN std. */
export const normal: Draw<NormalOptions> = (...args: unknown[]) => {
  const name = "random.normal";
  const { key, shape, options } = drawArguments<NormalOptions>(name, args, ["dtype", "mean", "std"]);
  return inScope(() => {
    const mean = parameter(name, "mean", options.mean ?? 0);
    const std = parameter(name, "std", options.std ?? 1);
    const dtype = floatDtype(name, options.dtype, mean, std);
    demand(name, isFiniteEverywhere(mean, dtype), `the mean must be a finite ${dtype} number, got ${shown(mean)}`);
    demand(name, isFiniteEverywhere(std, dtype), `the standard deviation must be a finite ${dtype} number, got ${shown(std)}`);
    demand(name, lessEqual(0, std), `the standard deviation must not be negative, got ${shown(std)}`);
    const z = raw(name, "randomNormal", key, drawShape(name, shape, { mean, std }), dtype);
    return mean === 0 && std === 1 ? z : z.mul(std).add(mean).cast(dtype);
  });
};

/** Options of `truncatedNormal`. */
export interface TruncatedNormalOptions extends DrawOptions {
  /** The least number; default -2. */
  lower?: Parameter;
  /** The largest number; default 2. */
  upper?: Parameter;
}

/**
 * Standard normal between `lower` (default -2) and `upper` (default 2), infinite ones included; right to the last digits however
 * far out the bounds are, and differentiable in them. Throws `ValueError` unless lower < upper.
 */
export const truncatedNormal: Draw<TruncatedNormalOptions> = (...args: unknown[]) => {
  const name = "random.truncatedNormal";
  const { key, shape, options } = drawArguments<TruncatedNormalOptions>(name, args, ["dtype", "lower", "upper"]);
  return inScope(() => {
    const lower = parameter(name, "lower", options.lower ?? -2);
    const upper = parameter(name, "upper", options.upper ?? 2);
    demand(name, less(lower, upper), `the lower bound ${shown(lower)} is not below the upper bound ${shown(upper)}`);
    const dtype = floatDtype(name, options.dtype, lower, upper);
    // In float64 whatever the result: a float32 has too few digits near 1 for an upper tail.
    const wide = (bound: number | Tensor) => (bound instanceof Tensor ? bound.cast("float64") : tensor(bound, { dtype: "float64" }));
    const u = openUniform(name, key, drawShape(name, shape, { lower, upper }), "float64");
    return apply("truncatedNormal", [u, wide(lower), wide(upper)]).cast(dtype);
  });
};

/** Standard Gumbel: -log(-log u). */
export const gumbel: Draw<DrawOptions> = (...args: unknown[]) => {
  const { key, shape = [], options } = drawArguments<DrawOptions>("random.gumbel", args, ["dtype"]);
  const dtype = floatDtype("random.gumbel", options.dtype);
  return inScope(() => openUniform("random.gumbel", key, shape, dtype).log().neg().log().neg());
};

/** Exponential with rate 1, above 0: -log u. */
export const exponential: Draw<DrawOptions> = (...args: unknown[]) => {
  const { key, shape = [], options } = drawArguments<DrawOptions>("random.exponential", args, ["dtype"]);
  const dtype = floatDtype("random.exponential", options.dtype);
  return inScope(() => openUniform("random.exponential", key, shape, dtype).log().neg());
};

/** Options of `gamma`. */
export interface GammaOptions extends DrawOptions {
  /** The shape parameter of the distribution, positive; default 1. */
  a?: Parameter;
}

/**
 * Gamma with shape parameter `a` and scale 1, `gamma(key, shape, { a })`. Differentiable once in `a`, by implicit reparameterisation. Throws
 * `ValueError` for an `a` that is not positive and finite.
 */
export const gamma: Draw<GammaOptions> = (...args: unknown[]) => {
  const name = "random.gamma";
  const { key, shape: given, options } = drawArguments<GammaOptions>(name, args, ["dtype", "a"]);
  return inScope(() => {
    const a = parameter(name, "a", options.a ?? 1);
    const dtype = floatDtype(name, options.dtype, a);
    const shape = drawShape(name, given, { a });
    demand(name, less(0, a), `the shape parameter a must be positive, got ${shown(a)}`);
    demand(name, isFiniteEverywhere(a, dtype), `the shape parameter a must be a finite ${dtype} number, got ${shown(a)}`);
    const alpha = a instanceof Tensor ? a.cast(dtype) : tensor(a, { dtype });
    return apply("randomGamma", [key ?? nextKey(name), alpha], [dtypeCode(dtype), ...shape]);
  });
};
