/** Poles inside other ops: where an infinite slope meets a zero, forward and reverse mode say the same, at first and second order. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import { expectClose, expectSameJacobians, hessians, plain } from "./checks.js";
import type { Plain } from "./array.js";

endsAtBaseline();

const vector = (...values: number[]) => ad.tensor(values, { dtype: "float64" });

/** Functions with an infinite slope at 0. */
const poles: [string, (x: Tensor) => Tensor][] = [
  ["sqrt", (x) => x.sqrt()],
  ["log", (x) => x.log()],
  ["1/x", (x) => x.reciprocal()],
  ["x^(-1/2)", (x) => x.rsqrt()],
  ["cbrt", (x) => x.cbrt()],
  ["x^0.5", (x) => x.pow(0.5)],
  ["log1p(x - 1)", (x) => x.sub(1).log1p()],
];

/** Ops that pick, mask or weigh: three numbers in, at places where a pole may be met by a partial or a mask of 0. */
const followers: [string, (y: Tensor) => Tensor][] = [
  ["mul by a mask", (y) => y.mul(vector(0, 1, 0))],
  ["div by Infinity", (y) => y.div(vector(Infinity, 1, 2))],
  ["where", (y) => ad.where(ad.tensor([false, true, true]), y, 0)],
  ["relu", (y) => y.relu()],
  ["relu6", (y) => y.relu6()],
  ["leakyRelu", (y) => y.leakyRelu(0)],
  ["clamp", (y) => y.clamp(0.1, 1.2)],
  ["clamp by tensors", (y) => y.clamp(vector(0.1, 0.1, 0.1), vector(1.2, 1.2, 1.2))],
  ["maximum", (y) => y.maximum(0.1)],
  ["maximum, a tie", (y) => y.maximum(0)],
  ["maximum of itself turned round", (y) => y.maximum(y.flip())],
  ["minimum", (y) => y.minimum(-0.1)],
  ["minimum, not reached", (y) => y.minimum(9)],
  ["max", (y) => y.max()],
  ["min", (y) => y.min()],
  ["abs", (y) => y.abs()],
  ["sort, its upper part", (y) => y.sort().slice([1], [3])],
  ["topk", (y) => ad.topk(y, 1)[0]],
  ["take", (y) => y.take(ad.tensor([2, 1], { dtype: "int32" }), 0)],
  ["gather", (y) => y.gather(0, ad.tensor([1], { dtype: "int32" }))],
  ["triu", (y) => y.outer(vector(1, 1, 1)).triu(1)],
  ["pad", (y) => y.pad([1, 1])],
  ["norm 1", (y) => y.norm(undefined, { p: 1 })],
  ["norm 2", (y) => y.norm()],
  ["norm 3", (y) => y.norm(undefined, { p: 3 })],
  ["norm Infinity", (y) => y.norm(undefined, { p: Infinity })],
  ["hypot", (y) => y.hypot(vector(1, 2, 3))],
  ["logsumexp", (y) => y.logsumexp()],
  ["softmax", (y) => y.softmax()],
  ["logSoftmax", (y) => y.logSoftmax()],
  ["std", (y) => y.std()],
  ["variance", (y) => y.variance()],
  ["variance of rows", (y) => ad.stack([y, y.flip()]).variance(1)],
  ["cov", (y) => y.cov()],
  ["cov of rows", (y) => ad.cov(ad.stack([y, vector(1, 0, 2)]))],
  ["median", (y) => y.median()],
  ["quantile", (y) => y.quantile(0.3)],
  ["sum", (y) => y.sum()],
  ["mean", (y) => y.mean()],
  ["cumsum", (y) => y.cumsum()],
  ["prod", (y) => y.prod()],
  ["cumprod", (y) => y.cumprod()],
  [
    "matmul with zeros",
    (y) =>
      y.matmul(
        ad.tensor(
          [
            [0, 1],
            [1, 0],
            [2, 1],
          ],
          { dtype: "float64" },
        ),
      ),
  ],
  ["outer", (y) => y.outer(vector(0, 1))],
  ["dot", (y) => y.dot(vector(0, 1, 2))],
  ["square", (y) => y.square()],
  ["exp", (y) => y.exp()],
  ["pow 3", (y) => y.pow(3)],
  ["xlogy", (y) => ad.xlogy(vector(0, 1, 2), y)],
  ["huber", (y) => ad.nn.huberLoss(y, ad.zerosLike(y), { reduction: "none" })],
];

