/** Graphs that are left behind at the root: a synchronous loop that makes them holds its memory, and one that is still wanted is never gone. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();
afterEach(() => {
  ad.testing.sweepAfter(null);
  ad.testing.failAllocation(null);
});

const { nn, optim } = ad;
const MB = 2 ** 20;
const F = { dtype: "float64" } as const;
const normal = (seed: number, shape: number[]) => ad.random.normal(ad.random.key(seed), shape);

/** Has everything moved out that is not used. */
function idle(): void {
  ad.testing.sweepAfter(0);
  for (let i = 0; i < 3; i++) ad.zeros([]).dispose();
  ad.testing.sweepAfter(null);
}

/** Weights that are the same each time, as plain tensors. */
const weights = () => [normal(1, [64, 64]).mul(0.1), normal(2, [64]), normal(3, [64, 8]).mul(0.1)] as const;
type Weights = readonly Tensor[];
const forward = ([w1, b1, w2]: Weights, x: Tensor) => x.matmul(w1!).add(b1!).tanh().matmul(w2!);
const loss = (w: Weights, x: Tensor) => nn.crossEntropy(forward(w, x), ad.zeros([x.shape[0]!], { dtype: "int32" }));
const parameters = () => weights().map((w) => new nn.Parameter(w));

describe("a synchronous loop that leaves graphs behind", () => {
  const x = () => normal(4, [128, 64]);
  const loops: Record<string, (w: Tensor[]) => (i: number) => void> = {
    "an evaluation without noGrad": (w) => {
      const inputs = x();
      let correct = 0;
      return () => (correct += forward(w, inputs).argmax(1).eq(0).sum().item());
    },
    "new data each turn": (w) => {
      const numbers = x().data();
      return () => void forward(w, ad.tensor(numbers, { shape: [128, 64] })).softmax(1);
    },
    "a saliency map": (w) => {
      const inputs = x();
      return () =>
        void ad
          .grad((v: Tensor) => loss(w, v))(inputs)
          .abs()
          .max()
          .item();
    },
    "backward without a step": (w) => {
      const inputs = x();
      return () => loss(w, inputs).backward();
    },
    "a graph that is kept": (w) => {
      const inputs = x();
      return () => loss(w, inputs).backward(null, { retainGraph: true });
    },
    "createGraph, and gradients forgotten": (w) => {
      const inputs = x();
      return () => {
        loss(w, inputs).backward(null, { createGraph: true });
        for (const p of w) p.zeroGrad();
      };
    },
    "a hook that throws": (w) => {
      const inputs = x();
      w[0]!.registerHook(() => {
        throw new RangeError("mine");
      });
      return () => expect(() => loss(w, inputs).backward()).toThrow(RangeError);
    },
    "what was computed once from parameters is used in every turn": (w) => {
      const inputs = x();
      const scaled = w.map((p) => p.mul(0.5));
      return () => void forward(scaled, inputs).sum().item();
    },
    "a new parameter each turn": () => {
      const inputs = x();
      let p = new nn.Parameter(normal(1, [64, 64]));
      return () => {
        inputs.matmul(p).square().mean().backward();
        p = new nn.Parameter(p.detach().sub(p.grad!.mul(0.01)));
      };
    },
    "a new parameter each turn, and no backward": () => {
      let p = new nn.Parameter(normal(1, [64, 64]));
      return () => {
        p = new nn.Parameter(p.detach().mul(0.999));
        p.square().sum().item();
      };
    },
    "several heads over one body": (w) => {
      const inputs = x();
      return () => {
        const body = inputs.matmul(w[0]!).add(w[1]!).relu();
        for (let k = 0; k < 4; k++) body.matmul(w[2]!).mul(k);
        body.sum().item();
      };
    },
  };

  it.each(Object.entries(loops))("holds its memory: %s", (_, make) => {
    const inputs = normal(5, [32, 64]);
    const exact = ad.grad((w: Weights) => loss(w, inputs))([...weights()]);
    const w = parameters();
    const turn = make(w);
    const kept = w[0]!.mul(3);
    const numbers = kept.data();
    // Of copies: what the loop does to the parameters is not its business.
    const others = parameters();
    const before = loss(others, inputs);
    let most = 0;
    for (let i = 1; i <= 1000; i++) {
      turn(i);
      most = Math.max(most, ad.memory().bytes);
    }
    // A thousand turns make 30 to 500 MB; what the test before has left is a part of it.
    expect(most).toBeLessThan(24 * MB);
    expect(kept.data()).toEqual(numbers);
    expect(kept.sum().item()).toBeCloseTo(ad.tensor(numbers).sum().item(), 2);
    before.backward();
    others.forEach((p, i) => expect(p.grad!.data()).toEqual(exact[i]!.data()));
    for (const p of [...w, ...others]) p.dispose();
  });
});

