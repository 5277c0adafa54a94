/** `optimize.minimize`: the least value of a function of a tree of numbers. */
import { atMost, callback, integer } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { nonNegative } from "../optim/rules.js";
import type { Tensor } from "../tensor.js";
import { hvp } from "../transforms/jacobian.js";
import { arithmeticGuard, scalarOutput } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { valueAndGrad } from "../transforms/reverse.js";
import { dot, largestOf, norm, plus } from "./dense.js";
import { bfgs, limitedBfgs, newton, steepest, type Directions } from "./directions.js";
import { strongWolfe, type Trial } from "./line-search.js";
import { spaceOf, type PointOf, type Space } from "./space.js";

/** Methods of `minimize`. */
export type MinimizeMethod = "bfgs" | "lbfgs" | "newton-cg" | "gradient-descent";

/** What the callback is told. */
export interface MinimizeProgress<P = unknown> {
  /** Iterations so far. */
  iteration: number;
  /** The point, valid while the callback runs. */
  x: P;
  /** f there. */
  value: number;
  /** The largest magnitude in the gradient. */
  gradientNorm: number;
}

/** Options of `minimize`. */
export interface MinimizeOptions<P = unknown> {
  /**
   * "bfgs" (default) keeps an n by n matrix; "lbfgs" the last `historySize` steps, for many numbers; "newton-cg" takes products with the
   * Hessian, which are exact here; "gradient-descent" is for comparison.
   */
  method?: MinimizeMethod;
  /** Converged when no number of the gradient is larger; default 1e-6, 1e-3 for float32. */
  toleranceGrad?: number;
  /** Converged when an iteration lowers f by less than this part of |f|; default 0: that does not count. */
  toleranceChange?: number;
  /** Default 1000. */
  maxIterations?: number;
  /** How many steps "lbfgs" remembers; default 10. */
  historySize?: number;
  /** Called after each iteration; stops the search by returning false. */
  callback?: (progress: MinimizeProgress<P>) => unknown;
}

/** What `minimize` returns. */
export interface MinimizeResult<P = unknown> {
  /** The best point, a tree like x0 of tensors. */
  x: P;
  /** f there. */
  value: number;
  /** The gradient there, a tree like x. */
  gradient: P;
  /** How many steps were taken. */
  iterations: number;
  /** How often f and its gradient were computed. */
  evaluations: number;
  /** Whether a tolerance was reached. */
  converged: boolean;
  /** Why it ended. */
  message: string;
}

interface Point extends Trial {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
}

const OP = "optimize.minimize";
const METHODS: Record<MinimizeMethod, (n: number, history: number) => Directions> = {
  bfgs,
  lbfgs: (_, history) => limitedBfgs(history),
  "newton-cg": newton,
  "gradient-descent": steepest,
};
const KNOWN = ["method", "toleranceGrad", "toleranceChange", "maxIterations", "historySize", "callback"] as const;

/** So many steps may bring neither a lower value nor a smaller gradient. */
const PATIENCE = 20;

/** f as a function of the vector, which must give one number. */
const overVector =
  (op: string, f: (x: never) => unknown, space: Space) =>
  (vector: Tensor): Tensor => {
    const guard = arithmeticGuard(op);
    const out = f(space.unravel(vector) as never);
    guard(out);
    return scalarOutput(op, out, [vector]);
  };

/** What each iteration does: one step along a direction, until there is a reason to end. */
class Search {
  evaluations = 0;
  iterations = 0;
  /** The change of f that the last step was to bring: the step times the slope it began with. */
  private hoped = 0;
  private readonly of: (vector: Tensor) => Tensor;
  constructor(
    f: (x: never) => unknown,
    private readonly space: Space,
    private readonly directions: Directions,
  ) {
    this.of = overVector(OP, f, space);
  }

  evaluate(x: Float64Array): Point {
    this.evaluations++;
    return scope(() =>
      noGrad(() => {
        const [value, gradient] = valueAndGrad(this.of)(tensor(x, { dtype: this.space.dtype }));
        return { step: 0, slope: 0, x, value: value.item(), gradient: Float64Array.from(gradient.data()) };
      }),
    );
  }

  private product(x: Float64Array, v: Float64Array): Float64Array {
    const { dtype } = this.space;
    // Of a length that float32 can hold products with.
    const size = norm(v);
    return scope(() =>
      noGrad(() => {
        const [, product] = hvp(
          this.of,
          [tensor(x, { dtype })],
          [
            tensor(
              v.map((c) => c / size),
              { dtype },
            ),
          ],
        );
        return Float64Array.from((product as Tensor).data(), (c) => c * size);
      }),
    );
  }

