/** `ad.tree`: what the public may do with trees. */
import { asTensor, tensor } from "../creation.js";
import { describe } from "../describe.js";
import { ValueError } from "../errors.js";
import { concat, slice } from "../ops/shape.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { flatten } from "../tree.js";

export { flatten, map } from "../tree.js";

/**
 * A tree as one vector, and the way back: `[vector, unravel]`. Differentiable both ways; leaves keep their shapes and, on
 * the way back, their dtypes.
 */
export function ravel(tree: unknown): [vector: Tensor, unravel: (vector: TensorLike) => any] {
  const [raw, unflatten] = flatten(tree);
  const leaves = raw.map((leaf: unknown) => {
    if (!(leaf instanceof Tensor) && typeof leaf !== "number")
      throw new ValueError(`tree.ravel: a leaf is ${describe(leaf)}; expected tensors`, "tree.ravel");
    return asTensor(leaf);
  });
  const forms = leaves.map(({ shape, dtype, size }) => ({ shape, dtype, size }));
  const total = forms.reduce((n, form) => n + form.size, 0);
  const vector =
    leaves.length === 0
      ? tensor([])
      : concat(
          leaves.map((leaf) => leaf.reshape(-1)),
          0,
        );
  const unravel = (given: TensorLike) => {
    const v = asTensor(given, vector, "unravel");
    if (v.ndim !== 1 || v.size !== total) {
      throw new ValueError(`unravel: expected a vector of ${total} elements, got shape [${v.shape.join(", ")}]`, "unravel");
    }
    let at = 0;
    return unflatten(
      forms.map(({ shape, dtype, size }) => {
        const piece = slice(v, [at], [(at += size)]).reshape(shape);
        return piece.dtype === dtype ? piece : piece.cast(dtype);
      }),
    );
  };
  return [vector, unravel];
}
