/** Initial values, as torch.nn.init: each makes a plain tensor of a shape [out, in, ...]. Driven by `manualSeed`. */
import { atMost, number } from "../input/arguments.js";
import { checkShape, full, ones as onesOf, zeros as zerosOf } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
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
