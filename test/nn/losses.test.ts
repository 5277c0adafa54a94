/** Losses: values and gradients against PyTorch's formulas written out over plain arrays; options, labels, infinities, refusals. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn } = ad;
const f64 = (value: unknown) => ad.tensor(value as number[], { dtype: "float64" });
const i32 = (value: unknown) => ad.tensor(value as number[], { dtype: "int32" });

const LOGITS = [
  [1, 2, 0.5],
  [0.1, -1, 3],
  [0.3, 0.2, -0.7],
  [2, 2, 2.5],
];
const logSoftmax = (row: number[]) => row.map((v) => v - Math.log(row.reduce((s, x) => s + Math.exp(x), 0)));

interface Options {
  weight?: number[];
  ignoreIndex?: number;
  labelSmoothing?: number;
  reduction?: "mean" | "sum" | "none";
}

/** torch.nn.functional.cross_entropy with labels, one row at a time. */
function reference(
  logits: number[][],
  labels: number[],
  { weight = [1, 1, 1], ignoreIndex = -100, labelSmoothing = 0, reduction = "mean" }: Options,
): number | number[] {
  let total = 0;
  const losses = logits.map((row, i) => {
    if (labels[i] === ignoreIndex) return 0;
    const logs = logSoftmax(row);
    total += weight[labels[i]!]!;
    const smooth = logs.reduce((s, l, c) => s - weight[c]! * l, 0);
    return -(1 - labelSmoothing) * weight[labels[i]!]! * logs[labels[i]!]! + (labelSmoothing / row.length) * smooth;
  });
  if (reduction === "none") return losses;
  const sum = losses.reduce((a, b) => a + b, 0);
  return reduction === "sum" ? sum : sum / total;
}

/** Central differences of the reference's sum. */
function slopes(logits: number[][], f: (logits: number[][]) => number): number[][] {
  const h = 1e-5;
  return logits.map((row, i) =>
    row.map((_, j) => {
      const moved = (d: number) => f(logits.map((r, k) => r.map((v, l) => (k === i && l === j ? v + d : v))));
      return (moved(h) - moved(-h)) / (2 * h);
    }),
  );
}

function near(got: unknown, expected: unknown, digits = 12): void {
  [got].flat(5).forEach((v, i) => expect(v).toBeCloseTo([expected].flat(5)[i] as number, digits));
}