const points = [
  [0, 1, 2],
  [0, 0, 0.5],
  [2, 0, 1],
];

describe.each(poles)("%s at 0, then", (_, pole) => {
  it.each(followers)("%s", (what, follower) => {
    for (const point of points) {
      clean(() => expectSameJacobians((x) => follower(pole(x)), [vector(...point)], 1e-13, `${what} at ${point}`));
    }
  });
});

/** What hides the first element, at whatever order, and leaves the others as they are; x = [0, 4, 9]. */
const masks: [string, (x: Tensor, y: Tensor) => Tensor][] = [
  ["where", (x, y) => ad.where(x.gt(0), y, 0)],
  ["mul by a mask", (_, y) => y.mul(vector(0, 1, 1))],
  ["mul by a mask, then where", (x, y) => ad.where(x.gt(0), y.mul(vector(0, 1, 1)), 0)],
  ["div by Infinity", (_, y) => y.div(vector(Infinity, 1, 1))],
  ["matmul", (_, y) => y.matmul(ad.tensor([[0], [1], [1]], { dtype: "float64" }))],
  [
    "a matrix times it",
    (_, y) =>
      ad
        .tensor(
          [
            [0, 1, 0],
            [0, 0, 1],
          ],
          { dtype: "float64" },
        )
        .matmul(y),
  ],
  ["slice", (_, y) => y.slice([1], [3])],
];

/** Poles with their derivatives at a regular point. */
const slopes: [string, (x: Tensor) => Tensor, ((x: number) => number)[]][] = [
  ["sqrt", (x) => x.sqrt(), [(x) => 0.5 * x ** -0.5, (x) => -0.25 * x ** -1.5, (x) => 0.375 * x ** -2.5]],
  ["log", (x) => x.log(), [(x) => 1 / x, (x) => -(x ** -2), (x) => 2 * x ** -3]],
  ["1/x", (x) => x.reciprocal(), [(x) => -(x ** -2), (x) => 2 * x ** -3, (x) => -6 * x ** -4]],
];

const diagonal = (values: number[]): Plain => ({
  shape: [3, 3],
  data: [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => (i === j ? values[i]! : 0))),
});

describe.each(slopes)("%s at 0, hidden", (_, pole, derivatives) => {
  it.each(masks)("by %s, has derivatives 0 there at every order", (what, mask) => {
    clean(() => {
      const x = vector(0, 4, 9);
      const f = (v: Tensor) => mask(v, pole(v)).sum();
      const expected = derivatives.map((d) => [0, d(4), d(9)]);
      expectClose(plain(ad.grad(f)(x)), { shape: [3], data: expected[0]! }, 1e-14, `${what}, gradient`);
      for (const [nesting, hessian] of Object.entries(hessians(f)))
        expectClose(plain(hessian(x)), diagonal(expected[1]!), 1e-14, `${what}, ${nesting}`);
      const ones = ad.onesLike(x);
      const [forward, reverse] = [(v: Tensor) => ad.hvp(f, [v], [ones])[1] as Tensor, (v: Tensor) => ad.vhp(f, [v], [ones])[1] as Tensor];
      for (const [product, name] of [
        [forward, "hvp"],
        [reverse, "vhp"],
      ] as const) {
        expectClose(plain(product(x)), { shape: [3], data: expected[1]! }, 1e-14, `${what}, ${name}`);
        expectClose(plain(ad.jacfwd(product)(x) as Tensor), diagonal(expected[2]!), 1e-14, `${what}, third order forward over ${name}`);
        expectClose(plain(ad.jacrev(product)(x) as Tensor), diagonal(expected[2]!), 1e-14, `${what}, third order reverse over ${name}`);
      }
    });
  });
});

