/** A function's derivative at a point as a linear map that can be applied many times. */
import { zeros, zerosLike } from "../creation.js";
import { isFloat } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { flatten, leavesOf } from "../tree.js";
import { sameLength, tensorsLike } from "./arguments.js";
import { type Callback, inScope } from "./machinery.js";
import { parkedRun } from "./reverse.js";
import type { ArgumentsOf, OutputOf } from "./types.js";

/** The pushforward of `linearize`: from one tangent per primal to one like the output. */
export interface Pushforward<A extends unknown[], Out> {
  (...tangents: ArgumentsOf<A>): OutputOf<Out>;
  /** Releases what the pushforward holds; afterwards it cannot be called. */
  dispose(): void;
  /** `dispose()`, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * The value of `f` at the primals, and its derivative there as a linear function: `pushforward(...tangents)` gives J · tangents, of the
 * output's tree and shapes. `f` runs once; each call goes over the linear map that was recorded then, which holds values of that run as the
 * pullback of `vjp` does, and is released as that is. Errors are those of `jvp`.
 *
 * @example
 * const [y, pushforward] = ad.linearize((x) => x.sin(), 0);
 * pushforward(2); // 2
 */
export function linearize<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  ...primals: NoInfer<ArgumentsOf<A>>
): [out: OutputOf<Out>, pushforward: Pushforward<A, Out>];
export function linearize(f: Callback, ...primals: unknown[]): [out: unknown, pushforward: Callback] {
  const [out, pullback, , points] = parkedRun("linearize", f, primals, false);
  const [outputs, rebuild] = flatten(out) as [Tensor[], (leaves: readonly unknown[]) => any];
  // ct ↦ J'ct is linear: its own pullback is t ↦ J t, the same at every cotangent. Outputs that are not floats take no part.
  const cotangents = outputs.map((y) => zerosLike(y));
  const float = outputs.map((y) => isFloat(y.dtype));
  const transpose = (floats: Tensor[]) => {
    let next = 0;
    return flatten(pullback(rebuild(cotangents.map((zero, i) => (float[i] ? floats[next++]! : zero)))))[0];
  };
  const [gradients, push] = parkedRun("linearize", transpose, [cotangents.filter((_, i) => float[i])], false);
  // The linear map has what it needs.
  pullback.dispose();
  for (const temporary of leavesOf([cotangents, gradients])) temporary.dispose();
  const forms = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const pushforward = (...tangents: unknown[]) =>
    inScope(() => {
      sameLength("linearize", primals, tangents, "tangents");
      const [slopes] = push(tensorsLike("linearize", "tangent", points.tree, tangents, points.forms)) as [Tensor[]];
      let next = 0;
      return rebuild(forms.map((form, i) => (float[i] ? slopes[next++]! : zeros(form.shape, { dtype: form.dtype }))));
    });
  return [out, Object.assign(pushforward, { dispose: push.dispose, [Symbol.dispose]: push.dispose })];
}
