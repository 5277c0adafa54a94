/** Linear algebra on the last two axes, batches in those before. Names are NumPy's and PyTorch's `linalg`. */
import { asTensor } from "../creation.js";
import { ShapeError } from "../errors.js";
import { atMost, boolean, number } from "../input/arguments.js";
import { readOptions } from "../input/options.js";
import { run } from "../run.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { unary, type Unary } from "./apply.js";
import { concat } from "./shape.js";

/**
 * The lower triangular L with L Lᵀ = A, of a symmetric positive definite [..., n, n]; of another matrix that of (A + Aᵀ) / 2, so that gradients are
 * symmetric. `ValueError` naming the pivot that is not positive, `ShapeError` of what is not square. Integers become float32. By halves, so that the
 * work is in matrix products; derivative: Murray (2016).
 *
 * @example
 * ad.cholesky([[4, 2], [2, 5]]); // [[2, 0], [1, 2]]
 */
export const cholesky: Unary = unary("cholesky");

/**
 * The inverse of [..., n, n] by LU factors with row exchanges. To solve systems, `solve` is more exact. `ValueError` naming the pivot of a singular
 * matrix, `ShapeError` of what is not square. Integers become float32.
 *
 * @example
 * ad.inv([[2, 1], [1, 1]]); // [[1, -1], [-1, 2]]
 */
export const inv: Unary = unary("inv");

/**
 * The determinant of [..., n, n]: [...]. First and second derivatives are right where the matrix is singular too (cofactors); 1 of no rows. `ShapeError`
 * of what is not square. Integers become float32.
 *
 * @example
 * ad.det([[1, 2], [3, 4]]); // -2
 * ad.grad(ad.det)([[1, 2], [2, 4]]); // [[4, -2], [-2, 1]]
 */
export const det: Unary = unary("det");

/**
 * eᴬ of [..., n, n], the sum of Aᵏ / k!, by scaling and squaring with a Padé approximant (Higham, 2005). `ShapeError` of what is not square. Integers
 * become float32.
 *
 * @example
 * ad.expm([[0, 1], [0, 0]]); // [[1, 1], [0, 1]]
 */
export const expm: Unary = unary("expm");

/** Rows and columns, and the axes before. */
function sizes(op: string, x: Tensor): [lead: number[], rows: number, columns: number] {
  const columns = x.shape.at(-1);
  const rows = x.shape.at(-2);
  if (columns === undefined || rows === undefined)
    throw new ShapeError(`${op}: expected a matrix, or a batch of them in the last two axes, got shape [${x.shape.join(", ")}]`, op);
  return [x.shape.slice(0, -2), rows, columns];
}

/** Matrices of these shapes, which lie side by side in the last axis. */
function apart(packed: Tensor, lead: readonly number[], shapes: readonly number[][]): Tensor[] {
  const lengths = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  return packed.split(lengths, -1).map((part, i) => part.reshape([...lead, ...shapes[i]!]));
}

/**
 * Sign and logarithm of the magnitude of the determinant of [..., n, n]: two tensors [...]. Of a singular matrix 0 and -Infinity, and its derivative
 * is refused (`ValueError`). `ShapeError` of what is not square. Integers become float32.
 *
 * @example
 * ad.slogdet([[0, 2], [3, 0]]); // [-1, 1.791759]
 */
export function slogdet(x: TensorLike): [sign: Tensor, logabsdet: Tensor] {
  atMost("slogdet", arguments, 1);
  return inScope(() => {
    const [sign, logarithm] = run("slogdet", [asTensor(x, undefined, "slogdet")]).unstack(-1);
    return [sign!, logarithm!];
  });
}

/** Whether B is one right side (or one for each matrix), as PyTorch sees it. */
const isVector = (a: Tensor, b: Tensor) => b.ndim === 1 || (b.ndim === a.ndim - 1 && b.shape.every((size, axis) => size === a.shape[axis]));

/** Both as tensors of one width. */
function both(op: string, a: TensorLike, b: TensorLike): [Tensor, Tensor] {
  const right = asTensor(b, undefined, op);
  const left = asTensor(a, right, op);
  return [left, asTensor(b, left, op)];
}

