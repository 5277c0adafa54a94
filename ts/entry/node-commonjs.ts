/** "adjoint" in Node, by `require`: ready then. Literal paths, the form that bundlers and file tracers see. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "../runtime/node.js";

load({
  core: (relaxed) => (relaxed ? readFileSync(join(__dirname, "adjoint-relaxed.wasm")) : readFileSync(join(__dirname, "adjoint.wasm"))),
  compiler: (relaxed) =>
    relaxed ? readFileSync(join(__dirname, "adjoint-compiler-relaxed.wasm")) : readFileSync(join(__dirname, "adjoint-compiler.wasm")),
});

export * from "../index.js";
export { init } from "../runtime/node.js";
