/** scan, forLoop, whileLoop, cond: the derivatives of the loops written out, and no state held that is not needed. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (v: number | number[] | number[][]) => ad.tensor(v, { dtype: "float64" });
const close = (a: Tensor, b: Tensor) => {
  expect(a.shape).toEqual(b.shape);
  const expected = b.data();
  a.data().forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected[i]!))));
};

describe("loops over state", () => {
  const logistic = (r: Tensor, x: Tensor) => r.mul(x).mul(ad.sub(1, x));
  const written = (r: Tensor) => {
    let x = f64(0.3);
    for (let i = 0; i < 8; i++) x = logistic(r, x);
    return x;
  };
  const ways: [string, (r: Tensor) => Tensor][] = [
    ["forLoop", (r) => ad.forLoop(0, 8, (_, x: Tensor) => logistic(r, x), f64(0.3))],
    [
      "whileLoop",
      (r) =>
        ad.whileLoop(
          ({ i }) => i.lt(8),
          ({ i, x }) => ({ i: i.add(1), x: logistic(r, x) }),
          { i: ad.tensor(0, { dtype: "int32" }), x: f64(0.3) },
        ).x,
    ],
    ["scan without xs", (r) => ad.scan((x: Tensor) => [logistic(r, x), null], f64(0.3), null, { length: 8 })[0]],
  ];

  it.each(ways)("%s: value, both modes, second order, vmap", (name, f) => {
    clean(() => {
      const r = f64(3.1);
      close(f(r), written(r));
      close(ad.grad(f)(r), ad.grad(written)(r));
      close(ad.jvp(f, [r], [f64(1)])[1], ad.grad(written)(r));
      close(ad.grad(ad.grad(f))(r), ad.grad(ad.grad(written))(r));
      const rs = f64([2.5, 3.1, 3.7]);
      if (name !== "whileLoop") close(ad.vmap(ad.grad(f))(rs), ad.vmap(ad.grad(written))(rs));
      const w = ad.tensor(3.1, { dtype: "float64", requiresGrad: true });
      f(w).backward();
      close(w.grad!, ad.grad(written)(r));
      w.dispose();
    });
  });

  it("scan stacks its outputs and goes both ways", () => {
    clean(() => {
      const xs = {
        a: f64([1, 2, 3]),
        b: f64([
          [1, 0],
          [0, 1],
          [2, 2],
        ]),
      };
      const f = (carry: Tensor, x: { a: Tensor; b: Tensor }) => [carry.add(x.b.mul(x.a)), { sum: carry, twice: x.a.mul(2) }] as const;
      const [last, ys] = ad.scan(f, f64([0, 0]), xs);
      expect(last.toArray()).toEqual([7, 8]);
      expect(ys.sum.toArray()).toEqual([
        [0, 0],
        [1, 0],
        [1, 2],
      ]);
      expect(ys.twice.toArray()).toEqual([2, 4, 6]);
      const [, back] = ad.scan(f, f64([0, 0]), xs, { reverse: true });
      expect(back.sum.toArray()).toEqual([
        [6, 8],
        [6, 6],
        [0, 0],
      ]);
      const g = (a: Tensor) =>
        ad
          .scan(f, f64([0, 0]), { ...xs, a })[1]
          .sum.square()
          .sum();
      expect(ad.gradcheck(g, [xs.a], { order: 2 })).toBeTruthy();
      expect(ad.scan(f, f64([0, 0]), { a: f64([]), b: ad.zeros([0, 2], { dtype: "float64" }) })[1]).toBeNull();
    });
  });

  it("hold one state at a time", () => {
    const bytes: number[] = [];
    const last = ad.forLoop(
      0,
      200,
      (i, state: Tensor) => {
        if (i % 50 === 49) bytes.push(ad.memory().bytes);
        return state.mul(0.5).add(1);
      },
      ad.ones([10_000]),
    );
    expect(new Set(bytes).size).toBe(1);
    expect(last.at(0).item()).toBeCloseTo(2);
    last.dispose();
  });

  it("release what a turn made, not what the user made", () => {
    const [init, constant] = [f64([1, 2]), f64([3, 4])];
    let leaked!: Tensor;
    const last = ad.forLoop(
      0,
      4,
      (i, state: Tensor) => {
        if (i === 1) leaked = state;
        return i === 0 ? state.mul(2) : i === 1 ? constant : i === 2 ? init : state;
      },
      init,
    );
    expect(last).toBe(init);
    expect([init.toArray(), constant.toArray()]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(() => leaked.sum()).toThrow(/state that forLoop took over/);
    init.dispose();
    constant.dispose();
  });

  it("refuse what they cannot do", () => {
    clean(() => {
      const x = f64(1);
      const bad: [() => unknown, RegExp][] = [
        [() => ad.forLoop(0, 2, (_, s: Tensor) => [s] as never, x), /the trees differ/],
        [() => ad.forLoop(0.5, 2, (_, s: Tensor) => s, x), /lower bound must be an integer/],
        [() => ad.forLoop(0, 2, null as never, x), /body must be a function/],
        [
          () =>
            ad.whileLoop(
              () => true,
              (s: Tensor) => s,
              x,
              { maxIterations: 3 },
            ),
          /after 3 turns/,
        ],
        [
          () =>
            ad.whileLoop(
              () => 1 as never,
              (s: Tensor) => s,
              x,
            ),
          /true or false/,
        ],
        [() => ad.scan((c: Tensor) => [c, c], x, null), /need a length/],
        [() => ad.scan((c: Tensor) => [c, c], x, f64([1, 2]), { length: 3 }), /length is 3.*2 elements/],
        [() => ad.scan((c: Tensor) => c as never, x, f64([1, 2])), /\[carry, y\]/],
        [() => ad.scan((c: Tensor) => [c, c], x, x), /0-d/],
        [() => ad.cond(x, () => 1, 2 as never), /second branch must be a function/],
      ];
      for (const [f, message] of bad) {
        expect(f).toThrow(message);
        expect(f).toThrow(ad.AdjointError);
      }
    });
  });
});

describe("cond", () => {
  const f = (x: Tensor) =>
    ad.cond(
      x.gt(0),
      (y: Tensor) => y.square(),
      (y: Tensor) => y.neg(),
      x,
    );
  it("runs the branch taken, and under vmap selects for each example", () => {
    clean(() => {
      expect(f(f64(3)).item()).toBe(9);
      expect(ad.grad(f)(f64(-3)).item()).toBe(-1);
      expect(
        ad
          .vmap(f)(f64([3, -3]))
          .toArray(),
      ).toEqual([9, 3]);
      expect(
        ad
          .vmap(ad.grad(f))(f64([3, -3]))
          .toArray(),
      ).toEqual([6, -1]);
      expect(
        ad
          .grad((x: Tensor) => ad.vmap(f)(x).sum())(f64([3, -3]))
          .toArray(),
      ).toEqual([6, -1]);
      expect(
        ad.cond(
          true,
          () => 1,
          () => 2,
        ),
      ).toBe(1);
    });
  });
});

describe("scan with checkpoints", () => {
  const W = () => ad.random.normal(ad.random.key(1), [3, 3], { dtype: "float64" });
  const sequence = (n: number) => ({
    a: ad.random.normal(ad.random.key(2), [n, 3], { dtype: "float64" }),
    b: ad.linspace(0, 1, n).cast("float64"),
  });
  const run = (W: Tensor, xs: { a: Tensor; b: Tensor }, options: ad.ScanOptions) => {
    const [h, ys] = ad.scan(
      (h: Tensor, { a, b }: { a: Tensor; b: Tensor }) => {
        const next = h.matmul(W).add(a).mul(b.add(0.5)).tanh();
        return [next, { states: next, sums: next.sum() }] as const;
      },
      ad.zeros([3], { dtype: "float64" }),
      xs,
      options,
    );
    return { h, ...(ys as { states: Tensor; sums: Tensor }) };
  };
  const loss = (options: ad.ScanOptions) => (W: Tensor, a: Tensor, b: Tensor) => {
    const { h, states, sums } = run(W, { a, b }, options);
    return h.sum().add(states.square().sum()).add(sums.sin().sum());
  };

  for (const n of [1, 2, 9, 10, 23])
    for (const reverse of [false, true])
      for (const checkpoint of [true, 1, 4, 100] as const)
        it(`${n} turns${reverse ? ", backwards" : ""}, checkpoint ${checkpoint}: values and derivatives of the plain one`, () => {
          clean(() => {
            const [w, { a, b }] = [W(), sequence(n)];
            const [plain, kept] = [run(w, { a, b }, { reverse }), run(w, { a, b }, { reverse, checkpoint })];
            close(kept.h, plain.h);
            close(kept.states, plain.states);
            close(kept.sums, plain.sums);
            const argnums = [0, 1, 2];
            const expected = ad.grad(loss({ reverse }), { argnums })(w, a, b);
            const got = ad.grad(loss({ reverse, checkpoint }), { argnums })(w, a, b);
            expected.forEach((e, i) => close(got[i]!, e));
            const tangents = [w.cos(), a.cos(), b.cos()] as const;
            close(ad.jvp(loss({ reverse, checkpoint }), [w, a, b], tangents)[1], ad.jvp(loss({ reverse }), [w, a, b], tangents)[1]);
            const second = (options: ad.ScanOptions) => ad.hvp((w: Tensor) => loss(options)(w, a, b), w, w.cos())[1];
            close(second({ reverse, checkpoint }), second({ reverse }));
          });
        });

  it("without xs, without outputs, with parameters that are closed over, compiled and in a batch", () => {
    clean(() => {
      const layer = new ad.nn.Linear(3, 3);
      const f = (x: Tensor, options: ad.ScanOptions) =>
        ad.scan((c: Tensor) => [layer.forward(c).tanh(), null], x, null, { length: 20, ...options })[0];
      const x = ad.tensor([[0.1, 0.2, 0.3]]);
      const gradients = (options: ad.ScanOptions) => {
        layer.zeroGrad();
        f(x, options).square().sum().backward();
        return layer.parameters().map((p) => p.grad!.detach());
      };
      const plain = gradients({});
      gradients({ checkpoint: true }).forEach((g, i) => {
        expect(ad.allclose(g, plain[i]!)).toBe(true);
      });
      const slope = (options: ad.ScanOptions) => (x: Tensor) => ad.grad((x: Tensor) => f(x, options).sum())(x);
      const compiled = ad.compile(slope({ checkpoint: 4 }));
      for (let i = 0; i < 2; i++) expect(ad.allclose(compiled(x), slope({})(x))).toBe(true);
      const batch = ad.stack([x, x.neg()]);
      expect(ad.allclose(ad.vmap(slope({ checkpoint: 4 }))(batch), ad.vmap(slope({}))(batch))).toBe(true);
      for (const p of layer.parameters()) p.dispose();
    });
  });

  it("needs the memory of a few segments", () => {
    const peak = (options: ad.ScanOptions) => {
      ad.reset();
      const x = ad.random.normal(ad.random.key(1), [1000]);
      const f = (x: Tensor) => ad.scan((c: Tensor) => [c.sin().mul(1.1), null], x, null, { length: 400, ...options })[0].sum();
      const gradient = ad.grad(f)(x);
      const { peakBytes } = ad.memory();
      gradient.dispose();
      x.dispose();
      return peakBytes;
    };
    expect(peak({ checkpoint: true })).toBeLessThan(peak({}) / 4);
  });

  it("refuses what is no number of turns", () => {
    for (const checkpoint of [0, -1, 1.5, "yes"])
      expect(() => ad.scan((c: Tensor) => [c, c], f64(1), f64([1, 2]), { checkpoint: checkpoint as never })).toThrow(/checkpoint/);
  });
});
