/** One run, one set of random numbers: how often transforms run a function, and that each run of it is the same function. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const dropout = (x: Tensor) => ad.nn.dropout(x, { p: 0.5 });

/** Counts the runs of a function. */
function counted<F extends (...args: any[]) => any>(f: F): F & { runs: () => number } {
  let runs = 0;
  const g = ((...args: any[]) => {
    runs++;
    return f(...args);
  }) as F & { runs: () => number };
  g.runs = () => runs;
  return g;
}

describe("draws without a key", () => {
  it("are repeated by what runs a function again", () => {
    ad.manualSeed(3);
    clean(() => {
      const ones = ad.ones([8]);
      const [value, gradient] = ad.valueAndGrad((x: Tensor) => ad.checkpoint(dropout)(x).dot(x))(ones);
      expect(gradient.sum().item()).toBe(2 * value.item());
      const [out, push] = ad.linearize(dropout, ones);
      for (let i = 0; i < 2; i++) expect(push(ones).toArray()).toEqual(out.toArray());
      const columns = ad
        .jacfwd((x: Tensor) => dropout(x.sum().mul(ad.ones([6]))), { chunkSize: 1 })(ad.ones([3]))
        .T.toArray();
      expect(columns.map((c: number[]) => c.join())).toEqual(Array(3).fill(columns[0].join()));
      const [j1, j2] = ad.jacfwd((x: Tensor, y: Tensor) => dropout(x.mul(y)), { argnums: [0, 1] })(ones, ones);
      expect(j1.toArray()).toEqual(j2.toArray());
    });
  });

  it.each(["jacfwd", "jacrev", "jacobian"] as const)("belong to one run in %s with aux", (name) => {
    clean(() => {
      const f = counted((x: Tensor) => {
        const y = dropout(x);
        return [y, { y, note: "text" }] as const;
      });
      const [jacobian, aux] = (ad[name] as typeof ad.jacrev)(f, { hasAux: true })(ad.ones([6]));
      expect(jacobian.sum(0).toArray()).toEqual(aux.y.toArray());
      expect([aux.note, f.runs()]).toEqual(["text", 1]);
    });
  });

  it("go on after a second run as if there had been none", () => {
    const next = (between: () => unknown) => {
      ad.manualSeed(5);
      ad.scope(between);
      return ad.scope(() =>
        ad.random
          .normal(ad.random.key(1), [1])
          .mul(0)
          .add(dropout(ad.ones([16])))
          .toArray(),
      );
    };
    const once = next(() => dropout(ad.ones([4])));
    expect(next(() => ad.linearize(dropout, ad.ones([4]))[1](ad.ones([4])))).toEqual(once);
    expect(next(() => ad.grad((x: Tensor) => ad.checkpoint(dropout)(x).sum())(ad.ones([4])))).toEqual(once);
    expect(next(() => ad.jacfwd(dropout, { chunkSize: 1 })(ad.ones([4])))).toEqual(once);
    expect(next(() => ad.jacobian((x: Tensor) => dropout(x.mul(ad.ones([4]))))(ad.ones([1])))).toEqual(once);
    expect(next(() => ad.chainJacobian([dropout])(ad.ones([4])))).toEqual(once);
  });

  it("are those of one function in a chain of stages", () => {
    ad.manualSeed(7);
    clean(() => {
      const x = f64([1, 2, 3, 4, 5, 6, 7, 8]);
      const state = ad.random.getState();
      const chained = ad
        .chainJacobian([dropout, (y: Tensor) => dropout(y).square()])(x)
        .toArray();
      ad.random.setState(state);
      expect(
        ad
          .jacrev((y: Tensor) => dropout(dropout(y)).square())(x)
          .toArray(),
      ).toEqual(chained);
    });
  });
});

describe("linearize", () => {
  it("runs its function once, whatever happens to what it closes over", () => {
    clean(() => {
      let s = 2;
      const f = counted((x: Tensor) => x.mul(s));
      const [, push] = ad.linearize(f, f64(3));
      s = 10;
      expect([push(f64(1)).item(), push(f64(5)).item(), f.runs()]).toEqual([2, 10, 1]);
    });
  });

  it("agrees with jvp for trees, several arguments and results of any type, and nests", () => {
    clean(() => {
      const f = (p: { x: Tensor }, y: Tensor) => ({ a: p.x.sin().mul(y).sum(), b: [p.x.pow(3).log(), p.x.argmax()] });
      const [p, y] = [{ x: f64([0.3, 0.5]) }, f64([2, 3])];
      const [v, w] = [{ x: f64([1, -1]) }, f64([0.5, 2])];
      const [out, push] = ad.linearize(f, p, y);
      const [value, expected] = ad.jvp(f, [p, y], [v, w]);
      const numbers = (tree: unknown) => (ad.tree.flatten(tree)[0] as Tensor[]).map((t) => [t.dtype, t.toArray()]);
      expect(numbers(out)).toEqual(numbers(value));
      const slopes = push(v, w);
      expect(slopes.a.item()).toBeCloseTo(expected.a.item(), 14);
      slopes.b[0]!.toArray().forEach((s: number, i: number) => expect(s).toBeCloseTo(expected.b[0]!.toArray()[i], 14));
      expect(numbers(slopes.b[1])).toEqual(numbers(expected.b[1]));
      // Linear in the tangent, so its gradient is the pullback; mapped over a basis it is the Jacobian.
      const of = (x: Tensor) => x.square().mul(y);
      const [, once] = ad.linearize(of, p.x);
      expect(
        ad
          .vmap(once)(ad.eye(2, { dtype: "float64" }))
          .T.toArray(),
      ).toEqual(ad.jacrev(of)(p.x).toArray());
      expect(
        ad
          .grad((t: Tensor) => once(t).sum())(w)
          .toArray(),
      ).toEqual(ad.vjp(of, p.x)[1](ad.onesLike(y))[0].toArray());
      expect(
        ad
          .grad((x: Tensor) => ad.linearize((z: Tensor) => z.pow(3), x)[1](f64(1)))(f64(2))
          .item(),
      ).toBe(12);
    });
  });
});

describe("Jacobians", () => {
  it("run their function as rarely as can be", () => {
    clean(() => {
      const f = counted((x: Tensor) => x.square());
      const runs = (g: (x: Tensor) => unknown) => {
        const before = f.runs();
        g(f64([1, 2, 3, 4]));
        return f.runs() - before;
      };
      expect(runs(ad.jacrev(f))).toBe(1);
      expect(runs(ad.jacrev(f, { chunkSize: 1 }))).toBe(1);
      expect(runs(ad.jacfwd(f))).toBe(1);
      expect(runs(ad.jacfwd(f, { chunkSize: 3 }))).toBe(2);
      expect(runs(ad.jacobian(f))).toBe(1);
      expect(runs(ad.hessian((x: Tensor) => f(x).sum()))).toBe(1);
    });
  });

  it("hand aux of a Hessian through", () => {
    clean(() => {
      const [h, aux] = ad.hessian((x: Tensor) => [x.pow(3).sum(), { twice: x.mul(2) }], { hasAux: true })(f64([1, 2]));
      expect([h.toArray(), aux.twice.toArray()]).toEqual([
        [
          [6, 0],
          [0, 12],
        ],
        [2, 4],
      ]);
    });
  });
});
