// One million float32 elements: exp, tanh, add, sum.
import * as ad from "adjoint";
import { onTfjs } from "../competitors/tfjs.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

const N = 1_000_000;
const x = randoms(N, 1, 3);
const y = randoms(N, 2, 3);
const unit = (ms) => `${((ms * 1e6) / N).toFixed(2)} ns/element`;

const OPS = {
  exp: {
    ours: (a) => a.exp(),
    tf: (t, a) => t.exp(a),
    jax: (np, a) => np.exp(a),
    js: (a, _, out) => {
      for (let i = 0; i < N; i++) out[i] = Math.exp(a[i]);
      return out;
    },
  },
  tanh: {
    ours: (a) => a.tanh(),
    tf: (t, a) => t.tanh(a),
    jax: (np, a) => np.tanh(a),
    js: (a, _, out) => {
      for (let i = 0; i < N; i++) out[i] = Math.tanh(a[i]);
      return out;
    },
  },
  add: {
    ours: (a, b) => a.add(b),
    tf: (t, a, b) => t.add(a, b),
    jax: (np, a, b) => np.add(a, b),
    js: (a, b, out) => {
      for (let i = 0; i < N; i++) out[i] = a[i] + b[i];
      return out;
    },
  },
  sum: {
    ours: (a) => a.sum(),
    tf: (t, a) => t.sum(a),
    jax: (np, a) => np.sum(a),
    js: (a) => {
      let s = 0;
      for (let i = 0; i < N; i++) s += a[i];
      return [s];
    },
  },
};

export const elementwise = Object.entries(OPS).map(([name, op]) => ({
  name: `${name}, 1M float32`,
  tolerance: name === "sum" ? 1e-3 : 1e-5,
  unit,
  bytes: 4 * N * { sum: 1, add: 3 }[name] || 8 * N,
  competitors: [
    {
      name: "adjoint",
      prepare() {
        const [a, b] = [ad.tensor(x), ad.tensor(y)];
        return { step: () => op.ours(a, b).dispose(), result: () => op.ours(a, b).data() };
      },
    },
    {
      name: "by hand",
      prepare() {
        const out = new Float32Array(N);
        return { step: () => op.js(x, y, out), result: () => op.js(x, y, out).slice() };
      },
    },
    ...onTfjs((tf) => {
      const [a, b] = [tf.tensor1d(x), tf.tensor1d(y)];
      return { step: () => op.tf(tf, a, b).dispose(), result: () => op.tf(tf, a, b).dataSync() };
    }),
    onJax((jax) => {
      const two = name === "add";
      const f = jax.jit(two ? (a, b) => op.jax(jax.numpy, a, b) : (a) => op.jax(jax.numpy, a));
      const [a, b] = [jax.numpy.array(x), jax.numpy.array(y)];
      const run = () => {
        const out = two ? f(a.ref, b.ref) : f(a.ref);
        return out.dataSync();
      };
      return { step: run, result: run };
    }),
  ],
}));
