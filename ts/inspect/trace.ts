/**
 * Recording a run: every primitive evaluated below all transforms, gradient programs included. The values are there, so a
 * trace can be drawn with them, replayed for gradients, read symbolically, and searched for sparsity.
 */
import { atMost } from "../arguments.js";
import { watchingReads } from "../conversions.js";
import { DTYPES } from "../dtype.js";
import { ValueError } from "../errors.js";
import { Op, type OpName } from "../opcodes.js";
import { apply } from "../ops/apply.js";
import { LevelKind } from "../runtime/boundary.js";
import { bytes, checked, engine, pass, scratch } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { asTree } from "../transforms/arguments.js";
import { call, type Callback, checkFunction, inScope, openLevel, outputTensor, track } from "../transforms/machinery.js";
import { drive, putIds } from "../transforms/sweeping.js";
import type { ArgumentsOf } from "../transforms/types.js";
import { flatten } from "../tree.js";
import { asTensor, checkShape } from "../creation.js";
import { Program } from "./program.js";
import { VALUES_KEPT, type Instruction, type Variable } from "./variable.js";

const OP_NAMES = Object.keys(Op) as OpName[];

/** An input named like the argument it came from. */
function inputNames(args: readonly unknown[]): string[] {
  const letters = ["x", "y", "z", "u", "v", "w"];
  return args.flatMap((arg, i) => {
    const [leaves] = flatten(arg);
    const base = args.length <= letters.length ? letters[i]! : `x${i}`;
    return leaves.length === 1 ? [base] : leaves.map((_: unknown, k: number) => `${base}${k}`);
  });
}

let tracing = false;

/**
 * `trace(f)(...args)` runs `f` once and returns the flat program of what it computed: only what the outputs depend on, with all
 * transforms unrolled (`trace(grad(f))` shows the gradient's program). Throws `ValueError` inside another trace.
 *
 * @example
 * console.log(String(ad.trace(ad.grad((x) => x.sin().sum()))([1, 2])));
 */
export function trace<A extends unknown[] = Tensor[]>(f: (...args: A) => unknown): (...args: ArgumentsOf<A>) => Program;
export function trace(f: Callback): (...args: unknown[]) => Program {
  checkFunction("trace", f);
  atMost("trace", arguments, 1);
  return (...args) => {
    if (tracing) throw new ValueError("trace: a trace is under way already; trace the outer function only", "trace");
    tracing = true;
    try {
      return inScope(() =>
        record(
          f,
          args.map((arg) => asTree(arg)),
        ),
      );
    } finally {
      engine.record_free();
      tracing = false;
    }
  };
}

/** What is read from the engine's record, by ids. */
interface Raw {
  op: OpName;
  output: number;
  inputs: number[];
  parameters: number[];
}

function read(count: number): Raw[] {
  return Array.from({ length: count }, (_, i) => {
    checked(engine.record_read(i), "trace");
    const s = scratch();
    const [op, output, inputs, parameters] = s;
    const from = 4 + inputs!;
    return {
      op: OP_NAMES[op!]!,
      output: output!,
      inputs: Array.from(s.subarray(4, from)),
      parameters: Array.from(s.subarray(from, from + parameters!)),
    };
  });
}

function record(f: Callback, args: readonly unknown[]): Program {
  const [leaves, rebuild] = flatten(args);
  // Plain values of their own ids: what the record calls inputs.
  const inputs = leaves.map((leaf: unknown) => outputTensor("trace", typeof leaf === "number" ? asTensor(leaf) : leaf).detach());
  engine.record_start();
  const variables = (tensors: readonly Tensor[]) => tensors.map((x) => checked(engine.record_variable(idOf(x)), "trace"));
  let raw: Raw[];
  let inputIds: number[];
  let outputIds: number[];
  const reads: Read[] = [];
  const note = (x: Tensor) => {
    const [id] = variables([x]);
    putIds([idOf(x)]);
    reads.push({ id: id!, wrapped: checked(engine.top_level(1), "trace") > 1 });
  };
  try {
    inputIds = variables(inputs);
    const result = watchingReads(note, () => call("trace", f, rebuild(inputs)));
    // Stripped of levels inside the record: what the program returns are plain values with ids of their own.
    const outputs: Tensor[] = flatten(result)[0]
      .filter((leaf: unknown) => leaf instanceof Tensor || typeof leaf === "number")
      .map((leaf: unknown) => outputTensor("trace", leaf).detach());
    outputIds = variables(outputs);
  } finally {
    raw = read(engine.record_stop());
  }
  return build(raw, inputIds, outputIds, inputNames(args), reads);
}

/** A tensor whose numbers the traced function read. */
interface Read {
  id: number;
  /** It belonged to a transform inside, and so to what is differentiated. */
  wrapped: boolean;
}

