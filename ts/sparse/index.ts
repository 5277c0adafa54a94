/**
 * Sparse Jacobians and Hessians: detect the pattern once, colour it once, then a few compressed passes per call. A tridiagonal
 * Jacobian of any size costs three.
 */
import { atMost, boolean } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { ShapeError, ValueError } from "../errors.js";
import { trace } from "../inspect/trace.js";
import type { DType } from "../dtype.js";
import { readOptions } from "../input/options.js";
import { drawPoint, withSameDraws } from "../random/state.js";
import type { Tensor } from "../tensor.js";
import { grad, vjp } from "../transforms/reverse.js";
import { jvp } from "../transforms/forward.js";
import { call, checkFunction, differentiable, inScope, outputTensor } from "../transforms/machinery.js";
import { overDirections } from "../transforms/vmap.js";
import { colourColumns, entryOf, starColouring, transposePattern, type Colouring, type Pattern } from "./colouring.js";
import { fromSparsity, matrix, rowsOf, symmetric, type SparseMatrix, type Sparsity } from "./matrix.js";
import { patternOf } from "./pattern.js";
import { misfit, probe, type Tolerance } from "./probe.js";

export type { SparseMatrix, Sparsity } from "./matrix.js";

/** Options of `sparseJacobian` and `sparseHessian`. */
export interface SparseOptions {
  /** The pattern, when it is known: entries not in it are taken for zero, so it must not lie. */
  pattern?: Sparsity;
  /** "coo" (default): rows, cols, values. "csr": rows holds the starts of the rows. */
  format?: "coo" | "csr";
  /**
   * Check the pattern at each call, by one more derivative pass; default true. A given one that does not fit is refused, one that
   * was kept from an earlier call is detected again: it may have changed with the point, or with what the function closes over.
   */
  check?: boolean;
}

/** The argument, which must be one float tensor. */
function one(name: string, x: unknown): Tensor {
  const { leaves } = differentiable(name, "the argument", x);
  if (leaves.length !== 1 || leaves[0] !== x)
    throw new ValueError(`${name}: the argument must be one tensor; tree.ravel makes one of a tree`, name);
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

function readSparseOptions(
  name: string,
  options: SparseOptions | undefined,
): Required<Omit<SparseOptions, "pattern">> & { pattern?: Sparsity } {
  const { format = "coo", check = true, pattern } = readOptions<SparseOptions>(name, options, ["pattern", "format", "check"]);
  boolean(name, "check", check);
  if (format !== "coo" && format !== "csr")
    throw new ValueError(`${name}: format ${JSON.stringify(format)} does not exist; expected "coo" or "csr"`, name);
  return { format, check, pattern };
}

function checkShape(name: string, pattern: Pattern, outputs: number, inputs: number): void {
  if (pattern.rows !== outputs || pattern.columns !== inputs) {
    throw new ShapeError(
      `${name}: the pattern has shape [${pattern.rows}, ${pattern.columns}], the derivative [${outputs}, ${inputs}]`,
      name,
    );
  }
}

/**
 * The pattern of the Jacobian of f (one tensor to one tensor) at the shape of x: flattened outputs by flattened inputs. Found from the
 * program of one run, so that an entry may be there that happens to be zero. Throws `ValueError` for a tree as the argument.
 *
 * @example
 * const { rows, cols } = ad.jacobianSparsity((x) => x.square())(ad.ones([3])); // Int32Array.of(0, 1, 2), Int32Array.of(0, 1, 2)
 */
export function jacobianSparsity(f: (x: Tensor) => Tensor): (x: Tensor) => Sparsity {
  checkFunction("jacobianSparsity", f);
  atMost("jacobianSparsity", arguments, 1);
  return (argument) => {
    const pattern = detect("jacobianSparsity", f, one("jacobianSparsity", argument));
    return { rows: rowsOf(pattern), cols: pattern.columnIndex, shape: [pattern.rows, pattern.columns] };
  };
}

function detect(name: string, f: (x: Tensor) => Tensor, x: Tensor): Pattern {
  return patternOf(trace((v: Tensor) => outputTensor(name, call(name, f, [v]), [v]))(x));
}

/** A colouring of columns or of rows, whichever takes fewer colours. */
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

/** A star colouring, from which each entry of a symmetric matrix is read directly. */
function prepareHessian(pattern: Pattern): Prepared {
  const colouring = starColouring(pattern);
  const places = new Int32Array(pattern.columnIndex.length);
  for (let i = 0; i < pattern.rows; i++) {
    for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
      const [row, colour] = entryOf(pattern, colouring, i, pattern.columnIndex[k]!);
      places[k] = colour * pattern.rows + row;
    }
  }
  return { pattern, side: "columns", colouring, places };
}

