/**
 * `Tensor`: a handle. The numbers live in the engine; this object holds their id, the scope that will release them, and
 * what was asked before (shape, dtype). Ops are attached as methods by `methods.ts`.
 */
import { DTYPES, type DType, type TypedArray } from "./dtype.js";
import { resolve } from "./captures.js";
import { DisposedError, EscapedValueError, NotInitializedError } from "./errors.js";
import { root, current, watch, type Cell, type ScopeToken } from "./memory.js";
import type { TensorMethods } from "./methods.js";
import { checked, engine, scratch } from "./runtime/instance.js";
import type { Hook } from "./transforms/sweeping.js";

/** Nested arrays of numbers or booleans, as `toArray()` gives them. */
export type Nested = number | boolean | Nested[];

/** What is accepted wherever a tensor is. */
export type TensorLike = Tensor | number | boolean | Nested[] | TypedArray;

const [REQUIRES_GRAD, LEAF] = [1, 2];

export interface Tensor extends TensorMethods {}

// The methods of the interface are attached to the prototype in methods.ts.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class Tensor {
  /** The engine's id; 0 once disposed. Use `idOf`. */
  handle: number;
  /** Who releases it. */
  scope: ScopeToken;
  /** @internal Functions of `registerHook`. */
  hooks: Set<Hook> | null = null;
  private cell: Cell | null;
  private dims: readonly number[] | null = null;
  private type: DType | null = null;
  private cachedGradient: { id: number; tensor: Tensor } | null = null;

  /** @internal Tensors are made by `tensor()`, `zeros()` and ops. */
  constructor(handle: number, scope: ScopeToken) {
    this.handle = handle;
    this.scope = scope;
    this.cell = scope === root ? watch(this, handle) : null;
  }

  /** @internal The scope it was made in has ended; `scope` is the next one out. */
  moveTo(scope: ScopeToken): void {
    this.scope = scope;
    if (scope === root) this.cell = watch(this, this.handle);
  }

  private describe(): number {
    const rank = checked(engine.meta(idOf(this))) - 1;
    const s = scratch(rank + 2);
    this.type = DTYPES[s[0]!]!;
    this.dims = Object.freeze(Array.from(s.subarray(2, 2 + rank)));
    return s[1]!;
  }

  /** The sizes of the axes; inside vmap without the batch axis. */
  get shape(): readonly number[] {
    if (this.dims === null) this.describe();
    return this.dims!;
  }

  get dtype(): DType {
    if (this.type === null) this.describe();
    return this.type!;
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

  /** Whether `backward()` reaches it: a parameter, or computed from one. */
  get requiresGrad(): boolean {
    return (this.describe() & REQUIRES_GRAD) !== 0;
  }

  /** Whether it was made by the user rather than by an op that is recorded. */
  get isLeaf(): boolean {
    const flags = this.describe();
    return (flags & REQUIRES_GRAD) === 0 || (flags & LEAF) !== 0;
  }

  /** What `backward()` has added up here, or null. The same object until it changes. */
  get grad(): Tensor | null {
    const id = engine.gradient_id(idOf(this));
    if (id === 0) {
      this.cachedGradient = null;
      return null;
    }
    const known = this.cachedGradient;
    if (known !== null && known.id === id && known.tensor.handle !== 0 && known.tensor.scope.alive) return known.tensor;
    const tensor = made(checked(engine.gradient(this.handle)));
    this.cachedGradient = { id, tensor };
    return tensor;
  }

  set grad(value: Tensor | null) {
    checked(engine.set_gradient(idOf(this), value === null ? 0 : idOf(value)), "grad");
    this.cachedGradient = null;
  }

  /** The number in a tensor of one element; works under grad and jvp, not inside vmap or compile. */
  item(): number {
    checked(engine.item(idOf(this)), "item");
    return scratch()[0]!;
  }

  /** A copy of the elements in row-major order; Uint8Array for bool. */
  data(): TypedArray {
    const pointer = checked(engine.read(idOf(this)), "data");
    const [code, count] = scratch();
    const buffer = engine.memory.buffer;
    switch (DTYPES[code!]) {
      case "float64":
        return new Float64Array(buffer, pointer, count).slice();
      case "int32":
        return new Int32Array(buffer, pointer, count).slice();
      case "bool":
        return new Uint8Array(buffer, pointer, count).slice();
      default:
        return new Float32Array(buffer, pointer, count).slice();
    }
  }

  /** The elements as nested arrays (a number for a 0-d tensor); booleans for bool. */
  toArray(): any {
    const data = this.data();
    const shape = this.shape;
    const at = (i: number) => (this.dtype === "bool" ? data[i] !== 0 : data[i]!);
    const nest = (axis: number, from: number, count: number): Nested => {
      if (axis === shape.length) return at(from);
      const step = count / (shape[axis]! || 1);
      return Array.from({ length: shape[axis]! }, (_, i) => nest(axis + 1, from + i * step, step));
    };
    return nest(0, 0, data.length);
  }

  /** Releases the numbers now. A second call does nothing; any other use throws `DisposedError`. */
  dispose(): void {
    if (this.handle === 0) return;
    if (this.scope.alive) engine.dispose(this.handle);
    this.handle = 0;
    if (this.cell !== null) this.cell.id = 0;
    this.cell = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** `tensor([[1, 2]], float32)` */
  toString(): string {
    if (this.handle === 0) return "tensor(disposed)";
    if (!this.scope.alive) return "tensor(its scope has ended)";
    const note = this.requiresGrad ? ", requiresGrad" : "";
    try {
      return `tensor(${this.size > 1000 ? `shape [${this.shape.join(", ")}]` : format(this.toArray())}, ${this.dtype}${note})`;
    } catch {
      return `tensor(shape [${this.shape.join(", ")}], ${this.dtype}${note})`;
    }
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** `Number(t)` and arithmetic by mistake: refused with a hint rather than NaN. */
  [Symbol.toPrimitive](hint: string): string | number {
    if (hint === "string") return this.toString();
    return this.item();
  }
}

function format(value: Nested): string {
  if (Array.isArray(value)) return `[${value.map(format).join(", ")}]`;
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

/** The id of a tensor that may be used. */
export function idOf(tensor: Tensor): number {
  if (tensor.handle === 0 || !tensor.scope.open) return idFromOutside(tensor);
  return tensor.handle;
}

/** The id of a tensor that a watched function uses and did not make, if it may be used. */
function idFromOutside(tensor: Tensor): number {
  const id = tensor instanceof Tensor ? resolve(tensor) : 0;
  if (id === 0) throw unusable(tensor);
  return id;
}

function unusable(tensor: Tensor): Error {
  if (!(tensor instanceof Tensor)) return new NotInitializedError(`expected a tensor, got ${String(tensor)}`);
  if (tensor.handle === 0) return new DisposedError("this tensor was disposed; create it again, or dispose it later");
  return new EscapedValueError(
    "this tensor was made inside a scope or transform that has ended; return it from there (for grad: with hasAux) instead of storing it outside",
  );
}

/** The tensor of a fresh id. */
export function made(id: number): Tensor {
  return new Tensor(id, current);
}
