/** Shapes: none of these computes anything, and most are views. */
import { IndexError, ShapeError, ValueError } from "../errors.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { apply, withTensor, type Axes } from "./apply.js";

const listed = (axes: Axes): readonly number[] => (typeof axes === "number" ? [axes] : axes);

/** An axis counted from the start; `extra` axes more than the tensor has may be named. */
function axisOf(op: string, axis: number, ndim: number): number {
  if (!Number.isInteger(axis) || axis < -ndim || axis >= ndim) {
    throw new IndexError(`${op}: axis ${axis} is out of range for ${ndim} axes; expected an integer from ${-ndim} to ${ndim - 1}`, op);
  }
  return axis < 0 ? axis + ndim : axis;
}

/** The same elements in another shape; one size may be -1. */
export const reshape = (x: TensorLike, shape: readonly number[]): Tensor => apply("reshape", [x], shape);

/** Axes from `start` to `end` as one. */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  return withTensor(x, (x) => {
    if (x.ndim === 0) return reshape(x, [1]);
    const [from, to] = [axisOf("flatten", start, x.ndim), axisOf("flatten", end, x.ndim)];
    if (from > to) throw new ValueError(`flatten: the start axis ${start} lies behind the end axis ${end}`, "flatten");
    const merged = x.shape.slice(from, to + 1).reduce((a, b) => a * b, 1);
    return reshape(x, [...x.shape.slice(0, from), merged, ...x.shape.slice(to + 1)]);
  });
}

/** Drops axes of size 1: those named, or all. */
export function squeeze(x: TensorLike, axis?: Axes): Tensor {
  return withTensor(x, (x) => {
    const axes = axis === undefined ? x.shape.flatMap((d, i) => (d === 1 ? [i] : [])) : listed(axis).map((a) => axisOf("squeeze", a, x.ndim));
    for (const a of axes) {
      if (x.shape[a] !== 1) throw new ShapeError(`squeeze: axis ${a} of shape [${x.shape.join(", ")}] has size ${x.shape[a]}, only axes of size 1 can go`, "squeeze");
    }
    return reshape(x, x.shape.filter((_, i) => !axes.includes(i)));
  });
}

/** New axes of size 1, at the places they have in the result. */
export function unsqueeze(x: TensorLike, axis: Axes): Tensor {
  return withTensor(x, (x) => {
    const places = listed(axis);
    const ndim = x.ndim + places.length;
    const at = places.map((a) => axisOf("unsqueeze", a, ndim));
    if (new Set(at).size !== at.length) throw new ValueError(`unsqueeze: axis named twice in [${places.join(", ")}]`, "unsqueeze");
    const rest = [...x.shape];
    return reshape(x, Array.from({ length: ndim }, (_, i) => (at.includes(i) ? 1 : rest.shift()!)));
  });
}

/** Permutes the axes; without a permutation reverses them. */
export const transpose = (x: TensorLike, axes?: readonly number[]): Tensor =>
  axes === undefined ? apply("transpose", [x]) : withTensor(x, (x) => (axes.length === 0 && x.ndim === 0 ? apply("transpose", [x]) : apply("transpose", [x], axes)));

/** Moves axes to other places; the rest keep their order. */
export function moveaxis(x: TensorLike, source: Axes, destination: Axes): Tensor {
  return withTensor(x, (x) => {
    const from = listed(source).map((a) => axisOf("moveaxis", a, x.ndim));
    const to = listed(destination).map((a) => axisOf("moveaxis", a, x.ndim));
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new ValueError(`moveaxis: from [${from.join(", ")}] to [${to.join(", ")}]; expected as many distinct axes on both sides`, "moveaxis");
    }
    const rest = Array.from({ length: x.ndim }, (_, i) => i).filter((i) => !from.includes(i));
    const order = Array.from({ length: x.ndim }, (_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!));
    return transpose(x, order);
  });
}

