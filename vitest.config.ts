import path from "node:path";
import { defineConfig } from "vitest/config";

/** What no instruction for floats changes: types, words, files, and who owns what. The build with relaxed SIMD is not tested for it once more. */
const ONCE = ["types", "habits", "input", "memory", "io", "data", "docs", "readme", "architecture", "errors"].map(
  (name) => `test/${name}{/**,.test.ts}`,
);

// The tests run against dist/, the very files that are published.
export default defineConfig({
  resolve: { alias: { "adjoint/inline": path.resolve("dist/inline.js"), adjoint: path.resolve("dist/node.js") } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      "test/packaging/**",
      "test/mutants/**",
      "test/hosts/**",
      "node_modules/**",
      ...(process.env.ADJOINT_VARIANT === "relaxed-simd" ? ONCE : []),
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    poolOptions: { forks: { maxForks: 2, execArgv: ["--expose-gc"] } },
    server: { deps: { external: [/dist\//] } },
  },
});
