/** Reverse mode: grad, valueAndGrad, vjp. */
import { atMost } from "../input/arguments.js";
import { zeros, zerosLike } from "../creation.js";
import type { DType } from "../dtype.js";
import { ValueError } from "../errors.js";
import { LevelKind, SweepFlag } from "../runtime/boundary.js";
import { bytesInUse, checked, engine, generation } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import { flatten } from "../tree.js";
import { tensorsLike, transformOptions } from "./arguments.js";
import {
  arithmeticGuard,
  call,
  type Callback,
  checkFunction,
  differentiable,
  inScope,
  lowered,
  openLevel,
  outputTensor,
  positions,
  scalarOutput,
  track,
} from "./machinery.js";
import { parkedTape } from "./parked.js";
import { drive, putIds } from "./sweeping.js";
import type { Argnums, ArgumentOf, ArgumentsAt, ArgumentsOf, GradAt, GradsOf, OutputOf, Scalar } from "./types.js";

/** Options of `grad` and `valueAndGrad`. */
export interface GradOptions<N extends Argnums = number, HasAux extends boolean = false> {
  /** Which arguments to differentiate; default 0. Negative ones count from the end; a list gives a list of gradients. */
  argnums?: N;
  /** The function returns `[value, aux]`; aux, whatever it is, is handed through. Default false. */
  hasAux?: HasAux;
}

/**
 * A function that returns the value of a scalar function and its gradient, from one run: `[value, gradient]`. Arguments, options and
 * errors are those of `grad`. With `hasAux` the result is `[[value, aux], gradient]`.
 *
 * @example
 * const [value, gradient] = ad.valueAndGrad((x) => x.square().sum())([1, 2]); // 5, [2, 4]
 */
export function valueAndGrad<A extends unknown[] = Tensor[], Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Scalar, aux: Aux],
  options: GradOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [valueAndAux: [value: Tensor, aux: Aux], gradient: GradAt<A, N>];
export function valueAndGrad<A extends unknown[] = Tensor[], const N extends Argnums = 0>(
  f: (...args: A) => Scalar,
  options?: GradOptions<N>,
): (...args: ArgumentsAt<A, N>) => [value: Tensor, gradient: GradAt<A, N>];
export function valueAndGrad(f: Callback, options?: GradOptions<Argnums, boolean>): Callback {
  return derivative("valueAndGrad", f, transformOptions<AnyGradOptions>("valueAndGrad", arguments, GRAD_OPTIONS), true);
}

/**
 * A function that returns the gradient of a scalar function with respect to its first argument, or to those that `argnums` names. `f`
 * takes tensors or trees of them (arrays, plain objects) and returns a tensor of one element; the gradient is a tree like the argument, of
 * the same shapes and dtypes. Numbers and arrays of numbers are made into tensors first; arguments that are not differentiated are handed
 * to `f` as they are. What does not reach the result has gradient zero. With `hasAux` the result is `[gradient, aux]`. Nests with all
 * transforms.
 *
 * Throws `ShapeError` for a result of more than one element, `DTypeError` for integer arguments, `NotDifferentiableError` for plain
 * arithmetic on tensors (`x * x`).
 *
 * @example
 * const slope = ad.grad((x) => x.sin())(0); // 1
 * const second = ad.grad(ad.grad((x) => x.pow(3)))(2); // 12
 */
export function grad<A extends unknown[] = Tensor[], Aux = unknown, const N extends Argnums = 0>(
  f: (...args: A) => readonly [value: Scalar, aux: Aux],
  options: GradOptions<N, true> & { hasAux: true },
): (...args: ArgumentsAt<A, N>) => [gradient: GradAt<A, N>, aux: Aux];
export function grad<A extends unknown[] = Tensor[], const N extends Argnums = 0>(
  f: (...args: A) => Scalar,
  options?: GradOptions<N>,
): (...args: ArgumentsAt<A, N>) => GradAt<A, N>;
export function grad(f: Callback, options?: GradOptions<Argnums, boolean>): Callback {
  return derivative("grad", f, transformOptions<AnyGradOptions>("grad", arguments, GRAD_OPTIONS), false);
}

