/** Learning rates over time: functions from the step number to a rate, and `schedule`, which applies one. */
import { atMost, callback, integer } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import type { RateOptions } from "./optimizer.js";
import { finite, nonNegative } from "./rules.js";

export { reduceOnPlateau, type Plateau, type PlateauOptions, type PlateauState } from "./plateau.js";

/** The rate at step t (from 0). */
export type Schedule = (t: number) => number;

/** From `lr` to `min` over `steps` along half a cosine; then `min`. */
export function cosine(lr: number, steps: number, min = 0): Schedule {
  atMost("cosine", arguments, 3);
  nonNegative("cosine", "lr", lr);
  integer("cosine", "steps", steps, 0);
  nonNegative("cosine", "min", min);
  return (t) => (t >= steps ? min : min + ((lr - min) * (1 + Math.cos((Math.PI * t) / steps))) / 2);
}

/** Multiplied by `gamma` every `size` steps. */
export function step(lr: number, size: number, gamma = 0.1): Schedule {
  atMost("step", arguments, 3);
  nonNegative("step", "lr", lr);
  integer("step", "size", size, 1);
  nonNegative("step", "gamma", gamma);
  return (t) => lr * gamma ** Math.floor(t / size);
}

/** Multiplied by `gamma` each step. */
export function exponential(lr: number, gamma: number): Schedule {
  atMost("exponential", arguments, 2);
  nonNegative("exponential", "lr", lr);
  nonNegative("exponential", "gamma", gamma);
  return (t) => lr * gamma ** t;
}

/** Rises linearly over `steps`, then follows `after` (a rate or a schedule that starts there). */
export function warmup(steps: number, after: number | Schedule): Schedule {
  atMost("warmup", arguments, 2);
  integer("warmup", "steps", steps, 0);
  const rest: Schedule = typeof after === "function" ? after : () => nonNegative("warmup", "the rate after", after);
  rest(0);
  return (t) => (t < steps ? (rest(0) * (t + 1)) / steps : rest(t - steps));
}

/** Options of `oneCycle`. */
export interface OneCycleOptions {
  /** The part of the steps that rises (PyTorch's pct_start); default 0.3. */
  start?: number;
  /** The first rate is max / divide; default 25. */
  divide?: number;
  /** The last rate is the first / finalDivide; default 1e4. */
  finalDivide?: number;
}

/**
 * Smith 2018, as torch.optim.lr_scheduler.OneCycleLR: up to `max` along a cosine over the first part, then down to almost nothing. The
 * peak lies at step start · steps - 1, which need not be whole.
 */
export function oneCycle(max: number, steps: number, options?: OneCycleOptions): Schedule {
  atMost("oneCycle", arguments, 3);
  const { start = 0.3, divide = 25, finalDivide = 1e4 } = readOptions("oneCycle", options, ["start", "divide", "finalDivide"]);
  nonNegative("oneCycle", "max", max);
  integer("oneCycle", "steps", steps, 1);
  if (!(finite("oneCycle", "start", start) >= 0 && start <= 1))
    throw new ValueError(`oneCycle: start is ${start}; expected a number from 0 to 1`, "oneCycle");
  for (const [what, value] of [
    ["divide", divide],
    ["finalDivide", finalDivide],
  ] as const)
    if (!(finite("oneCycle", what, value) > 0))
      throw new ValueError(`oneCycle: ${what} is ${value}; expected a number above 0`, "oneCycle");
  const along = (from: number, to: number, x: number) => to + ((from - to) * (1 + Math.cos(Math.PI * x))) / 2;
  const [first, last] = [max / divide, max / divide / finalDivide];
  const peak = start * steps - 1;
  return (t) => {
    if (t <= peak) return peak === 0 ? max : along(first, max, t / peak);
    return along(max, last, Math.min(1, (t - peak) / (steps - 1 - peak)));
  };
}

/** What has a learning rate, and possibly groups with rates of their own. */
export interface Scheduled {
  /** The learning rate. */
  lr: number;
  /** Groups, the first of which has the rate of the schedule. */
  groups?: readonly RateOptions[];
}

/** Goes on to the next step of a schedule, and returns its rate. */
export interface Advance {
  (): number;
  /** The same by PyTorch's name. */
  step(): number;
}

/**
 * Sets the optimizer's rate by the schedule; call the result after each step (or epoch). The schedule is the rate of the first group;
 * the other groups keep their proportion to it.
 */
export function schedule(optimizer: Scheduled, rate: Schedule): Advance {
  atMost("schedule", arguments, 2);
  if (typeof optimizer !== "object" || optimizer === null || typeof optimizer.lr !== "number") {
    throw new ValueError(`schedule: the first argument is an optimizer (something with a rate lr), got ${describe(optimizer)}`, "schedule");
  }
  callback("schedule", "the rate", rate);
  const groups = optimizer.groups ?? [optimizer];
  const before = groups.map((group) => group.lr);
  const reference = before[0]!;
  const shares = before.map((lr) => {
    if (lr === reference) return 1;
    if (reference === 0)
      throw new ValueError(
        "schedule: the first group's rate is 0 and another's is not, so they have no proportion; order the groups so that the first one learns",
        "schedule",
      );
    return lr / reference;
  });
  let t = 0;
  const apply = () => {
    const lr = nonNegative("schedule", `the rate at step ${t}`, rate(t));
    groups.forEach((group, i) => (group.lr = lr * shares[i]!));
    return lr;
  };
  apply();
  const advance = () => {
    t++;
    return apply();
  };
  return Object.assign(advance, { step: advance });
}
