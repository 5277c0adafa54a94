/** A forward rule of the user's own. */
import { atMost } from "../../input/arguments.js";
import { zerosLike } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { NotDifferentiableError, ShapeError, ValueError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import { drawPoint, withSameDraws, type DrawPoint } from "../../random/state.js";
import { aligned } from "../arguments.js";
import { call, type Callback, checkFunction, outputTensor } from "../machinery.js";
import type { ArgumentOf, ArgumentsOf, GradsOf, OutputOf } from "../types.js";
import { asFunction, completing, dispatch, resultOf, type Custom } from "./dispatch.js";
import { isActive, isCut, noticing, onlyOnce } from "./once.js";
import { topLevel } from "./record.js";
import { transposed } from "./transposed.js";
import { spread } from "./vjp.js";

const READ_NUMBERS =
  "the rule reads numbers (data(), toArray(), item()), and what it computes from them is a constant for second derivatives: write it with ops";
const READ_TANGENT =
  "the rule reads numbers of a tangent (data(), toArray(), item()), so it cannot be transposed for reverse mode; write it with ops, or use forward mode";

/**
 * A function with a forward rule of your own: `rule(primals, tangents)` returns `[out, tangentOut]`, linear in the tangents.
 * Reverse mode transposes it, which needs it to be linear by ops; second derivatives are refused where it computes with plain numbers. What `f` and the rule close over gets no derivative from the rule:
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
    const value = (inputs: readonly Tensor[]) => resultOf("customJvp", call("customJvp", f, rebuildArguments(inputs)), inputs);
    /** Whether the tangents of the outputs hang on numbers instead of `inputs`, whatever the tangents of the inputs carry along. */
    const isConstant = (draws: DrawPoint, inputs: Tensor[], tangents: (Tensor | null)[]) =>
      isCut(withSameDraws(draws, () => push(inputs, tangents)).tangents.filter((t) => t !== null));
    const custom: Custom = {
      name: "customJvp",
      value,
      forward(inputs, tangents) {
        const given = [...inputs, ...tangents.filter((t) => t !== null)];
        const draws = drawPoint();
        const [pushed, read] = noticing(isActive, () => push(inputs, tangents));
        if (!read) return pushed;
        const slopes = pushed.tangents.filter((t) => t !== null);
        const detached = tangents.map((t) => (t === null ? null : t.detach()));
        const guarded = isConstant(draws, inputs, detached)
          ? onlyOnce("customJvp", READ_NUMBERS, slopes, isCut(slopes) ? given : inputs)
          : slopes;
        return {
          // Where the rule is cut off from levels further out, they take the function's derivative by it.
          outputs:
            isActive(inputs) && isCut(pushed.outputs) ? withSameDraws(draws, () => dispatch(custom, inputs)).outputs : pushed.outputs,
          rebuild: pushed.rebuild,
          tangents: spread(
            pushed.tangents.map((t) => t !== null),
            guarded,
          ),
        };
      },
      reverse(inputs) {
        const draws = drawPoint();
        const [{ outputs: own, rebuild }, cut] = noticing(isActive, () => value(inputs));
        const outputs = cut && isActive(inputs) && isCut(own) ? withSameDraws(draws, () => dispatch(custom, inputs)).outputs : own;
        const to = outputs.map((y) => isFloat(y.dtype));
        const complete = completing(outputs);
        return {
          outputs,
          rebuild,
          held: [],
          pullback(given, _held, cotangents) {
            // t ↦ J t is linear: its pullback is ct ↦ J'ct.
            const from = given.map((x) => isFloat(x.dtype));
            let once = false;
            const transpose = (ts: Tensor[]) => {
              const level = topLevel(ts);
              const refuse = ([x]: readonly Tensor[]) => {
                if (topLevel([x!]) === level) throw new NotDifferentiableError(`customJvp: ${READ_TANGENT}`, "customJvp");
                return isActive([x!]);
              };
              const [pushed, read] = noticing(refuse, () => withSameDraws(draws, () => push(given, spread(from, ts))));
              once =
                read &&
                isConstant(
                  draws,
                  given,
                  spread(
                    from,
                    ts.map((t) => zerosLike(t)),
                  ),
                );
              return pushed.tangents.filter((t) => t !== null);
            };
            const gradients = transposed(
              transpose,
              given.filter((_, i) => from[i]),
              complete(cotangents).filter((_, i) => to[i]),
            );
            return spread(from, once ? onlyOnce("customJvp", READ_NUMBERS, gradients, given) : gradients);
          },
        };
      },
    };
    return custom;
  });
}
