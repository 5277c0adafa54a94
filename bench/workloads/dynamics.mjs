// A leapfrog step of Hamiltonian Monte Carlo on the posterior of a logistic regression.
import * as ad from "adjoint";
import { byHand, ours } from "../competitors/adjoint.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

const [N, D, EPS] = [100, 10, 0.05];
const x = randoms(N * D, 51);
const y = Float32Array.from(randoms(N, 52), (v) => (v > 0 ? 1 : 0));
const [position, momentum] = [randoms(D, 53), randoms(D, 54)];

/** One leapfrog step from (q, p), in plain loops: the gradient of the potential twice. */
function derivative() {
  const [q, p] = [position.slice(), momentum.slice()];
  const gradient = new Float32Array(D);
  const slope = () => {
    gradient.set(q); // of |q|²/2, the prior
    for (let i = 0; i < N; i++) {
      let z = 0;
      for (let j = 0; j < D; j++) z += x[i * D + j] * q[j];
      const g = 1 / (1 + Math.exp(-z)) - y[i];
      for (let j = 0; j < D; j++) gradient[j] += g * x[i * D + j];
    }
  };
  slope();
  for (let j = 0; j < D; j++) p[j] -= (EPS / 2) * gradient[j];
  for (let j = 0; j < D; j++) q[j] += EPS * p[j];
  slope();
  for (let j = 0; j < D; j++) p[j] -= (EPS / 2) * gradient[j];
  return [...q, ...p];
}

const leapfrog = (q, p, X, Y) => {
  const slope = ad.grad((q) => {
    const z = X.matmul(q);
    return z.softplus().sub(z.mul(Y)).sum().add(q.square().sum().mul(0.5));
  });
  const half = p.sub(slope(q).mul(EPS / 2));
  const next = q.add(half.mul(EPS));
  return [next, half.sub(slope(next).mul(EPS / 2))];
};

export const dynamics = [
  {
    name: `HMC leapfrog step, logistic regression ${N} × ${D}, read`,
    tolerance: 1e-4,
    competitors: [
      ...ours(leapfrog, [[position], [momentum], [x, { shape: [N, D] }], [y]]),
      byHand(derivative),
      onJax((jax) => {
        const np = jax.numpy;
        const [Q, P, X, Y] = [np.array(position), np.array(momentum), np.array(x).reshape([N, D]), np.array(y)];
        const potential = (q, X, Y) => {
          const z = np.dot(X, q.ref);
          return np.sum(jax.nn.softplus(z.ref).sub(z.mul(Y))).add(np.sum(np.square(q)).mul(0.5));
        };
        const slope = jax.grad(potential);
        const step = jax.jit((q, p, X, Y) => {
          const half = p.sub(slope(q.ref, X.ref, Y.ref).mul(EPS / 2));
          const next = q.add(half.ref.mul(EPS));
          return [next.ref, half.sub(slope(next, X, Y).mul(EPS / 2))];
        });
        const run = () => step(Q.ref, P.ref, X.ref, Y.ref).flatMap((t) => [...t.dataSync()]);
        return { step: run, result: run };
      }),
    ],
  },
];
