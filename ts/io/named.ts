/** What is written to files of several tensors: an object of them by name, a tree, or a module. */
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { isPlainObject } from "../input/options.js";
import { ValueError } from "../errors.js";
import { Module } from "../nn/module.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { asTree } from "../transforms/arguments.js";
import { walk } from "../tree.js";

/** Tensors by name; in a tree the name of a leaf is its path, `layers.0.weight`; a module stands for its `stateDict()`. */
export type Named = Module | { readonly [name: string]: TensorLike | Named } | readonly Named[];

/** Each tensor with its name, in order. */
export function named(op: string, given: unknown): [name: string, tensor: Tensor][] {
  const tree = given instanceof Module ? given.stateDict() : given;
  if (!isPlainObject(tree) && !(Array.isArray(tree) && tree.some((entry) => typeof entry === "object")))
    throw new ValueError(`${op}: expected an object of tensors by name (as stateDict() gives it) or a module, got ${describe(given)}`, op);
  const found: [string, Tensor][] = [];
  const names = new Set<string>();
  walk(asTree(tree), (leaf, path) => {
    const name = path.replace(/\[(\d+)\]/g, ".$1").replace(/^\./, "");
    if (!(leaf instanceof Tensor) && typeof leaf !== "number" && typeof leaf !== "boolean")
      throw new ValueError(`${op}: ${JSON.stringify(name)} is ${describe(leaf)}; expected a tensor or an array of numbers`, op);
    if (names.has(name)) throw new ValueError(`${op}: two tensors would have the name ${JSON.stringify(name)}`, op);
    names.add(name);
    found.push([name, asTensor(leaf)]);
  });
  return found;
}
