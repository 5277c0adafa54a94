/** grad, valueAndGrad, vjp. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

it("a chain of a million ops runs forward, backward and is freed", () => {
  const before = ad.memory().tensors;
  ad.scope(() => {
    const g = ad.grad((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1_000_000; i++) y = y.neg();
      return y;
    })(f64(2));
    expect(g.item()).toBe(1);
  });
  expect(ad.memory().tensors).toBe(before);
});

describe("grad", () => {
  it("takes trees, argnums and aux", () => {
    clean(() => {
      const f = (p: { w: Tensor; b: Tensor[] }, x: Tensor) => p.w.mul(x).sum().add(p.b[0]!.square().sum());
      const params = { w: f64([1, 2]), b: [f64(3), f64([1])] };
      const x = f64([5, 7]);
      const g = ad.grad(f)(params, x);
      expect(ad.tree.map((t: Tensor) => t.toArray(), g)).toEqual({ w: [5, 7], b: [6, [0]] });
      const [gp, gx] = ad.grad(f, { argnums: [0, 1] })(params, x);
      expect(gp.w.toArray()).toEqual([5, 7]);
      expect(gx.toArray()).toEqual([1, 2]);
      const [[value, aux], gradient] = ad.valueAndGrad((y: Tensor) => [y.sum(), { twice: y.mul(2) }], { hasAux: true })(x);
      expect([value.item(), aux.twice.toArray(), gradient.toArray()]).toEqual([12, [10, 14], [1, 1]]);
      const [g2, aux2] = ad.grad((y: Tensor) => [y.sum(), "text"], { hasAux: true })(x);
      expect([g2.toArray(), aux2]).toEqual([[1, 1], "text"]);
    });
  });

  it("gives zero, not nothing, where the output does not depend", () => {
    clean(() => {
      expect(
        ad
          .grad(() => ad.tensor(3))(f64([1, 2]))
          .toArray(),
      ).toEqual([0, 0]);
      expect(
        ad
          .grad(() => 3)(f64(2))
          .item(),
      ).toBe(0);
      const g = ad.grad((x: Tensor) => x.stopGradient().square().sum())(f64([1, 2]));
      expect(g.toArray()).toEqual([0, 0]);
      expect(
        ad
          .grad((x: Tensor) => x.mul(x.detach()))(f64(3))
          .item(),
      ).toBe(3);
    });
  });

  it("noGrad makes constants of what is computed inside, enableGrad undoes it", () => {
    clean(() => {
      expect(
        ad
          .grad((x: Tensor) => x.mul(ad.noGrad(() => x.square())))(f64(3))
          .item(),
      ).toBe(9);
      expect(
        ad
          .grad((x: Tensor) => ad.noGrad(() => ad.enableGrad(() => x.square())))(f64(3))
          .item(),
      ).toBe(6);
      expect((ad.jvp((x: Tensor) => x.mul(ad.noGrad(() => x.square())), [f64(3)], [f64(1)])[1] as Tensor).item()).toBe(9);
      expect((ad.jvp((x: Tensor) => ad.noGrad(() => ad.enableGrad(() => x.square())), [f64(3)], [f64(1)])[1] as Tensor).item()).toBe(6);
      const double = ad.customJvp(
        (x: Tensor) => x.mul(2),
        ([x]: Tensor[], [t]: Tensor[]) => [x!.mul(2), t!.mul(2)] as [Tensor, Tensor],
      );
      expect((ad.jvp((x: Tensor) => x.mul(ad.noGrad(() => double(x) as Tensor)), [f64(3)], [f64(1)])[1] as Tensor).item()).toBe(6);
      // A transform opened inside noGrad works.
      expect(ad.noGrad(() => ad.grad((x: Tensor) => x.square())(f64(3))).item()).toBe(6);
    });
  });

  it("throws come out unchanged, and nothing is left", () => {
    const before = ad.memory().tensors;
    const boom = new Error("mine");
    for (const name of ["grad", "valueAndGrad", "vmap", "jacfwd", "jacrev", "hessian"]) {
      const transform = ad[name as "grad"];
      const run = () =>
        ad.scope(() =>
          transform((x: Tensor) => {
            x.mul(2);
            throw boom;
          })(f64([1, 2])),
        );
      expect(run).toThrow(boom);
    }
    expect(() =>
      ad.scope(() =>
        ad.jvp(
          () => {
            throw boom;
          },
          [f64(1)],
          [f64(1)],
        ),
      ),
    ).toThrow(boom);
    expect(() =>
      ad.scope(() =>
        ad.grad((x: Tensor) =>
          ad.grad((y: Tensor) => {
            y.mul(x);
            throw boom;
          })(x),
        )(f64(1)),
      ),
    ).toThrow(boom);
    expect(ad.memory().tensors).toBe(before);
    expect(
      ad
        .grad((x: Tensor) => x.square())(f64(3))
        .item(),
    ).toBe(6);
  });

  it("refuses what it cannot do, by name", () => {
    expect(() => ad.grad((x: Tensor) => x)(f64([1, 2]))).toThrow(/grad: the function must return a scalar, it returned shape \[2\]/);
    expect(() => ad.grad((x: Tensor) => x.sum())(ad.tensor([1, 2], { dtype: "int32" }))).toThrow(ad.DTypeError);
    expect(() => ad.grad((async (x: Tensor) => x) as never)(f64(1))).toThrow(/promise/);
    expect(() => ad.grad((() => undefined) as never)(f64(1))).toThrow(/returned nothing/);
    expect(() => ad.grad((x: Tensor) => x, { argnums: 2 })(f64(1))).toThrow(/argnums 2/);
    expect(() => ad.jvp((x: Tensor) => x, [f64([1, 2])], [f64([1, 2, 3])])).toThrow(ad.ShapeError);
    expect(() => ad.vjp((x: Tensor) => x, f64([1, 2]))[1](f64([1]))).toThrow(ad.ShapeError);
    expect(() => ad.grad("f" as never)).toThrow(ad.ValueError);
  });
});

describe("vjp", () => {
  it("runs f once; the pullback may be called many times, under other transforms too", () => {
    let runs = 0;
    const f = (x: Tensor) => {
      runs++;
      return x.square();
    };
    clean(() => {
      const [out, pullback] = ad.vjp(f, f64([1, 2, 3]));
      expect(out.toArray()).toEqual([1, 4, 9]);
      expect(pullback(f64([1, 1, 1]))[0].toArray()).toEqual([2, 4, 6]);
      expect(pullback(f64([0, 1, 0]))[0].toArray()).toEqual([0, 4, 0]);
      // Linear in the cotangent: its derivative is the pullback again.
      expect(ad.jvp((ct: Tensor) => pullback(ct)[0], [f64([1, 1, 1])], [f64([1, 0, 0])])[1].toArray()).toEqual([2, 0, 0]);
      expect(
        ad
          .vmap((ct: Tensor) => pullback(ct)[0])(ad.eye(3, { dtype: "float64" }))
          .toArray(),
      ).toEqual([
        [2, 0, 0],
        [0, 4, 0],
        [0, 0, 6],
      ]);
      expect(runs).toBe(1);
      pullback.dispose();
      expect(() => pullback(f64([1, 1, 1]))).toThrow(ad.ValueError);
    });
  });

  it("is differentiable with respect to the primals of the outer transform", () => {
    clean(() => {
      const g = ad.grad((x: Tensor) =>
        ad
          .vjp((y: Tensor) => y.mul(y).mul(y), x)[1](ad.onesLike(x))[0]
          .sum(),
      );
      expect(g(f64([1, 2])).toArray()).toEqual([6, 12]);
    });
  });
});

describe("a number that the function returns", () => {
  const constant = (value: number) => () => value as unknown as Tensor;
  const outcomes: [string, (f: () => Tensor, x: Tensor) => Tensor][] = [
    ["valueAndGrad", (f, x) => ad.valueAndGrad(f)(x)[0]],
    ["vjp", (f, x) => ad.vjp(f, x)[0]],
    ["jvp", (f, x) => ad.jvp(f, [x], [ad.onesLike(x)])[0]],
    ["jvp's tangent", (f, x) => ad.jvp(f, [x], [ad.onesLike(x)])[1].add(f())],
    ["linearize", (f, x) => ad.linearize(f, x)[0]],
    ["checkpoint", (f, x) => ad.checkpoint(f)(x)],
    ["customJvp", (f, x) => ad.customJvp(f, () => [f(), f()])(x)],
    [
      "vmap",
      (f, x) =>
        ad
          .vmap(f)(x.reshape([1]))
          .at(0),
    ],
  ];
  it.each(outcomes)("has the dtype of the inputs: %s", (_, outcome) => {
    clean(() => {
      for (const value of [0.1, 16777217]) {
        const wide = outcome(constant(value), f64(1));
        expect([wide.dtype, wide.item()]).toEqual(["float64", value]);
        const narrow = outcome(constant(value), ad.tensor(1));
        expect([narrow.dtype, narrow.item()]).toEqual(["float32", Math.fround(value)]);
      }
    });
  });

  it("has the widest of several, and derivatives of the inputs' dtypes", () => {
    clean(() => {
      const [[value], gradients] = ad.valueAndGrad(() => [0.1 as unknown as Tensor, null], { hasAux: true, argnums: [0, 1] })(
        ad.tensor(1),
        f64(1),
      );
      expect([value.dtype, value.item()]).toEqual(["float64", 0.1]);
      expect(gradients.map((g) => g.dtype)).toEqual(["float32", "float64"]);
      expect(ad.jacfwd(constant(0.1))(f64([1, 2])).dtype).toBe("float64");
      expect(ad.jacrev(constant(0.1))(f64([1, 2])).dtype).toBe("float64");
    });
  });
});
