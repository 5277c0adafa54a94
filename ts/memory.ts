/**
 * Who owns tensors. A scope releases what was made inside it, apart from what it returns; tensors of the root live until
 * `dispose()`, `using`, or, as a safety net, until the garbage collector finds their JavaScript object unreachable.
 */
import { number } from "./arguments.js";
import { ValueError } from "./errors.js";
import { checked, engine, generation, pass, renew, scratch } from "./runtime/instance.js";
import type { Tensor } from "./tensor.js";
import { leavesOf } from "./tree.js";

/** Every tensor refers to a token, and so to this: structuredClone and postMessage throw, with this text, instead of losing the numbers. */
const UNCLONEABLE = Symbol("a tensor of adjoint cannot be cloned or posted; send its data() and shape, and make a tensor of them there");

/** One opening of a scope. A tensor whose token is dead cannot be used any more: exact, whatever became of its id. */
export class ScopeToken {
  alive = true;
  /** Alive, and no function further in is watched for what it closes over (`captures.ts`): its tensors may be used unasked. */
  open = true;
  readonly uncloneable = UNCLONEABLE;
  /** Run when the scope ends. */
  readonly cleanups: (() => void)[] = [];
  constructor(
    readonly parent: ScopeToken | null,
    readonly depth: number,
  ) {}
}

/** What the finalizer is given: shared with the tensor, so that a disposed tensor is not disposed again. */
export interface Cell {
  id: number;
}

export let root = new ScopeToken(null, 0);
/** The innermost open scope. */
export let current = root;

/** Ids of unreachable tensors, released at the next call: a finalizer may run at any awkward moment. */
let unreachable: number[] = [];

const registry = new FinalizationRegistry<{ cell: Cell; generation: number }>(({ cell, generation: made }) => {
  if (cell.id !== 0 && made === generation) unreachable.push(cell.id);
});

/** Releases what the garbage collector found. */
export function collect(): void {
  if (unreachable.length === 0) return;
  const ids = unreachable;
  unreachable = [];
  for (const id of ids) engine.dispose(id);
}

/** Puts a tensor of the root under the finalizer's eyes. */
export function watch(tensor: Tensor, id: number): Cell {
  if (unreachable.length > 0) collect();
  const cell = { id };
  registry.register(tensor, { cell, generation });
  return cell;
}

/** Where a transform or scope began: what an exception must return to. */
export interface Entry {
  readonly token: ScopeToken;
  readonly level: number;
}

export function enter(): Entry {
  if (unreachable.length > 0) collect();
  const level = engine.level_depth();
  const depth = engine.scope_push();
  current = new ScopeToken(current, depth);
  return { token: current, level };
}

/** Run after every scope: forgetting pullbacks whose nodes went with it. */
let afterClose = (): void => {};
export function setAfterClose(run: () => void): void {
  afterClose = run;
}

function close(token: ScopeToken): void {
  for (let t: ScopeToken | null = current; t !== null && t.depth >= token.depth; t = t.parent) {
    t.alive = false;
    t.open = false;
    for (const cleanup of t.cleanups) cleanup();
  }
  current = token.parent ?? root;
  afterClose();
}

/** Ends the scope; the tensors of `kept` made inside it move to the parent. */
export function leave(entry: Entry, kept: Iterable<Tensor>): void {
  const moved = [...new Set(kept)].filter((tensor) => tensor.scope === entry.token && tensor.handle !== 0);
  pass(moved.map((tensor) => tensor.handle));
  checked(engine.scope_pop(moved.length));
  close(entry.token);
  for (const tensor of moved) tensor.moveTo(current);
}

/** After a throw: closes the levels and scopes opened since. */
export function abort(entry: Entry): void {
  try {
    engine.unwind(entry.level, entry.token.depth - 1);
  } finally {
    close(entry.token);
  }
}

/**
 * Runs `fn` and releases every tensor made inside it, apart from those in what it returns (a tensor, or arrays and plain
 * objects of tensors). Synchronous only: an async function would go on after its scope has ended.
 */
export function scope<R>(fn: () => R): R {
  const entry = enter();
  try {
    const result = fn();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new ValueError("scope: the function returned a promise; a scope ends when its function returns, so await outside of it", "scope");
    }
    leave(entry, leavesOf(result));
    return result;
  } catch (error) {
    abort(entry);
    throw error;
  }
}

/** What is alive: tensors, their bytes (in whole size classes) and the most bytes so far. */
export function memory(): { tensors: number; bytes: number; peakBytes: number } {
  collect();
  checked(engine.memory_stats());
  const s = scratch();
  return { tensors: s[0]!, bytes: s[1]!, peakBytes: s[2]! };
}

/** Grows the WebAssembly memory now, so that it need not grow inside a loop. Throws `OutOfMemoryError`. */
export function reserve(bytes: number): void {
  checked(engine.reserve(number("reserve", "the number of bytes", bytes)), "reserve");
}

/** A fresh engine, after a `PoisonedError` or between tests. All tensors made before are gone. */
export function reset(): void {
  for (let t: ScopeToken | null = current; t !== null; t = t.parent) {
    t.alive = false;
    t.open = false;
  }
  unreachable = [];
  renew();
  root = new ScopeToken(null, 0);
  current = root;
}
