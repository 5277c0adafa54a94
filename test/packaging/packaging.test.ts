/** The packed tarball in fresh projects: what a user installs, in every way a user loads it. */
import { spawnSync } from "node:child_process";
import { createServer, type Server } from "node:http";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { chromium, type Browser } from "playwright-core";
import { build as viteBuild, createServer as createViteServer } from "vite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Project } from "../types/declarations.js";
import { undocumented } from "../types/everything.js";
import { asCommonJs, Consumer, example, promised, root, turn } from "./consumer.js";

let consumer: Consumer;
let project: string;

beforeAll(() => {
  consumer = new Consumer();
  project = consumer.folder;
});

afterEach(turn);
afterAll(() => consumer.remove());

function node(file: string, code: string): string {
  writeFileSync(path.join(project, file), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: project, encoding: "utf8" });
  expect(stderr.replace(/^.*Warning.*$/gm, "").trim()).toBe("");
  expect(status).toBe(0);
  return stdout;
}

describe("Node", () => {
  it("runs the README's example from ESM and prints what it says", () => {
    const lines = node("example.mjs", example).trim().split("\n");
    expect(promised.length).toBeGreaterThan(2);
    expect(lines).toEqual(promised);
  });

  it("runs it from CommonJS", () => {
    expect(node("example.cjs", asCommonJs(example)).trim().split("\n")).toEqual(promised);
  });

  it("loads the inline build, by await and at once", () => {
    expect(node("inline.mjs", 'import * as ad from "adjoint/inline"; await ad.init(); console.log(ad.tensor([1, 2]).sum().item());')).toBe(
      "3\n",
    );
    expect(node("inline.cjs", 'const ad = require("adjoint/inline"); ad.initSync(); console.log(ad.tensor([1, 2]).sum().item());')).toBe(
      "3\n",
    );
  });

  it("says what to do before init", () => {
    const out = node(
      "early.mjs",
      'import * as ad from "adjoint/inline"; try { ad.tensor(1); } catch (e) { console.log(e.name, /init\\(\\)/.test(e.message)); }',
    );
    expect(out).toBe("NotInitializedError true\n");
  });

  it("says what is missing where WebAssembly is switched off, or the build is not one", () => {
    consumer.write("started.mjs", example);
    const started = (env: Record<string, string>, ...flags: string[]) =>
      spawnSync(process.execPath, [...flags, "started.mjs"], { cwd: project, encoding: "utf8", env: { ...process.env, ...env } }).stderr;
    expect(started({}, "--jitless")).toMatch(/NotInitializedError.*no WebAssembly.*--jitless/);
    expect(started({ ADJOINT_VARIANT: "avx" })).toMatch(/NotInitializedError.*ADJOINT_VARIANT is "avx".*"simd128"/);
  });

  it("two copies side by side do not take each other's tensors, and say so", () => {
    const code = `import * as a from "adjoint";
import { createRequire } from "node:module";
const b = createRequire(import.meta.url)("adjoint");
const foreign = b.ones([2]);
const uses = [() => a.ones([2]).add(foreign), () => a.grad((x) => x.sum())(foreign), () => new a.optim.SGD([foreign], { lr: 1 }), () => new a.optim.SGD(new b.nn.Linear(1, 1).parameters(), { lr: 1 })];
for (const use of uses) try { use(); console.log("taken"); } catch (e) { console.log(e instanceof a.AdjointError && /another copy of adjoint/.test(e.message) ? "named" : e.message); }`;
    expect(node("copies.mjs", code).trim().split("\n")).toEqual(["named", "named", "named", "named"]);
  });

  it("has types for both module systems", async () => {
    const code =
      'import * as ad from "adjoint";\nconst g: ad.Tensor = ad.grad((x: ad.Tensor) => x.mul(2).sum())(ad.ones([2]));\nexport const shape: readonly number[] = g.T.shape;\n// @ts-expect-error: no such op\ng.nothing();\n';
    for (const [file, module] of [
      ["typed.mts", "NodeNext"],
      ["typed.cts", "NodeNext"],
      ["typed.ts", "Preserve"],
    ] as const) {
      writeFileSync(path.join(project, file), code);
      const names = ["right", "wrong"].map((name) => `${name}${path.extname(file)}`);
      for (const name of names) copyFileSync(path.join(root, "test", "types", `${path.parse(name).name}.ts`), path.join(project, name));
      const options = {
        noEmit: true,
        strict: true,
        noUncheckedIndexedAccess: true,
        target: "ES2022",
        lib: ["ES2022", "DOM", "ESNext.Disposable"],
        module,
        moduleResolution: module === "Preserve" ? "Bundler" : "NodeNext",
        types: [],
      };
      writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: [file, ...names] }));
      const { status, stdout } = spawnSync(process.execPath, [path.join(root, "node_modules", "typescript", "bin", "tsc"), "-p", project], {
        cwd: project,
        encoding: "utf8",
      });
      expect(stdout, file).toBe("");
      expect(status).toBe(0);
      await turn();
    }
  });

  it("shows documentation over everything it exports, and nothing that is internal", () => {
    const bundle = readFileSync(path.join(project, "node_modules", "adjoint", "dist", "node.d.ts"), "utf8");
    const { places, silent } = undocumented(new Project({}, bundle));
    expect(places).toBeGreaterThan(600);
    expect(silent).toEqual([]);
    expect(bundle).not.toMatch(/@internal|\bhandle: number|ScopeToken|\bmoveTo\(/);
  });
});

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

