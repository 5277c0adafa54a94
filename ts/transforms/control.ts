/**
 * Loops and branches over state, as JAX has them: `scan`, `forLoop`, `whileLoop`, `cond`. They run as written, so derivatives in both
 * modes are those of the ops inside. What they add to a plain loop is memory: a state is released as soon as the next one is there
 * (a graph that is to be swept keeps what it needs).
 */
import { atMost, boolean, callback, integer } from "../input/arguments.js";
import { DisposedError, ShapeError, TracedValueError, ValueError } from "../errors.js";
import { Hold } from "../memory/holds.js";
import { where } from "../ops/elementwise.js";
import { concat, split, stack, unstack } from "../ops/shape.js";
import { readOptions } from "../input/options.js";
import { Tensor } from "../tensor.js";
import { asTree } from "./arguments.js";
import { flatten, leavesOf, map, sameStructure, tensorsIn } from "../tree.js";
import { asTensor } from "../creation.js";
import { checkpoint } from "./custom/checkpoint.js";
import { call, type Callback, inScope, outputTensor } from "./machinery.js";
import { recorder } from "../recording.js";
import { recordedWhile } from "./recorded-while.js";
import type { GradOf, OutputOf } from "./types.js";

/**
 * Releases the state that `name` was given to replace, apart from what lives on in the new one and what is kept. A graph that needs the
 * numbers keeps them.
 */
function takeOver(name: string, old: unknown, next: unknown): void {
  const living = new Set(tensorsIn(next));
  const gone = () =>
    new DisposedError(
      `this tensor was state that ${name} took over: it was released when the next state was there. Keep its numbers with detach(), or the tensor with keep(t), before`,
    );
  for (const tensor of tensorsIn(old)) {
    if (living.has(tensor)) continue;
    if (tensor.scope instanceof Hold && !tensor.scope.kept) tensor.scope.release(gone);
    else if (!(tensor.scope instanceof Hold) && tensor.scope.alive) tensor.dispose();
  }
}

/** The state of a loop. What a turn made goes when the next turn has ended; what the user made stays. */
class State<S> {
  private made: Tensor[] = [];
  constructor(
    private readonly name: string,
    public value: S,
  ) {}

  /** `body` gives the next state, of the present one's structure, and whatever else is to live on. */
  turn<R>(body: () => [next: S, besides: R]): R {
    let fresh: Tensor[] = [];
    const [next, besides] = inScope(({ token }) => {
      const result = body();
      sameStructure(this.value, result[0], this.name);
      fresh = tensorsIn(result[0]).filter((tensor) => tensor.scope === token);
      return result;
    });
    takeOver(this.name, this.made, [next, besides]);
    // An output of this turn is not the loop's to release.
    const given = new Set(tensorsIn(besides));
    this.made = fresh.filter((tensor) => !given.has(tensor));
    this.value = next;
    return besides;
  }
}

/**
 * `for (i = lower; i < upper; i++) state = body(i, state)`; the last state. `state` is any tree of tensors; `body` returns one of the
 * same structure. A plain number in it is handed to `body` as a number: begin with `ad.tensor(0)` where it is to have methods. Old states
 * are released: keep one with `keep()` or `detach()`. Has derivatives in both modes. Throws `ValueError` for bounds that are no integers
 * and for a state of another structure.
 *
 * @example
 * const power = ad.grad((x) => ad.forLoop(0, 3, (_i, y) => y.mul(x), x))(2); // 32
 */
export function forLoop<S extends Carried>(lower: number, upper: number, body: (i: number, state: S) => S, init: S): S {
  const [from, to] = [integer("forLoop", "the lower bound", lower), integer("forLoop", "the upper bound", upper)];
  callback("forLoop", "the body", body);
  atMost("forLoop", arguments, 4);
  const state = new State("forLoop", init);
  for (let i = from; i < to; i++) state.turn(() => [call("forLoop", body, [i, state.value]) as S, null]);
  return state.value;
}

/** The state of a loop: any tree of tensors. (That it may be a tuple lets `[a, b]` be one rather than a list of unknown length.) */
// biome-ignore lint/complexity/noBannedTypes: anything but null and undefined is meant.
export type Carried = [] | {} | null | undefined;

