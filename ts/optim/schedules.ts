/** Learning rates over time: functions from the step number to a rate, and `schedule`, which applies one. */

/** The rate at step t (from 0). */
export type Schedule = (t: number) => number;

/** From `lr` to `min` over `steps` along half a cosine; then `min`. */
export const cosine = (lr: number, steps: number, min = 0): Schedule => (t) => (t >= steps ? min : min + ((lr - min) * (1 + Math.cos((Math.PI * t) / steps))) / 2);

/** Multiplied by `gamma` every `size` steps. */
export const step = (lr: number, size: number, gamma = 0.1): Schedule => (t) => lr * gamma ** Math.floor(t / size);

/** Multiplied by `gamma` each step. */
export const exponential = (lr: number, gamma: number): Schedule => (t) => lr * gamma ** t;

/** Rises linearly over `steps`, then follows `after` (a rate or a schedule that starts there). */
export const warmup = (steps: number, after: number | Schedule): Schedule => {
  const rest: Schedule = typeof after === "number" ? () => after : after;
  return (t) => (t < steps ? (rest(0) * (t + 1)) / steps : rest(t - steps));
};

/** Smith 2018: up to `max` along a cosine over the first part, then down to almost nothing. */
export const oneCycle = (max: number, steps: number, { start = 0.3, divide = 25, finalDivide = 1e4 } = {}): Schedule => {
  const along = (from: number, to: number, x: number) => to + ((from - to) * (1 + Math.cos(Math.PI * x))) / 2;
  const peak = Math.max(1, Math.round(start * steps) - 1);
  return (t) => {
    if (t <= peak) return along(max / divide, max, t / peak);
    return along(max, max / divide / finalDivide, Math.min(1, (t - peak) / Math.max(1, steps - 1 - peak)));
  };
};

/** Sets the optimizer's rate by the schedule; call the result after each step (or epoch). */
export function schedule(optimizer: { lr: number }, rate: Schedule): () => number {
  let t = 0;
  optimizer.lr = rate(0);
  return () => (optimizer.lr = rate(++t));
}
