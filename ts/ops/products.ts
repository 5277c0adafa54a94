/** Products of tensors that are composed of others: Kronecker's, of vectors in space, powers of matrices. */
import { asTensor, eye } from "../creation.js";
import { atMost, axisOf, integer } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { ShapeError } from "../errors.js";
import { run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { withTensors } from "./apply.js";
import { inv } from "./linalg.js";

const shown = (x: Tensor) => `[${x.shape.join(", ")}]`;

/**
 * Kronecker's product, as torch.kron: b in every place of a, times what stands there. Missing axes count as of size 1 in front; each size is the
 * product of both. Dtypes are promoted.
 *
 * @example
 * ad.kron([1, 10], [[1, 2]]); // [[1, 2, 10, 20]]
 */
export function kron(a: TensorLike, b: TensorLike): Tensor {
  atMost("kron", arguments, 2);
  return withTensors("kron", [a, b], ([a, b]) =>
    inScope(() => {
      const ndim = Math.max(a!.ndim, b!.ndim);
      const [outer, inner] = [a!, b!].map((x) => [...new Array<number>(ndim - x.ndim).fill(1), ...x.shape]) as [number[], number[]];
      const places = a!.reshape(outer.flatMap((size) => [size, 1]));
      return places.mul(b!.reshape(inner.flatMap((size) => [1, size]))).reshape(outer.map((size, axis) => size * inner[axis]!));
    }),
  );
}

/** Options of `cross`. */
export interface CrossOptions {
  /** The axis of size 3 that vectors lie along, of the broadcast shape; default the last. */
  axis?: number;
}

/**
 * The vector product a × b of vectors of three numbers along an axis (the last by default), as torch.linalg.cross. Other axes broadcast, dtypes are
 * promoted. `ShapeError` where the axis has another size or shapes do not broadcast, `IndexError` for an axis that does not exist.
 *
 * @example
 * ad.cross([1, 0, 0], [0, 1, 0]); // [0, 0, 1]
 */
export function cross(a: TensorLike, b: TensorLike, options?: CrossOptions): Tensor {
  atMost("cross", arguments, 3, "the axis is an option: { axis }");
  const { axis = -1 } = readOptions<CrossOptions>("cross", options, ["axis"]);
  return withTensors("cross", [a, b], ([a, b]) =>
    inScope(() => {
      const ndim = Math.max(a!.ndim, b!.ndim);
      const fromEnd = axisOf("cross", axis, ndim) - ndim;
      for (const x of [a!, b!])
        if (x.shape.at(fromEnd) !== 3 || x.ndim < -fromEnd)
          throw new ShapeError(
            `cross: shapes ${shown(a!)} and ${shown(b!)}; axis ${axis} must have size 3 in both, name another by { axis }`,
            "cross",
          );
      // Of u_i = a_i b_(i+1) - a_(i+1) b_i, component i + 2 of the product.
      const next = (x: Tensor) => run("roll", [x], [-1, x.ndim + fromEnd]);
      return next(a!.mul(next(b!)).sub(next(a!).mul(b!)));
    }),
  );
}

/**
 * The n-th power of square matrices [..., m, m], as torch.linalg.matrix_power: by squaring, about log₂ n products and as many again for the ones
 * in n; of the inverse for negative n, the identity for n = 0. Bools count as int32; inverses of integers are float32. `ShapeError` for matrices that are
 * not square, `ValueError` for an n that is no integer and, where n < 0, for a singular matrix.
 *
 * @example
 * ad.matrixPower([[1, 1], [1, 0]], 10); // [[89, 55], [55, 34]]
 */
export function matrixPower(A: TensorLike, n: number): Tensor {
  atMost("matrixPower", arguments, 2);
  integer("matrixPower", "n", n, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  return inScope(() => {
    const given = asTensor(A, undefined, "matrixPower");
    const size = given.shape.at(-1);
    if (given.ndim < 2 || given.shape.at(-2) !== size)
      throw new ShapeError(`matrixPower: the input has shape ${shown(given)}; expected square matrices [..., m, m]`, "matrixPower");
    let square = given.dtype === "bool" ? given.cast("int32") : given;
    if (n === 0) return eye(size!, { dtype: square.dtype }).broadcastTo(given.shape);
    if (n < 0) square = inv(square);
    let power: Tensor | undefined;
    for (let rest = Math.abs(n); ; square = square.matmul(square)) {
      if (rest % 2 === 1) power = power === undefined ? square.reshape(square.shape) : power.matmul(square);
      rest = Math.floor(rest / 2);
      if (rest === 0) return power!;
    }
  });
}