/** A sparse derivative as a function of the point, one float tensor. */
export interface SparseFunction {
  (x: Tensor): SparseMatrix;
  /** Passes one call takes at the shape of x, the check aside. */
  passes(x: Tensor): number;
}

/** What a given pattern's user may have left out as zero although roundings remain; a kept one is detected anew for less. */
const GIVEN: Record<string, Tolerance> = { float64: { row: 1e-9, all: 1e-13 }, float32: { row: 1e-3, all: 1e-6 } };
const KEPT: Record<string, Tolerance> = { float64: { row: 1e-11, all: 0 }, float32: { row: 1e-5, all: 0 } };

/** The Jacobian of `f` by patterns that are given, or found by `find` and kept for each shape. */
function sparse(
  name: string,
  f: (x: Tensor) => Tensor,
  options: SparseOptions | undefined,
  find: (x: Tensor) => Pattern,
  adapt: (given: Pattern) => Pattern,
  prepare: (pattern: Pattern) => Prepared,
): SparseFunction {
  const { format, check, pattern } = readSparseOptions(name, options);
  const given = pattern === undefined ? undefined : prepare(adapt(fromSparsity(name, pattern)));
  const kept = new Map<string, Prepared>();
  const keyOf = (x: Tensor) => `${x.dtype}[${x.shape.join()}]`;
  const detected = (x: Tensor) => {
    const found = prepare(find(x));
    kept.set(keyOf(x), found);
    return found;
  };
  const jacobian = (argument: Tensor): SparseMatrix => {
    const x = one(name, argument);
    // f runs several times, and is one function: with the same random numbers each time.
    const draws = drawPoint();
    const known = given ?? kept.get(keyOf(x));
    let used = known ?? withSameDraws(draws, () => detected(x));
    const values = inScope(() => {
      // What was detected a moment ago fits; what is older or given may not.
      const probed = check && known !== undefined ? withSameDraws(draws, () => probe(f, x)) : undefined;
      const outputs = probed?.product.length ?? used.pattern.rows;
      if (given !== undefined)
        checkShape(name, given.pattern, check ? outputs : withSameDraws(draws, () => outputTensor(name, f(x)).size), x.size);
      else if (outputs !== used.pattern.rows) used = withSameDraws(draws, () => detected(x));
      const entries = () => inScope(() => compressed(f, x, used).reshape([-1]).take(tensor(used.places), 0));
      const first = entries();
      if (probed === undefined) return first;
      const off = misfit(probed, used.pattern, first.data(), (given === undefined ? KEPT : GIVEN)[x.dtype]!);
      if (off === undefined) return first;
      if (given !== undefined)
        throw new ValueError(
          `${name}: the given pattern leaves out entries that are not zero, in row ${off}; correct it, or leave it to be detected`,
          name,
        );
      used = withSameDraws(draws, () => detected(x));
      return withSameDraws(draws, entries);
    });
    return matrix(used.pattern, values, format);
  };
  const passes = (argument: Tensor) => {
    const x = one(name, argument);
    return (given ?? kept.get(keyOf(x)) ?? withSameDraws(drawPoint(), () => detected(x))).colouring.count;
  };
  return Object.assign(jacobian, { passes });
}

/**
 * The Jacobian of f (one tensor to one tensor) as a sparse matrix of flattened outputs by flattened inputs. The pattern is detected
 * at the first call of a shape, unless given, and again when it no longer fits; the passes are those of a colouring of the columns
 * (forward) or of the rows (reverse), whichever has fewer colours. Throws `ValueError` for a given pattern that leaves out entries.
 *
 * @example
 * const { rows, cols, values } = ad.sparseJacobian((x) => x.square())(ad.tensor([1, 2, 3]));
 */
export function sparseJacobian(f: (x: Tensor) => Tensor, options?: SparseOptions): SparseFunction {
  atMost("sparseJacobian", arguments, 2);
  checkFunction("sparseJacobian", f);
  return sparse(
    "sparseJacobian",
    f,
    options,
    (x) => detect("sparseJacobian", f, x),
    (given) => given,
    prepareJacobian,
  );
}

/**
 * The Hessian of a scalar function of one tensor as a sparse symmetric matrix: Hessian-vector products for the colours of a star
 * colouring. Without a pattern it is that of the gradient's program. Throws as `sparseJacobian` and `grad` do.
 *
 * @example
 * const { values } = ad.sparseHessian((x) => x.pow(3).sum())(ad.tensor([1, 2]));
 */
export function sparseHessian(f: (x: Tensor) => Tensor, options?: SparseOptions): SparseFunction {
  atMost("sparseHessian", arguments, 2);
  checkFunction("sparseHessian", f);
  const gradient = grad(f) as (x: Tensor) => Tensor;
  return sparse("sparseHessian", gradient, options, (x) => symmetric(detect("sparseHessian", gradient, x)), symmetric, prepareHessian);
}