describe("a parameter that was not used for a while", () => {
  const p = () => ad.tensor([0.5, -1, 2], { ...F, requiresGrad: true });

  it("comes back as what its graphs were computed from", () => {
    const w = p();
    const [y, z] = [w.square(), w.exp()];
    const list = [y, z];
    idle();
    expect(ad.memory().bytes).toBe(0);
    y.sum().backward();
    expect(w.grad!.toArray()).toEqual([1, -2, 4]);
    expect([w.isLeaf, w.requiresGrad, w.toArray()]).toEqual([true, true, [0.5, -1, 2]]);
    idle();
    w.assign([1, 1, 1]);
    idle();
    w.zeroGrad();
    z.sum().backward();
    expect(w.grad!.toArray()).toEqual([0.5, -1, 2].map(Math.exp));
    idle();
    expect(list.map((t) => t.shape)).toEqual([[3], [3]]);
    w.zeroGrad();
    w.dispose();
  });

  it("has its gradient, which is one with the tensor that it was read as", () => {
    const w = p();
    w.square().sum().backward();
    idle();
    // Never read: a value of its own.
    const gradient = w.grad!;
    expect(gradient.toArray()).toEqual([1, -2, 4]);
    for (const numbers of [
      [3, 3, 3],
      [4, 4, 4],
    ]) {
      idle();
      gradient.assign(numbers);
      idle();
      expect(w.grad === gradient).toBe(true);
      expect(w.grad!.toArray()).toEqual(numbers);
    }
    idle();
    w.square().sum().backward();
    expect(w.grad!.toArray()).toEqual([5, 2, 8]);
    expect(gradient.toArray()).toEqual([4, 4, 4]);
    w.grad = null;
    expect(w.grad).toBeNull();
    w.dispose();
  });

  it.each([[false], [true]])("has a gradient whose tensor was written to and disposed of: moved out itself %s", (both) => {
    const w = p();
    w.square().sum().backward();
    const gradient = w.grad!;
    idle();
    gradient.assign([7, 8, 9]);
    if (both) idle();
    gradient.dispose();
    idle();
    expect(w.grad!.toArray()).toEqual([7, 8, 9]);
    w.square().sum().backward();
    expect(w.grad!.toArray()).toEqual([8, 6, 13]);
    w.zeroGrad();
    w.dispose();
  });

  it("is updated by its optimizer, frozen, and used by programs", () => {
    const [w, v] = [p(), p()];
    const optimizer = new optim.Adam([w, v], { lr: 0.1 });
    const reference = p();
    const other = new optim.Adam([reference], { lr: 0.1 });
    const step = ad.compile(() => {
      const value = w.square().sum();
      optimizer.minimize(value);
      return value;
    });
    for (let i = 0; i < 6; i++) {
      step();
      idle();
      other.minimize(reference.square().sum());
      expect(w.toArray()).toEqual(reference.toArray());
      idle();
    }
    w.requiresGrad = false;
    idle();
    expect(w.mul(2).requiresGrad).toBe(false);
    idle();
    w.requiresGrad = true;
    w.zeroGrad();
    idle();
    w.sum().backward();
    expect(w.grad!.toArray()).toEqual([1, 1, 1]);
    const seen: unknown[] = [];
    w.registerHook((g) => void seen.push(g.toArray()));
    idle();
    w.sum().backward();
    expect(seen).toEqual([[1, 1, 1]]);
    for (const t of [w, v, reference]) t.dispose();
  });
});

it("a loop of evaluations with a step now and then holds its memory, and the rule of steps", () => {
  const w = parameters();
  const inputs = normal(4, [128, 64]);
  const optimizer = new optim.SGD(w, { lr: 1e-6 });
  let most = 0;
  for (let i = 1; i <= 2000; i++) {
    if (i % 50 === 0) optimizer.minimize(loss(w, inputs));
    else forward(w, inputs).sum().item();
    most = Math.max(most, ad.memory().bytes);
  }
  // Scalars of 8 steps with 50 graphs each would be 70 MB.
  expect(most).toBeLessThan(50 * MB);
  for (const p of w) p.dispose();
});

