/** Who wants to know when the numbers of a tensor are read: a recorded run holds for the branch only that was taken by them. */
import type { Tensor } from "../tensor.js";

/** Called with each tensor that is read, while a run is watched. */
export let onRead: ((x: Tensor) => void) | null = null;

/** Runs `body` and tells `visit` of every tensor read meanwhile. */
export function watchingReads<R>(visit: (x: Tensor) => void, body: () => R): R {
  const before = onRead;
  onRead = visit;
  try {
    return body();
  } finally {
    onRead = before;
  }
}
