/** Initial value problems: Dormand and Prince's pair of order 5(4) with its dense output, and the classical method of order 4. */
import { atMost, callback, integer, number } from "../input/arguments.js";
import { asTensor, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import type { PointOf } from "../optimize/space.js";
import { stack } from "../ops/shape.js";
import { map as mapTree } from "../public/tree.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { checkpoint } from "../transforms/custom/index.js";
import { inScope } from "../transforms/machinery.js";
import { guarded, numbersOf, vectorsOf } from "./space.js";

/** Options of `odeint`. */
export interface OdeOptions {
  /** "dopri5" (default), whose steps follow the tolerances, or "rk4", whose steps are given. */
  method?: "dopri5" | "rk4";
  /** The error that a step may make, as a part of y; default 1e-7 in float64, 1e-4 in float32. */
  rtol?: number;
  /** The error that a step may make where y is small; default 1e-9 in float64, 1e-6 in float32. */
  atol?: number;
  /** Of "rk4": the longest step; default from one time to the next. */
  stepSize?: number;
  /** Steps after which to give up; default 100000. */
  maxSteps?: number;
  /** "direct" (default) keeps what each step computed for the backward pass; "adjoint" computes it again, one time of `ts` after the other, and holds little. */
  gradient?: "direct" | "adjoint";
}

const OP = "odeint";
const KNOWN = ["method", "rtol", "atol", "stepSize", "maxSteps", "gradient"] as const;

/** dy/ds; s is the time behind the first one. */
type Slope = (y: Tensor, s: number | Tensor) => Tensor;

/** Dormand and Prince (1980): places, weights of the slopes before, and the difference between the orders 5 and 4. */
const NODES = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const WEIGHTS = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const ERROR = [-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40];
/** Shampine (1986): the weight of each slope inside of a step, as a polynomial in its part θ from θ on. */
const DENSE = [
  [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
  [],
  [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
  [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
  [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
  [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
  [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
];

/** y + h Σ w k */
function moved(y: Tensor, h: number | Tensor, weights: readonly (number | Tensor)[], slopes: readonly Tensor[]): Tensor {
  let sum: Tensor | null = null;
  weights.forEach((w, i) => {
    if (w === 0) return;
    const term = slopes[i]!.mul(w);
    sum = sum === null ? term : sum.add(term);
  });
  return sum === null ? y : y.add((sum as Tensor).mul(h));
}

/** θ (p0 + θ (p1 + θ (p2 + θ p3))) */
const weightAt = (p: readonly number[], theta: number | Tensor): number | Tensor => {
  if (p.length === 0) return 0;
  if (typeof theta === "number") return p.reduceRight((sum, c) => (sum + c) * theta, 0);
  return p.slice(0, -1).reduceRight((sum: Tensor, c) => sum.add(c).mul(theta), theta.mul(p.at(-1)!));
};

/** How far a step may be wrong. */
interface Control {
  readonly rtol: number;
  readonly atol: number;
  readonly maxSteps: number;
}

/** √(mean (e / (atol + rtol · |y|))²) with the larger of the |y| at both ends: above 1 it is too much. */
function excess(error: Tensor, before: Tensor, after: Tensor, { rtol, atol }: Control): number {
  const [e, a, b] = [numbersOf(error), numbersOf(before), numbersOf(after)];
  let sum = 0;
  for (let i = 0; i < e.length; i++) sum += (e[i]! / (atol + rtol * Math.max(Math.abs(a[i]!), Math.abs(b[i]!)))) ** 2;
  return Math.sqrt(sum / e.length);
}

/** The length of a first step (Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, II.4). */
function firstStep(slope: Slope, y: Tensor, k: Tensor, span: number, control: Control): number {
  return scope(() => {
    const [d0, d1] = [excess(y, y, y, control), excess(k, y, y, control)];
    const small = Math.min(d0 < 1e-5 || !(d1 >= 1e-5) ? 1e-6 : (0.01 * d0) / d1, Math.abs(span));
    const signed = small * Math.sign(span);
    const d2 = excess(slope(y.add(k.mul(signed)), signed).sub(k), y, y, control) / small;
    const largest = Math.max(d1, d2);
    const h = largest <= 1e-15 ? Math.max(1e-6, small * 1e-3) : (0.01 / largest) ** 0.2;
    return Math.min(100 * small, Number.isFinite(h) ? h : small, Math.abs(span));
  });
}

/** Where an adaptive run stands. */
interface Standing {
  s: number;
  /** The length of the next step; 0 before the first. */
  h: number;
  /** The excess of the step before. */
  before: number;
  steps: number;
}

/** y at the end of [standing.s, end]; `tell` is called with each step: from, its length, y there and its slopes. */
function adaptive(
  slope: Slope,
  y0: Tensor,
  standing: Standing,
  end: number,
  control: Control,
  tell: (s: number, h: number, y: Tensor, slopes: readonly Tensor[]) => Tensor[],
): { y: Tensor; found: Tensor[] } {
  const direction = Math.sign(end - standing.s);
  let [y, first] = [y0, slope(y0, standing.s)];
  if (standing.h === 0) standing.h = firstStep(slope, y, first, end - standing.s, control);
  const found: Tensor[] = [];
  while ((end - standing.s) * direction > 0) {
    const { s } = standing;
    if (standing.steps++ >= control.maxSteps)
      throw new ValueError(
        `${OP}: ${control.maxSteps} steps led to ${s} behind the start only; raise maxSteps or the tolerances (a stiff equation needs very many)`,
        OP,
      );
    if (!(standing.h > 16 * Number.EPSILON * Math.max(Math.abs(s), Math.abs(end))))
      throw new ValueError(`${OP}: at ${s} behind the start no step is short enough: the solution, or its slope, is not finite there`, OP);
    // A last step that would leave a crumb goes all the way.
    const left = Math.abs(end - s);
    const last = standing.h >= left * (1 - 1e-12);
    const h = direction * (last ? left : standing.h);
    const tried = scope(() => {
      const slopes = [first];
      for (let i = 1; i < 7; i++) slopes.push(slope(moved(y, h, WEIGHTS[i]!, slopes), s + NODES[i]! * h));
      const next = moved(y, h, WEIGHTS[6]!, slopes);
      const error = excess(moved(y, h, ERROR, slopes).sub(y), y, next, control);
      return error <= 1
        ? { error, next, slope: slopes[6]!, outputs: tell(s, h, y, slopes) }
        : { error, next: null, slope: null, outputs: [] };
    });
    // Gustafsson's control looks at the step before too.
    const { error } = tried;
    const factor = Number.isFinite(error)
      ? 0.9 * Math.max(error, 1e-10) ** -0.17 * (tried.next ? Math.max(standing.before, 1e-4) ** 0.04 : 1)
      : 0.1;
    const bounded = Math.min(tried.next ? 10 : 1, Math.max(0.2, factor));
    if (!last || !tried.next) standing.h = Math.abs(h) * bounded;
    else standing.h = Math.max(standing.h, Math.abs(h) * bounded);
    if (tried.next === null) continue;
    standing.before = error;
    standing.s = last ? end : s + h;
    if (y !== y0) y.dispose();
    first.dispose();
    [y, first] = [tried.next, tried.slope!];
    found.push(...tried.outputs);
  }
  first.dispose();
  return { y, found };
}

/** Times as numbers, and the time of each as it may be differentiated: behind the first one. */
interface Times {
  readonly offsets: readonly number[];
  readonly behind: (i: number) => number | Tensor;
  /** The time of s. */
  readonly at: (s: number | Tensor) => Tensor;
}

function timesOf(ts: TensorLike, like: Tensor): Times {
  const given = ts instanceof Tensor ? ts : asTensor(ts, like, OP);
  if (given.ndim !== 1 || given.size === 0)
    throw new ShapeError(
      `${OP}: ts has shape [${given.shape.join(", ")}]; expected a list of at least one time, the first of which is that of y0`,
      OP,
    );
  const t = given.dtype === like.dtype ? given : given.cast(like.dtype);
  const numbers = Array.from(numbersOf(t));
  const offsets = numbers.map((v) => v - numbers[0]!);
  const direction = Math.sign(offsets.at(-1)!);
  offsets.forEach((s, i) => {
    if (!Number.isFinite(s) || (i > 0 && !((s - offsets[i - 1]!) * direction > 0)))
      throw new ValueError(`${OP}: ts must go up or down all the way, got ${numbers[i - 1]} and then ${numbers[i]}`, OP);
  });
  const base = t.at(0);
  const plain = !(ts instanceof Tensor);
  return {
    offsets,
    behind: (i) => (plain ? offsets[i]! : t.at(i).sub(base)),
    at: (s) => (plain && typeof s === "number" ? tensor(numbers[0]! + s, { dtype: like.dtype }) : base.add(s)),
  };
}

/** The classical method, in steps of one length between two times. */
function classical(slope: Slope, y0: Tensor, times: Times, longest: number): Tensor[] {
  const found = [y0];
  for (let i = 1; i < times.offsets.length; i++) {
    const count = Math.max(1, Math.ceil((Math.abs(times.offsets[i]! - times.offsets[i - 1]!) / longest) * (1 - 1e-12)));
    const [from, to] = [times.behind(i - 1), times.behind(i)];
    found.push(
      scope(() => {
        const h = typeof from === "number" ? ((to as number) - from) / count : (to as Tensor).sub(from).div(count);
        const place = (n: number): number | Tensor =>
          typeof from === "number" ? from + n * (h as number) : (from as Tensor).add((h as Tensor).mul(n));
        const half = typeof h === "number" ? h / 2 : h.mul(0.5);
        let y = found[i - 1]!;
        for (let n = 0; n < count; n++) {
          const k1 = slope(y, place(n));
          const k2 = slope(y.add(k1.mul(half)), place(n + 0.5));
          const k3 = slope(y.add(k2.mul(half)), place(n + 0.5));
          const k4 = slope(y.add(k3.mul(h)), place(n + 1));
          y = moved(y, h, [1 / 6, 1 / 3, 1 / 3, 1 / 6], [k1, k2, k3, k4]);
        }
        return y;
      }),
    );
  }
  return found;
}

/**
 * The solution of dy/dt = f(y, t) with y = y0 at ts[0], at all times `ts`, which go up or down: a tree like `y0` with a new first axis. `f` gives a tree like `y0`, a
 * tensor, an array or an object of them; plain numbers are float64. Derivatives of every order, in both modes, with respect to `y0`, `ts` and whatever `f` closes over: those
 * of the steps that were taken, whose lengths are constants.
 *
 * Throws `ValueError` for times out of order, where the solution is not finite, and after `maxSteps`.
 *
 * @example
 * // A mass on a spring, half a turn on.
 * const y = ad.odeint(({ x, v }) => ({ x: v, v: x.neg() }), { x: 1, v: 0 }, [0, Math.PI]);
 * y.x; // [1, -1]
 */
export function odeint<const Y>(f: (y: PointOf<Y>, t: Tensor) => unknown, y0: Y, ts: TensorLike, options?: OdeOptions): PointOf<Y> {
  atMost(OP, arguments, 4);
  callback(OP, "the function that gives dy/dt", f);
  const own = readOptions<OdeOptions>(OP, options, KNOWN);
  const { method = "dopri5", gradient = "direct", stepSize = Infinity, maxSteps = 100_000 } = own;
  if (method !== "dopri5" && method !== "rk4") throw new ValueError(`${OP}: method is ${describe(method)}; expected "dopri5" or "rk4"`, OP);
  if (gradient !== "direct" && gradient !== "adjoint")
    throw new ValueError(`${OP}: gradient is ${describe(gradient)}; expected "direct" or "adjoint"`, OP);
  integer(OP, "maxSteps", maxSteps, 1);
  if (!(number(OP, "stepSize", stepSize) > 0)) throw new ValueError(`${OP}: stepSize is ${stepSize}; expected a number above 0`, OP);
  for (const name of ["rtol", "atol"] as const)
    if (own[name] !== undefined && !(number(OP, name, own[name]) > 0))
      throw new ValueError(`${OP}: ${name} is ${own[name]}; expected a number above 0`, OP);
  return inScope(() => {
    const vectors = vectorsOf(OP, "y0", y0);
    const { start } = vectors;
    const exact = start.dtype === "float64";
    const times = timesOf(ts, start);
    const { offsets } = times;
    const rhs = guarded(OP, f as (y: unknown, t: Tensor) => unknown);
    const slope: Slope = (y, s) => scope(() => vectors.ravel(rhs(vectors.unravel(y), times.at(s))));
    const control: Control = { rtol: own.rtol ?? (exact ? 1e-7 : 1e-4), atol: own.atol ?? (exact ? 1e-9 : 1e-6), maxSteps };
    const solve = (): Tensor[] => {
      if (offsets.length === 1) return [start];
      if (method === "rk4") return classical(slope, start, times, stepSize);
      const standing: Standing = { s: 0, h: 0, before: 1e-4, steps: 0 };
      if (gradient === "adjoint") return again(slope, start, times, standing, control);
      let next = 1;
      return [
        start,
        ...adaptive(slope, start, standing, offsets.at(-1)!, control, (s, h, y, slopes) => {
          const outputs: Tensor[] = [];
          for (; next < offsets.length && (offsets[next]! - s - h) * Math.sign(h) <= 0; next++) {
            const behind = times.behind(next);
            const theta = typeof behind === "number" ? (behind - s) / h : behind.sub(s).div(h);
            outputs.push(
              moved(
                y,
                h,
                DENSE.map((p) => weightAt(p, theta)),
                slopes,
              ),
            );
          }
          return outputs;
        }).found,
      ];
    };
    const trees = solve().map((y) => vectors.unravel(y));
    return mapTree(((...leaves: Tensor[]) => stack(leaves)) as never, trees[0] as never, ...(trees.slice(1) as never[])) as PointOf<Y>;
  });
}

/** From one time to the next, each computed again in the backward pass; steps end at the times, and are parts of what lies between two of them. */
function again(slope: Slope, start: Tensor, times: Times, standing: Standing, control: Control): Tensor[] {
  const { offsets, behind } = times;
  const found = [start];
  for (let i = 1; i < offsets.length; i++) {
    const [from, to] = [behind(i - 1), behind(i)];
    const begin = offsets[i - 1]!;
    let within = slope;
    if (from instanceof Tensor) {
      // 1, and its derivatives: how much longer the interval gets when its ends move.
      const stretch = (to as Tensor).sub(from).div(offsets[i]! - begin);
      within = (y, s) => slope(y, from.add(stretch.mul((s as number) - begin))).mul(stretch);
    }
    // As it stands before the interval, so that the second run is the first.
    const before = { ...standing };
    const interval = (y: Tensor): Tensor => {
      Object.assign(standing, before);
      return adaptive(within, y, standing, offsets[i]!, control, () => []).y;
    };
    found.push(checkpoint(interval)(found[i - 1]!) as Tensor);
  }
  return found;
}
