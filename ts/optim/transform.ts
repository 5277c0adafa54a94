/**
 * Optimizers as pure functions over trees of tensors, as optax has them: `init(params)` makes a state, `update(gradients, state, params)`
 * returns `[updates, state]`, and `applyUpdates(params, updates)` the new parameters. They are made of ops, so they can be differentiated,
 * mapped and nested like any function. Formulas and options are those of the classes (torch.optim's).
 *
 * ```ts
 * const adam = optim.transform.adam({ lr: 1e-3 });
 * let state = adam.init(params);
 * for (...) {
 *   const [loss, gradients] = valueAndGrad(f)(params, x, y);
 *   const [updates, next] = adam.update(gradients, state, params);
 *   [params, state] = [optim.applyUpdates(params, updates), next];
 * }
 * ```
 *
 * Outside of transforms `update` and `applyUpdates` are, as `optimizer.step()`, not recorded for `backward()`, so that `net.stateDict()` may
 * be the first parameters; `grad` and the other transforms differentiate through them.
 */
import { atMost } from "../input/arguments.js";
import { full, zerosLike } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { checkOptions, isPlainObject } from "../input/options.js";
import { isFloat, show } from "../nn/reduction.js";
import { engine } from "../runtime/instance.js";
import { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { flatten, map, sameStructure, walk, type Tree } from "../tree.js";
import { ADAM_DEFAULTS, ADAM_RULES, ADAMW_DEFAULTS, type AdamOptions } from "./adam.js";
import { nonNegative, type Rules } from "./rules.js";
import type { Schedule } from "./schedules.js";
import { checkNesterov, SGD_DEFAULTS, SGD_RULES, type SGDOptions } from "./sgd.js";

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

/** The state of `sgd`. */
export interface SGDState {
  /** int32, 0-d: steps taken. */
  step: Tensor;
  /** With momentum: b of the formula, like the parameters. */
  momentumBuffer?: Tree<Tensor>;
}

/** The state of `adam` and `adamw`. */
export interface AdamState {
  /** int32, 0-d: steps taken. */
  step: Tensor;
  /** The running mean of the gradient, like the parameters. */
  expAvg: Tree<Tensor>;
  /** The running mean of its square. */
  expAvgSq: Tree<Tensor>;
  /** With amsgrad: the largest of these so far. */
  maxExpAvgSq?: Tree<Tensor>;
}

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

const zeros = (tree: Tree<Tensor>) => map((p: Tensor) => zerosLike(p), tree) as Tree<Tensor>;

/** The parts that all share: checking trees, the step number, releasing what was replaced. */
function transformation<State extends { step: Tensor }>(
  op: string,
  needsParams: boolean,
  parts: (params: Tree<Tensor>) => Omit<State, "step">,
  /** Of one leaf: the update and the leaf's next parts, from its gradient, parameter and parts. */
  leaf: (
    step: Step,
  ) => (gradient: Tensor, p: Tensor | null, parts: Record<string, Tensor>) => { update: Tensor; parts: Record<string, Tensor> },
  lr: Rate,
): Transformation<State> {
  return {
    init(params) {
      checkTree(`${op}.init`, "the tree of parameters", params);
      return inScope(() => ({ step: full([], 0, { dtype: "int32" }), ...parts(params as Tree<Tensor>) }) as State);
    },
    update<G>(gradients: G, state: State, params?: unknown): [G, State] {
      const name = `${op}.update`;
      checkTree(name, "the tree of gradients", gradients);
      if (!isPlainObject(state) || !(state["step"] instanceof Tensor))
        throw new ValueError(
          `${name}: the second argument is the state that init() or the last update() gave, got ${describe(state)}`,
          name,
        );
      if (needsParams && params === undefined)
        throw new ValueError(`${name}: weightDecay needs the parameters as the third argument`, name);
      const { step, ...trees } = state as unknown as { step: Tensor } & Record<string, Tree<Tensor>>;
      for (const [key, tree] of Object.entries(trees)) checkFits(name, `the state's ${key}`, gradients, tree);
      if (params !== undefined) checkFits(name, "the tree of parameters", gradients, params);
      return pure((): [G, State] => {
        const [slopes, rebuild] = flatten(gradients);
        const columns = Object.entries(trees).map(([key, tree]) => [key, flatten(tree)[0] as Tensor[]] as const);
        const values = params === undefined ? null : (flatten(params)[0] as Tensor[]);
        const next = step.add(1);
        const each = leaf(new Step(step, next, lr));
        const results = slopes.map((gradient: Tensor, i) =>
          each(gradient, values === null ? null : values[i]!, Object.fromEntries(columns.map(([key, list]) => [key, list[i]!]))),
        );
        const following = Object.fromEntries(columns.map(([key]) => [key, rebuild(results.map((r) => r.parts[key]))]));
        return [rebuild(results.map((r) => r.update)) as G, { step: next, ...following } as unknown as State];
      });
    },
  };
}

/** Numbers that are the same for all leaves of a step: made once for each dtype. */
class Step {
  private readonly cast = new Map<string, Tensor>();
  constructor(
    /** Steps taken before this one. */
    readonly before: Tensor,
    private readonly count: Tensor,
    private readonly lr: Rate,
  ) {}

  /** lr of this step, of the dtype of `like` when it is a tensor. */
  rate(like: Tensor): number | Tensor {
    const lr = typeof this.lr === "function" ? nonNegative("lr", "the scheduled rate", this.lr(this.before.item())) : this.lr;
    return lr instanceof Tensor ? this.once("lr", like, () => lr.reshape([])) : lr;
  }

  /** 1 - beta^step, by expm1, so that no digits are lost; then `f` of it. */
  correction(beta: number, like: Tensor, f: (c: Tensor) => Tensor): Tensor {
    return this.once(`${beta} ${f.name}`, like, () => f(this.count.cast("float64").mul(Math.log(beta)).expm1().neg()));
  }

  private once(key: string, { dtype }: Tensor, make: () => Tensor): Tensor {
    const found = this.cast.get(`${key} ${dtype}`) ?? make().cast(dtype);
    this.cast.set(`${key} ${dtype}`, found);
    return found;
  }
}

/** The gradient to go against: turned round to climb, with the pull to 0 added. */
function directed(gradient: Tensor, p: Tensor | null, maximize: boolean, weightDecay: number): Tensor {
  const g = maximize ? gradient.neg() : gradient;
  return weightDecay === 0 || p === null ? g : g.add(p.mul(weightDecay));
}

/** As the class `SGD`: b ← μ b + (1 - dampening) g, the update -lr b. */
export function sgd(options?: Omit<SGDOptions, "lr"> & { lr?: Rate }): Transformation<SGDState> {
  atMost("optim.transform.sgd", arguments, 1);
  const op = "optim.transform.sgd";
  const o = complete<Omit<Required<SGDOptions>, "lr"> & { lr: Rate }>(op, { ...SGD_RULES, lr: rate }, SGD_DEFAULTS, options);
  const { momentum, dampening, nesterov, weightDecay, maximize } = o;
  checkNesterov(op, { ...o, lr: 0 });
  return transformation<SGDState>(
    op,
    weightDecay !== 0,
    (params) => (momentum === 0 ? {} : { momentumBuffer: zeros(params) }),
    (step) => (gradient, p, parts) => {
      let d = directed(gradient, p, maximize, weightDecay);
      const next: Record<string, Tensor> = {};
      if (momentum !== 0) {
        const g = d;
        let b = parts["momentumBuffer"]!.mul(momentum).add(dampening === 0 ? g : g.mul(1 - dampening));
        // The first step knows no dampening.
        if (dampening !== 0) b = step.before.eq(0).where(g, b);
        next["momentumBuffer"] = b;
        d = nesterov ? g.add(b.mul(momentum)) : b;
      }
      return { update: d.mul(step.rate(d)).neg(), parts: next };
    },
    o.lr,
  );
}

const root = (c: Tensor) => c.sqrt();
const same = (c: Tensor) => c;

function adamLike(
  op: string,
  defaults: Required<AdamOptions>,
  decoupled: boolean,
  options: (Omit<AdamOptions, "lr"> & { lr?: Rate }) | undefined,
): Transformation<AdamState> {
  const o = complete<Omit<Required<AdamOptions>, "lr"> & { lr: Rate }>(op, { ...ADAM_RULES, lr: rate }, defaults, options);
  const { betas, eps, weightDecay, amsgrad, maximize } = o;
  return transformation<AdamState>(
    op,
    weightDecay !== 0,
    (params) => ({ expAvg: zeros(params), expAvgSq: zeros(params), ...(amsgrad ? { maxExpAvgSq: zeros(params) } : {}) }),
    (step) => (gradient, p, parts) => {
      const g = directed(gradient, p, maximize, decoupled ? 0 : weightDecay);
      const m = parts["expAvg"]!.mul(betas[0]).add(g.mul(1 - betas[0]));
      const v = parts["expAvgSq"]!.mul(betas[1]).add(g.square().mul(1 - betas[1]));
      const next: Record<string, Tensor> = { expAvg: m, expAvgSq: v };
      if (amsgrad) next["maxExpAvgSq"] = parts["maxExpAvgSq"]!.maximum(v);
      const lr = step.rate(g);
      const size = (next["maxExpAvgSq"] ?? v)
        .sqrt()
        .div(step.correction(betas[1], g, root))
        .add(eps);
      const update = m
        .div(step.correction(betas[0], g, same))
        .div(size)
        .mul(lr)
        .neg();
      return { update: decoupled && weightDecay !== 0 ? update.sub(p!.mul(weightDecay).mul(lr)) : update, parts: next };
    },
    o.lr,
  );
}

/** As the class `Adam`. */
export function adam(options?: Omit<AdamOptions, "lr"> & { lr?: Rate }): Transformation<AdamState> {
  atMost("optim.transform.adam", arguments, 1);
  return adamLike("optim.transform.adam", ADAM_DEFAULTS, false, options);
}

/** As the class `AdamW`: weight decay beside the gradient. */
export function adamw(options?: Omit<AdamOptions, "lr"> & { lr?: Rate }): Transformation<AdamState> {
  atMost("optim.transform.adamw", arguments, 1);
  return adamLike("optim.transform.adamw", ADAMW_DEFAULTS, true, options);
}

/** params + updates, leaf by leaf, as new tensors. */
export function applyUpdates<T>(params: T, updates: unknown): T {
  atMost("applyUpdates", arguments, 2);
  const op = "applyUpdates";
  checkTree(op, "the tree of parameters", params);
  checkFits(op, "the tree of updates", params, updates);
  return pure(() => map((p: Tensor, u: Tensor) => p.add(u), params, updates) as T);
}
