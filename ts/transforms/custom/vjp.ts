/** A reverse rule of the user's own. */
import { atMost, boolean } from "../../input/arguments.js";
import { reads } from "../../conversions.js";
import { zerosLike } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { NotDifferentiableError, ShapeError, ValueError } from "../../errors.js";
import { checkOptions, isPlainObject } from "../../input/options.js";
import { type DrawPoint, drawPoint, withSameDraws } from "../../random/state.js";
import { Tensor } from "../../tensor.js";
import { flatten } from "../../tree.js";
import { aligned, asTree } from "../arguments.js";
import { call, type Callback, checkFunction, outputTensor } from "../machinery.js";
import type { ArgumentsOf, GradientsFor, OutputOf } from "../types.js";
import { asFunction, completing, dispatch, resultOf, type Custom, type Result } from "./dispatch.js";
import { isActive, isCut, noticing, onlyOnce } from "./once.js";
import { transposed } from "./transposed.js";

/** A reverse rule: of a function of `A` with result `Out`; `Residuals` is whatever goes from the forward to the backward part. */
export interface CustomVjpRule<A extends unknown[] = Tensor[], Out = Tensor, Residuals = unknown> {
  /** The value and whatever the backward rule needs. */
  forward: (...args: A) => readonly [out: Out, residuals: Residuals];
  /** One gradient per argument, each a tree like it (null for none); the cotangent is a tree like the output. */
  backward: (residuals: Residuals, cotangent: OutputOf<Out>) => GradientsFor<A>;
  /** The rule computes with plain JavaScript numbers, so that its gradients cannot be differentiated again: second derivatives are refused. */
  once?: boolean;
}

const SAID_ONCE =
  "the rule was made with { once: true }: its gradients cannot be differentiated again. Write forward and backward with ops to have second derivatives";
const READ_NUMBERS =
  "the rule reads numbers (data(), toArray(), item()), and what it computes from them is a constant for second derivatives: write it with ops, or say { once: true } to have first derivatives only";

/** A run of the forward rule. */
interface Run extends Result {
  residuals: unknown;
  /** Why the gradients of this run cannot be differentiated, if they cannot. */
  once: string | null;
}

/**
 * `f` with a reverse rule of your own. In forward mode (also jvp of grad of it) the derivative is obtained by transposing
 * the backward rule, which is linear in the cotangent: that needs `backward` to be written with ops. Second derivatives need `forward`
 * to be so too; with `once` they are refused. What `f` and `forward` close over gets no derivative from the rule: a tensor that is
 * being differentiated there is refused, pass it as an argument.
 *
 * @example
 * const clipped = ad.customVjp((x) => x.exp(), {
 *   forward: (x) => { const y = x.exp(); return [y, y]; },
 *   backward: (y, cotangent) => [cotangent.mul(y).clamp(-1, 1)],
 * });
 */
