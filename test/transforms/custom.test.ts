/** Rules of the user's own. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

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

  it("have, mapped over a batch, the tangents of what is one for all examples", () => {
    const rules: [string, (x: Tensor, w: Tensor) => Tensor][] = [
      [
        "customVjp",
        ad.customVjp((x: Tensor, w: Tensor) => x.mul(w).sum(), {
          forward: (x: Tensor, w: Tensor): [Tensor, [Tensor, Tensor]] => [x.mul(w).sum(), [x, w]],
          backward: ([x, w]: [Tensor, Tensor], ct: Tensor) => [w.mul(ct), x.mul(ct)],
        }),
      ],
      [
        "customJvp",
        ad.customJvp(
          (x: Tensor, w: Tensor) => x.mul(w).sum(),
          ([x, w], [s, t]) => [x.mul(w).sum(), x.mul(t).add(w.mul(s)).sum()],
        ),
      ],
      ["checkpoint", ad.checkpoint((x: Tensor, w: Tensor) => x.mul(w).sum())],
    ];
    // As many examples as w has entries, and not as many.
    for (const rows of [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ]) {
      for (const [name, f] of rules) {
        ad.scope(() => {
          const [xs, w, t] = [rows, [5, 7], [1, 10]].map((v) => ad.tensor(v, { dtype: "float64" })) as [Tensor, Tensor, Tensor];
          const given = (w: Tensor) => ad.vmap(f, { inAxes: [0, null] })(xs, w);
          const closedOver = (w: Tensor) => ad.vmap((x: Tensor) => f(x, w))(xs);
          const expected = rows.map(([a, b]) => a! + 10 * b!);
          for (const over of [given, closedOver]) {
            expect(ad.jvp(over, [w], [t])[1].toArray(), name).toEqual(expected);
            expect(ad.jacfwd(over)(w).toArray(), name).toEqual(rows);
            expect(ad.jacrev(over)(w).toArray(), name).toEqual(rows);
          }
          // Both change: the examples by themselves, w by the same tangent for all.
          expect(ad.jvp(ad.vmap(f, { inAxes: [0, null] }), [xs, w], [xs, t])[1].toArray(), name).toEqual(
            rows.map(([a, b], i) => expected[i]! + 5 * a! + 7 * b!),
          );
        });
      }
    }
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
