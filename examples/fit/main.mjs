// A curve through measurements, with the band in which the true curve lies: biochemical oxygen demand over days of incubation (Box, Hunter
// and Hunter 1978), problem "BoxBOD" of NIST's Statistical Reference Datasets (https://www.itl.nist.gov/div898/strd/nls/data/boxbod.shtml),
// whose certified answer is b1 = 213.80940889 ± 12.354515176, b2 = 0.54723748542 ± 0.10455993237.
//
//   node examples/fit/main.mjs [fit.svg]
import * as ad from "adjoint";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawFit } from "./picture.mjs";

const f64 = (value) => ad.tensor(value, { dtype: "float64" });

export const DAYS = [1, 2, 3, 5, 7, 10];
export const DEMAND = [109, 149, 149, 191, 213, 224];

/** y = b1 (1 - exp(-b2 x)). */
const model = ({ b1, b2 }, x) => x.mul(b2).neg().exp().neg().add(1).mul(b1);

/** The parameters, their standard errors, and the curve with `width` standard errors on both sides. */
export function fitCurve({ width = 2, points = 60, start = { b1: 100, b2: 0.75 } } = {}) {
  return ad.scope(() => {
    const [x, y] = [f64(DAYS), f64(DEMAND)];
    const found = ad.optimize.leastSquares((b) => model(b, x).sub(y), start);
    const at = ad.linspace(0, 12, points, { dtype: "float64" });
    // How the curve moves with the parameters, G, gives its variance at each place: the diagonal of G C Gᵀ.
    const { b1, b2 } = ad.jacobian(model)(found.x, at);
    const slopes = ad.stack([b1, b2], 1);
    const spread = slopes.matmul(found.covariance).mul(slopes).sum(1).sqrt().mul(width);
    const curve = model(found.x, at);
    const numbers = (tree) => ad.tree.map((t) => t.item(), tree);
    return {
      parameters: numbers(found.x),
      errors: numbers(found.standardErrors),
      converged: found.converged,
      iterations: found.iterations,
      curve: { x: at.toArray(), y: curve.toArray(), low: curve.sub(spread).toArray(), high: curve.add(spread).toArray() },
    };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { parameters, errors, curve, iterations, converged } = fitCurve();
  for (const name of ["b1", "b2"]) console.log(`${name} = ${parameters[name].toPrecision(11)} ± ${errors[name].toPrecision(5)}`);
  console.log(`${converged ? "converged" : "stopped"} after ${iterations} iterations`);
  const file = process.argv[2] ?? "fit.svg";
  writeFileSync(file, drawFit({ curve, data: { x: DAYS, y: DEMAND }, title: "Oxygen demand (mg/l) over days, ± 2 standard errors" }));
  console.log(`drawn to ${file}`);
}
