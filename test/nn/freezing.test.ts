/** `requiresGrad = false` freezes a parameter in place, `= true` makes one: whoever holds the tensor sees it, graphs and optimizers included. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const parameter = (value: number[]) => ad.tensor(value, { dtype: "float64", requiresGrad: true });

const identical = (a: readonly Tensor[], b: readonly Tensor[]) => a.length === b.length && a.every((t, i) => t === b[i]);

describe("freezing", () => {
  it("forgets the gradient, keeps the numbers and the handle", () => {
    const p = parameter([1, 2]);
    p.square().sum().backward();
    p.requiresGrad = false;
    expect([p.requiresGrad, p.isLeaf, p.grad, p.toArray()]).toEqual([false, true, null, [1, 2]]);
    expect(p.mul(2).requiresGrad).toBe(false);
    expect(() => p.sum().backward()).toThrow(ad.NotDifferentiableError);
    p.requiresGrad = true;
    p.square().sum().backward();
    expect(p.grad!.toArray()).toEqual([2, 4]);
    p.dispose();
  });

  it("leaves a graph recorded before its numbers, and the way to the other parameters", () => {
    const [p, q] = [parameter([1, 2]), parameter([3, 4])];
    const y = p.mul(q).sum();
    p.requiresGrad = false;
    p.assign([10, 20]);
    y.backward();
    expect(q.grad!.toArray()).toEqual([1, 2]);
    expect(p.grad).toBeNull();
    // What is unfrozen is a new leaf, which that graph does not know.
    const z = q.mul(p).sum();
    p.requiresGrad = true;
    z.backward();
    expect([p.grad, q.grad!.toArray()]).toEqual([null, [11, 22]]);
    for (const t of [p, q]) t.dispose();
  });

  it("hooks sleep while their tensor is frozen", () => {
    const p = parameter([1]);
    let calls = 0;
    const remove = p.registerHook(() => void calls++);
    p.requiresGrad = false;
    p.requiresGrad = true;
    p.mul(3).sum().backward();
    expect(calls).toBe(1);
    remove();
    p.sum().backward();
    expect(calls).toBe(1);
    p.dispose();
  });

  it.each(["SGD", "Adam", "AdamW"] as const)("%s takes frozen parameters and passes them over", (name) => {
    const make: typeof ad.optim.Adam | typeof ad.optim.SGD = ad.optim[name];
    const layer = new ad.nn.Linear(2, 1);
    const x = ad.ones([4, 2]);
    const [weight, bias] = [layer.weight, layer.bias!];
    weight.requiresGrad = false;
    expect(identical(layer.parameters(), [weight, bias])).toBe(true);
    expect(layer.namedBuffers()).toEqual([]);
    const before = [weight.toArray(), bias.toArray()];
    using optimizer = new make(layer.parameters(), { lr: 0.1 });
    const step = () => ad.scope(() => void optimizer.minimize(layer.forward(x).square().mean()));
    step();
    expect(weight.toArray()).toEqual(before[0]);
    expect(bias.toArray()).not.toEqual(before[1]);
    weight.requiresGrad = true;
    step();
    expect(weight.toArray()).not.toEqual(before[0]);
    layer.dispose();
    x.dispose();
  });

  it("a tensor made with requiresGrad stays one of its module's parameters", () => {
    class Scale extends ad.nn.Module {
      scale = parameter([2]);
      forward(x: Tensor) {
        return x.mul(this.scale);
      }
    }
    using module = new Scale();
    module.scale.requiresGrad = false;
    expect(identical(module.parameters(), [module.scale])).toBe(true);
    expect(module.namedBuffers()).toEqual([]);
    expect(() => new ad.optim.SGD(module.parameters(), { lr: 1 })).not.toThrow();
  });
});

describe("unfreezing", () => {
  it("makes a parameter of a plain tensor, which then outlives scopes", () => {
    const p = ad.scope(() => {
      const inside = ad.tensor([1, 2]);
      inside.requiresGrad = true;
      return [inside];
    })[0]!;
    let q!: Tensor;
    ad.scope(() => {
      q = ad.tensor([3]);
      q.requiresGrad = true;
    });
    p.mul(q).sum().backward();
    expect([p.grad!.toArray(), q.grad!.toArray()]).toEqual([[3, 3], [3]]);
    // Freezing inside a scope does not bind it to the scope.
    ad.scope(() => void (q.requiresGrad = false));
    expect(q.toArray()).toEqual([3]);
    for (const t of [p, q]) t.dispose();
  });

  it("leaves nothing behind", () => {
    const p = parameter([1]);
    const before = ad.memory().tensors;
    for (let i = 0; i < 100; i++) p.requiresGrad = i % 2 === 1;
    expect([ad.memory().tensors, p.requiresGrad]).toEqual([before, true]);
    p.dispose();
  });
});

describe("what cannot be", () => {
  const set = (x: Tensor, value: unknown) => {
    x.requiresGrad = value as boolean;
  };
  it.each<[string, unknown, RegExp]>([
    ["a number", 1, /true or false, got 1/],
    ["a string", "false", /the string "false"/],
    ["undefined", undefined, /got undefined/],
  ])("%s", (_, value, message) => {
    const p = parameter([1]);
    expect(() => set(p, value)).toThrow(message);
    expect(p.requiresGrad).toBe(true);
    p.dispose();
  });

  it("freezing a result, or making a parameter of integers", () => {
    const p = parameter([1]);
    ad.scope(() => {
      const y = p.mul(2);
      expect(() => set(y, false)).toThrow(ad.NotDifferentiableError);
      expect(() => set(y, false)).toThrow(/detach\(\)/);
      set(y, true);
      expect(() => set(ad.tensor([1], { dtype: "int32" }), true)).toThrow(ad.DTypeError);
    });
    p.dispose();
  });

  it.each<[string, (f: (x: Tensor) => Tensor, x: Tensor) => unknown]>([
    ["grad", (f, x) => ad.grad(f)(x)],
    ["jvp", (f, x) => ad.jvp(f, [x], [x])],
    ["vmap", (f, x) => ad.vmap(f)(x)],
  ])("values inside %s", (_, transform) => {
    ad.scope(() => {
      for (const value of [true, false]) {
        expect(() =>
          transform(
            (x) => {
              set(x, value);
              return x.sum();
            },
            ad.tensor([1, 2]),
          ),
        ).toThrow(/belongs to a transform/);
      }
    });
  });

  it("a disposed tensor", () => {
    const p = parameter([1]);
    p.dispose();
    expect(() => set(p, false)).toThrow(ad.DisposedError);
  });
});
