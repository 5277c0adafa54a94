/**
 * The implicit generator: what draws without a key, the initialisers and `dropout` take their keys from. Its state is a seed and
 * the number of keys handed out, so that saving, restoring and running something again with the same draws cost nothing.
 */
import { atMost } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { recorder } from "../recording.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, type Tensor } from "../tensor.js";
import { apply } from "../ops/apply.js";
import { inScope } from "../transforms/machinery.js";

/** Where the implicit generator stands; plain data, to be kept as JSON. */
export interface GeneratorState {
  /** As given to `manualSeed`. */
  readonly seed: number;
  /** Keys handed out since. */
  readonly draws: number;
}

/** What a draw without a key does inside vmap: nothing is assumed, each example has numbers of its own, or all have the same. */
export type Randomness = "error" | "different" | "same";

/** An open vmap, as draws see it. */
export interface Examples {
  /** The batch level on which the examples lie now: a custom rule may move them to a fresh one for a while. */
  level: number;
  readonly size: number;
  readonly randomness: Randomness;
}

/** All that the next implicit draw depends on. */
export interface DrawPoint {
  readonly state: GeneratorState;
  /** The open vmaps, outermost first. */
  readonly maps: readonly Examples[];
  /** Another number whenever the generator is put somewhere. */
  readonly seeding: number;
}

let point: DrawPoint = { state: { seed: 0, draws: 0 }, maps: [], seeding: 0 };
let seedings = 0;

/** Seeds the implicit generator: draws without a key, the initialisers and `dropout` of nn. Any integer up to 2^53. */
export function manualSeed(seed: number): void {
  atMost("manualSeed", arguments, 1);
  if (!Number.isSafeInteger(seed)) throw new ValueError(`manualSeed: ${describe(seed)} is not an integer below 2^53`, "manualSeed");
  point = { ...point, state: { seed, draws: 0 }, seeding: ++seedings };
}

/** Where the implicit generator stands: `setState` of it makes all later draws come out again. */
export function getState(): GeneratorState {
  atMost("random.getState", arguments, 0);
  return { ...point.state };
}

/** Puts the implicit generator where `getState` found it. Throws `ValueError` for anything else. */
export function setState(saved: GeneratorState): void {
  atMost("random.setState", arguments, 1);
  const { seed, draws } = (saved ?? {}) as Partial<GeneratorState>;
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(draws) || draws! < 0) {
    throw new ValueError("random.setState: expected what random.getState() returned, { seed, draws } with integers", "random.setState");
  }
  point = { ...point, state: { seed: seed!, draws: draws! }, seeding: ++seedings };
}

/** Where draws stand now, for `withSameDraws`. */
export function drawPoint(): DrawPoint {
  return point;
}

/**
 * Runs `body` with the draws that began at `from`, and goes on afterwards as if it had not run: for transforms that call a
 * function a second time, which has to be the same function.
 */
export function withSameDraws<R>(from: DrawPoint, body: () => R): R {
  const before = point;
  point = from;
  try {
    return body();
  } finally {
    point = before;
  }
}

/** Runs `body` as part of a vmap over `examples`. */
export function withExamples<R>(examples: Examples, body: () => R): R {
  const { maps } = point;
  // Field by field: copying the rest of an object costs as much as a few ops, and every vmap comes by.
  point = { state: point.state, maps: [...maps, examples], seeding: point.seeding };
  try {
    return body();
  } finally {
    point = { state: point.state, maps, seeding: point.seeding };
  }
}

/** Which vmap the batch level `level` belongs to, if draws know of it. */
export function examplesOf(level: number): Examples | undefined {
  return point.maps.find((examples) => examples.level === level);
}

/** Runs `body` while the examples of a vmap lie on another batch level. */
export function onLevel<R>(examples: Examples | undefined, level: number, body: () => R): R {
  if (examples === undefined) return body();
  const before = examples.level;
  examples.level = level;
  try {
    return body();
  } finally {
    examples.level = before;
  }
}

/** Seed and position as the numbers that are hashed for a key. */
function seedOf({ seed, draws }: GeneratorState): Tensor {
  const mixed = Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1) ^ (seed | 0);
  return tensor(Int32Array.of(mixed, draws | 0));
}

/** What the key `ahead` places further on will be made of: for a recorded program, whose draws go on from where the generator stands. */
export function seedAhead(ahead: number): Tensor {
  return seedOf({ seed: point.state.seed, draws: point.state.draws + ahead });
}

/** Goes on as if so many keys had been drawn. */
export function advanceDraws(count: number): void {
  point = { ...point, state: { seed: point.state.seed, draws: point.state.draws + count } };
}

/** The next key of the implicit sequence, seed and position hashed once, for the function `name`; inside vmap one per example if so chosen. */
export function nextKey(name: string): Tensor {
  const { state, maps } = point;
  if (maps.some((examples) => examples.randomness === "error")) {
    throw new ValueError(
      `${name}: inside vmap a draw without a key is either the same for all examples or different for each, and one has to say which: vmap(f, { randomness: "different" }) or { randomness: "same" }; or pass a key per example, from random.split`,
      name,
    );
  }
  point = { ...point, state: { seed: state.seed, draws: state.draws + 1 } };
  return inScope(() => {
    const seed = seedOf(state);
    recorder?.key(seed, state.draws, point.seeding);
    let key = apply("randomSplit", [seed], [1]).at(0);
    for (const { level, size, randomness } of maps) {
      if (randomness === "different") key = made(checked(engine.batch(level, idOf(apply("randomSplit", [key], [size])), 0), name));
    }
    return key;
  });
}
