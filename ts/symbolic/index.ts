/**
 * Symbolic differentiation: an expression read from the recorded program of a function. What it cannot do is said: the control flow
 * of the one traced run is unrolled, and an op without an expression of its own (sorting, random numbers) is refused.
 */
import { atMost, boolean } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { ROWS, type OpName } from "../opcodes.js";
import type { Instruction, Variable } from "../inspect/variable.js";
import { trace } from "../inspect/trace.js";
import { axisParameter, namedParameters, type ParameterValue } from "../inspect/parameters.js";
import { destinations, joinedPositions, positions, scatteredTo, sizeOf, stretchedPositions } from "../inspect/positions.js";
import type { Tensor } from "../tensor.js";
import { type Callback, checkFunction } from "../transforms/machinery.js";
import type { ArgumentsOf, Scalar } from "../transforms/types.js";
import { unreachable } from "../unreachable.js";
import { derivativeOf } from "./derivative.js";
import { Expression, setWalks } from "./expression.js";
import { functions } from "./functions.js";
import { print } from "./print.js";
import { compile } from "./program.js";

export { Expression };

setWalks({ functions, derivativeOf, print, compile });

/** One expression per element, row-major. */
type Elements = Expression[];

const c = (value: number) => Expression.constant(value);
const { sum, product, power, call } = Expression;
const half = c(0.5);

/** 1 + factor x² */
const onePlus = (factor: number, x: Expression) => sum(c(1), product(c(factor), power(x, c(2))));
const bell = (x: Expression) => product(call("sigmoid", x), call("sigmoid", x.neg()));
const cdf = (x: Expression) => product(half, call("erfc", product(c(-Math.SQRT1_2), x)));
/** tanh(softplus x) */
const gate = (x: Expression) => call("tanh", call("softplus", x));
const geluArgument = (x: Expression) => product(c(2 * Math.sqrt(2 / Math.PI)), x, onePlus(0.044715, x));

/** Pointwise ops as formulas; those that are a function of the table in functions.ts are called by their name. */
const FORMULAS: Partial<Record<OpName, (...x: Expression[]) => Expression>> = {
  neg: (x) => x.neg(),
  add: (x, y) => x.add(y),
  sub: (x, y) => x.sub(y),
  mul: (x, y) => x.mul(y),
  div: (x, y) => x.div(y),
  pow: (x, y) => power(x, y),
  square: (x) => power(x, c(2)),
  sqrt: (x) => power(x, half),
  root: (x) => power(x, half),
  hypotenuse: (x, y) => call("hypot", x, y),
  alongRoot: (y, v) => call("where", y, call("mulZeroWins", v, product(half, power(y, c(-1)))), c(0)),
  rsqrt: (x) => power(x, c(-0.5)),
  reciprocal: (x) => power(x, c(-1)),
  logSigmoid: (x) => call("softplus", x.neg()).neg(),
  // 0 at -Infinity
  silu: (x) => call("mulZeroWins", x, call("sigmoid", x)),
  geluErf: (x) => call("mulZeroWins", x, cdf(x)),
  geluTanh: (x) => call("mulZeroWins", x, call("sigmoid", geluArgument(x))),
  mish: (x) => call("mulZeroWins", x, gate(x)),
  logaddexp: (x, y) => call("logsumexp", x, y),
  lt: (x, y) => call("less", x, y),
  le: (x, y) => call("lessEqual", x, y),
  gt: (x, y) => call("less", y, x),
  ge: (x, y) => call("lessEqual", y, x),
  eq: (x, y) => call("equal", x, y),
  ne: (x, y) => sum(c(1), call("equal", x, y).neg()),
  logicalAnd: (x, y) => call("where", x, truth(y), c(0)),
  logicalOr: (x, y) => call("where", x, c(1), truth(y)),
  logicalNot: (x) => call("equal", x, c(0)),
  asinDerivative: (x) => power(product(sum(c(1), x.neg()), sum(c(1), x)), c(-0.5)),
  atanDerivative: (x) => power(onePlus(1, x), c(-1)),
  tanhDerivative: (x) => power(call("cosh", x), c(-2)),
  asinhDerivative: (x) => power(call("hypot", x, c(1)), c(-1)),
  acoshDerivative: (x) => product(power(sum(x, c(-1)), c(-0.5)), power(sum(x, c(1)), c(-0.5))),
  atanhDerivative: (x) => power(product(sum(c(1), x.neg()), sum(c(1), x)), c(-1)),
  gaussian: (x) => call("exp", power(x, c(2)).neg()),
  sigmoidDerivative: bell,
  siluDerivative: (x) => sum(call("sigmoid", x), product(x, bell(x))),
  geluErfDerivative: (x) => sum(cdf(x), product(c(1 / Math.sqrt(2 * Math.PI)), x, call("exp", product(c(-0.5), power(x, c(2)))))),
  mishDerivative: (x) => sum(gate(x), product(x, call("sigmoid", x), power(call("cosh", call("softplus", x)), c(-2)))),
  hypotDerivative: (x, y) => call("mulZeroWins", x, power(call("hypot", x, y), c(-1))),
  atan2Derivative: (x, y) => call("mulZeroWins", y, power(call("hypot", x, y), c(-2))),
  cast: (x) => x,
};

