/** Symbolic derivatives of recorded programs. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("symbolic", () => {
  it("reads, differentiates, prints and evaluates", () => {
    clean(() => {
      const e = ad.symbolic((x: Tensor) => x.square().mul(x.sin()).add(x.exp()))(f64(2));
      expect(e.toString()).toBe("x^2 * sin(x) + exp(x)");
      const d = e.derivative("x");
      expect(d.toString()).toBe("2 * x * sin(x) + x^2 * cos(x) + exp(x)");
      expect(d.evaluate({ x: 2 })).toBeCloseTo(4 * Math.sin(2) + 4 * Math.cos(2) + Math.exp(2), 12);
      expect(e.toLatex()).toBe("x^{2} \\sin\\left(x\\right) + e^{x}");
      expect(() => d.evaluate({})).toThrow(/variable x/);
      const both = ad.symbolic((x: Tensor, y: Tensor) => x.mul(y).add(x.div(y)))(f64(1), f64(2));
      expect(both.derivative("y").simplify().toString()).toBe("x - x / y^2");
      expect(
        ad
          .symbolic((x: Tensor) => x.sin().square().add(x.cos().square()))(f64(1))
          .simplify()
          .toString(),
      ).toBe("1");
      const vector = ad.symbolic((w: Tensor) => w.square().sum(), { names: ["w"] })(f64([1, 2]));
      expect(vector.toString()).toBe("w[0]^2 + w[1]^2");
      expect(vector.derivative("w[1]").toString()).toBe("2 * w[1]");
    });
  });

  it("agrees with automatic differentiation, to second order", () => {
    clean(() => {
      const functions: ((x: Tensor) => Tensor)[] = [
        (x) => x.tanh().mul(x),
        (x) => x.sigmoid().log(),
        (x) => x.softplus().sqrt(),
        (x) => x.atan().div(x.add(2)),
        (x) => x.pow(3).sub(x.reciprocal()),
        (x) => x.gelu(),
        (x) => x.silu(),
        (x) => ad.where(x.gt(0.5), x.square(), x),
        (x) => x.maximum(x.square()),
        (x) => x.erf().mul(x.log1p()),
        (x) => ad.stack([x, x.square()]).logsumexp(),
        (x) => ad.stack([x, x.exp()]).prod(),
      ];
      for (const f of functions) {
        const [x, at] = [f64(0.8), { x: 0.8 }];
        const e = ad.symbolic(f)(x);
        expect(e.evaluate(at)).toBeCloseTo(f(x).item(), 12);
        expect(e.derivative("x").evaluate(at)).toBeCloseTo(ad.grad(f)(x).item(), 11);
        expect(e.derivative("x").derivative("x").simplify().evaluate(at)).toBeCloseTo(ad.grad(ad.grad(f))(x).item(), 10);
      }
      expect(() => ad.symbolic((x: Tensor) => x.sort())(f64([1, 2]))).toThrow(ad.ValueError);
    });
  });
});
