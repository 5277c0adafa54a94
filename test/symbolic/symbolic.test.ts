/** Expressions: the conventions and stable forms of the engine, plain functions, refusals. */
import * as ad from "adjoint";
import type { Expression, Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (v: ad.Nested | number) => ad.tensor(v, { dtype: "float64" });
const read = (f: (...xs: Tensor[]) => Tensor, ...args: (ad.Nested | number)[]) => ad.symbolic(f)(...args.map(f64)) as Expression;

describe("conventions", () => {
  it.each<[string, (x: Tensor) => Tensor, number[]]>([
    ["a masked pole", (x) => ad.where(x.gt(0), x.sqrt(), 0), [0, 4, -1]],
    ["a pole under a mask that is multiplied", (x) => x.sqrt().mul(x.sign()), [0, 4]],
    ["sqrt of relu", (x) => x.relu().sqrt(), [-10, 4]],
    ["clamp at its bounds", (x) => x.clamp(0, 1), [0, 1, 0.5, 2]],
    ["relu, abs", (x) => x.relu().add(x.abs()), [0, 1, -1]],
    ["cbrt", (x) => x.cbrt(), [-8, 27]],
    ["powers", (x) => x.pow(2.5).add(x.pow(0)).add(x.pow(1)), [0, 2]],
    ["norm at the origin", (x) => x.norm(), [0, 2]],
    ["mod, fmod", (x) => x.mod(2).add(x.fmod(2)), [-5.5, 3.25]],
    ["rounding half to even", (x) => x.round().mul(x), [0.5, 1.5, 2.5, -0.5]],
  ])("%s: value and derivative of the engine", (_, f, points) => {
    clean(() => {
      const e = read(f, 3);
      for (const x of points) {
        // + 0: the sign of a zero is nobody's convention.
        expect([e.evaluate({ x }) + 0, e.derivative("x").evaluate({ x }) + 0]).toEqual([
          f(f64(x)).item() + 0,
          ad.grad(f)(f64(x)).item() + 0,
        ]);
      }
    });
  });

  it("x^y where both are variables, and ties of three", () => {
    clean(() => {
      const e = read((x, y) => x.pow(y), 2, 2);
      for (const [x, y] of [
        [0, 0],
        [0, 2],
        [0, 0.5],
        [2, 0],
        [-2, 3],
        [3, 2],
      ] as const) {
        const gradients = (ad.grad((a: Tensor, b: Tensor) => a.pow(b), { argnums: [0, 1] })(f64(x), f64(y)) as Tensor[]).map((g) =>
          g.item(),
        );
        expect(["x", "y"].map((name) => e.derivative(name).evaluate({ x, y }))).toEqual(gradients);
      }
      expect(e.derivative("x").derivative("y").evaluate({ x: 2, y: 0 })).toBe(0.5);
      const max = read((x) => x.max(), [1, 2, 3]);
      expect(max.derivative("x[0]").evaluate({ "x[0]": 3, "x[1]": 3, "x[2]": 3 })).toBe(1 / 3);
    });
  });
});

describe("stable forms", () => {
  it("logsumexp, softmax, log-softmax, softplus at a thousand", () => {
    clean(() => {
      const at = { "x[0]": 1000, "x[1]": 1000 };
      const lse = read((x) => x.logsumexp(), [1, 1]);
      expect(lse.evaluate(at)).toBeCloseTo(1000 + Math.LN2, 12);
      expect(lse.derivative("x[0]").evaluate(at)).toBe(0.5);
      expect(lse.derivative("x[0]").derivative("x[1]").evaluate(at)).toBe(-0.25);
      expect(lse.evaluate({ "x[0]": -Infinity, "x[1]": -Infinity })).toBe(-Infinity);
      for (const f of [(x: Tensor) => x.softmax(0).at(0), (x: Tensor) => x.logSoftmax(0).at(0)]) {
        const [e, point] = [read(f, [1, 2]), { "x[0]": 40, "x[1]": 0 }];
        expect(e.evaluate(point)).toBe(f(f64([40, 0])).item());
        expect(e.derivative("x[0]").evaluate(point) / (ad.grad(f)(f64([40, 0])) as Tensor).at(0).item()).toBeCloseTo(1, 12);
      }
      expect(read((x) => x.log1p(), 1).evaluate({ x: 1e-20 })).toBe(1e-20);
      expect(
        read((x) => x.sigmoid(), 1)
          .derivative("x")
          .evaluate({ x: 40 }) / 4.248354255291589e-18,
      ).toBeCloseTo(1, 12);
      expect(read((x) => x.erfc(), 1).evaluate({ x: 10 }) / 2.088487583762545e-45).toBeCloseTo(1, 12);
    });
  });
});

describe("names", () => {
  it("a name that is no variable is refused, one that cancelled has derivative 0", () => {
    clean(() => {
      expect(() => read((x) => x.square(), 3).derivative("z")).toThrow(/"z" is no variable.*x/);
      const e = read((x, y) => x.add(y).sub(y).mul(3), 1, 2);
      expect(e.toString()).toBe("3 * x");
      expect(e.derivative("y").evaluate({})).toBe(0);
      expect(e.derivative("x").derivative("x").toString()).toBe("0");
      for (const garbage of [undefined, null, 3, {}, "x[0]"]) expect(() => e.derivative(garbage as never)).toThrow(ad.ValueError);
      for (const garbage of [undefined, null, 3, {}, { x: "1" }, { x: f64(1) }])
        expect(() => e.evaluate(garbage as never)).toThrow(ad.ValueError);
    });
  });
});

describe("toFunction", () => {
  it("is a plain function of numbers with the values of evaluate", () => {
    clean(() => {
      const e = read((x, y) => x.mul(y.exp()).add(x.square()).add(y.relu().sqrt()), 1, 2);
      const f = e.toFunction();
      const slope = e.derivative("y").toFunction(["y", "x"]);
      for (const [x, y] of [
        [1, 2],
        [-3, 0],
        [0.5, -1],
      ] as const) {
        expect(f(x, y)).toBe(e.evaluate({ x, y }));
        expect(f([x, y])).toBe(f(x, y));
        expect(slope(y, x)).toBe(e.derivative("y").evaluate({ x, y }));
      }
      const vector = read((x) => x.prod().add(x.max()), [1, 2, 3]);
      expect(vector.toFunction()(Float64Array.of(2, 3, 4))).toBe(28);
      expect(read((x) => x.mul(0).add(7), 1).toFunction()(5)).toBe(7);
    });
  });

  it("refuses wrong numbers of arguments and missing variables", () => {
    clean(() => {
      const e = read((x, y) => x.mul(y), 1, 2);
      expect(() => e.toFunction(["x"])).toThrow(/depends on y/);
      expect(() => e.toFunction("x" as never)).toThrow(ad.ValueError);
      expect(() => e.toFunction()(1)).toThrow(/takes 2 numbers/);
    });
  });
});

describe("what has no faithful expression", () => {
  it("is refused: orders, special functions, random numbers, branches on numbers", () => {
    clean(() => {
      for (const f of [
        (x: Tensor) => x.sort(),
        (x: Tensor) => x.lgamma(),
        (x: Tensor) => ad.random.normal(ad.random.key(0), [2]).mul(x),
        (x: Tensor) => x.cumprod(),
      ]) {
        expect(() => read(f, [1, 2])).toThrow(/has no expression/);
      }
      const branch = (x: Tensor) => (x.item() > 0 ? x.square() : x);
      for (const f of [
        branch,
        (x: Tensor) => (x.mul(2) > ad.tensor(1) ? x : x.neg()),
        ad.grad(branch),
        (x: Tensor) => x.mul(x.toArray()),
      ]) {
        expect(() => read(f, 2)).toThrow(/one branch only/);
      }
      expect((ad.symbolic(branch, { freeze: true })(f64(2)) as Expression).toString()).toBe("x^2");
      // Numbers that do not depend on the arguments may be read.
      const w = f64(3);
      expect(read((x) => x.mul(w.item()), 2).toString()).toBe("3 * x");
      expect(() => ad.symbolic(branch, { name: ["w"] } as never)).toThrow(/names/);
      expect(() => ad.symbolic(branch, { names: ["x", "x"] })).toThrow(ad.ValueError);
    });
  });
});
