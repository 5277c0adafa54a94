/** Initial values, as torch.nn.init: each makes a plain tensor of a shape [out, in, ...]. Driven by `manualSeed`. */
import { atMost, integer, number, probability } from "../input/arguments.js";
import { checkShape, eye as eyeOf, full, ones as onesOf, tensor, zeros as zerosOf } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import { qr } from "../ops/linalg.js";
import * as random from "../random/index.js";
import { nextKey } from "../random/state.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor } from "../tensor.js";

/** Options of the initialisers. */
export interface InitOptions {
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** How many numbers meet in an output, and how many an input goes to. */
export interface Fans {
  /** Inputs of an output. */
  fanIn: number;
  /** Outputs of an input. */
  fanOut: number;
}

/** How many inputs and outputs a weight connects, the receptive field included. */
export function fans(shape: readonly number[]): Fans {
  atMost("init.fans", arguments, 1);
  checkShape(shape, "init");
  if (shape.length < 2)
    throw new ShapeError(`init: shape [${shape.join(", ")}] has no fan; expected at least two axes [out, in, ...]`, "init");
  const field = shape.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

/** The factor for the standard deviation after a nonlinearity. */
export function gain(nonlinearity: string, slope = 0.01): number {
  atMost("init.gain", arguments, 2);
  switch (nonlinearity) {
    case "linear":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "selu":
      return 3 / 4;
    default:
      throw new ValueError(
        `init.gain: the nonlinearity must be one of linear, sigmoid, tanh, relu, leakyRelu or selu, got ${describe(nonlinearity)}`,
        "init.gain",
      );
  }
}

/** Uniform on [low, high). */
export function uniform(shape: readonly number[], low = 0, high = 1, options?: InitOptions): Tensor {
  atMost("init.uniform", arguments, 4);
  const { dtype } = readOptions("init.uniform", options, ["dtype"]);
  const [minval, maxval] = [number("init.uniform", "low", low), number("init.uniform", "high", high)];
  return inScope(() => random.uniform(nextKey("init.uniform"), shape, { dtype, minval, maxval }));
}

/** Normal with the given mean and standard deviation. */
export function normal(shape: readonly number[], mean = 0, std = 1, options?: InitOptions): Tensor {
  atMost("init.normal", arguments, 4);
  const { dtype } = readOptions("init.normal", options, ["dtype"]);
  number("init.normal", "the mean", mean);
  if (!(number("init.normal", "std", std) >= 0))
    throw new ValueError(`init.normal: std is ${std}; expected a number from 0`, "init.normal");
  return inScope(() => random.normal(nextKey("init.normal"), shape, { dtype, mean, std }));
}

/** Zeros, as for biases. */
export function zeros(shape: readonly number[], options?: InitOptions): Tensor {
  atMost("init.zeros", arguments, 2);
  return zerosOf(shape, readOptions("init.zeros", options, ["dtype"]));
}

/** Ones, as for scales. */
export function ones(shape: readonly number[], options?: InitOptions): Tensor {
  atMost("init.ones", arguments, 2);
  return onesOf(shape, readOptions("init.ones", options, ["dtype"]));
}

/** One number everywhere. */
export function constant(shape: readonly number[], value: number, options?: InitOptions): Tensor {
  atMost("init.constant", arguments, 3);
  return full(shape, value, readOptions("init.constant", options, ["dtype"]));
}

/** Options of `kaimingUniform` and `kaimingNormal`. */
export interface KaimingOptions extends InitOptions {
  /** What follows the layer; default "leakyRelu" with slope 0, which is "relu". */
  nonlinearity?: string;
  /** Slope of leakyRelu. */
  slope?: number;
  /** Keep the variance of activations ("fanIn", default) or of gradients ("fanOut"). */
  mode?: "fanIn" | "fanOut";
}

function kaimingStd(name: string, shape: readonly number[], options: KaimingOptions | undefined): { std: number; dtype: InitOptions } {
  const {
    nonlinearity = "leakyRelu",
    slope = 0,
    mode = "fanIn",
    dtype,
  } = readOptions(name, options, ["nonlinearity", "slope", "mode", "dtype"]);
  if (mode !== "fanIn" && mode !== "fanOut") throw new ValueError(`${name}: mode must be "fanIn" or "fanOut", got ${describe(mode)}`, name);
  return { std: gain(nonlinearity, number(name, "slope", slope)) / Math.sqrt(fans(shape)[mode]), dtype: { dtype } };
}

/** He et al. 2015: keeps the variance of activations through rectifiers. */
export function kaimingUniform(shape: readonly number[], options?: KaimingOptions): Tensor {
  atMost("init.kaimingUniform", arguments, 2);
  const { std, dtype } = kaimingStd("init.kaimingUniform", shape, options);
  return uniform(shape, -Math.sqrt(3) * std, Math.sqrt(3) * std, dtype);
}

/** He et al. 2015, normal. */
export function kaimingNormal(shape: readonly number[], options?: KaimingOptions): Tensor {
  atMost("init.kaimingNormal", arguments, 2);
  const { std, dtype } = kaimingStd("init.kaimingNormal", shape, options);
  return normal(shape, 0, std, dtype);
}

/** Glorot and Bengio 2010: keeps the variance of activations and gradients; `factor` is the gain of what follows. */
export function xavierUniform(shape: readonly number[], factor = 1, options?: InitOptions): Tensor {
  atMost("init.xavierUniform", arguments, 3);
  const { fanIn, fanOut } = fans(shape);
  const bound = number("init.xavierUniform", "the factor", factor) * Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, -bound, bound, options);
}

/** Glorot and Bengio 2010, normal. */
export function xavierNormal(shape: readonly number[], factor = 1, options?: InitOptions): Tensor {
  atMost("init.xavierNormal", arguments, 3);
  const { fanIn, fanOut } = fans(shape);
  return normal(shape, 0, number("init.xavierNormal", "the factor", factor) * Math.sqrt(2 / (fanIn + fanOut)), options);
}

/**
 * Normal, drawn again where it would lie outside of [low, high].
 *
 * @example
 * ad.nn.init.truncNormal([100], 0, 1, -0.5, 0.5).abs().max().item() <= 0.5; // true
 */
export function truncNormal(shape: readonly number[], mean = 0, std = 1, low = -2, high = 2, options?: InitOptions): Tensor {
  const name = "init.truncNormal";
  atMost(name, arguments, 6);
  const { dtype } = readOptions(name, options, ["dtype"]);
  for (const [what, value] of Object.entries({ "the mean": mean, low, high })) number(name, what, value);
  if (!(number(name, "std", std) > 0)) throw new ValueError(`${name}: std is ${std}; expected a number above 0`, name);
  if (!(low < high)) throw new ValueError(`${name}: there is nothing between ${low} and ${high}`, name);
  const bounds = { lower: (low - mean) / std, upper: (high - mean) / std };
  return inScope(() =>
    random
      .truncatedNormal(nextKey(name), shape, { dtype, ...bounds })
      .mul(std)
      .add(mean),
  );
}

/**
 * A matrix with orthonormal rows or columns, whichever are fewer, times `factor`; axes behind the first count as one (Saxe et al. 2014).
 *
 * @example
 * const w = ad.nn.init.orthogonal([2, 3], 1, { dtype: "float64" });
 * ad.allclose(w.matmul(w.T), ad.eye(2), { atol: 1e-12 }); // true
 */
export function orthogonal(shape: readonly number[], factor = 1, options?: InitOptions): Tensor {
  const name = "init.orthogonal";
  atMost(name, arguments, 3);
  const { dtype } = readOptions(name, options, ["dtype"]);
  number(name, "the factor", factor);
  fans(shape);
  const [rows, columns] = [shape[0]!, shape.slice(1).reduce((a, b) => a * b, 1)];
  return inScope(() => {
    const [q, r] = qr(normal([Math.max(rows, columns), Math.min(rows, columns)], 0, 1, { dtype: "float64" }));
    // Signs that make the distribution uniform: as if R had a positive diagonal.
    const signs = where(
      r
        .mul(eyeOf(Math.min(rows, columns)))
        .sum(0)
        .lt(0),
      -factor,
      factor,
    );
    const made = q.mul(signs);
    return (rows < columns ? made.T : made).reshape(shape).cast(dtype ?? full([], 0).dtype);
  });
}

/**
 * The identity: a linear layer that changes nothing.
 *
 * @example
 * ad.nn.init.eye([2, 3]); // [[1, 0, 0], [0, 1, 0]]
 */
export function eye(shape: readonly number[], options?: InitOptions): Tensor {
  atMost("init.eye", arguments, 2);
  const { dtype } = readOptions("init.eye", options, ["dtype"]);
  checkShape(shape, "init.eye");
  if (shape.length !== 2) throw new ShapeError(`init.eye: shape [${shape.join(", ")}] is no matrix`, "init.eye");
  return eyeOf(shape[0]!, shape[1]!, { dtype });
}

/**
 * A convolution [out, in, ...] that changes nothing: 1 in the middle of each channel's own kernel, within each group.
 *
 * @example
 * ad.nn.init.dirac([2, 2, 3]); // [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
 */
export function dirac(shape: readonly number[], groups = 1, options?: InitOptions): Tensor {
  const name = "init.dirac";
  atMost(name, arguments, 3);
  const { dtype } = readOptions(name, options, ["dtype"]);
  checkShape(shape, name);
  integer(name, "groups", groups, 1);
  const [features = 0, channels = 0, ...kernel] = shape;
  if (shape.length < 3 || shape.length > 5 || features % groups !== 0)
    throw new ShapeError(
      `${name}: shape [${shape.join(", ")}]; expected [out, in, ...] with one to three more axes, and out a multiple of groups = ${groups}`,
      name,
    );
  const size = kernel.reduce((a, b) => a * b, 1);
  const middle = kernel.reduce((place, k) => place * k + (k >> 1), 0);
  const values = new Float64Array(features * channels * size);
  for (let f = 0; f < features; f++)
    if (f % (features / groups) < channels) values[(f * channels + (f % (features / groups))) * size + middle] = 1;
  return tensor(values, { shape: [...shape], dtype: dtype ?? full([], 0).dtype });
}

/**
 * Normal, and in each column of [out, in] the part `sparsity` of the elements 0, at places drawn for each (Martens 2010).
 *
 * @example
 * ad.nn.init.sparse([10, 3], 0.3).eq(0).cast("int32").sum(0); // [3, 3, 3]
 */
export function sparse(shape: readonly number[], sparsity: number, std = 0.01, options?: InitOptions): Tensor {
  const name = "init.sparse";
  atMost(name, arguments, 4);
  probability(name, "sparsity", sparsity);
  checkShape(shape, name);
  if (shape.length !== 2) throw new ShapeError(`${name}: shape [${shape.join(", ")}] is no matrix`, name);
  const [rows, columns] = shape as [number, number];
  return inScope(() => {
    const places = random.uniform(nextKey(name), [rows, columns], {}).argsort(0).argsort(0);
    return where(places.lt(Math.ceil(sparsity * rows)), 0, normal([rows, columns], 0, std, options));
  });
}
