/** Shapes: none of these computes anything, and most are views. */
import { atMost, axesOf, axisNumber, axisOf, integer, integers, number, sizesOf } from "../input/arguments.js";
import { describe } from "../input/describe.js";
import { DTypeError, IndexError, ShapeError, ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { releasing, run } from "../run.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { apply, tensorList, withTensor, type Axes } from "./apply.js";
import { select } from "./select.js";

const shown = (x: Tensor) => `[${x.shape.join(", ")}]`;

/**
 * The same elements in another shape, `reshape([2, 3])` or `reshape(2, 3)`; one size may be -1, which is what is left. `ShapeError` where the
 * number of elements differs.
 */
export function reshape(x: TensorLike, ...shape: [shape: readonly number[]] | number[]): Tensor {
  return apply("reshape", [x], sizesOf("reshape", shape, -1));
}

/** Axes from `start` to `end` (both included, default all) as one. `IndexError` for axes that do not exist. */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  atMost("flatten", arguments, 3);
  return withTensor("flatten", x, (x) => {
    // As in PyTorch, a 0-d tensor may be named by axis 0 or -1 and becomes a vector of one.
    const ndim = Math.max(1, x.ndim);
    const [from, to] = [axisOf("flatten", start, ndim), axisOf("flatten", end, ndim)];
    if (from > to) throw new ValueError(`flatten: the start axis ${start} lies behind the end axis ${end}`, "flatten");
    const merged = x.shape.slice(from, to + 1).reduce((a, b) => a * b, 1);
    return run("reshape", [x], [...x.shape.slice(0, from), merged, ...x.shape.slice(to + 1)]);
  });
}

/** Drops axes of size 1: those named, or all. `ShapeError` for a named axis of another size. */
export function squeeze(x: TensorLike, axis?: Axes): Tensor {
  atMost("squeeze", arguments, 2, "several axes are a list");
  return withTensor("squeeze", x, (x) => {
    const axes =
      axis === undefined
        ? x.shape.flatMap((d, i) => (d === 1 ? [i] : []))
        : axesOf("squeeze", axis).map((a) => axisOf("squeeze", a, x.ndim));
    for (const a of axes) {
      if (x.shape[a] !== 1)
        throw new ShapeError(`squeeze: axis ${a} of shape ${shown(x)} has size ${x.shape[a]}, only axes of size 1 can go`, "squeeze");
    }
    return run(
      "reshape",
      [x],
      x.shape.filter((_, i) => !axes.includes(i)),
    );
  });
}

/** New axes of size 1, at the places they have in the result: `unsqueeze(-1)` makes a column. `IndexError` for a place there is not. */
export function unsqueeze(x: TensorLike, axis: Axes): Tensor {
  atMost("unsqueeze", arguments, 2, "several axes are a list");
  return withTensor("unsqueeze", x, (x) => {
    const places = axesOf("unsqueeze", axis);
    const ndim = x.ndim + places.length;
    const at = places.map((a) => axisOf("unsqueeze", a, ndim));
    if (new Set(at).size !== at.length) throw new ValueError(`unsqueeze: axis named twice in [${places.join(", ")}]`, "unsqueeze");
    const rest = [...x.shape];
    return run(
      "reshape",
      [x],
      Array.from({ length: ndim }, (_, i) => (at.includes(i) ? 1 : rest.shift()!)),
    );
  });
}

/**
 * Permutes the axes: `transpose([0, 2, 1])` names them all, `transpose(1, 2)` exchanges two (PyTorch's meaning), `transpose()`
 * reverses them. `ValueError` for a list that does not name every axis once, `IndexError` for axes that do not exist.
 *
 * @example
 * ad.zeros([2, 3, 4]).transpose(0, 1).shape; // [3, 2, 4]
 */
