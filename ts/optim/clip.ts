/** Keeping gradients small. */
import { atMost, boolean, number } from "../input/arguments.js";
import { ValueError } from "../errors.js";
import { full } from "../creation.js";
import { scope } from "../memory/scope.js";
import { where } from "../ops/elementwise.js";
import { stack } from "../ops/shape.js";
import { recorder } from "../recording.js";
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

/** x · factor, in two multiplications where the factor itself is too small for the dtype. */
function scaled(x: Tensor, factor: number): Tensor {
  if (factor === 0 || Number.isNaN(factor) || factor >= 1e-30) return x.mul(factor);
  const half = 2 ** Math.floor(Math.log2(factor) / 2);
  return x.mul(half).mul(factor / half);
}

/** The same for a factor that is not known yet. */
function scaledBy(x: Tensor, factor: Tensor): Tensor {
  const root = factor.sqrt().cast(x.dtype);
  return where(factor.ge(1e-30).logicalOr(factor.eq(0)).logicalOr(factor.isNaN()), x.mul(factor.cast(x.dtype)), x.mul(root).mul(root));
}

/**
 * Scales the gradients of one parameter or of all together so that their joint norm is at most `max`; returns the norm before, which
 * neither overflows nor vanishes. As PyTorch, gradients become NaN or 0 when the norm is; `errorIfNonfinite` refuses. Inside `compile` and `trace`
 * the norm is a tensor, which can be returned and is not to be read there.
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
      if (withGradient.length === 0) return 0;
      const norms = withGradient.map((t) => t.grad!.cast("float64").norm(undefined, { p }));
      const total = norms.length === 1 ? norms[0]! : stack(norms).norm(undefined, { p });
      // PyTorch's small constant: a zero norm divides nothing. A NaN norm must show.
      if (recorder !== null && !errorIfNonfinite) {
        const factor = full([], max, { dtype: "float64" }).div(total.add(1e-6));
        for (const t of withGradient) t.grad = where(factor.ge(1), t.grad!, scaledBy(t.grad!, factor));
        // Who makes a number of it is told by the recorder.
        return total as unknown as number;
      }
      const norm = total.item();
      if (errorIfNonfinite && !Number.isFinite(norm))
        throw new ValueError(`${op}: the norm of the gradients is ${norm}; nothing was scaled`, op);
      const factor = max / (norm + 1e-6);
      if (!(factor >= 1)) for (const t of withGradient) t.grad = scaled(t.grad!, factor);
      return norm;
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
