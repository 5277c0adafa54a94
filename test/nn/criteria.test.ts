/** Losses as modules say what the functions say. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn } = ad;
const f64 = (values: ad.TensorLike) => ad.tensor(values, { dtype: "float64" });
const scores = [
  [1, 2, 3],
  [2, 0, -1],
];
const probabilities = [
  [0.2, 0.3, 0.5],
  [0.6, 0.3, 0.1],
];

type Made = new (options?: any) => ad.nn.Criterion<any>;
const rows: [
  name: string,
  made: Made,
  loss: (x: ad.Tensor, t: ad.Tensor, options?: any) => ad.Tensor,
  target: ad.TensorLike,
  options: object,
][] = [
  [
    "CrossEntropyLoss",
    nn.CrossEntropyLoss,
    nn.crossEntropy,
    [2, -1],
    { ignoreIndex: -1, labelSmoothing: 0.1, reduction: "sum", weight: [1, 2, 3] },
  ],
  ["NLLLoss", nn.NLLLoss, nn.nllLoss, [2, 0], { weight: [1, 2, 3] }],
  ["MSELoss", nn.MSELoss, nn.mseLoss, probabilities, { reduction: "sum" }],
  ["L1Loss", nn.L1Loss, nn.l1Loss, probabilities, { reduction: "none" }],
  ["HuberLoss", nn.HuberLoss, nn.huberLoss, probabilities, { delta: 0.5 }],
  ["BCEWithLogitsLoss", nn.BCEWithLogitsLoss, nn.bceWithLogits, probabilities, { posWeight: 3 }],
  ["KLDivLoss", nn.KLDivLoss, nn.klDiv, probabilities, { reduction: "batchmean" }],
  ["SmoothL1Loss", nn.SmoothL1Loss, nn.smoothL1Loss, probabilities, { beta: 0.5 }],
  ["PoissonNLLLoss", nn.PoissonNLLLoss, nn.poissonNllLoss, probabilities, { full: true }],
  [
    "HingeEmbeddingLoss",
    nn.HingeEmbeddingLoss,
    nn.hingeEmbeddingLoss,
    [
      [1, -1, 1],
      [-1, 1, -1],
    ],
    { margin: 2 },
  ],
  [
    "SoftMarginLoss",
    nn.SoftMarginLoss,
    nn.softMarginLoss,
    [
      [1, -1, 1],
      [-1, 1, -1],
    ],
    { reduction: "sum" },
  ],
  ["MultiMarginLoss", nn.MultiMarginLoss, nn.multiMarginLoss, [2, 0], { p: 2 }],
  [
    "MultiLabelSoftMarginLoss",
    nn.MultiLabelSoftMarginLoss,
    nn.multiLabelSoftMarginLoss,
    [
      [1, 0, 1],
      [0, 1, 0],
    ],
    { reduction: "none" },
  ],
  ["CosineSimilarity", nn.CosineSimilarity, nn.cosineSimilarity, probabilities, { axis: 0 }],
];

describe.each(rows)("%s", (name, Made, loss, target, options) => {
  it("gives what its function gives, with and without options, and the gradient", () => {
    ad.scope(() => {
      const [x, t] = [f64(scores).logSoftmax(), f64(target)];
      for (const given of name === "CrossEntropyLoss" ? [options] : [undefined, options]) {
        const criterion = new Made(given);
        expect(criterion.forward(x, t).toArray()).toEqual(loss(x, t, given).toArray());
        expect(
          ad
            .grad((y: ad.Tensor) => criterion.forward(y, t).sum())(x)
            .toArray(),
        ).toEqual(
          ad
            .grad((y: ad.Tensor) => loss(y, t, given).sum())(x)
            .toArray(),
        );
      }
      return null;
    });
  });

  it("is a module with a name, and refuses options nobody reads when it is made", () => {
    expect(new Made()).toBeInstanceOf(nn.Module);
    expect(new Made().constructor.name).toBe(name);
    expect(new Made().parameters()).toEqual([]);
    expect(() => new Made({ weigth: 1 })).toThrow(ad.ValueError);
    expect(() => new Made(0.5)).toThrow(/plain object/);
    if (name !== "CosineSimilarity") expect(() => new Made({ reduction: "avg" })).toThrow(/reduction "avg" does not exist/);
  });
});

it("a weight is a buffer of the loss", () => {
  const weight = f64([1, 2, 3]);
  const buffers = new nn.CrossEntropyLoss({ weight }).namedBuffers();
  expect(buffers.map(([name, buffer]) => [name, buffer === weight])).toEqual([["options.weight", true]]);
  weight.dispose();
});

it("losses of three tensors and of probabilities as modules", () => {
  ad.scope(() => {
    const [a, b, c] = [f64(scores), f64(probabilities), f64(probabilities).flip(1)];
    const side = f64([1, -1]);
    const cases: [ad.nn.Module, ad.Tensor[], ad.Tensor][] = [
      [new nn.BCELoss({ reduction: "sum" }), [b, c], nn.bceLoss(b, c, { reduction: "sum" })],
      [new nn.GaussianNLLLoss({ full: true }), [a, b, c], nn.gaussianNllLoss(a, b, c, { full: true })],
      [new nn.TripletMarginLoss({ margin: 3 }), [a, b, c], nn.tripletMarginLoss(a, b, c, { margin: 3 })],
      [new nn.CosineEmbeddingLoss(), [a, b, side], nn.cosineEmbeddingLoss(a, b, side)],
      [new nn.MarginRankingLoss({ margin: 1 }), [a, b, c.sign()], nn.marginRankingLoss(a, b, c.sign(), { margin: 1 })],
    ];
    for (const [criterion, inputs, expected] of cases) expect(criterion.forward(...inputs).toArray()).toEqual(expected.toArray());
    expect(() => nn.bceLoss([0.5], [[1]])).toThrow(ad.ShapeError);
    // What a probability of 0 or 1 costs is bounded, and so are gradients.
    expect(nn.bceLoss([0, 1], [1, 0]).item()).toBe(100);
    expect((ad.grad((p: ad.Tensor) => nn.bceLoss(p, [1, 0, 1]))([0, 1, 1]) as ad.Tensor).toArray()).toEqual([0, 0, Math.fround(-1 / 3)]);
    expect(() => nn.multiMarginLoss(a, ad.tensor([3, 0], { dtype: "int32" }))).toThrow(ad.IndexError);
    return null;
  });
});
