/** A recorded run in the engine, and what each replay has to look up for it. */
import { seedAhead, advanceDraws } from "../random/state.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import type { LiveUpdate } from "../recording.js";
import type { Place, Recorded } from "../inspect/record.js";
import { parametersChanged } from "../memory/steps.js";
import { Replay } from "../runtime/boundary.js";
import { decodeUtf8 } from "../runtime/utf8.js";
import { bytes, checked, engine, failure, generation, heap, pass, scratch } from "../runtime/instance.js";
import { idOf, made, madeOutside, Tensor } from "../tensor.js";
import { DTYPES, isFloat, sizeOf } from "../dtype.js";
import { Hold } from "../memory/holds.js";
import { current, root } from "../memory/memory.js";
import { numbersOutside, outsideFrom } from "../memory/spill.js";

import type { ProgramStats, Stage } from "./index.js";
import { canEmit, link, unlink } from "./link.js";

const NAME = "compile";
const NO_KEYS: Tensor[] = [];

/** An argument as a program takes it. */
export type Leaf = Tensor | number;

/** An argument or a result that is a few numbers: where the program reads or writes them, seen in the heap of its dtype. */
interface Few {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly count: number;
  /** The position of the first. */
  readonly from: number;
  /** As a tensor that was moved out has it. */
  readonly layout: Float64Array;
}

/** Reads `length` descriptions of what may be a few numbers; null for what must be a tensor. */
function readFew(name: string, program: number, length: number): (Few | null)[] {
  checked(engine.program_boundary(program), name);
  const s = scratch();
  let next = 0;
  return Array.from({ length }, () => {
    const [address, dtype, rank] = [s[next]!, s[next + 1]!, s[next + 2]!];
    const shape = Object.freeze(Array.from(s.subarray(next + 3, next + 3 + rank)));
    next += 3 + rank;
    if (address === 0) return null;
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
    const count = shape.reduce((product, size) => product * size, 1);
    const layout = Float64Array.of(dtype, rank, ...shape, ...strides, 0);
    return { dtype, shape, count, from: address / sizeOf(DTYPES[dtype]!), layout };
  });
}

/** Writes an argument where the program reads it; whether it could be. */
function write(leaf: Leaf, { dtype, from, count, layout }: Few): boolean {
  if (typeof leaf === "number") {
    if (layout[1] !== 0 || !isFloat(DTYPES[dtype]!)) return false;
    heap(dtype)[from] = leaf;
    return true;
  }
  const owner = leaf.scope;
  const numbers = owner instanceof Hold && owner.readable ? numbersOutside(owner.out!, layout) : null;
  if (numbers === null) return false;
  const there = heap(dtype);
  if (typeof numbers === "number") there[from] = numbers;
  else for (let i = 0; i < count; i++) there[from + i] = numbers[i]!;
  return true;
}

/** A result, read where the program wrote it. */
function read({ dtype, shape, from, count, layout }: Few): Tensor {
  const there = heap(dtype);
  if (layout[1] === 0) return madeOutside(outsideFrom(there[from]!, layout), shape, DTYPES[dtype]!);
  // A plain array: so few elements are there sooner than the buffer of a typed one.
  const numbers = new Array<number>(count);
  for (let i = 0; i < count; i++) numbers[i] = there[from + i]!;
  return madeOutside(outsideFrom(numbers, layout), shape, DTYPES[dtype]!);
}

/** Why a program did not run. */
export type Refusal = Replay.Other | Replay.Derivatives;

export class CompiledProgram {
  private readonly generation = generation;
  private readonly places: readonly Place[];
  private readonly draws: readonly number[];
  private readonly drawn: number;
  private readonly updates: readonly LiveUpdate[];
  /** How many updates of the same parameter come before each of them. */
  private readonly ahead: readonly number[];
  private readonly guards: readonly (() => boolean)[];
  private readonly rebuild: (outputs: readonly unknown[]) => unknown;
  /** Arguments and results that are a few numbers. */
  private readonly inputs: readonly (Few | null)[];
  private readonly outputs: readonly (Few | null)[];
  private readonly allFew: boolean;
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
    const seen = new Map<object, number>();
    this.ahead = recorded.updates.map(({ of }) => {
      const before = seen.get(of) ?? 0;
      seen.set(of, before + 1);
      return before;
    });
    this.guards = recorded.guards;
    this.rebuild = recorded.rebuild;
    const few = readFew(NAME, number, inputs.length + outputs.length);
    this.inputs = few.slice(0, inputs.length);
    this.outputs = few.slice(inputs.length);
    this.allFew = !this.outputs.includes(null);
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
    const isOutside = current === root;
    let outcome: Replay;
    try {
      // Ids are asked for before anything is written: that may move tensors.
      let next = 0;
      for (let i = 0; i < leaves.length; i++) {
        const leaf = leaves[i]!;
        const few = this.inputs[i]!;
        if (few !== null && write(leaf, few)) numbers[next++] = 0;
        else if (typeof leaf !== "number") numbers[next++] = idOf(leaf);
        else if (few === null) numbers[next++] = 0;
        else return Replay.Other;
      }
      for (let i = 0; i < keys.length; i++) numbers[next++] = idOf(keys[i]!);
      for (let i = 0; i < places.length; i++) {
        const tensor = places[i]!.find();
        if (tensor === undefined) return Replay.Other;
        numbers[next++] = idOf(tensor);
      }
      for (let i = 0; i < updates.length; i++) {
        const values = updates[i]!.values(this.ahead[i]!);
        for (let k = 0; k < values.length; k++) numbers[next++] = values[k]!;
      }
      const s = scratch(next);
      for (let i = 0; i < next; i++) s[i] = numbers[i]!;
      // In a scope or transform a result has an owner that releases it with others: there it is a value of the engine's.
      outcome = engine.program_run(this.number, isOutside ? 0 : 1) as Replay;
      if (outcome === Replay.Failed) throw failure(NAME);
      if (outcome !== Replay.Done) return outcome;
    } finally {
      for (let i = 0; i < keys.length; i++) keys[i]!.dispose();
    }
    const results: Tensor[] = [];
    const { outputs } = this;
    if (!isOutside || !this.allFew) {
      const ids = scratch(outputs.length);
      for (let i = 0; i < outputs.length; i++) numbers[i] = ids[i]!;
    }
    for (let i = 0; i < outputs.length; i++) {
      const few = outputs[i]!;
      results.push(isOutside && few !== null ? read(few) : made(numbers[i]!));
    }
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
