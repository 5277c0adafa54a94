/** Keeping gradients small. */
import { atMost, boolean, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { scope } from "../memory/scope.js";
import { readOptions } from "../input/options.js";
import type { Tensor } from "../tensor.js";
import { noGrad } from "../transforms/modes.js";
import { clipped, type Parameters } from "./parameters.js";

/** Options of `clipGradNorm`. */
export interface ClipOptions {
  /** The norm is (Σ|x|^p)^(1/p); default 2, Infinity is the largest magnitude. */
  p?: number;
  /** Throw when the norm is NaN or infinite, instead of scaling by it. */
  errorIfNonfinite?: boolean;
}

/** (Σ nᵖ)^(1/p), of multiples of the largest, so that no power overflows or vanishes. */
function joint(norms: readonly number[], p: number): number {
  const largest = norms.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a), 0);
  if (p === Infinity || largest === 0 || !Number.isFinite(largest)) return largest;
  return largest * norms.reduce((sum, n) => sum + (n / largest) ** p, 0) ** (1 / p);
}

/** x · factor, in two multiplications where the factor itself is too small for the dtype. */
function scaled(x: Tensor, factor: number): Tensor {
  if (factor === 0 || Number.isNaN(factor) || factor >= 1e-30) return x.mul(factor);
  const half = 2 ** Math.floor(Math.log2(factor) / 2);
  return x.mul(half).mul(factor / half);
}

/**
 * Scales the gradients of one parameter or of all together so that their joint norm is at most `max`; returns the norm before, which
 * neither overflows nor vanishes. As PyTorch, gradients become NaN or 0 when the norm is; `errorIfNonfinite` refuses.
 */
export function clipGradNorm(params: Tensor | Parameters, max: number, options?: ClipOptions): number {
  atMost("clipGradNorm", arguments, 3);
  const op = "clipGradNorm";
  const { p = 2, errorIfNonfinite = false } = readOptions(op, options, ["p", "errorIfNonfinite"]);
  if (!(number(op, "the largest norm", max) >= 0))
    throw new ValueError(`${op}: the largest norm is ${max}; expected a number from 0 on`, op);
  if (!(number(op, "p", p) > 0)) throw new ValueError(`${op}: p is ${p}; expected a number above 0, or Infinity`, op);
  boolean(op, "errorIfNonfinite", errorIfNonfinite);
  const tensors = clipped(op, params);
  return scope(() =>
    noGrad(() => {
      const withGradient = tensors.filter((t) => t.grad !== null);
      const total = joint(
        withGradient.map((t) => t.grad!.cast("float64").norm(undefined, { p }).item()),
        p,
      );
      if (errorIfNonfinite && !Number.isFinite(total))
        throw new ValueError(`${op}: the norm of the gradients is ${total}; nothing was scaled`, op);
      // PyTorch's small constant: a zero norm divides nothing. A NaN norm must show.
      const factor = max / (total + 1e-6);
      if (!(factor >= 1)) for (const t of withGradient) t.grad = scaled(t.grad!, factor);
      return total;
    }),
  );
}

/** Clips every element of the gradients of one parameter or of a list to [-max, max]. */
export function clipGradValue(params: Tensor | Parameters, max: number): void {
  atMost("clipGradValue", arguments, 2);
  const op = "clipGradValue";
  if (!(number(op, "the largest value", max) >= 0))
    throw new ValueError(`${op}: the largest value is ${max}; expected a number from 0 on`, op);
  const tensors = clipped(op, params);
  scope(() =>
    noGrad(() => {
      for (const t of tensors) if (t.grad !== null) t.grad = t.grad.clamp(-max, max);
    }),
  );
}
