/**
 * Windows of images: pooling, unfolding, resizing. A window is as many slices as it has elements, each a view with the window's steps; so every
 * derivative is that of slices, sums and extrema.
 */
import { asTensor } from "../creation.js";
import { atMost, boolean, integer, number } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { readOptions } from "../input/options.js";
import { isFloat } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { perAxis, withBatch } from "./images.js";
import { concat, pad, stack } from "./shape.js";

/** Options of `maxPool1d` and its like. Numbers are for all axes; a list has one for each. */
export interface MaxPoolOptions {
  /** Steps of the window; default its size. */
  stride?: number | readonly number[];
  /** Elements on both sides that are never the largest; at most half of the window. Default 0. */
  padding?: number | readonly number[];
  /** Steps between elements of the window; default 1. */
  dilation?: number | readonly number[];
  /** Windows that begin inside count although they end outside. Default: false. */
  ceilMode?: boolean;
}

/** Options of `avgPool1d` and its like. */
export interface AvgPoolOptions {
  /** Steps of the window; default its size. */
  stride?: number | readonly number[];
  /** Zeros on both sides, at most half of the window; default 0. */
  padding?: number | readonly number[];
  /** Windows that begin inside count although they end outside. Default: false. */
  ceilMode?: boolean;
  /** Padding counts as elements; default true. */
  countIncludePad?: boolean;
  /** What sums are divided by, instead of the number of elements. */
  divisorOverride?: number;
}

/** Options of `unfold` and `fold`. */
export interface UnfoldOptions {
  /** Steps of the window; default 1. */
  stride?: number | readonly number[];
  /** Zeros on both sides; default 0. */
  padding?: number | readonly number[];
  /** Steps between elements of the window; default 1. */
  dilation?: number | readonly number[];
}

interface Windows {
  readonly kernel: number[];
  readonly stride: number[];
  readonly padding: number[];
  readonly dilation: number[];
  /** How many there are along each axis. */
  readonly count: number[];
  /** How much is added behind so that the last ends inside. */
  readonly behind: number[];
}

function windowsOf(
  op: string,
  sizes: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  dilation: readonly number[],
  ceilMode: boolean,
): Windows {
  const [count, behind]: [number[], number[]] = [[], []];
  sizes.forEach((size, axis) => {
    const [k, s, p, d] = [kernel[axis]!, stride[axis]!, padding[axis]!, dilation[axis]!];
    const covered = d * (k - 1) + 1;
    const room = size + 2 * p - covered;
    if (room < 0)
      throw new ShapeError(
        `${op}: a window of ${covered} elements does not fit into ${size}${p > 0 ? ` with a padding of ${p}` : ""}; take a smaller one, or pad`,
        op,
      );
    let n = Math.floor(room / s) + 1;
    // It must begin in the input or in the padding before it.
    if (ceilMode && room % s !== 0 && n * s < size + p) n++;
    count.push(n);
    behind.push(Math.max(0, (n - 1) * s + covered - size - p));
  });
  return { kernel: [...kernel], stride: [...stride], padding: [...padding], dilation: [...dilation], count, behind };
}

/** For each element of the window the slice of all windows' elements at that place: [batch, channels, counts]. */
function slices(x: Tensor, windows: Windows): Tensor[] {
  const { kernel, stride, dilation, count } = windows;
  let places: number[][] = [[]];
  for (const size of kernel) places = places.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i]));
  return places.map((place) => {
    const starts = place.map((at, axis) => at * dilation[axis]!);
    const ends = starts.map((start, axis) => start + (count[axis]! - 1) * stride[axis]! + 1);
    return x.slice([0, 0, ...starts], [x.shape[0]!, x.shape[1]!, ...ends], [1, 1, ...stride]);
  });
}

function padded(x: Tensor, { padding, behind }: Windows, value: number): Tensor {
  if (padding.every((p) => p === 0) && behind.every((b) => b === 0)) return x;
  return pad(x, [[0, 0], [0, 0], ...padding.map((p, axis) => [p, behind[axis]!])], { value });
}

function halfAtMost(op: string, padding: readonly number[], kernel: readonly number[]): void {
  padding.forEach((p, axis) => {
    if (2 * p > kernel[axis]!) throw new ValueError(`${op}: the padding ${p} is more than half of the window's size ${kernel[axis]}`, op);
  });
}

