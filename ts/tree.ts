/** Trees: a tensor, or arrays and plain objects of trees, as arguments and results of transforms. */
import { ValueError } from "./errors.js";
import { Tensor } from "./tensor.js";

export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** Plain objects and arrays are branches; everything else, tensors and class instances among them, is a leaf. */
export function isBranch(node: unknown): node is readonly unknown[] | Record<string, unknown> {
  if (Array.isArray(node)) return true;
  if (typeof node !== "object" || node === null) return false;
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}

/** Visits the leaves in order: array order, keys as they were inserted. `path` reads like code: `[0].weight`. */
export function walk(node: unknown, visit: (leaf: unknown, path: string) => void, path = ""): void {
  if (Array.isArray(node)) {
    node.forEach((child, i) => walk(child, visit, `${path}[${i}]`));
  } else if (isBranch(node)) {
    for (const [key, child] of Object.entries(node)) walk(child, visit, `${path}.${key}`);
  } else {
    visit(node, path);
  }
}

/** The tensors in a value. */
export function leavesOf(node: unknown): Tensor[] {
  const leaves: Tensor[] = [];
  walk(node, (leaf) => {
    if (leaf instanceof Tensor) leaves.push(leaf);
  });
  return leaves;
}

/** The tensors somewhere in a value, in Maps, Sets and own properties of class instances too; cycles are no harm. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  const seen = new Set<unknown>();
  const work: unknown[] = [value];
  while (work.length > 0) {
    const node = work.pop();
    if (typeof node !== "object" || node === null || seen.has(node)) continue;
    seen.add(node);
    if (node instanceof Tensor) found.push(node);
    else if (node instanceof Map) work.push(...node.keys(), ...node.values());
    else if (node instanceof Set || Array.isArray(node)) work.push(...node);
    else if (!ArrayBuffer.isView(node)) work.push(...Object.values(node));
  }
  return found;
}

function rebuild(node: unknown, next: () => unknown): unknown {
  if (Array.isArray(node)) return node.map((child) => rebuild(child, next));
  if (isBranch(node)) return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, rebuild(child, next)]));
  return next();
}

/** The leaves of a tree in order, and a function that puts other leaves in their places. */
export function flatten(tree: unknown): [leaves: any[], unflatten: (leaves: readonly unknown[]) => any] {
  const leaves: unknown[] = [];
  walk(tree, (leaf) => leaves.push(leaf));
  const unflatten = (replacements: readonly unknown[]) => {
    if (replacements.length !== leaves.length) {
      throw new ValueError(`tree.flatten: this tree has ${leaves.length} leaves, ${replacements.length} were given to put in their places`, "tree.flatten");
    }
    let i = 0;
    return rebuild(tree, () => replacements[i++]);
  };
  return [leaves, unflatten];
}

/** What a node is, for comparing structures. */
function form(node: unknown): string {
  if (Array.isArray(node)) return `an array of ${node.length}`;
  if (isBranch(node)) return `an object with keys ${Object.keys(node).sort().join(", ") || "(none)"}`;
  if (node instanceof Tensor) return `a tensor [${node.shape.join(", ")}]`;
  return node === null ? "null" : typeof node;
}

/** Throws unless `other` has the structure of `tree`; names where they part. */
export function sameStructure(tree: unknown, other: unknown, what: string, path = ""): void {
  const part = () => new ValueError(`${what}: the trees differ at ${path || "the top"}: ${form(tree)} there, ${form(other)} here`, what);
  if (Array.isArray(tree)) {
    if (!Array.isArray(other) || other.length !== tree.length) throw part();
    tree.forEach((child, i) => sameStructure(child, other[i], what, `${path}[${i}]`));
  } else if (isBranch(tree)) {
    if (!isBranch(other) || Array.isArray(other) || form(tree) !== form(other)) throw part();
    for (const key of Object.keys(tree)) sameStructure((tree as Record<string, unknown>)[key], (other as Record<string, unknown>)[key], what, `${path}.${key}`);
  } else if (isBranch(other)) {
    throw part();
  }
}

/** Applies `f` to each leaf (and to the leaves in the same place of `rest`), keeping the structure. */
export function map<R>(f: (leaf: any, ...rest: any[]) => R, tree: unknown, ...rest: unknown[]): any {
  for (const other of rest) sameStructure(tree, other, "tree.map");
  // Keys may stand in another order in the other trees: each is walked by the first one's keys.
  const go = (node: unknown, others: unknown[]): unknown => {
    if (Array.isArray(node)) return node.map((child, i) => go(child, others.map((o) => (o as unknown[])[i])));
    if (isBranch(node)) {
      return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, go(child, others.map((o) => (o as Record<string, unknown>)[key]))]));
    }
    return f(node, ...others);
  };
  return go(tree, rest);
}
