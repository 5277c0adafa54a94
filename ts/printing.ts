/** Tensors as text: one line when it fits, else a row per line in aligned columns; of large ones the ends of each axis, as NumPy prints. */

/** Tensors of more elements show the ends of their axes only. */
const WHOLE = 200;
/** How many entries at each end of a long axis. */
const EDGE = 3;
const WIDTH = 80;

/** Whole numbers as they are, others with six significant digits. */
const digits = (value: number): string =>
  Number.isInteger(value) ? String(Object.is(value, -0) ? 0 : value) : String(Number(value.toPrecision(6)));

/** Text between `open` and `close`. `data` holds the elements in row-major order. */
export function print(data: ArrayLike<number>, shape: readonly number[], boolean: boolean, open: string, close: string): string {
  const short = data.length > WHOLE;
  const text = (i: number) => (boolean ? String(data[i] !== 0) : digits(data[i]!));
  /** Calls `visit` for the positions shown along an axis, `gap` where some are left out. */
  const along = <R>(size: number, visit: (i: number) => R, gap: () => R): R[] => {
    const indices = Array.from({ length: short && size > 2 * EDGE ? EDGE : size }, (_, i) => i);
    if (!short || size <= 2 * EDGE) return indices.map(visit);
    return [...indices.map(visit), gap(), ...indices.map((i) => visit(size - EDGE + i))];
  };
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const flat = (axis: number, from: number): string =>
    axis === shape.length
      ? text(from)
      : `[${along(
          shape[axis]!,
          (i) => flat(axis + 1, from + i * strides[axis]!),
          () => "...",
        ).join(", ")}]`;
  const line = `${open}${flat(0, 0)}${close}`;
  if (line.length <= WIDTH || shape.length === 0 || data.length === 0) return line;

  let width = 0;
  const measure = (axis: number, from: number): void => {
    if (axis === shape.length) width = Math.max(width, text(from).length);
    else
      along(
        shape[axis]!,
        (i) => measure(axis + 1, from + i * strides[axis]!),
        () => {},
      );
  };
  measure(0, 0);
  const broken = (axis: number, from: number, indent: number): string => {
    const inside = indent + 1;
    if (axis < shape.length - 1) {
      const rows = along(
        shape[axis]!,
        (i) => broken(axis + 1, from + i * strides[axis]!, inside),
        () => "...",
      );
      // An empty line between matrices, as NumPy has it.
      return `[${rows.join(`,${"\n".repeat(Math.min(2, shape.length - 1 - axis))}${" ".repeat(inside)}`)}]`;
    }
    let row = "";
    let used = inside;
    for (const cell of along(
      shape[axis]!,
      (i) => text(from + i).padStart(width),
      () => "...",
    )) {
      if (row !== "" && used + cell.length + 2 > WIDTH) {
        row += `,\n${" ".repeat(inside)}`;
        used = inside;
      } else if (row !== "") {
        row += ", ";
      }
      row += cell;
      used += cell.length + 2;
    }
    return `[${row}]`;
  };
  return `${open}${broken(0, 0, open.length)}${close}`;
}
