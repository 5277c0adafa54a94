// A small convolutional network on images: the loss and the gradients of all parameters, read.
import * as ad from "adjoint";
import { randoms } from "../data.mjs";
import { addProduct, addProductLeft, addProductRight } from "./loops.mjs";
import { lossAndGradients } from "./sequences.mjs";

const zeros = (n) => new Float32Array(n);

/** Sizes of a layer: images [n, c, h, w], kernels [o, c, 3, 3], results [n, o, h - 2, w - 2], halved by windows of 2 x 2. */
const layer = (n, c, h, w, o) => ({ n, c, h, w, o, p: h - 2, q: w - 2, a: (h - 2) >> 1, b: (w - 2) >> 1 });

/** The largest of each window of the rectified convolution, and where it was. */
function forward({ n, c, h, w, o, p, q, a, b }, x, W, bias) {
  const y = zeros(n * o * p * q);
  for (let i = 0; i < n; i++)
    for (let f = 0; f < o; f++) {
      const to = (i * o + f) * p * q;
      y.fill(bias[f], to, to + p * q);
      for (let k = 0; k < c; k++)
        for (let r = 0; r < 3; r++)
          for (let s = 0; s < 3; s++) {
            const v = W[((f * c + k) * 3 + r) * 3 + s];
            for (let u = 0; u < p; u++) {
              const from = ((i * c + k) * h + u + r) * w + s;
              for (let t = 0; t < q; t++) y[to + u * q + t] += v * x[from + t];
            }
          }
    }
  const [pooled, places] = [zeros(n * o * a * b), new Int32Array(n * o * a * b)];
  for (let image = 0; image < n * o; image++)
    for (let u = 0; u < a; u++)
      for (let t = 0; t < b; t++) {
        let best = (image * p + 2 * u) * q + 2 * t;
        for (const other of [best + 1, best + q, best + q + 1]) if (y[other] > y[best]) best = other;
        const to = (image * a + u) * b + t;
        [pooled[to], places[to]] = [Math.max(y[best], 0), best];
      }
  return { pooled, places };
}

/** The gradients of kernels, bias and images. */
function backward({ n, c, h, w, o, p, q }, x, W, { pooled, places }, g, dx) {
  const [dy, dW, dBias] = [zeros(n * o * p * q), zeros(W.length), zeros(o)];
  for (let k = 0; k < g.length; k++) if (pooled[k] > 0) dy[places[k]] += g[k];
  for (let i = 0; i < n; i++)
    for (let f = 0; f < o; f++) {
      const at = (i * o + f) * p * q;
      for (let u = 0; u < p * q; u++) dBias[f] += dy[at + u];
      for (let k = 0; k < c; k++)
        for (let r = 0; r < 3; r++)
          for (let s = 0; s < 3; s++) {
            const place = ((f * c + k) * 3 + r) * 3 + s;
            let sum = 0;
            for (let u = 0; u < p; u++) {
              const from = ((i * c + k) * h + u + r) * w + s;
              for (let t = 0; t < q; t++) sum += dy[at + u * q + t] * x[from + t];
              if (dx) for (let t = 0; t < q; t++) dx[from + t] += dy[at + u * q + t] * W[place];
            }
            dW[place] += sum;
          }
    }
  return [dW, dBias];
}

const cnn = (() => {
  const B = 32;
  const [one, two] = [layer(B, 1, 28, 28, 8), layer(B, 8, 13, 13, 16)];
  const [F, K] = [two.o * two.a * two.b, 10];
  const shapes = [
    ["W1", [8, 1, 3, 3], 0.4],
    ["b1", [8], 0.1],
    ["W2", [16, 8, 3, 3], 0.2],
    ["b2", [16], 0.1],
    ["V", [F, K], 0.05],
  ];
  const x = randoms(B * 28 * 28, 57);
  return {
    name: `CNN, ${B} images 28 x 28, 3 x 3 kernels 1-8-16, windows, linear: loss and gradients, read`,
    shapes,
    input: [x, [B, 1, 28, 28]],
    loss([W1, b1, W2, b2, V], x) {
      const h = ad.maxPool2d(ad.conv2d(x, W1, { bias: b1 }).relu(), 2);
      return ad
        .maxPool2d(ad.conv2d(h, W2, { bias: b2 }).relu(), 2)
        .reshape([B, F])
        .matmul(V)
        .square()
        .mean();
    },
    jax(jax) {
      const np = jax.numpy;
      const stage = (x, W, b, { o, a, b: columns }) => {
        const y = jax.nn.relu(jax.lax.convGeneralDilated(x, W, [1, 1], "VALID").add(b.reshape([o, 1, 1])));
        const whole = y.slice([], [], [0, 2 * a], [0, 2 * columns]).reshape([B, o, a, 2, columns, 2]);
        return np.max(np.max(whole, 5), 3);
      };
      return ([W1, b1, W2, b2, V], x) => {
        const h = stage(stage(x, W1, b1, one), W2, b2, two).reshape([B, F]);
        return np.mean(np.square(np.matmul(h, V)));
      };
    },
    byHand([W1, b1, W2, b2, V]) {
      const first = forward(one, x, W1, b1);
      const second = forward(two, first.pooled, W2, b2);
      const [out, dOut, dV, dh] = [B * K, B * K, F * K, B * F].map(zeros);
      addProduct(second.pooled, V, out, B, F, K);
      let loss = 0;
      for (let i = 0; i < B * K; i++) {
        loss += out[i] ** 2 / (B * K);
        dOut[i] = (2 * out[i]) / (B * K);
      }
      addProductLeft(second.pooled, dOut, dV, B, F, K);
      addProductRight(dOut, V, dh, B, F, K);
      const dx = zeros(first.pooled.length);
      const [dW2, db2] = backward(two, first.pooled, W2, second, dh, dx);
      const [dW1, db1] = backward(one, x, W1, first, dx, null);
      return [loss, ...dW1, ...db1, ...dW2, ...db2, ...dV];
    },
  };
})();

export const images = [lossAndGradients(cnn)];
