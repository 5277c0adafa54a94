/** Functions of one tensor, element by element. */
import * as ad from "adjoint";
import { mapped } from "../array.js";
import * as special from "../special.js";
import { EDGES, including, POSITIVE, unary, UNIT, type Case } from "./samples.js";

export const unaries: Case[] = [
  unary("neg", (x) => -x, undefined, EDGES),
  unary("abs", Math.abs, undefined, EDGES),
  unary("sign", Math.sign, undefined, EDGES, { discrete: true }),
  unary("square", (x) => x * x),
  unary("sqrt", Math.sqrt, POSITIVE, [0, 1e-20, Infinity, -1, NaN]),
  unary("rsqrt", (x) => 1 / Math.sqrt(x), POSITIVE, [0, Infinity, -1]),
  unary("cbrt", Math.cbrt, POSITIVE, [-8, 27, 0]),
  unary("reciprocal", (x) => 1 / x, POSITIVE, [Infinity, -4, 0]),
  unary("exp", Math.exp, undefined, [0, 80, -80, -700, 1000, -1000, Infinity, -Infinity, NaN]),
  unary("exp2", (x) => 2 ** x, undefined, [0, 100, -100, -1000, Infinity, -Infinity]),
  unary("expm1", Math.expm1, undefined, [1e-20, -1e-20, -Infinity, 50]),
  unary("log", Math.log, POSITIVE, [1, 1e20, 1e-20, 0, Infinity, -1]),
  unary("log2", Math.log2, POSITIVE, [8, 0, -1]),
  unary("log10", Math.log10, POSITIVE, [1000, 0, -1]),
  unary("log1p", Math.log1p, [-0.9, 3], [1e-20, -1e-20, -1, -2]),
  unary("sin", Math.sin, undefined, [0, 1000, -31.4, 1e5]),
  unary("cos", Math.cos, undefined, [0, 1000, -31.4, 1e5]),
  unary("tan", Math.tan, [-1.3, 1.3], [0, 10]),
  including(unary("asin", Math.asin, UNIT, [1, -1, 2, 1e-10]), [[0, 1e-9]]),
  including(unary("acos", Math.acos, UNIT, [1, -1, 2]), [[0, 1e-9]]),
  unary("atan", Math.atan, undefined, EDGES),
  unary("sinh", Math.sinh, undefined, [1e-10, 20, -20]),
  unary("cosh", Math.cosh, undefined, [1e-10, 20, -20]),
  including(unary("tanh", Math.tanh, undefined, [1e-10, 1000, -1000, Infinity, -Infinity, NaN]), [[0, 1e-9]]),
  unary("asinh", Math.asinh, undefined, [1e-10, 1e10, -1e10]),
  unary("acosh", Math.acosh, [1.1, 5], [1, 0.5, 1e10]),
  including(unary("atanh", Math.atanh, [-0.85, 0.85], [1, -1, 2, 1e-10]), [[0, 1e-9]]),
  unary("erf", special.erf, undefined, [0, 5, -5, Infinity, -Infinity], { tolerance: [1e-13, 2e-6] }),
  unary("erfc", special.erfc, undefined, [0, 5, -5, 8, 12, 25], { tolerance: [1e-12, 4e-6] }),
  unary("erfinv", special.erfinv, UNIT, [0, 1, -1], { tolerance: [1e-12, 2e-6] }),
  // The reference adds up logarithms: near the roots of lgamma few of its digits are left.
  unary("lgamma", special.lgamma, [0.1, 6], [1, 2, 0, -1, -1.5, 50], { tolerance: [1e-12, 4e-6], floor: 0.1 }),
  unary("digamma", special.digamma, [0.2, 6], [1, 0, -1.5, 50], { tolerance: [1e-12, 4e-6] }),
  {
    ...unary("digamma", (x) => x, [0.3, 5]),
    name: "polygamma(1)",
    call: (x) => ad.polygamma(1, x),
    reference: mapped((x) => trigamma(x)),
    tolerance: [1e-12, 4e-6],
  },
  {
    ...unary("lgamma", (x) => x, [2.1, 6]),
    name: "multigammaln",
    call: (x) => ad.multigammaln(x, 3),
    reference: mapped((x) => 1.5 * Math.log(Math.PI) + special.lgamma(x) + special.lgamma(x - 0.5) + special.lgamma(x - 1)),
    tolerance: [1e-12, 4e-6],
  },
  unary("sinc", special.sinc, undefined, [0, 1e-10, 0.3, 20.25], { tolerance: [1e-13, 4e-6] }),
  { ...unary("abs", (x) => x), name: "cast", call: (x) => x.cast("float64"), reference: mapped((x) => x) },
  unary("floor", Math.floor, undefined, [1, -0.5, 1e20], { discrete: true }),
  unary("ceil", Math.ceil, undefined, [1, -0.5, 1e20], { discrete: true }),
  unary("round", special.roundHalfEven, undefined, [0.5, 1.5, -2.5, 2.5], { discrete: true }),
  unary("trunc", Math.trunc, undefined, [1.7, -1.7, 1e20], { discrete: true }),
  unary("relu", (x) => (x > 0 || Number.isNaN(x) ? x : 0), undefined, [0, NaN, Infinity, -Infinity]),
  unary("relu6", (x) => Math.min(Math.max(x, 0), 6), [-3, 9], [0, 6, NaN]),
  unary("leakyRelu", (x) => (x > 0 ? x : 0.01 * x), undefined, [0]),
  unary("elu", (x) => (x > 0 ? x : Math.expm1(x)), undefined, [0, 1000, -1000]),
  unary("selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)), undefined, [1000, -1000]),
  unary("gelu", special.gelu, undefined, [0, 100, -100, -8, -30], { tolerance: [1e-12, 4e-6] }),
  {
    ...unary("gelu", (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
    name: "gelu tanh",
    call: (x) => ad.gelu(x, { approximate: "tanh" }),
    tolerance: [1e-13, 4e-6],
  },
  including(
    unary("silu", (x) => x * special.sigmoid(x), undefined, [1000, -1000, -80, -700, 0]),
    [[0, 1e-9]],
  ),
  including(unary("sigmoid", special.sigmoid, undefined, [1000, -1000, -80, -700, Infinity, -Infinity]), [[0, 1e-9]]),
  unary("softplus", special.softplus, undefined, [1000, -1000, -80, -700, 0]),
  unary("logSigmoid", (x) => -special.softplus(-x), undefined, [1000, -1000, 80, 700, 0]),
  unary("hardSwish", (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, [-2.8, 2.8], [-4, 4, 0]),
  including(
    unary("mish", (x) => (x === -Infinity ? 0 : x * Math.tanh(special.softplus(x))), undefined, [100, -100, Infinity, -Infinity]),
    [[0, 1e-9]],
  ),
  {
    ...unary("abs", (x) => Math.min(Math.max(x, -1), 1.5), [-0.9, 1.4], [-1, 1.5, -3, 3]),
    name: "clamp",
    call: (x) => ad.clamp(x, -1, 1.5),
  },
];

function trigamma(x: number): number {
  let shift = 0;
  while (x < 20) shift += 1 / (x++) ** 2;
  const z = 1 / (x * x);
  return 1 / x + z / 2 + (z / x) * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z / 30))) + shift;
}
