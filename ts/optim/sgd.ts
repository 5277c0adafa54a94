/** Stochastic gradient descent: one call into the engine per parameter, in place. */
import { atMost, boolean } from "../arguments.js";
import { zerosLike } from "../creation.js";
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { finish, Optimizer, type Kind, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { finite, nonNegative } from "./rules.js";
import { persistent } from "./state.js";
import { partsOf, update } from "./updates.js";

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
export class SGD extends Optimizer<Required<SGDOptions>> {
  /** Parameters whose buffer holds nothing yet. */
  private readonly fresh = new WeakSet<Tensor>();

  constructor(params: Parameters | readonly ParameterGroup[], options?: SGDOptions) {
    atMost("SGD", arguments, 2);
    super(KIND, params, options);
  }

  protected override check(options: Readonly<Required<SGDOptions>>): void {
    checkNesterov("SGD", options);
  }

  protected override prepare(p: Tensor, { momentum }: Readonly<Required<SGDOptions>>): void {
    if (momentum === 0 || this.state.get(p)?.["momentumBuffer"] !== undefined) return;
    const momentumBuffer = persistent(() => zerosLike(p));
    this.state.set(p, { momentumBuffer });
    this.fresh.add(momentumBuffer);
  }

  /** @internal One call of the kernel. */
  protected override updateInPlace(p: Tensor, gradient: number, o: Readonly<Required<SGDOptions>>): void {
    const state = o.momentum === 0 ? undefined : this.state.get(p);
    const buffer = state?.["momentumBuffer"] as Tensor | undefined;
    const first = buffer !== undefined && this.fresh.has(buffer);
    const { lr, momentum, dampening, nesterov, weightDecay, maximize } = o;
    update(this.name, "sgd", p, gradient, state, { lr, momentum, dampening, nesterov, weightDecay, maximize, first });
    if (first) this.fresh.delete(buffer);
  }
}

finish(SGD);
