/** vmap: a function of one example, run on a whole batch at once. */
import { IndexError, ShapeError, ValueError } from "../errors.js";
import { LevelKind } from "../runtime/boundary.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, type Tensor } from "../tensor.js";
import { isBranch, leavesOf, map, mapValues } from "../tree.js";
import { withExamples, type Randomness } from "../random/state.js";
import { asTree, transformOptions } from "./arguments.js";
import { argumentTensor, call, type Callback, checkFunction, inScope, openLevel, outputTensor } from "./machinery.js";
import type { ArgumentsOf, OutputOf } from "./types.js";

/** Where the batch axis stands: one number for all leaves, null for "the same for every example", or a tree of these. */
export type BatchAxes = number | null | readonly BatchAxes[] | { readonly [key: string]: BatchAxes };

/** Options of `vmap`. */
export interface VmapOptions {
  /** Per argument (a list), or one for all; default 0. */
  inAxes?: BatchAxes;
  /** Where the batch axis goes in the results; default 0. */
  outAxes?: BatchAxes;
  /**
   * What draws without a key do inside `f` (`dropout`, `random.normal([3])`): "different" numbers for each example, the "same" for
   * all, or an "error" (default), since either may be meant. A draw with a key that is not mapped is the same for all examples.
   */
  randomness?: Randomness;
}

const RANDOMNESS: readonly Randomness[] = ["error", "different", "same"];

/** Calls `visit` for every leaf with the axis that `axes`, a prefix of the tree, gives it. */
function mapWithAxes(tree: unknown, axes: BatchAxes, what: string, visit: (leaf: unknown, axis: number | null) => unknown): any {
  if (axes === null || typeof axes === "number") return map((leaf) => visit(leaf, axes), tree);
  if (!isBranch(tree))
    throw new ValueError(`vmap: ${what} has more structure than the value it is for; give one number or null for a tensor`, "vmap");
  if (Array.isArray(axes)) {
    if (!Array.isArray(tree) || tree.length !== axes.length) {
      throw new ValueError(
        `vmap: ${what} is a list of ${axes.length} for ${Array.isArray(tree) ? `${tree.length} values` : "an object"}; expected one entry each`,
        "vmap",
      );
    }
    return tree.map((child, i) => mapWithAxes(child, axes[i]!, what, visit));
  }
  return mapValues(tree as Record<string, unknown>, (child, key) => {
    const axis = (axes as Record<string, BatchAxes>)[key];
    if (axis === undefined) throw new ValueError(`vmap: ${what} has no entry for ${key}; use null for what is not mapped`, "vmap");
    return mapWithAxes(child, axis, what, visit);
  });
}

/** The argument with arrays of numbers as tensors where it is mapped; what is the same for every example goes to the function as it is. */
function mappedTree(tree: unknown, axes: BatchAxes | undefined): unknown {
  if (typeof axes === "number") return asTree(tree);
  if (axes === null || axes === undefined || !isBranch(tree)) return tree;
  if (Array.isArray(tree))
    return tree.map((child, i) => mappedTree(child, Array.isArray(axes) ? (axes as readonly BatchAxes[])[i] : undefined));
  return mapValues(tree as Record<string, unknown>, (child, key) => mappedTree(child, (axes as Record<string, BatchAxes>)[key]));
}

function batchAxis(what: string, axis: number, ndim: number): number {
  if (!Number.isInteger(axis) || axis < -ndim || axis >= ndim) {
    throw new IndexError(`vmap: ${what} ${axis} is out of range for a tensor with ${ndim} axes`, "vmap");
  }
  return axis < 0 ? axis + ndim : axis;
}

/**
 * A function that maps `f` over a batch axis of its arguments: `vmap(f)(xs)` equals stacking `f(x)` over the examples, in one
 * pass. `f` sees one example, without the batch axis; arguments and results are tensors or trees of them. Random ops take one key per
 * example (`random.split`), or see `randomness`.
 *
 * Throws `ShapeError` for batch axes of different sizes, `IndexError` for axes that do not exist, and `TracedValueError` inside `f` for
 * reading numbers (`item()`, `if (x > 0)`), of which there are many at once.
 *
 * @example
 * const norms = ad.vmap((row) => row.square().sum().sqrt())([[3, 4], [5, 12]]); // [5, 13]
 * const perExample = ad.vmap(ad.grad((w, x) => w.mul(x).sum()), { inAxes: [null, 0] });
 * const gradients = perExample([1, 2], ad.tensor([[3, 4], [5, 6]])); // [[3, 4], [5, 6]]
 */
export function vmap<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  options?: VmapOptions,
): (...args: ArgumentsOf<A>) => OutputOf<Out>;
export function vmap(f: Callback, options?: VmapOptions): Callback {
  checkFunction("vmap", f);
  const {
    inAxes = 0,
    outAxes = 0,
    randomness = "error",
  } = transformOptions<VmapOptions>("vmap", arguments, ["inAxes", "outAxes", "randomness"]);
  if (!RANDOMNESS.includes(randomness)) {
    throw new ValueError(`vmap: randomness ${JSON.stringify(randomness)} does not exist; expected "error", "different" or "same"`, "vmap");
  }
  return (...given) =>
    inScope(() => {
      const args = given.map((arg, i) =>
        mappedTree(arg, Array.isArray(inAxes) ? (inAxes as readonly BatchAxes[])[i] : (inAxes as BatchAxes)),
      );
      let size: number | undefined;
      mapWithAxes(args, inAxes, "inAxes", (leaf, axis) => {
        if (axis === null) return leaf;
        const x = argumentTensor("vmap", leaf);
        const n = x.shape[batchAxis("inAxes", axis, x.ndim)]!;
        if (size !== undefined && n !== size) {
          throw new ShapeError(
            `vmap: batch axes of different sizes, ${size} and ${n} (shape [${x.shape.join(", ")}], axis ${axis}); all mapped axes must agree`,
            "vmap",
          );
        }
        size = n;
        return leaf;
      });
      if (size === undefined) throw new ValueError("vmap: no argument is mapped; inAxes needs a number for at least one of them", "vmap");
      const examples = size;
      const level = openLevel("vmap", LevelKind.Batch, examples);
      const single = mapWithAxes(args, inAxes, "inAxes", (leaf, axis) => {
        if (axis === null) return leaf;
        const x = leaf as Tensor;
        return made(checked(engine.batch(level, idOf(x), batchAxis("inAxes", axis, x.ndim)), "vmap"));
      });
      const result = withExamples({ level, size: examples, randomness }, () => call("vmap", f, single));
      const out = mapWithAxes(result, outAxes, "outAxes", (leaf, axis) => {
        const x = outputTensor("vmap", leaf, leavesOf(single));
        if (axis === null)
          throw new ValueError("vmap: outAxes cannot be null; a result has a batch axis (index it away afterwards)", "vmap");
        return made(checked(engine.unbatch(level, idOf(x), batchAxis("outAxes", axis, x.ndim + 1)), "vmap"));
      });
      engine.level_pop(level);
      return out;
    });
}

/** vmap over directions in which one and the same function is differentiated: its draws are the same in all of them. */
export function overDirections<Out>(f: (direction: Tensor) => Out): (directions: Tensor) => OutputOf<Out> {
  return vmap(f, { randomness: "same" });
}
