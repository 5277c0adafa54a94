import path from "node:path";
import { defineConfig } from "vitest/config";

// The tests run against dist/, the very files that are published.
export default defineConfig({
  resolve: { alias: { "adjoint/inline": path.resolve("dist/inline.js"), adjoint: path.resolve("dist/node.js") } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/packaging/**", "test/mutants/**", "test/hosts/**", "node_modules/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    poolOptions: { forks: { maxForks: 2, execArgv: ["--expose-gc"] } },
    server: { deps: { external: [/dist\//] } },
  },
});
