/**
 * Who owns tensors. A scope releases what was made inside it, apart from what it returns. Tensors of the root, outside of every
 * scope, have an owner each: see `holds.ts`.
 */
import { atMost, number } from "../input/arguments.js";
import { EscapedValueError } from "../errors.js";
import { collect, type Hold, type Reason } from "./holds.js";
import { abandonAll, tidy } from "./sweeps.js";
import { checked, engine, renew, scratch } from "../runtime/instance.js";
import { movedOutBytes } from "./spill.js";
import type { Tensor } from "../tensor.js";

/** Every tensor refers to a token, and so to this: structuredClone and postMessage throw, with this text, instead of losing the numbers. */
const UNCLONEABLE = Symbol("a tensor of adjoint cannot be cloned or posted; send its data() and shape, and make a tensor of them there");

/** One opening of a scope. A tensor whose owner is dead cannot be used any more: exact, whatever became of its id. */
export class ScopeToken {
  alive = true;
  /** Alive, and no function further in is watched for what it closes over (`captures.ts`): its tensors may be used unasked. */
  open = true;
  readonly uncloneable = UNCLONEABLE;
  /** What its tensors say when they are used too late, where "its scope ended" would not tell. */
  reason: Reason | null = null;
  /** Run when the scope ends. */
  readonly cleanups: (() => void)[] = [];
  /** The tensors made inside, where somebody has to go through them at the end: a loader's loop. */
  log: Tensor[] | null = null;
  /** Of these, what survives that end. */
  spared: Set<Tensor> | null = null;
  constructor(
    readonly parent: ScopeToken | null,
    readonly depth: number,
  ) {}
}

/** What releases a tensor: a scope all of its own, a hold one of the root's. */
export type Owner = ScopeToken | Hold;

export let root = new ScopeToken(null, 0);
/** The innermost open scope. */
export let current = root;

/** Where a transform or scope began: what an exception must return to. */
export interface Entry {
  readonly token: ScopeToken;
}

export function enter(): Entry {
  collect();
  const depth = checked(engine.scope_push());
  current = new ScopeToken(current, depth);
  return { token: current };
}

/** Run after every scope: forgetting pullbacks whose nodes went with it. */
let afterClose = (): void => {};
export function setAfterClose(run: () => void): void {
  afterClose = run;
}

function close(token: ScopeToken): void {
  const closed = current;
  const within = (t: ScopeToken | null): t is ScopeToken => t !== null && t.depth >= token.depth;
  for (let t: ScopeToken | null = closed; within(t); t = t.parent) {
    t.alive = false;
    t.open = false;
  }
  current = token.parent ?? root;
  for (let t: ScopeToken | null = closed; within(t); t = t.parent) for (const cleanup of t.cleanups) cleanup();
  afterClose();
}

/** Ends the innermost scope; those of `kept` that were made inside it move to the parent. */
function pop(token: ScopeToken, kept: readonly Tensor[]): void {
  const moved: Tensor[] = [];
  for (const tensor of kept) if (tensor.scope === token && tensor.handle !== 0) moved.push(tensor);
  if (moved.length > 0) {
    const s = scratch(moved.length);
    for (let i = 0; i < moved.length; i++) s[i] = moved[i]!.handle;
  }
  checked(engine.scope_pop(moved.length));
  close(token);
  // One that stands there twice moves once.
  for (const tensor of moved) if (tensor.scope === token) tensor.moveTo(current);
}

/** Ends the scope (and those left open inside it); the tensors of `kept` made there move to the parent. */
export function leave(entry: Entry, kept: readonly Tensor[]): void {
  // Ended already, by an outer scope or a reset.
  if (!entry.token.alive) return;
  while (current.depth > entry.token.depth) pop(current, kept);
  pop(entry.token, kept);
}

/** After a throw: closes the levels and scopes opened since. Does not throw: what is under way says more. */
export function abort(entry: Entry): void {
  if (!entry.token.alive) return;
  // An engine that is beyond tidying up says so at the next call.
  quietly(() => engine.unwind(entry.token.depth - 1));
  quietly(() => close(entry.token));
}

function quietly(run: () => void): void {
  try {
    run();
  } catch {
    // The caller has an error of his own to throw.
  }
}

/** Where the numbers of tensors are. */
export interface MemoryUse {
  /** Tensors in WebAssembly memory, those of graphs included. */
  tensors: number;
  /** Their bytes, in whole size classes. */
  bytes: number;
  /** The most bytes so far. */
  peakBytes: number;
  /**
   * Bytes of numbers that were not used for a while and lie in JavaScript's memory until they are. An estimate: buffers below 32 KB are not
   * counted, and one that became garbage is until the event loop gets a turn.
   */
  movedOutBytes: number;
}

/** What is in WebAssembly memory, and what was moved out of it. */
export function memory(): MemoryUse {
  atMost("memory", arguments, 0);
  tidy();
  checked(engine.memory_stats());
  const s = scratch();
  return { tensors: s[0]!, bytes: s[1]!, peakBytes: s[2]!, movedOutBytes };
}

/** Grows the WebAssembly memory now, so that it need not grow inside a loop. Throws `OutOfMemoryError`. */
export function reserve(bytes: number): void {
  atMost("reserve", arguments, 1);
  checked(engine.reserve(number("reserve", "the number of bytes", bytes)), "reserve");
}

/** A fresh engine, after a `PoisonedError` or between tests. All tensors made before are gone. */
export function reset(): void {
  for (let t: ScopeToken | null = current; t !== null; t = t.parent) {
    t.alive = false;
    t.open = false;
  }
  root.reason = () => new EscapedValueError("reset() made a fresh engine since this tensor was made; the tensors of the old one are gone");
  abandonAll();
  renew();
  root = new ScopeToken(null, 0);
  current = root;
}
