/** Plainly written loops, synchronous and at top level: no scope, no await, no dispose, and the memory is flat. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { settle } from "../support/baseline.js";

const { nn, optim, data } = ad;

let before = 0;
beforeAll(async () => {
  before = await settle();
});
// The values of a step wait for eight others at most: steps in a scope let them go.
afterAll(async () => {
  const last = ad.tensor([1], { requiresGrad: true });
  for (let i = 0; i < 9; i++) ad.scope(() => new optim.SGD([last], { lr: 0.1 }).minimize(last.square().sum()));
  last.dispose();
  expect(await settle(before)).toBe(before);
});

const network = () => new nn.Sequential(new nn.Linear(32, 64), new nn.Tanh(), new nn.Linear(64, 4));
const batch = () => [ad.random.normal(ad.random.key(0), [16, 32]), ad.random.randint(ad.random.key(1), [16], { maxval: 4 })] as const;

/** Bytes and tensors after 200 and after 1000 runs of `step`. */
function growth(step: (i: number) => void): { bytes: number; allowed: number } {
  let early = 0;
  for (let i = 1; i <= 1000; i++) {
    step(i);
    if (i === 200) early = ad.memory().bytes;
  }
  return { bytes: ad.memory().bytes - early, allowed: 0.2 * early + 100_000 };
}

function expectFlat(step: (i: number) => void): void {
  const { bytes, allowed } = growth(step);
  expect(bytes).toBeLessThan(allowed);
}

