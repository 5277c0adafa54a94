/** Normalizations as layers. Names, defaults and the names in `stateDict()` are torch.nn's; `forward` accepts arrays for tensors. */
import { assign } from "../ambient.js";
import { atMost, boolean, integer, integers, number } from "../input/arguments.js";
import { ones, tensor, zeros } from "../creation.js";
import type { DType } from "../dtype.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { keep } from "../memory/steps.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { noGrad } from "../transforms/modes.js";
import * as init from "./init.js";
import { parameter, type Parameter } from "./module.js";
import { groupNorm, instanceNorm, layerNorm, normalizeBatch, rmsNorm } from "./normalize.js";
import { argument, show } from "./reduction.js";
import { TorchNamed } from "./torch-names.js";

/** Options of `GroupNorm`. */
export interface GroupNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Train a factor and a shift; default true. */
  affine?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `LayerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** Train a factor and a shift for each element; default true. */
  elementwiseAffine?: boolean;
  /** With the factor, train a shift; default true. */
  bias?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** Options of `RMSNorm`. */
export interface RmsNormLayerOptions {
  /** Added to the mean square; default the spacing of numbers at 1. */
  eps?: number | null;
  /** Train a factor for each element; default true. */
  elementwiseAffine?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

function epsilon(name: string, eps: unknown): number {
  if (!(number(name, "eps", eps) >= 0)) throw new ValueError(`${name}: eps is ${String(eps)}; expected a number from 0`, name);
  return eps as number;
}

const sizes = (name: string, given: number | readonly number[]) =>
  typeof given === "number" ? [integer(name, "the normalized shape", given, 1)] : integers(name, "the normalized shape", given, 1);

/**
 * `layerNorm` with a trained factor and shift of shape `normalizedShape`, 1 and 0 at the start.
 *
 * @example
 * new ad.nn.LayerNorm(2).forward([[100, 300], [200, 600]]); // [[-1, 1], [-1, 1]]
 */
export class LayerNorm extends TorchNamed {
  /** The factor; null without one. */
  weight: Parameter | null;
  /** The shift; null without one. */
  bias: Parameter | null;
  /** The sizes of the axes that are normalized. */
  readonly normalizedShape: readonly number[];
  /** Added to the variance. */
  readonly eps: number;
  constructor(normalizedShape: number | readonly number[], options?: LayerNormOptions) {
    atMost("LayerNorm", arguments, 2);
    super();
    const known = ["eps", "elementwiseAffine", "bias", "dtype"] as const;
    const { eps = 1e-5, elementwiseAffine = true, bias = true, dtype } = readOptions("LayerNorm", options, known);
    this.normalizedShape = sizes("LayerNorm", normalizedShape);
    this.eps = epsilon("LayerNorm", eps);
    boolean("LayerNorm", "elementwiseAffine", elementwiseAffine);
    boolean("LayerNorm", "bias", bias);
    this.weight = elementwiseAffine ? parameter(init.ones(this.normalizedShape, { dtype })) : null;
    this.bias = elementwiseAffine && bias ? parameter(init.zeros(this.normalizedShape, { dtype })) : null;
  }

  /** [..., ...normalizedShape] to the same. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    atMost("LayerNorm.forward", arguments, 1);
    const { weight, bias, eps } = this;
    return layerNorm(input, this.normalizedShape, { weight, bias, eps });
  }
}

/**
 * `rmsNorm` with a trained factor of shape `normalizedShape`, 1 at the start.
 *
 * @example
 * new ad.nn.RMSNorm(2).forward([3, 3]); // [1, 1]
 */
export class RMSNorm extends TorchNamed {
  /** The factor; null without one. */
  weight: Parameter | null;
  /** The sizes of the axes that are normalized. */
  readonly normalizedShape: readonly number[];
  /** Added to the mean square; null is the spacing of numbers at 1. */
  readonly eps: number | null;
  constructor(normalizedShape: number | readonly number[], options?: RmsNormLayerOptions) {
    atMost("RMSNorm", arguments, 2);
    super();
    const { eps = null, elementwiseAffine = true, dtype } = readOptions("RMSNorm", options, ["eps", "elementwiseAffine", "dtype"]);
    this.normalizedShape = sizes("RMSNorm", normalizedShape);
    this.eps = eps === null ? null : epsilon("RMSNorm", eps);
    this.weight = boolean("RMSNorm", "elementwiseAffine", elementwiseAffine) ? parameter(init.ones(this.normalizedShape, { dtype })) : null;
  }

  /** [..., ...normalizedShape] to the same. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    atMost("RMSNorm.forward", arguments, 1);
    return rmsNorm(input, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }
}

/**
 * `groupNorm` with a trained factor and shift for each channel, 1 and 0 at the start.
 *
 * @example
 * new ad.nn.GroupNorm(2, 4).forward([[100, 300, 200, 600]]); // [[-1, 1, -1, 1]]
 */
export class GroupNorm extends TorchNamed {
  /** The factor of each channel; null without one. */
  weight: Parameter | null;
  /** The shift of each channel; null without one. */
  bias: Parameter | null;
  /** Added to the variance. */
  readonly eps: number;
  constructor(
    /** Groups of channels. */
    readonly numGroups: number,
    /** Channels of the input. */
    readonly numChannels: number,
    options?: GroupNormOptions,
  ) {
    atMost("GroupNorm", arguments, 3);
    super();
    const { eps = 1e-5, affine = true, dtype } = readOptions("GroupNorm", options, ["eps", "affine", "dtype"]);
    integer("GroupNorm", "numGroups", numGroups, 1);
    integer("GroupNorm", "numChannels", numChannels, 1);
    if (numChannels % numGroups !== 0)
      throw new ValueError(`GroupNorm: ${numChannels} channels cannot be parted into ${numGroups} groups of one size`, "GroupNorm");
    this.eps = epsilon("GroupNorm", eps);
    boolean("GroupNorm", "affine", affine);
    this.weight = affine ? parameter(init.ones([numChannels], { dtype })) : null;
    this.bias = affine ? parameter(init.zeros([numChannels], { dtype })) : null;
  }

  /** [batch, numChannels, ...] to the same. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    atMost("GroupNorm.forward", arguments, 1);
    const x = argument("GroupNorm", "the input", input, this.weight ?? undefined);
    if (x.shape[1] !== this.numChannels)
      throw new ShapeError(`GroupNorm: the input has shape ${show(x.shape)}; expected ${this.numChannels} channels on axis 1`, "GroupNorm");
    const { weight, bias, eps } = this;
    return groupNorm(x, this.numGroups, { weight, bias, eps });
  }
}

/** Options of `BatchNorm1d` and its kin, and of `InstanceNorm1d` and its. */
export interface BatchNormLayerOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** The part of the batch's numbers in the new running ones; default 0.1, null for their mean over all batches. */
  momentum?: number | null;
  /** Train a factor and a shift; default true (of `InstanceNorm`, false). */
  affine?: boolean;
  /** Keep a running mean and variance, which `eval()` uses; default true (of `InstanceNorm`, false). */
  trackRunningStats?: boolean;
  /** "float32" or "float64"; the default dtype without it. */
  dtype?: DType;
}

/** How many axes the input has, with its batch axis. */
interface Kind {
  readonly name: string;
  readonly axes: readonly number[];
  readonly expected: string;
}

abstract class Running extends TorchNamed {
  /** The factor of each channel; null without one. */
  weight: Parameter | null;
  /** The shift of each channel; null without one. */
  bias: Parameter | null;
  /** The running mean of each channel, a buffer; null without one. */
  runningMean: Tensor | null = null;
  /** The running variance of each channel, a buffer; null without one. */
  runningVar: Tensor | null = null;
  /** How many batches there were, a buffer; null without running numbers. */
  numBatchesTracked: Tensor | null = null;
  /** Added to the variance. */
  readonly eps: number;
  /** The part of the batch's numbers in the new running ones; null for their mean over all batches. */
  readonly momentum: number | null;

  protected constructor(
    /** For which inputs. */
    protected readonly kind: Kind,
    /** Channels of the input. */
    readonly numFeatures: number,
    options: BatchNormLayerOptions | undefined,
    normally: boolean,
  ) {
    super();
    const { name } = kind;
    const known = ["eps", "momentum", "affine", "trackRunningStats", "dtype"] as const;
    const { eps = 1e-5, momentum = 0.1, affine = normally, trackRunningStats = normally, dtype } = readOptions(name, options, known);
    integer(name, "numFeatures", numFeatures, 1);
    this.eps = epsilon(name, eps);
    this.momentum = momentum === null ? null : number(name, "momentum", momentum);
    boolean(name, "affine", affine);
    boolean(name, "trackRunningStats", trackRunningStats);
    this.weight = affine ? parameter(init.ones([numFeatures], { dtype })) : null;
    this.bias = affine ? parameter(init.zeros([numFeatures], { dtype })) : null;
    if (!trackRunningStats) return;
    this.runningMean = keep(zeros([numFeatures], { dtype }));
    this.runningVar = keep(ones([numFeatures], { dtype }));
    this.numBatchesTracked = keep(tensor(0, { dtype: "int32" }));
  }

  /** The input, looked at. */
  protected checked(input: TensorLike): Tensor {
    const { name, axes, expected } = this.kind;
    const x = argument(name, "the input", input, this.weight ?? undefined);
    if (!axes.includes(x.ndim)) throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected ${expected}`, name);
    return x;
  }
}

