/** Plain tensors of the root: a loop that leaves them behind holds its memory flat, and one that is still wanted is never gone. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it } from "vitest";
import { stateful } from "../fuzz/stateful.js";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();
afterEach(() => ad.testing.sweepAfter(null));

const { nn, optim, data } = ad;
const MB = 2 ** 20;
type Params = { w1: Tensor; b1: Tensor; w2: Tensor; b2: Tensor };

const normal = (seed: number, shape: number[]) => ad.random.normal(ad.random.key(seed), shape);
const start = (from: number, hidden: number, to: number): Params => ({
  w1: normal(1, [from, hidden]).mul(0.05),
  b1: ad.zeros([hidden]),
  w2: normal(2, [hidden, to]).mul(0.05),
  b2: ad.zeros([to]),
});
const forward = (p: Params, x: Tensor) => x.matmul(p.w1).add(p.b1).relu().matmul(p.w2).add(p.b2);
const loss = (p: Params, x: Tensor, y: Tensor) => nn.crossEntropy(forward(p, x), y);

/** Bytes after 200 and 1000 turns, and the most at the end of any turn in between. */
function growth(turn: (i: number) => void): { early: number; late: number; most: number } {
  let [early, most] = [0, 0];
  for (let i = 1; i <= 1000; i++) {
    turn(i);
    if (i === 200) early = ad.memory().bytes;
    if (i > 200) most = Math.max(most, ad.memory().bytes);
  }
  return { early, late: ad.memory().bytes, most };
}

describe("a synchronous loop that makes plain tensors", () => {
  const x = () => normal(3, [16, 64]);
  const y = () => ad.random.randint(ad.random.key(4), [16], { maxval: 8 });
  const descent = (p: Params, gradient: Params) => ad.tree.map((v: Tensor, g: Tensor) => v.sub(g.mul(0.1)), p, gradient) as Params;

  const loops: Record<string, () => (i: number) => void> = {
    "new parameters each turn, as in JAX": () => {
      let p = start(64, 64, 8);
      const [inputs, labels] = [x(), y()];
      return () => (p = descent(p, ad.grad(loss)(p, inputs, labels)));
    },
    "a step in a scope": () => {
      let p = start(64, 64, 8);
      const [inputs, labels] = [x(), y()];
      return () => (p = ad.scope(() => descent(p, ad.grad(loss)(p, inputs, labels))));
    },
    "momentum by hand, losses in a list": () => {
      let p = start(64, 64, 8);
      let v = ad.tree.map((t: Tensor) => ad.zerosLike(t), p) as Params;
      const [inputs, labels, losses] = [x(), y(), [] as Tensor[]];
      return (i) => {
        const [value, g] = ad.valueAndGrad(loss)(p, inputs, labels);
        losses.push(value);
        v = ad.tree.map((a: Tensor, b: Tensor) => a.mul(0.9).add(b), v, g) as Params;
        p = descent(p, v);
        if (i === 1000) expect(losses[0]!.item()).toBeGreaterThan(losses[999]!.item());
      };
    },
    "a pure optimizer": () => {
      let p = start(64, 64, 8);
      const adam = optim.transform.adam({ lr: 0.01 });
      let state = adam.init(p);
      const [inputs, labels] = [x(), y()];
      return () => {
        const [updates, next] = adam.update(ad.grad(loss)(p, inputs, labels), state, p);
        [p, state] = [optim.applyUpdates(p, updates), next];
      };
    },
    "new data each turn": () => {
      const numbers = Float32Array.from({ length: 64 * 64 }, (_, i) => i);
      let total = 0;
      return () =>
        (total += ad
          .tensor(numbers, { shape: [64, 64] })
          .sum()
          .item());
    },
    "running sums over a loader": () => {
      const examples = normal(5, [128, 256]);
      const total = examples.sum().item();
      const loader = new data.DataLoader(new data.TensorDataset(examples), { batchSize: 64 });
      return (i) => {
        let [sum, squares] = [ad.zeros([256]), ad.zeros([256])];
        for (const [batch] of loader) [sum, squares] = [sum.add(batch!.sum(0)), squares.add(batch!.square().sum(0))];
        if (i % 100 === 0) expect(sum.sum().item()).toBeCloseTo(total, 1);
      };
    },
    "views of a tensor that is used all the time": () => {
      const table = normal(6, [64, 64]);
      return (i) =>
        void table
          .transpose()
          .reshape([32, 128])
          .add(table.at(i % 64).sum());
    },
    "gradients added up and forgotten": () => {
      const w = ad.tensor(normal(7, [64, 64]).data(), { shape: [64, 64], requiresGrad: true });
      return () => {
        w.square().sum().backward();
        w.assign(w.detach().sub(w.grad!.mul(0.01)));
        w.grad = null;
      };
    },
  };

  it.each(Object.entries(loops))("holds its memory: %s", (_, make) => {
    const { early, late, most } = growth(make());
    expect(late - early).toBeLessThan(0.2 * early + 2 * MB);
    expect(most).toBeLessThan(6 * MB);
  });

  it("holds it with the sizes of a digit classifier, and learns", () => {
    let p = start(784, 128, 10);
    const [inputs, labels] = [normal(3, [8, 784]), ad.random.randint(ad.random.key(4), [8], { maxval: 10 })];
    const values: number[] = [];
    let most = 0;
    for (let i = 0; i < 300; i++) {
      const [value, g] = ad.valueAndGrad(loss)(p, inputs, labels);
      p = descent(p, g);
      values.push(value.item());
      most = Math.max(most, ad.memory().bytes);
    }
    expect(values[299]).toBeLessThan(0.1 * values[0]!);
    expect(most).toBeLessThan(8 * MB);
  });
});

