/**
 * Rules of the user's own. A custom function is dispatched here as the engine dispatches an op: the highest level among the
 * inputs handles it and calls it again one level down, so it nests with everything. Its rule knows its arguments only: what the
 * function closes over may belong to levels further out than the one that handles it, where its ops are differentiated as usual.
 */
import { zeros } from "../../creation.js";
import { Hold } from "../../memory/holds.js";
import { LevelKind } from "../../runtime/boundary.js";
import { checked, engine } from "../../runtime/instance.js";
import { goesWith } from "../../memory/steps.js";
import { serial } from "../../memory/sweeps.js";
import { idOf, made, type Tensor } from "../../tensor.js";
import { flatten } from "../../tree.js";
import { asTree } from "../arguments.js";
import { tangentOf } from "../forward.js";
import { argumentTensor, type Callback, outputTensor } from "../machinery.js";
import { batched } from "./batched.js";
import { below, guarded, recorded, topLevel, type Rebuild } from "./record.js";

export interface Result {
  outputs: Tensor[];
  rebuild: Rebuild;
}

export interface Pushed extends Result {
  /** null is a symbolic zero. */
  tangents: (Tensor | null)[];
}

export interface Pulled extends Result {
  /** What the pullback needs besides the inputs; kept with them on the tape. */
  held: Tensor[];
  /** Gradients of the inputs (null = none). With `createGraph` the inputs are recorded, and what depends on them is to be computed from them. */
  pullback: (inputs: Tensor[], held: Tensor[], cotangents: (Tensor | null)[], createGraph: boolean) => (Tensor | null)[];
}

/** A differentiable function given by what it does at each kind of level, over flat lists of tensors. */
export interface Custom {
  name: string;
  /** The value, written with ops: what level 0 runs. */
  value: (inputs: Tensor[]) => Result;
  /** Output tangents from the inputs and their tangents. */
  forward: (inputs: Tensor[], tangents: (Tensor | null)[]) => Pushed;
  /** The value with a pullback; `active` says which inputs are differentiated. */
  reverse: (inputs: Tensor[], active: readonly boolean[]) => Pulled;
}

export function dispatch(custom: Custom, inputs: Tensor[]): Result {
  const level = topLevel(inputs);
  if (level === 0) return custom.value(inputs);
  const kind = checked(engine.level_kind(level), custom.name);
  if (kind === LevelKind.Batch) return batched(custom, inputs, level, dispatch);
  const began = serial;
  const primals = inputs.map((x) => below(level, x));
  try {
    if (engine.records(level) === 0) return dispatch(custom, primals);
    if (kind === LevelKind.Dual) {
      const { outputs, tangents, rebuild } = guarded(level, () =>
        custom.forward(
          primals,
          inputs.map((x) => tangentOf(level, x)),
        ),
      );
      return {
        outputs: outputs.map((y, i) => (tangents[i] ? made(checked(engine.dual(level, idOf(y), idOf(tangents[i])), custom.name)) : y)),
        rebuild,
      };
    }
    const active = inputs.map((x) => topLevel([x]) === level);
    const { outputs, held, rebuild, pullback } = guarded(level, () => custom.reverse(primals, active));
    const n = inputs.length;
    const tracked = recorded(custom.name, level, inputs, held, outputs, (values, cotangents, createGraph) =>
      pullback(values.slice(0, n), values.slice(n), cotangents, createGraph),
    );
    // The handles of a rule's arguments and results: the graph holds their values. What the rule closed over stays.
    const own = [...primals, ...outputs.filter((y) => y.scope instanceof Hold && y.scope.serial > began)];
    for (const y of tracked) goesWith(y, own);
    return { outputs: tracked, rebuild };
  } catch (error) {
    for (const x of primals) x.dispose();
    throw error;
  }
}

/** Zeros for outputs whose cotangent is a symbolic zero, without holding the outputs themselves. */
export function completing(outputs: readonly Tensor[]): (cotangents: readonly (Tensor | null)[]) => Tensor[] {
  const forms = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  return (cotangents) => forms.map(({ shape, dtype }, i) => cotangents[i] ?? zeros(shape, { dtype }));
}

/** The tensors of a result of `inputs`. */
export function resultOf(name: string, tree: unknown, inputs: readonly Tensor[]): Result {
  const [leaves, rebuild] = flatten(tree);
  return { outputs: leaves.map((leaf: unknown) => outputTensor(name, leaf, inputs)), rebuild };
}

/**
 * Flattens the user's arguments and result around `dispatch`. No scope of its own: residuals may be closures or objects whose
 * tensors have to live as long as the graph.
 */
export function asFunction(name: string, make: (rebuildArguments: (leaves: readonly unknown[]) => any[]) => Custom): Callback {
  return (...args) => {
    const [leaves, rebuild] = flatten(args.map((arg) => asTree(arg)));
    const tensors = leaves.map((leaf: unknown) => argumentTensor(name, leaf));
    const { outputs, rebuild: rebuildOutput } = dispatch(make(rebuild as (leaves: readonly unknown[]) => any[]), tensors);
    return rebuildOutput(outputs);
  };
}