/** Repeats along new axes and axes of size 1, without copying. */
export const broadcastTo = (x: TensorLike, shape: readonly number[]): Tensor => apply("broadcastTo", [x], shape);

/** Joins along an axis that exists. */
export const concat = (tensors: readonly TensorLike[], axis = 0): Tensor => apply("concat", tensors, [axis]);

/** Joins along a new axis. */
export const stack = (tensors: readonly TensorLike[], axis = 0): Tensor => apply("stack", tensors, [axis]);

/** Pieces of the given size (the last may be smaller), or of the given sizes: PyTorch's meaning. */
export function split(x: TensorLike, sizeOrSizes: number | readonly number[], axis = 0): Tensor[] {
  return withTensor(x, (x) => {
    const at = axisOf("split", axis, x.ndim);
    const length = x.shape[at]!;
    let sizes: readonly number[];
    if (typeof sizeOrSizes === "number") {
      if (!Number.isInteger(sizeOrSizes) || sizeOrSizes < 1) throw new ValueError(`split: piece size ${sizeOrSizes} is not a positive integer`, "split");
      sizes = Array.from({ length: Math.max(1, Math.ceil(length / sizeOrSizes)) }, (_, i) => Math.min(sizeOrSizes, length - i * sizeOrSizes));
    } else {
      sizes = sizeOrSizes;
      if (sizes.reduce((a, b) => a + b, 0) !== length || sizes.some((s) => s < 0)) {
        throw new ShapeError(`split: sizes [${sizes.join(", ")}] do not add up to ${length}, the size of axis ${axis} of [${x.shape.join(", ")}]`, "split");
      }
    }
    let start = 0;
    return sizes.map((size) => {
      const [starts, ends] = [x.shape.map(() => 0), [...x.shape]];
      [starts[at], ends[at]] = [start, start + size];
      start += size;
      return slice(x, starts, ends);
    });
  });
}

/** The whole tensor repeated, as NumPy's tile. */
export function tile(x: TensorLike, counts: Axes): Tensor {
  return withTensor(x, (x) => {
    const given = listed(counts);
    const ndim = Math.max(given.length, x.ndim);
    const times = [...new Array<number>(ndim - given.length).fill(1), ...given];
    const sizes = [...new Array<number>(ndim - x.ndim).fill(1), ...x.shape];
    // [a, b] -> [1, a, 1, b] -> [m, a, n, b] -> [m·a, n·b]
    const apart = reshape(x, sizes.flatMap((d) => [1, d]));
    const repeated = broadcastTo(apart, sizes.flatMap((d, i) => [times[i]!, d]));
    const out = reshape(repeated, sizes.map((d, i) => d * times[i]!));
    apart.dispose();
    repeated.dispose();
    return out;
  });
}

/**
 * Each element (slice) repeated `count` times along an axis; without an axis of the flattened tensor (NumPy's repeat). A list of
 * counts repeats the whole tensor (PyTorch's repeat, `tile`).
 */
export function repeat(x: TensorLike, count: number | readonly number[], axis?: number): Tensor {
  if (typeof count !== "number") return tile(x, count);
  return withTensor(x, (x) => {
    if (!Number.isInteger(count) || count < 0) throw new ValueError(`repeat: count ${count} is not a non-negative integer`, "repeat");
    const flat = axis === undefined ? reshape(x, [-1]) : x;
    const at = axisOf("repeat", axis ?? 0, flat.ndim);
    const [before, behind] = [flat.shape.slice(0, at + 1), flat.shape.slice(at + 1)];
    const apart = reshape(flat, [...before, 1, ...behind]);
    const repeated = broadcastTo(apart, [...before, count, ...behind]);
    const out = reshape(repeated, [...flat.shape.slice(0, at), flat.shape[at]! * count, ...behind]);
    apart.dispose();
    repeated.dispose();
    if (flat !== x) flat.dispose();
    return out;
  });
}

