// Obtains what builds the WebAssembly files: a Rust with the wasm32 standard library, wasm-bindgen and wasm-pack. Each is used
// as it is when it is there. Everything built lies in the user's cache directory, keyed by version: a second clone finds it.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ask, cache, run, say, Stop } from "./lib.mjs";

export const BINDGEN = "0.2.126";
const WASM_PACK = "0.15.1";
const TARGET = "wasm32-unknown-unknown";

function hasWasmLibrary(rustc, env) {
  const sysroot = ask(rustc, ["--print", "sysroot"], env);
  const folder = sysroot && path.join(sysroot, "lib", "rustlib", TARGET, "lib");
  return Boolean(folder && existsSync(folder) && readdirSync(folder).some((name) => /^libstd-.*\.rlib$/.test(name)));
}

const MANUAL = `Adjoint's core is Rust compiled to WebAssembly, and no way to a Rust with the ${TARGET} library worked here.
By hand, either
  - install rustup (rustup.rs), then:  rustup target add ${TARGET}
  - or, on Debian as root:             apt-get install rustc-web cargo-web rust-web-src rust-web-llvm lld
    and run this command again.`;

/** The environment in which cargo builds for wasm32. */
export async function rust() {
  if (ask("rustc", ["--version"]) && ask("cargo", ["--version"])) {
    if (hasWasmLibrary("rustc", {})) return {};
    if (ask("rustup", ["--version"])) {
      say(`adding the ${TARGET} library with rustup (up to 30 seconds)`);
      const { code } = await run("rustup", ["target", "add", TARGET], { timeout: 30_000, allowFailure: true });
      if (code === 0 && hasWasmLibrary("rustc", {})) return {};
      say("rustup cannot reach its server; trying Debian's Rust");
    }
  }
  return debianRust();
}

/** Debian's compiler, with the wasm32 library built from Debian's own source, so that the two always agree. */
async function debianRust() {
  const env = { RUSTC: "/usr/bin/rustc", RUSTDOC: "/usr/bin/rustdoc", PATH: `/usr/bin:${process.env.PATH}` };
  const cargo = { ...env, CARGO: "/usr/bin/cargo" };
  const ready = () => existsSync("/usr/bin/cargo") && hasWasmLibrary("/usr/bin/rustc", {});
  if (ready()) return cargo;
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) throw new Stop(MANUAL);
  say("installing Debian's Rust for WebAssembly (about 30 seconds)");
  const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" }, allowFailure: true };
  await run("apt-get", ["update"], quiet);
  const packages = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];
  const installed = await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], quiet);
  if (installed.code !== 0) throw new Stop(`${MANUAL}\n\napt-get said:\n${installed.output.slice(-1500)}`);
  await installLinker();
  if (!ready()) await buildLibrary(env);
  if (!ready()) throw new Stop(MANUAL);
  return cargo;
}

/** rust-lld is a link into the lld package of one LLVM version, which moves with Debian's Rust. */
async function installLinker() {
  const target = ask("readlink", ["-m", "/usr/bin/rust-lld"]) ?? "";
  const version = /llvm-(\d+)/.exec(target)?.[1] ?? /lld-(\d+)/.exec(target)?.[1];
  const name = version ? `lld-${version}` : "lld";
  await run("apt-get", ["install", "-y", "--no-install-recommends", name], { env: { DEBIAN_FRONTEND: "noninteractive" } });
}

async function buildLibrary(env) {
  say(`building the ${TARGET} standard library from Debian's source (about 40 seconds)`);
  const folder = mkdtempSync(path.join(os.tmpdir(), "wasm-std-"));
  try {
    mkdirSync(path.join(folder, "src"));
    writeFileSync(
      path.join(folder, "Cargo.toml"),
      '[package]\nname = "nothing"\nversion = "0.0.0"\nedition = "2021"\n[lib]\n[profile.release]\npanic = "abort"\n',
    );
    writeFileSync(path.join(folder, "src", "lib.rs"), "#![no_std]\n");
    await run("/usr/bin/cargo", ["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"], {
      cwd: folder,
      env: { ...env, RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Cembed-bitcode=yes", CARGO_TARGET_DIR: path.join(folder, "target") },
    });
    const from = path.join(folder, "target", TARGET, "release", "deps");
    const to = `/usr/lib/rustlib/${TARGET}/lib`;
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) {
      if (name.endsWith(".rlib") && !name.startsWith("libnothing")) cpSync(path.join(from, name), path.join(to, name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tool built from its crate, unless the right version is on PATH or in the cache. Returns its folder, or undefined for PATH. */
async function tool(name, crate, version, env) {
  if (ask(name, ["--version"])?.split(" ").includes(version)) return undefined;
  const folder = path.join(cache, "tools", `${crate}-${version}`);
  const binary = path.join(folder, "bin", name);
  if (!existsSync(binary)) {
    say(`building ${name} ${version} from its crate (about a minute, once per machine)`);
    await run(env.CARGO ?? "cargo", ["install", "--debug", "--locked", "--root", folder, crate, "--version", version], {
      env: { ...env, CARGO_TARGET_DIR: path.join(cache, "build"), CARGO_PROFILE_DEV_DEBUG: "0", RUSTFLAGS: "" },
    });
  }
  return path.join(folder, "bin");
}

/** Everything a WebAssembly build needs, as an environment. */
export async function toolchain() {
  const env = await rust();
  const folders = [];
  folders.push(await tool("wasm-bindgen", "wasm-bindgen-cli", BINDGEN, env));
  folders.push(await tool("wasm-pack", "wasm-pack", WASM_PACK, env));
  return { ...env, PATH: [...folders.filter(Boolean), env.PATH ?? process.env.PATH].join(path.delimiter) };
}
