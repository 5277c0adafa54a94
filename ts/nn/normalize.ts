/** Normalizations as functions: mean 0 and variance 1 over some axes. Names, options and defaults are PyTorch's. */
import { assign } from "../ambient.js";
import { describe } from "../input/describe.js";
import { atMost, boolean, integer, integers, number } from "../input/arguments.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { argument, isFloat, show } from "./reduction.js";

/** What all normalizations take. */
export interface NormalizationOptions {
  /** A factor for each channel (of `layerNorm`, each element of the normalized shape). */
  weight?: TensorLike | null;
  /** Added behind the factor. */
  bias?: TensorLike | null;
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

/** The input as floats. */
function floats(name: string, input: TensorLike): Tensor {
  const x = argument(name, "the input", input);
  return isFloat(x) ? x : x.cast("float32");
}

const checkEps = (name: string, eps: number) => {
  if (!(number(name, "eps", eps) >= 0)) throw new ValueError(`${name}: eps is ${eps}; expected a number from 0`, name);
};

/** y · weight + bias, each of `shape`, seen by `place` as what broadcasts against y. */
function affine(
  name: string,
  y: Tensor,
  { weight, bias }: NormalizationOptions,
  shape: readonly number[],
  place: readonly number[] | null,
): Tensor {
  const read = (what: string, given: TensorLike) => {
    const t = argument(name, what, given, y);
    if (t.shape.join() !== shape.join() || t.ndim !== shape.length)
      throw new ShapeError(`${name}: ${what} has shape ${show(t.shape)}; expected ${show(shape)}`, name);
    return place === null ? t : t.reshape(place);
  };
  const scaled = weight === undefined || weight === null ? y : y.mul(read("weight", weight));
  return bias === undefined || bias === null ? scaled : scaled.add(read("bias", bias));
}

/** Mean 0 and variance 1 over `axes`. The mean goes first: a large one costs no digits. */
function standardized(x: Tensor, axes: readonly number[], eps: number): { y: Tensor; mean: Tensor; variance: Tensor } {
  const mean = x.mean(axes, { keepdims: true });
  const centered = x.sub(mean);
  const variance = centered.square().mean(axes, { keepdims: true });
  return { y: centered.mul(variance.add(eps).rsqrt()), mean, variance };
}

/** The last axes, which must have the sizes of `normalizedShape`. */
function lastAxes(name: string, x: Tensor, normalizedShape: number | readonly number[]): { shape: number[]; axes: number[] } {
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : integers(name, "the normalized shape", normalizedShape, 1);
  if (shape.length === 0) throw new ShapeError(`${name}: the normalized shape is empty; expected at least one axis`, name);
  integers(name, "the normalized shape", shape, 1);
  const first = x.ndim - shape.length;
  if (first < 0 || shape.some((d, i) => d !== x.shape[first + i]))
    throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; its last axes must be the normalized shape ${show(shape)}`, name);
  return { shape, axes: shape.map((_, i) => first + i) };
}

/**
 * Mean 0 and variance 1 over the last axes, whose sizes are `normalizedShape`, then · weight + bias, both of that shape. Throws `ShapeError`.
 *
 * @example
 * ad.layerNorm([[100, 300], [200, 600]], 2); // [[-1, 1], [-1, 1]]
 */
export function layerNorm(input: TensorLike, normalizedShape: number | readonly number[], options?: NormalizationOptions): Tensor {
  atMost("layerNorm", arguments, 3);
  const given = readOptions("layerNorm", options, ["weight", "bias", "eps"]);
  const { eps = 1e-5 } = given;
  checkEps("layerNorm", eps);
  return inScope(() => {
    const x = floats("layerNorm", input);
    const { shape, axes } = lastAxes("layerNorm", x, normalizedShape);
    return affine("layerNorm", standardized(x, axes, eps).y, given, shape, null);
  });
}

/** Options of `rmsNorm`. */
export interface RmsNormOptions {
  /** A factor for each element of the normalized shape. */
  weight?: TensorLike | null;
  /** Added to the mean square; default the spacing of numbers at 1, 1.2e-7 in float32. */
  eps?: number | null;
}

/**
 * x / √(mean x² + eps) over the last axes, whose sizes are `normalizedShape`, then · weight. Throws `ShapeError`.
 *
 * @example
 * ad.rmsNorm([3, 3], 2); // [1, 1]
 */
export function rmsNorm(input: TensorLike, normalizedShape: number | readonly number[], options?: RmsNormOptions): Tensor {
  atMost("rmsNorm", arguments, 3);
  const { weight, eps } = readOptions("rmsNorm", options, ["weight", "eps"]);
  if (eps !== undefined && eps !== null) checkEps("rmsNorm", eps);
  return inScope(() => {
    const x = floats("rmsNorm", input);
    const { shape, axes } = lastAxes("rmsNorm", x, normalizedShape);
    const scale = x
      .square()
      .mean(axes, { keepdims: true })
      .add(eps ?? (x.dtype === "float64" ? Number.EPSILON : 2 ** -23))
      .rsqrt();
    return affine("rmsNorm", x.mul(scale), { weight }, shape, null);
  });
}

/** [1, C, 1, ...]: what holds a number for each channel, against [N, C, ...]. */
const alongChannels = (channels: number, ndim: number) => [1, channels, ...Array.from({ length: ndim - 2 }, () => 1)];

/**
 * Mean 0 and variance 1 in each group of channels of [N, C, ...], over the axes behind them too, then · weight + bias, both [C]. Throws `ShapeError`;
 * `ValueError` unless C is a multiple of `numGroups`.
 *
 * @example
 * ad.groupNorm([[100, 300, 200, 600]], 2); // [[-1, 1, -1, 1]]
 */
export function groupNorm(input: TensorLike, numGroups: number, options?: NormalizationOptions): Tensor {
  atMost("groupNorm", arguments, 3);
  const name = "groupNorm";
  const given = readOptions(name, options, ["weight", "bias", "eps"]);
  const { eps = 1e-5 } = given;
  checkEps(name, eps);
  integer(name, "numGroups", numGroups, 1);
  return inScope(() => {
    const x = floats(name, input);
    const [batch, channels] = x.shape;
    if (batch === undefined || channels === undefined)
      throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected [batch, channels, ...]`, name);
    if (channels % numGroups !== 0)
      throw new ValueError(`${name}: ${channels} channels cannot be parted into ${numGroups} groups of one size`, name);
    const grouped = x.reshape([batch, numGroups, channels / numGroups, ...x.shape.slice(2)]);
    const axes = Array.from({ length: grouped.ndim - 2 }, (_, i) => i + 2);
    const y = standardized(grouped, axes, eps).y.reshape(x.shape);
    return affine(name, y, given, [channels], alongChannels(channels, x.ndim));
  });
}

