/** Indexing by tensors, sorting, products. Index tensors are int32 of any rank; negative indices count from the end. */
import { atMost, axisNumber, axisOf, boolean, integer } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { dtypeCode, type DType } from "../dtype.js";
import { checkDtype } from "../input/nested.js";
import { readOptions } from "../input/options.js";
import { releasing, run } from "../run.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { lookUp } from "./lookup.js";
import { apply, binary, unary, withAxis, withTensor, type AxisOptions, type Binary, type Unary } from "./apply.js";

/** Plain arrays of indices become int32. */
function withIndices<R>(indices: TensorLike, body: (indices: Tensor) => R): R {
  if (indices instanceof Tensor) return body(indices);
  const temporary = tensor(indices, { dtype: "int32" });
  try {
    return body(temporary);
  } finally {
    temporary.dispose();
  }
}

/**
 * out[i][j] = x[index[i][j]][j] for axis 0, as torch.gather. The result has the shape of the indices, int32 of as many axes as x; arrays of
 * indices are converted. Indices count from the end when negative; `IndexError` for those out of range, `DTypeError` for others than int32.
 */
export function gather(x: TensorLike, axis: number, indices: TensorLike): Tensor {
  atMost("gather", arguments, 3);
  const along = axisNumber("gather", axis);
  return withIndices(indices, (i) => apply("gather", [x, i], [along]));
}

/**
 * Slices of x along an axis (of the flattened tensor without one), as jax.numpy.take: the axis is replaced by the axes of the int32
 * indices. Negative ones count from the end; `IndexError` for those out of range.
 *
 * @example
 * ad.tensor([[1, 2], [3, 4]]).take([1, 0, 1], 0); // [[3, 4], [1, 2], [3, 4]]
 */
export function take(x: TensorLike, indices: TensorLike, axis?: number): Tensor {
  atMost("take", arguments, 3);
  const along = axis === undefined ? undefined : axisNumber("take", axis);
  return withIndices(indices, (i) =>
    along !== undefined ? apply("take", [x, i], [along]) : releasing((keep) => run("take", [keep(apply("reshape", [x], [-1])), i], [0])),
  );
}

/**
 * x with src added at the indices, as torch.scatter_add: out[index[i][j]][j] += src[i][j] for axis 0. Indices and src have one shape, which
 * nowhere exceeds that of x apart from the axis. A new tensor; x stays. `IndexError` for indices out of range, `ShapeError`.
 */
