/**
 * What whoever records a run (`inspect/record.ts`) has to be told beyond what the engine sees: which tensor the state of an optimizer is,
 * what its next step would pass, which numbers are random keys. The engine records the ops and the writes themselves.
 */
import type { Tensor } from "./tensor.js";

/** State that outlives the recorded function, found anew whenever it is asked for: loading a saved state puts other tensors in its place. */
export interface StateOf {
  readonly tensor: Tensor;
  /** The parameter it belongs to, and what part of its state it is. */
  readonly parameter: Tensor;
  readonly part: string;
  find(): Tensor | undefined;
}

/** An update that was recorded, as its optimizer would do it next. */
export interface LiveUpdate {
  /** The optimizer's name. */
  readonly name: string;
  /** How many slots for state the update has, and which of them are in use. */
  readonly slots: readonly boolean[];
  /** The parameter. */
  readonly of: object;
  /** The options in the engine's order, as they are when the run has taken `ahead` steps of it already: rates may have changed, counts gone on. */
  values(ahead: number): readonly number[];
  /** The step was taken. */
  taken(): void;
  /** Whether the next step uses the same state. */
  fits(): boolean;
}

export interface Recorder {
  /** The run becomes a program that is run again, on other numbers. */
  readonly strict: boolean;
  /** These are written to. */
  state(parts: readonly StateOf[]): void;
  updated(update: LiveUpdate): void;
  /** The numbers of a key of the implicit generator, `draws` keys after its seed; `seeding` changes with every new seed. */
  key(seed: Tensor, draws: number, seeding: number): void;
  /**
   * The run depends on plain JavaScript that may be different next time; `holds` tells whether it is as it was. `what` names it, once for
   * all its uses.
   */
  guard(what: object, holds: () => boolean): void;
  /** Runs `body` while the engine records nothing: numbers may be read, and nothing may be written. */
  unrecorded<R>(body: () => R): R;
  /** Whether keys were drawn from the implicit generator while `body` ran. */
  draws(body: () => void): boolean;
  /** An argument is about to be checked by its numbers. */
  checked(x: Tensor): void;
}

/** Null unless a run is being recorded. */
export let recorder: Recorder | null = null;

/** Runs `body` under a recorder. */
export function recordedBy<R>(by: Recorder, body: () => R): R {
  const before = recorder;
  recorder = by;
  try {
    return body();
  } finally {
    recorder = before;
  }
}
