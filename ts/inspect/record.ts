/**
 * Recording a run. The engine notes every op below all transforms and every write; here is what only TypeScript knows: which tensors are
 * parameters and state, which numbers are random keys, what was read. `trace` makes a program of it, and `compile` is to do the same: it is
 * the reason for `strict`, in which reading a number that the next run may find different is refused.
 */
import { watching } from "../captures.js";
import { watchingReads } from "../conversions.js";
import { asTensor } from "../creation.js";
import { TracedValueError, ValueError } from "../errors.js";
import { Hold } from "../memory/holds.js";
import { knownName } from "../names.js";
import { drawPoint, type GeneratorState } from "../random/state.js";
import { recordedBy, type LiveUpdate, type Recorder, type StateOf } from "../recording.js";
import { Action, Dependence, MetaFlag } from "../runtime/boundary.js";
import { checked, engine, scratch } from "../runtime/instance.js";
import { idOf, Tensor } from "../tensor.js";
import { call, outputTensor, type Callback } from "../transforms/machinery.js";
import { flatten, isBranch } from "../tree.js";
import { current } from "../memory/memory.js";
import { serial } from "../memory/sweeps.js";
import { userLine } from "./line.js";

/** A tensor that lives on after the run, by the variables that it holds before and after; 0 for no gradient. */
export interface Place {
  readonly name: string | undefined;
  /** Of the state of an optimizer: the parameter it belongs to, if that lives on too, and what part it is. */
  readonly owner?: { readonly parameter: Place | undefined; readonly part: string };
  /** Whether it is a parameter, or the state of an optimizer; else it is state if it is written to. */
  readonly kind: "parameter" | "state" | "captured";
  find(): Tensor | undefined;
  /** The engine's id while the run was recorded. */
  readonly id: number;
  readonly before: number;
  readonly gradientBefore: number;
  after: number;
  gradientAfter: number;
}

/** A random key of the implicit generator. */
export interface Key {
  readonly variable: number;
  /** Counted from where the generator stood when the run began. */
  readonly draw: number;
}

/** An instruction by the ids of its variables. */
export interface RawInstruction {
  readonly action: Action;
  /** Of the op or update. */
  readonly number: number;
  /** The tensor that is written to. */
  readonly target: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly parameters: readonly number[];
  /** Of an update. */
  readonly live?: LiveUpdate;
}

/** A run as it was recorded. The values are there until `engine.record_free()`. */
export interface Recorded {
  readonly inputs: readonly number[];
  readonly instructions: readonly RawInstruction[];
  /** Of the updates among them, in their order. */
  readonly updates: readonly LiveUpdate[];
  /** Whether plain JavaScript that the run depends on is as it was. */
  readonly guards: readonly (() => boolean)[];
  /** What the function returned, leaf by leaf: the tensors among them, and these as plain values. */
  readonly results: readonly Tensor[];
  readonly plain: readonly Tensor[];
  readonly outputs: readonly number[];
  readonly places: readonly Place[];
  readonly keys: readonly Key[];
  /** Keys taken from the implicit generator. */
  readonly draws: number;
  /** Numbers were read that depend on the inputs. */
  readonly branched: boolean;
  /** The line that read a number which the next run may find different, if one did. */
  readonly reader: string | null;
  /** It returned a tensor, and nothing around it. */
  readonly isSingle: boolean;
  /** What the function returned, with other values in place of the outputs. */
  rebuild(outputs: readonly unknown[]): unknown;
}

interface Read {
  readonly variable: number;
  readonly line: string;
}

class Recording implements Recorder {
  readonly places = new Map<Tensor, Place>();
  readonly keys = new Map<number, Key>();
  readonly updates: LiveUpdate[] = [];
  readonly guards = new Map<object, () => boolean>();
  branched = false;
  reader: string | null = null;
  /** Of numbers that depended on nothing when they were read. */
  readonly earlyReads: Read[] = [];
  readonly point = drawPoint();
  private readonly began = serial;
  private readonly depth = current.depth;

  constructor(
    private readonly name: string,
    readonly strict: boolean,
  ) {}

  /** A tensor from outside of the recorded function is about to be used. */
  captured(tensor: Tensor, id: number): void {
    const existed = tensor.scope instanceof Hold ? tensor.scope.serial <= this.began : tensor.scope.depth < this.depth;
    if (existed && !this.places.has(tensor)) this.add(tensor, id);
  }

  state(parts: readonly StateOf[]): void {
    for (const part of parts) this.add(part.tensor, part.tensor.handle, part);
  }

