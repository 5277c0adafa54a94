import { defineConfig } from "tsup";

// What ts/vendor imports is bundled, so that the package has no runtime dependency.
const common = {
  outDir: "dist",
  target: "es2022",
  sourcemap: true,
  noExternal: ["@dagrejs/dagre", "fflate"],
  splitting: false,
  clean: false,
  dts: true,
} as const;
const anywhere = { ...common, platform: "neutral", mainFields: ["module", "main"] } as const;
// Maps of the inline builds would hold the base64 text once more.
const inline = { ...anywhere, sourcemap: false } as const;

// For bundlers: a file each, so that they leave out what a program does not use. Of one file they keep whatever a statement at its top may do.
const modules = { ...anywhere, outDir: "dist/modules", format: ["esm"], sourcemap: false, dts: false } as const;
const elsewhere = ["entry/node*", "entry/inline", "runtime/node", "runtime/inline", "runtime/wasm-base64*", "vendor/*"];

export default defineConfig([
  { ...common, entry: { node: "ts/entry/node.ts" }, format: ["esm"], platform: "node" },
  { ...common, entry: { node: "ts/entry/node-commonjs.ts" }, format: ["cjs"], platform: "node" },
  { ...anywhere, entry: { browser: "ts/entry/browser.ts" }, format: ["esm"] },
  { ...modules, entry: ["ts/**/*.ts", ...elsewhere.map((name) => `!ts/${name}.ts`)], bundle: false },
  { ...modules, entry: { "vendor/dagre": "ts/vendor/dagre.ts", "vendor/fflate": "ts/vendor/fflate.ts" } },
  { ...inline, entry: { inline: "ts/entry/inline.ts" }, format: ["esm", "cjs"] },
  // For <script src>: a global named adjoint.
  { ...inline, entry: { inline: "ts/entry/inline.ts" }, format: ["iife"], globalName: "adjoint", minify: true, dts: false },
]);
