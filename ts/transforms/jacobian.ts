/**
 * Jacobians and Hessians. Forward Jacobians push all tangents of the identity at once (vmap of jvp), reverse ones pull all
 * cotangents at once (vmap of the pullback); `chunkSize` bounds how many, and so the memory.
 */
import { atMost } from "../input/arguments.js";
import { tensor, zeros, zerosLike } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { concat } from "../ops/shape.js";
import { drawPoint, withExamples, withSameDraws } from "../random/state.js";
import { LevelKind } from "../runtime/boundary.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { flatten, map } from "../tree.js";
import { argumentList, sameLength, transformOptions } from "./arguments.js";
import { pushed, tangentOf } from "./forward.js";
import {
  arithmeticGuard,
  call,
  type Callback,
  checkFunction,
  differentiable,
  inScope,
  openLevel,
  outputTensor,
  positions,
} from "./machinery.js";
import { derivative, parkedRun, withAux } from "./reverse.js";
import type { Argnums, ArgumentsAt, GradAt, GradsOf, JacobianOf, OneOrList, PrimalsOf, Scalar } from "./types.js";
import { overDirections } from "./vmap.js";

/** Options of `jacfwd`, `jacrev` and `hessian`. */
export interface JacobianOptions<N extends Argnums = number, HasAux extends boolean = false> {
  /** Which arguments to differentiate; default 0. Negative ones count from the end; a list gives a list. */
  argnums?: N;
  /** At most so many directions in one pass, which bounds the memory; default all. */
  chunkSize?: number;
  /** The function returns `[value, aux]`; the result is `[jacobian, aux]`. Default false. */
  hasAux?: HasAux;
}
type AnyJacobianOptions = JacobianOptions<Argnums, boolean>;

/** Rows `from..to` of the identity of a leaf, each in the leaf's shape: [to - from, ...shape]. More than a tensor holds are refused. */
function basis(leaf: Tensor, from: number, to: number): Tensor {
  const n = leaf.size;
  if ((to - from) * n > 2 ** 29) {
    throw new ShapeError(
      `the identity of ${to - from} directions in ${n} numbers is more than one tensor holds (2^29 numbers); take fewer at once with chunkSize, or products with jvp, vjp or hvp`,
    );
  }
  const data = new Float64Array((to - from) * n);
  for (let i = from; i < to; i++) data[(i - from) * n + i] = 1;
  return tensor(data, { shape: [to - from, ...leaf.shape], dtype: leaf.dtype });
}

/** The ranges of directions that are taken in one pass. */
function chunks(name: string, count: number, chunkSize: number | undefined): [from: number, to: number][] {
  if (chunkSize !== undefined && (!Number.isInteger(chunkSize) || chunkSize < 1)) {
    throw new ValueError(`${name}: chunkSize must be a positive integer, got ${describe(chunkSize)}`, name);
  }
  const step = chunkSize ?? Math.max(count, 1);
  const ranges: [number, number][] = [];
  for (let from = 0; from < count || from === 0; from += step) ranges.push([from, Math.min(from + step, count)]);
  return ranges;
}

/** The tensors joined along their first axis. */
const joined = (pieces: readonly Tensor[]): Tensor => (pieces.length === 1 ? pieces[0]! : concat([...pieces], 0));

/** The arguments to differentiate as one flat list of leaves, and f as a function of them. */
function prepare(name: string, f: Callback, args: readonly unknown[], options: AnyJacobianOptions) {
  const at = positions(name, options.argnums, args.length);
  const parts = at.map((n) => differentiable(name, `argument ${n}`, args[n]));
  const leaves = parts.flatMap((part) => part.leaves);
  const inner = (replaced: readonly Tensor[]) => {
    const called = [...args];
    let next = 0;
    parts.forEach((part, i) => {
      called[at[i]!] = part.rebuild(replaced.slice(next, next + part.leaves.length));
      next += part.leaves.length;
    });
    return call(name, f, called);
  };
  const single = options.argnums === undefined || typeof options.argnums === "number";
  /** From one value per leaf to the shape of the answer. */
  const rebuild = (values: readonly unknown[]) => {
    let next = 0;
    const trees = parts.map((part) => {
      const tree = part.rebuild(values.slice(next, next + part.leaves.length));
      next += part.leaves.length;
      return tree;
    });
    return single ? trees[0] : trees;
  };
  return { leaves, inner, rebuild };
}