export function transpose(x: TensorLike, ...axes: [axes?: readonly number[]] | [first: number, second: number]): Tensor {
  if (axes[0] === undefined && axes.length <= 1) return apply("transpose", [x]);
  if (typeof axes[0] !== "number" && axes.length === 1) {
    const order = integers("transpose", "the permutation", axes[0]);
    return withTensor("transpose", x, (x) => {
      if (order.length !== x.ndim)
        throw new ValueError(`transpose: [${order.join(", ")}] for shape ${shown(x)}; a permutation names every axis once`, "transpose");
      return run("transpose", [x], order);
    });
  }
  if (axes.length !== 2)
    throw new ValueError(
      `transpose: expected a list of all axes, or two axes to exchange, got ${axes.map(describe).join(", ")}`,
      "transpose",
    );
  return withTensor("transpose", x, (x) => {
    const [a, b] = [axisOf("transpose", axes[0], x.ndim), axisOf("transpose", axes[1], x.ndim)];
    return run(
      "transpose",
      [x],
      x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
    );
  });
}

/** Moves axes to other places, as NumPy's moveaxis; the rest keep their order. `ValueError` unless both name as many distinct axes. */
export function moveaxis(x: TensorLike, source: Axes, destination: Axes): Tensor {
  atMost("moveaxis", arguments, 3);
  return withTensor("moveaxis", x, (x) => {
    const from = axesOf("moveaxis", source).map((a) => axisOf("moveaxis", a, x.ndim));
    const to = axesOf("moveaxis", destination).map((a) => axisOf("moveaxis", a, x.ndim));
    if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
      throw new ValueError(
        `moveaxis: from [${from.join(", ")}] to [${to.join(", ")}]; expected as many distinct axes on both sides`,
        "moveaxis",
      );
    }
    const rest = Array.from({ length: x.ndim }, (_, i) => i).filter((i) => !from.includes(i));
    return run(
      "transpose",
      [x],
      Array.from({ length: x.ndim }, (_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!)),
    );
  });
}

/**
 * Repeats along new axes and axes of size 1, without copying: `broadcastTo([2, 3])` or `broadcastTo(2, 3)`. `ShapeError` for a shape that the
 * tensor's own does not broadcast to.
 */
export function broadcastTo(x: TensorLike, ...shape: [shape: readonly number[]] | number[]): Tensor {
  return apply("broadcastTo", [x], sizesOf("broadcastTo", shape));
}

/**
 * Joins a list of tensors along an axis that exists (default the first); their other sizes agree, dtypes are promoted. `ShapeError` where
 * sizes differ, `ValueError` for an empty list.
 */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  const list = tensorList("concat", tensors);
  atMost("concat", arguments, 2);
  return apply("concat", list, [axisNumber("concat", axis)]);
}

/**
 * Joins a list of tensors of one shape along a new axis (default the first); dtypes are promoted. `ShapeError` where shapes differ,
 * `ValueError` for an empty list.
 */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  const list = tensorList("stack", tensors);
  atMost("stack", arguments, 2);
  return apply("stack", list, [axisNumber("stack", axis)]);
}

/** Elements from `start` to `end` of one axis. */
function cut(x: Tensor, axis: number, start: number, end: number): Tensor {
  const parameters = [...x.shape.map(() => 0), ...x.shape, ...x.shape.map(() => 1)];
  parameters[axis] = start;
  parameters[x.ndim + axis] = end;
  return run("slice", [x], parameters);
}

/**
 * Pieces of the given size (the last may be smaller), or of the given sizes, along an axis (default the first): PyTorch's meaning, where
 * NumPy's number is that of the pieces. `ShapeError` for sizes that do not add up.
 */
export function split(x: TensorLike, sizeOrSizes: number | readonly number[], axis = 0): Tensor[] {
  atMost("split", arguments, 3);
  return withTensor("split", x, (x) => {
    const at = axisOf("split", axis, x.ndim);
    const length = x.shape[at]!;
    let sizes: readonly number[];
    if (typeof sizeOrSizes === "number") {
      const size = integer("split", "the size of a piece", sizeOrSizes, 1);
      sizes = Array.from({ length: Math.max(1, Math.ceil(length / size)) }, (_, i) => Math.min(size, length - i * size));
    } else {
      sizes = integers("split", "the list of sizes", sizeOrSizes, 0, 2 ** 24);
      if (sizes.reduce((a, b) => a + b, 0) !== length) {
        throw new ShapeError(
          `split: sizes [${sizes.join(", ")}] do not add up to ${length}, the size of axis ${axis} of ${shown(x)}`,
          "split",
        );
      }
    }
    let start = 0;
    return sizes.map((size) => cut(x, at, start, (start += size)));
  });
}

