/** Running a program again: op by op, on the tensors of now. */
import { checkShape, full } from "../creation.js";
import { dtypeCode } from "../dtype.js";
import { DTypeError, NotDifferentiableError, ShapeError, TracedValueError, ValueError } from "../errors.js";
import { apply } from "../ops/apply.js";
import { advanceDraws, seedAhead } from "../random/state.js";
import { recorder, type LiveUpdate } from "../recording.js";
import { Action, LevelKind } from "../runtime/boundary.js";
import { bytes, checked, engine, pass } from "../runtime/instance.js";
import { idOf, made, type Tensor } from "../tensor.js";
import { asTree } from "../transforms/arguments.js";
import { argumentTensor, inScope, openLevel, track } from "../transforms/machinery.js";
import { drive, putIds } from "../transforms/sweeping.js";
import { flatten } from "../tree.js";
import type { Place } from "./record.js";
import type { Instruction, Variable, Write } from "./variable.js";

/** Where the numbers of a variable come from at each run. */
export type Source = { readonly place: Place } | { readonly gradientOf: Place } | { readonly draw: number };

/** An instruction with what its replay needs. */
export interface Step {
  readonly instruction: Instruction | Write;
  readonly action?: Action;
  readonly number?: number;
  readonly place?: Place | undefined;
  readonly live?: LiveUpdate | undefined;
}

/** What of a program is for replaying only. */
export interface Replayable {
  readonly steps: readonly Step[];
  readonly sources: ReadonlyMap<Variable, Source>;
  /** What the places hold in the end, where that is something else. */
  readonly writes: readonly { readonly place: Place; readonly variable: Variable }[];
  readonly draws: number;
  readonly reader: string | null;
  readonly guards: readonly (() => boolean)[];
  readonly rebuild: (outputs: readonly unknown[]) => unknown;
}

export interface Parts {
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly variables: readonly Variable[];
}

const NAME = "run";
const show = (v: { shape: readonly number[]; dtype: string }) => `${v.dtype} [${v.shape.join(", ")}]`;

/** The same numbers without a past. */
const plain = (x: Tensor): Tensor => apply("stopGradient", [x]);

