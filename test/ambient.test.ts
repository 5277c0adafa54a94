/** PyTorch's way: requiresGrad, backward, .grad, hooks. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const leaf = (value: number | number[]) => ad.tensor(value, { dtype: "float64", requiresGrad: true });

describe("backward", () => {
  it("adds up in .grad until zeroGrad", () => {
    const x = leaf([1, 2]);
    expect([x.requiresGrad, x.isLeaf, x.grad]).toEqual([true, true, null]);
    x.square().sum().backward();
    expect(x.grad!.toArray()).toEqual([2, 4]);
    expect(x.grad).toBe(x.grad);
    x.sum().backward();
    expect(x.grad!.toArray()).toEqual([3, 5]);
    x.zeroGrad();
    expect(x.grad).toBeNull();
    x.mul(3).backward(ad.tensor([1, 10], { dtype: "float64" }));
    expect(x.grad!.toArray()).toEqual([3, 30]);
  });

  it("frees the graph unless asked to keep it", () => {
    const x = leaf(3);
    const y = x.square();
    y.backward(undefined, { retainGraph: true });
    y.backward();
    expect(x.grad!.item()).toBe(12);
    expect(() => y.backward()).toThrow(/retainGraph/);
    expect(y.item()).toBe(9);
  });

  it("can record itself", () => {
    const x = leaf(2);
    x.pow(3).backward(undefined, { createGraph: true });
    const g = x.grad!;
    expect([g.item(), g.requiresGrad]).toEqual([12, true]);
    x.zeroGrad();
    g.sum().backward();
    expect(x.grad!.item()).toBe(12);
  });

  it("can be limited to some inputs", () => {
    const [x, y] = [leaf(2), leaf(5)];
    x.mul(y).backward(undefined, { inputs: [x] });
    expect([x.grad!.item(), y.grad]).toEqual([5, null]);
  });

  it("keeps the gradient of inner values on request, and runs hooks", () => {
    const x = leaf([1, 2]);
    const y = x.mul(3).retainGrad();
    const seen: number[][] = [];
    const remove = y.registerHook((g: Tensor) => {
      seen.push(g.toArray());
      return g.mul(10);
    });
    x.registerHook((g: Tensor) => void seen.push(g.toArray()));
    y.square().sum().backward();
    expect(seen).toEqual([[6, 12], [180, 360]]);
    expect(x.grad!.toArray()).toEqual([180, 360]);
    expect(y.grad!.toArray()).toEqual([60, 120]);
    remove();
    const boom = new Error("hook");
    const z = x.mul(2);
    z.registerHook(() => {
      throw boom;
    });
    expect(() => z.sum().backward()).toThrow(boom);
    x.zeroGrad();
    x.sum().backward();
    expect(x.grad!.toArray()).toEqual([1, 1]);
  });

  it("refuses what has no meaning", () => {
    const x = leaf([1, 2]);
    expect(() => x.backward()).toThrow(/needs a cotangent/);
    expect(() => ad.tensor(3).backward()).toThrow(ad.NotDifferentiableError);
    expect(() => x.mul(2).backward(ad.tensor([1, 2, 3]))).toThrow(ad.ShapeError);
    expect(() => ad.tensor([1], { dtype: "int32", requiresGrad: true })).toThrow(ad.DTypeError);
    expect(() => ad.tensor(1).retainGrad()).toThrow(ad.ValueError);
  });

  it("leaves constants out: detach, noGrad", () => {
    const x = leaf(3);
    expect(ad.noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(x.detach().requiresGrad).toBe(false);
    x.mul(x.detach()).backward();
    expect(x.grad!.item()).toBe(3);
  });

  it("goes through grad: the gradient of a closure over a parameter", () => {
    const w = leaf(2);
    const g = ad.grad((x: Tensor) => x.mul(x).mul(w))(ad.tensor(5, { dtype: "float64" }));
    expect([g.item(), g.requiresGrad]).toEqual([20, true]);
    g.backward();
    expect(w.grad!.item()).toBe(10);
  });
});

describe("parameters", () => {
  it("outlive the scope they are made in, and change behind their handle", () => {
    const p = ad.scope(() => ({ p: leaf([1, 2]) })).p;
    const before = p.square();
    p.assign([10, 20]);
    expect(p.toArray()).toEqual([10, 20]);
    // What was computed from the old numbers keeps them for its backward.
    before.sum().backward();
    expect(p.grad!.toArray()).toEqual([2, 4]);
    expect(() => p.assign([1, 2, 3])).toThrow(ad.ShapeError);
  });

  it("a plain loop keeps memory flat once the event loop has turned", async () => {
    const w = leaf([0.1, -0.2, 0.3]);
    const optimizer = new ad.optim.SGD([w], { lr: 0.01, momentum: 0.9 });
    const counts: number[] = [];
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 50; i++) optimizer.minimize(w.sin().mul(w).sum());
      (globalThis as { gc?: () => void }).gc?.();
      await new Promise((resolve) => setTimeout(resolve, 10));
      counts.push(ad.memory().tensors);
    }
    expect(Math.max(...counts.slice(2))).toBeLessThanOrEqual(counts[1]! + 8);
  });

  it("thousands of graphs that nobody keeps leave the tape short", () => {
    const w = leaf(1);
    const before = ad.memory();
    for (let i = 0; i < 20_000; i++) ad.scope(() => void w.mul(2).add(1).tanh());
    expect(ad.memory().tensors).toBe(before.tensors);
    expect(ad.memory().bytes).toBe(before.bytes);
  });
});
