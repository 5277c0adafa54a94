/** Hosts that are slow to install: Next.js, Parcel, Deno, Bun, Cloudflare's workerd, Rollup. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Consumer, example, promised, root } from "../packaging/consumer.js";

const tools = path.join(root, "test", "hosts", "node_modules");
const tool = (name: string) => path.join(tools, ".bin", name);
const require = createRequire(path.join(tools, "x.js"));

/**
 * A native program from the package for this platform, so that no install script is needed; `moved` is where such a script would have
 * put it. Undefined, and said, where there is none.
 */
function native(scope: string, file: string, moved: string): string | undefined {
  const folder = path.join(tools, scope);
  const found = existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name, file)) : [];
  const program = [...found, path.join(tools, moved)].find(
    (candidate) => spawnSync(candidate, ["--version"], { timeout: 60_000 }).status === 0,
  );
  if (program === undefined)
    process.stdout.write(`SKIPPED: no ${path.basename(file)} that runs on this machine below test/hosts/node_modules/${scope}\n`);
  return program;
}
const lines = (text: string) => text.trim().split("\n");

let consumer: Consumer;
beforeAll(() => {
  consumer = new Consumer();
  for (const name of ["react", "react-dom", "next", "@next", "@swc", "styled-jsx", "client-only"]) {
    mkdirSync(path.dirname(consumer.path("node_modules", name)), { recursive: true });
    try {
      symlinkSync(path.join(tools, name), consumer.path("node_modules", name));
    } catch {
      // Not every version has each of them.
    }
  }
});
afterAll(() => consumer.remove());

