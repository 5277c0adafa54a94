/** Elements in other places: views, joins, parts. */
import * as ad from "adjoint";
import { at, build } from "../array.js";
import { permuted } from "./references.js";
import { fixed, type Case } from "./samples.js";

export const movement: Case[] = [
  fixed(
    "reshape",
    [[2, 6]],
    (x) => x.reshape([3, -1]),
    (x) => ({ shape: [3, 4], data: x.data }),
  ),
  fixed(
    "transpose",
    [[2, 3, 4]],
    (x) => x.transpose([2, 0, 1]),
    (x) => permuted(x, [2, 0, 1]),
  ),
  fixed(
    "T",
    [[3, 2]],
    (x) => x.T,
    (x) => permuted(x, [1, 0]),
  ),
  fixed(
    "moveaxis",
    [[2, 3, 4]],
    (x) => x.moveaxis(0, -1),
    (x) => permuted(x, [1, 2, 0]),
  ),
  fixed(
    "squeeze and unsqueeze",
    [[2, 1, 3]],
    (x) => x.squeeze(1).unsqueeze([0, -1]),
    (x) => ({ shape: [1, 2, 3, 1], data: x.data }),
  ),
  fixed(
    "broadcastTo",
    [[2, 1]],
    (x) => x.broadcastTo([3, 2, 4]),
    (x) => build([3, 2, 4], (i) => at(x, [i[1]!, 0])),
  ),
  fixed(
    "concat",
    [
      [2, 3],
      [1, 3],
    ],
    (x, y) => ad.concat([x, y, x], 0),
    (x, y) => ({ shape: [5, 3], data: [...x.data, ...y.data, ...x.data] }),
  ),
  fixed(
    "concat along the last axis",
    [
      [2, 3],
      [2, 0],
      [2, 2],
    ],
    (x, y, z) => ad.concat([x, y, z], -1),
    (x, _y, z) => build([2, 5], ([i, j]) => (j! < 3 ? at(x, [i!, j!]) : at(z, [i!, j! - 3]))),
  ),
  fixed(
    "stack",
    [
      [2, 3],
      [2, 3],
    ],
    (x, y) => ad.stack([x, y], 1),
    (x, y) => build([2, 2, 3], ([i, s, j]) => at(s === 0 ? x : y, [i!, j!])),
  ),
  fixed(
    "split",
    [[5, 2]],
    (x) => x.split(2)[2]!,
    (x) => ({ shape: [1, 2], data: x.data.slice(8) }),
  ),
  fixed(
    "tile",
    [[2, 3]],
    (x) => x.tile([2, 2]),
    (x) => build([4, 6], ([i, j]) => at(x, [i! % 2, j! % 3])),
  ),
  fixed(
    "repeat",
    [[2, 3]],
    (x) => x.repeat(2, 1),
    (x) => build([2, 6], ([i, j]) => at(x, [i!, Math.floor(j! / 2)])),
  ),
  fixed(
    "pad",
    [[2, 3]],
    (x) =>
      x.pad([
        [1, 0],
        [0, 2],
      ]),
    (x) => build([3, 5], ([i, j]) => (i! >= 1 && j! < 3 ? at(x, [i! - 1, j!]) : 0)),
  ),
  fixed(
    "pad with a value",
    [[2, 3]],
    (x) =>
      x.pad(
        [
          [1, 0],
          [0, 2],
        ],
        { value: 7 },
      ),
    (x) => build([3, 5], ([i, j]) => (i! >= 1 && j! < 3 ? at(x, [i! - 1, j!]) : 7)),
  ),
  fixed(
    "pad as PyTorch",
    [[2, 3]],
    (x) => x.pad([1, 2]),
    (x) => build([2, 6], ([i, j]) => (j! >= 1 && j! < 4 ? at(x, [i!, j! - 1]) : 0)),
  ),
  fixed(
    "repeat as PyTorch",
    [[2, 3]],
    (x) => x.repeat([2, 1]),
    (x) => build([4, 3], ([i, j]) => at(x, [i! % 2, j!])),
  ),
  fixed(
    "flip",
    [[2, 3]],
    (x) => x.flip(1),
    (x) => build([2, 3], ([i, j]) => at(x, [i!, 2 - j!])),
  ),
  fixed(
    "roll",
    [[2, 3]],
    (x) => x.roll(1, 1),
    (x) => build([2, 3], ([i, j]) => at(x, [i!, (j! + 2) % 3])),
  ),
  fixed(
    "slice",
    [[5, 7]],
    (x) => x.slice([1, 0], [5, -1], [2, 3]),
    (x) => build([2, 2], ([i, j]) => at(x, [1 + 2 * i!, 3 * j!])),
  ),
  fixed(
    "at",
    [[3, 4]],
    (x) => x.at(-1, 2),
    (x) => ({ shape: [], data: [at(x, [2, 2])] }),
  ),
  fixed(
    "diag of a vector",
    [[4]],
    (x) => x.diag(1),
    (x) => build([5, 5], ([i, j]) => (j! - i! === 1 ? x.data[i!]! : 0)),
  ),
  fixed(
    "diag of a matrix",
    [[3, 4]],
    (x) => x.diag(-1),
    (x) => build([2], ([i]) => at(x, [i! + 1, i!])),
  ),
  fixed(
    "tril",
    [[3, 4]],
    (x) => x.tril(-1),
    (x) => build([3, 4], ([i, j]) => (j! - i! <= -1 ? at(x, [i!, j!]) : 0)),
  ),
  fixed(
    "triu",
    [[2, 3, 4]],
    (x) => x.triu(1),
    (x) => build([2, 3, 4], ([b, i, j]) => (j! - i! >= 1 ? at(x, [b!, i!, j!]) : 0)),
  ),
  fixed(
    "trace",
    [[3, 4]],
    (x) => x.trace(),
    (x) => ({ shape: [], data: [at(x, [0, 0]) + at(x, [1, 1]) + at(x, [2, 2])] }),
  ),
];
