/**
 * `Tensor`: a handle. The numbers live in the engine; this object holds their id, the scope that will release them, and
 * what was asked before (shape, dtype). Ops are attached as methods by `methods.ts`.
 */
import { noteConversion, noteRead } from "./conversions.js";
import { describe, TENSOR_BRAND, THIS_COPY } from "./input/describe.js";
import { DTYPES, elements, type DType, type TypedArray } from "./dtype.js";
import { resolve } from "./captures.js";
import { DisposedError, EscapedValueError, ValueError } from "./errors.js";
import { Hold } from "./memory/holds.js";
import { hold, holdOutside, makeRoom, readMovedOut, readNumberMovedOut, wake } from "./memory/sweeps.js";
import { NOWHERE, type MovedOut } from "./memory/spill.js";
import { current, root, type Owner, type ScopeToken } from "./memory/memory.js";
import type { TensorProperties } from "./methods.js";
import { print } from "./printing.js";
import { MetaFlag } from "./runtime/boundary.js";
import { checked, engine, failure, scratch } from "./runtime/instance.js";
import type { TensorMethods } from "./tensor-methods.js";
import type { Hook } from "./transforms/sweeping.js";

/** Nested arrays of numbers or booleans, as `toArray()` gives them. */
export type Nested = number | boolean | Nested[];

/** What is accepted wherever a tensor is: numbers, booleans, typed arrays, nested arrays of them. Tensors in arrays are stacked, with their derivatives. */
export type TensorLike = number | boolean | Tensor | TypedArray | readonly TensorLike[];

export interface Tensor extends TensorMethods, TensorProperties {}

/**
 * An array of numbers of one dtype: float32, float64, int32 or bool. Its numbers are not changed by ops; they live in the engine's memory
 * and are released with the tensor. Made by `tensor()`, `zeros()` and so on, and by ops, each of which is a function and a method.
 */
// The methods of the interface are attached to the prototype in methods.ts.
export class Tensor {
  /** @internal The engine's id; 0 once disposed. Use `idOf`. */
  handle: number;
  /** @internal Who releases it. */
  scope: Owner;
  /** @internal A parameter that was frozen by `requiresGrad = false`. */
  frozen = false;
  /** @internal Functions of `registerHook`. */
  hooks: Set<Hook> | null = null;
  /** @internal */
  private knownShape: readonly number[] | null = null;
  /** @internal */
  private knownDtype: DType | null = null;
  /** @internal What `grad` gave last. */
  cachedGradient: Tensor | null = null;

  /** Tensors are made by `tensor()`, `zeros()` and ops. */
  protected constructor(handle: never, scope: never);
  /** @internal `kept`: of the root, and neither a step nor a loop releases it. */
  protected constructor(handle: number, scope: Owner, kept?: boolean);
  protected constructor(handle: number, scope: Owner, kept = false) {
    this.handle = handle;
    this.scope = scope === root ? hold(this, handle, root, kept) : scope;
    if (scope.log !== null) scope.log.push(this);
  }

  /** @internal The scope it was made in has ended; `scope` is the next one out. */
  moveTo(scope: ScopeToken, kept = false): void {
    this.scope = scope === root ? hold(this, this.handle, scope, kept) : scope;
    if (scope.log !== null) scope.log.push(this);
  }

  /** @internal What the engine need not be asked. */
  knows(shape: readonly number[], dtype: DType): this {
    this.knownShape = shape;
    this.knownDtype = dtype;
    return this;
  }

  /** @internal Asks the engine for shape and dtype; returns its flags. */
  private describe(): number {
    const rank = checked(engine.meta(idOf(this))) - 1;
    const s = scratch(rank + 2);
    this.knownDtype = DTYPES[s[0]!]!;
    const dims: number[] = [];
    for (let i = 2; i < 2 + rank; i++) dims.push(s[i]!);
    this.knownShape = Object.freeze(dims);
    return s[1]!;
  }

  /** The sizes of the axes; inside vmap without the batch axis. */
  get shape(): readonly number[] {
    if (!this.knownShape) this.describe();
    return this.knownShape!;
  }

  /** The type of the elements: "float32", "float64", "int32" or "bool". */
  get dtype(): DType {
    if (!this.knownDtype) this.describe();
    return this.knownDtype!;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    let size = 1;
    for (const d of this.shape) size *= d;
    return size;
  }

  /** @internal What `requiresGrad` says. */
  get isTracked(): boolean {
    return (this.describe() & MetaFlag.RequiresGrad) !== 0;
  }

  /** @internal Whether a transform under way differentiates or batches it. */
  get isInTransform(): boolean {
    return (this.describe() & MetaFlag.InTransform) !== 0;
  }

  /** Whether it was made by the user rather than by an op that is recorded. */
  get isLeaf(): boolean {
    const flags = this.describe();
    return (flags & MetaFlag.RequiresGrad) === 0 || (flags & MetaFlag.Leaf) !== 0;
  }

  /**
   * The number in a tensor of one element, 0 or 1 for bool; its derivative is not recorded. Works under grad and jvp. Throws `ValueError`
   * for more elements, `TracedValueError` inside vmap, where there are many numbers at once.
   */
  item(): number {
    noteRead(this);
    const number = readNumberMovedOut(this);
    if (number !== null) return number;
    const outside = readMovedOut(this);
    if (outside !== null && outside.length === 1) return outside[0]!;
    const value = engine.item(idToRead(this));
    // NaN is what a failure returns, and a number a tensor may hold.
    if (Number.isNaN(value) && engine.error_code() !== 0) throw failure("item");
    return value;
  }

