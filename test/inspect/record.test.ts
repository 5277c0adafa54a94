/** The record is complete: what is written is in the program, and running the program again is running the function again. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn, optim } = ad;
const f64 = (value: unknown) => ad.tensor(value as number[], { dtype: "float64" });
const X = [
  [0.3, -1.2],
  [0.7, 0.4],
  [-0.5, 0.9],
];
const Y = [[0.2], [-0.3], [0.8]];

/** A model with what trains it; all of it is released with `dispose`. */
interface Training {
  step(x: Tensor, y: Tensor): Tensor | void;
  /** Everything that training changes, as numbers. */
  numbers(): unknown;
  dispose(): void;
}

type Net = InstanceType<typeof nn.Sequential>;
type Make = (net: Net) => InstanceType<typeof optim.SGD> | InstanceType<typeof optim.Adam>;

function training(make: Make, loop: (net: Net, o: ReturnType<Make>, x: Tensor, y: Tensor) => Tensor | void): Training {
  ad.manualSeed(7);
  const net = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh(), new nn.Linear(3, 1));
  const o = make(net);
  return {
    step: (x, y) => loop(net, o, x, y),
    numbers: () => {
      const plain = (_key: string, v: unknown) => (v instanceof ad.Tensor ? v.toArray() : v);
      return JSON.parse(JSON.stringify([net.stateDict(), o.stateDict(), net.parameters().map((p) => p.grad)], plain)) as unknown;
    },
    dispose: () => {
      net.zeroGrad();
      o.dispose();
      net.dispose();
    },
  };
}

const OPTIMIZERS: [string, Make][] = [
  ["SGD", (net) => new optim.SGD(net.parameters(), { lr: 0.1 })],
  ["SGD with momentum", (net) => new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9, dampening: 0.3 })],
  ["SGD, Nesterov", (net) => new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 })],
  ["Adam", (net) => new optim.Adam(net.parameters(), { lr: 0.05 })],
  ["Adam, amsgrad", (net) => new optim.Adam(net.parameters(), { lr: 0.05, amsgrad: true, maximize: true })],
  ["AdamW", (net) => new optim.AdamW(net.parameters(), { lr: 0.05 })],
];
const LOOPS: [string, Parameters<typeof training>[1]][] = [
  [
    "minimize",
    (net, o, x, y) => {
      const loss = nn.mseLoss(net.forward(x), y);
      o.minimize(loss);
      return loss;
    },
  ],
  [
    "zeroGrad, backward, step",
    (net, o, x, y) => {
      o.zeroGrad();
      const loss = nn.mseLoss(net.forward(x), y);
      loss.backward();
      o.step();
      return loss;
    },
  ],
  [
    "backward and step, gradients adding up",
    (net, o, x, y) => {
      nn.mseLoss(net.forward(x), y).backward();
      o.step();
    },
  ],
  [
    "two backward passes",
    (net, o, x, y) => {
      net.zeroGrad();
      const loss = nn.mseLoss(net.forward(x), y);
      loss.backward();
      nn.l1Loss(net.forward(x), y).mul(0.5).backward();
      o.step();
      return loss.mul(2);
    },
  ],
  [
    "a closure",
    (net, o, x, y) =>
      o.step(() => {
        o.zeroGrad();
        const loss = nn.mseLoss(net.forward(x), y);
        loss.backward();
        return loss;
      }),
  ],
  [
    "gradients of a transform",
    (net, o, x, y) => {
      const parameters = net.parameters();
      const [loss, gradients] = ad.valueAndGrad((ps: Tensor[]) => {
        const [w, b, v, c] = ps as [Tensor, Tensor, Tensor, Tensor];
        return nn.mseLoss(x.matmul(w.T).add(b).tanh().matmul(v.T).add(c), y);
      })(parameters.map((p) => p.detach())) as [Tensor, Tensor[]];
      parameters.forEach((p, i) => (p.grad = gradients[i]!));
      o.step();
      return loss;
    },
  ],
];

describe.each(OPTIMIZERS)("%s", (_, make) => {
  it.each(LOOPS)("by %s: a replay trains as the step itself, bit for bit", (_loop, loop) => {
    const [x, y] = [ad.tensor(X), ad.tensor(Y)];
    const outcome = (run: (t: Training) => unknown[]) => {
      const t = training(make, loop);
      const losses = ad.scope(() => ({ losses: run(t).map((l) => (l instanceof ad.Tensor ? l.item() : null)) })).losses;
      const result = { losses, numbers: t.numbers() };
      t.dispose();
      return result;
    };
    const eager = outcome((t) => [1, 2, 3, 4].map(() => ad.scope(() => t.step(x, y)?.detach())));
    // The first step recorded, which makes the state; then one in the middle.
    expect(
      outcome((t) => {
        const first = ad.scope(() => t.step(x, y)?.detach());
        const program = ad.trace(t.step)(x, y);
        return [first, program.outputs[0] ? f64(program.outputs[0].value![0]) : null, program.run(x, y), program.run(x, y)];
      }),
    ).toEqual(eager);
    expect(
      outcome((t) => {
        const program = ad.trace(t.step)(x, y);
        return [program.outputs[0] ? f64(program.outputs[0].value![0]) : null, program.run(x, y), program.run(x, y), program.run(x, y)];
      }),
    ).toEqual(eager);
    x.dispose();
    y.dispose();
  });
});