/** Whether something that depends on the inputs was read: the program then holds for the branch only that was taken. */
function branched(raw: readonly Raw[], inputIds: readonly number[], reads: readonly Read[]): boolean {
  const dependent = new Set(inputIds);
  for (const { inputs, output } of raw) if (inputs.some((id) => dependent.has(id))) dependent.add(output);
  return reads.some(({ id, wrapped }) => wrapped || dependent.has(id));
}

function build(raw: Raw[], inputIds: number[], outputIds: number[], names: string[], reads: readonly Read[]): Program {
  // stopGradient changes no number: its output is its input.
  const same = new Map<number, number>();
  const resolve = (id: number) => same.get(id) ?? id;
  const steps: Raw[] = [];
  for (const step of raw) {
    const inputs = step.inputs.map(resolve);
    if (step.op === "stopGradient") same.set(step.output, inputs[0]!);
    else steps.push({ ...step, inputs });
  }
  const results = outputIds.map(resolve);
  // Only what the outputs need.
  const needed = new Set(results);
  for (let i = steps.length - 1; i >= 0; i--) {
    if (needed.has(steps[i]!.output)) steps[i]!.inputs.forEach((id) => needed.add(id));
  }
  const variables: Variable[] = [];
  const byId = new Map<number, Variable>();
  let constants = 0;
  let temporaries = 0;
  const variable = (id: number, kind: Variable["kind"], name: string): Variable => {
    const described = describe(id);
    const made: Variable = { index: variables.length, name, kind, ...described };
    variables.push(made);
    byId.set(id, made);
    return made;
  };
  const inputs = inputIds.map((id, i) => variable(id, "input", names[i]!));
  const instructions: Instruction[] = [];
  for (const step of steps) {
    if (!needed.has(step.output)) continue;
    const operands = step.inputs.map((id) => byId.get(id) ?? variable(id, "constant", `c${constants++}`));
    instructions.push({
      op: step.op,
      inputs: operands,
      parameters: step.parameters,
      output: variable(step.output, "computed", `t${temporaries++}`),
    });
  }
  const outputs = results.map((id) => byId.get(id) ?? variable(id, "constant", `c${constants++}`));
  return new Program(inputs, instructions, outputs, variables, differentiate, branched(raw, inputIds, reads));
}

function describe(id: number): Pick<Variable, "shape" | "dtype" | "value" | "bytes"> {
  const tensor = made(checked(engine.record_value(id), "trace"));
  const { shape, dtype, size } = tensor;
  const data = tensor.data();
  tensor.dispose();
  return { shape, dtype, bytes: data, ...(size <= VALUES_KEPT ? { value: Array.from(data) } : {}) };
}

/** Runs the instructions again on given inputs. */
function replay(program: Program, inputs: readonly Tensor[]): Map<Variable, Tensor> {
  const values = new Map<Variable, Tensor>();
  program.inputs.forEach((v, i) => values.set(v, inputs[i]!));
  for (const v of program.constants) values.set(v, tensorOf(v));
  for (const { op, inputs, parameters, output } of program.instructions) {
    values.set(
      output,
      apply(
        op as OpName,
        inputs.map((v) => values.get(v)!),
        parameters,
      ),
    );
  }
  return values;
}

/** The tensor of a captured value. */
function tensorOf(v: Variable): Tensor {
  pass(checkShape(v.shape, "trace"));
  const id = checked(engine.tensor_new(DTYPES.indexOf(v.dtype), v.shape.length), "trace");
  const pointer = engine.data_pointer(id);
  const { buffer, byteOffset, byteLength } = v.bytes;
  bytes(pointer, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  return made(id);
}

/** Gradients of the summed first output at every variable: a replay with every value watched. */
function differentiate(program: Program): void {
  inScope(() => {
    const level = openLevel("trace", LevelKind.Grad);
    const isFloat = (v: Variable) => v.dtype === "float32" || v.dtype === "float64";
    const inputs = program.inputs.map((v) => (isFloat(v) ? track(level, tensorOf(v)) : tensorOf(v)));
    const values = replay(program, inputs);
    const watched = program.variables.filter((v) => v.kind !== "constant");
    const out = values.get(program.outputs[0]!)!;
    const total = out.size === 1 ? out : out.sum();
    putIds(
      [idOf(total)],
      [0],
      watched.map((v) => idOf(values.get(v)!)),
    );
    const found = drive(engine.sweep(level, 1, watched.length, 0), watched.length);
    watched.forEach((v, i) => {
      const gradient = found[i];
      v.gradient = gradient ? Array.from(gradient.data()) : new Array<number>(v.shape.reduce((a, b) => a * b, 1)).fill(0);
    });
    engine.level_pop(level);
  });
}
