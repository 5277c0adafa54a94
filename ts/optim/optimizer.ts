/** What all optimizers share: parameter groups, state, `minimize`. */
import { ValueError } from "../errors.js";
import { backward } from "../ambient.js";
import { stepEnded } from "../steps.js";
import { engine } from "../runtime/instance.js";
import { idOf, Tensor } from "../tensor.js";

/** Parameters with options of their own. */
export interface ParameterGroup {
  params: readonly Tensor[];
  [option: string]: unknown;
}

export interface Group<Options> {
  readonly params: Tensor[];
  readonly options: Options;
}

export abstract class Optimizer<Options extends { lr: number }, State> {
  readonly groups: Group<Options>[];
  protected readonly state = new Map<Tensor, State>();
  protected readonly name: string;

  constructor(name: string, params: readonly Tensor[] | readonly ParameterGroup[], defaults: Options) {
    this.name = name;
    if (!Array.isArray(params) || params.length === 0) throw new ValueError(`${name}: expected a list of parameters (module.parameters()) or of groups { params, lr, ... }`, name);
    const groups = (params[0] instanceof Tensor ? [{ params }] : params) as ParameterGroup[];
    this.groups = groups.map(({ params, ...options }) => ({ params: [...params], options: { ...defaults, ...(options as Partial<Options>) } }));
    for (const { params, options } of this.groups) {
      if (!(options.lr >= 0)) throw new ValueError(`${name}: the learning rate is ${options.lr}; expected a number from 0`, name);
      for (const p of params) {
        if (!(p instanceof Tensor) || !p.requiresGrad || !p.isLeaf) {
          throw new ValueError(`${name}: every parameter is a leaf tensor with requiresGrad; got ${String(p)}`, name);
        }
      }
    }
  }

  /** The learning rate of the first group; setting it sets all. */
  get lr(): number {
    return this.groups[0]!.options.lr;
  }
  set lr(value: number) {
    for (const { options } of this.groups) options.lr = value;
  }

  /** All parameters. */
  get params(): Tensor[] {
    return this.groups.flatMap((group) => group.params);
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const { params } of this.groups) for (const p of params) engine.set_gradient(idOf(p), 0);
    stepEnded();
  }

  /** One step along the gradients that `backward()` has added up; parameters without one stay. */
  step(): void {
    for (const { params, options } of this.groups) {
      for (const p of params) {
        const gradient = engine.gradient_id(idOf(p));
        if (gradient !== 0) this.update(p, gradient, options);
      }
    }
    stepEnded();
  }

  /** zeroGrad, backward, step; the loss stays readable. */
  minimize(loss: Tensor): void {
    this.zeroGrad();
    backward(loss);
    this.step();
  }

  /** Changes one parameter; `gradient` is the engine's id. */
  protected abstract update(parameter: Tensor, gradient: number, options: Options): void;
}
