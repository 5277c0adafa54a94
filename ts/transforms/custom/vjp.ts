/** A reverse rule of the user's own. */
import { zerosLike } from "../../creation.js";
import { isFloat } from "../../dtype.js";
import { ShapeError, ValueError } from "../../errors.js";
import { drawPoint, withSameDraws } from "../../random/state.js";
import { Tensor } from "../../tensor.js";
import { flatten, sameStructure } from "../../tree.js";
import { call, checkFunction, outputTensor } from "../machinery.js";
import { asFunction, completing, resultOf } from "./dispatch.js";
import { transposed } from "./transposed.js";

export interface CustomVjpRule {
  /** The value and whatever the backward rule needs. */
  forward: (...args: any[]) => [out: any, residuals: any];
  /** One gradient per argument, each a tree like it (null for none). */
  backward: (residuals: any, cotangent: any) => any[];
}

/**
 * `f` with a reverse rule of your own. In forward mode (also jvp of grad of it) the derivative is obtained by transposing
 * the backward rule, which is linear in the cotangent: that needs `backward` to be written with ops. What `f` and `forward` close over
 * gets no derivative from the rule: a tensor that is being differentiated there is refused, pass it as an argument.
 */
export function customVjp(f: (...args: any[]) => any, rule: CustomVjpRule): (...args: any[]) => any {
  checkFunction("customVjp", f);
  if (typeof rule !== "object" || rule === null || typeof rule.forward !== "function" || typeof rule.backward !== "function") {
    throw new ValueError("customVjp: the rule is an object { forward: (...args) => [out, residuals], backward: (residuals, cotangent) => [gradient per argument] }", "customVjp");
  }
  return asFunction("customVjp", (rebuildArguments) => {
    const run = (inputs: Tensor[]) => {
      const result: unknown = call("customVjp", rule.forward, rebuildArguments(inputs));
      if (!Array.isArray(result) || result.length !== 2) throw new ValueError("customVjp: forward must return [out, residuals]", "customVjp");
      return { ...resultOf("customVjp", result[0]), residuals: result[1] as unknown };
    };
    const pull = (inputs: readonly Tensor[], residuals: unknown, cotangent: unknown): (Tensor | null)[] => {
      const gradients: unknown = call("customVjp", rule.backward, [residuals, cotangent]);
      const args = rebuildArguments(inputs);
      if (!Array.isArray(gradients) || gradients.length !== args.length) {
        throw new ValueError(`customVjp: backward must return a list with one gradient per argument (${args.length}), it returned ${Array.isArray(gradients) ? gradients.length : typeof gradients}`, "customVjp");
      }
      return args.flatMap((arg, i) => {
        const leaves = flatten(arg)[0] as Tensor[];
        if (gradients[i] === null || gradients[i] === undefined) return leaves.map(() => null);
        sameStructure(arg, gradients[i], "customVjp");
        return flatten(gradients[i])[0].map((g: unknown, k) => checkGradient(leaves[k]!, g));
      });
    };
    return {
      name: "customVjp",
      value: (inputs) => resultOf("customVjp", call("customVjp", f, rebuildArguments(inputs))),
      reverse(inputs) {
        const draws = drawPoint();
        const { outputs, rebuild, residuals } = run(inputs);
        const [leaves, rebuildResiduals] = flatten(residuals);
        const complete = completing(outputs);
        return {
          outputs,
          rebuild,
          held: leaves.filter((leaf) => leaf instanceof Tensor),
          pullback(given, held, cotangents, createGraph) {
            // The residuals as functions of the inputs, where the gradient is to be differentiated again.
            if (createGraph) return pull(given, withSameDraws(draws, () => run(given)).residuals, rebuild(complete(cotangents)));
            let next = 0;
            return pull(given, rebuildResiduals(leaves.map((leaf: unknown) => (leaf instanceof Tensor ? held[next++] : leaf))), rebuild(complete(cotangents)));
          },
        };
      },
      forward(inputs, tangents) {
        const { outputs, rebuild, residuals } = run(inputs);
        // ct ↦ J'ct is linear: its own pullback is t ↦ J t.
        const complete = completing(outputs);
        const [from, to] = [outputs.map((y) => isFloat(y.dtype)), inputs.map((x) => isFloat(x.dtype))];
        const pushed = transposed(
          (cts) => pull(inputs, residuals, rebuild(complete(spread(from, cts)))).filter((_, i) => to[i]).map((g, i) => g ?? zerosLike(inputs.filter((_, k) => to[k])[i]!)),
          outputs.filter((_, i) => from[i]),
          inputs.flatMap((x, i) => (to[i] ? [tangents[i] ?? zerosLike(x)] : [])),
        );
        return { outputs, tangents: spread(from, pushed), rebuild };
      },
    };
  });
}

/** The values at the places that are true, null elsewhere. */
export function spread(places: readonly boolean[], values: readonly Tensor[]): (Tensor | null)[] {
  let next = 0;
  return places.map((place) => (place ? values[next++]! : null));
}

function checkGradient(input: Tensor, g: unknown): Tensor {
  const gradient = outputTensor("customVjp", g);
  if (gradient.shape.join() !== input.shape.join()) {
    throw new ShapeError(`customVjp: backward returned a gradient of shape [${gradient.shape.join(", ")}] for an argument of shape [${input.shape.join(", ")}]`, "customVjp");
  }
  return gradient;
}
