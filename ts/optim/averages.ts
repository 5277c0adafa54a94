/** Averages of parameters over training: exponential (EMA) or of equal weights (SWA). */
import { atMost, callback, integer } from "../input/arguments.js";
import { asTensor, full } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { isPlainObject, readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { isParameter } from "../nn/module.js";
import { where } from "../ops/elementwise.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { noGrad } from "../transforms/modes.js";
import { listed, optimized, type Parameters } from "./parameters.js";
import { fraction } from "./rules.js";
import { persistent } from "./state.js";

/** Options of `AveragedParameters`. */
export interface AveragingOptions {
  /** How much of an exponential average stays at each update, such as 0.999; without it all updates count alike (SWA). */
  decay?: number;
}

/** What `stateDict()` gives. */
export interface AveragingState {
  /** How many updates there were. */
  count: number;
  /** By the names of the parameters, or their positions. */
  averages: Record<string, TensorLike>;
}

const OP = "AveragedParameters";

/**
 * Averages of parameters, which often generalise better than the last ones (torch.optim.swa_utils.AveragedModel): `update()` after each step
 * of an optimizer, or each epoch, also inside of `compile`; `evaluate(f)` runs `f` with the averages in the parameters' place. The first
 * update takes the parameters as they are.
 * @example
 * const net = new ad.nn.Linear(2, 1);
 * const optimizer = new ad.optim.SGD(net.parameters(), { lr: 0.1 });
 * const average = new ad.optim.AveragedParameters(net.namedParameters(), { decay: 0.99 });
 * optimizer.minimize(net.forward([[1, 2]]).sum());
 * average.update();
 * const prediction = average.evaluate(() => net.forward([[1, 2]]));
 */
export class AveragedParameters {
  private readonly names: readonly string[];
  private readonly params: readonly Tensor[];
  private readonly averages: readonly Tensor[];
  /** float64: updates so far; a tensor, so that compiled steps count. */
  private readonly count: Tensor;
  private readonly decay: number | null;

  constructor(params: Parameters, options?: AveragingOptions) {
    atMost(OP, arguments, 2);
    const members = listed(OP, params);
    this.params = optimized(OP, members as Tensor[], isParameter, new Set());
    this.names = members.map((member, i) => (Array.isArray(member) ? String(member[0]) : String(i)));
    const { decay } = readOptions(OP, options, ["decay"]);
    this.decay = decay === undefined ? null : fraction(OP, "decay", decay);
    this.averages = this.params.map((p) => persistent(() => p.detach().add(0)));
    this.count = persistent(() => full([], 0, { dtype: "float64" }));
  }

  /** Takes the parameters of now into the averages. */
  update(): void {
    atMost(`${OP}.update`, arguments, 0);
    const { params, averages, count, decay } = this;
    scope(() =>
      noGrad(() => {
        count.assign(count.add(1));
        averages.forEach((average, i) => {
          const p = params[i]!.detach();
          const step = p.sub(average);
          const next = decay === null ? average.add(step.div(count.cast(p.dtype))) : average.add(step.mul(1 - decay));
          average.assign(where(count.eq(1), p, next));
        });
      }),
    );
  }

  /** The parameters become the averages, and the averages the parameters. */
  swap(): void {
    atMost(`${OP}.swap`, arguments, 0);
    scope(() =>
      noGrad(() =>
        this.params.forEach((p, i) => {
          const [now, average] = [p.detach(), this.averages[i]!.detach()];
          p.assign(average);
          this.averages[i]!.assign(now);
        }),
      ),
    );
  }

  /** What `f` returns with the averages in the place of the parameters, which are as before when it returns or throws. */
  evaluate<R>(f: () => R): R {
    atMost(`${OP}.evaluate`, arguments, 1);
    callback(OP, "the function to evaluate", f);
    this.swap();
    try {
      return f();
    } finally {
      this.swap();
    }
  }

  /** The averages by the names of the parameters (of `namedParameters()`; else their positions), such as `loadStateDict` of a module takes. */
  weights(): Record<string, Tensor> {
    atMost(`${OP}.weights`, arguments, 0);
    return Object.fromEntries(this.averages.map((average, i) => [this.names[i]!, average.detach()]));
  }

  /** Averages and their number, for saving. */
  stateDict(): AveragingState {
    atMost(`${OP}.stateDict`, arguments, 0);
    return { count: this.count.item(), averages: this.weights() };
  }

  /** Goes on where `stateDict()` was taken. All is checked before anything is changed. */
  loadStateDict(saved: AveragingState): void {
    atMost(`${OP}.loadStateDict`, arguments, 1);
    const op = `${OP}.loadStateDict`;
    const { count, averages } = readOptions(op, saved, ["count", "averages"]);
    const updates = integer(op, "count", count, 0);
    if (!isPlainObject(averages))
      throw new ValueError(`${op}: averages are an object by the names of the parameters, got ${describe(averages)}`, op);
    const lacking = this.names.filter((name) => !Object.hasOwn(averages, name));
    if (lacking.length > 0 || Object.keys(averages).length !== this.names.length)
      throw new ValueError(`${op}: expected averages of ${this.names.join(", ")}, got ${Object.keys(averages).join(", ") || "none"}`, op);
    scope(() => {
      const values = this.names.map((name, i) => {
        const own = this.averages[i]!;
        const given = averages[name] as TensorLike;
        const value = asTensor(given, own).cast(own.dtype);
        const fits = ArrayBuffer.isView(given) && value.size === own.size ? value.reshape([...own.shape]) : value;
        if (fits.shape.join() !== own.shape.join() || fits.ndim !== own.ndim)
          throw new ShapeError(
            `${op}: the average of ${name} has shape [${fits.shape.join(", ")}], the parameter [${own.shape.join(", ")}]`,
            op,
          );
        return fits;
      });
      this.averages.forEach((average, i) => average.assign(values[i]!));
      this.count.assign(full([], updates, { dtype: "float64" }));
    });
  }

  /** Releases the averages (not the parameters). */
  dispose(): void {
    for (const tensor of [...this.averages, this.count]) tensor.dispose();
  }
  /** `using average = ...` releases them at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
