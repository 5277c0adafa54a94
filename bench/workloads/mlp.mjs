// MLP 784-128-10 with relu, batch 64, cross entropy, plain SGD: forward, backward and update.
import * as ad from "adjoint";
import { onTfjs } from "../competitors/tfjs.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { labels, randoms } from "../data.mjs";
import { afterThree, ourStep, sgdOnArrays, startWeights, tapeStep } from "./networks.mjs";

const [B, SIZES, LR] = [64, [784, 128, 10], 0.05];
const x = randoms(B * 784, 7);
const y = labels(B, 10, 8);
const oneHot = Float32Array.from({ length: B * 10 }, (_, i) => (y[Math.floor(i / 10)] === i % 10 ? 1 : 0));

/** Loops with everything fused by hand. */
function handWritten() {
  const [l1, l2] = startWeights(SIZES);
  const [I, H, O] = SIZES;
  const [h, p] = [new Float32Array(B * H), new Float32Array(B * O)];
  const [dW1, dB1, dW2, dB2, dH] = [I * H, H, H * O, O, B * H].map((n) => new Float32Array(n));
  const step = () => {
    for (const array of [dW1, dB1, dW2, dB2, dH]) array.fill(0);
    for (let i = 0; i < B; i++) {
      const row = h.subarray(i * H, (i + 1) * H);
      row.set(l1.bias);
      for (let k = 0; k < I; k++) {
        const v = x[i * I + k];
        for (let j = 0; j < H; j++) row[j] += v * l1.weight[k * H + j];
      }
      for (let j = 0; j < H; j++) if (row[j] < 0) row[j] = 0;
      let top = -Infinity;
      for (let j = 0; j < O; j++) {
        let s = l2.bias[j];
        for (let k = 0; k < H; k++) s += row[k] * l2.weight[k * O + j];
        p[i * O + j] = s;
        top = Math.max(top, s);
      }
      let sum = 0;
      for (let j = 0; j < O; j++) sum += p[i * O + j] = Math.exp(p[i * O + j] - top);
      for (let j = 0; j < O; j++) p[i * O + j] = (p[i * O + j] / sum - (y[i] === j ? 1 : 0)) / B;
    }
    for (let i = 0; i < B; i++) {
      for (let j = 0; j < O; j++) dB2[j] += p[i * O + j];
      for (let k = 0; k < H; k++) {
        let s = 0;
        const v = h[i * H + k];
        for (let j = 0; j < O; j++) {
          const g = p[i * O + j];
          dW2[k * O + j] += v * g;
          s += g * l2.weight[k * O + j];
        }
        dH[i * H + k] = v > 0 ? s : 0;
      }
      for (let j = 0; j < H; j++) dB1[j] += dH[i * H + j];
      for (let k = 0; k < I; k++) {
        const v = x[i * I + k];
        for (let j = 0; j < H; j++) dW1[k * H + j] += v * dH[i * H + j];
      }
    }
    for (const [w, g] of [
      [l1.weight, dW1],
      [l1.bias, dB1],
      [l2.weight, dW2],
      [l2.bias, dB2],
    ])
      for (let i = 0; i < w.length; i++) w[i] -= LR * g[i];
  };
  return { step, weights: () => l1.weight };
}

export const mlp = {
  name: "MLP 784-128-10, batch 64, SGD step",
  tolerance: 1e-4,
  competitors: [
    ...[false, true].map((compiled) => ({
      name: compiled ? "adjoint, compiled" : "adjoint",
      prepare() {
        const [X, Y] = [ad.tensor(x, { shape: [B, 784] }), ad.tensor(y)];
        return afterThree(
          ourStep(
            startWeights(SIZES),
            X,
            (h) => h.relu(),
            (out) => ad.nn.crossEntropy(out, Y),
            (p) => new ad.optim.SGD(p, { lr: LR }),
            compiled,
          ),
        );
      },
    })),
    { name: "hand-written gradient", prepare: () => afterThree(handWritten()) },
    {
      name: "typed-array autodiff",
      prepare: () =>
        afterThree(
          tapeStep(
            startWeights(SIZES),
            x,
            B,
            { f: (v) => Math.max(v, 0), derivative: (v) => (v > 0 ? 1 : 0) },
            (tape, out) => tape.crossEntropy(out, y),
            sgdOnArrays(LR),
          ),
        ),
    },
    ...onTfjs((tf) => {
      const X = tf.tensor2d(x, [B, 784]);
      const Y = tf.tensor2d(oneHot, [B, 10]);
      const variables = startWeights(SIZES).map(({ from, to, weight, bias }) => [
        tf.variable(tf.tensor2d(weight, [from, to])),
        tf.variable(tf.tensor1d(bias)),
      ]);
      const optimizer = tf.train.sgd(LR);
      const step = () =>
        optimizer.minimize(() => {
          const [[w1, b1], [w2, b2]] = variables;
          return tf.losses.softmaxCrossEntropy(Y, tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(X, w1), b1)), w2), b2));
        });
      return afterThree({ step, weights: () => variables[0][0].dataSync() });
    }),
    onJax((jax) => {
      const np = jax.numpy;
      const [X, Y] = [np.array(x).reshape([B, 784]), np.array(oneHot).reshape([B, 10])];
      let params = startWeights(SIZES).map(({ from, to, weight, bias }) => ({
        w: np.array(weight).reshape([from, to]),
        b: np.array(bias),
      }));
      const loss = ([l1, l2], a, b) => {
        const h = jax.nn.relu(np.matmul(a, l1.w).add(l1.b));
        const logits = np.matmul(h, l2.w).add(l2.b);
        return np.negative(np.sum(jax.nn.logSoftmax(logits).mul(b)).div(B));
      };
      const update = jax.jit((p, a, b) => {
        const g = jax.grad(loss)(jax.tree.ref(p), a, b);
        return jax.tree.map((u, v) => u.sub(v.mul(LR)), p, g);
      });
      const step = () => {
        params = update(params, X.ref, Y.ref);
        params[1].b.ref.dataSync();
      };
      return afterThree({ step, weights: () => params[0].w.ref.dataSync() });
    }),
  ],
};
