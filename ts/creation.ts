/** Making tensors from numbers. */
import { atMost, boolean, number } from "./input/arguments.js";
import { assemble } from "./input/assemble.js";
import { describe } from "./input/describe.js";
import { dtypeCode, isFloat, type DType } from "./dtype.js";
import { DTypeError, OutOfMemoryError, ShapeError, ValueError } from "./errors.js";
import { root } from "./memory/memory.js";
import { checkDtype, checkShape, readValue } from "./input/nested.js";
import { isPlainObject, readOptions } from "./input/options.js";
import { run } from "./run.js";
import { checked, engine, pass } from "./runtime/instance.js";
import { idOf, made, Tensor, TensorOf, type TensorLike } from "./tensor.js";
import { filledBy, upload } from "./input/upload.js";

export { checkShape };

/** Options of what makes tensors. */
export interface CreationOptions {
  /** "float32", "float64", "int32" or "bool"; each function says what it takes otherwise. */
  dtype?: DType;
  /** Makes it a leaf for `backward()`: a parameter, which outlives scopes. */
  requiresGrad?: boolean;
}

/** Options of `tensor`. */
export interface TensorOptions extends CreationOptions {
  /** The shape of the elements given, row-major. */
  shape?: readonly number[];
}

/** What `getDefaultDtype()` says, for those who ask at every call. */
export let defaultDtype: DType = "float32";

/** Sets the dtype of tensors made from plain numbers, "float32" or "float64"; "float32" at the start. Throws `DTypeError` for others. */
export function setDefaultDtype(dtype: DType): void {
  atMost("setDefaultDtype", arguments, 1);
  if (dtype !== "float32" && dtype !== "float64") {
    throw new DTypeError(`setDefaultDtype: ${describe(dtype)} cannot be the default; expected "float32" or "float64"`, "setDefaultDtype");
  }
  defaultDtype = dtype;
}

/** The dtype of tensors made from plain numbers: "float32" unless `setDefaultDtype` said otherwise. */
export function getDefaultDtype(): DType {
  atMost("getDefaultDtype", arguments, 0);
  return defaultDtype;
}

/** The options of a function that makes a tensor, each read once and checked. */
function creationOptions(
  op: string,
  given: TensorOptions | undefined,
  known: readonly (keyof TensorOptions)[] = ["dtype", "requiresGrad"],
) {
  const { dtype, shape, requiresGrad = false } = readOptions(op, given, known);
  if (dtype !== undefined) checkDtype(dtype, op);
  return { dtype, shape, requiresGrad: boolean(op, "requiresGrad", requiresGrad) };
}

/** A parameter in place of a fresh plain tensor. */
function asParameter(plain: Tensor): Tensor {
  try {
    return new TensorOf(checked(engine.require_grad(idOf(plain)), "requiresGrad"), root, true);
  } finally {
    plain.dispose();
  }
}

const finish = (plain: Tensor, requiresGrad: boolean): Tensor => (requiresGrad ? asParameter(plain) : plain);

/**
 * A tensor from a number, booleans, nested arrays or a typed array, copied. Without `dtype`: Float64Array gives float64,
 * Int32Array int32, booleans bool, anything else the default dtype. `ad.tensor([])` has shape [0], a number shape [].
 * Tensors in nested arrays are stacked, with their derivatives: `ad.tensor([x.mul(2), x, 1])`; their dtype is kept.
 * Throws `ShapeError` for ragged arrays and sizes that do not match `shape`, `DTypeError`, `ValueError`.
 *
 * @example
 * const x = ad.tensor([[1, 2], [3, 4]], { dtype: "float64", requiresGrad: true });
 */
export function tensor(value: TensorLike, options?: TensorOptions): Tensor {
  atMost("tensor", arguments, 2);
  if (value instanceof Tensor) {
    idOf(value);
    throw new ValueError(
      "tensor: the value is a tensor already; new nn.Parameter(t) makes a parameter of it, detach() gives its values without its history, cast() another dtype, reshape() another shape",
      "tensor",
    );
  }
  const { dtype, shape, requiresGrad } = creationOptions("tensor", options, ["dtype", "shape", "requiresGrad"]);
  return finish(build("tensor", value, dtype, shape), requiresGrad);
}