  private add(tensor: Tensor, id: number, state?: StateOf): void {
    const before = engine.record_place(id);
    // A result of a graph outside, or a value of a transform: nobody can write to it.
    if (before === 0) return engine.clear_error();
    const known = this.places.get(tensor);
    const leaf = MetaFlag.RequiresGrad | MetaFlag.Leaf;
    checked(engine.meta(id), this.name);
    const isParameter = (scratch()[1]! & leaf) === leaf;
    let gradientBefore = known?.gradientBefore ?? 0;
    if (isParameter && known === undefined) {
      checked(engine.record_gradient(id), this.name);
      gradientBefore = scratch()[0]!;
    }
    const kind = isParameter ? "parameter" : state === undefined ? "captured" : "state";
    if (kind !== "captured") engine.record_mark(before, Dependence.State);
    if (gradientBefore !== 0) engine.record_mark(gradientBefore, Dependence.State);
    this.places.set(tensor, {
      name: knownName(tensor),
      ...(state === undefined ? {} : { owner: { parameter: this.places.get(state.parameter), part: state.part } }),
      kind,
      find: state === undefined ? () => tensor : () => state.find(),
      id,
      before: known?.before ?? before,
      gradientBefore,
      after: before,
      gradientAfter: gradientBefore,
    });
  }

  /** The engine records nothing for the moment. */
  private paused = false;

  unrecorded<R>(body: () => R): R {
    this.paused = true;
    try {
      return body();
    } finally {
      this.paused = false;
    }
  }

  draws(body: () => void): boolean {
    const before = this.keys.size;
    body();
    return this.keys.size > before;
  }

  updated(update: LiveUpdate): void {
    if (this.paused)
      throw new ValueError(
        `${this.name}: an optimizer is stepped in the body of a whileLoop, where the number of turns depends on numbers; step outside of it, or use forLoop`,
        this.name,
      );
    this.updates.push(update);
  }

  guard(what: object, holds: () => boolean): void {
    if (!this.guards.has(what)) this.guards.set(what, holds);
  }

  key(seed: Tensor, draws: number, seeding: number): void {
    // Seeded inside, the function draws the same numbers in every run.
    if (seeding !== this.point.seeding) return;
    const variable = checked(engine.record_variable(idOf(seed)), this.name);
    engine.record_mark(variable, Dependence.State);
    this.keys.set(variable, { variable, draw: draws - this.point.state.draws });
  }

  /** The numbers of `x` are about to be read. */
  read(x: Tensor, isCheck = false): void {
    if (this.paused) return;
    const flags = checked(engine.record_dependence(idOf(x)), this.name);
    if (flags === Dependence.Known) {
      this.earlyReads.push({ variable: checked(engine.record_variable(idOf(x)), this.name), line: this.strict ? userLine() : "" });
      return;
    }
    const onInputs = (flags & Dependence.Inputs) !== 0;
    const line = userLine();
    if (this.strict) throw this.refusal(onInputs ? "the inputs" : "parameters, state or random keys", line, x.shape);
    if (isCheck) return;
    this.branched ||= onInputs;
    this.reader ??= line;
  }

  checked(x: Tensor): void {
    this.read(x, true);
  }

  private refusal(on: string, line: string, shape: readonly number[] | null): TracedValueError {
    const what = shape === null ? "a tensor" : `a tensor of shape [${shape.join(", ")}]`;
    return new TracedValueError(
      `${this.name}: the numbers of ${what} that depends on ${on} were read at ${line || "an unknown line"}, and the recorded program would hold for these numbers only; ` +
        "choose with where(), maximum() or cond() instead of if, pass what does not change as a plain number, or return the tensor and read it outside",
      this.name,
    );
  }

  /** At the end: where the places stand now, and whether something was read that is written later. */
  finish(instructions: () => readonly RawInstruction[]): void {
    for (const [tensor, place] of this.places) {
      // Disposed of meanwhile, it keeps what it had.
      if (tensor.handle !== place.id || !tensor.scope.alive) continue;
      place.after = checked(engine.record_place(place.id), this.name);
      if (place.kind !== "parameter") continue;
      checked(engine.record_gradient(place.id), this.name);
      place.gradientAfter = scratch()[0]!;
    }
    if (this.earlyReads.length === 0) return;
    const written = new Set<number>();
    for (const { before, after } of this.places.values()) if (after !== before) written.add(before);
    for (const { inputs, outputs } of instructions()) if (inputs.some((id) => written.has(id))) for (const id of outputs) written.add(id);
    const early = this.earlyReads.find(({ variable }) => written.has(variable));
    if (early === undefined) return;
    if (this.strict) throw this.refusal("state that is written later", early.line, null);
    this.reader ??= early.line || "an earlier line";
  }
}

