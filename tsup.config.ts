import { defineConfig } from "tsup";

// dagre (for drawings) and fflate (for archives) are bundled, so that the package has no runtime dependency.
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

export default defineConfig([
  { ...common, entry: { node: "ts/entry/node.ts" }, format: ["esm"], platform: "node" },
  { ...common, entry: { node: "ts/entry/node-commonjs.ts" }, format: ["cjs"], platform: "node" },
  { ...anywhere, entry: { browser: "ts/entry/browser.ts" }, format: ["esm"] },
  { ...inline, entry: { inline: "ts/entry/inline.ts" }, format: ["esm", "cjs"] },
  // For <script src>: a global named adjoint.
  { ...inline, entry: { inline: "ts/entry/inline.ts" }, format: ["iife"], globalName: "adjoint", minify: true, dts: false },
]);
