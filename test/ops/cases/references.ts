/** References that several families need: of lists of numbers, and of arrays. */
import { at, broadcastShapes, build, type Plain } from "../array.js";

export const total = (v: number[]): number => v.reduce((a, b) => a + b, 0);
export const average = (v: number[]): number => total(v) / v.length;
export const lse = (v: number[]): number => {
  const top = Math.max(...v);
  if (!Number.isFinite(top)) return v.length === 0 ? -Infinity : top;
  return top + Math.log(total(v.map((x) => Math.exp(x - top))));
};

export const permuted = (x: Plain, axes: number[]): Plain =>
  build(
    axes.map((a) => x.shape[a]!),
    (index) =>
      at(
        x,
        x.shape.map((_, a) => index[axes.indexOf(a)]!),
      ),
  );

export const multiply = (x: Plain, y: Plain): Plain => {
  const batch = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2));
  const [m, k, n] = [x.shape.at(-2)!, x.shape.at(-1)!, y.shape.at(-1)!];
  const pick = (z: Plain, lead: number[], row: number, column: number) => {
    const own = z.shape.slice(0, -2).map((d, a) => (d === 1 ? 0 : lead[lead.length - (z.shape.length - 2) + a]!));
    return at(z, [...own, row, column]);
  };
  return build([...batch, m, n], (index) => {
    const lead = index.slice(0, -2);
    let sum = 0;
    for (let p = 0; p < k; p++) sum += pick(x, lead, index.at(-2)!, p) * pick(y, lead, p, index.at(-1)!);
    return sum;
  });
};
