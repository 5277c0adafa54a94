/**
 * The one WebAssembly instance: its exports, its memory, its failures. Views of the memory live here and nowhere else,
 * behind accessors that make them anew after the memory grew (growth detaches every view).
 */
import { DTYPES, elements, sizeOf, type TypedArray } from "../dtype.js";
import { errorOf, NotInitializedError, PoisonedError, StackOverflowError } from "../errors.js";
import { Op } from "../opcodes.js";
import { ADDRESSES, type Exports } from "./boundary.js";
import { decodeUtf8 } from "./utf8.js";

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
      'the engine is not loaded yet; call `await init()` once before anything else (in Node, import "adjoint" itself, which loads it)',
    ),
);

/** The engine. */
export let engine: Exports = unloaded;

let raw: Exports | undefined;
/** What the instance exports, with what the other half of the engine imports. */
let whole: WebAssembly.Exports = {};
let view = new Float64Array(0);
let header = new Uint32Array(0);
let usage = new Uint32Array(0);
/** All of the memory, by dtype. */
let heaps: TypedArray[] = [];
let factory: (() => WebAssembly.Instance) | undefined;
/** Runs before each growth-sensitive step of the test mode `stressGrowth`. */
let stress = false;

/** Serial number of the instance: tensors of an earlier one are gone. */
export let generation = 0;

/** Why the engine stopped, until it is renewed. */
let poison: (() => Error) | null = null;
/** Called before every op. */
let tagger: (() => void) | null = null;
/** What is to hold for every instance: settings that the user made once. */
const settings: (() => void)[] = [];

/** Runs `apply` for every instance to come. */
export function onRenewal(apply: () => void): void {
  settings.push(apply);
}

/** Makes `instance` the engine. */
export function attach(instance: WebAssembly.Instance): void {
  whole = instance.exports;
  raw = unsigned(whole as unknown as Exports);
  view = new Float64Array(0);
  header = new Uint32Array(0);
  usage = new Uint32Array(0);
  heaps = [];
  generation++;
  poison = null;
  engine = tagged(guarded(raw));
  for (const apply of settings) apply();
}

/** What a second half of the engine can be linked to, and whether this is only the first. */
export function halves(): { isFirst: boolean; exports: WebAssembly.Exports } {
  return { isFirst: "#t0" in whole, exports: whole };
}

/** The engine's functions by their pointers: where emitted code is put. */
export function functionTable(): WebAssembly.Table {
  const isIt = ([name, value]: [string, unknown]) => value instanceof WebAssembly.Table && name !== "__wbindgen_externrefs";
  return Object.entries(raw ?? {}).find(isIt)![1] as unknown as WebAssembly.Table;
}