/** A tensor from anything but a tensor. Plain numbers adopt the dtype of `like`, where that can hold them. */
function build(op: string, value: unknown, dtype: DType | undefined, wanted?: readonly number[], like?: DType): Tensor {
  const contents = readValue(op, value);
  let { shape } = contents;
  const inner = contents.tensors === null ? [] : contents.tensors.values().next().value!.shape;
  if (wanted !== undefined) {
    shape = checkShape(wanted, op);
    const [count, have] = [shape, contents.shape.concat(inner)].map((sizes) => sizes.reduce((a, b) => a * b, 1));
    if (count !== have) throw new ShapeError(`${op}: ${have} elements do not fill shape [${shape.join(", ")}], which has ${count}`, op);
  }
  if (contents.tensors !== null) {
    const joined = assemble(op, contents, dtype, like === "float64" ? like : defaultDtype);
    if (wanted === undefined) return joined;
    try {
      return run("reshape", [joined], shape);
    } finally {
      joined.dispose();
    }
  }
  return upload(contents.data, shape, dtype ?? contents.natural ?? adopted(contents.data, like), op);
}

/** The dtype of plain numbers beside a tensor of dtype `like`: its own where it can hold them, so that no digits are lost. */
function adopted(data: ArrayLike<number>, like: DType | undefined): DType {
  if (like === "float32" || like === "float64") return like;
  if (like === undefined) return defaultDtype;
  for (let i = 0; i < data.length; i++) if (data[i] !== (data[i]! | 0)) return defaultDtype;
  return "int32";
}

/** The tensor itself, or one made from numbers and arrays: those adopt the dtype of `like` where it can hold them. `op` is who asks. */
export function asTensor(value: TensorLike, like?: Tensor, op = "tensor"): Tensor {
  return value instanceof Tensor ? value : build(op, value, undefined, undefined, like?.dtype);
}

/**
 * A tensor whose elements are all `value`: `full([2, 3], 0.5)`. The default dtype for a number, bool for a boolean. Throws `ShapeError`, and
 * `ValueError` for a value that the dtype cannot hold.
 */
export function full(shape: readonly number[], value: number | boolean, options?: CreationOptions): Tensor {
  atMost("full", arguments, 3);
  return filled("full", shape, options, value);
}

/** Sizes one by one, with options behind them or without. */
function oneByOne(given: readonly unknown[]): [shape: unknown, options: unknown] {
  return isPlainObject(given.at(-1)) ? [given.slice(0, -1), given.at(-1)] : [given, undefined];
}

function filled(op: string, shape: unknown, given: unknown, value: number | boolean, like?: DType): Tensor {
  const sizes = checkShape(shape, op);
  if (typeof value !== "number" && typeof value !== "boolean")
    throw new ValueError(`${op}: the value must be a number, got ${describe(value)}`, op);
  const { dtype = like ?? (typeof value === "boolean" ? "bool" : defaultDtype), requiresGrad } = creationOptions(
    op,
    given as CreationOptions | undefined,
  );
  if (dtype === "int32" && Number(value) !== (Number(value) | 0))
    throw new ValueError(`${op}: ${String(value)} is not an int32; give another dtype, or a whole number`, op);
  pass(sizes);
  return finish(made(checked(engine.tensor_full(dtypeCode(dtype), sizes.length, Number(value)), op)), requiresGrad);
}

/** Zeros of the default dtype: `zeros([2, 3])` or `zeros(2, 3)`, `zeros([])` for a 0-d tensor. Throws `ShapeError` for what is no shape. */
export function zeros(shape: readonly number[], options?: CreationOptions): Tensor;
export function zeros(...sizes: number[] | [...sizes: number[], options: CreationOptions]): Tensor;
export function zeros(...given: unknown[]): Tensor {
  if (typeof given[0] === "number") return filled("zeros", ...oneByOne(given), 0);
  atMost("zeros", given, 2);
  return filled("zeros", given[0], given[1], 0);
}

/** Ones of the default dtype: `ones([2, 3])` or `ones(2, 3)`, `ones([])` for a 0-d tensor. Throws `ShapeError` for what is no shape. */
export function ones(shape: readonly number[], options?: CreationOptions): Tensor;
export function ones(...sizes: number[] | [...sizes: number[], options: CreationOptions]): Tensor;
export function ones(...given: unknown[]): Tensor {
  if (typeof given[0] === "number") return filled("ones", ...oneByOne(given), 1);
  atMost("ones", given, 2);
  return filled("ones", given[0], given[1], 1);
}

function filledLike(op: string, like: TensorLike, value: number, options: CreationOptions | undefined): Tensor {
  const model = asTensor(like, undefined, op);
  try {
    return filled(op, model.shape, options, value, model.dtype);
  } finally {
    if (model !== like) model.dispose();
  }
}

