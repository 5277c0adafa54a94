// What the scripts share. No dependency: they run before `npm ci` does.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "adjoint");
export const built = path.join(root, ".cache");

const begin = Date.now();
/** One line per long step, with the time since the start. */
export function say(message) {
  const seconds = ((Date.now() - begin) / 1000).toFixed(0).padStart(3);
  process.stdout.write(`[${seconds}s] ${message}\n`);
}

/** Ends the program with what went wrong and what to do. */
export class Stop extends Error {}

export function stopOnError(main) {
  main().catch((error) => {
    process.stderr.write(error instanceof Stop ? `\n${error.message}\n` : `\n${error.stack}\n`);
    process.exit(1);
  });
}

/** Runs a command to its end; quiet unless it fails. Resolves to its output. */
export function run(command, args, { cwd = root, env = {}, timeout, show = false, allowFailure = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout?.on("data", (data) => (output += data));
    child.stderr?.on("data", (data) => (output += data));
    const timer = timeout && setTimeout(() => child.kill("SIGKILL"), timeout);
    child.on("error", (error) => (allowFailure ? resolve({ code: 127, output: String(error) }) : reject(error)));
    child.on("close", (code) => {
      clearTimeout(timer);
      if (code !== 0 && !allowFailure) {
        reject(
          new Stop(
            `${command} ${args.join(" ")}\nfailed (${code === null ? "timed out or killed" : `exit code ${code}`})${output ? `:\n${output.slice(-4000)}` : ""}`,
          ),
        );
      } else {
        resolve({ code: code ?? 1, output });
      }
    });
  });
}

/** The first line a command prints, or undefined when it cannot be run. */
export function ask(command, args, env = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...env } });
  return result.status === 0 ? result.stdout.trim().split("\n")[0] : undefined;
}

/** All files below some paths (of the repository), sorted. */
export function filesBelow(...names) {
  const files = [];
  const visit = (file) => {
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) {
      for (const name of readdirSync(file).sort()) if (name !== "node_modules" && name !== "target") visit(path.join(file, name));
    } else {
      files.push(file);
    }
  };
  for (const name of names) visit(path.resolve(root, name));
  return files;
}

export function hashOf(files, extra = "") {
  const hash = createHash("sha256").update(extra);
  for (const file of files) hash.update(path.relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Does `work` unless it was done for this very input and its outputs are there. */
export async function once(name, inputHash, outputs, work) {
  const stamp = path.join(built, `${name}.stamp`);
  const done =
    existsSync(stamp) && readFileSync(stamp, "utf8") === inputHash && outputs.every((file) => existsSync(path.resolve(root, file)));
  if (done) return false;
  await work();
  mkdirSync(built, { recursive: true });
  writeFileSync(stamp, inputHash);
  return true;
}
