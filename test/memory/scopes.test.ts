/** Scopes and disposal. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();

describe("scopes", () => {
  it("release what is not returned, nested too", () => {
    const before = ad.memory().tensors;
    const kept = ad.scope(() => {
      const a = ad.ones([3]);
      const b = ad.scope(() => a.add(1));
      return { sum: b.sum(), list: [a] };
    });
    expect(ad.memory().tensors).toBe(before + 2);
    expect(kept.sum.item()).toBe(6);
    kept.sum.dispose();
    kept.list[0]!.dispose();
    expect(ad.memory().tensors).toBe(before);
  });

  it("a tensor that got out of a scope or a transform says so", () => {
    let escaped!: Tensor;
    ad.scope(() => {
      escaped = ad.ones([2]);
    });
    expect(() => escaped.toArray()).toThrow(ad.EscapedValueError);
    ad.scope(() => ad.grad((x: Tensor) => (escaped = x.mul(2)).sum())(ad.ones([2])));
    expect(() => escaped.add(1)).toThrow(ad.EscapedValueError);
    expect(String(escaped)).toMatch(/scope has ended/);
  });

  it("a tensor that is returned twice moves once", () => {
    const before = ad.memory().tensors;
    const [a, { b }, c] = ad.scope(() => {
      const x = ad.tensor([1]);
      return [x, { b: x }, x] as const;
    });
    expect(a === b && b === c).toBe(true);
    ad.scope(() => {
      const inner = ad.scope(() => [a, ad.grad((x: ad.Tensor) => x.square().sum())(a)]);
      expect(inner.map((x) => x.item())).toEqual([1, 2]);
    });
    expect(a.item()).toBe(1);
    a.dispose();
    expect(ad.memory().tensors).toBe(before);
  });

  it("dispose twice is nothing, use after it an error", () => {
    const x = ad.ones([2]);
    x.dispose();
    x.dispose();
    expect(() => x.add(1)).toThrow(ad.DisposedError);
    expect(() => x.shape).not.toThrow(TypeError);
    const y = ad.ones([2]);
    y[Symbol.dispose]();
    expect(() => y.sum()).toThrow(ad.DisposedError);
  });

  it("refuse async functions", () => {
    expect(() => ad.scope(async () => 1)).toThrow(/promise/);
  });

  it("a forgotten tensor is found by the garbage collector", async () => {
    const before = await settle();
    (() => {
      for (let i = 0; i < 100; i++) ad.ones([1000]).mul(2);
    })();
    expect(await settle()).toBe(before);
  });
});
