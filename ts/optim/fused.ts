/** Optimizers that are a row of the crate's table of updates: one call into the engine per parameter, in place, options and state by name. */
import { recorder } from "../recording.js";
import { UPDATES, type UpdateOptions } from "../runtime/boundary.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import { Optimizer, type Kind } from "./optimizer.js";
import type { Rules } from "./rules.js";
import type { Parts, State } from "./state.js";

type Name = keyof UpdateOptions;

/** What an update remembers of a parameter. */
export const partsOf = (name: Name): Parts => UPDATES[name].state;

/** The declaration of an optimizer whose options are the row's; it counts its steps where the row reads their number. */
export const rowKind = <Options>(name: string, row: Name, defaults: Options, rules: Rules<Options>): Kind<Options> => ({
  name,
  defaults,
  rules,
  parts: (UPDATES[row].options as readonly string[]).includes("step") ? { step: "count", ...partsOf(row) } : partsOf(row),
});

const SLOTS = Object.fromEntries(
  Object.entries(UPDATES).map(([row, { state }]) => [
    row,
    Object.entries(state).map(([name, kind]) => ({ name, optional: kind === "optional tensor" })),
  ]),
) as Record<Name, { readonly name: string; readonly optional: boolean }[]>;

/** The base of optimizers whose step is the update `row` of the crate. */
export abstract class FusedOptimizer<Row extends Name, Options extends { lr: number }> extends Optimizer<Options> {
  /** @internal */
  protected abstract readonly row: Row;

  /**
   * @internal What the update reads when `ahead` more steps of a parameter were taken: `UPDATES[row].values` of
   * its options by name. Here those are the optimizer's, with `betas` as beta1 and beta2, and the number of the step.
   */
  protected nextValues(state: State | undefined, options: Readonly<Options>, ahead: number): readonly number[] {
    const { betas } = options as { betas?: readonly [number, number] };
    const step = ((state?.["step"] as number | undefined) ?? 0) + 1 + ahead;
    const { values } = UPDATES[this.row] as { values: (options: object) => number[] };
    return values({ ...options, beta1: betas?.[0], beta2: betas?.[1], step });
  }

  /** @internal One call of the kernel. */
  protected override updateInPlace(parameter: Tensor, gradient: number, options: Readonly<Options>): void {
    const { number } = UPDATES[this.row];
    const state = this.state.get(parameter);
    const slots = SLOTS[this.row];
    const id = idOf(parameter);
    const ids: number[] = [];
    for (let i = 0; i < slots.length; i++) {
      // What is switched off by an option stays for when it is switched on again.
      const { name, optional } = slots[i]!;
      const part = state === undefined || (optional && !this.uses(name, options)) ? undefined : (state[name] as Tensor | undefined);
      ids.push(part === undefined ? 0 : idOf(part));
    }
    if (recorder !== null) this.announce(parameter);
    pass(this.nextValues(state, options, 0), ids);
    checked(engine.update(number, id, gradient), this.name);
    this.counted(state);
    if (recorder === null) return;
    // Asked for anew each time: loading a saved state puts another in its place.
    recorder.updated({
      name: this.name,
      slots: ids.map((slot) => slot !== 0),
      of: parameter,
      values: (ahead) => this.nextValues(this.state.get(parameter), options, ahead),
      taken: () => this.counted(this.state.get(parameter)),
      fits: () => {
        const now = this.state.get(parameter);
        return slots.every(({ name, optional }, i) => (ids[i] !== 0) === (optional ? this.uses(name, options) : now?.[name] !== undefined));
      },
    });
  }
}
