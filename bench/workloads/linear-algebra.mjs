// Factors of matrices and systems: the rate is to be compared with that of the product of the same size.
import * as ad from "adjoint";
import { byHand, ours } from "../competitors/adjoint.mjs";
import { randoms } from "../data.mjs";

const N = 512;
const g = randoms(N * N, 71);
/** Symmetric and positive definite. */
const a = new Float32Array(N * N);
for (let i = 0; i < N; i++)
  for (let j = 0; j <= i; j++) {
    let sum = i === j ? N : 0;
    for (let k = 0; k < N; k++) sum += (g[i * N + k] * g[j * N + k]) / N;
    a[i * N + j] = a[j * N + i] = sum;
  }
const b = randoms(N * N, 72);

/** Row by row, in plain loops. */
function factor() {
  const l = new Float32Array(N * N);
  for (let i = 0; i < N; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * N + j];
      for (let k = 0; k < j; k++) sum -= l[i * N + k] * l[j * N + k];
      l[i * N + j] = i === j ? Math.sqrt(sum) : sum / l[j * N + j];
    }
  return l;
}

const matrix = { shape: [N, N] };
const options = { rounds: 5, milliseconds: 60 };

export const linearAlgebra = [
  {
    name: `cholesky ${N} × ${N} float32`,
    tolerance: 1e-4,
    flops: N ** 3 / 3,
    options,
    competitors: [...ours((a) => ad.cholesky(a), [[a, matrix]]), byHand(factor)],
  },
  {
    name: `solve ${N} × ${N} float32, ${N} right sides`,
    tolerance: 1e-4,
    flops: (2 / 3 + 2) * N ** 3,
    options,
    competitors: ours(
      (a, b) => ad.solve(a, b),
      [
        [a, matrix],
        [b, matrix],
      ],
    ), // prettier-ignore
  },
];