describe("a graph that was not used for a while", () => {
  const p = () => ad.tensor([0.5, -1, 2], { ...F, requiresGrad: true });
  const exact = (f: (v: Tensor) => Tensor) =>
    ad
      .grad((v: Tensor) => f(v).sum())(ad.tensor([0.5, -1, 2], F))
      .toArray();

  it("is moved out of the engine, and comes back with its numbers and its derivatives", () => {
    const w = new nn.Parameter(normal(1, [512, 512]));
    const before = ad.memory().bytes;
    const hidden = w.mul(2).tanh();
    const value = hidden.square().mean();
    const [numbers, mean] = [hidden.data(), value.item()];
    expect(ad.memory().bytes - before).toBeGreaterThan(2 * MB);
    idle();
    expect(ad.memory().bytes - before).toBeLessThan(MB / 4);
    // Read where they are.
    expect(hidden.data()).toEqual(numbers);
    expect(value.item()).toBe(mean);
    expect([hidden.shape, hidden.requiresGrad, value.isLeaf]).toEqual([[512, 512], true, false]);
    idle();
    value.backward();
    const again = new nn.Parameter(w.detach());
    again.mul(2).tanh().square().mean().backward();
    expect(w.grad!.data()).toEqual(again.grad!.data());
    // The graph is spent as any other.
    idle();
    expect(() => value.backward()).toThrow(/freed by an earlier backward/);
    expect(hidden.data()).toEqual(numbers);
    for (const t of [w, again]) t.dispose();
  });

  const graphs: Record<string, (v: Tensor) => Tensor> = {
    "views and sums": (v) => v.reshape([3, 1]).broadcastTo([3, 4]).transpose().sum(0).mul(v),
    "a constant that is shared": (v) => {
      const c = ad.tensor([1, 2, 3], F);
      return v.mul(c).add(v.mul(c)).div(c);
    },
    "parts and pieces": (v) => ad.concat([v.slice([0], [2]).square(), v.at(2).reshape([1]).exp()]),
    "several uses of one value": (v) => {
      const s = v.sin();
      return s.mul(s).add(s.exp()).mul(s);
    },
    "a product": (v) =>
      v
        .reshape([1, 3])
        .matmul(v.reshape([3, 1]))
        .mul(v),
    "the parameter itself": (v) => v.mul(v.exp()).sub(v),
    "a detached copy": (v) => v.mul(v.detach().exp()),
    "a derivative": (v) => ad.grad((u: Tensor) => u.mul(v).exp().sum())(v),
    "another dtype on the way": (v) => v.cast("float32").mul(2).cast("float64").square(),
  };

  it.each(Object.entries(graphs))("has the derivatives it had: %s", (_, f) => {
    const w = p();
    const [first, second] = [f(w), f(w).mul(2)];
    idle();
    const third = first.mul(second);
    idle();
    third.sum().backward(null, { retainGraph: true });
    expect(w.grad!.toArray()).toEqual(exact((v) => f(v).mul(f(v).mul(2))));
    idle();
    w.zeroGrad();
    second.sum().backward(null, { createGraph: true });
    expect(w.grad!.toArray()).toEqual(exact((v) => f(v).mul(2)));
    w.zeroGrad();
    w.dispose();
  });

  it("keeps the numbers it was computed from, whatever is assigned", () => {
    const w = p();
    const c = ad.tensor([1, 2, 3], F);
    const y = w.square().mul(c);
    idle();
    w.assign([9, 9, 9]);
    c.assign([0, 0, 0]);
    idle();
    y.sum().backward();
    expect(w.grad!.toArray()).toEqual([1, -4, 12]);
    expect(y.toArray()).toEqual([0.25, 2, 12]);
    w.dispose();
  });

  it("is released by the steps that follow when it is used again", () => {
    const w = p();
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const y = w.square();
    idle();
    optimizer.minimize(w.sum());
    expect(y.sum().item()).toBeCloseTo(5.25);
    optimizer.minimize(w.sum());
    optimizer.minimize(w.sum());
    expect(() => y.sum()).toThrow(/earlier training step/);
    w.dispose();
  });

  it("has what it was computed from, when that was disposed of", () => {
    const w = p();
    const hot = w.exp();
    const y = hot.mul(hot).sum();
    ad.testing.sweepAfter(0);
    for (let i = 0; i < 4; i++) hot.neg().dispose();
    ad.testing.sweepAfter(null);
    hot.dispose();
    expect(() => hot.neg()).toThrow(ad.DisposedError);
    idle();
    y.backward();
    expect(w.grad!.toArray()).toEqual(exact((v) => v.exp().mul(v.exp())));
    w.dispose();
  });

  it("goes on without a parameter that was disposed of", () => {
    const [w, v] = [p(), p()];
    const y = w.mul(v).sum();
    idle();
    w.dispose();
    y.backward();
    expect(v.grad!.toArray()).toEqual([0.5, -1, 2]);
    v.dispose();
  });

  it("can be disposed of in parts, kept and moved on", () => {
    const w = p();
    const [a, b] = [w.exp(), w.sin()];
    const y = a.mul(b);
    idle();
    a.dispose();
    idle();
    expect(ad.keep(y)).toBe(y);
    idle();
    expect(() => a.neg()).toThrow(ad.DisposedError);
    expect(
      ad
        .vjp((s: Tensor) => y.mul(s), ad.tensor(2, F))[1](ad.ones([3], F))[0]!
        .item(),
    ).toBeCloseTo(y.sum().item());
    idle();
    y.sum().backward();
    expect(w.grad!.toArray()).toEqual(exact((v) => v.exp().mul(v.sin())));
    w.dispose();
  });

  it("stays where hooks, pullbacks and gradients of its values need it", () => {
    const w = p();
    const [y, z] = [w.square(), w.exp()];
    const seen: unknown[] = [];
    y.registerHook((g) => void seen.push(g.toArray()));
    z.retainGrad();
    const total = y.add(z).sum();
    const [, pullback] = ad.vjp((s: Tensor) => y.mul(s).sum(), ad.tensor(2, F));
    idle();
    expect(pullback(ad.tensor(1, F))[0]!.item()).toBe(5.25);
    idle();
    total.backward();
    expect(seen).toEqual([[1, 1, 1]]);
    expect(z.grad!.toArray()).toEqual([1, 1, 1]);
    expect(w.grad!.toArray()).toEqual(exact((v) => v.square().add(v.exp())));
    pullback.dispose();
    w.dispose();
  });

  it("is refused when there is no room for it, and is there when there is", () => {
    const w = p();
    const make = () => w.mul(2).exp().mul(w).sin().sum();
    const y = make();
    const number = y.item();
    let refusals = 0;
    for (let n = 0; ; n++) {
      idle();
      const before = ad.memory();
      ad.testing.failAllocation(n);
      try {
        ad.scope(() => void y.neg());
        if (ad.testing.failAllocation(null) !== null) break;
      } catch (error) {
        ad.testing.failAllocation(null);
        expect(error).toBeInstanceOf(ad.OutOfMemoryError);
        refusals++;
      }
      idle();
      // Less, where something else became garbage.
      expect(ad.memory().tensors).toBeLessThanOrEqual(before.tensors);
      expect(ad.memory().bytes).toBeLessThanOrEqual(before.bytes);
    }
    expect(refusals).toBeGreaterThan(20);
    expect(y.item()).toBe(number);
    y.backward();
    expect(w.grad!.toArray()).toEqual(exact((v) => v.mul(2).exp().mul(v).sin()));
    w.dispose();
  });

  it("stays when there is no room to move it, and nothing is lost", () => {
    const w = p();
    const c = ad.tensor([3, 2, 1], F);
    for (let n = 0; n < 120; n++) {
      const y = w.mul(c).exp().mul(w).sum();
      const before = ad.memory().tensors;
      ad.testing.sweepAfter(0);
      ad.testing.failAllocation(n);
      try {
        for (let i = 0; i < 3; i++) ad.zeros([]).dispose();
      } catch (error) {
        expect(error).toBeInstanceOf(ad.OutOfMemoryError);
      }
      ad.testing.failAllocation(null);
      ad.testing.sweepAfter(null);
      expect(ad.memory().tensors).toBeLessThanOrEqual(before);
      w.zeroGrad();
      y.backward();
      expect(w.grad!.toArray()).toEqual(
        exact((v) =>
          v
            .mul(ad.tensor([3, 2, 1], F))
            .exp()
            .mul(v),
        ),
      );
      y.dispose();
    }
    w.dispose();
  });

  it("is gone with its engine", () => {
    const y = p().square();
    idle();
    ad.reset();
    expect(() => y.sum()).toThrow(/reset\(\) made a fresh engine/);
    expect(ad.memory().tensors).toBe(0);
  });
});
