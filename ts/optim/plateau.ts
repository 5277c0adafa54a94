/** A learning rate that falls when a loss has not. */
import { atMost, integer, number } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { Tensor } from "../tensor.js";
import { fraction, nonNegative } from "./rules.js";
import type { Scheduled } from "./schedules.js";

/** Options of `reduceOnPlateau`, PyTorch's. */
export interface PlateauOptions {
  /** Whether the number is to become small ("min", default) or large ("max"). */
  mode?: "min" | "max";
  /** What rates are multiplied by; default 0.1. */
  factor?: number;
  /** How many times in a row it may be no better than the best so far; default 10. */
  patience?: number;
  /** By how much it must be better to count; default 1e-4. */
  threshold?: number;
  /** Whether that is a part of the best ("rel", default) or a number ("abs"). */
  thresholdMode?: "rel" | "abs";
  /** How many times are not counted after rates fell; default 0. */
  cooldown?: number;
  /** The smallest rate; default 0. */
  minLr?: number;
  /** Rates that would change by less stay; default 1e-8. */
  eps?: number;
}

/** Where a plateau stands, for saving. */
export interface PlateauState {
  /** The best number so far; null before the first. */
  best: number | null;
  /** How many since then were no better. */
  bad: number;
  /** How many are still not counted. */
  cooling: number;
}

/** Tells a plateau a number (a loss of validation), and returns the rate from here on. */
export interface Plateau {
  (metric: number | Tensor): number;
  /** The same by PyTorch's name. */
  step(metric: number | Tensor): number;
  /** Numbers for saving. */
  stateDict(): PlateauState;
  /** Goes on where `stateDict()` was taken. */
  loadStateDict(saved: PlateauState): void;
}

const OP = "reduceOnPlateau";
const KNOWN = ["mode", "factor", "patience", "threshold", "thresholdMode", "cooldown", "minLr", "eps"] as const;

function oneOf<T extends string>(what: string, value: unknown, among: readonly T[]): T {
  if (!among.includes(value as T))
    throw new ValueError(`${OP}: ${what} is ${describe(value)}; expected ${among.map((a) => `"${a}"`).join(" or ")}`, OP);
  return value as T;
}

/**
 * torch.optim.lr_scheduler.ReduceLROnPlateau: multiplies the rates of all groups by `factor` when a number (of validation, usually) was no
 * better than its best for more than `patience` calls. NaN is no better.
 * @example
 * const optimizer = new ad.optim.SGD([ad.tensor([1], { requiresGrad: true })], { lr: 0.1 });
 * const plateau = ad.optim.reduceOnPlateau(optimizer, { patience: 1, factor: 0.5 });
 * const rates = [3, 2, 2, 2, 1].map((loss) => plateau(loss)); // [0.1, 0.1, 0.1, 0.05, 0.05]
 */
export function reduceOnPlateau(optimizer: Scheduled, options?: PlateauOptions): Plateau {
  atMost(OP, arguments, 2);
  if (typeof optimizer !== "object" || optimizer === null || typeof optimizer.lr !== "number")
    throw new ValueError(`${OP}: the first argument is an optimizer (something with a rate lr), got ${describe(optimizer)}`, OP);
  const given = readOptions(OP, options, KNOWN);
  const mode = oneOf("mode", given.mode ?? "min", ["min", "max"]);
  const thresholdMode = oneOf("thresholdMode", given.thresholdMode ?? "rel", ["rel", "abs"]);
  const factor = fraction(OP, "factor", given.factor ?? 0.1);
  if (factor === 1) throw new ValueError(`${OP}: factor is 1; expected a number below`, OP);
  const patience = integer(OP, "patience", given.patience ?? 10, 0);
  const threshold = nonNegative(OP, "threshold", given.threshold ?? 1e-4);
  const cooldown = integer(OP, "cooldown", given.cooldown ?? 0, 0);
  const minLr = nonNegative(OP, "minLr", given.minLr ?? 0);
  const eps = nonNegative(OP, "eps", given.eps ?? 1e-8);
  const sign = mode === "min" ? 1 : -1;
  let state: PlateauState = { best: null, bad: 0, cooling: 0 };
  const better = (value: number, best: number) =>
    thresholdMode === "rel" ? sign * value < sign * best * (1 - sign * threshold) : sign * value < sign * best - threshold;
  const advance = (metric: number | Tensor): number => {
    const value = number(OP, "the number that is to become better", metric instanceof Tensor ? metric.item() : metric);
    let { best, bad, cooling } = state;
    if (best === null ? sign * value < Infinity : better(value, best)) [best, bad] = [value, 0];
    else bad++;
    if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
    if (bad > patience) {
      for (const group of optimizer.groups ?? [optimizer]) {
        const next = Math.max(group.lr * factor, minLr);
        if (group.lr - next > eps) group.lr = next;
      }
      [cooling, bad] = [cooldown, 0];
    }
    state = { best, bad, cooling };
    return optimizer.lr;
  };
  return Object.assign((metric: number | Tensor) => advance(metric), {
    step: advance,
    stateDict: (): PlateauState => ({ ...state }),
    loadStateDict: (saved: PlateauState): void => {
      const op = `${OP}.loadStateDict`;
      const { best, bad, cooling } = readOptions(op, saved, ["best", "bad", "cooling"]);
      state = {
        best: best === null ? null : number(op, "best", best),
        bad: integer(op, "bad", bad, 0),
        cooling: integer(op, "cooling", cooling, 0),
      };
    },
  });
}
