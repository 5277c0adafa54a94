/**
 * Derivatives against differences. Each input direction is compared by central differences of fourth order,
 * f'(x) ≈ (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h, in float64.
 */
import { atMost, boolean, integer, number } from "./input/arguments.js";
import { tensor } from "./creation.js";
import { describe } from "./input/describe.js";
import { DTypeError, GradcheckError, ValueError } from "./errors.js";
import { scope } from "./memory/scope.js";
import { readOptions } from "./input/options.js";
import { Tensor } from "./tensor.js";
import { jvp } from "./transforms/forward.js";
import { drawPoint, withSameDraws } from "./random/state.js";
import { call, type Callback, checkFunction, outputTensor } from "./transforms/machinery.js";
import { vjp } from "./transforms/reverse.js";
import { evaluateComplex } from "./symbolic/complex.js";
import { elementNames, symbolic, type Expression } from "./symbolic/index.js";
import { flatten } from "./tree.js";

/** A mode of differentiation to check. */
export type Mode = "reverse" | "forward";

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /** Step of the differences; default 1e-3 times the size of the element (at least 1). */
  eps?: number;
  /** Absolute part of what may differ; default 1e-9. */
  atol?: number;
  /** Relative part of what may differ; default 1e-6. */
  rtol?: number;
  /** 2 also checks second derivatives, in the four nestings of forward and reverse mode. */
  order?: 1 | 2;
  /** Which modes are checked; default both. */
  modes?: readonly Mode[];
  /** Also compare with the complex step, exact to the last digits, at rtol 1e-12. For analytic functions that have an expression
   * (`symbolic`); others are refused with a `ValueError`. */
  complexStep?: boolean;
}

type Flat = Float64Array;
type FlatFunction = (x: Flat) => Flat;

/** f on one flat vector: leaves of all inputs behind each other, leaves of the output likewise. */
interface Problem {
  point: Flat;
  outputs: number;
  value: FlatFunction;
  /** J v */
  push: (x: Flat, v: Flat) => Flat;
  /** wᵀ J */
  pull: (x: Flat, w: Flat) => Flat;
  where: (index: number) => string;
}

