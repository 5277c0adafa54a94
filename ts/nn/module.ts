/**
 * Modules: objects that own parameters. Whatever a module assigns to a property is found: a parameter, a buffer, a module, or an array,
 * plain object, Map or Set of these, nested as you like. Private fields (`#weight`) cannot be seen from outside and are not found.
 */
import { atMost } from "../input/arguments.js";
import { assign } from "../ambient.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { lookOut } from "../habits/lookout.js";
import { root } from "../memory/memory.js";
import { isPlainObject, readOptions } from "../input/options.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, Tensor, type TensorLike } from "../tensor.js";
import { recorder } from "../recording.js";
import { inScope } from "../transforms/machinery.js";
import { members, type Place } from "./members.js";
import { nameTensor } from "../names.js";

/**
 * A tensor that training changes: a leaf with `requiresGrad` that outlives scopes. `new Parameter(t)` takes a copy-free view
 * of a plain float tensor (or of an array of numbers); every tensor made with `requiresGrad` counts as one.
 */
export class Parameter extends Tensor {
  constructor(value: TensorLike) {
    atMost("Parameter", arguments, 1);
    super(leafOf(value), root, true);
  }
}

/** The parameter of a fresh value, which it takes over. */
export function parameter(value: Tensor): Parameter {
  try {
    return new Parameter(value);
  } finally {
    value.dispose();
  }
}

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Names must agree on both sides; default true. */
  strict?: boolean;
}

/** The engine's id of a fresh leaf with the numbers of `value`. */
function leafOf(value: TensorLike): number {
  if (value instanceof Tensor) return checked(engine.require_grad(idOf(value)), "Parameter");
  const plain = asTensor(value);
  try {
    return checked(engine.require_grad(idOf(plain)), "Parameter");
  } finally {
    plain.dispose();
  }
}

const isModule = (value: unknown): value is Module<unknown> => value instanceof Module;
const isAlive = (tensor: Tensor) => tensor.handle !== 0 && tensor.scope.alive;

/** A parameter, frozen ones included; results that a module keeps for later are none. */
export const isParameter = (tensor: Tensor): boolean =>
  tensor instanceof Parameter || tensor.frozen || (tensor.requiresGrad && tensor.isLeaf);
/** State that is not trained. A result that a module keeps (its last output, say) is none, nor what has been released. */
const isBuffer = (tensor: Tensor) => !(tensor instanceof Parameter) && !tensor.frozen && isAlive(tensor) && !tensor.requiresGrad;

/** Where a module keeps whether it is training: no name that a subclass could have too. */
const MODE = Symbol("training");

/**
 * The base class of networks and layers. Write `forward` and call `net.forward(x)` (an instance is not a function). Parameters,
 * buffers and modules are found where they are assigned. `Output` is what `forward` returns, a tensor unless said:
 * `class Cell extends nn.Module<[Tensor, Tensor]>`.
 *
 * @example
 * class Net extends ad.nn.Module {
 *   hidden = new ad.nn.Linear(2, 8);
 *   out = new ad.nn.Linear(8, 1);
 *   forward(x: ad.Tensor) {
 *     return this.out.forward(this.hidden.forward(x).tanh());
 *   }
 * }
 * new Net().forward(ad.ones([3, 2])).shape; // [3, 1]
 */
export abstract class Module<Output = Tensor> {
  /** @internal */
  [MODE] = true;

  /** true while training; see `train()` and `eval()`. */
  get training(): boolean {
    const mode = this[MODE];
    recorder?.guard(this, () => this[MODE] === mode);
    return mode;
  }
  set training(mode: boolean) {
    this[MODE] = mode;
  }

  /** What the module computes; subclasses say of which inputs. */
  abstract forward(...inputs: unknown[]): Output;

  /** @internal Every place below this module that holds a parameter or buffer; a module used in two places is visited in both. */
  *places(prefix = "", above: readonly Module<unknown>[] = []): Generator<Place<Tensor>> {
    // A module may refer to the one it belongs to.
    const inside = [...above, this];
    const own: Place<Tensor | Module<unknown>>[] = [...members(this, isModule)];
    for (const { name, value, put } of own) {
      if (value instanceof Tensor) {
        if (value instanceof Parameter || (isAlive(value) && (isBuffer(value) || isParameter(value))))
          yield { name: prefix + name, value, put };
      } else if (!inside.includes(value)) yield* value.places(`${prefix}${name}.`, inside);
    }
  }

  /** Parameters by name: `fc.weight`, frozen ones included. One that is used in two places is named once. */
  namedParameters(): [name: string, parameter: Tensor][] {
    atMost("namedParameters", arguments, 0);
    const seen = new Set<Tensor>();
    const named: [string, Tensor][] = [];
    for (const { name, value } of this.places()) {
      if (seen.has(value) || !isParameter(value)) continue;
      seen.add(value);
      nameTensor(value, name);
      named.push([name, value]);
    }
    return named;
  }

