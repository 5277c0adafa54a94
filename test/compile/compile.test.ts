/** `compile` as it is used: training steps, state, shapes, randomness, and what is refused. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

const { nn, optim } = ad;

endsAtBaseline();

/** In a scope; parameters, which outlive it, are counted at the end of the file. */
const clean = ad.scope;

const randoms = (shape: number[], seed: number) => ad.random.normal(ad.random.key(seed), shape);
const numbers = (tree: unknown): number[][] =>
  (ad.tree.flatten(tree)[0] as unknown[]).filter((t) => t instanceof ad.Tensor).map((t) => Array.from(t.data()));
const warnings = () => vi.mocked(console.warn).mock.calls.map(([text]) => String(text));

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Trains twice, as written and compiled, and returns what came of both: losses, parameters, gradients, state. */
function both(make: () => { step: (...args: Tensor[]) => unknown; state: () => unknown; args: (i: number) => Tensor[] }, steps = 8) {
  const run = (compiled: boolean) => {
    ad.manualSeed(7);
    const { step, state, args } = make();
    const f = compiled ? ad.compile(step) : step;
    const losses = [];
    for (let i = 0; i < steps; i++) losses.push(numbers([f(...args(i))]));
    return { losses, state: numbers(state()), stats: compiled ? (f as ad.Compiled<Tensor[], unknown>).stats() : null };
  };
  const [eager, compiled] = [run(false), run(true)];
  expect(compiled.losses).toEqual(eager.losses);
  expect(compiled.state).toEqual(eager.state);
  return compiled.stats!;
}

