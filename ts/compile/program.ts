/** A recorded run in the engine, and what each replay has to look up for it. */
import { seedAhead, advanceDraws } from "../random/state.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import type { LiveUpdate } from "../recording.js";
import type { Place, Recorded } from "../inspect/record.js";
import { parametersChanged } from "../memory/steps.js";
import { Replay } from "../runtime/boundary.js";
import { decodeUtf8 } from "../runtime/utf8.js";
import { bytes, checked, engine, failure, generation, pass, scratch } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";

import type { ProgramStats, Stage } from "./index.js";
import { canEmit, link, unlink } from "./link.js";

const NAME = "compile";
const NO_KEYS: Tensor[] = [];

/** An argument as a program takes it. */
export type Leaf = Tensor | number;

/** Why a program did not run. */
export type Refusal = Replay.Other | Replay.Derivatives;

export class CompiledProgram {
  private readonly generation = generation;
  private readonly places: readonly Place[];
  private readonly draws: readonly number[];
  private readonly drawn: number;
  private readonly updates: readonly LiveUpdate[];
  private readonly guards: readonly (() => boolean)[];
  private readonly rebuild: (outputs: readonly unknown[]) => unknown;
  private readonly outputs: number;
  /** The result is a tensor, and nothing else. */
  private readonly isSingle: boolean;
  /** What a run passes, used again. */
  private readonly numbers: number[] = [];
  private readonly number: number;
  /** Where its emitted functions stand in the engine's table. */
  private readonly linked: readonly number[];
  /** One object for all its steps: see `parametersChanged`. */
  private readonly turns = {};

  /** Compiles a record that has ended and is not freed. */
  constructor(recorded: Recorded, listed: boolean) {
    const { inputs, keys, outputs, places } = recorded;
    const compiled = (emitted: boolean) => checked(engine.program_compile(listed ? 1 : 0, emitted ? 1 : 0), NAME);
    const given = () =>
      pass(
        [inputs.length, keys.length, outputs.length, places.length],
        [
          ...inputs,
          ...keys.map((key) => key.variable),
          ...outputs,
          ...places.flatMap((place) => [place.id, place.before, place.after, place.gradientBefore, place.gradientAfter]),
        ],
      );
    given();
    let number = compiled(canEmit());
    let linked = link(number);
    if (linked === null) {
      engine.program_free(number);
      given();
      number = compiled(false);
      linked = [];
    }
    this.number = number;
    this.linked = linked;
    this.places = places;
    this.draws = keys.map((key) => key.draw);
    this.drawn = recorded.draws;
    this.updates = recorded.updates;
    this.guards = recorded.guards;
    this.rebuild = recorded.rebuild;
    this.outputs = outputs.length;
    this.isSingle = recorded.isSingle;
  }

  /** Whether the engine it was made for is there, and plain JavaScript is as it was when it was recorded. */
  get fits(): boolean {
    for (const holds of this.guards) if (!holds()) return false;
    for (const update of this.updates) if (!update.fits()) return false;
    return this.isThere;
  }

  get isThere(): boolean {
    return this.generation === generation;
  }

  /** Runs it; `Other` when it is for other arguments, `Derivatives` when these have some. */
  run(leaves: readonly Leaf[]): Refusal | { readonly result: unknown } {
    const { places, draws, updates, numbers } = this;
    const keys: Tensor[] = draws.length === 0 ? NO_KEYS : draws.map(seedAhead);
    try {
      // Ids are asked for before anything is written: that may move tensors.
      let next = 0;
      for (let i = 0; i < leaves.length; i++) {
        const leaf = leaves[i]!;
        const isNumber = typeof leaf === "number";
        numbers[next++] = isNumber ? 0 : idOf(leaf);
        numbers[next++] = isNumber ? leaf : 0;
      }
      for (let i = 0; i < keys.length; i++) numbers[next++] = idOf(keys[i]!);
      for (let i = 0; i < places.length; i++) {
        const tensor = places[i]!.find();
        if (tensor === undefined) return Replay.Other;
        numbers[next++] = idOf(tensor);
      }
      for (let i = 0; i < updates.length; i++) {
        const values = updates[i]!.values();
        for (let k = 0; k < values.length; k++) numbers[next++] = values[k]!;
      }
      const s = scratch(next);
      for (let i = 0; i < next; i++) s[i] = numbers[i]!;
      const outcome = engine.program_run(this.number) as Replay;
      if (outcome === Replay.Failed) throw failure(NAME);
      if (outcome !== Replay.Done) return outcome;
    } finally {
      for (let i = 0; i < keys.length; i++) keys[i]!.dispose();
    }
    const ids = scratch(this.outputs);
    const results: Tensor[] = [];
    for (let i = 0; i < this.outputs; i++) numbers[i] = ids[i]!;
    for (let i = 0; i < this.outputs; i++) results.push(made(numbers[i]!));
    for (let i = 0; i < updates.length; i++) updates[i]!.taken();
    if (this.drawn > 0) advanceDraws(this.drawn);
    if (updates.length > 0) parametersChanged(this.turns);
    return { result: this.isSingle ? results[0] : this.rebuild(results) };
  }

  stats(): ProgramStats {
    checked(engine.program_stats(this.number), NAME);
    const [instructions, arenaBytes, groups, flops, bytesMoved] = scratch();
    return { instructions: instructions!, arenaBytes: arenaBytes!, groups: groups!, flops: flops!, bytesMoved: bytesMoved! };
  }

  /** What it was after each pass, if that was listed. */
  stages(): Stage[] {
    const stages: Stage[] = [];
    for (let stage = 0; ; stage++) {
      const length = engine.program_text(this.number, stage);
      if (length === 0) return stages;
      const [name, ...lines] = decodeUtf8(bytes(engine.program_text_pointer(), length)).split("\n");
      stages.push({ name: name!, text: lines.join("\n") });
    }
  }

  free(): void {
    if (!this.isThere) return;
    engine.program_free(this.number);
    unlink(this.linked);
  }
}

/** A leaf of an argument, as a program takes it. */
export function asLeaf(leaf: unknown): Leaf {
  if (leaf instanceof Tensor || typeof leaf === "number") return leaf;
  throw new ValueError(
    `${NAME}: an argument is or holds ${describe(leaf)}; expected tensors or numbers. What stays the same is named by { static: [position] }`,
    NAME,
  );
}
