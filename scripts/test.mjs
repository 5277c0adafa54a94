// `npm test`: everything, from a fresh clone. Each part prints what it does; the last line adds up.
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { build, mutants } from "./build.mjs";
import { ask, built, cache, root, run, say, stopOnError } from "./lib.mjs";
import { rust } from "./toolchain.mjs";

const totals = { passed: 0, failed: 0 };
const failures = [];

function count(name, passed, failed, output) {
  totals.passed += passed;
  totals.failed += failed;
  say(`${name}: ${passed} passed, ${failed} failed`);
  if (failed > 0) failures.push(`--- ${name} ---\n${output}`);
}

const sum = (output, pattern) => [...output.matchAll(pattern)].reduce((n, [, number]) => n + Number(number), 0);
// eslint-disable-next-line no-control-regex
const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, "");

async function native() {
  say("testing the Rust core natively");
  const env = await rust();
  const { code, output } = await run(env.CARGO ?? "cargo", ["test", "--workspace"], {
    env: { ...env, CARGO_TARGET_DIR: path.join(root, "target", "native") },
    allowFailure: true,
  });
  const [passed, failed] = [sum(output, /(\d+) passed;/g), sum(output, /(\d+) failed;/g)];
  count("cargo test", passed, failed || Number(code !== 0), output.slice(-6000));
  const generated = await run(env.CARGO ?? "cargo", ["run", "--quiet", "--example", "opcodes"], {
    env: { ...env, CARGO_TARGET_DIR: path.join(root, "target", "native") },
    allowFailure: true,
  });
  const { readFileSync } = await import("node:fs");
  const same = generated.output === readFileSync(path.join(root, "ts", "opcodes.ts"), "utf8");
  count("ts/opcodes.ts is what the op table generates", Number(same), Number(!same), "run: npm run generate");
}

async function types() {
  const { code, output } = await run("npx", ["--no-install", "tsc", "--noEmit"], { allowFailure: true });
  count("type check", Number(code === 0), Number(code !== 0), output);
}

async function vitest(name, node, env, args = []) {
  say(`testing ${name}`);
  const { code, output } = await run(node, [path.join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...args], {
    env: { ...env, NO_COLOR: "1" },
    allowFailure: true,
  });
  const text = plain(output);
  const line = /^\s+Tests {2}(.*)$/m.exec(text)?.[1] ?? "";
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  count(name, number("passed"), number("failed") || Number(code !== 0), text.slice(-8000));
}

/** A Node that runs relaxed SIMD without a flag, from its npm package, in the cache. */
async function newerNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= 22) return process.execPath;
  const folder = path.join(cache, "node-24");
  const binary = path.join(folder, "node_modules", "node", "bin", "node");
  if (!ask(binary, ["--version"])) {
    say("fetching Node 24 for the relaxed SIMD build (npm package node@24)");
    mkdirSync(folder, { recursive: true });
    await run("npm", ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "node@24"], { cwd: folder });
  }
  return binary;
}

async function browser() {
  if (!existsSync("/usr/bin/chromium") && existsSync("/usr/bin/apt-get") && process.getuid?.() === 0) {
    say("installing Chromium for the browser tests");
    const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" }, allowFailure: true };
    await run("apt-get", ["update"], quiet);
    await run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], quiet);
  }
  await vitest("the package in fresh projects and in the browser", process.execPath, {}, ["--config", "vitest.packaging.config.ts"]);
}

stopOnError(async () => {
  await build();
  await mutants();
  await native();
  await types();
  await vitest("through WebAssembly (simd128)", process.execPath, { ADJOINT_VARIANT: "simd128" });
  await vitest("through WebAssembly (relaxed SIMD)", await newerNode(), { ADJOINT_VARIANT: "relaxed-simd" });
  await vitest("that damaged derivative rules are noticed", process.execPath, {}, ["--config", "vitest.mutants.config.ts"]);
  await browser();
  for (const failure of failures) process.stdout.write(`\n${failure}\n`);
  mkdirSync(built, { recursive: true });
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
  process.exit(totals.failed > 0 ? 1 : 0);
});
