/** Relatives of Adam: Adamax, NAdam, RAdam, Lion. */
import { atMost, boolean } from "../input/arguments.js";
import { UPDATES } from "../runtime/boundary.js";
import { FusedOptimizer, rowKind } from "./fused.js";
import { finish, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { betas, nonNegative } from "./rules.js";
import type { State } from "./state.js";

/** Options of `Adamax`. */
export interface AdamaxOptions {
  /** The learning rate; default 2e-3. */
  lr?: number;
  /** How much of the running mean, and of the running largest magnitude, stays at each step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Keeps the denominator from 0; default 1e-8. */
  eps?: number;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** Climb instead. */
  maximize?: boolean;
}

/** PyTorch's defaults, here and below. */
export const ADAMAX_DEFAULTS: Required<AdamaxOptions> = { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false };
/** What the options may be, here and below. */
export const ADAMAX_RULES = { lr: nonNegative, betas, eps: nonNegative, weightDecay: nonNegative, maximize: boolean };

// Every option is a property too.
export interface Adamax extends Omit<Required<AdamaxOptions>, "lr"> {}

/**
 * torch.optim.Adamax: Adam with the largest magnitude in place of the root of the mean square (Kingma and Ba 2014).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.Adamax([w], { lr: 0.01 }).minimize(w.square().sum());
 */
export class Adamax extends FusedOptimizer<"adamax", Required<AdamaxOptions>> {
  /** @internal */
  protected readonly row = "adamax";

  constructor(params: Parameters | readonly ParameterGroup[], options?: AdamaxOptions) {
    atMost("Adamax", arguments, 2);
    super(rowKind("Adamax", "adamax", ADAMAX_DEFAULTS, ADAMAX_RULES), params, options);
  }
}

/** Options of `RAdam`. */
export interface RAdamOptions {
  /** The learning rate; default 1e-3. */
  lr?: number;
  /** How much of the two running means stays at each step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Keeps the denominator from 0; default 1e-8. */
  eps?: number;
  /** Pulls parameters to 0; default 0. */
  weightDecay?: number;
  /** Pull beside the gradient, as AdamW, not through it. */
  decoupledWeightDecay?: boolean;
  /** Climb instead. */
  maximize?: boolean;
}

export const RADAM_DEFAULTS: Required<RAdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  decoupledWeightDecay: false,
  maximize: false,
};
export const RADAM_RULES = { ...ADAMAX_RULES, decoupledWeightDecay: boolean };

export interface RAdam extends Omit<Required<RAdamOptions>, "lr"> {}

/**
 * torch.optim.RAdam: Adam that divides only once the mean square is known well enough, and then by as much as it is (Liu et al. 2019).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.RAdam([w], { lr: 0.01 }).minimize(w.square().sum());
 */
export class RAdam extends FusedOptimizer<"radam", Required<RAdamOptions>> {
  /** @internal */
  protected readonly row = "radam";

  constructor(params: Parameters | readonly ParameterGroup[], options?: RAdamOptions) {
    atMost("RAdam", arguments, 2);
    super(rowKind("RAdam", "radam", RADAM_DEFAULTS, RADAM_RULES), params, options);
  }
}

/** Options of `NAdam`. */
export interface NAdamOptions extends RAdamOptions {
  /** The learning rate; default 2e-3. */
  lr?: number;
  /** How fast momentum rises to its full value; default 4e-3. */
  momentumDecay?: number;
}

export const NADAM_DEFAULTS: Required<NAdamOptions> = { ...RADAM_DEFAULTS, lr: 2e-3, momentumDecay: 4e-3 };
export const NADAM_RULES = { ...RADAM_RULES, momentumDecay: nonNegative };

export interface NAdam extends Omit<Required<NAdamOptions>, "lr"> {}

/**
 * torch.optim.NAdam: Adam that looks ahead along its momentum (Dozat 2016).
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.NAdam([w], { lr: 0.01 }).minimize(w.square().sum());
 */
export class NAdam extends FusedOptimizer<"nadam", Required<NAdamOptions>> {
  /** @internal */
  protected readonly row = "nadam";

  constructor(params: Parameters | readonly ParameterGroup[], options?: NAdamOptions) {
    atMost("NAdam", arguments, 2);
    super(rowKind("NAdam", "nadam", NADAM_DEFAULTS, NADAM_RULES), params, options);
  }

  /** @internal */
  protected override nextValues(state: State | undefined, o: Readonly<Required<NAdamOptions>>, ahead: number): readonly number[] {
    const { betas, momentumDecay, ...rest } = o;
    const step = (state!["step"] as number) + 1 + ahead;
    const mu = (t: number) => momentumAt(t, betas[0], momentumDecay);
    const muProduct = momentumProduct(step, betas[0], momentumDecay);
    return UPDATES.nadam.values({ ...rest, beta1: betas[0], beta2: betas[1], step, mu: mu(step), nextMu: mu(step + 1), muProduct });
  }
}

/** NAdam's momentum at step t, from 1 on. */
const momentumAt = (t: number, beta1: number, decay: number) => beta1 * (1 - 0.5 * 0.96 ** (t * decay));

/** Products of these, so that each step multiplies once; by their settings. */
const products = new Map<string, number[]>();

/** The product of the momenta up to step t. Once 1 minus it is 1 it does not count any more, and is 0. */
function momentumProduct(t: number, beta1: number, decay: number): number {
  const key = `${beta1} ${decay}`;
  const known = products.get(key) ?? [1];
  products.set(key, known);
  for (let s = known.length; s <= t && known[s - 1]! > 1e-17; s++) known.push(known[s - 1]! * momentumAt(s, beta1, decay));
  return known[t] ?? 0;
}

/** Options of `Lion`. */
export interface LionOptions {
  /** The learning rate; default 1e-4. A third to a tenth of Adam's. */
  lr?: number;
  /** How much of the running mean goes into the step, and how much of it stays; default [0.9, 0.99]. */
  betas?: readonly [number, number];
  /** Pulls parameters to 0, beside the gradient; default 0. */
  weightDecay?: number;
  /** Climb instead. */
  maximize?: boolean;
}

export const LION_DEFAULTS: Required<LionOptions> = { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false };
export const LION_RULES = { lr: nonNegative, betas, weightDecay: nonNegative, maximize: boolean };

export interface Lion extends Omit<Required<LionOptions>, "lr"> {}

/**
 * Lion: steps along the sign of a mean of gradient and momentum (Chen et al. 2023, algorithm 2). It remembers half of what Adam does.
 * @example
 * const w = ad.tensor([1, -2], { requiresGrad: true });
 * new ad.optim.Lion([w], { lr: 0.01, weightDecay: 0.1 }).minimize(w.square().sum());
 */
export class Lion extends FusedOptimizer<"lion", Required<LionOptions>> {
  /** @internal */
  protected readonly row = "lion";

  constructor(params: Parameters | readonly ParameterGroup[], options?: LionOptions) {
    atMost("Lion", arguments, 2);
    super(rowKind("Lion", "lion", LION_DEFAULTS, LION_RULES), params, options);
  }
}

for (const kind of [Adamax, RAdam, NAdam, Lion]) finish(kind);
