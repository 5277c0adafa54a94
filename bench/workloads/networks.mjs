// What the two network workloads share: the same start weights for everybody, and a step in each library.
import * as ad from "adjoint";
import { Tape } from "../competitors/typed-array-autodiff.mjs";
import { randoms } from "../data.mjs";

/** Weights [in, out] and zero biases of a fully connected network. */
export function startWeights(sizes) {
  const layers = [];
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [from, to] = [sizes[i], sizes[i + 1]];
    layers.push({ from, to, weight: randoms(from * to, 10 + i, 1 / Math.sqrt(from)), bias: new Float32Array(to) });
  }
  return layers;
}

/** adjoint: parameters and one of its optimizers; `loss(output)` is a tensor. As written, or compiled. */
export function ourStep(layers, input, activation, loss, makeOptimizer, compiled = false) {
  const parameters = layers.map(({ from, to, weight, bias }) => ({
    weight: ad.tensor(weight, { shape: [from, to], requiresGrad: true }),
    bias: ad.tensor(bias, { requiresGrad: true }),
  }));
  const optimizer = makeOptimizer(parameters.flatMap((p) => [p.weight, p.bias]));
  const train = () => {
    let h = input;
    parameters.forEach(({ weight, bias }, i) => {
      h = h.matmul(weight).add(bias);
      if (i + 1 < parameters.length) h = activation(h);
    });
    optimizer.minimize(loss(h));
  };
  const step = compiled ? ad.compile(train) : () => ad.scope(train);
  return { step, weights: () => parameters[0].weight.data() };
}

/** The typed-array autodiff; `update(leafs)` applies the optimizer. */
export function tapeStep(layers, input, rows, activation, loss, update) {
  const step = () => {
    const tape = new Tape();
    const leafs = [];
    let h = tape.leaf(input, rows, layers[0].from);
    layers.forEach(({ from, to, weight, bias }, i) => {
      const [w, b] = [tape.leaf(weight, from, to), tape.leaf(bias, 1, to)];
      leafs.push(w, b);
      h = tape.addRow(tape.matmul(h, w), b);
      if (i + 1 < layers.length) h = tape.map(h, activation.f, activation.derivative);
    });
    tape.backward(loss(tape, h));
    update(leafs);
  };
  return { step, weights: () => layers[0].weight };
}

/** Adam on typed arrays, as torch.optim.Adam. */
export function adamOnArrays(lr) {
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
}

export const sgdOnArrays = (lr) => (leafs) => {
  for (const { data, gradient } of leafs) for (let i = 0; i < data.length; i++) data[i] -= lr * gradient[i];
};

/** `result()`: the first layer's weights after three steps from the start. */
export const afterThree = ({ step, weights }) => ({
  step,
  result() {
    for (let i = 0; i < 3; i++) step();
    return Float32Array.from(weights());
  },
});
