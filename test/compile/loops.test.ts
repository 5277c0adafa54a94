/** Long programs that repeat themselves become loops: the same numbers to the bit, in all modes, from small programs. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

// Loops of a few turns are rolled too, so that each test is short.
beforeEach(() => ad.testing.rollFrom(8));
afterEach(() => ad.testing.rollFrom(null));

const TURNS = 12;
const bits = (tree: unknown) =>
  ad.tree.flatten(tree)[0].map((t) => (t instanceof ad.Tensor ? { shape: t.shape, dtype: t.dtype, numbers: Array.from(t.data()) } : t));

/** Compiled, `f` gives the same as written, three times over; the text of its program. */
function same<A extends unknown[]>(f: (...args: A) => unknown, ...args: A): string {
  return ad.scope(() => {
    const compiled = ad.compile(f as never) as unknown as ((...args: A) => unknown) & { program: (...args: A) => ad.Program & ad.Stages };
    const expected = bits(f(...args));
    for (let i = 0; i < 3; i++) expect(bits(compiled(...args))).toEqual(expected);
    const { stages } = compiled.program(...args);
    return stages[stages.length - 1]!.text;
  });
}

const loops = (text: string) => [...text.matchAll(/loop (\d+) turns/g)].map(([, turns]) => Number(turns));

/** A pendulum. */
const pendulum = (x: Tensor, turns = TURNS): Tensor =>
  ad.forLoop(
    0,
    turns,
    (_, [q, v]) => {
      const next = v.sub(q.sin().mul(0.1));
      return [q.add(next.mul(0.1)), next];
    },
    [x, x.mul(0)] as [Tensor, Tensor],
  )[0];
const energy = (x: Tensor) => pendulum(x).square().sum();

const recurrent = (W: Tensor, xs: Tensor) =>
  ad.scan(
    (h: Tensor, x: Tensor) => {
      const next = h.matmul(W).add(x).tanh();
      return [next, next.square()] as [Tensor, Tensor];
    },
    ad.zeros([2, 3]),
    xs,
  );
const loss = (W: Tensor, xs: Tensor) => {
  const [h, ys] = recurrent(W, xs);
  return ys.sum().add(h.sum());
};
const weights = () => ad.random.normal(ad.random.key(1), [3, 3]);
const sequence = () => ad.random.normal(ad.random.key(2), [TURNS, 2, 3]);

for (const dtype of ["float32", "float64"] as const)
  for (const count of [1, 2, 100])
    describe(`a state of ${count} ${dtype} numbers`, () => {
      const x = () => ad.linspace(0.3, 1.7, count).cast(dtype);

      it("goes through a loop", () => {
        expect(loops(same((x: Tensor) => pendulum(x), x()))).toEqual([TURNS]);
      });

      it("and back through another", () => {
        const text = same((x: Tensor) => ad.grad(energy)(x), x());
        expect(loops(text).length).toBe(2);
        expect(Math.min(...loops(text))).toBeGreaterThan(TURNS - 4);
      });

      it("with tangents, and second derivatives in all four nestings", () => {
        expect(loops(same((x: Tensor) => ad.jvp(energy, [x], [x.mul(0.7)]), x()))).toEqual([TURNS]);
        const nestings = [
          (x: Tensor) => ad.grad((x: Tensor) => ad.grad(energy)(x).sum())(x),
          (x: Tensor) => ad.grad((x: Tensor) => ad.jvp(energy, [x], [ad.onesLike(x)])[1])(x),
          (x: Tensor) => ad.jvp(ad.grad(energy), [x], [ad.onesLike(x)])[1],
          (x: Tensor) => ad.jvp((x: Tensor) => ad.jvp(energy, [x], [ad.onesLike(x)])[1], [x], [ad.onesLike(x)])[1],
        ];
        for (const f of nestings) expect(loops(same(f, x())).length).toBeGreaterThan(0);
      });

      it("in a batch", () => {
        const batch = () => ad.stack([x(), x().mul(2), x().neg()]);
        expect(loops(same((xs: Tensor) => ad.vmap(ad.grad(energy))(xs), batch())).length).toBe(2);
      });
    });

