/** Functions without parameters as modules, for `Sequential`. Names and defaults are torch.nn's. */
import { atMost, integer, number } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { checkOptions, isPlainObject, readOptions } from "../input/options.js";
import * as f from "../ops/elementwise.js";
import { logSoftmax, softmax } from "../ops/reduce.js";
import { flatten } from "../ops/shape.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { Module } from "./module.js";

/** A function without parameters as a module. */
export abstract class Activation extends Module {
  abstract override forward(x: TensorLike): Tensor;
}

/** A module class for a function without options. */
function activation(
  name: string,
  apply: (x: TensorLike) => Tensor,
): {
  /** Takes no arguments: `ValueError` for any. */
  new (): Activation;
} {
  const made = class extends Activation {
    constructor(...given: unknown[]) {
      super();
      if (given.length > 0) {
        checkOptions(name, given[0], []);
        throw new ValueError(`${name}: takes no arguments, got ${describe(given[0])}`, name);
      }
    }
    forward(x: TensorLike): Tensor {
      atMost(`${name}.forward`, arguments, 1);
      return apply(x);
    }
  };
  Object.defineProperty(made, "name", { value: name });
  return made;
}

/** A constructor's one number, given itself or in an options object under PyTorch's name. */
function setting(name: string, given: unknown, option: string, otherwise: number): number {
  const value = isPlainObject(given)
    ? (readOptions(name, given as Record<string, unknown>, [option])[option] ?? otherwise)
    : (given ?? otherwise);
  return number(name, option, value);
}

/** The module of `relu`: max(x, 0). */
export const ReLU = activation("ReLU", f.relu);
/** The module of `relu6`: min(max(x, 0), 6). */
export const ReLU6 = activation("ReLU6", f.relu6);
/** The module of `tanh`: tanh x. */
export const Tanh = activation("Tanh", f.tanh);
/** The module of `sigmoid`: 1/(1 + e⁻ˣ). */
export const Sigmoid = activation("Sigmoid", f.sigmoid);
/** The module of `silu`: x σ(x). */
export const SiLU = activation("SiLU", f.silu);
/** The module of `selu`: Klambauer et al. 2017. */
export const SELU = activation("SELU", f.selu);
/** The module of `softplus`: log(1 + eˣ). */
export const Softplus = activation("Softplus", f.softplus);
/** The module of `logSigmoid`: log σ(x). */
export const LogSigmoid = activation("LogSigmoid", f.logSigmoid);
/** The module of `hardSwish`: x min(max(x + 3, 0), 6) / 6. */
export const Hardswish = activation("Hardswish", f.hardSwish);
/** The module of `mish`: x tanh(softplus x). */
export const Mish = activation("Mish", f.mish);

/** What it is given: a place in a `Sequential` where nothing happens. */
export const Identity = activation("Identity", (x) => (x instanceof Tensor ? x : tensor(x)));

/** x Φ(x), exactly or, with `{ approximate: "tanh" }`, nearly. */
export class GELU extends Activation {
  /** As given. */
  readonly options: f.GeluOptions;
  constructor(options?: f.GeluOptions) {
    atMost("GELU", arguments, 1);
    super();
    checkOptions("GELU", options, ["approximate"]);
    const { approximate = "none" } = options ?? {};
    if (approximate !== "none" && approximate !== "tanh")
      throw new ValueError(`GELU: approximate must be "none" or "tanh", got ${describe(approximate)}`, "GELU");
    this.options = { approximate };
  }
  forward(x: TensorLike): Tensor {
    atMost("GELU.forward", arguments, 1);
    return f.gelu(x, this.options);
  }
}

/** x where x > 0, else slope·x: `new LeakyReLU(0.2)` or `new LeakyReLU({ negativeSlope: 0.2 })`; default 0.01. */
export class LeakyReLU extends Activation {
  /** The factor below 0. */
  readonly slope: number;
  constructor(slope: number | { negativeSlope?: number } = 0.01) {
    atMost("LeakyReLU", arguments, 1);
    super();
    this.slope = setting("LeakyReLU", slope, "negativeSlope", 0.01);
  }
  forward(x: TensorLike): Tensor {
    atMost("LeakyReLU.forward", arguments, 1);
    return f.leakyRelu(x, this.slope);
  }
}

/** x where x > 0, else alpha (eˣ - 1): `new ELU(1)` or `new ELU({ alpha: 1 })`. */
export class ELU extends Activation {
  /** The limit below is -alpha. */
  readonly alpha: number;
  constructor(alpha: number | { alpha?: number } = 1) {
    atMost("ELU", arguments, 1);
    super();
    this.alpha = setting("ELU", alpha, "alpha", 1);
  }
  forward(x: TensorLike): Tensor {
    atMost("ELU.forward", arguments, 1);
    return f.elu(x, this.alpha);
  }
}

/** Along `axis` (default the last) positive numbers of sum 1: `new Softmax(1)` or `new Softmax({ axis: 1 })`. */
export class Softmax extends Activation {
  /** The axis whose numbers have sum 1. */
  readonly axis: number;
  constructor(axis: number | { axis?: number } = -1) {
    atMost("Softmax", arguments, 1);
    super();
    this.axis = integer("Softmax", "axis", setting("Softmax", axis, "axis", -1));
  }
  forward(x: TensorLike): Tensor {
    atMost("Softmax.forward", arguments, 1);
    return softmax(x, this.axis);
  }
}

/** The logarithm of `Softmax`, without its rounding. */
export class LogSoftmax extends Activation {
  /** The axis whose exponentials have sum 1. */
  readonly axis: number;
  constructor(axis: number | { axis?: number } = -1) {
    atMost("LogSoftmax", arguments, 1);
    super();
    this.axis = integer("LogSoftmax", "axis", setting("LogSoftmax", axis, "axis", -1));
  }
  forward(x: TensorLike): Tensor {
    atMost("LogSoftmax.forward", arguments, 1);
    return logSoftmax(x, this.axis);
  }
}

/** The axes from `start` to `end` as one; by default all but the batch. */
export class Flatten extends Activation {
  constructor(
    /** The first axis that is merged. */
    readonly start = 1,
    /** The last axis that is merged. */
    readonly end = -1,
  ) {
    atMost("Flatten", arguments, 2);
    super();
    integer("Flatten", "start", start);
    integer("Flatten", "end", end);
  }
  forward(x: TensorLike): Tensor {
    atMost("Flatten.forward", arguments, 1);
    return flatten(x, this.start, this.end);
  }
}
