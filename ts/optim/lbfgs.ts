/** L-BFGS over all parameters together; the closure is called as often as a step needs. */
import { atMost, callback, integer } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { isPlainObject } from "../input/options.js";
import { scope } from "../memory/scope.js";
import { dot, largestOf, plus } from "../optimize/dense.js";
import { twoLoops, type Pair } from "../optimize/directions.js";
import { strongWolfe } from "../optimize/line-search.js";
import { Tensor } from "../tensor.js";
import { enableGrad } from "../transforms/modes.js";
import { finish, Optimizer, type Kind, type ParameterGroup } from "./optimizer.js";
import type { Parameters } from "./parameters.js";
import { nonNegative } from "./rules.js";
import type { OptimizerState } from "./state.js";
import { gradientOf, numbersOf, putNumbers } from "./vector.js";

/** Options of `LBFGS`. */
export interface LBFGSOptions {
  /** The length of steps, with a line search of the first trial; default 1. */
  lr?: number;
  /** Iterations of one `step`; default 20. */
  maxIter?: number;
  /** After how many calls of the closure a `step` ends; default maxIter · 5/4. */
  maxEval?: number | null;
  /** A `step` ends when no number of the gradient is larger; default 1e-7. */
  toleranceGrad?: number;
  /** A `step` ends when the loss, or every parameter, changes by less; default 1e-9. */
  toleranceChange?: number;
  /** How many steps are remembered, each with two numbers per parameter; default 100. */
  historySize?: number;
  /** "strongWolfe" looks for a length that lowers the loss; null (default) takes `lr`. */
  lineSearchFn?: "strongWolfe" | null;
}

const KIND: Kind<Required<LBFGSOptions>> = {
  name: "LBFGS",
  defaults: { lr: 1, maxIter: 20, maxEval: null, toleranceGrad: 1e-7, toleranceChange: 1e-9, historySize: 100, lineSearchFn: null },
  rules: {
    maxIter: (op, what, value) => integer(op, what, value, 1),
    maxEval: (op, what, value) => (value === null ? null : integer(op, what, value, 1)),
    toleranceGrad: nonNegative,
    toleranceChange: nonNegative,
    historySize: (op, what, value) => integer(op, what, value, 1),
    lineSearchFn: (op, what, value) => {
      if (value !== null && value !== "strongWolfe")
        throw new ValueError(`${op}: ${what} is ${describe(value)}; expected "strongWolfe" or null`, op);
      return value;
    },
  },
};

// Every option is a property too.
export interface LBFGS extends Omit<Required<LBFGSOptions>, "lr"> {}

interface Evaluation {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/**
 * torch.optim.LBFGS: quasi-Newton steps from the gradients of the last ones (Nocedal and Wright, chapter 7). `step(closure)` takes up to
 * `maxIter` of them; the closure forgets the gradients, computes the loss of all data, calls `backward()` and returns the loss, or is a
 * compiled function that does. For a function without parameters there is `optimize.minimize`.
 * @example
 * const w = ad.tensor([-1, 2], { requiresGrad: true });
 * const optimizer = new ad.optim.LBFGS([w], { lineSearchFn: "strongWolfe" });
 * optimizer.minimize(() => w.sub(ad.tensor([1, 3])).square().sum());
 * const found = w.toArray(); // [1, 3]
 */
export class LBFGS extends Optimizer<Required<LBFGSOptions>> {
  private pairs: Pair[] = [];
  private direction: Float64Array | null = null;
  private length = 0;
  private before: Float64Array | null = null;
  private iterations = 0;
  private evaluations = 0;

  constructor(params: Parameters | readonly ParameterGroup[], options?: LBFGSOptions) {
    atMost("LBFGS", arguments, 2);
    super(KIND, params, options);
  }

  /** There is one group: what is remembered is of all parameters together. */
  override addParamGroup(group: ParameterGroup): void {
    if (this.groups.length > 0) throw new ValueError("LBFGS: one group of parameters, for it looks at all of them together", "LBFGS");
    super.addParamGroup(group);
  }

  /** Several iterations; returns the loss that the closure gave first. */
  override step(): never;
  override step<R>(closure: () => R): R;
  override step<R>(closure?: () => R): R {
    atMost("LBFGS.step", arguments, 1);
    const evaluate = callback("LBFGS", "the closure of step, which computes the loss and calls backward(),", closure) as () => R;
    const { params } = this;
    const o = this.groups[0]!.options;
    let calls = 0;
    const read = (loss: unknown): Evaluation => {
      calls++;
      this.evaluations++;
      if (!(typeof loss === "number") && !(loss instanceof Tensor && loss.size === 1))
        throw new ValueError(`LBFGS: the closure of step returns the loss, a scalar; it returned ${describe(loss)}`, "LBFGS");
      return { loss: typeof loss === "number" ? loss : loss.item(), gradient: gradientOf(params) };
    };
    const at = (x: Float64Array): Evaluation => {
      putNumbers(params, x);
      return scope(() => read(enableGrad(evaluate)));
    };

    const first = enableGrad(evaluate);
    let now = read(first);
    if (!(largestOf(now.gradient) > o.toleranceGrad)) return first;
    const mostCalls = o.maxEval ?? Math.floor((o.maxIter * 5) / 4);
    for (let k = 1; k <= o.maxIter; k++) {
      const { gradient, loss } = now;
      const direction = this.next(gradient, o.historySize);
      const slope = dot(gradient, direction);
      const isFirst = this.iterations++ === 0;
      [this.direction, this.before] = [direction, gradient];
      this.length = isFirst ? Math.min(1, 1 / gradient.reduce((sum, g) => sum + Math.abs(g), 0)) * o.lr : o.lr;
      if (slope > -o.toleranceChange) break;
      const x = numbersOf(params);
      if (o.lineSearchFn === null) {
        putNumbers(params, plus(x, direction, this.length));
        // What the last step leads to is computed by the next call.
        if (k === o.maxIter) break;
        now = scope(() => read(enableGrad(evaluate)));
        if (!Number.isFinite(now.loss)) {
          this.forgetSteps();
          putNumbers(params, x);
          break;
        }
      } else {
        const trial = (step: number) => {
          const { loss, gradient } = at(plus(x, direction, step));
          return { step, value: loss, slope: dot(gradient, direction), gradient };
        };
        const noise = 10 * (params.every((p) => p.dtype === "float64") ? 2 ** -52 : 2 ** -23);
        const found = strongWolfe(trial, { step: 0, value: loss, slope }, { first: this.length, noise });
        putNumbers(params, plus(x, direction, found?.step ?? 0));
        if (found === null) {
          this.forgetSteps();
          break;
        }
        this.length = found.step;
        now = { loss: found.value, gradient: found.gradient };
      }
      if (calls >= mostCalls || largestOf(now.gradient) <= o.toleranceGrad) break;
      if (largestOf(direction) * this.length <= o.toleranceChange || Math.abs(now.loss - loss) < o.toleranceChange) break;
    }
    return first;
  }

