// Derivatives of functions on few numbers, where the cost of a call decides: as written, compiled, and by hand.
import * as ad from "adjoint";
import { byHand, ours } from "../competitors/adjoint.mjs";
import { onJax } from "../competitors/jax-js.mjs";
import { randoms } from "../data.mjs";

/** The value and the gradient of sum(tanh(W x + b)), W 2x2. */
function worked() {
  const [W, b, x] = [Float32Array.of(0.5, -0.3, 0.2, 0.8), Float32Array.of(0.1, -0.2), Float32Array.of(1, 2)];
  const f = ad.valueAndGrad((W, b, x) => W.matmul(x).add(b).tanh().sum(), { argnums: [0, 1] });
  const derivative = () => {
    const out = new Float32Array(7);
    for (let i = 0; i < 2; i++) {
      const t = Math.tanh(W[2 * i] * x[0] + W[2 * i + 1] * x[1] + b[i]);
      const slope = 1 - t * t;
      out[0] += t;
      out[1 + 2 * i] = slope * x[0];
      out[2 + 2 * i] = slope * x[1];
      out[5 + i] = slope;
    }
    return out;
  };
  return {
    name: "sum(tanh(W x + b)), 2x2: value and gradients, read",
    tolerance: 1e-5,
    competitors: [
      ...ours((W, b, x) => f(W, b, x), [[W, { shape: [2, 2] }], [b], [x]]),
      byHand(derivative),
      onJax((jax) => {
        const np = jax.numpy;
        const g = jax.jit(jax.valueAndGrad((W, b, x) => np.sum(np.tanh(np.dot(W, x).add(b))), { argnums: [0, 1] }));
        const [A, B, X] = [np.array(W).reshape([2, 2]), np.array(b), np.array(x)];
        const run = () => {
          const [value, [dW, dB]] = g(A.ref, B.ref, X.ref);
          return [...value.dataSync(), ...dW.reshape([4]).dataSync(), ...dB.dataSync()];
        };
        return { step: run, result: run };
      }),
    ],
  };
}

/** The gradient of Rosenbrock's function. */
function rosenbrock(n = 1000) {
  const x = randoms(n, 3);
  const starts = (k) => [k];
  const f = ad.grad((x) => {
    const [a, b] = [x.slice(starts(0), [n - 1]), x.slice(starts(1), [n])];
    return b.sub(a.square()).square().mul(100).add(a.neg().add(1).square()).sum();
  });
  const derivative = () => {
    const g = new Float32Array(n);
    for (let i = 0; i + 1 < n; i++) {
      const [u, v] = [x[i + 1] - x[i] * x[i], 1 - x[i]];
      g[i] += -400 * u * x[i] - 2 * v;
      g[i + 1] += 200 * u;
    }
    return g;
  };
  return {
    name: `Rosenbrock, ${n} numbers: gradient, read`,
    tolerance: 1e-4,
    competitors: [
      ...ours(
        (x) => f(x),
        [[x]],
        (g) => g.data(),
      ),
      byHand(derivative),
      onJax((jax) => {
        const np = jax.numpy;
        const g = jax.jit(
          jax.grad((x) => {
            const [a, b] = [x.ref.slice([0, n - 1]), x.slice([1, n])];
            const u = b.sub(np.square(a.ref));
            return np.sum(
              np
                .square(u)
                .mul(100)
                .add(np.square(np.subtract(1, a))),
            );
          }),
        );
        const X = np.array(x);
        const run = () => g(X.ref).dataSync();
        return { step: run, result: run };
      }),
    ],
  };
}

/** A damped oscillator with a cubic spring, 200 Euler steps in float64 on single numbers: value and gradient in its four parameters. */
function simulator(steps = 200, dt = 0.02) {
  const start = Float64Array.of(1, 0.2, 2, 0.3);
  const f = ad.valueAndGrad((p) => {
    let [q, v] = [p.at(0), p.at(1)];
    const [k, c] = [p.at(2), p.at(3)];
    let energy = q.mul(0);
    for (let i = 0; i < steps; i++) {
      const force = q.mul(k).add(v.mul(c)).add(q.mul(q).mul(q)).neg();
      v = v.add(force.mul(dt));
      q = q.add(v.mul(dt));
      energy = energy.add(q.mul(q).mul(dt));
    }
    return energy;
  });
  const derivative = () => {
    const [k, c] = [start[2], start[3]];
    const [qs, vs] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
    [qs[0], vs[0]] = start;
    let energy = 0;
    for (let i = 0; i < steps; i++) {
      const q = qs[i];
      vs[i + 1] = vs[i] - dt * (q * k + vs[i] * c + q * q * q);
      qs[i + 1] = q + dt * vs[i + 1];
      energy += dt * qs[i + 1] * qs[i + 1];
    }
    let [dq, dv, dk, dc] = [0, 0, 0, 0];
    for (let i = steps - 1; i >= 0; i--) {
      dq += 2 * dt * qs[i + 1];
      dv += dt * dq;
      const df = dt * dv;
      dk -= df * qs[i];
      dc -= df * vs[i];
      dq -= df * (k + 3 * qs[i] * qs[i]);
      dv -= df * c;
    }
    return Float64Array.of(energy, dq, dv, dk, dc);
  };
  return {
    name: `oscillator, ${steps} steps on single float64 numbers: value and gradient, read`,
    tolerance: 1e-9,
    competitors: [...ours((p) => f(p), [[start]]), byHand(derivative)],
  };
}

