/**
 * A loop whose number of turns depends on numbers, in a function that is compiled: the program has the loop itself. Its condition and its body
 * are called once for the record, with the state's shapes; then the loop is run as it is.
 */
import { asTensor } from "../creation.js";
import { TracedValueError } from "../errors.js";
import { AMBIENT } from "../runtime/boundary.js";
import { checked, engine, pass, scratch } from "../runtime/instance.js";
import type { Recorder } from "../recording.js";
import { idOf, made, Tensor } from "../tensor.js";
import { flatten } from "../tree.js";
import { inScope } from "./machinery.js";
import { isRecording } from "./modes.js";

const NAME = "whileLoop";

/** A loop as it was written. */
export interface Written {
  readonly condition: (state: unknown) => unknown;
  readonly body: (state: unknown) => unknown;
  /** The most turns there may be. */
  readonly most: number;
  /** Runs it from a state on. */
  readonly run: (state: unknown) => unknown;
}

/** The ids of handles, which the call before has left in scratch, as tensors. */
function tensors(count: number): Tensor[] {
  const ids = Array.from(scratch().subarray(0, count));
  return ids.map(made);
}

const hasDerivatives = (x: Tensor): boolean => x.isInTransform || (isRecording && x.isTracked);

const ids = (state: readonly Tensor[]): number => {
  pass(state.map(idOf));
  return state.length;
};

/**
 * Records the loop and runs it; undefined where it has derivatives, or stands for a batch: a program cannot go through such a loop backward.
 * Throws `TracedValueError` for draws without a key in it.
 */
export function recordedWhile(recorder: Recorder, written: Written, init: unknown): { readonly state: unknown } | undefined {
  if (engine.level_depth() > AMBIENT) return undefined;
  const [leaves, rebuild] = flatten(init);
  const isNumeric = (leaf: unknown) => leaf instanceof Tensor || typeof leaf === "number" || typeof leaf === "boolean";
  const first = leaves.filter(isNumeric).map((leaf: unknown) => asTensor(leaf as Tensor | number | boolean));
  if (first.some(hasDerivatives)) return undefined;
  /** The state with other numbers; what is no number stays. */
  const stateOf = (values: readonly Tensor[]): unknown => {
    let next = 0;
    return rebuild(leaves.map((leaf: unknown) => (isNumeric(leaf) ? values[next++] : leaf)));
  };
  const numbersOf = (state: unknown): Tensor[] =>
    flatten(state)[0]
      .filter(isNumeric)
      .map((leaf: unknown, i: number) => asTensor(leaf as Tensor | number | boolean, first[i]));
  return inScope(() => {
    const count = ids(first);
    checked(engine.record_while_begin(count, written.most), NAME);
    const inside = tensors(count);
    let next: Tensor[] = [];
    const drew = recorder.draws(() => {
      const goesOn = asTensor(written.condition(stateOf(inside)) as Tensor | boolean).cast("bool");
      checked(engine.record_while_test(idOf(goesOn.ndim === 0 ? goesOn : goesOn.reshape([]))), NAME);
      next = numbersOf(written.body(stateOf(inside)));
    });
    if (drew)
      throw new TracedValueError(
        `${NAME}: in a compiled function every turn of this loop would draw the same numbers; carry a key in the state, [key, subkey] = random.split(key)`,
        NAME,
      );
    if (next.some(hasDerivatives)) {
      engine.record_while_drop();
      return undefined;
    }
    checked(engine.record_while_end(ids(next)), NAME);
    const last = recorder.unrecorded(() => numbersOf(written.run(stateOf(first))));
    checked(engine.record_while_finish(ids(last)), NAME);
    return { state: stateOf(tensors(count)) };
  });
}
