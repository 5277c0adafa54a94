/** What all optimizers share: parameter groups, state that can be saved, `step` and `minimize`. */
import { backward } from "../ambient.js";
import { atMost, callback } from "../input/arguments.js";
import { full, zerosLike } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { scope } from "../memory/scope.js";
import { nameOf } from "../names.js";
import { isParameter } from "../nn/module.js";
import { lookOut } from "../habits/lookout.js";
import { checkOptions, isPlainObject } from "../input/options.js";
import { recorder } from "../recording.js";
import { checked, engine } from "../runtime/instance.js";
import { gradientsForgotten, parametersChanged } from "../memory/steps.js";
import { idOf, Tensor } from "../tensor.js";
import { enableGrad, noGrad } from "../transforms/modes.js";
import { optimized, type Parameters } from "./parameters.js";
import { completeRules, guarded, type Rules } from "./rules.js";
import { persistent, readState, writeState, type OptimizerState, type Parts, type State } from "./state.js";

/** Parameters with options of their own. */
export interface ParameterGroup {
  /** The parameters, in any form that the optimizer itself takes. */
  params: Parameters;
  /** Options of the optimizer; those not given are the optimizer's own. */
  [option: string]: unknown;
}

/** What the options of every optimizer have. */
export interface RateOptions {
  /** The learning rate. */
  lr: number;
}

/** A group of an optimizer: its options can be set at any time, and are checked then. */
export class Group<Options extends RateOptions = RateOptions> {
  /** @internal Groups are made by optimizers. */
  constructor(
    /** Its parameters. */
    readonly params: readonly Tensor[],
    /** The checked face of `values`. */
    readonly options: Options,
    /** @internal The numbers themselves. */
    readonly values: Options,
  ) {}

  /** The learning rate. */
  get lr(): number {
    return this.values.lr;
  }
  set lr(value: number) {
    this.options.lr = value;
  }
}

lookOut(Group.prototype, {
  kind: "parameter groups",
  unknown: (group, name, value) => {
    const { options } = group as Group<RateOptions>;
    if (options === undefined) return;
    checkOptions("a parameter group", { [name]: value }, Object.keys(options));
    throw new ValueError(`${name}: the options of a parameter group are written as group.options.${name} = value`, name);
  },
});

/** What a kind of optimizer declares. */
export interface Kind<Options> {
  /** What messages call it. */
  name: string;
  /** Every option with its default. */
  defaults: Options;
  /** What options may be; those not mentioned are of the type of their default, `lr` and other numbers finite. */
  rules?: Partial<Rules<Options>>;
  /** What is remembered of a parameter; nothing without. */
  parts?: Parts;
}

/** Classes of the library's own: their objects have no properties but those they are made with. A user's class may add what it likes. */
const finished = new WeakSet<object>();
/** Declares a class to be one of these. */
export const finish = ({ prototype }: { prototype: object }): unknown => finished.add(prototype);

/** After so many steps a parameter that never had a gradient is mentioned, once. */
const PATIENCE = 10;

/**
 * The base class. `params` is a list of parameters (`module.parameters()`), of pairs (`namedParameters()`), or of groups
 * `{ params, lr, ... }` with options of their own. To write an optimizer, declare its options and override `update`.
 */
export abstract class Optimizer<Options extends RateOptions = RateOptions, Remembered extends object = Record<string, Tensor>> {
  static {
    lookOut(Optimizer.prototype, {
      kind: "optimizers",
      methods: {
        applyGradients: "step(), with gradients in .grad",
        computeGradients: "backward() of the loss, or ad.grad(f)",
        setLearningRate: "the property lr",
        getLearningRate: "the property lr",
      },
      properties: { paramGroups: "groups", param_groups: "groups" },
      unknown: (optimizer, name, value) => {
        const { known, name: own } = optimizer as Optimizer;
        if (finished.has(Object.getPrototypeOf(optimizer) as object)) checkOptions(own, { [name]: value }, known);
      },
    });
  }

