// A network small enough that the cost of a call decides: 2-16-16-1 with tanh, batch 32, mean squared error, Adam.
import * as ad from "adjoint";
import { onTfjs } from "../competitors/tfjs.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";
import { adamOnArrays, afterThree, ourStep, startWeights, tapeStep } from "./networks.mjs";

const [B, SIZES, LR] = [32, [2, 16, 16, 1], 0.01];
const x = randoms(B * 2, 9);
const y = Float32Array.from({ length: B }, (_, i) => Math.sin(3 * x[2 * i]) * x[2 * i + 1]);

export const smallMlp = {
  name: "MLP 2-16-16-1, batch 32, Adam step",
  tolerance: 1e-3,
  competitors: [
    ...[false, true].map((compiled) => ({
      name: compiled ? "adjoint, compiled" : "adjoint",
      prepare() {
        const [X, Y] = [ad.tensor(x, { shape: [B, 2] }), ad.tensor(y, { shape: [B, 1] })];
        return afterThree(
          ourStep(
            startWeights(SIZES),
            X,
            (h) => h.tanh(),
            (out) => ad.nn.mseLoss(out, Y),
            (p) => new ad.optim.Adam(p, { lr: LR }),
            compiled,
          ),
        );
      },
    })),
    {
      name: "typed-array autodiff",
      prepare: () =>
        afterThree(
          tapeStep(
            startWeights(SIZES),
            x,
            B,
            { f: Math.tanh, derivative: (_, t) => 1 - t * t },
            (tape, out) =>
              tape.mean(
                out,
                (v, i) => (v - y[i]) ** 2,
                (v, i) => 2 * (v - y[i]),
              ),
            adamOnArrays(LR),
          ),
        ),
    },
    ...onTfjs((tf) => {
      const [X, Y] = [tf.tensor2d(x, [B, 2]), tf.tensor2d(y, [B, 1])];
      const variables = startWeights(SIZES).map(({ from, to, weight, bias }) => [
        tf.variable(tf.tensor2d(weight, [from, to])),
        tf.variable(tf.tensor1d(bias)),
      ]);
      const optimizer = tf.train.adam(LR);
      const step = () =>
        optimizer.minimize(() => {
          let h = X;
          variables.forEach(([w, b], i) => {
            h = tf.add(tf.matMul(h, w), b);
            if (i < 2) h = tf.tanh(h);
          });
          return tf.mean(tf.square(tf.sub(h, Y)));
        });
      return afterThree({ step, weights: () => variables[0][0].dataSync() });
    }),
    onJax((jax) => {
      const np = jax.numpy;
      const [X, Y] = [np.array(x).reshape([B, 2]), np.array(y).reshape([B, 1])];
      const start = startWeights(SIZES).map(({ from, to, weight, bias }) => ({
        w: np.array(weight).reshape([from, to]),
        b: np.array(bias),
      }));
      const zeros = () => jax.tree.map((t) => np.zeros(t.shape), jax.tree.ref(start));
      let state = { p: start, m: zeros(), v: zeros(), c1: np.array(1), c2: np.array(1) };
      const loss = (p, a, b) => {
        let h = a;
        p.forEach(({ w, b: bias }, i) => {
          h = np.matmul(h, w).add(bias);
          if (i < 2) h = np.tanh(h);
        });
        return np.mean(np.square(h.sub(b)));
      };
      const update = jax.jit(({ p, m, v, c1, c2 }, a, b) => {
        const g = jax.grad(loss)(jax.tree.ref(p), a, b);
        const [n1, n2] = [c1.mul(0.9), c2.mul(0.999)];
        const M = jax.tree.map((u, t) => u.mul(0.9).add(t.mul(0.1)), m, jax.tree.ref(g));
        const V = jax.tree.map((u, t) => u.mul(0.999).add(np.square(t).mul(0.001)), v, g);
        const P = jax.tree.map(
          (u, s, t) =>
            u.sub(
              s
                .div(np.subtract(1, n1.ref))
                .mul(LR)
                .div(np.sqrt(t.div(np.subtract(1, n2.ref))).add(1e-8)),
            ),
          p,
          jax.tree.ref(M),
          jax.tree.ref(V),
        );
        return { p: P, m: M, v: V, c1: n1, c2: n2 };
      });
      const step = () => {
        state = update(state, X.ref, Y.ref);
        state.p[2].b.ref.dataSync();
      };
      return afterThree({ step, weights: () => state.p[0].w.ref.dataSync() });
    }),
  ],
};