abstract class BatchNorm extends Running {
  /** Counts a batch; the part of its numbers in the new running ones. */
  private count(): number | Tensor {
    const counted = this.numBatchesTracked;
    if (counted === null) return 0;
    noGrad(() => assign(counted, counted.add(1)));
    return this.momentum ?? counted.cast("float64").reciprocal();
  }

  /** Of the shape of the input. In training, moves the running numbers. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    const { name } = this.kind;
    atMost(`${name}.forward`, arguments, 1);
    const x = this.checked(input);
    if (x.shape[1] !== this.numFeatures)
      throw new ShapeError(`${name}: the input has shape ${show(x.shape)}; expected ${this.numFeatures} channels on axis 1`, name);
    const { training, runningMean, runningVar, weight, bias, eps } = this;
    const own = training || runningMean === null;
    const momentum = training ? this.count() : 0;
    return normalizeBatch(name, x, runningMean, runningVar, { weight, bias }, { training: own, momentum, eps });
  }
}

const kinds = (family: string): [Kind, Kind, Kind] => {
  const alone = family === "InstanceNorm";
  const one = alone
    ? { axes: [2, 3], expected: "[channels, length] or [batch, channels, length]" }
    : { axes: [2, 3], expected: "[batch, channels] or [batch, channels, length]" };
  const two = "[batch, channels, height, width]";
  const three = "[batch, channels, depth, height, width]";
  return [
    { name: `${family}1d`, ...one },
    { name: `${family}2d`, axes: alone ? [3, 4] : [4], expected: two },
    { name: `${family}3d`, axes: alone ? [4, 5] : [5], expected: three },
  ];
};
const [BATCH_1, BATCH_2, BATCH_3] = kinds("BatchNorm");
const [INSTANCE_1, INSTANCE_2, INSTANCE_3] = kinds("InstanceNorm");

/** `batchNorm` of [batch, channels] or [batch, channels, length], with running numbers as buffers. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("BatchNorm1d", arguments, 2);
    super(BATCH_1, numFeatures, options, true);
  }
}

/**
 * `batchNorm` of [batch, channels, height, width], with running numbers as buffers: `eval()` uses them.
 *
 * @example
 * const layer = new ad.nn.BatchNorm2d(3);
 * layer.forward(ad.ones([2, 3, 4, 4])).shape; // [2, 3, 4, 4]
 */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("BatchNorm2d", arguments, 2);
    super(BATCH_2, numFeatures, options, true);
  }
}

