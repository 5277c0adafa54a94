/** Jacobians and Hessians. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

describe("Jacobians", () => {
  it("agree in both modes, chunked and not, for shapes and trees", () => {
    clean(() => {
      const f = (x: Tensor) => ({ a: x.square().sum(1), b: [x.T] });
      const x = f64([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      const reference = ad.jacfwd(f)(x);
      expect(reference.a.shape).toEqual([2, 2, 3]);
      expect(reference.b[0]!.shape).toEqual([3, 2, 2, 3]);
      expect(reference.a.toArray()).toEqual([
        [
          [2, 4, 6],
          [0, 0, 0],
        ],
        [
          [0, 0, 0],
          [8, 10, 12],
        ],
      ]);
      const all = [
        ad.jacrev(f)(x),
        ad.jacfwd(f, { chunkSize: 4 })(x),
        ad.jacrev(f, { chunkSize: 1 })(x),
        ad.jacobian(f)(x),
        ad.jacobian(f, { mode: "forward" })(x),
      ];
      for (const other of all)
        expect(ad.tree.map((t: Tensor) => t.toArray(), other)).toEqual(ad.tree.map((t: Tensor) => t.toArray(), reference));
    });
  });

  it("take several arguments and aux", () => {
    clean(() => {
      const f = (x: Tensor, y: Tensor) => x.outer(y);
      const [jx, jy] = ad.jacrev(f, { argnums: [0, 1] })(f64([1, 2]), f64([3, 4, 5]));
      expect([jx.shape, jy.shape]).toEqual([
        [2, 3, 2],
        [2, 3, 3],
      ]);
      const [j, aux] = ad.jacfwd((x: Tensor) => [x.square(), x.sum()], { hasAux: true })(f64([1, 2]));
      expect([j.toArray(), aux.item()]).toEqual([
        [
          [2, 0],
          [0, 4],
        ],
        3,
      ]);
    });
  });

  it("refuse unknown modes and chunk sizes", () => {
    expect(() => ad.jacobian((x: Tensor) => x, { mode: "sideways" as never })).toThrow(ad.ValueError);
    expect(() => ad.jacfwd((x: Tensor) => x, { chunkSize: 0 })(f64([1]))).toThrow(ad.ValueError);
  });
});
