/** Products of matrices and vectors. */
import * as ad from "adjoint";
import { at, build, randoms, sizeOf } from "../array.js";
import { multiply, permuted, total } from "./references.js";
import { fixed, type Case } from "./samples.js";

/** What is said of every sum of products: the order of the terms is the kernel's own. */
const SUMS = { rounded: true, tolerance: [1e-13, 1e-5] as [number, number], floor: 1 };

const PRODUCTS: [number[], number[]][] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [2, 0],
    [0, 3],
  ],
  [
    [5, 2, 3],
    [3, 4],
  ],
  [
    [2, 3],
    [5, 3, 4],
  ],
  [
    [4, 1, 2, 3],
    [5, 3, 2],
  ],
  [
    [17, 9],
    [9, 18],
  ],
  [
    [3, 2, 2],
    [3, 2, 1],
  ],
  [
    [2, 1, 2, 2],
    [3, 2, 1],
  ],
];

export const products: Case[] = [
  {
    name: "matmul",
    call: (x, y) => ad.matmul(x, y),
    reference: multiply,
    samples: PRODUCTS.flatMap(([a, b], k) =>
      [0, 1, 2, 3].map((n) => ({
        note: `[${a}] [${b}] #${n}`,
        inputs: [a, b].map((shape, i) => ({ shape, data: randoms(sizeOf(shape), 3 * k + i + 11 * n) })),
      })),
    ),
    ...SUMS,
  },
  fixed(
    "matmul of vectors",
    [[4], [4]],
    (x, y) => x.matmul(y),
    (x, y) => ({ shape: [], data: [total(x.data.map((v, i) => v * y.data[i]!))] }),
    { ...SUMS },
  ),
  fixed(
    "matmul vector on the left",
    [[3], [2, 3, 4]],
    (x, y) => x.matmul(y),
    (x, y) => build([2, 4], ([b, j]) => total(x.data.map((v, i) => v * at(y, [b!, i, j!])))),
    { ...SUMS },
  ),
  fixed(
    "matmul vector on the right",
    [[2, 3, 4], [4]],
    (x, y) => x.matmul(y),
    (x, y) => build([2, 3], ([b, i]) => total(y.data.map((v, j) => v * at(x, [b!, i!, j])))),
    { ...SUMS },
  ),
  fixed(
    "matmul of transposed views",
    [
      [3, 2],
      [4, 3],
    ],
    (x, y) => x.T.matmul(y.T),
    (x, y) => multiply(permuted(x, [1, 0]), permuted(y, [1, 0])),
    { ...SUMS },
  ),
  fixed(
    "dot",
    [[5], [5]],
    (x, y) => x.dot(y),
    (x, y) => ({ shape: [], data: [total(x.data.map((v, i) => v * y.data[i]!))] }),
    { ...SUMS },
  ),
  fixed(
    "outer",
    [[3], [4]],
    (x, y) => x.outer(y),
    (x, y) => build([3, 4], ([i, j]) => x.data[i!]! * y.data[j!]!),
  ),
];
