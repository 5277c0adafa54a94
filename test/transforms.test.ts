/** Transforms and their nestings. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
type Scalar = (x: Tensor) => Tensor;

/** d/dx of a scalar function of a scalar, in each mode. */
const MODES: [string, (f: Scalar) => Scalar][] = [
  ["reverse", (f) => ad.grad(f)],
  ["forward", (f) => (x) => ad.jvp(f, [x], [ad.onesLike(x)])[1]],
  ["pullback", (f) => (x) => ad.vjp(f, x)[1](ad.onesLike(x))[0]],
];

describe("the worked examples of the classic lecture", () => {
  const loss = (w: Tensor) => {
    const [x, y, lambda] = [f64([1, 2]), 0, 5];
    const a = w.dot(x);
    return a.sub(y).square().add(w.dot(w).mul(lambda));
  };

  it("L(w) = (w·x - y)² + λ w·w, in reverse", () => {
    clean(() => {
      const [value, gradient] = ad.valueAndGrad(loss)(f64([3, 4]));
      expect(value.item()).toBe(246);
      expect(gradient.toArray()).toEqual([52, 84]);
    });
  });

  it("the same node by node, with every adjoint", () => {
    const w = ad.tensor([3, 4], { dtype: "float64", requiresGrad: true });
    const a = w.dot(f64([1, 2])).retainGrad();
    const d = w.dot(w).retainGrad();
    const b = a.sub(0).retainGrad();
    const c = b.square().retainGrad();
    const e = d.mul(5).retainGrad();
    const L = c.add(e).retainGrad();
    L.backward();
    expect([a, d, b, e, c, L].map((t) => t.item())).toEqual([11, 25, 11, 125, 121, 246]);
    expect([L, c, b, d, a].map((t) => t.grad!.item())).toEqual([1, 1, 22, 5, 22]);
    expect(e.grad!.item()).toBe(1);
    expect(w.grad!.toArray()).toEqual([52, 84]);
  });

  it("the same in forward mode, with every tangent", () => {
    ad.dualLevel(() => {
      const w = ad.makeDual(f64([3, 4]), f64([1, 0]));
      const tangent = (t: Tensor) => ad.unpackDual(t).tangent!.item();
      const a = w.dot(f64([1, 2]));
      const d = w.dot(w);
      const c = a.square();
      const e = d.mul(5);
      expect([a, d, c, e, c.add(e)].map(tangent)).toEqual([1, 6, 22, 30, 52]);
    });
  });

  it("f = x² + xy at (2, 3) by backward() and by dual numbers", () => {
    const [x, y] = [2, 3].map((v) => ad.tensor(v, { requiresGrad: true }));
    const f = x!.square().add(x!.mul(y!));
    f.backward();
    expect([f.item(), x!.grad!.item(), y!.grad!.item()]).toEqual([10, 7, 2]);
    const slopes = [
      [1, 0],
      [0, 1],
    ].map(([dx, dy]) =>
      ad.dualLevel(() => {
        const [a, b] = [ad.makeDual(2, dx!), ad.makeDual(3, dy!)];
        return ad.unpackDual(a.mul(a).add(a.mul(b))).tangent!.item();
      }),
    );
    expect(slopes).toEqual([7, 2]);
  });
});