const body = example.replace(/import .*\n/, "").replace(/console\.log\(/g, "out.push(");

const denoProgram = native("@deno", "deno", "deno/deno");
describe.skipIf(denoProgram === undefined)("Deno", () => {
  const deno = (file: string, ...flags: string[]) =>
    consumer.run(denoProgram!, ["run", "--no-prompt", "--cached-only", "--node-modules-dir=manual", ...flags, file], {
      env: { DENO_NO_UPDATE_CHECK: "1" },
    });

  it("runs the package with leave to read, nothing else", async () => {
    consumer.write("deno.mjs", example);
    expect(lines(await deno("deno.mjs", "--allow-read"))).toEqual(promised);
  });

  it("runs the inline build with no leave at all", async () => {
    consumer.write("deno-inline.mjs", `import * as ad from "adjoint/inline";\nawait ad.init();\n${example.replace(/import .*\n/, "")}`);
    expect(lines(await deno("deno-inline.mjs"))).toEqual(promised);
  });
});

const bun = native("@oven", "bin/bun", "bun/bin/bun.exe");
describe.skipIf(bun === undefined)("Bun", () => {
  it("runs the package", async () => {
    consumer.write("bun.mjs", example);
    expect(lines(await consumer.run(bun!, ["run", "bun.mjs"]))).toEqual(promised);
  });

  it("bakes no path of the building machine into a bundle", async () => {
    await consumer.run(bun!, ["build", consumer.write("bun-build.mjs", example), "--target=node", "--outdir", consumer.path("bun-out")]);
    expect(readFileSync(consumer.path("bun-out", "bun-build.js"), "utf8")).not.toContain(consumer.folder);
  });
});

describe("Cloudflare's workerd", () => {
  it("runs the package from a static import of the .wasm file", async () => {
    const { Miniflare } = require("miniflare") as {
      Miniflare: new (options: object) => { dispatchFetch(url: string): Promise<{ text(): Promise<string> }>; dispose(): Promise<void> };
    };
    const dist = consumer.path("node_modules/adjoint/dist");
    const worker = `import * as ad from "./browser.js";\nimport wasm from "./adjoint.wasm";\nimport compiler from "./adjoint-compiler.wasm";\nexport default { async fetch() { await ad.init(wasm, { compiler }); const double = ad.compile((x) => x.mul(2)); await double.ready; double([1]); if (double([2]).item() !== 4 || double.stats().replays !== 1) throw new Error("not compiled"); const out = [];\n${body}\nreturn new Response(out.join("\\n")); } };`;
    const module = (type: string, name: string) => ({
      type,
      path: path.join(dist, name),
      contents: type === "ESModule" ? readFileSync(path.join(dist, name), "utf8") : readFileSync(path.join(dist, name)),
    });
    const server = new Miniflare({
      compatibilityDate: "2026-01-01",
      modulesRoot: dist,
      modules: [
        { type: "ESModule", path: path.join(dist, "worker.mjs"), contents: worker },
        module("ESModule", "browser.js"),
        module("CompiledWasm", "adjoint.wasm"),
        module("CompiledWasm", "adjoint-compiler.wasm"),
      ],
    });
    try {
      expect(lines(await (await server.dispatchFetch("http://localhost/")).text())).toEqual(promised);
    } finally {
      await server.dispose();
    }
  });
});

describe("Next.js", () => {
  it.each([
    ["Turbopack", []],
    ["webpack", ["--webpack"]],
  ])("builds a server component that uses it, without a setting (%s)", async (name, flags) => {
    const folder = `next-${name}`;
    consumer.write(
      `${folder}/package.json`,
      JSON.stringify({ name: "site", private: true, dependencies: { adjoint: "*", next: "*", react: "*", "react-dom": "*" } }),
    );
    consumer.write(
      `${folder}/next.config.mjs`,
      `export default { typescript: { ignoreBuildErrors: true }, turbopack: { root: ${JSON.stringify(path.parse(consumer.folder).root)} }, outputFileTracingRoot: ${JSON.stringify(path.parse(consumer.folder).root)} };`,
    );
    consumer.write(
      `${folder}/app/layout.js`,
      "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
    );
    consumer.write(
      `${folder}/app/page.js`,
      `import * as ad from "adjoint";\nexport default function Page() { const out = [];\n${body}\nreturn <pre>{out.join("|")}</pre>; }`,
    );
    await consumer.run(process.execPath, [require.resolve("next/dist/bin/next"), "build", ...flags], {
      cwd: consumer.path(folder),
      env: { NEXT_TELEMETRY_DISABLED: "1", CI: "1" },
    });
    // The page is rendered while it is built.
    expect(readFileSync(consumer.path(folder, ".next/server/app/index.html"), "utf8")).toContain(promised.join("|"));
  });
});

describe("Parcel", () => {
  it("builds a page with its default settings", async () => {
    consumer.write("parcel/package.json", JSON.stringify({ name: "site", private: true }));
    consumer.write("parcel/main.js", `import * as ad from "adjoint";\nad.init().then(() => {\n${example.replace(/import .*\n/, "")}\n});`);
    consumer.write("parcel/index.html", '<!doctype html><script type="module" src="./main.js"></script>');
    await consumer.run(tool("parcel"), ["build", "index.html", "--no-cache", "--dist-dir", consumer.path("parcel-out")], {
      cwd: consumer.path("parcel"),
    });
    expect(readdirSync(consumer.path("parcel-out")).filter((file) => file.endsWith(".wasm"))).toHaveLength(4);
  });
});

describe("Rollup", () => {
  it("bundles for Node; with the files beside the bundle it runs", async () => {
    consumer.write("rollup.mjs", example.replace('"adjoint"', '"./node_modules/adjoint/dist/node.js"'));
    await consumer.run(tool("rollup"), ["rollup.mjs", "--file", consumer.path("rollup-out/main.mjs"), "--format", "esm"]);
    for (const file of ["adjoint.wasm", "adjoint-relaxed.wasm", "adjoint-compiler.wasm", "adjoint-compiler-relaxed.wasm"])
      copyFileSync(consumer.path("node_modules/adjoint/dist", file), consumer.path("rollup-out", file));
    expect(lines(await consumer.run(process.execPath, ["rollup-out/main.mjs"]))).toEqual(promised);
  });
});