const join = (tensors: readonly Tensor[]): Flat => {
  const parts = tensors.map((t) => t.data());
  const out = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** The function of the float leaves; others stay as they are. */
function problem(f: (...args: any[]) => any, inputs: readonly unknown[]): Problem {
  const [leaves, rebuild] = flatten(inputs) as [unknown[], (leaves: readonly unknown[]) => unknown[]];
  const active = leaves.flatMap((leaf, i) => (leaf instanceof Tensor && (leaf.dtype === "float64" || leaf.dtype === "float32") ? [i] : []));
  for (const i of active) {
    if ((leaves[i] as Tensor).dtype !== "float64") {
      throw new DTypeError(
        `gradcheck: input ${i} is float32, whose seven digits cannot check a derivative; use float64 inputs`,
        "gradcheck",
      );
    }
  }
  const shapes = active.map((i) => (leaves[i] as Tensor).shape);
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const cut = (x: Flat): Tensor[] => {
    let at = 0;
    return shapes.map((shape, k) => tensor(x.slice(at, (at += sizes[k]!)), { shape }));
  };
  const draws = drawPoint();
  const inner = (...xs: Tensor[]): Tensor[] => {
    const replaced = [...leaves];
    active.forEach((i, k) => (replaced[i] = xs[k]));
    // One function: it draws the same random numbers each time.
    return flatten(withSameDraws(draws, () => call("gradcheck", f, rebuild(replaced))))[0]
      .map((leaf: unknown) => outputTensor("gradcheck", leaf, xs))
      .filter((leaf: Tensor) => leaf.dtype === "float64" || leaf.dtype === "float32");
  };
  const value: FlatFunction = (x) => scope(() => join(inner(...cut(x))));
  const point = join(active.map((i) => leaves[i] as Tensor));
  return {
    point,
    outputs: value(point).length,
    value,
    push: (x, v) => scope(() => join(jvp(inner, cut(x), cut(v))[1])),
    pull: (x, w) =>
      scope(() => {
        const [out, pullback] = vjp(inner, ...cut(x));
        let at = 0;
        const cotangents = (out as Tensor[]).map((o) => tensor(w.slice(at, (at += o.size)), { shape: o.shape, dtype: o.dtype }));
        return join(pullback(cotangents));
      }),
    where(index) {
      let k = 0;
      while (index >= sizes[k]!) index -= sizes[k++]!;
      return `input ${active[k]}, element ${index}`;
    },
  };
}

/** Fixed irregular directions: the check must give the same answer each time. */
function direction(n: number, seed: number): Flat {
  return Float64Array.from({ length: n }, (_, i) => Math.cos(12.9898 * (i + 1) + 78.233 * seed) + 0.25);
}

function dot(a: Flat, b: Flat): number {
  let sum = 0;
  // A zero weight hides an infinite entry, as the engine's strong zero does.
  for (let i = 0; i < a.length; i++) if (a[i] !== 0 && b[i] !== 0) sum += a[i]! * b[i]!;
  return sum;
}

const FOURTH_ORDER = [
  [-2, 1 / 12],
  [-1, -8 / 12],
  [1, 8 / 12],
  [2, -1 / 12],
] as const;

/** Derivative of g along element k. */
function difference(g: (x: Flat) => Flat, x: Flat, k: number, eps: number): Flat {
  const h = eps * Math.max(1, Math.abs(x[k]!));
  let sum: Flat | undefined;
  for (const [steps, weight] of FOURTH_ORDER) {
    const moved = x.slice();
    moved[k] = x[k]! + steps * h;
    const y = g(moved);
    sum ??= new Float64Array(y.length);
    for (let i = 0; i < y.length; i++) sum[i]! += (weight * y[i]!) / h;
  }
  return sum!;
}

interface Worst {
  excess: number;
  message: string;
}

class Comparison {
  worst: Worst = { excess: 0, message: "" };
  constructor(
    readonly atol: number,
    readonly rtol: number,
  ) {}

  add(what: string, where: string, got: number, expected: number): void {
    const same = Object.is(got, expected) || got === expected;
    const excess = same ? 0 : Math.abs(got - expected) / (this.atol + this.rtol * Math.abs(expected));
    if (excess > this.worst.excess || (Number.isNaN(excess) && this.worst.excess < Infinity)) {
      this.worst = {
        excess: Number.isNaN(excess) ? Infinity : excess,
        message: `${what} is ${got}, differences give ${expected} (${where})`,
      };
    }
  }
}

/**
 * Compares the derivatives of `f` (any outputs, trees of float64 inputs) with differences, in both modes; with `order: 2` also
 * the second derivatives, in four nestings. Returns true, or throws `GradcheckError` with the worst entry and both numbers;
 * `DTypeError` for inputs that are not float64, in which alone differences are precise enough.
 *
 * @example
 * ad.gradcheck((x) => x.sin(), [ad.tensor([0.5, 1], { dtype: "float64" })]); // true
 */
export function gradcheck<A extends unknown[] = Tensor[]>(
  f: (...args: A) => unknown,
  inputs: readonly [...NoInfer<A>],
  options?: GradcheckOptions,
): true;
export function gradcheck(f: Callback, inputs: readonly unknown[], options?: GradcheckOptions): true {
  checkFunction("gradcheck", f);
  atMost("gradcheck", arguments, 3);
  const {
    eps = 1e-3,
    atol = 1e-9,
    rtol = 1e-6,
    order = 1,
    modes = ["reverse", "forward"],
    complexStep = false,
  } = readOptions("gradcheck", options, ["eps", "atol", "rtol", "order", "modes", "complexStep"]);
  for (const [what, value] of Object.entries({ eps, atol, rtol })) {
    if (!(number("gradcheck", what, value) >= 0) || (what === "eps" && value === 0))
      throw new ValueError(`gradcheck: ${what} is ${value}; expected a number ${what === "eps" ? "above 0" : "from 0 on"}`, "gradcheck");
  }
  integer("gradcheck", "order", order, 1, 2);
  boolean("gradcheck", "complexStep", complexStep);
  if (!Array.isArray(modes) || modes.length === 0)
    throw new ValueError(`gradcheck: modes must be a list of "reverse" and "forward", got ${describe(modes)}`, "gradcheck");
  if (!Array.isArray(inputs)) throw new ValueError("gradcheck: inputs is a list with one entry per argument", "gradcheck");
  for (const mode of modes) {
    if (mode !== "reverse" && mode !== "forward")
      throw new ValueError(`gradcheck: mode ${JSON.stringify(mode)} does not exist; expected "reverse" or "forward"`, "gradcheck");
  }
  const p = problem(f, inputs);
  const n = p.point.length;
  const comparison = new Comparison(atol, rtol);
  const w = direction(p.outputs, 1);

  for (let k = 0; k < n; k++) {
    const column = difference(p.value, p.point, k, eps);
    if (modes.includes("forward")) {
      const unit = new Float64Array(n);
      unit[k] = 1;
      const pushed = p.push(p.point, unit);
      for (let i = 0; i < p.outputs; i++)
        comparison.add("the forward derivative", `${p.where(k)}, output element ${i}`, pushed[i]!, column[i]!);
    }
  }
  if (modes.includes("reverse")) {
    // Row by row for few outputs, else a weighted sum of rows: an error in any entry shows in it.
    const rows = p.outputs <= 8 ? Array.from({ length: p.outputs }, (_, i) => i) : [-1];
    for (const row of rows) {
      const weights = row < 0 ? w : Float64Array.from({ length: p.outputs }, (_, i) => Number(i === row));
      const pulled = p.pull(p.point, weights);
      for (let k = 0; k < n; k++) {
        comparison.add(
          "the reverse derivative",
          `${p.where(k)}, ${row < 0 ? "weighted output" : `output element ${row}`}`,
          pulled[k]!,
          dot(weights, difference(p.value, p.point, k, eps)),
        );
      }
    }
  }
  if (complexStep) againstComplexStep(p, f, inputs);
  if (order === 2) secondOrder(p, w, eps, modes, comparison, f, inputs);
  if (comparison.worst.excess > 1) throw new GradcheckError(`gradcheck: ${comparison.worst.message}`, "gradcheck");
  return true;
}

/** Im f(x + ih)/h by the function's expression, for every input element. */
function againstComplexStep(p: Problem, f: (...args: any[]) => any, inputs: readonly unknown[]): void {
  const tensors = flatten(inputs)[0].filter((leaf: unknown): leaf is Tensor => leaf instanceof Tensor);
  if (tensors.length !== flatten(inputs)[0].length) throw new ValueError("gradcheck: the complex step takes tensors only", "gradcheck");
  const names = tensors.map((_: Tensor, i: number) => `i${i}`);
  const read: Expression | Expression[] = symbolic(f, { names })(...inputs);
  const outputs = Array.isArray(read) ? read : [read];
  const elements = tensors.flatMap((t: Tensor, i: number) => elementNames(names[i]!, t.shape));
  const h = 1e-20;
  const comparison = new Comparison(1e-14, 1e-12);
  const columns = elements.map((_, k) => {
    const environment = Object.fromEntries(elements.map((name, i) => [name, [p.point[i]!, i === k ? h : 0] as const]));
    return outputs.map((e) => evaluateComplex(e, environment)[1] / h);
  });
  outputs.forEach((_, row) => {
    const pulled = p.pull(
      p.point,
      Float64Array.from({ length: p.outputs }, (_, i) => Number(i === row)),
    );
    elements.forEach((_, k) =>
      comparison.add("the reverse derivative", `${p.where(k)}, output element ${row}, by the complex step`, pulled[k]!, columns[k]![row]!),
    );
  });
  if (comparison.worst.excess > 1) throw new GradcheckError(`gradcheck: ${comparison.worst.message}`, "gradcheck");
}

/**
 * Second derivatives of s(x) = <w, f(x)> along v, by modes A over B: forward over B pushes v through the gradient; reverse over
 * B pulls the cotangent v back through it.
 */
function secondOrder(
  p: Problem,
  w: Flat,
  eps: number,
  modes: readonly Mode[],
  comparison: Comparison,
  f: (...args: any[]) => any,
  inputs: readonly unknown[],
): void {
  const n = p.point.length;
  const v = direction(n, 2);
  // d/dx_k of <v, ∇s>, by differences of the first derivative.
  const expected = Float64Array.from({ length: n }, (_, k) =>
    dot(
      v,
      difference((x) => p.pull(x, w), p.point, k, eps),
    ),
  );
  for (const inner of modes) {
    // g(x) = <v, ∇s(x)> as a function written with transforms, so that it can be differentiated again.
    const slope = weightedSlope(f, inputs, w, v, inner);
    const outer = problem(slope, inputs);
    for (const mode of modes) {
      const got =
        mode === "reverse"
          ? outer.pull(p.point, Float64Array.of(1))
          : Float64Array.from({ length: n }, (_, k) => outer.push(p.point, unitVector(n, k))[0]!);
      for (let k = 0; k < n; k++) comparison.add(`the second derivative (${mode} over ${inner})`, p.where(k), got[k]!, expected[k]!);
    }
  }
}

function unitVector(n: number, k: number): Flat {
  const unit = new Float64Array(n);
  unit[k] = 1;
  return unit;
}

/** x ↦ <w, J(x) v>, by a pushforward or by a pullback. */
function weightedSlope(f: (...args: any[]) => any, inputs: readonly unknown[], w: Flat, v: Flat, mode: Mode): (...args: any[]) => Tensor {
  const isFloat = (leaf: unknown): leaf is Tensor => leaf instanceof Tensor && leaf.dtype === "float64";
  return (...args) => {
    const [leaves, rebuild] = flatten(args) as [unknown[], (leaves: readonly unknown[]) => unknown[]];
    const active = leaves.filter(isFloat);
    const inner = (...xs: Tensor[]): Tensor[] => {
      let next = 0;
      return flatten(f(...rebuild(leaves.map((leaf) => (isFloat(leaf) ? xs[next++] : leaf)))))[0].filter(isFloat);
    };
    const pieces = (flat: Flat, like: readonly Tensor[]): Tensor[] => {
      let at = 0;
      return like.map((t) => tensor(flat.slice(at, (at += t.size)), { shape: t.shape }));
    };
    const inwards = (a: readonly Tensor[], b: readonly Tensor[]) => a.map((x, i) => x.mul(b[i]!).sum()).reduce((x, y) => x.add(y));
    if (mode === "forward") {
      const [out, slopes] = jvp(inner, active, pieces(v, active)) as [Tensor[], Tensor[]];
      return inwards(pieces(w, out), slopes);
    }
    const [out, pullback] = vjp(inner, ...active) as [Tensor[], (ct: Tensor[]) => Tensor[]];
    return inwards(pullback(pieces(w, out)), pieces(v, active));
  };
}