describe("nesting", () => {
  it.each(MODES)("second and third order, %s outermost", (_, outer) => {
    for (const [, middle] of MODES) {
      for (const [, inner] of MODES) {
        clean(() => {
          const x = f64(0.7);
          const t = Math.tanh(0.7);
          const second = outer(middle((v) => v.tanh()))(x).item();
          expect(second).toBeCloseTo(-2 * t * (1 - t * t), 13);
          const third = outer(middle(inner((v) => v.mul(v).mul(v).mul(v.exp()))))(x).item();
          expect(third).toBeCloseTo(Math.exp(0.7) * (0.343 + 9 * 0.49 + 18 * 0.7 + 6), 9);
        });
      }
    }
  });

  it("no perturbation confusion, in any pair of modes", () => {
    for (const [, outer] of MODES) {
      for (const [, inner] of MODES) {
        clean(() => {
          const at = (f: Scalar, x: number) => outer(f)(f64(x)).item();
          expect(at((x) => x.mul(inner((y) => x.add(y))(f64(5))), 3)).toBe(1);
          expect(at((x) => x.mul(inner((y) => x.mul(y))(f64(5))), 3)).toBe(6);
          expect(at((x) => x.mul(inner((y) => y.mul(y))(x)), 3)).toBe(12);
          // A closure over the outer value inside a function of the inner one.
          expect(at((x) => inner((y) => y.mul(x).sin())(x.mul(2)), 0.3)).toBeCloseTo(Math.cos(0.18) - 0.3 * Math.sin(0.18) * 4 * 0.3, 12);
        });
      }
    }
  });

  it("native control flow on values works at every depth", () => {
    const steps = (x: Tensor): Tensor => {
      let y = x;
      for (let i = 0; i < 3; i++) y = y.item() > 1 ? y.sqrt() : y.mul(3);
      return y.gt(0.5).item() ? y : y.neg();
    };
    clean(() => {
      // 2 -> √2 -> 2^(1/4) -> 2^(1/8)
      const expected = 2 ** (-7 / 8) / 8;
      for (const [, mode] of MODES) expect(mode(steps)(f64(2)).item()).toBeCloseTo(expected, 13);
      expect(ad.grad(ad.grad(steps))(f64(2)).item()).toBeCloseTo(((-7 / 8) * 2 ** (-15 / 8)) / 8, 13);
    });
  });

  it("Hessian-vector products three ways", () => {
    clean(() => {
      const f = (x: Tensor) => x.sin().mul(x.roll(1)).sum();
      const [x, v] = [f64([0.1, 0.5, -0.3]), f64([1, -2, 0.5])];
      const [gradient, product] = ad.hvp(f, [x], [v]);
      const reverseOverReverse = ad.vhp(f, [x], [v])[1];
      const reverseOverForward = ad.grad((y: Tensor) => ad.jvp(f, [y], [v])[1])(x);
      const whole = ad.hessian(f)(x).matmul(v);
      for (const other of [reverseOverReverse, reverseOverForward, whole]) {
        expect(other.sub(product).abs().max().item()).toBeLessThan(1e-14);
      }
      expect(gradient.toArray()).toEqual(ad.grad(f)(x).toArray());
    });
  });
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

describe("vmap", () => {
  it("maps trees, axes and nested maps", () => {
    clean(() => {
      const xs = f64([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(
        ad
          .vmap((x: Tensor) => x.sum())(xs)
          .toArray(),
      ).toEqual([6, 15]);
      expect(
        ad
          .vmap((x: Tensor) => x.sum(), { inAxes: 1 })(xs)
          .toArray(),
      ).toEqual([5, 7, 9]);
      expect(ad.vmap((x: Tensor) => x.mul(2), { outAxes: 1 })(xs).shape).toEqual([3, 2]);
      expect(
        ad
          .vmap(ad.vmap((x: Tensor) => x.square()))(xs)
          .toArray(),
      ).toEqual([
        [1, 4, 9],
        [16, 25, 36],
      ]);
      const { a, b } = ad.vmap((p: { x: Tensor }, w: Tensor) => ({ a: p.x.mul(w).sum(), b: w }), { inAxes: [0, null] })(
        { x: xs },
        f64([1, 0, 1]),
      );
      expect(a.toArray()).toEqual([4, 10]);
      expect(b.shape).toEqual([2, 3]);
      // Outer product by two maps.
      const outer = ad.vmap((x: Tensor) => ad.vmap((y: Tensor) => x.mul(y))(f64([1, 2])))(f64([3, 4, 5]));
      expect(outer.toArray()).toEqual([
        [3, 6],
        [4, 8],
        [5, 10],
      ]);
    });
  });

  it("gives per-example gradients", () => {
    clean(() => {
      const loss = (w: Tensor, x: Tensor) => w.mul(x).tanh().sum();
      const [w, xs] = [
        f64([0.3, -0.2]),
        f64([
          [1, 2],
          [3, 4],
          [-1, 0.5],
        ]),
      ];
      const mapped = ad
        .vmap(ad.grad(loss), { inAxes: [null, 0] })(w, xs)
        .toArray();
      const looped = [0, 1, 2].map((i) => ad.grad(loss)(w, xs.at(i)).toArray());
      expect(mapped).toEqual(looped);
      const gradOfMap = ad
        .grad((v: Tensor) =>
          ad
            .vmap(loss, { inAxes: [null, 0] })(v, xs)
            .sum(),
        )(w)
        .toArray() as number[];
      gradOfMap.forEach((v, i) => expect(v).toBeCloseTo(looped[0]![i] + looped[1]![i] + looped[2]![i], 13));
    });
  });

  it("draws by split keys, one per example", () => {
    clean(() => {
      const keys = ad.random.split(ad.random.key(3), 4);
      const mapped = ad
        .vmap((k: Tensor) => ad.random.normal(k, [2]))(keys)
        .toArray();
      expect(mapped).toEqual([0, 1, 2, 3].map((i) => ad.random.normal(keys.at(i), [2]).toArray()));
    });
  });

  it("refuses reading values and axes that disagree", () => {
    const xs = f64([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(() => ad.vmap((x: Tensor) => (x.sum().item() > 0 ? x : x.neg()))(xs)).toThrow(ad.TracedValueError);
    expect(() => ad.vmap((x: Tensor, y: Tensor) => x.add(y))(xs, f64([1, 2]))).toThrow(/batch axes of different sizes/);
    expect(() => ad.vmap((x: Tensor) => x, { inAxes: 5 })(xs)).toThrow(ad.IndexError);
    expect(() => ad.vmap((x: Tensor) => x, { inAxes: null })(xs)).toThrow(/no argument is mapped/);
    xs.dispose();
  });
});

describe("Jacobians", () => {
  it("agree in both modes, chunked and not, for shapes and trees", () => {
    clean(() => {
      const f = (x: Tensor) => ({ a: x.square().sum(1), b: [x.T] });
      const x = f64([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      const reference = ad.jacfwd(f)(x);
      expect(reference.a.shape).toEqual([2, 2, 3]);
      expect(reference.b[0]!.shape).toEqual([3, 2, 2, 3]);
      expect(reference.a.toArray()).toEqual([
        [
          [2, 4, 6],
          [0, 0, 0],
        ],
        [
          [0, 0, 0],
          [8, 10, 12],
        ],
      ]);
      const all = [
        ad.jacrev(f)(x),
        ad.jacfwd(f, { chunkSize: 4 })(x),
        ad.jacrev(f, { chunkSize: 1 })(x),
        ad.jacobian(f)(x),
        ad.jacobian(f, { mode: "forward" })(x),
      ];
      for (const other of all)
        expect(ad.tree.map((t: Tensor) => t.toArray(), other)).toEqual(ad.tree.map((t: Tensor) => t.toArray(), reference));
    });
  });

  it("take several arguments and aux", () => {
    clean(() => {
      const f = (x: Tensor, y: Tensor) => x.outer(y);
      const [jx, jy] = ad.jacrev(f, { argnums: [0, 1] })(f64([1, 2]), f64([3, 4, 5]));
      expect([jx.shape, jy.shape]).toEqual([
        [2, 3, 2],
        [2, 3, 3],
      ]);
      const [j, aux] = ad.jacfwd((x: Tensor) => [x.square(), x.sum()], { hasAux: true })(f64([1, 2]));
      expect([j.toArray(), aux.item()]).toEqual([
        [
          [2, 0],
          [0, 4],
        ],
        3,
      ]);
    });
  });

  it("refuse unknown modes and chunk sizes", () => {
    expect(() => ad.jacobian((x: Tensor) => x, { mode: "sideways" as never })).toThrow(ad.ValueError);
    expect(() => ad.jacfwd((x: Tensor) => x, { chunkSize: 0 })(f64([1]))).toThrow(ad.ValueError);
  });
});

describe("custom rules", () => {
  const cube = ad.customVjp((x: Tensor) => x.mul(x).mul(x), {
    forward: (x: Tensor) => [x.mul(x).mul(x), x],
    // Deliberately ten times the derivative, so that the rule shows.
    backward: (x: Tensor, ct: Tensor) => [ct.mul(x.square()).mul(30)],
  });
  const square = ad.customJvp(
    (x: Tensor) => x.square(),
    ([x], [t]) => [x.square(), x.mul(t).mul(20)],
  );

  it("are used in both modes, under vmap and nested", () => {
    clean(() => {
      expect(ad.grad(cube)(f64(2)).item()).toBe(120);
      expect(ad.jvp(cube, [f64(2)], [f64(1)])[1].item()).toBe(120);
      expect(ad.grad(ad.grad(cube))(f64(2)).item()).toBe(120);
      expect(
        ad
          .vmap(ad.grad(cube))(f64([1, 2]))
          .toArray(),
      ).toEqual([30, 120]);
      expect(
        ad
          .grad((x: Tensor) => ad.vmap(cube)(x).sum())(f64([1, 2]))
          .toArray(),
      ).toEqual([30, 120]);
      expect(ad.grad(square)(f64(3)).item()).toBe(60);
      expect(ad.jvp(square, [f64(3)], [f64(1)])[1].item()).toBe(60);
      expect(
        ad
          .vmap(ad.grad(square))(f64([1, 2]))
          .toArray(),
      ).toEqual([20, 40]);
      expect(ad.hessian(square)(f64(3)).item()).toBe(20);
    });
  });

  it("work with backward(), and may call grad inside", () => {
    const x = ad.tensor(2, { dtype: "float64", requiresGrad: true });
    ad.scope(() => cube(x).backward());
    expect(x.grad!.item()).toBe(120);
    const f = ad.customVjp((y: Tensor) => y.sin(), {
      forward: (y: Tensor) => [y.sin(), y],
      backward: (y: Tensor, ct: Tensor) => [ct.mul(ad.grad((z: Tensor) => z.sin())(y))],
    });
    clean(() => expect(ad.grad(f)(f64(0.3)).item()).toBeCloseTo(Math.cos(0.3), 15));
  });

  it("that throw or return the wrong thing are reported, and the engine goes on", () => {
    const before = ad.memory().tensors;
    const boom = new Error("in the rule");
    const rule = (backward: (...args: any[]) => any) =>
      ad.customVjp((x: Tensor) => x.mul(2), { forward: (x: Tensor) => [x.mul(2), null], backward });
    expect(() =>
      ad.scope(() =>
        ad.grad(
          rule(() => {
            throw boom;
          }),
        )(f64(1)),
      ),
    ).toThrow(boom);
    expect(() => ad.scope(() => ad.grad(rule(() => []))(f64(1)))).toThrow(ad.ValueError);
    expect(() => ad.scope(() => ad.grad(rule(() => [f64([1, 2])]))(f64(1)))).toThrow(ad.ShapeError);
    expect(() => ad.scope(() => ad.grad(rule(() => [{ a: f64(1) }]))(f64(1)))).toThrow(ad.ValueError);
    expect(() => ad.customVjp((x: Tensor) => x, {} as never)).toThrow(ad.ValueError);
    expect(ad.memory().tensors).toBe(before);
    clean(() => expect(ad.grad(cube)(f64(1)).item()).toBe(30));
  });

  it("checkpoint recomputes and gives the same derivatives, nested too", () => {
    clean(() => {
      let runs = 0;
      const block = (x: Tensor) => {
        runs++;
        return x.sin().mul(x).tanh();
      };
      const plain = (x: Tensor) => block(block(x)).sum();
      const saved = (x: Tensor) =>
        ad
          .checkpoint((y: Tensor) => ad.checkpoint(block)(block(y)))(x)
          .sum();
      const x = f64([0.3, 1.2]);
      const [expected, before] = [ad.grad(plain)(x).toArray(), runs];
      runs = 0;
      expect(ad.grad(saved)(x).toArray()).toEqual(expected);
      expect(runs).toBeGreaterThan(before);
      const second = ad.hessian(plain)(x).toArray();
      const again = ad.hessian(saved)(x).toArray() as number[][];
      again.flat().forEach((v, i) => expect(v).toBeCloseTo((second as number[][]).flat()[i]!, 13));
    });
  });
});

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
