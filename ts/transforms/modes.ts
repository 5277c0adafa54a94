/** Switching recording off and on. */
import { atMost, callback } from "../input/arguments.js";
import { EscapedValueError, ValueError } from "../errors.js";
import { scoped } from "../memory/scope.js";
import { engine } from "../runtime/instance.js";

/** Whether what is computed from parameters is recorded now. */
export let isRecording = true;

function recordingFloor<R>(name: string, floor: number, forward: number | null, fn: () => R): R {
  callback(name, "the argument", fn);
  // Looks at the stack, which `set_recording` does not: it is the way back too.
  engine.level_depth();
  const before = engine.set_recording(floor);
  const forwardBefore = forward === null ? 0 : engine.set_forward(forward);
  const wasRecording = isRecording;
  isRecording = floor === 0;
  try {
    const result = callback(name, "its argument", fn)();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new ValueError(`${name}: the function returned a promise; recording is switched for synchronous code only`, name);
    }
    return result;
  } finally {
    isRecording = wasRecording;
    engine.set_recording(before);
    if (forward !== null) engine.set_forward(forwardBefore);
  }
}

const releasedByNoGrad = () =>
  new EscapedValueError(
    "this tensor was made inside noGrad(fn), which releases what fn does not return; return it, or keep it with keep(t)",
  );

/**
 * Runs `fn` without recording: what it computes is a constant for `backward()` and for transforms outside, in both modes. It is a scope too:
 * what `fn` does not return is released, so that an evaluation loop holds no memory. `keep(t)` spares a tensor.
 */
export function noGrad<R>(fn: () => R): R {
  atMost("noGrad", arguments, 1, "it calls one function without arguments: () => f(x)");
  const floor = engine.level_depth();
  return scoped("noGrad", releasedByNoGrad, () => recordingFloor("noGrad", floor, floor, fn));
}

/** Runs `fn` with recording, inside a `noGrad`. */
export function enableGrad<R>(fn: () => R): R {
  atMost("enableGrad", arguments, 1, "it calls one function without arguments: () => f(x)");
  return recordingFloor("enableGrad", 0, 0, fn);
}

/** Runs `fn` in a scope and without a tape: tangents go on, so that a checkpoint's first run finds out which outputs have one. */
export function withoutTape<R>(fn: () => R): R {
  const floor = engine.level_depth();
  return scoped("checkpoint", null, () => recordingFloor("checkpoint", floor, null, fn));
}
