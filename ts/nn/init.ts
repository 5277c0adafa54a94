/** Initial values, as torch.nn.init: each makes a plain tensor of a shape [out, in, ...]. Driven by `manualSeed`. */
import { full, type CreationOptions, ones as onesOf, zeros as zerosOf } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import * as random from "../random/index.js";
import { inScope } from "../transforms/machinery.js";
import type { Tensor } from "../tensor.js";

type Options = Pick<CreationOptions, "dtype">;

/** How many inputs and outputs a weight connects, the receptive field included. */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) throw new ShapeError(`init: shape [${shape.join(", ")}] has no fan; expected at least two axes [out, in, ...]`, "init");
  const field = shape.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

/** The factor for the standard deviation after a nonlinearity. */
export function gain(nonlinearity: string, slope = 0.01): number {
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
      throw new ValueError(`init.gain: unknown nonlinearity ${JSON.stringify(nonlinearity)}; expected linear, sigmoid, tanh, relu, leakyRelu or selu`, "init.gain");
  }
}

export function uniform(shape: readonly number[], low = 0, high = 1, options: Options = {}): Tensor {
  return inScope(() => random.uniform(random.nextKey("init.uniform"), shape, { ...options, minval: low, maxval: high }));
}

export function normal(shape: readonly number[], mean = 0, std = 1, options: Options = {}): Tensor {
  return inScope(() => random.normal(random.nextKey("init.normal"), shape, { ...options, mean, std }));
}

export const zeros = (shape: readonly number[], options: Options = {}): Tensor => zerosOf(shape, options);
export const ones = (shape: readonly number[], options: Options = {}): Tensor => onesOf(shape, options);
export const constant = (shape: readonly number[], value: number, options: Options = {}): Tensor => full(shape, value, options);

export interface KaimingOptions extends Options {
  nonlinearity?: string;
  /** Slope of leakyRelu. */
  slope?: number;
  mode?: "fanIn" | "fanOut";
}

function kaimingStd(shape: readonly number[], { nonlinearity = "leakyRelu", slope = 0, mode = "fanIn" }: KaimingOptions): number {
  return gain(nonlinearity, slope) / Math.sqrt(fans(shape)[mode]);
}

/** He et al. 2015: keeps the variance of activations through rectifiers. */
export function kaimingUniform(shape: readonly number[], options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(shape, options);
  return uniform(shape, -bound, bound, options);
}

export function kaimingNormal(shape: readonly number[], options: KaimingOptions = {}): Tensor {
  return normal(shape, 0, kaimingStd(shape, options), options);
}

/** Glorot and Bengio 2010: keeps the variance of activations and gradients. */
export function xavierUniform(shape: readonly number[], factor = 1, options: Options = {}): Tensor {
  const { fanIn, fanOut } = fans(shape);
  const bound = factor * Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, -bound, bound, options);
}

export function xavierNormal(shape: readonly number[], factor = 1, options: Options = {}): Tensor {
  const { fanIn, fanOut } = fans(shape);
  return normal(shape, 0, factor * Math.sqrt(2 / (fanIn + fanOut)), options);
}