/**
 * Adds elements around: a number for all sides, a list of pairs `[before, after]` with one for each axis, or PyTorch's flat list, which
 * begins with the last axis.
 */
export function pad(x: TensorLike, widths: readonly (readonly number[])[] | readonly number[] | number, options: { value?: number } | number = {}): Tensor {
  return withTensor(x, (x) => {
    let pairs: (readonly number[])[];
    if (typeof widths === "number") {
      pairs = x.shape.map(() => [widths, widths]);
    } else if (widths.every((w) => typeof w === "number")) {
      const flat = widths as readonly number[];
      if (flat.length % 2 !== 0 || flat.length > 2 * x.ndim) {
        throw new ShapeError(`pad: [${flat.join(", ")}] for shape [${x.shape.join(", ")}]; a flat list has two counts for each axis, the last axis first`, "pad");
      }
      pairs = x.shape.map((_, i) => {
        const at = 2 * (x.ndim - 1 - i);
        return at < flat.length ? [flat[at]!, flat[at + 1]!] : [0, 0];
      });
    } else {
      pairs = [...(widths as readonly (readonly number[])[])];
    }
    return apply("pad", [x], [typeof options === "number" ? options : (options.value ?? 0), ...pairs.flat()]);
  });
}

/** Reverses axes: those named, or all. */
export const flip = (x: TensorLike, axis?: Axes): Tensor => withTensor(x, (x) => apply("flip", [x], axis === undefined ? x.shape.map((_, i) => i) : listed(axis)));

/** Moves elements along an axis (of the flattened tensor without one); those that leave at the end come in at the start. */
export function roll(x: TensorLike, shift: number, axis?: number): Tensor {
  return withTensor(x, (x) => {
    if (!Number.isInteger(shift)) throw new ValueError(`roll: shift ${shift} is not an integer`, "roll");
    if (axis !== undefined) return apply("roll", [x], [shift, axis]);
    const flat = reshape(x, [-1]);
    const rolled = apply("roll", [flat], [shift, 0]);
    const out = reshape(rolled, x.shape);
    flat.dispose();
    rolled.dispose();
    return out;
  });
}

/** One entry per axis: starts, ends (exclusive, clipped) and positive steps; negative positions count from the end. */
export const slice = (x: TensorLike, starts: readonly number[], ends: readonly number[], steps?: readonly number[]): Tensor =>
  withTensor(x, (x) => apply("slice", [x], [x.ndim, ...starts, ...ends, ...(steps ?? x.shape.map(() => 1))]));

/** Drops the leading axes at the given positions: `x.at(-1)` is the last row. */
export function at(x: TensorLike, ...indices: number[]): Tensor {
  return withTensor(x, (x) => {
    if (indices.length > x.ndim) throw new IndexError(`at: ${indices.length} indices for a tensor with ${x.ndim} axes`, "at");
    const place = indices.map((index, axis) => {
      const size = x.shape[axis]!;
      if (!Number.isInteger(index) || index < -size || index >= size) {
        throw new IndexError(`at: index ${index} is out of range for axis ${axis} of size ${size}`, "at");
      }
      return index < 0 ? index + size : index;
    });
    const cut = slice(x, x.shape.map((_, i) => place[i] ?? 0), x.shape.map((d, i) => (i < place.length ? place[i]! + 1 : d)));
    const out = reshape(cut, x.shape.slice(indices.length));
    cut.dispose();
    return out;
  });
}

/** A vector on the diagonal of a matrix, or a matrix's diagonal. */
export const diag = (x: TensorLike, offset = 0): Tensor => apply("diag", [x], [offset]);
/** The lower triangle from the k-th diagonal on; zeros elsewhere. */
export const tril = (x: TensorLike, k = 0): Tensor => apply("tril", [x], [k]);
/** The upper triangle. */
export const triu = (x: TensorLike, k = 0): Tensor => apply("triu", [x], [k]);
