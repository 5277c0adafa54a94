/** Scopes as users open them. */
import { atMost, callback } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import type { Reason } from "./holds.js";
import { abort, enter, leave } from "./memory.js";
import { tensorsIn } from "../tree.js";

/**
 * Runs `fn` and releases every tensor made inside it, apart from those in what it returns: a tensor, or arrays, objects, Maps and
 * Sets of tensors, instances of classes among them. Synchronous only: an async function would go on after its scope has ended.
 */
export function scope<R>(fn: () => R): R {
  atMost("scope", arguments, 1, "it calls one function without arguments: () => f(x)");
  return scoped("scope", null, fn);
}

/** A scope whose tensors, used too late, say why they went. */
export function scoped<R>(name: string, reason: Reason | null, fn: () => R): R {
  callback(name, "the argument", fn);
  const entry = enter();
  entry.token.reason = reason;
  try {
    const result = fn();
    if (result instanceof Promise) {
      result.catch(() => {});
      throw new ValueError(
        `${name}: the function returned a promise; ${name} ends when its function returns, so await outside of it`,
        name,
      );
    }
    leave(entry, tensorsIn(result));
    return result;
  } catch (error) {
    abort(entry);
    throw error;
  }
}
