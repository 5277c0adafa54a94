// The classic table: one function, its derivative by every method, the error and the time of each.
//   f(x) = Σ sin(x_i) exp(-x_i²) + log(1 + (Σ x_i)²)  at x_i = i/n
import * as ad from "adjoint";
import { fileURLToPath } from "node:url";

export const f = (x) => x.sin().mul(x.square().neg().exp()).sum().add(x.sum().square().log1p());

/** df/dx_i = (cos x_i - 2 x_i sin x_i) e^(-x_i²) + 2 s/(1 + s²), by hand. */
function byHand(x) {
  const s = x.reduce((a, b) => a + b, 0);
  return x.map((v) => (Math.cos(v) - 2 * v * Math.sin(v)) * Math.exp(-v * v) + (2 * s) / (1 + s * s));
}

/** Milliseconds of one call: the median of some. */
function time(run, rounds = 7) {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    ad.scope(run);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return times[rounds >> 1];
}

export function compare(n = 12) {
  return ad.scope(() => {
    const x = ad.tensor(Float64Array.from({ length: n }, (_, i) => (i + 1) / n));
    const exact = byHand(x.data());
    const symbolic = ad.symbolic(f)(x);
    const environment = Object.fromEntries([...x.data()].map((v, i) => [`x[${i}]`, v]));
    const partials = Array.from(exact, (_, i) => symbolic.derivative(`x[${i}]`));
    const methods = {
      "by hand": () => byHand(x.data()),
      "reverse mode": () => ad.grad(f)(x).data(),
      "forward mode": () => ad.jacfwd(f)(x).data(),
      symbolic: () => Float64Array.from(partials, (d) => d.evaluate(environment)),
      "forward differences": () => ad.numericalGrad(f, { method: "forward" })(x).data(),
      "central differences": () => ad.numericalGrad(f)(x).data(),
      "Richardson extrapolation": () => ad.numericalGrad(f, { method: "richardson" })(x).data(),
    };
    return Object.entries(methods).map(([method, run]) => {
      const value = run();
      const error = Math.max(...value.map((v, i) => Math.abs(v - exact[i])));
      return { method, "df/dx₁": value[0], error, milliseconds: time(run) };
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log("f(x) = Σ sin(x_i) exp(-x_i²) + log(1 + (Σ x_i)²), 12 inputs, float64");
  console.table(
    compare().map((row) => ({
      ...row,
      "df/dx₁": row["df/dx₁"].toPrecision(12),
      error: row.error.toExponential(1),
      milliseconds: row.milliseconds.toFixed(3),
    })),
  );
}