describe("crossEntropy and nllLoss with labels", () => {
  const labels = [1, 2, 0, 2];
  const skipped = [1, -1, 0, -1];
  const settings: [number[], Options][] = [
    [labels, {}],
    [labels, { weight: [0.5, 2, 3] }],
    [labels, { labelSmoothing: 0.3 }],
    [labels, { labelSmoothing: 0.3, weight: [0.5, 2, 3] }],
    [skipped, { ignoreIndex: -1 }],
    [[1, -100, 0, 2], {}],
    [[1, 0, 0, 2], { ignoreIndex: 0 }],
    [[1, 255, 0, 2], { ignoreIndex: 255, weight: [1, 2, 4] }],
    [skipped, { ignoreIndex: -1, weight: [0.5, 2, 3], labelSmoothing: 0.2 }],
  ];
  const all = settings.flatMap(([y, o]) => (["mean", "sum", "none"] as const).map((reduction) => [y, { ...o, reduction }] as const));

  it.each(all)("%j %j", (y, options) => {
    clean(() => {
      const expected = reference(LOGITS, y, options);
      // int32, whole floats, plain arrays: one loss.
      for (const target of [i32(y), f64(y), y]) near(nn.crossEntropy(f64(LOGITS), target, options).toArray(), expected);
      near(nn.crossEntropy(LOGITS, y, { ...options }).toArray(), expected, 5);
      const { labelSmoothing, ...rest } = options;
      if (labelSmoothing === undefined) near(nn.nllLoss(f64(LOGITS).logSoftmax(1), i32(y), rest).toArray(), expected);
      // The gradient, in both modes and under vmap of single examples.
      const f = (z: Tensor) => nn.crossEntropy(z, y, options).sum();
      const slope = slopes(LOGITS, (z) => [reference(z, y, options)].flat().reduce((a, b) => a + b, 0));
      near(ad.grad(f)(f64(LOGITS)).toArray(), slope, 8);
      near(ad.jacfwd(f)(f64(LOGITS)).toArray(), slope, 8);
      const alone = ad.vmap((z: Tensor, label: Tensor) => nn.crossEntropy(z, label, { ...options, reduction: "none" }))(
        f64(LOGITS),
        i32(y),
      );
      near(alone.toArray(), reference(LOGITS, y, { ...options, reduction: "none" }));
    });
  });

  it("an infinite logit is certain of its class, with gradient 0", () => {
    clean(() => {
      const loss = (z: Tensor) => nn.crossEntropy(z, [0]);
      for (const dtype of ["float32", "float64"] as const) {
        const z = ad.tensor([[Infinity, 2, 1]], { dtype });
        expect(loss(z).item() + 0).toBe(0);
        expect(ad.grad(loss)(z).add(0).toArray()).toEqual([[0, 0, 0]]);
        expect(ad.jvp(loss, [z], [ad.onesLike(z)])[1].item() + 0).toBe(0);
        expect(nn.crossEntropy(z, [1]).item()).toBe(Infinity);
        expect(ad.logSoftmax(z).toArray()).toEqual([[0, -Infinity, -Infinity]]);
        expect(ad.logSoftmax(z, 0).toArray()).toEqual([[0, 0, 0]]);
        expect(ad.logSoftmax(ad.tensor([[Infinity], [2]], { dtype }), 0).toArray()).toEqual([[0], [-Infinity]]);
      }
      const shared = f64([Infinity, 1, Infinity]).logSoftmax().toArray() as number[];
      expect(shared[0]).toBeCloseTo(-Math.LN2, 15);
      expect(shared[1]).toBe(-Infinity);
      expect(f64([Infinity, NaN]).logSoftmax().isNaN().all().item()).toBe(1);
    });
  });

  it("take class axes in the second place, whatever follows", () => {
    clean(() => {
      const z = ad.arange(24, { dtype: "float64" }).mul(0.37).sin().reshape([2, 3, 4]);
      const y = [
        [0, 1, 2, 0],
        [2, 2, 1, -1],
      ];
      const rows = z.transpose([0, 2, 1]).reshape([8, 3]);
      for (const reduction of ["mean", "sum", "none"] as const) {
        const options = { reduction, ignoreIndex: -1, weight: [1, 2, 3], labelSmoothing: 0.1 };
        near(nn.crossEntropy(z, y, options).toArray(), nn.crossEntropy(rows, y.flat(), options).toArray());
      }
      expect(nn.crossEntropy(z, y, { reduction: "none", ignoreIndex: -1 }).shape).toEqual([2, 4]);
      near(nn.crossEntropy(f64(LOGITS[0]), 1).item(), -logSoftmax(LOGITS[0]!)[1]!);
    });
  });

  it("all ignored: the mean of nothing is NaN, the gradient 0", () => {
    clean(() => {
      expect(nn.crossEntropy(f64(LOGITS), [-1, -1, -1, -1], { ignoreIndex: -1 }).item()).toBeNaN();
      expect(nn.crossEntropy(f64(LOGITS), [-1, -1, -1, -1], { ignoreIndex: -1, reduction: "sum" }).item()).toBe(0);
      expect(
        ad
          .grad((z: Tensor) => nn.crossEntropy(z, [-1, -1, -1, -1], { ignoreIndex: -1 }))(f64(LOGITS))
          .abs()
          .max()
          .item(),
      ).toBe(0);
    });
  });

  it.each([
    [[0, -1, 0, 0], /crossEntropy: label -1 \(at position 1\).*3 classes.*0 to 2.*ignoreIndex: -1/],
    [[0, 1, 3, 0], /label 3 \(at position 2\)/],
    [[0, 1, 0.5, 0], /label 0.5/],
    [[0, 1, NaN, 0], /label NaN/],
    [[0, 1, Infinity, 0], /label Infinity/],
    [[0, 1, -3, 0], /label -3/],
  ])("refuse %j, under every transform", (y, message) => {
    const before = ad.memory().tensors;
    const z = f64(LOGITS),
      target = f64(y);
    for (const reduction of ["mean", "sum", "none"] as const) {
      for (const loss of [nn.crossEntropy, nn.nllLoss]) {
        const f = (z: Tensor, y: Tensor) => loss(z, y, { reduction });
        expect(() => f(z, target)).toThrow(ad.IndexError);
        expect(() => ad.grad((z: Tensor) => f(z, target).sum())(z)).toThrow(ad.IndexError);
        expect(() => ad.jvp((z: Tensor) => f(z, target), [z], [z])).toThrow(ad.IndexError);
        expect(() => ad.vmap(f)(z, target)).toThrow(ad.IndexError);
      }
    }
    expect(() => nn.crossEntropy(z, y)).toThrow(message);
    z.dispose();
    target.dispose();
    expect(ad.memory().tensors).toBe(before);
  });
});

