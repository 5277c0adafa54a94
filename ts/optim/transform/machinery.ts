/** What pure optimizers share: checking trees, the step number, rates, releasing what was replaced. */
import { atMost } from "../../input/arguments.js";
import { full, zerosLike } from "../../creation.js";
import { describe } from "../../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../../errors.js";
import { checkOptions, isPlainObject } from "../../input/options.js";
import { isFloat, show } from "../../nn/reduction.js";
import { engine } from "../../runtime/instance.js";
import { Tensor } from "../../tensor.js";
import { inScope } from "../../transforms/machinery.js";
import { noGrad } from "../../transforms/modes.js";
import { flatten, map, sameStructure, walk, type Tree } from "../../tree.js";
import { nonNegative, type Rules } from "../rules.js";
import type { Schedule } from "../schedules.js";

/** A rate: a number, a 0-d tensor (to differentiate with respect to it), or a schedule of the step number. */
export type Rate = number | Tensor | Schedule;

/** A pure optimizer. Trees are of any structure: arrays and objects of float tensors. */
export interface Transformation<State> {
  /** The state before the first step, for parameters of this structure. Throws `ValueError` for leaves that are no tensors, `DTypeError`. */
  init(params: unknown): State;
  /**
   * What to add to the parameters, a tree like the gradients, and the next state. `params` is needed with weight decay. Throws `ValueError`
   * for trees that differ, `ShapeError` for leaves that do.
   */
  update<G>(gradients: G, state: State, params?: unknown): [updates: G, state: State];
}

/** The state of a pure optimizer: the steps taken (int32, 0-d), and parts like the parameters, named as in `stateDict()` of the class. */
export type PureState<Part extends string, Optional extends string = never> = {
  /** int32, 0-d: steps taken. */
  step: Tensor;
} & Record<Part, Tree<Tensor>> &
  Partial<Record<Optional, Tree<Tensor>>>;

/** What a rate may be. */
function rate(op: string, what: string, value: unknown): Rate {
  if (typeof value === "function") return value as Schedule;
  if (value instanceof Tensor) {
    if (value.size !== 1 || !isFloat(value))
      throw new ValueError(
        `${op}: ${what} is a ${value.dtype} tensor of shape ${show(value.shape)}; a rate is a number or a 0-d float tensor`,
        op,
      );
    return value;
  }
  return nonNegative(op, what, value);
}

/** Options of a class, with a rate that may also be a tensor or a schedule. */
export type Pure<Options extends RateOption> = Omit<Options, "lr"> & {
  /** The learning rate. */
  lr?: Rate;
};

interface RateOption {
  /** The learning rate. */
  lr?: number;
}

/** Options over defaults, each checked. */
function complete<Options extends object>(
  op: string,
  rules: Rules<Options>,
  defaults: Options,
  given: Partial<Options> | undefined,
): Options {
  const known = Object.keys(rules) as (keyof Options & string)[];
  checkOptions(op, given, known);
  return Object.fromEntries(known.map((key) => [key, rules[key](op, key, given?.[key] ?? defaults[key])])) as unknown as Options;
}

function checkTree(op: string, what: string, tree: unknown): void {
  let count = 0;
  walk(tree, (leaf, path) => {
    count++;
    const place = path === "" ? what : `${what} at ${path}`;
    if (!(leaf instanceof Tensor))
      throw new ValueError(`${op}: ${place} holds ${describe(leaf)}; expected tensors, or arrays and objects of them`, op);
    if (!isFloat(leaf)) throw new DTypeError(`${op}: ${place} holds a ${leaf.dtype} tensor; optimizers move float32 and float64`, op);
  });
  if (count === 0) throw new ValueError(`${op}: ${what} is a tree without tensors`, op);
}

/** `other` has a tensor of the same shape for each of `tree`. */
function checkFits(op: string, what: string, tree: unknown, other: unknown): void {
  checkTree(op, what, other);
  sameStructure(tree, other, op);
  map(
    (a: Tensor, b: Tensor) => {
      if (a.shape.join() !== b.shape.join() || a.ndim !== b.ndim)
        throw new ShapeError(`${op}: ${what} has a tensor of shape ${show(b.shape)} where ${show(a.shape)} is expected`, op);
    },
    tree,
    other,
  );
}

/** Runs in a scope; recorded by the transforms that are under way, but not for `backward()` alone. */
const pure = <R>(body: () => R): R => inScope(() => (engine.level_depth() > 1 ? body() : noGrad(body)));

/** Of one leaf: the update and the leaf's next parts, from its gradient, parameter and parts. */
type Leaf = (gradient: Tensor, p: Tensor | null, parts: Record<string, Tensor>) => { update: Tensor; parts: Record<string, Tensor> };

/** What is different from optimizer to optimizer. */
interface Formula {
  lr: Rate;
  /** Updates read the parameters. */
  needsParams: boolean;
  /** The parts of the state, with what they begin with. */
  parts: Readonly<Record<string, number>>;
  /** A number that is multiplied at each step: its name in the state, and by what at step t. */
  product?: readonly [name: string, factor: (t: Tensor) => Tensor];
  leaf: (step: Step) => Leaf;
}