describe("a recurrent network", () => {
  it("takes its inputs from where they lie, and leaves its outputs together", () => {
    expect(loops(same(recurrent, weights(), sequence()))).toEqual([TURNS]);
  });

  it("sums the gradient of its weights from turn to turn", () => {
    expect(loops(same((W: Tensor, xs: Tensor) => ad.grad(loss)(W, xs), weights(), sequence())).length).toBe(2);
  });

  it("has gradients of its inputs", () => {
    expect(loops(same((W: Tensor, xs: Tensor) => ad.grad(loss, { argnums: [0, 1] })(W, xs), weights(), sequence())).length).toBeGreaterThan(
      0,
    );
  });

  it("backwards in time", () => {
    const backwards = (W: Tensor, xs: Tensor) =>
      ad.scan(
        (h: Tensor, x: Tensor) => {
          const next = h.matmul(W).add(x).tanh();
          return [next, next] as [Tensor, Tensor];
        },
        ad.zeros([2, 3]),
        xs,
        { reverse: true },
      );
    expect(loops(same(backwards, weights(), sequence()))).toEqual([TURNS]);
    expect(loops(same((W: Tensor, xs: Tensor) => ad.grad((W: Tensor) => backwards(W, xs)[1].sum())(W), weights(), sequence())).length).toBe(
      2,
    );
  });

  it("trains, its parameters updated in place", () => {
    const run = (compiled: boolean) =>
      ad.scope(() => {
        ad.manualSeed(3);
        const cell = new ad.nn.Linear(6, 3);
        const opt = new ad.optim.Adam(cell.parameters(), { lr: 0.05 });
        const step = (xs: Tensor) => {
          const [, ys] = ad.scan(
            (h: Tensor, x: Tensor) => {
              const next = cell.forward(ad.concat([h, x], 1)).tanh();
              return [next, next] as [Tensor, Tensor];
            },
            ad.zeros([2, 3]),
            xs,
          );
          const loss = ys.sub(0.3).square().mean();
          opt.minimize(loss);
          return loss;
        };
        const f = compiled ? ad.compile(step) : step;
        const losses = Array.from({ length: 6 }, () => (f(sequence()) as Tensor).item());
        return [losses, cell.parameters().map((p) => Array.from(p.data()))];
      });
    expect(run(true)).toEqual(run(false));
  });
});

