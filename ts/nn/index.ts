/** Networks: modules, layers, losses, initial values. */
/** Initial values of parameters. */
export * as init from "./init.js";
export * from "./activations.js";
export { crossEntropy, nllLoss, type CrossEntropyOptions, type NllLossOptions } from "./classification.js";
export * from "./convolution.js";
export { GRUCell, LSTMCell, RNNCell, type CellOptions, type Nonlinearity, type RnnCellOptions } from "./cells.js";
export * from "./criteria.js";
export * from "./dropout.js";
export * from "./foreign.js";
/** The functions of layers and the losses under one roof, as torch.nn.functional has them. */
export * as functional from "./functions.js";
export { functionalCall, parameterCount } from "./functional.js";
export { MultiheadAttention, type MultiheadAttentionOptions, type MultiheadForwardOptions } from "./multihead.js";
export {
  LearnedPositionalEncoding,
  PositionalEncoding,
  sinusoidalPositions,
  type LearnedPositionalEncodingOptions,
  type PositionalEncodingOptions,
  type SinusoidalOptions,
} from "./positions.js";
export { summary, type Summary, type SummaryOptions, type SummaryRow } from "./summary.js";
export * from "./transformer.js";
export * from "./layers.js";
export * from "./likelihoods.js";
export * from "./losses.js";
export * from "./margins.js";
export { Module, Parameter, type LoadOptions } from "./module.js";
export * from "./normalizations.js";
export type { BatchNormOptions, NormalizationOptions, RmsNormOptions } from "./normalize.js";
export * from "./recurrent.js";
export * from "./windows.js";
