import path from "node:path";
import { defineConfig } from "vitest/config";

// The entry that waits for init(): in Node's the engine is there at import, and it would be the one without damageable rules.
export default defineConfig({
  resolve: { alias: { adjoint: path.resolve("dist/browser.js") } },
  test: {
    include: ["test/mutants/**/*.test.ts"],
    testTimeout: 900_000,
    hookTimeout: 300_000,
    pool: "forks",
    server: { deps: { external: [/dist\//] } },
  },
});
