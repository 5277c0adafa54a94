// Fully connected networks, a training step each: forward, backward and update. A row of TABLE is a workload.
import * as ad from "adjoint";
import { asWrittenAndCompiled } from "../competitors/adjoint.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { onTfjs } from "../competitors/tfjs.mjs";
import { Tape } from "../competitors/typed-array-autodiff.mjs";
import { labels, randoms } from "../data.mjs";
import { addProduct, addProductLeft, addProductRight } from "./loops.mjs";

const TABLE = [
  { sizes: [2, 16, 16, 1], batch: 32, activation: "tanh", loss: "squares", optimizer: "adam", lr: 0.01, tolerance: 1e-3 },
  { sizes: [784, 128, 10], batch: 64, activation: "relu", loss: "entropy", optimizer: "sgd", lr: 0.05, tolerance: 1e-4 },
  // Each plain-JavaScript step takes about half a second, so there are few rounds.
  { sizes: [784, 512, 512, 10], batch: 128, activation: "relu", loss: "entropy", optimizer: "adam", lr: 1e-3, tolerance: 1e-3, rounds: 3 },
];

/** The same start for everybody: weights [in, out] and zero biases. */
function startWeights(sizes) {
  return sizes.slice(1).map((to, i) => {
    const from = sizes[i];
    return { from, to, weight: randoms(from * to, 10 + i, 1 / Math.sqrt(from)), bias: new Float32Array(to) };
  });
}

/** On arrays: the function and its slope by input and output. */
const ACTIVATIONS = {
  tanh: { f: Math.tanh, derivative: (_, t) => 1 - t * t },
  relu: { f: (v) => Math.max(v, 0), derivative: (v) => (v > 0 ? 1 : 0) },
};

/** On arrays: writes the gradient of the mean loss in the outputs. */
const LOSS_GRADIENTS = {
  squares(out, y, into) {
    for (let i = 0; i < out.length; i++) into[i] = (2 * (out[i] - y[i])) / out.length;
  },
  entropy(out, y, into) {
    const [rows, m] = [y.length, out.length / y.length];
    for (let i = 0; i < rows; i++) {
      let top = -Infinity;
      for (let j = 0; j < m; j++) top = Math.max(top, out[i * m + j]);
      let sum = 0;
      for (let j = 0; j < m; j++) sum += into[i * m + j] = Math.exp(out[i * m + j] - top);
      for (let j = 0; j < m; j++) into[i * m + j] = (into[i * m + j] / sum - (y[i] === j ? 1 : 0)) / rows;
    }
  },
};

/** On arrays: `update(leafs)` with { data, gradient }; Adam is that of torch.optim. */
const OPTIMIZERS = {
  sgd: (lr) => (leafs) => {
    for (const { data, gradient } of leafs) for (let i = 0; i < data.length; i++) data[i] -= lr * gradient[i];
  },
  adam(lr) {
    const states = [];
    let t = 0;
    return (leafs) => {
      t++;
      const [c1, c2] = [1 - 0.9 ** t, 1 - 0.999 ** t];
      leafs.forEach(({ data, gradient }, k) => {
        const { m, v } = (states[k] ??= { m: new Float32Array(data.length), v: new Float32Array(data.length) });
        for (let i = 0; i < data.length; i++) {
          m[i] = 0.9 * m[i] + 0.1 * gradient[i];
          v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
          data[i] -= (lr * (m[i] / c1)) / (Math.sqrt(v[i] / c2) + 1e-8);
        }
      });
    };
  },
};

