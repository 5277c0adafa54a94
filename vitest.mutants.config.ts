import path from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { adjoint: path.resolve("dist/node.js") } },
  test: { include: ["test/mutants/**/*.test.ts"], testTimeout: 900_000, hookTimeout: 300_000, pool: "forks", server: { deps: { external: [/dist\//] } } },
});
