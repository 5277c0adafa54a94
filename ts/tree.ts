/** Trees: a tensor, or arrays and plain objects of trees, as arguments and results of transforms. */
import { callback } from "./input/arguments.js";
import { describe } from "./input/describe.js";
import { ValueError } from "./errors.js";
import { isPlainObject } from "./input/options.js";
import { Tensor } from "./tensor.js";

/** A `T`, or arrays and plain objects of trees. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** Plain objects (of any realm) and arrays are branches; everything else, tensors and class instances among them, is a leaf. */
export function isBranch(node: unknown): node is readonly unknown[] | Record<string, unknown> {
  return !(node instanceof Tensor) && (Array.isArray(node) || isPlainObject(node));
}

/** An object with the same keys, in the same order; six times as fast as `Object.fromEntries`. */
export function mapValues<V, R>(object: { readonly [key: string]: V }, f: (value: V, key: string) => R): Record<string, R> {
  const out: Record<string, R> = {};
  for (const key of Object.keys(object)) {
    const value = f(object[key]!, key);
    // Assigned, that name would be the prototype.
    if (key === "__proto__") Object.defineProperty(out, key, { value, writable: true, enumerable: true, configurable: true });
    else out[key] = value;
  }
  return out;
}

/** A tree that holds itself has no end: this is deeper than any that is meant. */
const DEEPEST = 64;

const tooDeep = (path = "") =>
  new ValueError(
    `a tree of arrays and objects is nested deeper than ${DEEPEST} levels${path && `, at ${path.slice(0, 60)}...`}; does something hold itself?`,
    "tree",
  );

/** Visits the leaves in order: array order, keys as they were inserted. `path` reads like code: `[0].weight`. */
export function walk(node: unknown, visit: (leaf: unknown, path: string) => void, path = "", depth = 0): void {
  if (!isBranch(node)) return visit(node, path);
  if (depth === DEEPEST) throw tooDeep(path);
  if (Array.isArray(node) && node.length > 2 ** 24)
    throw new ValueError(`an array of ${node.length} in a tree; a tensor holds many numbers, tensor(array) makes one`, "tree");
  if (Array.isArray(node)) node.forEach((child, i) => walk(child, visit, `${path}[${i}]`, depth + 1));
  else for (const [key, child] of Object.entries(node)) walk(child, visit, `${path}.${key}`, depth + 1);
}

/** The leaves in the same order, without their paths: making those costs more than a small op. Where it cannot go on, `walk` says why. */
function gather(node: unknown, leaves: unknown[], tree: unknown, depth: number): void {
  if (!isBranch(node)) {
    leaves.push(node);
  } else if (depth === DEEPEST || (Array.isArray(node) && node.length > 2 ** 24)) {
    walk(tree, () => {});
    throw tooDeep();
  } else if (Array.isArray(node)) {
    node.forEach((child) => gather(child, leaves, tree, depth + 1));
  } else {
    for (const child of Object.values(node)) gather(child, leaves, tree, depth + 1);
  }
}

/** The tensors in a value. */
export function leavesOf(node: unknown): Tensor[] {
  if (node instanceof Tensor) return [node];
  const leaves: unknown[] = [];
  gather(node, leaves, node, 0);
  return leaves.filter((leaf) => leaf instanceof Tensor);
}

/** The tensors somewhere in a value, in Maps, Sets and own properties of class instances too; cycles are no harm. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (typeof value !== "object" || value === null) return [];
  const found: Tensor[] = [];
  const seen = new Set<unknown>();
  const work: object[] = [value];
  // One by one: a list of a million numbers is no list of arguments.
  const visit = (child: unknown) => {
    if (typeof child === "object" && child !== null) work.push(child);
  };
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node instanceof Tensor) found.push(node);
    else if (node instanceof Map)
      node.forEach((child, key) => {
        visit(key);
        visit(child);
      });
    else if (node instanceof Set || Array.isArray(node)) node.forEach(visit);
    else if (!ArrayBuffer.isView(node)) Object.values(node).forEach(visit);
  }
  return found;
}

function rebuild(node: unknown, next: () => unknown): unknown {
  if (node instanceof Tensor) return next();
  if (Array.isArray(node)) return node.map((child) => rebuild(child, next));
  if (isBranch(node)) return mapValues(node as Record<string, unknown>, (child) => rebuild(child, next));
  return next();
}

/** The leaves of a tree in order, and a function that puts other leaves in their places. */
export function flatten(tree: unknown): [leaves: any[], unflatten: (leaves: readonly unknown[]) => any] {
  const leaves: unknown[] = [];
  gather(tree, leaves, tree, 0);
  const unflatten = (replacements: readonly unknown[]) => {
    if (!Array.isArray(replacements))
      throw new ValueError(`tree.flatten: expected the list of leaves, got ${describe(replacements)}`, "tree.flatten");
    if (replacements.length !== leaves.length) {
      throw new ValueError(
        `tree.flatten: this tree has ${leaves.length} leaves, ${replacements.length} were given to put in their places`,
        "tree.flatten",
      );
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
  return describe(node);
}

/** Throws unless `other` has the structure of `tree`; names where they part. */
export function sameStructure(tree: unknown, other: unknown, what: string, path = "", depth = 0): void {
  const part = () => new ValueError(`${what}: the trees differ at ${path || "the top"}: ${form(tree)} there, ${form(other)} here`, what);
  if (!isBranch(tree)) {
    if (isBranch(other)) throw part();
    return;
  }
  if (depth === DEEPEST) throw tooDeep(path);
  if (Array.isArray(tree)) {
    if (!Array.isArray(other) || other.length !== tree.length) throw part();
    tree.forEach((child, i) => sameStructure(child, other[i], what, `${path}[${i}]`, depth + 1));
  } else {
    if (!isBranch(other) || Array.isArray(other) || form(tree) !== form(other)) throw part();
    for (const key of Object.keys(tree))
      sameStructure((tree as Record<string, unknown>)[key], (other as Record<string, unknown>)[key], what, `${path}.${key}`, depth + 1);
  }
}

/** Applies `f` to each leaf (and to the leaves in the same place of `rest`), keeping the structure. */
export function map<R>(f: (leaf: any, ...rest: any[]) => R, tree: unknown, ...rest: unknown[]): any {
  callback("tree.map", "the first argument", f);
  if (tree instanceof Tensor && rest.length === 0) return f(tree);
  for (const other of rest) sameStructure(tree, other, "tree.map");
  // Keys may stand in another order in the other trees: each is walked by the first one's keys.
  const go = (node: unknown, others: unknown[], depth: number): unknown => {
    if (!isBranch(node)) return f(node, ...others);
    if (depth === DEEPEST) throw tooDeep();
    if (Array.isArray(node))
      return node.map((child, i) =>
        go(
          child,
          others.map((o) => (o as unknown[])[i]),
          depth + 1,
        ),
      );
    return mapValues(node as Record<string, unknown>, (child, key) =>
      go(
        child,
        others.map((o) => (o as Record<string, unknown>)[key]),
        depth + 1,
      ),
    );
  };
  return go(tree, rest, 0);
}
