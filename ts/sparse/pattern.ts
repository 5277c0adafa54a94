/**
 * Which outputs depend on which inputs: index sets propagated through the recorded program, op by op, as the form of its row says.
 * Pointwise ops pass sets through, movements move them (found out by running the op on positions), sums and products join them. An op of
 * no such form makes every output depend on all its inputs: too large a pattern is slow, too small is wrong.
 */
import { ROWS } from "../opcodes.js";
import { axisParameter } from "../inspect/parameters.js";
import type { Program } from "../inspect/program.js";
import type { Instruction, Variable } from "../inspect/variable.js";
import { destinations, joinedPositions, positions, scatteredTo, sizeOf, stretchedPositions } from "../inspect/positions.js";
import { unreachable } from "../unreachable.js";
import type { Pattern } from "./colouring.js";

/** Positions of the differentiated input, ascending; null = none. Shared between elements, never changed. */
type IndexSet = Int32Array | null;

function union(a: IndexSet, b: IndexSet): IndexSet {
  if (a === null || a === b) return b;
  if (b === null) return a;
  const out = new Int32Array(a.length + b.length);
  let [i, j, n] = [0, 0, 0];
  while (i < a.length || j < b.length) {
    const [x, y] = [i < a.length ? a[i]! : Infinity, j < b.length ? b[j]! : Infinity];
    out[n++] = Math.min(x, y);
    if (x <= y) i++;
    if (y <= x) j++;
  }
  // A union that adds nothing shares the larger set.
  if (n === a.length) return a;
  return n === b.length ? b : out.slice(0, n);
}

/** Position in an operand of each element of the broadcast shape. */
function broadcastPositions(from: readonly number[], to: readonly number[]): ArrayLike<number> | null {
  if (from.length === to.length && from.every((d, i) => d === to[i])) return null;
  return stretchedPositions(from, to);
}

function elementwise(inputs: readonly Variable[], sets: readonly IndexSet[][], output: Variable): IndexSet[] {
  const out = new Array<IndexSet>(sizeOf(output.shape)).fill(null);
  inputs.forEach((input, k) => {
    if (sets[k]!.every((s) => s === null)) return;
    const at = broadcastPositions(input.shape, output.shape);
    for (let i = 0; i < out.length; i++) out[i] = union(out[i]!, sets[k]![at === null ? i : at[i]! - 1]!);
  });
  return out;
}

function movement({ op, inputs, parameters, output }: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const at = positions(op, inputs[0]!.shape, inputs.slice(1), parameters);
  return Array.from({ length: sizeOf(output.shape) }, (_, i) => (at[i] === 0 ? null : sets[0]![at[i]! - 1]!));
}

/** Joins the sets of all elements that end in the same place: `target[i]` for input element i. */
function joined(sets: readonly IndexSet[], target: (i: number) => number, count: number): IndexSet[] {
  const groups = Array.from({ length: count }, () => new Set<IndexSet>());
  sets.forEach((s, i) => s !== null && groups[target(i)]!.add(s));
  return groups.map((group) => joinAll([...group]));
}

/** Pairwise, so that n sets cost n log n. */
function joinAll(sets: IndexSet[]): IndexSet {
  while (sets.length > 1) sets = Array.from({ length: Math.ceil(sets.length / 2) }, (_, i) => union(sets[2 * i]!, sets[2 * i + 1] ?? null));
  return sets[0] ?? null;
}

function scattered(instruction: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const at = scatteredTo(instruction);
  return joined(sets[0]!, (i) => at[i]! - 1, sizeOf(instruction.output.shape));
}

function reduction(instruction: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const at = destinations(instruction);
  return joined(sets[0]!, (i) => at[i]! - 1, sizeOf(instruction.output.shape));
}

/** Along one axis everything depends on everything. */
function alongAxis({ op, inputs, parameters, output }: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const shape = output.shape;
  const axis = axisParameter(op, parameters, shape.length);
  const kept = shape.map((d, i) => (i === axis ? 1 : d));
  const at = stretchedPositions(kept, shape);
  const together = elementwise(inputs, sets, output);
  const lines = joined(together, (i) => at[i]! - 1, sizeOf(kept));
  return together.map((_, i) => lines[at[i]! - 1]!);
}

function concatenated(instruction: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const all = sets.flat();
  return Array.from(joinedPositions(instruction), (i) => all[i - 1]!);
}

