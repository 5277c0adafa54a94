/**
 * The functions an `Expression` can call: value, partial derivatives, printed forms. One row each. Values and partials follow the
 * engine's kernels and rules, special points included.
 */
import { chain, STRONG } from "./chain.js";
import { erf, erfc } from "./error-function.js";
import { Expression } from "./expression.js";

export type Style = "text" | "latex";

export interface SymbolicFunction {
  evaluate: (...x: number[]) => number;
  /** The partial with respect to argument `i`. */
  partial: (i: number, x: readonly Expression[]) => Expression;
  /** The derivative as a whole, where it is not a sum of partials times slopes. */
  derivative?: (x: readonly Expression[], d: readonly Expression[]) => Expression;
  print: (style: Style, args: string[]) => string;
  /** A simpler expression for some arguments, if any. */
  simplify?: (...x: Expression[]) => Expression | undefined;
  /** Finite wherever its arguments are. */
  regular?: boolean;
  /** 0 for whole ranges of its arguments. */
  selects?: boolean;
  /** What it is apart from special points: how it is printed and simplified. */
  generic?: (...x: Expression[]) => Expression;
}

const c = (value: number) => Expression.constant(value);
const { sum, product, call } = Expression;
const power = (base: Expression, exponent: number) => Expression.power(base, c(exponent));
const inverse = (x: Expression) => power(x, -1);
const zero = () => c(0);

const latexName = (name: string) => (style: Style, args: string[]) =>
  style === "latex" ? `\\${name}\\left(${args.join(", ")}\\right)` : `${name}(${args.join(", ")})`;
const operator = (name: string) => (style: Style, args: string[]) =>
  style === "latex" ? `\\operatorname{${name}}\\left(${args.join(", ")}\\right)` : `${name}(${args.join(", ")})`;
const bracket = (text: string, latex: string) => (style: Style, args: string[]) =>
  style === "latex" ? `\\left[${args.join(` ${latex} `)}\\right]` : `(${args.join(` ${text} `)})`;

/** f(g(x)) = x for an inverse pair of functions. */
const undoes = (name: string) => (x: Expression) => (x.kind === "call" && x.value === name ? x.parts[0] : undefined);

/** A function of one argument with its derivative. */
function unary(
  evaluate: (x: number) => number,
  derivative: (x: Expression) => Expression,
  print: SymbolicFunction["print"],
  more: Partial<SymbolicFunction> = {},
): SymbolicFunction {
  return { evaluate, partial: (_, [x]) => derivative(x!), print, ...more };
}

/** Piecewise constant: rounding, comparisons, shares. */
function constantly(evaluate: (...x: number[]) => number, print: SymbolicFunction["print"]): SymbolicFunction {
  return { evaluate, partial: zero, print, regular: true, selects: true };
}

/** 1 + factor x² */
const onePlus = (factor: number, x: Expression) => sum(c(1), product(c(factor), power(x, 2)));
/** (1 - x)(1 + x), which keeps its digits near 1 */
const oneMinusSquare = (x: Expression) => product(sum(c(1), x.neg()), sum(c(1), x));
/** (x² + y²)^(-1), by the hypotenuse so that the squares cannot overflow */
const perSquares = (x: Expression, y: Expression) => power(call("hypot", x, y), -2);

const sigmoid = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const roundEven = (x: number) => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

/** The remainder with the sign of the divisor. */
function mod(x: number, y: number): number {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r;
}

const largest = (x: readonly number[]) => x.reduce((a, b) => (Number.isNaN(a) || a > b ? a : b), -Infinity);

/** e^(x_i - max)/Σ_j e^(x_j - max) for the first of x; infinite ones share, and where all are -Infinity there is `none`. */
const weight =
  (none: number) =>
  (...x: number[]) => {
    const top = largest(x);
    if (top === -Infinity) return none;
    if (top === Infinity && none === 0) return x[0] === Infinity ? 1 / x.filter((v) => v === Infinity).length : 0;
    return Math.exp(x[0]! - top) / x.reduce((total, v) => total + Math.exp(v - top), 0);
  };

/** log Σ_j e^(x_j - max), by 1 + what the others add: they keep their digits, however small. */
function logOfSum(x: readonly number[], top: number): number {
  const peak = x.indexOf(top);
  return Math.log1p(x.reduce((total, v, i) => (i === peak ? total : total + Math.exp(v - top)), 0));
}

function logsumexp(...x: number[]): number {
  const top = largest(x);
  return Number.isFinite(top) ? top + logOfSum(x, top) : top;
}

