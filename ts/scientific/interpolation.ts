/** Functions through points: straight between them, or by cubic polynomials. */
import { atMost } from "../input/arguments.js";
import { asTensor, eye, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import { searchsorted, take } from "../ops/index.js";
import { solve } from "../ops/linalg.js";
import { slice, stack } from "../ops/shape.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { numbersOf } from "./space.js";

/** Options of `interp`. */
export interface InterpolationOptions {
  /** The value before the first point; default that of the first. */
  left?: number;
  /** The value behind the last point; default that of the last. */
  right?: number;
}

/** Options of `cubicSpline`. */
export interface SplineOptions {
  /** "not-a-knot" (default: the first two and the last two pieces are one polynomial each), "natural" (no curvature at the ends), or "clamped" (no slope there). */
  boundary?: "not-a-knot" | "natural" | "clamped";
}

/** Places and values as vectors of one float dtype; places go up. */
function pointsOf(op: string, places: TensorLike, values: TensorLike, least: number): [x: Tensor, y: Tensor] {
  const y0 = asTensor(values, undefined, op);
  const x0 = asTensor(places, y0, op);
  const dtype = x0.dtype === "float64" || y0.dtype === "float64" ? "float64" : "float32";
  const [x, y] = [x0.cast(dtype), y0.cast(dtype)];
  if (x.ndim !== 1 || y.ndim !== 1 || x.size !== y.size || x.size < least)
    throw new ShapeError(
      `${op}: places have shape [${x.shape.join(", ")}] and values [${y.shape.join(", ")}]; expected two vectors of one length, at least ${least}`,
      op,
    );
  const numbers = numbersOf(x);
  for (let i = 1; i < numbers.length; i++)
    if (!(numbers[i]! > numbers[i - 1]!))
      throw new ValueError(`${op}: places must go up, got ${numbers[i - 1]} and then ${numbers[i]}`, op);
  return [x, y];
}

/** For each x the piece it lies in: 0 to n - 2. */
const pieceOf = (places: Tensor, x: Tensor): Tensor =>
  searchsorted(places, x, { right: true })
    .sub(1)
    .clamp(0, places.size - 2)
    .cast("int32");

/**
 * The values at `x`, of any shape, of the straight lines between points (xp, fp), as numpy.interp: outside of them the first and the last value. Derivatives in all three. `ValueError`
 * for xp that does not go up.
 *
 * @example
 * ad.interp([0.5, 1.5, 9], [0, 1, 2], [0, 10, 0]); // [5, 5, 0]
 */
export function interp(x: TensorLike, xp: TensorLike, fp: TensorLike, options?: InterpolationOptions): Tensor {
  atMost("interp", arguments, 4);
  const { left, right } = readOptions<InterpolationOptions>("interp", options, ["left", "right"]);
  return inScope(() => {
    const [places, values] = pointsOf("interp", xp, fp, 2);
    const at = asTensor(x, places, "interp");
    const piece = pieceOf(places, at);
    const [x0, x1] = [take(places, piece, 0), take(places, piece.add(1), 0)];
    const [y0, y1] = [take(values, piece, 0), take(values, piece.add(1), 0)];
    const inside = y0.add(at.sub(x0).div(x1.sub(x0)).mul(y1.sub(y0)));
    const [first, last] = [places.at(0), places.at(-1)];
    return where(at.lt(first), left ?? values.at(0), where(at.gt(last), right ?? values.at(-1), inside));
  });
}

/**
 * The cubic spline through points (x, y), twice differentiable: a function that gives its values at places of any shape; outside of the points the first and last polynomials go on.
 * Derivatives of all orders in `x`, `y` and the places. `ValueError` for x that does not go up, `ShapeError` of fewer than three points (four for "not-a-knot").
 *
 * @example
 * ad.cubicSpline([0, 1, 2, 3], [0, 1, 8, 27])([0.5, 2.5]); // [0.125, 15.625]
 */
export function cubicSpline(x: TensorLike, y: TensorLike, options?: SplineOptions): (at: TensorLike) => Tensor {
  const op = "cubicSpline";
  atMost(op, arguments, 3);
  const { boundary = "not-a-knot" } = readOptions<SplineOptions>(op, options, ["boundary"]);
  if (!["not-a-knot", "natural", "clamped"].includes(boundary))
    throw new ValueError(`${op}: boundary is ${describe(boundary)}; expected "not-a-knot", "natural" or "clamped"`, op);
  const [places, values, curvature] = inScope((): [Tensor, Tensor, Tensor] => {
    const [x0, y0] = pointsOf(op, x, y, boundary === "not-a-knot" ? 4 : 3);
    return [x0, y0, curvatures(x0, y0, boundary)];
  });
  return function (at: TensorLike): Tensor {
    atMost("a cubic spline", arguments, 1);
    return inScope(() => {
      const t = asTensor(at, places, op);
      const piece = pieceOf(places, t);
      const pair = (v: Tensor) => [take(v, piece, 0), take(v, piece.add(1), 0)] as [Tensor, Tensor];
      const [[x0, x1], [y0, y1], [m0, m1]] = [pair(places), pair(values), pair(curvature)];
      const h = x1.sub(x0);
      const [b, a] = [t.sub(x0).div(h), x1.sub(t).div(h)];
      // a y0 + b y1 + ((a³ - a) m0 + (b³ - b) m1) h² / 6
      const cubic = (v: Tensor) => v.mul(v).mul(v).sub(v);
      return a
        .mul(y0)
        .add(b.mul(y1))
        .add(cubic(a).mul(m0).add(cubic(b).mul(m1)).mul(h.square()).div(6));
    });
  };
}

/** The second derivatives at the points: h_i m_i + 2 (h_i + h_{i+1}) m_{i+1} + h_{i+1} m_{i+2} = 6 times the change of slope, and a row for each end. */
function curvatures(x: Tensor, y: Tensor, boundary: "not-a-knot" | "natural" | "clamped"): Tensor {
  const n = x.size;
  const part = (v: Tensor, from: number, to: number) => slice(v, [from], [to]);
  const h = part(x, 1, n).sub(part(x, 0, n - 1));
  const slopes = part(y, 1, n)
    .sub(part(y, 0, n - 1))
    .div(h);
  const one = eye(n, { dtype: x.dtype });
  const unit = (row: number) => one.at(row);
  const rows: Tensor[] = [];
  const right: Tensor[] = [];
  const add = (terms: [column: number, factor: Tensor][], value: Tensor) => {
    rows.push(terms.map(([column, factor]) => unit(column).mul(factor)).reduce((sum, term) => sum.add(term)));
    right.push(value);
  };
  const [first, second, last, before] = [h.at(0), h.at(1), h.at(n - 2), h.at(n - 3)] as [Tensor, Tensor, Tensor, Tensor];
  const [zero, whole] = [tensor(0, { dtype: x.dtype }), tensor(1, { dtype: x.dtype })];
  if (boundary === "natural") add([[0, whole]], zero);
  else if (boundary === "clamped")
    add(
      [
        [0, first.mul(2)],
        [1, first],
      ],
      slopes.at(0).mul(6),
    );
  else
    add(
      [
        [0, second],
        [1, first.add(second).neg()],
        [2, first],
      ],
      zero,
    );
  for (let i = 0; i < n - 2; i++)
    add(
      [
        [i, h.at(i)],
        [
          i + 1,
          h
            .at(i)
            .add(h.at(i + 1))
            .mul(2),
        ],
        [i + 2, h.at(i + 1)],
      ],
      slopes
        .at(i + 1)
        .sub(slopes.at(i))
        .mul(6),
    );
  if (boundary === "natural") add([[n - 1, whole]], zero);
  else if (boundary === "clamped")
    add(
      [
        [n - 2, last],
        [n - 1, last.mul(2)],
      ],
      slopes.at(n - 2).mul(-6),
    );
  else
    add(
      [
        [n - 3, last],
        [n - 2, last.add(before).neg()],
        [n - 1, before],
      ],
      zero,
    );
  return solve(stack(rows), stack(right));
}
