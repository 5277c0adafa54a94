/** The public surface, and nothing else. How the engine's bytes are found is the business of `entry/`. */
export {
  setDefaultDtype,
  getDefaultDtype,
  tensor,
  full,
  zeros,
  ones,
  zerosLike,
  onesLike,
  fullLike,
  eye,
  arange,
  linspace,
} from "./creation.js";
export type { CreationOptions, TensorOptions } from "./creation.js";
export { bool, float32, float64, int32, type DType, type TypedArray } from "./dtype.js";
export * from "./errors.js";
export { memory, reserve, reset, type MemoryUse } from "./memory/memory.js";
export type { BackwardOptions } from "./ambient.js";
export type { Hook } from "./transforms/sweeping.js";
export type { AxisOptions, ReduceOptions } from "./ops/apply.js";
export type { DrawOptions } from "./inspect/draw.js";
export { scope } from "./memory/scope.js";
export { variant } from "./runtime/variant.js";
export type { Variant } from "./runtime/features.js";
export { keep } from "./memory/steps.js";
/** Test modes; not for programs. */
export * as testing from "./public/testing.js";
export * from "./ops/convolution.js";
export * from "./ops/linalg.js";
export { odeint, type OdeOptions } from "./scientific/odeint.js";
export { quad, type QuadOptions } from "./scientific/quad.js";
export { fixedPoint, rootSolve, type RootOptions } from "./scientific/roots.js";
export { cubicSpline, interp, type InterpolationOptions, type SplineOptions } from "./scientific/interpolation.js";
export * from "./ops/einsum.js";
export * from "./ops/elementwise.js";
export * from "./ops/index.js";
export * from "./ops/pooling.js";
export * from "./ops/products.js";
export * from "./ops/reduce.js";
export * from "./ops/select.js";
export * from "./ops/shape.js";
export { Tensor, type Nested, type TensorLike } from "./tensor.js";
/** Trees: lists and plain objects of tensors, to any depth. */
export * as tree from "./public/tree.js";
export type { Tree } from "./tree.js";
/** Draws, keys, and the state of the generator behind draws without a key. */
export * as random from "./public/random.js";
export { manualSeed } from "./random/state.js";

export { grad, valueAndGrad, vjp, type GradOptions, type Pullback } from "./transforms/reverse.js";
export { jvp, dualLevel, makeDual, unpackDual, type UnpackedDual } from "./transforms/forward.js";
export { linearize, type Pushforward } from "./transforms/linearize.js";
export { noGrad, enableGrad } from "./transforms/modes.js";
export { cond, forLoop, scan, whileLoop, type Carried, type ScanOptions, type WhileOptions } from "./transforms/control.js";
export { vmap, type BatchAxes, type VmapOptions } from "./transforms/vmap.js";
export { jacfwd, jacrev, jacobian, hessian, hvp, vhp, type JacobianOptions, type JacobianModeOptions } from "./transforms/jacobian.js";
export { customVjp, customJvp, checkpoint, type CheckpointOptions, type CustomVjpRule } from "./transforms/custom/index.js";
export type {
  Argnums,
  ArgumentOf,
  ArgumentsAt,
  ArgumentsOf,
  ArgumentTree,
  GradAt,
  GradientsFor,
  GradOf,
  GradsOf,
  GradTree,
  JacobianOf,
  Numbers,
  OneOrList,
  OutputOf,
  OutputTree,
  PrimalsOf,
  Scalar,
} from "./transforms/types.js";
export { gradcheck, type GradcheckOptions } from "./gradcheck.js";
export { numericalGrad, numericalJacobian, type NumericalOptions } from "./numerical.js";
export { chainJacobian, type ChainJacobian, type ChainOptions, type ChainPlan } from "./transforms/chain.js";
export {
  jacobianSparsity,
  sparseHessian,
  sparseJacobian,
  type SparseFunction,
  type SparseMatrix,
  type SparseOptions,
  type Sparsity,
} from "./sparse/index.js";
export { symbolic, Expression, type SymbolicOptions } from "./symbolic/index.js";
export { debugNaNs, detectAnomaly, profile, type Profile, type ProfileRow } from "./inspect/debug.js";
export {
  compile,
  type Compiled,
  type CompileOptions,
  type CompileStats,
  type ProgramStats,
  type Stage,
  type Stages,
} from "./compile/index.js";
export { trace } from "./inspect/trace.js";
/** @internal Not in `testing`: a namespace is never shaken out of a bundle, and this holds all of the drawings. */
export { strictTrace } from "./inspect/trace.js";
export type { Program } from "./inspect/program.js";
export type { Instruction, Variable, Write } from "./inspect/variable.js";

export * from "./habits/foreign.js";
/** Networks: modules, layers, losses, initial values. */
export * as nn from "./nn/index.js";
/** Optimizers, learning-rate schedules, clipping of gradients. */
export * as optim from "./optim/index.js";
/** Minima of functions and least squares. */
export * as optimize from "./optimize/index.js";
/** Probability distributions. */
export * as distributions from "./distributions/index.js";
/** Data sets and loaders. */
export * as data from "./data/index.js";
/** Files: safetensors, npy, npz. */
export * as io from "./io/index.js";
export { scaledDotProductAttention, type AttentionOptions } from "./nn/attention.js";
export { dropout } from "./nn/dropout.js";
export { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "./nn/normalize.js";

import "./methods.js";
