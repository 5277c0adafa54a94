// From a fresh clone to dist/: dependencies, toolchain, two WebAssembly builds, the TypeScript bundles. What was built for
// the same input is not built again.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { built, filesBelow, hashOf, once, root, run, say, Stop, stopOnError } from "./lib.mjs";
import { notices } from "./notices.mjs";
import { split } from "./split.mjs";
import { BINDGEN, toolchain } from "./toolchain.mjs";

/** What hosts of our age know: the optimiser may use nothing newer. */
const FEATURES = [
  "simd",
  "relaxed-simd",
  "bulk-memory",
  "bulk-memory-opt",
  "nontrapping-float-to-int",
  "sign-ext",
  "mutable-globals",
  "reference-types",
  "multivalue",
].map((name) => `--enable-${name}`);

const VARIANTS = [
  { name: "simd128", file: "adjoint.wasm", compiler: "adjoint-compiler.wasm", features: "+simd128" },
  { name: "relaxed-simd", file: "adjoint-relaxed.wasm", compiler: "adjoint-compiler-relaxed.wasm", features: "+simd128,+relaxed-simd" },
];
const SHIPPED = VARIANTS.flatMap(({ file, compiler }) => [file, compiler]);
/** For the inline build: both halves in one. */
const WHOLE = "adjoint-whole.wasm";

/**
 * What the files may have at most, gzipped: pages wait for the first. What compile needs, its passes, loops and every formula once more as a writer of
 * code, is the second, loaded when a function is first compiled.
 */
const BUDGET = { core: 545 * 1024, compiler: 160 * 1024 };
/** Functions of the second file: of the crate's program/, of the formulas it writes, and of the library it writes code with. */
const isCompilers = (name) => /^program_|^<*adjoint(\[\w+\])?::program\b|^<*adjoint.*\blane::symbol\b|^<*wasm_encoder/.test(name);

export async function dependencies() {
  const lock = hashOf([path.join(root, "package-lock.json"), path.join(root, "package.json")]);
  await once("npm", lock, ["node_modules/typescript", "node_modules/binaryen"], async () => {
    say("installing the npm packages");
    await run("npm", ["ci", "--no-audit", "--no-fund"]);
  });
}

const coreFiles = () =>
  filesBelow(
    "crate/src",
    "crate/Cargo.toml",
    "Cargo.toml",
    "Cargo.lock",
    "scripts/toolchain.mjs",
    "scripts/build.mjs",
    "scripts/split.mjs",
  );

/** Both WebAssembly files, optimised and checked, in .cache/wasm. */
export async function wasm() {
  const folder = path.join(built, "wasm", "release");
  const outputs = [...SHIPPED, WHOLE].map((file) => path.join(folder, file));
  await once("wasm-release", hashOf(coreFiles(), BINDGEN), outputs, async () => {
    const env = await toolchain();
    mkdirSync(folder, { recursive: true });
    // Side by side: each is one thread for most of its time.
    await Promise.all(VARIANTS.map((variant) => compile(variant, env, folder)));
  });
  return folder;
}

/** The build whose derivative rules a test harness can damage: one variant, not optimised further. */
export async function mutants() {
  const folder = path.join(built, "wasm", "mutants");
  await once("wasm-mutants", hashOf(coreFiles(), BINDGEN), [path.join(folder, "adjoint.wasm")], async () => {
    const env = await toolchain();
    mkdirSync(folder, { recursive: true });
    say("compiling the build with damageable rules");
    await pack("simd128", VARIANTS[0].features, env, path.join(built, "pkg-mutants"), ["--", "--features", "mutants"]);
    copyFileSync(path.join(built, "pkg-mutants", "adjoint_bg.wasm"), path.join(folder, "adjoint.wasm"));
  });
}

/** Panics name their source file: not by where it lies on the machine that builds. */
function remapped() {
  const cargo = process.env.CARGO_HOME || path.join(os.homedir(), ".cargo");
  return [`--remap-path-prefix=${cargo}=cargo`, `--remap-path-prefix=${root}=adjoint`].join(" ");
}

async function pack(name, features, env, out, extra = []) {
  rmSync(out, { recursive: true, force: true });
  await run("wasm-pack", ["build", "crate", "--target", "web", "--mode", "no-install", "--no-opt", "--out-dir", out, ...extra], {
    env: {
      ...env,
      // Names that tell of what type a generic function is.
      RUSTFLAGS: `-Ctarget-feature=${features} -Clink-arg=--growable-table -Csymbol-mangling-version=v0 ${remapped()}`,
      CARGO_TARGET_DIR: path.join(root, "target", name),
    },
  });
}

const optimiser = (args) => run(process.execPath, [path.join(root, "node_modules", "binaryen", "bin", "wasm-opt"), ...FEATURES, ...args]);
const STRIPPED = ["--strip-debug", "--strip-producers", "--strip-target-features"];

async function compile({ name, file, compiler, features }, env, folder) {
  say(`compiling the ${name} build`);
  const out = path.join(built, `pkg-${name}`);
  await pack(name, features, env, out);
  say(`optimising the ${name} build`);
  const [named, half] = [path.join(out, "named.wasm"), path.join(out, "half.wasm")];
  await optimiser([path.join(out, "adjoint_bg.wasm"), "-O3", "--debuginfo", "-o", named]);
  if (file === VARIANTS[0].file) await optimiser([named, ...STRIPPED, "-o", path.join(folder, WHOLE)]);
  await checkOpcodes(named, name);
  const { core, second } = split(readFileSync(named), isCompilers);
  writeFileSync(path.join(folder, compiler), second);
  writeFileSync(half, core);
  await optimiser([half, "--remove-unused-module-elements", ...STRIPPED, "-o", path.join(folder, file)]);
  checkSize(path.join(folder, file), BUDGET.core);
  checkSize(path.join(folder, compiler), BUDGET.compiler);
}

