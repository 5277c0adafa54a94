/** Draws: their distributions, the ends of their ranges, how their arguments are read, what is refused. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const R = ad.random;
const k = () => R.key(42);
const N = 50_000;
const f64 = (v: ad.Nested | number) => ad.tensor(v, { dtype: "float64" });
const same = (a: Tensor, b: Tensor) => expect(a.toArray()).toEqual(b.toArray());

/** Mean and variance within five standard errors (the variance's from the fourth central moment of the sample). */
function moments(draws: Tensor, mean: number, variance: number): void {
  const x = draws.cast("float64");
  const centred = x.sub(mean);
  const fourth = centred.pow(4).mean().item() - variance ** 2;
  expect(Math.abs(x.mean().item() - mean)).toBeLessThan(5 * Math.sqrt(variance / x.size));
  expect(Math.abs(centred.square().mean().item() - variance)).toBeLessThan(5 * Math.sqrt(fourth / x.size));
}

const range = (t: Tensor) => [t.min().item(), t.max().item()] as [number, number];

describe("distributions", () => {
  const EULER = 0.5772156649015329;
  const cases: [string, (dtype: "float32" | "float64") => Tensor, number, number][] = [
    ["uniform", (dtype) => R.uniform(k(), [N], { dtype }), 0.5, 1 / 12],
    ["uniform between bounds", (dtype) => R.uniform(k(), [N], { dtype, minval: -3, maxval: 5 }), 1, 64 / 12],
    ["normal", (dtype) => R.normal(k(), [N], { dtype, mean: 3, std: 2 }), 3, 4],
    ["truncatedNormal", (dtype) => R.truncatedNormal(k(), [N], { dtype }), 0, 0.7737413035499232],
    [
      "truncatedNormal, one side",
      (dtype) => R.truncatedNormal(k(), [N], { dtype, lower: 0, upper: Infinity }),
      Math.sqrt(2 / Math.PI),
      1 - 2 / Math.PI,
    ],
    ["exponential", (dtype) => R.exponential(k(), [N], { dtype }), 1, 1],
    ["gumbel", (dtype) => R.gumbel(k(), [N], { dtype }), EULER, Math.PI ** 2 / 6],
    ["gamma, a = 2.5", (dtype) => R.gamma(k(), [N], { dtype, a: 2.5 }), 2.5, 2.5],
    ["gamma, a = 0.3", (dtype) => R.gamma(k(), [N], { dtype, a: 0.3 }), 0.3, 0.3],
    ["gamma, a = 5000", (dtype) => R.gamma(k(), [N], { dtype, a: 5000 }), 5000, 5000],
    ["bernoulli", () => R.bernoulli(k(), [N], { p: 0.3 }), 0.3, 0.21],
    ["bernoulli, rare", () => R.bernoulli(k(), [500_000], { p: 1e-4 }), 1e-4, 1e-4],
    ["randint", () => R.randint(k(), [N], { minval: -3, maxval: 4 }), 0, 4],
    ["randint over int32", () => R.randint(k(), [N], { minval: -(2 ** 31), maxval: 2 ** 31 }), -0.5, 2 ** 64 / 12],
    ["categorical", () => R.categorical(k(), [N], { logits: ad.tensor([0, Math.log(3)]) }), 0.75, 0.1875],
  ];
  for (const [name, draw, mean, variance] of cases) {
    it(name, () => {
      clean(() => {
        for (const dtype of ["float32", "float64"] as const) moments(draw(dtype), mean, variance);
        same(draw("float32"), draw("float32"));
      });
    });
  }

  it("permutations are permutations, all equally often", () => {
    clean(() => {
      const orders = new Map<string, number>();
      for (const key of R.split(k(), 6000).toArray() as number[][]) {
        const order = ad.scope(() =>
          R.permutation(ad.tensor(key, { dtype: "int32" }), 3)
            .toArray()
            .join(),
        );
        orders.set(order, (orders.get(order) ?? 0) + 1);
      }
      expect([...orders.keys()].sort()).toEqual(["0,1,2", "0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"]);
      // Chi square with 5 degrees of freedom; above 25 with probability 1.4e-4.
      expect([...orders.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(25);
      const m = ad.arange(0, 12).reshape([3, 4]);
      same(R.permutation(k(), m, { axis: -1 }).sum(1), m.sum(1));
      same(R.permutation(k(), m, { axis: 1 }), m.take(R.permutation(k(), 4), 1));
      expect(R.permutation(k(), 0).shape).toEqual([0]);
      expect(R.permutation(k(), 0).dtype).toBe("int32");
    });
  });
});

describe("the ends of ranges", () => {
  it("uniform stays below maxval, where rounding would reach it and where the difference overflows", () => {
    clean(() => {
      for (const [minval, maxval] of [
        [1000, 1001],
        [-3e38, 3e38],
        [16777214, 16777216],
        [-1e-45, 1e-45],
        [1, 1 + 2 ** -23],
      ] as const) {
        const [low, high] = range(R.uniform(k(), [200_000], { minval, maxval }));
        expect(low).toBeGreaterThanOrEqual(Math.fround(minval));
        expect(high).toBeLessThan(Math.fround(maxval));
      }
      moments(R.uniform(k(), [N], { minval: -3e38, maxval: 3e38 }).div(3e38), 0, 1 / 3);
      moments(R.uniform(k(), [N], { minval: -1.7e308, maxval: 1.7e308, dtype: "float64" }).div(1.7e308), 0, 1 / 3);
      moments(R.uniform(k(), [1_000_000], { minval: 1000, maxval: 1001 }).cast("float64").sub(1000), 0.5, 1 / 12);
      const tensors = R.uniform(k(), [200_000, 2], { minval: ad.tensor([1000, -3e38]), maxval: ad.tensor([1001, 3e38]) });
      expect(
        tensors
          .ge(ad.tensor([1000, -3e38]))
          .logicalAnd(tensors.lt(ad.tensor([1001, 3e38])))
          .all()
          .item(),
      ).toBeTruthy();
      expect(R.uniform(k(), [2], { minval: 4, maxval: 4 }).toArray()).toEqual([4, 4]);
    });
  });

  it("truncated normal numbers keep their distribution far out", () => {
    clean(() => {
      // Means and variances of the standard normal between bounds, to 30 digits and rounded.
      for (const dtype of ["float32", "float64"] as const) {
        for (const [lower, upper, mean, variance] of FAR) {
          const draws = R.truncatedNormal(k(), [N], { lower, upper, dtype });
          const [low, high] = range(draws);
          expect(low).toBeGreaterThanOrEqual(Math.fround(lower));
          expect(high).toBeLessThanOrEqual(Math.fround(upper));
          expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
          // Less the bound in float64, of which float32 has not many digits left.
          if (dtype === "float64" || Math.abs(mean) < 50) {
            const tolerance = 5 * Math.sqrt(variance / N) + (dtype === "float32" ? 2 ** -22 : 0) * Math.abs(mean);
            expect(Math.abs(draws.cast("float64").mean().item() - mean)).toBeLessThan(tolerance);
          }
        }
      }
    });
  });

  it("bounds of truncated normal numbers are tensors too, and have their derivatives", () => {
    clean(() => {
      const lower = f64([-1, 2, -Infinity, 6]);
      const upper = f64([1, Infinity, -3, 7]);
      const draw = (a: Tensor, b: Tensor) => R.truncatedNormal(k(), [5, 4], { lower: a, upper: b });
      const draws = draw(lower, upper);
      expect(draws.dtype).toBe("float64");
      expect(draws.ge(lower).logicalAnd(draws.le(upper)).all().item()).toBeTruthy();
      const finite = [f64([-1, 2, 0.3, 6]), f64([1, 4, 0.4, 7])] as const;
      ad.gradcheck(draw, [...finite], { modes: ["forward", "reverse"] });
    });
  });

  it("bounds beyond float32 are numbers of float64", () => {
    clean(() => {
      for (const x of R.uniform(k(), [100], { minval: 1e39, maxval: 2e39, dtype: "float64" }).toArray() as number[]) {
        expect(x).toBeGreaterThanOrEqual(1e39);
        expect(x).toBeLessThan(2e39);
      }
      expect(R.normal(k(), [9], { std: 1e39, dtype: "float64" }).isFinite().all().item()).toBe(1);
    });
  });

  it("randint covers int32, its bounds too", () => {
    clean(() => {
      const ends = R.randint(k(), [2000], { minval: 2 ** 31 - 2, maxval: 2 ** 31 });
      expect(range(ends)).toEqual([2147483646, 2147483647]);
      expect(range(R.randint(k(), [2000], { minval: -(2 ** 31), maxval: -(2 ** 31) + 2 }))).toEqual([-2147483648, -2147483647]);
      expect(R.randint(k(), [3], { minval: 7, maxval: 8 }).toArray()).toEqual([7, 7, 7]);
      const low = ad.tensor([0, 10, -5], { dtype: "int32" });
      const draws = R.randint(k(), [1000, 3], { minval: low, maxval: low.add(3) }).sub(low);
      expect([draws.dtype, ...range(draws)]).toEqual(["int32", 0, 2]);
    });
  });

  it("logarithms of exponential, gamma and Gumbel noise are finite; sure events are sure", () => {
    clean(() => {
      for (const draws of [R.exponential(k(), [1_000_000]), R.gamma(k(), [10_000], { a: 1e-3 })])
        expect(draws.gt(0).logicalAnd(draws.log().isFinite()).all().item()).toBeTruthy();
      expect(R.gumbel(k(), [1_000_000]).isFinite().all().item()).toBeTruthy();
      expect(R.bernoulli(k(), [1000], { p: 0 }).any().item()).toBeFalsy();
      expect(R.bernoulli(k(), [1000], { p: 1 }).all().item()).toBeTruthy();
      expect(
        R.categorical(k(), [1000], { logits: ad.tensor([-Infinity, 0, -Infinity]) })
          .eq(1)
          .all()
          .item(),
      ).toBeTruthy();
      expect(R.normal(k(), [3], { mean: 2, std: 0 }).toArray()).toEqual([2, 2, 2]);
    });
  });

  it("empty and 0-d shapes", () => {
    clean(() => {
      const draws = [R.uniform, R.normal, R.truncatedNormal, R.gumbel, R.exponential, R.gamma, R.bernoulli];
      for (const draw of draws) {
        expect((draw as typeof R.normal)(k(), [2, 0]).shape).toEqual([2, 0]);
        expect((draw as typeof R.normal)(k(), []).shape).toEqual([]);
      }
      expect(R.randint(k(), [0], { maxval: 3 }).shape).toEqual([0]);
      expect(R.categorical(k(), { logits: ad.zeros([0, 3]) }).shape).toEqual([0]);
      expect(R.split(k(), 0).shape).toEqual([0, 2]);
    });
  });
});

/** lower, upper, mean, variance */
const FAR: [number, number, number, number][] = [
  [6, 7, 6.15721090337828, 0.022748381],
  [6, Infinity, 6.158482604544599, 0.023987637],
  [-7, -6, -6.15721090337828, 0.022748381],
  [9, 10, 9.108456288012412, 0.011448806],
  [40, Infinity, 40.02496884720726, 0.00062266838],
  [1e4, Infinity, 10000.0001, 1e-8],
];

describe("parameters as tensors", () => {
  it("broadcast to the shape, or give it", () => {
    clean(() => {
      const mean = f64([0, 100]);
      expect(R.normal(k(), [3, 2], { mean }).dtype).toBe("float64");
      expect(R.normal(k(), [3, 2], { mean, dtype: "float32" }).dtype).toBe("float32");
      expect(R.normal(k(), undefined, { mean, std: ad.ones([3, 1]) }).shape).toEqual([3, 2]);
      expect(R.normal(k(), [2], { mean: [0, 100] }).toArray()[1]).toBeGreaterThan(90);
      expect(
        R.bernoulli(k(), [1000, 2], { p: f64([0, 1]) })
          .cast("int32")
          .sum(0)
          .toArray(),
      ).toEqual([0, 1000]);
      expect(R.gamma(k(), { a: f64([1, 1e6]) }).toArray()[1]).toBeGreaterThan(9e5);
      expect(() => R.normal(k(), [3], { mean })).toThrow(ad.ShapeError);
      expect(() => R.normal(k(), [], { mean })).toThrow(ad.ShapeError);
      expect(() => R.gamma(k(), [3], { a: mean.add(1) })).toThrow(ad.ShapeError);
      expect(() => R.uniform(k(), undefined, { minval: ad.zeros([2]), maxval: ad.ones([3]) })).toThrow(ad.ShapeError);
    });
  });

  it("have the derivatives of the reparameterisation", () => {
    clean(() => {
      ad.gradcheck((m: Tensor, s: Tensor) => R.normal(k(), [4, 2], { mean: m, std: s }), [f64([1, 2]), f64([0.5, 3])]);
      ad.gradcheck((a: Tensor, b: Tensor) => R.uniform(k(), [4, 2], { minval: a, maxval: b }), [f64([1, 2]), f64([1.5, 3])]);
    });
  });

  it("are looked at in every example of a vmap", () => {
    clean(() => {
      const keys = R.split(k(), 2);
      const drawn = ad.vmap((key: Tensor, s: Tensor) => R.normal(key, [3], { std: s }))(keys, f64([1, 2]));
      same(drawn.at(1), R.normal(keys.at(1), [3], { std: 2, dtype: "float64" }));
      expect(() => ad.vmap((key: Tensor, s: Tensor) => R.normal(key, [3], { std: s }))(keys, f64([1, -2]))).toThrow(ad.ValueError);
      expect(() => ad.vmap((key: Tensor, p: Tensor) => R.bernoulli(key, [], { p }))(keys, f64([1, 1.5]))).toThrow(/between 0 and 1/);
      expect(() =>
        ad.vmap((key: Tensor, l: Tensor) => R.categorical(key, { logits: l }))(
          keys,
          f64([
            [1, 2],
            [NaN, 1],
          ]),
        ),
      ).toThrow(ad.ValueError);
    });
  });
});

describe("gamma", () => {
  /** The derivative of E[h(x)] in a, by draws. */
  const slope = (a: number, h: (x: Tensor) => Tensor) =>
    ad
      .grad((a: Tensor) => h(R.gamma(k(), [N], { a })).mean())(f64(a))
      .item();
  const TRIGAMMA: Record<number, number> = {
    0.1: 101.43329915079276,
    1: Math.PI ** 2 / 6,
    1.5: 0.9348022005446793,
    20: 0.05127082229352031,
    1e4: 1.000050001666667e-4,
  };

  for (const a of [0.1, 1, 1.5, 20, 1e4]) {
    it(`a = ${a}: the derivative of E[x] is 1, that of E[log x] is trigamma`, () => {
      clean(() => {
        expect(Math.abs(slope(a, (x) => x) - 1)).toBeLessThan(0.02);
        expect(Math.abs(slope(a, (x) => x.log()) / TRIGAMMA[a]! - 1)).toBeLessThan(0.02);
        const f32 = ad.grad((a: Tensor) => R.gamma(k(), [N], { a }).mean())(ad.tensor(a));
        expect([f32.dtype, Math.abs(f32.item() - 1) < 0.02]).toEqual(["float32", true]);
      });
    });
  }

  it("the same in forward mode, for each element its own; a second derivative is refused", () => {
    clean(() => {
      const f = (a: Tensor) => R.gamma(k(), [3, 2], { a });
      const a = f64([0.5, 3]);
      const J = ad.jacrev(f)(a) as Tensor;
      (ad.jacfwd(f)(a) as Tensor).data().forEach((v, i) => expect(Math.abs(v - J.data()[i]!)).toBeLessThan(1e-14));
      expect(J.at(0, 0, 1).item()).toBe(0);
      expect(() => ad.hessian((a: Tensor) => f(a).sum())(a)).toThrow(ad.NotDifferentiableError);
      expect(() =>
        ad.grad((a: Tensor) =>
          ad
            .grad((b: Tensor) => f(b).sum())(a)
            .sum(),
        )(a),
      ).toThrow(ad.NotDifferentiableError);
      expect(ad.hessian((x: Tensor) => R.gamma(k(), [2], { a: 2, dtype: "float64" }).mul(x.square()).sum())(a).shape).toEqual([2, 2]);
    });
  });

  it("batched keys and parameters, in any nesting, as a loop", () => {
    clean(() => {
      const keys = R.split(k(), 3);
      const a = f64([
        [0.2, 1],
        [2, 30],
        [0.5, 4],
      ]);
      const draw = (key: Tensor, a: Tensor) => R.gamma(key, [4, 2], { a });
      const looped = ad.stack([0, 1, 2].map((i) => draw(keys.at(i), a.at(i))));
      same(ad.vmap(draw)(keys, a), looped);
      same(ad.vmap(draw, { inAxes: [0, null] })(keys, a.at(1)), ad.stack([0, 1, 2].map((i) => draw(keys.at(i), a.at(1)))));
      same(ad.vmap(draw, { inAxes: [null, 0] })(k(), a), ad.stack([0, 1, 2].map((i) => draw(k(), a.at(i)))));
      // Keys along one axis, parameters along another.
      const scalars = f64([0.2, 3]);
      const both = ad.vmap((key: Tensor) => ad.vmap((x: Tensor) => R.gamma(key, [4], { a: x }))(scalars))(keys) as Tensor;
      same(both, ad.stack([0, 1, 2].map((i) => ad.stack([0, 1].map((j) => R.gamma(keys.at(i), [4], { a: scalars.at(j) }))))));
      const other = ad.vmap((x: Tensor) => ad.vmap((key: Tensor) => R.gamma(key, [4], { a: x }))(keys))(scalars) as Tensor;
      same(other, both.transpose([1, 0, 2]));
      const gradients = ad.vmap((key: Tensor, a: Tensor) => ad.grad((a: Tensor) => draw(key, a).sum())(a))(keys, a) as Tensor;
      same(gradients, ad.stack([0, 1, 2].map((i) => ad.grad((a: Tensor) => draw(keys.at(i), a).sum())(a.at(i)))));
    });
  });
});

describe("arguments", () => {
  it("stand in one order: (key, shape, options)", () => {
    clean(() => {
      same(R.permutation(k(), [5]), R.permutation(k(), 5));
      same(R.gamma(k(), { a: ad.ones([2]) }), R.gamma(k(), [2], { a: ad.ones([2]) }));
      const logits = ad.tensor([
        [0, 1, 2],
        [1, 0, 0],
      ]);
      same(R.categorical(k(), { logits, axis: 0 }), R.categorical(k(), [3], { logits: logits.T }));
    });
    const loose = R as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const [name, args, message] of [
      [
        "bernoulli",
        [k(), 0.3, [5]],
        /bernoulli: expected a shape behind the key, got 0.3; parameters go into the options: \(key, shape, \{ p \}\)/,
      ],
      ["gamma", [k(), 2.5, [5]], /\(key, shape, \{ dtype, a \}\)/],
      ["categorical", [k(), ad.ones([3])], /\(key, shape, \{ logits, axis \}\)/],
      ["randint", [k(), [5], -3, 4], /randint: .*at most 2 arguments/],
      ["normal", [[3], k()], /normal: the options must be a plain object/],
      ["uniform", [undefined, [3]], /expected a key or a shape first, got undefined/],
    ] as const)
      expect(() => loose[name]!(...args), name).toThrow(message);
  });

  it("without a key, draws take the next of the implicit sequence", () => {
    clean(() => {
      const draws: (() => Tensor)[] = [
        () => R.normal([3]),
        () => R.normal(),
        () => R.uniform([2, 2], { minval: 1, maxval: 2 }),
        () => R.truncatedNormal([3]),
        () => R.gumbel([3]),
        () => R.exponential([3]),
        () => R.gamma([3], { a: 2 }),
        () => R.bernoulli([64], { p: 0.5 }),
        () => R.randint([8], { maxval: 1000 }),
        () => R.permutation(50),
        () => R.permutation([50]),
        () => R.permutation(ad.arange(0, 50)),
        () => R.permutation(ad.arange(0, 50), { axis: 0 }),
        () => R.categorical({ logits: ad.zeros([64, 3]) }),
        () => R.categorical([64], { logits: ad.zeros([3]) }),
      ];
      for (const draw of draws) {
        ad.manualSeed(9);
        const [first, second] = [draw(), draw()];
        expect(ad.random.getState()).toEqual({ seed: 9, draws: 2 });
        expect(second.toArray()).not.toEqual(first.toArray());
        ad.manualSeed(9);
        same(draw(), first);
      }
      ad.manualSeed(1);
      const pair = ad.tensor([7, 8], { dtype: "int32" });
      expect([...R.permutation(pair).data()].sort()).toEqual([7, 8]);
    });
  });

  const keys: [string, unknown][] = [
    ["a number", 3],
    ["a float tensor", ad.ones([2])],
    ["a wrong shape", ad.tensor([1, 2, 3], { dtype: "int32" })],
    ["several keys", R.split(R.key(0), 3)],
    ["undefined", undefined],
    ["null", null],
    ["a string", "key"],
  ];
  it.each(keys)("a key that is none is refused with the way to make one: %s", (_, bad) => {
    const state = R.getState();
    for (const draw of [R.normal, R.uniform, R.truncatedNormal, R.gumbel, R.exponential, R.gamma, R.bernoulli] as ((
      ...args: unknown[]
    ) => Tensor)[]) {
      expect(() => draw(bad, [2])).toThrowError(expect.objectContaining({ name: "ValueError", message: expect.stringMatching(/key/) }));
    }
    expect(() => R.randint(bad as Tensor, [2], { maxval: 3 })).toThrow(ad.ValueError);
    expect(() => R.split(bad as Tensor)).toThrow(ad.ValueError);
    expect(R.getState()).toEqual(state);
  });

  const wide = (value: number) => ad.tensor(value, { dtype: "float64" });
  const refused: [string, () => unknown, new (...args: never[]) => Error, RegExp][] = [
    ["normal: negative std", () => R.normal(k(), [2], { std: -1 }), ad.ValueError, /std|deviation/],
    ["normal: NaN std", () => R.normal(k(), [2], { std: NaN }), ad.ValueError, /deviation/],
    ["normal: NaN among stds", () => R.normal(k(), [2], { std: ad.tensor([1, NaN]) }), ad.ValueError, /deviation/],
    ["normal: NaN mean", () => R.normal(k(), [2], { mean: NaN }), ad.ValueError, /mean/],
    ["normal: a string", () => R.normal(k(), [2], { mean: "0" as never }), ad.ValueError, /mean/],
    ["normal: int32", () => R.normal(k(), [2], { dtype: "int32" }), ad.DTypeError, /float32/],
    ["normal: positional mean", () => R.normal(k(), [2], 0 as never), ad.ValueError, /options/],
    ["normal: too many arguments", () => (R.normal as (...a: unknown[]) => Tensor)(k(), [2], {}, 1), ad.ValueError, /ignored/],
    ["normal: unknown option", () => R.normal(k(), [2], { scale: 2 } as never), ad.ValueError, /scale/],
    ["uniform: low and high", () => R.uniform(k(), [2], { low: 2 } as never), ad.ValueError, /minval/],
    ["uniform: bounds the wrong way round", () => R.uniform(k(), [2], { minval: 2, maxval: 1 }), ad.ValueError, /above/],
    ["uniform: infinite bound", () => R.uniform(k(), [2], { maxval: Infinity }), ad.ValueError, /finite/],
    ["uniform: NaN bound", () => R.uniform(k(), [2], { minval: NaN }), ad.ValueError, /finite/],
    ["uniform: a number as shape", () => R.uniform(k(), 2 as never), ad.ShapeError, /shape/],
    ["uniform: negative size", () => R.uniform(k(), [-1]), ad.ShapeError, /-1/],
    ["truncatedNormal: empty", () => R.truncatedNormal(k(), [2], { lower: 3 }), ad.ValueError, /below/],
    ["truncatedNormal: NaN", () => R.truncatedNormal(k(), [2], { lower: NaN }), ad.ValueError, /below/],
    ["truncatedNormal: both infinite", () => R.truncatedNormal(k(), [2], { lower: Infinity, upper: Infinity }), ad.ValueError, /below/],
    ["randint: beyond int32", () => R.randint(k(), [2], { maxval: 2 ** 33 }), ad.ValueError, /int32/],
    ["randint: below int32", () => R.randint(k(), [2], { minval: -(2 ** 31) - 1, maxval: 0 }), ad.ValueError, /int32/],
    ["randint: fractions", () => R.randint(k(), [2], { maxval: 1.5 }), ad.ValueError, /integers/],
    ["randint: nothing between", () => R.randint(k(), [2], { minval: 3, maxval: 3 }), ad.ValueError, /minval < maxval/],
    ["randint: one bound", () => (R.randint as (...a: unknown[]) => Tensor)(k(), [2], 5), ad.ValueError, /maxval/],
    ["randint: no bounds", () => (R.randint as (...a: unknown[]) => Tensor)(k(), [2]), ad.ValueError, /maxval/],
    ["bernoulli: above 1", () => R.bernoulli(k(), [2], { p: 2 }), ad.ValueError, /between 0 and 1/],
    ["bernoulli: below 0", () => R.bernoulli(k(), { p: -0.1 }), ad.ValueError, /between 0 and 1/],
    ["bernoulli: NaN", () => R.bernoulli(k(), [2], { p: NaN }), ad.ValueError, /between 0 and 1/],
    ["bernoulli: one of a tensor", () => R.bernoulli(k(), [2], { p: [0.5, 1.01] }), ad.ValueError, /between 0 and 1/],
    ["gamma: 0", () => R.gamma(k(), [2], { a: 0 }), ad.ValueError, /positive/],
    ["gamma: negative", () => R.gamma(k(), { a: -1 }), ad.ValueError, /positive/],
    ["gamma: NaN", () => R.gamma(k(), [2], { a: NaN }), ad.ValueError, /positive/],
    ["gamma: infinite", () => R.gamma(k(), [2], { a: Infinity }), ad.ValueError, /finite/],
    ["gamma: one of a tensor", () => R.gamma(k(), { a: ad.tensor([1, 0]) }), ad.ValueError, /positive/],
    [
      "categorical: no class can come",
      () =>
        R.categorical(k(), {
          logits: ad.tensor([
            [0, 1],
            [-Infinity, -Infinity],
          ]),
        }),
      ad.ValueError,
      /largest logit/,
    ],
    ["categorical: NaN", () => R.categorical(k(), { logits: ad.tensor([0, NaN]) }), ad.ValueError, /NaN/],
    ["categorical: integers", () => R.categorical(k(), { logits: ad.tensor([0, 1, 2], { dtype: "int32" }) }), ad.DTypeError, /float32/],
    ["categorical: no logits", () => R.categorical(k(), [2], {} as never), ad.ValueError, /logits/],
    ["categorical: shape and batch", () => R.categorical(k(), [1], { logits: ad.zeros([3, 2]) }), ad.ShapeError, /batch/],
    ["categorical: axis", () => R.categorical(k(), { logits: ad.zeros([3, 2]), axis: 2 }), ad.IndexError, /axis 2/],
    ["uniform: an end beyond float32", () => R.uniform(k(), [3], { maxval: 1e39 }), ad.ValueError, /finite float32/],
    ["uniform: a start beyond float32", () => R.uniform(k(), [3], { minval: -1e39 }), ad.ValueError, /finite float32/],
    ["uniform: tensors beyond float32", () => R.uniform(k(), { maxval: wide(1e39), dtype: "float32" }), ad.ValueError, /finite float32/],
    ["normal: std beyond float32", () => R.normal(k(), [3], { std: 1e39 }), ad.ValueError, /finite float32/],
    ["normal: mean beyond float32", () => R.normal(k(), { mean: wide(-1e39), dtype: "float32" }), ad.ValueError, /finite float32/],
    ["gamma: a beyond float32", () => R.gamma(k(), [3], { a: 1e39 }), ad.ValueError, /finite float32/],
    ["permutation: negative", () => R.permutation(k(), -1), ad.ValueError, /integer/],
    ["permutation: a fraction", () => R.permutation(2.5), ad.ValueError, /integer/],
    ["permutation: a list", () => R.permutation([1, 2, 3]), ad.ShapeError, /\[n\]/],
    ["permutation: 0-d", () => R.permutation(k(), ad.tensor(3)), ad.IndexError, /axes/],
    ["permutation: axis", () => R.permutation(k(), ad.ones([2, 2]), { axis: 2 }), ad.IndexError, /axis 2/],
    ["key: a fraction", () => R.key(1.5), ad.ValueError, /integer/],
    ["split: negative", () => R.split(k(), -1), ad.ValueError, /integer/],
    ["manualSeed: a string", () => ad.manualSeed("1" as never), ad.ValueError, /integer/],
  ];
  it.each(refused)("refused: %s", (_, run, type, message) => {
    const state = R.getState();
    const before = ad.memory().tensors;
    ad.scope(() => {
      expect(run).toThrowError(type as never);
      expect(run).toThrowError(message);
    });
    expect(ad.memory().tensors).toBe(before);
    expect(R.getState()).toEqual(state);
  });
});
