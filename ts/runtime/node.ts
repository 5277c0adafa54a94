/** Node: the file beside this one is read and started at import, synchronously, from ESM and CommonJS alike. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { fileOf, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { moduleOf, type Source } from "./source.js";
import { start, startAsync } from "./start.js";

export type { Source } from "./source.js";

/** Where this file lies; the CommonJS build has no import.meta, the ESM build no __dirname. */
function here(): string {
  return typeof __dirname === "string" ? __dirname : dirname(fileURLToPath(import.meta.url));
}

export function load(directory = here()): void {
  if (isAttached()) return;
  start(new WebAssembly.Module(readFileSync(join(directory, fileOf(variantFor(process.env.ADJOINT_VARIANT))))));
}

/**
 * In Node the engine is there at import, and once it is there, this does nothing. Takes what it takes elsewhere, a path as well.
 * Throws `NotInitializedError`.
 */
export async function init(source?: Source): Promise<void> {
  if (isAttached()) return;
  if (source === undefined) load();
  else await startAsync(await moduleOf(source, readFileSync));
}
