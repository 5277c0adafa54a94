/** Anomaly detection, NaN checks, profiles. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("debugging", () => {
  it("names the op that made the first NaN, and the line, forward and backward", () => {
    const x = f64([-1, 4]);
    const forward = () => ad.detectAnomaly(() => x.sqrt().sum());
    expect(forward).toThrow(ad.AnomalyError);
    expect(forward).toThrow(/sqrt.*debug\.test\.ts/s);
    // The value is fine; in the derivative √'(0) = ∞ comes back along both ways of v - v, once with each sign.
    const backward = () => ad.scope(() => ad.detectAnomaly(() => ad.grad((v: Tensor) => v.mul(v.sub(v)).sqrt().sum())(f64([0, 4]))));
    expect(backward).toThrow(ad.AnomalyError);
    expect(backward).toThrow(/sub: its derivative made the first NaN of the backward pass[\s\S]*recorded at .*debug\.test\.ts/);
    expect(ad.detectAnomaly(() => 3)).toBe(3);
    x.dispose();
  });

  it("debugNaNs stays on until switched off", () => {
    const x = f64([-1]);
    ad.debugNaNs(true);
    try {
      expect(() => x.log()).toThrow(ad.AnomalyError);
    } finally {
      ad.debugNaNs(false);
    }
    ad.scope(() => expect(x.log().item()).toBeNaN());
    x.dispose();
  });

  it("profile counts calls, time and bytes", () => {
    clean(() => {
      const x = ad.ones([100, 100]);
      const { rows, result, toString } = ad.profile(() => ad.grad((v: Tensor) => v.matmul(v).tanh().sum())(x));
      expect(result.shape).toEqual([100, 100]);
      const by = Object.fromEntries(rows.map((r) => [r.op, r]));
      expect(by.tanh!.calls).toBe(1);
      expect(by.matmul!.calls).toBe(3);
      expect(by.tanh!.bytes).toBe(40_000);
      expect(toString()).toMatch(/^op +calls +ms +% +KB\n/);
    });
  });
});
