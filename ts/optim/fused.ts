/** SGD and Adam: one call into the engine per parameter, in place. */
import { number } from "../arguments.js";
import { zerosLike } from "../creation.js";
import { ValueError } from "../errors.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { keep } from "../steps.js";
import { idOf, type Tensor } from "../tensor.js";
import { Optimizer, type ParameterGroup } from "./optimizer.js";

/** The options as numbers, checked before anything is written: a tensor among them would run an op while it is read. */
function checkedNumbers(name: string, options: readonly unknown[]): number[] {
  return options.map((value) => number(name, "an option", value));
}

/** State outlives the scopes and the steps of training. */
export function persistent(make: () => Tensor): Tensor {
  return keep(make());
}

export interface SGDOptions {
  lr?: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

/** torch.optim.SGD. */
export class SGD extends Optimizer<Required<SGDOptions>, Tensor> {
  constructor(params: readonly Tensor[] | readonly ParameterGroup[], options: SGDOptions = {}) {
    const all = { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0, ...options };
    super("SGD", params, all);
    if (all.nesterov && (all.momentum <= 0 || all.dampening !== 0)) throw new ValueError("SGD: nesterov needs momentum above 0 and no dampening", "SGD");
  }

  protected update(p: Tensor, gradient: number, o: Required<SGDOptions>): void {
    let buffer = this.state.get(p);
    const first = o.momentum !== 0 && buffer === undefined;
    if (first) this.state.set(p, (buffer = persistent(() => zerosLike(p))));
    pass(checkedNumbers("SGD", [o.lr, o.momentum, o.dampening, Number(o.nesterov), o.weightDecay, 0, Number(first)]));
    checked(engine.sgd(idOf(p), gradient, buffer === undefined ? 0 : idOf(buffer)), "SGD");
  }
}

export interface AdamOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  maximize?: boolean;
}

interface Moments {
  m: Tensor;
  v: Tensor;
  step: number;
}

/** torch.optim.Adam. */
export class Adam extends Optimizer<Required<AdamOptions>, Moments> {
  protected readonly decoupled: boolean = false;

  constructor(params: readonly Tensor[] | readonly ParameterGroup[], options: AdamOptions = {}, name = "Adam") {
    super(name, params, { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false, ...options });
    for (const { options } of this.groups) {
      if (options.betas.some((b) => !(b >= 0 && b < 1))) throw new ValueError(`${name}: betas [${options.betas.join(", ")}] must be from 0 to below 1`, name);
    }
  }

  protected update(p: Tensor, gradient: number, o: Required<AdamOptions>): void {
    let state = this.state.get(p);
    if (state === undefined) this.state.set(p, (state = { m: persistent(() => zerosLike(p)), v: persistent(() => zerosLike(p)), step: 0 }));
    state.step++;
    pass(checkedNumbers(this.name, [o.lr, o.betas[0], o.betas[1], o.eps, o.weightDecay, Number(this.decoupled), state.step, Number(o.maximize)]));
    checked(engine.adam(idOf(p), gradient, idOf(state.m), idOf(state.v), 0), this.name);
  }
}

/** torch.optim.AdamW: Adam with decoupled weight decay. */
export class AdamW extends Adam {
  protected override readonly decoupled = true;
  constructor(params: readonly Tensor[] | readonly ParameterGroup[], options: AdamOptions = {}) {
    super(params, { weightDecay: 0.01, ...options }, "AdamW");
  }
}
