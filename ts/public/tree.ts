/** `ad.tree`: what the public may do with trees. */
import { tensor } from "../creation.js";
import { ValueError } from "../errors.js";
import { concat, slice } from "../ops/shape.js";
import { Tensor } from "../tensor.js";
import { flatten } from "../tree.js";

export { flatten, map } from "../tree.js";

/**
 * A tree as one vector, and the way back: `[vector, unravel]`. Differentiable both ways; leaves keep their shapes and, on
 * the way back, their dtypes.
 */
export function ravel(tree: unknown): [vector: Tensor, unravel: (vector: Tensor) => any] {
  const [leaves, unflatten] = flatten(tree) as [Tensor[], (leaves: readonly unknown[]) => any];
  for (const leaf of leaves) {
    if (!(leaf instanceof Tensor)) throw new ValueError(`tree.ravel: a leaf is ${leaf === null ? "null" : typeof leaf}; expected tensors`, "tree.ravel");
  }
  const forms = leaves.map(({ shape, dtype, size }) => ({ shape, dtype, size }));
  const total = forms.reduce((n, form) => n + form.size, 0);
  const vector = leaves.length === 0 ? tensor([]) : concat(leaves.map((leaf) => leaf.reshape([-1])), 0);
  const unravel = (v: Tensor) => {
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
