// node bench/run.mjs [name ...] [--json file]: all workloads, or those whose name contains a word given.
import { writeFileSync } from "node:fs";
import os from "node:os";
import { measure, table } from "./harness.mjs";
import { logistic } from "./workloads/logistic.mjs";
import { mlp } from "./workloads/mlp.mjs";
import { smallMlp } from "./workloads/small-mlp.mjs";
import { gemm } from "./workloads/gemm.mjs";
import { elementwise } from "./workloads/elementwise.mjs";
import { overhead } from "./workloads/overhead.mjs";
import { functions } from "./workloads/functions.mjs";

const words = process.argv.slice(2);
const at = words.indexOf("--json");
const file = at >= 0 ? words.splice(at, 2)[1] : undefined;

const workloads = [...overhead, ...elementwise, ...gemm, ...functions, logistic, smallMlp, mlp].filter(
  (w) => words.length === 0 || words.some((word) => w.name.toLowerCase().includes(word.toLowerCase())),
);
console.log(`Node ${process.version}, ${os.cpus()[0]?.model ?? "unknown CPU"}, one thread\n`);
const results = {};
for (const workload of workloads) {
  const rows = await measure(workload, workload.options);
  results[workload.name] = rows;
  console.log(table(workload, rows) + "\n");
}
if (file) writeFileSync(file, JSON.stringify(results, null, 2));
