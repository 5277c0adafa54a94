/**
 * The functions an `Expression` can call: value, partial derivatives, printed forms. One row each.
 */
import { Expression } from "./expression.js";

type Style = "text" | "latex";

interface SymbolicFunction {
  evaluate: (...x: number[]) => number;
  /** The partial with respect to each argument. */
  partials: ((...x: Expression[]) => Expression)[];
  print: (style: Style, args: string[]) => string;
  /** A simpler expression for some arguments, if any. */
  simplify?: (...x: Expression[]) => Expression | undefined;
}

const c = (value: number) => Expression.constant(value);
// Looked up when called: the two modules need each other.
const sum = (...terms: Expression[]) => Expression.sum(...terms);
const product = (...factors: Expression[]) => Expression.product(...factors);
const power = (base: Expression, exponent: Expression) => Expression.power(base, exponent);
const call = (name: string, ...args: Expression[]) => Expression.call(name, ...args);
const inverse = (x: Expression) => power(x, c(-1));
const zero = () => c(0);

const latexName = (name: string) => (style: Style, args: string[]) =>
  style === "latex" ? `\\${name}\\left(${args.join(", ")}\\right)` : `${name}(${args.join(", ")})`;
const operator = (name: string) => (style: Style, args: string[]) =>
  style === "latex" ? `\\operatorname{${name}}\\left(${args.join(", ")}\\right)` : `${name}(${args.join(", ")})`;

/** f(g(x)) = x for an inverse pair of functions. */
const undoes = (name: string) => (x: Expression) => (x.kind === "call" && x.value === name ? x.parts[0] : undefined);

/** 1 - x² */
const oneMinusSquare = (x: Expression) => sum(c(1), product(c(-1), power(x, c(2))));

