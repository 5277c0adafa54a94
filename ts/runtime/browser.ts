/** Browsers, workers, Deno, edge: `await init()` once. No top-level await, which some bundlers cannot emit. */
import { setCompiler } from "./compiler.js";
import { checkHost, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { checkSource, compilerOf, type InitOptions, messageOf, moduleOf, refusal, type Source } from "./source.js";
import { checkExports, startAsync } from "./start.js";

export type { InitOptions, Source } from "./source.js";

let starting: Promise<void> | undefined;

/**
 * Loads the engine, once. Without an argument it fetches the `.wasm` file beside the script. For hosts where that is lost, pass the
 * bytes, a compiled module, a URL or a response, or import "adjoint/inline". What `compile` needs is a file of its own, fetched when a function
 * is first compiled; where that is lost too, pass it as `compiler`. Throws `NotInitializedError`, also for what could not be loaded when the engine
 * is there.
 */
export function init(source?: Source, options?: InitOptions): Promise<void> {
  const compiler = compilerOf(options);
  if (isAttached()) return checkSource(source, checkExports);
  if (starting !== undefined) return checkSource(source, checkExports).then(() => starting);
  starting = begin(source, compiler).catch((error: unknown) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

async function begin(source: Source | undefined, compiler: Source | undefined): Promise<void> {
  checkHost();
  await startAsync(await moduleOf(source === undefined ? located(coreUrl) : source));
  setCompiler(() => moduleOf(compiler === undefined ? located(compilerUrl) : compiler));
}

const isRelaxed = () => variantFor() === "relaxed-simd";

// Literal URLs: the form in which bundlers find and copy the files.
const coreUrl = () => (isRelaxed() ? new URL("./adjoint-relaxed.wasm", import.meta.url) : new URL("./adjoint.wasm", import.meta.url));
const compilerUrl = () =>
  isRelaxed() ? new URL("./adjoint-compiler-relaxed.wasm", import.meta.url) : new URL("./adjoint-compiler.wasm", import.meta.url);

function located(url: () => URL): URL {
  try {
    return url();
  } catch (error) {
    // A bundle in the form of a classic script has no address of its own.
    throw refusal(
      `this script does not know its own address, so it cannot find adjoint.wasm beside it (${messageOf(error)}); pass init() the URL or the bytes of the file, or import "adjoint/inline"`,
      error,
    );
  }
}