/** Those with parameters. */
const WITH_PARAMETERS: Partial<Record<OpName, (parameters: Record<string, number>, ...x: Expression[]) => Expression>> = {
  clampNumbers: ({ low, high }, x) => call("clamp", x!, c(low!), c(high!)),
  powDerivative: ({ base, exponent }, x, y) => powDerivative(base!, exponent!, x!, y!),
};

/** A number as a truth value, 0 or 1. */
const truth = (x: Expression) => call("where", x, c(1), c(0));

/**
 * ∂^(n + m) x^y / ∂x^n ∂y^m: a polynomial in ln x times x^(y - n), whose coefficients are derivatives of y (y - 1) ... (y - n + 1),
 * found as Taylor coefficients of that product.
 */
function powDerivative(n: number, m: number, x: Expression, y: Expression): Expression {
  const taylor = [c(1), ...Array.from({ length: m }, () => c(0))];
  for (let i = 0; i < n; i++) {
    for (let k = m; k >= 0; k--) taylor[k] = sum(product(taylor[k]!, sum(y, c(-i))), k > 0 ? taylor[k - 1]! : c(0));
  }
  const { polynomial } = taylor.reduce(
    ({ polynomial, falling }, coefficient, k) => ({
      polynomial: sum(product(polynomial, call("log", x)), product(c(falling), coefficient)),
      falling: falling * (m - k),
    }),
    { polynomial: c(0), falling: 1 },
  );
  return product(polynomial, power(x, sum(y, c(-n))));
}

/** Larger values make expressions nobody reads. */
const MOST_ELEMENTS = 512;

function stretched(elements: Elements, from: readonly number[], to: readonly number[]): Elements {
  if (from.length === to.length && from.every((d, i) => d === to[i])) return elements;
  return Array.from(stretchedPositions(from, to), (at) => elements[at - 1]!);
}

/** Reductions of a group of elements. */
const REDUCED: Partial<Record<OpName, (group: Expression[]) => Expression>> = {
  sum: (g) => sum(...g),
  prod: (g) => product(...g),
  max: (g) => call("maximum", ...g),
  min: (g) => call("minimum", ...g),
  logsumexp: (g) => call("logsumexp", ...g),
};

/** The elements that go to each place of a result. */
function groups(places: ArrayLike<number>, x: Elements, count: number): Elements[] {
  const groups: Elements[] = Array.from({ length: count }, () => []);
  Array.from(places).forEach((at, i) => groups[at - 1]!.push(x[i]!));
  return groups;
}

