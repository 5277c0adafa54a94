/** Kinks, poles and empty inputs: one row each, the same in reverse and in forward mode. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const [inf, nan] = [Infinity, NaN];
type Numbers = number | number[] | number[][];
/** [what, f, inputs, value (null: not fixed), gradients of the sum (null: not fixed)] */
type Row = [string, (...x: Tensor[]) => Tensor, Numbers[], Numbers | null, (Numbers | null)[]];

const mask = (values: number[]) => ad.tensor(values.map((v) => v !== 0));
const vector = (values: number[], like: Tensor) => ad.tensor(values, { dtype: like.dtype });

const rows: Row[] = [
  ["relu", (x) => x.relu(), [[0, -1, 1]], [0, 0, 1], [[0, 0, 1]]],
  ["relu6", (x) => x.relu6(), [[0, 6, 3]], [0, 6, 3], [[0, 0, 1]]],
  ["leakyRelu", (x) => x.leakyRelu(0.25), [[0]], [0], [[0.25]]],
  ["elu", (x) => x.elu(), [[0]], [0], [[1]]],
  ["abs", (x) => x.abs(), [[0, -2, 2]], [0, 2, 2], [[0, -1, 1]]],
  ["sign", (x) => x.sign(), [[0, -3, 2]], [0, -1, 1], [[0, 0, 0]]],
  ["floor, ceil, round", (x) => x.floor().add(x.ceil()).add(x.round()), [[1, 0.5, 1.5, -2.5]], [3, 1, 5, -7], [[0, 0, 0, 0]]],
  ["max", (x) => x.max(), [[1, 3, 3]], 3, [[0, 0.5, 0.5]]],
  ["min", (x) => x.min(), [[1, 1, 3]], 1, [[0.5, 0.5, 0]]],
  ["maximum", (x, y) => x.maximum(y), [1, 1], 1, [0.5, 0.5]],
  ["minimum", (x, y) => x.minimum(y), [1, 1], 1, [0.5, 0.5]],
  ["maximum of NaN", (x, y) => x.maximum(y), [nan, 1], nan, [null, null]],
  ["clamp", (x) => x.clamp(0, 1), [[0, 1, -1, 2, 0.5]], [0, 1, 0, 1, 0.5], [[1, 1, 0, 0, 1]]],
  ["huber", (x) => ad.nn.huberLoss(x, ad.zerosLike(x), { reduction: "sum" }), [[1, -1, 0]], 1, [[1, -1, 0]]],
  ["sum abs", (x) => x.abs().sum(), [[0, 2]], 2, [[0, 1]]],
  [
    "sort",
    (x) =>
      x
        .sort()
        .mul(vector([1, 2, 3], x))
        .sum(),
    [[2, 2, 1]],
    11,
    [[2, 3, 1]],
  ],
  ["max abs", (x) => x.abs().max(), [[2, -2, 1]], 2, [[0.5, -0.5, 0]]],
  ["norm", (x) => x.norm(), [[0, 0]], 0, [[0, 0]]],
  ["norm p = 3", (x) => x.norm(undefined, { p: 3 }), [[0, 0]], 0, [[0, 0]]],
  ["norm p = 1", (x) => x.norm(undefined, { p: 1 }), [[0, 1]], 1, [[0, 1]]],
  ["hypot", (x, y) => x.hypot(y), [0, 0], 0, [0, 0]],
  ["std", (x) => x.std(), [[1, 1, 1]], 0, [[0, 0, 0]]],
  ["sinc", (x) => x.sinc(), [[0]], [1], [[0]]],
  ["log1p", (x) => x.log1p(), [[1e-20, -1e-20]], [1e-20, -1e-20], [[1, 1]]],
  ["expm1", (x) => x.expm1(), [[1e-20, -1e-20]], [1e-20, -1e-20], [[1, 1]]],
  ["softplus", (x) => x.softplus(), [[1000, -1000]], [1000, 0], [[1, 0]]],
  ["sigmoid", (x) => x.sigmoid(), [[1000, -1000]], [1, 0], [[0, 0]]],
  ["logSigmoid", (x) => x.logSigmoid(), [[1000, -1000]], [0, -1000], [[0, 1]]],
  ["tanh", (x) => x.tanh(), [[1000, -1000]], [1, -1], [[0, 0]]],
  ["silu", (x) => x.silu(), [[1000, -1000]], [1000, 0], [[1, 0]]],
  ["gelu", (x) => x.gelu(), [[100, -100]], [100, 0], [[1, 0]]],
  ["gelu tanh", (x) => x.gelu({ approximate: "tanh" }), [[100, -100]], [100, 0], [[1, 0]]],
  ["exp", (x) => x.exp(), [[710, -746]], [inf, 0], [[inf, 0]]],
  ["exp at -Infinity", (x) => x.exp(), [[-inf]], [0], [[0]]],
  ["erf", (x) => x.erf(), [[inf, -inf]], [1, -1], [[0, 0]]],
  ["prod with a zero", (x) => x.prod(), [[2, 0, 3]], 0, [[0, 6, 0]]],
  ["prod with two", (x) => x.prod(), [[0, 0, 3]], 0, [[0, 0, 0]]],
  ["cumprod", (x) => x.cumprod().sum(), [[2, 0, 3]], 2, [[1, 8, 0]]],
  ["x^n at 0", (x) => x.pow(vector([0, 1, 2, 3], x)), [[0, 0, 0, 0]], [1, 0, 0, 0], [[0, 1, 0, 0]]],
  ["x^p at 0", (x) => x.pow(vector([0.5, 1.5, -1], x)), [[0, 0, 0]], [0, 0, inf], [[inf, 0, -inf]]],
  ["0^0", (x, y) => x.pow(y), [0, 0], 1, [0, 0]],
  ["0^2", (x, y) => x.pow(y), [0, 2], 0, [0, 0]],
  ["0^(1/2), in the exponent", (y) => ad.pow(0, y), [0.5], 0, [0]],
  ["0^y", (y) => ad.pow(0, y), [[1, 2]], [0, 0], [[0, 0]]],
  ["(-2)^3", (x) => x.pow(3), [-2], -8, [12]],
  ["(-2)^(1/2)", (x, y) => x.pow(y), [-2, 0.5], nan, [nan, nan]],
  ["2^0", (x, y) => x.pow(y), [2, 0], 1, [0, Math.LN2]],
  ["xlogy", (x, y) => x.xlogy(y), [0, 0], 0, [0, 0]],
  ["sqrt", (x) => x.sqrt(), [[0]], [0], [[inf]]],
  ["sqrt below 0", (x) => x.sqrt(), [[-1]], [nan], [[nan]]],
  ["rsqrt", (x) => x.rsqrt(), [[0]], [inf], [[-inf]]],
  ["log", (x) => x.log(), [[0]], [-inf], [[inf]]],
  ["log below 0", (x) => x.log(), [[-1]], [nan], [[nan]]],
  ["log1p at -1", (x) => x.log1p(), [[-1]], [-inf], [[inf]]],
  ["1/x", (x) => x.reciprocal(), [[0]], [inf], [[-inf]]],
  ["1/0", (x, y) => x.div(y), [1, 0], inf, [inf, -inf]],
  ["0/0", (x, y) => x.div(y), [0, 0], nan, [inf, nan]],
  ["asin at 1", (x) => x.asin(), [[1]], [Math.PI / 2], [[inf]]],
  ["acos at 1", (x) => x.acos(), [[1]], [0], [[-inf]]],
  ["asin outside", (x) => x.asin(), [[2]], [nan], [[nan]]],
  ["atanh at 1", (x) => x.atanh(), [[1]], [inf], [[inf]]],
  ["acosh at 1", (x) => x.acosh(), [[1]], [0], [[inf]]],
  ["lgamma", (x) => x.lgamma(), [[0, 1, 2]], [inf, 0, 0], [[-inf, -0.5772156649015329, 0.42278433509846713]]],
  ["lgamma at -1", (x) => x.lgamma(), [[-1]], [inf], [[nan]]],
  ["where, guarded", (x) => ad.where(x.gt(0), ad.where(x.gt(0), x, 1).sqrt(), 0), [[0, 4]], [0, 2], [[0, 0.25]]],
  ["where, unguarded", (x) => ad.where(x.gt(0), x.sqrt(), 0), [[0, 4]], [0, 2], [[0, 0.25]]],
  ["where over a NaN", (x) => ad.where(mask([1, 0]), x, 0).sum(), [[2, nan]], 2, [[1, 0]]],
  ["logsumexp of -Infinity", (x) => x.logsumexp(), [[-inf, -inf]], -inf, [[0, 0]]],
  ["logsumexp with one", (x) => x.logsumexp(), [[-inf, 0]], 0, [[0, 1]]],
  ["logsumexp of 1000", (x) => x.logsumexp(), [[1000, 1000]], 1000.6931471805599, [[0.5, 0.5]]],
  ["logsumexp of Infinity", (x) => x.logsumexp(), [[inf, 0]], inf, [[1, 0]]],
  ["softmax", (x) => x.softmax().at(1), [[-inf, 0, 0]], 0.5, [[0, 0.25, -0.25]]],
  ["bceWithLogits", (x) => ad.nn.bceWithLogits(x, vector([1, 0], x), { reduction: "none" }), [[-1000, 1000]], [1000, 1000], [[-1, 1]]],
  ["sum of nothing", (x) => x.sum(), [[]], 0, [[]]],
  ["prod of nothing", (x) => x.prod(), [[]], 1, [[]]],
  ["mean of nothing", (x) => x.mean(), [[]], nan, [[]]],
  ["logsumexp of nothing", (x) => x.logsumexp(), [[]], -inf, [[]]],
  ["norm of nothing", (x) => x.norm(), [[]], 0, [[]]],
  [
    "0-d times matrix",
    (a, b) => a.mul(b).sum(),
    [
      2,
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    42,
    [
      21,
      [
        [2, 2, 2],
        [2, 2, 2],
      ],
    ],
  ],
  ["outer broadcast", (a, b) => a.mul(b).sum(), [[[1], [2]], [[1, 2, 3]]], 18, [[[6], [6]], [[3, 3, 3]]]],
  ["broadcast with nothing", (b) => ad.zeros([0, 3], { dtype: b.dtype }).add(b).sum(), [[1, 2, 3]], 0, [[0, 0, 0]]],
  [
    "matmul over nothing",
    (a) =>
      ad
        .zeros([2, 0], { dtype: a.dtype })
        .matmul(ad.zeros([0, 3], { dtype: a.dtype }))
        .add(a.mul(0)),
    [0],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    [null],
  ],
  [
    "reverse",
    (x) =>
      x
        .flip()
        .mul(vector([1, 2, 3], x))
        .sum(),
    [[1, 2, 3]],
    10,
    [[3, 2, 1]],
  ],
  ["mod", (x, y) => x.mod(y), [-5.5, 2], 0.5, [1, 3]],
  ["fmod", (x, y) => x.fmod(y), [-5.5, 2], -1.5, [1, 2]],
];

/** The rows of the table in docs/conventions.md: | `expression` | inputs | value | gradients |, those of x and y apart by ";". */
function documented(): Row[] {
  const page = readFileSync(new URL("../docs/conventions.md", import.meta.url), "utf8");
  const numbers = (cell: string) => cell.split(";").map((part) => new Function(`return ${part}`)() as Numbers);
  return [...page.matchAll(/^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)].map(([, expression, at, value, gradients]) => {
    const f = new Function("ad", "x", "y", `return ${expression}`);
    return [`${expression} at ${at}`, (x, y) => f(ad, x, y), numbers(at!), numbers(value!)[0]!, numbers(gradients!)];
  });
}

const flat = (v: Numbers): number[] => [v].flat(2) as number[];

function expectNumbers(got: Tensor, expected: Numbers, tolerance: number, what: string): void {
  const values = Array.from(got.data(), Number);
  const wanted = flat(expected);
  expect(values.length, what).toBe(wanted.length);
  values.forEach((v, i) => {
    const e = wanted[i]!;
    const same = Number.isNaN(e) ? Number.isNaN(v) : Number.isFinite(e) ? Math.abs(v - e) <= tolerance * Math.max(1, Math.abs(e)) : v === e;
    expect(same, `${what}: element ${i} is ${v}, expected ${e}`).toBe(true);
  });
}

describe.each(["float64", "float32"] as const)("in %s", (dtype) => {
  const tolerance = dtype === "float64" ? 1e-14 : 1e-6;
  // 710 overflows float64, 89 float32; the row is about the overflow.
  const applicable = rows.filter(([what]) => dtype === "float64" || what !== "exp");

  it.each([...applicable, ...documented()])("%s", (what, f, inputs, value, gradients) => {
    clean(() => {
      const xs = inputs.map((x) => ad.tensor(x, { dtype }));
      const out = f(...xs);
      if (value !== null) expectNumbers(out, value, tolerance, "value");
      const reverse = ad.grad((...ys: Tensor[]) => f(...ys).sum(), { argnums: xs.map((_, i) => i) })(...xs) as Tensor[];
      gradients.forEach((expected, i) => {
        expect(reverse[i]!.shape).toEqual(xs[i]!.shape);
        if (expected === null) return;
        expectNumbers(reverse[i]!, expected, tolerance, `reverse, input ${i}`);
        const n = xs[i]!.size;
        const forward = Array.from({ length: n }, (_, k) => {
          const unit = ad.tensor(
            Array.from({ length: n }, (_, m) => Number(m === k)),
            { shape: xs[i]!.shape, dtype },
          );
          const tangents = xs.map((x, m) => (m === i ? unit : ad.zerosLike(x)));
          return ad.jvp((...ys: Tensor[]) => f(...ys).sum(), xs, tangents)[1] as Tensor;
        });
        if (n > 0) expectNumbers(ad.stack(forward), flat(expected), tolerance, `forward, input ${i}`);
      });
    });
  });
});

describe("what cannot be", () => {
  it("integer division by zero throws", () => {
    const [a, b] = [ad.tensor([1, 2], { dtype: "int32" }), ad.tensor([1, 0], { dtype: "int32" })];
    expect(() => a.div(b)).toThrow(ad.ValueError);
    expect(() => a.mod(b)).toThrow(ad.ValueError);
    const c = a.div(ad.tensor([2, 2], { dtype: "int32" }));
    expect(c.dtype).toBe("float32");
    expect(c.toArray()).toEqual([0.5, 1]);
  });
  it("the maximum of nothing throws", () => {
    expect(() => ad.tensor([]).max()).toThrow(ad.ShapeError);
  });
});

it("the documented table is found", () => expect(documented().length).toBeGreaterThan(45));

describe("kinks that cancel", () => {
  it.each([
    ["abs", (x: Tensor) => x.abs().square().sum()],
    ["relu", (x: Tensor) => x.relu().square().sum()],
    ["1-norm", (x: Tensor) => x.norm(undefined, { p: 1 }).square()],
  ] as const)("the square of %s has the second derivative 0 at its kink, in every nesting", (_, f) =>
    clean(() => {
      const [x, v] = [ad.tensor([0], { dtype: "float64" }), ad.tensor([1], { dtype: "float64" })];
      const second = [
        ad.grad((y: Tensor) => ad.grad(f)(y).sum())(x),
        ad.grad((y: Tensor) => ad.jvp(f, [y], [v])[1])(x),
        ad.jvp(ad.grad(f), [x], [v])[1],
        ad.jvp((y: Tensor) => ad.jvp(f, [y], [v])[1], [x], [v])[1],
      ];
      expect(second.map((t) => Number((t as Tensor).data()[0]))).toEqual([0, 0, 0, 0]);
    }),
  );
});
