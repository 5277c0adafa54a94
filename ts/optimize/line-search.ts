/**
 * A step along a direction that satisfies the strong Wolfe conditions: Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5
 * and 3.6, with cubic interpolation (3.59). Where f is so flat that its differences are rounding, the slopes decide (Hager and Zhang 2005,
 * approximate Wolfe conditions). Where f is NaN or infinite the step was too long.
 */

/** f along the direction at one step. */
export interface Trial {
  /** The step. */
  readonly step: number;
  /** f there. */
  readonly value: number;
  /** Its derivative along the direction. */
  readonly slope: number;
}

/** What decides when a step is good. */
interface Conditions {
  /** The first step to try. */
  first: number;
  /** How much of the slope the value must fall by; 1e-4. */
  decrease?: number;
  /** How much of the slope may be left; 0.9. */
  curvature?: number;
  /** The relative error of a value. */
  noise: number;
  /** How many trials at most; 30. */
  most?: number;
}

const sane = ({ value, slope }: Trial) => Number.isFinite(value) && Number.isFinite(slope);

/** Where the cubic through two trials is least; their middle where there is none. */
function cubic(a: Trial, b: Trial): number {
  const middle = (a.step + b.step) / 2;
  if (!sane(a) || !sane(b)) return middle;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return middle;
  const d2 = Math.sign(b.step - a.step) * Math.sqrt(square);
  const found = b.step - ((b.step - a.step) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  return Number.isFinite(found) ? found : middle;
}

const within = (x: number, a: number, b: number) => Math.min(Math.max(x, Math.min(a, b)), Math.max(a, b));

/** A good step from `start` (step 0, with a slope below 0), or the best that was found; null when none lowers f. */
export function strongWolfe<T extends Trial>(evaluate: (step: number) => T, start: Trial, conditions: Conditions): T | null {
  const { first, decrease = 1e-4, curvature = 0.9, noise, most = 30 } = conditions;
  const { value: f0, slope: s0 } = start;
  const blur = noise * Math.abs(f0);
  const falls = (t: Trial) => sane(t) && t.value <= f0 + decrease * t.step * s0;
  /** As high as the start, as far as can be told. */
  const level = (t: Trial) => sane(t) && Math.abs(t.value - f0) <= blur;
  const flat = (t: Trial) => Math.abs(t.slope) <= -curvature * s0;
  const good = (t: Trial) => flat(t) && (falls(t) || (level(t) && t.slope <= (2 * decrease - 1) * s0));
  let trials = 0;
  let best: T | null = null;
  const attempt = (step: number): T => {
    trials++;
    const t = evaluate(step);
    if (sane(t) && t.value < f0 && (best === null || t.value < best.value)) best = t;
    return t;
  };

  /** `low` has the lower value, and slopes towards `high`. */
  const zoom = (low: Trial, high: Trial): T | null => {
    while (trials < most) {
      const width = high.step - low.step;
      // A tenth of the interval is kept from either end, so that it shrinks.
      const step = within(cubic(low, high), low.step + 0.1 * width, low.step + 0.9 * width);
      if (step === low.step || step === high.step) break;
      const t = attempt(step);
      if (good(t)) return t;
      if (!(level(t) && level(low)) && (!falls(t) || t.value >= low.value)) high = t;
      else {
        if (t.slope * width >= 0) high = low;
        low = t;
      }
    }
    return best;
  };

  let before: Trial = start;
  let step = first;
  while (trials < most) {
    const t = attempt(step);
    if (good(t)) return t;
    if (!level(t) && (!falls(t) || (trials > 1 && t.value >= before.value))) return zoom(before, t);
    if (t.slope >= 0) return zoom(t, before);
    // Still downhill: further, by what the cubic says, at least twice and at most ten times as far.
    const ahead = cubic(before, t);
    step = ahead > t.step ? within(ahead, 2 * t.step, 10 * t.step) : 2 * t.step;
    before = t;
  }
  return best;
}