describe("a training step", () => {
  const x = (i: number, batch = 8) => randoms([batch, 5], i);
  const y = (i: number, batch = 8) => ad.tensor(Int32Array.from({ length: batch }, (_, k) => (k + i) % 3));

  it.each([
    ["SGD", (p: Tensor[]) => new optim.SGD(p, { lr: 0.1 })],
    ["SGD with momentum", (p: Tensor[]) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
    ["Adam", (p: Tensor[]) => new optim.Adam(p, { lr: 0.01 })],
    ["AdamW with amsgrad", (p: Tensor[]) => new optim.AdamW(p, { lr: 0.01, amsgrad: true })],
  ] as const)("trains as eager code does, to the bit, with %s", (_, optimizer) =>
    clean(() => {
      const stats = both(() => {
        const net = new nn.Sequential(new nn.Linear(5, 16), new nn.Tanh(), new nn.Dropout(0.3), new nn.Linear(16, 3));
        const opt = optimizer(net.parameters());
        return {
          step: (x, y) => {
            const loss = nn.crossEntropy(net.forward(x), y);
            opt.minimize(loss);
            return loss;
          },
          state: () => [net.parameters(), net.parameters().map((p) => p.grad), opt.stateDict().state],
          args: (i) => [x(i), y(i)],
        };
      });
      // SGD makes its buffer in the first step: its program is that of a first step, and of the others.
      expect(stats).toMatchObject({ recordings: 1, replays: 7, eager: 0 });
    }),
  );

  it("follows schedules, seeds and modes without another recording, and with one per mode", () =>
    clean(() => {
      const stats = both(() => {
        const net = new nn.Sequential(new nn.Linear(5, 4), new nn.Dropout(0.5), new nn.Linear(4, 3));
        const opt = new optim.Adam(net.parameters(), { lr: 0.1 });
        const schedule = optim.exponential(0.1, 0.5);
        return {
          step: (x, y) => {
            const loss = nn.crossEntropy(net.forward(x), y);
            opt.minimize(loss);
            return loss;
          },
          state: () => net.parameters(),
          args: (i) => {
            opt.lr = schedule(i);
            if (i === 3) ad.manualSeed(99);
            net.train(i < 5);
            return [x(i), y(i)];
          },
        };
      }, 10);
      expect(stats).toMatchObject({ programs: 2, recordings: 2, replays: 8 });
    }));

  it("has a program for the short last batch, which trains the same parameters", () =>
    clean(() => {
      const stats = both(() => {
        const net = new nn.Linear(5, 3);
        const opt = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
        return {
          step: (x, y) => {
            const loss = nn.crossEntropy(net.forward(x), y);
            opt.minimize(loss);
            return loss;
          },
          state: () => [net.parameters(), opt.stateDict().state],
          args: (i) => [x(i, i % 3 === 2 ? 3 : 8), y(i, i % 3 === 2 ? 3 : 8)],
        };
      }, 9);
      expect(stats).toMatchObject({ programs: 2, recordings: 2 });
    }));

  it("accumulates gradients, clips them, and keeps running statistics", () =>
    clean(() => {
      both(() => {
        const w = ad.tensor([0.5, -1, 2], { requiresGrad: true });
        const mean = ad.zeros([3]);
        const opt = new optim.SGD([w], { lr: 0.05 });
        let i = 0;
        return {
          step: (x) => {
            mean.assign(mean.mul(0.9).add(x.mul(0.1)));
            const loss = x.sub(mean).mul(w).sin().sum();
            loss.backward();
            return loss;
          },
          state: () => [w, mean, w.grad],
          args: (k) => {
            if (++i % 3 === 0) {
              opt.step();
              opt.zeroGrad();
            }
            return [randoms([3], k)];
          },
        };
      }, 9);
    }));

  it("runs hooks and custom rules once, and what they did in each replay", () =>
    clean(() => {
      const rule = ad.customVjp((x: Tensor) => x.square(), {
        forward: (x: Tensor) => [x.square(), x],
        backward: (x: Tensor, ct: Tensor) => [ct.mul(x).mul(3)],
      });
      both(() => {
        const w = ad.tensor([1, 2], { requiresGrad: true });
        w.registerHook((g) => g.mul(0.5));
        const opt = new optim.SGD([w], { lr: 0.01 });
        return {
          step: (x) => {
            const loss = rule(w.mul(x)).sum();
            opt.minimize(loss);
            return loss;
          },
          state: () => [w, w.grad],
          args: (i) => [randoms([2], i)],
        };
      });
    }));

  it("leaves parameters that somebody else looks at as they were", () =>
    clean(() => {
      const w = ad.tensor([1, 2], { requiresGrad: true });
      const opt = new optim.SGD([w], { lr: 1 });
      const step = ad.compile((x) => {
        const loss = w.mul(x).sum();
        opt.minimize(loss);
        return loss;
      });
      const seen: Tensor[] = [];
      for (let i = 0; i < 4; i++) {
        seen.push(w.detach());
        step(ad.tensor([1, 1]));
      }
      expect(seen.map((t) => t.toArray())).toEqual([
        [1, 2],
        [0, 1],
        [-1, 0],
        [-2, -1],
      ]);
    }));

  it("sees that a parameter was frozen, loaded or replaced", () =>
    clean(() => {
      const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
      const opt = new optim.Adam(net.parameters(), { lr: 0.1 });
      const step = ad.compile((x) => {
        const loss = net.forward(x).square().mean();
        opt.minimize(loss);
        return loss;
      });
      const x = randoms([4, 2], 1);
      step(x);
      step(x);
      const [weight] = net.parameters();
      weight!.requiresGrad = false;
      opt.zeroGrad();
      const before = numbers(weight);
      step(x);
      step(x);
      expect(numbers(weight)).toEqual(before);
      const saved = opt.stateDict();
      opt.loadStateDict(saved);
      weight!.requiresGrad = true;
      step(x);
      step(x);
      expect(numbers(weight)).not.toEqual(before);
    }));

  it("takes numbers of an optimizer written by a user as part of the program", () =>
    clean(() => {
      class Plain extends optim.Optimizer<{ lr: number }> {
        constructor(params: Tensor[], options: { lr: number }) {
          super({ name: "Plain", defaults: { lr: 0.1 } }, params, options);
        }
        protected override update(p: Tensor, g: Tensor, { lr }: { lr: number }): void {
          p.assign(p.sub(g.mul(lr)));
        }
      }
      both(() => {
        const w = ad.tensor([1, 2], { requiresGrad: true });
        const opt = new Plain([w], { lr: 0.1 });
        return {
          step: (x) => {
            const loss = w.mul(x).square().sum();
            opt.minimize(loss);
            return loss;
          },
          state: () => w,
          args: (i) => {
            opt.lr = i < 4 ? 0.1 : 0.01;
            return [randoms([2], i)];
          },
        };
      });
    }));
});

describe("gradients in between", () => {
  it("are clipped as in eager code, by one norm or by values", () =>
    clean(() => {
      for (const clip of [
        (p: Tensor[]) => optim.clipGradNorm(p, 0.5),
        (p: Tensor[]) => optim.clipGradNorm(p, 1e-3, { p: 1 }),
        (p: Tensor[]) => optim.clipGradNorm(p[0]!, 100),
        (p: Tensor[]) => optim.clipGradValue(p, 0.1),
      ]) {
        const stats = both(() => {
          const net = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 1));
          const opt = new optim.SGD(net.parameters(), { lr: 0.5 });
          return {
            step: (x) => {
              const loss = net.forward(x).square().mean();
              opt.zeroGrad();
              loss.backward();
              clip(net.parameters());
              opt.step();
              return loss;
            },
            state: () => [net.parameters(), net.parameters().map((p) => p.grad)],
            args: (i) => [randoms([6, 3], i)],
          };
        });
        expect(stats).toMatchObject({ recordings: 1, replays: 7 });
      }
    }));

  it("give their norm as a tensor, which is not to be read inside", () =>
    clean(() => {
      const w = ad.tensor([3, 4], { requiresGrad: true });
      const step = (use: (norm: number) => unknown) =>
        ad.compile(() => {
          w.square().sum().mul(0.5).backward();
          const norm = use(optim.clipGradNorm(w, 1));
          w.zeroGrad();
          return norm as unknown as Tensor;
        });
      const norm = step((n) => n);
      for (let i = 0; i < 3; i++) expect(norm().item()).toBe(5);
      expect(() => step((n) => (n > 1 ? w : w))()).toThrow(ad.TracedValueError);
    }));

  it("belong to optimizers that count their own steps: each is recorded anew", () =>
    clean(() => {
      class Slowing extends optim.Optimizer<{ lr: number }, { step: number }> {
        constructor(params: Tensor[]) {
          super({ name: "Slowing", defaults: { lr: 0.1 }, parts: { step: "count" } }, params);
        }
        protected override update(p: Tensor, g: Tensor, { lr }: { lr: number }, { step }: { step: number }): void {
          p.assign(p.sub(g.mul(lr / step)));
        }
      }
      both(() => {
        const w = ad.tensor([1, 2], { requiresGrad: true });
        const opt = new Slowing([w]);
        return {
          step: (x) => {
            const loss = w.mul(x).square().sum();
            opt.minimize(loss);
            return loss;
          },
          state: () => w,
          args: (i) => [randoms([2], i)],
        };
      });
    }));
});