describe("a program", () => {
  it("shows parameters, state, gradients and the update", () => {
    const net = new nn.Linear(2, 1);
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.5 });
    ad.scope(() => {
      const program = ad.trace((x: Tensor) => optimizer.minimize(net.forward(x).sum()))(ad.tensor(X));
      const text = program.toString();
      for (const line of [
        /^program\(x: float32\[3, 2\]\) \{$/m,
        /^ {2}weight: float32\[1, 2\] = parameter$/m,
        /^ {2}weight\.expAvg: float32\[1, 2\] = state$/m,
        /^ {2}weight\.grad := none$/m,
        /^ {2}weight\.grad': float32\[1, 2\] = accumulate t\d+ into weight\.grad$/m,
        /^ {2}weight': float32\[1, 2\], weight\.expAvg': .*, weight\.expAvgSq': .* := adam lr=0\.5 beta1=0\.9 beta2=0\.999 eps=1e-8 step=1 weight weight\.grad' weight\.expAvg weight\.expAvgSq$/m,
      ])
        expect(text).toMatch(line);
      expect(program.parameters.map((v) => v.name).sort()).toEqual(["bias", "weight"]);
      expect(program.constants.some((v) => v.name === "weight")).toBe(false);
      expect(program.counts()).toMatchObject({ adam: 2, accumulate: 2, setGradient: 2 });
      for (const picture of [program.toSvg({ values: true }), program.toMermaid(), program.toDot()]) {
        expect(picture).toContain("adam");
        expect(picture).toContain("setGradient weight");
      }
    });
    net.zeroGrad();
    optimizer.dispose();
    net.dispose();
  });

  it("reads parameters and state as they are now, and a rate that was changed", () => {
    const p = ad.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 1 });
    const captured = f64([10, 20]);
    ad.scope(() => {
      const program = ad.trace((x: Tensor) => {
        optimizer.minimize(p.mul(captured).mul(x).sum());
        return p.mul(1);
      })(f64([1, 1]));
      expect(p.toArray()).toEqual([-9, -18]);
      // Used again after the update, p is the new one.
      expect(program.outputs[0]!.value).toEqual([-9, -18]);
      p.assign([0, 0]);
      captured.assign([1, 2]);
      optimizer.lr = 0.5;
      expect(program.run(f64([2, 2])).toArray()).toEqual([-1, -2]);
      expect([p.toArray(), p.grad!.toArray()]).toEqual([
        [-1, -2],
        [2, 4],
      ]);
    });
    for (const t of [p, captured]) t.dispose();
  });

  it("assigns to parameters, buffers and plain tensors in the order of the run", () => {
    const [mean, count] = [f64([0, 0]), f64(0)];
    ad.scope(() => {
      const f = (x: Tensor) => {
        const before = mean.mul(1);
        mean.assign(mean.mul(0.5).add(x.mul(0.5)));
        count.assign(count.add(1));
        mean.assign(mean.add(count));
        return { before, after: mean.mul(1), name: "kept", n: count.mul(1) };
      };
      const program = ad.trace(f)(f64([2, 4]));
      expect(program.toString()).toMatch(/s\d: float64\[2\] = state[\s\S]* s\d := t\d/);
      expect(mean.toArray()).toEqual([2, 3]);
      const result = program.run(f64([4, 6]));
      expect([result.before.toArray(), result.after.toArray(), result.name, result.n.item()]).toEqual([[2, 3], [5, 6.5], "kept", 2]);
      expect([mean.toArray(), count.item()]).toEqual([[5, 6.5], 2]);
      f(f64([4, 6]));
      expect(mean.toArray()).toEqual([7.5, 9.25]);
    });
    for (const t of [mean, count]) t.dispose();
  });

  it("takes the keys of random draws as inputs of their own", () => {
    clean(() => {
      const f = (x: Tensor) => [ad.dropout(x, { p: 0.5 }), ad.random.normal([2])];
      ad.manualSeed(5);
      const eager = [1, 2, 3].map(() => f(ad.ones([4])).map((t) => t.toArray()));
      ad.manualSeed(5);
      const program = ad.trace(f)(ad.ones([4]));
      expect(program.toString()).toMatch(/key0: int32\[2\] = key\n {2}key1: int32\[2\] = key/);
      const values = program.outputs.map((v) => v.value);
      const replayed = [values, ...[1, 2].map(() => program.run(ad.ones([4])).map((t: Tensor) => t.toArray()))];
      expect(replayed).toEqual(eager);
      const next = ad.random.normal([2]).toArray();
      ad.manualSeed(5);
      for (let i = 0; i < 3; i++) f(ad.ones([4]));
      expect(ad.random.normal([2]).toArray()).toEqual(next);
      // Seeded inside, or with a key of its own, a function draws the same every time.
      const fixed = ad.trace((x: Tensor) => {
        ad.manualSeed(1);
        return [ad.random.normal([2]).add(x), ad.random.normal(ad.random.key(3), [2])];
      })(ad.zeros([2]));
      const twice = [1, 2].map(() => fixed.run(ad.zeros([2])).map((t: Tensor) => t.toArray()));
      expect(twice[0]).toEqual(twice[1]);
    });
  });

  it("is a function: differentiable and mapped where it writes nothing", () => {
    clean(() => {
      const program = ad.trace((x: Tensor) => x.sin().mul(x).sum())(f64([1, 2]));
      const x = f64([0.5, -1]);
      expect(
        ad
          .grad((v: Tensor) => program.run(v))(x)
          .toArray(),
      ).toEqual(
        ad
          .grad((v: Tensor) => v.sin().mul(v).sum())(x)
          .toArray(),
      );
      expect(
        ad.vmap((v: Tensor) => program.run(v))(
          f64([
            [1, 2],
            [3, 4],
          ]),
        ).shape,
      ).toEqual([2]);
      const tree = ad.trace(({ a, b }: { a: Tensor; b: Tensor[] }) => [a.add(b[0]!), 3] as const)({ a: f64(1), b: [f64(2)] });
      const [sum, number] = tree.run({ a: 5, b: [f64(6)] });
      expect([sum.item(), number]).toEqual([11, 3]);
    });
  });

  it("writes to what dies with the run are no writes of the program", () => {
    clean(() => {
      const program = ad.trace((x: Tensor) => {
        const own = ad.zeros([2], { dtype: "float64" });
        own.assign(x.mul(2));
        const w = ad.tensor([1, 1], { dtype: "float64", requiresGrad: true });
        w.mul(own).sum().backward();
        w.mul(own).sum().backward();
        const gradient = w.grad!.mul(1);
        w.zeroGrad();
        w.dispose();
        return [own.mul(1), gradient];
      })(f64([1, 2]));
      expect(program.instructions.every(({ kind }) => kind === "op")).toBe(true);
      expect(program.run(f64([3, 4])).map((t: Tensor) => t.toArray())).toEqual([
        [6, 8],
        [12, 16],
      ]);
      expect(
        ad.jacobianSparsity((x: Tensor) => {
          const own = ad.zeros([2], { dtype: "float64" });
          own.assign(x.mul(2).detach());
          return own.mul(x);
        })(f64([1, 2])),
      ).toBeDefined();
    });
  });
});