/** So many pieces at a time: a piece's gradient is written into zeros of its parent's size, so parents must be small. */
const BRANCHES = 4;

/**
 * The slices along an axis, without that axis: `const [a, b] = unstack(x)`. Their gradients together cost about as much as one pass over
 * x, however many they are, because x is cut into ever smaller pieces.
 */
export function unstack(x: TensorLike, axis = 0): Tensor[] {
  atMost("unstack", arguments, 2);
  return withTensor("unstack", x, (x) => {
    const at = axisOf("unstack", axis, x.ndim);
    const rest = x.shape.filter((_, i) => i !== at);
    const out: Tensor[] = [];
    const descend = (piece: Tensor): void => {
      const length = piece.shape[at]!;
      if (length === 1) {
        out.push(run("reshape", [piece], rest));
        return;
      }
      const step = Math.ceil(length / BRANCHES);
      for (let start = 0; start < length; start += step) {
        const part = cut(piece, at, start, Math.min(start + step, length));
        try {
          descend(part);
        } finally {
          part.dispose();
        }
      }
    };
    try {
      descend(x);
    } catch (error) {
      for (const t of out) t.dispose();
      throw error;
    }
    return out;
  });
}

/** The whole tensor repeated along each axis, as NumPy's tile: `tile(2)`, `tile([2, 3])` or `tile(2, 3)`; new axes come first. */
export function tile(x: TensorLike, ...counts: [counts: Axes] | number[]): Tensor {
  const given = sizesOf("tile", counts);
  return withTensor("tile", x, (x) => {
    const ndim = Math.max(given.length, x.ndim);
    const times = [...new Array<number>(ndim - given.length).fill(1), ...given];
    const sizes = [...new Array<number>(ndim - x.ndim).fill(1), ...x.shape];
    // [a, b] -> [1, a, 1, b] -> [m, a, n, b] -> [m·a, n·b]
    return releasing((keep) => {
      const apart = keep(
        run(
          "reshape",
          [x],
          sizes.flatMap((d) => [1, d]),
        ),
      );
      const repeated = keep(
        run(
          "broadcastTo",
          [apart],
          sizes.flatMap((d, i) => [times[i]!, d]),
        ),
      );
      return run(
        "reshape",
        [repeated],
        sizes.map((d, i) => d * times[i]!),
      );
    });
  });
}

/**
 * Each element (slice) repeated `count` times along an axis; without an axis of the flattened tensor (NumPy's repeat). A list of
 * counts repeats the whole tensor (PyTorch's repeat, `tile`).
 */
export function repeat(x: TensorLike, count: number | readonly number[], axis?: number): Tensor {
  atMost("repeat", arguments, 3);
  if (typeof count !== "number") {
    if (axis !== undefined)
      throw new ValueError("repeat: a list of counts repeats the whole tensor and takes no axis; give one count", "repeat");
    return tile(x, integers("repeat", "the list of counts", count, 0));
  }
  const times = integer("repeat", "the count", count, 0);
  return withTensor("repeat", x, (x) =>
    releasing((keep) => {
      const flat = axis === undefined ? keep(run("reshape", [x], [-1])) : x;
      const at = axisOf("repeat", axis ?? 0, flat.ndim);
      const [before, behind] = [flat.shape.slice(0, at + 1), flat.shape.slice(at + 1)];
      const apart = keep(run("reshape", [flat], [...before, 1, ...behind]));
      const repeated = keep(run("broadcastTo", [apart], [...before, times, ...behind]));
      return run("reshape", [repeated], [...flat.shape.slice(0, at), flat.shape[at]! * times, ...behind]);
    }),
  );
}