function checkSize(file, budget) {
  const packed = gzipSync(readFileSync(file), { level: 9 }).length;
  if (packed > budget)
    throw new Stop(`${file} has ${packed} bytes gzipped, more than the ${budget} it may have: find what grew, or raise BUDGET and say why`);
  say(`${path.basename(file)}: ${sizes(file)}`);
}

/**
 * A build without vector instructions would be right and slow, and one with relaxed_min or relaxed_max would lose NaN (the compiler
 * makes them of comparisons and selections): refuse both.
 */
async function checkOpcodes(file, name) {
  const { output } = await optimiser([file, "--print", "-o", "/dev/null"]);
  const count = (word) => output.split(word).length - 1;
  const [multiplies, relaxed, extrema] = [count("f32x4.mul"), count("f32x4.relaxed_madd"), count(".relaxed_min") + count(".relaxed_max")];
  if (multiplies < 20) throw new Stop(`${file} has only ${multiplies} f32x4.mul instructions: it was built without SIMD`);
  if (name === "relaxed-simd" && relaxed < 20)
    throw new Stop(`${file} has only ${relaxed} f32x4.relaxed_madd instructions: it was built without relaxed SIMD`);
  if (extrema > 0)
    throw new Stop(`${file} has ${extrema} relaxed_min and relaxed_max instructions, which lose NaN: use the lanes' minimum and maximum`);
  if (name === "simd128" && relaxed > 0) throw new Stop(`${file} has relaxed instructions, which Node 20 cannot load`);
  say(`the ${name} build: ${multiplies} f32x4.mul, ${relaxed} f32x4.relaxed_madd`);
}

export function sizes(file) {
  const bytes = readFileSync(file);
  const kb = (n) => `${(n / 1024).toFixed(0)} KB`;
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  return `${kb(bytes.length)} raw, ${kb(gzipSync(bytes, { level: 9 }).length)} gzip, ${kb(brotli.length)} brotli`;
}

/** dist/: bundles, declarations and the WebAssembly files. */
export async function bundles(wasmFolder) {
  const inputs = [
    ...filesBelow(
      "ts",
      "tsup.config.ts",
      "package.json",
      "tsconfig.json",
      "scripts/build.mjs",
      "scripts/declarations.mjs",
      "scripts/notices.mjs",
      "Cargo.lock",
    ),
    ...[...SHIPPED, WHOLE].map((file) => path.join(wasmFolder, file)),
  ];
  const hash = hashOf(inputs.filter((file) => !file.endsWith("wasm-base64.ts")));
  await once(
    "dist",
    hash,
    [
      "dist/node.js",
      "dist/node.cjs",
      "dist/browser.js",
      "dist/modules/entry/browser.js",
      "dist/inline.js",
      "dist/inline.global.js",
      ...SHIPPED.map((file) => `dist/${file}`),
      "dist/THIRD-PARTY-NOTICES.txt",
      "ts/runtime/wasm-base64.ts",
    ],
    async () => {
      say("bundling the TypeScript");
      const base64 = readFileSync(path.join(wasmFolder, WHOLE)).toString("base64");
      writeFileSync(
        path.join(root, "ts", "runtime", "wasm-base64.ts"),
        `// The simd128 build, written by the build. Not committed.\nexport const base64 =\n  "${base64}";\n`,
      );
      rmSync(path.join(root, "dist"), { recursive: true, force: true });
      await run("npx", ["--no-install", "tsup", "--silent"]);
      fromModules();
      for (const file of SHIPPED) copyFileSync(path.join(wasmFolder, file), path.join(root, "dist", file));
      await declarations();
      writeFileSync(path.join(root, "dist", "THIRD-PARTY-NOTICES.txt"), await notices());
    },
  );
}

/** The modules lie two folders deeper than the files that they name. */
function fromModules() {
  const file = path.join(root, "dist", "modules", "runtime", "browser.js");
  const pieces = readFileSync(file, "utf8").split('new URL("./');
  if (pieces.length !== SHIPPED.length + 1) throw new Stop(`${file} names ${pieces.length - 1} files beside it, not ${SHIPPED.length}`);
  writeFileSync(file, pieces.join('new URL("../../'));
}

/** What the bundler of declarations leaves out. */
async function declarations() {
  // It needs TypeScript, which is not there before the dependencies are.
  const { completed } = await import("./declarations.mjs");
  const dist = path.join(root, "dist");
  for (const file of readdirSync(dist)) {
    if (!/\.d\.c?ts$/.test(file)) continue;
    writeFileSync(path.join(dist, file), completed(readFileSync(path.join(dist, file), "utf8")));
  }
  writeFileSync(
    path.join(dist, "wasm.d.ts"),
    `/** The compiled module, where a host imports .wasm files as modules: await init(module). */\ndeclare const module: WebAssembly.Module;\nexport default module;\n`,
  );
}

export async function build() {
  await dependencies();
  await bundles(await wasm());
}

if (process.argv[1] && existsSync(process.argv[1]) && import.meta.url.endsWith(path.basename(process.argv[1]))) {
  stopOnError(async () => {
    await build();
    say("dist/ is up to date");
  });
}
