/** Drawings of traced programs: their options. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

describe("drawings of programs", () => {
  it("take { values, gradients } and nothing else", () => {
    clean(() => {
      const program = ad.trace((x: Tensor) => x.square())(ad.tensor(3));
      for (const draw of ["toSvg", "toDot", "toMermaid"] as const) {
        expect(program[draw]({ values: true, gradients: true })).toContain("6");
        expect(() => program[draw]({ value: true } as never)).toThrow(/values/);
        expect(() => program[draw]({ values: 1 } as never)).toThrow(ad.ValueError);
        expect(() => program[draw](null as never)).toThrow(ad.ValueError);
      }
    });
  });
});