/** Tangents of the outputs for all directions of a pass, and aux. */
interface Slopes {
  /** One per output leaf, [directions, ...output shape]. */
  readonly slopes: Tensor[];
  /** The outputs' tree, with null for each leaf. */
  readonly tree: unknown;
  readonly aux: unknown;
}

/** One run of `f` at `x`, with all `directions` [n, ...shape of x] pushed forward. */
function pushAll(name: string, f: (x: Tensor) => unknown, x: Tensor, directions: Tensor, hasAux: boolean | undefined): Slopes {
  return inScope(() => {
    const size = directions.shape[0]!;
    const batch = openLevel(name, LevelKind.Batch, size);
    const direction = made(checked(engine.batch(batch, idOf(directions), 0), name));
    const level = openLevel(name, LevelKind.Dual);
    const dual = made(checked(engine.dual(level, idOf(x), idOf(direction)), name));
    const refuseArithmetic = arithmeticGuard(name);
    // One function, differentiated in many directions: it draws the same numbers in all of them.
    const [out, aux] = withAux(
      name,
      hasAux,
      withExamples({ level: batch, size, randomness: "same" }, () => f(dual)),
    );
    refuseArithmetic(out);
    const [leaves, unflatten] = flatten(out);
    const slopes = leaves.map((leaf: unknown) => {
      const y = outputTensor(name, leaf, [x]);
      return made(checked(engine.unbatch(batch, idOf(tangentOf(level, y) ?? zerosLike(y)), 0), name));
    });
    // Aux belongs to the point: it carries no directions out.
    const lower: unknown = map((leaf) => (leaf instanceof Tensor ? made(checked(engine.untrack(level, idOf(leaf)), name)) : leaf), aux);
    engine.level_pop(batch);
    return { slopes, tree: unflatten(leaves.map(() => null)), aux: lower };
  });
}

const JACOBIAN_OPTIONS = ["argnums", "chunkSize", "hasAux"] as const;

/**
 * A function that returns the Jacobian of `f` by forward mode: one pass per input element, all at once. For few inputs. The result is a
 * tree like the output, each leaf a tree like the argument, of shape output shape ++ input shape. `f` runs once per input leaf and chunk,
 * with the same random draws each time. Throws `DTypeError` for integer arguments, `ShapeError` for a basis that no tensor holds.
 *
 * @example
 * const J = ad.jacfwd((x) => x.square())([1, 2]); // [[2, 0], [0, 4]]
 */
export function jacfwd<A extends unknown[] = Tensor[], const Out = unknown, Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Out, aux: Aux],
  options: JacobianOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [jacobian: JacobianOf<Out, A, N>, aux: Aux];
export function jacfwd<A extends unknown[] = Tensor[], const Out = unknown, const N extends Argnums = 0>(
  f: (...args: A) => Out,
  options?: JacobianOptions<N>,
): (...args: ArgumentsAt<A, N>) => JacobianOf<Out, A, N>;
export function jacfwd(f: Callback, options?: AnyJacobianOptions): Callback {
  checkFunction("jacfwd", f);
  return forwardJacobian("jacfwd", f, transformOptions<AnyJacobianOptions>("jacfwd", arguments, JACOBIAN_OPTIONS));
}

function forwardJacobian(name: string, f: Callback, options: AnyJacobianOptions): Callback {
  return (...args) =>
    inScope(() => {
      const { leaves, inner, rebuild } = prepare(name, f, args, options);
      const draws = drawPoint();
      let first: Slopes | undefined;
      const push = (leaf: Tensor, k: number, from: number, to: number): Slopes => {
        const run = () => pushAll(name, (x) => inner(leaves.map((l, i) => (i === k ? x : l))), leaf, basis(leaf, from, to), options.hasAux);
        if (first !== undefined) return withSameDraws(draws, run);
        return (first = run());
      };
      // columns[k]: for input leaf k, a list of output leaves [...out shape, ...in shape]
      const columns = leaves.map((leaf, k) => {
        const passes = chunks(name, leaf.size, options.chunkSize).map(([from, to]) => push(leaf, k, from, to).slopes);
        return passes[0]!.map((_, o) => {
          const slope = joined(passes.map((slopes) => slopes[o]!));
          return slope.moveaxis(0, -1).reshape([...slope.shape.slice(1), ...leaf.shape]);
        });
      });
      if (first === undefined) throw new ValueError(`${name}: the argument holds no tensor to differentiate with respect to`, name);
      const [places, unflatten] = flatten(first.tree);
      const jacobian = unflatten(places.map((_, o) => rebuild(columns.map((column) => column[o]))));
      return options.hasAux ? [jacobian, first.aux] : jacobian;
    });
}

