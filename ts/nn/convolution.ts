/** Convolutions as layers. Names, layouts and defaults are torch.nn's; `forward` accepts arrays for tensors. */
import { atMost, boolean, integer } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import * as conv from "../ops/convolution.js";
import { perAxis } from "../ops/images.js";
import type { Tensor, TensorLike } from "../tensor.js";
import * as init from "./init.js";
import { Module, Parameter } from "./module.js";
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

/** The parameter of a fresh value, which it takes over. */
function parameter(value: Tensor): Parameter {
  try {
    return new Parameter(value);
  } finally {
    value.dispose();
  }
}

abstract class Convolutional extends Module {
  /** The kernels. */
  weight: Parameter;
  /** One number for each output channel; null without. */
  bias: Parameter | null;

  protected constructor(
    private readonly name: string,
    axes: number,
    /** Channels of the input. */
    readonly inChannels: number,
    /** Channels of the output. */
    readonly outChannels: number,
    kernelSize: number | readonly number[],
    groups: number,
    transposed: boolean,
    bias: boolean,
    dtype: DType | undefined,
  ) {
    super();
    integer(name, "inChannels", inChannels, 1);
    integer(name, "outChannels", outChannels, 1);
    integer(name, "groups", groups, 1);
    boolean(name, "bias", bias);
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new ValueError(
        `${name}: inChannels ${inChannels} and outChannels ${outChannels} must be multiples of groups = ${groups}`,
        name,
      );
    const kernel = perAxis(name, "kernelSize", kernelSize, axes, 1);
    const shape = transposed ? [inChannels, outChannels / groups, ...kernel] : [outChannels, inChannels / groups, ...kernel];
    // PyTorch's kaiming uniform with a = √5: both bounds are 1/√(what an output is the sum of).
    const bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    this.weight = parameter(init.uniform(shape, -bound, bound, { dtype }));
    this.bias = bias ? parameter(init.uniform([outChannels], -bound, bound, { dtype })) : null;
  }

  /** The input, whose channels are looked at. */
  protected input(given: TensorLike, axes: number): Tensor {
    const x = argument(this.name, "the input", given, this.weight);
    const channels = x.shape[x.ndim - axes - 1];
    if (channels !== this.inChannels)
      throw new ShapeError(
        `${this.name}: the input has shape [${x.shape.join(", ")}]; expected inChannels = ${this.inChannels} in front of the last ${axes === 1 ? "axis" : `${axes} axes`}`,
        this.name,
      );
    return x;
  }
}

const CONV = ["bias", "stride", "padding", "dilation", "groups", "dtype"] as const;
const TRANSPOSE = ["bias", "stride", "padding", "outputPadding", "dilation", "groups", "dtype"] as const;

abstract class Conv extends Convolutional {
  private readonly options: conv.ConvolutionOptions;
  protected constructor(
    name: string,
    private readonly axes: number,
    private readonly apply: typeof conv.conv2d,
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvOptions | undefined,
  ) {
    const { bias = true, dtype, ...own } = readOptions<ConvOptions>(name, options, [...CONV]);
    super(name, axes, inChannels, outChannels, kernelSize, own.groups ?? 1, false, bias, dtype);
    this.options = own;
  }

  /** [batch, inChannels, ...] to [batch, outChannels, ...]; one image without its batch axis too. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    return this.apply(this.input(input, this.axes), this.weight, { ...this.options, bias: this.bias });
  }
}

abstract class ConvTranspose extends Convolutional {
  private readonly options: conv.ConvolutionTransposeOptions;
  protected constructor(
    name: string,
    private readonly axes: number,
    private readonly apply: typeof conv.convTranspose2d,
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeOptions | undefined,
  ) {
    const { bias = true, dtype, ...own } = readOptions<ConvTransposeOptions>(name, options, [...TRANSPOSE]);
    super(name, axes, inChannels, outChannels, kernelSize, own.groups ?? 1, true, bias, dtype);
    this.options = own;
  }

  /** [batch, inChannels, ...] to [batch, outChannels, ...]; one image without its batch axis too. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    return this.apply(this.input(input, this.axes), this.weight, { ...this.options, bias: this.bias });
  }
}

/** `conv1d` with trained kernels [outChannels, inChannels / groups, size]. Starts as PyTorch's does. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv1d", arguments, 4, "the stride is an option: { stride, padding, dilation, groups, bias }");
    super("Conv1d", 1, conv.conv1d, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * `conv2d` with trained kernels [outChannels, inChannels / groups, height, width]. Starts as PyTorch's does, uniform within ±1/√(inputs of an output).
 *
 * @example
 * const layer = new ad.nn.Conv2d(3, 16, 3, { padding: 1 });
 * layer.forward(ad.ones([2, 3, 8, 8])).shape; // [2, 16, 8, 8]
 */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv2d", arguments, 4, "the stride is an option: { stride, padding, dilation, groups, bias }");
    super("Conv2d", 2, conv.conv2d, inChannels, outChannels, kernelSize, options);
  }
}

/** `conv3d` with trained kernels [outChannels, inChannels / groups, depth, height, width]. Starts as PyTorch's does. */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvOptions) {
    atMost("Conv3d", arguments, 4, "the stride is an option: { stride, padding, dilation, groups, bias }");
    super("Conv3d", 3, conv.conv3d, inChannels, outChannels, kernelSize, options);
  }
}

/** `convTranspose1d` with trained kernels [inChannels, outChannels / groups, size]. Starts as PyTorch's does. */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose1d", arguments, 4, "the stride is an option: { stride, padding, outputPadding, dilation, groups, bias }");
    super("ConvTranspose1d", 1, conv.convTranspose1d, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * `convTranspose2d` with trained kernels [inChannels, outChannels / groups, height, width]. Starts as PyTorch's does.
 *
 * @example
 * const layer = new ad.nn.ConvTranspose2d(16, 3, 2, { stride: 2 });
 * layer.forward(ad.ones([2, 16, 4, 4])).shape; // [2, 3, 8, 8]
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose2d", arguments, 4, "the stride is an option: { stride, padding, outputPadding, dilation, groups, bias }");
    super("ConvTranspose2d", 2, conv.convTranspose2d, inChannels, outChannels, kernelSize, options);
  }
}

/** `convTranspose3d` with trained kernels [inChannels, outChannels / groups, depth, height, width]. Starts as PyTorch's does. */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly number[], options?: ConvTransposeOptions) {
    atMost("ConvTranspose3d", arguments, 4, "the stride is an option: { stride, padding, outputPadding, dilation, groups, bias }");
    super("ConvTranspose3d", 3, conv.convTranspose3d, inChannels, outChannels, kernelSize, options);
  }
}
