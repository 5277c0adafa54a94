/** Elementwise functions. All broadcast as NumPy's; conventions at kinks are in docs/conventions.md. */
import { atMost, integer, number } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { dtypeCode, type DType } from "../dtype.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { checkDtype } from "../input/nested.js";
import { readOptions } from "../input/options.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { apply, binary, unary, withScalars, withTensor, type Binary, type Unary } from "./apply.js";

/**
 * a + b. Shapes broadcast (`ShapeError` where they do not); dtypes are promoted: bool to int32, int32 with a float to that float, float32
 * with float64 to float64. A plain number takes the tensor's dtype where that can hold it.
 */
export const add: Binary = binary("add");
/** a - b. Shapes broadcast, dtypes are promoted. */
export const sub: Binary = binary("sub");
/** a · b, elementwise (`matmul` is the product of matrices). Shapes broadcast, dtypes are promoted. */
export const mul: Binary = binary("mul");
/** a / b. Shapes broadcast, dtypes are promoted. int32 / int32 is float32; a / 0 is ±Infinity or NaN. */
export const div: Binary = binary("div");
/**
 * The remainder a - b ⌊a/b⌋, with the divisor's sign (Python's %). Shapes broadcast, dtypes are promoted. `ValueError` for an integer
 * divisor 0.
 */
export const mod: Binary = binary("mod");
/**
 * The remainder a - b trunc(a/b), with the dividend's sign (JavaScript's %). Shapes broadcast, dtypes are promoted. `ValueError` for an
 * integer divisor 0.
 */
export const fmod: Binary = binary("fmod");
/**
 * aᵇ; NaN for a < 0 and a fractional b, 1 for b = 0. Shapes broadcast, dtypes are promoted. The derivative with respect to b is aᵇ log a,
 * 0 where a = 0 and b > 0.
 */
export const pow: Binary = binary("pow");
/** √(a² + b²) without overflow. Shapes broadcast. Integers become float32. Its gradient is 0 where both are 0. */
export const hypot: Binary = binary("hypot");
/** a log b, and 0 where a is 0 whatever b is. Shapes broadcast. Integers become float32. */
export const xlogy: Binary = binary("xlogy");
/**
 * The angle of the point (b, a) from the positive axis, in (-π, π]: atan(a/b) with the quadrant; `y.atan2(x)`. Shapes broadcast. Integers
 * become float32.
 */
export const atan2: Binary = binary("atan2");
/** log(eᵃ + eᵇ) without overflow. Shapes broadcast. Integers become float32. */
export const logaddexp: Binary = binary("logaddexp");
/** The larger of a and b; NaN where one is NaN. Shapes broadcast, dtypes are promoted. Where they tie each has half the derivative. */
export const maximum: Binary = binary("maximum");
/** The smaller of a and b; NaN where one is NaN. Shapes broadcast, dtypes are promoted. Where they tie each has half the derivative. */
export const minimum: Binary = binary("minimum");

/** Whether a = b; NaN equals nothing. Shapes broadcast; the result is bool, without a derivative. */
export const eq: Binary = binary("eq");
/** Whether a ≠ b; true for NaN. Shapes broadcast; the result is bool, without a derivative. */
export const ne: Binary = binary("ne");
/** Whether a < b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
export const lt: Binary = binary("lt");
/** Whether a ≤ b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
export const le: Binary = binary("le");
/** Whether a > b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
export const gt: Binary = binary("gt");
/** Whether a ≥ b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
export const ge: Binary = binary("ge");
/** Whether a and b are both true (not 0). Shapes broadcast; the result is bool, without a derivative. */
export const logicalAnd: Binary = binary("logicalAnd");
/** Whether a or b is true (not 0). Shapes broadcast; the result is bool, without a derivative. */
export const logicalOr: Binary = binary("logicalOr");
/** Whether x is false (0). The result is bool, without a derivative. */
export const logicalNot: Unary = unary("logicalNot");
/** Whether x is NaN. The result is bool, without a derivative. */
export const isNaN: Unary = unary("isNaN");
/** Whether x is neither NaN nor infinite. The result is bool, without a derivative. */
export const isFinite: Unary = unary("isFinite");

