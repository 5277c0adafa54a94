/** Rprop, which looks at signs only, and ASGD, which averages what it went through. */
import { atMost, boolean } from "../input/arguments.js";
import { UPDATES } from "../runtime/boundary.js";
import { FusedOptimizer, rowKind } from "./fused.js";
import { finish, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { finite, nonNegative, pair } from "./rules.js";
import type { State } from "./state.js";

/** Options of `Rprop`. */
export interface RpropOptions {
  /** The first step of each number; default 0.01. */
  lr?: number;
  /** What a step is multiplied by when the gradient turns, and when it does not; default [0.5, 1.2]. */
  etas?: readonly [number, number];
  /** The smallest step and the largest; default [1e-6, 50]. */
  stepSizes?: readonly [number, number];
  /** Climb instead. */
  maximize?: boolean;
}

/** PyTorch's defaults, here and below. */
export const RPROP_DEFAULTS: Required<RpropOptions> = { lr: 0.01, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false };
/** What the options may be, here and below. */
export const RPROP_RULES = {
  lr: nonNegative,
  etas: pair("[below 1, above 1], both above 0", (minus, plus) => minus > 0 && minus < 1 && plus > 1 && plus < Infinity),
  stepSizes: pair("[smallest, largest] from 0 on", (smallest, largest) => smallest >= 0 && smallest <= largest),
  maximize: boolean,
};

// Every option is a property too.
export interface Rprop extends Omit<Required<RpropOptions>, "lr"> {}

/**
 * torch.optim.Rprop: each number has a step of its own, which grows while the gradient keeps its sign (Riedmiller and Braun 1993). For
 * gradients of all data, not of batches.
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.Rprop([w], { lr: 0.1 }).minimize(w.square().sum());
 */
export class Rprop extends FusedOptimizer<"rprop", Required<RpropOptions>> {
  /** @internal */
  protected readonly row = "rprop";

  constructor(params: Parameters | readonly ParameterGroup[], options?: RpropOptions) {
    atMost("Rprop", arguments, 2);
    super(rowKind("Rprop", "rprop", RPROP_DEFAULTS, RPROP_RULES), params, options);
  }

  /** @internal */
  protected override initialValue(part: string, { lr }: Readonly<Required<RpropOptions>>): number {
    return part === "stepSize" ? lr : 0;
  }

  /** @internal */
  protected override nextValues(_state: State | undefined, o: Readonly<Required<RpropOptions>>): readonly number[] {
    const [[etaMinus, etaPlus], [smallest, largest]] = [o.etas, o.stepSizes];
    return UPDATES.rprop.values({ etaMinus, etaPlus, smallest, largest, maximize: o.maximize });
  }
}

/** Options of `ASGD`. */
export interface ASGDOptions {
  /** The learning rate; default 0.01. */
  lr?: number;
  /** The rate of step t is lr / (1 + lambd lr (t - 1))^alpha; lambd also pulls parameters to 0. Default 1e-4. */
  lambd?: number;
  /** See lambd; default 0.75. */
  alpha?: number;
  /** After how many steps the average begins; default 1e6. */
  t0?: number;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** Climb instead. */
  maximize?: boolean;
}

export const ASGD_DEFAULTS: Required<ASGDOptions> = { lr: 0.01, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false };
export const ASGD_RULES = { lr: nonNegative, lambd: nonNegative, alpha: finite, t0: finite, weightDecay: nonNegative, maximize: boolean };

export interface ASGD extends Omit<Required<ASGDOptions>, "lr"> {}

/**
 * torch.optim.ASGD: gradient descent, with the average of the parameters since step `t0` as `ax` in `stateDict()` (Polyak and Juditsky 1992).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * const optimizer = new ad.optim.ASGD([w], { lr: 0.1, t0: 100 });
 * optimizer.minimize(w.square().sum());
 */
export class ASGD extends FusedOptimizer<"asgd", Required<ASGDOptions>> {
  /** @internal */
  protected readonly row = "asgd";

  constructor(params: Parameters | readonly ParameterGroup[], options?: ASGDOptions) {
    atMost("ASGD", arguments, 2);
    super(rowKind("ASGD", "asgd", ASGD_DEFAULTS, ASGD_RULES), params, options);
  }
}

for (const kind of [Rprop, ASGD]) finish(kind);
