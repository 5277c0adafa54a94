/** The complex step. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("the complex step", () => {
  it("agrees to the last digits where it applies", () => {
    clean(() => {
      const x = f64([0.3, -0.7, 1.1]);
      for (const f of [
        (x: Tensor) => x.sin().mul(x.exp()).sum(),
        (x: Tensor) => x.tanh(),
        (x: Tensor) => x.square().add(1).log().sqrt(),
        (x: Tensor) => x.sigmoid().mul(x.cos()),
        (x: Tensor) => x.pow(3).div(x.square().add(2)),
        (x: Tensor) => ad.where(x.gt(0), x.sinh(), x.cosh()),
        (x: Tensor) => x.softplus().atan(),
        (x: Tensor) => x.tan().abs().sum(),
        (x: Tensor) => x.erf(),
        (x: Tensor) => x.softmax(0),
        (x: Tensor) => x.asinh().cbrt().logsumexp(),
      ]) {
        expect(ad.gradcheck(f, [x], { complexStep: true })).toBe(true);
      }
      const wrong = ad.customVjp((v: Tensor) => v.sin(), {
        forward: (v: Tensor) => [v.sin(), v],
        backward: (v: Tensor, ct: Tensor) => [ct.mul(v.cos()).mul(1 + 1e-9)],
      });
      // Below what differences can see.
      expect(ad.gradcheck(wrong, [x])).toBe(true);
      expect(() => ad.gradcheck(wrong, [x], { complexStep: true })).toThrow(ad.GradcheckError);
      expect(() => ad.gradcheck((v: Tensor) => v.sort(), [x], { complexStep: true })).toThrow(/no expression/);
    });
  });
});