/** Options of `whileLoop`. */
export interface WhileOptions {
  /** Throws `ValueError` when the condition still holds after so many turns. */
  maxIterations?: number;
}

/**
 * `while (condition(state)) state = body(state)`; the last state. The condition gives a boolean or a tensor of one element. Reverse mode
 * remembers the turns that were made. In a compiled function the program has the loop; its condition and its body are called once more for the
 * record. Inside vmap, and for derivatives in a compiled function, nobody can say how many turns there are: there `maxIterations` turns are
 * made, of which those count before the condition ends, and without it that is a `TracedValueError`. (A condition that still holds then is
 * not noticed.)
 */
export function whileLoop<S extends Carried>(
  condition: (state: S) => boolean | Tensor,
  body: (state: S) => S,
  init: S,
  options: WhileOptions = {},
): S {
  callback("whileLoop", "the condition", condition);
  callback("whileLoop", "the body", body);
  atMost("whileLoop", arguments, 4);
  const { maxIterations } = readOptions("whileLoop", options, ["maxIterations"]);
  const most = maxIterations === undefined ? Infinity : integer("whileLoop", "maxIterations", maxIterations, 0);
  const decide = (state: unknown) => call("whileLoop", condition, [state]);
  const advance = (state: unknown) => {
    const next: unknown = call("whileLoop", body, [state]);
    sameStructure(state, next, "whileLoop");
    return next;
  };
  const state = new State("whileLoop", init);
  for (let i = 0; ; i++) {
    let goesOn: boolean;
    try {
      goesOn = inScope(() => truth("whileLoop", decide(state.value)));
    } catch (error) {
      if (!(error instanceof TracedValueError)) throw error;
      const left = most === Infinity ? {} : { maxIterations: most - i };
      const run = (from: unknown) => whileLoop(condition, body, from as S, left);
      const written = { condition: decide, body: advance, most: most - i, run };
      const recorded = recorder === null ? undefined : recordedWhile(recorder, written, state.value);
      if (recorded !== undefined) return recorded.state as S;
      return masked(error, condition, body, state, most - i);
    }
    if (!goesOn) return state.value;
    if (i >= most)
      throw new ValueError(
        `whileLoop: the condition still holds after ${most} turns (maxIterations); allow more, or mend the condition`,
        "whileLoop",
      );
    state.turn(() => [call("whileLoop", body, [state.value]) as S, null]);
  }
}

/**
 * Where nobody can say how many turns there are (inside vmap, and in a compiled function): as many as there may be, each of which counts only where
 * the condition held so far.
 */
function masked<S>(refusal: Error, condition: (state: S) => boolean | Tensor, body: (state: S) => S, state: State<S>, turns: number): S {
  if (!Number.isFinite(turns))
    throw new TracedValueError(
      `whileLoop: the number of turns depends on numbers that a vmapped or compiled function has many of; give { maxIterations }, so that so many turns can be made of which those count that are wanted. (${refusal.message})`,
      "whileLoop",
    );
  let holds: Tensor | null = null;
  return inScope(() => {
    for (let i = 0; i < turns; i++) {
      const now = asTensor(call("whileLoop", condition, [state.value]) as Tensor | boolean).cast("bool");
      const goesOn: Tensor = holds === null ? now : holds.logicalAnd(now);
      holds = goesOn;
      state.turn(() => {
        const next: unknown = call("whileLoop", body, [state.value]);
        sameStructure(state.value, next, "whileLoop");
        return [map((after: unknown, before: unknown) => selected(goesOn, after, before), next, state.value) as S, null];
      });
    }
    return state.value;
  });
}

/** A leaf of a state after a turn that counts, or before one that does not. */
const selected = (goesOn: Tensor, after: unknown, before: unknown): unknown =>
  after instanceof Tensor || typeof after === "number" ? where(goesOn, asTensor(after as never), asTensor(before as never)) : after;

function truth(name: string, value: unknown): boolean {
  if (value instanceof Tensor) return value.item() !== 0;
  return boolean(name, "the condition", value);
}