type MaxPool = (x: TensorLike, kernelSize: number | readonly number[], options?: MaxPoolOptions) => Tensor;
type AvgPool = (x: TensorLike, kernelSize: number | readonly number[], options?: AvgPoolOptions) => Tensor;

function maxPool(op: string, axes: number): MaxPool {
  return function (x: TensorLike, kernelSize: number | readonly number[], options?: MaxPoolOptions): Tensor {
    atMost(op, arguments, 3, "the steps are an option: { stride, padding, dilation, ceilMode }");
    const own = readOptions<MaxPoolOptions>(op, options, ["stride", "padding", "dilation", "ceilMode"]);
    const kernel = perAxis(op, "the window's size", kernelSize, axes, 1);
    const stride = perAxis(op, "stride", own.stride ?? kernel, axes, 1);
    const padding = perAxis(op, "padding", own.padding ?? 0, axes, 0);
    const dilation = perAxis(op, "dilation", own.dilation ?? 1, axes, 1);
    const ceilMode = boolean(op, "ceilMode", own.ceilMode ?? false);
    halfAtMost(op, padding, kernel);
    return inScope(() =>
      withBatch(op, axes, asTensor(x, undefined, op), (x) => {
        const windows = windowsOf(op, x.shape.slice(2), kernel, stride, padding, dilation, ceilMode);
        const least = isFloat(x.dtype) ? -Infinity : x.dtype === "int32" ? -(2 ** 31) : 0;
        const parts = slices(padded(x, windows, least), windows);
        return parts.length === 1 ? parts[0]! : stack(parts).max(0);
      }),
    );
  };
}

function avgPool(op: string, axes: number): AvgPool {
  return function (x: TensorLike, kernelSize: number | readonly number[], options?: AvgPoolOptions): Tensor {
    atMost(op, arguments, 3, "the steps are an option: { stride, padding, ceilMode, countIncludePad, divisorOverride }");
    const known = ["stride", "padding", "ceilMode", "countIncludePad", "divisorOverride"] as const;
    const own = readOptions<AvgPoolOptions>(op, options, [...known]);
    const kernel = perAxis(op, "the window's size", kernelSize, axes, 1);
    const stride = perAxis(op, "stride", own.stride ?? kernel, axes, 1);
    const padding = perAxis(op, "padding", own.padding ?? 0, axes, 0);
    const ceilMode = boolean(op, "ceilMode", own.ceilMode ?? false);
    const withPadding = boolean(op, "countIncludePad", own.countIncludePad ?? true);
    const { divisorOverride } = own;
    if (divisorOverride !== undefined && number(op, "divisorOverride", divisorOverride) === 0)
      throw new ValueError(`${op}: divisorOverride is 0`, op);
    halfAtMost(op, padding, kernel);
    return inScope(() =>
      withBatch(op, axes, asTensor(x, undefined, op), (x) => {
        const sizes = x.shape.slice(2);
        const windows = windowsOf(
          op,
          sizes,
          kernel,
          stride,
          padding,
          kernel.map(() => 1),
          ceilMode,
        );
        const sum = stack(slices(padded(x, windows, 0), windows)).sum(0);
        if (divisorOverride !== undefined) return sum.div(divisorOverride);
        // How many elements of the input, or of it and its padding, each window has along each axis.
        const counts = sizes.map((size, axis) =>
          Array.from({ length: windows.count[axis]! }, (_, i) => {
            const [from, p] = [i * stride[axis]!, padding[axis]!];
            const [first, end] = withPadding ? [0, size + 2 * p] : [p, p + size];
            return Math.min(from + kernel[axis]!, end) - Math.max(from, first);
          }),
        );
        if (counts.every((list) => list.every((n) => n === list[0])))
          return sum.div(counts.reduce((product, list) => product * list[0]!, 1));
        return counts.reduce(
          (y, list, axis) => y.div(asTensor(list, sum).reshape([list.length, ...sizes.slice(axis + 1).map(() => 1)])),
          sum,
        );
      }),
    );
  };
}

type AdaptivePool = (x: TensorLike, outputSize: number | readonly (number | null)[]) => Tensor;