function serve(folder: string, types = TYPES, headers: Record<string, string> = {}): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const file = path.join(folder, decodeURIComponent(new URL(request.url!, "http://localhost").pathname));
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response
      .writeHead(200, { ...headers, "content-type": types[path.extname(file)] ?? "application/octet-stream" })
      .end(readFileSync(file));
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })),
  );
}

describe("the browser", () => {
  let browser: Browser;
  const servers: Server[] = [];

  beforeAll(async () => {
    const args = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ];
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
    consumer.write("site/index.html", page(program("./adjoint/browser.js")));
    cpSync(path.join(project, "node_modules", "adjoint", "dist"), path.join(project, "site", "adjoint"), { recursive: true });
  });
  afterAll(async () => {
    await browser?.close();
    servers.forEach((server) => server.close());
  });

  /** What a page's module prints, one entry per console.log. */
  async function printed(folder: string, file: string, types = TYPES, headers = {}): Promise<string[]> {
    const { server, url } = await serve(folder, types, headers);
    servers.push(server);
    return visited(`${url}/${file}`);
  }

  async function visited(address: string): Promise<string[]> {
    const page = await browser.newPage();
    const lines: string[] = [];
    const errors: string[] = [];
    page.on("console", (message) => (message.type() === "error" ? errors : lines).push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(address);
    await page.waitForFunction("globalThis.finished === true", undefined, { timeout: 30_000 }).catch(() => {});
    await page.close();
    expect(errors.filter((e) => !/favicon|violates the .*Content Security Policy/i.test(e))).toEqual([]);
    return lines;
  }

  const program = (from: string) => `import * as ad from "${from}";
await ad.init();
await ad.init();
${example.replace(/import .*\n/, "")}
globalThis.finished = true;`;

  const page = (script: string) =>
    `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">${script}</script>`;

  it("runs the README's example from a plain page", async () => {
    const folder = path.join(project, "site");
    expect((await printed(folder, "index.html")).join("\n").split("\n")).toEqual(promised);
  });

  it("compiles on a plain page: what that takes is loaded then", async () => {
    const folder = path.join(project, "site");
    const script = `import * as ad from "./adjoint/browser.js";
await ad.init();
const asked = () => performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.includes("adjoint-compiler")).length;
console.log(asked());
const step = ad.compile((x) => x.square().sum());
const first = step([1, 2]).item();
await step.ready;
const later = [step([1, 2]).item(), step([3, 4]).item()];
console.log(asked(), first, ...later, step.stats().replays);
globalThis.finished = true;`;
    writeFileSync(path.join(folder, "compiled.html"), page(script));
    expect(await printed(folder, "compiled.html")).toEqual(["0", "1 5 5 25 1"]);
  });

  it("does not mind a server that calls .wasm files octets", async () => {
    const types = { ...TYPES, ".wasm": "application/octet-stream" };
    expect((await printed(path.join(project, "site"), "index.html", types)).join("\n").split("\n")).toEqual(promised);
  });

  it("runs from a script tag, as a global", async () => {
    const folder = path.join(project, "site");
    const script =
      "adjoint.init().then(() => { console.log(adjoint.grad((x) => x.square().sum())(adjoint.tensor([1, 2])).toString()); globalThis.finished = true; });";
    writeFileSync(
      path.join(folder, "tag.html"),
      `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="./adjoint/inline.global.js"></script><script>${script}</script>`,
    );
    expect(await printed(folder, "tag.html")).toEqual(["tensor([2, 4], float32)"]);
  });

  it("runs in a classic worker, by importScripts", async () => {
    const folder = path.join(project, "site");
    writeFileSync(
      path.join(folder, "classic.js"),
      'importScripts("./adjoint/inline.global.js");\nadjoint.init().then(() => postMessage(adjoint.grad((x) => x.square().sum())(adjoint.tensor([1, 2])).toArray()));',
    );
    writeFileSync(
      path.join(folder, "classic.html"),
      page(
        'const w = new Worker("./classic.js"); w.onmessage = (e) => { console.log(JSON.stringify(e.data)); globalThis.finished = true; };',
      ),
    );
    expect(await printed(folder, "classic.html")).toEqual(["[2,4]"]);
  });

  it("runs in an audio worklet, given the module, with readable errors", async () => {
    const folder = path.join(project, "site");
    const processor = `import * as ad from "./adjoint/browser.js";
registerProcessor("probe", class extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    ad.init(processorOptions.module).then(() => {
      let message = "";
      try { ad.ones([2]).add(ad.ones([3])); } catch (error) { message = error.message; }
      this.port.postMessage([ad.grad((x) => x.square().sum())(ad.tensor([1, 2])).toArray(), /\\[2\\] and \\[3\\]/.test(message)]);
    }, (error) => this.port.postMessage(String(error)));
  }
  process() { return true; }
});`;
    const script = `const context = new OfflineAudioContext(1, 44100, 44100);
await context.audioWorklet.addModule("./processor.js");
const module = await WebAssembly.compileStreaming(fetch("./adjoint/adjoint.wasm"));
const node = new AudioWorkletNode(context, "probe", { processorOptions: { module } });
node.port.onmessage = (e) => { console.log(JSON.stringify(e.data)); globalThis.finished = true; };
node.connect(context.destination);
context.startRendering();`;
    writeFileSync(path.join(folder, "processor.js"), processor);
    writeFileSync(path.join(folder, "worklet.html"), page(script));
    expect(await printed(folder, "worklet.html")).toEqual(["[[2,4],true]"]);
  });

  it.each([
    ["script-src 'self' 'wasm-unsafe-eval'", "ready"],
    [
      "script-src 'self'",
      "NOT_INITIALIZED init: the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src",
    ],
    ["script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'", "NOT_INITIALIZED init: .*could not be fetched.*connect-src"],
  ])("under the policy %s: %s", async (policy, outcome) => {
    const folder = path.join(project, "site");
    writeFileSync(
      path.join(folder, "policy.js"),
      'import * as ad from "./adjoint/browser.js";\nawait ad.init().then(() => console.log("ready"), (e) => console.log(e.code, e.message));\nglobalThis.finished = true;',
    );
    writeFileSync(
      path.join(folder, "policy.html"),
      '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="./policy.js"></script>',
    );
    // The browser reports what it blocked on the console as well; that report is not counted as an error.
    expect((await printed(folder, "policy.html", TYPES, { "content-security-policy": policy })).join("\n")).toMatch(
      new RegExp(`^${outcome}`),
    );
  });

  it("runs in a worker", async () => {
    const folder = path.join(project, "site");
    writeFileSync(
      path.join(folder, "worker.js"),
      'import * as ad from "./adjoint/browser.js";\nawait ad.init();\npostMessage(ad.grad((x) => x.square().sum())(ad.tensor([1, 2])).toArray());',
    );
    writeFileSync(
      path.join(folder, "worker.html"),
      page(
        'const w = new Worker("./worker.js", { type: "module" }); w.onmessage = (e) => { console.log(JSON.stringify(e.data)); globalThis.finished = true; };',
      ),
    );
    expect(await printed(folder, "worker.html")).toEqual(["[2,4]"]);
  });

  it("runs under Vite's development server, as the README says", async () => {
    const folder = path.join(project, "vite-dev");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "main.js"), program("adjoint"));
    writeFileSync(
      path.join(folder, "index.html"),
      '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>',
    );
    const server = await createViteServer({
      root: folder,
      logLevel: "silent",
      optimizeDeps: { exclude: ["adjoint"] },
      server: { host: "127.0.0.1", port: 0, fs: { allow: [project] } },
    });
    try {
      await server.listen();
      const { port } = server.httpServer!.address() as AddressInfo;
      expect(
        (await visited(`http://127.0.0.1:${port}/index.html`))
          .filter((line) => !line.startsWith("[vite]"))
          .join("\n")
          .split("\n"),
      ).toEqual(promised);
    } finally {
      await server.close();
    }
  });

  it("survives Vite's production build, as a file and inline", async () => {
    for (const from of ["adjoint", "adjoint/inline"]) {
      const name = from.replace("/", "-");
      const folder = path.join(project, `vite-${name}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, "main.js"), program(from));
      writeFileSync(
        path.join(folder, "index.html"),
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>',
      );
      await viteBuild({ root: folder, logLevel: "silent", base: "./", build: { target: "es2022", outDir: "out" } });
      expect((await printed(path.join(folder, "out"), "index.html")).join("\n").split("\n"), from).toEqual(promised);
    }
  });
});
