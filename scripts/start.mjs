// `npm start`: set-up where it is needed, then the digit classifier.
import { spawn } from "node:child_process";
import path from "node:path";
import { build } from "./build.mjs";
import { root, stopOnError } from "./lib.mjs";

stopOnError(async () => {
  await build();
  const child = spawn(process.execPath, [path.join(root, "examples", "mnist", "main.mjs"), ...process.argv.slice(2)], { stdio: "inherit" });
  child.on("close", (code) => process.exit(code ?? 1));
});