describe("loops as plain JavaScript writes them", () => {
  const x = () => ad.tensor([0.1, 0.2, 0.3]);

  it("numbers that depend on the turn", () => {
    const f = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < TURNS; i++)
        y = y
          .mul(Math.cos(i))
          .add(i * 0.01)
          .sin();
      return y;
    };
    expect(loops(same(f, x())).length).toBe(1);
    expect(loops(same((x: Tensor) => ad.grad((x: Tensor) => f(x).sum())(x), x())).length).toBeGreaterThan(0);
  });

  it("values of two turns ago, and two that change places", () => {
    const twoStep = (x: Tensor) => {
      let [a, b] = [x, x.mul(1.1)];
      for (let i = 0; i < TURNS; i++) [a, b] = [b, b.mul(1.5).sub(a.mul(0.51)).sin()];
      return [a, b];
    };
    expect(loops(same(twoStep, x())).length).toBe(1);
    const crossed = (x: Tensor) => {
      let [a, b] = [x, x.mul(0.3)];
      for (let i = 0; i < TURNS; i++) [a, b] = [b.sin(), a.cos()];
      return [a, b];
    };
    expect(loops(same(crossed, x())).length).toBe(1);
    const threeStep = (x: Tensor) => {
      let [a, b, c] = [x, x.mul(1.1), x.mul(0.7)];
      for (let i = 0; i < TURNS; i++) [a, b, c] = [b, c, c.mul(1.5).sub(a.mul(0.51)).add(b.mul(0.2)).sin()];
      return [a, b, c];
    };
    expect(loops(same(threeStep, x())).length).toBe(1);
  });

  it("views of the state: transposed, sliced, stretched", () => {
    const f = (m: Tensor) => {
      let y = m;
      for (let i = 0; i < TURNS; i++)
        y = y
          .transpose()
          .matmul(m)
          .add(y.slice([0, 0], [1, 3]).sum())
          .tanh();
      return y;
    };
    expect(loops(same(f, ad.random.normal(ad.random.key(4), [3, 3]))).length).toBe(1);
    const g = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < TURNS; i++)
        y = y
          .flip(0)
          .mul(x)
          .add(y.slice([0], [1]))
          .sin();
      return y;
    };
    expect(loops(same(g, x())).length).toBe(1);
    same((x: Tensor) => ad.grad((x: Tensor) => g(x).sum())(x), x());
  });

  it("all states in a list, some of them, and the one before the last", () => {
    const all = (x: Tensor) => {
      const list: Tensor[] = [];
      let y = x;
      for (let i = 0; i < TURNS; i++) list.push((y = y.sin().mul(1.1)));
      return list;
    };
    expect(loops(same((x: Tensor) => ad.stack(all(x)), x())).length).toBe(1);
    expect(loops(same((x: Tensor) => ad.concat(all(x)), x())).length).toBe(1);
    expect(loops(same((x: Tensor) => ad.stack(all(x).reverse()), x())).length).toBe(1);
    expect(loops(same((x: Tensor) => all(x), x())).length).toBe(1);
    expect(loops(same((x: Tensor) => ad.stack([x, ...all(x).slice(2, 9), x, ...all(x).slice(0, 2)]), x())).length).toBe(1);
    expect(loops(same((x: Tensor) => [all(x).at(-2), all(x)[3]!.sum(), all(x).at(-1)!.reshape([3, 1])], x())).length).toBe(1);
    same((x: Tensor) => ad.grad((x: Tensor) => ad.stack(all(x)).square().sum())(x), x());
  });

  it("one loop on what another left, turn by turn, forward and backward", () => {
    const f = (x: Tensor) => {
      const list: Tensor[] = [];
      let y = x;
      for (let i = 0; i < TURNS; i++) list.push((y = y.sin().mul(1.1)));
      let z = x;
      for (let i = 0; i < TURNS; i++)
        z = z
          .mul(list[i]!)
          .add(list[TURNS - 1 - i]!.cos())
          .tanh();
      return z;
    };
    expect(loops(same(f, x())).length).toBe(2);
    same(
      (x: Tensor) =>
        ad.jvp(
          ad.grad((x: Tensor) => f(x).sum()),
          [x],
          [ad.onesLike(x)],
        ),
      x(),
    );
  });

  it("a turn that does something else is left out", () => {
    for (const odd of [0, 1, 5, TURNS - 1]) {
      const f = (x: Tensor) => {
        let y = x;
        for (let i = 0; i < TURNS; i++) y = i === odd ? y.cos() : y.mul(0.9).sin().add(x).tanh();
        return y;
      };
      expect(loops(same(f, x())).length).toBeGreaterThan(0);
      same((x: Tensor) => ad.grad((x: Tensor) => f(x).sum())(x), x());
    }
    // Every third: two turns and it are the turn of a loop.
    const f = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 3 * TURNS; i++) y = i % 3 === 0 ? y.cos() : y.mul(0.9).sin();
      return y;
    };
    expect(loops(same(f, x()))).toEqual([TURNS]);
  });

  it("each turn with a tensor of its own", () => {
    const list = () => Array.from({ length: TURNS }, (_, i) => ad.tensor([i, 2 * i, 1]));
    same((...xs: Tensor[]) => xs.reduce((y, x) => y.mul(x).sin().add(1)), ...list());
    const fixed = list();
    same((x: Tensor) => fixed.reduce((y, c) => y.mul(c).sin().add(1), x), x());
  });

  it("loops in loops, and draws", () => {
    const nested = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 6; i++) {
        for (let k = 0; k < 5; k++) y = y.sin().mul(1.2);
        y = y.add(x).tanh();
      }
      return y;
    };
    expect(loops(same(nested, x())).length).toBeGreaterThan(0);
    same((x: Tensor) => ad.grad((x: Tensor) => nested(x).sum())(x), x());
    const noisy = (x: Tensor) => {
      let y = x;
      for (let i = 0; i < TURNS; i++) y = y.add(ad.random.normal(ad.random.key(i), [3]).mul(0.1)).sin();
      return y;
    };
    same(noisy, x());
  });
});

