// Jacobians of a function with few inputs and of one with few outputs, each in the mode made for it.
import * as ad from "adjoint";
import { byHand, ours } from "../competitors/adjoint.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

const N = 1000;
const [u, v] = [randoms(N, 41), randoms(N, 42)];

/** sin(u p₀ + v p₁), elementwise: N outputs of two inputs. */
const tall = {
  x: Float32Array.of(0.7, -0.4),
  ours: (p, u, v) =>
    u
      .mul(p.at(0))
      .add(v.mul(p.at(1)))
      .sin(),
  mode: ad.jacfwd,
  jax: (np, p, u, v) => np.sin(u.mul(p.ref.slice(0)).add(v.mul(p.slice(1)))),
  // jacfwd of jax-js 0.1.25 gives [inputs, outputs].
  jaxDerivative: (jax, f) => (x) => jax.jacfwd(f)(x).transpose(),
  byHand(p) {
    const out = new Float32Array(2 * N);
    for (let i = 0; i < N; i++) {
      const c = Math.cos(u[i] * p[0] + v[i] * p[1]);
      out[2 * i] = c * u[i];
      out[2 * i + 1] = c * v[i];
    }
    return out;
  },
};

/** The sum of tanh(x u) v: one output of N inputs. */
const wide = {
  x: randoms(N, 43),
  ours: (x, u, v) => x.mul(u).tanh().mul(v).sum(),
  mode: ad.jacrev,
  jax: (np, x, u, v) => np.sum(np.tanh(x.mul(u)).mul(v)),
  // jacrev of jax-js 0.1.25 gives a wrong shape for one output, so this is grad.
  jaxDerivative: (jax, f) => jax.grad(f),
  byHand(x) {
    const out = new Float32Array(N);
    for (let i = 0; i < N; i++) {
      const t = Math.tanh(x[i] * u[i]);
      out[i] = (1 - t * t) * u[i] * v[i];
    }
    return out;
  },
};

const workload = (name, row) => ({
  name,
  tolerance: 1e-4,
  competitors: [
    ...ours((x, u, v) => row.mode((x) => row.ours(x, u, v))(x), [[row.x], [u], [v]]),
    byHand(() => row.byHand(row.x)),
    onJax((jax) => {
      const np = jax.numpy;
      const [X, U, V] = [row.x, u, v].map((data) => np.array(data));
      const jacobian = jax.jit((x, u, v) => row.jaxDerivative(jax, (x) => row.jax(np, x, u.ref, v.ref))(x));
      const run = () => jacobian(X.ref, U.ref, V.ref).flatten().dataSync();
      return { step: run, result: run };
    }),
  ],
});

export const jacobians = [workload("Jacobian R² → R¹⁰⁰⁰, forward, read", tall), workload("Jacobian R¹⁰⁰⁰ → R, reverse, read", wide)];
