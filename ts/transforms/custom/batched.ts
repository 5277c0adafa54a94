/** Under vmap: a custom function mapped over its batch is a custom function again, with mapped rules, one level down. */
import { drawPoint, examplesOf, onLevel, withSameDraws } from "../../random/state.js";
import { LevelKind } from "../../runtime/boundary.js";
import { checked, engine, scratch } from "../../runtime/instance.js";
import { idOf, made, type Tensor } from "../../tensor.js";
import { openLevel } from "../machinery.js";
import type { Custom, dispatch as Dispatch, Result } from "./dispatch.js";
import { guarded, topLevel, type Rebuild } from "./record.js";

type Values = readonly (Tensor | null)[];

export function batched(custom: Custom, inputs: Tensor[], level: number, dispatch: typeof Dispatch): Result {
  const isBatched = inputs.map((x) => topLevel([x]) === level);
  checked(engine.level_kind(level), custom.name);
  const size = scratch()[0]!;
  // All values one level down with their batch axis first; values that are the same for all examples stay as they are.
  const inner = inputs.map((x, i) => (isBatched[i] ? made(checked(engine.unbatch(level, idOf(x), 0))) : x));
  // Draws of the rule are per example or not as in the user's vmap, also when a sweep runs the rule after that has ended.
  const mapping = examplesOf(level);
  let rebuild: Rebuild = (leaves) => leaves;
  /** Runs `body` on examples of a fresh batch level. */
  const mapped = (values: Values, batch: readonly boolean[], body: (examples: (Tensor | null)[]) => Values): (Tensor | null)[] => {
    const fresh = openLevel(custom.name, LevelKind.Batch, size);
    try {
      const examples = values.map((v, i) => (v !== null && batch[i] ? made(checked(engine.batch(fresh, idOf(v), 0))) : v));
      return onLevel(mapping, fresh, () => body(examples)).map((y) =>
        y === null ? null : made(checked(engine.unbatch(fresh, idOf(y), 0))),
      );
    } finally {
      engine.level_pop(fresh);
    }
  };
  const outputsOf = (run: (examples: Tensor[]) => Result) => (values: Tensor[]) => {
    const outputs = mapped(values, isBatched, (examples) => {
      const result = run(examples as Tensor[]);
      rebuild = result.rebuild;
      return result.outputs;
    }) as Tensor[];
    return { outputs, rebuild };
  };
  const whole: Custom = {
    name: custom.name,
    value: outputsOf(custom.value),
    forward(values, tangents) {
      const n = values.length;
      let count = 0;
      // A tangent is of the whole batch where its value is, and one for all examples where that is.
      const both = mapped([...values, ...tangents], [...isBatched, ...isBatched], (examples) => {
        const result = custom.forward(examples.slice(0, n) as Tensor[], examples.slice(n));
        rebuild = result.rebuild;
        count = result.outputs.length;
        return [...result.outputs, ...result.tangents];
      });
      return { outputs: both.slice(0, count) as Tensor[], tangents: both.slice(count), rebuild };
    },
    reverse(values, active) {
      const draws = drawPoint();
      return {
        ...outputsOf((examples) => custom.reverse(examples, active))(values),
        held: [],
        // The rule's forward part runs again: its residuals may be anything, and belong to a batch level that ended.
        pullback: (values, _held, cotangents, createGraph) =>
          mapped([...values, ...cotangents], [...isBatched, ...cotangents.map(() => true)], (examples) => {
            const given = examples.slice(0, values.length) as Tensor[];
            const { held, pullback } = withSameDraws(draws, () => custom.reverse(given, active));
            return pullback(given, held, examples.slice(values.length), createGraph);
          }).map((g, i) => (g === null || isBatched[i] ? g : g.sum(0))),
      };
    },
  };
  const { outputs } = guarded(level, () => dispatch(whole, inner));
  return { outputs: outputs.map((y) => made(checked(engine.batch(level, idOf(y), 0)))), rebuild };
}
