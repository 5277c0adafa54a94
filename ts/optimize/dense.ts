/** Small dense linear algebra in float64, for searches: vectors, QR, the singular value decomposition. Matrices are rows behind one another. */

/** Σ a b. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The Euclidean norm; neither overflows nor vanishes. */
export function norm(a: ArrayLike<number>): number {
  const largest = largestOf(a);
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/** The largest magnitude; NaN if one is. */
export function largestOf(a: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const size = Math.abs(a[i]!);
    if (!(size <= largest)) largest = size;
  }
  return largest;
}

/** a + s b, as a new vector. */
export const plus = (a: Float64Array, b: Float64Array, s = 1): Float64Array => a.map((v, i) => v + s * b[i]!);

/**
 * Householder's QR of a matrix of m rows and n columns, of which R is kept, as n columns (zeros below where m < n), and Qᵀb (its first n
 * numbers). Golub and Van Loan, Matrix Computations, 5.2.
 */
export function triangular(
  matrix: Float64Array,
  m: number,
  n: number,
  b: Float64Array,
): { columns: Float64Array[]; rotated: Float64Array } {
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from({ length: m }, (_, i) => matrix[i * n + j]!));
  const right = b.slice();
  for (let j = 0; j < Math.min(n, m - 1); j++) {
    const v = columns[j]!.slice(j);
    const length = norm(v);
    if (length === 0) continue;
    v[0]! += v[0]! < 0 ? -length : length;
    const half = dot(v, v) / 2;
    // So small that its square is 0: as good as zero.
    if (half === 0) continue;
    for (const target of [...columns.slice(j), right]) {
      const tail = target.subarray(j);
      const s = dot(v, tail) / half;
      for (let i = 0; i < v.length; i++) tail[i]! -= s * v[i]!;
    }
  }
  const fitted = (column: Float64Array, keep: number) =>
    Float64Array.from({ length: n }, (_, i) => (i < Math.min(keep, m) ? column[i]! : 0));
  return { columns: columns.map((column, j) => fitted(column, j + 1)), rotated: fitted(right, n) };
}

/** A = W Vᵀ with orthogonal columns of W, the lengths of which are the singular values. */
export interface Decomposition {
  /** The columns of W. */
  w: Float64Array[];
  /** The columns of V. */
  v: Float64Array[];
  /** The singular values, in no order. */
  values: Float64Array;
}

/** One-sided Jacobi (Hestenes 1958; Demmel and Veselić 1992): pairs of columns are rotated until all are orthogonal. */
export function singular(columns: readonly Float64Array[]): Decomposition {
  const n = columns.length;
  const w = columns.map((column) => column.slice());
  const v = w.map((_, j) => Float64Array.from({ length: n }, (_, i) => Number(i === j)));
  const rotate = (a: Float64Array, b: Float64Array, c: number, s: number) => {
    for (let i = 0; i < a.length; i++) {
      const [x, y] = [a[i]!, b[i]!];
      a[i] = c * x - s * y;
      b[i] = s * x + c * y;
    }
  };
  for (let sweep = 0, rotated = true; rotated && sweep < 60; sweep++) {
    rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b, c] = [dot(w[p]!, w[p]!), dot(w[q]!, w[q]!), dot(w[p]!, w[q]!)];
        if (!(Math.abs(c) > 1e-15 * Math.sqrt(a * b))) continue;
        rotated = true;
        const zeta = (b - a) / (2 * c);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, t);
        rotate(w[p]!, w[q]!, cosine, cosine * t);
        rotate(v[p]!, v[q]!, cosine, cosine * t);
      }
    }
  }
  return { w, v, values: Float64Array.from(w, norm) };
}
