import type { Tensor } from "./tensor.js";

/**
 * Plain numbers that were read out of tensors by operators. `x * x` on a tensor gives a number, and its derivative is gone; the language
 * does not let a tensor see whether it was multiplied or compared. So a transform compares the count before and after the user's function:
 * when a tracked tensor was converted and a plain number came back, the function is refused.
 */

/** How often a tensor of an open transform was converted by an operator, `Math.f(x)` or `Number(x)`. Not by `item()`. */
export let conversions = 0;

export function noteConversion(): void {
  conversions++;
}

/** How often numbers were read out of a tensor in any way: `item()`, `data()`, `toArray()` and conversions. */
export let reads = 0;

/** Called with each tensor whose numbers are read, while a run is watched. */
let visit: ((x: Tensor) => void) | null = null;

/** The numbers of `x` are about to be read. */
export function noteRead(x: Tensor): void {
  reads++;
  if (visit !== null) visit(x);
}

/**
 * Runs `body` and tells `visitor`, and whoever watches already, of every tensor read meanwhile: a recorded run holds for the branch only
 * that was taken by them, and what a rule computes from them is a constant.
 */
export function watchingReads<R>(visitor: (x: Tensor) => void, body: () => R): R {
  const before = visit;
  visit =
    before === null
      ? visitor
      : (x) => {
          before(x);
          visitor(x);
        };
  try {
    return body();
  } finally {
    visit = before;
  }
}
