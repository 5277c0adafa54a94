// Networks over sequences: the loss and the gradients of all parameters, read. An LSTM, and a block of a transformer.
import * as ad from "adjoint";
import { asWrittenAndCompiled, byHand } from "../competitors/adjoint.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";
import { addProduct, addProductLeft, addProductRight } from "./loops.mjs";

const zeros = (n) => new Float32Array(n);
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** Parameters of given shapes, [name, shape, scale]. */
const draw = (shapes) => shapes.map(([, shape, scale], i) => randoms(size(shape), 60 + i, scale));

const lstm = (() => {
  const [B, T, H] = [16, 32, 64];
  const shapes = [
    ["W", [H, 4 * H], 0.12],
    ["U", [H, 4 * H], 0.12],
    ["b", [4 * H], 0.1],
  ];
  const x = randoms(T * B * H, 59);
  return {
    name: `LSTM, ${T} steps, batch ${B}, ${H} units: loss and gradients, read`,
    shapes,
    input: [x, [T, B, H]],
    /** The mean square of the last output; gates in the order input, forget, candidate, output. */
    loss([W, U, b], x) {
      let [h, c] = [ad.zeros([B, H]), ad.zeros([B, H])];
      for (let t = 0; t < T; t++) {
        const z = x.at(t).matmul(W).add(h.matmul(U)).add(b);
        const [i, f, g, o] = ad.split(z, H, 1);
        c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
        h = o.sigmoid().mul(c.tanh());
      }
      return h.square().mean();
    },
    jax(jax) {
      const np = jax.numpy;
      const sig = jax.nn.sigmoid;
      return ([W, U, b], x) => {
        let [h, c] = [np.zeros([B, H]), np.zeros([B, H])];
        for (let t = 0; t < T; t++) {
          const z = np.matmul(x.ref.slice(t), W.ref).add(np.matmul(h, U.ref)).add(b.ref);
          const gate = (k) => z.ref.slice([], [k * H, (k + 1) * H]);
          c = sig(gate(1))
            .mul(c)
            .add(sig(gate(0)).mul(np.tanh(gate(2))));
          h = sig(gate(3)).mul(np.tanh(c.ref));
          z.dispose();
        }
        return np.mean(np.square(h));
      };
    },
    byHand([W, U, b]) {
      const G = 4 * H;
      const gates = Array.from({ length: T }, () => zeros(B * G));
      const [hs, cs] = [0, 1].map(() => Array.from({ length: T + 1 }, () => zeros(B * H)));
      for (let t = 0; t < T; t++) {
        const z = gates[t];
        for (let n = 0; n < B; n++) z.set(b, n * G);
        addProduct(x.subarray(t * B * H), W, z, B, H, G);
        addProduct(hs[t], U, z, B, H, G);
        for (let n = 0; n < B; n++)
          for (let j = 0; j < H; j++) {
            const [at, k] = [n * H + j, n * G + j];
            const [i, f, g, o] = [sigmoid(z[k]), sigmoid(z[k + H]), Math.tanh(z[k + 2 * H]), sigmoid(z[k + 3 * H])];
            [z[k], z[k + H], z[k + 2 * H], z[k + 3 * H]] = [i, f, g, o];
            cs[t + 1][at] = f * cs[t][at] + i * g;
            hs[t + 1][at] = o * Math.tanh(cs[t + 1][at]);
          }
      }
      let loss = 0;
      let dh = zeros(B * H);
      for (let k = 0; k < B * H; k++) {
        loss += hs[T][k] ** 2 / (B * H);
        dh[k] = (2 * hs[T][k]) / (B * H);
      }
      const [dW, dU, db, dc, dz] = [H * G, H * G, G, B * H, B * G].map(zeros);
      for (let t = T - 1; t >= 0; t--) {
        const z = gates[t];
        for (let n = 0; n < B; n++)
          for (let j = 0; j < H; j++) {
            const [at, k] = [n * H + j, n * G + j];
            const [i, f, g, o] = [z[k], z[k + H], z[k + 2 * H], z[k + 3 * H]];
            const r = Math.tanh(cs[t + 1][at]);
            const d = dc[at] + dh[at] * o * (1 - r * r);
            dz[k] = d * g * i * (1 - i);
            dz[k + H] = d * cs[t][at] * f * (1 - f);
            dz[k + 2 * H] = d * i * (1 - g * g);
            dz[k + 3 * H] = dh[at] * r * o * (1 - o);
            dc[at] = d * f;
          }
        addProductLeft(x.subarray(t * B * H), dz, dW, B, H, G);
        addProductLeft(hs[t], dz, dU, B, H, G);
        for (let k = 0; k < B * G; k++) db[k % G] += dz[k];
        dh = zeros(B * H);
        addProductRight(dz, U, dh, B, H, G);
      }
      return [loss, ...dW, ...dU, ...db];
    },
  };
})();