function adaptivePool(op: string, axes: number, reduce: (x: Tensor, axis: number) => Tensor): AdaptivePool {
  return function (x: TensorLike, outputSize: number | readonly (number | null)[]): Tensor {
    atMost(op, arguments, 2);
    return inScope(() =>
      withBatch(op, axes, asTensor(x, undefined, op), (x) => {
        const wanted = Array.isArray(outputSize)
          ? (outputSize as (number | null)[]).map((size, axis) => size ?? x.shape[axis + 2] ?? 1)
          : outputSize;
        const sizes = perAxis(op, "the output's size", wanted, axes, 1);
        return sizes.reduce((y, count, i) => {
          const axis = i + 2;
          const size = y.shape[axis]!;
          if (size === 0) throw new ShapeError(`${op}: the input has shape [${x.shape.join(", ")}]; there is nothing to pool`, op);
          if (size === count) return y;
          // Even windows are axes of their own.
          if (size % count === 0)
            return reduce(y.reshape([...y.shape.slice(0, axis), count, size / count, ...y.shape.slice(axis + 1)]), axis + 1);
          const parts = Array.from({ length: count }, (_, k) => {
            const [first, end] = [Math.floor((k * size) / count), Math.ceil(((k + 1) * size) / count)];
            const part = y.slice(
              y.shape.map((_, j) => (j === axis ? first : 0)),
              y.shape.map((d, j) => (j === axis ? end : d)),
            );
            return reduce(part, axis).unsqueeze(axis);
          });
          return concat(parts, axis);
        }, x);
      }),
    );
  };
}

/** The largest element of each window of [batch, channels, length] (or [channels, length]), as torch.nn.functional.max_pool1d; equal ones share the gradient. */
export const maxPool1d: MaxPool = maxPool("maxPool1d", 1);
/**
 * The largest element of each window of images [batch, channels, height, width] (or one without its batch axis), as torch.nn.functional.max_pool2d.
 * Equal ones share the gradient. Throws `ShapeError` where a window does not fit, `ValueError`.
 *
 * @example
 * ad.maxPool2d(ad.arange(16).reshape([1, 4, 4]), 2).toArray(); // [[[5, 7], [13, 15]]]
 */
export const maxPool2d: MaxPool = maxPool("maxPool2d", 2);
/** The largest element of each window of [batch, channels, depth, height, width], as `maxPool2d` in two axes. */
export const maxPool3d: MaxPool = maxPool("maxPool3d", 3);

/** The mean of each window of [batch, channels, length] (or [channels, length]), as torch.nn.functional.avg_pool1d. */
export const avgPool1d: AvgPool = avgPool("avgPool1d", 1);
/**
 * The mean of each window of images [batch, channels, height, width] (or one without its batch axis), as torch.nn.functional.avg_pool2d. Throws
 * `ShapeError` where a window does not fit, `ValueError`.
 *
 * @example
 * ad.avgPool2d(ad.arange(16).reshape([1, 4, 4]), 2).toArray(); // [[[2.5, 4.5], [10.5, 12.5]]]
 */
export const avgPool2d: AvgPool = avgPool("avgPool2d", 2);
/** The mean of each window of [batch, channels, depth, height, width], as `avgPool2d` in two axes. */
export const avgPool3d: AvgPool = avgPool("avgPool3d", 3);

/** Means of `outputSize` windows over [batch, channels, length], as torch.nn.functional.adaptive_avg_pool1d. */
export const adaptiveAvgPool1d: AdaptivePool = adaptivePool("adaptiveAvgPool1d", 1, (x, axis) => x.mean(axis));
/**
 * Means of so many windows that the result has the size asked for, a number or one for each axis (null: that of the input), as
 * torch.nn.functional.adaptive_avg_pool2d. Throws `ShapeError`, `ValueError`.
 *
 * @example
 * ad.adaptiveAvgPool2d(ad.ones([1, 8, 7, 5]), 1).shape; // [1, 8, 1, 1]
 */
export const adaptiveAvgPool2d: AdaptivePool = adaptivePool("adaptiveAvgPool2d", 2, (x, axis) => x.mean(axis));
/** As `adaptiveAvgPool2d`, over three axes. */
export const adaptiveAvgPool3d: AdaptivePool = adaptivePool("adaptiveAvgPool3d", 3, (x, axis) => x.mean(axis));
/** The largest elements of `outputSize` windows over [batch, channels, length], as torch.nn.functional.adaptive_max_pool1d. */
export const adaptiveMaxPool1d: AdaptivePool = adaptivePool("adaptiveMaxPool1d", 1, (x, axis) => x.max(axis));
/** As `adaptiveAvgPool2d`, with the largest element of each window. */
export const adaptiveMaxPool2d: AdaptivePool = adaptivePool("adaptiveMaxPool2d", 2, (x, axis) => x.max(axis));
/** As `adaptiveMaxPool2d`, over three axes. */
export const adaptiveMaxPool3d: AdaptivePool = adaptivePool("adaptiveMaxPool3d", 3, (x, axis) => x.max(axis));

