/**
 * What all transforms share: opening a level and a scope, checking arguments, keeping results, undoing everything when the
 * user's function throws. A transform itself is then a few lines.
 */
import { asTensor } from "../creation.js";
import { DTypeError, NotDifferentiableError, ShapeError, ValueError } from "../errors.js";
import { abort, current, enter, leave, type Entry } from "../memory.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { flatten, leavesOf, map } from "../tree.js";

export const GRAD = 0;
export const DUAL = 1;
export const BATCH = 2;

/** Runs `body` in a scope of its own; tensors of what it returns survive. A throw comes out unchanged, with all undone. */
export function inScope<R>(body: (entry: Entry) => R): R {
  const entry = enter();
  try {
    const result = body(entry);
    leave(entry, leavesOf(result));
    return result;
  } catch (error) {
    abort(entry);
    throw error;
  }
}

/** Calls the user's function; a promise is refused, because its level would be closed when it goes on. */
export function call(name: string, f: (...args: any[]) => any, args: readonly unknown[]): any {
  const result: unknown = f(...args);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new ValueError(`${name}: the function returned a promise; transforms take synchronous functions`, name);
  }
  return result;
}

export function checkFunction(name: string, f: unknown): void {
  if (typeof f !== "function") throw new ValueError(`${name}: expected a function, got ${f === null ? "null" : typeof f}`, name);
}

/** The positions of the arguments to differentiate, as a list of non-negative numbers. */
export function positions(name: string, argnums: number | readonly number[] | undefined, count: number): number[] {
  const list = argnums === undefined ? [0] : typeof argnums === "number" ? [argnums] : [...argnums];
  return list.map((n) => {
    if (!Number.isInteger(n) || n < -count || n >= count) {
      throw new ValueError(`${name}: argnums ${n} does not exist; the function was called with ${count} argument${count === 1 ? "" : "s"}`, name);
    }
    return n < 0 ? n + count : n;
  });
}

/** Leaves of an argument as float tensors; numbers are made into tensors. */
export function differentiable(name: string, what: string, tree: unknown): { leaves: Tensor[]; rebuild: (leaves: readonly unknown[]) => any } {
  const [raw, rebuild] = flatten(tree);
  const leaves = raw.map((leaf: unknown) => {
    if (typeof leaf === "number") return asTensor(leaf);
    if (!(leaf instanceof Tensor)) {
      throw new ValueError(`${name}: ${what} holds ${leaf === null ? "null" : Array.isArray(leaf) ? "an array" : typeof leaf}; expected tensors (make them with tensor())`, name);
    }
    if (leaf.dtype !== "float32" && leaf.dtype !== "float64") {
      throw new DTypeError(`${name}: ${what} holds a ${leaf.dtype} tensor of shape [${leaf.shape.join(", ")}]; derivatives are taken with respect to float32 and float64. cast() it, or choose other argnums`, name);
    }
    return leaf;
  });
  return { leaves, rebuild };
}

/** The user's output as a scalar tensor (0-d or size 1). A number is a constant. */
export function scalarOutput(name: string, out: unknown): Tensor {
  const value = outputTensor(name, out);
  if (value.size !== 1) {
    throw new ShapeError(`${name}: the function must return a scalar, it returned shape [${value.shape.join(", ")}]; sum() or mean() it, or use vjp or jacrev`, name);
  }
  if (value.dtype !== "float32" && value.dtype !== "float64") {
    throw new NotDifferentiableError(`${name}: the function returned a ${value.dtype} tensor, which has no derivative; return a float`, name);
  }
  return value;
}

export function outputTensor(name: string, out: unknown): Tensor {
  if (typeof out === "number") return asTensor(out);
  if (out instanceof Tensor) return out;
  const got = out === undefined ? "nothing (is a return missing?)" : out === null ? "null" : Array.isArray(out) ? "an array" : typeof out;
  throw new ValueError(`${name}: the function must return a tensor, it returned ${got}`, name);
}

/** The tree with each tensor of level `level` replaced by its value one level down; other leaves as they are. */
export function lowered(tree: unknown, level: number): any {
  return map((leaf) => (leaf instanceof Tensor && leaf.scope === current ? made(checked(engine.untrack(level, idOf(leaf)))) : leaf), tree);
}

/** Leaves wrapped for a grad level. */
export function track(level: number, leaf: Tensor): Tensor {
  return made(checked(engine.track(level, idOf(leaf)), "grad"));
}
