/** Quantiles, running extremes, sorted rows, comparisons as a whole: what the table of ops does not reach. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const m = () =>
  ad.tensor([
    [3, 1, 2],
    [6, 5, 4],
  ]);

describe("order", () => {
  it.each<[string, () => ad.Tensor, unknown]>([
    ["quantiles of a list have a first axis of their own", () => ad.quantile([1, 2, 3, 4], [0, 0.5, 1]), [1, 2.5, 4]],
    [
      "quantiles along an axis",
      () => ad.quantile(m(), [0.5, 1], { axis: 1 }),
      [
        [2, 5],
        [3, 6],
      ],
    ],
    ["the median of an even number", () => ad.median([[4, 1, 3, 2]], 1, { keepdims: true }), [[2.5]]],
    ["the median of integers is a float", () => ad.median(ad.tensor([1, 2], { dtype: "int32" })), 1.5],
    ["quantiles between equal infinities", () => ad.quantile([Infinity, Infinity, 1], 0.75), Infinity],
    ["running extremes of integers", () => ad.tensor([1, 3, 2], { dtype: "int32" }).cummax(), [1, 3, 3]],
    ["running extremes from the end", () => ad.cummin([3, 1, 2], 0, { reverse: true }), [1, 1, 2]],
    ["places of equal numbers on the left", () => ad.searchsorted([1, 2, 2, 3], [2, 0, 4]), [1, 0, 4]],
    ["places of equal numbers on the right", () => ad.searchsorted([1, 2, 2, 3], [[2], [3]], { right: true }), [[3], [4]]],
    ["the place of one number", () => ad.searchsorted([1, 2, 3], 2.5), 2],
    [
      "places in rows",
      () =>
        ad.searchsorted(
          [
            [1, 2],
            [5, 6],
          ],
          [
            [2, 9],
            [2, 6],
          ],
        ),
      [
        [1, 2],
        [0, 1],
      ],
    ],
    ["places in nothing", () => ad.searchsorted([], [1]), [0]],
    ["infinities of integers", () => ad.tensor([1], { dtype: "int32" }).isinf(), [false]],
    ["the ends of float32", () => ad.nanToNum([NaN, Infinity, -Infinity]), [0, 3.4028234663852886e38, -3.4028234663852886e38]],
    ["the ends of float64", () => ad.tensor([Infinity], { dtype: "float64" }).nanToNum(), [Number.MAX_VALUE]],
    ["integers without NaN", () => ad.tensor([1], { dtype: "int32" }).nanToNum(), [1]],
    ["the covariance of a vector", () => ad.cov([1, 2, 3, 6]), 4 + 2 / 3],
    [
      "the covariance of a population",
      () =>
        ad.cov(
          [
            [1, 3],
            [2, 6],
          ],
          { correction: 0 },
        ),
      [
        [1, 2],
        [2, 4],
      ],
    ],
    [
      "a filled mask that broadcasts",
      () => ad.maskedFill(m(), [true, false, false], -1),
      [
        [-1, 1, 2],
        [-1, 5, 4],
      ],
    ],
  ])("%s", (_, call, expected) => {
    clean(() => {
      const got = call().toArray<any>();
      if (typeof expected === "number" && Number.isFinite(expected)) expect(got).toBeCloseTo(expected, 5);
      else expect(got).toEqual(expected);
    });
  });

  it.each<[string, () => unknown, typeof ad.AdjointError]>([
    ["percents", () => ad.quantile([1, 2], 50), ad.ValueError],
    ["no fractions", () => ad.quantile([1, 2], []), ad.ValueError],
    ["a tensor of fractions", () => ad.quantile([1, 2], ad.tensor([0.5]) as never), ad.ValueError],
    ["covariance of three axes", () => ad.cov(ad.ones([1, 2, 3])), ad.ShapeError],
    [
      "rows for a matrix",
      () =>
        ad.searchsorted(
          [
            [1, 2],
            [3, 4],
          ],
          [1, 2],
        ),
      ad.ShapeError,
    ],
    ["sides by another name", () => ad.searchsorted([1], [1], { side: "right" } as never), ad.ValueError],
    ["a mask that enlarges", () => ad.maskedFill([1], [true, false], 0), ad.ShapeError],
    ["a fraction in integers", () => ad.maskedFill(ad.tensor([1], { dtype: "int32" }), [true], 0.5), ad.ShapeError],
    ["a mask of numbers", () => ad.maskedFill([1], [1], 0), ad.DTypeError],
  ])("refuses %s", (_, call, type) => {
    clean(() => expect(call).toThrow(type));
  });

  it("searches for each example of a batch", () => {
    clean(() => {
      const rows = ad.tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      expect(
        ad
          .vmap((r: ad.Tensor) => ad.searchsorted(r, [2.5, 4.5]))(rows)
          .toArray(),
      ).toEqual([
        [2, 3],
        [0, 1],
      ]);
      expect(
        ad
          .vmap((r: ad.Tensor, v: ad.Tensor) => ad.searchsorted(r, v), { inAxes: [null, 0] })(ad.tensor([1, 2, 3]), ad.tensor([2.5, 0]))
          .toArray(),
      ).toEqual([2, 0]);
    });
  });
});

describe("allclose", () => {
  it.each<[unknown, unknown, ad.AllcloseOptions, boolean]>([
    [[1, 2], [1, 2 + 1e-6], {}, true],
    [[1, 2], [1, 2.1], {}, false],
    [[1, 2], [1, 2.1], { rtol: 0.1 }, true],
    [1e-9, 0, {}, true],
    [1e-9, 0, { atol: 0 }, false],
    [[Infinity], [Infinity], {}, true],
    [[Infinity], [-Infinity], {}, false],
    [[1], [Infinity], {}, false],
    [[NaN], [NaN], {}, false],
    [[NaN], [NaN], { equalNan: true }, true],
    [[], [], {}, true],
    [[[1], [1]], 1, {}, true],
  ])("%j and %j with %j: %s", (a, b, options, expected) => {
    clean(() => expect(ad.allclose(a as never, b as never, options)).toBe(expected));
  });

  it("refuses shapes that do not broadcast", () => {
    clean(() => expect(() => ad.allclose([1, 2], [1, 2, 3])).toThrow(ad.ShapeError));
  });
});

describe("trees", () => {
  it("that hold themselves are refused everywhere", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const use of [
      () => ad.tree.map((x) => x, cyclic),
      () => ad.tree.flatten(cyclic),
      () => ad.grad((x) => x)(cyclic as never),
      () => ad.vjp(() => cyclic, ad.ones([1])),
    ]) {
      clean(() => expect(use).toThrow(/deeper than 64/));
    }
  });

  it("give zeros of the input's shape and dtype where a pullback does not arrive", () => {
    clean(() => {
      const [, pull] = ad.vjp((x: ad.Tensor, _: ad.Tensor) => x.mul(2), ad.ones([2]), ad.ones([1, 3], { dtype: "float64" }));
      const [, none] = pull(ad.ones([2])) as ad.Tensor[];
      expect([none!.toArray(), none!.dtype]).toEqual([[[0, 0, 0]], "float64"]);
    });
  });
});

it("the gradient of cumprod shares its work between inputs: two scans", () => {
  ad.scope(() => {
    const { rows } = ad.profile(() => ad.grad((x: Tensor) => x.cumprod().sum())(ad.tensor([1, 2, 3])));
    const scans = rows.filter(({ op }) => op === "linearScan" || op.startsWith("cum"));
    expect(scans.reduce((n, { calls }) => n + calls, 0)).toBe(2);
  });
});
