/** Optimizers that are a row of the crate's table of updates: one call into the engine per parameter, in place, options and state by name. */
import { recorder } from "../recording.js";
import { UPDATES, type UpdateOptions } from "../runtime/boundary.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { idOf, type Tensor } from "../tensor.js";
import { Optimizer } from "./optimizer.js";
import type { Parts } from "./state.js";

type Name = keyof UpdateOptions;

/** What an update remembers of a parameter. */
export const partsOf = (name: Name): Parts => UPDATES[name].state;

const SLOTS = Object.fromEntries(Object.entries(UPDATES).map(([name, { state }]) => [name, Object.keys(state)])) as Record<Name, string[]>;

/** The base of optimizers whose step is the update `row` of the crate. */
export abstract class FusedOptimizer<Row extends Name, Options extends { lr: number }> extends Optimizer<Options> {
  /** @internal */
  protected abstract readonly row: Row;

  /** @internal What the update reads at the next step of a parameter. */
  protected abstract nextOptions(parameter: Tensor, options: Readonly<Options>): UpdateOptions[Row];

  /** @internal One call of the kernel. */
  protected override updateInPlace(parameter: Tensor, gradient: number, options: Readonly<Options>): void {
    const { number } = UPDATES[this.row];
    const state = this.state.get(parameter);
    const slots = SLOTS[this.row];
    const id = idOf(parameter);
    const ids: number[] = [];
    for (let i = 0; i < slots.length; i++) {
      // What is switched off by an option stays for when it is switched on again.
      const part = state === undefined || !this.uses(slots[i]!, options) ? undefined : (state[slots[i]!] as Tensor | undefined);
      ids.push(part === undefined ? 0 : idOf(part));
    }
    this.announce(parameter);
    pass(this.nextValues(parameter, options), ids);
    checked(engine.update(number, id, gradient), this.name);
    this.counted(parameter);
    recorder?.updated({
      name: this.name,
      slots: ids.map((slot) => slot !== 0),
      values: () => this.nextValues(parameter, options),
      taken: () => this.counted(parameter),
    });
  }

  private nextValues(parameter: Tensor, options: Readonly<Options>): readonly number[] {
    const { values } = UPDATES[this.row];
    return (values as (o: unknown) => number[])(this.nextOptions(parameter, options));
  }
}
