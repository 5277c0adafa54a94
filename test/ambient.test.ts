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

  it("is all or nothing where a part of the graph is freed", () => {
    ad.scope(() => {
      const [v, w] = [leaf([1, 2]), leaf([3, 4])];
      const shared = w.square();
      const other = v.mul(3);
      shared.sum().backward();
      const before = w.grad!.toArray();
      for (const options of [undefined, { retainGraph: true }]) {
        expect(() => shared.add(other).sum().backward(undefined, options)).toThrow(/retainGraph/);
        expect([v.grad, w.grad!.toArray()]).toEqual([null, before]);
      }
      // The part that was not freed is there as before.
      other.sum().backward();
      expect(v.grad!.toArray()).toEqual([3, 3]);
      v.dispose();
      w.dispose();
    });
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
    expect(seen).toEqual([
      [6, 12],
      [180, 360],
    ]);
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

describe("a backward pass holds its graph", () => {
  it("a hook may dispose what is being swept, and record new graphs", () => {
    ad.scope(() => {
      const w = leaf([1, 2]);
      for (const records of [false, true]) {
        const a = w.mul(2);
        const y = a.square();
        const loss = y.sum();
        y.registerHook(() => {
          for (const x of [loss, y, a]) x.dispose();
          if (records) for (let x = w.mul(100), i = 0; i < 10; i++) x = x.mul(7);
        });
        loss.backward();
        expect(w.grad!.toArray()).toEqual([8, 16]);
        w.zeroGrad();
      }
      w.dispose();
    });
  });

  it("a custom rule may dispose what is being swept, its own pullback included", () => {
    ad.scope(() => {
      const w = leaf([1, 2]);
      const kept: Tensor[] = [];
      const rule = ad.customVjp((x) => x.mul(3), {
        forward: (x) => [x.mul(3), null],
        backward: (_, ct) => {
          for (const x of kept) x.dispose();
          w.mul(100).sum();
          return [ct.mul(3)];
        },
      });
      const y = rule(w.mul(2));
      kept.push(y, y.square().sum());
      kept[1]!.backward();
      expect(w.grad!.toArray()).toEqual([72, 144]);

      const x = ad.tensor([1, 2], { dtype: "float64" });
      let disposing = () => {};
      const [out, pull] = ad.vjp(
        (x) =>
          ad
            .customVjp((z) => z, { forward: (z) => [z.mul(1), null], backward: (_, ct) => (disposing(), [ct]) })(x.mul(2))
            .square(),
        x,
      );
      disposing = () => pull.dispose();
      expect(pull(ad.onesLike(out))[0].toArray()).toEqual([8, 16]);
      expect(() => pull(ad.onesLike(out))).toThrow(/disposed/);
      w.dispose();
    });
  });

  it("a hook may run backward itself", () => {
    ad.scope(() => {
      const [w, v] = [leaf(3), leaf(5)];
      const depths: number[] = [];
      const nested = (depth: number) => {
        const y = w.mul(2);
        y.registerHook(() => {
          depths.push(depth);
          if (depth < 5) nested(depth + 1);
          v.square().backward();
        });
        y.square().backward();
      };
      nested(0);
      // Six times 8 w and 2 v.
      expect([w.grad!.item(), v.grad!.item(), depths]).toEqual([6 * 24, 6 * 10, [0, 1, 2, 3, 4, 5]]);
      w.dispose();
      v.dispose();
    });
  });

  it("compaction waits for passes that record themselves", () => {
    ad.scope(() => {
      const w = leaf(1);
      ad.scope(() => {
        const kept = w.mul(2);
        // Dead nodes in front of living ones, more than compaction asks for.
        ad.scope(() => {
          let y = w.mul(1);
          for (let i = 0; i < 6000; i++) y = y.mul(1);
        });
        let y = kept;
        for (let i = 0; i < 500; i++) y = y.mul(1);
        y.square().backward(undefined, { createGraph: true });
        expect(w.grad!.item()).toBe(8);
        const g = w.grad!;
        w.zeroGrad();
        g.backward();
        expect(w.grad!.item()).toBe(8);
      });
      w.dispose();
    });
  });

  it("a hook that throws leaves an engine that works", () => {
    ad.scope(() => {
      const w = leaf([1, 2]);
      const y = w.mul(2);
      const mine = new Error("mine");
      y.registerHook(() => {
        throw mine;
      });
      expect(() => y.sum().backward()).toThrow(mine);
      w.square().sum().backward();
      expect(w.grad!.toArray()).toEqual([2, 4]);
      w.dispose();
    });
  });
});

describe(".grad", () => {
  it("takes a gradient of its tensor's shape and dtype, and null", () => {
    ad.scope(() => {
      const p = leaf([1, 2]);
      expect(() => (p.grad = ad.tensor([1, 2, 3], { dtype: "float64" }))).toThrow(ad.ShapeError);
      expect(() => (p.grad = ad.tensor(1, { dtype: "float64" }))).toThrow(ad.ShapeError);
      expect(() => (p.grad = ad.tensor([1, 2]))).toThrow(/float32.*float64/);
      expect(() => (p.grad = ad.tensor([1, 2], { dtype: "int32" }))).toThrow(/int32.*float64/);
      expect(() => ad.grad((x) => ((p.grad = x), x.sum()))(ad.tensor([1, 2], { dtype: "float64" }))).toThrow(/transform/);
      expect(() => (ad.ones([2]).grad = ad.ones([2]))).toThrow(/does not require a gradient/);
      expect(p.grad).toBeNull();
      p.grad = ad.tensor([5, 6], { dtype: "float64" });
      expect(p.grad!.toArray()).toEqual([5, 6]);
      // No cycle: its own numbers, but not itself.
      p.grad = p;
      p.grad!.assign([7, 8]);
      expect([p.toArray(), p.grad!.toArray(), p.grad!.requiresGrad]).toEqual([[1, 2], [7, 8], false]);
      p.grad = null;
      expect(p.grad).toBeNull();
      p.dispose();
    });
  });

  it("a hook's gradient is brought to its tensor's dtype", () => {
    ad.scope(() => {
      const w = ad.tensor([1, 2], { requiresGrad: true });
      w.registerHook((g) => g.cast("float64").mul(2));
      w.sum().backward();
      expect([w.grad!.dtype, w.grad!.toArray()]).toEqual(["float32", [2, 2]]);
      w.dispose();
    });
  });
});

describe("hooks", () => {
  it("are forgotten with their tensors", () => {
    const w = leaf([1, 2]);
    for (let i = 0; i < 50; i++) {
      ad.scope(() => {
        w.mul(2).registerHook(() => {});
      });
    }
    const y = w.mul(3);
    const remove = y.registerHook((g) => g.mul(2));
    expect(ad.testing.hookedTensors()).toBe(1);
    y.sum().backward();
    expect(w.grad!.toArray()).toEqual([6, 6]);
    remove();
    remove();
    expect(ad.testing.hookedTensors()).toBe(0);
    y.dispose();
    w.dispose();
  });
});
