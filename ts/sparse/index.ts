/**
 * Sparse Jacobians and Hessians: detect the pattern once, colour it once, then a few compressed passes per call. A tridiagonal
 * Jacobian of any size costs three.
 */
import { tensor } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { trace } from "../inspect/trace.js";
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { grad, vjp } from "../transforms/reverse.js";
import { jvp } from "../transforms/forward.js";
import { call, checkFunction, differentiable, inScope, outputTensor } from "../transforms/machinery.js";
import { overDirections } from "../transforms/vmap.js";
import { colourColumns, entryOf, starColouring, transposePattern, type Colouring, type Pattern } from "./colouring.js";
import { patternOf } from "./pattern.js";

/** Row and column of every entry that may differ from zero, row by row. */
export interface Sparsity {
  readonly rows: Int32Array;
  readonly cols: Int32Array;
  readonly shape: readonly [rows: number, columns: number];
}

export interface SparseOptions {
  /** The pattern, when it is known: entries not in it are taken for zero, so it must not lie. */
  pattern?: Sparsity;
  /** "coo" (default): rows, cols, values. "csr": rows holds the starts of the rows. */
  format?: "coo" | "csr";
  /** Check a given pattern at each call, by one more product with all columns summed; default true. */
  check?: boolean;
}

/** A sparse matrix. In "csr", `rows` are the row starts (one more than there are rows). */
export interface SparseMatrix {
  readonly rows: Int32Array;
  readonly cols: Int32Array;
  readonly values: Tensor;
  readonly shape: readonly [rows: number, columns: number];
}

function fromSparsity(name: string, { rows, cols, shape }: Sparsity): Pattern {
  const [m, n] = shape ?? [];
  if (!Number.isInteger(m) || !Number.isInteger(n) || rows?.length !== cols?.length) {
    throw new ValueError(`${name}: a pattern is { rows, cols, shape: [m, n] } with as many rows as cols`, name);
  }
  const sets = Array.from({ length: m! }, () => new Set<number>());
  rows.forEach((r, i) => {
    const c = cols[i]!;
    if (!(r >= 0 && r < m!) || !(c >= 0 && c < n!)) throw new ValueError(`${name}: the pattern's entry (${r}, ${c}) lies outside of shape [${m}, ${n}]`, name);
    sets[r]!.add(c);
  });
  const rowStart = new Int32Array(m! + 1);
  sets.forEach((set, i) => (rowStart[i + 1] = rowStart[i]! + set.size));
  const columnIndex = new Int32Array(rowStart[m!]!);
  sets.forEach((set, i) => columnIndex.set([...set].sort((a, b) => a - b), rowStart[i]!));
  return { rows: m!, columns: n!, rowStart, columnIndex };
}

function rowsOf(pattern: Pattern): Int32Array {
  const rows = new Int32Array(pattern.columnIndex.length);
  for (let i = 0; i < pattern.rows; i++) rows.fill(i, pattern.rowStart[i]!, pattern.rowStart[i + 1]!);
  return rows;
}

function matrix(pattern: Pattern, values: Tensor, format: "coo" | "csr"): SparseMatrix {
  return { rows: format === "csr" ? pattern.rowStart : rowsOf(pattern), cols: pattern.columnIndex, values, shape: [pattern.rows, pattern.columns] };
}

function one(name: string, x: unknown): Tensor {
  const { leaves } = differentiable(name, "the argument", x);
  if (leaves.length !== 1 || leaves[0] !== x) throw new ValueError(`${name}: the argument must be one tensor; tree.ravel makes one of a tree`, name);
  return leaves[0]!;
}

/** Sums of the unit directions of each colour: [count, ...shape]. */
function seeds({ colours, count }: Colouring, shape: readonly number[], dtype: DType): Tensor {
  const n = colours.length;
  const data = new Float64Array(count * n);
  colours.forEach((colour, i) => (data[colour * n + i] = 1));
  return tensor(data, { shape: [count, ...shape], dtype });
}

