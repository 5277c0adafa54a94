/** Hosts that are quick to try: bundlers for Node, file tracing, TypeScript's older ways, a minifier, a script tag. The others: test/hosts. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { nodeFileTrace } from "@vercel/nft";
import { build as esbuild } from "esbuild";
import webpack from "webpack";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asCommonJs, Consumer, example, promised, root, turn } from "./consumer.js";

let consumer: Consumer;
beforeAll(() => {
  consumer = new Consumer();
});
afterEach(turn);
afterAll(() => consumer.remove());

const FILES = ["adjoint.wasm", "adjoint-relaxed.wasm", "adjoint-compiler.wasm", "adjoint-compiler-relaxed.wasm"];
const lines = (text: string) => text.trim().split("\n");

describe("bundled for Node", () => {
  it.each([
    ["ESM", "traced.mjs", example],
    ["CommonJS", "traced.cjs", asCommonJs(example)],
  ])("a tracer of files finds all .wasm files (%s)", async (_, file, code) => {
    const { fileList } = await nodeFileTrace([consumer.write(file, code)], { base: consumer.folder });
    const found = [...fileList].filter((name) => name.endsWith(".wasm")).map((name) => path.basename(name));
    expect(found.sort()).toEqual([...FILES].sort());
  });

  it("webpack emits the file and the bundle runs", async () => {
    const entry = consumer.write("webpack.mjs", example);
    const output = consumer.path("webpack-out");
    const stats = await new Promise<webpack.Stats>((resolve, reject) =>
      webpack(
        { mode: "production", target: "node", context: consumer.folder, entry, output: { path: output, filename: "main.cjs" } },
        (error, result) => (error ? reject(error) : resolve(result!)),
      ),
    );
    expect(stats.hasErrors(), stats.toString("errors-only")).toBe(false);
    expect(lines(await consumer.run(process.execPath, ["main.cjs"], { cwd: output }))).toEqual(promised);
  });

  it.each([
    ["ES module to ES module", "esm", example, FILES, /NotInitializedError.*copy adjoint\.wasm.*external.*adjoint\/inline/s],
    ["CommonJS to CommonJS", "cjs", asCommonJs(example), FILES, /NotInitializedError.*copy adjoint\.wasm.*external.*adjoint\/inline/s],
    ["ES module to CommonJS", "cjs", example, [], /NotInitializedError.*import\.meta\.url.*external.*adjoint\/inline/s],
  ] as const)("esbuild (%s) loses the files: the error says what to do, and that works", async (name, format, code, copied, message) => {
    const folder = `esbuild-${name.replaceAll(" ", "-")}`;
    const bundled = async (source: string, entry: string, output: string) => {
      const outfile = consumer.path(folder, `${output}.${format === "esm" ? "mjs" : "cjs"}`);
      await esbuild({
        entryPoints: [consumer.write(`${folder}.${entry}`, source)],
        bundle: true,
        minify: true,
        platform: "node",
        format,
        outfile,
        logLevel: "silent",
      });
      return outfile;
    };
    const outfile = await bundled(code, code === example ? "mjs" : "cjs", "main");
    const { status, stderr } = spawnSync(process.execPath, [outfile], { encoding: "utf8" });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
    if (copied.length > 0) {
      for (const file of copied) copyFileSync(consumer.path("node_modules/adjoint/dist", file), consumer.path(folder, file));
      expect(lines(await consumer.run(process.execPath, [outfile]))).toEqual(promised);
    } else {
      const inline = `import * as ad from "adjoint/inline";\nad.initSync();\n${example.replace(/import .*\n/, "")}`;
      expect(lines(await consumer.run(process.execPath, [await bundled(inline, "inline.mjs", "inline")]))).toEqual(promised);
    }
  });

  it("the evaluated script of node -e finds its files from any folder", async () => {
    mkdirSync(consumer.path("elsewhere"), { recursive: true });
    const code = 'import("adjoint").then((ad) => console.log(ad.tensor([1, 2]).sum().item()))';
    expect(await consumer.run(process.execPath, ["-e", code], { cwd: consumer.path("elsewhere") })).toBe("3\n");
  });
});

describe("minified", () => {
  it("a program for the browser carries what it uses", async () => {
    const sizeOf = async (name: string, code: string) => {
      const outfile = consumer.path(`shaken-${name}.js`);
      const entryPoints = [consumer.write(`shaken-${name}.mjs`, code)];
      await esbuild({ entryPoints, bundle: true, minify: true, format: "esm", platform: "browser", outfile, logLevel: "silent" });
      return readFileSync(outfile).length;
    };
    const gradients = 'import { grad, init, tensor } from "adjoint";\nawait init();\nconsole.log(grad((x) => x.sin())(tensor(1)).item());';
    const all = 'import * as ad from "adjoint";\nawait ad.init();\nconsole.log(ad);';
    const [some, whole] = [await sizeOf("some", gradients), await sizeOf("whole", all)];
    // Methods of tensors bring all ops with them; layers, optimizers, expressions, drawings and files stay behind.
    expect(some).toBeLessThan(130_000);
    expect(some).toBeLessThan(whole / 2);
  });

  it("errors keep their codes and names", async () => {
    const outfile = consumer.path("minified.mjs");
    const code = `import * as ad from "adjoint/inline";
await ad.init();
const seen = (f) => { try { f(); return "nothing"; } catch (e) { return [e.code, e.name, e instanceof ad.AdjointError].join(" "); } };
console.log(seen(() => ad.ones([2]).add(ad.ones([3]))));
console.log(seen(() => ad.take(ad.ones([2]), [5], 0)));
console.log(seen(() => { const x = ad.ones([2]); x.dispose(); x.add(1); }));
console.log(seen(() => ad.grad((x) => x)(ad.ones([2]))));`;
    await esbuild({
      entryPoints: [consumer.write("errors.mjs", code)],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "neutral",
      outfile,
      logLevel: "silent",
    });
    expect(lines(await consumer.run(process.execPath, [outfile]))).toEqual([
      "SHAPE ShapeError true",
      "INDEX IndexError true",
      "DISPOSED DisposedError true",
      "SHAPE ShapeError true",
    ]);
  });
});

describe("TypeScript", () => {
  const typed = `import * as ad from "adjoint";
import * as inline from "adjoint/inline";
const f = (x: ad.Tensor) => x.sin().mul(x).sum();
const x = ad.tensor([1, 2, 3], { dtype: "float64" });
export const text: string = f(x).item().toFixed(6);
export const gradient: ad.Tensor = ad.grad(f)(x);
export const ready: Promise<void> = inline.init();
`;
  const check = (options: Record<string, unknown>, code = typed) => {
    const file = consumer.write("check/main.ts", code);
    const config = consumer.write(
      "check/tsconfig.json",
      JSON.stringify({ compilerOptions: { noEmit: true, strict: true, types: [], ...options }, files: [file] }),
    );
    const { stdout } = spawnSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
      cwd: consumer.path("check"),
      encoding: "utf8",
    });
    expect(stdout).toBe("");
  };

  it("resolves as Node 10 did", () =>
    check({ module: "CommonJS", moduleResolution: "node10", target: "ES2022", ignoreDeprecations: "5.0" }));

  it("checks the declarations themselves, with the default library", () =>
    check({ module: "NodeNext", moduleResolution: "NodeNext", target: "ES2022", skipLibCheck: false }));

  it("knows the .wasm entries", () =>
    check(
      { module: "Preserve", moduleResolution: "Bundler", target: "ES2022" },
      'import module from "adjoint/adjoint.wasm";\nimport { init } from "adjoint/inline";\nexport const both: [WebAssembly.Module, typeof init] = [module, init];\n',
    ));

  it("accepts the README's first example as it stands, functions annotated", () =>
    check(
      { module: "NodeNext", moduleResolution: "NodeNext", target: "ES2022" },
      example.replace("const f = (x) =>", "const f = (x: ad.Tensor) =>"),
    ));
});

describe("what is shipped", () => {
  it("names no place of the machine that built it", () => {
    const places = [os.homedir(), root].filter((place) => place.length > 1);
    for (const file of readdirSync(path.join(root, "dist"), { recursive: true, encoding: "utf8" })) {
      if (!/\.\w+$/.test(file)) continue;
      const text = readFileSync(path.join(root, "dist", file), "latin1");
      for (const place of [...places, ".cargo/registry"]) expect(text.includes(`${place}/`), `${file} holds ${place}`).toBe(false);
    }
  });

  it("carries the notices of others, and no map that holds the inline bytes", () => {
    const notices = readFileSync(consumer.path("node_modules/adjoint/dist/THIRD-PARTY-NOTICES.txt"), "utf8");
    for (const name of ["@dagrejs/dagre", "fflate", "libm", "smallvec", "wasm-bindgen"]) expect(notices).toContain(`\n${name} `);
    expect(notices).toMatch(/Permission is hereby granted/i);
    expect(consumer.files.filter((file) => /inline.*\.map$/.test(file))).toEqual([]);
  });

  it("has the fields of tools that read no exports", () => {
    const manifest = JSON.parse(readFileSync(consumer.path("node_modules/adjoint/package.json"), "utf8")) as Record<string, string>;
    for (const field of ["main", "module", "browser", "types", "unpkg", "jsdelivr"])
      expect(existsSync(consumer.path("node_modules/adjoint", manifest[field]!)), field).toBe(true);
    // Those in ts/ are for the build.
    for (const file of (manifest.sideEffects as unknown as string[]).filter((name) => name.includes("dist")))
      expect(existsSync(consumer.path("node_modules/adjoint", file)), file).toBe(true);
    expect(manifest.repository).toBeTruthy();
  });
});
