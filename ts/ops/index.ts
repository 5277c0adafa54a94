/** Indexing by tensors, sorting, products. Index tensors are int32 of any rank; negative indices count from the end. */
import { atMost, axisNumber, axisOf, boolean, integer } from "../arguments.js";
import { tensor } from "../creation.js";
import { dtypeCode, type DType } from "../dtype.js";
import { checkDtype } from "../nested.js";
import { readOptions } from "../options.js";
import { releasing, run } from "../run.js";
import { Tensor, type TensorLike } from "../tensor.js";
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

/** out[i][j] = x[index[i][j]][j] for axis 0, as torch.gather. */
export function gather(x: TensorLike, axis: number, indices: TensorLike): Tensor {
  atMost("gather", arguments, 3);
  const along = axisNumber("gather", axis);
  return withIndices(indices, (i) => apply("gather", [x, i], [along]));
}

/** Slices of x along an axis (of the flattened tensor without one), as jax.numpy.take. */
export function take(x: TensorLike, indices: TensorLike, axis?: number): Tensor {
  atMost("take", arguments, 3);
  const along = axis === undefined ? undefined : axisNumber("take", axis);
  return withIndices(indices, (i) =>
    along !== undefined ? apply("take", [x, i], [along]) : releasing((keep) => run("take", [keep(apply("reshape", [x], [-1])), i], [0])),
  );
}

/** x with src added at the indices, as torch.scatter_add. */
export function scatterAdd(x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor {
  atMost("scatterAdd", arguments, 4);
  const along = axisNumber("scatterAdd", axis);
  return withIndices(indices, (i) => apply("scatterAdd", [x, i, src], [along]));
}

/** x with slices of src added at the indices, as torch.index_add. */
export function indexAdd(x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor {
  atMost("indexAdd", arguments, 4);
  const along = axisNumber("indexAdd", axis);
  return withIndices(indices, (i) => apply("indexAdd", [x, i, src], [along]));
}

/** 1 at the class, 0 elsewhere, along a new last axis of size `depth`; float32 unless another dtype is given. */
export function oneHot(indices: TensorLike, depth: number, options?: { dtype?: DType }): Tensor {
  atMost("oneHot", arguments, 3);
  const { dtype = "float32" } = readOptions("oneHot", options, ["dtype"]);
  const parameters = [integer("oneHot", "the depth", depth, 0), dtypeCode(checkDtype(dtype, "oneHot"))];
  return withIndices(indices, (i) => apply("oneHot", [i], parameters));
}

export interface SortOptions extends AxisOptions {
  /** Largest first. */
  descending?: boolean;
}

function sorting(name: "sort" | "argsort") {
  return function (x: TensorLike, axis?: number | SortOptions, options?: SortOptions): Tensor {
    atMost(name, arguments, 3);
    const [place, { descending = false }] = withAxis<number, SortOptions>(name, axis, options, ["descending"]);
    return apply(name, [x], [axisNumber(name, place ?? -1), Number(boolean(name, "descending", descending))]);
  };
}

/** In ascending order along an axis (the last by default), stable, NaN last. */
export const sort = sorting("sort");
/** The int32 positions that sort. */
export const argsort = sorting("argsort");

export interface TopkOptions extends AxisOptions {
  /** The default; false gives the smallest values, in ascending order. */
  largest?: boolean;
}

/** The k largest values along an axis (the last by default) in descending order, and their positions. */
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

/**
 * How many of the sorted numbers are smaller than each value (with `right` not larger): the int32 place where it would stand. `sorted` is a
 * vector, or rows [..., n] for rows of values [..., m].
 */
export function searchsorted(sorted: TensorLike, values: TensorLike, options?: { right?: boolean }): Tensor {
  atMost("searchsorted", arguments, 3);
  const { right = false } = readOptions("searchsorted", options, ["right"]);
  return apply("searchsorted", [sorted, values], [Number(boolean("searchsorted", "right", right))]);
}

/** Rows of a table. */
export function embedding(indices: TensorLike, table: TensorLike): Tensor {
  atMost("embedding", arguments, 2);
  return take(table, indices, 0);
}

/** NumPy's matmul: any leading batch axes, which broadcast; vectors on either side. */
export const matmul: Binary = binary("matmul");
/** Σ a b of two vectors. */
export const dot: Binary = binary("dot");
/** a bᵀ of the flattened inputs. */
export const outer: Binary = binary("outer");
/** Σ of the diagonal of the last two axes. */
export const trace: Unary = unary("trace");
