/** Custom rules that compute with plain JavaScript: first derivatives are right, what cannot be known is refused. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const inJavaScript = (g: (v: number) => number) => (x: Tensor) => ad.tensor((x.toArray() as number[]).map(g), { dtype: "float64" });
const cube = inJavaScript((v) => v ** 3);
const slope = inJavaScript((v) => 3 * v ** 2);
const rule = { forward: (x: Tensor): [Tensor, Tensor] => [cube(x), slope(x)], backward: (s: Tensor, ct: Tensor) => [ct.mul(s)] };

const CUSTOM: [string, (x: Tensor) => Tensor, RegExp][] = [
  ["with once", ad.customVjp(cube, { ...rule, once: true }), /once: true/],
  ["without it", ad.customVjp(cube, rule), /reads numbers.*once: true/],
  ["of forward mode", ad.customJvp(cube, ([x], [t]) => [cube(x), t.mul(slope(x))]), /customJvp: the rule reads numbers.*write it with ops/],
  [
    "of forward mode for a function of ops",
    ad.customJvp(
      (x: Tensor) => x.pow(3),
      ([x], [t]) => [x.pow(3), t.mul(slope(x))],
    ),
    /customJvp: the rule reads numbers/,
  ],
];

describe.each(CUSTOM)("a rule of plain JavaScript, %s", (_, f, message) => {
  const total = (x: Tensor) => f(x).sum();

  it("has right first derivatives in all modes", () => {
    clean(() => {
      const x = f64([1, 2]);
      expect(ad.grad(total)(x).toArray()).toEqual([3, 12]);
      expect(ad.jvp(f, [x], [f64([1, 10])])[1].toArray()).toEqual([3, 120]);
      expect(
        ad
          .linearize(f, x)[1](f64([1, 10]))
          .toArray(),
      ).toEqual([3, 120]);
      expect(ad.jacrev(f)(x).toArray()).toEqual([
        [3, 0],
        [0, 12],
      ]);
    });
  });

  it("has them for parameters too, by backward() and inside a transform", () => {
    const p = ad.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    ad.scope(() => {
      total(p.mul(1)).backward();
      expect(p.grad!.toArray()).toEqual([3, 12]);
      p.zeroGrad();
      const [value, gradient] = ad.valueAndGrad(total)(p);
      expect(gradient.toArray()).toEqual([3, 12]);
      // The value is differentiated by the rule further out as well.
      value.backward();
      expect(p.grad!.toArray()).toEqual([3, 12]);
    });
  });

  it("refuses second derivatives in every way, and goes on working", () => {
    const before = ad.memory().tensors;
    const p = ad.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const x = f64([1, 2]);
    const programs = [
      () => ad.grad((y: Tensor) => ad.grad(total)(y).sum())(x),
      () => ad.hvp(total, [x], [f64([1, 1])]),
      () => ad.vhp(total, [x], [f64([1, 1])]),
      () => ad.hessian(total)(x),
      () => ad.jvp((y: Tensor) => ad.jvp(f, [y], [f64([1, 1])])[1], [x], [f64([1, 1])]),
      () => ad.grad((y: Tensor) => ad.jvp(total, [y], [f64([1, 1])])[1])(x),
      () => {
        total(p).backward(undefined, { createGraph: true });
        const g = p.grad!;
        p.zeroGrad();
        g.sum().backward();
      },
    ];
    for (const program of programs) {
      expect(() => ad.scope(program)).toThrow(ad.NotDifferentiableError);
      p.zeroGrad();
      expect(() => ad.scope(program)).toThrow(message);
      p.zeroGrad();
    }
    p.dispose();
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
});

describe("a rule of ops", () => {
  it("may read numbers to decide, and has second derivatives", () => {
    clean(() => {
      const f = ad.customVjp((x: Tensor) => x.pow(3), {
        forward: (x: Tensor) => (x.item() > 0 ? [x.pow(3), x] : [x.mul(0), x]),
        backward: (x: Tensor, ct: Tensor) => [ct.mul(x.square()).mul(3)],
      });
      expect(ad.grad(ad.grad(f))(f64(2)).item()).toBe(12);
    });
  });

  it("of forward mode may do so too", () => {
    clean(() => {
      const f = ad.customJvp(
        (x: Tensor) => x.pow(3),
        ([x], [t]) => (x.item() > 0 ? [x.pow(3), t.mul(x.square()).mul(3)] : [x.mul(0), t.mul(0)]),
      );
      const x = f64(2);
      expect(ad.grad(ad.grad(f))(x).item()).toBe(12);
      expect(ad.hessian(f)(x).item()).toBe(12);
      expect(ad.jvp((y: Tensor) => ad.jvp(f, [y], [f64(1)])[1], [x], [f64(1)])[1].item()).toBe(12);
      expect(
        ad
          .grad((y: Tensor) => ad.jvp(f, [y], [f64(1)])[1])(x)
          .item(),
      ).toBe(12);
    });
  });

  it("of forward mode is refused behind another function, whose tangent has a derivative of its own", () => {
    const h = ad.customJvp(
      (x: Tensor) => x.exp(),
      ([x], [t]) => [x.exp(), t.mul(Math.exp(x.item()))],
    );
    const seconds: (() => unknown)[] = [
      () => ad.hessian((x: Tensor) => h(x.square()))(f64(1)),
      () => ad.jvp((y: Tensor) => ad.jvp((x: Tensor) => h(x.square()), [y], [f64(1)])[1], [f64(1)], [f64(1)]),
    ];
    for (const second of seconds) expect(() => ad.scope(() => void second())).toThrow(ad.NotDifferentiableError);
    clean(() =>
      expect(
        ad
          .grad((x: Tensor) => h(x.square()))(f64(1))
          .item(),
      ).toBeCloseTo(2 * Math.E, 12),
    );
  });

  it("of forward mode that reads its tangent is refused in reverse mode", () => {
    const f = ad.customJvp(
      (x: Tensor) => x.mul(2),
      ([x], [t]) => [x.mul(2), f64(2 * t.item())],
    );
    clean(() => expect(ad.jvp(f, [f64(1)], [f64(3)])[1].item()).toBe(6));
    expect(() => ad.scope(() => ad.grad(f)(f64(1)))).toThrow(/reads numbers of a tangent/);
  });

  it("that reads its cotangent is refused where it would have to be transposed", () => {
    const f = ad.customVjp(cube, {
      forward: (x: Tensor) => [cube(x), x.toArray()],
      backward: (x: number[], ct: Tensor) => [f64((ct.toArray() as number[]).map((c, i) => 3 * c * x[i]! ** 2))],
      once: true,
    });
    clean(() =>
      expect(
        ad
          .grad((x: Tensor) => f(x).sum())(f64([1, 2]))
          .toArray(),
      ).toEqual([3, 12]),
    );
    expect(() => ad.scope(() => ad.jvp(f, [f64([1, 2])], [f64([1, 1])]))).toThrow(/backward reads numbers/);
    expect(() => ad.scope(() => ad.hvp((x: Tensor) => f(x).sum(), [f64([1, 2])], [f64([1, 1])]))).toThrow(ad.NotDifferentiableError);
  });

  it("that reads its residuals in backward has first derivatives, and no second ones", () => {
    const square = (x: Tensor) => x.square().sum();
    const of = (backward: (x: Tensor, ct: Tensor) => [Tensor]) =>
      ad.customVjp(square, { forward: (x: Tensor) => [square(x), x], backward });
    const reading = of((x, ct) => [ct.mul(f64((x.toArray() as number[]).map((v) => 2 * v)))]);
    const branching = of((x, ct) => [x.at(0).item() > 0 ? x.mul(ct).mul(2) : x.mul(2).mul(ct)]);
    const second: [string, (f: (x: Tensor) => Tensor) => unknown][] = [
      ["forward over reverse", (f) => ad.jacfwd(ad.jacrev(f))(f64([3, 1]))],
      ["reverse over reverse", (f) => ad.jacrev(ad.jacrev(f))(f64([3, 1]))],
      ["forward over forward", (f) => ad.jacfwd(ad.jacfwd(f))(f64([3, 1]))],
      ["reverse over forward", (f) => ad.jacrev(ad.jacfwd(f))(f64([3, 1]))],
      ["of its square", (f) => ad.hessian((x: Tensor) => f(x).square())(f64([3, 1]))],
    ];
    clean(() => {
      for (const f of [reading, branching])
        expect(
          ad
            .grad(f)(f64([3, 1]))
            .toArray(),
        ).toEqual([6, 2]);
      for (const [name, derivative] of second.slice(0, 4)) {
        expect((derivative(branching) as Tensor).toArray(), name).toEqual([
          [2, 0],
          [0, 2],
        ]);
      }
    });
    for (const [name, derivative] of second) expect(() => ad.scope(() => derivative(reading)), name).toThrow(/reads numbers.*once: true/);
  });

  it("may be an instance of a class", () => {
    class Cube {
      readonly name = "cube";
      forward(x: Tensor): [Tensor, Tensor] {
        return [x.pow(3), x];
      }
      backward(x: Tensor, ct: Tensor): Tensor[] {
        return [ct.mul(x.square()).mul(3)];
      }
    }
    clean(() =>
      expect(
        ad
          .grad(ad.customVjp((x: Tensor) => x.pow(3), new Cube()))(f64(2))
          .item(),
      ).toBe(12),
    );
  });

  it("with an unknown option is refused", () => {
    expect(() => ad.customVjp(cube, { ...rule, once: "yes" } as never)).toThrow(/once must be true or false/);
    expect(() => ad.customVjp(cube, { ...rule, onec: true } as never)).toThrow(/unknown option "onec".*once/);
  });
});
