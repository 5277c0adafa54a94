/** Sparse derivatives whose structure changes between calls: never a wrong matrix. */
import * as ad from "adjoint";
import type { SparseFunction, Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (values: ad.Nested) => ad.tensor(values, { dtype: "float64" });
const dense = ({ rows, cols, values, shape: [m, n] }: ReturnType<SparseFunction>): number[][] => {
  const out = Array.from({ length: m }, () => new Array<number>(n).fill(0));
  values.data().forEach((v, k) => (out[rows[k]!]![cols[k]!]! += v));
  return out;
};

describe("a kept pattern", () => {
  it("is detected again when the structure depends on the point", () => {
    clean(() => {
      const f = (x: Tensor) => ad.stack([x.at(0).item() > 0 ? x.at(0).mul(2) : x.at(1).mul(3), x.at(1)]);
      const jacobian = ad.sparseJacobian(f);
      for (const x of [f64([1, 5]), f64([-1, 5]), f64([1, 5]), f64([-2, -5])])
        expect(dense(jacobian(x))).toEqual(ad.jacrev(f)(x).toArray());
    });
  });

  it("or on what f closes over: numbers, shapes of the result, tiny entries", () => {
    clean(() => {
      let m = f64([
        [1, 0],
        [0, 1],
      ]);
      const f = (x: Tensor) => m.matmul(x);
      const jacobian = ad.sparseJacobian(f);
      for (const next of [
        [
          [1, 0],
          [0, 1],
        ],
        [
          [1, 2],
          [3, 4],
        ],
        [
          [0, 2],
          [0, 0],
        ],
        [
          [1, 1e-8],
          [1e-200, 1],
        ],
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [[1, 0]],
      ]) {
        m = f64(next);
        expect(dense(jacobian(f64([1, 2])))).toEqual(next);
      }
    });
  });

  it("of a Hessian too", () => {
    clean(() => {
      const f = (x: Tensor) => (x.at(0).item() > 0 ? x.at(0).square() : x.at(1).mul(x.at(2)));
      const hessian = ad.sparseHessian(f);
      for (const x of [f64([1, 2, 3]), f64([-1, 2, 3])]) expect(dense(hessian(x))).toEqual(ad.hessian(f)(x).toArray());
    });
  });

  it("fits as long as it fits: no detection, the same passes", () => {
    clean(() => {
      let runs = 0;
      const jacobian = ad.sparseJacobian((x: Tensor) => {
        runs++;
        return x.square();
      });
      jacobian(f64([1, 2, 3]));
      runs = 0;
      for (const x of [f64([0, 0, 0]), f64([1e-9, 1, 1e9])])
        expect(dense(jacobian(x))).toEqual(
          ad
            .jacrev((x: Tensor) => x.square())(x)
            .toArray(),
        );
      // The check and the passes, each one run.
      expect(runs).toBe(4);
      expect(jacobian.passes(f64([1, 2, 3]))).toBe(1);
    });
  });

  it("random functions are one function for the whole of a call, and the generator goes on by one run", () => {
    clean(() => {
      const f = (x: Tensor) => ad.nn.dropout(x, { p: 0.5 }).square();
      const jacobian = ad.sparseJacobian(f);
      const x = ad.ones([16], { dtype: "float64" });
      ad.manualSeed(4);
      for (let i = 0; i < 3; i++) {
        const before = ad.random.getState();
        const values = dense(jacobian(x));
        const after = ad.random.getState();
        ad.random.setState(before);
        expect(values).toEqual(ad.jacrev(f)(x).toArray());
        expect(ad.random.getState()).toEqual(after);
      }
    });
  });

  it("NaN and infinite derivatives are no reason to refuse", () => {
    clean(() => {
      const jacobian = ad.sparseJacobian((x: Tensor) => x.sqrt());
      jacobian(f64([1, 2]));
      expect(dense(jacobian(f64([0, 4])))).toEqual([
        [Infinity, 0],
        [0, 0.25],
      ]);
      expect(dense(jacobian(f64([-1, 4])))).toEqual([
        [NaN, 0],
        [0, 0.25],
      ]);
    });
  });
});

describe("a given pattern", () => {
  const diagonal = { rows: Int32Array.of(0, 1), cols: Int32Array.of(0, 1), shape: [2, 2] as const };

  it("that leaves out an entry is refused, however small all entries are", () => {
    clean(() => {
      const jacobian = ad.sparseJacobian(
        (x: Tensor) =>
          f64([
            [1e-20, 1e-20],
            [0, 1e-20],
          ]).matmul(x),
        { pattern: diagonal },
      );
      expect(() => jacobian(f64([1, 2]))).toThrow(/leaves out/);
    });
  });

  it.each([
    [{ rows: [0], cols: [0, 1], shape: [2, 2] }, ad.ValueError],
    [{ rows: [0.5], cols: [0], shape: [2, 2] }, ad.ValueError],
    [{ rows: [0], cols: [2], shape: [2, 2] }, ad.ValueError],
    [{ rows: [0], cols: [0] }, ad.ValueError],
    [{}, ad.ValueError],
    [null, ad.ValueError],
    [3, ad.ValueError],
  ])("garbage is refused: %j", (pattern, type) => {
    expect(() => ad.sparseJacobian((x: Tensor) => x, { pattern: pattern as never })).toThrow(type);
    expect(() => ad.sparseHessian((x: Tensor) => x.sum(), { pattern: pattern as never })).toThrow(type);
  });

  it("a pattern of another shape, unknown options and what is no tensor are refused", () => {
    clean(() => {
      expect(() => ad.sparseJacobian((x: Tensor) => x, { pattern: diagonal })(f64([1, 2, 3]))).toThrow(ad.ShapeError);
      expect(() => ad.sparseJacobian((x: Tensor) => x, { sparsity: diagonal } as never)).toThrow(/pattern/);
      expect(() => ad.sparseJacobian((x: Tensor) => x, { format: "csc" as never })).toThrow(/csc/);
      expect(() => ad.sparseJacobian((x: Tensor) => x, { check: 1 as never })).toThrow(ad.ValueError);
      for (const garbage of [undefined, null, 3, "x", {}, [f64([1])]])
        expect(() => ad.sparseJacobian((x: Tensor) => x)(garbage as never)).toThrow(ad.AdjointError);
    });
  });
});
