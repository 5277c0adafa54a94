/** Forward mode: jvp, and PyTorch's dual numbers. */
import { atMost } from "../input/arguments.js";
import { full, zerosLike } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { LevelKind } from "../runtime/boundary.js";
import { checked, engine, scratch } from "../runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "../tensor.js";
import { flatten, leavesOf } from "../tree.js";
import { abort, enter, leave } from "../memory/memory.js";
import { argumentList, sameLength, tensorsLike } from "./arguments.js";
import { arithmeticGuard, call, type Callback, checkFunction, differentiable, inScope, openLevel, outputTensor } from "./machinery.js";
import type { OutputOf, PrimalsOf } from "./types.js";

/** The tangent of a value at a level; null is a symbolic zero. */
export function tangentOf(level: number, x: Tensor): Tensor | null {
  checked(engine.tangent_of(level, idOf(x)), "jvp");
  const id = scratch()[0]!;
  return id === 0 ? null : made(id);
}

/**
 * The value of `f` at `primals` and its derivative in the direction `tangents`, J · tangents, in one forward pass: `[out, tangentOut]`.
 * Both are lists with one entry per argument, tensors or trees of them; a tangent has its primal's shapes. One pass costs about twice
 * the function, whatever the number of outputs.
 *
 * Throws `ShapeError` for a tangent of another shape, `ValueError` for lists of different lengths, `DTypeError` for integer primals.
 *
 * @example
 * const [y, dy] = ad.jvp((x) => x.sin(), [0], [1]); // 0, 1
 */
export function jvp<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  primals: NoInfer<PrimalsOf<A>>,
  tangents: NoInfer<PrimalsOf<A>>,
): [out: OutputOf<Out>, tangentOut: OutputOf<Out>] {
  checkFunction("jvp", f);
  atMost("jvp", arguments, 3);
  return pushed("jvp", f as Callback, primals, tangents);
}

/** `jvp` under the name of the transform that calls it. */
export function pushed(name: string, f: Callback, primals: unknown, tangents: unknown): [out: any, tangentOut: any] {
  const [points, directions] = [argumentList(name, "the primals", primals), argumentList(name, "the tangents", tangents)];
  sameLength(name, points, directions, "tangents");
  return inScope(() => {
    const parts = points.map((primal, i) => differentiable(name, `primal ${i}`, primal));
    const slopes = parts.map(({ leaves, rebuild }, i) => tensorsLike(name, "tangent", rebuild(leaves), directions[i], leaves));
    const level = openLevel(name, LevelKind.Dual);
    const args = parts.map(({ leaves, rebuild }, i) =>
      rebuild(leaves.map((leaf, k) => made(checked(engine.dual(level, idOf(leaf), idOf(slopes[i]![k]!)), name)))),
    );
    const refuseArithmetic = arithmeticGuard(name);
    const result = call(name, f, args);
    refuseArithmetic(result);
    const [leaves, rebuild] = flatten(result);
    const inputs = parts.length === 1 ? parts[0]!.leaves : parts.flatMap(({ leaves }) => leaves);
    const outs = leaves.map((leaf) => outputTensor(name, leaf, inputs));
    const values = outs.map((out) => made(checked(engine.untrack(level, idOf(out)))));
    const outSlopes = outs.map((out, i) => tangentOf(level, out) ?? zerosLike(values[i]!));
    engine.level_pop(level);
    return [rebuild(values), rebuild(outSlopes)] as [any, any];
  });
}

const dualLevels: number[] = [];

/**
 * Runs `fn` with forward mode open, for `makeDual` and `unpackDual`, as PyTorch's `forward_ad`. Tensors it returns are primals: their
 * tangents end with the level.
 *
 * @example
 * const slope = ad.dualLevel(() => {
 *   const x = ad.makeDual(3, 1);
 *   return ad.unpackDual(x.square()).tangent!.item();
 * }); // 6
 */
export function dualLevel<R>(fn: () => R): R {
  checkFunction("dualLevel", fn);
  atMost("dualLevel", arguments, 1);
  const entry = enter();
  const opened = dualLevels.length;
  try {
    const level = openLevel("dualLevel", LevelKind.Dual);
    dualLevels.push(level);
    const result: any = call("dualLevel", fn, []);
    const inside = leavesOf(result).filter((leaf) => leaf.scope === entry.token);
    // Dual numbers end here: a returned one becomes its primal, behind the same object.
    for (const leaf of inside) leaf.handle = checked(engine.untrack(level, idOf(leaf)));
    engine.level_pop(level);
    leave(entry, inside);
    return result as R;
  } catch (error) {
    abort(entry);
    throw error;
  } finally {
    dualLevels.length = opened;
  }
}

function innermost(name: string): number {
  const level = dualLevels[dualLevels.length - 1];
  if (level === undefined) throw new ValueError(`${name}: no dual level is open; call it inside dualLevel(() => ...)`, name);
  return level;
}

/**
 * A tensor with its derivative in some direction, a dual number, inside `dualLevel`. The tangent has the primal's shape; a plain number
 * counts for every element. Throws `ValueError` outside of a dual level, `ShapeError`, `DTypeError` for integers.
 */
export function makeDual(primal: TensorLike, tangent: TensorLike): Tensor {
  atMost("makeDual", arguments, 2);
  const level = innermost("makeDual");
  const { leaves } = differentiable("makeDual", "the primal", primal);
  if (leaves.length !== 1) throw new ValueError(`makeDual: the primal must be one tensor, got ${describe(primal)}`, "makeDual");
  const p = leaves[0]!;
  const given = typeof tangent === "number" ? full(p.shape, tangent, { dtype: p.dtype }) : tangent;
  const [direction] = tensorsLike("makeDual", "tangent", p, given, [p]);
  return made(checked(engine.dual(level, idOf(p), idOf(direction!)), "makeDual"));
}

/** The two halves of a dual tensor. */
export interface UnpackedDual {
  /** Its value. */
  primal: Tensor;
  /** Its derivative, of the same shape; null where it has none. */
  tangent: Tensor | null;
}

/** The two parts of a dual number inside `dualLevel`; the tangent is null when it depends on no dual. Throws `ValueError` outside of one. */
export function unpackDual(dual: Tensor): UnpackedDual {
  atMost("unpackDual", arguments, 1);
  const level = innermost("unpackDual");
  if (!(dual instanceof Tensor)) throw new ValueError(`unpackDual: expected a tensor, got ${describe(dual)}`, "unpackDual");
  return { primal: made(checked(engine.untrack(level, idOf(dual)), "unpackDual")), tangent: tangentOf(level, dual) };
}
