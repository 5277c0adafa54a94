// What a commit must pass before anything is built: formatting, linters, types, exports nobody imports, documentation, and that the
// generated files are what the crate generates. `npm run check` runs them alone; `npm run check -- --fix` mends what can be mended.
import { readFileSync } from "node:fs";
import path from "node:path";
import { dependencies } from "./build.mjs";
import { ask, root, run, say, Stop, stopOnError } from "./lib.mjs";
import { rust } from "./toolchain.mjs";

const local = (name) => path.join(root, "node_modules", ".bin", name);

/** Each: what it is called, whether it passed, and what was said. Node's and cargo's run side by side. */
export async function gates() {
  const env = { ...(await rust()), CARGO_TARGET_DIR: path.join(root, "target", "native") };
  const cargo = env.CARGO ?? "cargo";
  const gate = async (name, command, args, extra = {}) => {
    const { code, output } = await run(command, args, { env: extra, allowFailure: true });
    return { name, ok: code === 0, output: output.slice(-6000) };
  };
  /** Debian's Rust may come without the two: said, not silent. */
  const component = (name) => {
    if (ask(cargo, [name, "--version"], env)) return true;
    say(`cargo ${name} is not installed here: not checked`);
    return false;
  };
  say("checking formats, lints, types and what is generated");
  const node = [
    () => gate("Biome (format and lint)", local("biome"), ["ci", "--error-on-warnings"]),
    () => gate("types", local("tsc"), ["--noEmit"]),
    () => gate("documentation of what is public (typedoc)", local("typedoc"), ["--logLevel", "Warn", "--json", ".cache/reference.json"]),
    () => gate("exports that nobody imports (knip)", local("knip"), ["--no-progress"]),
    methods,
  ];
  const clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
  const documented = { ...env, RUSTDOCFLAGS: "-D warnings -D missing_docs" };
  const crate = [
    ...(component("fmt") ? [() => gate("cargo fmt", cargo, ["fmt", "--all", "--check"], env)] : []),
    ...GENERATED.map(
      ([example, file]) =>
        () =>
          generated(cargo, env, example, file),
    ),
    ...(component("clippy") ? [() => gate("cargo clippy", cargo, clippy, env)] : []),
    () => gate("cargo doc", cargo, ["doc", "--quiet", "--no-deps", "--workspace"], documented),
  ];
  return (await Promise.all([inTurn(node), inTurn(crate)])).flat();
}

async function inTurn(checks) {
  const results = [];
  for (const check of checks) results.push(await check());
  return results;
}

/** The crate's examples that write for TypeScript, and the files they write. */
const GENERATED = [
  ["opcodes", "ts/opcodes.ts"],
  ["boundary", "ts/runtime/boundary.ts"],
];

/** A generated file against the one in the repository. */
async function generated(cargo, env, example, file) {
  const name = `${file} is what the crate generates`;
  const { code, output } = await run(cargo, ["run", "--quiet", "--example", example], { env, allowFailure: true });
  const same = code === 0 && output === readFileSync(path.join(root, file), "utf8");
  return { name, ok: same, output: code === 0 ? "run: npm run generate" : output };
}

/** The types of methods against the functions they are written from. */
async function methods() {
  const { OUTPUT, tensorMethods } = await import("./methods.mjs");
  return {
    name: "ts/tensor-methods.ts is what the functions give",
    ok: readFileSync(OUTPUT, "utf8") === tensorMethods(),
    output: "run: npm run generate",
  };
}

async function fix() {
  const env = await rust();
  await run(env.CARGO ?? "cargo", ["fmt", "--all"], { env });
  await run(local("biome"), ["check", "--write"], { allowFailure: true });
}

if (process.argv[1]?.endsWith("gates.mjs")) {
  stopOnError(async () => {
    await dependencies();
    if (process.argv.includes("--fix")) await fix();
    const failed = (await gates()).filter(({ ok, name, output }) => {
      say(`${name}: ${ok ? "passed" : "FAILED"}`);
      if (!ok) process.stdout.write(`${output}\n`);
      return !ok;
    });
    if (failed.length > 0) throw new Stop(`${failed.length} failed; npm run check -- --fix mends formats`);
  });
}
