/** "adjoint" in Node: ready at import. */
import { load } from "../runtime/node.js";

load();

export * from "../index.js";
export { init } from "../runtime/node.js";
