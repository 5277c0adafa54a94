/** Reductions, softmax, cumulative ops. `axis` is a number, a list, or absent for all; negative axes count from the end. */
import { apply, reduction, type Reduce, type ReduceOptions } from "./apply.js";
import type { Tensor, TensorLike } from "../tensor.js";

export const sum: Reduce = reduction("sum");
export const mean: Reduce = reduction("mean");
/** Its gradient is exact when elements are 0. */
export const prod: Reduce = reduction("prod");
/** Largest value; equal ones share the gradient. */
export const max: Reduce = reduction("max");
export const min: Reduce = reduction("min");
export const any: Reduce = reduction("any");
export const all: Reduce = reduction("all");
/** int32 position of the first largest; without an axis in the flattened tensor. */
export const argmax: Reduce = reduction("argmax");
export const argmin: Reduce = reduction("argmin");
/** log Σ eˣ without overflow. */
export const logsumexp: Reduce = reduction("logsumexp");

export interface VarianceOptions extends ReduceOptions {
  /** Divides by n - correction; default 1, as PyTorch. */
  correction?: number;
}
export const variance: Reduce<VarianceOptions> = reduction<VarianceOptions>("variance", ({ correction = 1 }) => [correction]);
export const std: Reduce<VarianceOptions> = reduction<VarianceOptions>("std", ({ correction = 1 }) => [correction]);

export interface NormOptions extends ReduceOptions {
  /** (Σ|x|^p)^(1/p); default 2, Infinity is the largest magnitude. */
  p?: number;
}
export const norm: Reduce<NormOptions> = reduction<NormOptions>("norm", ({ p = 2 }) => [p]);

export const softmax = (x: TensorLike, axis = -1): Tensor => apply("softmax", [x], [axis]);
export const logSoftmax = (x: TensorLike, axis = -1): Tensor => apply("logSoftmax", [x], [axis]);

export interface CumulativeOptions {
  /** From the end. */
  reverse?: boolean;
}
export const cumsum = (x: TensorLike, axis = 0, { reverse = false }: CumulativeOptions = {}): Tensor => apply("cumsum", [x], [axis, Number(reverse)]);
export const cumprod = (x: TensorLike, axis = 0, { reverse = false }: CumulativeOptions = {}): Tensor => apply("cumprod", [x], [axis, Number(reverse)]);
