/** What a function under checkpoint or a custom rule closes over: a derivative, or a refusal that says what to do; never nothing. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const parameter = (value: number | number[]) => ad.tensor(value, { dtype: "float64", requiresGrad: true });
const gradOf = (p: Tensor) => p.grad?.toArray() ?? null;

describe("checkpoint", () => {
  it("gives parameters that it closes over their gradient", () => {
    const [w, x] = [parameter([2]), parameter([5])];
    ad.scope(() =>
      ad
        .checkpoint((y: Tensor) => y.mul(w))(x)
        .sum()
        .backward(),
    );
    expect([gradOf(x), gradOf(w)]).toEqual([[2], [5]]);
  });

  it("adds up the parts of a tensor that is argument and closed over, in whatever way", () => {
    const v = parameter(2);
    ad.scope(() =>
      ad
        .checkpoint((h: Tensor) => h.mul(v))(v.mul(3))
        .backward(),
    );
    expect(gradOf(v)).toBe(12);
    v.zeroGrad();
    ad.scope(() =>
      ad
        .checkpoint((h: Tensor) => h.mul(v))(v)
        .backward(),
    );
    expect(gradOf(v)).toBe(4);
    clean(() => {
      expect(
        ad
          .grad((v: Tensor) => ad.checkpoint((h: Tensor) => h.mul(v))(v.mul(3)))(f64(2))
          .item(),
      ).toBe(12);
      expect(
        ad
          .grad((v: Tensor) => ad.checkpoint(() => v.square())())(f64(3))
          .item(),
      ).toBe(6);
      expect(
        ad
          .grad((v: Tensor) => ad.checkpoint((y: Tensor) => y.mul(v))(f64(5)))(f64(3))
          .item(),
      ).toBe(5);
    });
  });

  it("trains layers: every parameter as without it", () => {
    ad.manualSeed(1);
    const layers = [new ad.nn.Linear(3, 4), new ad.nn.Linear(4, 4), new ad.nn.Linear(4, 1)];
    const parameters = layers.flatMap((layer) => [...layer.parameters()]);
    const x = ad.random.normal(ad.random.key(1), [5, 3]);
    const gradients = (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) => {
      for (const p of parameters) p.zeroGrad();
      ad.scope(() =>
        layers
          .reduce((h, layer) => wrap((y) => layer.forward(y).tanh())(h), x)
          .sum()
          .backward(),
      );
      return parameters.map(gradOf);
    };
    const plain = gradients((f) => f);
    expect(gradients((f) => ad.checkpoint(f))).toEqual(plain);
    expect(plain.every((g) => g !== null)).toBe(true);
  });

  it("reaches captures of outer levels, of batches and of ended scopes", () => {
    clean(() => {
      const second = ad.grad((x: Tensor) => ad.grad((w: Tensor) => ad.checkpoint((y: Tensor) => y.square().mul(w))(x))(f64(2)))(f64(2));
      expect(second.item()).toBe(4);
      expect(
        ad
          .vmap((x: Tensor, y: Tensor) => ad.checkpoint((z: Tensor) => z.mul(y))(x))(f64([1, 2]), f64([10, 20]))
          .toArray(),
      ).toEqual([10, 40]);
      const mapped = ad.grad((w: Tensor) =>
        ad
          .vmap((x: Tensor) => ad.checkpoint((z: Tensor) => z.mul(w).mul(x))(x.mul(w)))(f64([1, 2]))
          .sum(),
      )(f64(3));
      expect(mapped.item()).toBe(30);
      expect(ad.jvp((v: Tensor) => ad.checkpoint((h: Tensor) => h.mul(v))(v.mul(3)), [f64(2)], [f64(1)])[1].item()).toBe(12);
    });
    const [w, x] = [parameter([2]), parameter([5])];
    ad.scope(() => {
      const y = ad.scope(() => {
        const h = w.mul(3);
        const result = ad.checkpoint((z: Tensor) => z.mul(h))(x);
        h.dispose();
        return result;
      });
      y.sum().backward();
    });
    expect([gradOf(x), gradOf(w)]).toEqual([[6], [15]]);
  });

  it("finds captures in branches, inside a grad of the function's own, and in nested checkpoints", () => {
    clean(() => {
      const branch = (v: Tensor) => ad.checkpoint((h: Tensor) => (h.item() > 0 ? h.mul(v) : h))(v);
      expect([branch, ad.grad(branch)].map((f) => f(f64(3)).item())).toEqual([9, 6]);
      expect(ad.grad(branch)(f64(-3)).item()).toBe(1);
      // d/dv of d/dy (y² v) at y = v: 2 v² has the derivative 4 v
      const inner = (v: Tensor) => ad.checkpoint((h: Tensor) => ad.grad((y: Tensor) => y.square().mul(v))(h))(v);
      expect(ad.grad(inner)(f64(3)).item()).toBe(12);
      const nested = (v: Tensor) => ad.checkpoint((h: Tensor) => ad.checkpoint((k: Tensor) => k.mul(v).mul(h))(h.mul(v)))(v);
      expect(ad.grad(nested)(f64(2)).item()).toBe(4 * 8);
      expect(ad.grad(ad.grad(nested))(f64(2)).item()).toBe(12 * 4);
    });
  });

  it("differentiates what is returned as it was given or closed over", () => {
    clean(() => {
      const f = (x: Tensor) => {
        const [product, same, closed] = ad.checkpoint((y: Tensor) => [y.mul(x), y, x])(x.mul(3));
        return product.add(same.mul(10)).add(closed.mul(100)).sum();
      };
      expect(
        ad
          .grad(f)(f64([1, 2]))
          .toArray(),
      ).toEqual([136, 142]);
      expect(ad.jvp(f, [f64([1, 2])], [f64([1, 0])])[1].item()).toBe(136);
    });
    const w = parameter([2]);
    ad.scope(() =>
      ad
        .checkpoint(() => w)()
        .mul(3)
        .sum()
        .backward(),
    );
    expect(gradOf(w)).toEqual([3]);
  });

  it("recomputes from the numbers of the first run", () => {
    const [w, x] = [parameter([3]), f64([2])];
    ad.scope(() => {
      const y = ad.checkpoint((z: Tensor) => z.mul(w).mul(x))(f64([1]));
      x.assign([100]);
      w.assign([50]);
      y.sum().backward();
    });
    expect(gradOf(w)).toEqual([2]);
    x.dispose();
  });

  it("refuses a function that does something else when it runs again", () => {
    const [a, b] = [parameter([2]), parameter([3])];
    let used = a;
    ad.scope(() => {
      const y = ad
        .checkpoint((z: Tensor) => z.mul(used))(f64([1]))
        .sum();
      used = b;
      expect(() => y.backward()).toThrow(/checkpoint: run again .* had not used before/);
    });
    expect([gradOf(a), gradOf(b)]).toEqual([null, null]);
  });

  it("takes int and bool arguments and results, in both modes", () => {
    clean(() => {
      const f = ad.checkpoint((x: Tensor, i: Tensor, keep: Tensor) => [keep.where(x.take(i, 0), 0), x.argmax()]);
      const [i, keep] = [ad.tensor([2, 0], { dtype: "int32" }), ad.tensor([true, false])];
      const x = f64([1, 2, 3]);
      const [[value, top], [slope]] = ad.jvp((x: Tensor) => f(x, i, keep), [x], [f64([10, 20, 30])]);
      expect([value.toArray(), top.item(), slope.toArray()]).toEqual([[3, 0], 2, [30, 0]]);
      expect(
        ad
          .grad((x: Tensor) => f(x, i, keep)[0].sum())(x)
          .toArray(),
      ).toEqual([0, 0, 1]);
      expect(
        ad
          .jacfwd((x: Tensor) => f(x, i, keep)[0])(x)
          .toArray(),
      ).toEqual([
        [0, 0, 1],
        [0, 0, 0],
      ]);
    });
  });
});

describe("createGraph", () => {
  const cubed = (x: Tensor) => x.mul(x).mul(x);
  const FUNCTIONS: [string, (x: Tensor) => Tensor][] = [
    ["checkpoint", ad.checkpoint(cubed)],
    [
      "customVjp",
      ad.customVjp(cubed, {
        forward: (x: Tensor) => [cubed(x), x.square()],
        backward: (square: Tensor, ct: Tensor) => [ct.mul(square).mul(3)],
      }),
    ],
    ["customJvp", ad.customJvp(cubed, ([x], [t]) => [cubed(x), x.square().mul(3).mul(t)])],
  ];

  it.each(FUNCTIONS)("goes through %s", (_, f) => {
    const x = parameter([2]);
    ad.scope(() => {
      f(x).sum().add(x.square().sum()).backward(undefined, { createGraph: true });
      const g = x.grad!;
      expect(g.toArray()).toEqual([16]);
      x.zeroGrad();
      g.sum().backward();
    });
    // 6 x + 2
    expect(gradOf(x)).toEqual([14]);
  });

  it.each(FUNCTIONS)("noGrad makes constants of %s", (_, f) => {
    const x = parameter([2]);
    ad.scope(() => expect(ad.noGrad(() => f(x)).requiresGrad).toBe(false));
    clean(() =>
      expect(
        ad
          .grad((x: Tensor) => x.mul(ad.noGrad(() => f(x))))(f64(2))
          .item(),
      ).toBe(8),
    );
  });
});

describe("custom rules", () => {
  const byVjp = (y: Tensor) =>
    ad.customVjp((x: Tensor) => x.mul(y), { forward: (x: Tensor) => [x.mul(y), null], backward: (_: null, ct: Tensor) => [ct.mul(y)] });
  const byJvp = (y: Tensor) =>
    ad.customJvp(
      (x: Tensor) => x.mul(y),
      ([x], [t]) => [x.mul(y), t.mul(y)],
    );

  it.each([
    ["customVjp", byVjp],
    ["customJvp", byJvp],
  ])("%s refuses to close over what is differentiated or mapped with its arguments", (_, rule) => {
    const before = ad.memory().tensors;
    const [w, x] = [parameter([2]), parameter([5])];
    const programs: [() => unknown, RegExp][] = [
      [() => rule(w)(x), /of shape \[1\] that is being differentiated.*pass it as an argument/],
      [() => ad.grad((y: Tensor) => rule(y)(y.mul(2)).sum())(f64([1, 2])), /of shape \[2\] that is being differentiated/],
      [() => ad.jvp((y: Tensor) => rule(y)(y.mul(2)), [f64([1, 2])], [f64([1, 1])]), /being differentiated/],
      [() => ad.vmap((x: Tensor, y: Tensor) => rule(y)(x))(f64([1, 2]), f64([10, 20])), /mapped by vmap.*pass it as an argument/],
      // The capture belongs further in than the argument.
      [() => ad.grad((y: Tensor) => rule(y)(x).sum())(f64([1])), /being differentiated/],
    ];
    for (const [program, message] of programs) {
      expect(() => ad.scope(program)).toThrow(ad.NotDifferentiableError);
      expect(() => ad.scope(program)).toThrow(message);
    }
    w.dispose();
    x.dispose();
    expect(ad.memory().tensors).toBe(before);
    clean(() =>
      expect(
        ad
          .grad((x: Tensor) => x.square())(f64(3))
          .item(),
      ).toBe(6),
    );
  });

  it.each([
    ["customVjp", byVjp],
    ["customJvp", byJvp],
  ])("%s may close over constants, outer levels, and what is detached", (_, rule) => {
    const w = parameter([2]);
    ad.scope(() => {
      rule(w)(f64([5]))
        .sum()
        .backward();
      expect(rule(w.detach())(w).sum().item()).toBe(4);
    });
    expect(gradOf(w)).toEqual([5]);
    clean(() => {
      expect(
        ad
          .grad((y: Tensor) => ad.grad((x: Tensor) => rule(y)(x))(f64(3)))(f64(2))
          .item(),
      ).toBe(1);
      expect(
        ad
          .vmap(ad.grad(rule(f64(7))))(f64([1, 2]))
          .toArray(),
      ).toEqual([7, 7]);
      expect(
        ad
          .grad((y: Tensor) =>
            ad
              .vmap((x: Tensor) => rule(y)(x))(f64([1, 2]))
              .sum(),
          )(f64(2))
          .item(),
      ).toBe(3);
    });
  });

  it("refuse a tensor that is returned as it was closed over", () => {
    const [w, x] = [parameter([2]), parameter([5])];
    expect(() => ad.scope(() => ad.customVjp(() => w, { forward: () => [w, null], backward: (_: null, ct: Tensor) => [ct] })(x))).toThrow(
      ad.NotDifferentiableError,
    );
  });

  it("have int and bool among their results", () => {
    clean(() => {
      const f = ad.customVjp((x: Tensor) => [x.square(), x.gt(0), x.argmax()], {
        forward: (x: Tensor) => [[x.square(), x.gt(0), x.argmax()], x],
        backward: (x: Tensor, [ct]: Tensor[]) => [x.mul(ct!).mul(2)],
      });
      const [[y, positive, top], [slope]] = ad.jvp(f, [f64([1, -2])], [f64([1, 1])]);
      expect([y.toArray(), positive.toArray(), top.item(), slope.toArray()]).toEqual([[1, 4], [true, false], 0, [2, -4]]);
      expect(
        ad
          .grad((x: Tensor) => f(x)[0].sum())(f64([1, -2]))
          .toArray(),
      ).toEqual([2, -4]);
    });
  });

  it("match trees by key, whatever the order", () => {
    clean(() => {
      const f = ad.customVjp((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b), {
        forward: (p: { a: Tensor; b: Tensor }) => [p.a.mul(p.b), p],
        backward: (p: { a: Tensor; b: Tensor }, ct: Tensor) => [{ b: ct.mul(p.a), a: ct.mul(p.b) }],
      });
      const g = ad.grad(f)({ a: f64(2), b: f64(3) });
      expect([g.a.item(), g.b.item()]).toEqual([3, 2]);
    });
  });
});

describe("a throw in the middle", () => {
  const boom = new Error("in the middle");
  const explode = (x: Tensor): Tensor => {
    x.mul(2).exp();
    throw boom;
  };
  const rule = { forward: (x: Tensor): [Tensor, null] => [explode(x), null], backward: (_: null, ct: Tensor) => [ct] };
  const FUNCTIONS: [string, (x: Tensor) => Tensor][] = [
    ["checkpoint", ad.checkpoint(explode)],
    ["nested checkpoints", ad.checkpoint((x: Tensor) => ad.checkpoint(explode)(x.mul(3)))],
    ["customVjp", ad.customVjp(explode, rule)],
    ["customJvp", ad.customJvp(explode, ([x], [t]) => [explode(x!), t])],
  ];

  it.each(FUNCTIONS)("of %s leaves nothing behind and the engine working", (_, f) => {
    const before = ad.memory().tensors;
    const w = parameter([1, 2]);
    const programs: (() => unknown)[] = [
      () => f(w),
      () => ad.grad((x: Tensor) => f(x.mul(w)))(f64([1, 2])),
      () => ad.jvp((x: Tensor) => f(x), [f64([1, 2])], [f64([1, 2])]),
      () => ad.vmap(ad.grad((x: Tensor) => f(x)))(f64([[1, 2]])),
    ];
    for (const program of programs) expect(() => ad.scope(program)).toThrow(boom);
    w.dispose();
    expect(ad.memory().tensors).toBe(before);
    clean(() =>
      expect(
        ad
          .grad((x: Tensor) => x.square())(f64(3))
          .item(),
      ).toBe(6),
    );
  });

  it("of the second run of a checkpoint likewise", () => {
    const before = ad.memory().tensors;
    let runs = 0;
    const f = ad.checkpoint((x: Tensor) => (runs++ > 0 ? explode(x) : x.mul(2)));
    expect(() => ad.scope(() => ad.grad((x: Tensor) => f(x).sum())(f64([1, 2])))).toThrow(boom);
    expect(ad.memory().tensors).toBe(before);
  });
});
