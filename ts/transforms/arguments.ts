/** What transforms are called with: trees, lists of them and options, looked at before anything is opened. */
import { atMost } from "../input/arguments.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { isBranch, mapValues, sameStructure } from "../tree.js";

const MOST_AXES = 64;

/** An array of numbers, nested or not: one tensor rather than a tree of scalars. */
export function isNumbers(value: unknown, depth = 0): value is TensorLike {
  if (!Array.isArray(value) || value.length === 0 || depth > MOST_AXES) return false;
  return value.every((entry) => typeof entry === "number" || typeof entry === "boolean" || isNumbers(entry, depth + 1));
}

/** The tree with its arrays of numbers, typed or nested, as tensors. */
export function asTree(tree: unknown, depth = 0): unknown {
  if (tree instanceof Tensor) return tree;
  if (isNumbers(tree) || ArrayBuffer.isView(tree)) return asTensor(tree as TensorLike);
  // What is deeper than any tensor or tree is left to those who look at the leaves.
  if (!isBranch(tree) || depth > 2 * MOST_AXES) return tree;
  if (Array.isArray(tree)) return tree.map((child) => asTree(child, depth + 1));
  return mapValues(tree as Record<string, unknown>, (child) => asTree(child, depth + 1));
}

/** What stands in `given` in the place of each leaf of `tree`, in the order of `tree`'s leaves. */
export function aligned(what: string, tree: unknown, given: unknown): unknown[] {
  const found: unknown[] = [];
  const go = (node: unknown, other: unknown): void => {
    if (Array.isArray(node)) {
      if (!Array.isArray(other) || other.length !== node.length) sameStructure(tree, given, what);
      node.forEach((child, i) => go(child, (other as unknown[])[i]));
    } else if (isBranch(node)) {
      const keys = Object.keys(node);
      if (
        !isBranch(other) ||
        Array.isArray(other) ||
        Object.keys(other).length !== keys.length ||
        keys.some((key) => !Object.hasOwn(other, key))
      )
        sameStructure(tree, given, what);
      for (const key of keys) go((node as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]);
    } else {
      found.push(other);
    }
  };
  go(tree, given);
  return found;
}

const sameShape = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((size, axis) => size === b[axis]);

/** `aligned`, with each leaf as a tensor of the shape and dtype of the one it stands for. */
export function tensorsLike(
  name: string,
  what: string,
  tree: unknown,
  given: unknown,
  likes: readonly { readonly shape: readonly number[]; readonly dtype: Tensor["dtype"] }[],
): Tensor[] {
  return aligned(name, tree, given).map((leaf, i) => {
    const like = likes[i]!;
    if (
      leaf === undefined ||
      leaf === null ||
      (typeof leaf === "object" && isBranch(leaf) && !Array.isArray(leaf)) ||
      typeof leaf === "function" ||
      typeof leaf === "string"
    ) {
      throw new ValueError(`${name}: ${what} ${i} is ${describe(leaf)}; expected a tensor of shape [${like.shape.join(", ")}]`, name);
    }
    const t = asTensor(leaf as TensorLike, like as Tensor);
    if (!sameShape(t.shape, like.shape)) {
      throw new ShapeError(
        `${name}: ${what} ${i} has shape [${t.shape.join(", ")}], what it belongs to has [${like.shape.join(", ")}]; the shapes must be equal`,
        name,
      );
    }
    return t.dtype === like.dtype ? t : t.cast(like.dtype);
  });
}

/** A list with one entry per argument; a tensor (or tree) by itself is a list of one. */
export function argumentList(name: string, what: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return [...(value as unknown[])];
  if (value instanceof Tensor || typeof value === "number" || ArrayBuffer.isView(value) || isBranch(value)) return [value];
  throw new ValueError(`${name}: ${what} must be a list with one entry per argument, ${name}(f, [x], [v]); got ${describe(value)}`, name);
}

/** Refuses lists of different lengths. */
export function sameLength(name: string, primals: readonly unknown[], others: readonly unknown[], what: string): void {
  if (primals.length !== others.length)
    throw new ValueError(
      `${name}: ${primals.length} primal${primals.length === 1 ? "" : "s"} but ${others.length} ${what}; one for each is needed`,
      name,
    );
}

/** The options of a transform that returns a function; `given` are all its arguments. A point in their place is a misunderstanding of its own. */
export function transformOptions<T extends object>(name: string, given: ArrayLike<unknown>, known: readonly (keyof T & string)[]): T {
  const options = given[1];
  if (options instanceof Tensor || typeof options === "number" || Array.isArray(options) || ArrayBuffer.isView(options)) {
    throw new ValueError(
      `${name}: ${name}(f) returns a function, to be called with the arguments: ${name}(f)(x); its second argument is an object of options { ${known.join(", ")} }`,
      name,
    );
  }
  atMost(name, given, 2);
  return readOptions<T>(name, options as T | undefined, known);
}
