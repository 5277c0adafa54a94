// `npm test`: everything, from a fresh clone. Each part prints what it does; the last line adds up.
// `npm test -- NAME ...`: these parts only (`--list` names them); any other NAME filters the test files of the simd128 build.
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { build, dependencies, mutants } from "./build.mjs";
import { gates } from "./gates.mjs";
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
const escape = String.fromCharCode(27);
const plain = (text) => text.replace(new RegExp(`${escape}\\[[0-9;]*m`, "g"), "");

async function native() {
  say("testing the Rust core natively");
  const env = { ...(await rust()), CARGO_TARGET_DIR: path.join(root, "target", "native") };
  const { code, output } = await run(env.CARGO ?? "cargo", ["test", "--workspace"], { env, allowFailure: true });
  const [passed, failed] = [sum(output, /(\d+) passed;/g), sum(output, /(\d+) failed;/g)];
  count("cargo test", passed, failed || Number(code !== 0), output.slice(-6000));
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

/** The browser tests need a Chromium. Installing one changes the machine, so it is announced, and can be refused. */
async function chromium() {
  if (existsSync("/usr/bin/chromium") || !existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) return;
  if (process.env.ADJOINT_INSTALL === "0") {
    say("no Chromium here, and ADJOINT_INSTALL=0 forbids to install one: the browser tests will fail");
    return;
  }
  say("installing Debian's Chromium for the browser tests (apt-get; ADJOINT_INSTALL=0 refuses it)");
  const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" }, allowFailure: true };
  await run("apt-get", ["update"], quiet);
  await run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], quiet);
}

const SIMD = { ADJOINT_VARIANT: "simd128" };

const parts = {
  gates: async () => {
    await dependencies();
    for (const gate of await gates()) count(gate.name, Number(gate.ok), Number(!gate.ok), gate.output);
    // Nobody waits for a build to learn of a missing comma.
    if (totals.failed > 0) await end();
  },
  wasm: async () => {
    await build();
    await vitest("through WebAssembly (simd128)", process.execPath, SIMD);
  },
  relaxed: async () => {
    await build();
    await vitest("through WebAssembly (relaxed SIMD)", await newerNode(), { ADJOINT_VARIANT: "relaxed-simd" });
  },
  native,
  mutants: async () => {
    await build();
    await mutants();
    await vitest("that damaged derivative rules are noticed", process.execPath, {}, ["--config", "vitest.mutants.config.ts"]);
  },
  packages: async () => {
    await build();
    await chromium();
    await vitest("the package in fresh projects and in the browser", process.execPath, {}, ["--config", "vitest.packaging.config.ts"]);
  },
};

/**
 * In this order when all run: what is quick and needs no build comes first; the suites have workers for two cores; what is one thread for most
 * of its time runs beside another.
 */
const ORDER = [[["gates"]], [["wasm"]], [["relaxed"]], [["native", "packages"], ["mutants"]]];

async function inTurn(names) {
  for (const name of names) await parts[name]();
}

function end() {
  for (const failure of failures) process.stdout.write(`\n${failure}\n`);
  mkdirSync(built, { recursive: true });
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
  process.exit(totals.failed > 0 ? 1 : 0);
}

stopOnError(async () => {
  const names = process.argv.slice(2);
  if (names.includes("--list")) {
    process.stdout.write(`${Object.keys(parts).join("\n")}\n`);
    return;
  }
  const filters = names.filter((name) => !(name in parts));
  if (names.length === 0) for (const lanes of ORDER) await Promise.all(lanes.map(inTurn));
  else await inTurn(Object.keys(parts).filter((name) => names.includes(name)));
  if (filters.length > 0) {
    await build();
    await vitest(filters.join(", "), process.execPath, SIMD, filters);
  }
  end();
});
