/** Optimizers that divide by how large gradients have been: RMSprop, Adagrad, Adadelta. */
import { atMost, boolean } from "../input/arguments.js";
import { FusedOptimizer, rowKind } from "./fused.js";
import { finish, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { fraction, nonNegative } from "./rules.js";

/** Options of `RMSprop`. */
export interface RMSpropOptions {
  /** The learning rate; default 0.01. */
  lr?: number;
  /** How much of the running mean square stays at each step; default 0.99. */
  alpha?: number;
  /** Keeps the denominator from 0; default 1e-8. */
  eps?: number;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** How much of the last step goes on; default 0. */
  momentum?: number;
  /** Divide by the running standard deviation, not by the root of the mean square. */
  centered?: boolean;
  /** Climb instead. */
  maximize?: boolean;
}

/** PyTorch's defaults, here and below. */
export const RMSPROP_DEFAULTS: Required<RMSpropOptions> = {
  lr: 0.01,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
};
/** What the options may be, here and below. */
export const RMSPROP_RULES = {
  lr: nonNegative,
  alpha: fraction,
  eps: nonNegative,
  weightDecay: nonNegative,
  momentum: nonNegative,
  centered: boolean,
  maximize: boolean,
};

// Every option is a property too.
export interface RMSprop extends Omit<Required<RMSpropOptions>, "lr"> {}

/**
 * torch.optim.RMSprop: the gradient divided by the root of its running mean square (Tieleman and Hinton 2012). Throws `ValueError` for
 * options it does not know.
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * const optimizer = new ad.optim.RMSprop([w], { lr: 0.01, momentum: 0.9 });
 * optimizer.minimize(w.square().sum());
 */
export class RMSprop extends FusedOptimizer<"rmsprop", Required<RMSpropOptions>> {
  /** @internal */
  protected readonly row = "rmsprop";

  constructor(params: Parameters | readonly ParameterGroup[], options?: RMSpropOptions) {
    atMost("RMSprop", arguments, 2);
    super(rowKind("RMSprop", "rmsprop", RMSPROP_DEFAULTS, RMSPROP_RULES), params, options);
  }

  /** Each of the two only with the option that reads it. */
  protected override uses(part: string, { momentum, centered }: Readonly<Required<RMSpropOptions>>): boolean {
    return part === "momentumBuffer" ? momentum !== 0 : centered;
  }
}

/** Options of `Adagrad`. */
export interface AdagradOptions {
  /** The learning rate; default 0.01. */
  lr?: number;
  /** The rate of step t is lr / (1 + (t - 1) lrDecay); default 0. */
  lrDecay?: number;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** What the sums of squares begin with; default 0. */
  initialAccumulatorValue?: number;
  /** Keeps the denominator from 0; default 1e-10. */
  eps?: number;
  /** Climb instead. */
  maximize?: boolean;
}

export const ADAGRAD_DEFAULTS: Required<AdagradOptions> = {
  lr: 0.01,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
  maximize: false,
};
export const ADAGRAD_RULES = {
  lr: nonNegative,
  lrDecay: nonNegative,
  weightDecay: nonNegative,
  initialAccumulatorValue: nonNegative,
  eps: nonNegative,
  maximize: boolean,
};

export interface Adagrad extends Omit<Required<AdagradOptions>, "lr"> {}

/**
 * torch.optim.Adagrad: the gradient divided by the root of the sum of all its squares (Duchi et al. 2011).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.Adagrad([w], { lr: 0.1 }).minimize(w.square().sum());
 */
export class Adagrad extends FusedOptimizer<"adagrad", Required<AdagradOptions>> {
  /** @internal */
  protected readonly row = "adagrad";

  constructor(params: Parameters | readonly ParameterGroup[], options?: AdagradOptions) {
    atMost("Adagrad", arguments, 2);
    super(rowKind("Adagrad", "adagrad", ADAGRAD_DEFAULTS, ADAGRAD_RULES), params, options);
  }

  /** @internal */
  protected override initialValue(_part: string, options: Readonly<Required<AdagradOptions>>): number {
    return options.initialAccumulatorValue;
  }
}

/** Options of `Adadelta`. */
export interface AdadeltaOptions {
  /** Scales the step; default 1. */
  lr?: number;
  /** How much of the running means stays at each step; default 0.9. */
  rho?: number;
  /** Keeps the denominator from 0, and begins the steps; default 1e-6. */
  eps?: number;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** Climb instead. */
  maximize?: boolean;
}

export const ADADELTA_DEFAULTS: Required<AdadeltaOptions> = { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false };
export const ADADELTA_RULES = { lr: nonNegative, rho: fraction, eps: nonNegative, weightDecay: nonNegative, maximize: boolean };

export interface Adadelta extends Omit<Required<AdadeltaOptions>, "lr"> {}

/**
 * torch.optim.Adadelta: steps as long as the steps before were, in the units of the parameter (Zeiler 2012).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.Adadelta([w]).minimize(w.square().sum());
 */
export class Adadelta extends FusedOptimizer<"adadelta", Required<AdadeltaOptions>> {
  /** @internal */
  protected readonly row = "adadelta";

  constructor(params: Parameters | readonly ParameterGroup[], options?: AdadeltaOptions) {
    atMost("Adadelta", arguments, 2);
    super(rowKind("Adadelta", "adadelta", ADADELTA_DEFAULTS, ADADELTA_RULES), params, options);
  }
}

for (const kind of [RMSprop, Adagrad, Adadelta]) finish(kind);