  /** The parameters with their options, group by group. */
  readonly groups: Group<Options>[] = [];
  /** What is remembered of each parameter. */
  protected readonly state = new Map<Tensor, State>();
  /** What messages call it. */
  protected readonly name: string;
  private readonly known: readonly string[];
  private readonly rules: Rules<Options>;
  private readonly parts: readonly { readonly name: string; readonly kind: Parts[string] }[];
  private readonly counts: readonly string[];
  private readonly initial: Options;
  /** Parameters that have had no gradient so far; null once that is settled. */
  private untouched: Set<Tensor> | null = new Set();
  private steps = 0;
  /** Stands for this optimizer where it must not be held. */
  private readonly turns = {};
  /** Somebody holds the numbers of the state: the next step makes room before it writes. */
  private shared = false;

  constructor(
    private readonly kind: Kind<Options>,
    params: Parameters | readonly ParameterGroup[],
    options?: Partial<Options>,
  ) {
    // "abstract" is a word of TypeScript's only.
    if (!isPlainObject(kind) || !isPlainObject(kind.defaults))
      throw new ValueError(
        `Optimizer: this is the base class, and got ${describe(kind)} for the kind a subclass gives it; make one of optim.SGD, optim.Adam, ...`,
        "Optimizer",
      );
    this.name = kind.name;
    this.rules = completeRules(kind.defaults, kind.rules);
    this.known = Object.keys(this.rules);
    this.parts = Object.entries(kind.parts ?? {}).map(([name, part]) => ({ name, kind: part }));
    this.counts = this.parts.flatMap((part) => (part.kind === "count" ? [part.name] : []));
    checkOptions(this.name, options, this.known);
    this.initial = this.complete(kind.defaults, options);
    for (const key of this.known) if (!(key in this)) expose(this, key as keyof Options & string);
    const given = params as unknown;
    if (Array.isArray(given) && given.length > 0 && given.every(isPlainObject))
      for (const group of given) this.addParamGroup(group as unknown as ParameterGroup);
    else this.addParamGroup({ params: params as Parameters });
  }

  /** Options over others, each checked. */
  private complete(base: Options, given: Partial<Options> | undefined): Options {
    const all = {} as Options;
    for (const key of this.known as (keyof Options & string)[])
      all[key] = this.rules[key](this.name, key, given?.[key] === undefined ? base[key] : given[key]);
    this.check(all);
    return all;
  }

  /** Refuses options that do not go together. */
  protected check(_options: Readonly<Options>): void {}

  /** More parameters, such as layers that were frozen before. None may be in the optimizer already. */
  addParamGroup(group: ParameterGroup): void {
    atMost(`${this.name}.addParamGroup`, arguments, 1);
    const op = `${this.name} (a parameter group)`;
    if (!isPlainObject(group)) throw new ValueError(`${op}: expected { params, lr, ... }, got ${describe(group)}`, op);
    checkOptions(op, group, ["params", ...this.known]);
    const { params, ...options } = group;
    const taken = new Set(this.params);
    const list = optimized(this.name, params, isParameter, taken);
    const values = this.complete(this.initial, options as Partial<Options>);
    this.groups.push(new Group(Object.freeze(list), guarded(this.name, this.rules, values), values));
    this.untouched ??= new Set();
    for (const p of list) this.untouched.add(p);
    this.steps = 0;
  }

  /** The learning rate of the first group; setting it sets all. */
  get lr(): number {
    return this.groups[0]!.lr;
  }
  set lr(value: number) {
    for (const group of this.groups) group.lr = value;
  }

  /** All parameters. */
  get params(): Tensor[] {
    return this.groups.flatMap((group) => group.params);
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    atMost(`${this.name}.zeroGrad`, arguments, 0);
    // A recorder is told in any case: next time there may be a gradient to forget.
    for (const { params } of this.groups)
      for (const p of params) if (recorder !== null || engine.gradient_id(idOf(p)) !== 0) engine.set_gradient(idOf(p), 0);
    gradientsForgotten(this.turns);
  }