/** The derivative by hand: loops over arrays made once. */
function handWritten({ sizes, batch, activation, loss, optimizer, lr }, x, y) {
  const layers = startWeights(sizes);
  const { f, derivative } = ACTIVATIONS[activation];
  const update = OPTIMIZERS[optimizer](lr);
  const values = layers.map(({ to }) => new Float32Array(batch * to));
  const slopes = layers.map(({ to }) => new Float32Array(batch * to));
  const leafs = layers.flatMap(({ weight, bias }) => [weight, bias].map((data) => ({ data, gradient: new Float32Array(data.length) })));
  const last = layers.length - 1;
  const step = () => {
    layers.forEach(({ from, to, weight, bias }, l) => {
      const out = values[l];
      for (let i = 0; i < batch; i++) out.set(bias, i * to);
      addProduct(l ? values[l - 1] : x, weight, out, batch, from, to);
      if (l < last) for (let i = 0; i < out.length; i++) out[i] = f(out[i]);
    });
    LOSS_GRADIENTS[loss](values[last], y, slopes[last]);
    for (let l = last; l >= 0; l--) {
      const { from, to, weight } = layers[l];
      const [dWeight, dBias] = [leafs[2 * l].gradient, leafs[2 * l + 1].gradient];
      const g = slopes[l];
      dWeight.fill(0);
      dBias.fill(0);
      addProductLeft(l ? values[l - 1] : x, g, dWeight, batch, from, to);
      for (let i = 0; i < batch; i++) for (let j = 0; j < to; j++) dBias[j] += g[i * to + j];
      if (l === 0) continue;
      const [below, h] = [slopes[l - 1], values[l - 1]];
      below.fill(0);
      addProductRight(g, weight, below, batch, from, to);
      for (let i = 0; i < below.length; i++) below[i] *= derivative(h[i], h[i]);
    }
    update(leafs);
  };
  return { step, weights: () => layers[0].weight };
}

function onTape({ sizes, batch, activation, loss, optimizer, lr }, x, y) {
  const layers = startWeights(sizes);
  const { f, derivative } = ACTIVATIONS[activation];
  const update = OPTIMIZERS[optimizer](lr);
  const squares = [(v, i) => (v - y[i]) ** 2, (v, i) => 2 * (v - y[i])];
  const step = () => {
    const tape = new Tape();
    const leafs = [];
    let h = tape.leaf(x, batch, sizes[0]);
    layers.forEach(({ from, to, weight, bias }, i) => {
      const [w, b] = [tape.leaf(weight, from, to), tape.leaf(bias, 1, to)];
      leafs.push(w, b);
      h = tape.addRow(tape.matmul(h, w), b);
      if (i + 1 < layers.length) h = tape.map(h, f, derivative);
    });
    tape.backward(loss === "squares" ? tape.mean(h, ...squares) : tape.crossEntropy(h, y));
    update(leafs);
  };
  return { step, weights: () => layers[0].weight };
}

function onAdjoint({ sizes, batch, activation, loss, optimizer, lr }, x, y, wrap) {
  const X = ad.tensor(x, { shape: [batch, sizes[0]] });
  const Y = loss === "squares" ? ad.tensor(y, { shape: [batch, 1] }) : ad.tensor(y);
  const parameters = startWeights(sizes).map(({ from, to, weight, bias }) => [
    ad.tensor(weight, { shape: [from, to], requiresGrad: true }),
    ad.tensor(bias, { requiresGrad: true }),
  ]);
  const update = new { adam: ad.optim.Adam, sgd: ad.optim.SGD }[optimizer](parameters.flat(), { lr });
  const step = wrap(() => {
    let h = X;
    parameters.forEach(([weight, bias], i) => {
      h = h.matmul(weight).add(bias);
      if (i + 1 < parameters.length) h = h[activation]();
    });
    update.minimize(loss === "squares" ? ad.nn.mseLoss(h, Y) : ad.nn.crossEntropy(h, Y));
  });
  return { step: () => void step(), weights: () => parameters[0][0].data() };
}

function onTf({ sizes, batch, activation, loss, optimizer, lr }, x, y, tf) {
  const X = tf.tensor2d(x, [batch, sizes[0]]);
  const Y = loss === "squares" ? tf.tensor2d(y, [batch, 1]) : tf.tensor2d(oneHot(y, sizes.at(-1)), [batch, sizes.at(-1)]);
  const variables = startWeights(sizes).map(({ from, to, weight, bias }) => [
    tf.variable(tf.tensor2d(weight, [from, to])),
    tf.variable(tf.tensor1d(bias)),
  ]);
  const update = optimizer === "adam" ? tf.train.adam(lr, 0.9, 0.999, 1e-8) : tf.train.sgd(lr);
  const step = () =>
    update.minimize(() => {
      let h = X;
      variables.forEach(([w, b], i) => {
        h = tf.add(tf.matMul(h, w), b);
        if (i + 1 < variables.length) h = tf[activation](h);
      });
      return loss === "squares" ? tf.mean(tf.square(tf.sub(h, Y))) : tf.losses.softmaxCrossEntropy(Y, h);
    });
  return { step, weights: () => variables[0][0].dataSync() };
}

