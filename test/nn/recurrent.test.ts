/** Recurrent networks: sequences of different lengths, loops that are rolled when compiled, and what is refused. */
import * as ad from "adjoint";
import { expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();
const { nn } = ad;

it("does not read what lies behind a sequence's end, and ends where the sequence alone does", () => {
  const layer = new nn.LSTM(2, 3, { bidirectional: true, batchFirst: true, dtype: "float64" });
  clean(() => {
    const x = ad.random.normal(ad.random.key(1), [2, 5, 2], { dtype: "float64" });
    const noise = x.mul(
      ad.tensor(
        [
          [[1], [1], [1], [9], [9]],
          [[1], [1], [1], [1], [1]],
        ],
        { dtype: "float64" },
      ),
    ); // prettier-ignore
    const run = (v: ad.Tensor) => layer.forward(v, null, { lengths: [3, 5] });
    const [[y, [h, c]], [other]] = [run(x), run(noise)];
    expect(other.toArray()).toEqual(y.toArray());
    const [alone, [lastH, lastC]] = layer.forward(x.slice([0, 0, 0], [1, 3, 2]));
    expect(ad.allclose(y.slice([0, 0, 0], [1, 3, 6]), alone, { rtol: 1e-12, atol: 1e-14 })).toBe(true);
    expect(y.slice([0, 3, 0], [1, 5, 6]).abs().max().item()).toBe(0);
    for (const [all, last] of [
      [h, lastH],
      [c, lastC],
    ] as const)
      expect(ad.allclose(all.slice([0, 0, 0], [2, 1, 3]), last, { rtol: 1e-12, atol: 1e-14 })).toBe(true);
    const gradient = ad.grad((v: ad.Tensor) => run(v)[0].square().sum())(x) as ad.Tensor;
    expect(gradient.slice([0, 3, 0], [1, 5, 2]).abs().max().item()).toBe(0);
  });
  layer.dispose();
});

it("learns in a compiled step whose program does not grow with the sequence", async () => {
  const before = await settle();
  ad.manualSeed(1);
  const sizes: number[] = [];
  for (const length of [20, 80]) {
    const layer = new nn.GRU(1, 8);
    const out = new nn.Linear(8, 1);
    const optimizer = new ad.optim.Adam([...layer.parameters(), ...out.parameters()], { lr: 1e-2 });
    const step = ad.compile((x: ad.Tensor, y: ad.Tensor) => {
      const [, h] = layer.forward(x);
      const loss = nn.mseLoss(out.forward(h.at(0)), y);
      optimizer.minimize(loss);
      return loss;
    });
    ad.scope(() => {
      const x = ad.random.normal(ad.random.key(2), [length, 16, 1]);
      const y = x.mean(0).mul(4);
      const losses = Array.from({ length: 60 }, () => step(x, y).item());
      expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.8);
      expect(step.stats().eager).toBe(0);
    });
    sizes.push(step.stats().instructions);
    for (const module of [layer, out]) module.dispose();
  }
  expect(sizes[0]).toBeGreaterThan(0);
  expect(sizes[1]).toBeLessThan(sizes[0]! * 1.5);
  expect(await settle(before)).toBe(before);
});

it("drops between layers while training only", () => {
  const layer = new nn.RNN(2, 4, { numLayers: 2, dropout: 0.5 });
  clean(() => {
    const x = ad.ones([3, 2, 2]);
    const run = () => layer.forward(x)[0].toArray();
    expect(run()).not.toEqual(run());
    layer.eval();
    expect(run()).toEqual(run());
  });
  layer.dispose();
});

it("moves weights through safetensors", () => {
  const [a, b] = [new nn.LSTM(2, 3, { numLayers: 2 }), new nn.LSTM(2, 3, { numLayers: 2 })];
  clean(() => {
    b.loadStateDict(ad.io.loadSafetensors(ad.io.saveSafetensors(a.stateDict())) as Record<string, ad.Tensor>);
    const x = ad.ones([3, 1, 2]);
    expect(b.forward(x)[0].toArray()).toEqual(a.forward(x)[0].toArray());
  });
  for (const layer of [a, b]) layer.dispose();
});

it("refuses what does not fit, and leaves nothing", async () => {
  const before = await settle();
  const [layer, cell] = [new nn.LSTM(2, 3), new nn.LSTMCell(2, 3)];
  const x = ad.ones([4, 2, 2]);
  const refused: [() => unknown, RegExp][] = [
    [() => layer.forward(ad.ones([4, 2, 3])), /expected \[length, batch, 2\]/],
    [() => layer.forward(x, [ad.zeros([2, 3]), ad.zeros([2, 3])]), /a state has shape \[2, 3\]; expected \[1, 2, 3\]/],
    [() => layer.forward(x, ad.zeros([1, 2, 3]) as never), /must be a list \[h, c\]/],
    [() => layer.forward(x, null, { lengths: [5, 1] }), /a length of 5 in an input of length 4/],
    [() => layer.forward(x, null, { lengths: [1] }), /1 lengths for a batch of 2/],
    [() => layer.forward(ad.zeros([0, 2, 2])), /at least one element/],
    [() => cell.forward(ad.ones([2, 3])), /expected \[batch, 2\]/],
    [() => new nn.RNN(2, 3, { nonlinearity: "sigmoid" as never }), /"tanh" or "relu"/],
    [() => new nn.GRU(2, 3, { layers: 2 } as never), /layers/],
    [() => new nn.GRU(2, 3, { dropout: 2 }), /dropout 2 is not between 0 and 1/],
  ];
  ad.scope(() => {
    for (const [run, message] of refused) {
      expect(run).toThrow(message);
      expect(run).toThrow(ad.AdjointError);
    }
  });
  x.dispose();
  for (const module of [layer, cell]) module.dispose();
  expect(await settle(before)).toBe(before);
});
