/** What files are made of: bytes as users have them, and numbers of types that tensors do not have. A file is hostile until it has been checked. */
import { describe } from "../input/describe.js";
import { upload } from "../input/upload.js";
import { elements, newElements, type DType } from "../dtype.js";
import { FormatError, ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";

/** The contents of a file: a Uint8Array (a Buffer of Node is one), another view, or an ArrayBuffer. */
export type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** A view of a buffer, which may have been given away. */
function viewOf(op: string, buffer: ArrayBufferLike, from = 0, length?: number): Uint8Array<ArrayBufferLike> {
  try {
    return new Uint8Array(buffer, from, length);
  } catch {
    throw new ValueError(`${op}: the buffer of the bytes was transferred elsewhere and is gone; pass the bytes before, or a copy`, op);
  }
}

/** The bytes of a file, as they are, not copied. */
export function readBytes(op: string, given: unknown): Uint8Array<ArrayBufferLike> {
  // A Buffer of Node too: its slices are no copies.
  if (ArrayBuffer.isView(given)) return viewOf(op, given.buffer, given.byteOffset, given.byteLength);
  const tag = Object.prototype.toString.call(given);
  if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]") return viewOf(op, given as ArrayBuffer);
  const cure =
    typeof given === "string"
      ? "a name is not read: pass readFileSync(name) in Node, await (await fetch(url)).arrayBuffer() elsewhere"
      : given instanceof Promise || tag === "[object Response]" || tag === "[object Blob]"
        ? "await it first, as an ArrayBuffer"
        : "pass a Uint8Array or ArrayBuffer";
  throw new ValueError(`${op}: expected the bytes of a file, got ${describe(given)}; ${cure}`, op);
}

/** More elements than a tensor may have. */
const MOST_ELEMENTS = 2 ** 29;
const MOST_AXES = 64;

/** How many elements a shape of a file has; `where` begins the message when it has none. */
export function countOf(op: string, where: string, shape: readonly unknown[]): number {
  if (shape.length > MOST_AXES) throw new FormatError(`${op}: ${where} has ${shape.length} axes; at most ${MOST_AXES} are possible`, op);
  let count = 1;
  for (const size of shape) {
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
      throw new FormatError(`${op}: ${where} has a shape with the entry ${describe(size)}; expected whole numbers from 0`, op);
    count *= size;
  }
  // Sizes behind a 0 may be anything, and so may their product.
  if (shape.some((size) => (size as number) > MOST_ELEMENTS) || count > MOST_ELEMENTS)
    throw new FormatError(`${op}: ${where} has shape [${shape.join(", ")}], more elements than a tensor can have`, op);
  return count;
}

/** A type of numbers in files. */
export interface NumberType {
  /** Bytes of one. */
  readonly size: number;
  /** The dtype of a tensor that holds them. */
  readonly dtype: DType;
  /** They lie as the tensor's do, and are copied where the order of bytes is the host's. */
  readonly native?: true;
  readonly read: (view: DataView, at: number, little: boolean) => number;
  /** What is wrong with a number, where not all fit. */
  readonly fits?: (value: number) => boolean;
}

/** A half-precision number, exactly: sign, 5 bits of exponent, 10 of fraction. */
function half(view: DataView, at: number, little: boolean): number {
  const bits = view.getUint16(at, little);
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const magnitude =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

const scratch = new DataView(new ArrayBuffer(4));
/** A bfloat16 number: the upper half of a float32. */
function brain(view: DataView, at: number, little: boolean): number {
  scratch.setUint32(0, view.getUint16(at, little) << 16);
  return scratch.getFloat32(0);
}

const isInt32 = (value: number) => value === (value | 0);

/** The types, under the names of safetensors. */
export const NUMBER_TYPES: Readonly<Record<string, NumberType>> = {
  F64: { size: 8, dtype: "float64", native: true, read: (view, at, little) => view.getFloat64(at, little) },
  F32: { size: 4, dtype: "float32", native: true, read: (view, at, little) => view.getFloat32(at, little) },
  I32: { size: 4, dtype: "int32", native: true, read: (view, at, little) => view.getInt32(at, little) },
  BOOL: { size: 1, dtype: "bool", native: true, read: (view, at) => view.getUint8(at), fits: (value) => value <= 1 },
  F16: { size: 2, dtype: "float32", read: half },
  BF16: { size: 2, dtype: "float32", read: brain },
  I64: { size: 8, dtype: "int32", read: (view, at, little) => Number(view.getBigInt64(at, little)), fits: isInt32 },
  U64: { size: 8, dtype: "int32", read: (view, at, little) => Number(view.getBigUint64(at, little)), fits: isInt32 },
  U32: { size: 4, dtype: "int32", read: (view, at, little) => view.getUint32(at, little), fits: isInt32 },
  I16: { size: 2, dtype: "int32", read: (view, at, little) => view.getInt16(at, little) },
  U16: { size: 2, dtype: "int32", read: (view, at, little) => view.getUint16(at, little) },
  I8: { size: 1, dtype: "int32", read: (view, at) => view.getInt8(at) },
  U8: { size: 1, dtype: "int32", read: (view, at) => view.getUint8(at) },
};

/** A tensor of the numbers in `bytes`, of which there are as many as the shape says. */
export function tensorOf(
  op: string,
  where: string,
  bytes: Uint8Array<ArrayBufferLike>,
  type: NumberType,
  shape: readonly number[],
  little = true,
): Tensor {
  const { size, dtype, native, read, fits } = type;
  const count = bytes.length / size;
  const isCopied = native === true && (little || size === 1);
  // Copied: views must lie at multiples of their elements' size. Whole numbers of other types may be larger than an int32 until they are checked.
  const values = isCopied ? elements(dtype, bytes.slice().buffer, 0, count) : newElements(dtype === "int32" ? "float64" : dtype, count);
  if (!isCopied) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) values[i] = read(view, i * size, little);
  }
  if (fits !== undefined) check(op, where, values, fits, dtype);
  return upload(values, shape, dtype, op);
}

function check(op: string, where: string, values: ArrayLike<number>, fits: (value: number) => boolean, dtype: DType): void {
  for (let i = 0; i < values.length; i++) {
    if (!fits(values[i]!))
      throw new FormatError(
        `${op}: ${where} holds ${values[i]} (element ${i}), which ${dtype} does not; write the file with another type of numbers`,
        op,
      );
  }
}

/** Makes tensors; when one cannot be made, those before it are released. */
export function allOrNone<T>(items: readonly T[], make: (item: T) => readonly [name: string, tensor: Tensor]): Record<string, Tensor> {
  const made: (readonly [string, Tensor])[] = [];
  try {
    for (const item of items) made.push(make(item));
  } catch (error) {
    for (const [, tensor] of made) tensor.dispose();
    throw error;
  }
  // Own properties, whatever the names are.
  return Object.fromEntries(made);
}