/** Options of `batchNorm`. */
export interface BatchNormOptions extends NormalizationOptions {
  /** Use the batch's own mean and variance, and move the running ones towards them; default false. */
  training?: boolean;
  /** The part of the batch's numbers in the new running ones; default 0.1. */
  momentum?: number;
}

/** running + momentum (now - running), in place and without derivatives. A factor of one number may be a tensor. */
function follow(running: Tensor, now: Tensor, momentum: number | Tensor): void {
  noGrad(() => assign(running, running.add(now.detach().reshape(running.shape).sub(running).mul(momentum).cast(running.dtype))));
}

/** @internal `batchNorm` with a momentum that may be a tensor, under the name of who calls it. */
export function normalizeBatch(
  name: string,
  input: TensorLike,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  given: NormalizationOptions,
  { training, momentum, eps }: { training: boolean; momentum: number | Tensor; eps: number },
): Tensor {
  return inScope(() => {
    const x = floats(name, input);
    const channels = x.shape[1];
    if (channels === undefined)
      throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected [batch, channels, ...]`, name);
    const place = alongChannels(channels, x.ndim);
    for (const [what, running] of [
      ["the running mean", runningMean],
      ["the running variance", runningVar],
    ] as const)
      if (running !== null && (running.ndim !== 1 || running.shape[0] !== channels))
        throw new ShapeError(`${name}: ${what} has shape ${show(running.shape)}; expected [${channels}]`, name);
    if (!training) {
      if (runningMean === null || runningVar === null)
        throw new ValueError(`${name}: without training it needs a running mean and variance; got null`, name);
      const scale = runningVar.add(eps).rsqrt().reshape(place);
      return affine(name, x.sub(runningMean.reshape(place)).mul(scale), given, [channels], place);
    }
    const count = x.size / Math.max(channels, 1);
    if (count === 1)
      throw new ShapeError(`${name}: one number for each channel has no variance; the input has shape ${show(x.shape)}`, name);
    const axes = x.shape.map((_, i) => i).filter((i) => i !== 1);
    const { y, mean, variance } = standardized(x, axes, eps);
    if (runningMean !== null) follow(runningMean, mean, momentum);
    if (runningVar !== null)
      follow(
        runningVar,
        noGrad(() => variance.detach().mul(count / (count - 1))),
        momentum,
      );
    return affine(name, y, given, [channels], place);
  });
}

/** A running number: a tensor, since it is written to. */
function running(name: string, what: string, given: Tensor | null): Tensor | null {
  if (given !== null && !(given instanceof Tensor))
    throw new ValueError(`${name}: ${what} must be a tensor, which training writes to, or null; got ${describe(given)}`, name);
  return given;
}

/**
 * Mean 0 and variance 1 of each channel of [N, C, ...], then · weight + bias, both [C]. With `training`, mean and variance are the batch's own,
 * and the running ones, [C], are moved towards them in place (the variance divided by n - 1 there); without, the running ones are used. Throws `ShapeError`.
 *
 * @example
 * ad.batchNorm([[100], [300]], null, null, { training: true }); // [[-1], [1]]
 */
export function batchNorm(input: TensorLike, runningMean: Tensor | null, runningVar: Tensor | null, options?: BatchNormOptions): Tensor {
  atMost("batchNorm", arguments, 4);
  const given = readOptions("batchNorm", options, ["weight", "bias", "training", "momentum", "eps"]);
  const { training = false, momentum = 0.1, eps = 1e-5 } = given;
  boolean("batchNorm", "training", training);
  number("batchNorm", "momentum", momentum);
  checkEps("batchNorm", eps);
  const [mean, variance] = [
    running("batchNorm", "the running mean", runningMean),
    running("batchNorm", "the running variance", runningVar),
  ];
  return normalizeBatch("batchNorm", input, mean, variance, given, { training, momentum, eps });
}

/**
 * Mean 0 and variance 1 of each channel of each example of [N, C, ...], over the axes behind, then · weight + bias, both [C]. Throws `ShapeError`.
 *
 * @example
 * ad.instanceNorm([[[100, 300], [200, 600]]]); // [[[-1, 1], [-1, 1]]]
 */
export function instanceNorm(input: TensorLike, options?: NormalizationOptions): Tensor {
  atMost("instanceNorm", arguments, 2);
  const name = "instanceNorm";
  const given = readOptions(name, options, ["weight", "bias", "eps"]);
  const { eps = 1e-5 } = given;
  checkEps(name, eps);
  return inScope(() => {
    const x = floats(name, input);
    if (x.ndim < 3) throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected [batch, channels, length, ...]`, name);
    const channels = x.shape[1]!;
    const axes = x.shape.map((_, i) => i).slice(2);
    return affine(name, standardized(x, axes, eps).y, given, [channels], alongChannels(channels, x.ndim));
  });
}
