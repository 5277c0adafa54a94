/** No argument whatever gets a raw error, a lost engine or a wrong number out of the library. Many seeds: ADJOINT_FUZZ_SEEDS=100. */
import { describe, expect, it } from "vitest";
import { fuzz } from "./garbage.js";

const seeds = Number(process.env.ADJOINT_FUZZ_SEEDS ?? 1);
const first = Number(process.env.ADJOINT_FUZZ_FIRST ?? 1);

describe("garbage arguments", () => {
  it.each(Array.from({ length: seeds }, (_, i) => first + i))("seed %i", (seed) => {
    const { calls, refusals, findings } = fuzz(seed, 6);
    expect(findings.map(({ name, what }) => `${name}: ${what}`)).toEqual([]);
    expect(refusals).toBeGreaterThan(calls / 4);
  });
});