/** Functions of a line of elements along an axis, for the element at `i`. */
const ALONG_AXIS: Partial<Record<OpName, (line: Expression[], i: number, parameters: Record<string, ParameterValue>) => Expression>> = {
  softmax: (line, i) => call("softmax", line[i]!, ...line.filter((_, k) => k !== i)),
  softmaxWeights: (line, i) => call("softmaxWeight", line[i]!, ...line.filter((_, k) => k !== i)),
  logSoftmax: (line, i) => call("logSoftmax", line[i]!, ...line.filter((_, k) => k !== i)),
  cumsum: (line, i, { reverse }) => sum(...(reverse ? line.slice(i) : line.slice(0, i + 1))),
};

function alongAxis({ op, parameters, output }: Instruction, x: Elements): Elements {
  const { shape } = output;
  const formula = known(op, ALONG_AXIS[op]);
  const [axis, named] = [axisParameter(op, parameters, shape.length), namedParameters(op, parameters)];
  const inner = sizeOf(shape.slice(axis + 1));
  const n = shape[axis]!;
  return x.map((_, at) => {
    const i = Math.floor(at / inner) % n;
    const line = Array.from({ length: n }, (_, k) => x[at + (k - i) * inner]!);
    return formula(line, i, named);
  });
}

function multiplied({ inputs: [a, b] }: Instruction, [x, y]: Elements[]): Elements {
  if (a!.shape.length > 2 || b!.shape.length > 2) throw unsupported("a matrix product of more than two axes");
  const [m, k] = a!.shape as [number, number];
  const n = b!.shape[1]!;
  return Array.from({ length: m * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    return sum(...Array.from({ length: k }, (_, p) => product(x![row * k + p]!, y![p * n + column]!)));
  });
}

function unsupported(op: string): ValueError {
  return new ValueError(`symbolic: ${op} has no expression; write the function with elementwise ops, sums, products and views`, "symbolic");
}

function known<F>(op: OpName, formula: F | undefined): F {
  if (formula === undefined) throw unsupported(op);
  return formula;
}

function pointwise({ op, inputs, parameters, output }: Instruction, elements: Elements[]): Elements {
  const withParameters = WITH_PARAMETERS[op];
  const named = namedParameters(op, parameters) as Record<string, number>;
  const called = Object.hasOwn(functions, op) ? (...x: Expression[]) => call(op, ...x) : undefined;
  const formula = withParameters ? (...x: Expression[]) => withParameters(named, ...x) : known(op, FORMULAS[op] ?? called);
  const operands = inputs.map((v, i) => stretched(elements[i]!, v.shape, output.shape));
  return Array.from({ length: sizeOf(output.shape) }, (_, i) => formula(...operands.map((o) => o[i]!)));
}

function step(instruction: Instruction, elements: Elements[]): Elements {
  const { op, inputs, parameters, output } = instruction;
  const { form } = ROWS[op];
  switch (form) {
    case "pointwise":
      return pointwise(instruction, elements);
    case "view":
    case "movement":
      return Array.from(positions(op, inputs[0]!.shape, inputs.slice(1), parameters), (i) => (i === 0 ? c(0) : elements[0]![i - 1]!));
    case "scatter":
      return groups(scatteredTo(instruction), elements[0]!, sizeOf(output.shape)).map((g) => sum(...g));
    case "reduction":
      return groups(destinations(instruction), elements[0]!, sizeOf(output.shape)).map(known(op, REDUCED[op]));
    case "alongAxis":
      return alongAxis(instruction, elements[0]!);
    case "joined": {
      const all = elements.flat();
      return Array.from(joinedPositions(instruction), (i) => all[i - 1]!);
    }
    case "product":
      return multiplied(instruction, elements);
    case "random":
    case "general":
    case "composite":
      throw unsupported(op);
    default:
      return unreachable(form);
  }
}

