/** Random numbers: keys, the implicit generator, and draws. */
export { key, split } from "./keys.js";
export * from "./continuous.js";
export * from "./discrete.js";
export type { Draw, DrawOptions, NeedyDraw, Parameter, Shape } from "./arguments.js";
export * from "./state.js";
