/** Adam and AdamW: one call into the engine per parameter, in place. */
import { atMost, boolean } from "../input/arguments.js";
import { UPDATES } from "../runtime/boundary.js";
import { FusedOptimizer, partsOf } from "./fused.js";
import { finish, type Kind, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { betas, nonNegative } from "./rules.js";
import type { State } from "./state.js";

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions {
  /** The learning rate; default 1e-3. */
  lr?: number;
  /** How much of the two running means stays at each step; default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Keeps the denominator from 0; default 1e-8. */
  eps?: number;
  /** Pulls parameters to 0: through the gradient in Adam (default 0), beside it in AdamW (default 0.01). */
  weightDecay?: number;
  /** Divide by the largest mean square so far (Reddi et al. 2018). */
  amsgrad?: boolean;
  /** Climb instead. */
  maximize?: boolean;
}

/** PyTorch's defaults. */
export const ADAM_DEFAULTS: Required<AdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};
export const ADAMW_DEFAULTS: Required<AdamOptions> = { ...ADAM_DEFAULTS, weightDecay: 0.01 };
/** What the options may be. */
export const ADAM_RULES = { lr: nonNegative, betas, eps: nonNegative, weightDecay: nonNegative, amsgrad: boolean, maximize: boolean };

const kind = (name: string, defaults: Required<AdamOptions>): Kind<Required<AdamOptions>> => ({
  name,
  rules: ADAM_RULES,
  defaults,
  parts: { step: "count", ...partsOf("adam") },
});

// Every option is a property too.
export interface Adam extends Omit<Required<AdamOptions>, "lr"> {}

/** torch.optim.Adam: `new Adam(net.parameters(), { lr: 1e-3 })`. Throws `ValueError` for options it does not know. */
export class Adam extends FusedOptimizer<"adam", Required<AdamOptions>> {
  /** @internal */
  protected readonly row = "adam";
  /** @internal */
  protected static readonly kind = kind("Adam", ADAM_DEFAULTS);
  /** Weight decay beside the gradient, not through it. */
  protected readonly decoupled: boolean = false;

  constructor(params: Parameters | readonly ParameterGroup[], options?: AdamOptions) {
    atMost((new.target as typeof Adam).kind.name, arguments, 2);
    super((new.target as typeof Adam).kind, params, options);
  }

  /** The largest mean square only with amsgrad. */
  protected override uses(part: string, { amsgrad }: Readonly<Required<AdamOptions>>): boolean {
    return amsgrad || part !== "maxExpAvgSq";
  }

  /** @internal */
  protected override nextValues(state: State | undefined, o: Readonly<Required<AdamOptions>>, ahead: number): readonly number[] {
    const { lr, betas, eps, weightDecay, maximize } = o;
    const [beta1, beta2] = betas;
    const step = (state!["step"] as number) + 1 + ahead;
    return UPDATES.adam.values({ lr, beta1, beta2, eps, weightDecay, decoupled: this.decoupled, step, maximize });
  }
}

/** torch.optim.AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019). */
export class AdamW extends Adam {
  /** @internal */
  protected static override readonly kind = kind("AdamW", ADAMW_DEFAULTS);
  protected override readonly decoupled = true;
}

finish(Adam);
finish(AdamW);
