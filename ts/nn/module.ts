/** Modules: objects that own parameters. Whatever a module assigns to a property, parameter, buffer, module or a list of these, is found. */
import { ValueError } from "../errors.js";
import { checked, engine } from "../runtime/instance.js";
import { root } from "../memory.js";
import { idOf, Tensor } from "../tensor.js";
import { assign } from "../ambient.js";

/**
 * A tensor that training changes: a leaf with `requiresGrad` that outlives scopes. `new Parameter(t)` takes a copy-free view
 * of a plain float tensor; every tensor made with `requiresGrad` counts as one.
 */
export class Parameter extends Tensor {
  constructor(value: Tensor) {
    super(checked(engine.require_grad(idOf(value)), "Parameter"), root);
  }
}

type Visit = (name: string, value: Tensor | Module) => void;

/** Visits parameters, buffers and modules in the order they were assigned. */
function visitOwn(value: unknown, name: string, visit: Visit): void {
  if (value instanceof Tensor || value instanceof Module) visit(name, value);
  else if (Array.isArray(value)) value.forEach((child, i) => visitOwn(child, `${name}.${i}`, visit));
}

export abstract class Module {
  /** true while training; see `train()` and `eval()`. */
  training = true;

  abstract forward(...inputs: any[]): any;

  private *tensors(prefix = ""): Generator<[name: string, tensor: Tensor]> {
    const found: [string, Tensor | Module][] = [];
    for (const [key, value] of Object.entries(this)) visitOwn(value, prefix + key, (name, child) => found.push([name, child]));
    for (const [name, child] of found) {
      if (child instanceof Tensor) yield [name, child];
      else yield* child.tensors(`${name}.`);
    }
  }

  /** Parameters by name: `fc.weight`. One that is used in two places is named once. */
  namedParameters(): [name: string, parameter: Tensor][] {
    const seen = new Set<Tensor>();
    return [...this.tensors()].filter(([, tensor]) => tensor.requiresGrad && !seen.has(tensor) && seen.add(tensor));
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Tensors that are part of the state but not trained, such as running means. */
  namedBuffers(): [name: string, buffer: Tensor][] {
    return [...this.tensors()].filter(([, tensor]) => !tensor.requiresGrad);
  }

  /** The modules assigned to this one. */
  children(): Module[] {
    const modules: Module[] = [];
    for (const [key, value] of Object.entries(this)) visitOwn(value, key, (_, child) => child instanceof Module && modules.push(child));
    return modules;
  }

  /** This module and all below it. */
  modules(): Module[] {
    return [this, ...this.children().flatMap((child) => child.modules())];
  }

  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /** Parameters and buffers by name: the tensors themselves, for saving. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.tensors());
  }

  /** Copies tensors of another state (or of a file) into this module. With `strict`, names must agree on both sides. */
  loadStateDict(state: Readonly<Record<string, Tensor>>, { strict = true }: { strict?: boolean } = {}): void {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !(name in state));
    const unknown = Object.keys(state).filter((name) => !(name in own));
    if (strict && (missing.length > 0 || unknown.length > 0)) {
      const part = (what: string, names: string[]) => (names.length > 0 ? `${what} ${names.join(", ")}` : "");
      throw new ValueError(`loadStateDict: ${[part("missing", missing), part("not in this module:", unknown)].filter(Boolean).join("; ")}; pass { strict: false } to load what fits`, "loadStateDict");
    }
    for (const [name, tensor] of Object.entries(own)) if (name in state) assign(tensor, state[name]!.detach());
  }
}