/** erf by its Maclaurin series (|x| < 2.5) and the continued fraction of erfc beyond (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let [term, total] = [a, a];
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total) && n < 200; n++) {
      term *= (-a * a) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

const table: Record<string, SymbolicFunction> = {
  exp: {
    evaluate: Math.exp,
    partials: [(x) => call("exp", x)],
    print: (style, [x]) => (style === "latex" ? `e^{${x}}` : `exp(${x})`),
    simplify: undoes("log"),
  },
  log: { evaluate: Math.log, partials: [inverse], print: latexName("log"), simplify: undoes("exp") },
  sin: { evaluate: Math.sin, partials: [(x) => call("cos", x)], print: latexName("sin") },
  cos: { evaluate: Math.cos, partials: [(x) => product(c(-1), call("sin", x))], print: latexName("cos") },
  // tan' = 1 + tan²
  tan: { evaluate: Math.tan, partials: [(x) => sum(c(1), power(call("tan", x), c(2)))], print: latexName("tan") },
  asin: { evaluate: Math.asin, partials: [(x) => power(oneMinusSquare(x), c(-0.5))], print: latexName("arcsin") },
  acos: { evaluate: Math.acos, partials: [(x) => product(c(-1), power(oneMinusSquare(x), c(-0.5)))], print: latexName("arccos") },
  atan: { evaluate: Math.atan, partials: [(x) => inverse(sum(c(1), power(x, c(2))))], print: latexName("arctan") },
  // ∂/∂y atan2(y, x) = x/(x² + y²),  ∂/∂x = -y/(x² + y²)
  atan2: {
    evaluate: Math.atan2,
    partials: [
      (y, x) => product(x, inverse(sum(power(x, c(2)), power(y, c(2))))),
      (y, x) => product(c(-1), y, inverse(sum(power(x, c(2)), power(y, c(2))))),
    ],
    print: operator("atan2"),
  },
  sinh: { evaluate: Math.sinh, partials: [(x) => call("cosh", x)], print: latexName("sinh") },
  cosh: { evaluate: Math.cosh, partials: [(x) => call("sinh", x)], print: latexName("cosh") },
  // tanh' = 1 - tanh²
  tanh: { evaluate: Math.tanh, partials: [(x) => oneMinusSquare(call("tanh", x))], print: latexName("tanh") },
  asinh: { evaluate: Math.asinh, partials: [(x) => power(sum(power(x, c(2)), c(1)), c(-0.5))], print: operator("asinh") },
  acosh: { evaluate: Math.acosh, partials: [(x) => power(sum(power(x, c(2)), c(-1)), c(-0.5))], print: operator("acosh") },
  atanh: { evaluate: Math.atanh, partials: [(x) => inverse(oneMinusSquare(x))], print: operator("atanh") },
  // erf' = 2/√π · e^(-x²)
  erf: {
    evaluate: erf,
    partials: [(x) => product(c(2 / Math.sqrt(Math.PI)), call("exp", product(c(-1), power(x, c(2)))))],
    print: operator("erf"),
  },
  // σ' = σ (1 - σ)
  sigmoid: {
    evaluate: (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
    partials: [(x) => product(call("sigmoid", x), sum(c(1), product(c(-1), call("sigmoid", x))))],
    print: (style, [x]) => (style === "latex" ? `\\sigma\\left(${x}\\right)` : `sigmoid(${x})`),
  },
  softplus: {
    evaluate: (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    partials: [(x) => call("sigmoid", x)],
    print: operator("softplus"),
  },
  abs: {
    evaluate: Math.abs,
    partials: [(x) => call("sign", x)],
    print: (style, [x]) => (style === "latex" ? `\\left|${x}\\right|` : `abs(${x})`),
  },
  sign: { evaluate: Math.sign, partials: [zero], print: operator("sign") },
  floor: { evaluate: Math.floor, partials: [zero], print: (style, [x]) => (style === "latex" ? `\\lfloor ${x} \\rfloor` : `floor(${x})`) },
  ceil: { evaluate: Math.ceil, partials: [zero], print: (style, [x]) => (style === "latex" ? `\\lceil ${x} \\rceil` : `ceil(${x})`) },
  // Ties share: the step of 0 is 1/2, as the engine's maximum has it.
  maximum: {
    evaluate: Math.max,
    partials: [(x, y) => call("step", sum(x, product(c(-1), y))), (x, y) => call("step", sum(y, product(c(-1), x)))],
    print: latexName("max"),
  },
  minimum: {
    evaluate: Math.min,
    partials: [(x, y) => call("step", sum(y, product(c(-1), x))), (x, y) => call("step", sum(x, product(c(-1), y)))],
    print: latexName("min"),
  },
  step: {
    evaluate: (x: number) => (x > 0 ? 1 : x < 0 ? 0 : x === 0 ? 0.5 : NaN),
    partials: [zero],
    print: (style, [x]) => (style === "latex" ? `H\\left(${x}\\right)` : `step(${x})`),
  },
  less: {
    evaluate: (x: number, y: number) => Number(x < y),
    partials: [zero, zero],
    print: (style, [x, y]) => (style === "latex" ? `\\left[${x} < ${y}\\right]` : `(${x} < ${y})`),
  },
  lessEqual: {
    evaluate: (x: number, y: number) => Number(x <= y),
    partials: [zero, zero],
    print: (style, [x, y]) => (style === "latex" ? `\\left[${x} \\le ${y}\\right]` : `(${x} <= ${y})`),
  },
  equal: {
    evaluate: (x: number, y: number) => Number(x === y),
    partials: [zero, zero],
    print: (style, [x, y]) => (style === "latex" ? `\\left[${x} = ${y}\\right]` : `(${x} == ${y})`),
  },
  where: {
    evaluate: (condition: number, x: number, y: number) => (condition !== 0 ? x : y),
    partials: [zero, (condition) => call("where", condition, c(1), c(0)), (condition) => call("where", condition, c(0), c(1))],
    print: (style, [condition, x, y]) =>
      style === "latex" ? `\\begin{cases} ${x} & ${condition} \\\\ ${y} & \\text{otherwise} \\end{cases}` : `where(${condition}, ${x}, ${y})`,
    simplify: (condition: Expression, x: Expression, y: Expression) =>
      condition.kind === "constant" ? (condition.value !== 0 ? x : y) : x === y ? x : undefined,
  },
};

export const functions: Readonly<Record<string, SymbolicFunction>> = table;
