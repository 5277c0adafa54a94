/** nn and optim together: textbook losses, initial values, a training loop. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();

const { nn, optim } = ad;
const f64 = (value: number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("losses", () => {
  it("have their textbook values", () => {
    clean(() => {
      const logits = f64([
        [1, 2, 0.5],
        [0.1, -1, 3],
      ]);
      const labels = ad.tensor([1, 2], { dtype: "int32" });
      const rows = [
        [1, 2, 0.5],
        [0.1, -1, 3],
      ].map((r) => r.map((v) => v - Math.log(r.reduce((s, x) => s + Math.exp(x), 0))));
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
      for (const f of [
        (x: Tensor) => nn.crossEntropy(x, labels),
        (x: Tensor) => nn.bceWithLogits(x, ad.zerosLike(x)),
        (x: Tensor) => nn.huberLoss(x, ad.zerosLike(x)),
      ]) {
        // Away from the kink of huberLoss at ±1.
        ad.gradcheck(f, [logits.mul(0.9)], { order: 2 });
      }
    });
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

it("a plainly written training loop learns and keeps memory flat", async () => {
  ad.manualSeed(2);
  const x = ad.random.normal(ad.random.key(1), [64, 2]);
  const y = x
    .slice([0, 0], [64, 1])
    .mul(x.slice([0, 1], [64, 2]))
    .gt(0)
    .cast("float32");
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