describe("a failing run", () => {
  it("changes nothing", () => {
    const p = ad.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const q = ad.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const optimizer = new optim.Adam([p, q], { lr: 1 });
    ad.scope(() => {
      const program = ad.trace((x: Tensor) => optimizer.minimize(p.mul(x).sum().add(q.sum())))(f64([1, 1]));
      const numbers = () =>
        JSON.stringify([p.toArray(), q.toArray(), p.grad!.toArray(), optimizer.stateDict()], (_k, v) =>
          v instanceof ad.Tensor ? v.toArray() : v,
        );
      const before = numbers();
      const refused: [unknown[], new (...args: never[]) => Error, RegExp][] = [
        [[], ad.ValueError, /1 inputs \(x\), got 0/],
        [[f64([1, 2, 3])], ad.ShapeError, /x was float64 \[2\].*got float64 \[3\]/],
        [[ad.tensor([1, 2])], ad.DTypeError, /x was float64 \[2\].*got float32/],
        [["no"], ad.ValueError, /tensor/],
      ];
      for (const [args, type, message] of refused) {
        expect(() => program.run(...(args as [Tensor]))).toThrow(type);
        expect(() => program.run(...(args as [Tensor]))).toThrow(message);
      }
      expect(() => ad.grad((x: Tensor) => program.run(x) as never)(f64([1, 1]))).toThrow(ad.NotDifferentiableError);
      for (let n = 0; n < 60; n++) {
        ad.testing.failAllocation(n);
        let error: unknown;
        try {
          program.run(f64([1, 1]));
        } catch (thrown) {
          error = thrown;
        }
        const left = ad.testing.failAllocation(null);
        if (error === undefined) {
          expect(left).not.toBeNull();
          break;
        }
        expect(error).toBeInstanceOf(ad.OutOfMemoryError);
        expect(numbers()).toBe(before);
      }
    });
    for (const t of [p, q]) t.zeroGrad();
    q.dispose();
    expect(() =>
      ad.scope(() =>
        ad
          .trace((x: Tensor) => p.mul(x))(f64([1, 1]))
          .run(f64([1, 1])),
      ),
    ).not.toThrow();
    optimizer.dispose();
    p.dispose();
  });

  it("names what is gone", () => {
    const [p, c] = [ad.tensor([1], { requiresGrad: true }), ad.tensor([2])];
    const optimizer = new optim.Adam([p]);
    ad.scope(() => {
      const program = ad.trace(() => optimizer.minimize(p.mul(c).sum()))();
      optimizer.dispose();
      expect(() => program.run()).toThrow(/p0\.expAvg is gone/);
      const other = ad.trace(() => p.mul(c))();
      c.dispose();
      expect(() => other.run()).toThrow(ad.DisposedError);
    });
    p.zeroGrad();
    p.dispose();
  });

  it("is refused for a graph that was made before the recording", () => {
    const p = ad.tensor([1], { requiresGrad: true });
    ad.scope(() => {
      const loss = p.mul(2).sum();
      expect(() => ad.trace(() => loss.backward())()).toThrow(/compute the loss inside/);
    });
    p.zeroGrad();
    p.dispose();
  });
});