/** Options of `scan`. */
export interface ScanOptions {
  /** The number of turns, where `xs` is null. */
  length?: number;
  /** From the last element to the first; the outputs stand where their inputs do. */
  reverse?: boolean;
  /**
   * Remember every so many-th carry only (true: every √n-th), and run what lies between again in the backward pass: the memory of a gradient
   * grows with √n, for the time of one more forward pass. Default false.
   */
  checkpoint?: boolean | number;
}

/**
 * Folds `f(carry, x) -> [carry, y]` over the first axis of the tensors in `xs`: the last carry, and the outputs `y` stacked along a new first
 * axis (null where `f` gives none). With `xs` null, `length` turns with x = null. Without a turn there is no `y` to take shapes from: null.
 * Throws `ShapeError` for xs of different first sizes, `ValueError` for a carry of another structure.
 *
 * @example
 * const [total, sums] = ad.scan((carry, x) => [carry.add(x), carry.add(x)], ad.tensor(0), [1, 2, 3]); // 6, [1, 3, 6]
 */
export function scan<C extends Carried, Xs, const Y>(
  f: (carry: C, x: OutputOf<GradOf<NoInfer<Xs>>>) => readonly [carry: C, y: Y],
  carry: C,
  xs: Xs,
  options?: ScanOptions,
): [carry: C, ys: OutputOf<Y>];
export function scan(f: Callback, carry: unknown, xs: unknown, options: ScanOptions = {}): [carry: unknown, ys: unknown] {
  callback("scan", "the function", f);
  atMost("scan", arguments, 4);
  const { length, reverse = false, checkpoint: segments = false } = readOptions("scan", options, ["length", "reverse", "checkpoint"]);
  boolean("scan", "reverse", reverse);
  const turns = typeof segments === "number" ? integer("scan", "checkpoint", segments, 1) : boolean("scan", "checkpoint", segments);
  const [leaves, rebuild] = flatten(asTree(xs ?? []));
  const tensors: Tensor[] = leaves.map((leaf: unknown) => (leaf instanceof Tensor ? leaf : asTensor(leaf as never)));
  const count = turnsOf(tensors, length);
  const element = (row: readonly Tensor[]): unknown => (xs === null || xs === undefined ? null : rebuild(row));
  const size = turns === true ? Math.ceil(Math.sqrt(count)) : turns;
  return inScope(() =>
    size === false || size >= count
      ? fold(f, carry, tensors, count, reverse, element)
      : inSegments(f, carry, tensors, count, reverse, element, size),
  );
}

/** The turns of a `scan` over the first axis of `tensors`. */
function fold(
  f: Callback,
  carry: unknown,
  tensors: readonly Tensor[],
  count: number,
  reverse: boolean,
  element: (row: readonly Tensor[]) => unknown,
): [carry: unknown, ys: unknown] {
  const rows = tensors.map((tensor) => unstack(tensor, 0));
  const state = new State("scan", carry);
  const outputs: unknown[] = new Array(count);
  for (let k = 0; k < count; k++) {
    const i = reverse ? count - 1 - k : k;
    const x = element(rows.map((row) => row[i]!));
    outputs[i] = state.turn(() => {
      const result: unknown = call("scan", f, [state.value, x]);
      if (!Array.isArray(result) || result.length !== 2)
        throw new ValueError("scan: the function must return [carry, y]; y may be null", "scan");
      return result as [unknown, unknown];
    });
    takeOver("scan", x, [state.value, outputs[i]]);
  }
  const likes = [...leavesOf(carry), ...tensors];
  const stacked = (...column: unknown[]) =>
    column[0] === null || column[0] === undefined ? null : stack(column.map((y) => outputTensor("scan", y, likes)));
  return [state.value, count === 0 ? null : map(stacked, outputs[0], ...outputs.slice(1))];
}

/**
 * The same in segments of `size` turns, of which only the carries between them are remembered; the backward pass runs each segment again
 * before it goes over it. (Griewank and Walther, Evaluating Derivatives, chapter 12: with segments of √n turns, the memory of 2 √n.)
 */
