// `npm run bench [-- name ...]`: set-up, then the benchmarks against the peers; `npm run bench -- laws` measures and draws the laws of cost.
import { spawn } from "node:child_process";
import path from "node:path";
import { build } from "./build.mjs";
import { hashOf, once, root, run, say, stopOnError } from "./lib.mjs";

stopOnError(async () => {
  await build();
  const folder = path.join(root, "bench");
  await once("bench", hashOf([path.join(folder, "package-lock.json")]), ["bench/node_modules/@tensorflow"], async () => {
    say("installing the competitors");
    await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder });
  });
  const [first, ...rest] = process.argv.slice(2);
  const program =
    first === "laws" ? [path.join(folder, "laws", "run.mjs"), ...rest] : [path.join(folder, "run.mjs"), ...process.argv.slice(2)];
  const child = spawn(process.execPath, program, { stdio: "inherit" });
  child.on("close", (code) => process.exit(code ?? 1));
});
