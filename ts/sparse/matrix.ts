/** Patterns and sparse matrices as the user sees them. */
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { transposePattern, type Pattern } from "./colouring.js";

/** Row and column of every entry that may differ from zero, row by row. */
export interface Sparsity {
  /** The row of each entry. */
  readonly rows: Int32Array;
  /** The column of each entry. */
  readonly cols: Int32Array;
  /** Of the whole matrix. */
  readonly shape: readonly [rows: number, columns: number];
}

/** A sparse matrix. In "csr", `rows` are the row starts (one more than there are rows). */
export interface SparseMatrix {
  /** The row of each entry ("coo"), or where each row starts ("csr"). */
  readonly rows: Int32Array;
  /** The column of each entry. */
  readonly cols: Int32Array;
  /** The number at each entry, a vector; derivatives go through it. */
  readonly values: Tensor;
  /** Of the whole matrix. */
  readonly shape: readonly [rows: number, columns: number];
}

/** A pattern from the user; `ValueError` for entries that do not lie in its shape. */
export function fromSparsity(name: string, given: Sparsity): Pattern {
  const { rows, cols, shape } = (given ?? {}) as Sparsity;
  const [m, n] = Array.isArray(shape) ? (shape as readonly number[]) : [];
  if (!Number.isInteger(m) || !Number.isInteger(n) || !(m! >= 0) || !(n! >= 0) || !(rows?.length >= 0) || rows.length !== cols?.length) {
    throw new ValueError(`${name}: a pattern is { rows, cols, shape: [m, n] } with as many rows as cols`, name);
  }
  const sets = Array.from({ length: m! }, () => new Set<number>());
  Array.from(rows).forEach((r, i) => {
    const c = cols[i]!;
    if (!Number.isInteger(r) || !Number.isInteger(c) || r < 0 || r >= m! || c < 0 || c >= n!)
      throw new ValueError(`${name}: the pattern's entry (${r}, ${c}) lies outside of shape [${m}, ${n}]`, name);
    sets[r]!.add(c);
  });
  const rowStart = new Int32Array(m! + 1);
  sets.forEach((set, i) => (rowStart[i + 1] = rowStart[i]! + set.size));
  const columnIndex = new Int32Array(rowStart[m!]!);
  sets.forEach((set, i) =>
    columnIndex.set(
      [...set].sort((a, b) => a - b),
      rowStart[i]!,
    ),
  );
  return { rows: m!, columns: n!, rowStart, columnIndex };
}

/** The row of each entry. */
export function rowsOf(pattern: Pattern): Int32Array {
  const rows = new Int32Array(pattern.columnIndex.length);
  for (let i = 0; i < pattern.rows; i++) rows.fill(i, pattern.rowStart[i]!, pattern.rowStart[i + 1]!);
  return rows;
}

/** The answer in the format asked for. */
export function matrix(pattern: Pattern, values: Tensor, format: "coo" | "csr"): SparseMatrix {
  return {
    rows: format === "csr" ? pattern.rowStart : rowsOf(pattern),
    cols: pattern.columnIndex,
    values,
    shape: [pattern.rows, pattern.columns],
  };
}

/** Entries (i, j) and (j, i) together. */
export function symmetric(pattern: Pattern): Pattern {
  const other = transposePattern(pattern);
  const rows: number[] = [];
  const cols: number[] = [];
  for (const p of [pattern, other]) {
    for (let i = 0; i < p.rows; i++) {
      for (let k = p.rowStart[i]!; k < p.rowStart[i + 1]!; k++) {
        rows.push(i);
        cols.push(p.columnIndex[k]!);
      }
    }
  }
  return fromSparsity("sparseHessian", {
    rows: Int32Array.from(rows),
    cols: Int32Array.from(cols),
    shape: [pattern.rows, pattern.columns],
  });
}