/** Counts before and after for each axis, from one of the forms that `pad` takes. */
function padding(x: Tensor, widths: unknown): number[] {
  if (typeof widths === "number") return x.shape.flatMap(() => [integer("pad", "the width", widths, 0), widths]);
  if (Array.isArray(widths) && widths.some((w) => typeof w !== "number")) {
    if (widths.length !== x.ndim)
      throw new ShapeError(`pad: ${widths.length} pairs for shape ${shown(x)}; each axis has a pair [before, after]`, "pad");
    return widths.flatMap((w, i) => {
      const pair = integers("pad", `the pair of axis ${i}`, w, 0);
      if (pair.length !== 2) throw new ShapeError(`pad: [${pair.join(", ")}] for axis ${i}; expected a pair [before, after]`, "pad");
      return pair;
    });
  }
  const flat = integers("pad", "the list of widths", widths, 0, 2 * x.ndim);
  if (flat.length % 2 !== 0) {
    throw new ShapeError(
      `pad: [${flat.join(", ")}] for shape ${shown(x)}; a flat list has two counts for each axis, the last axis first`,
      "pad",
    );
  }
  return x.shape.flatMap((_, i) => {
    const at = 2 * (x.ndim - 1 - i);
    return at < flat.length ? [flat[at]!, flat[at + 1]!] : [0, 0];
  });
}

/** Options of `pad`. */
export interface PadOptions {
  /** What is added; default 0. */
  value?: number;
}

/**
 * Adds elements around: a number for all sides, a list of pairs `[before, after]` with one for each axis, or PyTorch's flat list, which
 * begins with the last axis. They are 0, or `value`. `ShapeError` for lists that do not fit the axes, `DTypeError` for a value that is none
 * of the tensor's.
 */
export function pad(
  x: TensorLike,
  widths: readonly (readonly number[])[] | readonly number[] | number,
  options?: PadOptions | number,
): Tensor {
  atMost("pad", arguments, 3);
  const { value = 0 } = typeof options === "number" ? { value: options } : readOptions("pad", options, ["value"]);
  number("pad", "value", value);
  return withTensor("pad", x, (x) => {
    if ((x.dtype === "int32" && !Number.isInteger(value)) || (x.dtype === "bool" && value !== 0 && value !== 1)) {
      throw new DTypeError(`pad: the value ${value} is not a ${x.dtype}; cast() the tensor first, or give another value`, "pad");
    }
    return run("pad", [x], [value, ...padding(x, widths)]);
  });
}

/** Reverses the order along axes: those named, or all. `IndexError` for axes that do not exist. */
export function flip(x: TensorLike, axis?: Axes): Tensor {
  atMost("flip", arguments, 2, "several axes are a list");
  const axes = axis === undefined ? undefined : axesOf("flip", axis);
  return withTensor("flip", x, (x) => run("flip", [x], axes ?? x.shape.map((_, i) => i)));
}

/** Moves elements along an axis (of the flattened tensor without one); those that leave at the end come in at the start. */
export function roll(x: TensorLike, shift: number, axis?: number): Tensor {
  atMost("roll", arguments, 3);
  const by = integer("roll", "the shift", shift);
  const along = axis === undefined ? undefined : axisNumber("roll", axis);
  return withTensor("roll", x, (x) => {
    if (along !== undefined) return run("roll", [x], [by, along]);
    return releasing((keep) => run("reshape", [keep(run("roll", [keep(run("reshape", [x], [-1]))], [by, 0]))], x.shape));
  });
}

/**
 * Lists with one entry per axis: starts, ends (exclusive, clipped) and positive steps; negative positions count from the end. Numbers
 * slice the first axis, as an array's `slice` does: `x.slice(1, 3)`. `ShapeError` for lists of another length.
 */