function inSegments(
  f: Callback,
  carry: unknown,
  tensors: readonly Tensor[],
  count: number,
  reverse: boolean,
  element: (row: readonly Tensor[]) => unknown,
  size: number,
): [carry: unknown, ys: unknown] {
  // The segment that is shorter than the others comes first; all are cut at once, so that their gradients are put together in one pass.
  const whole = Math.floor(count / size);
  const rest = count - whole * size;
  const pieces = tensors.map((tensor) => {
    const [first, others] = split(tensor, [rest, whole * size]) as [Tensor, Tensor];
    return [first, ...unstack(others.reshape([whole, size, ...tensor.shape.slice(1)]), 0)];
  });
  const state = new State("scan", carry);
  const outputs: unknown[] = new Array(whole + 1);
  for (let k = 0; k <= whole; k++) {
    const at = reverse ? whole - k : k;
    const length = at === 0 ? rest : size;
    if (length === 0) continue;
    let rebuild: (leaves: readonly unknown[]) => unknown = () => null;
    const segment = checkpoint(
      (carried: unknown, parts: readonly Tensor[]): unknown => {
        const [last, ys] = fold(f, carried, parts, length, reverse, element);
        const [leaves, rebuildAll] = flatten(ys);
        // Only tensors go through a checkpoint.
        rebuild = (given) => {
          let next = 0;
          return rebuildAll(leaves.map((leaf: unknown) => (leaf instanceof Tensor ? given[next++] : leaf)));
        };
        return [last, leaves.filter((leaf: unknown) => leaf instanceof Tensor)];
      },
      { determinismCheck: false },
    ) as Callback;
    outputs[at] = state.turn(() => {
      const [last, ys] = segment(
        state.value,
        pieces.map((piece) => piece[at]!),
      ) as [unknown, Tensor[]];
      return [last, rebuild(ys)];
    });
  }
  const made = outputs.filter((ys) => ys !== undefined);
  const joined = (...column: unknown[]) => (column[0] instanceof Tensor ? concat(column as Tensor[]) : column[0]);
  return [state.value, map(joined, made[0], ...made.slice(1))];
}

function turnsOf(xs: readonly Tensor[], length: number | undefined): number {
  for (const x of xs) {
    if (x.ndim === 0) throw new ShapeError("scan: a 0-d tensor in xs has no first axis to go along", "scan");
    if (x.shape[0] !== xs[0]!.shape[0])
      throw new ShapeError(`scan: tensors of ${xs[0]!.shape[0]} and ${x.shape[0]} elements in xs; the first sizes must agree`, "scan");
  }
  const given = length === undefined ? undefined : integer("scan", "length", length, 0);
  const count = xs[0]?.shape[0] ?? given;
  if (count === undefined) throw new ValueError("scan: xs is null, so the options need a length", "scan");
  if (given !== undefined && given !== count)
    throw new ValueError(`scan: length is ${given}, but xs has ${count} elements; leave length out`, "scan");
  return count;
}

/**
 * `predicate ? a(...args) : b(...args)`: a boolean, or a tensor of one element. Only the branch taken runs. Inside vmap, where the predicate
 * differs between examples, both run and `where` selects; they must then give trees of one structure. Throws `ValueError` for a predicate
 * of more than one element.
 *
 * @example
 * const slope = ad.grad((x) => ad.cond(x.gt(0), (x) => x.square(), (x) => x.neg(), x))(3); // 6
 */
export function cond<A extends unknown[], const Out>(
  predicate: boolean | Tensor,
  a: (...args: A) => Out,
  b: (...args: NoInfer<A>) => NoInfer<Out>,
  ...args: A
): Out;
export function cond(predicate: boolean | Tensor, a: Callback, b: Callback, ...args: unknown[]): unknown {
  callback("cond", "the first branch", a);
  callback("cond", "the second branch", b);
  let taken: boolean;
  try {
    taken = truth("cond", predicate);
  } catch (error) {
    if (!(error instanceof TracedValueError) || !(predicate instanceof Tensor)) throw error;
    return inScope(() => map((x: Tensor, y: Tensor) => where(predicate, x, y), call("cond", a, args), call("cond", b, args)));
  }
  return call("cond", taken ? a : b, args);
}