describe("results and arguments", () => {
  it("are valid for ever, and may be arguments again", () =>
    clean(() => {
      const f = ad.compile((x: Tensor) => x.mul(2));
      const results = [ad.tensor([1, 2])];
      for (let i = 0; i < 4; i++) results.push(f(results.at(-1)!));
      expect(results.map((t) => t.toArray())).toEqual([
        [1, 2],
        [2, 4],
        [4, 8],
        [8, 16],
        [16, 32],
      ]);
    }));

  it("are trees of tensors, numbers and arrays; other leaves are part of the program", () =>
    clean(() => {
      const f = ad.compile((p: { w: Tensor; on: boolean }, { a, k }: { a: Tensor; k: number }, name: string) => ({
        sum: p.on ? p.w.add(a) : p.w.sub(a),
        scaled: [a.mul(k), null, name] as const,
      }));
      for (let i = 0; i < 3; i++) {
        const r = f({ w: ad.tensor([i, 1]), on: i < 2 }, { a: [1, 2], k: i } as never, "x");
        expect(r.sum.toArray()).toEqual(i < 2 ? [i + 1, 3] : [i - 1, -1]);
        expect([r.scaled[0].toArray(), r.scaled[1], r.scaled[2]]).toEqual([[i, 2 * i], null, "x"]);
      }
      expect(f.stats()).toMatchObject({ recordings: 2, replays: 1 });
    }));

  it("may be one tensor twice, an argument as it is, a constant, a parameter, a view", () =>
    clean(() => {
      const w = ad.tensor([3, 4], { requiresGrad: true });
      const f = ad.compile((x: Tensor, y: Tensor) =>
        ad.noGrad(() => [x.add(y), x, x, ad.tensor([5]), w, x.reshape([2, 1]), w.slice([1], [2])]),
      );
      for (let i = 0; i < 3; i++) {
        const x = ad.tensor([i, 1]);
        const r = f(x, x);
        expect(numbers(r)).toEqual([[2 * i, 2], [i, 1], [i, 1], [5], [3, 4], [i, 1], [4]]);
        r[1]!.assign([9, 9]);
        expect(numbers([x, r[2]])).toEqual([
          [i, 1],
          [i, 1],
        ]);
      }
    }));

  it("are read anew where the function closes over them", () =>
    clean(() => {
      const scale = ad.tensor(2);
      const f = ad.compile((x: Tensor) => x.mul(scale));
      expect([1, 2].map((v) => f(ad.tensor([v])).toArray())).toEqual([[2], [4]]);
      scale.assign(10);
      expect(f(ad.tensor([3])).toArray()).toEqual([30]);
      expect(f.stats().recordings).toBe(1);
      scale.dispose();
      expect(() => f(ad.tensor([3]))).toThrow(ad.DisposedError);
    }));

  it("of other shapes and dtypes are recorded, the last eight kept; one warning says so", () =>
    clean(() => {
      const f = ad.compile((x: Tensor) => x.add(1));
      for (let round = 0; round < 2; round++) for (let n = 1; n <= 10; n++) expect(f(ad.ones([n])).toArray()).toEqual(new Array(n).fill(2));
      expect(f(ad.ones([3], { dtype: "float64" })).dtype).toBe("float64");
      expect(f.stats()).toMatchObject({ programs: 8, recordings: 21 });
      expect(warnings().filter((text) => text.includes("was recorded 4 times"))).toHaveLength(1);
    }));

  it("that are static are part of the program", () =>
    clean(() => {
      const f = ad.compile((x: Tensor, n: number) => ad.stack(Array.from({ length: n }, () => x)), { static: 1 });
      expect([2, 3, 2].map((n) => f(ad.tensor([1]), n).shape)).toEqual([
        [2, 1],
        [3, 1],
        [2, 1],
      ]);
      expect(f.stats()).toMatchObject({ programs: 2, recordings: 2, replays: 1 });
      expect(() => f(ad.tensor([1]), ad.tensor(1) as never)).toThrow(/static but a tensor/);
    }));

  it("of int32 and bool, empty ones and numbers", () =>
    clean(() => {
      const f = ad.compile((x: Tensor, i: Tensor, b: Tensor, k: number) => [ad.where(b, x.take(i), x.take(i).mul(k)), x.slice([0], [0])]);
      for (let k = 1; k < 4; k++) {
        const [y, e] = f([1, 2, 3], ad.tensor(Int32Array.of(2, 0, k - 1)), [true, false, false] as never, k) as [Tensor, Tensor];
        expect(y.toArray()).toEqual([3, k, k * k]);
        expect(e.shape).toEqual([0]);
      }
    }));
});