/** The tensor of a recorded value. */
function tensorOf(v: Variable): Tensor {
  pass(checkShape(v.shape, NAME));
  const id = checked(engine.tensor_new(dtypeCode(v.dtype), v.shape.length), NAME);
  const pointer = engine.data_pointer(id);
  const { buffer, byteOffset, byteLength } = v.bytes;
  bytes(pointer, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  return made(id);
}

function evaluate({ op, inputs, parameters }: Instruction, values: ReadonlyMap<Variable, Tensor>): Tensor {
  return apply(
    op,
    inputs.map((v) => values.get(v)!),
    parameters,
  );
}

/** The arguments of a run, checked against the inputs of the program. */
function argumentsOf(inputs: readonly Variable[], args: readonly unknown[]): Tensor[] {
  const leaves = flatten(args.map((arg) => asTree(arg)))[0];
  if (leaves.length !== inputs.length)
    throw new ValueError(
      `${NAME}: the program has ${inputs.length} inputs (${inputs.map((v) => v.name).join(", ")}), got ${leaves.length}`,
      NAME,
    );
  return leaves.map((leaf: unknown, i) => {
    const v = inputs[i]!;
    // A number is of the dtype it is wanted in.
    const x = typeof leaf === "number" ? full([], leaf, { dtype: v.dtype }) : argumentTensor(NAME, leaf);
    if (x.ndim !== v.shape.length || x.shape.some((d, axis) => d !== v.shape[axis]))
      throw new ShapeError(
        `${NAME}: ${v.name} was ${show(v)} when the program was recorded, got ${show(x)}; record one for each shape`,
        NAME,
      );
    if (x.dtype !== v.dtype)
      throw new DTypeError(`${NAME}: ${v.name} was ${show(v)} when the program was recorded, got ${x.dtype}; cast() it`, NAME);
    return x;
  });
}

/** One replay. What it writes is computed beside the tensors it is for, and put in their place at the end: a failure changes nothing. */
class Run {
  private readonly values = new Map<Variable, Tensor>();
  /** By parameter; null is none. */
  private readonly gradients = new Map<Place, Tensor | null>();
  /** Only those that an instruction touched go back. */
  private readonly touched = new Set<Place>();
  private readonly taken: LiveUpdate[] = [];

  constructor(
    private readonly program: Parts,
    private readonly parts: Replayable,
  ) {}

  run(args: readonly unknown[]): unknown {
    const { inputs, variables, outputs } = this.program;
    const given = argumentsOf(inputs, args);
    this.refuseTransforms(given);
    given.forEach((x, i) => this.values.set(inputs[i]!, x));
    for (const v of variables) {
      const source = this.parts.sources.get(v);
      if (source !== undefined) this.values.set(v, this.read(v, source));
      else if (v.kind === "constant") this.values.set(v, tensorOf(v));
    }
    for (const step of this.parts.steps) this.step(step);
    const results = outputs.map((v) => plainIfOwned(this.values.get(v)!));
    this.commit();
    return this.parts.rebuild(results);
  }

  /** A write is no function: inside grad, jvp and vmap it would be lost to the derivative. */
  private refuseTransforms(given: readonly Tensor[]): void {
    if (this.parts.steps.some(({ instruction }) => instruction.kind === "write") && given.some((x) => x.isInTransform))
      throw new NotDifferentiableError(
        `${NAME}: the program writes to ${this.parts.writes.map(({ variable }) => variable.name).join(", ") || "gradients"}, and cannot be differentiated or mapped as a whole; trace the function without its update`,
        NAME,
      );
  }

  /** A tensor of now in the place of the one that was recorded. */
  private live(place: Place, v: Variable): Tensor {
    const tensor = place.find();
    if (tensor === undefined) throw new ValueError(`${NAME}: ${v.name} is gone; record the program anew`, NAME);
    idOf(tensor);
    if (tensor.dtype !== v.dtype || tensor.ndim !== v.shape.length || tensor.shape.some((d, i) => d !== v.shape[i]))
      throw new ShapeError(
        `${NAME}: ${v.name} was ${show(v)} when the program was recorded and is ${show(tensor)} now; record it anew`,
        NAME,
      );
    return tensor;
  }

  private read(v: Variable, source: Source): Tensor {
    if ("draw" in source) return seedAhead(source.draw);
    if ("place" in source) return plain(this.live(source.place, v));
    const gradient = this.gradient(source.gradientOf);
    if (gradient === null)
      throw new ValueError(`${NAME}: ${v.name} is null now, the recorded run had a gradient there; call backward() first`, NAME);
    return gradient;
  }

  /** The gradient of a parameter at this point of the run. */
  private gradient(place: Place): Tensor | null {
    if (!this.gradients.has(place)) {
      const gradient = place.find()?.grad ?? null;
      this.gradients.set(place, gradient === null ? null : plain(gradient));
    }
    return this.gradients.get(place)!;
  }

  private step(step: Step): void {
    const { instruction, place } = step;
    if (instruction.kind === "op") {
      this.values.set(instruction.output, evaluate(instruction, this.values));
      return;
    }
    const inputs = instruction.inputs.map((v) => this.values.get(v)!);
    switch (step.action) {
      case Action.Update:
        this.update(instruction, step.number!, step.live!, inputs);
        break;
      case Action.Accumulate: {
        const before = this.gradient(place!);
        const sum = before === null ? plain(inputs[0]!) : apply("add", [before, inputs[0]!]);
        this.gradients.set(place!, sum);
        this.touched.add(place!);
        this.values.set(instruction.outputs[0]!, sum);
        break;
      }
      case Action.While:
        throw new TracedValueError(
          `${NAME}: this program has a loop whose number of turns depends on numbers, which is only there for reading; call the compiled function`,
          NAME,
        );
      case Action.SetGradient:
        this.gradients.set(place!, inputs.length === 0 ? null : plain(inputs[0]!));
        this.touched.add(place!);
        break;
    }
  }

  /** On copies, which share their buffers until the kernel writes. */
  private update(write: Write, number: number, live: LiveUpdate, [parameter, gradient, ...state]: Tensor[]): void {
    const written = [parameter!, ...state].map(plain);
    let next = 1;
    const slots = live.slots.map((used) => (used ? idOf(written[next++]!) : 0));
    const [id, along] = [idOf(written[0]!), idOf(gradient!)];
    pass(live.values(this.taken.filter(({ of }) => of === live.of).length), slots);
    checked(engine.update(number, id, along), live.name);
    recorder?.updated(live);
    write.outputs.forEach((v, i) => this.values.set(v, written[i]!));
    this.taken.push(live);
  }

  private commit(): void {
    const { writes, draws } = this.parts;
    const targets = writes.map(({ place, variable }) => [idOf(this.live(place, variable)), idOf(this.values.get(variable)!)] as const);
    for (const [target, value] of targets) checked(engine.assign(target, value), NAME);
    for (const place of this.touched) {
      const tensor = place.find()!;
      tensor.grad = this.gradients.get(place)!;
    }
    for (const live of this.taken) live.taken();
    advanceDraws(draws);
  }
}

/** Nothing that is handed out shares its id with a gradient or an argument. */
const plainIfOwned = (x: Tensor): Tensor => made(checked(engine.untrack(0, idOf(x)), NAME));

/** Runs the program on other inputs; see `Program.run`. */
export function run(program: Parts, parts: Replayable, args: readonly unknown[]): unknown {
  if (parts.reader !== null)
    throw new TracedValueError(
      `${NAME}: the traced function read numbers that may be different in another run, at ${parts.reader}, so the program holds for these numbers only; choose with where() or cond(), or do not read them`,
      NAME,
    );
  if (!parts.guards.every((holds) => holds()))
    throw new ValueError(
      `${NAME}: plain JavaScript that the program was recorded with has changed since (train() or eval() of a module, or numbers of an optimizer whose update is written in JavaScript); record it anew`,
      NAME,
    );
  return inScope(() => new Run(program, parts).run(args));
}

/** Gradients of the summed first output at every variable that depends on the inputs: a replay with every value watched. */
export function differentiate({ outputs, variables }: Parts, { steps }: Replayable): void {
  inScope(() => {
    const level = openLevel("trace", LevelKind.Grad);
    const isFloat = (v: Variable) => v.dtype === "float32" || v.dtype === "float64";
    const values = new Map<Variable, Tensor>();
    for (const v of variables)
      if (v.kind !== "computed") values.set(v, v.kind === "input" && isFloat(v) ? track(level, tensorOf(v)) : tensorOf(v));
    // What was written counts as given.
    for (const { instruction } of steps) {
      if (instruction.kind === "op") values.set(instruction.output, evaluate(instruction, values));
      else for (const v of instruction.outputs) values.set(v, tensorOf(v));
    }
    const watched = variables.filter((v) => v.kind === "input" || v.kind === "computed");
    const out = values.get(outputs[0]!)!;
    const total = out.size === 1 ? out : out.sum();
    putIds(
      [idOf(total)],
      [0],
      watched.map((v) => idOf(values.get(v)!)),
    );
    const found = drive(engine.sweep(level, 1, watched.length, 0), watched.length);
    watched.forEach((v, i) => {
      const gradient = found[i];
      v.gradient = gradient ? Array.from(gradient.data()) : new Array<number>(v.bytes.length).fill(0);
    });
    engine.level_pop(level);
  });
}
