/** Optimizers and learning-rate schedules. */
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions } from "./adam.js";
export { Group, Optimizer, type Kind, type ParameterGroup, type RateOptions } from "./optimizer.js";
export type { Parameters } from "./parameters.js";
export type { OptimizerState } from "./state.js";
export { clipGradNorm, clipGradValue, type ClipOptions } from "./clip.js";
/** Learning rates over time. */
export * as schedules from "./schedules.js";
export {
  type Advance,
  cosine,
  exponential,
  oneCycle,
  schedule,
  step,
  warmup,
  type OneCycleOptions,
  type Schedule,
  type Scheduled,
} from "./schedules.js";
/** Optimizers as pure functions over trees, as optax has them. */
export * as transform from "./transform.js";
export { applyUpdates, type AdamState, type Rate, type SGDState, type Transformation } from "./transform.js";
export * from "./foreign.js";
