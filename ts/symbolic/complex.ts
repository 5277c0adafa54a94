/**
 * Complex evaluation of expressions, for the complex-step derivative: f'(x) = Im f(x + ih)/h for analytic f, with no
 * subtraction and so to the last digit, however small h is (Squire and Trapp, SIAM Review 40, 1998). Branches go by real parts.
 */
import { ValueError } from "../errors.js";
import { Expression } from "./expression.js";
import { functions } from "./functions.js";

export type Complex = readonly [re: number, im: number];

const add = (a: Complex, b: Complex): Complex => [a[0] + b[0], a[1] + b[1]];
const mul = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
const scale = (a: Complex, s: number): Complex => [a[0] * s, a[1] * s];

function inverse([x, y]: Complex): Complex {
  // Smith's division: no overflow from x² + y².
  if (Math.abs(x) >= Math.abs(y)) {
    const r = y / x;
    const d = x + y * r;
    return [1 / d, -r / d];
  }
  const r = x / y;
  const d = x * r + y;
  return [r / d, -1 / d];
}

const exp = ([x, y]: Complex): Complex => {
  const e = Math.exp(x);
  return [e * Math.cos(y), e * Math.sin(y)];
};
const log = ([x, y]: Complex): Complex => [Math.log(Math.hypot(x, y)), Math.atan2(y, x)];

/** Integer powers by squaring: a base on the negative axis keeps its tiny imaginary part. */
function integerPower(base: Complex, n: number): Complex {
  if (n < 0) return inverse(integerPower(base, -n));
  let [result, square]: [Complex, Complex] = [[1, 0], base];
  for (let k = n; k > 0; k = Math.floor(k / 2)) {
    if (k % 2 === 1) result = mul(result, square);
    square = mul(square, square);
  }
  return result;
}

function power(base: Complex, exponent: Complex): Complex {
  if (exponent[1] === 0 && Number.isInteger(exponent[0]) && Math.abs(exponent[0]) < 1e6) return integerPower(base, exponent[0]);
  if (base[0] === 0 && base[1] === 0) return [0, 0];
  return exp(mul(exponent, log(base)));
}

const sigmoid = ([x, y]: Complex): Complex =>
  x >= 0 ? inverse(add([1, 0], exp([-x, -y]))) : mul(exp([x, y]), inverse(add([1, 0], exp([x, y]))));
const tanh = (z: Complex): Complex => add(scale(sigmoid(scale(z, 2)), 2), [-1, 0]);
const sinh = ([x, y]: Complex): Complex => [Math.sinh(x) * Math.cos(y), Math.cosh(x) * Math.sin(y)];
const cosh = ([x, y]: Complex): Complex => [Math.cosh(x) * Math.cos(y), Math.sinh(x) * Math.sin(y)];
const bool = (value: boolean): Complex => [Number(value), 0];

const FUNCTIONS: Record<string, (...z: Complex[]) => Complex> = {
  exp: (z) => exp(z!),
  log: (z) => log(z!),
  sin: (z) => [Math.sin(z![0]) * Math.cosh(z![1]), Math.cos(z![0]) * Math.sinh(z![1])],
  cos: (z) => [Math.cos(z![0]) * Math.cosh(z![1]), -Math.sin(z![0]) * Math.sinh(z![1])],
  sinh: (z) => sinh(z!),
  cosh: (z) => cosh(z!),
  tanh: (z) => tanh(z!),
  sigmoid: (z) => sigmoid(z!),
  softplus: (z) => (z![0] > 0 ? add(z!, log(add([1, 0], exp(scale(z!, -1))))) : log(add([1, 0], exp(z!)))),
  abs: (z) => (z![0] < 0 ? scale(z!, -1) : z!),
  sign: (z) => [Math.sign(z![0]), 0],
  floor: (z) => [Math.floor(z![0]), 0],
  ceil: (z) => [Math.ceil(z![0]), 0],
  maximum: (a, b) => (a![0] >= b![0] ? a! : b!),
  minimum: (a, b) => (a![0] <= b![0] ? a! : b!),
  less: (a, b) => bool(a![0] < b![0]),
  lessEqual: (a, b) => bool(a![0] <= b![0]),
  equal: (a, b) => bool(a![0] === b![0]),
  where: (condition, a, b) => (condition![0] !== 0 ? a! : b!),
};

/** f(x + iy) = f(x) + i Σ ∂f/∂x_k y_k, to first order in y, which is all a step of 1e-20 leaves. */
function firstOrder({ value, parts }: Expression, z: readonly Complex[]): Complex {
  const { evaluate, partial } = functions[value as string]!;
  const at = z.map(([x]) => Expression.constant(x));
  const slopes = z.map(([, y], k) => (y === 0 ? 0 : y * partial(k, at).evaluate({})));
  return [evaluate(...z.slice(0, parts.length).map(([x]) => x)), slopes.reduce((a, b) => a + b, 0)];
}

/** The value at a complex point near the real axis. */
export function evaluateComplex(expression: Expression, environment: Readonly<Record<string, Complex>>): Complex {
  return expression.fold<Complex>((node, parts) => {
    switch (node.kind) {
      case "constant":
        return [node.value as number, 0];
      case "variable": {
        const value = environment[node.value as string];
        if (value === undefined) throw new ValueError(`the complex step has no value for ${node.value}`, "complexStep");
        return value;
      }
      case "sum":
        return parts.reduce(add, [0, 0]);
      case "product":
        return parts.reduce(mul, [1, 0]);
      case "power":
        return power(parts[0]!, parts[1]!);
      case "call": {
        const f = FUNCTIONS[node.value as string];
        return f === undefined ? firstOrder(node, parts) : f(...parts);
      }
    }
  });
}
