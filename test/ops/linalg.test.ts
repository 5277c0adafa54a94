/** Linear algebra as it is used: large matrices, singular ones, wrong shapes, repeated eigenvalues, batches under vmap. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { randoms } from "./array.js";

const f64 = (value: unknown) => ad.tensor(value as number[][], { dtype: "float64" });
const square = (n: number, seed: number, dtype: "float32" | "float64" = "float64") =>
  ad.tensor(Float64Array.from(randoms(n * n, seed)), { shape: [n, n] }).cast(dtype);
const definite = (n: number, seed: number, dtype: "float32" | "float64" = "float64") => {
  const g = square(n, seed, dtype);
  return g.matmul(g.T).add(ad.eye(n, { dtype }).mul(n / 10));
};
const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item();
const refused = (body: () => unknown) => {
  try {
    body();
  } catch (error) {
    return error as InstanceType<typeof ad.AdjointError>;
  }
  throw new Error("was not refused");
};

describe("large matrices", () => {
  for (const dtype of ["float32", "float64"] as const)
    it(`of ${dtype} are factored to rounding`, () => {
      ad.scope(() => {
        const n = 300;
        const bound = (dtype === "float32" ? 2 ** -23 : 2 ** -52) * n * 10;
        const a = definite(n, 1, dtype);
        const size = a.abs().max().item();
        const l = ad.cholesky(a);
        expect(distance(l.matmul(l.T), a) / size).toBeLessThan(bound);
        const b = square(n, 2, dtype);
        const x = ad.solve(a, b);
        expect(distance(a.matmul(x), b)).toBeLessThan(bound * 100);
        const [w, v] = ad.eigh(a);
        expect(distance(v.mul(w).matmul(v.T), a) / size).toBeLessThan(bound);
        const [q, r] = ad.qr(b);
        expect(distance(q.matmul(r), b)).toBeLessThan(bound);
        expect(distance(q.T.matmul(q), ad.eye(n, { dtype }))).toBeLessThan(bound);
      });
    });

  it("tall and wide ones have singular values", () => {
    ad.scope(() => {
      for (const [m, n] of [
        [200, 20],
        [20, 200],
        [80, 80],
      ] as const) {
        const a = ad.tensor(Float64Array.from(randoms(m * n, m)), { shape: [m, n] });
        const [u, s, vh] = ad.svd(a);
        expect([u.shape, s.shape, vh.shape]).toEqual([[m, Math.min(m, n)], [Math.min(m, n)], [Math.min(m, n), n]]);
        expect(distance(u.mul(s).matmul(vh), a)).toBeLessThan(1e-12);
        expect(distance(ad.pinv(a).matmul(a).matmul(ad.pinv(a)), ad.pinv(a))).toBeLessThan(1e-11);
      }
    });
  });
});

describe("what has no factors is refused", () => {
  const singular = [
    [1, 2],
    [2, 4],
  ];
  const cases: [name: string, body: () => unknown, words: RegExp[]][] = [
    ["solve of a singular matrix", () => ad.solve(singular, [1, 1]), [/^solve/, /singular/, /pivot 1/]],
    ["inv of a singular matrix", () => ad.inv(singular), [/^inv/, /pivot 1/, /pinv/]],
    [
      "inv of one in a batch",
      () =>
        ad.inv([
          [
            [1, 0],
            [0, 1],
          ],
          singular,
        ]),
      [/matrix 1 of the batch/, /pivot 1/],
    ],
    [
      "cholesky",
      () =>
        ad.cholesky([
          [1, 2],
          [2, 1],
        ]),
      [/^cholesky/, /not positive definite/, /pivot 1/],
    ],
    ["cholesky of one in a batch", () => ad.cholesky([[[-1]], [[1]]]), [/matrix 0 of the batch/, /pivot 0/]],
    [
      "triangularSolve with a 0 on the diagonal",
      () =>
        ad.triangularSolve(
          [
            [1, 1],
            [0, 0],
          ],
          [1, 1],
        ),
      [/^triangularSolve/, /pivot 1/],
    ],
    ["the derivative of slogdet", () => ad.grad((x: Tensor) => ad.slogdet(x)[1])(f64(singular)), [/singular/]],
  ];
  for (const [name, body, words] of cases)
    it(name, () => {
      ad.scope(() => {
        const error = refused(body);
        expect(error).toBeInstanceOf(ad.ValueError);
        for (const word of words) expect(error.message).toMatch(word);
        expect(ad.det([[2]]).item()).toBe(2);
      });
    });

  const shapes: [name: string, body: () => unknown, word: RegExp][] = [
    ["a vector", () => ad.cholesky([1, 2]), /last two axes.*\[2\]/],
    ["a number", () => ad.det(3), /last two axes/],
    [
      "what is not square",
      () =>
        ad.inv([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      /square.*\[2, 3\]/,
    ],
    [
      "right sides of another length",
      () =>
        ad.solve(
          [
            [1, 0],
            [0, 1],
          ],
          [1, 2, 3],
        ),
      /\[2, 2\].*3/,
    ],
    ["a vector for qr", () => ad.qr([1, 2]), /^qr.*\[2\]/],
    ["a vector for svd", () => ad.svd([1, 2]), /^svd.*\[2\]/],
    [
      "equations and right sides",
      () =>
        ad.lstsq(
          [
            [1, 0],
            [0, 1],
          ],
          [1, 2, 3],
        ),
      /^lstsq.*2 rows/,
    ],
    ["examples that are no matrices", () => ad.vmap(ad.cholesky)(ad.eye(3)), /last two axes.*\[3\]/],
    ["batches that do not broadcast", () => ad.solve(ad.ones([2, 3, 3]), ad.ones([5, 3, 1])), /solve/],
  ];
  for (const [name, body, word] of shapes)
    it(name, () => {
      ad.scope(() => {
        const error = refused(body);
        expect(error).toBeInstanceOf(ad.ShapeError);
        expect(error.message).toMatch(word);
      });
    });

  it("numbers that are not finite come out as NaN, in finite time", () => {
    ad.scope(() => {
      for (const bad of [NaN, Infinity]) {
        const a = f64([
          [bad, 1],
          [1, 2],
        ]);
        const all = [...ad.eigh(a), ...ad.svd(a), ...ad.qr(a), ad.expm(a), ad.pinv(a), ad.det(a)];
        for (const x of all) expect(Array.from(x.data()).some((v) => !Number.isFinite(v))).toBe(true);
      }
    });
  });
});

describe("derivatives", () => {
  it("of det are right where the matrix is singular", () => {
    ad.scope(() => {
      const a = f64([
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ]);
      // The minors, written out.
      const expected = f64([
        [-3, 6, -3],
        [6, -12, 6],
        [-3, 6, -3],
      ]);
      expect(distance(ad.grad(ad.det)(a) as Tensor, expected)).toBeLessThan(1e-12);
      // d²det / da_11 da_22 = a_33, and so on.
      const hessian = ad.hessian(ad.det as (x: Tensor) => Tensor)(a) as Tensor;
      expect(hessian.at(0, 0, 1, 1).item()).toBeCloseTo(9, 11);
      expect(hessian.at(0, 1, 1, 0).item()).toBeCloseTo(-9, 11);
      expect(hessian.at(0, 0, 0, 1).item()).toBeCloseTo(0, 11);
      expect((ad.grad(ad.det)(ad.zeros([1, 1])) as Tensor).item()).toBe(1);
    });
  });

  it("of det end with the third, which is said", () => {
    ad.scope(() => {
      const third = (x: Tensor) =>
        ad.jvp(
          ad.grad((y: Tensor) => ad.jvp(ad.det as (x: Tensor) => Tensor, [y], [ad.ones([4, 4])])[1] as Tensor) as (x: Tensor) => Tensor,
          [x],
          [ad.ones([4, 4])],
        )[1] as Tensor;
      expect(third(ad.eye(4)).shape).toEqual([4, 4]);
      const error = refused(() => ad.grad((x: Tensor) => third(x).sum())(ad.eye(4)));
      expect(error).toBeInstanceOf(ad.NotDifferentiableError);
      expect(error.message).toMatch(/slogdet/);
    });
  });

  it("of functions of repeated eigenvalues are finite and right", () => {
    ad.scope(() => {
      // Σ exp λ has the gradient exp A.
      const f = (a: Tensor) => ad.eigh(a)[0].exp().sum();
      for (const a of [
        ad.eye(3, { dtype: "float64" }),
        f64([
          [2, 0, 0],
          [0, 2, 0],
          [0, 0, 5],
        ]),
      ])
        expect(distance(ad.grad(f)(a) as Tensor, ad.expm(a))).toBeLessThan(1e-12);
      const nuclear = (a: Tensor) => ad.svd(a)[1].sum();
      expect(distance(ad.grad(nuclear)(ad.eye(3, { dtype: "float64" })) as Tensor, ad.eye(3, { dtype: "float64" }))).toBeLessThan(1e-12);
    });
  });

  it("of pinv keep to matrices of the same rank", () => {
    ad.scope(() => {
      // x yᵀ of rank 1: moved along x', it stays of rank 1.
      const [x, dx, y] = [f64([[1], [2], [2]]), f64([[0.3], [-1], [0.4]]), f64([[3, 4]])];
      const f = (x: Tensor) => ad.pinv(x.matmul(y));
      const [, tangent] = ad.jvp(f, [x], [dx]) as [Tensor, Tensor];
      const h = 1e-5;
      const difference = f(x.add(dx.mul(h)))
        .sub(f(x.sub(dx.mul(h))))
        .div(2 * h);
      expect(distance(tangent, difference)).toBeLessThan(1e-9);
    });
  });

  it("of a log determinant is the inverse", () => {
    ad.scope(() => {
      const a = definite(20, 3);
      expect(distance(ad.grad((x: Tensor) => ad.slogdet(x)[1])(a) as Tensor, ad.inv(a))).toBeLessThan(1e-9);
    });
  });
});

describe("right sides", () => {
  it("are vectors as PyTorch sees them, for solve, triangularSolve and lstsq", () => {
    ad.scope(() => {
      const a = [
        [2, 0],
        [1, 4],
      ];
      expect(ad.solve(a, [2, 9]).toArray()).toEqual([1, 2]);
      expect(ad.triangularSolve(a, [2, 9], { lower: true }).toArray()).toEqual([1, 2]);
      expect(ad.lstsq(a, [2, 9]).shape).toEqual([2]);
      const batch = ad.tensor([a, a, a]);
      expect(ad.solve(batch, ad.ones([3, 2])).shape).toEqual([3, 2]);
      expect(ad.solve(batch, ad.ones([2, 5])).shape).toEqual([3, 2, 5]);
      expect(ad.solve(a, ad.ones([3, 2, 1])).shape).toEqual([3, 2, 1]);
    });
  });

  it("of a fit of any rank are met as well as can be", () => {
    ad.scope(() => {
      const a = f64([
        [1, 1],
        [1, 1],
        [1, 1],
      ]);
      const x = ad.lstsq(a, f64([1, 2, 3]));
      expect(distance(x, f64([1, 1]))).toBeLessThan(1e-12);
      // As many unknowns as one likes: the shortest.
      expect(distance(ad.lstsq(f64([[3, 4]]), f64([5])), f64([0.6, 0.8]))).toBeLessThan(1e-12);
    });
  });
});

it("vmap over matrices is the batch", () => {
  ad.scope(() => {
    const batch = ad.stack([definite(4, 1), definite(4, 2), definite(4, 3)]);
    const right = ad.tensor(Float64Array.from(randoms(12, 5)), { shape: [3, 4] });
    expect(distance(ad.vmap(ad.cholesky)(batch) as Tensor, ad.cholesky(batch))).toBe(0);
    expect(distance(ad.vmap(ad.solve)(batch, right) as Tensor, ad.solve(batch, right))).toBe(0);
    expect(
      distance(ad.vmap(ad.solve, { inAxes: [null, 0] } as object)(batch.at(0), right) as Tensor, ad.solve(batch.at(0), right.T).T),
    ).toBeLessThan(1e-14);
    const [values] = ad.vmap(ad.eigh)(batch) as unknown as [Tensor];
    expect(distance(values, ad.eigh(batch)[0])).toBe(0);
  });
});

it("a Gaussian process has the same likelihood and gradient compiled", () => {
  ad.scope(() => {
    const x = ad.linspace(0, 3, 12, { dtype: "float64" });
    const y = x.mul(2).sin();
    const logLikelihood = (logs: Tensor) => {
      const [scale, noise] = ad.unstack(logs.exp()) as [Tensor, Tensor];
      const covariance = x.unsqueeze(1).sub(x).div(scale).square().mul(-0.5).exp();
      const l = ad.cholesky(covariance.add(ad.eye(12, { dtype: "float64" }).mul(noise)));
      const white = ad.triangularSolve(l, y, { lower: true });
      return ad.diag(l).log().sum().add(white.square().sum().mul(0.5)).neg();
    };
    const slope = ad.valueAndGrad(logLikelihood) as unknown as (x: Tensor) => [Tensor, Tensor];
    const compiled = ad.compile(slope);
    for (const logs of [
      [0, -3],
      [0.4, -5],
      [-0.3, -2],
    ]) {
      const [value, gradient] = slope(f64(logs));
      const [again, replayed] = compiled(f64(logs)) as [Tensor, Tensor];
      expect(again.item()).toBeCloseTo(value.item(), 12);
      expect(distance(replayed, gradient)).toBeLessThan(1e-10);
    }
    ad.gradcheck(logLikelihood, [f64([0.2, -2])], { order: 2, modes: ["reverse", "forward"] });
    expect(() => ad.compile((a: Tensor) => ad.inv(a))(ad.zeros([2, 2]))).toThrow(/pivot 0/);
  });
});