  /** The next point; null when no step lowers f. */
  advance(from: Point): Point | null {
    const { directions } = this;
    const { x, gradient } = from;
    const noise = 10 * (this.space.dtype === "float64" ? 2 ** -52 : 2 ** -23);
    do {
      let d = directions.next(gradient, (v) => this.product(x, v));
      let slope = dot(d, gradient);
      if (!(slope < 0 && Number.isFinite(slope))) {
        directions.forget();
        d = gradient.map((v) => -v);
        slope = -dot(gradient, gradient);
      }
      let first = 1;
      if (!directions.scaled) {
        // What the last step hoped for; at first as far as 1, or the gradient where that is less.
        const last = this.hoped / slope;
        first = last > 0 && Number.isFinite(last) ? last : Math.min(1, 1 / norm(gradient));
      }
      const start: Point = { ...from, step: 0, slope };
      const found = strongWolfe<Point>(
        (step) => {
          const at = this.evaluate(plus(x, d, step));
          return { ...at, step, slope: dot(at.gradient, d) };
        },
        start,
        { first, noise },
      );
      if (found !== null) {
        directions.learn(plus(found.x, x, -1), plus(found.gradient, gradient, -1));
        this.iterations++;
        this.hoped = found.step * slope;
        return found;
      }
    } while (directions.forget());
    return null;
  }
}

/**
 * The least value of `f` near `x0`: quasi-Newton and Newton methods with exact derivatives and a line search for the strong Wolfe conditions.
 * `f` takes a tree like `x0` (a number or an array of numbers becomes a float64 tensor) and returns a scalar. Where `f` is NaN or infinite
 * on the way, shorter steps are taken.
 *
 * Throws `ValueError` when `x0` is empty or f(x0) is no finite number, `ShapeError` when `f` returns no scalar.
 * @example
 * const valley = ad.optimize.minimize((x) => x.at(1).sub(x.at(0).square()).square().mul(100).add(x.at(0).sub(1).square()), [-1.2, 1]);
 * const { x, converged } = valley; // [1, 1], true
 * const { x: place } = ad.optimize.minimize(({ a, b }) => a.sub(3).square().add(b.sub(a).square().sum()), { a: 0, b: [0, 0] });
 */
export function minimize<const X>(
  f: (x: PointOf<X>) => Tensor | number,
  x0: X,
  options?: MinimizeOptions<PointOf<X>>,
): MinimizeResult<PointOf<X>> {
  atMost(OP, arguments, 3);
  callback(OP, "the function", f);
  const given = readOptions(OP, options, KNOWN);
  const method = given.method ?? "bfgs";
  if (!Object.hasOwn(METHODS, method))
    throw new ValueError(
      `${OP}: method is ${describe(method)}; expected ${Object.keys(METHODS)
        .map((m) => `"${m}"`)
        .join(", ")}`,
      OP,
    );
  const space = spaceOf(OP, x0);
  const toleranceGrad = nonNegative(OP, "toleranceGrad", given.toleranceGrad ?? (space.dtype === "float64" ? 1e-6 : 1e-3));
  const toleranceChange = nonNegative(OP, "toleranceChange", given.toleranceChange ?? 0);
  const most = integer(OP, "maxIterations", given.maxIterations ?? 1000, 0);
  const history = integer(OP, "historySize", given.historySize ?? 10, 1);
  const tell = given.callback === undefined ? null : callback(OP, "callback", given.callback);

  const search = new Search(f as never, space, METHODS[method](space.size, history));
  let at = search.evaluate(space.start);
  if (!Number.isFinite(at.value)) throw new ValueError(`${OP}: f(x0) is ${at.value}; begin where it is finite`, OP);
  if (!at.gradient.every(Number.isFinite))
    throw new ValueError(`${OP}: the gradient at x0 holds NaN or an infinity; begin where f is smooth`, OP);
  const end = (converged: boolean, message: string): MinimizeResult<PointOf<X>> => ({
    x: space.tree(at.x) as PointOf<X>,
    value: at.value,
    gradient: space.tree(at.gradient) as PointOf<X>,
    iterations: search.iterations,
    evaluations: search.evaluations,
    converged,
    message,
  });
  const stuck = (size: number) =>
    end(false, `no step lowers f any more; the largest magnitude in the gradient is ${size}, above toleranceGrad = ${toleranceGrad}`);
  let [least, flattest, idle] = [at.value, Infinity, 0];
  for (;;) {
    const size = largestOf(at.gradient);
    if (size <= toleranceGrad) return end(true, `the largest magnitude in the gradient is ${size}, at most toleranceGrad`);
    if (search.iterations >= most) return end(false, `stopped after maxIterations = ${most}`);
    const next = search.advance(at);
    if (next === null) return stuck(size);
    // At the precision of f a step may be taken for its slope; that goes on as long as the gradient becomes smaller.
    idle = next.value < least || size < flattest ? 0 : idle + 1;
    if (idle >= PATIENCE) return stuck(size);
    [least, flattest] = [Math.min(least, next.value), Math.min(flattest, size)];
    const fall = at.value - next.value;
    at = next;
    if (tell !== null) {
      const goesOn = scope(() =>
        tell({ iteration: search.iterations, x: space.tree(at.x) as PointOf<X>, value: at.value, gradientNorm: largestOf(at.gradient) }),
      );
      if (goesOn === false) return end(false, "stopped by the callback");
    }
    if (toleranceChange > 0 && Math.abs(fall) <= toleranceChange * Math.abs(at.value))
      return end(true, `the last step lowered f by ${fall}, at most toleranceChange of its value`);
  }
}