describe("a loop without scopes holds the memory of two steps", () => {
  it("minimize", () => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.Adam(net.parameters());
    expectFlat(() => optimizer.minimize(nn.crossEntropy(net.forward(x), y)));
  });

  it("a write from a hook ends the step after the pass it runs in, not in the middle of it", () => {
    const w = ad.tensor([1, 2], { requiresGrad: true });
    w.square().sum().backward();
    const scores = w.mul(2);
    scores.registerHook(() => void w.assign([3, 4]));
    scores.backward([1, 1]);
    // No pass since that step: this ends none, and what the pass left may still be read.
    w.assign([5, 6]);
    expect(scores.toArray()).toEqual([2, 4]);
    w.mul(1).sum().backward();
    w.assign([7, 8]);
    expect(() => scores.toArray()).toThrow(/released when the optimizer's next step ended/);
    w.zeroGrad();
    w.dispose();
  });

  it("a pass that a hook leaves has freed what it went over, which goes with the next step", () => {
    const w = ad.tensor([1, 2], { requiresGrad: true });
    const turn = () => {
      const scores = w.mul(2);
      const loss = scores.square();
      scores.registerHook(() => {
        throw new Error("left");
      });
      expect(() => loss.backward([1, 1])).toThrow("left");
      w.zeroGrad();
      return loss;
    };
    const loss = turn();
    turn();
    expect(() => loss.toArray()).toThrow(/released when the optimizer's next step ended/);
    w.dispose();
  });

  it("backward and step, losses collected in a list", () => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const losses: Tensor[] = [];
    expectFlat(() => {
      optimizer.zeroGrad();
      const loss = nn.crossEntropy(net.forward(x), y);
      loss.backward();
      optimizer.step();
      losses.push(loss);
    });
    expect(losses[0]!.item()).toBeGreaterThan(losses[999]!.item());
    expect(() => losses[0]!.backward()).toThrow(/freed by an earlier backward/);
  });

  it.each([
    ["retainGraph", { retainGraph: true }],
    ["createGraph", { createGraph: true }],
  ] as const)("backward with %s, released by the step that changes the parameters", (_, options) => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const { bytes } = growth(() => {
      optimizer.zeroGrad();
      nn.crossEntropy(net.forward(x), y).backward(undefined, options);
      optimizer.step();
    });
    // A loss outlives a step.
    expect(bytes).toBeLessThanOrEqual(800 * 2 * 64 + 20_000);
  });

  it("a penalty on gradients: createGraph, backward through them, step", () => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.001 });
    const { bytes } = growth(() => {
      optimizer.zeroGrad();
      nn.crossEntropy(net.forward(x), y).backward(undefined, { createGraph: true });
      const penalty = net.parameters().reduce((sum, p) => sum.add(p.grad!.square().sum()), ad.tensor(0));
      penalty.backward();
      optimizer.step();
    });
    // The loss, and the sums that the penalty was added up from.
    expect(bytes).toBeLessThanOrEqual(800 * 12 * 64 + 20_000);
  });

  it("a kept graph under parameters assigned by hand", () => {
    const w = ad.tensor(new Float32Array(4096).fill(1), { requiresGrad: true });
    const { bytes } = growth(() => {
      const loss = w.mul(3).square().sum();
      loss.backward(undefined, { retainGraph: true });
      w.assign(w.detach().sub(w.grad!.mul(1e-4)));
      w.zeroGrad();
    });
    // Each graph has three tensors of 16 KB. Plain values come and go by half a megabyte.
    expect(bytes).toBeLessThanOrEqual(800 * 2 * 64 + 2 ** 20);
  });

  it("parameters assigned by hand, gradients forgotten one by one", () => {
    const [net, [x, y]] = [network(), batch()];
    expectFlat(() => {
      nn.crossEntropy(net.forward(x), y).backward();
      ad.noGrad(() => {
        for (const p of net.parameters()) {
          p.assign(p.sub(p.grad!.mul(0.01)));
          p.zeroGrad();
        }
      });
    });
  });

  it("two losses in turn, one of them over detached values", () => {
    const [net, other, [x, y]] = [network(), network(), batch()];
    const [first, second] = [new optim.SGD(net.parameters(), { lr: 0.01 }), new optim.SGD(other.parameters(), { lr: 0.01 })];
    const { bytes } = growth(() => {
      const scores = net.forward(x);
      second.minimize(nn.mseLoss(other.forward(x), scores.detach()));
      first.minimize(nn.crossEntropy(scores, y));
    });
    // Two losses and the detached copy of 16 · 4 numbers outlive a step.
    expect(bytes).toBeLessThanOrEqual(800 * (64 + 64 + 256) + 20_000);
  });

  it("evaluation between the steps, recorded though nobody goes backward", () => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
    const { bytes } = growth(() => {
      optimizer.minimize(nn.crossEntropy(net.forward(x), y));
      nn.crossEntropy(net.forward(x), y).item();
    });
    // Two losses outlive a step.
    expect(bytes).toBeLessThanOrEqual(800 * 2 * 64 + 20_000);
  });

  it("rules of the user's own", () => {
    const [net, [x, y]] = [network(), batch()];
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const sine = ad.customVjp((v: Tensor) => v.sin(), {
      forward: (v: Tensor) => [v.sin(), v],
      backward: (v: Tensor, ct: Tensor) => [v.cos().mul(ct)],
    });
    const total = ad.customJvp(
      (v: Tensor) => v.sum(),
      ([v]: Tensor[], [t]: Tensor[]) => [v!.sum(), t!.sum()],
    );
    const { bytes } = growth(() => optimizer.minimize(total(sine(net.forward(x))).add(nn.crossEntropy(net.forward(x), y))));
    // Of the scalars, those that the rule was asked for among them.
    expect(bytes).toBeLessThanOrEqual(800 * 4 * 64 + 20_000);
  });

  it("evaluation in noGrad", () => {
    const [net, [x, y]] = [network(), batch()];
    let right = 0;
    expectFlat(() => {
      right += ad.noGrad(() => net.forward(x).argmax(1).eq(y).cast("float32").sum()).item();
    });
    expect(right).toBeGreaterThan(-1);
  });

  it.each([
    ["at the root", (f: () => void) => f()],
    ["in noGrad", (f: () => void) => ad.noGrad(f)],
    ["in a scope", (f: () => void) => ad.scope(f)],
  ] as const)("a loader's loop %s", (_, around) => {
    const net = network();
    const set = new data.TensorDataset(
      ad.random.normal(ad.random.key(3), [400, 32]),
      ad.random.randint(ad.random.key(4), [400], { maxval: 4 }),
    );
    const loader = new data.DataLoader(set, { batchSize: 4, shuffle: true });
    const bytes: number[] = [];
    const scores: Tensor[] = [];
    around(() => {
      let seen = 0;
      for (const [x, y] of loader) {
        scores.push(net.forward(x!).argmax(1).eq(y!).cast("float32").mean());
        if (++seen % 50 === 0) bytes.push(ad.memory().bytes);
      }
      expect(scores.every((score) => score.item() >= 0)).toBe(true);
    });
    expect(bytes).toHaveLength(2);
    // Of a turn at the root a few plain tensors stay until the next sweep.
    expect(bytes[1]! - bytes[0]!).toBeLessThan(50 * 64 * 16);
  });
});

