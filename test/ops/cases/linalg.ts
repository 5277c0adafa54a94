/** Linear algebra; against eliminations, Gram and Schmidt, Jacobi's rotations and series in plain loops. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { randoms, sizeOf, type Plain } from "../array.js";
import type { Case, Sample } from "./samples.js";

type Matrix = number[][];

const rowsOf = (data: readonly number[], rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => data[i * columns + j]!));
const identity = (n: number): Matrix => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j)));
const turned = (a: Matrix): Matrix => (a.length === 0 ? [] : a[0]!.map((_, j) => a.map((row) => row[j]!)));
const product = (a: Matrix, b: Matrix): Matrix => a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)));
const symmetric = (a: Matrix): Matrix => a.map((row, i) => row.map((v, j) => (v + a[j]![i]!) / 2));

/** f of each matrix of x (and of its partner in the others, with broadcast leading axes), results in one list behind the leading axes. */
function each(xs: readonly Plain[], f: (...a: Matrix[]) => number[], rest: (...shapes: number[][]) => number[]): Plain {
  const leads = xs.map((x) => x.shape.slice(0, -2));
  const rank = Math.max(...leads.map((lead) => lead.length));
  const padded = leads.map((lead) => [...Array<number>(rank - lead.length).fill(1), ...lead]);
  const lead = Array.from({ length: rank }, (_, axis) =>
    padded.some((p) => p[axis] === 0) ? 0 : Math.max(...padded.map((p) => p[axis]!)),
  );
  const data: number[] = [];
  for (let index = 0; index < sizeOf(lead); index++) {
    const matrices = xs.map((x, k) => {
      let [left, place, step] = [index, 0, 1];
      for (let axis = rank - 1; axis >= 0; axis--) {
        const size = padded[k]![axis]!;
        if (size !== 1) [place, step] = [place + (left % lead[axis]!) * step, step * size];
        left = Math.floor(left / lead[axis]!);
      }
      const [rows, columns] = x.shape.slice(-2) as [number, number];
      return rowsOf(x.data.slice(place * rows * columns, (place + 1) * rows * columns), rows, columns);
    });
    data.push(...f(...matrices));
  }
  return { shape: [...lead, ...rest(...xs.map((x) => x.shape.slice(-2)))], data };
}

/** Gauss and Jordan, with row exchanges. */
function solved(a: Matrix, b: Matrix): Matrix {
  const n = a.length;
  const w = a.map((row, i) => [...row, ...b[i]!]);
  for (let j = 0; j < n; j++) {
    const pivot = w.map((row, i) => [i < j ? -1 : Math.abs(row[j]!), i] as const).reduce((x, y) => (y[0] > x[0] ? y : x))[1];
    [w[j], w[pivot]] = [w[pivot]!, w[j]!];
    w.forEach((row, i) => {
      const factor = row[j]! / w[j]![j]!;
      if (i !== j) row.forEach((_, k) => (row[k]! -= factor * w[j]![k]!));
    });
  }
  return w.map((row, i) => row.slice(n).map((v) => v / row[i]!));
}

/** By the first row. */
const determinant = (a: Matrix): number =>
  a.length === 0
    ? 1
    : a[0]!.reduce((sum, v, j) => sum + (j % 2 ? -v : v) * determinant(a.slice(1).map((row) => row.filter((_, k) => k !== j))), 0);

function lowerFactor(a: Matrix): Matrix {
  const l = a.map((row) => row.map(() => 0));
  a.forEach((row, i) =>
    row.slice(0, i + 1).forEach((v, j) => {
      const rest = v - l[i]!.slice(0, j).reduce((sum, x, k) => sum + x * l[j]![k]!, 0);
      l[i]![j] = i === j ? Math.sqrt(rest) : rest / l[j]![j]!;
    }),
  );
  return l;
}

/** Gram and Schmidt, twice; R with a positive diagonal. */
function orthonormal(a: Matrix): [q: Matrix, r: Matrix] {
  const q: Matrix = [];
  for (const column of turned(a).slice(0, a.length)) {
    let x = column;
    for (let round = 0; round < 2; round++)
      for (const other of q) {
        const along = x.reduce((sum, v, i) => sum + v * other[i]!, 0);
        x = x.map((v, i) => v - along * other[i]!);
      }
    const norm = Math.hypot(...x);
    q.push(x.map((v) => v / norm));
  }
  const r = product(q, a).map((row, i) => row.map((v, j) => (j < i ? 0 : v)));
  return [turned(q), r];
}

