/** A forward rule of the user's own. */
import { atMost } from "../../arguments.js";
import { zerosLike } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { ShapeError, ValueError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import { drawPoint, withSameDraws } from "../../random/state.js";
import { aligned } from "../arguments.js";
import { call, type Callback, checkFunction, outputTensor } from "../machinery.js";
import type { ArgumentOf, ArgumentsOf, GradsOf, OutputOf } from "../types.js";
import { asFunction, completing, resultOf } from "./dispatch.js";
import { transposed } from "./transposed.js";
import { spread } from "./vjp.js";

/**
 * A function with a forward rule of your own: `rule(primals, tangents)` returns `[out, tangentOut]`, linear in the tangents.
 * Reverse mode transposes it, which needs it to be written with ops. What `f` and the rule close over gets no derivative from the rule:
 * a tensor that is being differentiated there is refused, pass it as an argument.
 *
 * @example
 * const exp = ad.customJvp((x) => x.exp(), ([x], [t]) => { const y = x.exp(); return [y, y.mul(t)]; });
 */
export function customJvp<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  rule: (primals: NoInfer<A>, tangents: GradsOf<NoInfer<A>>) => readonly [out: NoInfer<Out>, tangentOut: ArgumentOf<NoInfer<Out>>],
): (...args: ArgumentsOf<A>) => OutputOf<Out>;
export function customJvp(f: Callback, rule: Callback): Callback {
  checkFunction("customJvp", f);
  atMost("customJvp", arguments, 2);
  checkFunction("customJvp", rule);
  return asFunction("customJvp", (rebuildArguments) => {
    const push = (inputs: Tensor[], tangents: (Tensor | null)[]) => {
      const result: unknown = call("customJvp", rule, [
        rebuildArguments(inputs),
        rebuildArguments(inputs.map((x, i) => tangents[i] ?? zerosLike(x))),
      ]);
      if (!Array.isArray(result) || result.length !== 2)
        throw new ValueError("customJvp: the rule must return [out, tangentOut]", "customJvp");
      const slopes = aligned("customJvp", result[0], result[1]).map((t) => outputTensor("customJvp", t, inputs));
      const value = resultOf("customJvp", result[0], inputs);
      value.outputs.forEach((y, i) => {
        if (y.shape.join() !== slopes[i]!.shape.join()) {
          throw new ShapeError(
            `customJvp: the tangent of an output has shape [${slopes[i]!.shape.join(", ")}], the output [${y.shape.join(", ")}]`,
            "customJvp",
          );
        }
      });
      return { ...value, tangents: slopes.map((t, i) => (isFloat(value.outputs[i]!.dtype) ? t : null)) };
    };
    return {
      name: "customJvp",
      value: (inputs) => resultOf("customJvp", call("customJvp", f, rebuildArguments(inputs)), inputs),
      forward: push,
      reverse(inputs) {
        const draws = drawPoint();
        const { outputs, rebuild } = resultOf("customJvp", call("customJvp", f, rebuildArguments(inputs)), inputs);
        const to = outputs.map((y) => isFloat(y.dtype));
        const complete = completing(outputs);
        return {
          outputs,
          rebuild,
          held: [],
          pullback(given, _held, cotangents) {
            // t ↦ J t is linear: its pullback is ct ↦ J'ct.
            const from = given.map((x) => isFloat(x.dtype));
            const gradients = transposed(
              (ts) => withSameDraws(draws, () => push(given, spread(from, ts))).tangents.filter((t) => t !== null),
              given.filter((_, i) => from[i]),
              complete(cotangents).filter((_, i) => to[i]),
            );
            return spread(from, gradients);
          },
        };
      },
    };
  });
}
