/** "adjoint" in Node, as an ES module: ready at import. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "../runtime/node.js";

/** Literal URLs, the form that bundlers and file tracers see. Some put their own URL class in: its text will do then. */
function open(url: URL): Uint8Array {
  try {
    return readFileSync(url);
  } catch {
    return readFileSync(fileURLToPath(String(url)));
  }
}

load((relaxed) => (relaxed ? open(new URL("./adjoint-relaxed.wasm", import.meta.url)) : open(new URL("./adjoint.wasm", import.meta.url))));

export * from "../index.js";
export { init } from "../runtime/node.js";
