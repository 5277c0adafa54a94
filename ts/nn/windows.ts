/** Pooling, unfolding and resizing as layers. Names, layouts and defaults are torch.nn's. */
import { atMost } from "../input/arguments.js";
import * as pooling from "../ops/pooling.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { Activation } from "./activations.js";
import { argument } from "./reduction.js";

/** A class of layers without parameters. */
export interface WindowLayer<Arguments extends readonly unknown[]> {
  /** Takes what the function of its name takes behind the input. */
  new (...given: Arguments): Activation;
}

/** A layer that applies a function, with what it was made with behind the input. */
function layer<Arguments extends readonly unknown[]>(
  name: string,
  apply: (x: TensorLike, ...given: Arguments) => Tensor,
  most: number,
): WindowLayer<Arguments> {
  const made = class extends Activation {
    private readonly given: Arguments;
    constructor(...given: Arguments) {
      super();
      atMost(name, given, most);
      this.given = given;
    }
    forward(input: TensorLike): Tensor {
      atMost(`${name}.forward`, arguments, 1);
      return apply(argument(name, "the input", input), ...this.given);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
}

type MaxPoolArguments = [kernelSize: number | readonly number[], options?: pooling.MaxPoolOptions];
type AvgPoolArguments = [kernelSize: number | readonly number[], options?: pooling.AvgPoolOptions];
type AdaptiveArguments = [outputSize: number | readonly (number | null)[]];

/** `maxPool1d(x, kernelSize, { stride, padding, dilation, ceilMode })` as a layer. */
export const MaxPool1d: WindowLayer<MaxPoolArguments> = layer<MaxPoolArguments>("MaxPool1d", pooling.maxPool1d, 2);
/**
 * `maxPool2d(x, kernelSize, { stride, padding, dilation, ceilMode })` as a layer.
 *
 * @example
 * new ad.nn.MaxPool2d(2).forward(ad.ones([1, 3, 8, 8])).shape; // [1, 3, 4, 4]
 */
export const MaxPool2d: WindowLayer<MaxPoolArguments> = layer<MaxPoolArguments>("MaxPool2d", pooling.maxPool2d, 2);
/** `maxPool3d(x, kernelSize, { stride, padding, dilation, ceilMode })` as a layer. */
export const MaxPool3d: WindowLayer<MaxPoolArguments> = layer<MaxPoolArguments>("MaxPool3d", pooling.maxPool3d, 2);
/** `avgPool1d(x, kernelSize, { stride, padding, ... })` as a layer. */
export const AvgPool1d: WindowLayer<AvgPoolArguments> = layer<AvgPoolArguments>("AvgPool1d", pooling.avgPool1d, 2);
/** `avgPool2d(x, kernelSize, { stride, padding, ... })` as a layer. */
export const AvgPool2d: WindowLayer<AvgPoolArguments> = layer<AvgPoolArguments>("AvgPool2d", pooling.avgPool2d, 2);
/** `avgPool3d(x, kernelSize, { stride, padding, ... })` as a layer. */
export const AvgPool3d: WindowLayer<AvgPoolArguments> = layer<AvgPoolArguments>("AvgPool3d", pooling.avgPool3d, 2);
/** `adaptiveAvgPool1d(x, outputSize)` as a layer. */
export const AdaptiveAvgPool1d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveAvgPool1d",
  pooling.adaptiveAvgPool1d,
  1,
);
/** `adaptiveAvgPool2d(x, outputSize)` as a layer. */
export const AdaptiveAvgPool2d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveAvgPool2d",
  pooling.adaptiveAvgPool2d,
  1,
);
/** `adaptiveAvgPool3d(x, outputSize)` as a layer. */
export const AdaptiveAvgPool3d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveAvgPool3d",
  pooling.adaptiveAvgPool3d,
  1,
);
/** `adaptiveMaxPool1d(x, outputSize)` as a layer. */
export const AdaptiveMaxPool1d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveMaxPool1d",
  pooling.adaptiveMaxPool1d,
  1,
);
/** `adaptiveMaxPool2d(x, outputSize)` as a layer. */
export const AdaptiveMaxPool2d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveMaxPool2d",
  pooling.adaptiveMaxPool2d,
  1,
);
/** `adaptiveMaxPool3d(x, outputSize)` as a layer. */
export const AdaptiveMaxPool3d: WindowLayer<AdaptiveArguments> = layer<AdaptiveArguments>(
  "AdaptiveMaxPool3d",
  pooling.adaptiveMaxPool3d,
  1,
);
/** `unfold(x, kernelSize, { stride, padding, dilation })` as a layer. */
export const Unfold: WindowLayer<[kernelSize: number | readonly number[], options?: pooling.UnfoldOptions]> = layer(
  "Unfold",
  pooling.unfold,
  2,
);
/** `fold(x, outputSize, kernelSize, { stride, padding, dilation })` as a layer. */
export const Fold: WindowLayer<
  [outputSize: number | readonly number[], kernelSize: number | readonly number[], options?: pooling.UnfoldOptions]
> = layer("Fold", pooling.fold, 3);
/** `interpolate(x, { size, scaleFactor, mode, alignCorners })` as a layer. */
export const Upsample: WindowLayer<[options: pooling.InterpolateOptions]> = layer("Upsample", pooling.interpolate, 1);