describe("crossEntropy with probabilities", () => {
  const T = [
    [0.2, 0.5, 0.3],
    [0, 1, 0],
    [0.1, 0.1, 0.8],
    [1, 0, 0],
  ];
  it.each([{}, { labelSmoothing: 0.4 }, { weight: [0.5, 2, 3] }, { weight: [0.5, 2, 3], labelSmoothing: 0.1 }] as Options[])(
    "%j",
    (options) => {
      const { weight = [1, 1, 1], labelSmoothing: s = 0 } = options;
      const rows = (z: number[][]) =>
        z.map((row, i) => logSoftmax(row).reduce((sum, l, c) => sum - weight[c]! * (T[i]![c]! * (1 - s) + s / 3) * l, 0));
      clean(() => {
        near(nn.crossEntropy(f64(LOGITS), f64(T), { ...options, reduction: "none" }).toArray(), rows(LOGITS));
        near(nn.crossEntropy(f64(LOGITS), T, options).item(), rows(LOGITS).reduce((a, b) => a + b, 0) / 4);
        const slope = slopes(LOGITS, (z) => rows(z).reduce((a, b) => a + b, 0) / 4);
        near(
          ad
            .grad((z: Tensor) => nn.crossEntropy(z, T, options))(f64(LOGITS))
            .toArray(),
          slope,
          8,
        );
        // d/dt is -w log p (1 - s)/n, also where t = 0.
        const wanted = LOGITS.map((row) => logSoftmax(row).map((l, c) => (-weight[c]! * l * (1 - s)) / 4));
        near(
          ad
            .grad((t: Tensor) => nn.crossEntropy(f64(LOGITS), t, options))(f64(T))
            .toArray(),
          wanted,
        );
      });
    },
  );

  it("a class that cannot be and has no probability costs nothing, in both modes", () => {
    clean(() => {
      const z = f64([[1, 2, -Infinity]]),
        t = f64([[0.5, 0.5, 0]]);
      const loss = (z: Tensor) => nn.crossEntropy(z, t);
      near(loss(z).item(), Math.log(1 + Math.E) - 0.5);
      const p = 1 / (1 + Math.E);
      near(ad.grad(loss)(z).toArray(), [[p - 0.5, 0.5 - p, 0]]);
      near(ad.jacfwd(loss)(z).toArray(), [[p - 0.5, 0.5 - p, 0]]);
      expect(nn.crossEntropy(z, f64([[0.5, 0.4, 0.1]])).item()).toBe(Infinity);
      expect(nn.crossEntropy(f64([[1, NaN, 2]]), t).item()).toBeNaN();
      // A weight of 0 leaves the class out as well.
      near(
        nn.crossEntropy(z, [0], { weight: [1, 1, 0], labelSmoothing: 0.5 }).item(),
        (reference([[1, 2]], [0], { weight: [1, 1], labelSmoothing: 0 }) as number) * 0.5 +
          ((Math.log(1 + Math.E) + (Math.log(1 + Math.E) - 1)) * 0.5) / 3,
      );
    });
  });
});

