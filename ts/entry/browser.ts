/** "adjoint" elsewhere: `await init()` first. */
export * from "../index.js";
export { init } from "../runtime/browser.js";