type AnyGradOptions = GradOptions<Argnums, boolean>;
const GRAD_OPTIONS = ["argnums", "hasAux"] as const;

/** The value of a function that returns `[value, aux]`, and aux. */
export function withAux(name: string, hasAux: boolean | undefined, out: unknown): [value: unknown, aux: unknown] {
  if (!hasAux) return [out, undefined];
  if (!Array.isArray(out) || out.length !== 2) throw new ValueError(`${name}: with hasAux the function must return [value, aux]`, name);
  return out as [unknown, unknown];
}

/** `grad` under the name of the transform that calls it, with the value or without. */
export function derivative(name: string, f: Callback, options: AnyGradOptions, withValue: boolean): Callback {
  checkFunction(name, f);
  return (...args) =>
    inScope(() => {
      const at = positions(name, options.argnums, args.length);
      const parts = at.map((n) => differentiable(name, `argument ${n}`, args[n]));
      const level = openLevel(name, LevelKind.Grad);
      const tracked = parts.map(({ leaves }) => leaves.map((leaf) => track(level, leaf)));
      const called = [...args];
      parts.forEach(({ rebuild }, i) => (called[at[i]!] = rebuild(tracked[i]!)));
      const refuseArithmetic = arithmeticGuard(name);
      const [out, aux] = withAux(name, options.hasAux, call(name, f, called));
      refuseArithmetic(out);
      const wanted: Tensor[] = [];
      for (const leaves of tracked) for (const leaf of leaves) wanted.push(leaf);
      const value = scalarOutput(name, out, wanted);
      putIds([idOf(value)], [0], wanted.map(idOf));
      const found = drive(engine.sweep(level, 1, wanted.length, 0), wanted.length);
      let next = 0;
      const gradients = parts.map(({ leaves, rebuild }) => rebuild(leaves.map((leaf) => found[next++] ?? zerosLike(leaf))));
      const gradient: unknown = options.argnums === undefined || typeof options.argnums === "number" ? gradients[0] : gradients;
      // The value first, then the gradient and aux, as far as they are asked for.
      const kept: unknown = lowered(withValue ? (options.hasAux ? [value, aux] : value) : aux, level);
      engine.level_pop(level);
      return withValue ? [kept, gradient] : options.hasAux ? [gradient, kept] : gradient;
    });
}

/** The pullback of `vjp`: from a cotangent like the output to one gradient per primal. */
export interface Pullback<A extends readonly unknown[], Out> {
  (cotangent: ArgumentOf<Out>): GradsOf<A>;
  /** Releases what the pullback holds; afterwards it cannot be called. */
  dispose(): void;
  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * The value of `f` at the primals, and its pullback: `pullback(cotangent)` gives Jᵀ · cotangent, one gradient tree per primal. The
 * cotangent is a tree like the output, of its shapes; arguments and output of `f` are tensors or trees of them. `f` runs once; the pullback
 * may be called many times, also inside other transforms. It holds the values of that run until its scope ends, or, outside of scopes, until
 * nobody can reach it or `pullback.dispose()`; what it does not use for a while lies outside of the engine's memory, as with plain tensors.
 *
 * Throws `ShapeError` for a cotangent of another shape, `DTypeError` for integer primals.
 *
 * @example
 * const [y, pullback] = ad.vjp((x) => x.sin(), [0, 1]);
 * const [gradient] = pullback([1, 1]); // cos x
 */
export function vjp<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  ...primals: NoInfer<ArgumentsOf<A>>
): [out: OutputOf<Out>, pullback: Pullback<A, Out>] {
  const [out, pullback] = parkedRun("vjp", f as Callback, primals, false);
  return [out, pullback as unknown as Pullback<A, Out>];
}

