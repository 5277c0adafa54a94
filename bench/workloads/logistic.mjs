// Logistic regression, 1000 features, a batch of 256: loss and gradient, then a step of gradient descent. The result
// compared is the weights after three steps.
import * as ad from "adjoint";
import { asWrittenAndCompiled } from "../competitors/adjoint.mjs";
import { Tape } from "../competitors/typed-array-autodiff.mjs";
import { onTfjs } from "../competitors/tfjs.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

const [N, D, LR] = [256, 1000, 0.1];
const x = randoms(N * D, 5);
const y = Float32Array.from(randoms(N, 6), (v) => (v > 0 ? 1 : 0));

/** Three steps from zero weights; `step()` advances, `weights()` reads. */
const three = (make) => () => {
  const { step, weights } = make();
  return {
    step,
    result() {
      for (let i = 0; i < 3; i++) step();
      return Float32Array.from(weights());
    },
  };
};

const softplus = (z) => (z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)));
const sigmoid = (z) => 1 / (1 + Math.exp(-z));

export const logistic = {
  name: `logistic regression ${D} × batch ${N}, step`,
  tolerance: 1e-4,
  // The data once: a row is read for its score and is still near for its gradient.
  bytes: 4 * N * D,
  competitors: [
    ...asWrittenAndCompiled((wrap) => {
      const [X, Y] = [ad.tensor(x, { shape: [N, D] }), ad.tensor(y)];
      const w = ad.zeros([D], { requiresGrad: true });
      const optimizer = new ad.optim.SGD([w], { lr: LR });
      const step = wrap(() => void optimizer.minimize(ad.nn.bceWithLogits(X.matmul(w), Y)));
      return three(() => ({ step, weights: () => w.data() }))();
    }),
    {
      name: "by hand",
      prepare: three(() => {
        const w = new Float32Array(D);
        const gradient = new Float32Array(D);
        const step = () => {
          gradient.fill(0);
          for (let i = 0; i < N; i++) {
            let z = 0;
            for (let j = 0; j < D; j++) z += x[i * D + j] * w[j];
            const g = (sigmoid(z) - y[i]) / N;
            for (let j = 0; j < D; j++) gradient[j] += g * x[i * D + j];
          }
          for (let j = 0; j < D; j++) w[j] -= LR * gradient[j];
        };
        return { step, weights: () => w };
      }),
    },
    {
      name: "typed-array autodiff",
      prepare: three(() => {
        const w = new Float32Array(D);
        const step = () => {
          const tape = new Tape();
          const leaf = tape.leaf(w, D, 1);
          const z = tape.matmul(tape.leaf(x, N, D), leaf);
          tape.backward(
            tape.mean(
              z,
              (v, i) => softplus(v) - v * y[i],
              (v, i) => sigmoid(v) - y[i],
            ),
          );
          for (let j = 0; j < D; j++) w[j] -= LR * leaf.gradient[j];
        };
        return { step, weights: () => w };
      }),
    },
    ...onTfjs((tf) => {
      const [X, Y] = [tf.tensor2d(x, [N, D]), tf.tensor1d(y)];
      const w = tf.variable(tf.zeros([D]));
      const step = () =>
        tf.tidy(() => {
          const { grads } = tf.variableGrads(() => {
            const z = tf.reshape(tf.matMul(X, tf.reshape(w, [D, 1])), [N]);
            // max(z, 0) - z·y + log(1 + exp(-|z|))
            return tf.mean(tf.add(tf.sub(tf.relu(z), tf.mul(z, Y)), tf.log(tf.add(1, tf.exp(tf.neg(tf.abs(z)))))));
          }, [w]);
          w.assign(tf.sub(w, tf.mul(LR, grads[w.name])));
        });
      return three(() => ({ step, weights: () => w.dataSync() }))();
    }),
    onJax((jax) => {
      const np = jax.numpy;
      const [X, Y] = [np.array(x).reshape([N, D]), np.array(y)];
      const loss = (w, a, b) => {
        const z = np.dot(a, w);
        // max(z, 0) - z·y + log(1 + exp(-|z|))
        return np.mean(
          np
            .maximum(z.ref, 0)
            .sub(z.ref.mul(b))
            .add(np.log(np.exp(np.negative(np.abs(z))).add(1))),
        );
      };
      const update = jax.jit((w, a, b) => w.ref.sub(jax.grad(loss)(w, a, b).mul(LR)));
      let w = np.zeros([D]);
      const step = () => {
        w = update(w, X.ref, Y.ref);
        w.ref.dataSync();
      };
      return three(() => ({ step, weights: () => w.ref.dataSync() }))();
    }),
  ],
};
