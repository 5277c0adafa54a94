/** Mixed mode, sparse derivatives, symbolic and numerical differentiation, debugging. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const near = (got: Tensor, expected: Tensor, tolerance = 1e-12) => expect(got.sub(expected).abs().max().item()).toBeLessThan(tolerance);

describe("chainJacobian", () => {
  const layer = (rows: number, columns: number, seed: number) => {
    const w = ad.random.normal(ad.random.key(seed), [rows, columns], { dtype: "float64" }).mul(1 / Math.sqrt(columns));
    return (x: Tensor) => w.matmul(x).tanh();
  };
  const chain = (sizes: number[]) => sizes.slice(1).map((n, i) => layer(n, sizes[i]!, i + 1));

  it.each([[[3, 40, 3]], [[40, 3, 40]], [[5, 5, 5, 5]], [[30, 20, 10, 2]], [[2, 10, 20, 30]], [[20, 2, 20, 2, 20]], [[4, 7]]])(
    "equals the plain Jacobian for sizes %o",
    (sizes) => {
      clean(() => {
        const stages = chain(sizes);
        const x = ad.random.normal(ad.random.key(9), [sizes[0]!], { dtype: "float64" });
        const whole = (y: Tensor) => stages.reduce((z, f) => f(z), y);
        const reference = ad.jacrev(whole)(x);
        const jacobian = ad.chainJacobian(stages);
        expect(jacobian.plan).toBeNull();
        near(jacobian(x), reference);
        const { cost, forwardCost, reverseCost, sizes: found, modes } = jacobian.plan!;
        expect(found).toEqual(sizes);
        expect(modes.length).toBe(stages.length);
        expect(cost).toBeLessThanOrEqual(Math.min(forwardCost, reverseCost));
        for (const forced of [stages.map(() => "forward" as const), stages.map(() => "reverse" as const)]) {
          const by = ad.chainJacobian(stages, { modes: forced });
          near(by(x), reference);
          expect(by.plan!.modes).toEqual(forced);
          expect(by.plan!.cost).toBeGreaterThanOrEqual(cost);
        }
      });
    },
  );

  it("goes through a narrow middle by reverse inside and forward outside, a wide one the other way round", () => {
    clean(() => {
      const x = (n: number) => ad.ones([n], { dtype: "float64" });
      const narrow = ad.chainJacobian(chain([60, 2, 60]));
      narrow(x(60));
      expect(narrow.plan!.modes).toEqual(["reverse", "forward"]);
      expect(narrow.plan!.cost * 3).toBeLessThan(Math.min(narrow.plan!.forwardCost, narrow.plan!.reverseCost));
      const wide = ad.chainJacobian(chain([2, 60, 2]));
      wide(x(2));
      expect(wide.plan!.modes[0]).toBe("forward");
    });
  });

  it("refuses wrong modes", () => {
    expect(() => ad.chainJacobian([])).toThrow(ad.ValueError);
    expect(() => ad.chainJacobian([(x) => x], { modes: ["up" as never] })).toThrow(/modes/);
    expect(() => ad.chainJacobian([(x) => x], { modes: ["forward", "forward"] })).toThrow(/modes/);
  });
});

const dense = (m: ReturnType<ReturnType<typeof ad.sparseJacobian>>): number[][] => {
  const out = Array.from({ length: m.shape[0] }, () => new Array<number>(m.shape[1]).fill(0));
  const values = m.values.data();
  m.rows.forEach((r, i) => (out[r]![m.cols[i]!] = values[i]!));
  return out;
};

describe("sparse derivatives", () => {
  const tridiagonal = (x: Tensor) => {
    const n = x.size;
    const inner = x.slice([1], [n]).sub(x.slice([0], [n - 1]));
    const flux = inner.mul(inner).mul(inner);
    return ad.concat([flux, ad.zeros([1], { dtype: x.dtype })]).sub(ad.concat([ad.zeros([1], { dtype: x.dtype }), flux]));
  };

  it("a tridiagonal Jacobian takes three passes, whatever its size", () => {
    clean(() => {
      const small = f64([0.1, 0.5, -0.3, 0.9, 0.2]);
      const jacobian = ad.sparseJacobian(tridiagonal);
      expect(dense(jacobian(small))).toEqual(ad.jacfwd(tridiagonal)(small).toArray());
      const large = ad.random.uniform(ad.random.key(1), [10_000], { dtype: "float64" });
      expect(jacobian.passes(large)).toBe(3);
      const m = jacobian(large);
      expect(m.shape).toEqual([10_000, 10_000]);
      expect(m.values.size).toBe(29_998);
      const v = ad.random.uniform(ad.random.key(2), [10_000], { dtype: "float64" });
      const product = ad.zeros([10_000], { dtype: "float64" }).indexAdd(0, ad.tensor(m.rows), m.values.mul(v.take(ad.tensor(m.cols), 0)));
      near(product, ad.jvp(tridiagonal, [large], [v])[1]);
    });
  });

  it("arrows take the right side", () => {
    clean(() => {
      const n = 50;
      // One output depends on all inputs, the others on one each: rows are many colours, columns two... or the other way round.
      const down = (x: Tensor) => ad.concat([x.sum().reshape([1]), x.square().slice([1], [n])]);
      const across = (x: Tensor) => x.square().add(x.at(0));
      const x = ad.random.uniform(ad.random.key(3), [n], { dtype: "float64" });
      for (const f of [down, across]) {
        const jacobian = ad.sparseJacobian(f);
        expect(jacobian.passes(x)).toBeLessThanOrEqual(2);
        expect(dense(jacobian(x))).toEqual(ad.jacrev(f)(x).toArray());
      }
    });
  });

  it("patterns follow every kind of op", () => {
    clean(() => {
      const x = ad.random.uniform(ad.random.key(4), [2, 3], { dtype: "float64", minval: 0.5, maxval: 1.5 });
      const w = f64([
        [1, 0, 0],
        [0, 2, 0],
        [0, 1, 1],
      ]);
      const functions: ((x: Tensor) => Tensor)[] = [
        (x) => x.T.sin(),
        (x) => x.matmul(w),
        (x) => x.sum(0),
        (x) => x.softmax(1),
        (x) => x.cumsum(1).flip(0),
        (x) =>
          x.take([0, 0, 1], 0).pad([
            [1, 0],
            [0, 1],
          ]),
        (x) => ad.where(x.gt(1), x.square(), 0),
        (x) =>
          x.gather(1, [
            [2, 0],
            [1, 1],
          ]),
        (x) => x.max(1).outer(f64([1, 2])),
        (x) => x.sort(1),
        (x) => x.slice([0, 0], [2, 3], [1, 2]).mul(x.at(0, 1)),
        (x) => x.diag().cumprod(),
        (x) => x.matmul(x.T),
      ];
      for (const f of functions) {
        expect(
          dense(ad.sparseJacobian(f)(x))
            .flat()
            .map((v) => v.toFixed(10)),
        ).toEqual((ad.jacrev(f)(x).reshape([-1, 6]).toArray() as number[][]).flat().map((v) => v.toFixed(10)));
      }
      const sparsity = ad.jacobianSparsity((x: Tensor) => x.matmul(w))(x);
      expect(sparsity.rows.length).toBe(8);
    });
  });

  it("Hessians by star colouring, in csr too", () => {
    clean(() => {
      const chained = (x: Tensor) => {
        const d = x.slice([1], [x.size]).sub(x.slice([0], [x.size - 1]).square());
        return d.square().sum().mul(100).add(x.sub(1).square().sum());
      };
      const x = ad.random.uniform(ad.random.key(5), [12], { dtype: "float64" });
      const hessian = ad.sparseHessian(chained);
      near(f64(dense(hessian(x))), ad.hessian(chained)(x), 1e-10);
      expect(hessian.passes(ad.random.uniform(ad.random.key(6), [2000], { dtype: "float64" }))).toBeLessThanOrEqual(3);
      const csr = ad.sparseHessian(chained, { format: "csr" })(x);
      expect(csr.rows.length).toBe(13);
      expect(csr.rows[12]).toBe(csr.cols.length);
      // An arrow: one variable in every term.
      const arrow = (x: Tensor) => x.at(0).mul(x.square()).sum();
      near(f64(dense(ad.sparseHessian(arrow)(x))), ad.hessian(arrow)(x), 1e-12);
      expect(ad.sparseHessian(arrow).passes(x)).toBeLessThanOrEqual(2);
    });
  });

  it("given patterns are used, and checked", () => {
    clean(() => {
      const x = f64([1, 2, 3]);
      const pattern = { rows: Int32Array.of(0, 1, 2), cols: Int32Array.of(0, 1, 2), shape: [3, 3] as const };
      expect(dense(ad.sparseJacobian((v: Tensor) => v.square(), { pattern })(x))).toEqual([
        [2, 0, 0],
        [0, 4, 0],
        [0, 0, 6],
      ]);
      expect(() => ad.sparseJacobian((v: Tensor) => v.cumsum(), { pattern })(x)).toThrow(/leaves out/);
      expect(() => ad.sparseJacobian((v: Tensor) => v.slice([0], [2]), { pattern })(x)).toThrow(ad.ShapeError);
      expect(() => ad.sparseJacobian((v: Tensor) => v, { pattern: { ...pattern, cols: Int32Array.of(0, 1, 7) } })).toThrow(ad.ValueError);
      expect(() => ad.sparseJacobian((v: Tensor) => v, { format: "dense" as never })).toThrow(ad.ValueError);
    });
  });
});

describe("symbolic", () => {
  it("reads, differentiates, prints and evaluates", () => {
    clean(() => {
      const e = ad.symbolic((x: Tensor) => x.square().mul(x.sin()).add(x.exp()))(f64(2));
      expect(e.toString()).toBe("x^2 * sin(x) + exp(x)");
      const d = e.derivative("x");
      expect(d.toString()).toBe("2 * x * sin(x) + x^2 * cos(x) + exp(x)");
      expect(d.evaluate({ x: 2 })).toBeCloseTo(4 * Math.sin(2) + 4 * Math.cos(2) + Math.exp(2), 12);
      expect(e.toLatex()).toBe("x^{2} \\sin\\left(x\\right) + e^{x}");
      expect(() => d.evaluate({})).toThrow(/variable x/);
      const both = ad.symbolic((x: Tensor, y: Tensor) => x.mul(y).add(x.div(y)))(f64(1), f64(2));
      expect(both.derivative("y").simplify().toString()).toBe("x - x / y^2");
      expect(
        ad
          .symbolic((x: Tensor) => x.sin().square().add(x.cos().square()))(f64(1))
          .simplify()
          .toString(),
      ).toBe("1");
      const vector = ad.symbolic((w: Tensor) => w.square().sum(), { names: ["w"] })(f64([1, 2]));
      expect(vector.toString()).toBe("w[0]^2 + w[1]^2");
      expect(vector.derivative("w[1]").toString()).toBe("2 * w[1]");
    });
  });

  it("agrees with automatic differentiation, to second order", () => {
    clean(() => {
      const functions: ((x: Tensor) => Tensor)[] = [
        (x) => x.tanh().mul(x),
        (x) => x.sigmoid().log(),
        (x) => x.softplus().sqrt(),
        (x) => x.atan().div(x.add(2)),
        (x) => x.pow(3).sub(x.reciprocal()),
        (x) => x.gelu(),
        (x) => x.silu(),
        (x) => ad.where(x.gt(0.5), x.square(), x),
        (x) => x.maximum(x.square()),
        (x) => x.erf().mul(x.log1p()),
        (x) => ad.stack([x, x.square()]).logsumexp(),
        (x) => ad.stack([x, x.exp()]).prod(),
      ];
      for (const f of functions) {
        const [x, at] = [f64(0.8), { x: 0.8 }];
        const e = ad.symbolic(f)(x);
        expect(e.evaluate(at)).toBeCloseTo(f(x).item(), 12);
        expect(e.derivative("x").evaluate(at)).toBeCloseTo(ad.grad(f)(x).item(), 11);
        expect(e.derivative("x").derivative("x").simplify().evaluate(at)).toBeCloseTo(ad.grad(ad.grad(f))(x).item(), 10);
      }
      expect(() => ad.symbolic((x: Tensor) => x.sort())(f64([1, 2]))).toThrow(ad.ValueError);
    });
  });
});

describe("numerical differentiation", () => {
  it("has the order each method promises", () => {
    clean(() => {
      const f = (x: Tensor) => x.sin().mul(x).sum();
      const x = f64([0.3, 1.2]);
      const exact = ad.grad(f)(x);
      const off = (g: Tensor) => g.sub(exact).abs().max().item();
      expect(off(ad.numericalGrad(f, { method: "forward" })(x))).toBeLessThan(1e-6);
      expect(off(ad.numericalGrad(f)(x))).toBeLessThan(1e-9);
      const [value, error] = ad.numericalGrad(f, { method: "richardson", withError: true })(x);
      expect(off(value)).toBeLessThan(1e-11);
      expect(off(value)).toBeLessThanOrEqual(error.max().item() * 10 + 1e-13);
      const J = ad.numericalJacobian((y: Tensor) => y.outer(y))(x);
      expect(J.shape).toEqual([2, 2, 2]);
      near(J, ad.jacrev((y: Tensor) => y.outer(y))(x), 1e-8);
      const tree = ad.numericalGrad((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b).sum())({ a: f64([1, 2]), b: f64(3) });
      expect(tree.b.item()).toBeCloseTo(3, 8);
      expect(
        off(
          ad
            .numericalGrad(f)(ad.tensor([0.3, 1.2]))
            .cast("float64"),
        ),
      ).toBeLessThan(1e-2);
      expect(() => ad.numericalGrad(f, { method: "magic" as never })(x)).toThrow(ad.ValueError);
      expect(() => ad.numericalGrad((y: Tensor) => y)(x)).toThrow(ad.ShapeError);
    });
  });
});

describe("the complex step", () => {
  it("agrees to the last digits where it applies", () => {
    clean(() => {
      const x = f64([0.3, -0.7, 1.1]);
      for (const f of [
        (x: Tensor) => x.sin().mul(x.exp()).sum(),
        (x: Tensor) => x.tanh(),
        (x: Tensor) => x.square().add(1).log().sqrt(),
        (x: Tensor) => x.sigmoid().mul(x.cos()),
        (x: Tensor) => x.pow(3).div(x.square().add(2)),
        (x: Tensor) => ad.where(x.gt(0), x.sinh(), x.cosh()),
        (x: Tensor) => x.softplus().atan(),
        (x: Tensor) => x.tan().abs().sum(),
        (x: Tensor) => x.erf(),
        (x: Tensor) => x.softmax(0),
        (x: Tensor) => x.asinh().cbrt().logsumexp(),
      ]) {
        expect(ad.gradcheck(f, [x], { complexStep: true })).toBe(true);
      }
      const wrong = ad.customVjp((v: Tensor) => v.sin(), {
        forward: (v: Tensor) => [v.sin(), v],
        backward: (v: Tensor, ct: Tensor) => [ct.mul(v.cos()).mul(1 + 1e-9)],
      });
      // Below what differences can see.
      expect(ad.gradcheck(wrong, [x])).toBe(true);
      expect(() => ad.gradcheck(wrong, [x], { complexStep: true })).toThrow(ad.GradcheckError);
      expect(() => ad.gradcheck((v: Tensor) => v.sort(), [x], { complexStep: true })).toThrow(/no expression/);
    });
  });
});

describe("debugging", () => {
  it("names the op that made the first NaN, and the line, forward and backward", () => {
    const x = f64([-1, 4]);
    const forward = () => ad.detectAnomaly(() => x.sqrt().sum());
    expect(forward).toThrow(ad.AnomalyError);
    expect(forward).toThrow(/sqrt.*calculus\.test\.ts/s);
    // The value is fine; in the derivative √'(0) = ∞ comes back along both ways of v - v, once with each sign.
    const backward = () => ad.scope(() => ad.detectAnomaly(() => ad.grad((v: Tensor) => v.mul(v.sub(v)).sqrt().sum())(f64([0, 4]))));
    expect(backward).toThrow(ad.AnomalyError);
    expect(backward).toThrow(/sub: its derivative made the first NaN of the backward pass[\s\S]*recorded at .*calculus\.test\.ts/);
    expect(ad.detectAnomaly(() => 3)).toBe(3);
    x.dispose();
  });

  it("debugNaNs stays on until switched off", () => {
    const x = f64([-1]);
    ad.debugNaNs(true);
    try {
      expect(() => x.log()).toThrow(ad.AnomalyError);
    } finally {
      ad.debugNaNs(false);
    }
    ad.scope(() => expect(x.log().item()).toBeNaN());
    x.dispose();
  });

  it("profile counts calls, time and bytes", () => {
    clean(() => {
      const x = ad.ones([100, 100]);
      const { rows, result, toString } = ad.profile(() => ad.grad((v: Tensor) => v.matmul(v).tanh().sum())(x));
      expect(result.shape).toEqual([100, 100]);
      const by = Object.fromEntries(rows.map((r) => [r.op, r]));
      expect(by.tanh!.calls).toBe(1);
      expect(by.matrixMultiply!.calls).toBe(3);
      expect(by.tanh!.bytes).toBe(40_000);
      expect(toString()).toMatch(/^op +calls +ms +% +KB\n/);
    });
  });
});

describe("inputs of different dtypes", () => {
  it.each(["mul", "div", "pow", "atan2", "hypot", "mod", "fmod", "xlogy", "sub", "maximum", "logaddexp"] as const)(
    "%s has the derivative of its result's precision, in both modes",
    (name) => {
      clean(() => {
        const f = ad[name] as (a: Tensor, b: Tensor) => Tensor;
        for (const other of [ad.tensor(3, { dtype: "int32" }), ad.tensor(3)]) {
          for (const order of [(x: Tensor, y: Tensor) => f(x, y), (x: Tensor, y: Tensor) => f(y, x)]) {
            const exact = ad
              .grad((x: Tensor) => order(x, f64(3)))(f64(1.7))
              .item();
            expect(
              ad
                .grad((x: Tensor) => order(x, other))(f64(1.7))
                .item(),
            ).toBeCloseTo(exact, 14);
            expect(ad.jvp((x: Tensor) => order(x, other), [f64(1.7)], [f64(1)])[1].item()).toBeCloseTo(exact, 14);
          }
        }
      });
    },
  );
});
