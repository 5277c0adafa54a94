/** What a program is made of. */
import type { DType, TypedArray } from "../dtype.js";

/** A value of a program. */
export interface Variable {
  /** Position in `program.variables`. */
  readonly index: number;
  /** As the listing calls it. */
  readonly name: string;
  /** Where it comes from. */
  readonly kind: "input" | "constant" | "computed";
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
  /** Its name. */
  readonly op: string;
  /** What it reads. */
  readonly inputs: readonly Variable[];
  /** Axes, shapes and scalars, as the engine encodes them. */
  readonly parameters: readonly number[];
  /** What it makes. */
  readonly output: Variable;
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
