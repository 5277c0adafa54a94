/** Indexing by tensors, sorting, products. Index tensors are int32 of any rank; negative indices count from the end. */
import { dtypeCode, type DType } from "../dtype.js";
import { ValueError } from "../errors.js";
import { tensor } from "../creation.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { apply, binary, unary, withTensor, type Binary, type Unary } from "./apply.js";
import { slice } from "./shape.js";

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
export const gather = (x: TensorLike, axis: number, indices: TensorLike): Tensor => withIndices(indices, (i) => apply("gather", [x, i], [axis]));
/** Slices of x along an axis (of the flattened tensor without one), as jax.numpy.take. */
export const take = (x: TensorLike, indices: TensorLike, axis?: number): Tensor =>
  withIndices(indices, (i) => {
    if (axis !== undefined) return apply("take", [x, i], [axis]);
    const flat = apply("reshape", [x], [-1]);
    try {
      return apply("take", [flat, i], [0]);
    } finally {
      flat.dispose();
    }
  });
/** x with src added at the indices, as torch.scatter_add. */
export const scatterAdd = (x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor =>
  withIndices(indices, (i) => apply("scatterAdd", [x, i, src], [axis]));
/** x with slices of src added at the indices, as torch.index_add. */
export const indexAdd = (x: TensorLike, axis: number, indices: TensorLike, src: TensorLike): Tensor =>
  withIndices(indices, (i) => apply("indexAdd", [x, i, src], [axis]));
/** 1 at the class, 0 elsewhere, along a new last axis of size `depth`. */
export const oneHot = (indices: TensorLike, depth: number, { dtype = "float32" }: { dtype?: DType } = {}): Tensor =>
  withIndices(indices, (i) => apply("oneHot", [i], [depth, dtypeCode(dtype)]));

export interface SortOptions {
  descending?: boolean;
}
/** In ascending order along an axis, stable, NaN last. */
export const sort = (x: TensorLike, axis = -1, { descending = false }: SortOptions = {}): Tensor => apply("sort", [x], [axis, Number(descending)]);
/** The int32 positions that sort. */
export const argsort = (x: TensorLike, axis = -1, { descending = false }: SortOptions = {}): Tensor => apply("argsort", [x], [axis, Number(descending)]);
/** The k largest values along an axis in descending order, and their positions. */
export function topk(x: TensorLike, k: number, axis = -1): [values: Tensor, indices: Tensor] {
  return withTensor(x, (x) => {
    const at = axis < 0 ? axis + x.ndim : axis;
    const size = x.shape[at];
    if (size === undefined || !Number.isInteger(k) || k < 0 || k > size) {
      throw new ValueError(`topk: k = ${k} along axis ${axis} of shape [${x.shape.join(", ")}]; expected 0 to the size of that axis`, "topk");
    }
    const order = argsort(x, axis, { descending: true });
    const indices = slice(order, x.shape.map(() => 0), x.shape.map((d, i) => (i === at ? k : d)));
    order.dispose();
    return [gather(x, axis, indices), indices];
  });
}
/** Rows of a table. */
export const embedding = (indices: TensorLike, table: TensorLike): Tensor => take(table, indices, 0);

/** NumPy's matmul: any leading batch axes, which broadcast; vectors on either side. */
export const matmul: Binary = binary("matmul");
/** Σ a b of two vectors. */
export const dot: Binary = binary("dot");
/** a bᵀ of the flattened inputs. */
export const outer: Binary = binary("outer");
/** Σ of the diagonal of the last two axes. */
export const trace: Unary = unary("trace");
