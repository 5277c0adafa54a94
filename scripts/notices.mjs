// The licences of what is compiled or bundled into the package: MIT asks that its notice travels with copies.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root, run, Stop } from "./lib.mjs";
import { rust } from "./toolchain.mjs";

/** Bundled into the scripts, by their folder in node_modules. */
const SCRIPTS = ["@dagrejs/dagre", "fflate"];

const LICENCE = /^(licen[cs]e|copying|notice)([.-](mit|txt|md))?(\.txt|\.md)?$/i;

function textsIn(folder) {
  const files = readdirSync(folder)
    .filter((name) => LICENCE.test(name))
    .sort();
  return files.map((name) => readFileSync(path.join(folder, name), "utf8").trim());
}

/** The crates that end up in the .wasm files: what the crate depends on for the wasm32 target, build scripts and macros aside. */
async function crates() {
  const env = await rust();
  const { output } = await run(
    env.CARGO ?? "cargo",
    ["metadata", "--format-version", "1", "--locked", "--quiet", "--filter-platform", "wasm32-unknown-unknown"],
    { env },
  );
  const metadata = JSON.parse(output.slice(output.indexOf("{")));
  const packages = new Map(metadata.packages.map((p) => [p.id, p]));
  const nodes = new Map(metadata.resolve.nodes.map((n) => [n.id, n]));
  const found = new Set();
  const isMacro = (p) => p.targets.some((t) => t.kind.includes("proc-macro"));
  const visit = (id) => {
    if (found.has(id) || isMacro(packages.get(id))) return;
    found.add(id);
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  metadata.workspace_members.forEach(visit);
  return [...found]
    .map((id) => packages.get(id))
    .filter((p) => p.source !== null)
    .sort((a, b) => a.name.localeCompare(b.name));
}

export async function notices() {
  const parts = [];
  const add = (name, version, licence, texts) => {
    if (texts.length === 0) throw new Stop(`${name} ${version} has no licence file that could be shipped; look at scripts/notices.mjs`);
    parts.push(`${"=".repeat(100)}\n${name} ${version} (${licence})\n${"=".repeat(100)}\n\n${texts.join(`\n\n${"-".repeat(100)}\n\n`)}\n`);
  };
  for (const name of SCRIPTS) {
    const folder = path.join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    add(name, version, license, textsIn(folder));
  }
  for (const { name, version, license, manifest_path: manifest } of await crates()) {
    const folder = path.dirname(manifest);
    const mit = ["LICENSE-MIT", "LICENSE-MIT.txt", "license-mit"].find((file) => existsSync(path.join(folder, file)));
    add(name, version, license, mit ? [readFileSync(path.join(folder, mit), "utf8").trim()] : textsIn(folder));
  }
  const rustNotice =
    "The Rust standard library and its allocator (dlmalloc), compiled into the .wasm files: copyright the Rust project contributors, used under the MIT licence;\n" +
    "the terms are those printed above for crates of the Rust project.\n";
  return `Parts of this package were made by others. Their notices follow.\n\n${parts.join("\n")}\n${rustNotice}`;
}