/** Has everything that is not used moved out. */
function sweepTwice(): void {
  ad.testing.sweepAfter(0);
  for (let i = 0; i < 3; i++) ad.zeros([]);
  ad.testing.sweepAfter(null);
}

describe("a tensor that was not used for a while", () => {
  it("is moved out of the engine, and comes back as it was", () => {
    const x = ad.tensor(new Float32Array(MB));
    expect(ad.memory().bytes).toBeGreaterThanOrEqual(4 * MB);
    sweepTwice();
    expect(ad.memory().bytes).toBeLessThan(MB);
    expect(x.sum().item()).toBe(0);
    expect(ad.memory().bytes).toBeGreaterThanOrEqual(4 * MB);
    x.dispose();
  });

  const base = () =>
    ad.tensor(
      Array.from({ length: 24 }, (_, i) => i / 7),
      { shape: [2, 3, 4], dtype: "float64" },
    );
  const values: Record<string, () => Tensor> = {
    float32: () => ad.tensor([0.1, -0, NaN, Infinity, 1e-45]),
    float64: () => ad.tensor([0.1, -0, NaN, -Infinity, 5e-324], { dtype: "float64" }),
    int32: () => ad.tensor([-(2 ** 31), 2 ** 31 - 1], { dtype: "int32" }),
    bool: () => ad.tensor([true, false, true]),
    "0-d": () => ad.tensor(0.1),
    "0-d bool": () => ad.tensor(true),
    empty: () => ad.zeros([3, 0, 2], { dtype: "int32" }),
    transposed: () => base().transpose(),
    part: () => base().slice([0, 1, 1], [2, 3, 3]),
    backwards: () => base().flip(1),
    row: () => base().at(1),
    stretched: () => ad.tensor([1, 2, 3]).reshape([3, 1]).broadcastTo([3, 20]),
    constant: () => ad.full([20, 20], 0.3),
    "a view of a view": () => base().transpose().at(2).reshape([6]),
  };

  it.each(Object.entries(values))("keeps its numbers to the bit: %s", (_, make) => {
    const [x, copy] = [make(), make()];
    const [shape, dtype, numbers] = [copy.shape, copy.dtype, copy.data()];
    for (let i = 0; i < 3; i++) {
      sweepTwice();
      // Read where it is, or used, for which it comes back.
      const got = i === 1 ? x.detach().data() : x.data();
      expect(got.constructor).toBe(numbers.constructor);
      expect(new Uint8Array(got.buffer)).toEqual(new Uint8Array(numbers.buffer));
    }
    sweepTwice();
    expect([x.dtype, x.shape]).toEqual([dtype, shape]);
    expect(x.ndim === 0 ? [x.toArray()] : x.toArray()).toEqual(copy.ndim === 0 ? [copy.toArray()] : copy.toArray());
  });

  it("shares its buffer with those it shared it with: many views of one tensor take the room of one", () => {
    const before = ad.memory().bytes;
    const x = normal(1, [256, 1024]);
    const numbers = x.data();
    const views = Array.from({ length: 40 }, (_, i) => (i % 2 ? x.transpose() : x.reshape([1024, 256])));
    const rows = Array.from({ length: 256 }, (_, i) => x.at(i));
    sweepTwice();
    expect(ad.memory().bytes - before).toBeLessThan(MB / 4);
    expect(rows[255]!.data()).toEqual(numbers.slice(255 * 1024));
    expect(views.every((v) => v.sum().isFinite().item())).toBe(true);
    const column = views[1]!.at(3);
    expect(column.data()[2]).toBe(numbers[2 * 1024 + 3]);
    expect(views[2]!.data()).toEqual(numbers);
    expect(ad.memory().bytes - before).toBeLessThan(1.5 * MB);
    for (const t of [x, column, ...views, ...rows]) t.dispose();
    expect(ad.memory().bytes - before).toBeLessThan(MB / 4);
  });

  it("can be written, and what shared its numbers keeps them", () => {
    const x = ad.tensor([1, 2, 3]);
    const [copy, view] = [x.detach(), x.reshape([3, 1])];
    sweepTwice();
    x.assign([4, 5, 6]);
    sweepTwice();
    expect([x.toArray(), copy.toArray(), view.toArray()]).toEqual([
      [4, 5, 6],
      [1, 2, 3],
      [[1], [2], [3]],
    ]);
    copy.assign(x);
    sweepTwice();
    expect(copy.toArray()).toEqual([4, 5, 6]);
  });

  it("can be kept, disposed of, frozen, made a parameter of and closed over", () => {
    const x = ad.tensor([1, 2, 3]);
    sweepTwice();
    expect(ad.keep(x)).toBe(x);
    sweepTwice();
    expect(String(x)).toBe("tensor([1, 2, 3], float32)");
    sweepTwice();
    expect(
      ad
        .grad((s: Tensor) => s.mul(x).sum())(ad.tensor(2))
        .item(),
    ).toBe(6);
    sweepTwice();
    const through = ad.checkpoint((s: Tensor) => x.mul(s).sin());
    expect(
      ad
        .grad((s: Tensor) => through(s).sum())(ad.tensor(0))
        .item(),
    ).toBe(6);
    sweepTwice();
    expect(
      ad
        .vmap((row: Tensor) => row.add(x))(ad.zeros([2, 3]))
        .toArray(),
    ).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    sweepTwice();
    const p = new nn.Parameter(x);
    p.requiresGrad = false;
    sweepTwice();
    p.requiresGrad = true;
    p.mul(x).sum().backward();
    expect(p.grad!.toArray()).toEqual([1, 2, 3]);
    sweepTwice();
    x.dispose();
    x.dispose();
    expect(() => x.sum()).toThrow(ad.DisposedError);
    p.dispose();
  });

  it("is still the gradient of its parameter, and only that", () => {
    const p = ad.tensor([1, 2], { requiresGrad: true });
    p.square().sum().backward();
    const gradient = p.grad!;
    sweepTwice();
    expect(p.grad).toBe(gradient);
    gradient.assign([5, 5]);
    sweepTwice();
    new optim.SGD([p], { lr: 1 }).step();
    expect(p.toArray()).toEqual([-4, -3]);
    const seen = [gradient];
    // Ids are used again after 128 others: an old gradient must not be taken for a new one.
    for (let i = 1; i < 300; i++) {
      p.grad = null;
      p.mul(i).sum().backward();
      sweepTwice();
      seen.push(p.grad!);
      expect(p.grad!.toArray()).toEqual([i, i]);
    }
    sweepTwice();
    expect(seen.map((g) => g.toArray<number[]>()[0])).toEqual([5, ...Array.from({ length: 299 }, (_, i) => i + 1)]);
    p.dispose();
  });

  it("is refused when there is no room for it, and is there when there is", () => {
    const x = normal(1, [1000]);
    const numbers = x.data();
    sweepTwice();
    ad.testing.failAllocation(0);
    expect(() => x.neg()).toThrow(ad.OutOfMemoryError);
    ad.testing.failAllocation(null);
    expect(x.neg().neg().data()).toEqual(numbers);
  });

  it("is gone with its engine", () => {
    const x = ad.tensor([1, 2]);
    sweepTwice();
    ad.reset();
    expect(() => x.data()).toThrow(/reset\(\) made a fresh engine/);
    expect(ad.memory().tensors).toBe(0);
  });
});

