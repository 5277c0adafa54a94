/** Node: the file beside this one is read and started at import, synchronously. How it is found differs between the module systems: see `entry/`. */
import { readFileSync } from "node:fs";
import type { NotInitializedError } from "../errors.js";
import { setCompiler } from "./compiler.js";
import { checkHost, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { checkSource, compiledAtOnce, compilerOf, type InitOptions, messageOf, moduleOf, refusal, type Source } from "./source.js";
import { checkExports, start, startAsync } from "./start.js";

export type { InitOptions, Source } from "./source.js";

/** Which build tests want; hosts that ask before they show the environment (Deno) are not asked. */
function forced(): string | undefined {
  if (typeof process === "undefined" || "Deno" in globalThis) return undefined;
  return process.env.ADJOINT_VARIANT;
}

/** The four files: the engine and what `compile` needs, each for both builds. */
export interface Files {
  readonly core: (relaxed: boolean) => Uint8Array;
  readonly compiler: (relaxed: boolean) => Uint8Array;
}

/** Starts the engine from bytes that `files` finds. */
export function load({ core, compiler }: Files): void {
  if (isAttached()) return;
  checkHost();
  const variant = variantFor(forced());
  const compiled = (read: (relaxed: boolean) => Uint8Array, what: string) => {
    let bytes: Uint8Array;
    try {
      bytes = read(variant === "relaxed-simd");
    } catch (error) {
      throw notFound(error);
    }
    return compiledAtOnce(bytes as BufferSource, what);
  };
  start(compiled(core, `the ${variant} build`));
  setCompiler(() => compiled(compiler, `the compiler of the ${variant} build`));
}

function notFound(error: unknown): NotInitializedError {
  // A bundle in CommonJS form of this ES module does not know where it lies: nothing beside it can be found.
  const addressless = (error as { code?: unknown } | null)?.code === "ERR_INVALID_ARG_TYPE";
  const why = addressless
    ? "a bundler took the script's own address (import.meta.url) away; emit ES modules, or"
    : `a bundler moved the script away from it; copy adjoint.wasm, adjoint-relaxed.wasm and the two adjoint-compiler files beside the bundle,`;
  return refusal(
    `the .wasm file is not where this script looks for it (${messageOf(error)}): ${why} ` +
      'keep adjoint external (webpack, Rollup and esbuild: external; Vite: ssr.external; Next.js: serverExternalPackages), or import "adjoint/inline" and await its init()',
    error,
  );
}

/**
 * In Node the engine is there at import, and once it is there, nothing is loaded. Takes what it takes elsewhere, a path as well.
 * Throws `NotInitializedError`, also for what could not be loaded.
 */
export async function init(source?: Source, options?: InitOptions): Promise<void> {
  const compiler = compilerOf(options);
  if (isAttached()) return checkSource(source, checkExports);
  if (source === undefined) return;
  await startAsync(await moduleOf(source, readFileSync));
  if (compiler !== undefined) setCompiler(() => moduleOf(compiler, readFileSync));
}
