/** Long programs with state, at random. More seeds: ADJOINT_FUZZ_SEEDS=100, from ADJOINT_FUZZ_FIRST on. */
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";
import { stateful } from "./stateful.js";

endsAtBaseline();

const seeds = Number(process.env.ADJOINT_FUZZ_SEEDS ?? 1);
const first = Number(process.env.ADJOINT_FUZZ_FIRST ?? 1);

describe("programs with state", () => {
  it.each(Array.from({ length: 30 * seeds }, (_, i) => 30 * (first - 1) + i + 1))("seed %i", (seed) => {
    expect(stateful(seed)).toBeNull();
  });
});
