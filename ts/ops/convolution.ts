/** Convolutions: names, layouts and options are PyTorch's. One primitive does them all; a transposed one is another setting of it. */
import { atMost, integer } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { asTensor } from "../creation.js";
import { perAxis, withBatch } from "./images.js";

/** Options of `conv1d`, `conv2d`, `conv3d`. Numbers are for all axes; a list has one for each. */
export interface ConvolutionOptions {
  /** Added to each output channel: [features]. */
  bias?: TensorLike | null;
  /** Steps of the kernel; default 1. */
  stride?: number | readonly number[];
  /** Zeros on both sides; default 0. "valid" is 0; "same", for steps of 1, gives outputs of the input's size. */
  padding?: number | readonly number[] | "same" | "valid";
  /** Steps between elements of the kernel; default 1. */
  dilation?: number | readonly number[];
  /** Groups of channels that are convolved by themselves; default 1. */
  groups?: number;
}

/** Options of `convTranspose1d`, `convTranspose2d`, `convTranspose3d`. */
export interface ConvolutionTransposeOptions {
  /** Added to each output channel: [features]. */
  bias?: TensorLike | null;
  /** Steps of the kernel in the output; default 1. */
  stride?: number | readonly number[];
  /** What the convolution that is transposed pads; the output is smaller by it on both sides. Default 0. */
  padding?: number | readonly number[];
  /** Adds to the size of the output at one end; default 0. */
  outputPadding?: number | readonly number[];
  /** Groups of channels; default 1. */
  groups?: number;
  /** Steps between elements of the kernel; default 1. */
  dilation?: number | readonly number[];
}

function checkKernel(op: string, axes: number, w: Tensor, what: string): void {
  if (w.ndim !== axes + 2)
    throw new ShapeError(`${op}: the kernel has shape [${w.shape.join(", ")}]; expected ${axes + 2} axes: ${what}`, op);
}

/** Adds a bias to the channels. */
function biased(op: string, y: Tensor, bias: TensorLike | null | undefined): Tensor {
  if (bias === undefined || bias === null) return y;
  const b = asTensor(bias, y);
  const [, features] = y.shape;
  if (b.ndim !== 1 || b.shape[0] !== features)
    throw new ShapeError(
      `${op}: the bias has shape [${b.shape.join(", ")}]; expected [${features}], one number for each output channel`,
      op,
    );
  return y.add(b.reshape([features!, ...y.shape.slice(2).map(() => 1)]));
}

type Convolution = (x: TensorLike, weight: TensorLike, options?: ConvolutionOptions) => Tensor;

function convolution(op: string, axes: number): Convolution {
  return function (x: TensorLike, weight: TensorLike, options?: ConvolutionOptions): Tensor {
    atMost(op, arguments, 3, "stride, padding and the like are options: { bias, stride, padding, dilation, groups }");
    const own = readOptions<ConvolutionOptions>(op, options, ["bias", "stride", "padding", "dilation", "groups"]);
    const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = own;
    const strides = perAxis(op, "stride", stride, axes, 1);
    const steps = perAxis(op, "dilation", dilation, axes, 1);
    integer(op, "groups", groups, 1);
    if (typeof padding === "string" && padding !== "same" && padding !== "valid")
      throw new ValueError(`${op}: padding is a number, a list, "same" or "valid", got ${describe(padding)}`, op);
    if (padding === "same" && strides.some((step) => step !== 1))
      throw new ValueError(`${op}: padding "same" is for steps of 1, got stride ${strides.join(", ")}; pad by numbers`, op);
    return inScope(() => {
      const w = asTensor(weight, undefined, op);
      const image = asTensor(x, w, op);
      checkKernel(op, axes, w, "[features, channels / groups, ...]");
      // What is odd of "same" stands behind, as in PyTorch.
      const total = steps.map((step, axis) => step * (w.shape[axis + 2]! - 1));
      const low = padding === "same" ? total.map((t) => t >> 1) : perAxis(op, "padding", padding === "valid" ? 0 : padding, axes, 0);
      const high = padding === "same" ? total.map((t, axis) => t - low[axis]!) : low;
      const ones = strides.map(() => 1);
      return withBatch(op, axes, image, (image) =>
        biased(op, run("convolution", [image, w], [groups, 0, ...strides, ...low, ...high, ...ones, ...steps]), bias),
      );
    });
  };
}

type ConvolutionTranspose = (x: TensorLike, weight: TensorLike, options?: ConvolutionTransposeOptions) => Tensor;