/** Names of the elements of an input: `x`, or `x[0]`, `x[1,2]`. */
export function elementNames(name: string, shape: readonly number[]): string[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const index: number[] = [];
    for (let rest = i, axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    return index.length === 0 ? name : `${name}[${index.join(",")}]`;
  });
}

/** Options of `symbolic`. */
export interface SymbolicOptions {
  /** Names of the arguments, one each; default x, y, z, u, v, w. */
  names?: readonly string[];
  /** Accept a function that reads numbers depending on its arguments: the expression is that of the branch taken; default false. */
  freeze?: boolean;
}

/**
 * `symbolic(f)(...args)`: the expression of a scalar function of the elements of its arguments, named x, y, z, u, v, w (or as
 * `names` says) with indices. For a function with several outputs, a list with one expression per element. Throws `ValueError` for ops
 * without a formula, and for functions that read numbers, unless `freeze` says that the branch taken is meant.
 *
 * @example
 * String(ad.symbolic((x) => x.sin().mul(x))(1).derivative("x")); // "cos(x) * x + sin(x)"
 */
export function symbolic<A extends unknown[] = Tensor[]>(
  f: (...args: A) => Scalar,
  options?: SymbolicOptions,
): (...args: ArgumentsOf<A>) => Expression;
export function symbolic<A extends unknown[] = Tensor[]>(
  f: (...args: A) => readonly unknown[] | { readonly [key: string]: unknown },
  options?: SymbolicOptions,
): (...args: ArgumentsOf<A>) => Expression[];
export function symbolic(f: Callback, options?: SymbolicOptions): (...args: any[]) => any {
  checkFunction("symbolic", f);
  atMost("symbolic", arguments, 2);
  const { names: given, freeze = false } = readOptions<SymbolicOptions>("symbolic", options, ["names", "freeze"]);
  boolean("symbolic", "freeze", freeze);
  if (
    given !== undefined &&
    (!Array.isArray(given) || given.some((name) => typeof name !== "string") || new Set(given).size !== given.length)
  ) {
    throw new ValueError(`symbolic: names are a list of different strings, got ${describe(given)}`, "symbolic");
  }
  return (...args) => {
    const program = trace(f)(...(args as Tensor[]));
    if (program.branched && !freeze) {
      throw new ValueError(
        "symbolic: the function read numbers that depend on its arguments (item(), data(), a comparison like x > 0), so the expression would hold for one branch only; write it with where(), maximum() or clamp(), or accept the branch taken here by { freeze: true }",
        "symbolic",
      );
    }
    const elements = new Map<Variable, Elements>();
    if (given && given.length !== program.inputs.length) {
      throw new ValueError(`symbolic: ${given.length} names for ${program.inputs.length} arguments`, "symbolic");
    }
    for (const v of program.variables) {
      if (sizeOf(v.shape) > MOST_ELEMENTS)
        throw new ValueError(
          `symbolic: a value of shape [${v.shape.join(", ")}] has more than ${MOST_ELEMENTS} elements; an expression of that size helps nobody`,
          "symbolic",
        );
      if (v.kind !== "input" && v.kind !== "computed")
        elements.set(
          v,
          Array.from(v.bytes, (x) => c(Number(x))),
        );
    }
    const variables = program.inputs.map((v, i) => elementNames(given?.[i] ?? v.name, v.shape));
    program.inputs.forEach((v, i) =>
      elements.set(
        v,
        variables[i]!.map((name) => Expression.variable(name)),
      ),
    );
    for (const instruction of program.evaluations("symbolic")) {
      elements.set(
        instruction.output,
        step(
          instruction,
          instruction.inputs.map((v) => elements.get(v)!),
        ),
      );
    }
    const out = program.outputs.flatMap((v) => elements.get(v)!).map((e) => e.withVariables(variables.flat()));
    return out.length === 1 ? out[0] : out;
  };
}