const transformer = (() => {
  const [B, T, D, HEADS, F] = [8, 64, 64, 4, 256];
  const [N, K] = [B * T, D / HEADS];
  const shapes = [
    ["Q", [D, D], 0.2],
    ["K", [D, D], 0.2],
    ["V", [D, D], 0.2],
    ["O", [D, D], 0.2],
    ["up", [D, F], 0.2],
    ["down", [F, D], 0.1],
  ];
  const x = randoms(N * D, 58);
  return {
    name: `transformer block, ${T} tokens, ${D} wide, ${HEADS} heads, batch ${B}: loss and gradients, read`,
    shapes,
    input: [x, [B, T, D]],
    /** x + attention(norm x), then h + mlp(norm h) with a rectifier; the mean square of the result. */
    loss([Q, K_, V, O, up, down], x) {
      const norm = (h) => {
        const centred = h.sub(h.mean(-1, { keepdims: true }));
        return centred.div(centred.square().mean(-1, { keepdims: true }).add(1e-5).sqrt());
      };
      const heads = (h) => h.reshape([B, T, HEADS, K]).transpose([0, 2, 1, 3]);
      const n = norm(x);
      const [q, k, v] = [Q, K_, V].map((w) => heads(n.matmul(w)));
      const weights = q
        .matmul(k.transpose([0, 1, 3, 2]))
        .mul(1 / Math.sqrt(K))
        .softmax(-1);
      const h = x.add(weights.matmul(v).transpose([0, 2, 1, 3]).reshape([B, T, D]).matmul(O));
      return h.add(norm(h).matmul(up).relu().matmul(down)).square().mean();
    },
    jax(jax) {
      const np = jax.numpy;
      const norm = (h) => {
        const centred = h.ref.sub(np.mean(h, -1, { keepdims: true }));
        const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
        return centred.div(np.sqrt(variance.add(1e-5)));
      };
      const heads = (h, axes) => h.reshape([B, T, HEADS, K]).transpose(axes);
      return ([Q, K_, V, O, up, down], x) => {
        const n = norm(x.ref);
        const q = heads(np.matmul(n.ref, Q), [0, 2, 1, 3]);
        const k = heads(np.matmul(n.ref, K_), [0, 2, 3, 1]);
        const v = heads(np.matmul(n, V), [0, 2, 1, 3]);
        const weights = jax.nn.softmax(np.matmul(q, k).mul(1 / Math.sqrt(K)), -1);
        const mixed = np.matmul(weights, v).transpose([0, 2, 1, 3]).reshape([B, T, D]);
        const h = x.add(np.matmul(mixed, O));
        return np.mean(np.square(h.ref.add(np.matmul(jax.nn.relu(np.matmul(norm(h), up)), down))));
      };
    },
    byHand([Q, K_, V, O, up, down]) {
      const norm = (h) => {
        const [y, inverse] = [zeros(N * D), zeros(N)];
        for (let r = 0; r < N; r++) {
          let [mean, variance] = [0, 0];
          for (let j = 0; j < D; j++) mean += h[r * D + j] / D;
          for (let j = 0; j < D; j++) variance += (h[r * D + j] - mean) ** 2 / D;
          inverse[r] = 1 / Math.sqrt(variance + 1e-5);
          for (let j = 0; j < D; j++) y[r * D + j] = (h[r * D + j] - mean) * inverse[r];
        }
        return { y, inverse };
      };
      /** Adds the cotangent of the input of `norm`, given that of its output. */
      const addNormBack = ({ y, inverse }, g, into) => {
        for (let r = 0; r < N; r++) {
          let [sum, dot] = [0, 0];
          for (let j = r * D; j < (r + 1) * D; j++) {
            sum += g[j] / D;
            dot += (g[j] * y[j]) / D;
          }
          for (let j = r * D; j < (r + 1) * D; j++) into[j] += inverse[r] * (g[j] - sum - y[j] * dot);
        }
      };
      const product = (A, W, n, m) => {
        const out = zeros(N * m);
        addProduct(A, W, out, N, n, m);
        return out;
      };
      const n1 = norm(x);
      const [q, k, v] = [Q, K_, V].map((w) => product(n1.y, w, D, D));
      const [P, mixed, scale] = [zeros(B * HEADS * T * T), zeros(N * D), 1 / Math.sqrt(K)];
      for (let bh = 0; bh < B * HEADS; bh++) {
        const at = Math.floor(bh / HEADS) * T * D + (bh % HEADS) * K;
        for (let s = 0; s < T; s++) {
          const row = P.subarray((bh * T + s) * T, (bh * T + s + 1) * T);
          let [top, sum] = [-Infinity, 0];
          for (let t = 0; t < T; t++) {
            let d = 0;
            for (let j = 0; j < K; j++) d += q[at + s * D + j] * k[at + t * D + j];
            row[t] = d * scale;
            top = Math.max(top, row[t]);
          }
          for (let t = 0; t < T; t++) sum += row[t] = Math.exp(row[t] - top);
          for (let t = 0; t < T; t++) {
            row[t] /= sum;
            for (let j = 0; j < K; j++) mixed[at + s * D + j] += row[t] * v[at + t * D + j];
          }
        }
      }
      const h = product(mixed, O, D, D);
      for (let i = 0; i < N * D; i++) h[i] += x[i];
      const n2 = norm(h);
      const a = product(n2.y, up, D, F);
      for (let i = 0; i < N * F; i++) a[i] = Math.max(a[i], 0);
      const out = product(a, down, F, D);
      let loss = 0;
      const g = zeros(N * D);
      for (let i = 0; i < N * D; i++) {
        out[i] += h[i];
        loss += out[i] ** 2 / (N * D);
        g[i] = (2 * out[i]) / (N * D);
      }
      const gradients = shapes.map(([, shape]) => zeros(size(shape)));
      const [dQ, dK, dV, dO, dUp, dDown] = gradients;
      addProductLeft(a, g, dDown, N, F, D);
      const da = zeros(N * F);
      addProductRight(g, down, da, N, F, D);
      for (let i = 0; i < N * F; i++) if (a[i] === 0) da[i] = 0;
      addProductLeft(n2.y, da, dUp, N, D, F);
      const [dn2, dh, dMixed] = [zeros(N * D), g, zeros(N * D)];
      addProductRight(da, up, dn2, N, D, F);
      addNormBack(n2, dn2, dh);
      addProductLeft(mixed, dh, dO, N, D, D);
      addProductRight(dh, O, dMixed, N, D, D);
      const [dq, dk, dv, dRow] = [zeros(N * D), zeros(N * D), zeros(N * D), zeros(T)];
      for (let bh = 0; bh < B * HEADS; bh++) {
        const at = Math.floor(bh / HEADS) * T * D + (bh % HEADS) * K;
        for (let s = 0; s < T; s++) {
          const row = P.subarray((bh * T + s) * T, (bh * T + s + 1) * T);
          let dot = 0;
          for (let t = 0; t < T; t++) {
            let d = 0;
            for (let j = 0; j < K; j++) {
              d += dMixed[at + s * D + j] * v[at + t * D + j];
              dv[at + t * D + j] += row[t] * dMixed[at + s * D + j];
            }
            dRow[t] = d;
            dot += d * row[t];
          }
          for (let t = 0; t < T; t++) {
            const d = row[t] * (dRow[t] - dot) * scale;
            for (let j = 0; j < K; j++) {
              dq[at + s * D + j] += d * k[at + t * D + j];
              dk[at + t * D + j] += d * q[at + s * D + j];
            }
          }
        }
      }
      addProductLeft(n1.y, dq, dQ, N, D, D);
      addProductLeft(n1.y, dk, dK, N, D, D);
      addProductLeft(n1.y, dv, dV, N, D, D);
      return [loss, ...gradients.flatMap((t) => [...t])];
    },
  };
})();

