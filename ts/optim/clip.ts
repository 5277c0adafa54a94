/** Keeping gradients small. */
import { noGrad } from "../transforms/modes.js";
import { scope } from "../memory.js";
import type { Tensor } from "../tensor.js";

/** Scales the gradients of all parameters together so that their joint norm is at most `max`; returns the norm before. */
export function clipGradNorm(params: readonly Tensor[], max: number, { p = 2 }: { p?: number } = {}): number {
  return scope(() =>
    noGrad(() => {
      const withGradient = params.filter((t) => t.grad !== null);
      const norms = withGradient.map((t) => t.grad!.norm(undefined, { p }).item());
      const total = p === Infinity ? Math.max(0, ...norms) : norms.reduce((sum, n) => sum + n ** p, 0) ** (1 / p);
      // PyTorch's small constant: a zero norm divides nothing.
      const factor = max / (total + 1e-6);
      if (factor < 1) for (const t of withGradient) t.grad = t.grad!.mul(factor);
      return total;
    }),
  );
}

/** Clips every element of the gradients to [-max, max]. */
export function clipGradValue(params: readonly Tensor[], max: number): void {
  scope(() =>
    noGrad(() => {
      for (const t of params) if (t.grad !== null) t.grad = t.grad.clamp(-max, max);
    }),
  );
}
