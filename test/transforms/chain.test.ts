/** Mixed mode along a chain of functions. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const near = (got: Tensor, expected: Tensor, tolerance = 1e-12) => expect(got.sub(expected).abs().max().item()).toBeLessThan(tolerance);

describe("chainJacobian", () => {
  const layer = (rows: number, columns: number, seed: number) => {
    const w = ad.random.normal(ad.random.key(seed), [rows, columns], { dtype: "float64" }).mul(1 / Math.sqrt(columns));
    return (x: Tensor) => w.matmul(x).tanh();
  };
  const chain = (sizes: number[]) => sizes.slice(1).map((n, i) => layer(n, sizes[i]!, i + 1));

  it.each([[[3, 40, 3]], [[40, 3, 40]], [[5, 5, 5, 5]], [[30, 20, 10, 2]], [[2, 10, 20, 30]], [[20, 2, 20, 2, 20]], [[4, 7]]])(
    "equals the plain Jacobian for sizes %o",
    (sizes) => {
      clean(() => {
        const stages = chain(sizes);
        const x = ad.random.normal(ad.random.key(9), [sizes[0]!], { dtype: "float64" });
        const whole = (y: Tensor) => stages.reduce((z, f) => f(z), y);
        const reference = ad.jacrev(whole)(x);
        const jacobian = ad.chainJacobian(stages);
        expect(jacobian.plan).toBeNull();
        near(jacobian(x), reference);
        const { cost, forwardCost, reverseCost, sizes: found, modes } = jacobian.plan!;
        expect(found).toEqual(sizes);
        expect(modes.length).toBe(stages.length);
        expect(cost).toBeLessThanOrEqual(Math.min(forwardCost, reverseCost));
        for (const forced of [stages.map(() => "forward" as const), stages.map(() => "reverse" as const)]) {
          const by = ad.chainJacobian(stages, { modes: forced });
          near(by(x), reference);
          expect(by.plan!.modes).toEqual(forced);
          expect(by.plan!.cost).toBeGreaterThanOrEqual(cost);
        }
      });
    },
  );

  it("goes through a narrow middle by reverse inside and forward outside, a wide one the other way round", () => {
    clean(() => {
      const x = (n: number) => ad.ones([n], { dtype: "float64" });
      const narrow = ad.chainJacobian(chain([60, 2, 60]));
      narrow(x(60));
      expect(narrow.plan!.modes).toEqual(["reverse", "forward"]);
      expect(narrow.plan!.cost * 3).toBeLessThan(Math.min(narrow.plan!.forwardCost, narrow.plan!.reverseCost));
      const wide = ad.chainJacobian(chain([2, 60, 2]));
      wide(x(2));
      expect(wide.plan!.modes[0]).toBe("forward");
    });
  });

  it("refuses wrong modes", () => {
    expect(() => ad.chainJacobian([])).toThrow(ad.ValueError);
    expect(() => ad.chainJacobian([(x) => x], { modes: ["up" as never] })).toThrow(/modes/);
    expect(() => ad.chainJacobian([(x) => x], { modes: ["forward", "forward"] })).toThrow(/modes/);
  });
});