describe("bceWithLogits", () => {
  const Z = [
      [0.5, -2],
      [3, 0],
    ],
    T = [
      [1, 0],
      [0.25, 1],
    ];
  const sigma = (z: number) => 1 / (1 + Math.exp(-z));
  it.each([{}, { posWeight: [10, 3] }, { weight: [[0.5], [2]] }, { weight: [2, 3], posWeight: 4 }] as const)("%j", (options) => {
    const o = options as { posWeight?: number | number[]; weight?: number[] | number[][] };
    const pw = (j: number) => (o.posWeight === undefined ? 1 : typeof o.posWeight === "number" ? o.posWeight : o.posWeight[j]!);
    const w = (i: number, j: number) =>
      o.weight === undefined ? 1 : Array.isArray(o.weight[0]) ? (o.weight as number[][])[i]![0]! : (o.weight as number[])[j]!;
    const expected = Z.map((row, i) =>
      row.map((z, j) => -w(i, j) * (pw(j) * T[i]![j]! * Math.log(sigma(z)) + (1 - T[i]![j]!) * Math.log(1 - sigma(z)))),
    );
    const slope = Z.map((row, i) => row.map((z, j) => w(i, j) * (pw(j) * T[i]![j]! * (sigma(z) - 1) + (1 - T[i]![j]!) * sigma(z))));
    clean(() => {
      near(nn.bceWithLogits(f64(Z), T, { ...(options as object), reduction: "none" }).toArray(), expected);
      near(nn.bceWithLogits(f64(Z), f64(T), options as object).item(), expected.flat().reduce((a, b) => a + b, 0) / 4);
      near(
        ad
          .grad((z: Tensor) => nn.bceWithLogits(z, T, { ...(options as object), reduction: "sum" }))(f64(Z))
          .toArray(),
        slope,
      );
    });
  });

  it("is exact when saturated, and at the infinities", () => {
    clean(() => {
      const at = (z: number, t: number) => {
        const f = (z: Tensor) => nn.bceWithLogits(z, [t]);
        return [
          f(f64([z])).item(),
          ad
            .grad(f)(f64([z]))
            .item(),
          ad.jvp(f, [f64([z])], [f64([1])])[1].item(),
        ];
      };
      const e = Math.exp(-40);
      for (const [got, expected] of [
        [at(40, 1), [e, -e, -e]],
        [at(-40, 0), [e, e, e]],
      ] as const)
        got.forEach((v, i) => expect(v! / expected[i]!).toBeCloseTo(1, 12));
      expect(at(1000, 0)).toEqual([1000, 1, 1]);
      expect(at(-1000, 1)).toEqual([1000, -1, -1]);
      expect(at(Infinity, 1).map((v) => v + 0)).toEqual([0, 0, 0]);
      expect(at(-Infinity, 0).map((v) => v + 0)).toEqual([0, 0, 0]);
      expect(at(Infinity, 0)[0]).toBe(Infinity);
      // float32 keeps the small slope too.
      expect(
        ad
          .grad((z: Tensor) => nn.bceWithLogits(z, [1]))(ad.tensor([20]))
          .item() / -2.0611536181902037e-9,
      ).toBeCloseTo(1, 5);
    });
  });
});

describe("klDiv", () => {
  it("counts nothing where the target has no probability", () => {
    clean(() => {
      const z = f64([[1, 2, -Infinity]]).logSoftmax(1),
        t = f64([[0.5, 0.5, 0]]);
      const logs = logSoftmax([1, 2]);
      const expected = Math.log(0.5) - 0.5 * (logs[0]! + logs[1]!);
      for (const reduction of ["sum", "batchmean"] as const) near(nn.klDiv(z, t, { reduction }).item(), expected);
      near(nn.klDiv(z, t).item(), expected / 3);
      near(nn.klDiv(z, t.log(), { reduction: "sum", logTarget: true }).item(), expected);
      near(nn.klDiv(f64([-1, 0]), f64([-Infinity, 0]), { reduction: "sum", logTarget: true }).item(), 0);
      near(
        ad
          .grad((x: Tensor) => nn.klDiv(x, t, { reduction: "sum" }))(z)
          .toArray(),
        [[-0.5, -0.5, 0]],
      );
      near(
        ad
          .jacfwd((x: Tensor) => nn.klDiv(x, t.log(), { reduction: "sum", logTarget: true }))(z)
          .toArray(),
        [[-0.5, -0.5, 0]],
      );
      expect(nn.klDiv(z, f64([[0.5, 0.4, 0.1]]), { reduction: "sum" }).item()).toBe(Infinity);
    });
  });
});

