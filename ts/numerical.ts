/**
 * Numerical differentiation: what to use when a function is a black box, and what to check derivatives against. It costs
 * one or two evaluations per input element and loses digits; `error` says how many with Richardson's method.
 *
 * Steps: truncation and rounding errors balance near h = ε^(1/2) for forward and ε^(1/3) for central differences, times the
 * scale of x (Press et al., Numerical Recipes, 5.7), with ε of the dtype in which f computes.
 */
import { atMost, boolean, callback, number } from "./input/arguments.js";
import { asTensor, tensor } from "./creation.js";
import { describe } from "./input/describe.js";
import { ShapeError, ValueError } from "./errors.js";
import { readOptions } from "./input/options.js";
import { drawPoint, withSameDraws } from "./random/state.js";
import { scope } from "./memory/scope.js";
import { Tensor } from "./tensor.js";
import { asTree } from "./transforms/arguments.js";
import type { Callback } from "./transforms/machinery.js";
import { noGrad } from "./transforms/modes.js";
import type { ArgumentsAt, GradAt, Scalar } from "./transforms/types.js";
import { flatten } from "./tree.js";

/** How differences are taken. */
export type DifferenceMethod = "forward" | "central" | "richardson";

/** Options of `numericalGrad` and `numericalJacobian`. */
export interface NumericalOptions {
  /** Default "central": second order. "forward" is first order at half the price; "richardson" extrapolates to high order. */
  method?: DifferenceMethod;
  /** The step h, absolute; by default chosen per element from the dtype and the size of x. */
  step?: number;
  /** Return `[derivative, error]`, where `error` bounds the extrapolation; needs "richardson". */
  withError?: boolean;
}

const EPSILON = { float64: 2 ** -52, float32: 2 ** -23 } as const;

function stepFor(x: number, dtype: "float32" | "float64", method: DifferenceMethod, step?: number): number {
  const relative = { forward: EPSILON[dtype] ** (1 / 2), central: EPSILON[dtype] ** (1 / 3), richardson: EPSILON[dtype] ** (1 / 6) }[
    method
  ];
  const h = step ?? relative * Math.max(Math.abs(x), 1);
  // x + h - x should be h exactly, in the arithmetic f will use.
  const round = dtype === "float32" ? Math.fround : (v: number) => v;
  return round(round(x + h) - round(x)) || h;
}

/** d values / d one element: `at(t)` gives the outputs with the element set to t. */
function difference(
  at: (t: number) => Float64Array,
  x: number,
  h: number,
  method: DifferenceMethod,
): { value: Float64Array; error: Float64Array } {
  const central = (step: number) => {
    const [above, below] = [at(x + step), at(x - step)];
    return above.map((v, i) => (v - below[i]!) / (2 * step));
  };
  if (method === "forward") {
    const [here, above] = [at(x), at(x + h)];
    return { value: above.map((v, i) => (v - here[i]!) / h), error: new Float64Array(here.length).fill(NaN) };
  }
  if (method === "central") {
    const value = central(h);
    return { value, error: new Float64Array(value.length).fill(NaN) };
  }
  return ridders(central, h);
}

/**
 * Ridders' extrapolation of central differences to h = 0 (Neville's table over h, h/1.4, h/1.4², ...), stopped when the error
 * grows: Ridders, Advances in Engineering Software 4 (1982). Each output element keeps its own best entry.
 */
function ridders(central: (h: number) => Float64Array, h: number): { value: Float64Array; error: Float64Array } {
  const [shrink, rows] = [1.4, 10];
  let previous = [central(h)];
  const n = previous[0]!.length;
  const value = previous[0]!.slice();
  const error = new Float64Array(n).fill(Infinity);
  const stopped = new Uint8Array(n);
  for (let i = 1; i < rows; i++) {
    h /= shrink;
    const row = [central(h)];
    let factor = shrink * shrink;
    for (let j = 1; j <= i; j++) {
      const [a, b] = [row[j - 1]!, previous[j - 1]!];
      const next = a.map((v, k) => (v * factor - b[k]!) / (factor - 1));
      factor *= shrink * shrink;
      row.push(next);
      for (let k = 0; k < n; k++) {
        const estimate = Math.max(Math.abs(next[k]! - a[k]!), Math.abs(next[k]! - b[k]!));
        if (!stopped[k] && estimate <= error[k]!) {
          error[k] = estimate;
          value[k] = next[k]!;
        }
      }
    }
    let running = false;
    for (let k = 0; k < n; k++) {
      // Twice the best error: rounding has taken over.
      if (Math.abs(row[i]![k]! - previous[i - 1]![k]!) >= 2 * error[k]!) stopped[k] = 1;
      running ||= stopped[k] === 0;
    }
    if (!running) break;
    previous = row;
  }
  return { value, error };
}

interface Derivative {
  /** For each input leaf: `size(outputs)` rows of `size(leaf)` numbers. */
  rows: { value: Float64Array[]; error: Float64Array[] }[];
  outputShape: number[];
}

