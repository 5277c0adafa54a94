/** Networks: modules, layers, losses, initial values. */
export * as init from "./init.js";
export * from "./activations.js";
export { crossEntropy, nllLoss, type CrossEntropyOptions, type NllLossOptions } from "./classification.js";
export * from "./criteria.js";
export * from "./foreign.js";
export * as functional from "./functions.js";
export { functionalCall, parameterCount } from "./functional.js";
export * from "./layers.js";
export * from "./losses.js";
export { Module, Parameter, type LoadOptions } from "./module.js";