/** What is kept between calls at one shape. */
interface Prepared {
  pattern: Pattern;
  /** Columns by forward mode, or rows by reverse mode: whichever needs fewer colours. */
  side: "columns" | "rows";
  colouring: Colouring;
  /** Where each entry stands in the compressed passes. */
  places: Int32Array;
}

function checkFormat(name: string, format: string): void {
  if (format !== "coo" && format !== "csr") throw new ValueError(`${name}: format ${JSON.stringify(format)} does not exist; expected "coo" or "csr"`, name);
}

function checkShape(name: string, pattern: Pattern, outputs: number, inputs: number): void {
  if (pattern.rows !== outputs || pattern.columns !== inputs) {
    throw new ShapeError(`${name}: the pattern has shape [${pattern.rows}, ${pattern.columns}], the derivative [${outputs}, ${inputs}]`, name);
  }
}

/** Keeps what `make` gives for each shape and dtype of the argument. */
function perShape<R>(make: (x: Tensor) => R): (x: Tensor) => R {
  const kept = new Map<string, R>();
  return (x) => {
    const key = `${x.dtype}[${x.shape.join()}]`;
    let value = kept.get(key);
    if (value === undefined) kept.set(key, (value = make(x)));
    return value;
  };
}

/** The pattern of the Jacobian of f at the shape of x: flattened outputs by flattened inputs. */
export function jacobianSparsity(f: (x: Tensor) => Tensor): (x: Tensor) => Sparsity {
  checkFunction("jacobianSparsity", f);
  return (x) => {
    const pattern = detect("jacobianSparsity", f, x);
    return { rows: rowsOf(pattern), cols: pattern.columnIndex, shape: [pattern.rows, pattern.columns] };
  };
}

function detect(name: string, f: (x: Tensor) => Tensor, x: Tensor): Pattern {
  const program = trace((v: Tensor) => outputTensor(name, call(name, f, [v])))(one(name, x));
  return patternOf(program);
}

function prepareJacobian(pattern: Pattern): Prepared {
  const columns = colourColumns(pattern);
  const rows = colourColumns(transposePattern(pattern));
  const side = columns.count <= rows.count ? "columns" : "rows";
  const colouring = side === "columns" ? columns : rows;
  const places = new Int32Array(pattern.columnIndex.length);
  for (let i = 0; i < pattern.rows; i++) {
    for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
      const j = pattern.columnIndex[k]!;
      places[k] = side === "columns" ? colouring.colours[j]! * pattern.rows + i : colouring.colours[i]! * pattern.columns + j;
    }
  }
  return { pattern, side, colouring, places };
}

/** All passes at once: [colours, flattened outputs or inputs]. */
function compressed(f: (x: Tensor) => Tensor, x: Tensor, { side, colouring }: Prepared): Tensor {
  if (side === "columns") {
    const slopes = overDirections((v: Tensor) => jvp(f, [x], [v])[1])(seeds(colouring, x.shape, x.dtype)) as Tensor;
    return slopes.reshape([colouring.count, -1]);
  }
  const [out, pullback] = vjp(f, x);
  return (overDirections((ct: Tensor) => pullback(ct)[0])(seeds(colouring, out.shape, out.dtype)) as Tensor).reshape([colouring.count, -1]);
}

export interface SparseFunction {
  (x: Tensor): SparseMatrix;
  /** Passes one call takes at the shape of x. */
  passes(x: Tensor): number;
}

/**
 * The Jacobian of f (one tensor to one tensor) as a sparse matrix of flattened outputs by flattened inputs. The pattern is detected
 * at the first call of a shape, unless given; the passes are those of a colouring of the columns (forward) or of the rows
 * (reverse), whichever has fewer colours.
 */