function convolutionTranspose(op: string, axes: number): ConvolutionTranspose {
  return function (x: TensorLike, weight: TensorLike, options?: ConvolutionTransposeOptions): Tensor {
    atMost(op, arguments, 3, "stride, padding and the like are options: { bias, stride, padding, outputPadding, groups, dilation }");
    const known = ["bias", "stride", "padding", "outputPadding", "groups", "dilation"] as const;
    const own = readOptions<ConvolutionTransposeOptions>(op, options, [...known]);
    const { bias, stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 } = own;
    const strides = perAxis(op, "stride", stride, axes, 1);
    const steps = perAxis(op, "dilation", dilation, axes, 1);
    const padded = perAxis(op, "padding", padding, axes, 0);
    const more = perAxis(op, "outputPadding", outputPadding, axes, 0);
    integer(op, "groups", groups, 1);
    more.forEach((size, axis) => {
      if (size >= Math.max(strides[axis]!, steps[axis]!))
        throw new ValueError(
          `${op}: outputPadding ${size} must be smaller than the stride ${strides[axis]} or the dilation ${steps[axis]}`,
          op,
        );
    });
    return inScope(() => {
      const w = asTensor(weight, undefined, op);
      const image = asTensor(x, w, op);
      checkKernel(op, axes, w, "[channels, features / groups, ...]");
      const [channels, features, ...kernel] = w.shape as [number, number, ...number[]];
      if (channels % groups !== 0)
        throw new ShapeError(
          `${op}: the kernel has shape [${w.shape.join(", ")}]; its ${channels} channels must be a multiple of groups = ${groups}`,
          op,
        );
      // [groups · channels, features, ...], turned around, as the kernel of a convolution: [groups · features, channels, ...]
      const around = kernel.map((_, axis) => axis + 2);
      const apart = w.flip(around).reshape([groups, channels / groups, features, ...kernel]);
      const turned = apart
        .transpose([0, 2, 1, ...around.map((axis) => axis + 1)])
        .reshape([groups * features, channels / groups, ...kernel]);
      const low = kernel.map((size, axis) => steps[axis]! * (size - 1) - padded[axis]!);
      const high = low.map((size, axis) => size + more[axis]!);
      const ones = strides.map(() => 1);
      return withBatch(op, axes, image, (image) =>
        biased(op, run("convolution", [image, turned], [groups, 0, ...ones, ...low, ...high, ...strides, ...steps]), bias),
      );
    });
  };
}

/**
 * Convolves [batch, channels, length] (or [channels, length]) with kernels [features, channels / groups, size]: [batch, features, places], as
 * torch.nn.functional.conv1d. The kernel is not turned around. int32 becomes float32. Throws `ShapeError`, `ValueError`.
 *
 * @example
 * ad.conv1d([[1, 2, 3, 4]], [[[1, -1]]]); // [[-1, -1, -1]]
 */
export const conv1d: Convolution = convolution("conv1d", 1);

/**
 * Convolves images [batch, channels, height, width] (or one without its batch axis) with kernels [features, channels / groups, height, width]:
 * [batch, features, ...], as torch.nn.functional.conv2d. Each size is ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1. The kernel is
 * not turned around; int32 becomes float32. Throws `ShapeError` where channels, groups or sizes do not fit, `ValueError`.
 *
 * @example
 * const images = ad.ones([2, 3, 8, 8]);
 * ad.conv2d(images, ad.ones([4, 3, 3, 3]), { padding: "same" }).shape; // [2, 4, 8, 8]
 */
export const conv2d: Convolution = convolution("conv2d", 2);

/** Convolves [batch, channels, depth, height, width] with kernels [features, channels / groups, depth, height, width], as `conv2d` does in two axes. */
export const conv3d: Convolution = convolution("conv3d", 3);

/** The transpose of `conv1d`: [batch, channels, length] with a kernel [channels, features / groups, size], as torch.nn.functional.conv_transpose1d. */
export const convTranspose1d: ConvolutionTranspose = convolutionTranspose("convTranspose1d", 1);

/**
 * The transpose of `conv2d`, as torch.nn.functional.conv_transpose2d: [batch, channels, height, width] with a kernel [channels, features / groups,
 * height, width]. Each size is (size - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1. Throws `ShapeError`, `ValueError`.
 *
 * @example
 * const small = ad.ones([1, 8, 4, 4]);
 * ad.convTranspose2d(small, ad.ones([8, 3, 2, 2]), { stride: 2 }).shape; // [1, 3, 8, 8]
 */
export const convTranspose2d: ConvolutionTranspose = convolutionTranspose("convTranspose2d", 2);

/** The transpose of `conv3d`, as `convTranspose2d` is that of `conv2d`. */
export const convTranspose3d: ConvolutionTranspose = convolutionTranspose("convTranspose3d", 3);
