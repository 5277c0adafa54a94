/** Making tensors from numbers. */
import { DTYPES, dtypeCode, type DType, type TypedArray } from "./dtype.js";
import { DTypeError, ShapeError, ValueError } from "./errors.js";
import { root } from "./memory.js";
import { checked, engine, pass } from "./runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "./tensor.js";

export interface CreationOptions {
  dtype?: DType;
  /** Makes it a leaf for `backward()`: a parameter, which outlives scopes. */
  requiresGrad?: boolean;
}

export interface TensorOptions extends CreationOptions {
  /** The shape of the elements given, row-major. */
  shape?: readonly number[];
}

let defaultDtype: DType = "float32";

/** The dtype of tensors made from plain numbers; "float32" at the start. */
export function setDefaultDtype(dtype: DType): void {
  if (dtype !== "float32" && dtype !== "float64") {
    throw new DTypeError(`setDefaultDtype: ${String(dtype)} cannot be the default; expected "float32" or "float64"`, "setDefaultDtype");
  }
  defaultDtype = dtype;
}

export function getDefaultDtype(): DType {
  return defaultDtype;
}

function checkDtype(dtype: unknown, op: string): DType {
  if (!DTYPES.includes(dtype as DType)) {
    throw new DTypeError(`${op}: unknown dtype ${JSON.stringify(dtype)}; expected ${DTYPES.map((d) => `"${d}"`).join(", ")}`, op);
  }
  return dtype as DType;
}

/** A shape from the user: non-negative integers below 2^32. */
export function checkShape(given: unknown, op: string): readonly number[] {
  if (!Array.isArray(given)) throw new ShapeError(`${op}: a shape is an array of sizes, got ${String(given)}`, op);
  // Copied, so that what was checked is what is used.
  const shape = [...(given as unknown[])];
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0) {
      throw new ShapeError(`${op}: ${String(size)} in shape [${shape.join(", ")}] is not a size; sizes are non-negative integers`, op);
    }
    count *= size;
  }
  if (count > 2 ** 29) {
    throw new ShapeError(`${op}: shape [${shape.join(", ")}] has ${count} elements; one tensor holds at most 2^29`, op);
  }
  return shape as number[];
}

function isTyped(value: unknown): value is TypedArray | BigInt64Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

const TYPED: readonly [new (n: number) => TypedArray, DType][] = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
];

/** Flattens nested arrays; their shape must be regular. */
function unnest(value: unknown): { shape: number[]; flat: unknown[] } {
  const shape: number[] = [];
  for (let v = value; Array.isArray(v); v = (v as unknown[])[0]) shape.push(v.length);
  const flat: unknown[] = [];
  const visit = (v: unknown, depth: number) => {
    if (depth === shape.length) {
      if (Array.isArray(v) || isTyped(v)) throw ragged(shape);
      flat.push(v instanceof Tensor ? v.item() : v);
    } else {
      if (!Array.isArray(v) || v.length !== shape[depth]) throw ragged(shape);
      for (const child of v) visit(child, depth + 1);
    }
  };
  visit(value, 0);
  return { shape, flat };
}

function ragged(shape: readonly number[]): ShapeError {
  return new ShapeError(
    `tensor: nested arrays of different lengths (the first ones have shape [${shape.join(", ")}]); every array of a level must have the same length`,
    "tensor",
  );
}

/** A tensor of the engine filled from `data`. The memory may grow when it is allocated, so the view is taken after. */
function upload(data: ArrayLike<number>, shape: readonly number[], dtype: DType): Tensor {
  pass(shape);
  const id = checked(engine.tensor_new(dtypeCode(dtype), shape.length), "tensor");
  const pointer = engine.data_pointer(id);
  const { buffer } = engine.memory;
  switch (dtype) {
    case "float32":
      new Float32Array(buffer, pointer, data.length).set(data);
      break;
    case "float64":
      new Float64Array(buffer, pointer, data.length).set(data);
      break;
    case "int32": {
      const target = new Int32Array(buffer, pointer, data.length);
      // Fractions are cut off, as a cast does; a plain `set` would wrap large numbers silently.
      for (let i = 0; i < data.length; i++) target[i] = Math.max(-2147483648, Math.min(2147483647, Math.trunc(data[i]!)));
      break;
    }
    case "bool": {
      const target = new Uint8Array(buffer, pointer, data.length);
      for (let i = 0; i < data.length; i++) target[i] = data[i] ? 1 : 0;
    }
  }
  return made(id);
}