  /**
   * One step along the gradients that `backward()` has added up; parameters without one stay. When one gradient does not fit its
   * parameter, nothing is changed. With a closure, that is called first (it computes the loss anew and calls `backward()`), and its loss is
   * returned.
   */
  step(): void;
  step<R>(closure: () => R): R;
  step<R>(closure?: () => R): R | undefined {
    atMost(`${this.name}.step`, arguments, 1);
    const loss = closure === undefined ? undefined : enableGrad(callback(this.name, "the closure of step", closure));
    const { untouched, shared } = this;
    const changed: { readonly p: Tensor; readonly values: Readonly<Options> }[] = [];
    for (const { params, values } of this.groups) {
      for (const p of params) {
        const id = idOf(p);
        const gradient = engine.gradient_id(id);
        if (gradient === 0) continue;
        untouched?.delete(p);
        checked(engine.prepare_update(id, gradient), this.name);
        changed.push({ p, values });
        this.prepare(p, values);
      }
    }
    // Ids are asked for again: whoever makes tensors, as state, may have others moved out. All are back before anything is written.
    for (const { p } of changed) {
      const gradient = engine.gradient_id(idOf(p));
      if (!shared) continue;
      for (const part of Object.values(this.state.get(p) ?? {}))
        if (part instanceof Tensor) checked(engine.prepare_update(idOf(part), gradient), this.name);
    }
    this.shared = false;
    for (const { p, values } of changed) this.updateInPlace(p, engine.gradient_id(idOf(p)), values);
    parametersChanged(this.turns);
    if (untouched !== null) this.mention(untouched);
    return loss;
  }

  /** Says once which parameters never had a gradient: usually a layer that was left out of `forward`, or a value read with item(). */
  private mention(untouched: Set<Tensor>): void {
    this.steps++;
    if (untouched.size > 0 && this.steps < PATIENCE) return;
    this.untouched = null;
    const missed = [...untouched].filter((p) => p.requiresGrad);
    if (missed.length === 0) return;
    const some = missed.slice(0, 8).map((p) => nameOf(p, "one"));
    console.warn(
      `adjoint: ${this.name} has taken ${this.steps} steps, and ${missed.length} of its parameters never received a gradient: ${some.join(", ")}${missed.length > 8 ? ", ..." : ""}. ` +
        "Does the loss depend on them? (Set requiresGrad = false on those that are meant to stay.)",
    );
  }

  /** zeroGrad, backward, step; the loss stays readable. A function that computes the loss may be given. */
  minimize(loss: Tensor | (() => Tensor)): void {
    atMost(`${this.name}.minimize`, arguments, 1);
    const value = typeof loss === "function" ? callback(`${this.name}.minimize`, "the function that computes the loss", loss)() : loss;
    if (!(value instanceof Tensor)) {
      const cure = typeof value === "number" ? "; pass the loss itself, not its item()" : "";
      throw new ValueError(
        `${this.name}.minimize: the loss must be a tensor (or a function that returns one), got ${describe(value)}${cure}`,
        this.name,
      );
    }
    if (value.size !== 1)
      throw new ValueError(
        `${this.name}.minimize: the loss must be a scalar, got shape [${value.shape.join(", ")}]; mean() or sum() it`,
        this.name,
      );
    this.zeroGrad();
    backward(value);
    this.step();
  }

  /**
   * Numbers and options for saving: `{ state, paramGroups }`, the state by the parameter's position. The tensors are snapshots: later
   * steps do not change them.
   */
  stateDict(): OptimizerState {
    atMost(`${this.name}.stateDict`, arguments, 0);
    this.shared = true;
    return writeState(
      this.groups.map(({ params, values }) => ({ params, values })),
      this.state,
    );
  }

  /** Goes on where `stateDict()` was taken, with parameters in the same order. All is checked before anything is changed. */
  loadStateDict(saved: OptimizerState): void {
    atMost(`${this.name}.loadStateDict`, arguments, 1);
    const groups = this.groups.map(({ params, values }) => ({
      params,
      complete: (given: Partial<Options>) => this.complete(values, given),
    }));
    const { options, state } = readState(this.name, saved, groups, this.known, this.kind.parts ?? {});
    options.forEach((values, i) => Object.assign(this.groups[i]!.values, values));
    this.forget();
    for (const [p, parts] of state) this.state.set(p, parts);
    this.shared = true;
  }

  private forget(): void {
    for (const parts of this.state.values()) for (const part of Object.values(parts)) if (part instanceof Tensor) part.dispose();
    this.state.clear();
  }

