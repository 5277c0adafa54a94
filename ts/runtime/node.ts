/** Node: the file beside this one is read and started at import, synchronously, from ESM and CommonJS alike. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { fileOf, variantFor } from "./features.js";
import { isAttached } from "./instance.js";
import { start } from "./start.js";

/** Where this file lies; the CommonJS build has no import.meta, the ESM build no __dirname. */
function here(): string {
  return typeof __dirname === "string" ? __dirname : dirname(fileURLToPath(import.meta.url));
}

export function load(directory = here()): void {
  if (isAttached()) return;
  start(new WebAssembly.Module(readFileSync(join(directory, fileOf(variantFor(process.env.ADJOINT_VARIANT))))));
}

/** In Node the engine is there at import: this returns at once, unless it is given bytes of its own. */
export async function init(source?: BufferSource | WebAssembly.Module): Promise<void> {
  if (source === undefined) return;
  if (source instanceof WebAssembly.Module) start(source);
  else start(new WebAssembly.Module(source));
}