describe("derivatives", () => {
  const f = (x: Tensor) => x.mul(x).sin().sum();
  const x = () => ad.tensor([0.3, -1.2, 2]);

  it("of a compiled function are those of the function", () =>
    clean(() => {
      const c = ad.compile(f);
      c(x());
      c(x());
      expect(numbers(ad.grad(c)(x()))).toEqual(numbers(ad.grad(f)(x())));
      expect(numbers(ad.hessian(c)(x()))).toEqual(numbers(ad.hessian(f)(x())));
      expect(numbers(ad.jvp(c, [x()], [x()]))).toEqual(numbers(ad.jvp(f, [x()], [x()])));
      const rows = ad.stack([x(), x().mul(2)]);
      expect(numbers(ad.vmap(c)(rows))).toEqual(numbers(ad.vmap(f)(rows)));
      const p = ad.tensor([1, 2], { requiresGrad: true });
      c(p).backward();
      expect(p.grad!.toArray()).toEqual(
        ad
          .grad(f)(ad.tensor([1, 2]))
          .toArray(),
      );
      expect(c.stats().eager).toBeGreaterThan(4);
    }));

  it("inside are part of the program", () =>
    clean(() => {
      const h = ad.compile(ad.hessian(f));
      for (const v of [x(), x().mul(2)]) expect(numbers(h(v))).toEqual(numbers(ad.hessian(f)(v)));
      const inner = ad.compile(f);
      const outer = ad.compile((x: Tensor) => ad.grad(inner)(x).mul(2));
      for (const v of [x(), x().mul(2), x().mul(3)]) expect(numbers(outer(v))).toEqual(numbers(ad.grad(f)(v).mul(2)));
      expect(outer.stats()).toMatchObject({ recordings: 1, replays: 2 });
    }));

  it("outside are right where a parameter was used, and a warning says what it costs", () =>
    clean(() => {
      const w = ad.tensor([1, 2], { requiresGrad: true });
      const forward = ad.compile((x: Tensor) => w.mul(x).square());
      for (let i = 0; i < 3; i++) {
        w.zeroGrad();
        forward(ad.tensor([1, 1]))
          .sum()
          .backward();
        expect(w.grad!.toArray()).toEqual([2, 4]);
      }
      expect(forward.stats()).toMatchObject({ replays: 0 });
      expect(warnings()[0]).toMatch(/noGrad/);
      const inference = ad.compile((x: Tensor) => ad.noGrad(() => w.mul(x)));
      for (let i = 0; i < 3; i++) expect(inference(ad.tensor([i, 1])).toArray()).toEqual([i, 2]);
      expect(inference.stats()).toMatchObject({ recordings: 1, replays: 2, eager: 0 });
    }));
});