describe("what a step leaves behind", () => {
  const setUp = () => {
    const w = ad.tensor([1, 2, 3], { requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const step = () => {
      const y = w.mul(2);
      const loss = y.square().sum();
      optimizer.minimize(loss);
      return { y, loss };
    };
    return { w, step };
  };

  it("can be read until the next step ends, and then says why it went", () => {
    const { step } = setUp();
    const { y, loss } = step();
    expect(y.toArray()).toEqual([2, 4, 6]);
    step();
    expect(() => y.sum()).toThrow(ad.DisposedError);
    expect(() => y.toArray()).toThrow(/training step.*detach\(\).*keep\(t\)/s);
    expect(String(y)).toBe("tensor(released)");
    expect(loss.item()).toBe(56);
    y.dispose();
  });

  it("is kept by keep() and detach()", () => {
    const { step } = setUp();
    const { y } = step();
    const kept = ad.keep({ list: [y] });
    const copy = y.detach();
    for (let i = 0; i < 5; i++) step();
    expect(kept.list[0]!.toArray()).toEqual([2, 4, 6]);
    expect(copy.toArray()).toEqual([2, 4, 6]);
  });

  it("is what the optimizer's own next step releases: members of an ensemble do not release one another's", () => {
    const members = [1, 2, 3].map((v) => ad.tensor([v, v], { requiresGrad: true }));
    const optimizers = members.map((w) => new optim.SGD([w], { lr: 0.1 }));
    for (let i = 0; i < 3; i++) {
      const scores = members.map((w) => w.mul(2));
      scores.forEach((y, k) => optimizers[k]!.minimize(y.square().sum()));
      expect(ad.stack(scores).mean(0).shape).toEqual([2]);
    }
  });

  it("includes a graph nobody went backward through, once the parameters it was computed from have changed", () => {
    const { w, step } = setUp();
    const frozen = ad.tensor([1, 2, 3], { requiresGrad: true });
    frozen.assign([4, 5, 6]);
    const [stale, features] = [w.exp(), frozen.mul(2)];
    step();
    expect(stale.shape).toEqual([3]);
    for (let i = 0; i < 20; i++) step();
    expect(() => stale.toArray()).toThrow(/changed.*detach\(\).*keep\(t\)/s);
    expect(features.toArray()).toEqual([8, 10, 12]);
    features.sum().backward();
    expect(frozen.grad!.toArray()).toEqual([2, 2, 2]);
  });

  it("leaves losses that are minimized in turn alone, and a loss over other parameters for good", () => {
    const { w, step } = setUp();
    const optimizer = new optim.SGD([w], { lr: 0.5 });
    const losses = [1, 2, 3].map((scale) => w.mul(scale).sum());
    losses.forEach((loss) => optimizer.minimize(loss));
    expect(w.toArray()).toEqual([-2, -1, 0]);
    const other = ad.tensor([3], { requiresGrad: true });
    const [late, untouched] = [w.square().sum(), other.square().sum()];
    for (let i = 0; i < 20; i++) step();
    expect(late.item()).toBe(5);
    expect(() => late.backward()).toThrow(/8 training steps.*compute the loss anew/s);
    untouched.backward();
    expect(other.grad!.item()).toBe(6);
  });

  it("counts rows of the tape by when they were written, also after it was cut and pressed together", () => {
    const { w, step } = setUp();
    const frozen = ad.tensor([1, 2, 3], { requiresGrad: true });
    for (let i = 0; i < 3; i++) {
      ad.scope(() => {
        for (let k = 0; k < 6000; k++) w.mul(2);
        frozen.assign([i, i, i]);
      });
      const features = frozen.mul(2);
      const filler = Array.from({ length: 6000 }, () => w.mul(2));
      for (const t of filler) t.dispose();
      for (let k = 0; k < 12; k++) step();
      expect(features.toArray()).toEqual([2 * i, 2 * i, 2 * i]);
      features.dispose();
    }
  });

  it("includes what was computed from the graph besides", () => {
    const { step } = setUp();
    const { y } = step();
    const branch = y.exp();
    step();
    step();
    expect(() => branch.sum()).toThrow(ad.DisposedError);
  });

  it("does not include what gradient accumulation still needs", () => {
    const { w } = setUp();
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const outputs = [1, 2, 3].map((scale) => {
      const y = w.mul(scale);
      y.sum().backward();
      return y;
    });
    expect(outputs.map((y) => y.toArray()[0])).toEqual([1, 2, 3]);
    optimizer.step();
    expect(outputs.map((y) => y.toArray()[0])).toEqual([1, 2, 3]);
  });
});

describe("a loader's loop", () => {
  const loader = () => new data.DataLoader(new data.TensorDataset(ad.arange(6)), { batchSize: 2 });

  it("leaves plain values alone at the root, and releases what is part of a graph", () => {
    const w = ad.tensor([2, 3], { requiresGrad: true });
    const [batches, doubled, graphs, losses, kept] = [[], [], [], [], []] as [Tensor[], Tensor[], Tensor[], Tensor[], Tensor[]];
    for (const [x] of loader()) {
      batches.push(x!);
      doubled.push(x!.mul(2));
      graphs.push(x!.mul(w));
      losses.push(x!.mul(w).sum());
      kept.push(ad.keep(x!.mul(w)));
    }
    expect(batches.map((t) => t.toArray())).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(doubled.map((t) => t.toArray()[1])).toEqual([2, 6, 10]);
    expect(() => graphs[0]!.toArray()).toThrow(/next batch.*detach/s);
    expect(graphs[2]!.toArray()).toEqual([8, 15]);
    expect(losses.map((t) => t.item())).toEqual([3, 13, 23]);
    expect(kept.map((t) => t.toArray()[1])).toEqual([3, 9, 15]);
  });

  it("releases, in a scope, a batch and what was made of it, apart from scalars and what is kept", () => {
    ad.scope(() => {
      const [batches, doubled, sums, copies, kept] = [[], [], [], [], []] as [Tensor[], Tensor[], Tensor[], Tensor[], Tensor[]];
      for (const [x] of loader()) {
        batches.push(x!);
        doubled.push(x!.mul(2));
        sums.push(x!.sum());
        copies.push(x!.detach());
        kept.push(ad.keep(x!.mul(3)));
      }
      expect(() => batches[0]!.toArray()).toThrow(/next batch.*loader\.toArray|keep/s);
      expect(() => doubled[0]!.toArray()).toThrow(ad.DisposedError);
      expect(sums.map((t) => t.item())).toEqual([1, 5, 9]);
      expect(copies.map((t) => t.toArray())).toEqual([
        [0, 1],
        [2, 3],
        [4, 5],
      ]);
      expect(kept.map((t) => t.toArray())).toEqual([
        [0, 3],
        [6, 9],
        [12, 15],
      ]);
      // The last turn's may be read after the loop.
      expect(doubled[2]!.toArray()).toEqual([8, 10]);
      kept.forEach((t) => t.dispose());
    });
  });

  it("may be left early, nested, zipped and abandoned", () => {
    const one = loader();
    for (const [x] of one) {
      expect(x!.toArray()).toEqual([0, 1]);
      break;
    }
    const [first] = [...one].at(-1)!;
    expect(first!.toArray()).toEqual([4, 5]);
    const [a, b] = [loader()[Symbol.iterator](), loader()[Symbol.iterator]()];
    for (let i = 0; i < 3; i++) {
      const [[x], [y]] = [a.next().value as Tensor[], b.next().value as Tensor[]];
      expect(x!.sub(y!).toArray()).toEqual([0, 0]);
    }
    for (const [x] of one) for (const [y] of loader()) expect(x!.add(y!).shape).toEqual([2]);
    ad.scope(() => {
      const lying = one[Symbol.iterator]();
      return (lying.next().value as Tensor[])[0]!;
    }).dispose();
    expect(ad.scope(() => ad.ones([2]).add(1)).toArray()).toEqual([2, 2]);
  });
});

describe("keep", () => {
  it("takes a tensor out of the scopes around it", () => {
    let kept!: Tensor;
    ad.scope(() => ad.scope(() => void (kept = ad.keep(ad.ones([2]).mul(3)))));
    expect(kept.toArray()).toEqual([3, 3]);
    kept.dispose();
  });

  it("is refused for a value that ends with its transform", () => {
    expect(() => ad.grad((x: Tensor) => ad.keep(x.mul(2)).sum())(ad.ones([2]))).toThrow(/return it from there.*detach/s);
  });
});

describe("what a scope returns", () => {
  it("may be held by Maps, Sets, class instances and cycles", () => {
    class Pair {
      constructor(
        readonly left: Tensor,
        readonly right: Map<string, Tensor>,
      ) {}
      self = this;
    }
    const pair = ad.scope(() => new Pair(ad.ones([1]), new Map([["a", ad.zeros([1])]])));
    expect([pair.left.item(), pair.right.get("a")!.item()]).toEqual([1, 0]);
    pair.left.dispose();
    pair.right.get("a")!.dispose();
  });
});
