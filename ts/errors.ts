import { ERRORS } from "./runtime/boundary.js";

/**
 * Typed errors. A message names the op, what it was given, what it expected and what to do. `code` is stable and made for
 * programs; `op` is the function that refused.
 */
export class AdjointError extends Error {
  /** What went wrong, for programs: "SHAPE", "VALUE", ...; stable, whatever a minifier does to names. */
  readonly code: string;
  constructor(
    message: string,
    /** The function that refused, when there is one. */
    readonly op?: string,
  ) {
    super(message);
    [this.name, this.code] = labels.get(new.target) ?? ["AdjointError", "ADJOINT"];
  }
}

/** Shapes that do not fit. */
export class ShapeError extends AdjointError {}
/** An element type the op is not defined for. */
export class DTypeError extends AdjointError {}
/** An axis or index out of range. */
export class IndexError extends AdjointError {}
/** An argument that is wrong in itself. */
export class ValueError extends AdjointError {}
/** A tensor used after `dispose()`. */
export class DisposedError extends AdjointError {}
/** A tensor used after its scope or transform ended. */
export class EscapedValueError extends AdjointError {}
/** A number read where a tensor stands for many (vmap) or for none (compile). */
export class TracedValueError extends AdjointError {}
/** A derivative asked for that does not exist. */
export class NotDifferentiableError extends AdjointError {}
/** No memory for a result; nothing was changed. */
export class OutOfMemoryError extends AdjointError {}
/** The engine trapped; `reset()` makes a fresh one. */
export class PoisonedError extends AdjointError {}
/** The program's own recursion used up the stack; nothing was changed, and the engine goes on. Its `cause` is the host's error. */
export class StackOverflowError extends AdjointError {}
/** Used before `await init()`. */
export class NotInitializedError extends AdjointError {}
/** A derivative that disagrees with differences. */
export class GradcheckError extends AdjointError {}
/** A file that is not what it should be. */
export class FormatError extends AdjointError {}
/** A NaN found by `detectAnomaly` or `debugNaNs`. */
export class AnomalyError extends AdjointError {}

/** The classes of the engine's failures: one for each, the compiler sees to it. */
const OF_ENGINE: Record<keyof typeof ERRORS, typeof AdjointError> = {
  ShapeError,
  DTypeError,
  IndexError,
  ValueError,
  DisposedError,
  EscapedValueError,
  TracedValueError,
  NotDifferentiableError,
  OutOfMemoryError,
  AnomalyError,
};

/** Names and codes of all classes. They are literals, for a minifier renames classes. */
const labels = new Map<unknown, readonly [name: string, code: string]>([
  [PoisonedError, ["PoisonedError", "POISONED"]],
  [StackOverflowError, ["StackOverflowError", "STACK_OVERFLOW"]],
  [NotInitializedError, ["NotInitializedError", "NOT_INITIALIZED"]],
  [GradcheckError, ["GradcheckError", "GRADCHECK"]],
  [FormatError, ["FormatError", "FORMAT"]],
]);
const byNumber = new Map<number, typeof AdjointError>();
for (const [name, { number, code }] of Object.entries(ERRORS)) {
  const type = OF_ENGINE[name as keyof typeof ERRORS];
  labels.set(type, [name, code]);
  byNumber.set(number, type);
}

/** The error of an engine's error number. */
export function errorOf(number: number, message: string, op?: string): AdjointError {
  const type = byNumber.get(number) ?? AdjointError;
  return new type(op ? `${op}: ${message}` : message, op);
}
