/** Differences. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const near = (got: Tensor, expected: Tensor, tolerance = 1e-12) => expect(got.sub(expected).abs().max().item()).toBeLessThan(tolerance);

describe("numerical differentiation", () => {
  it("has the order each method promises", () => {
    clean(() => {
      const f = (x: Tensor) => x.sin().mul(x).sum();
      const x = f64([0.3, 1.2]);
      const exact = ad.grad(f)(x);
      const off = (g: Tensor) => g.sub(exact).abs().max().item();
      expect(off(ad.numericalGrad(f, { method: "forward" })(x))).toBeLessThan(1e-6);
      expect(off(ad.numericalGrad(f)(x))).toBeLessThan(1e-9);
      const [value, error] = ad.numericalGrad(f, { method: "richardson", withError: true })(x);
      expect(off(value)).toBeLessThan(1e-11);
      expect(off(value)).toBeLessThanOrEqual(error.max().item() * 10 + 1e-13);
      const J = ad.numericalJacobian((y: Tensor) => y.outer(y))(x);
      expect(J.shape).toEqual([2, 2, 2]);
      near(J, ad.jacrev((y: Tensor) => y.outer(y))(x), 1e-8);
      const tree = ad.numericalGrad((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b).sum())({ a: f64([1, 2]), b: f64(3) });
      expect(tree.b.item()).toBeCloseTo(3, 8);
      expect(
        off(
          ad
            .numericalGrad(f)(ad.tensor([0.3, 1.2]))
            .cast("float64"),
        ),
      ).toBeLessThan(1e-2);
      expect(() => ad.numericalGrad(f, { method: "magic" as never })(x)).toThrow(ad.ValueError);
      expect(() => ad.numericalGrad((y: Tensor) => y)(x)).toThrow(ad.ShapeError);
    });
  });

  it("takes numbers that a function returns with all their digits", () => {
    clean(() => {
      const square = (x: Tensor) => (x.item() ** 2) as unknown as Tensor;
      expect(ad.numericalGrad(square)(f64(3)).item()).toBeCloseTo(6, 8);
      expect(ad.numericalJacobian(square)(f64(3)).item()).toBeCloseTo(6, 8);
      expect(ad.numericalGrad(square)(ad.tensor(3)).item()).toBeCloseTo(6, 3);
    });
  });

  it("differentiates one function: all evaluations draw the same numbers, and one run's worth of them", () => {
    clean(() => {
      const dropped = (x: Tensor) => ad.nn.dropout(x);
      const x = f64([1, 1, 1, 1]);
      for (const method of ["forward", "central", "richardson"] as const) {
        ad.manualSeed(3);
        const slope = ad.numericalGrad((y: Tensor) => dropped(y).sum(), { method })(x);
        const after = ad.random.getState();
        ad.manualSeed(3);
        near(slope, dropped(x), 1e-6);
        expect(ad.random.getState()).toEqual(after);
        ad.manualSeed(3);
        near(ad.numericalJacobian(dropped, { method })(x), slope.diag(), 1e-6);
      }
    });
  });
});
