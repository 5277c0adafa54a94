/** Elements by index. */
import * as ad from "adjoint";
import { at, build } from "../array.js";
import { fixed, truth, type Case, type Sample } from "./samples.js";

const withIndices = (position: number, size: number) => ({
  prepare: (s: Sample): Sample => ({
    ...s,
    integers: [position],
    inputs: s.inputs.map((x, i) => (i === position ? { shape: x.shape, data: x.data.map((v) => Math.floor(((v + 1) / 2) * size)) } : x)),
  }),
});

export const indices: Case[] = [
  fixed(
    "take",
    [
      [5, 3],
      [2, 2],
    ],
    (x, i) => x.take(i, 0),
    (x, i) => build([2, 2, 3], ([a, b, c]) => at(x, [at(i, [a!, b!]), c!])),
    withIndices(1, 5),
  ),
  fixed(
    "gather",
    [
      [4, 3],
      [2, 3],
    ],
    (x, i) => x.gather(0, i),
    (x, i) => build([2, 3], ([a, b]) => at(x, [at(i, [a!, b!]), b!])),
    withIndices(1, 4),
  ),
  fixed(
    "scatterAdd",
    [
      [3, 4],
      [3, 2],
      [3, 2],
    ],
    (x, i, s) => x.scatterAdd(1, i, s),
    (x, i, s) => {
      const out = { shape: x.shape, data: [...x.data] };
      s.data.forEach((v, k) => (out.data[Math.floor(k / 2) * 4 + i.data[k]!]! += v));
      return out;
    },
    withIndices(1, 4),
  ),
  fixed(
    "indexAdd",
    [[4, 3], [5], [5, 3]],
    (x, i, s) => x.indexAdd(0, i, s),
    (x, i, s) => {
      const out = { shape: x.shape, data: [...x.data] };
      s.data.forEach((v, k) => (out.data[i.data[Math.floor(k / 3)]! * 3 + (k % 3)]! += v));
      return out;
    },
    withIndices(1, 4),
  ),
  fixed(
    "oneHot",
    [[2, 3]],
    (i) => ad.oneHot(i, 4),
    (i) => build([2, 3, 4], ([a, b, c]) => truth(at(i, [a!, b!]) === c)),
    { ...withIndices(0, 4), discrete: true },
  ),
  fixed(
    "embedding",
    [
      [2, 3],
      [4, 5],
    ],
    (i, t) => ad.embedding(i, t),
    (i, t) => build([2, 3, 5], ([a, b, c]) => at(t, [at(i, [a!, b!]), c!])),
    withIndices(0, 4),
  ),
];