/** `batchNorm` of [batch, channels, depth, height, width], with running numbers as buffers. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("BatchNorm3d", arguments, 2);
    super(BATCH_3, numFeatures, options, true);
  }
}

abstract class InstanceNorm extends Running {
  /** Of the shape of the input. Throws `ShapeError`. */
  forward(input: TensorLike): Tensor {
    const { name, axes } = this.kind;
    atMost(`${name}.forward`, arguments, 1);
    const given = this.checked(input);
    const alone = given.ndim === axes[0];
    const x = alone ? given.unsqueeze(0) : given;
    const { training, runningMean, runningVar, weight, bias, eps } = this;
    const channels = x.shape[1]!;
    if ((weight !== null || runningMean !== null) && channels !== this.numFeatures)
      throw new ShapeError(`${name}: the input has shape ${show(given.shape)}; expected ${this.numFeatures} channels`, name);
    let y: Tensor;
    if (runningMean === null || runningVar === null) y = instanceNorm(x, { weight, bias, eps });
    else if (!training) y = normalizeBatch(name, x, runningMean, runningVar, { weight, bias }, { training: false, momentum: 0, eps });
    else {
      // PyTorch counts no batches here: without a momentum the numbers stay.
      const momentum = this.momentum ?? 0;
      y = instanceNorm(x, { weight, bias, eps });
      noGrad(() => {
        const flat = x.detach().reshape([x.shape[0]!, channels, -1]);
        for (const [running, now] of [
          [runningMean, flat.mean(2)],
          [runningVar, flat.variance(2)],
        ] as const)
          assign(running, running.add(now.mean(0).sub(running).mul(momentum).cast(running.dtype)));
      });
    }
    return alone ? y.squeeze(0) : y;
  }
}

/** `instanceNorm` of [batch, channels, length] or [channels, length]. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("InstanceNorm1d", arguments, 2);
    super(INSTANCE_1, numFeatures, options, false);
  }
}

/** `instanceNorm` of [batch, channels, height, width], or one image. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("InstanceNorm2d", arguments, 2);
    super(INSTANCE_2, numFeatures, options, false);
  }
}

/** `instanceNorm` of [batch, channels, depth, height, width], or one volume. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options?: BatchNormLayerOptions) {
    atMost("InstanceNorm3d", arguments, 2);
    super(INSTANCE_3, numFeatures, options, false);
  }
}