export function sparseJacobian(f: (x: Tensor) => Tensor, options: SparseOptions = {}): SparseFunction {
  checkFunction("sparseJacobian", f);
  const { format = "coo", check = true } = options;
  checkFormat("sparseJacobian", format);
  const given = options.pattern && fromSparsity("sparseJacobian", options.pattern);
  const prepare = perShape((x) => prepareJacobian(given ?? detect("sparseJacobian", f, x)));
  const jacobian = (argument: Tensor) => {
    const x = one("sparseJacobian", argument);
    const prepared = prepare(x);
    const values = inScope(() => {
      if (given) {
        const size = inScope(() => ({ size: outputTensor("sparseJacobian", f(x)).size })).size;
        checkShape("sparseJacobian", given, size, x.size);
      }
      const passes = compressed(f, x, prepared).reshape([-1]);
      const entries = passes.take(tensor(prepared.places), 0);
      if (given && check) verify("sparseJacobian", f, x, prepared.pattern, entries);
      return entries;
    });
    return matrix(prepared.pattern, values, format);
  };
  return Object.assign(jacobian, { passes: (x: Tensor) => prepare(x).colouring.count });
}

/** A pattern that leaves entries out shows in a product with an irregular vector. */
function verify(name: string, f: (x: Tensor) => Tensor, x: Tensor, pattern: Pattern, values: Tensor): void {
  const v = Float64Array.from({ length: x.size }, (_, i) => 1 + 0.5 * Math.cos(12.9898 * (i + 1)));
  const expected = (jvp(f, [x], [tensor(v, { shape: x.shape, dtype: x.dtype })])[1] as Tensor).data();
  const entries = values.data();
  const tolerance = x.dtype === "float64" ? 1e-9 : 1e-3;
  for (let i = 0; i < pattern.rows; i++) {
    let [sum, scale] = [0, 0];
    for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
      const term = Number(entries[k]) * v[pattern.columnIndex[k]!]!;
      sum += term;
      scale += Math.abs(term);
    }
    const off = Math.abs(sum - Number(expected[i]));
    if (off > tolerance * Math.max(scale, Math.abs(Number(expected[i])), 1)) {
      throw new ValueError(`${name}: the given pattern leaves out entries that are not zero, in row ${i}; correct it, or leave it to be detected`, name);
    }
  }
}

/** Entries (i, j) and (j, i) together. */
function symmetric(pattern: Pattern): Pattern {
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
  return fromSparsity("sparseHessian", { rows: Int32Array.from(rows), cols: Int32Array.from(cols), shape: [pattern.rows, pattern.columns] });
}

/**
 * The Hessian of a scalar function of one tensor as a sparse symmetric matrix: Hessian-vector products for the colours of a star
 * colouring, from which each entry is read directly. Without a pattern it is that of the gradient's program.
 */
export function sparseHessian(f: (x: Tensor) => Tensor, options: SparseOptions = {}): SparseFunction {
  checkFunction("sparseHessian", f);
  const { format = "coo", check = true } = options;
  checkFormat("sparseHessian", format);
  const gradient = grad(f) as (x: Tensor) => Tensor;
  const given = options.pattern && symmetric(fromSparsity("sparseHessian", options.pattern));
  const prepare = perShape((x): Prepared => {
    const pattern = given ?? symmetric(detect("sparseHessian", gradient, x));
    checkShape("sparseHessian", pattern, x.size, x.size);
    const colouring = starColouring(pattern);
    const places = new Int32Array(pattern.columnIndex.length);
    for (let i = 0; i < pattern.rows; i++) {
      for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
        const [row, colour] = entryOf(pattern, colouring, i, pattern.columnIndex[k]!);
        places[k] = colour * pattern.rows + row;
      }
    }
    return { pattern, side: "columns", colouring, places };
  });
  const hessian = (argument: Tensor) => {
    const x = one("sparseHessian", argument);
    const prepared = prepare(x);
    const values = inScope(() => {
      const entries = compressed(gradient, x, prepared).reshape([-1]).take(tensor(prepared.places), 0);
      if (given && check) verify("sparseHessian", gradient, x, prepared.pattern, entries);
      return entries;
    });
    return matrix(prepared.pattern, values, format);
  };
  return Object.assign(hessian, { passes: (x: Tensor) => prepare(x).colouring.count });
}
