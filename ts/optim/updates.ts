/** The updates of the crate's table: one call into the engine per parameter, in place, options and state by name. */
import { UPDATES, type UpdateOptions } from "../runtime/boundary.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import type { Parts, State } from "./state.js";

type Name = keyof UpdateOptions;

/** What an update remembers of a parameter: tensors made by `prepare`. */
export const partsOf = (name: Name): Parts => UPDATES[name].state;

const slots = Object.fromEntries(Object.entries(UPDATES).map(([name, { state }]) => [name, Object.keys(state)])) as Record<Name, string[]>;

/**
 * One step of the update `name` on `parameter`, for the optimizer `op`; `gradient` is the engine's id. State that is optional and not
 * in `state` is done without. Throws `ShapeError` or `DTypeError` before anything is written.
 */
export function update<K extends Name>(
  op: string,
  name: K,
  parameter: Tensor,
  gradient: number,
  state: State | undefined,
  options: Readonly<UpdateOptions[K]>,
): void {
  const { number, values } = UPDATES[name];
  const id = idOf(parameter);
  const names = slots[name];
  const ids: number[] = [];
  for (let i = 0; i < names.length; i++) {
    const part = state === undefined ? undefined : state[names[i]!];
    ids.push(part === undefined ? 0 : idOf(part as Tensor));
  }
  pass((values as (o: unknown) => number[])(options), ids);
  checked(engine.update(number, id, gradient), op);
}