export function customVjp<A extends unknown[] = Tensor[], const Out = unknown, Residuals = unknown>(
  f: (...args: A) => Out,
  rule: CustomVjpRule<NoInfer<A>, NoInfer<Out>, Residuals>,
): (...args: ArgumentsOf<A>) => OutputOf<Out>;
export function customVjp(f: Callback, rule: CustomVjpRule<any, any, any>): Callback {
  checkFunction("customVjp", f);
  atMost("customVjp", arguments, 2);
  if (typeof rule !== "object" || rule === null || typeof rule.forward !== "function" || typeof rule.backward !== "function") {
    throw new ValueError(
      "customVjp: the rule is an object { forward: (...args) => [out, residuals], backward: (residuals, cotangent) => [gradient per argument] }",
      "customVjp",
    );
  }
  // An instance of a class may have more to it.
  if (isPlainObject(rule)) checkOptions("customVjp", rule, ["forward", "backward", "once"]);
  if (rule.once !== undefined) boolean("customVjp", "once", rule.once);
  return asFunction("customVjp", (rebuildArguments) => {
    const run = (inputs: readonly Tensor[]): Run => {
      // A rule for one derivative only sees numbers: nothing of it is to be recorded further out.
      const given = rule.once ? inputs.map((x) => x.detach()) : inputs;
      const before = reads;
      const result: unknown = call("customVjp", rule.forward, rebuildArguments(given));
      if (!Array.isArray(result) || result.length !== 2)
        throw new ValueError("customVjp: forward must return [out, residuals]", "customVjp");
      const out = resultOf("customVjp", result[0], inputs);
      const residuals: unknown[] = flatten(result[1])[0];
      const cut = () =>
        isActive(inputs) &&
        (isCut([...out.outputs, ...residuals.filter((leaf) => leaf instanceof Tensor)]) ||
          residuals.some((leaf) => typeof leaf === "number"));
      return { ...out, residuals: result[1], once: rule.once ? SAID_ONCE : reads !== before && cut() ? READ_NUMBERS : null };
    };
    const pull = (inputs: readonly Tensor[], residuals: unknown, cotangent: unknown): (Tensor | null)[] => {
      const gradients: unknown = call("customVjp", rule.backward, [residuals, cotangent]);
      const args = rebuildArguments(inputs);
      if (!Array.isArray(gradients) || gradients.length !== args.length) {
        throw new ValueError(
          `customVjp: backward must return a list with one gradient per argument (${args.length}), it returned ${Array.isArray(gradients) ? gradients.length : typeof gradients}`,
          "customVjp",
        );
      }
      return args.flatMap((arg, i) => {
        const leaves = flatten(arg)[0] as Tensor[];
        if (gradients[i] === null || gradients[i] === undefined) return leaves.map(() => null);
        return aligned("customVjp", arg, asTree(gradients[i])).map((g, k) => checkGradient(leaves[k]!, g));
      });
    };
    /** Whether the gradients hang on numbers instead of `inputs`, whatever the cotangents carry along. */
    const isConstant = (draws: DrawPoint, inputs: readonly Tensor[], residuals: unknown, cotangent: unknown): boolean =>
      isCut(withSameDraws(draws, () => pull(inputs, residuals, cotangent)).filter((g) => g !== null));
    /** The gradients of a run; those that exist once only are guarded against being differentiated. */
    const gradientsOf = (
      once: string | null,
      inputs: readonly Tensor[],
      residuals: unknown,
      cotangents: readonly Tensor[],
      rebuild: (leaves: readonly Tensor[]) => unknown,
    ): (Tensor | null)[] => {
      const draws = drawPoint();
      const [gradients, read] = noticing(isActive, () => pull(inputs, residuals, rebuild(cotangents)));
      const present = gradients.filter((g) => g !== null);
      const detached = () => rebuild(cotangents.map((ct) => ct.detach()));
      if (once === null && !(read && isConstant(draws, inputs, residuals, detached()))) return gradients;
      const guarded = onlyOnce("customVjp", once ?? READ_NUMBERS, present, read && isCut(present) ? [...inputs, ...cotangents] : inputs);
      let next = 0;
      return gradients.map((g) => (g === null ? null : guarded[next++]!));
    };
    const custom: Custom = {
      name: "customVjp",
      value: (inputs) => resultOf("customVjp", call("customVjp", f, rebuildArguments(inputs)), inputs),
      reverse(inputs) {
        const draws = drawPoint();
        const first = run(inputs);
        const [leaves, rebuildResiduals] = flatten(first.residuals);
        const complete = completing(first.outputs);
        return {
          // Where the run is cut off from levels further out, they take the function's derivative by its rule.
          outputs: first.once !== null && isActive(inputs) ? dispatch(custom, inputs).outputs : first.outputs,
          rebuild: first.rebuild,
          held: leaves.filter((leaf) => leaf instanceof Tensor),
          pullback(given, held, given_cotangents, createGraph) {
            const cotangents = complete(given_cotangents);
            // The residuals as functions of the inputs, where the gradient is to be differentiated again.
            if (createGraph && !rule.once) {
              const again = withSameDraws(draws, () => run(given));
              return gradientsOf(again.once, given, again.residuals, cotangents, first.rebuild);
            }
            let next = 0;
            const residuals: unknown = rebuildResiduals(leaves.map((leaf: unknown) => (leaf instanceof Tensor ? held[next++] : leaf)));
            return gradientsOf(first.once, given, residuals, cotangents, first.rebuild);
          },
        };
      },
      forward(inputs, tangents) {
        const { outputs, rebuild, residuals, once } = run(inputs);
        const draws = drawPoint();
        // ct ↦ J'ct is linear: its own pullback is t ↦ J t.
        const complete = completing(outputs);
        const [from, to] = [outputs.map((y) => isFloat(y.dtype)), inputs.map((x) => isFloat(x.dtype))];
        const cotangentOf = (cts: readonly Tensor[]): unknown => rebuild(complete(spread(from, cts)));
        let reason = once;
        const transpose = (cts: Tensor[]) => {
          const before = reads;
          const [gradients, read] = noticing(isActive, () => pull(inputs, residuals, cotangentOf(cts)));
          if (reads !== before && isCut(gradients.filter((g) => g !== null))) {
            throw new NotDifferentiableError(
              "customVjp: backward reads numbers (data(), toArray(), item()), so it cannot be transposed for forward mode; write it with ops, or use reverse mode",
              "customVjp",
            );
          }
          const zeros = () => cotangentOf(cts.map((ct) => zerosLike(ct)));
          if (read && isConstant(draws, inputs, residuals, zeros())) reason ??= READ_NUMBERS;
          return inputs.flatMap((x, i) => (to[i] ? [gradients[i] ?? zerosLike(x)] : []));
        };
        const pushed = transposed(
          transpose,
          outputs.filter((_, i) => from[i]),
          inputs.flatMap((x, i) => (to[i] ? [tangents[i] ?? zerosLike(x)] : [])),
        );
        if (reason === null || !isActive(inputs)) return { outputs, tangents: spread(from, pushed), rebuild };
        return {
          outputs: once === null ? outputs : dispatch(custom, inputs).outputs,
          tangents: spread(from, onlyOnce("customVjp", reason, pushed, inputs)),
          rebuild,
        };
      },
    };
    return custom;
  });
}

/** The values at the places that are true, null elsewhere. */
export function spread(places: readonly boolean[], values: readonly Tensor[]): (Tensor | null)[] {
  let next = 0;
  return places.map((place) => (place ? values[next++]! : null));
}

function checkGradient(input: Tensor, g: unknown): Tensor {
  const gradient = outputTensor("customVjp", g, [input]);
  if (gradient.shape.join() !== input.shape.join()) {
    throw new ShapeError(
      `customVjp: backward returned a gradient of shape [${gradient.shape.join(", ")}] for an argument of shape [${input.shape.join(", ")}]`,
      "customVjp",
    );
  }
  return gradient;
}