/** Flat sides that begin at or before the pole. */
const flat: [string, (x: Tensor) => Tensor][] = [
  ["relu(log x)", (x) => x.log().relu()],
  ["relu(sqrt x)", (x) => x.sqrt().relu()],
  ["relu6(sqrt x)", (x) => x.sqrt().relu6()],
  ["clamp(sqrt x)", (x) => x.sqrt().clamp(0.1, 9)],
  ["clamp(log x)", (x) => x.log().clamp(-1, 9)],
  ["clamp(1/x)", (x) => x.reciprocal().clamp(0, 9)],
  ["maximum(sqrt x, 0.1)", (x) => x.sqrt().maximum(0.1)],
  ["minimum(1/x, 9)", (x) => x.reciprocal().minimum(9)],
  ["max(sqrt x, 0.1) over an axis", (x) => ad.stack([x.sqrt(), ad.full([3], 0.1, { dtype: "float64" })]).max(0)],
  ["|cbrt x|", (x) => x.cbrt().abs()],
];

it.each(flat)("%s has second derivative 0 at 0, in every nesting", (what, f) => {
  clean(() => {
    for (const [nesting, hessian] of Object.entries(hessians((x) => f(x).sum()))) {
      const first = plain(hessian(vector(0, 4, 9)).at(0));
      expectClose(first, { shape: [3], data: [0, 0, 0] }, 0, `${what}, ${nesting}`);
    }
  });
});

const roots: [string, (x: Tensor) => Tensor][] = [
  ["norm", (x) => x.norm()],
  ["norm over an axis", (x) => x.reshape([1, 3]).norm(1).sum()],
  ["std", (x) => x.std()],
  ["hypot", (x) => x.at(0).hypot(x.slice([1], [3]).norm())],
  ["hypot of a matrix", (x) => ad.hypot(x.reshape([3, 1]), x.flip()).sum()],
];

it("std of equal numbers whose mean is rounded has the gradient 0, under vmap too", () => {
  for (let n = 2; n < 40; n++) {
    clean(() => {
      const x = ad.full([2, n], 0.1);
      for (const jacobian of [ad.jacfwd, ad.jacrev, ad.grad] as (typeof ad.grad)[])
        expect(
          jacobian((y) => y.std())(x.at(0))
            .abs()
            .max()
            .item(),
          `${n} numbers`,
        ).toBe(0);
      expect(
        ad
          .vmap(ad.grad((y) => y.std()))(x)
          .abs()
          .max()
          .item(),
        `${n} numbers, vmap`,
      ).toBe(0);
    });
  }
});

describe.each(roots)("%s at 0", (_, f) => {
  it("has the gradient 0 in both modes, alone, squared and hidden", () => {
    for (const g of [f, (x: Tensor) => f(x).square(), (x: Tensor) => ad.where(f(x).gt(0), f(x), 0)]) {
      clean(() => {
        for (const jacobian of [ad.jacfwd, ad.jacrev])
          expectClose(plain(jacobian(g)(vector(0, 0, 0)) as Tensor), { shape: [3], data: [0, 0, 0] }, 0, "gradient");
      });
    }
  });

  it("has no second derivative that is silently 0, squared or in a smooth function of the square, in any nesting", () => {
    for (const g of [(x: Tensor) => f(x).square(), (x: Tensor) => f(x).square().neg().exp(), (x: Tensor) => f(x).mul(3).pow(2)]) {
      clean(() => {
        expect(ad.hvp(g, [vector(0, 0, 0)], [vector(1, 0, 0)])[1].data()[0]).toBeNaN();
        for (const [nesting, hessian] of Object.entries(hessians(g))) {
          const second = hessian(vector(0, 0, 0));
          for (let i = 0; i < 3; i++) expect(second.at(i).at(i).item(), nesting).toBeNaN();
        }
      });
    }
  });

  it("has the gradient 0 and no silent second derivative by backward()", () => {
    clean(() => {
      const x = ad.tensor([0, 0, 0], { dtype: "float64", requiresGrad: true });
      f(x).square().backward(undefined, { createGraph: true });
      const first = x.grad!;
      expect(first.toArray()).toEqual([0, 0, 0]);
      x.zeroGrad();
      first.at(0).backward();
      expect(x.grad!.data()[0]).toBeNaN();
      x.dispose();
    });
  });

  it("is as smooth as ever elsewhere", () => {
    clean(() => ad.gradcheck((x) => f(x).square(), [vector(0.5, -0.25, 1)], { order: 2 }));
  });
});
