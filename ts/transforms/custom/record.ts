/** One node for a whole function on a tape, and its pullback; shared by checkpoint and by rules of the user's own. */
import { isFloat } from "../../dtype.js";
import { LevelKind } from "../../runtime/boundary.js";
import { checked, engine, scratch } from "../../runtime/instance.js";
import { idOf, made, type Tensor } from "../../tensor.js";
import { inScope, openLevel, track } from "../machinery.js";
import { drive, putIds, registerPullback, type Pullback } from "../sweeping.js";

export type Rebuild = (leaves: readonly unknown[]) => any;

/** A second handle in the current scope. */
export function aliasOf(id: number): Tensor {
  // No value is of level 0, so this takes no wrapper off.
  return made(checked(engine.untrack(0, id)));
}

/** The value one level down from `level`; what is not of that level stays as it is. */
export function below(level: number, x: Tensor): Tensor {
  return made(checked(engine.untrack(level, idOf(x))));
}

/** The highest level among the values, 0 for plain ones. Refused under a custom rule that may not see it. */
export function topLevel(values: readonly Tensor[]): number {
  putIds(values.map(idOf));
  return checked(engine.top_level(values.length)) - 1;
}

/** Runs a rule that may not see values of `level` and above: they are not among its arguments, and would lose their derivative. */
export function guarded<R extends { readonly outputs: readonly Tensor[] }>(level: number, body: () => R): R {
  const highest = engine.guard(level);
  try {
    const result = body();
    // A tensor returned as it was closed over passes no op.
    topLevel(result.outputs);
    return result;
  } finally {
    engine.unguard(level, highest);
  }
}

/**
 * `outputs`, computed from `inputs` one level down, as values of `level` with one node behind them. The node holds the inputs and
 * `held`, and gives both to the pullback, which answers for the inputs.
 */
export function recorded(
  name: string,
  level: number,
  inputs: readonly Tensor[],
  held: readonly Tensor[],
  outputs: readonly Tensor[],
  pullback: Pullback,
): Tensor[] {
  const places = outputs.flatMap((y, i) => (isFloat(y.dtype) ? [i] : []));
  if (places.length === 0) return [...outputs];
  const number = registerPullback((values, cotangents, createGraph) => {
    const all: (Tensor | null)[] = outputs.map(() => null);
    places.forEach((place, i) => (all[place] = cotangents[i]!));
    const gradients = pullback(values, all, createGraph);
    return [...gradients, ...held.map(() => null)];
  });
  putIds(
    inputs.map(idOf),
    held.map(idOf),
    places.map((i) => idOf(outputs[i]!)),
  );
  checked(engine.record_callback(level, inputs.length + held.length, places.length, number), name);
  const ids = Array.from(scratch().subarray(0, places.length));
  const tracked = [...outputs];
  places.forEach((place, i) => (tracked[place] = made(ids[i]!)));
  return tracked;
}

/**
 * The gradients of `f` at `values` with respect to those that are `active`, for the cotangents of its outputs (null = zero). A
 * gradient is null where nothing depends on the value. `look` sees the outputs first.
 */
export function pullBack(
  f: (values: Tensor[]) => Tensor[],
  values: readonly Tensor[],
  active: readonly boolean[],
  cotangents: readonly (Tensor | null)[],
  look: (outputs: readonly Tensor[]) => void,
): (Tensor | null)[] {
  return inScope(() => {
    const level = openLevel("vjp", LevelKind.Grad);
    const inputs = values.map((x, i) => (active[i] ? track(level, x) : x));
    const outputs = f(inputs);
    look(outputs);
    const seeded = outputs.flatMap((y, i) => (cotangents[i] ? [i] : []));
    const wanted = inputs.filter((_, i) => active[i]);
    putIds(
      seeded.map((i) => idOf(outputs[i]!)),
      seeded.map((i) => idOf(cotangents[i]!)),
      wanted.map(idOf),
    );
    const found = drive(engine.sweep(level, seeded.length, wanted.length, 0), wanted.length);
    engine.level_pop(level);
    let next = 0;
    return values.map((_, i) => (active[i] ? found[next++]! : null));
  });
}
