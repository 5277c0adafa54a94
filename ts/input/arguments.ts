/**
 * Arguments that are not tensors: each is looked at once, before anything is written or called. What is not understood is refused by a
 * `ValueError` that names the function, the argument and what it got; nothing here converts (`valueOf` and the like never run).
 */
import { describe } from "./describe.js";
import { IndexError, ShapeError, ValueError } from "../errors.js";

/** A number, NaN and the infinities included. */
export function number(op: string, what: string, value: unknown): number {
  if (typeof value !== "number") throw new ValueError(`${op}: ${what} must be a number, got ${describe(value)}${scalarHint(value)}`, op);
  return value;
}

/** A number from 0 to 1. */
export function probability(op: string, what: string, value: unknown): number {
  const p = number(op, what, value);
  if (!(p >= 0 && p <= 1)) throw new ValueError(`${op}: ${what} ${p} is not between 0 and 1`, op);
  return p;
}

const scalarHint = (value: unknown) =>
  typeof value === "object" && value !== null && "item" in value ? "; item() reads the number of a tensor" : "";

/** A whole number from `least` to `most`. */
export function integer(op: string, what: string, value: unknown, least = -Infinity, most = Infinity): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    const range = least === -Infinity && most === Infinity ? "" : most === Infinity ? ` from ${least} on` : ` from ${least} to ${most}`;
    throw new ValueError(`${op}: ${what} must be an integer${range}, got ${describe(value)}${scalarHint(value)}`, op);
  }
  return value;
}

/** true or false. */
export function boolean(op: string, what: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new ValueError(`${op}: ${what} must be true or false, got ${describe(value)}`, op);
  return value;
}

/**
 * Whether only `new` can call it. An arrow has no prototype; that of a class is not writable, as that of few functions; only then the text
 * is looked at.
 */
function isClass(value: unknown): value is { name: unknown } {
  return (
    typeof value === "function" &&
    (value as { prototype?: unknown }).prototype !== undefined &&
    Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false &&
    /^class\b/.test(Function.prototype.toString.call(value))
  );
}

const clippedName = ({ name }: { name: unknown }) => (typeof name === "string" ? name.slice(0, 40) : "");

/** Something that can be called. */
export function callback<F>(op: string, what: string, value: F): F {
  if (isClass(value))
    throw new ValueError(
      `${op}: ${what} must be a function, got the class ${clippedName(value)}, which only \`new\` can call: (...args) => new ${clippedName(value)}(...args)`,
      op,
    );
  if (typeof value !== "function") throw new ValueError(`${op}: ${what} must be a function, got ${describe(value)}`, op);
  return value;
}

const INTEGER_ARRAYS = new Set(["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"]);

/** A list of whole numbers, copied, so that what was checked is what is used; arrays of integers of any kind. */
export function integers(op: string, what: string, value: unknown, least = -Infinity, longest = 64): number[] {
  if (
    !Array.isArray(value) &&
    !(ArrayBuffer.isView(value) && INTEGER_ARRAYS.has((value as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag]))
  ) {
    throw new ValueError(`${op}: ${what} must be a list of integers, got ${describe(value)}`, op);
  }
  const list = value as unknown as ArrayLike<unknown>;
  const { length } = list;
  if (length > longest) throw new ShapeError(`${op}: ${what} has ${length} entries, the most is ${longest}`, op);
  const copy: number[] = [];
  for (let i = 0; i < length; i++) copy.push(integer(op, `entry ${i} of ${what}`, list[i], least));
  return copy;
}

/** Sizes as a list or one by one: `([2, 3])` or `(2, 3)`; -1 stands for what is left where `least` is -1. */
export function sizesOf(op: string, given: readonly unknown[], least = 0): number[] {
  if (given.length === 0) throw new ValueError(`${op}: the shape is missing; for a 0-d tensor it is []`, op);
  return integers(op, "the shape", given.length === 1 && typeof given[0] !== "number" ? given[0] : given, least);
}

/** One axis as given: an integer, negative ones count from the end. */
export function axisNumber(op: string, axis: unknown): number {
  if (typeof axis !== "number") throw new ValueError(`${op}: axis must be an integer, got ${describe(axis)}`, op);
  if (!Number.isInteger(axis)) throw new IndexError(`${op}: axis ${axis} is not an integer`, op);
  return axis;
}

/** One axis of `ndim`, counted from the start. */
export function axisOf(op: string, axis: unknown, ndim: number): number {
  const given = axisNumber(op, axis);
  if (given < -ndim || given >= ndim) {
    const range = ndim === 0 ? "a 0-d tensor has no axes" : `expected an integer from ${-ndim} to ${ndim - 1}`;
    throw new IndexError(`${op}: axis ${given} is out of range for ${ndim} axes; ${range}`, op);
  }
  return given < 0 ? given + ndim : given;
}

/** One axis or a list of them, as given. */
export function axesOf(op: string, axes: unknown): number[] {
  if (typeof axes === "number") return [axisNumber(op, axes)];
  if (!Array.isArray(axes)) throw new ValueError(`${op}: axis must be an integer or a list of integers, got ${describe(axes)}`, op);
  if (axes.length > 64) throw new ValueError(`${op}: a list of ${axes.length} axes; a tensor has at most 64`, op);
  return Array.from(axes as unknown[], (axis) => axisNumber(op, axis));
}

/** Called by an array's `map` (or `reduce`): the arguments after the elements are its position and the array. */
function byArray(given: ArrayLike<unknown>, count: number): boolean {
  const [element, index, array] = [given[count - 1], given[count], given[count + 1]];
  return given.length === count + 2 && Number.isInteger(index) && Array.isArray(array) && array[index as number] === element;
}

/**
 * Refuses arguments after the last one that is read; those that `map` and `reduce` of an array add are let pass. `given` is the function's
 * `arguments`; for a method its tensor is the first.
 */
export function atMost(op: string, given: ArrayLike<unknown>, count: number, hint = ""): void {
  if (given.length <= count || (count > 0 && byArray(given, count))) return;
  const [most, method] = [count === 0 ? "no arguments" : `at most ${count} argument${count === 1 ? "" : "s"}`, scalarHint(given[0]) !== ""];
  throw new ValueError(
    `${op}: takes ${most}${method ? " (the tensor of a method counts as one)" : ""}, got ${given.length} (${describe(given[count])} would be ignored)${hint && `; ${hint}`}`,
    op,
  );
}