  /** All parameters, each once: what an optimizer takes. */
  parameters(): Tensor[] {
    atMost("parameters", arguments, 0);
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Tensors that are part of the state but not trained, such as running means. */
  namedBuffers(): [name: string, buffer: Tensor][] {
    atMost("namedBuffers", arguments, 0);
    return [...this.places()].filter(({ value }) => isBuffer(value)).map(({ name, value }) => [name, value]);
  }

  /** The modules assigned to this one, each once. */
  children(): Module<unknown>[] {
    atMost("children", arguments, 0);
    const found = new Set<Module<unknown>>();
    for (const { value } of members(this, isModule)) if (value instanceof Module) found.add(value);
    return [...found];
  }

  /** This module and all below it, each once. */
  modules(): Module<unknown>[] {
    atMost("modules", arguments, 0);
    const found = new Set<Module<unknown>>();
    const visit = (module: Module<unknown>) => {
      if (found.has(module)) return;
      found.add(module);
      module.children().forEach(visit);
    };
    visit(this);
    return [...found];
  }

  /** Switches to training (dropout drops) or, with false, to evaluation; returns the module. */
  train(mode = true): this {
    atMost("train", arguments, 1);
    if (typeof mode !== "boolean") throw new ValueError(`train: expected true or false, got ${describe(mode)}`, "train");
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Switches to evaluation: `train(false)`; returns the module. */
  eval(): this {
    atMost("eval", arguments, 0);
    return this.train(false);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    atMost("zeroGrad", arguments, 0);
    for (const parameter of this.parameters()) parameter.zeroGrad();
  }

  /** Parameters and buffers by name: the tensors themselves, for saving or as the parameters of `functionalCall`. */
  stateDict(): Record<string, Tensor> {
    atMost("stateDict", arguments, 0);
    const state: Record<string, Tensor> = {};
    for (const { name, value } of this.places()) {
      if (Object.hasOwn(state, name) && state[name] !== value)
        throw new ValueError(`stateDict: two tensors of this module are named "${name}"; rename a property or key`, "stateDict");
      state[name] = value;
    }
    return state;
  }

  /**
   * Copies tensors (or arrays) of another state or of a file into this module: all or, when one does not fit, none. With `strict`, names
   * must agree on both sides. float32 and float64 are converted; else dtypes must agree. Throws `ValueError`, `ShapeError`, `DTypeError`.
   */
  loadStateDict(state: Readonly<Record<string, TensorLike>>, options?: LoadOptions): void {
    atMost("loadStateDict", arguments, 2);
    const op = "loadStateDict";
    const { strict = true } = readOptions(op, options, ["strict"]);
    if (!isPlainObject(state))
      throw new ValueError(`${op}: expected an object of tensors by name (as stateDict() gives it), got ${describe(state)}`, op);
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(state, name));
    const unknown = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
    if (strict && (missing.length > 0 || unknown.length > 0)) {
      const part = (what: string, names: string[]) => (names.length > 0 ? `${what} ${names.join(", ")}` : "");
      throw new ValueError(
        `${op}: ${[part("missing", missing), part("not in this module:", unknown)].filter(Boolean).join("; ")}; pass { strict: false } to load what fits`,
        op,
      );
    }
    inScope(() => {
      // Everything is looked at, and cut off from what it may share with this module, before anything is written.
      const loads = Object.keys(own)
        .filter((name) => Object.hasOwn(state, name))
        .map((name) => [own[name]!, fitting(name, state[name]!, own[name]!)] as const);
      const before: (readonly [Tensor, Tensor])[] = [];
      try {
        for (const [target, value] of loads) {
          before.push([target, target.detach()]);
          assign(target, value);
        }
      } catch (error) {
        for (const [target, value] of before) assign(target, value);
        throw error;
      }
    });
  }

  /**
   * Releases all parameters and buffers now; the module cannot be used afterwards. Without it they live until the garbage collector
   * finds the module unreachable.
   */
  dispose(): void {
    for (const { value } of [...this.places()]) value.dispose();
  }

  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

lookOut(Module.prototype, {
  kind: "modules",
  methods: {
    call: "forward(x)",
    __call__: "forward(x)",
    predict: "forward(x)",
    apply: "forward(x); functions over all parameters are loops over parameters()",
    fit: "a loop of optimizer.minimize(loss)",
    compile: "nothing; an optimizer takes parameters()",
    buffers: "namedBuffers()",
    named_children: "children()",
    named_modules: "modules()",
    register_buffer: "a property that holds a tensor",
    register_parameter: "a property that holds an nn.Parameter",
    add: "a property that holds a module, or new Sequential(...layers)",
    append: "a property that holds a module, or new Sequential(...layers)",
    add_module: "a property that holds a module",
    register_module: "a property that holds a module",
    requires_grad_: "the property requiresGrad of each of its parameters()",
    summary: "nn.summary(module, shape)",
    to: "nothing: there is one device; a layer's dtype is an option of its constructor",
    cuda: "nothing: there is one device",
    cpu: "nothing: there is one device",
    float: 'the option dtype: "float32" of its layers',
    double: 'the option dtype: "float64" of its layers',
    getWeights: "stateDict()",
    setWeights: "loadStateDict(state)",
  },
  properties: { trainableWeights: "parameters()" },
  index: { read: "modules have no brackets: the layers of a Sequential are its property layers, other modules are properties" },
});

/** A value for `own`, of its shape and dtype. */
function fitting(name: string, value: TensorLike, own: Tensor): Tensor {
  const op = "loadStateDict";
  const given = asTensor(value, own).detach();
  if (given.ndim !== own.ndim || given.shape.join() !== own.shape.join()) {
    throw new ShapeError(
      `${op}: "${name}" has shape [${given.shape.join(", ")}], but the module's is [${own.shape.join(", ")}]; nothing was loaded`,
      op,
    );
  }
  if (given.dtype === own.dtype) return given;
  const floats = ["float32", "float64"];
  if (floats.includes(own.dtype) && (floats.includes(given.dtype) || !(value instanceof Tensor))) return given.cast(own.dtype);
  if (!(value instanceof Tensor)) return asTensor(value).cast(own.dtype);
  throw new DTypeError(`${op}: "${name}" is ${given.dtype}, but the module's is ${own.dtype}; cast it first. Nothing was loaded`, op);
}
