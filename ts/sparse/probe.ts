/** Whether a pattern fits: the product with an irregular vector, once from the compressed entries and once by a derivative pass. */
import { tensor } from "../creation.js";
import type { TypedArray } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import { jvp } from "../transforms/forward.js";
import type { Pattern } from "./colouring.js";

/** What the product of the derivative with the irregular vector should be. */
export interface Probe {
  readonly vector: Float64Array;
  readonly product: TypedArray;
}

/** One derivative pass in an irregular direction. */
export function probe(f: (x: Tensor) => Tensor, x: Tensor): Probe {
  const vector = Float64Array.from({ length: x.size }, (_, i) => 1 + 0.5 * Math.cos(12.9898 * (i + 1)));
  return { vector, product: (jvp(f, [x], [tensor(vector, { shape: x.shape, dtype: x.dtype })])[1] as Tensor).data() };
}

/** Roundings of a row relative to its terms, and to those of the largest row. */
export interface Tolerance {
  readonly row: number;
  readonly all: number;
}

/** The first row whose entries do not give the product: the pattern leaves something out there, or takes rows or columns together. */
export function misfit({ vector, product }: Probe, pattern: Pattern, values: TypedArray, tolerance: Tolerance): number | undefined {
  const sums = new Float64Array(pattern.rows);
  const scales = new Float64Array(pattern.rows);
  for (let i = 0; i < pattern.rows; i++) {
    for (let k = pattern.rowStart[i]!; k < pattern.rowStart[i + 1]!; k++) {
      const term = Number(values[k]) * vector[pattern.columnIndex[k]!]!;
      sums[i]! += term;
      scales[i]! += Math.abs(term);
    }
    scales[i] = Math.max(scales[i]!, Math.abs(Number(product[i])));
  }
  const largest = scales.reduce((a, b) => (b > a && b < Infinity ? b : a), 0);
  for (let i = 0; i < pattern.rows; i++) {
    const [got, expected] = [sums[i]!, Number(product[i])];
    // NaN and infinite entries cannot be compared, only where they are.
    if (!Number.isFinite(got) || !Number.isFinite(expected)) {
      if (Number.isFinite(got) !== Number.isFinite(expected)) return i;
    } else if (Math.abs(got - expected) > Math.max(tolerance.row * scales[i]!, tolerance.all * largest)) {
      return i;
    }
  }
  return undefined;
}
