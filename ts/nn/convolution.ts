/** Convolutions as layers. Names, layouts and defaults are torch.nn's; `forward` accepts arrays for tensors. */
import { atMost, boolean, integer } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import * as conv from "../ops/convolution.js";
import { perAxis } from "../ops/images.js";
import type { Tensor, TensorLike } from "../tensor.js";
import * as init from "./init.js";
import { Module, parameter, type Parameter } from "./module.js";
import { argument } from "./reduction.js";

/** Options of `Conv1d`, `Conv2d`, `Conv3d`. Numbers are for all axes; a list has one for each. */
export interface ConvOptions extends Omit<conv.ConvolutionOptions, "bias"> {
  /** Add a trained number to each output channel; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `ConvTranspose1d`, `ConvTranspose2d`, `ConvTranspose3d`. */
export interface ConvTransposeOptions extends Omit<conv.ConvolutionTransposeOptions, "bias"> {
  /** Add a trained number to each output channel; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** What the layers differ in. */
interface Kind<Options> {
  readonly axes: number;
  readonly apply: (input: TensorLike, weight: TensorLike, options: Omit<Options, "dtype"> & { bias: Tensor | null }) => Tensor;
  readonly options: readonly (keyof Options & string)[];
  /** The kernels' shape but for the axes: [outChannels, inChannels] or, transposed, the other way round, one of them for each group only. */
  readonly channels: (inChannels: number, outChannels: number, groups: number) => [number, number];
}

const kindOf = (axes: number, apply: typeof conv.conv2d): Kind<Omit<ConvOptions, "bias">> => ({
  axes,
  apply,
  options: ["stride", "padding", "dilation", "groups", "dtype"],
  channels: (inChannels, outChannels, groups) => [outChannels, inChannels / groups],
});

const transposedKindOf = (axes: number, apply: typeof conv.convTranspose2d): Kind<Omit<ConvTransposeOptions, "bias">> => ({
  axes,
  apply,
  options: ["stride", "padding", "outputPadding", "dilation", "groups", "dtype"],
  channels: (inChannels, outChannels, groups) => [inChannels, outChannels / groups],
});

abstract class Convolutional<Options extends { groups?: number; dtype?: DType }> extends Module {
  /** The kernels. */
  weight: Parameter;
  /** One number for each output channel; null without. */
  bias: Parameter | null;
  private readonly options: Omit<Options, "dtype">;

  protected constructor(
    private readonly name: string,
    private readonly kind: Kind<Options>,
    /** Channels of the input. */
    readonly inChannels: number,
    /** Channels of the output. */
    readonly outChannels: number,
    kernelSize: number | readonly number[],
    options: (Options & { bias?: boolean }) | undefined,
  ) {
    super();
    const { bias = true, dtype, ...own } = readOptions<Options & { bias?: boolean }>(name, options, ["bias", ...kind.options]);
    const { groups = 1 } = own as { groups?: number };
    integer(name, "inChannels", inChannels, 1);
    integer(name, "outChannels", outChannels, 1);
    integer(name, "groups", groups, 1);
    boolean(name, "bias", bias);
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new ValueError(
        `${name}: inChannels ${inChannels} and outChannels ${outChannels} must be multiples of groups = ${groups}`,
        name,
      );
    const shape = [...kind.channels(inChannels, outChannels, groups), ...perAxis(name, "kernelSize", kernelSize, kind.axes, 1)];
    // PyTorch's kaiming uniform with a = √5: both bounds are 1/√(what an output is the sum of).
    const bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    this.options = own as Omit<Options, "dtype">;
    this.weight = parameter(init.uniform(shape, -bound, bound, { dtype }));
    this.bias = bias ? parameter(init.uniform([outChannels], -bound, bound, { dtype })) : null;
  }

  /** [batch, inChannels, ...] to [batch, outChannels, ...]; one image without its batch axis too. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    const x = argument(this.name, "the input", input, this.weight);
    const { axes, apply } = this.kind;
    const channels = x.shape[x.ndim - axes - 1];
    if (channels !== this.inChannels)
      throw new ShapeError(
        `${this.name}: the input has shape [${x.shape.join(", ")}]; expected inChannels = ${this.inChannels} in front of the last ${axes === 1 ? "axis" : `${axes} axes`}`,
        this.name,
      );
    return apply(x, this.weight, { ...this.options, bias: this.bias });
  }
}

const OTHERS = "the stride is an option: { stride, padding, dilation, groups, bias }";
const TRANSPOSED_OTHERS = "the stride is an option: { stride, padding, outputPadding, dilation, groups, bias }";

/** `conv1d` with trained kernels [outChannels, inChannels / groups, size]. Starts as PyTorch's does. */
export class Conv1d extends Convolutional<Omit<ConvOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv1d", arguments, 4, OTHERS);
    super("Conv1d", kindOf(1, conv.conv1d), inChannels, outChannels, kernelSize, options);
  }
}

/**
 * `conv2d` with trained kernels [outChannels, inChannels / groups, height, width]. Starts as PyTorch's does, uniform within ±1/√(inputs of an output).
 *
 * @example
 * const layer = new ad.nn.Conv2d(3, 16, 3, { padding: 1 });
 * layer.forward(ad.ones([2, 3, 8, 8])).shape; // [2, 16, 8, 8]
 */
export class Conv2d extends Convolutional<Omit<ConvOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv2d", arguments, 4, OTHERS);
    super("Conv2d", kindOf(2, conv.conv2d), inChannels, outChannels, kernelSize, options);
  }
}

/** `conv3d` with trained kernels [outChannels, inChannels / groups, depth, height, width]. Starts as PyTorch's does. */
export class Conv3d extends Convolutional<Omit<ConvOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv3d", arguments, 4, OTHERS);
    super("Conv3d", kindOf(3, conv.conv3d), inChannels, outChannels, kernelSize, options);
  }
}

/** `convTranspose1d` with trained kernels [inChannels, outChannels / groups, size]. Starts as PyTorch's does. */
export class ConvTranspose1d extends Convolutional<Omit<ConvTransposeOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose1d", arguments, 4, TRANSPOSED_OTHERS);
    super("ConvTranspose1d", transposedKindOf(1, conv.convTranspose1d), inChannels, outChannels, kernelSize, options);
  }
}

/**
 * `convTranspose2d` with trained kernels [inChannels, outChannels / groups, height, width]. Starts as PyTorch's does.
 *
 * @example
 * const layer = new ad.nn.ConvTranspose2d(16, 3, 2, { stride: 2 });
 * layer.forward(ad.ones([2, 16, 4, 4])).shape; // [2, 3, 8, 8]
 */
export class ConvTranspose2d extends Convolutional<Omit<ConvTransposeOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose2d", arguments, 4, TRANSPOSED_OTHERS);
    super("ConvTranspose2d", transposedKindOf(2, conv.convTranspose2d), inChannels, outChannels, kernelSize, options);
  }
}

/** `convTranspose3d` with trained kernels [inChannels, outChannels / groups, depth, height, width]. Starts as PyTorch's does. */
export class ConvTranspose3d extends Convolutional<Omit<ConvTransposeOptions, "bias">> {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose3d", arguments, 4, TRANSPOSED_OTHERS);
    super("ConvTranspose3d", transposedKindOf(3, conv.convTranspose3d), inChannels, outChannels, kernelSize, options);
  }
}
