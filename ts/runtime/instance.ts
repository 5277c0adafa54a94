/**
 * The one WebAssembly instance: its exports, its memory, its failures. Views of the memory live here and nowhere else,
 * behind accessors that make them anew after the memory grew (growth detaches every view).
 */
import { errorOf, NotInitializedError, PoisonedError } from "../errors.js";
import { Op } from "../opcodes.js";

/** The engine's functions: numbers in, numbers out; 0 is failure. See crate/src/abi. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  scratch(length: number): number;
  error_code(): number;
  error_pointer(): number;
  error_length(): number;
  error_op(): number;
  clear_error(): void;
  panic_pointer(): number;
  panic_length(): number;
  tensor_new(dtype: number, rank: number): number;
  tensor_full(dtype: number, rank: number, value: number): number;
  data_pointer(id: number): number;
  read(id: number): number;
  item(id: number): number;
  meta(id: number): number;
  op1(op: number, a: number): number;
  op2(op: number, a: number, b: number): number;
  op3(op: number, a: number, b: number, c: number): number;
  op2s(op: number, a: number, value: number, swapped: number): number;
  opn(op: number, inputs: number, params: number): number;
  dispose(id: number): void;
  scope_push(): number;
  scope_pop(kept: number): number;
  depth(): number;
  level_push(kind: number): number;
  level_pop(level: number): void;
  level_depth(): number;
  /** 0 grad, 1 dual, 2 batch. */
  level_kind(level: number): number;
  /** The batch size of a vmap level. */
  level_size(level: number): number;
  unwind(level: number, scope: number): void;
  top_level(count: number): number;
  track(level: number, id: number): number;
  untrack(level: number, id: number): number;
  dual(level: number, primal: number, tangent: number): number;
  primal_of(level: number, id: number): number;
  tangent_of(level: number, id: number): number;
  batch(level: number, id: number, axis: number): number;
  unbatch(level: number, id: number, axis: number): number;
  sweep(level: number, outputs: number, wanted: number, flags: number): number;
  sweep_resume(count: number): number;
  sweep_abandon(): void;
  level_park(level: number, outputs: number, wanted: number): number;
  sweep_parked(parked: number, outputs: number, flags: number): number;
  parked_free(parked: number): void;
  record_callback(level: number, inputs: number, outputs: number, callback: number): number;
  dead_callbacks(): number;
  set_recording(floor: number): number;
  require_grad(id: number): number;
  /** A second handle, owned by the root. */
  root_alias(id: number): number;
  gradient(id: number): number;
  gradient_id(id: number): number;
  set_gradient(id: number, gradient: number): number;
  retain_gradient(id: number): number;
  hook(id: number, on: number): number;
  assign(parameter: number, value: number): number;
  /** Checks a parameter or its state before a step over many, so that the step itself cannot fail. */
  prepare_update(tensor: number, gradient: number): number;
  /** Scratch: lr, momentum, dampening, nesterov, weightDecay, maximize, first. `buffer` is 0 without momentum. */
  sgd(parameter: number, gradient: number, buffer: number): number;
  /** Scratch: lr, beta1, beta2, eps, weightDecay, decoupled, step, maximize. `largest` is the state of amsgrad, 0 without. */
  adam(parameter: number, gradient: number, m: number, v: number, largest: number): number;
  memory_stats(): void;
  reserve(bytes: number): number;
  debug(flags: number): void;
  set_tag(tag: number): void;
  failed_tag(): number;
  record_start(): void;
  record_stop(): number;
  record_read(index: number): number;
  record_value(id: number): number;
  record_free(): void;
  trap(): void;
  profile_start(): void;
  profile_stop(): number;
  profile_read(index: number): number;
}

/** An engine whose every function throws: before loading and after a trap. */
function refusing(error: () => Error): Exports {
  return new Proxy({} as Exports, {
    get() {
      throw error();
    },
  });
}

const unloaded = refusing(
  () =>
    new NotInitializedError(
      "the engine is not loaded yet; call `await init()` once before anything else (in Node, import \"adjoint\" itself, which loads it)",
    ),
);

/** The engine. */
export let engine: Exports = unloaded;

let raw: Exports | undefined;
let view = new Float64Array(0);
let factory: (() => WebAssembly.Instance) | undefined;
/** Runs before each growth-sensitive step of the test mode `stressGrowth`. */
let stress = false;

/** Serial number of the instance: tensors of an earlier one are gone. */
export let generation = 0;

/** Makes `instance` the engine. */
export function attach(instance: WebAssembly.Instance): void {
  raw = instance.exports as unknown as Exports;
  view = new Float64Array(0);
  generation++;
  engine = guarded(raw);
}

export function isAttached(): boolean {
  return raw !== undefined;
}

/** How `reset()` makes a fresh instance; each loader says so. */
export function setFactory(make: () => WebAssembly.Instance): void {
  factory = make;
}