/** Whether the engine stopped at an internal error: what tidies up then has nothing left to do. */
export function isPoisoned(): boolean {
  return poison !== null;
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

/** The exports as the rest of the library sees them: addresses without a sign. */
function unsigned(e: Exports): Exports {
  // What is for the other half is nobody else's.
  const out: Record<string, unknown> = Object.fromEntries(Object.entries(e).filter(([name]) => !name.startsWith("#")));
  for (const name of ADDRESSES) {
    const f = e[name] as (argument: number) => number;
    out[name] = (argument: number) => f(argument) >>> 0;
  }
  return out as unknown as Exports;
}

/**
 * The exports with traps turned into `PoisonedError`. By the number of arguments, because a rest parameter costs more than a call; each
 * of those that every op needs has a function of its own, which the host compiles together with its caller.
 */
function guarded(e: Exports): Exports {
  type Call = (...args: number[]) => number;
  const byArity: ((f: Call) => Call)[] = [
    (f) => () => {
      try {
        return f();
      } catch (error) {
        throw stopped(e, error);
      }
    },
    (f) => (a) => {
      try {
        return f(a!);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    (f) => (a, b) => {
      try {
        return f(a!, b!);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    (f) => (a, b, c) => {
      try {
        return f(a!, b!, c!);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    (f) => (a, b, c, d) => {
      try {
        return f(a!, b!, c!, d!);
      } catch (error) {
        throw stopped(e, error);
      }
    },
  ];
  const any =
    (f: Call): Call =>
    (...args) => {
      try {
        return f(...args);
      } catch (error) {
        throw stopped(e, error);
      }
    };
  const { op1, op2, op2s, op1p, dispose, program_run } = e;
  const hot: Partial<Exports> = {
    op1(op, a) {
      try {
        return op1(op, a);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    op2(op, a, b) {
      try {
        return op2(op, a, b);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    op2s(op, a, value, swapped) {
      try {
        return op2s(op, a, value, swapped);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    op1p(op, a, count, p, q, r, s) {
      try {
        return op1p(op, a, count, p, q, r, s);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    program_run(program, withTensors) {
      try {
        return program_run(program, withTensors);
      } catch (error) {
        throw stopped(e, error);
      }
    },
    dispose(id) {
      try {
        dispose(id);
      } catch (error) {
        throw stopped(e, error);
      }
    },
  };
  const wrap = ([name, f]: [string, unknown]) => [name, typeof f === "function" ? (byArity[f.length] ?? any)(f as Call) : f];
  // Made of entries and not name by name: an object that grew is looked up by hash.
  return Object.fromEntries([...Object.entries(e).map(wrap), ...Object.entries(hot)]) as unknown as Exports;
}

/** The engine with the tagger, if there is one, called before every op. */
function tagged(plain: Exports): Exports {
  const tag = tagger;
  if (tag === null) return plain;
  const out = { ...plain };
  for (const name of ["op1", "op2", "op2s", "op1p", "opn"] as const) {
    const f = plain[name] as (...args: number[]) => number;
    out[name] = (...args: number[]) => {
      tag();
      return f(...args);
    };
  }
  return out;
}

/** Calls `tag` before every op, or stops doing so: anomaly detection keeps the user's line of each. Returns what was called before. */
export function setTagger(tag: (() => void) | null): (() => void) | null {
  const before = tagger;
  tagger = tag;
  // An engine that is not there, or stopped, stays that way.
  if (raw !== undefined && poison === null) engine = tagged(guarded(raw));
  return before;
}

/** What the end of the stack throws: a RangeError, in Firefox an InternalError. Arguments are plain numbers, so nothing else does. */
const isStackOverflow = (cause: unknown) => cause instanceof RangeError || (cause instanceof Error && cause.name === "InternalError");

/**
 * What a call that did not return becomes: a trap ends the engine, the end of the stack does so only when it came in the middle of a
 * call. Each call looks at the stack before it changes anything, so that is rare. Should the stack be too short even for this
 * function, the engine knows by itself: the next call finds it busy.
 */
function stopped(e: Exports, cause: unknown): unknown {
  if (isStackOverflow(cause)) {
    if (e.busy() === 0) {
      const message =
        "the stack is used up: the program recursed too deeply, or too many transforms are open inside one another; nothing was changed, and the engine goes on";
      return Object.assign(new StackOverflowError(message), { cause });
    }
  } else if (!(cause instanceof WebAssembly.RuntimeError)) return cause;
  let message = (cause as Error).message;
  try {
    message = text(e, e.panic_pointer(), e.panic_length()) || message;
  } catch {
    // The instance is beyond telling; the trap's own message has to do.
  }
  const make = () =>
    new PoisonedError(
      `the engine stopped at an internal error (${message}); call reset() for a fresh engine and make the tensors anew. Please report it`,
    );
  poison = make;
  engine = refusing(make);
  return Object.assign(make(), { cause });
}

function text(e: Exports, pointer: number, length: number): string {
  if (pointer === 0 || length === 0) return "";
  return decodeUtf8(new Uint8Array(e.memory.buffer, pointer, length));
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
 * The scratch buffer with room for `length` numbers, whole: a result longer than that is there too. Valid until the next call into
 * the engine; fetch it again after each. What is written must be numbers already: a conversion that runs code of the user's
 * (`valueOf`, an op inside it) would write over what lies here.
 */
export function scratch(length = 0): Float64Array {
  if (stress) raw!.memory.grow(1);
  // The engine moves the buffer when it grows, and the memory's growth detaches every view.
  if (view.byteLength === 0 || header[0] !== view.byteOffset || header[1] !== view.length || view.length < length) renewViews(length);
  return view;
}

function renewViews(length: number): void {
  checked(engine.scratch(length), "scratch");
  header = new Uint32Array(engine.memory.buffer, engine.scratch_header(), 2);
  view = new Float64Array(engine.memory.buffer, header[0]!, header[1]!);
}

/** Bytes of tensors in use, without a call. */
export function bytesInUse(): number {
  if (usage.length === 0) usage = new Uint32Array(engine.memory.buffer, engine.bytes_in_use(), 1);
  return usage[0]!;
}

/** Lays ids and other numbers behind each other into the scratch buffer, for the call that comes next. */
export function pass(first: readonly number[], second: readonly number[] = []): void {
  const s = scratch(first.length + second.length);
  for (let i = 0; i < first.length; i++) s[i] = first[i]!;
  for (let i = 0; i < second.length; i++) s[first.length + i] = second[i]!;
}

/** All of the memory as elements of the dtype with this number, valid until the next call into the engine. */
export function heap(dtype: number): TypedArray {
  // Growth detaches all views at once.
  if (heaps.length === 0 || heaps[0]!.length === 0) {
    const { buffer } = engine.memory;
    heaps = DTYPES.map((name) => elements(name, buffer, 0, Math.floor(buffer.byteLength / sizeOf(name))));
  }
  return heaps[dtype]!;
}

/** The bytes of the memory from `pointer` on, as a view valid until the next call into the engine. */
export function bytes(pointer: number, length: number): Uint8Array {
  return new Uint8Array(engine.memory.buffer, pointer, length);
}

/** Test mode: the memory grows before every use of the scratch buffer, so that a view kept too long fails at once. */
export function stressGrowth(on: boolean): void {
  stress = on;
}

/**
 * Test mode: the request for memory after the next `count` ones is refused, as if there were none left; `null` ends that. Returns how
 * many requests were left of the last setting, null when the refusal has come.
 */
export function failAllocation(count: number | null): number | null {
  const left = engine.fail_after(count ?? -1) >>> 0;
  return left === 0xffffffff ? null : left;
}

/** Test mode: the engine panics, as it would at an internal error. Throws `PoisonedError`. */
export function trap(): void {
  engine.trap();
}

/** Test mode: the exports as they are. */
export function rawExports(): WebAssembly.Exports {
  return raw as unknown as WebAssembly.Exports;
}