describe("what cannot be replayed", () => {
  it("is refused with the line and the cure, and nothing is left behind", () =>
    clean(() => {
      const reads = [
        (x: Tensor) => (x.sum().item() > 0 ? x : x.neg()),
        (x: Tensor) => x.mul(x.toArray()[0] as number),
        (x: Tensor) => x.mul(x.data()[0]!),
        (x: Tensor) => (Number(x.sum()) > 1 ? x : x.neg()),
      ];
      for (const f of reads) {
        const c = ad.compile(f);
        for (let i = 0; i < 2; i++) expect(() => c(ad.tensor([1, 2]))).toThrow(ad.TracedValueError);
      }
      expect(() => ad.compile((x: Tensor) => x.item())(ad.tensor(1))).toThrow(/compile\.test\.ts/);
      expect(() => ad.compile(() => 3)()).toThrow(/return a tensor/);
      expect(() => ad.compile((x: Tensor) => x.assign([1]))(ad.tensor([2]))).toThrow(/writes to one of its arguments/);
      expect(() => ad.compile(async (x: Tensor) => x)(ad.tensor([2]))).toThrow(/promise/);
      expect(() => ad.compile((x: Tensor) => x)(Symbol("s") as never)).toThrow(ad.ValueError);
      expect(() => ad.compile((x: Tensor) => x, { statics: 1 } as never)).toThrow(/statics/);
      expect(() => ad.compile(3 as never)).toThrow(ad.ValueError);
    }));

  it("and a throw inside leave everything as eager code would", () =>
    clean(() => {
      const w = ad.tensor([1], { requiresGrad: true });
      let fail = true;
      const f = ad.compile((x: Tensor) => {
        const y = ad.grad((v: Tensor) => {
          if (fail) throw new RangeError("mine");
          return v.mul(w.detach()).sum();
        })(x);
        return y;
      });
      expect(() => f(ad.tensor([2]))).toThrow(RangeError);
      fail = false;
      expect(f(ad.tensor([2])).toArray()).toEqual([1]);
      expect(f(ad.tensor([2])).toArray()).toEqual([1]);
      expect(f.stats()).toMatchObject({ recordings: 2, replays: 1 });
    }));

  it("fails in a replay as in eager code, with parameters as they were", () =>
    clean(() => {
      const w = ad.tensor([1, 2, 3], { requiresGrad: true });
      const opt = new optim.SGD([w], { lr: 1 });
      const f = ad.compile((i: Tensor) => {
        const loss = w.take(i).sum();
        opt.minimize(loss);
        return loss;
      });
      f(ad.tensor(Int32Array.of(0, 1)));
      f(ad.tensor(Int32Array.of(0, 2)));
      const before = numbers(w);
      expect(() => f(ad.tensor(Int32Array.of(0, 7)))).toThrow(ad.IndexError);
      expect(numbers(w)).toEqual(before);
      f(ad.tensor(Int32Array.of(0, 1)));
      expect(numbers(w)).not.toEqual(before);
    }));
});