/** The loss and the gradients of all parameters, read, by everybody who can. */
export const lossAndGradients = ({ name, shapes, input: [x, dims], loss, jax: onJaxJs, byHand: derivative }) => {
  const start = draw(shapes);
  return {
    name,
    tolerance: 1e-4,
    competitors: [
      ...asWrittenAndCompiled((wrap) => {
        const parameters = start.map((data, i) => ad.tensor(data, { shape: shapes[i][1] }));
        const X = ad.tensor(x, { shape: dims });
        const f = ad.valueAndGrad((p, x) => loss(p, x));
        const run = wrap((...args) => {
          const [value, gradients] = f(args.slice(1), args[0]);
          return [value, ...gradients];
        });
        const read = (use) => {
          for (const t of run(X, ...parameters)) {
            use(t.data());
            t.dispose();
          }
        };
        return {
          step: () => read(() => {}),
          result() {
            const all = [];
            read((data) => all.push(...data));
            return all;
          },
        };
      }),
      byHand(() => derivative(start)),
      onJax((jax) => {
        const np = jax.numpy;
        const X = np.array(x).reshape(dims);
        const parameters = start.map((data, i) => np.array(data).reshape(shapes[i][1]));
        const f = jax.jit(jax.valueAndGrad(onJaxJs(jax)));
        const run = () => {
          const [value, gradients] = f(jax.tree.ref(parameters), X.ref);
          return [value, ...gradients].map((t) => t.dataSync());
        };
        return { step: run, result: () => run().flatMap((data) => [...data]) };
      }),
    ],
  };
};

export const sequences = [lossAndGradients(lstm), lossAndGradients(transformer)];