/** Whether x is Infinity or -Infinity. The result is bool, without a derivative. */
export const isinf: Unary = unary("isinf");

/** -x. The dtype stays (bool becomes int32). */
export const neg: Unary = unary("neg");
/** |x|. The dtype stays (bool becomes int32). The derivative is the sign of x, 0 at 0. */
export const abs: Unary = unary("abs");
/** -1, 0 or 1 by the sign of x; NaN of NaN. The dtype stays (bool becomes int32). The derivative is 0. */
export const sign: Unary = unary("sign");
/** x². The dtype stays (bool becomes int32). */
export const square: Unary = unary("square");
/** √x; NaN below 0, where the derivative 1/(2√x) is NaN too; Infinity at 0. Integers become float32. */
export const sqrt: Unary = unary("sqrt");
/** 1/√x; Infinity at 0, NaN below. Integers become float32. */
export const rsqrt: Unary = unary("rsqrt");
/** ∛x, of negative numbers too. Integers become float32. The derivative is Infinity at 0. */
export const cbrt: Unary = unary("cbrt");
/** 1/x; ±Infinity at ±0. Integers become float32. */
export const reciprocal: Unary = unary("reciprocal");
/** eˣ. Integers become float32. */
export const exp: Unary = unary("exp");
/** 2ˣ. Integers become float32. */
export const exp2: Unary = unary("exp2");
/** eˣ - 1, exact near 0. Integers become float32. */
export const expm1: Unary = unary("expm1");
/** The natural logarithm; -Infinity at 0, NaN below. Integers become float32. */
export const log: Unary = unary("log");
/** The logarithm to base 2; -Infinity at 0, NaN below. Integers become float32. */
export const log2: Unary = unary("log2");
/** The logarithm to base 10; -Infinity at 0, NaN below. Integers become float32. */
export const log10: Unary = unary("log10");
/** log(1 + x), exact near 0; -Infinity at -1, NaN below. Integers become float32. */
export const log1p: Unary = unary("log1p");
/** The sine of x in radians. Integers become float32. */
export const sin: Unary = unary("sin");
/** The cosine of x in radians. Integers become float32. */
export const cos: Unary = unary("cos");
/** The tangent of x in radians. Integers become float32. */
export const tan: Unary = unary("tan");
/** The inverse sine, in [-π/2, π/2]; NaN outside of [-1, 1]. Integers become float32. */
export const asin: Unary = unary("asin");
/** The inverse cosine, in [0, π]; NaN outside of [-1, 1]. Integers become float32. */
export const acos: Unary = unary("acos");
/** The inverse tangent, in (-π/2, π/2). Integers become float32. */
export const atan: Unary = unary("atan");
/** The hyperbolic sine (eˣ - e⁻ˣ)/2. Integers become float32. */
export const sinh: Unary = unary("sinh");
/** The hyperbolic cosine (eˣ + e⁻ˣ)/2. Integers become float32. */
export const cosh: Unary = unary("cosh");
/** The hyperbolic tangent (eˣ - e⁻ˣ)/(eˣ + e⁻ˣ). Integers become float32. */
export const tanh: Unary = unary("tanh");
/** The inverse hyperbolic sine log(x + √(x² + 1)). Integers become float32. */
export const asinh: Unary = unary("asinh");
/** The inverse hyperbolic cosine log(x + √(x² - 1)); NaN below 1. Integers become float32. */
export const acosh: Unary = unary("acosh");
/** The inverse hyperbolic tangent log((1 + x)/(1 - x))/2; ±Infinity at ±1, NaN beyond. Integers become float32. */
export const atanh: Unary = unary("atanh");
/** The error function 2/√π ∫₀ˣ e^(-t²) dt. Integers become float32. */
export const erf: Unary = unary("erf");
/** 1 - erf x, with all digits where it is tiny. Integers become float32. */
export const erfc: Unary = unary("erfc");
/** The inverse of erf; ±Infinity at ±1, NaN beyond. Integers become float32. */
export const erfinv: Unary = unary("erfinv");
/** log |Γ(x)|; Infinity at 0, -1, -2, ... Integers become float32. The derivative is `digamma`. */
export const lgamma: Unary = unary("lgamma");
/** Γ'(x)/Γ(x), the derivative of log Γ. Integers become float32. Its own is `polygamma(1, x)`. */
export const digamma: Unary = unary("digamma");
/** sin(πx)/(πx), 1 at 0 (NumPy's). Integers become float32. */
export const sinc: Unary = unary("sinc");
/** The largest integer not above x. The dtype stays (bool becomes int32). The derivative is 0. */
export const floor: Unary = unary("floor");
/** The smallest integer not below x. The dtype stays (bool becomes int32). The derivative is 0. */
export const ceil: Unary = unary("ceil");
/** The nearest integer, half to even (2.5 is 2). The dtype stays (bool becomes int32). The derivative is 0. */
export const round: Unary = unary("round");
/** x without its fraction. The dtype stays (bool becomes int32). The derivative is 0. */
export const trunc: Unary = unary("trunc");

