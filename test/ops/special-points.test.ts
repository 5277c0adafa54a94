/** Second derivatives where a rule that selects a constant would cut them, and where saturated forms would lose them. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

type Row = [what: string, f: (v: Tensor) => Tensor, at: number[], hessian: number[][]];
const [inf, nan, log] = [Infinity, NaN, Math.log];
const pow = (v: Tensor) => v.at(0).pow(v.at(1));
const xlogy = (v: Tensor) => v.at(0).xlogy(v.at(1));
const atan2 = (v: Tensor) => ad.atan2(v.at(0), v.at(1));
const small = Math.exp(-40);

const rows: Row[] = [
  [
    "x^y at y = 0",
    pow,
    [2, 0],
    [
      [0, 0.5],
      [0.5, log(2) ** 2],
    ],
  ],
  [
    "x^y at y = 1",
    pow,
    [3, 1],
    [
      [0, 1 + log(3)],
      [1 + log(3), 3 * log(3) ** 2],
    ],
  ],
  [
    "x^y at x = 0, y = 3",
    pow,
    [0, 3],
    [
      [0, 0],
      [0, 0],
    ],
  ],
  [
    "x^y at x = 0, y = 2",
    pow,
    [0, 2],
    [
      [2, 0],
      [0, 0],
    ],
  ],
  [
    "x^y at x = 0, y = 1, where the mixed one is infinite",
    pow,
    [0, 1],
    [
      [0, -inf],
      [-inf, 0],
    ],
  ],
  [
    "0^0, where y jumps",
    pow,
    [0, 0],
    [
      [0, inf],
      [inf, nan],
    ],
  ],
  [
    "x^0 by a constant exponent",
    (v) => v.pow(0).sum(),
    [0, 2],
    [
      [0, 0],
      [0, 0],
    ],
  ],
  [
    "x^2 by a constant exponent",
    (v) => v.pow(2).sum(),
    [0, -1],
    [
      [2, 0],
      [0, 2],
    ],
  ],
  [
    "x log y at x = 0",
    xlogy,
    [0, 0.5],
    [
      [0, 2],
      [2, 0],
    ],
  ],
  [
    "x log y at x = 0, y = 1",
    xlogy,
    [0, 1],
    [
      [0, 1],
      [1, 0],
    ],
  ],
  [
    "logsumexp of equal entries",
    (v) => v.logsumexp(),
    [3e7, 3e7],
    [
      [0.25, -0.25],
      [-0.25, 0.25],
    ],
  ],
  ["logsumexp of one entry", (v) => v.logsumexp(), [5], [[0]]],
  [
    "logsumexp over two axes",
    (v) => v.reshape([1, 2, 1]).logsumexp([0, 1]).sum(),
    [1, 1],
    [
      [0.25, -0.25],
      [-0.25, 0.25],
    ],
  ],
  [
    "logsumexp of -Infinity and a number",
    (v) => v.logsumexp(),
    [-inf, 0],
    [
      [0, 0],
      [0, 0],
    ],
  ],
  [
    "logaddexp of equal entries",
    (v) => ad.logaddexp(v.at(0), v.at(1)),
    [7, 7],
    [
      [0.25, -0.25],
      [-0.25, 0.25],
    ],
  ],
  [
    "logaddexp, saturated",
    (v) => ad.logaddexp(v.at(0), v.at(1)),
    [40, 0],
    [
      [small, -small],
      [-small, small],
    ],
  ],
  [
    "logsumexp, saturated",
    (v) => v.logsumexp(),
    [40, 0],
    [
      [small, -small],
      [-small, small],
    ],
  ],
  [
    "softmax, saturated",
    (v) => v.softmax().at(0),
    [40, 0],
    [
      [-small, small],
      [small, -small],
    ],
  ],
  [
    "logSoftmax, saturated",
    (v) => v.logSoftmax().at(0),
    [40, 0],
    [
      [-small, small],
      [small, -small],
    ],
  ],
  [
    "atan2 on the positive axis",
    atan2,
    [0, 2],
    [
      [0, -0.25],
      [-0.25, 0],
    ],
  ],
  [
    "atan2 on the negative axis",
    atan2,
    [0, -2],
    [
      [0, -0.25],
      [-0.25, 0],
    ],
  ],
  [
    "atan2 on the ordinate",
    atan2,
    [2, 0],
    [
      [0, 0.25],
      [0.25, 0],
    ],
  ],
  [
    "hypot on an axis",
    (v) => v.at(0).hypot(v.at(1)),
    [0, 2],
    [
      [0.5, 0],
      [0, 0],
    ],
  ],
  [
    "hypot of very unequal sides",
    (v) => v.at(0).hypot(v.at(1)),
    [2 ** -40, 2],
    [
      [0.5, -(2 ** -42)],
      [-(2 ** -42), 2 ** -83],
    ],
  ],
  [
    "hypot at its kink, where no second derivative is",
    (v) => v.at(0).hypot(v.at(1)),
    [0, 0],
    [
      [nan, nan],
      [nan, nan],
    ],
  ],
  [
    "prod with a zero",
    (v) => v.prod(),
    [0, 2, 3],
    [
      [0, 3, 2],
      [3, 0, 0],
      [2, 0, 0],
    ],
  ],
  [
    "prod with two zeros",
    (v) => v.prod(),
    [0, 0, 3],
    [
      [0, 3, 0],
      [3, 0, 0],
      [0, 0, 0],
    ],
  ],
  [
    "mod of a rounded quotient",
    (v) => v.at(0).mod(v.at(1)).mul(v.at(1)),
    [1, 0.125],
    [
      [0, 1],
      [1, -16],
    ],
  ],
  ["asin near 0", (v) => v.asin().sum(), [1e-20], [[1e-20]]],
  ["atanh near 0", (v) => v.atanh().sum(), [1e-20], [[2e-20]]],
  [
    "mish at its ends",
    (v) => v.mish().sum(),
    [-inf, inf],
    [
      [0, 0],
      [0, 0],
    ],
  ],
];

const same = (got: number, expected: number, tolerance: number): boolean =>
  Number.isNaN(expected) ? Number.isNaN(got) : got === expected || Math.abs(got - expected) <= tolerance * Math.abs(expected);

describe.each(["float64", "float32"] as const)("second derivatives at special points in %s", (dtype) => {
  const tolerance = dtype === "float64" ? 1e-14 : 3e-6;
  const order = { forward: ad.jacfwd, reverse: ad.jacrev };

  it.each(rows)("%s", (_, f, at, hessian) => {
    for (const [outer, over] of Object.entries(order)) {
      for (const [inner, within] of Object.entries(order)) {
        clean(() => {
          const got = Array.from((over(within(f))(ad.tensor(at, { dtype })) as Tensor).data(), Number);
          hessian
            .flat()
            .forEach((expected, i) =>
              expect(same(got[i]!, expected, tolerance), `${outer} over ${inner}: element ${i} is ${got[i]}, expected ${expected}`).toBe(
                true,
              ),
            );
        });
      }
    }
  });
});

describe("saturated first derivatives", () => {
  const cases: [string, (x: Tensor) => Tensor, number, number, "float32" | "float64"][] = [
    ["sigmoid", ad.sigmoid, 17, 4.1399375e-8, "float32"],
    ["sigmoid", ad.sigmoid, 40, small, "float64"],
    ["tanh", ad.tanh, 9, 6.0919918e-8, "float32"],
    ["tanh", ad.tanh, 20, 4 * small, "float64"],
    ["acosh", ad.acosh, 1e20, 1e-20, "float32"],
    ["acosh", ad.acosh, 1e160, 1e-160, "float64"],
  ];
  it.each(cases)("%s in %s", (_, f, at, expected, dtype) => {
    clean(() => {
      const got = (ad.grad(f)(ad.tensor(at, { dtype })) as Tensor).item() as number;
      expect(Math.abs(got / expected - 1)).toBeLessThan(dtype === "float64" ? 1e-14 : 1e-6);
    });
  });
});

describe("integers and rounding", () => {
  const int32 = (v: number[], shape?: number[]) => ad.tensor(v, { dtype: "int32", ...(shape && { shape }) });
  it("cumprod of integers is exact and wraps, as prod", () => {
    clean(() => {
      expect(int32([4097, 4099]).cumprod().toArray()).toEqual([4097, 16793603]);
      expect(int32([2, -2147483647]).cumprod().toArray()).toEqual([2, 2]);
      expect(int32(Array(16).fill(3)).cumprod().at(15).item()).toBe(3 ** 16);
      expect(ad.tensor([true, false]).cumprod().dtype).toBe("int32");
      expect(ad.zeros([0], { dtype: "bool" }).cumprod().dtype).toBe("int32");
    });
  });

  it("an integer zero has no negative power", () => {
    clean(() => {
      expect(() => int32([2, 0]).pow(int32([1, -1]))).toThrow(ad.ValueError);
      expect(() => int32([0]).pow(int32([-1, 2], [2, 1]))).toThrow(/cast to float32/);
      expect(
        int32([0, 2, -1, 1])
          .pow(int32([2, -1, -3, -5]))
          .toArray(),
      ).toEqual([0, 0, -1, 1]);
    });
  });

  it("mod and its derivative have one quotient", () => {
    clean(() => {
      const one = ad.tensor(1, { dtype: "float64" });
      const tenth = ad.tensor(0.1, { dtype: "float64" });
      expect((ad.grad((b: Tensor) => one.mod(b))(tenth) as Tensor).item()).toBe(-9);
      expect((ad.grad((b: Tensor) => one.fmod(b))(tenth) as Tensor).item()).toBe(-9);
      expect((ad.grad((b: Tensor) => one.neg().fmod(b))(tenth) as Tensor).item()).toBe(9);
      expect((ad.grad((b: Tensor) => one.neg().mod(b))(tenth) as Tensor).item()).toBe(10);
    });
  });

  it("means of equal numbers are that number, and their deviation is 0", () => {
    clean(() => {
      for (let n = 1; n < 60; n++) {
        expect(ad.ones([n], { dtype: "float64" }).mean().item()).toBe(1);
        expect(ad.ones([n]).mean().item()).toBe(1);
      }
      expect(ad.full([3], 0.1).std().item()).toBe(0);
    });
  });

  it("float32 variances keep their digits far from 0", () => {
    clean(() => {
      const x = ad.tensor(Array.from({ length: 100000 }, (_, i) => 1e7 + ((i * 7919) % 21) - 10));
      const exact = x.cast("float64").variance().item() as number;
      expect(Math.abs((x.variance().item() as number) / exact - 1)).toBeLessThan(1e-6);
    });
  });

  it("dot with an empty inner axis is zeros", () => {
    clean(() => {
      const y = ad.dot(ad.zeros([2, 0]), ad.zeros([3, 0, 4]));
      expect(y.shape).toEqual([2, 3, 4]);
      expect(y.toArray()).toEqual(ad.zeros([2, 3, 4]).toArray());
    });
  });
});

/** log1p(e^-40): what an element 40 lower adds. */
const added = Math.log1p(small);