/**
 * The windows of images as columns, as torch.nn.functional.unfold: [batch, channels, height, width] to [batch, channels · window, places]. Throws
 * `ShapeError`, `ValueError`.
 *
 * @example
 * ad.unfold(ad.ones([1, 3, 8, 8]), 3).shape; // [1, 27, 36]
 */
export function unfold(x: TensorLike, kernelSize: number | readonly number[], options?: UnfoldOptions): Tensor {
  const op = "unfold";
  atMost(op, arguments, 3);
  const own = readOptions<UnfoldOptions>(op, options, ["stride", "padding", "dilation"]);
  const kernel = perAxis(op, "the window's size", kernelSize, 2, 1);
  const stride = perAxis(op, "stride", own.stride ?? 1, 2, 1);
  const padding = perAxis(op, "padding", own.padding ?? 0, 2, 0);
  const dilation = perAxis(op, "dilation", own.dilation ?? 1, 2, 1);
  return inScope(() =>
    withBatch(op, 2, asTensor(x, undefined, op), (x) => {
      const windows = windowsOf(op, x.shape.slice(2), kernel, stride, padding, dilation, false);
      const [batch, channels] = x.shape as [number, number];
      const places = windows.count.reduce((a, b) => a * b, 1);
      return stack(slices(padded(x, windows, 0), windows), 2).reshape([batch, channels * kernel[0]! * kernel[1]!, places]);
    }),
  );
}

/**
 * The transpose of `unfold`, as torch.nn.functional.fold: adds columns [batch, channels · window, places] to images of `outputSize`, where windows
 * overlap. Throws `ShapeError` where the columns are not those of such images, `ValueError`.
 *
 * @example
 * ad.fold(ad.ones([1, 12, 9]), [4, 4], 2).shape; // [1, 3, 4, 4]
 */
export function fold(
  x: TensorLike,
  outputSize: number | readonly number[],
  kernelSize: number | readonly number[],
  options?: UnfoldOptions,
): Tensor {
  const op = "fold";
  atMost(op, arguments, 4);
  const own = readOptions<UnfoldOptions>(op, options, ["stride", "padding", "dilation"]);
  const sizes = perAxis(op, "the output's size", outputSize, 2, 1);
  const kernel = perAxis(op, "the window's size", kernelSize, 2, 1);
  const stride = perAxis(op, "stride", own.stride ?? 1, 2, 1);
  const padding = perAxis(op, "padding", own.padding ?? 0, 2, 0);
  const dilation = perAxis(op, "dilation", own.dilation ?? 1, 2, 1);
  const windows = windowsOf(op, sizes, kernel, stride, padding, dilation, false);
  const elements = kernel[0]! * kernel[1]!;
  const places = windows.count[0]! * windows.count[1]!;
  return inScope(() =>
    withBatch(op, 1, asTensor(x, undefined, op), (x) => {
      const [batch, columns, given] = x.shape as [number, number, number];
      if (given !== places || columns % elements !== 0)
        throw new ShapeError(
          `${op}: the input has shape [${x.shape.join(", ")}]; expected [batch, channels · ${elements}, ${places}] for images of ${sizes.join(" by ")}`,
          op,
        );
      const channels = columns / elements;
      const full = sizes.map((size, axis) => size + 2 * padding[axis]!);
      const parts = x.reshape([batch, channels, elements, ...windows.count]).unstack(2);
      const images = parts.map((part, i) => {
        const starts = [Math.floor(i / kernel[1]!) * dilation[0]!, (i % kernel[1]!) * dilation[1]!];
        return run("unslice", [part], [0, 0, ...starts, 1, 1, ...stride, batch, channels, ...full]);
      });
      const sum = images.reduce((a, b) => a.add(b));
      return sum.slice([0, 0, ...padding], [batch, channels, ...sizes.map((size, axis) => size + padding[axis]!)]);
    }),
  );
}