describe("programs with a sweep at every tensor", () => {
  // Everything that is not in use right now is moved out and comes back: whoever held on to an id fails.
  it.each(Array.from({ length: 30 }, (_, i) => i))("give what they give otherwise: seed %i", (seed) => {
    ad.testing.sweepAfter(0);
    expect(stateful(seed)).toBeNull();
  });

  it("train as they do otherwise", () => {
    const run = () => {
      const p0 = start(16, 8, 4);
      const net = new nn.Sequential(new nn.Linear(16, 8), new nn.Tanh(), new nn.Dropout(0.5), new nn.Linear(8, 4));
      const optimizer = new optim.Adam(net.parameters(), { amsgrad: true });
      const [inputs, labels] = [normal(3, [12, 16]), ad.random.randint(ad.random.key(4), [12], { maxval: 4 })];
      let p = p0;
      let total = ad.tensor(0);
      for (let i = 0; i < 10; i++) {
        const [value, g] = ad.valueAndGrad(loss)(p, inputs, labels);
        p = ad.tree.map((v: Tensor, d: Tensor) => v.sub(d.mul(0.1)), p, g) as Params;
        optimizer.minimize(nn.crossEntropy(net.forward(inputs), labels));
        total = total.add(value);
        total = total.add(
          ad
            .hessian((v: Tensor) => loss({ ...p, b2: v }, inputs, labels))(p.b2)
            .square()
            .sum(),
        );
      }
      const result = [...net.parameters(), ...Object.values(p), p0.w1, total].map((t) => [...t.data()]);
      net.dispose();
      return result;
    };
    ad.manualSeed(1);
    const expected = run();
    ad.testing.sweepAfter(0);
    ad.manualSeed(1);
    expect(run()).toEqual(expected);
  });
});

describe("memory()", () => {
  it("tells what was moved out, until it comes back or is disposed", () => {
    const before = ad.memory().movedOutBytes;
    const kept = Array.from({ length: 20 }, (_, i) => ad.full([2 ** 18], i));
    const outside = ad.memory().movedOutBytes - before;
    expect(outside).toBeGreaterThanOrEqual(15 * MB);
    expect(outside).toBeLessThanOrEqual(20 * MB);
    ad.testing.sweepAfter(2 ** 30);
    expect(kept[0]!.at(5).item()).toBe(0);
    expect(ad.memory().movedOutBytes - before).toBe(outside - MB);
    for (const t of kept) t.dispose();
    expect(ad.memory().movedOutBytes).toBeLessThanOrEqual(before);
  });
});