  /** Releases the optimizer's state (not the parameters). */
  dispose(): void {
    this.forget();
  }
  /** `using optimizer = ...` releases the state at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Whether a part of the state that is optional is in use with these options. */
  protected uses(_part: string, _options: Readonly<Options>): boolean {
    return true;
  }

  /** @internal A part of the state was made. */
  protected partMade(_part: string, _tensor: Tensor): void {}

  /** @internal What a part of the state begins with everywhere. */
  protected initialValue(_part: string, _options: Readonly<Options>): number {
    return 0;
  }

  /** Makes what is missing of the state of a parameter, before any parameter of the step is changed. */
  private prepare(parameter: Tensor, options: Readonly<Options>): void {
    const { parts } = this;
    if (parts.length === 0) return;
    let state = this.state.get(parameter);
    for (let i = 0; i < parts.length; i++) {
      const { name, kind } = parts[i]!;
      if (state?.[name] !== undefined || (kind === "optional tensor" && !this.uses(name, options))) continue;
      if (state === undefined) this.state.set(parameter, (state = {}));
      if (kind === "count") state[name] = 0;
      else {
        const value = this.initialValue(name, options);
        const { shape, dtype } = parameter;
        this.partMade(name, (state[name] = persistent(() => (value === 0 ? zerosLike(parameter) : full(shape, value, { dtype })))));
      }
    }
  }

  /** @internal The counts in the state go on. */
  protected counted(state: State | undefined, by = 1): void {
    const { counts } = this;
    if (state !== undefined) for (let i = 0; i < counts.length; i++) (state[counts[i]!] as number) += by;
  }

  /** @internal Tells a recorder which tensors are state that lives on. */
  protected announce(parameter: Tensor): void {
    if (recorder === null) return;
    const parts = Object.entries(this.state.get(parameter) ?? {});
    recorder.state(
      parts.flatMap(([part, tensor]) => {
        if (!(tensor instanceof Tensor)) return [];
        return [{ tensor, parameter, part, find: () => this.state.get(parameter)?.[part] as Tensor | undefined }];
      }),
    );
  }

  /**
   * Changes one parameter along its gradient, and its state, with `assign(...)`. Runs without recording, in a scope. `state` has
   * what the optimizer declared: tensors that were zeros at first, and counts, which are 1 at the first step.
   */
  protected update(_parameter: Tensor, _gradient: Tensor, _options: Readonly<Options>, _state: Readonly<Remembered>): void {
    throw new ValueError(`${this.name}: an optimizer must define update(parameter, gradient, options, state)`, this.name);
  }

  /** Tells a recorder which plain numbers `update` computes with: rates, and the counts in the state, which go on with each step. */
  private guardNumbers(parameter: Tensor, options: Readonly<Options>): void {
    if (recorder === null) return;
    const counts = () => this.counts.map((name) => (this.state.get(parameter) as Record<string, unknown> | undefined)?.[name]);
    const [before, rates] = [counts(), Object.entries(options)];
    recorder.guard(
      options,
      () => rates.every(([name, value]) => Object.is(value, options[name as keyof Options])) && counts().every((n, i) => n === before[i]),
    );
  }

  /** @internal For optimizers with a kernel of their own; `gradient` is the engine's id. */
  protected updateInPlace(parameter: Tensor, _gradient: number, options: Readonly<Options>): void {
    const state = this.state.get(parameter);
    this.announce(parameter);
    this.guardNumbers(parameter, options);
    this.counted(state);
    try {
      scope(() => noGrad(() => this.update(parameter, parameter.grad!, options, (state ?? {}) as Remembered)));
    } catch (error) {
      this.counted(state, -1);
      throw error;
    }
  }
}

/** An option as a property, as the rate is: of the first group; setting it sets all. */
function expose<Options extends RateOptions, K extends keyof Options & string>(
  optimizer: { readonly groups: readonly Group<Options>[] },
  key: K,
): void {
  Object.defineProperty(optimizer, key, {
    get: () => optimizer.groups[0]!.options[key],
    set: (value: Options[K]) => {
      for (const group of optimizer.groups) group.options[key] = value;
    },
    configurable: true,
  });
}
