/** The bytes as base64 inside the script, for hosts that lose assets. The simd128 build only: one copy is large enough. */
import { base64 } from "./wasm-base64.js";
import { isAttached } from "./instance.js";
import { checkHost } from "./features.js";
import { compiledAtOnce, moduleOf, refusal } from "./source.js";
import { start, startAsync } from "./start.js";

function decode(): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

let starting: Promise<void> | undefined;

/** Loads the engine from the bytes in this file; once it is there, this does nothing. Throws `NotInitializedError`, also for an argument. */
export function init(): Promise<void> {
  if (arguments.length > 0 && arguments[0] !== undefined) {
    return Promise.reject(refusal(`this build has the engine inside, and takes no file; call init(), or import "adjoint" to load one`));
  }
  if (isAttached()) return Promise.resolve();
  starting ??= begin().catch((error: unknown) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

async function begin(): Promise<void> {
  checkHost();
  await startAsync(await moduleOf(decode()));
}

/** The same at once; older browsers refuse it on the main thread for modules of this size. */
export function initSync(): void {
  if (isAttached()) return;
  checkHost();
  start(compiledAtOnce(decode(), "the inline build"));
}