describe("reading numbers while recording", () => {
  const p = () => ad.tensor([1, 2], { requiresGrad: true });
  const strict = (f: (...args: any[]) => unknown, ...args: unknown[]) => ad.strictTrace(f)(...args);
  const reads: [string, (x: Tensor) => unknown][] = [
    ["item", (x) => x.sum().item()],
    ["data", (x) => x.data()],
    ["toArray", (x) => x.toArray()],
    ["a comparison", (x) => (x.sum() as unknown as number) > 0],
    ["Number", (x) => Number(x.sum())],
    ["JSON", (x) => JSON.stringify(x)],
    ["a check of arguments", (x) => ad.random.uniform([2], { minval: x, maxval: 9 })],
    ["inside grad", (x) => ad.grad((v: Tensor) => v.mul(v.detach().sum().item()).sum())(x)],
  ];

  it.each(reads)("%s is refused in strict mode, with the line and the cure", (_, read) => {
    const w = p();
    clean(() => {
      for (const f of [(x: Tensor) => (read(x), x), () => (read(w), w.mul(1)), () => (read(w.exp()), w.mul(1))]) {
        const error = (() => {
          try {
            strict(f, ad.tensor([1, 2]));
          } catch (thrown) {
            return thrown as Error;
          }
          return null;
        })();
        expect(error).toBeInstanceOf(ad.TracedValueError);
        expect(error!.message).toMatch(/^compile: .*(the inputs|parameters).*record\.test\.ts:\d+.*where\(\)/);
      }
    });
    w.dispose();
    // The next recording works.
    clean(() => expect(strict((x: Tensor) => x.neg(), ad.tensor(1)).instructions).toHaveLength(1));
  });

  it("of what depends on neither is allowed; of state only until it is written", () => {
    const [c, state] = [ad.tensor([1, 2]), ad.tensor([3, 4])];
    clean(() => {
      strict((x: Tensor) => x.mul(c.sum().item()).mul(ad.ones([2]).sum().item()), ad.tensor([1, 2]));
      expect(() =>
        strict(
          (x: Tensor) => {
            const n = state.sum().item();
            state.assign(x);
            return x.mul(n);
          },
          ad.tensor([1, 2]),
        ),
      ).toThrow(/state that is written later.*record\.test\.ts/);
      expect(() =>
        strict(
          (x: Tensor) => {
            state.assign(c);
            return x.mul(state.sum().item());
          },
          ad.tensor([1, 2]),
        ),
      ).toThrow(ad.TracedValueError);
      expect(() => strict(() => ad.random.normal([2]).item())).toThrow(/random keys/);
    });
    for (const t of [c, state]) t.dispose();
  });

  it("marks a plain trace, which then is not run again", () => {
    const w = p();
    clean(() => {
      const onInput = ad.trace((x: Tensor) => (x.sum().item() > 0 ? x.mul(2) : x.mul(3)))(ad.tensor([1, 2]));
      expect(onInput.branched).toBe(true);
      expect(() => onInput.run(ad.tensor([1, 2]))).toThrow(ad.TracedValueError);
      const onParameter = ad.trace((x: Tensor) => x.mul(w.sum().item()))(ad.tensor([1, 2]));
      expect(onParameter.branched).toBe(false);
      expect(() => onParameter.run(ad.tensor([1, 2]))).toThrow(/record\.test\.ts/);
    });
    w.dispose();
  });
});
