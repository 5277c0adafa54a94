/**
 * Tapes kept for a pullback (`vjp`, `linearize`, `jacobian`) that is called later: who releases them, and where their numbers are meanwhile. At the
 * root that is as with plain tensors (`memory/sweeps.ts`): numbers of a tape that was not gone over since the last sweep are moved out of
 * WebAssembly memory into typed arrays that only the pullback holds, ordinary garbage with it, and come back with the next call.
 */
import { current, root } from "../memory/memory.js";
import { countIn, countOut } from "../memory/spill.js";
import { noteBroughtBack, onSweep } from "../memory/sweeps.js";
import { bytes, bytesInUse, checked, engine, generation, scratch } from "../runtime/instance.js";

/** Held by pullbacks made at the root that were not disposed, before it is said what releases them. */
const WARN_BYTES = 256 * 2 ** 20;
let heldBytes = 0;
let warned = false;

/** What the finalizer needs; nothing that is large. */
interface Tape {
  /** The engine's number. */
  readonly number: number;
  readonly made: number;
  /** Of what is in the engine's memory. */
  bytes: number;
}

/** What only the pullback holds, and for a while those that are inside. */
interface Numbers {
  readonly tape: Tape;
  /** What was moved out, buffer by buffer. */
  outside: Uint8Array[] | null;
  /** Gone over, or made, since the last sweep. */
  warm: boolean;
}

/** Tapes of the root whose numbers are in the engine. */
let inside: Numbers[] = [];

function free({ number, made, bytes }: Tape): void {
  heldBytes -= bytes;
  if (made === generation) engine.parked_free(number);
}

/** Tapes of pullbacks that nobody can call any more. */
const unreachable = new FinalizationRegistry<Tape>(free);

/** A tape as its pullback has it. */
export interface ParkedTape {
  /** To be called before it is gone over. Throws `OutOfMemoryError`. */
  use(): void;
  /** Releases it by hand. */
  release(): void;
}

/**
 * Takes care of the tape of `pullback`. `dispose` is called with the end of the scope it was made in; at the root it goes once the pullback is
 * garbage. `before`: the bytes in use before the run, which tell what it holds, its result included.
 */
export function parkedTape(pullback: object, number: number, before: number, dispose: () => void): ParkedTape {
  const tape: Tape = { number, made: generation, bytes: Math.max(0, bytesInUse() - before) };
  let numbers: Numbers | null = { tape, outside: null, warm: true };
  heldBytes += tape.bytes;
  if (current === root) {
    unreachable.register(pullback, tape, pullback);
    inside.push(numbers);
    warn();
  } else current.cleanups.push(dispose);
  return {
    use() {
      if (numbers === null) return;
      numbers.warm = true;
      if (numbers.outside !== null) moveIn(numbers, numbers.outside);
    },
    release() {
      if (numbers === null) return;
      free(tape);
      numbers.outside?.forEach(countIn);
      numbers = null;
      unreachable.unregister(pullback);
    },
  };
}

onSweep(() => {
  const rest: Numbers[] = [];
  for (const numbers of inside) {
    if (numbers.tape.made !== generation) continue;
    if (numbers.warm) {
      numbers.warm = false;
      rest.push(numbers);
    } else moveOut(numbers);
  }
  inside = rest;
});

function moveOut(numbers: Numbers): void {
  const { tape } = numbers;
  const count = engine.parked_buffers(tape.number);
  if (count === 0) return;
  const places = scratch(2 * count).slice(0, 2 * count);
  const outside: Uint8Array[] = [];
  let moved = 0;
  for (let i = 0; i < count; i++) {
    outside.push(bytes(places[2 * i]!, places[2 * i + 1]!).slice());
    moved += places[2 * i + 1]!;
  }
  engine.parked_out(tape.number);
  outside.forEach(countOut);
  numbers.outside = outside;
  moved = Math.min(moved, tape.bytes);
  tape.bytes -= moved;
  heldBytes -= moved;
}

function moveIn(numbers: Numbers, outside: readonly Uint8Array[]): void {
  checked(engine.parked_in(numbers.tape.number), "pullback");
  const places = scratch(outside.length).slice(0, outside.length);
  outside.forEach((copy, i) => {
    bytes(places[i]!, copy.length).set(copy);
    countIn(copy);
    noteBroughtBack(copy.length);
    numbers.tape.bytes += copy.length;
    heldBytes += copy.length;
  });
  numbers.outside = null;
  inside.push(numbers);
}

function warn(): void {
  if (warned || heldBytes < WARN_BYTES) return;
  warned = true;
  console.warn(
    `adjoint: pullbacks of vjp and pushforwards of linearize hold about ${Math.round(heldBytes / 2 ** 20)} MB that cannot be moved out, the values of their runs. Outside of a scope ` +
      "JavaScript can only find unused ones when the program gives the event loop a turn. Call pullback.dispose() when it is done with, declare it with `using`, " +
      "or wrap the loop's body in scope(() => ...).",
  );
}