describe("loops and branches over state", () => {
  const values = [0.5, 3, -2];

  it("unroll: forLoop and scan, with their gradients", () =>
    clean(() => {
      const f = (x: Tensor) => {
        const y = ad.forLoop(0, 5, (i, y: Tensor) => y.mul(0.5).add(x.mul(i)), x);
        const [carry, ys] = ad.scan((c: Tensor, v: Tensor) => [c.mul(v).add(1), c] as const, y.sum(), ad.tensor([1, 2, 3]));
        return carry.add(ys.sum());
      };
      const g = ad.compile(ad.valueAndGrad(f));
      for (const v of values) expect(numbers(g(ad.tensor([v, 1])))).toEqual(numbers(ad.valueAndGrad(f)(ad.tensor([v, 1]))));
      expect(g.stats()).toMatchObject({ recordings: 1, replays: 2 });
    }));

  it("branch by selection: cond, on what each call finds", () =>
    clean(() => {
      const f = (x: Tensor) =>
        ad.cond(
          x.gt(0),
          (x: Tensor) => x.sqrt(),
          (x: Tensor) => x.square(),
          x,
        );
      const g = ad.compile(ad.valueAndGrad(f));
      for (const v of values) expect(numbers(g(ad.tensor(v)))).toEqual(numbers(ad.valueAndGrad(f)(ad.tensor(v))));
    }));

  it("bounded: whileLoop with derivatives makes all its turns and counts those that are wanted", () =>
    clean(() => {
      const f = (x: Tensor) =>
        ad.whileLoop(
          ([y]: [Tensor, Tensor]) => y.abs().lt(10),
          ([y, n]: [Tensor, Tensor]): [Tensor, Tensor] => [y.mul(1.5).add(y.sign()), n.add(1)],
          [x, ad.tensor(0)],
          { maxIterations: 12 },
        );
      const g = ad.compile(f);
      const slope = (x: Tensor) => ad.grad((x: Tensor) => f(x)[0])(x);
      const compiledSlope = ad.compile(slope);
      for (const v of values) {
        expect(numbers(g(ad.tensor(v)))).toEqual(numbers(f(ad.tensor(v))));
        expect(numbers(compiledSlope(ad.tensor(v)))).toEqual(numbers(slope(ad.tensor(v))));
      }
      const [y] = ad.vmap(f)(ad.tensor(values));
      expect(y.toArray()).toEqual(values.map((v) => f(ad.tensor(v))[0].item()));
      const unbounded = (x: Tensor) =>
        ad.whileLoop(
          (y: Tensor) => y.lt(10),
          (y: Tensor) => y.add(1),
          x,
        );
      expect(() => ad.compile(ad.grad(unbounded))(ad.tensor(1))).toThrow(/maxIterations/);
      expect(() => ad.vmap(unbounded)(ad.tensor([1, 2]))).toThrow(ad.TracedValueError);
    }));
});

