/** Transforms inside transforms. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

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
