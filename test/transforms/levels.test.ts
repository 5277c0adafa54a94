/** Levels and parked tapes: how deep they nest, who may still speak for them. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[]) => ad.tensor(value, { dtype: "float64" });

describe("nesting", () => {
  const many: [name: string, open: (f: (x: Tensor) => Tensor, x: Tensor) => Tensor][] = [
    ["grad", (f, x) => ad.grad(f)(x)],
    ["vjp", (f, x) => ad.vjp(f, x)[0]],
    ["jvp", (f, x) => ad.jvp(f, [x], [1])[0]],
    ["dualLevel", (f, x) => ad.dualLevel(() => f(x))],
    [
      "vmap",
      (f, x) =>
        ad
          .vmap(f)(x.reshape([1]))
          .at(0),
    ],
  ];
  for (const [name, open] of many) {
    it(`${name} without an end is refused, and the engine works on`, () => {
      clean(() => {
        const endless = (x: Tensor): Tensor => open(endless, x);
        expect(() => endless(f64(1))).toThrow(/256 transforms are open|at most 64/);
        expect(
          ad
            .grad((x) => x.square())(f64(3))
            .item(),
        ).toBe(6);
      });
    });
  }

  it("a hundred levels are fine", () => {
    clean(() => {
      const nested =
        (n: number) =>
        (x: Tensor): Tensor =>
          n === 0 ? x.mul(2) : ad.jvp(nested(n - 1), [x], [1])[0];
      expect(nested(100)(f64(3)).item()).toBe(6);
    });
  });
});

describe("pullbacks", () => {
  const times = (k: number, x: Tensor) => ad.vjp((x) => x.mul(k), x)[1];

  it("a disposed one frees nobody else's tape when its finalizer runs", async () => {
    const x = f64(1);
    (() => times(2, x).dispose())();
    const other = times(3, x);
    await settle();
    const third = times(5, x);
    expect([other, third].map((pull) => ad.scope(() => pull(x)[0].item()))).toEqual([3, 5]);
    other.dispose();
    other.dispose();
    expect(() => other(x)).toThrow(/disposed/);
    expect(ad.scope(() => third(x)[0].item())).toBe(5);
    third.dispose();
    x.dispose();
  });

  it("one of an earlier engine neither sweeps nor frees tapes of the next", () => {
    const stale = times(7, f64(1));
    ad.reset();
    const x = f64(1);
    const fresh = times(3, x);
    expect(() => stale(x)).toThrow(/reset\(\)/);
    stale.dispose();
    expect(ad.scope(() => fresh(x)[0].item())).toBe(3);
    fresh.dispose();
    x.dispose();
  });

  it("can be called many times, and inside other transforms", () => {
    clean(() => {
      const pull = ad.vjp((x) => x.square(), f64(3))[1];
      expect([1, 2, 3].map((k) => pull(f64(k))[0].item())).toEqual([6, 12, 18]);
      expect(
        ad
          .grad((ct) => pull(ct)[0])(f64(1))
          .item(),
      ).toBe(6);
    });
  });
});