/** C[i, j] depends on row i of A where B's column j may be non-zero, and the other way round. A constant's zeros count. */
function product({ inputs: [a, b], output }: Instruction, [sa, sb]: readonly IndexSet[][]): IndexSet[] {
  const [m, k] = a!.shape.slice(-2) as [number, number];
  const n = b!.shape.at(-1)!;
  const batch = output.shape.slice(0, -2);
  const matrices = (v: Variable, rows: number, columns: number) => {
    const lead = v.shape.slice(0, -2);
    const at = lead.length === 0 ? null : stretchedPositions(lead, batch);
    return (index: number) => (at === null ? 0 : at[index]! - 1) * rows * columns;
  };
  const [fromA, fromB] = [matrices(a!, m, k), matrices(b!, k, n)];
  const nonzero = (v: Variable, at: number) => v.kind !== "constant" || v.bytes[at] !== 0;
  const out = new Array<IndexSet>(sizeOf(output.shape)).fill(null);
  for (let index = 0; index < sizeOf(batch); index++) {
    const [startA, startB] = [fromA(index), fromB(index)];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const meeting = new Set<IndexSet>();
        for (let p = 0; p < k; p++) {
          const [x, y] = [startA + i * k + p, startB + p * n + j];
          if (sa![x] !== null && nonzero(b!, y)) meeting.add(sa![x]!);
          if (sb![y] !== null && nonzero(a!, x)) meeting.add(sb![y]!);
        }
        out[(index * m + i) * n + j] = joinAll([...meeting]);
      }
    }
  }
  return out;
}

/** Everything on everything. */
function dense(sets: readonly IndexSet[][], output: Variable): IndexSet[] {
  const all = joinAll([...new Set(sets.flat())]);
  return new Array<IndexSet>(sizeOf(output.shape)).fill(all);
}

function step(instruction: Instruction, sets: readonly IndexSet[][]): IndexSet[] {
  const { op, inputs, output } = instruction;
  const { form, rule } = ROWS[op];
  if (rule === "zero" || sets.every((s) => s.every((x) => x === null))) return new Array<IndexSet>(sizeOf(output.shape)).fill(null);
  // Indices that depend on the input are a pattern that moves with it.
  const fixed = inputs.slice(1).every((v) => v.kind === "constant");
  switch (form) {
    // A draw depends on its parameters element by element, and on keys, which have no derivative.
    case "pointwise":
    case "random":
      return elementwise(inputs, sets, output);
    case "view":
    case "movement":
      return fixed ? movement(instruction, sets) : dense(sets, output);
    case "scatter":
      return fixed ? scattered(instruction, sets) : dense(sets, output);
    case "reduction":
      return reduction(instruction, sets);
    case "alongAxis":
      return alongAxis(instruction, sets);
    case "joined":
      return concatenated(instruction, sets);
    case "product":
      return product(instruction, sets);
    case "general":
    case "composite":
      return dense(sets, output);
    default:
      return unreachable(form);
  }
}

/** The pattern of the Jacobian of the program's first output with respect to its first input. */
export function patternOf(program: Program): Pattern {
  const sets = new Map<Variable, IndexSet[]>();
  const input = program.inputs[0]!;
  for (const v of program.variables) {
    if (v.kind !== "computed") sets.set(v, new Array<IndexSet>(sizeOf(v.shape)).fill(null));
  }
  sets.set(
    input,
    Array.from({ length: sizeOf(input.shape) }, (_, i) => Int32Array.of(i)),
  );
  const instructions = program.evaluations("sparsity");
  const lastUse = new Map<Variable, number>();
  instructions.forEach((instruction, i) => instruction.inputs.forEach((v) => lastUse.set(v, i)));
  const output = program.outputs[0]!;
  instructions.forEach((instruction, i) => {
    sets.set(
      instruction.output,
      step(
        instruction,
        instruction.inputs.map((v) => sets.get(v)!),
      ),
    );
    for (const v of instruction.inputs) if (lastUse.get(v) === i && v !== output) sets.delete(v);
  });
  const rows = sets.get(output)!;
  const rowStart = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => (rowStart[i + 1] = rowStart[i]! + (row?.length ?? 0)));
  const columnIndex = new Int32Array(rowStart[rows.length]!);
  rows.forEach((row, i) => row && columnIndex.set(row, rowStart[i]!));
  return { rows: rows.length, columns: sizeOf(input.shape), rowStart, columnIndex };
}
