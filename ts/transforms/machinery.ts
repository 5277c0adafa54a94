/**
 * What all transforms share: opening a level and a scope, checking arguments, keeping results, undoing everything when the
 * user's function throws. A transform itself is then a few lines.
 */
import { callback } from "../input/arguments.js";
import { conversions } from "../conversions.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { isFloat } from "../dtype.js";
import { DTypeError, NotDifferentiableError, ShapeError, ValueError } from "../errors.js";
import { abort, current, enter, leave, type Entry } from "../memory/memory.js";
import { LevelKind } from "../runtime/boundary.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { flatten, leavesOf, map, walk } from "../tree.js";
import { asTree } from "./arguments.js";

/** Opens a level for one call of the transform `name`; a batch level is for `size` examples. Throws `ValueError` when too many are open. */
export function openLevel(name: string, kind: LevelKind, size = 0): number {
  if (kind === LevelKind.Batch) pass([size]);
  return checked(engine.level_push(kind), name);
}

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

/** A function of the user's, whatever it takes: its arguments and results are looked at when it runs. */
export type Callback = (...args: any[]) => any;

/** Calls the user's function; a promise is refused, because its level would be closed when it goes on. */
export function call(name: string, f: Callback, args: readonly unknown[]): any {
  checkFunction(name, f);
  const result: unknown = f(...args);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new ValueError(`${name}: the function returned a promise; transforms take synchronous functions`, name);
  }
  return result;
}

export function checkFunction(name: string, f: unknown): void {
  callback(name, "the argument", f);
}

/** The positions of the arguments to differentiate, as a list of non-negative numbers. */
export function positions(name: string, argnums: unknown, count: number): number[] {
  const list: unknown[] = argnums === undefined ? [0] : Array.isArray(argnums) ? [...(argnums as unknown[])] : [argnums];
  const found = list.map((n) => {
    if (typeof n !== "number" || !Number.isInteger(n))
      throw new ValueError(`${name}: argnums is the number of an argument or a list of such numbers, got ${describe(n)}`, name);
    if (n < -count || n >= count) {
      throw new ValueError(
        `${name}: argnums ${n} does not exist; the function was called with ${count} argument${count === 1 ? "" : "s"}`,
        name,
      );
    }
    return n < 0 ? n + count : n;
  });
  const twice = found.find((n, i) => found.indexOf(n) !== i);
  if (twice !== undefined)
    throw new ValueError(`${name}: argnums names argument ${twice} twice (negative numbers count from the end); name each once`, name);
  return found;
}

/** An argument that is differentiated: its leaves as float tensors; numbers and arrays of them are made into tensors. */
export function differentiable(
  name: string,
  what: string,
  argument: unknown,
): { leaves: Tensor[]; rebuild: (leaves: readonly unknown[]) => any } {
  const [raw, rebuild] = flatten(asTree(argument));
  const leaves = raw.map((leaf: unknown) => {
    if (typeof leaf === "number") return asTensor(leaf);
    if (!(leaf instanceof Tensor))
      throw new ValueError(`${name}: ${what} holds ${describe(leaf)}; expected tensors (make them with tensor())`, name);
    if (!isFloat(leaf.dtype)) {
      throw new DTypeError(
        `${name}: ${what} holds a ${leaf.dtype} tensor of shape [${leaf.shape.join(", ")}]; derivatives are taken with respect to float32 and float64. cast() it, or choose other argnums`,
        name,
      );
    }
    return leaf;
  });
  return { leaves, rebuild };
}

/**
 * Watches for plain arithmetic on tensors from here on: the function that is returned refuses results that are plain numbers when a
 * tensor of a transform was read as one meanwhile, because what was computed from it has lost its derivative.
 */
export function arithmeticGuard(name: string): (result: unknown) => void {
  const before = conversions;
  return (result) => {
    if (conversions === before) return;
    walk(result, (leaf) => {
      if (typeof leaf !== "number") return;
      throw new NotDifferentiableError(
        `${name}: the function returned a plain number after it had used a tensor as one; operators and Math functions (x * x, Math.exp(x)) are not recorded, write x.mul(x), x.exp(). A constant is returned as ad.tensor(1)`,
        name,
      );
    });
  };
}

/** The user's output as a scalar tensor (0-d or size 1). A number is a constant, of the dtype of `inputs`. */
export function scalarOutput(name: string, out: unknown, inputs: readonly Tensor[]): Tensor {
  const value = outputTensor(name, out, inputs);
  if (value.size !== 1) {
    throw new ShapeError(
      `${name}: the function must return a scalar, it returned shape [${value.shape.join(", ")}]; sum() or mean() it, or use vjp or jacrev`,
      name,
    );
  }
  if (!isFloat(value.dtype)) {
    throw new NotDifferentiableError(
      `${name}: the function returned a ${value.dtype} tensor, which has no derivative; return a float`,
      name,
    );
  }
  return value;
}

/** A leaf of an argument as a tensor. */
export function argumentTensor(name: string, leaf: unknown): Tensor {
  if (typeof leaf === "number") return asTensor(leaf);
  if (leaf instanceof Tensor) return leaf;
  throw new ValueError(`${name}: an argument is or holds ${describe(leaf)}; expected tensors (make them with tensor())`, name);
}

/** A leaf of what the user's function returned as a tensor. A number takes the widest float dtype among `inputs`, else the default one. */
export function outputTensor(name: string, out: unknown, inputs: readonly Tensor[] = []): Tensor {
  if (typeof out === "number") return asTensor(out, inputs.find((x) => x.dtype === "float64") ?? inputs.find((x) => isFloat(x.dtype)));
  if (out instanceof Tensor) return out;
  const got = out === undefined ? "nothing (is a return missing?)" : describe(out);
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
