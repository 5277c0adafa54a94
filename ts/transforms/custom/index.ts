/** Functions with derivatives of their own making. */
export { checkpoint, type CheckpointOptions } from "./checkpoint.js";
export { customJvp } from "./jvp.js";
export { customVjp, type CustomVjpRule } from "./vjp.js";