/** max(x, 0). The dtype stays (bool becomes int32). The derivative at 0 is 0. */
export const relu: Unary = unary("relu");
/** min(max(x, 0), 6). The dtype stays (bool becomes int32). The derivative at 0 and 6 is 0. */
export const relu6: Unary = unary("relu6");
/** 1.0507 · (x where x > 0, else 1.6733 (eˣ - 1)): Klambauer et al. 2017. Integers become float32. */
export const selu: Unary = unary("selu");
/** x σ(x), also called swish. Integers become float32. */
export const silu: Unary = unary("silu");
/** σ(x) = 1/(1 + e⁻ˣ). Integers become float32. */
export const sigmoid: Unary = unary("sigmoid");
/** log(1 + eˣ) without overflow. Integers become float32. The derivative is σ(x). */
export const softplus: Unary = unary("softplus");
/** log σ(x) = -softplus(-x) without overflow. Integers become float32. */
export const logSigmoid: Unary = unary("logSigmoid");
/** x min(max(x + 3, 0), 6) / 6. Integers become float32. */
export const hardSwish: Unary = unary("hardSwish");
/** x tanh(log(1 + eˣ)): Misra 2019. Integers become float32. */
export const mish: Unary = unary("mish");
/** x as a constant: its derivative is 0 in both modes and for `backward()`. The numbers are shared, not copied. */
export const stopGradient: Unary = unary("stopGradient");

/** x where positive, else slope · x (default 0.01). Integers become float32. The derivative at 0 is the slope. */
export function leakyRelu(x: TensorLike, slope = 0.01): Tensor {
  atMost("leakyRelu", arguments, 2);
  return apply("leakyRelu", [x], [number("leakyRelu", "the slope", slope)]);
}

/** Options of `elu`. */
export interface EluOptions {
  /** The limit below is -alpha; default 1. */
  alpha?: number;
}

/** x where positive, else alpha (eˣ - 1), alpha 1 unless given, by itself or as an option. Integers become float32. */
export function elu(x: TensorLike, options: EluOptions | number = {}): Tensor {
  atMost("elu", arguments, 2);
  const { alpha = 1 } = typeof options === "number" ? { alpha: options } : readOptions("elu", options, ["alpha"]);
  return apply("elu", [x], [number("elu", "alpha", alpha)]);
}

/** Options of `gelu`. */
export interface GeluOptions {
  /** "none" (default) is exact, "tanh" the approximation of the first papers. */
  approximate?: "none" | "tanh";
}

/**
 * x Φ(x) with the normal distribution function Φ(x) = (1 + erf(x/√2))/2; `{ approximate: "tanh" }` is x (1 + tanh(√(2/π)(x + 0.044715 x³)))/2.
 * Integers become float32. `ValueError` for another approximation.
 */
