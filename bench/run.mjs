// node bench/run.mjs [name ...] [--short] [--json file]: all workloads, or those whose name contains a word given. `--short` takes a few
// samples only: enough to see a factor.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import * as ad from "adjoint";
import { limits } from "./limits.mjs";
import { measure, table } from "./harness.mjs";
import { logistic } from "./workloads/logistic.mjs";
import { networks } from "./workloads/networks.mjs";
import { gemm } from "./workloads/gemm.mjs";
import { elementwise } from "./workloads/elementwise.mjs";
import { overhead } from "./workloads/overhead.mjs";
import { functions } from "./workloads/functions.mjs";
import { jacobians } from "./workloads/jacobians.mjs";
import { dynamics } from "./workloads/dynamics.mjs";
import { images } from "./workloads/images.mjs";
import { linearAlgebra } from "./workloads/linear-algebra.mjs";
import { sequences } from "./workloads/sequences.mjs";

const words = process.argv.slice(2);
const taken = (flag, count) => {
  const at = words.indexOf(flag);
  return at >= 0 ? words.splice(at, count).at(-1) : undefined;
};
const file = taken("--json", 2);
const short = taken("--short", 1) ? { rounds: 3, milliseconds: 10 } : {};

const all = [
  ...overhead,
  ...elementwise,
  ...gemm,
  ...linearAlgebra,
  ...functions,
  ...jacobians,
  ...dynamics,
  logistic,
  ...networks,
  ...images,
  ...sequences,
];
const workloads = all.filter((w) => words.length === 0 || words.some((word) => w.name.toLowerCase().includes(word.toLowerCase())));
const rates = limits(ad.variant() === "relaxed-simd");
const machine = `Node ${process.version}, ${os.cpus()[0]?.model ?? "unknown CPU"}, one thread, the ${ad.variant()} build`;
console.log(
  `${machine}: at most ${(rates.flops / 1e6).toFixed(0)} GFLOP/s, ${(rates.bytes / 1e6).toFixed(0)} GB/s in WebAssembly, measured now\n`,
);
// A file that is there keeps the rows of the workloads that were not asked for.
const results = file && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).results : {};
for (const workload of workloads) {
  const measured = await measure(workload, { ...workload.options, ...short }, rates);
  results[workload.name] = measured;
  console.log(table(workload, measured) + "\n");
  // After each, so that a run that is broken off is not lost.
  if (file) writeFileSync(file, JSON.stringify({ machine, rates, results }, null, 2) + "\n");
}