const oneHot = (y, classes) =>
  Float32Array.from({ length: y.length * classes }, (_, i) => (y[Math.floor(i / classes)] === i % classes ? 1 : 0));

function onJaxJs({ sizes, batch, activation, loss, optimizer, lr }, x, y, jax) {
  const np = jax.numpy;
  const classes = sizes.at(-1);
  const X = np.array(x).reshape([batch, sizes[0]]);
  const Y = loss === "squares" ? np.array(y).reshape([batch, 1]) : np.array(oneHot(y, classes)).reshape([batch, classes]);
  const start = startWeights(sizes).map(({ from, to, weight, bias }) => ({ w: np.array(weight).reshape([from, to]), b: np.array(bias) }));
  const act = { tanh: np.tanh, relu: jax.nn.relu }[activation];
  const cost = (p, a, b) => {
    let h = a;
    p.forEach(({ w, b: bias }, i) => {
      h = np.matmul(h, w).add(bias);
      if (i + 1 < p.length) h = act(h);
    });
    return loss === "squares" ? np.mean(np.square(h.sub(b))) : np.negative(np.sum(jax.nn.logSoftmax(h).mul(b)).div(batch));
  };
  const zeros = () => jax.tree.map((t) => np.zeros(t.shape), jax.tree.ref(start));
  const updates = {
    sgd: ({ p }, g) => ({ p: jax.tree.map((u, v) => u.sub(v.mul(lr)), p, g) }),
    adam({ p, m, v, c1, c2 }, g) {
      const [n1, n2] = [c1.mul(0.9), c2.mul(0.999)];
      const M = jax.tree.map((u, t) => u.mul(0.9).add(t.mul(0.1)), m, jax.tree.ref(g));
      const V = jax.tree.map((u, t) => u.mul(0.999).add(np.square(t).mul(0.001)), v, g);
      const rate = (s) => s.div(np.subtract(1, n1.ref)).mul(lr);
      const root = (t) => np.sqrt(t.div(np.subtract(1, n2.ref))).add(1e-8);
      const P = jax.tree.map((u, s, t) => u.sub(rate(s).div(root(t))), p, jax.tree.ref(M), jax.tree.ref(V));
      return { p: P, m: M, v: V, c1: n1, c2: n2 };
    },
  };
  let state = optimizer === "adam" ? { p: start, m: zeros(), v: zeros(), c1: np.array(1), c2: np.array(1) } : { p: start };
  const update = jax.jit((state, a, b) => updates[optimizer](state, jax.grad(cost)(jax.tree.ref(state.p), a, b)));
  const step = () => {
    state = update(state, X.ref, Y.ref);
    state.p.at(-1).b.ref.dataSync();
  };
  return { step, weights: () => state.p[0].w.ref.dataSync() };
}

/** `result()`: the first layer's weights after three steps from the start. */
const afterThree = ({ step, weights, ...rest }) => ({
  ...rest,
  step,
  result() {
    for (let i = 0; i < 3; i++) step();
    return Float32Array.from(weights());
  },
});

export const networks = TABLE.map((row) => {
  const { sizes, batch, loss, optimizer, tolerance, rounds = 9 } = row;
  const x = randoms(batch * sizes[0], 9);
  const y =
    loss === "squares"
      ? Float32Array.from({ length: batch }, (_, i) => Math.sin(3 * x[2 * i]) * x[2 * i + 1])
      : labels(batch, sizes.at(-1), 8);
  return {
    name: `MLP ${sizes.join("-")}, batch ${batch}, ${optimizer === "adam" ? "Adam" : "SGD"} step`,
    tolerance,
    options: { rounds },
    competitors: [
      ...asWrittenAndCompiled((wrap) => onAdjoint(row, x, y, wrap)).map(({ name, prepare }) => ({
        name,
        prepare() {
          const made = prepare();
          return { ...afterThree(made), stats: made.stats };
        },
      })),
      { name: "by hand", prepare: () => afterThree(handWritten(row, x, y)) },
      { name: "typed-array autodiff", prepare: () => afterThree(onTape(row, x, y)) },
      ...onTfjs((tf) => afterThree(onTf(row, x, y, tf))),
      onJax((jax) => afterThree(onJaxJs(row, x, y, jax))),
    ],
  };
});
