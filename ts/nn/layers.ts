/** Layers. Names and defaults are torch.nn's. */
import { flatten } from "../ops/shape.js";
import * as f from "../ops/elementwise.js";
import { logSoftmax, softmax } from "../ops/reduce.js";
import { embedding } from "../ops/index.js";
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import * as random from "../random/index.js";
import * as init from "./init.js";
import { Module, Parameter } from "./module.js";
import type { DType } from "../dtype.js";


export interface LinearOptions {
  bias?: boolean;
  dtype?: DType;
}

/** The parameter of a fresh value, which it takes over. */
function parameter(value: Tensor): Parameter {
  const made = new Parameter(value);
  value.dispose();
  return made;
}

/** x Wᵀ + b with W of shape [out, in], on the last axis. */
export class Linear extends Module {
  weight: Parameter;
  bias: Parameter | null;
  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { bias = true, dtype }: LinearOptions = {},
  ) {
    super();
    // PyTorch's kaiming uniform with a = √5: both bounds are 1/√in.
    const bound = 1 / Math.sqrt(Math.max(inFeatures, 1));
    this.weight = parameter(init.uniform([outFeatures, inFeatures], -bound, bound, { dtype }));
    this.bias = bias ? parameter(init.uniform([outFeatures], -bound, bound, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    const y = x.matmul(this.weight.T);
    return this.bias === null ? y : y.add(this.bias);
  }
}

/** Modules (or functions of one tensor) one after the other. */
export class Sequential extends Module {
  readonly layers: (Module | ((x: Tensor) => Tensor))[];
  constructor(...layers: (Module | ((x: Tensor) => Tensor))[]) {
    super();
    for (const layer of layers) {
      if (!(layer instanceof Module) && typeof layer !== "function") throw new ValueError(`Sequential: a layer is a module or a function, got ${typeof layer}`, "Sequential");
    }
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer instanceof Module ? (layer.forward(x) as Tensor) : layer(x);
    return x;
  }
}

/** Rows of a trained table by int32 index. */
export class Embedding extends Module {
  weight: Parameter;
  constructor(count: number, width: number, { dtype }: { dtype?: DType } = {}) {
    super();
    this.weight = parameter(init.normal([count, width], 0, 1, { dtype }));
  }

  forward(indices: Tensor): Tensor {
    return embedding(indices, this.weight);
  }
}

/** Zeroes elements with probability p while training and scales the rest by 1/(1 - p). */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new ValueError(`Dropout: probability ${p} is not between 0 and 1`, "Dropout");
  }

  forward(x: Tensor): Tensor {
    return dropout(x, { p: this.p, training: this.training });
  }
}

export function dropout(x: Tensor, { p = 0.5, training = true, key }: { p?: number; training?: boolean; key?: Tensor } = {}): Tensor {
  if (!training || p === 0) return x;
  const keep = random.bernoulli(key ?? random.nextKey("dropout"), x.shape, { p: 1 - p });
  return keep.where(p < 1 ? x.mul(1 / (1 - p)) : x, 0);
}

/** A module for each function without parameters. */
function activation(apply: (x: Tensor) => Tensor): new () => Module {
  return class extends Module {
    forward(x: Tensor): Tensor {
      return apply(x);
    }
  };
}

export const ReLU = activation(f.relu);
export const ReLU6 = activation(f.relu6);
export const Tanh = activation(f.tanh);
export const Sigmoid = activation(f.sigmoid);
export const SiLU = activation(f.silu);
export const SELU = activation(f.selu);
export const Softplus = activation(f.softplus);
export const LogSigmoid = activation(f.logSigmoid);
export const Hardswish = activation(f.hardSwish);
export const Mish = activation(f.mish);

export class GELU extends Module {
  constructor(readonly options: { approximate?: "none" | "tanh" } = {}) {
    super();
  }
  forward(x: Tensor): Tensor {
    return f.gelu(x, this.options);
  }
}

export class LeakyReLU extends Module {
  constructor(readonly slope = 0.01) {
    super();
  }
  forward(x: Tensor): Tensor {
    return f.leakyRelu(x, this.slope);
  }
}

export class ELU extends Module {
  constructor(readonly alpha = 1) {
    super();
  }
  forward(x: Tensor): Tensor {
    return f.elu(x, this.alpha);
  }
}

export class Softmax extends Module {
  constructor(readonly axis = -1) {
    super();
  }
  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }
}

export class LogSoftmax extends Module {
  constructor(readonly axis = -1) {
    super();
  }
  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }
}

/** All axes but the batch as one. */
export class Flatten extends Module {
  constructor(
    readonly start = 1,
    readonly end = -1,
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return flatten(x, this.start, this.end);
  }
}