/** With a column for what is a vector. */
function withColumns(a: Tensor, b: Tensor, body: (b: Tensor) => Tensor): Tensor {
  return isVector(a, b) ? body(b.unsqueeze(-1)).squeeze(-1) : body(b);
}

/**
 * X with A X = B, for A [..., n, n] and B [..., n, m] with broadcast leading axes; B may be [n], or [..., n] with the leading axes of A. By LU factors with
 * row exchanges. `ValueError` naming the pivot of a singular matrix (`lstsq` takes such), `ShapeError` where shapes do not fit. Integers become float32.
 *
 * @example
 * ad.solve([[2, 1], [1, 3]], [3, 5]); // [0.8, 1.4]
 */
export function solve(a: TensorLike, b: TensorLike): Tensor {
  atMost("solve", arguments, 2);
  return inScope(() => {
    const [left, right] = both("solve", a, b);
    return withColumns(left, right, (right) => run("solve", [left, right]));
  });
}

/** Options of `triangularSolve`. */
export interface TriangularSolveOptions {
  /** Reads the lower triangle; default false: the upper one. */
  lower?: boolean;
  /** Takes the diagonal to be 1; default false. */
  unitDiagonal?: boolean;
}

/**
 * X with T X = B, for one triangle of T [..., n, n]; the other one is not read and has no derivative. B as of `solve`. `ValueError` naming a 0 on the
 * diagonal, `ShapeError` where shapes do not fit. Integers become float32.
 *
 * @example
 * ad.triangularSolve([[2, 0], [1, 4]], [2, 9], { lower: true }); // [1, 2]
 */
export function triangularSolve(a: TensorLike, b: TensorLike, options?: TriangularSolveOptions): Tensor {
  atMost("triangularSolve", arguments, 3);
  const own = readOptions<TriangularSolveOptions>("triangularSolve", options, ["lower", "unitDiagonal"]);
  const flags = (["lower", "unitDiagonal"] as const).map((name) => Number(boolean("triangularSolve", name, own[name] ?? false)));
  return inScope(() => {
    const [left, right] = both("triangularSolve", a, b);
    return withColumns(left, right, (right) => run("triangularSolve", [left, right], flags));
  });
}

/**
 * Q with orthonormal columns and R upper triangular, Q R = A, of [..., m, n]: [..., m, k] and [..., k, n] with k = min(m, n). By Householder's reflections, in
 * float64 also for float32. Derivatives need full rank (`ValueError`). `ShapeError` of less than two axes. Integers become float32.
 *
 * @example
 * ad.qr([[3, 1], [4, 2]])[1]; // [[-5, -2.2], [0, 0.4]]
 */
export function qr(x: TensorLike): [q: Tensor, r: Tensor] {
  atMost("qr", arguments, 1);
  return inScope(() => {
    const a = asTensor(x, undefined, "qr");
    const [lead, m, n] = sizes("qr", a);
    const k = Math.min(m, n);
    const [square, rest] = m < n ? a.split([m, n - m], -1) : [a];
    const [q, r] = apart(run("qr", [square!]), lead, [
      [m, k],
      [k, k],
    ]) as [Tensor, Tensor];
    return [q, rest ? concat([r, q.moveaxis(-1, -2).matmul(rest)], -1) : r];
  });
}

/**
 * Eigenvalues, ascending, and eigenvectors, in columns, of a symmetric [..., n, n]: [..., n] and [..., n, n]; of another matrix those of (A + Aᵀ) / 2. By
 * reflections to tridiagonal form and QL steps, in float64 also for float32; NaN where a number is not finite. Derivatives of eigenvalues are finite always, those of
 * eigenvectors infinite or NaN where eigenvalues repeat, since there they have none. `ShapeError` of what is not square. Integers become float32.
 *
 * @example
 * ad.eigh([[2, 1], [1, 2]])[0]; // [1, 3]
 */