it.each<[string, (v: Tensor) => Tensor, number[], number]>([
  ["logsumexp", (v) => v.logsumexp(), [0, -40], added],
  ["logsumexp of rows longer than a block", (v) => ad.concat([v, ad.full([600], -900, { dtype: "float64" })]).logsumexp(), [-40, 0], added],
  ["logsumexp along columns", (v) => v.reshape([2, 1]).broadcastTo([2, 3]).logsumexp(0).at(1), [0, -40], added],
  ["logSoftmax", (v) => v.logSoftmax().at(0), [7, -33], -added],
  ["logSoftmax along columns", (v) => v.reshape([2, 1]).logSoftmax(0).at(0, 0), [7, -33], -added],
  ["crossEntropy", (v) => ad.nn.crossEntropy(v.reshape([1, 2]), ad.tensor([0], { dtype: "int32" })), [40, 0], added],
])("%s keeps what the others add to one large element", (_, f, at, expected) => {
  clean(() => {
    expect(f(ad.tensor(at, { dtype: "float64" })).item() / expected).toBeCloseTo(1, 13);
  });
});

describe("a root at 0 that nobody looks at", () => {
  const padded = () =>
    ad.tensor(
      [
        [0, 0],
        [3, 4],
      ],
      { dtype: "float64" },
    );
  const origin = () => ad.tensor([0, 0], { dtype: "float64" });
  const second = {
    hessian: (f: (x: Tensor) => Tensor) => ad.hessian(f),
    "forward over forward": (f: (x: Tensor) => Tensor) => ad.jacfwd(ad.jacfwd(f)),
    "reverse over reverse": (f: (x: Tensor) => Tensor) => ad.jacrev(ad.jacrev(f)),
  };
  // Of |(3, 4)|: (I - u uᵀ)/5 with u = (0.6, 0.8).
  const ofSecondRow = [0.128, -0.096, -0.096, 0.072];

  describe.each(Object.entries(second))("%s", (_, of) => {
    it.each<[string, (x: Tensor) => Tensor]>([
      ["sliced away", (x) => x.norm(1).at(1)],
      ["masked", (x) => ad.where([false, true], x.norm(1), 0).sum()],
      ["times 0", (x) => x.norm(1).mul([0, 1]).sum()],
      ["of hypot", (x) => ad.hypot(x.slice([0, 0], [2, 1]), x.slice([0, 1], [2, 2])).at(1, 0)],
    ])("%s, leaves the others' second derivatives", (_, f) => {
      const h = of(f)(padded()).reshape([4, 4]).toArray() as number[][];
      const expected = [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, ofSecondRow[0], ofSecondRow[1]],
        [0, 0, ofSecondRow[2], ofSecondRow[3]],
      ];
      h.forEach((row, i) => row.forEach((v, j) => expect(v).toBeCloseTo(expected[i]![j]!, 12)));
    });

    it.each<[string, (x: Tensor) => Tensor]>([
      ["norm", (x) => x.norm().square()],
      ["std", (x) => x.std().square()],
      ["hypot", (x) => x.at(0).hypot(x.at(1)).square()],
    ])("of %s squared, where it is looked at, is no silent 0", (_, f) => {
      const h = of(f)(origin()).toArray() as number[][];
      expect([h[0]![0], h[1]![1]]).toEqual([NaN, NaN]);
    });
  });
});