describe("the engine", () => {
  it("looks at every op when it is asked to: NaN checks and profiles run the function", () =>
    clean(() => {
      const f = ad.compile((x: Tensor) => x.log().mul(2));
      f(ad.tensor([1]));
      f(ad.tensor([1]));
      expect(() => ad.detectAnomaly(() => f(ad.tensor([-1])))).toThrow(ad.AnomalyError);
      expect(ad.profile(() => f(ad.tensor([1]))).rows.map(({ op }) => op)).toContain("log");
      expect(f.stats()).toMatchObject({ replays: 1, eager: 2 });
    }));

  it("holds nothing after many replays, and gives programs back", async () => {
    const w = ad.tensor([1, 2], { requiresGrad: true });
    const opt = new optim.Adam([w], { lr: 1e-6 });
    const step = ad.compile((x: Tensor) => {
      const loss = w.mul(x).exp().sum();
      opt.minimize(loss);
      return loss;
    });
    const x = ad.tensor([1, 2]);
    for (let i = 0; i < 200; i++) step(x).dispose();
    const before = ad.memory();
    for (let i = 0; i < 5000; i++) step(x).dispose();
    expect(ad.memory().bytes).toBe(before.bytes);
    expect(ad.memory().tensors).toBe(before.tensors);
    for (let i = 0; i < 300; i++) {
      const f = ad.compile((v: Tensor) => v.mul(i).add(1).sin());
      expect(f(x).shape).toEqual([2]);
      expect(f(x).shape).toEqual([2]);
    }
    opt.dispose();
    [w, x].forEach((t) => t.dispose());
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it("of another life does not run old programs", () => {
    const f = ad.compile((x: Tensor) => x.mul(2).add(1).mul(3));
    f(ad.tensor([1]));
    f(ad.tensor([1]));
    ad.reset();
    expect(f(ad.tensor([2])).toArray()).toEqual([15]);
    expect(f(ad.tensor([2])).toArray()).toEqual([15]);
    expect(f.stats().recordings).toBe(2);
    ad.reset();
  });
});

describe("the program", () => {
  it("can be read before and after each pass", () => {
    clean(() => {
      const f = ad.compile((x: Tensor) => x.mul(1).add(x.mul(2)).add(x.mul(2)).sqrt());
      const program = f.program(ad.ones([100]));
      expect(program.stages.map(({ name }) => name)).toEqual([
        "recorded",
        "dead code",
        "constant folding",
        "identities",
        "common subexpressions",
        "dead code again",
        "loops",
        "fused",
      ]);
      expect(program.counts()).toMatchObject({ mul: 3, add: 2, sqrt: 1 });
      const count = (stage: number, word: string) => program.stages[stage]!.text.split(` ${word} `).length - 1;
      expect([count(0, "mul"), count(2, "mul"), count(4, "mul")]).toEqual([3, 2, 1]);
      expect(program.stages.at(-1)!.text).toMatch(/fused/);
      expect(String(program)).toContain("common subexpressions:\n");
    });
  });

  it("is counted: groups, operations, bytes, and the arena", () => {
    clean(() => {
      const f = ad.compile((a: Tensor, b: Tensor) => a.matmul(b).add(1).mul(2).sum());
      const [a, b] = [randoms([30, 20], 1), randoms([20, 40], 2)];
      f(a, b);
      f(a, b);
      const { groups, flops, bytesMoved, instructions, arenaBytes } = f.stats();
      expect([groups, instructions]).toEqual([1, 3]);
      expect(flops).toBe(2 * 30 * 20 * 40 + 2 * 1200 + 1200);
      // The product, the group and the sum each read and write once.
      expect(bytesMoved).toBe(4 * (600 + 800 + 1200 + 2 * 1200 + 1200 + 1));
      expect(arenaBytes).toBeGreaterThanOrEqual(2 * 4800);
    });
  });
});

describe("called as it is", () => {
  it("a function sees tensors too, of the dtype that a program gives them", () => {
    clean(() => {
      const f = ad.compile((x: Tensor, p: { w: Tensor }) => x.mul(p.w).sum());
      const given = [[1, 2], { w: 3 }] as unknown as [Tensor, { w: Tensor }];
      expect(
        ad
          .trace(() => f(...given))()
          .counts(),
      ).toMatchObject({ mul: 1, sum: 1 });
      const double = ad.compile((x: Tensor, n: Tensor) => x.mul(n));
      const x = ad.tensor(new Float64Array([1.5]));
      const asProgram = [double(x, 0.1 as never), double(x, 0.1 as never)].map((y) => y.toArray());
      const asItIs = ad
        .vmap((row: Tensor) => double(row, 0.1 as never))(x.reshape([1, 1]))
        .toArray();
      expect([...asProgram, (asItIs as number[][])[0]]).toEqual([[0.15000000000000002], [0.15000000000000002], [0.15000000000000002]]);
      expect(double.stats().eager).toBe(1);
    });
  });
});
