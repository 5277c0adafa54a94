/** Differential equations, integrals, roots, fixed points and interpolation: SciPy's numbers, and derivatives of all they depend on. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import { isRefused } from "../support/refusal.js";

endsAtBaseline();

interface References {
  equations: { name: string; y0: number[]; ts: number[]; y: number[][] }[];
  integrals: { name: string; a: string; b: string; value: number }[];
  splines: { boundary: "not-a-knot" | "natural" | "clamped"; x: number[]; y: number[]; at: number[]; values: number[] }[];
  root: number[];
}
const scipy = JSON.parse(readFileSync(new URL("./references/scipy.json", import.meta.url), "utf8")) as References;
const f64 = (value: ad.TensorLike) => ad.tensor(value, { dtype: "float64" });
const close = (actual: Tensor, expected: readonly number[], tolerance: number) => {
  const data = Array.from(actual.data(), Number);
  expect(data.length).toBe(expected.length);
  expected.forEach((v, i) =>
    expect(Math.abs(data[i]! - v), `${i}: ${data[i]} for ${v}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(v))),
  );
};

describe("odeint", () => {
  const slopes: Record<string, (y: Tensor, t: Tensor) => ad.TensorLike> = {
    predators: ([x, y]) => [x!.mul(1.5).sub(x!.mul(y!)), x!.mul(y!).sub(y!.mul(3))] as unknown as ad.TensorLike,
    oscillator: ([x, v]) => [v!, x!.square().neg().add(1).mul(v!).sub(x!)] as unknown as ad.TensorLike,
    forced: (y, t) => t.mul(3).sin().sub(y.mul(0.5)),
  };
  it.each(scipy.equations.map((row) => [row.name, row] as const))(
    "%s: every method has SciPy's solution, between steps too",
    (name, { y0, ts, y }) => {
      clean(() => {
        const run = (options: ad.OdeOptions) => ad.odeint(slopes[name]!, y0, ts, options) as Tensor;
        close(run({ rtol: 1e-11, atol: 1e-12 }), y.flat(), 3e-9);
        close(run({ rtol: 1e-11, atol: 1e-12, gradient: "adjoint" }), y.flat(), 3e-9);
        close(run({}), y.flat(), 3e-5);
        close(run({ method: "rk4", stepSize: 0.002 }), y.flat(), 1e-8);
      });
    },
  );

  it("takes and gives trees, float32 where they are, one time too", () => {
    clean(() => {
      const spring = ad.odeint(({ x, v }) => ({ v: x.neg(), x: v }), { x: 1, v: 0 }, [0, Math.PI]);
      close(spring.x, [1, -1], 1e-6);
      expect(spring.v.dtype).toBe("float64");
      const matrix = ad.odeint((y) => y.neg(), ad.ones([2, 3]), [0, 1, 2]);
      expect([matrix.shape, matrix.dtype]).toEqual([[3, 2, 3], "float32"]);
      close(matrix.at(2), Array(6).fill(Math.exp(-2)), 1e-4);
      expect(ad.odeint((y) => y, 1, [0]).toArray()).toEqual([1]);
    });
  });

  it("has derivatives in y0, the times and what f closes over, to second order, in both modes", () => {
    clean(() => {
      for (const options of [{}, { gradient: "adjoint" }, { method: "rk4", stepSize: 0.05 }] as ad.OdeOptions[]) {
        // y' = k t y: y(T) = y0 exp(k (T² - t0²) / 2)
        const last = (y0: Tensor, ts: Tensor, k: Tensor) => ad.odeint((y, t) => y.mul(t).mul(k), y0, ts, options).at(-1) as Tensor;
        const inputs = [f64(1.3), f64([0.5, 1, 1.5]), f64(0.7)] as const;
        const y = 1.3 * Math.exp(0.7);
        const [dy0, dts, dk] = ad.grad(last, { argnums: [0, 1, 2] })(...inputs) as unknown as Tensor[];
        const tolerance = 2e-5;
        close(dy0!, [y / 1.3], tolerance);
        close(dts!, [-0.35 * y, 0, 1.05 * y], 20 * tolerance);
        close(dk!, [y], tolerance);
        const ofK = (k: Tensor) => last(inputs[0], inputs[1], k);
        close(ad.jvp(ofK, [inputs[2]], [f64(1)])[1] as Tensor, [y], tolerance);
        close(ad.hessian(ofK)(inputs[2]) as Tensor, [y], 20 * tolerance);
        ad.gradcheck(ofK, [inputs[2]], { order: 2, modes: ["reverse", "forward"], rtol: 1e-3 });
      }
    });
  });

  it("trains what f closes over, with backward() too", () => {
    const rate = new ad.nn.Parameter(f64(0.2));
    clean(() => {
      for (const gradient of ["direct", "adjoint"] as const) {
        rate.zeroGrad();
        ad.odeint((y) => y.mul(rate).neg(), 1, [0, 2], { gradient })
          .at(1)
          .backward();
        close(rate.grad!, [-2 * Math.exp(-0.4)], 1e-6);
      }
      rate.zeroGrad();
    });
    rate.dispose();
  });

  it("under vmap and in compile by fixed steps", () => {
    clean(() => {
      const run = (k: Tensor) => ad.odeint((y) => y.mul(k), 1, [0, 0.5, 1], { method: "rk4", stepSize: 0.1 }) as Tensor;
      const ks = f64([0.1, 0.5, -1]);
      close((ad.vmap(run)(ks) as Tensor).at(2, 2), [Math.exp(-1)], 1e-6);
      const compiled = ad.compile(run);
      for (const k of [0.1, 0.5]) close((compiled(f64(k)) as Tensor).at(2), [Math.exp(k)], 1e-6);
    });
  });

  it("refuses what cannot be solved, and says why", () => {
    clean(() => {
      isRefused(() => ad.odeint((y) => y.square(), 1, [0, 2]), ad.ValueError, /not finite|short enough/);
      isRefused(() => ad.odeint((y) => y.mul(-1e6), 1, [0, 100], { maxSteps: 50 }), ad.ValueError, /50 steps.*stiff/);
      isRefused(() => ad.odeint((y) => y, 1, [0, 2, 1]), ad.ValueError, /2 and then 1/);
      isRefused(() => ad.odeint((y) => y, 1, []), ad.ShapeError, /at least one time/);
      isRefused(() => ad.odeint((y) => y.reshape([1, 1]), [1, 2], [0, 1]), ad.AdjointError, /.+/);
      isRefused(() => ad.odeint(() => ({ x: 1 }), [1, 2], [0, 1]), ad.AdjointError, /.+/);
      isRefused(() => ad.odeint((y) => y, "1" as never, [0, 1]), ad.ValueError, /y0/);
      isRefused(() => ad.odeint((y) => y, 1, [0, 1], { method: "euler" as "rk4" }), ad.ValueError, /"dopri5" or "rk4"/);
      isRefused(() => ad.odeint((y) => y, 1, [0, 1], { tol: 1 } as object), ad.ValueError, /tol/);
      isRefused(() => ad.odeint((y) => y, ad.tensor([1], { dtype: "int32" }), [0, 1]), ad.DTypeError, /int32/);
    });
  });
});

describe("quad", () => {
  const functions: Record<string, (x: Tensor) => Tensor> = {
    wave: (x) => x.mul(30).sin().mul(x.neg().exp()),
    peak: (x) => x.sub(0.3).square().add(1e-4).reciprocal(),
    bell: (x) => x.square().mul(-0.5).exp(),
    tail: (x) => x.pow(3).add(1).reciprocal(),
  };
  const end = (text: string) => (text.endsWith("inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text));
  it.each(scipy.integrals.map((row) => [`${row.name} from ${row.a} to ${row.b}`, row] as const))(
    "%s is SciPy's",
    (_, { name, a, b, value }) => {
      clean(() => close(ad.quad(functions[name]!, end(a), end(b)), [value], 1e-8));
    },
  );

  it("has derivatives in the ends and in what f closes over", () => {
    clean(() => {
      // ∫ cos(k x) from a to b = (sin(k b) - sin(k a)) / k
      const f = (a: Tensor, b: Tensor, k: Tensor) => ad.quad((x) => x.mul(k).cos(), a, b);
      ad.gradcheck(f, [f64(0.3), f64(1.7), f64(2.5)], { order: 2, modes: ["reverse", "forward"] });
      const [da, db] = ad.grad(f, { argnums: [0, 1] })(f64(0.3), f64(1.7), f64(2.5)) as unknown as Tensor[];
      close(da!, [-Math.cos(0.75)], 1e-9);
      close(db!, [Math.cos(4.25)], 1e-9);
      // d/dk ∫ e^(-k x) over all x > 0 = -1 / k²
      close(ad.grad((k: Tensor) => ad.quad((x) => x.mul(k).neg().exp(), 0, Infinity))(f64(2)) as Tensor, [-0.25], 1e-7);
      expect(
        ad
          .quad((x) => ad.stack([x, x.square()]), 0, 1)
          .toArray()
          .map((v) => Number(v).toFixed(9)),
      ).toEqual(["0.500000000", "0.333333333"]); // prettier-ignore
    });
  });

  it("refuses what it cannot find", () => {
    clean(() => {
      isRefused(() => ad.quad((x) => x.reciprocal(), -1, 1), ad.ValueError, /not finite|pieces/);
      isRefused(() => ad.quad((x) => x.mul(1e4).sin().abs(), 0, 10, { limit: 5 }), ad.ValueError, /5 pieces/);
      isRefused(() => ad.quad((x) => x, NaN, 1), ad.ValueError, /NaN/);
      isRefused(() => ad.quad((x) => x, [0, 1] as never, 1), ad.ShapeError, /one number/);
    });
  });
});

describe("roots and fixed points", () => {
  it("are SciPy's, of trees", () => {
    clean(() => {
      const { a, b } = ad.rootSolve(({ a, b }) => ({ a: a.add(a.sub(b).pow(3).mul(0.5)).sub(1), b: b.sub(a).pow(3).mul(0.5).add(b) }), {
        a: 0,
        b: 0,
      });
      close(ad.stack([a, b]), scipy.root, 1e-10);
      close(
        ad.fixedPoint((x) => x.cos(), 1),
        [0.7390851332151607],
        1e-10,
      );
    });
  });

  it("have the derivatives of the implicit function theorem", () => {
    clean(() => {
      // x = √a
      const root = (a: Tensor) => ad.rootSolve((x) => x.square().sub(a), 1);
      close(ad.grad(root)(f64(4)) as Tensor, [1 / 4], 1e-10);
      close(ad.hessian(root)(f64(4)) as Tensor, [-1 / 32], 1e-10);
      const third = ad.grad((a: Tensor) => ad.grad((a: Tensor) => ad.grad(root)(a) as Tensor)(a) as Tensor);
      close(third(f64(4)) as Tensor, [3 / 256], 1e-10);
      const fourth = (a: Tensor) => ad.jvp(third as (a: Tensor) => Tensor, [a], [f64(1)])[1] as Tensor;
      close(fourth(f64(4)), [-15 / 2048], 1e-10);
      close(ad.jvp(fourth, [f64(4)], [f64(1)])[1] as Tensor, [105 / 16384], 1e-10);
      const system = (p: Tensor) =>
        ad
          .rootSolve(
            (x) =>
              x
                .exp()
                .add(
                  x.matmul(
                    f64([
                      [2, 1],
                      [0, 1],
                    ]),
                  ),
                )
                .sub(p),
            [0, 0],
          )
          .sum(); // prettier-ignore
      ad.gradcheck(system, [f64([1.5, 2.5])], { order: 2, modes: ["reverse", "forward"] });
      const point = (a: Tensor) => ad.fixedPoint((x) => x.cos().mul(a), 0.5);
      ad.gradcheck(point, [f64(0.8)], { order: 2, modes: ["reverse", "forward"] });
    });
  });

  it("that are not there are refused", () => {
    clean(() => {
      isRefused(() => ad.rootSolve((x) => x.square().add(1), 1), ad.ValueError, /singular|no smaller|steps/);
      isRefused(() => ad.fixedPoint((x) => x.mul(2).add(1), 1), ad.ValueError, /rootSolve/);
      isRefused(() => ad.rootSolve((x) => x, 1, { tolerance: -1 }), ad.ValueError, /tolerance/);
    });
  });
});

describe("interpolation", () => {
  it.each(scipy.splines.map((row) => [row.boundary, row] as const))(
    "a %s spline is SciPy's, with its derivatives",
    (boundary, { x, y, at, values }) => {
      clean(() => {
        const spline = ad.cubicSpline(f64(x), f64(y), { boundary });
        close(spline(f64(at)), values, 1e-12);
        ad.gradcheck((x: Tensor, y: Tensor, t: Tensor) => ad.cubicSpline(x, y, { boundary })(t), [f64(x), f64(y), f64([0.2, 1.9, 3])], {
          order: 2,
          modes: ["reverse", "forward"],
        });
        expect(spline(f64([[0.5, 1.5]])).shape).toEqual([1, 2]);
      });
    },
  );

  it("is straight between points, and constant outside or as told", () => {
    clean(() => {
      const [xp, fp] = [f64([0, 1, 3]), f64([0, 10, -10])];
      close(ad.interp(f64([-1, 0, 0.5, 1, 2, 3, 9]), xp, fp), [0, 0, 5, 10, 0, -10, -10], 1e-14);
      close(ad.interp([-1, 9], xp, fp, { left: -5, right: 7 }), [-5, 7], 1e-14);
      ad.gradcheck(ad.interp as (x: Tensor, xp: Tensor, fp: Tensor) => Tensor, [f64([0.4, 2.5, -1]), xp, fp], {
        order: 2,
        modes: ["reverse", "forward"],
      });
      isRefused(() => ad.interp(1, [0, 0], [1, 2]), ad.ValueError, /go up/);
      isRefused(() => ad.interp(1, [0, 1, 2], [1, 2]), ad.ShapeError, /one length/);
      isRefused(() => ad.cubicSpline([0, 1], [1, 2]), ad.ShapeError, /at least 4/);
      isRefused(() => ad.cubicSpline([0, 1, 2], [1, 2, 3], { boundary: "free" as "natural" }), ad.ValueError, /boundary/);
    });
  });
});