/** The parts that all share: checking trees, the step number, releasing what was replaced. */
function transformation<State extends { step: Tensor }>(op: string, formula: Formula): Transformation<State> {
  const { lr, needsParams, parts, product, leaf } = formula;
  return {
    init(params) {
      checkTree(`${op}.init`, "the tree of parameters", params);
      const filled = (value: number) =>
        map((p: Tensor) => (value === 0 ? zerosLike(p) : full(p.shape, value, { dtype: p.dtype })), params as Tree<Tensor>);
      return inScope(() => {
        const state = Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, filled(value)]));
        const running = product === undefined ? {} : { [product[0]]: full([], 1, { dtype: "float64" }) };
        return { step: full([], 0, { dtype: "int32" }), ...running, ...state } as unknown as State;
      });
    },
    update<G>(gradients: G, state: State, params?: unknown): [G, State] {
      const name = `${op}.update`;
      checkTree(name, "the tree of gradients", gradients);
      const numbers = ["step", ...(product === undefined ? [] : [product[0]])];
      if (!isPlainObject(state) || !numbers.every((key) => (state as Record<string, unknown>)[key] instanceof Tensor))
        throw new ValueError(
          `${name}: the second argument is the state that init() or the last update() gave, got ${describe(state)}`,
          name,
        );
      if (needsParams && params === undefined)
        throw new ValueError(`${name}: weightDecay needs the parameters as the third argument`, name);
      const entries = Object.entries(state as unknown as Record<string, Tree<Tensor>>);
      const trees = entries.filter(([key]) => !numbers.includes(key));
      for (const [key, tree] of trees) checkFits(name, `the state's ${key}`, gradients, tree);
      if (params !== undefined) checkFits(name, "the tree of parameters", gradients, params);
      return pure((): [G, State] => {
        const [slopes, rebuild] = flatten(gradients);
        const columns = trees.map(([key, tree]) => [key, flatten(tree)[0] as Tensor[]] as const);
        const values = params === undefined ? null : (flatten(params)[0] as Tensor[]);
        const step = new Step(state.step, lr);
        const running: Record<string, Tensor> = {};
        if (product !== undefined) {
          const [key, factor] = product;
          step.product = running[key] = (state as unknown as Record<string, Tensor>)[key]!.mul(factor(step.count));
        }
        const each = leaf(step);
        const results = slopes.map((gradient: Tensor, i) =>
          each(gradient, values === null ? null : values[i]!, Object.fromEntries(columns.map(([key, list]) => [key, list[i]!]))),
        );
        const following = Object.fromEntries(columns.map(([key]) => [key, rebuild(results.map((r) => r.parts[key]))]));
        return [rebuild(results.map((r) => r.update)) as G, { step: step.next, ...running, ...following } as unknown as State];
      });
    },
  };
}

/** Numbers that are the same for all leaves of a step: made once for each dtype. */
class Step {
  private readonly cast = new Map<string, Tensor>();
  /** int32: steps taken with this one. */
  readonly next: Tensor;
  /** The same as float64. */
  readonly count: Tensor;
  /** With a running product: that, up to this step. */
  product: Tensor | null = null;
  constructor(
    /** int32: steps taken before this one. */
    readonly before: Tensor,
    private readonly lr: Rate,
  ) {
    this.next = before.add(1);
    this.count = this.next.cast("float64");
  }

  /** lr of this step, of the dtype of `like` when it is a tensor. */
  rate(like: Tensor): number | Tensor {
    const lr = typeof this.lr === "function" ? nonNegative("lr", "the scheduled rate", this.lr(this.before.item())) : this.lr;
    return lr instanceof Tensor ? this.number("lr", like, () => lr.reshape([])) : lr;
  }

  /** 1 - beta^step, by expm1, so that no digits are lost; then `f` of it. */
  correction(beta: number, like: Tensor, f: (c: Tensor) => Tensor = (c) => c, name = ""): Tensor {
    return this.number(`${beta} ${name}`, like, (t) => f(t.mul(Math.log(beta)).expm1().neg()));
  }

  /** A number of the step, computed in float64, in the dtype of `like`. */
  number(key: string, { dtype }: Tensor, make: (t: Tensor) => Tensor): Tensor {
    const found = this.cast.get(`${key} ${dtype}`) ?? make(this.count).cast(dtype);
    this.cast.set(`${key} ${dtype}`, found);
    return found;
  }
}

/** The gradient to go against: turned round to climb, with the pull to 0 added. */
export function directed(gradient: Tensor, p: Tensor | null, maximize: boolean, weightDecay: number): Tensor {
  const g = maximize ? gradient.neg() : gradient;
  return weightDecay === 0 || p === null ? g : g.add(p.mul(weightDecay));
}

/** keep old + (1 - keep) fresh. */
export const averaged = (keep: number, old: Tensor, fresh: Tensor) => old.mul(keep).add(fresh.mul(1 - keep));

/** params + updates, leaf by leaf, as new tensors. */
export function applyUpdates<T>(params: T, updates: unknown): T {
  atMost("applyUpdates", arguments, 2);
  const op = "applyUpdates";
  checkTree(op, "the tree of parameters", params);
  checkFits(op, "the tree of updates", params, updates);
  return pure(() => map((p: Tensor, u: Tensor) => p.add(u), params, updates) as T);
}

/** A pure optimizer whose options are those of a class, from its formula for them. */
export function pureForm<Options extends { lr: number }, State extends { step: Tensor }>(
  op: string,
  rules: Rules<Options>,
  defaults: Options,
  options: object | undefined,
  formula: (o: Omit<Options, "lr"> & { lr: Rate }) => Omit<Formula, "lr">,
): Transformation<State> {
  const o = complete<Omit<Options, "lr"> & { lr: Rate }>(op, { ...rules, lr: rate } as never, defaults as never, options as never);
  return transformation<State>(op, { lr: o.lr, ...formula(o) });
}