/** Jacobi's rotations: eigenvalues ascending, vectors in columns. */
function eigen(a: Matrix): [values: number[], vectors: Matrix] {
  const n = a.length;
  let [d, v] = [symmetric(a), identity(n)];
  for (let round = 0; round < 30; round++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (d[p]![q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * d[p]![q]!, d[q]![q]! - d[p]![p]!);
        const turn = identity(n);
        [turn[p]![p], turn[q]![q], turn[p]![q], turn[q]![p]] = [Math.cos(angle), Math.cos(angle), Math.sin(angle), -Math.sin(angle)];
        [d, v] = [product(turned(turn), product(d, turn)), product(v, turn)];
      }
  const order = d.map((row, i) => [row[i]!, i] as const).sort((x, y) => x[0] - y[0]);
  return [order.map(([value]) => value), v.map((row) => order.map(([, i]) => row[i]!))];
}

/** u_ik v_jk for each k, and the singular values: what does not depend on signs. Of a matrix with more columns through its transpose. */
function singular(a: Matrix): [values: number[], pairs: (i: number, k: number, j: number) => number] {
  if (a.length < a[0]!.length) {
    const [values, pairs] = singular(turned(a));
    return [values, (i, k, j) => pairs(j, k, i)];
  }
  const [squares, vectors] = eigen(product(turned(a), a));
  const n = squares.length;
  const values = squares.map(Math.sqrt).reverse();
  const left = product(a, vectors);
  return [values, (i, k, j) => (left[i]![n - 1 - k]! / values[k]!) * vectors[j]![n - 1 - k]!];
}

function series(a: Matrix): Matrix {
  let [sum, term] = [identity(a.length), identity(a.length)];
  for (let k = 1; k < 60; k++) {
    term = product(term, a).map((row) => row.map((v) => v / k));
    sum = sum.map((row, i) => row.map((v, j) => v + term[i]![j]!));
  }
  return sum;
}

const pseudoInverse = (a: Matrix): Matrix =>
  a.length < a[0]!.length ? turned(pseudoInverse(turned(a))) : solved(product(turned(a), a), turned(a));

/** Samples that the table wants of an op. */
const ENOUGH = 25;
/** Numbers with something added to the diagonals: more to each next one, so that no two of what comes out are equal. */
const dominant = (shape: number[], seed: number, more = 2, spread = 0.5): Plain => {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const data = randoms(sizeOf(shape), seed).map((v, at) => {
    const [i, j] = [Math.floor(at / columns) % rows, at % columns];
    return 0.4 * v + (i === j ? more + spread * i : 0);
  });
  return { shape, data };
};
const some = (shapes: readonly number[][][], one: (shape: number[], seed: number, input: number) => Plain): Sample[] =>
  Array.from({ length: ENOUGH }, (_, n) => {
    const chosen = shapes[n % shapes.length]!;
    return {
      note: `${chosen.map((shape) => `[${shape}]`).join(" ")} #${n}`,
      inputs: chosen.map((shape, i) => one(shape, 5 * n + i + 1, i)),
    };
  });
const plain = (shape: number[], seed: number): Plain => ({ shape, data: randoms(sizeOf(shape), seed) });

const SQUARES = [[[3, 3]], [[2, 2, 2]], [[1, 1]], [[0, 2, 2]], [[2, 2]], [[0, 0]]];
const LARGE = [[[33, 33]]];
const TALL = [[[4, 2]], [[3, 3]], [[2, 3, 2]], [[1, 1]], [[2, 4]], [[0, 3, 2]]];
const SYSTEMS = [
  [
    [3, 3],
    [3, 2],
  ],
  [
    [2, 2, 2],
    [2, 1],
  ],
  [
    [2, 2],
    [3, 2, 2],
  ],
  [
    [2, 1, 2, 2],
    [3, 2, 1],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [2, 2],
    [2, 0],
  ],
];
const SUMS = { rounded: true, tolerance: [1e-11, 1e-4] as [number, number], floor: 1 };
const ITERATED = { ...SUMS, tolerance: [1e-9, 1e-4] as [number, number] };

const same = (shape: number[]) => shape;
const system = (name: string, call: (a: Tensor, b: Tensor) => Tensor, f: (a: Matrix) => Matrix): Case => ({
  name,
  call: call as Case["call"],
  reference: (a, b) =>
    each(
      [a!, b!],
      (a, b) => solved(f(a), b).flat(),
      (_, b) => b,
    ),
  samples: some(SYSTEMS, (shape, seed, input) => (input === 0 ? dominant(shape, seed) : plain(shape, seed))),
  ...SUMS,
});
const triangleOf = (lower: boolean, unit: boolean) => (a: Matrix) =>
  a.map((row, i) => row.map((v, j) => (i === j ? (unit ? 1 : v) : i > j === lower ? v : 0)));

/** At a matrix that is singular, where the determinant is smooth all the same. */
const RANK_DEFICIENT: Sample[] = [
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 2, 3, 2, 4, 6, 3, 6, 9],
  [0, 0, 0, 0, 0, 0, 0, 0, 0],
].map((data, i) => ({ note: `of rank ${2 - i}`, inputs: [{ shape: [3, 3], data: data.map((v) => v / 4) }] }));

