/** Switching recording off and on. */
import { ValueError } from "../errors.js";
import { engine } from "../runtime/instance.js";

function recordingFloor<R>(name: string, floor: number, fn: () => R): R {
  const before = engine.set_recording(floor);
  try {
    const result = fn();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new ValueError(`${name}: the function returned a promise; recording is switched for synchronous code only`, name);
    }
    return result;
  } finally {
    engine.set_recording(before);
  }
}

/** Runs `fn` without recording: what it computes is a constant for `backward()` and for transforms outside. */
export function noGrad<R>(fn: () => R): R {
  return recordingFloor("noGrad", engine.level_depth(), fn);
}

/** Runs `fn` with recording, inside a `noGrad`. */
export function enableGrad<R>(fn: () => R): R {
  return recordingFloor("enableGrad", 0, fn);
}