/** Ties share: 1 over how many equal the extremum, for the first of x; 1 where the extremum is NaN. */
const share =
  (extremum: (...x: number[]) => number) =>
  (...x: number[]) => {
    const value = extremum(...x);
    if (Number.isNaN(value)) return 1;
    return x[0] === value ? 1 / x.filter((v) => v === value).length : 0;
  };

/** The arguments with argument i in front. */
const from = (i: number, x: readonly Expression[]) => [x[i]!, ...x.filter((_, k) => k !== i)];

/** Softmax weights: ∂w_0/∂x_0 = w_0 Σ_(j>0) w_j,  ∂w_0/∂x_j = -w_0 w_j */
function softmaxRow(name: string, none: number): SymbolicFunction {
  const of = (i: number, x: readonly Expression[]) => call(name, ...from(i, x));
  return {
    evaluate: weight(none),
    partial: (i, x) => (i === 0 ? product(of(0, x), sum(...x.slice(1).map((_, k) => of(k + 1, x)))) : product(c(-1), of(0, x), of(i, x))),
    print: operator("softmax"),
    regular: true,
  };
}

const table: Record<string, SymbolicFunction> = {
  exp: unary(
    Math.exp,
    (x) => call("exp", x),
    (style, [x]) => (style === "latex" ? `e^{${x}}` : `exp(${x})`),
    { simplify: undoes("log"), regular: true },
  ),
  exp2: unary(
    (x) => 2 ** x,
    (x) => product(c(Math.LN2), call("exp2", x)),
    (style, [x]) => (style === "latex" ? `2^{${x}}` : `exp2(${x})`),
    { regular: true },
  ),
  expm1: unary(Math.expm1, (x) => call("exp", x), operator("expm1"), { regular: true }),
  log: unary(Math.log, (x) => call("logSlope", x), latexName("log"), { simplify: undoes("exp") }),
  // 1/x, NaN where there is no logarithm
  logSlope: unary(
    (x) => (x >= 0 ? 1 / Math.abs(x) : NaN),
    (x) => power(x, -2).neg(),
    operator("1/"),
    { generic: inverse },
  ),
  log2: unary(
    Math.log2,
    (x) => product(c(1 / Math.LN2), call("logSlope", x)),
    (style, [x]) => (style === "latex" ? `\\log_2\\left(${x}\\right)` : `log2(${x})`),
  ),
  log10: unary(
    Math.log10,
    (x) => product(c(1 / Math.LN10), call("logSlope", x)),
    (style, [x]) => (style === "latex" ? `\\log_{10}\\left(${x}\\right)` : `log10(${x})`),
  ),
  log1p: unary(Math.log1p, (x) => call("logSlope", sum(c(1), x)), operator("log1p")),
  cbrt: unary(
    Math.cbrt,
    (x) => product(c(1 / 3), power(call("cbrt", x), -2)),
    (style, [x]) => (style === "latex" ? `\\sqrt[3]{${x}}` : `cbrt(${x})`),
    { regular: true },
  ),
  sin: unary(Math.sin, (x) => call("cos", x), latexName("sin"), { regular: true }),
  cos: unary(Math.cos, (x) => product(c(-1), call("sin", x)), latexName("cos"), { regular: true }),
  // tan' = 1 + tan²
  tan: unary(Math.tan, (x) => sum(c(1), power(call("tan", x), 2)), latexName("tan"), { regular: true }),
  asin: unary(Math.asin, (x) => power(oneMinusSquare(x), -0.5), latexName("arcsin")),
  acos: unary(Math.acos, (x) => product(c(-1), power(oneMinusSquare(x), -0.5)), latexName("arccos")),
  atan: unary(Math.atan, (x) => inverse(onePlus(1, x)), latexName("arctan"), { regular: true }),
  sinh: unary(Math.sinh, (x) => call("cosh", x), latexName("sinh"), { regular: true }),
  cosh: unary(Math.cosh, (x) => call("sinh", x), latexName("cosh"), { regular: true }),
  // tanh' = cosh^-2
  tanh: unary(Math.tanh, (x) => power(call("cosh", x), -2), latexName("tanh"), { regular: true }),
  asinh: unary(Math.asinh, (x) => inverse(call("hypot", x, c(1))), operator("asinh"), { regular: true }),
  acosh: unary(Math.acosh, (x) => product(power(sum(x, c(-1)), -0.5), power(sum(x, c(1)), -0.5)), operator("acosh")),
  atanh: unary(Math.atanh, (x) => call("logSlope", oneMinusSquare(x)), operator("atanh")),
  // erf' = 2/√π · e^(-x²)
  erf: unary(erf, (x) => product(c(2 / Math.sqrt(Math.PI)), call("exp", power(x, 2).neg())), operator("erf"), { regular: true }),
  erfc: unary(erfc, (x) => product(c(-2 / Math.sqrt(Math.PI)), call("exp", power(x, 2).neg())), operator("erfc"), { regular: true }),
  // σ'(x) = σ(x) σ(-x)
  sigmoid: unary(
    sigmoid,
    (x) => product(call("sigmoid", x), call("sigmoid", x.neg())),
    (style, [x]) => (style === "latex" ? `\\sigma\\left(${x}\\right)` : `sigmoid(${x})`),
    { regular: true },
  ),
  softplus: unary(
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    (x) => call("sigmoid", x),
    operator("softplus"),
    { regular: true },
  ),
  abs: unary(
    Math.abs,
    (x) => call("sign", x),
    (style, [x]) => (style === "latex" ? `\\left|${x}\\right|` : `abs(${x})`),
    { regular: true },
  ),
  // ∂/∂y atan2(y, x) = x/(x² + y²),  ∂/∂x = -y/(x² + y²)
  atan2: {
    evaluate: Math.atan2,
    partial: (i, [y, x]) => (i === 0 ? chain(x!, perSquares(x!, y!)) : chain(y!, perSquares(x!, y!)).neg()),
    print: operator("atan2"),
    regular: true,
  },
  // x/hypot, 0 at the origin
  hypot: { evaluate: Math.hypot, partial: (i, x) => chain(x[i]!, inverse(call("hypot", ...x))), print: operator("hypot"), regular: true },
  // x log y, 0 where x is 0
  xlogy: {
    evaluate: (x, y) => (x === 0 && !Number.isNaN(y!) ? 0 : x! * Math.log(y!)),
    partial: (i, [x, y]) => (i === 0 ? call("logBeside", x!, y!) : chain(x!, inverse(y!))),
    print: operator("xlogy"),
  },
  // log y, 0 where x and y are 0
  logBeside: {
    evaluate: (x, y) => (x === 0 && y === 0 ? 0 : Math.log(y!)),
    partial: (i, [, y]) => (i === 0 ? c(0) : call("logSlope", y!)),
    print: operator("log"),
    generic: (_, y) => call("log", y!),
  },
  relu: unary(
    (x) => (x > 0 ? x : x <= 0 ? 0 : NaN),
    (x) => call("positive", x),
    operator("relu"),
    { regular: true, selects: true },
  ),
  // 1 for x > 0, and for NaN
  positive: constantly(
    (x) => Number(!(x! <= 0)),
    (style, [x]) => (style === "latex" ? `\\left[0 < ${x}\\right]` : `(0 < ${x})`),
  ),
  // x^y log x = ∂x^y/∂y, 0 where x is 0 and y is not negative
  powerLog: {
    evaluate: (x, y) => (x === 0 && y! >= 0 ? 0 : x! ** y! * Math.log(x!)),
    partial: (i, [x, y]) => {
      const lower = sum(y!, c(-1));
      return i === 0
        ? sum(chain(y!, call("powerLog", x!, lower)), Expression.power(x!, lower))
        : chain(call("powerLog", x!, y!), call("log", x!));
    },
    print: (style, [x, y]) => (style === "latex" ? `\\left(${x}\\right)^{${y}} \\log\\left(${x}\\right)` : `((${x})^(${y}) * log(${x}))`),
  },
  // x - y floor(x/y):  ∂/∂y = -floor(x/y)
  mod: { evaluate: mod, partial: (i, [x, y]) => (i === 0 ? c(1) : call("floorQuotient", x!, y!).neg()), print: operator("mod") },
  fmod: {
    evaluate: (x, y) => x! % y!,
    partial: (i, [x, y]) => (i === 0 ? c(1) : call("truncQuotient", x!, y!).neg()),
    print: operator("fmod"),
  },
  floorQuotient: constantly(
    (x, y) => Math.round((x! - mod(x!, y!)) / y!),
    (style, [x, y]) => (style === "latex" ? `\\lfloor ${x} / ${y} \\rfloor` : `floor(${x} / ${y})`),
  ),
  truncQuotient: constantly(
    (x, y) => Math.round((x! - (x! % y!)) / y!),
    (_, [x, y]) => `trunc(${x} / ${y})`,
  ),
  sign: constantly(Math.sign as (...x: number[]) => number, operator("sign")),
  floor: constantly(Math.floor as (...x: number[]) => number, (style, [x]) =>
    style === "latex" ? `\\lfloor ${x} \\rfloor` : `floor(${x})`,
  ),
  ceil: constantly(Math.ceil as (...x: number[]) => number, (style, [x]) => (style === "latex" ? `\\lceil ${x} \\rceil` : `ceil(${x})`)),
  round: constantly(roundEven as (...x: number[]) => number, operator("round")),
  trunc: constantly(Math.trunc as (...x: number[]) => number, operator("trunc")),
  maximum: { evaluate: Math.max, partial: (i, x) => call("maximumShare", ...from(i, x)), print: latexName("max"), regular: true },
  minimum: { evaluate: Math.min, partial: (i, x) => call("minimumShare", ...from(i, x)), print: latexName("min"), regular: true },
  maximumShare: constantly(share(Math.max), (style, [x, ...rest]) =>
    style === "latex" ? `\\left[${x} \\ge ${rest.join(", ")}\\right]` : `isMax(${[x, ...rest].join(", ")})`,
  ),
  minimumShare: constantly(share(Math.min), (style, [x, ...rest]) =>
    style === "latex" ? `\\left[${x} \\le ${rest.join(", ")}\\right]` : `isMin(${[x, ...rest].join(", ")})`,
  ),
  // 1 at the bounds too
  clamp: {
    evaluate: (x, lo, hi) => Math.min(Math.max(x!, lo!), hi!),
    partial: (i, x) => (i === 0 ? call("within", ...x) : zero()),
    print: operator("clamp"),
    regular: true,
  },
  within: constantly(
    (x, lo, hi) => Number(lo! <= x! && x! <= hi!),
    (style, [x, lo, hi]) => (style === "latex" ? `\\left[${lo} \\le ${x} \\le ${hi}\\right]` : `(${lo} <= ${x} <= ${hi})`),
  ),
  logsumexp: { evaluate: logsumexp, partial: (i, x) => call("softmaxWeight", ...from(i, x)), print: operator("logsumexp"), regular: true },
  softmaxWeight: softmaxRow("softmaxWeight", 0),
  softmax: softmaxRow("softmax", NaN),
  // x_0 - logsumexp(x):  ∂/∂x_0 = Σ_(j>0) w_j,  ∂/∂x_j = -w_j
  logSoftmax: {
    evaluate: (...x) => {
      const top = largest(x);
      return x[0]! - top - logOfSum(x, top);
    },
    partial: (i, x) =>
      i === 0 ? sum(...x.slice(1).map((_, k) => call("softmax", ...from(k + 1, x)))) : call("softmax", ...from(i, x)).neg(),
    print: operator("logSoftmax"),
    regular: true,
  },
  less: constantly((x, y) => Number(x! < y!), bracket("<", "<")),
  lessEqual: constantly((x, y) => Number(x! <= y!), bracket("<=", "\\le")),
  equal: constantly((x, y) => Number(x === y), bracket("==", "=")),
  isNaN: constantly((x) => Number(Number.isNaN(x)), operator("isNaN")),
  isFinite: constantly((x) => Number(Number.isFinite(x)), operator("isFinite")),
  where: {
    evaluate: (condition, x, y) => (condition !== 0 ? x! : y!),
    partial: (i, [condition]) => (i === 0 ? zero() : call("where", condition!, c(Number(i === 1)), c(Number(i === 2)))),
    derivative: ([condition], [, x, y]) => call("where", condition!, x!, y!),
    print: (style, [condition, x, y]) =>
      style === "latex"
        ? `\\begin{cases} ${x} & ${condition} \\\\ ${y} & \\text{otherwise} \\end{cases}`
        : `where(${condition}, ${x}, ${y})`,
    simplify: (condition, x, y) => (condition!.kind === "constant" ? (condition!.value !== 0 ? x : y) : x === y ? x : undefined),
    regular: true,
    selects: true,
  },
  [STRONG]: {
    evaluate: (x, y) => (x === 0 || y === 0 ? 0 : x! * y!),
    partial: (i, x) => x[1 - i]!,
    print: (style, [x, y]) => (style === "latex" ? `${x} ${y}` : `${x} * ${y}`),
    generic: (x, y) => product(x!, y!),
    simplify: (x, y) => ([x!, y!].some((part) => part.kind === "constant" && Number.isFinite(part.value)) ? product(x!, y!) : undefined),
  },
};

export const functions: Readonly<Record<string, SymbolicFunction>> = table;
