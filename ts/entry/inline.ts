/** "adjoint/inline": no file to find; `await init()` first. */
export * from "../index.js";
export { init, initSync } from "../runtime/inline.js";
