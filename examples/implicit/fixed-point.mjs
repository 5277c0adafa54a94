// The implicit function rule as a custom rule: x* = g(a, x*) found by iteration, differentiated without differentiating
// the iterations.   dx*/da = (1 - ∂g/∂x)⁻¹ ∂g/∂a; in reverse: solve λ = ct + λ ∂g/∂x by iterating, then pull λ back to a.
import * as ad from "adjoint";
import { fileURLToPath } from "node:url";

function iterate(step, start, tolerance = 1e-14, most = 500) {
  let x = start;
  for (let i = 0; i < most; i++) {
    const next = step(x);
    const change = next.sub(x).abs().max().item();
    x = next;
    if (change < tolerance) break;
  }
  return x;
}

/** The fixed point of x ↦ g(a, x) from `start`, as a differentiable function of a. */
export function fixedPoint(g, start) {
  const solve = (a) => ad.noGrad(() => iterate((x) => g(a, x), start));
  return ad.customVjp(solve, {
    forward: (a) => {
      const x = solve(a);
      return [x, { a, x }];
    },
    backward: ({ a, x }, ct) => {
      const [, pullX] = ad.vjp((y) => g(a, y), x);
      const lambda = iterate((l) => ct.add(pullX(l)[0]), ct);
      return ad.vjp((b) => g(b, x), a)[1](lambda);
    },
  });
}

/** √a by Newton's map, and its derivative 1/(2√a). */
export function squareRoot(a) {
  const newton = fixedPoint((a, x) => x.add(a.div(x)).mul(0.5).mul(0.9).add(x.mul(0.1)), ad.tensor(1, { dtype: "float64" }));
  return ad
    .valueAndGrad(newton)(ad.tensor(a, { dtype: "float64" }))
    .map((t) => t.item());
}

/** Kepler's equation E = M + e sin E; dE/dM = 1/(1 - e cos E). */
export function kepler(meanAnomaly, eccentricity) {
  const solve = fixedPoint((M, E) => M.add(E.sin().mul(eccentricity)), ad.tensor(meanAnomaly, { dtype: "float64" }));
  return ad
    .valueAndGrad(solve)(ad.tensor(meanAnomaly, { dtype: "float64" }))
    .map((t) => t.item());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [root, slope] = squareRoot(7);
  console.log(`√7 = ${root}, derivative ${slope} (exact ${0.5 / Math.sqrt(7)})`);
  const [E, dE] = kepler(1, 0.3);
  console.log(`Kepler: E = ${E}, dE/dM = ${dE} (exact ${1 / (1 - 0.3 * Math.cos(E))})`);
}