/** The engine's instructions. */
function read(name: string, count: number, updates: readonly LiveUpdate[]): RawInstruction[] {
  let next = 0;
  return Array.from({ length: count }, (_, i): RawInstruction => {
    checked(engine.record_read(i), name);
    const s = scratch();
    const [action, number, target, inputs, outputs, parameters] = s;
    let from = 6;
    const list = (length: number) => Array.from(s.subarray(from, (from += length)));
    const raw = {
      action: action as Action,
      number: number!,
      target: target!,
      inputs: list(inputs!),
      outputs: list(outputs!),
      parameters: list(parameters!),
    };
    return raw.action === Action.Update ? { ...raw, live: updates[next++]! } : raw;
  });
}

/** Builds a tree like one: with values in the places of its tensors and (as what they were) numbers, in their order. */
function builder(tree: unknown, counter: { next: number }): (values: readonly unknown[]) => unknown {
  if (tree instanceof Tensor) {
    const at = counter.next++;
    return (values) => values[at];
  }
  if (typeof tree === "number") counter.next++;
  if (!isBranch(tree)) return () => tree;
  if (Array.isArray(tree)) {
    const children = tree.map((child) => builder(child, counter));
    return (values) => children.map((child) => child(values));
  }
  const children = Object.entries(tree).map(([key, child]) => [key, builder(child, counter)] as const);
  return (values) => {
    const built: Record<string, unknown> = {};
    for (const [key, child] of children) built[key] = child(values);
    return built;
  };
}

const isNumeric = (leaf: unknown): boolean => leaf instanceof Tensor || typeof leaf === "number";

/** Leaves with tensors for numbers, of the widest float among the others. */
export function withTensors(leaves: readonly unknown[]): unknown[] {
  const float64 = leaves.find((leaf) => leaf instanceof Tensor && leaf.dtype === "float64") as Tensor | undefined;
  return leaves.map((leaf) => (typeof leaf === "number" ? asTensor(leaf, float64) : leaf));
}

let recording = false;

/**
 * Runs `f` once, in the current scope, which is to be one of the caller's own, and hands the record to `use`; then the record is freed.
 * Throws `ValueError` inside another recording.
 */
export function record<R>(name: string, f: Callback, args: readonly unknown[], strict: boolean, use: (recorded: Recorded) => R): R {
  if (recording) throw new ValueError(`${name}: a recording is under way already; record the outer function only`, name);
  recording = true;
  try {
    const [leaves, rebuild] = flatten(args);
    // Plain values of their own ids: what the record calls inputs.
    const inputs = withTensors(leaves)
      .filter(isNumeric)
      .map((leaf) => outputTensor(name, leaf).detach());
    let input = 0;
    // What is no tensor and no number is the function's business.
    const given: unknown = rebuild(leaves.map((leaf: unknown) => (isNumeric(leaf) ? inputs[input++] : leaf)));
    engine.record_start(Number(strict));
    const own = new Recording(name, strict);
    const variables = (tensors: readonly Tensor[]) => tensors.map((x) => checked(engine.record_variable(idOf(x)), name));
    const inputIds = variables(inputs);
    for (const id of inputIds) engine.record_mark(id, Dependence.Inputs);
    const result: unknown = recordedBy(own, () =>
      watchingReads(
        (x) => own.read(x),
        () =>
          watching(
            (tensor, id) => own.captured(tensor, id),
            () => call(name, f, given as unknown[]),
          ),
      ),
    );
    if (strict && inputs.some((x, i) => checked(engine.record_variable(idOf(x)), name) !== inputIds[i]))
      throw new ValueError(
        `${name}: the function writes to one of its arguments, which are copies inside; return the new value, or write to a tensor that the function closes over`,
        name,
      );
    const [results] = flatten(result);
    // Stripped of levels inside the record: what the program returns are plain values with ids of their own.
    const returned: Tensor[] = results.filter(isNumeric).map((leaf: unknown) => outputTensor(name, leaf, inputs));
    const plain = returned.map((x) => x.detach());
    const outputs = variables(plain);
    const count = engine.record_stop();
    let instructions: RawInstruction[] | undefined;
    const listed = () => (instructions ??= read(name, count, own.updates));
    own.finish(listed);
    return use({
      inputs: inputIds,
      get instructions() {
        return listed();
      },
      updates: own.updates,
      guards: [...own.guards.values()],
      results: returned,
      plain,
      outputs,
      places: [...own.places.values()],
      keys: [...own.keys.values()],
      draws: drawsSince(own.point.state, own.point.seeding),
      branched: own.branched,
      reader: own.reader,
      isSingle: result instanceof Tensor,
      rebuild: builder(result, { next: 0 }),
    });
  } finally {
    engine.record_stop();
    engine.record_free();
    recording = false;
  }
}

/** How many keys were taken since, when nobody seeded the generator anew. */
function drawsSince(before: GeneratorState, seeding: number): number {
  const now = drawPoint();
  return now.seeding === seeding ? now.state.draws - before.draws : 0;
}