export function eigh(x: TensorLike): [values: Tensor, vectors: Tensor] {
  atMost("eigh", arguments, 1);
  return inScope(() => {
    const a = asTensor(x, undefined, "eigh");
    const [lead, , n] = sizes("eigh", a);
    return apart(run("eigh", [a]), lead, [[n], [n, n]]) as [Tensor, Tensor];
  });
}

/**
 * U, S, Vh with U diag(S) Vh = A, of [..., m, n]: [..., m, k], [..., k] descending, [..., k, n] with k = min(m, n). By one-sided Jacobi rotations (Demmel and
 * Veselić, 1992), in float64 also for float32; NaN where a number is not finite. Derivatives of U and Vh are infinite or NaN where singular values repeat. `ShapeError` of
 * less than two axes. Integers become float32.
 *
 * @example
 * ad.svd([[3, 0], [0, -2]])[1]; // [3, 2]
 */
export function svd(x: TensorLike): [u: Tensor, s: Tensor, vh: Tensor] {
  atMost("svd", arguments, 1);
  return inScope(() => {
    const a = asTensor(x, undefined, "svd");
    const [lead, m, n] = sizes("svd", a);
    const k = Math.min(m, n);
    const [u, s, vh] = apart(run("svd", [m < n ? a.moveaxis(-1, -2) : a]), lead, [[Math.max(m, n), k], [k], [k, k]]) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    return m < n ? [vh.moveaxis(-1, -2), s, u.moveaxis(-1, -2)] : [u, s, vh];
  });
}

/** Options of `pinv` and `lstsq`. */
export interface PseudoInverseOptions {
  /** Singular values up to this part of the largest count as 0; default max(m, n) times the dtype's epsilon. */
  rcond?: number;
}

const EPSILON = { float64: 2 ** -52, float32: 2 ** -23 };

function pseudoInverse(op: string, a: Tensor, { rcond }: PseudoInverseOptions): Tensor {
  const [, m, n] = sizes(op, a);
  const least = number(op, "rcond", rcond ?? Math.max(m, n) * EPSILON[a.dtype === "float64" ? "float64" : "float32"]);
  return m < n ? run("pinv", [a.moveaxis(-1, -2)], [least]).moveaxis(-1, -2) : run("pinv", [a], [least]);
}

/**
 * The pseudo-inverse A⁺ [..., n, m] of [..., m, n] (Moore and Penrose), by the singular values. Its derivative (Golub and Pereyra, 1973) is that among matrices of
 * the same rank. `ShapeError` of less than two axes. Integers become float32.
 *
 * @example
 * ad.pinv([[1, 0], [0, 0], [0, 2]]); // [[1, 0, 0], [0, 0, 0.5]]
 */
export function pinv(x: TensorLike, options?: PseudoInverseOptions): Tensor {
  atMost("pinv", arguments, 2);
  const own = readOptions<PseudoInverseOptions>("pinv", options, ["rcond"]);
  return inScope(() => pseudoInverse("pinv", asTensor(x, undefined, "pinv"), own));
}

/**
 * The X for which A X is nearest to B, and of those the shortest, for A [..., m, n] of any rank and B [..., m, k] (or a vector, as of `solve`): A⁺ B.
 * `ShapeError` where shapes do not fit. Integers become float32.
 *
 * @example
 * ad.lstsq([[1, 0], [1, 1], [1, 2]], [1, 3, 5]); // [1, 2]
 */
export function lstsq(a: TensorLike, b: TensorLike, options?: PseudoInverseOptions): Tensor {
  atMost("lstsq", arguments, 3);
  const own = readOptions<PseudoInverseOptions>("lstsq", options, ["rcond"]);
  return inScope(() => {
    const [left, right] = both("lstsq", a, b);
    const [, rows] = sizes("lstsq", left);
    if (right.shape.at(isVector(left, right) ? -1 : -2) !== rows)
      throw new ShapeError(
        `lstsq: shapes [${left.shape.join(", ")}] and [${right.shape.join(", ")}] do not fit: ${rows} equations want right sides with ${rows} rows`,
        "lstsq",
      );
    return withColumns(left, right, (right) => pseudoInverse("lstsq", left, own).matmul(right));
  });
}