describe("std whose squares leave the range", () => {
  const points = [
    ["float32", 1e-23, 3e-23],
    ["float32", 1e20, 3e20],
    ["float32", 1e38, 3e38],
    ["float32", -3e-44, 3e-44],
    ["float64", 1e-170, 3e-170],
    ["float64", 1e200, 3e200],
  ] as const;
  it.each(points)("%s, %f and %f: as norm", (dtype, a, b) => {
    clean(() => {
      const x = ad.tensor([a, b], { dtype });
      const [low, high] = x.toArray() as [number, number];
      const spread = (y: Tensor) => y.std();
      const close = (got: number, expected: number) =>
        expect(Math.abs(got / expected - 1)).toBeLessThan(dtype === "float32" ? 1e-6 : 1e-14);
      // A subnormal result has no more digits than that.
      if (Math.abs(a) > 1e-40) close(spread(x).item(), (high - low) / Math.SQRT2);
      const slope = ad.grad(spread)(x).toArray() as number[];
      close(slope[0]!, -Math.SQRT1_2);
      close(slope[1]!, Math.SQRT1_2);
      close(ad.jvp(spread, [x], [ad.tensor([0, 1], { dtype })])[1].item(), Math.SQRT1_2);
      const rows = ad.stack([x, ad.tensor([1, 3], { dtype }), ad.tensor([5, 5], { dtype })]);
      const each = ad
        .jacrev((y: Tensor) => y.std(1))(rows)
        .sum(0)
        .toArray() as number[][];
      for (const row of [0, 1]) close(each[row]![1]!, Math.SQRT1_2);
      expect(each[2]!.map((v) => v + 0)).toEqual([0, 0]);
      expect(ad.vmap(spread)(rows).toArray()).toEqual(rows.std(1).toArray());
      expect(rows.std(1, { keepdims: true }).shape).toEqual([3, 1]);
      close(rows.std(1).at(1).item(), Math.SQRT2);
    });
  });
});