describe("regression losses", () => {
  const [A, B] = [
    [1, -3, 0.5],
    [0, 1, 0.25],
  ];
  const d = A.map((a, i) => a - B[i]!);
  const huber = (delta: number) => d.map((v) => (Math.abs(v) <= delta ? (v * v) / 2 : delta * (Math.abs(v) - delta / 2)));
  it.each([
    ["mseLoss", {}, d.map((v) => v * v), d.map((v) => 2 * v)],
    ["l1Loss", {}, d.map(Math.abs), d.map(Math.sign)],
    ["huberLoss", {}, huber(1), d.map((v) => Math.max(-1, Math.min(1, v)))],
    ["huberLoss", { delta: 2.5 }, huber(2.5), d.map((v) => Math.max(-2.5, Math.min(2.5, v)))],
  ] as const)("%s %j", (name, options, expected, slope) => {
    clean(() => {
      const loss = nn[name] as (a: unknown, b: unknown, o: object) => Tensor;
      near(loss(f64(A), B, { ...options, reduction: "none" }).toArray(), expected);
      near(loss(f64(A), f64(B), options).item(), expected.reduce((a, b) => a + b, 0) / 3);
      near(
        loss(A, B, { ...options, reduction: "sum" }).item(),
        expected.reduce((a, b) => a + b, 0),
        5,
      );
      near(
        ad
          .grad((x: Tensor) => loss(x, B, { ...options, reduction: "sum" }))(f64(A))
          .toArray(),
        slope,
      );
      near(
        ad
          .vmap((x: Tensor, y: Tensor) => loss(x, y, options))(f64(A), f64(B))
          .toArray(),
        expected,
      );
    });
  });
});

describe("refusals", () => {
  const z = () => f64(LOGITS);
  it.each<[string, () => unknown, new (...a: never[]) => Error, RegExp]>([
    [
      "unknown option",
      () => nn.crossEntropy(z(), [0, 1, 2, 0], { label_smoothing: 0.1 } as object),
      ad.ValueError,
      /Did you mean "labelSmoothing"/,
    ],
    ["options that are none", () => nn.crossEntropy(z(), [0, 1, 2, 0], "sum" as never), ad.ValueError, /options must be a plain object/],
    ["reduction", () => nn.mseLoss(z(), z(), { reduction: "avg" as never }), ad.ValueError, /expected "mean", "sum" or "none"/],
    ["huberLoss beta", () => nn.huberLoss(z(), z(), { beta: 1 } as object), ad.ValueError, /Did you mean "delta"/],
    ["huberLoss delta", () => nn.huberLoss(z(), z(), { delta: 0 }), ad.ValueError, /above 0/],
    ["labelSmoothing", () => nn.crossEntropy(z(), [0, 1, 2, 0], { labelSmoothing: 1.5 }), ad.ValueError, /from 0 to 1/],
    ["ignoreIndex", () => nn.crossEntropy(z(), [0, 1, 2, 0], { ignoreIndex: 0.5 }), ad.ValueError, /integer/],
    ["ignoreIndex of probabilities", () => nn.crossEntropy(z(), z().softmax(1), { ignoreIndex: 1 }), ad.ValueError, /holds probabilities/],
    ["class weights", () => nn.crossEntropy(z(), [0, 1, 2, 0], { weight: [1, 2] }), ad.ShapeError, /expected \[3\]/],
    ["a column of labels", () => nn.crossEntropy(z(), [[0], [1], [2], [0]]), ad.ShapeError, /squeeze\(1\)/],
    ["too few labels", () => nn.nllLoss(z(), [0, 1]), ad.ShapeError, /\[4\]/],
    ["posWeight", () => nn.bceWithLogits(z(), z(), { posWeight: [1, 2] }), ad.ShapeError, /does not broadcast/],
    ["no target", () => (nn.crossEntropy as (z: Tensor) => Tensor)(z()), ad.ValueError, /got undefined/],
    ["a string", () => nn.mseLoss(z(), "1" as never), ad.ValueError, /the target must be/],
    ["shapes that would broadcast", () => nn.mseLoss(ad.ones([3, 1]), ad.ones([3])), ad.ShapeError, /broadcasting/],
  ])("%s", (_, f, type, message) => {
    const before = ad.memory().tensors;
    ad.scope(() => {
      expect(f).toThrow(type);
      expect(f).toThrow(message);
    });
    expect(ad.memory().tensors).toBe(before);
  });
});

describe("cosineSimilarity", () => {
  it.each([1e200, 1e160, 1])("is that of the directions at any length: %s", (scale) => {
    const a = f64([[3 * scale, 4 * scale]]);
    const b = f64([[4 * scale, 3 * scale]]);
    expect(nn.cosineSimilarity(a, b).at(0).item()).toBeCloseTo(0.96, 14);
    // (b/|b| - cos a/|a|) / |a|
    const slope = ad
      .grad((x: Tensor) => nn.cosineSimilarity(x, b).sum())(a)
      .mul(scale);
    expect(slope.at(0, 0).item()).toBeCloseTo((0.8 - 0.96 * 0.6) / 5, 14);
    expect(slope.at(0, 1).item()).toBeCloseTo((0.6 - 0.96 * 0.8) / 5, 14);
  });
});
