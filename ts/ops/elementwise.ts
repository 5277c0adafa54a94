/** Elementwise functions. All broadcast as NumPy's; conventions at kinks are in the guide. */
import { atMost, integer, number } from "../arguments.js";
import { describe } from "../describe.js";
import { dtypeCode, type DType } from "../dtype.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { checkDtype } from "../nested.js";
import { readOptions } from "../options.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { apply, binary, unary, withScalars, withTensor, type Binary, type Unary } from "./apply.js";

export const add: Binary = binary("add");
export const sub: Binary = binary("sub");
export const mul: Binary = binary("mul");
/** int32 / int32 is float32. */
export const div: Binary = binary("div");
/** Remainder with the divisor's sign. */
export const mod: Binary = binary("mod");
/** Remainder with the dividend's sign. */
export const fmod: Binary = binary("fmod");
export const pow: Binary = binary("pow");
/** √(a² + b²) without overflow. */
export const hypot: Binary = binary("hypot");
/** a log b, 0 where a is 0. */
export const xlogy: Binary = binary("xlogy");
export const atan2: Binary = binary("atan2");
/** log(eᵃ + eᵇ) without overflow. */
export const logaddexp: Binary = binary("logaddexp");
export const maximum: Binary = binary("maximum");
export const minimum: Binary = binary("minimum");

export const eq: Binary = binary("eq");
export const ne: Binary = binary("ne");
export const lt: Binary = binary("lt");
export const le: Binary = binary("le");
export const gt: Binary = binary("gt");
export const ge: Binary = binary("ge");
export const logicalAnd: Binary = binary("logicalAnd");
export const logicalOr: Binary = binary("logicalOr");
export const logicalNot: Unary = unary("logicalNot");
export const isNaN: Unary = unary("isNaN");
export const isFinite: Unary = unary("isFinite");

/** Whether an element is Infinity or -Infinity. */
export const isinf: Unary = unary("isinf");

export const neg: Unary = unary("neg");
export const abs: Unary = unary("abs");
export const sign: Unary = unary("sign");
export const square: Unary = unary("square");
export const sqrt: Unary = unary("sqrt");
export const rsqrt: Unary = unary("rsqrt");
export const cbrt: Unary = unary("cbrt");
export const reciprocal: Unary = unary("reciprocal");
export const exp: Unary = unary("exp");
export const exp2: Unary = unary("exp2");
export const expm1: Unary = unary("expm1");
export const log: Unary = unary("log");
export const log2: Unary = unary("log2");
export const log10: Unary = unary("log10");
export const log1p: Unary = unary("log1p");
export const sin: Unary = unary("sin");
export const cos: Unary = unary("cos");
export const tan: Unary = unary("tan");
export const asin: Unary = unary("asin");
export const acos: Unary = unary("acos");
export const atan: Unary = unary("atan");
export const sinh: Unary = unary("sinh");
export const cosh: Unary = unary("cosh");
export const tanh: Unary = unary("tanh");
export const asinh: Unary = unary("asinh");
export const acosh: Unary = unary("acosh");
export const atanh: Unary = unary("atanh");
export const erf: Unary = unary("erf");
export const erfc: Unary = unary("erfc");
export const erfinv: Unary = unary("erfinv");
export const lgamma: Unary = unary("lgamma");
export const digamma: Unary = unary("digamma");
/** sin(πx)/(πx), 1 at 0. */
export const sinc: Unary = unary("sinc");
export const floor: Unary = unary("floor");
export const ceil: Unary = unary("ceil");
/** Half to even. */
export const round: Unary = unary("round");
export const trunc: Unary = unary("trunc");

export const relu: Unary = unary("relu");
export const relu6: Unary = unary("relu6");
export const selu: Unary = unary("selu");
export const silu: Unary = unary("silu");
export const sigmoid: Unary = unary("sigmoid");
export const softplus: Unary = unary("softplus");
export const logSigmoid: Unary = unary("logSigmoid");
export const hardSwish: Unary = unary("hardSwish");
export const mish: Unary = unary("mish");
export const stopGradient: Unary = unary("stopGradient");

/** x where positive, else slope · x. */
export function leakyRelu(x: TensorLike, slope = 0.01): Tensor {
  atMost("leakyRelu", arguments, 2);
  return apply("leakyRelu", [x], [number("leakyRelu", "the slope", slope)]);
}

