// `npm run test:hosts`: the package in hosts that take minutes to install and to build.
import { spawn } from "node:child_process";
import path from "node:path";
import { build } from "./build.mjs";
import { hashOf, once, root, run, say, stopOnError } from "./lib.mjs";

stopOnError(async () => {
  await build();
  const folder = path.join(root, "test", "hosts");
  await once("hosts", hashOf([path.join(folder, "package-lock.json")]), ["test/hosts/node_modules/next"], async () => {
    say("installing the hosts");
    await run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder });
  });
  const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--config", "vitest.hosts.config.ts", ...process.argv.slice(2)], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  child.on("close", (code) => process.exit(code ?? 1));
});
