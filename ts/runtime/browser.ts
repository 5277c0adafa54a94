/** Browsers, workers, Deno, edge: `await init()` once. No top-level await, which some bundlers cannot emit. */
import { checkHost, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { checkSource, messageOf, moduleOf, refusal, type Source } from "./source.js";
import { checkExports, startAsync } from "./start.js";

export type { Source } from "./source.js";

let starting: Promise<void> | undefined;

/**
 * Loads the engine, once. Without an argument it fetches the `.wasm` file beside the script. For hosts where that is lost, pass the
 * bytes, a compiled module, a URL or a response, or import "adjoint/inline". Throws `NotInitializedError`, also for what could not be
 * loaded when the engine is there.
 */
export function init(source?: Source): Promise<void> {
  if (isAttached()) return checkSource(source, checkExports);
  if (starting !== undefined) return checkSource(source, checkExports).then(() => starting);
  starting = begin(source).catch((error: unknown) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

async function begin(source: Source | undefined): Promise<void> {
  checkHost();
  await startAsync(await moduleOf(source === undefined ? assetUrl() : source));
}

/** Literal URLs: the form in which bundlers find and copy the files. */
function assetUrl(): URL {
  try {
    return variantFor() === "relaxed-simd"
      ? new URL("./adjoint-relaxed.wasm", import.meta.url)
      : new URL("./adjoint.wasm", import.meta.url);
  } catch (error) {
    // A bundle in the form of a classic script has no address of its own.
    throw refusal(
      `this script does not know its own address, so it cannot find adjoint.wasm beside it (${messageOf(error)}); pass init() the URL or the bytes of the file, or import "adjoint/inline"`,
      error,
    );
  }
}
