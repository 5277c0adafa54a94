/** Layers of images: what they hold, what they give, and that a small network of them learns. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();
const { nn } = ad;

describe("layers of images", () => {
  it("hold PyTorch's parameters under its names and give what the functions give", () => {
    const layers: [
      layer: ad.nn.Module,
      input: number[],
      weight: number[],
      output: number[],
      apply: (x: Tensor, w: Tensor, b: Tensor) => Tensor,
    ][] = [
      [
        new nn.Conv1d(4, 6, 3, { stride: 2, groups: 2 }),
        [2, 4, 9],
        [6, 2, 3],
        [2, 6, 4],
        (x, w, bias) => ad.conv1d(x, w, { bias, stride: 2, groups: 2 }),
      ],
      [
        new nn.Conv2d(3, 5, [3, 2], { padding: 1 }),
        [2, 3, 6, 6],
        [5, 3, 3, 2],
        [2, 5, 6, 7],
        (x, w, bias) => ad.conv2d(x, w, { bias, padding: 1 }),
      ],
      [new nn.Conv3d(1, 2, 2), [1, 1, 3, 3, 3], [2, 1, 2, 2, 2], [1, 2, 2, 2, 2], (x, w, bias) => ad.conv3d(x, w, { bias })],
      [
        new nn.ConvTranspose1d(4, 2, 3, { stride: 2 }),
        [1, 4, 5],
        [4, 2, 3],
        [1, 2, 11],
        (x, w, bias) => ad.convTranspose1d(x, w, { bias, stride: 2 }),
      ],
      [
        new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
        [1, 4, 3, 3],
        [4, 3, 3, 3],
        [1, 6, 6, 6],
        (x, w, bias) => ad.convTranspose2d(x, w, { bias, stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
      ],
      [
        new nn.ConvTranspose3d(1, 2, 2),
        [1, 1, 2, 2, 2],
        [1, 2, 2, 2, 2],
        [1, 2, 3, 3, 3],
        (x, w, bias) => ad.convTranspose3d(x, w, { bias }),
      ],
    ];
    for (const [layer, input, weight, output, apply] of layers) {
      clean(() => {
        const state = layer.stateDict();
        expect(Object.keys(state)).toEqual(["weight", "bias"]);
        expect(state.weight!.shape).toEqual(weight);
        const bound = 1 / Math.sqrt(weight.slice(1).reduce((a, b) => a * b, 1));
        expect(state.weight!.abs().max().item()).toBeLessThanOrEqual(bound);
        expect(state.bias!.abs().max().item()).toBeLessThanOrEqual(bound);
        const x = ad
          .linspace(
            -1,
            1,
            input.reduce((a, b) => a * b, 1),
          )
          .reshape(input);
        const y = layer.forward(x) as Tensor;
        expect(y.shape).toEqual(output);
        expect(y.toArray()).toEqual(apply(x, state.weight!, state.bias!).toArray());
        expect((layer.forward(x.toArray()) as Tensor).toArray()).toEqual(y.toArray());
        expect((layer.forward(x.at(0)) as Tensor).shape).toEqual(output.slice(1));
      });
      layer.dispose();
    }
  });

  it("without parameters are the functions, and have names", () =>
    clean(() => {
      const x = ad.arange(64).reshape([1, 1, 8, 8]);
      const same = (layer: ad.nn.Module, y: Tensor) => expect((layer.forward(x) as Tensor).toArray()).toEqual(y.toArray());
      same(new nn.MaxPool2d(2, { stride: 1 }), ad.maxPool2d(x, 2, { stride: 1 }));
      same(new nn.AvgPool2d([2, 4]), ad.avgPool2d(x, [2, 4]));
      same(new nn.AdaptiveAvgPool2d(3), ad.adaptiveAvgPool2d(x, 3));
      same(new nn.AdaptiveMaxPool2d([null, 2]), ad.adaptiveMaxPool2d(x, [null, 2]));
      same(new nn.Unfold(3, { padding: 1 }), ad.unfold(x, 3, { padding: 1 }));
      same(new nn.Upsample({ scaleFactor: 2, mode: "bilinear" }), ad.interpolate(x, { scaleFactor: 2, mode: "bilinear" }));
      expect((new nn.Fold([4, 4], 2).forward(ad.ones([1, 4, 9])) as Tensor).shape).toEqual([1, 1, 4, 4]);
      for (const name of ["MaxPool1d", "MaxPool3d", "AvgPool1d", "AvgPool3d", "AdaptiveAvgPool1d", "AdaptiveMaxPool3d"] as const)
        expect(new nn[name](1 as never).constructor.name).toBe(name);
    }));

  it("refuse what does not fit", () => {
    const conv = new nn.Conv2d(3, 4, 3);
    expect(() => conv.forward(ad.ones([2, 2, 5, 5]))).toThrow(
      /^Conv2d: the input has shape \[2, 2, 5, 5\]; expected inChannels = 3 in front of the last 2 axes/,
    );
    expect(() => conv.forward(ad.ones([5]))).toThrow(ad.ShapeError);
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(/must be multiples of groups = 2/);
    expect(() => new nn.Conv2d(3, 4, 3, { pading: 1 } as never)).toThrow(/unknown option "pading".*padding/);
    expect(() => new (nn.Conv2d as new (...x: unknown[]) => unknown)(3, 4, 3, 1, 2)).toThrow(/the stride is an option/);
    expect(() => new nn.MaxPool2d(2).forward(ad.ones([5]))).toThrow(/^maxPool2d: the input has shape \[5\]/);
    conv.dispose();
  });

  it("learn, compiled as written: a network that tells horizontal from vertical stripes", () => {
    ad.manualSeed(3);
    const net = new nn.Sequential(
      new nn.Conv2d(1, 4, 3, { padding: "same" }),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(4, 4, 3),
      new nn.ReLU(),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
      new nn.Linear(4, 2),
    );
    const images = Array.from({ length: 32 }, (_, k) =>
      Array.from({ length: 8 }, (_, i) =>
        Array.from({ length: 8 }, (_, j) => +(((k % 2 ? i : j) + (k >> 1)) % 3 === 0) + 0.3 * Math.sin(7 * k + 3 * i + j)),
      ),
    );
    const x = ad.tensor(images).unsqueeze(1);
    const y = ad.tensor(
      images.map((_, k) => k % 2),
      { dtype: "int32" },
    );
    const optimizer = new ad.optim.Adam(net.parameters(), { lr: 0.02 });
    const plain = (x: Tensor, y: Tensor) => {
      const loss = nn.crossEntropy(net.forward(x), y);
      optimizer.minimize(loss);
      return loss;
    };
    const step = ad.compile(plain);
    let loss = Infinity;
    for (let i = 0; i < 60; i++) loss = (step(x, y) as Tensor).item();
    expect(step.stats().recordings).toBe(1);
    expect(loss).toBeLessThan(0.05);
    expect(net.forward(x).argmax(1).eq(y).all().item()).toBe(1);
    [x, y].forEach((t) => t.dispose());
    optimizer.zeroGrad();
    net.dispose();
  });
});
