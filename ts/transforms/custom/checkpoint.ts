/** Recomputing instead of remembering. */
import { atMost, boolean } from "../../input/arguments.js";
import { noting, releaseCaptures, replacing, type Capture } from "../../captures.js";
import { readOptions } from "../../input/options.js";
import { drawPoint, withSameDraws } from "../../random/state.js";
import { recorder } from "../../recording.js";
import { engine, generation } from "../../runtime/instance.js";
import { idOf, type Tensor } from "../../tensor.js";
import { flatten } from "../../tree.js";
import { asTree } from "../arguments.js";
import { argumentTensor, arithmeticGuard, call, type Callback, checkFunction, inScope, outputTensor } from "../machinery.js";
import { withoutTape } from "../modes.js";
import type { ArgumentsOf, OutputOf } from "../types.js";
import { attach, type Compare } from "./attach.js";
import { aliasOf } from "./record.js";
import { checkRepeated } from "./repeated.js";

/** Options of `checkpoint`. */
export interface CheckpointOptions {
  /** Compare what `f` gives in the backward pass with what it gave before; costs a pass over its outputs. Default true. */
  determinismCheck?: boolean;
}

/**
 * `f`, recomputed in the backward pass instead of remembered: what it made on the way is released at once, so the memory of a deep
 * function is that of its parts' inputs plus one part. Costs one more forward pass. Arguments and results are trees of tensors.
 * Tensors that `f` closes over, parameters of a layer say, get their derivatives as arguments do; random draws are repeated. Numbers and
 * flags that `f` reads must be the same in the backward pass: if it gives another value then, that throws `ValueError`.
 *
 * @example
 * const block = ad.checkpoint((x) => x.sin().exp().mul(x));
 * const slope = ad.grad(block)(0); // 1
 */
export function checkpoint<A extends unknown[] = Tensor[], const Out = unknown>(
  f: (...args: A) => Out,
  options?: CheckpointOptions,
): (...args: ArgumentsOf<A>) => OutputOf<Out>;
export function checkpoint(f: Callback, options?: CheckpointOptions): Callback {
  checkFunction("checkpoint", f);
  atMost("checkpoint", arguments, 2);
  const { determinismCheck = true } = readOptions("checkpoint", options, ["determinismCheck"]);
  const compare: Compare = boolean("checkpoint", "determinismCheck", determinismCheck)
    ? (now, before) => checkRepeated("checkpoint", now, before)
    : () => {};
  return (...args) => {
    const [leaves, rebuildArguments] = flatten(args.map((arg) => asTree(arg)));
    return inScope(() => {
      const given = leaves.map((leaf: unknown) => argumentTensor("checkpoint", leaf));
      const draws = drawPoint();
      const captures: Capture[] = [];
      const made = generation;
      let rebuild: (leaves: readonly unknown[]) => any = (outputs) => outputs;
      const run = (values: readonly Tensor[]): Tensor[] => {
        const refuseArithmetic = arithmeticGuard("checkpoint");
        const result: unknown = call("checkpoint", f, rebuildArguments(values));
        refuseArithmetic(result);
        const [outputs, rebuildResult] = flatten(result);
        rebuild = rebuildResult;
        // What is returned as it was closed over is looked at while the watch lasts, as what is used is.
        return outputs.map((y: unknown) => aliasOf(idOf(outputTensor("checkpoint", y, values))));
      };
      try {
        const outputs = inScope(() => noting(given, captures, () => withoutTape(() => run(given))));
        const closedOver = captures.map(({ tensor }) => tensor);
        const again = (values: Tensor[]): Tensor[] =>
          inScope(() => {
            if (recorder !== null) engine.record_rerun();
            const replaced = new Map(values.map((x) => [x, x]));
            [...given, ...closedOver].forEach((x, i) => replaced.set(x, values[i]!));
            return withSameDraws(draws, () => replacing("checkpoint", replaced, () => run(values.slice(0, given.length))));
          });
        return rebuild(attach("checkpoint", again, [...given, ...captures.map(({ id }) => aliasOf(id))], outputs, compare));
      } finally {
        releaseCaptures(captures, made);
      }
    });
  };
}