it("draws go on from call to call inside a loop", () => {
  const run = (compiled: boolean) =>
    ad.scope(() => {
      ad.manualSeed(5);
      const walk = (x: Tensor) => {
        let y = x;
        for (let i = 0; i < TURNS; i++) y = y.add(ad.random.normal([3])).mul(0.9);
        return y;
      };
      const f = compiled ? ad.compile(walk) : walk;
      return Array.from({ length: 3 }, () => f(ad.tensor([1, 2, 3])).toArray());
    });
  expect(run(true)).toEqual(run(false));
});

it("a pendulum of ten thousand turns is a small program", () => {
  ad.testing.rollFrom(null);
  ad.scope(() => {
    const f = (x: Tensor) => ad.valueAndGrad((x: Tensor) => pendulum(x, 10_000).sum())(x);
    const compiled = ad.compile(f);
    const x = ad.tensor([0.5, 1]);
    compiled(x);
    expect(bits(compiled(x))).toEqual(bits(f(x)));
    expect(compiled.stats().instructions).toBeLessThan(40);
    expect(compiled.stats().replays).toBe(1);
  });
});

it("checkpoints are kept: the gradient of a long scan needs the room of its segments", () => {
  ad.testing.rollFrom(null);
  ad.scope(() => {
    const slope = (options: ad.ScanOptions) =>
      ad.compile((x: Tensor) =>
        ad.grad((x: Tensor) => ad.scan((c: Tensor) => [c.mul(c).sub(1).tanh(), null], x, null, { length: 900, ...options })[0].sum())(x),
      );
    const x = ad.linspace(0, 1, 100);
    const [plain, kept] = [slope({}), slope({ checkpoint: true })];
    expect(bits(kept(x))).toEqual(bits(plain(x)));
    expect(bits(kept(x))).toEqual(bits(plain(x)));
    expect(kept.stats().arenaBytes).toBeLessThan(plain.stats().arenaBytes / 5);
  });
});

describe("several steps of an optimizer in one call", () => {
  const makers = {
    SGD: (p: Iterable<Tensor>) => new ad.optim.SGD(p, { lr: 0.05 }),
    "SGD with momentum": (p: Iterable<Tensor>) => new ad.optim.SGD(p, { lr: 0.05, momentum: 0.9, dampening: 0.1 }),
    Adam: (p: Iterable<Tensor>) => new ad.optim.Adam(p, { lr: 0.05 }),
    AdamW: (p: Iterable<Tensor>) => new ad.optim.AdamW(p, { lr: 0.05, weightDecay: 0.1 }),
  };
  for (const [name, make] of Object.entries(makers))
    for (const steps of [2, 5])
      it(`${steps} of ${name}, compiled and as a traced program`, () => {
        const run = (way: "written" | "compiled" | "traced") =>
          ad.scope(() => {
            ad.manualSeed(3);
            const net = new ad.nn.Linear(3, 2);
            const opt = make(net.parameters());
            const f = (x: Tensor) => {
              let loss = x.sum();
              for (let i = 0; i < steps; i++) opt.minimize((loss = net.forward(x).tanh().square().sum()));
              return loss;
            };
            const x = ad.linspace(0, 1, 12).reshape([4, 3]);
            const losses: unknown[] = [];
            if (way === "traced") {
              losses.push((f(x) as Tensor).item());
              const program = ad.trace(f)(x) as unknown as { run: (x: Tensor) => Tensor };
              losses.push(null, ...Array.from({ length: 3 }, () => program.run(x).item()));
            } else {
              const g = way === "compiled" ? ad.compile(f) : f;
              for (let i = 0; i < 5; i++) losses.push((g(x) as Tensor).item());
            }
            return [losses.filter((_, i) => i !== 1), net.parameters().map((p) => Array.from(p.data()))];
          });
        expect(run("compiled")).toEqual(run("written"));
        expect(run("traced")).toEqual(run("written"));
      });
});
