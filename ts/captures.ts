/**
 * What a function closes over. While a function is watched, every tensor it uses and did not make comes by `resolve`: there it is
 * noted (first run) or replaced by the value of that run (each run after). Scopes outside are marked as not open meanwhile, so that a
 * tensor used without a watch costs nothing.
 */
import { ValueError } from "./errors.js";
import { current, type ScopeToken } from "./memory/memory.js";
import { engine, generation } from "./runtime/instance.js";
import type { Tensor } from "./tensor.js";

interface Watch {
  readonly outer: Watch | null;
  /** Tensors of scopes of this depth and below are the watched function's own. */
  readonly depth: number;
  /** The id of a tensor from outside; 0 when it cannot be used. */
  foreign(tensor: Tensor): number;
}

let innermost: Watch | null = null;

/** Whether a function is watched now. */
export const isWatched = (): boolean => innermost !== null;

/** The id of a tensor, awake, that may not be used unasked: it is closed over, or it is gone, which is 0. */
export function resolve(tensor: Tensor): number {
  return seenFrom(innermost, tensor);
}

function seenFrom(watch: Watch | null, tensor: Tensor): number {
  const usable = tensor.handle !== 0 && tensor.scope.alive;
  if (watch === null || (usable && tensor.scope.depth >= watch.depth)) return usable ? tensor.handle : 0;
  return watch.foreign(tensor);
}

/** Runs `body`, in the scope that was opened for it, under a watch. */
function watched<R>(foreign: (tensor: Tensor, outer: Watch | null) => number, body: () => R): R {
  const outer = innermost;
  const suspended: ScopeToken[] = [];
  for (let token = current.parent; token !== null; token = token.parent) {
    if (!token.open) continue;
    token.open = false;
    suspended.push(token);
  }
  innermost = { outer, depth: current.depth, foreign: (tensor) => foreign(tensor, outer) };
  try {
    return body();
  } finally {
    innermost = outer;
    for (const token of suspended) token.open = token.alive;
  }
}

/** Runs `body` and tells `note` of each use of a tensor from outside of it. */
export function watching<R>(note: (tensor: Tensor, id: number) => void, body: () => R): R {
  return watched((tensor, outer) => {
    const id = seenFrom(outer, tensor);
    if (id !== 0) note(tensor, id);
    return id;
  }, body);
}

/** A tensor from outside and an id of the root's for the value it had when it was first used. */
export interface Capture {
  readonly tensor: Tensor;
  readonly id: number;
}

/**
 * Runs `body` and adds to `captures` what it closes over, apart from `own`. The ids in it are for the caller to release, also when
 * `body` throws (`releaseCaptures`).
 */
export function noting<R>(own: readonly Tensor[], captures: Capture[], body: () => R): R {
  const known = new Set(own);
  return watched((tensor, outer) => {
    const id = seenFrom(outer, tensor);
    if (id !== 0 && !known.has(tensor)) {
      known.add(tensor);
      // The value as it is now, whatever is assigned to the tensor later. What cannot be held is refused by the op that asked.
      const held = engine.root_alias(id);
      if (held === 0) engine.clear_error();
      else captures.push({ tensor, id: held });
    }
    return id;
  }, body);
}

/** Lets go of the values held; `made` is the engine's generation when they were. */
export function releaseCaptures(captures: readonly Capture[], made: number): void {
  if (made === generation) for (const { id } of captures) engine.dispose(id);
}

/** Runs `body` again, with `values` in place of the tensors that it closed over when it was watched first. */
export function replacing<R>(name: string, values: ReadonlyMap<Tensor, Tensor>, body: () => R): R {
  return watched((tensor) => {
    const value = values.get(tensor);
    if (value !== undefined) return value.handle;
    throw new ValueError(
      `${name}: run again for the derivative, the function used a tensor that it had not used before; it must do the same each time (create parameters outside of it, change no variables it closes over)`,
      name,
    );
  }, body);
}

/** Runs `body` with `values` in place of some of the tensors that it closes over. */
export function substituting<R>(values: ReadonlyMap<Tensor, Tensor>, body: () => R): R {
  return watched((tensor, outer) => values.get(tensor)?.handle ?? seenFrom(outer, tensor), body);
}