/** Zeros of another tensor's shape, and of its dtype unless given. */
export function zerosLike(like: TensorLike, options?: CreationOptions): Tensor {
  atMost("zerosLike", arguments, 2);
  return filledLike("zerosLike", like, 0, options);
}

/** Ones of another tensor's shape, and of its dtype unless given. */
export function onesLike(like: TensorLike, options?: CreationOptions): Tensor {
  atMost("onesLike", arguments, 2);
  return filledLike("onesLike", like, 1, options);
}

/** All elements `value`, in another tensor's shape, and of its dtype unless given. */
export function fullLike(like: TensorLike, value: number, options?: CreationOptions): Tensor {
  atMost("fullLike", arguments, 3);
  return filledLike("fullLike", like, value, options);
}

/** The identity matrix [rows, columns], ones on its diagonal, of the default dtype; square unless `columns` is given. Throws `ShapeError`. */
export function eye(rows: number, columns?: number | CreationOptions, options?: CreationOptions): Tensor {
  atMost("eye", arguments, 3);
  if (isPlainObject(columns) && options === undefined) return eye(rows, undefined, columns);
  const shape = checkShape([rows, columns ?? rows], "eye");
  const { dtype = defaultDtype, requiresGrad } = creationOptions("eye", options);
  const plain = filledBy(shape, dtype, "eye", (target) => {
    target.fill(0);
    for (let i = 0; i < Math.min(shape[0]!, shape[1]!); i++) target[i * shape[1]! + i] = 1;
  });
  return finish(plain, requiresGrad);
}

/**
 * start, start + step, ... below end (above, for a negative step): `arange(end)`, `arange(start, end)`, `arange(start, end, step)`.
 * int32 when asked for (`{ dtype: "int32" }`); the default dtype otherwise. Throws `ValueError` for a step of 0.
 *
 * @example
 * ad.arange(0, 1, 0.25); // [0, 0.25, 0.5, 0.75]
 */
export function arange(start: number, end?: number | CreationOptions, step?: number | CreationOptions, options?: CreationOptions): Tensor {
  atMost("arange", arguments, 4);
  if (isPlainObject(end) && step === undefined) return arange(0, start, 1, end);
  if (isPlainObject(step) && options === undefined) return arange(start, end, 1, step);
  if (end === undefined) return arange(0, start, step, options);
  const [from, to, by] = [number("arange", "start", start), number("arange", "end", end), number("arange", "step", step ?? 1)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || !Number.isFinite(by) || by === 0) {
    throw new ValueError(`arange: from ${from} to ${to} by ${by} is not a finite range; the step must not be 0`, "arange");
  }
  const shape = checkShape([Math.max(0, Math.ceil((to - from) / by))], "arange");
  const { dtype = defaultDtype, requiresGrad } = creationOptions("arange", options);
  return finish(
    sequence("arange", shape, dtype, (i) => from + i * by),
    requiresGrad,
  );
}

/** `count` numbers evenly spaced from start to end, both included and exact; of the default dtype. Throws `ShapeError` for a negative count. */
export function linspace(start: number, end: number, count: number, options?: CreationOptions): Tensor {
  atMost("linspace", arguments, 4);
  const [from, to] = [number("linspace", "start", start), number("linspace", "end", end)];
  const shape = checkShape([count], "linspace");
  const { dtype = defaultDtype, requiresGrad } = creationOptions("linspace", options);
  // Exact at both ends.
  const between = (t: number) => from * (1 - t) + to * t;
  return finish(
    sequence("linspace", shape, dtype, (i) => between(count === 1 ? 0 : i / (count - 1))),
    requiresGrad,
  );
}

/** The numbers at 0, 1, ... in a tensor: floats where they lie, what has to be looked at first by way of a list. */
function sequence(op: string, shape: readonly number[], dtype: DType, at: (i: number) => number): Tensor {
  const count = shape[0]!;
  const write = (target: { [i: number]: number }) => {
    for (let i = 0; i < count; i++) target[i] = at(i);
  };
  if (isFloat(dtype)) return filledBy(shape, dtype, op, write);
  let data: Float64Array;
  try {
    data = new Float64Array(count);
  } catch {
    throw new OutOfMemoryError(`${op}: no memory for ${count} numbers; make fewer`, op);
  }
  write(data);
  return upload(data, shape, dtype, op);
}