/** A parameter in place of a fresh plain tensor. */
function asParameter(plain: Tensor): Tensor {
  try {
    return new Tensor(checked(engine.require_grad(idOf(plain)), "requiresGrad"), root);
  } finally {
    plain.dispose();
  }
}

function finish(plain: Tensor, options: CreationOptions): Tensor {
  return options.requiresGrad ? asParameter(plain) : plain;
}

/**
 * A tensor from a number, booleans, nested arrays or a typed array, copied. Without `dtype`: Float64Array gives float64,
 * Int32Array int32, booleans bool, anything else the default dtype. `ad.tensor([])` has shape [0], a number shape [].
 * Throws `ShapeError` for ragged arrays and sizes that do not match `shape`, `DTypeError`, `ValueError`.
 */
export function tensor(value: TensorLike, options: TensorOptions = {}): Tensor {
  if (value instanceof Tensor) {
    throw new ValueError("tensor: the value is a tensor already; use detach() for an independent view, cast() for another dtype", "tensor");
  }
  const dtype = options.dtype === undefined ? undefined : checkDtype(options.dtype, "tensor");
  let shape: readonly number[];
  let data: ArrayLike<number>;
  let natural: DType;
  if (isTyped(value)) {
    // A detached buffer looks like an empty array: only its length 0 tells, when elements were expected.
    if ((value.buffer as { detached?: boolean }).detached === true || (value.byteLength === 0 && value.buffer.byteLength === 0 && options.shape?.every((d) => d > 0))) {
      throw new ValueError("tensor: the typed array's buffer is detached (it was transferred); pass a copy", "tensor");
    }
    if (value instanceof BigInt64Array || (value as unknown) instanceof BigUint64Array) {
      throw new DTypeError("tensor: 64-bit integers are not supported; convert them with Int32Array.from(array, Number)", "tensor");
    }
    data = value;
    shape = [value.length];
    natural = TYPED.find(([type]) => value instanceof type)?.[1] ?? defaultDtype;
  } else if (typeof value === "number" || typeof value === "boolean" || Array.isArray(value)) {
    const nested = unnest(value);
    shape = nested.shape;
    let booleans = 0;
    const numbers = new Float64Array(nested.flat.length);
    nested.flat.forEach((v, i) => {
      if (typeof v === "boolean") booleans++;
      else if (typeof v !== "number") {
        throw new ValueError(`tensor: element ${i} is ${v === null ? "null" : typeof v}${typeof v === "string" ? ` "${v}"` : ""}; elements are numbers or booleans`, "tensor");
      }
      numbers[i] = Number(v);
    });
    if (booleans > 0 && booleans < numbers.length) {
      throw new ValueError("tensor: numbers and booleans are mixed; use one of them, or give numbers 0 and 1", "tensor");
    }
    data = numbers;
    natural = booleans > 0 ? "bool" : defaultDtype;
  } else {
    throw new ValueError(`tensor: cannot make a tensor from ${value === null ? "null" : typeof value}; expected a number, booleans, nested arrays or a typed array`, "tensor");
  }
  if (options.shape !== undefined) {
    shape = checkShape(options.shape, "tensor");
    const count = shape.reduce((a, b) => a * b, 1);
    if (count !== data.length) {
      throw new ShapeError(`tensor: ${data.length} elements do not fill shape [${shape.join(", ")}], which has ${count}`, "tensor");
    }
  }
  return finish(upload(data, shape, dtype ?? natural), options);
}

