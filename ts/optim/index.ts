/** Optimizers and learning-rate schedules. */
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions } from "./adam.js";
export { Group, Optimizer, type Kind, type ParameterGroup } from "./optimizer.js";
export type { Parameters } from "./parameters.js";
export type { OptimizerState } from "./state.js";
export { clipGradNorm, clipGradValue, type ClipOptions } from "./clip.js";
export * as schedules from "./schedules.js";
export { cosine, exponential, oneCycle, schedule, step, warmup, type OneCycleOptions, type Schedule } from "./schedules.js";
export * as transform from "./transform.js";
export { applyUpdates, type AdamState, type Rate, type SGDState, type Transformation } from "./transform.js";
export * from "./foreign.js";