export function scatterAdd(x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor {
  atMost("scatterAdd", arguments, 4);
  const along = axisNumber("scatterAdd", axis);
  return withIndices(indices, (i) => apply("scatterAdd", [x, i, src], [along]));
}

/**
 * x with slices of src added at the indices, as torch.index_add: out[index[i]] += src[i] for axis 0. The indices are a vector as long as
 * src along the axis. A new tensor; x stays. `IndexError` for indices out of range, `ShapeError`.
 */
export function indexAdd(x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor {
  atMost("indexAdd", arguments, 4);
  const along = axisNumber("indexAdd", axis);
  return withIndices(indices, (i) => apply("indexAdd", [x, i, src], [along]));
}

/** Options of `oneHot`. */
export interface OneHotOptions {
  /** Of the result; default "float32". */
  dtype?: DType;
}

/**
 * 1 at the class, 0 elsewhere, along a new last axis of size `depth`; float32 unless another dtype is given.
 * `IndexError` for a class outside of 0 ... depth - 1.
 *
 * @example
 * ad.oneHot([0, 2], 3); // [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot(indices: TensorLike, depth: number, options?: OneHotOptions): Tensor {
  atMost("oneHot", arguments, 3);
  const { dtype = "float32" } = readOptions("oneHot", options, ["dtype"]);
  const parameters = [integer("oneHot", "the depth", depth, 0), dtypeCode(checkDtype(dtype, "oneHot"))];
  return withIndices(indices, (i) => apply("oneHot", [i], parameters));
}

/** Options of `sort` and `argsort`. */
export interface SortOptions extends AxisOptions {
  /** Largest first; default false. */
  descending?: boolean;
}

function sorting(name: "sort" | "argsort") {
  return function (x: TensorLike, axis?: number | SortOptions, options?: SortOptions): Tensor {
    atMost(name, arguments, 3);
    const [place, { descending = false }] = withAxis<number, SortOptions>(name, axis, options, ["descending"]);
    return apply(name, [x], [axisNumber(name, place ?? -1), Number(boolean(name, "descending", descending))]);
  };
}

/**
 * The values in ascending order along an axis (the last by default), stable, NaN last. The gradient goes back to where they came from.
 * `IndexError` for an axis that does not exist.
 */
export const sort = sorting("sort");
/** The int32 positions that sort along an axis (the last by default): stable, NaN last. `take` and `gather` read by them. */
export const argsort = sorting("argsort");

/** Options of `topk`. */
export interface TopkOptions extends AxisOptions {
  /** The default; false gives the smallest values, in ascending order. */
  largest?: boolean;
}

/**
 * The k largest values along an axis (the last by default) in descending order, and their int32 positions. `ValueError` for a k from
 * outside of 0 ... the axis' size.
 *
 * @example
 * const [values, indices] = ad.topk([3, 1, 2], 2); // [3, 2], [0, 2]
 */
export function topk(x: TensorLike, k: number, axis?: number | TopkOptions, options?: TopkOptions): [values: Tensor, indices: Tensor] {
  atMost("topk", arguments, 4);
  const [place = -1, { largest = true }] = withAxis<number, TopkOptions>("topk", axis, options, ["largest"]);
  const descending = Number(boolean("topk", "largest", largest));
  return withTensor("topk", x, (x) => {
    const at = axisOf("topk", place, x.ndim);
    const count = integer("topk", "k", k, 0, x.shape[at]);
    const indices = releasing((keep) => {
      const order = keep(run("argsort", [x], [at, descending]));
      return run("slice", [order], [...x.shape.map(() => 0), ...x.shape.map((d, i) => (i === at ? count : d)), ...x.shape.map(() => 1)]);
    });
    try {
      return [run("gather", [x, indices], [at]), indices];
    } catch (error) {
      indices.dispose();
      throw error;
    }
  });
}

/** Options of `searchsorted`. */
export interface SearchsortedOptions {
  /** Behind equal numbers rather than before them; default false. */
  right?: boolean;
}

/**
 * How many of the sorted numbers are smaller than each value (with `right` not larger): the int32 place where it would stand. `sorted` is a
 * vector, or rows [..., n] for rows of values [..., m].
 */
export function searchsorted(sorted: TensorLike, values: TensorLike, options?: SearchsortedOptions): Tensor {
  atMost("searchsorted", arguments, 3);
  const { right = false } = readOptions("searchsorted", options, ["right"]);
  return apply("searchsorted", [sorted, values], [Number(boolean("searchsorted", "right", right))]);
}

/**
 * Rows of a table [count, width] by int32 indices of any shape: [...] to [..., width]. Arrays of indices are converted. `IndexError` for
 * those outside of 0 ... count - 1: negative ones do not count from the end, as a missing word is often written -1.
 */
export function embedding(indices: TensorLike, table: TensorLike): Tensor {
  atMost("embedding", arguments, 2);
  return withIndices(indices, (i) => withTensor("embedding", table, (rows) => lookUp("embedding", i, rows)));
}

/**
 * The product of matrices, as NumPy's matmul: [..., n, k] and [..., k, m] give [..., n, m]; leading axes broadcast, a vector on either side
 * loses its axis. Dtypes are promoted. `ShapeError` where the inner sizes differ or an input is 0-d.
 *
 * @example
 * ad.matmul([[1, 2], [3, 4]], [1, 1]); // [3, 7]
 */
export const matmul: Binary = binary("matmulOfAnyRank", "matmul");
/** Σ a b of two vectors of one size, a 0-d tensor. Dtypes are promoted. `ShapeError` for other shapes. */
export const dot: Binary = binary("dot");
/** a bᵀ of the flattened inputs: [n, m] of n and m elements. Dtypes are promoted. */
export const outer: Binary = binary("outer");
/** The sum of the diagonal of the last two axes: [..., n, m] to [...]. `ShapeError` for fewer axes. */
export const trace: Unary = unary("trace");
