/** Sparse Jacobians and Hessians. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });
const near = (got: Tensor, expected: Tensor, tolerance = 1e-12) => expect(got.sub(expected).abs().max().item()).toBeLessThan(tolerance);

const dense = (m: ReturnType<ReturnType<typeof ad.sparseJacobian>>): number[][] => {
  const out = Array.from({ length: m.shape[0] }, () => new Array<number>(m.shape[1]).fill(0));
  const values = m.values.data();
  m.rows.forEach((r, i) => (out[r]![m.cols[i]!] = values[i]!));
  return out;
};

describe("sparse derivatives", () => {
  const tridiagonal = (x: Tensor) => {
    const n = x.size;
    const inner = x.slice([1], [n]).sub(x.slice([0], [n - 1]));
    const flux = inner.mul(inner).mul(inner);
    return ad.concat([flux, ad.zeros([1], { dtype: x.dtype })]).sub(ad.concat([ad.zeros([1], { dtype: x.dtype }), flux]));
  };

  it("a tridiagonal Jacobian takes three passes, whatever its size", () => {
    clean(() => {
      const small = f64([0.1, 0.5, -0.3, 0.9, 0.2]);
      const jacobian = ad.sparseJacobian(tridiagonal);
      expect(dense(jacobian(small))).toEqual(ad.jacfwd(tridiagonal)(small).toArray());
      const large = ad.random.uniform(ad.random.key(1), [10_000], { dtype: "float64" });
      expect(jacobian.passes(large)).toBe(3);
      const m = jacobian(large);
      expect(m.shape).toEqual([10_000, 10_000]);
      expect(m.values.size).toBe(29_998);
      const v = ad.random.uniform(ad.random.key(2), [10_000], { dtype: "float64" });
      const product = ad.zeros([10_000], { dtype: "float64" }).indexAdd(0, ad.tensor(m.rows), m.values.mul(v.take(ad.tensor(m.cols), 0)));
      near(product, ad.jvp(tridiagonal, [large], [v])[1]);
    });
  });

  it("arrows take the right side", () => {
    clean(() => {
      const n = 50;
      // One output depends on all inputs, the others on one each: rows are many colours, columns two... or the other way round.
      const down = (x: Tensor) => ad.concat([x.sum().reshape([1]), x.square().slice([1], [n])]);
      const across = (x: Tensor) => x.square().add(x.at(0));
      const x = ad.random.uniform(ad.random.key(3), [n], { dtype: "float64" });
      for (const f of [down, across]) {
        const jacobian = ad.sparseJacobian(f);
        expect(jacobian.passes(x)).toBeLessThanOrEqual(2);
        expect(dense(jacobian(x))).toEqual(ad.jacrev(f)(x).toArray());
      }
    });
  });

  it("patterns follow every kind of op", () => {
    clean(() => {
      const x = ad.random.uniform(ad.random.key(4), [2, 3], { dtype: "float64", minval: 0.5, maxval: 1.5 });
      const w = f64([
        [1, 0, 0],
        [0, 2, 0],
        [0, 1, 1],
      ]);
      const functions: ((x: Tensor) => Tensor)[] = [
        (x) => x.T.sin(),
        (x) => x.matmul(w),
        (x) => x.sum(0),
        (x) => x.softmax(1),
        (x) => x.cumsum(1).flip(0),
        (x) =>
          x.take([0, 0, 1], 0).pad([
            [1, 0],
            [0, 1],
          ]),
        (x) => ad.where(x.gt(1), x.square(), 0),
        (x) =>
          x.gather(1, [
            [2, 0],
            [1, 1],
          ]),
        (x) => x.max(1).outer(f64([1, 2])),
        (x) => x.sort(1),
        (x) => x.slice([0, 0], [2, 3], [1, 2]).mul(x.at(0, 1)),
        (x) => x.diag().cumprod(),
        (x) => x.matmul(x.T),
      ];
      for (const f of functions) {
        expect(
          dense(ad.sparseJacobian(f)(x))
            .flat()
            .map((v) => v.toFixed(10)),
        ).toEqual((ad.jacrev(f)(x).reshape([-1, 6]).toArray() as number[][]).flat().map((v) => v.toFixed(10)));
      }
      const sparsity = ad.jacobianSparsity((x: Tensor) => x.matmul(w))(x);
      expect(sparsity.rows.length).toBe(8);
    });
  });

  it("Hessians by star colouring, in csr too", () => {
    clean(() => {
      const chained = (x: Tensor) => {
        const d = x.slice([1], [x.size]).sub(x.slice([0], [x.size - 1]).square());
        return d.square().sum().mul(100).add(x.sub(1).square().sum());
      };
      const x = ad.random.uniform(ad.random.key(5), [12], { dtype: "float64" });
      const hessian = ad.sparseHessian(chained);
      near(f64(dense(hessian(x))), ad.hessian(chained)(x), 1e-10);
      expect(hessian.passes(ad.random.uniform(ad.random.key(6), [2000], { dtype: "float64" }))).toBeLessThanOrEqual(3);
      const csr = ad.sparseHessian(chained, { format: "csr" })(x);
      expect(csr.rows.length).toBe(13);
      expect(csr.rows[12]).toBe(csr.cols.length);
      // An arrow: one variable in every term.
      const arrow = (x: Tensor) => x.at(0).mul(x.square()).sum();
      near(f64(dense(ad.sparseHessian(arrow)(x))), ad.hessian(arrow)(x), 1e-12);
      expect(ad.sparseHessian(arrow).passes(x)).toBeLessThanOrEqual(2);
    });
  });

  it("given patterns are used, and checked", () => {
    clean(() => {
      const x = f64([1, 2, 3]);
      const pattern = { rows: Int32Array.of(0, 1, 2), cols: Int32Array.of(0, 1, 2), shape: [3, 3] as const };
      expect(dense(ad.sparseJacobian((v: Tensor) => v.square(), { pattern })(x))).toEqual([
        [2, 0, 0],
        [0, 4, 0],
        [0, 0, 6],
      ]);
      expect(() => ad.sparseJacobian((v: Tensor) => v.cumsum(), { pattern })(x)).toThrow(/leaves out/);
      expect(() => ad.sparseJacobian((v: Tensor) => v.slice([0], [2]), { pattern })(x)).toThrow(ad.ShapeError);
      expect(() => ad.sparseJacobian((v: Tensor) => v, { pattern: { ...pattern, cols: Int32Array.of(0, 1, 7) } })).toThrow(ad.ValueError);
      expect(() => ad.sparseJacobian((v: Tensor) => v, { format: "dense" as never })).toThrow(ad.ValueError);
    });
  });
});
