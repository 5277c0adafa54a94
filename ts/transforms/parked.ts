/** Tapes kept for a pullback (`vjp`, `linearize`, `jacobian`) that is called later: who releases them. */
import { current, root } from "../memory/memory.js";
import { bytesInUse, engine, generation } from "../runtime/instance.js";

/** Held by pullbacks made at the root that were not disposed, before it is said what releases them. */
const WARN_BYTES = 256 * 2 ** 20;
let heldBytes = 0;
let warned = false;

interface Tape {
  /** The engine's number. */
  readonly number: number;
  readonly made: number;
  readonly bytes: number;
}

function free({ number, made, bytes }: Tape): void {
  heldBytes -= bytes;
  if (made === generation) engine.parked_free(number);
}

/** Tapes of pullbacks that nobody can call any more. */
const unreachable = new FinalizationRegistry<Tape>(free);

/**
 * Takes care of the tape of `pullback`, and returns what releases it by hand. `dispose` is called with the end of the scope it was made in;
 * at the root it goes once the pullback is garbage. `before`: the bytes in use before the run, which tell what it holds, its result included.
 */
export function parkedTape(pullback: object, number: number, before: number, dispose: () => void): () => void {
  const tape: Tape = { number, made: generation, bytes: Math.max(0, bytesInUse() - before) };
  let held = true;
  heldBytes += tape.bytes;
  if (current === root) {
    unreachable.register(pullback, tape, pullback);
    warn();
  } else current.cleanups.push(dispose);
  return () => {
    if (held) free(tape);
    held = false;
    unreachable.unregister(pullback);
  };
}

function warn(): void {
  if (warned || heldBytes < WARN_BYTES) return;
  warned = true;
  console.warn(
    `adjoint: pullbacks of vjp and pushforwards of linearize hold about ${Math.round(heldBytes / 2 ** 20)} MB, the values of their runs. Outside of a scope ` +
      "JavaScript can only find unused ones when the program gives the event loop a turn. Call pullback.dispose() when it is done with, declare it with `using`, " +
      "or wrap the loop's body in scope(() => ...).",
  );
}
