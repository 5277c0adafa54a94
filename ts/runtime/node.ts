/** Node: the file beside this one is read and started at import, synchronously. How it is found differs between the module systems: see `entry/`. */
import { readFileSync } from "node:fs";
import { NotInitializedError } from "../errors.js";
import { checkHost, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { compiledAtOnce, moduleOf, type Source } from "./source.js";
import { start, startAsync } from "./start.js";

export type { Source } from "./source.js";

/** Which build tests want; hosts that ask before they show the environment (Deno) are not asked. */
function forced(): string | undefined {
  if (typeof process === "undefined" || "Deno" in globalThis) return undefined;
  return process.env.ADJOINT_VARIANT;
}

/** Starts the engine from bytes that `read` finds; `relaxed` says which of the two files. */
export function load(read: (relaxed: boolean) => Uint8Array): void {
  if (isAttached()) return;
  checkHost();
  const variant = variantFor(forced());
  let bytes: Uint8Array;
  try {
    bytes = read(variant === "relaxed-simd");
  } catch (error) {
    throw Object.assign(
      new NotInitializedError(
        `the .wasm file is not where this script looks for it (${error instanceof Error ? error.message : String(error)}): a bundler moved the script away from it. ` +
          'Keep adjoint external (webpack and esbuild: externals; Vite: ssr.external; Next.js: serverExternalPackages), copy adjoint.wasm and adjoint-relaxed.wasm beside the bundle, or import "adjoint/inline"',
        "init",
      ),
      { cause: error },
    );
  }
  start(compiledAtOnce(bytes as BufferSource, `the ${variant} build`));
}

/**
 * In Node the engine is there at import, and once it is there, this does nothing. Takes what it takes elsewhere, a path as well.
 * Throws `NotInitializedError`.
 */
export async function init(source?: Source): Promise<void> {
  if (isAttached() || source === undefined) return;
  await startAsync(await moduleOf(source, readFileSync));
}
