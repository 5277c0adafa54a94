/** "adjoint" in Node, as an ES module: ready at import. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../runtime/node.js";

// Literal URLs, the form that bundlers and file tracers see. Next.js makes of such a URL the address for browsers; the script's own is still the one
// in the package.
const beside = (name: string) => readFileSync(join(dirname(fileURLToPath(import.meta.url)), name));

function core(relaxed: boolean): Uint8Array {
  try {
    return relaxed
      ? readFileSync(new URL("./adjoint-relaxed.wasm", import.meta.url))
      : readFileSync(new URL("./adjoint.wasm", import.meta.url));
  } catch {
    return beside(relaxed ? "adjoint-relaxed.wasm" : "adjoint.wasm");
  }
}

function compiler(relaxed: boolean): Uint8Array {
  try {
    return relaxed
      ? readFileSync(new URL("./adjoint-compiler-relaxed.wasm", import.meta.url))
      : readFileSync(new URL("./adjoint-compiler.wasm", import.meta.url));
  } catch {
    return beside(relaxed ? "adjoint-compiler-relaxed.wasm" : "adjoint-compiler.wasm");
  }
}

load({ core, compiler });

export * from "../index.js";
export { init } from "../runtime/node.js";
