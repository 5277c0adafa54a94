/** Picking elements by a mask: what comes out depends on the numbers, so they are read. */
import { atMost } from "../arguments.js";
import { DTypeError, ShapeError } from "../errors.js";
import { releasing, run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { upload } from "../upload.js";
import { withTensor } from "./apply.js";

/**
 * The elements where the bool `mask` is true, as a vector; a mask over the leading axes selects whole slices (NumPy's `x[mask]`). The
 * gradient goes to what was selected. The size of the result depends on the mask's numbers: not inside vmap, where `where` does it.
 */
export function select(x: TensorLike, mask: TensorLike): Tensor {
  atMost("select", arguments, 2);
  return withTensor("select", x, (x) =>
    withTensor("select", mask, (mask) => {
      if (mask.dtype !== "bool") throw new DTypeError(`select: the mask is ${mask.dtype}; expected bool, as comparisons give it (x.gt(0)). take() picks by positions`, "select");
      if (mask.ndim > x.ndim || mask.shape.some((d, i) => d !== x.shape[i])) {
        throw new ShapeError(`select: a mask of shape [${mask.shape.join(", ")}] for shape [${x.shape.join(", ")}]; it must have the tensor's shape, or that of its leading axes`, "select");
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