/** x where positive, else alpha (eˣ - 1). */
export function elu(x: TensorLike, options: { alpha?: number } | number = {}): Tensor {
  atMost("elu", arguments, 2);
  const { alpha = 1 } = typeof options === "number" ? { alpha: options } : readOptions("elu", options, ["alpha"]);
  return apply("elu", [x], [number("elu", "alpha", alpha)]);
}

/** x Φ(x), or its tanh approximation. */
export function gelu(x: TensorLike, options?: { approximate?: "none" | "tanh" }): Tensor {
  atMost("gelu", arguments, 2);
  const { approximate = "none" } = readOptions("gelu", options, ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh")
    throw new ValueError(`gelu: approximate is "none" or "tanh", got ${describe(approximate)}`, "gelu");
  return apply("gelu", [x], [Number(approximate === "tanh")]);
}

/** The n-th derivative of digamma, n from 0 to 170 (float64 holds no more factorials). */
export function polygamma(n: number, x: TensorLike): Tensor {
  atMost("polygamma", arguments, 2);
  return apply("polygamma", [x], [integer("polygamma", "the order", n, 0, 170)]);
}

/** Logarithm of the multivariate gamma function of dimension d, 1 to 1000. */
export function multigammaln(x: TensorLike, d: number): Tensor {
  atMost("multigammaln", arguments, 2);
  return apply("multigammaln", [x], [integer("multigammaln", "the dimension d", d, 1, 1000)]);
}

/** x held between two bounds (numbers, tensors, or null for none); the gradient passes at the bounds. */
export function clamp(x: TensorLike, lo?: TensorLike | null, hi?: TensorLike | null): Tensor {
  atMost("clamp", arguments, 3);
  const numeric = (bound: unknown): bound is number | null | undefined =>
    bound === undefined || bound === null || typeof bound === "number";
  if (numeric(lo) && numeric(hi)) return apply("clamp", [x], [lo ?? -Infinity, hi ?? Infinity]);
  return withScalars("clamp", [x, lo ?? -Infinity, hi ?? Infinity], (inputs) => apply("clamp", inputs));
}

/** a where the condition holds, else b; a bad value in the branch not taken does no harm, in the gradient neither. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  atMost("where", arguments, 3);
  return withScalars("where", [a, b], ([a, b]) => apply("where", [condition, a!, b!]));
}

/** The same values in another dtype: to int32 fractions are cut off, to bool anything but 0 is true. */
export function cast(x: TensorLike, dtype: DType): Tensor {
  atMost("cast", arguments, 2);
  return apply("cast", [x], [dtypeCode(checkDtype(dtype, "cast"))]);
}

/** x with `value`, a number or a 0-d tensor, where the bool `mask` is true (it broadcasts to x); the gradient passes elsewhere. */
export function maskedFill(x: TensorLike, mask: TensorLike, value: TensorLike): Tensor {
  atMost("maskedFill", arguments, 3);
  return withTensor("maskedFill", x, (x) =>
    withTensor("maskedFill", mask, (mask) => {
      if (mask.dtype !== "bool")
        throw new DTypeError(`maskedFill: the mask is ${mask.dtype}; expected bool, as comparisons give it (x.gt(0))`, "maskedFill");
      const filled = where(mask, value, x);
      if (filled.dtype === x.dtype && filled.shape.join() === x.shape.join()) return filled;
      filled.dispose();
      throw new ShapeError(
        `maskedFill: a mask of shape [${mask.shape.join(", ")}] and ${describe(value)} do not fit a ${x.dtype} tensor of shape [${x.shape.join(", ")}]; the mask broadcasts to it, the value is one number of its dtype (where() makes larger results)`,
        "maskedFill",
      );
    }),
  );
}

export interface NanToNumOptions {
  /** In the place of NaN; default 0. */
  nan?: number;
  /** In the place of Infinity; default the largest number of the dtype. */
  posinf?: number;
  /** In the place of -Infinity; default the lowest number of the dtype. */
  neginf?: number;
}

/** Numbers in the place of NaN and the infinities; the gradient passes elsewhere. */
export function nanToNum(x: TensorLike, options?: NanToNumOptions): Tensor {
  atMost("nanToNum", arguments, 2);
  const { nan = 0, posinf, neginf } = readOptions("nanToNum", options, ["nan", "posinf", "neginf"]);
  const end = (what: string, value: number | undefined) => (value === undefined ? [0, 0] : [1, number("nanToNum", what, value)]);
  return apply("nanToNum", [x], [number("nanToNum", "nan", nan), ...end("posinf", posinf), ...end("neginf", neginf)]);
}
