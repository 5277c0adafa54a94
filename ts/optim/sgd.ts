/** Stochastic gradient descent: one call into the engine per parameter, in place. */
import { atMost, boolean } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { UPDATES } from "../runtime/boundary.js";
import { FusedOptimizer, partsOf } from "./fused.js";
import { finish, type Kind, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { finite, nonNegative } from "./rules.js";
import type { State } from "./state.js";

/** Options of `SGD`. */
export interface SGDOptions {
  /** The learning rate; default 1e-3. */
  lr?: number;
  /** How much of the last step goes on; default 0. */
  momentum?: number;
  /** Part of the gradient that momentum leaves out; default 0. */
  dampening?: number;
  /** Look ahead along the momentum; needs momentum and no dampening. */
  nesterov?: boolean;
  /** Pulls parameters to 0: added to the gradient times the parameter. */
  weightDecay?: number;
  /** Climb instead. */
  maximize?: boolean;
}

/** PyTorch's defaults. */
export const SGD_DEFAULTS: Required<SGDOptions> = { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, maximize: false };
/** What the options may be. */
export const SGD_RULES = {
  lr: nonNegative,
  momentum: nonNegative,
  dampening: finite,
  nesterov: boolean,
  weightDecay: nonNegative,
  maximize: boolean,
};

/** Looking ahead needs something to look along. */
export function checkNesterov(name: string, { nesterov, momentum, dampening }: Readonly<Required<SGDOptions>>): void {
  if (nesterov && (momentum <= 0 || dampening !== 0))
    throw new ValueError(`${name}: nesterov needs momentum above 0 and no dampening`, name);
}

const KIND: Kind<Required<SGDOptions>> = {
  name: "SGD",
  rules: SGD_RULES,
  defaults: SGD_DEFAULTS,
  parts: partsOf("sgd"),
};

// Every option is a property too.
export interface SGD extends Omit<Required<SGDOptions>, "lr"> {}

/** torch.optim.SGD: `new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 })`. Throws `ValueError` for options it does not know. */
export class SGD extends FusedOptimizer<"sgd", Required<SGDOptions>> {
  /** @internal */
  protected readonly row = "sgd";
  /** Parameters whose buffer holds nothing yet. */
  private readonly fresh = new WeakSet<Tensor>();

  constructor(params: Parameters | readonly ParameterGroup[], options?: SGDOptions) {
    atMost("SGD", arguments, 2);
    super(KIND, params, options);
  }

  protected override check(options: Readonly<Required<SGDOptions>>): void {
    checkNesterov("SGD", options);
  }

  /** The buffer only with momentum. */
  protected override uses(_part: string, { momentum }: Readonly<Required<SGDOptions>>): boolean {
    return momentum !== 0;
  }

  /** @internal */
  protected override partMade(_part: string, buffer: Tensor): void {
    this.fresh.add(buffer);
  }

  /** @internal */
  protected override nextValues(state: State | undefined, o: Readonly<Required<SGDOptions>>, ahead: number): readonly number[] {
    const { lr, momentum, dampening, nesterov, weightDecay, maximize } = o;
    const buffer = momentum === 0 ? undefined : (state?.["momentumBuffer"] as Tensor | undefined);
    return UPDATES.sgd.values({
      lr,
      momentum,
      dampening,
      nesterov,
      weightDecay,
      maximize,
      first: ahead === 0 && buffer !== undefined && this.fresh.has(buffer),
    });
  }

  /** @internal */
  protected override counted(state: State | undefined): void {
    const buffer = state?.["momentumBuffer"];
    if (buffer !== undefined) this.fresh.delete(buffer as Tensor);
  }
}

finish(SGD);
