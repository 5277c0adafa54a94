/** Plain float64 arrays with a shape, and the little that independent references need. Nothing of the engine is used. */

export interface Plain {
  shape: number[];
  data: number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Position in row-major order to index, and back. */
function unravel(i: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  for (let a = shape.length - 1; a >= 0; a--) {
    index[a] = i % shape[a]!;
    i = Math.floor(i / shape[a]!);
  }
  return index;
}

function ravel(index: readonly number[], shape: readonly number[]): number {
  let i = 0;
  for (let a = 0; a < shape.length; a++) i = i * shape[a]! + index[a]!;
  return i;
}

export function build(shape: readonly number[], f: (index: number[]) => number): Plain {
  return { shape: [...shape], data: Array.from({ length: sizeOf(shape) }, (_, i) => f(unravel(i, shape))) };
}

export const at = (x: Plain, index: readonly number[]): number => x.data[ravel(index, x.shape)]!;

export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1);
    return sizes.find((d) => d !== 1) ?? 1;
  });
}

/** Element of x at an index of the broadcast shape. */
function stretched(x: Plain, index: readonly number[]): number {
  const lead = index.length - x.shape.length;
  return at(
    x,
    x.shape.map((d, a) => (d === 1 ? 0 : index[lead + a]!)),
  );
}

export const mapped =
  (f: (...x: number[]) => number) =>
  (...inputs: Plain[]): Plain =>
    build(broadcastShapes(...inputs.map((x) => x.shape)), (index) => f(...inputs.map((x) => stretched(x, index))));

/** Reduces axes: `f` gets the numbers that meet. */
export function reduced(x: Plain, axes: number[] | undefined, keepdims: boolean, f: (values: number[]) => number): Plain {
  const over = axes?.map((a) => (a < 0 ? a + x.shape.length : a)) ?? x.shape.map((_, i) => i);
  const groups = new Map<number, number[]>();
  const kept = x.shape.map((d, i) => (over.includes(i) ? 1 : d));
  for (let i = 0; i < sizeOf(kept); i++) groups.set(i, []);
  x.data.forEach((v, i) =>
    groups
      .get(
        ravel(
          unravel(i, x.shape).map((k, a) => (over.includes(a) ? 0 : k)),
          kept,
        ),
      )!
      .push(v),
  );
  const shape = keepdims ? kept : x.shape.filter((_, i) => !over.includes(i));
  return { shape, data: [...groups.values()].map(f) };
}

/** Lines along one axis, transformed. */
export function along(x: Plain, axis: number, f: (line: number[]) => number[]): Plain {
  const a = axis < 0 ? axis + x.shape.length : axis;
  const out = { shape: [...x.shape], data: [...x.data] };
  if (x.data.length === 0) return out;
  for (let i = 0; i < x.data.length; i++) {
    const index = unravel(i, x.shape);
    if (index[a] !== 0) continue;
    const places = Array.from({ length: x.shape[a]! }, (_, k) =>
      ravel(
        index.map((v, b) => (b === a ? k : v)),
        x.shape,
      ),
    );
    f(places.map((p) => x.data[p]!)).forEach((v, k) => (out.data[places[k]!] = v));
  }
  return out;
}

/** Deterministic numbers in (-1, 1). */
export function randoms(count: number, seed: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}
