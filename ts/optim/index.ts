/** Optimizers and learning-rate schedules. */
export { SGD, Adam, AdamW, type AdamOptions, type SGDOptions } from "./fused.js";
export { Optimizer, type ParameterGroup } from "./optimizer.js";
export { clipGradNorm, clipGradValue } from "./clip.js";
export * as schedules from "./schedules.js";
export { cosine, exponential, oneCycle, schedule, step, warmup, type Schedule } from "./schedules.js";
