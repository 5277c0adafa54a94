/** The parameters of an optimizer as one vector of float64, for methods that look at all of them together. */
import { tensor } from "../creation.js";
import { scope } from "../memory/scope.js";
import type { Tensor } from "../tensor.js";
import { noGrad } from "../transforms/modes.js";

/** All numbers of tensors of the shapes of `params`; 0 where there is none. */
function joined(params: readonly Tensor[], of: (p: Tensor) => Tensor | null): Float64Array {
  const out = new Float64Array(params.reduce((sum, p) => sum + p.size, 0));
  let offset = 0;
  for (const p of params) {
    const values = of(p)?.data();
    if (values !== undefined) out.set(values as ArrayLike<number>, offset);
    offset += p.size;
  }
  return out;
}

/** The numbers of the parameters. */
export const numbersOf = (params: readonly Tensor[]): Float64Array => joined(params, (p) => p);

/** The numbers of their gradients. */
export const gradientOf = (params: readonly Tensor[]): Float64Array => joined(params, (p) => p.grad);

/** Gives the parameters other numbers. */
export function putNumbers(params: readonly Tensor[], x: Float64Array): void {
  scope(() =>
    noGrad(() => {
      let offset = 0;
      for (const p of params) {
        p.assign(tensor(x.subarray(offset, offset + p.size), { dtype: p.dtype, shape: [...p.shape] }));
        offset += p.size;
      }
    }),
  );
}