/** A pullback of whatever it was made of. */
interface AnyPullback {
  (cotangent: unknown): any[];
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The primals of a run without their numbers: the tree, with null for each leaf, and what the leaves are. */
export interface Points {
  readonly tree: readonly unknown[];
  readonly forms: readonly Form[];
}

/** One run of `f`, and its tape kept for a pullback. */
export function parkedRun(
  name: string,
  f: Callback,
  primals: readonly unknown[],
  hasAux: boolean | undefined,
): [out: any, pullback: AnyPullback, aux: unknown, points: Points] {
  checkFunction(name, f);
  let parked = 0;
  const before = bytesInUse();
  let forms: Form[] = [];
  let rebuilds: ((leaves: readonly unknown[]) => any)[] = [];
  let likes: Form[][] = [];
  const run = () =>
    inScope(() => {
      const parts = primals.map((primal, i) => differentiable(name, `primal ${i}`, primal));
      rebuilds = parts.map(({ rebuild }) => rebuild);
      likes = parts.map(({ leaves }) => leaves.map(formOf));
      const level = openLevel(name, LevelKind.Grad);
      const tracked = parts.map(({ leaves }) => leaves.map((leaf) => track(level, leaf)));
      const refuseArithmetic = arithmeticGuard(name);
      const [result, aux] = withAux(
        name,
        hasAux,
        call(
          name,
          f,
          parts.map(({ rebuild }, i) => rebuild(tracked[i]!)),
        ),
      );
      refuseArithmetic(result);
      const [leaves, rebuild] = flatten(result);
      const tensors = leaves.map((leaf) => outputTensor(name, leaf, tracked.flat()));
      forms = tensors.map(formOf);
      const lower = lowered([rebuild(tensors), aux], level) as [any, unknown];
      putIds(tensors.map(idOf), tracked.flat().map(idOf));
      parked = checked(engine.level_park(level, tensors.length, tracked.flat().length), name);
      return lower;
    });
  const bornIn = generation;
  let out: any;
  let aux: unknown;
  try {
    [out, aux] = run();
  } catch (error) {
    // The scope could not be left: nobody will ever have the pullback.
    if (parked !== 0 && bornIn === generation) engine.parked_free(parked);
    throw error;
  }
  const wanted = likes.flat().length;
  const what = name === "linearize" ? "pushforward" : "pullback";
  const pullback = function (cotangent: unknown): any[] {
    atMost("pullback", arguments, 1, "the cotangents of several outputs are a tree of their structure");
    if (parked === 0) throw new ValueError(`${name}: this ${what} was disposed or the scope it was made in has ended`, name);
    if (bornIn !== generation)
      throw new ValueError(`${name}: this ${what} was made before reset(), which took everything with it; call ${name} again`, name);
    return inScope(() => {
      const cotangents = tensorsLike("pullback", "cotangent", out, cotangent, forms);
      kept.use();
      putIds(cotangents.map(idOf));
      const found = drive(engine.sweep_parked(parked, cotangents.length, SweepFlag.RetainGraph), wanted);
      let next = 0;
      return rebuilds.map((rebuild, i) => rebuild(likes[i]!.map((like) => found[next++] ?? zeros(like.shape, { dtype: like.dtype }))));
    });
  };
  const dispose = () => {
    parked = 0;
    kept.release();
  };
  const result = Object.assign(pullback, { dispose, [Symbol.dispose]: dispose });
  const kept = parkedTape(result, parked, before, dispose);
  const points = { tree: rebuilds.map((rebuild, i) => rebuild(likes[i]!.map(() => null))), forms: likes.flat() };
  return [out, result, aux, points];
}

/** What of a tensor is needed to make zeros like it, without holding it. */
interface Form {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const formOf = ({ shape, dtype }: Tensor): Form => ({ shape, dtype });