/** Four bodies in the plane, 60 steps on single float32 numbers. */
function bodies(count = 4, steps = 60, dt = 0.01) {
  const start = randoms(4 * count, 11);
  const f = ad.valueAndGrad((x) => {
    const p = Array.from({ length: count }, (_, i) => [0, 1, 2, 3].map((k) => x.at(4 * i + k)));
    for (let s = 0; s < steps; s++) {
      const pull = p.map(([x0, y0]) => {
        let sum = null;
        for (const [x1, y1] of p) {
          if (x1 === x0) continue;
          const [dx, dy] = [x1.sub(x0), y1.sub(y0)];
          const r2 = dx.mul(dx).add(dy.mul(dy)).add(0.01);
          const w = r2.mul(r2.sqrt()).reciprocal();
          sum = sum === null ? [dx.mul(w), dy.mul(w)] : [sum[0].add(dx.mul(w)), sum[1].add(dy.mul(w))];
        }
        return sum;
      });
      p.forEach((body, i) => {
        for (const k of [0, 1]) {
          body[2 + k] = body[2 + k].add(pull[i][k].mul(dt));
          body[k] = body[k].add(body[2 + k].mul(dt));
        }
      });
    }
    return p[0][0].add(p[1][1]);
  });
  return {
    name: `${count} bodies, ${steps} steps on single float32 numbers (28,000 operations): value and gradient, read`,
    tolerance: 1e-4,
    options: { rounds: 7, milliseconds: 60 },
    competitors: ours((x) => f(x), [[start]]),
  };
}

/** Second derivatives of sum(tanh(A x)²). */
function curvature(n = 50) {
  const [A, x, v] = [randoms(n * n, 21, 0.3), randoms(n, 22), randoms(n, 23)];
  // f = sum tanh(Ax)², whose Hessian is Aᵀ diag(c) A with c = 2 (1 - t²) (1 - 3 t²).
  const weights = () => {
    const c = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let j = 0; j < n; j++) s += A[i * n + j] * x[j];
      const t2 = Math.tanh(s) ** 2;
      c[i] = 2 * (1 - t2) * (1 - 3 * t2);
    }
    return c;
  };
  const product = () => {
    const [c, out] = [weights(), new Float32Array(n)];
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let j = 0; j < n; j++) s += A[i * n + j] * v[j];
      s *= c[i];
      for (let j = 0; j < n; j++) out[j] += s * A[i * n + j];
    }
    return out;
  };
  const whole = () => {
    const [c, out] = [weights(), new Float32Array(n * n)];
    for (let i = 0; i < n; i++)
      for (let k = 0; k < n; k++) {
        const s = c[i] * A[i * n + k];
        for (let j = 0; j < n; j++) out[k * n + j] += s * A[i * n + j];
      }
    return out;
  };
  const q = (A) => (x) => A.matmul(x).tanh().square().sum();
  const inputs = [[A, { shape: [n, n] }], [x], [v]];
  const onArrays = (make) =>
    onJax((jax) => {
      const np = jax.numpy;
      const [M, X, V] = [np.array(A).reshape([n, n]), np.array(x), np.array(v)];
      const f = (M) => (x) => np.sum(np.square(np.tanh(np.dot(M, x))));
      const g = jax.jit(make(jax, f));
      const run = () => g(M.ref, X.ref, V.ref).flatten().dataSync();
      return { step: run, result: run };
    });
  return [
    {
      name: `Hessian-vector product, ${n} numbers, read`,
      tolerance: 1e-4,
      competitors: [
        ...ours((A, x, v) => ad.hvp(q(A), [x], [v])[1], inputs),
        byHand(product),
        onArrays((jax, f) => (M, x, v) => jax.jvp(jax.grad(f(M)), [x], [v])[1]),
      ],
    },
    {
      name: `Hessian, ${n} numbers, read`,
      tolerance: 1e-4,
      competitors: [...ours((A, x) => ad.hessian(q(A))(x), inputs), byHand(whole), onArrays((jax, f) => (M, x) => jax.hessian(f(M))(x))],
    },
  ];
}

/** Eight elementwise ops in a chain. */
function chain(n = 100_000) {
  const x = randoms(n, 31);
  const f = (x) => x.mul(2).add(1).mul(x).sub(x.square()).abs().add(0.5).sqrt().mul(x);
  const loop = () => {
    const y = new Float32Array(n);
    for (let i = 0; i < n; i++) y[i] = Math.sqrt(Math.abs((x[i] * 2 + 1) * x[i] - x[i] * x[i]) + 0.5) * x[i];
    return y;
  };
  return {
    name: `eight elementwise ops on ${n.toLocaleString("en")} numbers`,
    tolerance: 1e-5,
    competitors: [
      ...ours(f, [[x]], () => {}),
      byHand(loop),
      onJax((jax) => {
        const np = jax.numpy;
        const X = np.array(x);
        const g = jax.jit((x) => np.sqrt(np.abs(x.ref.mul(2).add(1).mul(x.ref).sub(np.square(x.ref))).add(0.5)).mul(x));
        const run = () => g(X.ref).dataSync();
        return { step: run, result: run };
      }),
    ],
  };
}

export const functions = [worked(), rosenbrock(), simulator(), bodies(), ...curvature(), chain()];