export function slice(
  x: TensorLike,
  starts: readonly number[] | number,
  ends?: readonly number[] | number,
  steps?: readonly number[] | number,
): Tensor {
  atMost("slice", arguments, 4);
  return withTensor("slice", x, (x) => {
    if (typeof starts === "number") {
      if (x.ndim === 0) throw new IndexError("slice: a 0-d tensor has no axis to slice", "slice");
      const first = (what: string, value: unknown, size: number) => [
        position(what, value),
        ...x.shape.slice(1).map((d) => (size === 0 ? 0 : size === 1 ? 1 : d)),
      ];
      return run("slice", [x], [...first("start", starts, 0), ...first("end", ends ?? x.shape[0], 2), ...first("step", steps ?? 1, 1)]);
    }
    const places: number[] = [];
    addPlaces(places, "starts", starts, x);
    addPlaces(places, "ends", ends, x);
    if (steps === undefined) for (let i = 0; i < x.ndim; i++) places.push(1);
    else addPlaces(places, "steps", steps, x);
    return run("slice", [x], places);
  });
}

/** A list of `slice`, with one entry per axis of `x`; holes in it are refused. */
function addPlaces(places: number[], what: string, list: unknown, x: Tensor): void {
  const { ndim } = x;
  if (!Array.isArray(list) || list.length !== ndim) {
    throw new ShapeError(
      `slice: ${what} is ${describe(list)}; shape ${shown(x)} needs a list of ${ndim}, one entry for each axis`,
      "slice",
    );
  }
  for (let i = 0; i < ndim; i++) places.push(position(what, list[i]));
}

/** A place along an axis; the infinities are its ends. */
function position(what: string, value: unknown): number {
  return value === Infinity || value === -Infinity ? value : integer("slice", `an entry of ${what}`, value);
}

/**
 * Drops the leading axes at the given positions: `x.at(-1)` is the last row. A bool tensor selects the elements where it is true, an
 * int32 tensor the rows it names. `IndexError` for what is out of range.
 */
export function at(x: TensorLike, ...indices: number[] | [which: Tensor]): Tensor {
  return withTensor("at", x, (x) => {
    if (indices.length === 1 && indices[0] instanceof Tensor) {
      return indices[0].dtype === "bool" ? select(x, indices[0]) : run("take", [x, indices[0]], [0]);
    }
    if (indices.length > x.ndim) throw new IndexError(`at: ${indices.length} indices for a tensor with ${x.ndim} axes`, "at");
    const place = (indices as unknown[]).map((index, axis) => {
      const size = x.shape[axis]!;
      if (typeof index !== "number" || !Number.isInteger(index))
        throw new IndexError(`at: index ${describe(index)} for axis ${axis}; expected an integer`, "at");
      if (index < -size || index >= size) throw new IndexError(`at: index ${index} is out of range for axis ${axis} of size ${size}`, "at");
      return index < 0 ? index + size : index;
    });
    const ends = x.shape.map((d, i) => (i < place.length ? place[i]! + 1 : d));
    const part = run("slice", [x], [...x.shape.map((_, i) => place[i] ?? 0), ...ends, ...x.shape.map(() => 1)]);
    try {
      return run("reshape", [part], x.shape.slice(indices.length));
    } finally {
      part.dispose();
    }
  });
}

/** A vector on the diagonal (or the k-th above it) of a matrix of zeros, or a matrix's diagonal. `ShapeError` for other tensors. */
export function diag(x: TensorLike, offset = 0): Tensor {
  atMost("diag", arguments, 2);
  return apply("diag", [x], [integer("diag", "the offset", offset)]);
}

/** The lower triangle of the last two axes, up to the k-th diagonal (0 is the main one, positive ones are above); zeros elsewhere. */
export function tril(x: TensorLike, k = 0): Tensor {
  atMost("tril", arguments, 2);
  return apply("tril", [x], [integer("tril", "k", k)]);
}

/** The upper triangle of the last two axes, from the k-th diagonal on (0 is the main one, positive ones are above); zeros elsewhere. */
export function triu(x: TensorLike, k = 0): Tensor {
  atMost("triu", arguments, 2);
  return apply("triu", [x], [integer("triu", "k", k)]);
}
