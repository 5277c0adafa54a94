/** What comes out depends on the numbers, so they are read: picking elements by a mask, comparing as a whole. */
import { atMost, boolean, number } from "../input/arguments.js";
import { DTypeError, ShapeError } from "../errors.js";
import { scope } from "../memory/scope.js";
import { readOptions } from "../input/options.js";
import { releasing, run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { upload } from "../input/upload.js";
import { withTensor } from "./apply.js";
import { abs, add, cast, eq, isFinite, isNaN, le, logicalAnd, logicalOr, mul, sub } from "./elementwise.js";
import { all } from "./reduce.js";

/**
 * The elements where the bool `mask` is true, as a vector; a mask over the leading axes selects whole slices (NumPy's `x[mask]`). The
 * gradient goes to what was selected. The size of the result depends on the mask's numbers: not inside vmap, where `where` does it. `DTypeError` for a
 * mask that is not bool, `ShapeError`.
 *
 * @example
 * const x = ad.tensor([3, -1, 2]);
 * x.select(x.gt(0)); // [3, 2]
 */
export function select(x: TensorLike, mask: TensorLike): Tensor {
  atMost("select", arguments, 2);
  return withTensor("select", x, (x) =>
    withTensor("select", mask, (mask) => {
      if (mask.dtype !== "bool")
        throw new DTypeError(
          `select: the mask is ${mask.dtype}; expected bool, as comparisons give it (x.gt(0)). take() picks by positions`,
          "select",
        );
      if (mask.ndim > x.ndim || mask.shape.some((d, i) => d !== x.shape[i])) {
        throw new ShapeError(
          `select: a mask of shape [${mask.shape.join(", ")}] for shape [${x.shape.join(", ")}]; it must have the tensor's shape, or that of its leading axes`,
          "select",
        );
      }
      const positions: number[] = [];
      mask.data().forEach((v, i) => {
        if (v !== 0) positions.push(i);
      });
      return releasing((keep) => {
        const flat = keep(run("reshape", [x], [mask.size, ...x.shape.slice(mask.ndim)]));
        return run("take", [flat, keep(upload(positions, [positions.length], "int32"))], [0]);
      });
    }),
  );
}

/** Options of `allclose`. */
export interface AllcloseOptions {
  /** Relative to b; default 1e-5. */
  rtol?: number;
  /** Default 1e-8. */
  atol?: number;
  /** Whether NaN equals NaN; default false. */
  equalNan?: boolean;
}

/** Whether |a - b| ≤ atol + rtol |b| everywhere, in float64; equal infinities are close, shapes broadcast. true or false, not a tensor. */
export function allclose(a: TensorLike, b: TensorLike, options?: AllcloseOptions): boolean {
  atMost("allclose", arguments, 3);
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = readOptions("allclose", options, ["rtol", "atol", "equalNan"]);
  const [relative, absolute, nans] = [
    number("allclose", "rtol", rtol),
    number("allclose", "atol", atol),
    boolean("allclose", "equalNan", equalNan),
  ];
  return scope(() => {
    const [x, y] = [a, b].map((value) => cast(value, "float64")) as [Tensor, Tensor];
    const close = logicalOr(eq(x, y), le(abs(sub(x, y)), add(mul(abs(y), relative), absolute)));
    // An infinite bound would let any number pass.
    const sure = logicalOr(eq(x, y), logicalAnd(close, logicalAnd(isFinite(x), isFinite(y))));
    return all(nans ? logicalOr(sure, logicalAnd(isNaN(x), isNaN(y))) : sure).item() !== 0;
  });
}