  /**
   * A copy of the elements in row-major order: Float32Array, Float64Array, Int32Array, Uint8Array for bool. Throws `TracedValueError` inside
   * vmap.
   */
  data(): TypedArray {
    noteRead(this);
    const outside = readMovedOut(this);
    if (outside !== null) return outside;
    const pointer = checked(engine.read(idToRead(this)), "data");
    const [code, count] = scratch();
    const copy = elements(DTYPES[code!]!, engine.memory.buffer, pointer, count!).slice();
    engine.read_done();
    return copy;
  }

  /**
   * The elements as nested arrays (a number for a 0-d tensor); booleans for bool. The type can be named where it matters:
   * `toArray<number[][]>()`. Throws `TracedValueError` inside vmap.
   */
  toArray<Result extends Nested = any[]>(): Result {
    const data = this.data();
    const shape = this.shape;
    const boolean = this.dtype === "bool";
    const nest = (axis: number, from: number, count: number): Nested => {
      if (axis === shape.length) return boolean ? data[from] !== 0 : data[from]!;
      const step = count / (shape[axis]! || 1);
      return Array.from({ length: shape[axis]! }, (_, i) => nest(axis + 1, from + i * step, step));
    };
    return nest(0, 0, data.length) as Result;
  }

  /** What `JSON.stringify` writes: `toArray()`. JSON has no NaN and no infinities, they become null; dtype and shape of empty axes are not kept. */
  toJSON(): Nested {
    return this.toArray<Nested>();
  }

  /** Releases the numbers now. A second call does nothing; any other use throws `DisposedError`. */
  dispose(): void {
    if (!(this.handle > 0)) return;
    if (this.scope instanceof Hold) this.scope.release();
    else if (this.scope.alive) engine.dispose(this.handle);
    this.handle = 0;
  }

  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `tensor([[1, 2]], float32)`; of large tensors the ends of each axis, so that the text stays small. */
  toString(): string {
    if (this.handle === 0) return "tensor(disposed)";
    if (!(this.handle > 0)) return "tensor(not made by adjoint)";
    if (!this.scope.alive) return this.scope.reason === null ? "tensor(its scope has ended)" : "tensor(released)";
    const id = idOf(this);
    const note = `, ${this.dtype}${this.requiresGrad ? ", requiresGrad" : ""})`;
    // Inside vmap one tensor stands for many: there are no numbers to show.
    const pointer = engine.read(id);
    if (pointer === 0) {
      engine.clear_error();
      return `tensor(shape [${this.shape.join(", ")}]${note}`;
    }
    return print(elements(this.dtype, engine.memory.buffer, pointer, this.size), this.shape, this.dtype === "bool", "tensor(", note);
  }

  /** What Node's console shows: `toString()`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /**
   * Plain JavaScript operators. `+` and `==` (the default hint) are refused, because they would silently cut the derivative or compare
   * handles; the language does not tell `x * x` from `x > 1`, so these read the number, and transforms look at `conversions`.
   */
  [Symbol.toPrimitive](hint: string): string | number {
    if (hint === "string") return this.toString();
    if (hint === "default") {
      throw new ValueError(
        "`+` and `==` do not work on tensors: use x.add(y) and x.eq(y) (or x.item() === y for numbers). In strings use `${x}`",
        "toPrimitive",
      );
    }
    if (this.size !== 1) {
      throw new ValueError(
        `\`*\`, \`-\`, \`/\`, \`<\` and Math functions do not work on tensors (this one has shape [${this.shape.join(", ")}]): use x.mul(y), x.sub(y), x.div(y), x.lt(y), x.exp(). In strings use \`\${x}\``,
        "toPrimitive",
      );
    }
    const value = this.item();
    if (this.isInTransform) noteConversion();
    return value;
  }
}

Object.defineProperty(Tensor.prototype, TENSOR_BRAND, { value: THIS_COPY });

/** The id of a tensor that may be used. */
export function idOf(tensor: Tensor): number {
  if (tensor.handle > 0 && tensor.scope.open) return tensor.handle;
  return idFromOutside(tensor);
}

/** The same where nothing is made: whoever reads one tensor after the other that was moved out fills the memory too. */
function idToRead(tensor: Tensor): number {
  if (tensor.scope?.open) return idOf(tensor);
  makeRoom();
  return idFromOutside(tensor);
}

/** The id of a tensor that was not used for a while, or that a watched function uses and did not make, if it may be used. */
function idFromOutside(tensor: Tensor): number {
  if (!(tensor instanceof Tensor) || !Number.isInteger(tensor.handle)) throw unusable(tensor);
  wake(tensor);
  const id = resolve(tensor);
  if (id === 0) throw unusable(tensor);
  return id;
}

function unusable(tensor: Tensor): Error {
  if (!(tensor instanceof Tensor) || !Number.isInteger(tensor.handle))
    return new ValueError(`expected a tensor, got ${describe(tensor)}; tensors are made by tensor(), zeros() and ops only`);
  if (tensor.handle === 0) return new DisposedError("this tensor was disposed; create it again, or dispose it later");
  if (tensor.scope.reason !== null) return tensor.scope.reason();
  return new EscapedValueError(
    "this tensor was made inside a scope or transform that has ended; return it from there (for grad: with hasAux) instead of storing it outside",
  );
}

/** The constructor, for those who have an id to give it; the public has none. */
export const TensorOf = Tensor as unknown as new (handle: number, scope: Owner, kept?: boolean) => Tensor;

/** The tensor of a fresh id. */
export function made(id: number): Tensor {
  return new TensorOf(id, current);
}

/** The tensor of numbers that lie outside of the engine until they are used; at the root only, where nothing else releases it. */
export function madeOutside(out: MovedOut, shape: readonly number[], dtype: DType): Tensor {
  return new TensorOf(NOWHERE, holdOutside(out, root)).knows(shape, dtype);
}
