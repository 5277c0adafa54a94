/** Optimizers and learning-rate schedules. */
export { SGD, type SGDOptions } from "./sgd.js";
export { Adam, AdamW, type AdamOptions } from "./adam.js";
export { Adadelta, type AdadeltaOptions, Adagrad, type AdagradOptions, RMSprop, type RMSpropOptions } from "./adaptive.js";
export { Adamax, type AdamaxOptions, Lion, type LionOptions, NAdam, type NAdamOptions, RAdam, type RAdamOptions } from "./moments.js";
export { ASGD, type ASGDOptions, Rprop, type RpropOptions } from "./rprop.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export { LevenbergMarquardt, type LevenbergMarquardtOptions, type MarquardtState, type MarquardtStep } from "./levenberg-marquardt.js";
export { Group, Optimizer, type Kind, type ParameterGroup, type RateOptions } from "./optimizer.js";
export type { Parameters } from "./parameters.js";
export type { OptimizerState } from "./state.js";
export { clipGradNorm, clipGradValue, type ClipOptions } from "./clip.js";
export { AveragedParameters, type AveragingOptions, type AveragingState } from "./averages.js";
/** Learning rates over time. */
export * as schedules from "./schedules.js";
export {
  type Advance,
  cosine,
  exponential,
  oneCycle,
  type Plateau,
  type PlateauOptions,
  type PlateauState,
  reduceOnPlateau,
  schedule,
  step,
  warmup,
  type OneCycleOptions,
  type Schedule,
  type Scheduled,
} from "./schedules.js";
/** Optimizers as pure functions over trees, as optax has them. */
export * as transform from "./transform/index.js";
export {
  applyUpdates,
  type AdamState,
  type Pure,
  type PureState,
  type Rate,
  type SGDState,
  type Transformation,
} from "./transform/index.js";
export * from "./foreign.js";