function differentiate(
  name: string,
  f: Callback,
  args: readonly unknown[],
  given: NumericalOptions | undefined,
): Derivative & { leaves: Tensor[]; rebuild: (leaves: readonly unknown[]) => unknown } {
  callback(name, "the first argument", f);
  const options = readOptions(name, given, ["method", "step", "withError"]);
  const { method = "central", step, withError = false } = options;
  if (!["forward", "central", "richardson"].includes(method)) {
    throw new ValueError(`${name}: method ${describe(method)} does not exist; expected "forward", "central" or "richardson"`, name);
  }
  if (boolean(name, "withError", withError) && method !== "richardson")
    throw new ValueError(`${name}: withError needs the method "richardson"`, name);
  if (step !== undefined && !(number(name, "step", step) > 0)) throw new ValueError(`${name}: step ${step} is not positive`, name);
  const [raw, rebuild] = flatten(asTree(args[0]));
  const leaves = raw.map((leaf: unknown) => {
    if (!(leaf instanceof Tensor) && typeof leaf !== "number")
      throw new ValueError(`${name}: the first argument holds ${describe(leaf)}; expected tensors (make them with tensor())`, name);
    return asTensor(leaf);
  });
  let outputShape: number[] = [];
  // One function is differentiated: all evaluations draw the same random numbers, and only the first moves the generator on.
  const draws = drawPoint();
  let began = false;
  const evaluate = (changed: Tensor[]): Float64Array => {
    const value = () => valueOf(f(rebuild(changed), ...args.slice(1)));
    const again = began;
    began = true;
    return scope(() => noGrad(() => (again ? withSameDraws(draws, value) : value())));
  };
  const valueOf = (result: unknown): Float64Array => {
    // A number has all its digits, whatever a tensor of it would have.
    if (typeof result === "number") {
      outputShape = [];
      return Float64Array.of(result);
    }
    if (!(result instanceof Tensor))
      throw new ValueError(`${name}: the function must return a tensor, it returned ${describe(result)}`, name);
    outputShape = [...result.shape];
    return Float64Array.from(result.data() as ArrayLike<number>);
  };
  const rows = leaves.map((leaf, which) => {
    if (leaf.dtype !== "float32" && leaf.dtype !== "float64") {
      throw new ValueError(`${name}: input ${which} is ${leaf.dtype}; numerical derivatives need float32 or float64 inputs`, name);
    }
    const dtype = leaf.dtype;
    const data = Float64Array.from(leaf.data() as ArrayLike<number>);
    const value: Float64Array[] = [];
    const error: Float64Array[] = [];
    for (let k = 0; k < data.length; k++) {
      const x = data[k]!;
      const at = (t: number) =>
        scope(() => {
          const moved = data.slice();
          moved[k] = t;
          const replaced = leaves.slice();
          replaced[which] = tensor(moved, { shape: [...leaf.shape], dtype });
          return evaluate(replaced);
        });
      const column = difference(at, x, stepFor(x, dtype, method, step), method);
      value.push(column.value);
      error.push(column.error);
    }
    if (data.length === 0) evaluate(leaves);
    return { value, error };
  });
  return { rows, outputShape, leaves, rebuild };
}

const assemble = (columns: Float64Array[], outputs: number): Float64Array => {
  const out = new Float64Array(outputs * columns.length);
  columns.forEach((column, k) => column.forEach((v, i) => (out[i * columns.length + k] = v)));
  return out;
};

function collect(name: string, f: Callback, options: NumericalOptions | undefined, args: readonly unknown[], scalar: boolean): unknown {
  const { rows, outputShape, leaves, rebuild } = differentiate(name, f, args, options);
  const outputs = outputShape.reduce((a, b) => a * b, 1);
  if (scalar && outputs !== 1) {
    throw new ShapeError(
      `${name}: the function must return a scalar, it returned shape [${outputShape.join(", ")}]; sum it, or use numericalJacobian`,
      name,
    );
  }
  const build = (key: "value" | "error") =>
    rebuild(
      leaves.map((leaf, i) =>
        tensor(assemble(rows[i]![key], outputs), {
          shape: scalar ? [...leaf.shape] : [...outputShape, ...leaf.shape],
          dtype: leaf.dtype as "float32" | "float64",
        }),
      ),
    );
  return options?.withError ? [build("value"), build("error")] : build("value");
}

/**
 * A function that returns the gradient of a scalar function by differences: 1 + K evaluations for K input elements with "forward", 2K with
 * "central", up to 20K with "richardson". Differentiates the first argument, a float tensor or a tree of them, and gives a tree like it; with
 * `withError` `[gradient, error]`. Throws `ShapeError` for a result of more than one element.
 *
 * @example
 * const slope = ad.numericalGrad((x) => x.sin(), { method: "richardson" })(0); // 1
 */
export function numericalGrad<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  options: NumericalOptions & { withError: true },
): (...args: ArgumentsAt<A, 0>) => [derivative: GradAt<A, 0>, error: GradAt<A, 0>];
export function numericalGrad<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  options?: NumericalOptions & { withError?: false },
): (...args: ArgumentsAt<A, 0>) => GradAt<A, 0>;
export function numericalGrad(f: Callback, options?: NumericalOptions): Callback {
  atMost("numericalGrad", arguments, 2);
  return (...args) => collect("numericalGrad", f, options, args, true);
}

/**
 * A function that returns the Jacobian of a function of one output tensor by differences, of shape output shape ++ input shape. Arguments
 * and options are those of `numericalGrad`.
 */
export function numericalJacobian<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  options: NumericalOptions & { withError: true },
): (...args: ArgumentsAt<A, 0>) => [derivative: GradAt<A, 0>, error: GradAt<A, 0>];
export function numericalJacobian<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  options?: NumericalOptions & { withError?: false },
): (...args: ArgumentsAt<A, 0>) => GradAt<A, 0>;
export function numericalJacobian(f: Callback, options?: NumericalOptions): Callback {
  atMost("numericalJacobian", arguments, 2);
  return (...args) => collect("numericalJacobian", f, options, args, false);
}
