/** Ops whose inputs have different dtypes. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("inputs of different dtypes", () => {
  it.each(["mul", "div", "pow", "atan2", "hypot", "mod", "fmod", "xlogy", "sub", "maximum", "logaddexp"] as const)(
    "%s has the derivative of its result's precision, in both modes",
    (name) => {
      clean(() => {
        const f = ad[name] as (a: Tensor, b: Tensor) => Tensor;
        for (const other of [ad.tensor(3, { dtype: "int32" }), ad.tensor(3)]) {
          for (const order of [(x: Tensor, y: Tensor) => f(x, y), (x: Tensor, y: Tensor) => f(y, x)]) {
            const exact = ad
              .grad((x: Tensor) => order(x, f64(3)))(f64(1.7))
              .item();
            expect(
              ad
                .grad((x: Tensor) => order(x, other))(f64(1.7))
                .item(),
            ).toBeCloseTo(exact, 14);
            expect(ad.jvp((x: Tensor) => order(x, other), [f64(1.7)], [f64(1)])[1].item()).toBeCloseTo(exact, 14);
          }
        }
      });
    },
  );
});
