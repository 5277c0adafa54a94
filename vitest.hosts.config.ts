import { defineConfig } from "vitest/config";

// Slow to install and to build: `npm run test:hosts`, not part of `npm test`.
export default defineConfig({
  test: { include: ["test/hosts/*.test.ts"], testTimeout: 400_000, hookTimeout: 180_000, pool: "forks", fileParallelism: false },
});
