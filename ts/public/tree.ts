/** `ad.tree`: what the public may do with trees. */
import { atMost } from "../input/arguments.js";
import { asTensor, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { concat, slice } from "../ops/shape.js";
import { Tensor, type TensorLike } from "../tensor.js";
import type { TypedArray } from "../dtype.js";
import { flatten as flattenTree, map as mapTree } from "../tree.js";

/** The leaves of a tree: what is no array and no plain object. */
export type LeafOf<T> = unknown extends T
  ? T
  : T extends Tensor | NoBranch
    ? T
    : T extends readonly (infer Child)[]
      ? LeafOf<Child>
      : T extends object
        ? LeafOf<T[keyof T]>
        : T;
/** A tree like `T` with `R` for each leaf. */
export type Mapped<T, R> = unknown extends T
  ? unknown
  : T extends Tensor | NoBranch
    ? R
    : T extends object
      ? { -readonly [K in keyof T]: Mapped<T[K], R> }
      : R;
/** Objects that are leaves. */
type NoBranch = TypedArray | ((...args: never[]) => unknown);

/**
 * The tree with `f` applied to each leaf, keeping the structure; with several trees of one structure `f` gets the leaves of all in one place.
 * Arrays and plain objects are branches, everything else is a leaf. Throws `ValueError` for trees that differ.
 *
 * @example
 * const [params, gradients] = [{ w: ad.tensor(1) }, { w: ad.tensor(5) }];
 * const { w } = ad.tree.map((p, g) => p.sub(g.mul(0.1)), params, gradients); // 0.5
 */
export function map<T, Rest extends readonly unknown[], R>(
  f: (leaf: LeafOf<NoInfer<T>>, ...rest: { [K in keyof Rest]: LeafOf<NoInfer<Rest[K]>> }) => R,
  tree: T,
  ...rest: Rest
): Mapped<T, R> {
  return mapTree(f as (leaf: unknown, ...rest: unknown[]) => R, tree, ...rest) as Mapped<T, R>;
}

/**
 * The leaves of a tree in order (array order, keys as they were inserted), and a function that puts other leaves in their places.
 * `unflatten` throws `ValueError` for another number of leaves.
 *
 * @example
 * const [leaves, unflatten] = ad.tree.flatten({ w: 1, b: [2, 3] });
 * leaves; // [1, 2, 3]
 * unflatten([4, 5, 6]).b; // [5, 6]
 */
export function flatten<T>(tree: T): [leaves: LeafOf<T>[], unflatten: <R>(leaves: readonly R[]) => Mapped<T, R>] {
  atMost("tree.flatten", arguments, 1);
  const [leaves, unflatten] = flattenTree(tree);
  return [leaves as LeafOf<T>[], unflatten as <R>(leaves: readonly R[]) => Mapped<T, R>];
}

/**
 * A tree of tensors and numbers as one vector, and the way back: `[vector, unravel]`. Differentiable both ways; leaves keep their shapes
 * and, on the way back, their dtypes. Throws `ValueError` for other leaves, and in `unravel` for a vector of another length.
 *
 * @example
 * const [vector, unravel] = ad.tree.ravel({ w: ad.ones([2, 2]), b: ad.zeros([2]) });
 * vector; // [1, 1, 1, 1, 0, 0]
 * unravel([1, 2, 3, 4, 5, 6]).b; // [5, 6]
 */
export function ravel<T>(tree: T): [vector: Tensor, unravel: (vector: TensorLike) => Mapped<T, Tensor>] {
  atMost("tree.ravel", arguments, 1);
  const [raw, unflatten] = flattenTree(tree);
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
    return (unflatten as (leaves: readonly Tensor[]) => Mapped<T, Tensor>)(
      forms.map(({ shape, dtype, size }) => {
        const piece = slice(v, [at], [(at += size)]).reshape(shape);
        return piece.dtype === dtype ? piece : piece.cast(dtype);
      }),
    );
  };
  return [vector, unravel];
}