/**
 * A function that returns the Jacobian of `f` by reverse mode: one pass per output element, all at once. For few outputs. Options, result
 * and errors are those of `jacfwd`. `f` runs once.
 *
 * @example
 * const J = ad.jacrev((x) => x.sum())([1, 2]); // [1, 1]
 */
export function jacrev<A extends unknown[] = Tensor[], const Out = unknown, Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Out, aux: Aux],
  options: JacobianOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [jacobian: JacobianOf<Out, A, N>, aux: Aux];
export function jacrev<A extends unknown[] = Tensor[], const Out = unknown, const N extends Argnums = 0>(
  f: (...args: A) => Out,
  options?: JacobianOptions<N>,
): (...args: ArgumentsAt<A, N>) => JacobianOf<Out, A, N>;
export function jacrev(f: Callback, options?: AnyJacobianOptions): Callback {
  checkFunction("jacrev", f);
  return reverseJacobian("jacrev", f, transformOptions<AnyJacobianOptions>("jacrev", arguments, JACOBIAN_OPTIONS));
}

function reverseJacobian(name: string, f: Callback, options: AnyJacobianOptions): Callback {
  return (...args) =>
    inScope(() => {
      const { leaves, inner, rebuild } = prepare(name, f, args, options);
      return rowsOf(
        name,
        parkedRun(name, (...xs: Tensor[]) => inner(xs), leaves, options.hasAux),
        leaves,
        rebuild,
        options,
      );
    });
}

/** The Jacobian of a run, by pulling the identity back. */
function rowsOf(
  name: string,
  [out, pullback, aux]: ReturnType<typeof parkedRun>,
  leaves: readonly Tensor[],
  rebuild: (values: readonly unknown[]) => unknown,
  options: AnyJacobianOptions,
): unknown {
  const [outputs, unflatten] = flatten(out) as [Tensor[], (leaves: readonly unknown[]) => any];
  const rows = outputs.map((output, o) => {
    const cotangents = (ct: Tensor) => unflatten(outputs.map((other, i) => (i === o ? ct : zeros(other.shape, { dtype: other.dtype }))));
    const passes = chunks(name, output.size, options.chunkSize).map(
      ([from, to]) => overDirections((ct: Tensor) => pullback(cotangents(ct)))(basis(output, from, to)) as Tensor[],
    );
    return rebuild(leaves.map((leaf, k) => joined(passes.map((gradients) => gradients[k]!)).reshape([...output.shape, ...leaf.shape])));
  });
  const jacobian: unknown = unflatten(rows);
  return options.hasAux ? [jacobian, aux] : jacobian;
}

/** Options of `jacobian`. */
export interface JacobianModeOptions<N extends Argnums = number, HasAux extends boolean = false> extends JacobianOptions<N, HasAux> {
  /** "auto" (default) takes forward mode when there are fewer inputs than outputs, else reverse. */
  mode?: "auto" | "forward" | "reverse";
}

/**
 * A function that returns the Jacobian of `f` by whichever mode is cheaper, or the one asked for. Result and errors are those of `jacfwd`.
 *
 * @example
 * const J = ad.jacobian((x, y) => x.mul(y), { argnums: [0, 1] })([1, 2], [3, 4]); // two diagonal matrices
 */
export function jacobian<A extends unknown[] = Tensor[], const Out = unknown, Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Out, aux: Aux],
  options: JacobianModeOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [jacobian: JacobianOf<Out, A, N>, aux: Aux];