/** The tensor itself, or one made from numbers: those adopt the float dtype of `like`, so that no digits are lost. */
export function asTensor(value: TensorLike, like?: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  const plain = Array.isArray(value) || typeof value === "number";
  if (plain && like !== undefined && (like.dtype === "float64" || like.dtype === "float32")) return tensor(value, containsBooleans(value) ? {} : { dtype: like.dtype });
  return tensor(value);
}

function containsBooleans(value: unknown): boolean {
  let v = value;
  while (Array.isArray(v)) v = (v as unknown[])[0];
  return typeof v === "boolean";
}

/** All elements `value`. */
export function full(shape: readonly number[], value: number, options: CreationOptions = {}): Tensor {
  return filled("full", shape, value, options);
}

function filled(op: string, shape: readonly number[], value: number, options: CreationOptions): Tensor {
  const sizes = checkShape(shape, op);
  if (typeof value !== "number" && typeof value !== "boolean") throw new ValueError(`${op}: the value must be a number, got ${typeof value}`, op);
  const dtype = options.dtype === undefined ? (typeof value === "boolean" ? "bool" : defaultDtype) : checkDtype(options.dtype, op);
  pass(sizes);
  return finish(made(checked(engine.tensor_full(dtypeCode(dtype), sizes.length, Number(value)), op)), options);
}

export function zeros(shape: readonly number[], options: CreationOptions = {}): Tensor {
  return filled("zeros", shape, 0, options);
}

export function ones(shape: readonly number[], options: CreationOptions = {}): Tensor {
  return filled("ones", shape, 1, options);
}

/** Zeros of another tensor's shape, and of its dtype unless given. */
export function zerosLike(like: Tensor, options: CreationOptions = {}): Tensor {
  return filled("zerosLike", like.shape, 0, { dtype: like.dtype, ...options });
}

export function onesLike(like: Tensor, options: CreationOptions = {}): Tensor {
  return filled("onesLike", like.shape, 1, { dtype: like.dtype, ...options });
}

export function fullLike(like: Tensor, value: number, options: CreationOptions = {}): Tensor {
  return filled("fullLike", like.shape, value, { dtype: like.dtype, ...options });
}

/** The identity matrix [rows, columns = rows]. */
export function eye(rows: number, columns: number | CreationOptions = rows, options: CreationOptions = {}): Tensor {
  if (typeof columns === "object") return eye(rows, rows, columns);
  checkShape([rows, columns], "eye");
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) data[i * columns + i] = 1;
  return finish(upload(data, [rows, columns], options.dtype === undefined ? defaultDtype : checkDtype(options.dtype, "eye")), options);
}

/**
 * start, start + step, ... below end (above, for a negative step): `arange(end)`, `arange(start, end)`, `arange(start, end, step)`.
 * int32 when asked for; the default dtype otherwise.
 */
export function arange(start: number, end?: number | CreationOptions, step?: number | CreationOptions, options: CreationOptions = {}): Tensor {
  if (typeof end === "object") return arange(0, start, 1, end);
  if (typeof step === "object") return arange(start, end, 1, step);
  if (end === undefined) return arange(0, start, 1, options);
  const by = step ?? 1;
  if (!Number.isFinite(start) || !Number.isFinite(end) || !Number.isFinite(by) || by === 0) {
    throw new ValueError(`arange: from ${start} to ${end} by ${by} is not a finite range; the step must not be 0`, "arange");
  }
  const count = Math.max(0, Math.ceil((end - start) / by));
  checkShape([count], "arange");
  const data = Float64Array.from({ length: count }, (_, i) => start + i * by);
  return finish(upload(data, [count], options.dtype === undefined ? defaultDtype : checkDtype(options.dtype, "arange")), options);
}

/** `count` numbers evenly spaced from start to end, both included. */
export function linspace(start: number, end: number, count: number, options: CreationOptions = {}): Tensor {
  checkShape([count], "linspace");
  const data = Float64Array.from({ length: count }, (_, i) => {
    const t = count === 1 ? 0 : i / (count - 1);
    // Exact at both ends.
    return start * (1 - t) + end * t;
  });
  return finish(upload(data, [count], options.dtype === undefined ? defaultDtype : checkDtype(options.dtype, "linspace")), options);
}
