/** Forward mode: jvp, linearize, and PyTorch's dual numbers. */
import { asTensor, zerosLike } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { engine, checked, failure } from "../runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "../tensor.js";
import { flatten, sameStructure } from "../tree.js";
import { abort, enter, leave } from "../memory.js";
import { leavesOf } from "../tree.js";
import { call, checkFunction, differentiable, DUAL, inScope, outputTensor } from "./machinery.js";

/** The tangent of a value at a level; null is a symbolic zero. */
export function tangentOf(level: number, x: Tensor): Tensor | null {
  const id = engine.tangent_of(level, idOf(x));
  if (id === 0) {
    if (engine.error_code() !== 0) throw failure("jvp");
    return null;
  }
  return made(id);
}

/** Leaves of the tangents, checked against their primals'. */
function tangentLeaves(name: string, primals: readonly Tensor[], tangent: unknown): Tensor[] {
  return flatten(tangent)[0].map((leaf: unknown, i) => {
    const primal = primals[i]!;
    const t = typeof leaf === "number" ? asTensor(leaf, primal) : outputTensor(name, leaf);
    if (t.shape.join() !== primal.shape.join()) {
      throw new ShapeError(`${name}: a tangent has shape [${t.shape.join(", ")}] but its primal has [${primal.shape.join(", ")}]; a tangent has its primal's shape`, name);
    }
    return t.dtype === primal.dtype ? t : t.cast(primal.dtype);
  });
}

/**
 * The value of `f` at `primals` and its derivative in the direction `tangents` (lists with one tree per argument), in one
 * forward pass.
 */
export function jvp(f: (...args: any[]) => any, primals: readonly any[], tangents: readonly any[]): [out: any, tangentOut: any] {
  checkFunction("jvp", f);
  if (!Array.isArray(primals) || !Array.isArray(tangents)) throw new ValueError("jvp: primals and tangents are lists with one entry per argument: jvp(f, [x], [v])", "jvp");
  sameStructure(primals, tangents, "jvp");
  return inScope(() => {
    const parts = primals.map((primal, i) => differentiable("jvp", `primal ${i}`, primal));
    const directions = parts.map(({ leaves }, i) => tangentLeaves("jvp", leaves, tangents[i]));
    const level = engine.level_push(DUAL);
    const args = parts.map(({ leaves, rebuild }, i) =>
      rebuild(leaves.map((leaf, k) => made(checked(engine.dual(level, idOf(leaf), idOf(directions[i]![k]!)), "jvp")))),
    );
    const result = call("jvp", f, args);
    const [leaves, rebuild] = flatten(result);
    const outs = leaves.map((leaf) => outputTensor("jvp", leaf));
    const values = outs.map((out) => made(checked(engine.primal_of(level, idOf(out)))));
    const slopes = outs.map((out, i) => tangentOf(level, out) ?? zerosLike(values[i]!));
    engine.level_pop(level);
    return [rebuild(values), rebuild(slopes)] as [any, any];
  });
}

/**
 * The value of `f` and its derivative as a linear function: `pushforward(...tangents)`. Each call is one forward pass at
 * the same point.
 */
export function linearize(f: (...args: any[]) => any, ...primals: any[]): [out: any, pushforward: (...tangents: any[]) => any] {
  checkFunction("linearize", f);
  const out = inScope(() => call("linearize", f, primals));
  const pushforward = (...tangents: any[]) => inScope(() => jvp(f, primals, tangents)[1]);
  return [out, pushforward];
}

const dualLevels: number[] = [];

/** Runs `fn` with forward mode open, for `makeDual` and `unpackDual`. Tensors it returns are primals. */
export function dualLevel<R>(fn: () => R): R {
  const entry = enter();
  const level = engine.level_push(DUAL);
  dualLevels.push(level);
  try {
    const result: any = call("dualLevel", fn, []);
    const inside = leavesOf(result).filter((leaf) => leaf.scope === entry.token);
    // Dual numbers end here: a returned one becomes its primal, behind the same object.
    for (const leaf of inside) leaf.handle = checked(engine.primal_of(level, idOf(leaf)));
    engine.level_pop(level);
    leave(entry, inside);
    return result as R;
  } catch (error) {
    abort(entry);
    throw error;
  } finally {
    dualLevels.pop();
  }
}

function innermost(name: string): number {
  const level = dualLevels[dualLevels.length - 1];
  if (level === undefined) throw new ValueError(`${name}: no dual level is open; call it inside dualLevel(() => ...)`, name);
  return level;
}

/** A number (tensor) with its derivative in some direction. */
export function makeDual(primal: TensorLike, tangent: TensorLike): Tensor {
  const level = innermost("makeDual");
  const { leaves } = differentiable("makeDual", "the primal", primal instanceof Tensor || typeof primal === "number" ? primal : asTensor(primal));
  const p = leaves[0]!;
  const t = tangent instanceof Tensor ? tangent : asTensor(tangent, p);
  const [direction] = tangentLeaves("makeDual", [p], t.ndim === 0 && p.ndim > 0 && !(tangent instanceof Tensor) ? t.broadcastTo(p.shape) : t);
  return made(checked(engine.dual(level, idOf(p), idOf(direction!)), "makeDual"));
}

/** The two parts of a dual number; the tangent is null when it depends on no dual. */
export function unpackDual(dual: Tensor): { primal: Tensor; tangent: Tensor | null } {
  const level = innermost("unpackDual");
  return { primal: made(checked(engine.primal_of(level, idOf(dual)), "unpackDual")), tangent: tangentOf(level, dual) };
}