/** Options of `interpolate`. */
export interface InterpolateOptions {
  /** The size of the result: a number for all axes, or one for each. */
  size?: number | readonly number[];
  /** How many times larger, instead of the size. */
  scaleFactor?: number | readonly number[];
  /** "nearest" (default), or "linear": with weights, along each axis ("bilinear" and "trilinear" are that). */
  mode?: "nearest" | "linear" | "bilinear" | "trilinear";
  /** The first and last elements keep their places; not for "nearest". Default: false. */
  alignCorners?: boolean;
}

/**
 * Images [batch, channels, ...] in another size, as torch.nn.functional.interpolate: the nearest element, or weights of the two around each place along
 * every axis. Throws `ShapeError`, `ValueError`.
 *
 * @example
 * ad.interpolate([[[1, 3]]], { scaleFactor: 2, mode: "linear" }).toArray(); // [[[1, 1.5, 2.5, 3]]]
 */
export function interpolate(x: TensorLike, options: InterpolateOptions): Tensor {
  const op = "interpolate";
  atMost(op, arguments, 2);
  const own = readOptions<InterpolateOptions>(op, options, ["size", "scaleFactor", "mode", "alignCorners"]);
  const { size, scaleFactor, mode = "nearest", alignCorners = false } = own;
  boolean(op, "alignCorners", alignCorners);
  const kinds: Record<string, number> = { bilinear: 2, trilinear: 3 };
  if (!["nearest", "linear", "bilinear", "trilinear"].includes(mode))
    throw new ValueError(`${op}: mode is "nearest", "linear", "bilinear" or "trilinear", got ${describe(mode)}`, op);
  if (mode === "nearest" && alignCorners) throw new ValueError(`${op}: alignCorners is for modes with weights, not for "nearest"`, op);
  if ((size === undefined) === (scaleFactor === undefined)) throw new ValueError(`${op}: give either size or scaleFactor`, op);
  return inScope(() => {
    let y = asTensor(x, undefined, op);
    const axes = y.ndim - 2;
    if (axes < 1 || axes > 3 || y.shape.slice(2).includes(0))
      throw new ShapeError(
        `${op}: the input has shape [${y.shape.join(", ")}]; expected [batch, channels, ...] with one to three axes more`,
        op,
      );
    if (kinds[mode] !== undefined && kinds[mode] !== axes)
      throw new ShapeError(
        `${op}: ${mode} is for ${kinds[mode]} axes behind the channels, the input has shape [${y.shape.join(", ")}]`,
        op,
      );
    const factors =
      scaleFactor === undefined
        ? undefined
        : typeof scaleFactor === "number"
          ? new Array<number>(axes).fill(scaleFactor)
          : [...scaleFactor];
    if (factors !== undefined && (factors.length !== axes || factors.some((f) => !(number(op, "scaleFactor", f) > 0))))
      throw new ValueError(`${op}: scaleFactor must be a positive number, or ${axes} of them`, op);
    const sizes =
      size === undefined ? y.shape.slice(2).map((d, axis) => Math.floor(d * factors![axis]!)) : perAxis(op, "size", size, axes, 1);
    sizes.forEach((count, i) => {
      integer(op, "the size of the result", count, 1);
      const axis = i + 2;
      const from = y.shape[axis]!;
      // PyTorch uses the factor where it was given.
      const step = factors === undefined ? from / count : 1 / factors[i]!;
      if (mode === "nearest") {
        y = y.take(
          Array.from({ length: count }, (_, k) => Math.min(Math.floor(k * step), from - 1)),
          axis,
        );
        return;
      }
      const places = Array.from({ length: count }, (_, k) =>
        alignCorners ? (count === 1 ? 0 : (k * (from - 1)) / (count - 1)) : Math.max((k + 0.5) * step - 0.5, 0),
      );
      const low = places.map((place) => Math.min(Math.floor(place), from - 1));
      const high = low.map((at) => Math.min(at + 1, from - 1));
      const float = isFloat(y.dtype) ? y : y.cast("float32");
      const weights = asTensor(
        places.map((place, k) => place - low[k]!),
        float,
      ).reshape([count, ...y.shape.slice(axis + 1).map(() => 1)]);
      const [a, b] = [float.take(low, axis), float.take(high, axis)];
      y = a.mul(weights.neg().add(1)).add(b.mul(weights));
    });
    return y;
  });
}
