// Mixed mode on an encoder and decoder x -> e -> x': the Jacobian dx'/dx = dx'/de · de/dx, in both shapes.
// A wide middle (few x, few x', many e): each factor is cheap, de/dx by forward mode and dx'/de by reverse mode. A narrow
// middle (an autoencoder): de/dx by reverse mode (few e), dx'/de by forward mode.
import * as ad from "adjoint";
import { fileURLToPath } from "node:url";

function layer(rows, columns, seed) {
  const w = ad.random.normal(ad.random.key(seed), [rows, columns], { dtype: "float64" }).mul(1 / Math.sqrt(columns));
  return (x) => w.matmul(x).tanh();
}

/** The plan and the result for sizes x, e, x'. */
export function encoderDecoder(outer, middle, modes = "auto") {
  return ad.scope(() => {
    const stages = [layer(middle, outer, 1), layer(outer, middle, 2)];
    const x = ad.random.normal(ad.random.key(3), [outer], { dtype: "float64" });
    const jacobian = ad.chainJacobian(stages, { modes });
    const J = jacobian(x);
    const difference = J.sub(ad.jacrev((y) => stages[1](stages[0](y)))(x))
      .abs()
      .max()
      .item();
    return { ...jacobian.plan, difference };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, outer, middle] of [
    ["wide middle", 4, 400],
    ["narrow middle", 400, 4],
  ]) {
    console.log(`\n${name}: ${outer} -> ${middle} -> ${outer}`);
    for (const modes of ["auto", ["forward", "forward"], ["reverse", "reverse"], ["forward", "reverse"], ["reverse", "forward"]]) {
      const plan = encoderDecoder(outer, middle, modes);
      console.log(
        `  ${String(modes).padEnd(16)} ${plan.bracketing.padEnd(34)} cost ${plan.cost.toLocaleString("en").padStart(12)} (forward ${plan.forwardCost.toLocaleString("en")}, reverse ${plan.reverseCost.toLocaleString("en")})`,
      );
    }
  }
}
