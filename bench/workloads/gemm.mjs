// Square float32 matrix products.
import * as ad from "adjoint";
import { onTfjs } from "../competitors/tfjs.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

function multiply(a, b, n) {
  const out = new Float32Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const v = a[i * n + k];
      for (let j = 0; j < n; j++) out[i * n + j] += v * b[k * n + j];
    }
  return out;
}

export const gemm = [256, 512, 1024].map((n) => {
  const [x, y] = [randoms(n * n, 3), randoms(n * n, 4)];
  return {
    name: `matmul ${n}³ float32`,
    tolerance: 1e-4,
    flops: 2 * n ** 3,
    unit: (ms) => `${((2 * n ** 3) / ms / 1e6).toFixed(1)} GFLOP/s`,
    options: { rounds: n > 512 ? 3 : 7 },
    competitors: [
      {
        name: "adjoint",
        prepare() {
          const [a, b] = [ad.tensor(x, { shape: [n, n] }), ad.tensor(y, { shape: [n, n] })];
          return { step: () => a.matmul(b).dispose(), result: () => a.matmul(b).data() };
        },
      },
      { name: "by hand", prepare: () => ({ step: () => multiply(x, y, n), result: () => multiply(x, y, n) }) },
      ...onTfjs(
        (tf) => {
          const [a, b] = [tf.tensor2d(x, [n, n]), tf.tensor2d(y, [n, n])];
          return { step: () => tf.matMul(a, b).dispose(), result: () => tf.matMul(a, b).dataSync() };
        },
        n > 256 ? ["wasm"] : ["wasm", "cpu"],
      ),
      onJax((jax) => {
        const np = jax.numpy;
        const [a, b] = [np.array(x).reshape([n, n]), np.array(y).reshape([n, n])];
        const f = jax.jit((p, q) => np.matmul(p, q));
        const run = () => f(a.ref, b.ref).dataSync();
        return { step: run, result: run };
      }),
    ],
  };
});
