/**
 * Derivatives for a value that is there already: `f` ran with recording off, and now each level that its inputs belong to learns
 * how the outputs hang on them. Level by level from the highest down, `f` becomes a function of values one level down: under jvp of
 * the primals and tangents, under vmap of whole batches, at a grad level one node whose pullback runs it again.
 */
import { zerosLike } from "../../creation.js";
import { examplesOf, onLevel } from "../../random/state.js";
import { LevelKind } from "../../runtime/boundary.js";
import { checked, engine, scratch } from "../../runtime/instance.js";
import { idOf, made, type Tensor } from "../../tensor.js";
import { tangentOf } from "../forward.js";
import { inScope, openLevel } from "../machinery.js";
import { putIds } from "../sweeping.js";
import { below, pullBack, recorded, topLevel } from "./record.js";

/** A function of flat lists that can be run again. */
export type Repeatable = (values: Tensor[]) => Tensor[];

/** Looks at what a function gave when it ran again, beside what it had given. */
export type Compare = (now: readonly Tensor[], before: readonly Tensor[]) => void;

/** Whether any level would record what is computed from the values. */
function isRecorded(values: readonly Tensor[]): boolean {
  putIds(values.map(idOf));
  return checked(engine.recording_level(values.length, 0)) > 1;
}

/** `outputs` = f(inputs), with their derivatives at all levels that record. */
export function attach(name: string, f: Repeatable, inputs: Tensor[], outputs: Tensor[], compare: Compare): Tensor[] {
  if (!isRecorded(inputs)) return outputs;
  const level = topLevel([...inputs, ...outputs]);
  const kind = checked(engine.level_kind(level), name);
  return (kind === LevelKind.Batch ? attachBatch : kind === LevelKind.Dual ? attachDual : attachGrad)(
    name,
    level,
    f,
    inputs,
    outputs,
    compare,
  );
}

function attachGrad(name: string, level: number, f: Repeatable, inputs: Tensor[], outputs: Tensor[], compare: Compare): Tensor[] {
  const lower = attach(
    name,
    f,
    inputs.map((x) => below(level, x)),
    outputs.map((y) => below(level, y)),
    compare,
  );
  if (engine.records(level) === 0) return lower;
  const active = inputs.map((x) => topLevel([x]) === level);
  const n = inputs.length;
  // The outputs are held by their own nodes anyway.
  return recorded(name, level, inputs, lower, lower, (values, cotangents) =>
    pullBack(f, values.slice(0, n), active, cotangents, (outputs) => compare(outputs, values.slice(n))),
  );
}

function attachDual(name: string, level: number, f: Repeatable, inputs: Tensor[], outputs: Tensor[], compare: Compare): Tensor[] {
  const split = (xs: Tensor[]) => ({ primals: xs.map((x) => below(level, x)), tangents: xs.map((x) => tangentOf(level, x)) });
  const [given, result] = [split(inputs), split(outputs)];
  const present = (tangents: (Tensor | null)[]) => tangents.filter((t) => t !== null);
  /** Primals and tangents in, primals and tangents out: those that are no symbolic zeros. */
  const pushed: Repeatable = (values) =>
    inScope(() => {
      const fresh = openLevel(name, LevelKind.Dual);
      let next = inputs.length;
      const duals = inputs.map((_, i) =>
        given.tangents[i] === null ? values[i]! : made(checked(engine.dual(fresh, idOf(values[i]!), idOf(values[next++]!)), name)),
      );
      const again = f(duals);
      const primals = again.map((y) => below(fresh, y));
      const tangents = again.flatMap((y, i) => (result.tangents[i] === null ? [] : [tangentOf(fresh, y) ?? zerosLike(primals[i]!)]));
      engine.level_pop(fresh);
      return [...primals, ...tangents];
    });
  const all = attach(
    name,
    pushed,
    [...given.primals, ...present(given.tangents)],
    [...result.primals, ...present(result.tangents)],
    compare,
  );
  let next = outputs.length;
  return outputs.map((_, i) =>
    result.tangents[i] === null ? all[i]! : made(checked(engine.dual(level, idOf(all[i]!), idOf(all[next++]!)), name)),
  );
}

function attachBatch(name: string, level: number, f: Repeatable, inputs: Tensor[], outputs: Tensor[], compare: Compare): Tensor[] {
  checked(engine.level_kind(level), name);
  const size = scratch()[0]!;
  const whole = (xs: Tensor[]) =>
    xs.map((x) =>
      topLevel([x]) === level ? { isBatched: true, x: made(checked(engine.unbatch(level, idOf(x), 0), name)) } : { isBatched: false, x },
    );
  const [given, result] = [whole(inputs), whole(outputs)];
  // Draws are per example or not as in the user's vmap, also when a sweep runs the function after that has ended.
  const mapping = examplesOf(level);
  const mapped: Repeatable = (values) =>
    inScope(() => {
      const fresh = openLevel(name, LevelKind.Batch, size);
      const examples = values.map((x, i) => (given[i]!.isBatched ? made(checked(engine.batch(fresh, idOf(x), 0), name)) : x));
      const again = onLevel(mapping, fresh, () => f(examples)).map((y, i) =>
        result[i]!.isBatched ? made(checked(engine.unbatch(fresh, idOf(y), 0), name)) : y,
      );
      engine.level_pop(fresh);
      return again;
    });
  const all = attach(
    name,
    mapped,
    given.map(({ x }) => x),
    result.map(({ x }) => x),
    compare,
  );
  return all.map((y, i) => (result[i]!.isBatched ? made(checked(engine.batch(level, idOf(y), 0), name)) : y));
}
