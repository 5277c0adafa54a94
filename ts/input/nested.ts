/** Reading JavaScript values: numbers, nested arrays, typed arrays of any realm. Every length and element is read once. */
import { describe } from "./describe.js";
import { DTYPES, type DType, type TypedArray } from "../dtype.js";
import { DTypeError, OutOfMemoryError, ShapeError, ValueError } from "../errors.js";
import { Tensor } from "../tensor.js";

/** Axes of one tensor, and depth of nested arrays and trees. */
const MOST_AXES = 64;
const MOST_ELEMENTS = 2 ** 29;

/** What was found in a value. */
export interface Contents {
  shape: readonly number[];
  /** The numbers in row-major order; 0 where a tensor stands. */
  data: ArrayLike<number>;
  /** The dtype that typed arrays and booleans have by themselves; undefined for plain numbers. */
  natural: DType | undefined;
  /** Tensors by their place in `data`. */
  tensors: Map<number, Tensor> | null;
}

const TYPED = Object.getPrototypeOf(Int8Array.prototype) as object;
const intrinsic = (name: string | symbol) => (Object.getOwnPropertyDescriptor(TYPED, name) as { get(this: unknown): unknown }).get;
const typedTag = intrinsic(Symbol.toStringTag) as (this: unknown) => string | undefined;
const typedLength = intrinsic("length") as (this: unknown) => number;

/** "Float32Array" and so on, whatever realm or subclass; undefined for anything that is no typed array. */
const typedName = (value: unknown): string | undefined => typedTag.call(value);

const NATURAL: Readonly<Record<string, DType>> = { Float32Array: "float32", Float64Array: "float64", Int32Array: "int32" };

/** The length a typed array really has; a subclass may say anything. */
function lengthOf(op: string, array: TypedArray, name: string): number {
  if (name.startsWith("Big"))
    throw new DTypeError(`${op}: 64-bit integers are not supported; convert them with Int32Array.from(array, Number)`, op);
  const length = typedLength.call(array);
  if (length === 0) {
    try {
      // An empty array answers, a detached one throws.
      Int8Array.prototype.indexOf.call(array, 0);
    } catch {
      throw new ValueError(`${op}: the typed array's buffer is detached (it was transferred); pass a copy`, op);
    }
  }
  if (length > MOST_ELEMENTS) throw tooMany(op, [length]);
  return length;
}

function tooMany(op: string, shape: readonly number[]): ShapeError {
  return new ShapeError(
    `${op}: shape [${shape.join(", ")}] has ${shape.reduce((a, b) => a * b, 1)} elements; one tensor holds at most 2^29`,
    op,
  );
}

/** A shape from the user, copied: at most 64 non-negative integers whose product is at most 2^29. */
export function checkShape(shape: unknown, op: string): readonly number[] {
  if (!Array.isArray(shape) && !(typedName(shape) ?? "").startsWith("Int")) {
    throw new ShapeError(
      `${op}: a shape is an array of sizes, got ${describe(shape)}${typeof shape === "number" ? `; write [${shape}]` : ""}`,
      op,
    );
  }
  const given = shape as readonly unknown[];
  const { length } = given;
  if (length > MOST_AXES) throw new ShapeError(`${op}: a shape of ${length} sizes; a tensor has at most ${MOST_AXES} axes`, op);
  const sizes: number[] = [];
  let count = 1;
  for (let i = 0; i < length; i++) {
    const size = given[i];
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size > 2 ** 32 - 1) {
      throw new ShapeError(`${op}: a shape holds ${describe(size)} as size of axis ${i}; sizes are non-negative integers`, op);
    }
    sizes.push(size);
    count *= size;
  }
  if (count > MOST_ELEMENTS) throw tooMany(op, sizes);
  return sizes;
}

/** "float32" or another dtype there is. */
export function checkDtype(dtype: unknown, op: string): DType {
  if (!DTYPES.includes(dtype as DType))
    throw new DTypeError(`${op}: unknown dtype ${describe(dtype)}; expected ${DTYPES.map((d) => `"${d}"`).join(", ")}`, op);
  return dtype as DType;
}

/** What `value` holds; throws `ShapeError`, `DTypeError` or `ValueError` for what cannot be a tensor. */
export function readValue(op: string, value: unknown): Contents {
  if (typeof value === "number") return { shape: [], data: [value], natural: undefined, tensors: null };
  if (typeof value === "boolean") return { shape: [], data: [Number(value)], natural: "bool", tensors: null };
  if (Array.isArray(value)) {
    const numbers = fewNumbers(value);
    return numbers === null ? unnest(op, value) : { shape: [numbers.length], data: numbers, natural: undefined, tensors: null };
  }
  const name = typedName(value);
  if (name !== undefined) {
    const length = lengthOf(op, value as TypedArray, name);
    return { shape: [length], data: value as TypedArray, natural: NATURAL[name], tensors: null };
  }
  throw new ValueError(
    `${op}: cannot make a tensor from ${describe(value)}; expected a number, booleans, nested arrays or a typed array`,
    op,
  );
}