  /** The direction from the last step and the gradient it led to. */
  private next(gradient: Float64Array, historySize: number): Float64Array {
    if (this.direction !== null && this.before !== null) {
      const s = this.direction.map((v) => v * this.length);
      const y = plus(gradient, this.before, -1);
      if (dot(s, y) > 1e-10) this.pairs.push({ s, y });
    }
    while (this.pairs.length > historySize) this.pairs.shift();
    const last = this.pairs[this.pairs.length - 1];
    return twoLoops(this.pairs, last === undefined ? 1 : dot(last.s, last.y) / dot(last.y, last.y), gradient);
  }

  private forgetSteps(): void {
    [this.pairs, this.direction, this.before, this.iterations] = [[], null, null, 0];
  }

  /** step() with a closure that forgets the gradients, computes the loss by `loss` and calls backward(). */
  override minimize(loss: Tensor | (() => Tensor)): void {
    atMost("LBFGS.minimize", arguments, 1);
    if (typeof loss !== "function")
      throw new ValueError("LBFGS.minimize: the loss is computed several times: pass the function that computes it", "LBFGS");
    scope(() =>
      this.step(() => {
        this.zeroGrad();
        const value = loss();
        if (value instanceof Tensor) value.backward();
        return value;
      }),
    );
  }

  /** As of every optimizer; what is remembered of all parameters stands at the first. */
  override stateDict(): OptimizerState {
    const { paramGroups } = super.stateDict();
    if (this.direction === null || this.before === null) return { state: {}, paramGroups };
    const { direction, before, pairs, length, iterations, evaluations } = this;
    const state = {
      nIter: iterations,
      funcEvals: evaluations,
      d: direction.slice(),
      t: length,
      prevFlatGrad: before.slice(),
      oldStps: pairs.map(({ s }) => [...s]),
      oldDirs: pairs.map(({ y }) => [...y]),
    };
    return { state: { 0: state }, paramGroups };
  }

  override loadStateDict(saved: OptimizerState): void {
    atMost("LBFGS.loadStateDict", arguments, 1);
    const wrong = (what: string) => new ValueError(`LBFGS.loadStateDict: ${what}`, "LBFGS.loadStateDict");
    if (!isPlainObject(saved) || !isPlainObject(saved.state)) throw wrong(`expected { state, paramGroups }, got ${describe(saved)}`);
    const size = this.params.reduce((sum, p) => sum + p.size, 0);
    const vector = (what: string, value: unknown): Float64Array => {
      const list = value instanceof Tensor ? value.data() : value;
      const numbers = isPlainObject(list) ? Object.values(list) : list;
      if ((!Array.isArray(numbers) && !ArrayBuffer.isView(numbers)) || (numbers as ArrayLike<unknown>).length !== size)
        throw wrong(`${what} must be ${size} numbers, got ${describe(value)}`);
      return Float64Array.from(numbers as ArrayLike<number>, Number);
    };
    const all = saved.state[0] as Record<string, unknown> | undefined;
    const read =
      all === undefined
        ? null
        : {
            direction: vector("d", all["d"]),
            before: vector("prevFlatGrad", all["prevFlatGrad"]),
            steps: [...((all["oldStps"] ?? []) as unknown[])].map((s) => vector("a member of oldStps", s)),
            changes: [...((all["oldDirs"] ?? []) as unknown[])].map((y) => vector("a member of oldDirs", y)),
            length: nonNegative("LBFGS.loadStateDict", "t", all["t"]),
            iterations: integer("LBFGS.loadStateDict", "nIter", all["nIter"], 0),
            evaluations: integer("LBFGS.loadStateDict", "funcEvals", all["funcEvals"], 0),
          };
    if (read !== null && read.steps.length !== read.changes.length) throw wrong("oldStps and oldDirs differ in length");
    super.loadStateDict({ state: {}, paramGroups: saved.paramGroups });
    this.forgetSteps();
    if (read === null) return;
    this.pairs = read.steps.map((s, i) => ({ s, y: read.changes[i]! }));
    [this.direction, this.before, this.length] = [read.direction, read.before, read.length];
    [this.iterations, this.evaluations] = [read.iterations, read.evaluations];
  }
}

finish(LBFGS);