export const linearAlgebra: Case[] = [
  {
    name: "cholesky",
    call: (x) => ad.cholesky(x),
    reference: (x) => each([x], (a) => lowerFactor(symmetric(a)).flat(), same),
    samples: [
      ...some(SQUARES, (shape, seed) => dominant(shape, seed)),
      ...some(LARGE, (shape, seed) => dominant(shape, seed, 8)).slice(0, 2),
    ],
    ...SUMS,
  },
  system(
    "solve",
    (a, b) => ad.solve(a, b),
    (a) => a,
  ),
  system("triangularSolve", (a, b) => ad.triangularSolve(a, b), triangleOf(false, false)),
  system("triangularSolve(lower)", (a, b) => ad.triangularSolve(a, b, { lower: true }), triangleOf(true, false)),
  system("triangularSolve(unit)", (a, b) => ad.triangularSolve(a, b, { lower: true, unitDiagonal: true }), triangleOf(true, true)),
  {
    name: "solve(vector)",
    call: (a, b) => ad.solve(a, b),
    reference: (a, b) => ({
      shape: b.shape,
      data: each(
        [a, { ...b, shape: [...b.shape, 1] }],
        (a, b) => solved(a, b).flat(),
        (_, b) => b,
      ).data,
    }),
    samples: some(
      [
        [[3, 3], [3]],
        [
          [2, 2, 2],
          [2, 2],
        ],
      ],
      (shape, seed, input) => (input === 0 ? dominant(shape, seed) : plain(shape, seed)),
    ),
    ...SUMS,
  },
  {
    name: "inv",
    call: (x) => ad.inv(x),
    reference: (x) => each([x], (a) => solved(a, identity(a.length)).flat(), same),
    samples: some(SQUARES, (shape, seed) => dominant(shape, seed)),
    ...SUMS,
  },
  {
    name: "det",
    call: (x) => ad.det(x),
    reference: (x) =>
      each(
        [x],
        (a) => [determinant(a)],
        () => [],
      ),
    samples: [...some(SQUARES, plain), ...RANK_DEFICIENT],
    ...SUMS,
  },
  {
    name: "slogdet",
    call: (x) => ad.stack(ad.slogdet(x), -1),
    reference: (x) =>
      each(
        [x],
        (a) => [Math.sign(determinant(a)), Math.log(Math.abs(determinant(a)))],
        () => [2],
      ),
    samples: some(SQUARES, (shape, seed) => dominant(shape, seed)),
    ...SUMS,
  },
  {
    name: "qr",
    // Column k of Q with row k of R: what does not depend on signs.
    call: (x) => {
      const [q, r] = ad.qr(x);
      return q.unsqueeze(-1).mul(r.unsqueeze(-3)).flatten(-3);
    },
    reference: (x) =>
      each(
        [x],
        (a) => {
          const [q, r] = orthonormal(a);
          return q.flatMap((row) => row.flatMap((v, k) => r[k]!.map((w) => v * w)));
        },
        ([m, n]) => [m! * n! * Math.min(m!, n!)],
      ),
    samples: some(TALL, (shape, seed) => dominant(shape, seed)),
    ...SUMS,
  },
  {
    name: "eigh",
    call: (x) => {
      const [values, vectors] = ad.eigh(x);
      return ad.concat([values.unsqueeze(-2), vectors.square()], -2);
    },
    reference: (x) =>
      each(
        [x],
        (a) => {
          const [values, vectors] = eigen(a);
          return [...values, ...vectors.flat().map((v) => v * v)];
        },
        ([n]) => [n! + 1, n!],
      ),
    samples: some(SQUARES.slice(0, 5), (shape, seed) => dominant(shape, seed, 1, 1)),
    ...ITERATED,
  },
  {
    name: "svd",
    call: (x) => {
      const [u, s, vh] = ad.svd(x);
      return ad.concat([u.unsqueeze(-1).mul(vh.unsqueeze(-3)).flatten(-3), s], -1);
    },
    reference: (x) =>
      each(
        [x],
        (a) => {
          const [values, pairs] = singular(a);
          return [...a.flatMap((row, i) => values.flatMap((_, k) => row.map((_, j) => pairs(i, k, j)))), ...values];
        },
        ([m, n]) => [(m! * n! + 1) * Math.min(m!, n!)],
      ),
    samples: some(TALL, (shape, seed) => dominant(shape, seed, 1, 1)),
    ...ITERATED,
  },
  {
    name: "pinv",
    call: (x) => ad.pinv(x),
    reference: (x) =>
      each(
        [x],
        (a) => pseudoInverse(a).flat(),
        ([m, n]) => [n!, m!],
      ),
    samples: some(TALL, (shape, seed) => dominant(shape, seed, 1, 0.5)),
    ...ITERATED,
  },
  {
    name: "lstsq",
    call: (a, b) => ad.lstsq(a, b),
    reference: (a, b) =>
      each(
        [a, b],
        (a, b) => product(pseudoInverse(a), b).flat(),
        ([, n], [, k]) => [n!, k!],
      ),
    samples: some(
      [
        [
          [4, 2],
          [4, 3],
        ],
        [
          [2, 3],
          [2, 1],
        ],
        [
          [2, 3, 2],
          [3, 1],
        ],
      ],
      (shape, seed, input) => (input === 0 ? dominant(shape, seed, 1, 0.5) : plain(shape, seed)),
    ),
    ...ITERATED,
  },
  {
    name: "expm",
    call: (x) => ad.expm(x),
    reference: (x) => each([x], (a) => series(a).flat(), same),
    samples: some(SQUARES, plain),
    ...SUMS,
  },
];