/** A fresh engine in place of this one. Every tensor made so far is gone. */
export function renew(): void {
  if (factory === undefined) throw new NotInitializedError("reset() before the engine was loaded; call `await init()` first", "reset");
  attach(factory());
}

/** The exports with traps turned into `PoisonedError`; the hot ones without a rest parameter. */
function guarded(e: Exports): Exports {
  const wrapped: Record<string, unknown> = { memory: e.memory };
  for (const [name, f] of Object.entries(e)) {
    if (typeof f !== "function") continue;
    wrapped[name] = (...args: number[]) => {
      try {
        return (f as (...args: number[]) => number)(...args);
      } catch (error) {
        throw poisoned(e, error);
      }
    };
  }
  const { op1, op2, op3, op2s, opn } = e;
  return Object.assign(wrapped as unknown as Exports, {
    op1(op: number, a: number) {
      try {
        return op1(op, a);
      } catch (error) {
        throw poisoned(e, error);
      }
    },
    op2(op: number, a: number, b: number) {
      try {
        return op2(op, a, b);
      } catch (error) {
        throw poisoned(e, error);
      }
    },
    op3(op: number, a: number, b: number, c: number) {
      try {
        return op3(op, a, b, c);
      } catch (error) {
        throw poisoned(e, error);
      }
    },
    op2s(op: number, a: number, value: number, swapped: number) {
      try {
        return op2s(op, a, value, swapped);
      } catch (error) {
        throw poisoned(e, error);
      }
    },
    opn(op: number, inputs: number, params: number) {
      try {
        return opn(op, inputs, params);
      } catch (error) {
        throw poisoned(e, error);
      }
    },
  });
}

/** Calls `tag` before every op, or stops doing so: anomaly detection keeps the user's line of each. */
export function setTagger(tag: (() => void) | null): void {
  if (raw === undefined) throw new NotInitializedError("the engine is not loaded yet; call `await init()` first");
  const plain = guarded(raw);
  if (tag === null) {
    engine = plain;
    return;
  }
  const tagged = { ...plain };
  for (const name of ["op1", "op2", "op3", "op2s", "opn"] as const) {
    const f = plain[name] as (...args: number[]) => number;
    tagged[name] = (...args: number[]) => {
      tag();
      return f(...args);
    };
  }
  engine = tagged;
}

function poisoned(e: Exports, cause: unknown): unknown {
  if (!(cause instanceof WebAssembly.RuntimeError) && !(cause instanceof RangeError)) return cause;
  let message = cause.message;
  try {
    message = text(e, e.panic_pointer(), e.panic_length()) || message;
  } catch {
    // The instance is beyond telling; the trap's own message has to do.
  }
  const make = () => new PoisonedError(`the engine stopped at an internal error (${message}); call reset() for a fresh engine and make the tensors anew. Please report it`);
  engine = refusing(make);
  return Object.assign(make(), { cause });
}

function text(e: Exports, pointer: number, length: number): string {
  if (pointer === 0 || length === 0) return "";
  // Copied out: TextDecoder refuses views of shared memory.
  return new TextDecoder().decode(new Uint8Array(e.memory.buffer, pointer, length).slice());
}

const opNames = Object.keys(Op);

/** The engine's last failure as a typed error. */
export function failure(op?: string): Error {
  const number = engine.error_code();
  const message = text(engine, engine.error_pointer(), engine.error_length());
  const code = engine.error_op();
  engine.clear_error();
  return errorOf(number, message || "the engine gave no reason", code > 0 ? opNames[code - 1] : op);
}

/** The id, or the engine's failure thrown. */
export function checked(id: number, op?: string): number {
  if (id === 0) throw failure(op);
  return id;
}

/**
 * The scratch buffer with room for `length` numbers. Valid until the next call into the engine, unless that call is known
 * not to allocate; fetch it again after each.
 */
export function scratch(length = 0): Float64Array {
  if (stress) raw!.memory.grow(1);
  if (view.byteLength === 0 || view.length < length) {
    const room = Math.max(1024, length);
    const pointer = engine.scratch(room);
    view = new Float64Array(engine.memory.buffer, pointer, room);
  }
  return view;
}

/** The bytes of the memory from `pointer` on, as a view valid until the next call into the engine. */
export function bytes(pointer: number, length: number): Uint8Array {
  return new Uint8Array(engine.memory.buffer, pointer, length);
}

/** Test mode: the memory grows before every use of the scratch buffer, so that a view kept too long fails at once. */
export function stressGrowth(on: boolean): void {
  stress = on;
}

/** Test mode: the engine panics, as it would at an internal error. Throws `PoisonedError`. */
export function trap(): void {
  engine.trap();
}

/** Test mode: the exports as they are. */
export function rawExports(): WebAssembly.Exports {
  return raw as unknown as WebAssembly.Exports;
}