export function jacobian<A extends unknown[] = Tensor[], const Out = unknown, const N extends Argnums = 0>(
  f: (...args: A) => Out,
  options?: JacobianModeOptions<N>,
): (...args: ArgumentsAt<A, N>) => JacobianOf<Out, A, N>;
export function jacobian(f: Callback, options?: JacobianModeOptions<Argnums, boolean>): Callback {
  checkFunction("jacobian", f);
  const read = transformOptions<JacobianModeOptions<Argnums, boolean>>("jacobian", arguments, [...JACOBIAN_OPTIONS, "mode"]);
  const { mode = "auto" } = read;
  if (mode === "forward") return forwardJacobian("jacobian", f, read);
  if (mode === "reverse") return reverseJacobian("jacobian", f, read);
  if (mode !== "auto") throw new ValueError(`jacobian: mode must be "auto", "forward" or "reverse", got ${describe(mode)}`, "jacobian");
  const forward = forwardJacobian("jacobian", f, read);
  return (...args) =>
    inScope(() => {
      const { leaves, inner, rebuild } = prepare("jacobian", f, args, read);
      const draws = drawPoint();
      // The sizes are known after a run; it is that of reverse mode already.
      const run = parkedRun("jacobian", (...xs: Tensor[]) => inner(xs), leaves, read.hasAux);
      const count = (tensors: readonly Tensor[]) => tensors.reduce((sum, x) => sum + x.size, 0);
      if (count(leaves) >= count(flatten(run[0])[0])) return rowsOf("jacobian", run, leaves, rebuild, read);
      run[1].dispose();
      return withSameDraws(draws, () => forward(...args));
    });
}

/**
 * A function that returns the Hessian of a scalar function: forward over reverse, each leaf of shape input shape ++ input shape (a tree of
 * trees for tree arguments, a list of lists for several `argnums`). Errors are those of `grad`.
 *
 * @example
 * const H = ad.hessian((x) => x.prod())([2, 3]); // [[0, 1], [1, 0]]
 */
export function hessian<A extends unknown[] = Tensor[], Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Scalar, aux: Aux],
  options: JacobianOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [hessian: JacobianOf<GradAt<A, N>, A, N>, aux: Aux];
export function hessian<A extends unknown[] = Tensor[], const N extends Argnums = 0>(
  f: (...args: A) => Scalar,
  options?: JacobianOptions<N>,
): (...args: ArgumentsAt<A, N>) => JacobianOf<GradAt<A, N>, A, N>;
export function hessian(f: Callback, options?: AnyJacobianOptions): Callback {
  checkFunction("hessian", f);
  const read = transformOptions<AnyJacobianOptions>("hessian", arguments, JACOBIAN_OPTIONS);
  return forwardJacobian("hessian", derivative("hessian", f, read, false), read);
}

/** Single primal: the value itself; several: the list. */
const one = (list: any[]) => (list.length === 1 ? list[0] : list);

/**
 * The gradient of a scalar function at `primals` and the Hessian-vector product in the direction `tangents`, at the price of about two
 * gradients: forward over reverse; the Hessian is never formed. Lists with one entry per argument; for one argument the results are not
 * lists. Errors are those of `grad` and `jvp`.
 *
 * @example
 * const [gradient, product] = ad.hvp((x) => x.pow(3).sum(), [[1, 2]], [[1, 0]]); // [3, 12], [6, 0]
 */
export function hvp<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  primals: NoInfer<PrimalsOf<A>>,
  tangents: NoInfer<PrimalsOf<A>>,
): [gradient: OneOrList<GradsOf<A>>, product: OneOrList<GradsOf<A>>];
export function hvp(f: Callback, primals: unknown, tangents: unknown): [gradient: unknown, product: unknown] {
  checkFunction("hvp", f);
  atMost("hvp", arguments, 3);
  const points = argumentList("hvp", "the primals", primals);
  const [gradient, product] = pushed("hvp", derivative("hvp", f, { argnums: points.map((_, i) => i) }, false), points, tangents);
  return [one(gradient), one(product)];
}

/**
 * The gradient of a scalar function and the vector-Hessian product: reverse over reverse. Equal to `hvp` where second derivatives are
 * symmetric; arguments and errors are those of `hvp`.
 */
export function vhp<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  primals: NoInfer<PrimalsOf<A>>,
  cotangents: NoInfer<PrimalsOf<A>>,
): [gradient: OneOrList<GradsOf<A>>, product: OneOrList<GradsOf<A>>];
export function vhp(f: Callback, primals: unknown, cotangents: unknown): [gradient: unknown, product: unknown] {
  checkFunction("vhp", f);
  atMost("vhp", arguments, 3);
  const [points, given] = [argumentList("vhp", "the primals", primals), argumentList("vhp", "the cotangents", cotangents)];
  sameLength("vhp", points, given, "cotangents");
  return inScope(() => {
    const [gradient, pullback] = parkedRun("vhp", derivative("vhp", f, { argnums: points.map((_, i) => i) }, false), points, false);
    return [one(gradient), one(pullback(given as Tensor[]))] as [any, any];
  });
}
