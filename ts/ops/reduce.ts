/** Reductions, softmax, cumulative ops. `axis` is a number, a list, or absent for all; negative axes count from the end. */
import { atMost, axisNumber, boolean, number } from "../arguments.js";
import { ValueError } from "../errors.js";
import type { OpName } from "../opcodes.js";
import { readOptions } from "../options.js";
import { releasing, run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { apply, reduction, withAxis, type Axes, type AxisOptions, type Reduce, type ReduceOptions } from "./apply.js";

/** Sum. */
export const sum: Reduce = reduction("sum");
/** Arithmetic mean; NaN of no elements. */
export const mean: Reduce = reduction("mean");
/** Its gradient is exact when elements are 0. */
export const prod: Reduce = reduction("prod");
/** Largest value; equal ones share the gradient. */
export const max: Reduce = reduction("max");
/** Smallest value; equal ones share the gradient. */
export const min: Reduce = reduction("min");
/** Whether any element is not 0. */
export const any: Reduce = reduction("any");
/** Whether no element is 0. */
export const all: Reduce = reduction("all");
/** int32 position of the first largest; without an axis in the flattened tensor. */
export const argmax: Reduce = reduction("argmax");
/** int32 position of the first smallest. */
export const argmin: Reduce = reduction("argmin");
/** log Σ eˣ without overflow. */
export const logsumexp: Reduce = reduction("logsumexp");

export interface VarianceOptions extends ReduceOptions {
  /** Divides by n - correction; default 1, as PyTorch. */
  correction?: number;
}
const correction = (op: string) => (options: VarianceOptions) => [number(op, "correction", options.correction ?? 1)];
/** Mean squared deviation from the mean. */
export const variance: Reduce<VarianceOptions> = reduction<VarianceOptions>("variance", ["correction"], correction("variance"));
/** Square root of the variance. */
export const std: Reduce<VarianceOptions> = reduction<VarianceOptions>("std", ["correction"], correction("std"));

export interface NormOptions extends ReduceOptions {
  /** (Σ|x|^p)^(1/p); default 2, Infinity is the largest magnitude. */
  p?: number;
}
/** Length of vectors, without overflow. */
export const norm: Reduce<NormOptions> = reduction<NormOptions>("norm", ["p"], ({ p = 2 }) => [number("norm", "p", p)]);

/** The middle value, the mean of the two middle ones for an even number; NaN where one is NaN, or of none. */
export const median: Reduce = reduction("quantile", [], () => [0.5], "median");

/**
 * The value below which the fraction q of the elements lies, interpolated linearly between two of them; a list of fractions gives a new
 * first axis. NaN where an element is NaN, or of no elements.
 */
export function quantile(
  x: TensorLike,
  q: number | readonly number[],
  axis?: Axes | ReduceOptions | null,
  options?: ReduceOptions,
): Tensor {
  atMost("quantile", arguments, 4, "several axes are a list");
  const fraction = (value: unknown): number => {
    if (!(number("quantile", "q", value) >= 0 && (value as number) <= 1))
      throw new ValueError(`quantile: q = ${String(value)}; expected fractions from 0 to 1 (not percents)`, "quantile");
    return value as number;
  };
  const at = (q: number) => reduction("quantile", [], () => [q])(x, axis, options);
  if (!Array.isArray(q)) return at(fraction(q));
  const fractions = Array.from(q as readonly unknown[], fraction);
  if (fractions.length === 0) throw new ValueError("quantile: the list of fractions is empty", "quantile");
  return releasing((keep) =>
    run(
      "stack",
      fractions.map((q) => keep(at(q))),
      [0],
    ),
  );
}

/** Covariances of variables in rows, observations in columns: [v, n] gives [v, v], a vector its variance. Divides by n - correction, default 1. */
export function cov(x: TensorLike, options?: { correction?: number }): Tensor {
  atMost("cov", arguments, 2);
  const { correction = 1 } = readOptions("cov", options, ["correction"]);
  return apply("cov", [x], [number("cov", "correction", correction)]);
}

/** An op along one axis with options. */
function along<Options extends AxisOptions>(name: OpName, normal: number, known: readonly string[], extra: (options: Options) => number[]) {
  return function (x: TensorLike, axis?: number | Options, options?: Options): Tensor {
    atMost(name, arguments, 3);
    const [place, given] = withAxis<number, Options>(name, axis, options, known);
    return apply(name, [x], [axisNumber(name, place ?? normal), ...extra(given)]);
  };
}

/** eˣ / Σ eˣ along an axis, the last by default. */
export const softmax = along<AxisOptions>("softmax", -1, [], () => []);
/** log softmax, without overflow. */
export const logSoftmax = along<AxisOptions>("logSoftmax", -1, [], () => []);

export interface CumulativeOptions extends AxisOptions {
  /** From the end. */
  reverse?: boolean;
}
const reversed = (op: string) => (options: CumulativeOptions) => [Number(boolean(op, "reverse", options.reverse ?? false))];
/** Sums of the elements so far along an axis, the first by default. */
export const cumsum = along<CumulativeOptions>("cumsum", 0, ["reverse"], reversed("cumsum"));
/** Products of the elements so far along an axis, the first by default. */
export const cumprod = along<CumulativeOptions>("cumprod", 0, ["reverse"], reversed("cumprod"));
/** Largest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
export const cummax = along<CumulativeOptions>("cummax", 0, ["reverse"], reversed("cummax"));
/** Smallest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
export const cummin = along<CumulativeOptions>("cummin", 0, ["reverse"], reversed("cummin"));