export function gelu(x: TensorLike, options?: GeluOptions): Tensor {
  atMost("gelu", arguments, 2);
  const { approximate = "none" } = readOptions("gelu", options, ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh")
    throw new ValueError(`gelu: approximate is "none" or "tanh", got ${describe(approximate)}`, "gelu");
  return apply("gelu", [x], [Number(approximate === "tanh")]);
}

/**
 * The n-th derivative of digamma, for one n from 0 to 170 (float64 holds no more factorials). Integers become float32. As a function
 * `polygamma(n, x)`, as PyTorch has it. `ValueError` for other n.
 */
export function polygamma(n: number, x: TensorLike): Tensor {
  atMost("polygamma", arguments, 2);
  return apply("polygamma", [x], [integer("polygamma", "the order", n, 0, 170)]);
}

/**
 * The logarithm of the multivariate gamma function of dimension d (1 to 1000), d (d - 1)/4 log π + Σ log Γ(x - j/2) over j = 0 ... d - 1.
 * Integers become float32. `ValueError` for other d.
 */
export function multigammaln(x: TensorLike, d: number): Tensor {
  atMost("multigammaln", arguments, 2);
  return apply("multigammaln", [x], [integer("multigammaln", "the dimension d", d, 1, 1000)]);
}

/**
 * min(max(x, lo), hi): x held between two bounds, numbers or tensors that broadcast, or null for none. The gradient passes where x is
 * inside, bounds included. Throws `ValueError` for numbers lo > hi.
 */
export function clamp(x: TensorLike, lo?: TensorLike | null, hi?: TensorLike | null): Tensor {
  atMost("clamp", arguments, 3);
  const numeric = (bound: unknown): bound is number | null | undefined =>
    bound === undefined || bound === null || typeof bound === "number";
  if (numeric(lo) && numeric(hi)) {
    const [low, high] = [lo ?? -Infinity, hi ?? Infinity];
    if (low > high) throw new ValueError(`clamp: the lower bound ${low} is above the upper bound ${high}; write clamp(x, lo, hi)`, "clamp");
    return apply("clamp", [x], [low, high]);
  }
  return withScalars("clamp", [x, lo ?? -Infinity, hi ?? Infinity], (inputs) => apply("clamp", inputs));
}

/**
 * a where the condition holds, else b. The three broadcast; anything but 0 counts as true, a number adopts the other branch's dtype. What is
 * not selected has no influence, on the gradient neither: `where(x.gt(0), x.log(), 0)` has none at 0. As a method of the condition:
 * `x.gt(0).where(x, 0)`.
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  atMost("where", arguments, 3);
  return withScalars("where", [a, b], ([a, b]) => apply("where", [condition, a!, b!]));
}

/**
 * The same values in another dtype: "float32", "float64", "int32" or "bool". To int32 fractions are cut off, to bool anything but 0 is true.
 * The derivative passes between floats, and is 0 elsewhere. `DTypeError` for other names.
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  atMost("cast", arguments, 2);
  return apply("cast", [x], [dtypeCode(checkDtype(dtype, "cast"))]);
}

/**
 * x with `value`, a number or a 0-d tensor, where the bool `mask` is true (it broadcasts to x); the gradient passes elsewhere. Shape and
 * dtype are those of x. `DTypeError` for a mask that is not bool, `ShapeError` for one that does not broadcast to x.
 */
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

/** Options of `nanToNum`. */
export interface NanToNumOptions {
  /** In the place of NaN; default 0. */
  nan?: number;
  /** In the place of Infinity; default the largest number of the dtype. */
  posinf?: number;
  /** In the place of -Infinity; default the lowest number of the dtype. */
  neginf?: number;
}

/** Numbers in the place of NaN and the infinities, as NumPy's nan_to_num; the gradient passes elsewhere. The dtype stays. */
export function nanToNum(x: TensorLike, options?: NanToNumOptions): Tensor {
  atMost("nanToNum", arguments, 2);
  const { nan = 0, posinf, neginf } = readOptions("nanToNum", options, ["nan", "posinf", "neginf"]);
  const end = (what: string, value: number | undefined) => (value === undefined ? [0, 0] : [1, number("nanToNum", what, value)]);
  return apply("nanToNum", [x], [number("nanToNum", "nan", nan), ...end("posinf", posinf), ...end("neginf", neginf)]);
}
