/**
 * Jacobians and Hessians. Forward Jacobians push all tangents of the identity at once (vmap of jvp), reverse ones pull all
 * cotangents at once (vmap of the pullback); `chunkSize` bounds how many, and so the memory.
 */
import { tensor, zeros, zerosLike } from "../creation.js";
import { describe } from "../describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { concat } from "../ops/shape.js";
import { drawPoint, withExamples, withSameDraws } from "../random/state.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, Tensor } from "../tensor.js";
import { flatten, map } from "../tree.js";
import { argumentList, noMore, sameLength, transformOptions } from "./arguments.js";
import { pushed, tangentOf } from "./forward.js";
import {
  arithmeticGuard,
  BATCH,
  call,
  checkFunction,
  differentiable,
  DUAL,
  inScope,
  openLevel,
  outputTensor,
  positions,
} from "./machinery.js";
import { derivative, parkedRun, withAux } from "./reverse.js";
import { overDirections } from "./vmap.js";

export interface JacobianOptions {
  argnums?: number | readonly number[];
  /** At most so many directions in one pass; default all. */
  chunkSize?: number;
  hasAux?: boolean;
}

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
function prepare(name: string, f: (...args: any[]) => any, args: readonly unknown[], options: JacobianOptions) {
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
    const batch = openLevel(name, BATCH, size);
    const direction = made(checked(engine.batch(batch, idOf(directions), 0), name));
    const level = openLevel(name, DUAL);
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
      const y = outputTensor(name, leaf);
      return made(checked(engine.unbatch(batch, idOf(tangentOf(level, y) ?? zerosLike(y)), 0), name));
    });
    // Aux belongs to the point: it carries no directions out.
    const lower: unknown = map((leaf) => (leaf instanceof Tensor ? made(checked(engine.primal_of(level, idOf(leaf)), name)) : leaf), aux);
    engine.level_pop(batch);
    return { slopes, tree: unflatten(leaves.map(() => null)), aux: lower };
  });
}

const JACOBIAN_OPTIONS = ["argnums", "chunkSize", "hasAux"] as const;

/**
 * The Jacobian by forward mode: one pass per input element, all at once. For few inputs. The result is a tree like the output,
 * each leaf a tree like the argument, of shape output shape ++ input shape. `f` runs once per input leaf and chunk, with the same
 * random draws each time.
 */
export function jacfwd(f: (...args: any[]) => any, options?: JacobianOptions): (...args: any[]) => any {
  checkFunction("jacfwd", f);
  return forwardJacobian("jacfwd", f, transformOptions<JacobianOptions>("jacfwd", arguments, JACOBIAN_OPTIONS));
}

function forwardJacobian(name: string, f: (...args: any[]) => any, options: JacobianOptions): (...args: any[]) => any {
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
 * The Jacobian by reverse mode: one pass per output element, all at once. For few outputs. Same shape as `jacfwd`'s. `f` runs once.
 */
export function jacrev(f: (...args: any[]) => any, options?: JacobianOptions): (...args: any[]) => any {
  checkFunction("jacrev", f);
  return reverseJacobian("jacrev", f, transformOptions<JacobianOptions>("jacrev", arguments, JACOBIAN_OPTIONS));
}

function reverseJacobian(name: string, f: (...args: any[]) => any, options: JacobianOptions): (...args: any[]) => any {
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
  options: JacobianOptions,
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

export interface JacobianModeOptions extends JacobianOptions {
  /** "auto" (default) takes forward mode when there are fewer inputs than outputs, else reverse. */
  mode?: "auto" | "forward" | "reverse";
}

/** The Jacobian by whichever mode is cheaper, or the one asked for. */
export function jacobian(f: (...args: any[]) => any, options?: JacobianModeOptions): (...args: any[]) => any {
  checkFunction("jacobian", f);
  const read = transformOptions<JacobianModeOptions>("jacobian", arguments, [...JACOBIAN_OPTIONS, "mode"]);
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
 * The Hessian of a scalar function: forward over reverse, each leaf of shape input shape ++ input shape (a tree of trees for
 * tree arguments).
 */
export function hessian(f: (...args: any[]) => any, options?: JacobianOptions): (...args: any[]) => any {
  checkFunction("hessian", f);
  const read = transformOptions<JacobianOptions>("hessian", arguments, JACOBIAN_OPTIONS);
  return forwardJacobian("hessian", derivative("hessian", f, read, false), read);
}

/** Single primal: the value itself; several: the list. */
const one = (list: any[]) => (list.length === 1 ? list[0] : list);

/**
 * The gradient and the Hessian-vector product in the direction `tangents`, at the price of about two gradients: forward over
 * reverse; the Hessian is never formed. Lists with one entry per argument; for one argument the results are not lists.
 */
export function hvp(f: (...args: any[]) => any, primals: readonly [Tensor], tangents: readonly any[]): [gradient: Tensor, product: Tensor];
export function hvp(f: (...args: any[]) => any, primals: readonly any[], tangents: readonly any[]): [gradient: any, product: any];
export function hvp(f: (...args: any[]) => any, primals: readonly any[], tangents: readonly any[]): [gradient: any, product: any] {
  checkFunction("hvp", f);
  noMore("hvp", arguments, 3);
  const points = argumentList("hvp", "the primals", primals);
  const [gradient, product] = pushed("hvp", derivative("hvp", f, { argnums: points.map((_, i) => i) }, false), points, tangents);
  return [one(gradient), one(product)];
}

/**
 * The gradient and the vector-Hessian product: reverse over reverse. Equal to `hvp` where second derivatives are symmetric.
 */
export function vhp(
  f: (...args: any[]) => any,
  primals: readonly [Tensor],
  cotangents: readonly any[],
): [gradient: Tensor, product: Tensor];
export function vhp(f: (...args: any[]) => any, primals: readonly any[], cotangents: readonly any[]): [gradient: any, product: any];
export function vhp(f: (...args: any[]) => any, primals: readonly any[], cotangents: readonly any[]): [gradient: any, product: any] {
  checkFunction("vhp", f);
  noMore("vhp", arguments, 3);
  const [points, given] = [argumentList("vhp", "the primals", primals), argumentList("vhp", "the cotangents", cotangents)];
  sameLength("vhp", points, given, "cotangents");
  return inScope(() => {
    const [gradient, pullback] = parkedRun("vhp", derivative("vhp", f, { argnums: points.map((_, i) => i) }, false), points, false);
    return [one(gradient), one(pullback(given as Tensor[]))] as [any, any];
  });
}
