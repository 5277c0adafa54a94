/** nn, optim and data: against plain float64 implementations of PyTorch's formulas. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();

const { nn, optim, data } = ad;
const f64 = (value: number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("losses", () => {
  it("have their textbook values", () => {
    clean(() => {
      const logits = f64([[1, 2, 0.5], [0.1, -1, 3]]);
      const labels = ad.tensor([1, 2], { dtype: "int32" });
      const rows = [[1, 2, 0.5], [0.1, -1, 3]].map((r) => r.map((v) => v - Math.log(r.reduce((s, x) => s + Math.exp(x), 0))));
      const expected = -(rows[0]![1]! + rows[1]![2]!) / 2;
      expect(nn.crossEntropy(logits, labels).item()).toBeCloseTo(expected, 14);
      expect(nn.crossEntropy(logits, ad.oneHot(labels, 3, { dtype: "float64" })).item()).toBeCloseTo(expected, 14);
      expect(nn.crossEntropy(logits, labels, { reduction: "sum" }).item()).toBeCloseTo(2 * expected, 14);
      expect(nn.crossEntropy(logits, labels, { reduction: "none" }).shape).toEqual([2]);
      const [a, b] = [f64([1, -3]), f64([0, 1])];
      expect([nn.mseLoss(a, b).item(), nn.l1Loss(a, b).item(), nn.huberLoss(a, b).item()]).toEqual([8.5, 2.5, (0.5 + 3.5) / 2]);
      expect(nn.bceWithLogits(a, b).item()).toBeCloseTo((Math.log1p(Math.E) + 3 + Math.log1p(Math.exp(-3))) / 2, 14);
      expect(nn.klDiv(f64([0.2, 0.8]).log(), f64([0, 1]), { reduction: "sum" }).item()).toBeCloseTo(-Math.log(0.8), 14);
      expect(nn.cosineSimilarity(f64([[3, 4]]), f64([[4, 3]])).item()).toBeCloseTo(24 / 25, 14);
      for (const f of [(x: Tensor) => nn.crossEntropy(x, labels), (x: Tensor) => nn.bceWithLogits(x, ad.zerosLike(x)), (x: Tensor) => nn.huberLoss(x, ad.zerosLike(x))]) {
        // Away from the kink of huberLoss at ±1.
        ad.gradcheck(f, [logits.mul(0.9)], { order: 2 });
      }
    });
  });

  it("refuse shapes that would broadcast by mistake", () => {
    expect(() => nn.mseLoss(ad.ones([3, 1]), ad.ones([3]))).toThrow(ad.ShapeError);
    expect(() => nn.crossEntropy(ad.ones([2, 3]), ad.tensor([1], { dtype: "int32" }))).toThrow(ad.ShapeError);
    expect(() => nn.crossEntropy(ad.ones([1, 3]), ad.tensor([7], { dtype: "int32" }))).toThrow(ad.IndexError);
  });
});

describe("modules", () => {
  class Net extends nn.Module {
    layers = [new nn.Linear(2, 3), new nn.Linear(3, 1, { bias: false })];
    scale = ad.ones([1]);
    forward(x: Tensor): Tensor {
      return this.layers[1]!.forward(this.layers[0]!.forward(x).tanh());
    }
  }

  it("find their parameters, buffers and children", () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual(["layers.0.weight", "layers.0.bias", "layers.1.weight"]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(["scale"]);
    expect(net.modules().length).toBe(3);
    const other = new Net();
    other.loadStateDict(net.stateDict());
    expect(other.layers[0]!.weight.toArray()).toEqual(net.layers[0]!.weight.toArray());
    expect(() => net.loadStateDict({})).toThrow(/missing layers.0.weight/);
    expect(net.eval().layers[0]!.training).toBe(false);
  });

  it("are initialised reproducibly, with PyTorch's bounds", () => {
    ad.manualSeed(5);
    const a = new nn.Linear(100, 50);
    ad.manualSeed(5);
    const b = new nn.Linear(100, 50);
    expect(a.weight.toArray()).toEqual(b.weight.toArray());
    expect(a.weight.abs().max().item()).toBeLessThanOrEqual(0.1);
    expect(a.weight.abs().max().item()).toBeGreaterThan(0.0999);
    const std = (t: Tensor) => t.std().item();
    expect(std(nn.init.kaimingNormal([200, 300], { nonlinearity: "relu" }))).toBeCloseTo(Math.sqrt(2 / 300), 3);
    expect(std(nn.init.xavierUniform([200, 300]))).toBeCloseTo(Math.sqrt(2 / 500), 3);
  });

  it("dropout keeps the mean and stops in eval", () => {
    ad.scope(() => {
      const layer = new nn.Dropout(0.25);
      const y = layer.forward(ad.ones([20_000]));
      expect(Math.abs(y.mean().item() - 1)).toBeLessThan(0.02);
      expect(layer.eval().forward(y)).toBe(y);
    });
  });
});

describe("data", () => {
  it("hands out batches, shuffled by seed", () => {
    const x = ad.arange(10).reshape([10, 1]);
    const y = ad.arange(10, { dtype: "int32" });
    const dataset = new data.TensorDataset(x, y);
    const epoch = (loader: InstanceType<typeof data.DataLoader>) => [...loader].length && Array.from(loader, ([, b]) => b).length;
    const collect = (loader: Iterable<Tensor[]>) => {
      const out: number[][] = [];
      for (const [a, b] of loader) {
        expect(a!.squeeze(1).toArray()).toEqual(b!.toArray());
        out.push(b!.toArray());
      }
      return out;
    };
    expect(collect(new data.DataLoader(dataset, { batchSize: 4 }))).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]);
    expect(new data.DataLoader(dataset, { batchSize: 4, dropLast: true }).length).toBe(2);
    const [a, b] = [1, 1].map((seed) => new data.DataLoader(dataset, { batchSize: 3, shuffle: true, seed }));
    const first = collect(a!);
    expect(first.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(collect(b!)).toEqual(first);
    expect(collect(a!)).not.toEqual(first);
    expect(epoch(b!)).toBe(4);
    expect(() => new data.TensorDataset(x, ad.ones([3]))).toThrow(ad.ShapeError);
    expect(() => new data.DataLoader(dataset, { batchSize: 0 })).toThrow(ad.ValueError);
  });
});

it("a plainly written training loop learns and keeps memory flat", async () => {
  ad.manualSeed(2);
  const x = ad.random.normal(ad.random.key(1), [64, 2]);
  const y = x.slice([0, 0], [64, 1]).mul(x.slice([0, 1], [64, 2])).gt(0).cast("float32");
  const net = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 1));
  const optimizer = new optim.Adam(net.parameters(), { lr: 0.02 });
  const counts: number[] = [];
  let loss = Infinity;
  for (let epoch = 0; epoch < 6; epoch++) {
    for (let i = 0; i < 60; i++) {
      const objective = nn.bceWithLogits(net.forward(x), y);
      optimizer.minimize(objective);
      loss = objective.item();
    }
    counts.push(await settle());
  }
  expect(loss).toBeLessThan(0.1);
  expect(Math.max(...counts.slice(1)) - counts[1]!).toBeLessThanOrEqual(4);
});
