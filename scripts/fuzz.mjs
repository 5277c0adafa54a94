// `npm run fuzz [minutes]`: the fuzzers of test/fuzz with new seeds, round after round; five minutes unless told otherwise.
import path from "node:path";
import { build } from "./build.mjs";
import { root, run, say, Stop, stopOnError } from "./lib.mjs";

/** Times the seeds that `npm test` runs. */
const SEEDS = 10;

stopOnError(async () => {
  const minutes = Number(process.argv[2] ?? 5);
  if (!(minutes > 0)) throw new Stop(`npm run fuzz [minutes]: ${process.argv[2]} is not a number of minutes`);
  await build();
  const end = Date.now() + minutes * 60_000;
  // Of the day and hour, so that no two runs go over the same.
  const begin = 1 + (Math.floor(Date.now() / 60_000) % 1e6) * 100;
  const totals = { passed: 0, failed: 0 };
  let first = begin;
  for (; Date.now() < end; first += SEEDS) {
    const env = { ADJOINT_VARIANT: "simd128", ADJOINT_FUZZ_FIRST: String(first), ADJOINT_FUZZ_SEEDS: String(SEEDS), NO_COLOR: "1" };
    const { output, code } = await run(process.execPath, [path.join(root, "node_modules", "vitest", "vitest.mjs"), "run", "test/fuzz"], {
      env,
      allowFailure: true,
    });
    const line = /^\s+Tests {2}(.*)$/m.exec(output)?.[1] ?? "";
    const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
    totals.passed += number("passed");
    totals.failed += number("failed") || Number(code !== 0);
    say(`seeds from ${first}: ${number("passed")} passed, ${number("failed")} failed`);
    if (code !== 0)
      process.stdout.write(
        `${output}\nagain: ADJOINT_FUZZ_FIRST=${first} ADJOINT_FUZZ_SEEDS=${SEEDS} ADJOINT_VARIANT=simd128 npx vitest run test/fuzz\n`,
      );
  }
  process.stdout.write(`\nfuzzing from ${begin} to ${first - 1}: ${totals.passed} passed, ${totals.failed} failed\n`);
  process.exit(totals.failed > 0 ? 1 : 0);
});
