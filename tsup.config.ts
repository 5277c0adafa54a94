import { defineConfig } from "tsup";

// dagre is bundled (drawings need it), so that the package has no runtime dependency.
const common = { outDir: "dist", target: "es2022", sourcemap: true, noExternal: ["@dagrejs/dagre"], splitting: false, clean: false } as const;

export default defineConfig([
  { ...common, entry: { node: "ts/entry/node.ts" }, format: ["esm", "cjs"], platform: "node", dts: true },
  { ...common, entry: { browser: "ts/entry/browser.ts" }, format: ["esm"], platform: "neutral", mainFields: ["module", "main"] , dts: true },
  { ...common, entry: { inline: "ts/entry/inline.ts" }, format: ["esm", "cjs"], platform: "neutral", mainFields: ["module", "main"], dts: true },
]);
