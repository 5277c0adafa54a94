/** Reductions, softmax, cumulative ops. `axis` is a number, a list, or absent for all; negative axes count from the end. */
import { atMost, axisNumber, boolean, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import type { OpName } from "../opcodes.js";
import { readOptions } from "../input/options.js";
import { releasing, run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { apply, reduction, withAxis, type Axes, type AxisOptions, type Reduce, type ReduceOptions } from "./apply.js";

/**
 * The sum over an axis, a list of axes, or all. The axes go, or stay with size 1 by `{ keepdims: true }`. int32 and bool give int32, which
 * wraps around; 0 of no elements. `IndexError` for an axis that does not exist.
 *
 * @example
 * ad.tensor([[1, 2], [3, 4]]).sum(0); // [4, 6]
 * ad.tensor([[1, 2], [3, 4]]).sum({ axis: 1, keepdims: true }); // [[3], [7]]
 */
export const sum: Reduce = reduction("sum");
/** The arithmetic mean over an axis, a list of axes, or all; NaN of no elements. Integers become float32. Options as of `sum`. */
export const mean: Reduce = reduction("mean");
/** The product over an axis, a list of axes, or all; 1 of no elements. Its gradient is exact when elements are 0. Options and dtypes as of `sum`. */
export const prod: Reduce = reduction("prod");
/**
 * The largest value over an axis, a list of axes, or all; NaN where one is NaN. Equal ones share the gradient. The dtype stays. Options as
 * of `sum`; `ShapeError` of no elements.
 */
export const max: Reduce = reduction("max");
/**
 * The smallest value over an axis, a list of axes, or all; NaN where one is NaN. Equal ones share the gradient. The dtype stays. Options as
 * of `sum`; `ShapeError` of no elements.
 */
export const min: Reduce = reduction("min");
/** Whether any element is not 0, over an axis, a list of axes, or all: bool, false of no elements. Options as of `sum`. */
export const any: Reduce = reduction("any");
/** Whether no element is 0, over an axis, a list of axes, or all: bool, true of no elements. Options as of `sum`. */
export const all: Reduce = reduction("all");
/**
 * The int32 position of the first largest value along an axis; without one in the flattened tensor. The first NaN where there is one. No
 * derivative. `ShapeError` of no elements.
 */
export const argmax: Reduce = reduction("argmax");
/**
 * The int32 position of the first smallest value along an axis; without one in the flattened tensor. The first NaN where there is one. No
 * derivative. `ShapeError` of no elements.
 */
export const argmin: Reduce = reduction("argmin");
/** log Σ eˣ over an axis, a list of axes, or all, without overflow; -Infinity of no elements. Integers become float32. Options as of `sum`. */
export const logsumexp: Reduce = reduction("logsumexp");

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** Divides by n - correction; default 1, as PyTorch. */
  correction?: number;
}
const correction = (op: string) => (options: VarianceOptions) => [number(op, "correction", options.correction ?? 1)];
/**
 * Σ (x - mean)² / (n - correction) over an axis, a list of axes, or all; correction is 1 unless given, as in PyTorch (NumPy divides by n).
 * Integers become float32.
 */
export const variance: Reduce<VarianceOptions> = reduction<VarianceOptions>("variance", ["correction"], correction("variance"));
/** The square root of `variance`, with its options. Its gradient is 0 where all elements are equal. */
export const std: Reduce<VarianceOptions> = reduction<VarianceOptions>("std", ["correction"], correction("std"));

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** (Σ|x|^p)^(1/p); default 2, Infinity is the largest magnitude. */
  p?: number;
}
/**
 * (Σ |x|^p)^(1/p) over an axis, a list of axes, or all, without overflow: the length of vectors for p = 2, which is the default. Its gradient
 * at 0 is 0. Integers become float32.
 */
export const norm: Reduce<NormOptions> = reduction<NormOptions>("norm", ["p"], ({ p = 2 }) => [number("norm", "p", p)]);

/** The middle value over an axis, a list of axes, or all, the mean of the two middle ones for an even number; NaN where one is NaN, or of none. */
export const median: Reduce = reduction("quantile", [], () => [0.5], "median");

/**
 * The value below which the fraction q of the elements lies, interpolated linearly between two of them; a list of fractions gives a new
 * first axis. NaN where an element is NaN, or of no elements. `ValueError` for a q outside of [0, 1].
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

/** Options of `cov`. */
export interface CovOptions {
  /** Divides by n - correction; default 1. */
  correction?: number;
}

/** Covariances of variables in rows, observations in columns: [v, n] gives [v, v], a vector its variance. Divides by n - correction, default 1. */
export function cov(x: TensorLike, options?: CovOptions): Tensor {
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

/**
 * eˣ / Σ eˣ along an axis, the last by default: positive numbers of sum 1, without overflow. Integers become float32. `IndexError` for an
 * axis that does not exist.
 */
export const softmax = along<AxisOptions>("softmax", -1, [], () => []);
/** The logarithm of `softmax` along an axis, the last by default: x - log Σ eˣ, without overflow. Integers become float32. */
export const logSoftmax = along<AxisOptions>("logSoftmax", -1, [], () => []);

/** Options of `cumsum`, `cumprod`, `cummax` and `cummin`. */
export interface CumulativeOptions extends AxisOptions {
  /** From the end; default false. */
  reverse?: boolean;
}
const reversed = (op: string) => (options: CumulativeOptions) => [Number(boolean(op, "reverse", options.reverse ?? false))];
/** Sums of the elements so far along an axis, the first by default; the shape stays. int32 and bool give int32. */
export const cumsum = along<CumulativeOptions>("cumsum", 0, ["reverse"], reversed("cumsum"));
/** Products of the elements so far along an axis, the first by default; the shape stays. The gradient is exact where elements are 0. */
export const cumprod = along<CumulativeOptions>("cumprod", 0, ["reverse"], reversed("cumprod"));
/** Largest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
export const cummax = along<CumulativeOptions>("cummax", 0, ["reverse"], reversed("cummax"));
/** Smallest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
export const cummin = along<CumulativeOptions>("cummin", 0, ["reverse"], reversed("cummin"));
