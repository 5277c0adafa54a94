/** `ad.random`: draws, keys, and the state of the implicit generator. */
export {
  key,
  split,
  uniform,
  normal,
  truncatedNormal,
  bernoulli,
  randint,
  permutation,
  categorical,
  gumbel,
  exponential,
  gamma,
  getState,
  setState,
  type GeneratorState,
} from "../random/index.js";
export * from "../random/foreign.js";
