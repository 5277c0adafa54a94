/** Reverse mode: grad, valueAndGrad, vjp. */
import { zerosLike } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { current, root } from "../memory.js";
import { checked, engine, generation } from "../runtime/instance.js";
import { idOf, Tensor } from "../tensor.js";
import { flatten, sameStructure, type Tree } from "../tree.js";
import { call, checkFunction, differentiable, GRAD, inScope, lowered, outputTensor, positions, scalarOutput, track } from "./machinery.js";
import { drive, putIds, RETAIN_GRAPH } from "./sweeping.js";

export interface GradOptions {
  /** Which arguments to differentiate; default 0. A list gives a list of gradients. */
  argnums?: number | readonly number[];
  /** The function returns `[value, aux]`; aux is handed through. */
  hasAux?: boolean;
}

/**
 * A function that returns the value of `f` and its gradient with respect to the arguments `argnums`. `f` takes trees of
 * tensors and returns a scalar. With `hasAux` the result is `[[value, aux], gradient]`.
 */
export function valueAndGrad(f: (...args: any[]) => any, options: GradOptions = {}): (...args: any[]) => [any, any] {
  return derivative("valueAndGrad", f, options);
}

/**
 * A function that returns the gradient of a scalar function with respect to the arguments `argnums` (default the first): a
 * tree like the argument. What does not reach the output has gradient zero. With `hasAux`: `[gradient, aux]`.
 */
export function grad(f: (...args: any[]) => any, options: GradOptions = {}): (...args: any[]) => any {
  const both = derivative("grad", f, options);
  return (...args) =>
    inScope(() => {
      const [value, gradient] = both(...args);
      return options.hasAux ? [gradient, value[1]] : gradient;
    });
}

function derivative(name: string, f: (...args: any[]) => any, options: GradOptions): (...args: any[]) => [any, any] {
  checkFunction(name, f);
  return (...args) =>
    inScope(() => {
      const at = positions(name, options.argnums, args.length);
      const parts = at.map((n) => differentiable(name, `argument ${n}`, args[n]));
      const level = engine.level_push(GRAD);
      const tracked = parts.map(({ leaves }) => leaves.map((leaf) => track(level, leaf)));
      const called = [...args];
      parts.forEach(({ rebuild }, i) => (called[at[i]!] = rebuild(tracked[i]!)));
      let out: any = call(name, f, called);
      let aux: unknown;
      if (options.hasAux) {
        if (!Array.isArray(out) || out.length !== 2) throw new ValueError(`${name}: with hasAux the function must return [value, aux]`, name);
        [out, aux] = out;
      }
      const value = scalarOutput(name, out);
      const wanted = tracked.flat();
      putIds([idOf(value)], [0], wanted.map(idOf));
      const found = drive(engine.sweep(level, 1, wanted.length, 0), wanted.length);
      const gradients = parts.map(({ leaves, rebuild }) => rebuild(leaves.map((leaf) => found.shift() ?? zerosLike(leaf))));
      const lower = lowered(options.hasAux ? [value, aux] : value, level);
      engine.level_pop(level);
      return [lower, options.argnums === undefined || typeof options.argnums === "number" ? gradients[0] : gradients];
    });
}

/** Frees the tapes of pullbacks that nobody can call any more. */
const parkedTapes = new FinalizationRegistry<{ parked: number; made: number }>(({ parked, made }) => {
  if (made === generation) engine.parked_free(parked);
});

export interface PullbackFunction {
  (cotangent: Tree<Tensor>): any[];
  /** Releases what the pullback holds; afterwards it cannot be called. */
  dispose(): void;
}

/**
 * The value of `f` and its pullback: `pullback(cotangent)` gives one gradient tree per primal. `f` runs once; the pullback may
 * be called many times, also inside other transforms. It holds the values of that run until it is garbage or disposed.
 */
export function vjp(f: (...args: any[]) => any, ...primals: any[]): [out: any, pullback: PullbackFunction] {
  checkFunction("vjp", f);
  let parked = 0;
  let outputs: { shape: readonly number[] }[] = [];
  const parts = primals.map((primal, i) => differentiable("vjp", `primal ${i}`, primal));
  const likes = parts.map(({ leaves }) => leaves.map((leaf) => ({ shape: leaf.shape, dtype: leaf.dtype })));
  const out = inScope(() => {
    const level = engine.level_push(GRAD);
    const tracked = parts.map(({ leaves }) => leaves.map((leaf) => track(level, leaf)));
    const result = call("vjp", f, parts.map(({ rebuild }, i) => rebuild(tracked[i]!)));
    const [leaves, rebuild] = flatten(result);
    const tensors = leaves.map((leaf) => outputTensor("vjp", leaf));
    outputs = tensors.map((t) => ({ shape: t.shape }));
    const lower = lowered(rebuild(tensors), level);
    putIds(tensors.map(idOf), tracked.flat().map(idOf));
    parked = checked(engine.level_park(level, tensors.length, tracked.flat().length), "vjp");
    return lower;
  });
  const wanted = likes.flat().length;
  const pullback = (cotangent: unknown): any[] => {
    if (parked === 0) throw new ValueError("vjp: this pullback was disposed or the scope it was made in has ended", "vjp");
    sameStructure(out, cotangent, "pullback");
    return inScope(() => {
      const cotangents = flatten(cotangent)[0].map((leaf: unknown, i) => {
        const ct = outputTensor("pullback", leaf);
        const expected = outputs[i]!.shape;
        if (ct.shape.join() !== expected.join()) {
          throw new ShapeError(`pullback: cotangent ${i} has shape [${ct.shape.join(", ")}], its output has [${expected.join(", ")}]; a cotangent has its output's shape`, "pullback");
        }
        return ct;
      });
      putIds(cotangents.map(idOf));
      const found = drive(engine.sweep_parked(parked, cotangents.length, RETAIN_GRAPH), wanted);
      return parts.map(({ rebuild }, i) => rebuild(likes[i]!.map((like) => found.shift() ?? zerosLike(like as Tensor))));
    });
  };
  const dispose = () => {
    if (parked !== 0) engine.parked_free(parked);
    parked = 0;
  };
  const result = Object.assign(pullback, { dispose });
  if (current === root) parkedTapes.register(result, { parked, made: generation });
  else current.cleanups.push(dispose);
  return [out, result];
}
