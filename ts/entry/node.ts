/** "adjoint" in Node, as an ES module: ready at import. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../runtime/node.js";

/** Literal URLs, the form that bundlers and file tracers see. */
function beside(relaxed: boolean): Uint8Array {
  try {
    return relaxed
      ? readFileSync(new URL("./adjoint-relaxed.wasm", import.meta.url))
      : readFileSync(new URL("./adjoint.wasm", import.meta.url));
  } catch {
    // Next.js makes of such a URL the address for browsers; the script's own is still the one in the package.
    return readFileSync(join(dirname(fileURLToPath(import.meta.url)), relaxed ? "adjoint-relaxed.wasm" : "adjoint.wasm"));
  }
}

load(beside);

export * from "../index.js";
export { init } from "../runtime/node.js";