/** The lengths of the first arrays of each level: what all must have. */
function nestedShape(op: string, value: readonly unknown[]): number[] {
  const shape: number[] = [];
  let count = 1;
  for (let v: unknown = value; ; v = (v as unknown[])[0]) {
    const name = Array.isArray(v) ? undefined : typedName(v);
    if (!Array.isArray(v) && name === undefined) return shape;
    if (shape.length === MOST_AXES)
      throw new ShapeError(
        `${op}: arrays nested deeper than ${MOST_AXES} levels; a tensor has at most ${MOST_AXES} axes (does an array hold itself?)`,
        op,
      );
    shape.push(name === undefined ? (v as unknown[]).length : lengthOf(op, v as TypedArray, name));
    count *= shape.at(-1)!;
    if (count > MOST_ELEMENTS) throw tooMany(op, shape);
    if (name !== undefined || shape.at(-1) === 0) return shape;
  }
}

/** The dtype that rows have by themselves, `undefined` among the kinds for those of typed arrays without one of ours. */
function naturalOf(typed: ReadonlySet<DType | undefined> | null, plain: boolean): DType | undefined {
  if (typed === null) return undefined;
  if (typed.has("float64")) return "float64";
  return plain || typed.size > 1 ? undefined : [...typed][0];
}

/** A short list of plain numbers, by far the most frequent value; null for anything else, which is then looked at in full. */
function fewNumbers(value: readonly unknown[]): number[] | null {
  const { length } = value;
  if (!(length > 0 && length <= 64)) return null;
  const data: number[] = [];
  for (let i = 0; i < length; i++) {
    const element = value[i];
    if (typeof element !== "number") return null;
    data.push(element);
  }
  return data;
}

/** Flattens nested arrays, typed arrays as rows and tensors as elements among them; their shape must be regular. */
function unnest(op: string, value: readonly unknown[]): Contents {
  const shape = nestedShape(op, value);
  const mixed = () => new ShapeError(`${op}: a tensor stands beside an array of numbers; stack([row, [1, 2]]) joins both`, op);
  const ragged = () =>
    new ShapeError(
      `${op}: nested arrays of different lengths (the first ones have shape [${shape.join(", ")}]); every array of a level must have the same length`,
      op,
    );
  let data: Float64Array;
  try {
    data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  } catch {
    throw new OutOfMemoryError(
      `${op}: no memory for ${shape.reduce((a, b) => a * b, 1)} numbers of nested arrays; make the tensor from a typed array, or in pieces`,
      op,
    );
  }
  let [filled, booleans] = [0, 0];
  let tensors: Map<number, Tensor> | null = null;
  /** What rows are of: plain numbers, or typed arrays, by their dtype. */
  let plainRows = false;
  let typedRows: Set<DType | undefined> | null = null;
  const element = (v: unknown) => {
    if (typeof v === "number") {
      data[filled] = v;
    } else if (typeof v === "boolean") {
      booleans++;
      data[filled] = Number(v);
    } else if (v instanceof Tensor) {
      (tensors ??= new Map()).set(filled, v);
    } else if (Array.isArray(v) || typedName(v) !== undefined) {
      throw tensors === null ? ragged() : mixed();
    } else {
      throw new ValueError(`${op}: element ${filled} is ${describe(v)}; elements are numbers, booleans or tensors`, op);
    }
    filled++;
  };
  const visit = (v: unknown, depth: number): void => {
    if (depth === shape.length) return element(v);
    const name = Array.isArray(v) ? undefined : typedName(v);
    if (name !== undefined) {
      if (depth !== shape.length - 1 || lengthOf(op, v as TypedArray, name) !== shape[depth]) throw ragged();
      data.set(v as TypedArray, filled);
      filled += shape[depth]!;
      (typedRows ??= new Set()).add(NATURAL[name]);
      return;
    }
    if (v instanceof Tensor) throw mixed();
    if (!Array.isArray(v) || v.length !== shape[depth]) throw ragged();
    if (depth < shape.length - 1) {
      for (let i = 0; i < shape[depth]!; i++) visit((v as unknown[])[i], depth + 1);
      return;
    }
    plainRows ||= shape[depth]! > 0;
    for (let i = 0; i < shape[depth]!; i++) {
      const child = (v as unknown[])[i];
      if (typeof child === "number") data[filled++] = child;
      else element(child);
    }
  };
  visit(value, 0);
  const numbers = data.length - ((tensors as Map<number, Tensor> | null) ?? { size: 0 }).size;
  if (booleans > 0 && booleans < numbers)
    throw new ValueError(`${op}: numbers and booleans are mixed; use one of them, or give numbers 0 and 1`, op);
  // Rows of one typed kind keep it; a float64 row among others keeps its digits.
  const natural = booleans > 0 ? "bool" : naturalOf(typedRows, plainRows);
  return { shape, data, natural, tensors };
}
