/** Loops whose number of turns depends on numbers, in compiled functions: the program has the loop. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const numbers = (tree: unknown) => ad.tree.flatten(tree)[0].map((t) => (t instanceof ad.Tensor ? Array.from(t.data()) : t));

/** As written and compiled, for each of some arguments in turn. */
function same(f: (x: Tensor) => unknown, args: readonly Tensor[]): ad.Compiled<[Tensor], unknown> {
  const compiled = ad.compile(f);
  for (const x of [...args, ...args]) expect(numbers(compiled(x))).toEqual(numbers(f(x)));
  return compiled as never;
}

const f64 = (x: number | number[]) => ad.tensor(x, { dtype: "float64" });
/** The square root by Newton's method. */
const root = (a: Tensor) =>
  ad.whileLoop(
    ({ x }) => x.mul(x).div(a).sub(1).abs().gt(1e-9),
    ({ x }) => ({ x: x.add(a.div(x)).mul(0.5) }),
    { x: a.add(1) },
  ).x;

describe("a compiled whileLoop", () => {
  it("makes as many turns as the numbers want, none among them", () => {
    clean(() => {
      const compiled = same(
        root,
        [2, 9, 1e6, 0.25].map((a) => f64(a)),
      );
      expect(compiled.stats()).toMatchObject({ recordings: 1, replays: 7 });
      const text = (compiled as ad.Compiled<[Tensor], unknown>).program(f64(2)).stages.at(-1)!.text;
      expect(text).toMatch(/loop while/);
      const count = (limit: Tensor) =>
        ad.whileLoop(
          ({ i }) => i.lt(limit),
          ({ i, list }) => ({ i: i.add(1), list: list.add(i.sin()) }),
          { i: f64(0), list: ad.zeros([3], { dtype: "float64" }) },
        );
      same(
        count,
        [3, 0, 17, -1].map((a) => f64(a)),
      );
    });
  });

  it("on long states, with products and sums, and what is computed from its result", () => {
    clean(() => {
      const power = (A: Tensor) => {
        const { v } = ad.whileLoop(
          ({ v, before }) => v.sub(before).abs().max().gt(1e-6),
          ({ v }) => {
            const next = A.matmul(v);
            return { v: next.div(next.norm()), before: v };
          },
          { v: ad.ones([40], { dtype: "float64" }).div(Math.sqrt(40)), before: ad.zeros([40], { dtype: "float64" }) },
        );
        return [v, v.dot(A.matmul(v))];
      };
      const symmetric = (seed: number) => {
        const A = ad.random.uniform(ad.random.key(seed), [40, 40], { dtype: "float64" });
        return A.add(A.transpose());
      };
      same(power, [symmetric(1), symmetric(2)]);
    });
  });

  it("inside another, before and behind other loops", () => {
    clean(() => {
      const f = (x: Tensor) => {
        const { y } = ad.whileLoop(
          ({ y }) => y.lt(100),
          ({ y }) => {
            const inner = ad.whileLoop(
              ({ z }) => z.gt(1),
              ({ z, count }) => ({ z: z.div(2), count: count.add(1) }),
              { z: y, count: f64(0) },
            );
            return { y: y.mul(1.5).add(inner.count) };
          },
          { y: x },
        );
        return ad.forLoop(0, 5, (_, s) => s.mul(0.5).add(y.sin()), y);
      };
      same(
        f,
        [1, 7, 300].map((a) => f64(a)),
      );
    });
  });

  it("reads what it closes over anew, and is followed by a training step", () => {
    clean(() => {
      const scale = f64(2);
      const w = new ad.nn.Parameter(f64(1));
      const opt = new ad.optim.SGD([w], { lr: 0.001 });
      const f = (x: Tensor) => {
        const steps = ad.noGrad(() =>
          ad.whileLoop(
            ({ x }) => x.lt(50),
            ({ x, n }) => ({ x: x.mul(scale).add(w.detach()), n: n.add(1) }),
            { x, n: f64(0) },
          ),
        );
        const loss = w.mul(steps.n).sub(3).square();
        opt.minimize(loss);
        return [loss, steps.x];
      };
      const compiled = ad.compile(f);
      const run = (g: typeof f) => {
        w.assign(1);
        scale.assign(2);
        const first = [1, 2, 3].map((x) => numbers(g(f64(x))));
        scale.assign(1.3);
        return [...first, ...[1, 2, 3].map((x) => numbers(g(f64(x)))), w.item()];
      };
      expect(run(compiled as typeof f)).toEqual(run(f));
      expect(compiled.stats().recordings).toBe(1);
      w.dispose();
    });
  });

  it("hands on states that change places, stay, or are views of each other", () => {
    clean(() => {
      const f = (x: Tensor) =>
        ad.whileLoop(
          ({ n }) => n.gt(0),
          ({ n, a, b, c, m, fixed }) => ({ n: n.sub(1), a: b, b: c.add(n), c: a, m: m.transpose(), fixed }),
          { n: x, a: f64(1), b: f64(2), c: f64(3), m: ad.arange(4).cast("float64").reshape([2, 2]), fixed: x },
        );
      same(
        f,
        [0, 1, 2, 5, 6].map((a) => f64(a)),
      );
    });
  });

  it("stops at maxIterations", () => {
    clean(() => {
      const f = (x: Tensor) =>
        ad.whileLoop(
          ({ x }) => x.lt(50),
          ({ x }) => ({ x: x.mul(2) }),
          { x },
          { maxIterations: 20 },
        ).x;
      same(
        f,
        [1, 3, 60].map((a) => f64(a)),
      );
    });
  });

  it("has derivatives with maxIterations, and asks for it without", () => {
    clean(() => {
      const bounded = (a: Tensor) =>
        ad.whileLoop(
          ({ x }) => x.lt(50),
          ({ x }) => ({ x: x.mul(a) }),
          { x: a },
          { maxIterations: 10 },
        ).x;
      const slope = ad.compile(ad.grad(bounded));
      for (const a of [2, 3, 7]) expect(slope(f64(a)).item()).toBeCloseTo(ad.grad(bounded)(f64(a)).item(), 9);
      expect(() => ad.compile(ad.grad(root))(f64(2))).toThrow(/maxIterations/);
      const w = new ad.nn.Parameter(f64(2));
      const tracked = ad.compile(() => {
        const { x } = ad.whileLoop(
          ({ x }) => x.lt(50),
          ({ x }) => ({ x: x.mul(w) }),
          { x: f64(1) },
        );
        return x.detach();
      });
      expect(() => tracked()).toThrow(/maxIterations/);
      w.dispose();
      expect(numbers(ad.compile(root)(f64(2)))).toEqual(numbers(root(f64(2))));
    });
  });

  it("refuses what would be wrong in every turn but the first", () => {
    clean(() => {
      const x = f64(1);
      const loop = (body: (x: Tensor) => Tensor) => () =>
        ad.compile((x: Tensor) =>
          ad.whileLoop(
            ({ x }) => x.sum().lt(50),
            ({ x }) => ({ x: body(x) }),
            { x },
          ),
        )(x);
      expect(loop((x) => x.mul(2).add(ad.random.uniform([]).abs().cast("float64")))).toThrow(/carry a key/);
      const counter = f64(0);
      expect(
        loop((x) => {
          counter.assign(counter.add(1));
          return x.mul(2);
        }),
      ).toThrow(/writes to a tensor/);
      expect(loop((x) => ad.stack([x, x]).mul(2))).toThrow(ad.ShapeError);
      expect(loop((x) => x.mul(2).cast("float32"))).toThrow(/float32/);
      expect(loop((x) => (x.item() > 3 ? x.mul(2) : x.mul(3)))).toThrow(ad.TracedValueError);
      // And all goes on.
      expect(numbers(ad.compile(root)(f64(2)))).toEqual(numbers(root(f64(2))));
    });
  });

  it("draws with a key that it carries", () => {
    clean(() => {
      const walk = (x: Tensor) =>
        ad.whileLoop(
          ({ x }) => x.abs().lt(3),
          ({ x, key }) => {
            const [next, own] = ad.random.split(key) as unknown as [Tensor, Tensor];
            return { x: x.add(ad.random.normal(own, [], { dtype: "float64" })), key: next };
          },
          { x, key: ad.random.key(3) },
        ).x;
      same(
        walk,
        [0, 0.5, 2].map((a) => f64(a)),
      );
    });
  });
});
