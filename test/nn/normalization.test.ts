/** What normalizations and dropouts refuse, and what changes between training and evaluation. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();
const { nn } = ad;

describe("normalizations", () => {
  it("refuse shapes and settings that do not fit, and leave nothing", async () => {
    const before = await settle();
    const x = ad.ones([2, 3, 4]);
    const layers = [
      new nn.BatchNorm2d(3),
      new nn.BatchNorm1d(4),
      new nn.GroupNorm(2, 4),
      new nn.LayerNorm(5),
      new nn.InstanceNorm2d(5, { affine: true }),
    ];
    for (const layer of layers) expect(() => layer.forward(x), layer.constructor.name).toThrow(ad.ShapeError);
    expect(() => new nn.GroupNorm(2, 3)).toThrow(/3 channels cannot be parted into 2 groups/);
    expect(() => new nn.LayerNorm(3, { eps: -1 })).toThrow(ad.ValueError);
    expect(() => new nn.BatchNorm1d(3, { track: true } as object)).toThrow(/track/);
    expect(() => ad.batchNorm(x, null, null)).toThrow(/running mean/);
    expect(() => ad.batchNorm([[1, 2]], null, null, { training: true })).toThrow(/no variance/);
    expect(() => ad.layerNorm(x, [3])).toThrow(/its last axes must be the normalized shape \[3\]/);
    expect(() => ad.groupNorm(x, 2)).toThrow(ad.ValueError);
    expect(() => ad.layerNorm(x, 4, { weight: [1, 2] })).toThrow(/weight has shape \[2\]; expected \[4\]/);
    for (const layer of layers) layer.dispose();
    x.dispose();
    expect(await settle(before)).toBe(before);
  });

  it("batches move the running numbers in training only, in a step that is compiled too, under grad and in checkpoints", () => {
    const layer = new nn.BatchNorm1d(2, { dtype: "float64" });
    clean(() => {
      const x = ad.tensor(
        [
          [1, 2],
          [3, 6],
        ],
        { dtype: "float64" },
      ); // prettier-ignore
      const step = ad.compile((v: ad.Tensor) => ad.noGrad(() => layer.forward(v)));
      for (let i = 0; i < 3; i++) step(x);
      ad.grad((v: ad.Tensor) => layer.forward(v).square().sum())(x);
      expect(layer.numBatchesTracked!.item()).toBe(4);
      const [mean, variance] = [1 - 0.9 ** 4, 0.9 ** 4];
      const expected = [2 * mean, 4 * mean, variance + 2 * mean, variance + 8 * mean];
      [...layer.runningMean!.data(), ...layer.runningVar!.data()].forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
      layer.eval();
      const y = layer.forward(x);
      expect(layer.numBatchesTracked!.item()).toBe(4);
      expect(y.at(0, 0).item()).toBeCloseTo((1 - expected[0]!) / Math.sqrt(expected[2]! + 1e-5), 12);
      step(x);
      expect(layer.numBatchesTracked!.item()).toBe(4);
    });
    layer.dispose();
  });

  it("survive scopes and large means", () => {
    let layer!: ad.nn.BatchNorm1d;
    ad.scope(() => {
      layer = new nn.BatchNorm1d(1);
    });
    expect(layer.runningVar!.toArray()).toEqual([1]);
    layer.dispose();
    clean(() => {
      const y = ad.layerNorm([10001, 10003], 2);
      expect(y.at(1).item()).toBeCloseTo(1, 4);
    });
  });

  it("are mapped over examples", () => {
    clean(() => {
      const x = ad.random.normal(ad.random.key(3), [4, 2, 6], { dtype: "float64" });
      for (const f of [(v: ad.Tensor) => ad.layerNorm(v, 6), (v: ad.Tensor) => ad.groupNorm(v, 3), (v: ad.Tensor) => ad.rmsNorm(v, [2, 6])])
        expect(ad.allclose(ad.vmap(f)(x) as ad.Tensor, ad.stack([...x].map(f)), { rtol: 1e-12, atol: 1e-12 })).toBe(true);
    });
  });
});

describe("dropout", () => {
  it("of channels drops whole ones", () => {
    clean(() => {
      const key = ad.random.key(1);
      for (const [drop, shape] of [
        [nn.functional.dropout1d, [8, 16, 5]],
        [nn.functional.dropout2d, [8, 16, 3, 2]],
        [nn.functional.dropout3d, [16, 3, 2, 2]],
      ] as const) {
        const y = drop(ad.ones(shape), { key, p: 0.25 });
        const channels = y.reshape([shape.length === 4 && drop === nn.functional.dropout3d ? 16 : 128, -1]);
        const kinds = new Set(channels.toArray().map((row) => (row as number[]).map((v) => v.toFixed(4)).join()));
        expect(kinds.size).toBe(2);
        const dropped = channels.eq(0).cast("float32").mean().item();
        expect(dropped).toBeGreaterThan(0.05);
        expect(dropped).toBeLessThan(0.5);
        expect(() => drop(ad.ones([2]))).toThrow(ad.ShapeError);
      }
    });
  });

  it("alphaDropout keeps mean 0 and variance 1, and evaluation drops nothing", () => {
    clean(() => {
      const x = ad.random.normal(ad.random.key(2), [40000], { dtype: "float64" });
      const y = nn.functional.alphaDropout(x, { p: 0.3, key: ad.random.key(5) });
      expect(Math.abs(y.mean().item())).toBeLessThan(0.03);
      expect(Math.abs(y.variance().item() - 1)).toBeLessThan(0.05);
      for (const [layer, axes] of [
        [new nn.AlphaDropout(0.5), 0],
        [new nn.Dropout2d({ p: 0.5 }), 2],
        [new nn.Dropout1d(), 1],
        [new nn.Dropout3d(1), 3],
      ] as const) {
        const images = ad.ones([2, 2, 2, 2, 2].slice(0, axes + 2));
        expect(layer.eval().forward(images)).toBe(images);
      }
      expect(nn.functional.alphaDropout(x, { p: 1 }).abs().sum().item()).toBe(0);
      expect(() => new nn.Dropout2d(2)).toThrow(/probability 2 is not between 0 and 1/);
    });
  });
});
