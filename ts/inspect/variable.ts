/** What a program is made of. */
import type { DType, TypedArray } from "../dtype.js";
import type { OpName } from "../opcodes.js";

/** A value of a program. */
export interface Variable {
  /** Position in `program.variables`. */
  readonly index: number;
  /** As the listing calls it. */
  readonly name: string;
  /**
   * An argument; a parameter; other numbers that are read from a tensor of now at each run (what is written to, gradients, the state of
   * optimizers); a random key of the implicit generator; a captured tensor or number; the result of an instruction.
   */
  readonly kind: "input" | "parameter" | "state" | "key" | "constant" | "computed";
  /** Its shape. */
  readonly shape: readonly number[];
  /** Its dtype. */
  readonly dtype: DType;
  /** The numbers of the traced run, row-major; absent when there are more than `VALUES_KEPT` of them. */
  readonly value?: readonly number[];
  /** All numbers of the traced run, for replaying. */
  readonly bytes: TypedArray;
  /** The gradient of the (summed) first output with respect to this variable, when it was asked for. */
  gradient?: readonly number[];
}

/** One op of a program. */
export interface Instruction {
  /** Tells it from a write. */
  readonly kind: "op";
  /** Its name. */
  readonly op: OpName;
  /** What it reads. */
  readonly inputs: readonly Variable[];
  /** Axes, shapes and scalars, as the engine encodes them; `namedParameters` tells which is which. */
  readonly parameters: readonly number[];
  /** What it makes. */
  readonly output: Variable;
  /** The same as a list. */
  readonly outputs: readonly Variable[];
}

/**
 * A write to what lives on after the run: an optimizer's update by its name, `assign`, `accumulate` (into the gradient of a parameter),
 * `setGradient` (without an input it is forgotten).
 */
export interface Write {
  /** Tells it from an op. */
  readonly kind: "write";
  /** What is done. */
  readonly op: string;
  /** The name of what is written to; a gradient is that of this parameter. */
  readonly target: string;
  /** What it reads: of an update the parameter, its gradient, its state. */
  readonly inputs: readonly Variable[];
  /** The options of an update by name, as the traced run passed them. */
  readonly options: Readonly<Record<string, number>>;
  /** What stands there afterwards, where something reads it. */
  readonly outputs: readonly Variable[];
}

/** Larger values are not copied out for drawing. */
export const VALUES_KEPT = 4096;

/** A value in a few characters. */
export function short(
  v: { readonly value?: readonly number[]; readonly shape: readonly number[]; readonly dtype?: DType },
  values = v.value,
): string {
  if (values === undefined) return "…";
  const text = (x: number) => (v.dtype === "bool" ? String(x !== 0) : Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));
  if (v.shape.length === 0) return text(values[0]!);
  const shown = values.slice(0, 4).map(text).join(", ");
  return values.length > 4 ? `[${shown}, … ${values.length}]` : `[${shown}]`;
}
