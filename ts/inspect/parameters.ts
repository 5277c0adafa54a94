/** Parameters of ops by name: how the lists of numbers that the engine takes are read, as the rows of the op table say. */
import { DTYPES, type DType } from "../dtype.js";
import { ROWS, type OpName, type ParameterKind } from "../opcodes.js";

/** A parameter as its kind has it: flags are booleans, dtypes names, lists of axes or sizes arrays. */
export type ParameterValue = number | boolean | DType | readonly number[];

const LISTS: ReadonlySet<ParameterKind> = new Set(["axes", "dims", "perAxis", "list"]);

/** The parameters of an instruction by name: numbers come first, then lists, which are of one length where there are several. */
export function namedParameters(op: OpName, numbers: readonly number[]): Record<string, ParameterValue> {
  const entries = Object.entries(ROWS[op].parameters);
  const scalars = entries.filter(([, kind]) => !LISTS.has(kind)).length;
  const each = (numbers.length - scalars) / Math.max(entries.length - scalars, 1);
  let at = 0;
  const values = entries.map(([name, kind]): [string, ParameterValue] => {
    if (LISTS.has(kind)) return [name, numbers.slice(at, (at += each))];
    const number = numbers[at++] ?? 0;
    return [name, kind === "flag" ? number !== 0 : kind === "dtype" ? DTYPES[number]! : number];
  });
  return Object.fromEntries(values);
}

/** As a program prints them: ` axis=[1] keepdims`, flags last; those that are not set are left out. */
export function shownParameters(op: OpName, numbers: readonly number[]): string {
  const isFlag = ([, value]: [string, ParameterValue]) => Number(typeof value === "boolean");
  return Object.entries(namedParameters(op, numbers))
    .sort((a, b) => isFlag(a) - isFlag(b))
    .map(([name, value]) => {
      if (typeof value === "boolean") return value ? ` ${name}` : "";
      if (ROWS[op].parameters[name] === "axes" && (value as readonly number[]).length === 0) return "";
      return ` ${name}=${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`;
    })
    .join("");
}

/** The axis of an op along one axis, counted from the start. */
export function axisParameter(op: OpName, numbers: readonly number[], ndim: number): number {
  const axis = namedParameters(op, numbers)["axis"] as number;
  return axis < 0 ? axis + ndim : axis;
}
