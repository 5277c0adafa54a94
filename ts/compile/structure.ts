/** What arguments look like: as a key of programs, and as a pattern that later arguments are held against, which costs less than a key. */
import { ValueError } from "../errors.js";
import { Tensor } from "../tensor.js";
import { isBranch } from "../tree.js";
import { asLeaf, type Leaf } from "./program.js";

/** An argument that is part of the key. */
export function fixedKey(name: string, value: unknown, position: number): string {
  if (value instanceof Tensor)
    throw new ValueError(
      `${name}: argument ${position} is static but a tensor, whose numbers are no part of a program; leave it out of static`,
      name,
    );
  if (typeof value === "object" || typeof value === "function") return `#${identity(value)}`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
}

const identities = new WeakMap<object, number>();
let lastIdentity = 0;
/** Objects and functions are told apart by identity. */
function identity(value: object | null): number {
  if (value === null) return 0;
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, ++lastIdentity);
  return lastIdentity;
}

/** The structure of an argument; its leaves go to `leaves`. */
export function structure(tree: unknown, leaves: Leaf[]): string {
  if (tree instanceof Tensor) {
    leaves.push(tree);
    return "t";
  }
  if (typeof tree === "number") {
    leaves.push(tree);
    return "n";
  }
  if (Array.isArray(tree)) return `[${tree.map((child) => structure(child, leaves)).join()}]`;
  if (isBranch(tree))
    return `{${Object.entries(tree)
      .map(([key, child]) => `${JSON.stringify(key)}:${structure(child, leaves)}`)
      .join()}}`;
  if (tree === null || tree === undefined || typeof tree === "boolean" || typeof tree === "string") return JSON.stringify(tree) ?? "u";
  asLeaf(tree);
  return "";
}

/** Takes the leaves of a value that looks as the pattern says; false where it does not. */
export type Pattern = (value: unknown, leaves: Leaf[]) => boolean;

const tensor: Pattern = (value, leaves) => value instanceof Tensor && leaves.push(value) > 0;
const number: Pattern = (value, leaves) => typeof value === "number" && leaves.push(value) > 0;

/** Something that is the same in each call. */
export const constant =
  (known: unknown): Pattern =>
  (value) =>
    Object.is(value, known);

/** The pattern of an argument that holds tensors and numbers and nothing that has to be made a tensor; else null. */
export function patternOf(tree: unknown): Pattern | null {
  if (tree instanceof Tensor) return tensor;
  if (typeof tree === "number") return number;
  if (!isBranch(tree)) return ArrayBuffer.isView(tree) || typeof tree === "object" ? null : constant(tree);
  const isArray = Array.isArray(tree);
  const keys = Object.keys(tree);
  // Of numbers alone it would be one tensor.
  if (isArray && (keys.length !== tree.length || !keys.some((_, i) => typeof tree[i] === "object" && !Array.isArray(tree[i])))) return null;
  const children = keys.map((key) => patternOf((tree as Record<string, unknown>)[key]));
  if (children.includes(null)) return null;
  const parts = children as readonly Pattern[];
  if (isArray)
    return (value, leaves) => {
      if (!Array.isArray(value) || value.length !== parts.length) return false;
      for (let i = 0; i < parts.length; i++) if (!parts[i]!(value[i], leaves)) return false;
      return true;
    };
  return (value, leaves) => {
    if (Array.isArray(value) || !isBranch(value)) return false;
    let i = 0;
    // In the order in which they are written, as in the key.
    for (const key in value) {
      if (keys[i] !== key || !parts[i]!((value as Record<string, unknown>)[key], leaves)) return false;
      i++;
    }
    return i === keys.length;
  };
}
