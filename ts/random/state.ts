/**
 * The implicit generator: what draws without a key, the initialisers and `dropout` take their keys from. Its state is a seed and
 * the number of keys handed out, so that saving, restoring and running something again with the same draws cost nothing.
 */
import { tensor } from "../creation.js";
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { apply } from "../ops/apply.js";
import { inScope } from "../transforms/machinery.js";

/** Where the implicit generator stands; plain data, to be kept as JSON. */
export interface GeneratorState {
  /** As given to `manualSeed`. */
  readonly seed: number;
  /** Keys handed out since. */
  readonly draws: number;
}

let state: GeneratorState = { seed: 0, draws: 0 };

/** Seeds the implicit generator: draws without a key, the initialisers and `dropout` of nn. Any integer up to 2^53. */
export function manualSeed(seed: number): void {
  if (!Number.isSafeInteger(seed)) throw new ValueError(`manualSeed: ${String(seed)} is not an integer below 2^53`, "manualSeed");
  state = { seed, draws: 0 };
}

/** Where the implicit generator stands: `setState` of it makes all later draws come out again. */
export function getState(): GeneratorState {
  return { ...state };
}

/** Puts the implicit generator where `getState` found it. Throws `ValueError` for anything else. */
export function setState(saved: GeneratorState): void {
  const { seed, draws } = (saved ?? {}) as Partial<GeneratorState>;
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(draws) || draws! < 0) {
    throw new ValueError("random.setState: expected what random.getState() returned, { seed, draws } with integers", "random.setState");
  }
  state = { seed: seed!, draws: draws! };
}

/**
 * Runs `body` with the draws that began at `from`, and goes on afterwards as if it had not run: for transforms that call a
 * function a second time, which has to be the same function.
 */
export function withSameDraws<R>(from: GeneratorState, body: () => R): R {
  const before = state;
  state = from;
  try {
    return body();
  } finally {
    state = before;
  }
}

/** The next key of the implicit sequence: seed and position, hashed once. */
export function nextKey(): Tensor {
  const { seed, draws } = state;
  state = { seed, draws: draws + 1 };
  return inScope(() => {
    const mixed = Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1) ^ (seed | 0);
    return apply("randomSplit", [tensor(Int32Array.of(mixed, draws | 0))], [1]).at(0);
  });
}
