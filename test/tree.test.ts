/** Trees. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

describe("trees", () => {
  it("map, flatten, ravel", () => {
    ad.scope(() => {
      const tree = { a: ad.ones([2]), b: [ad.zeros([1, 2]), ad.tensor(3)] };
      const [vector, unravel] = ad.tree.ravel(tree);
      expect(vector.toArray()).toEqual([1, 1, 0, 0, 3]);
      expect(unravel(vector.mul(2)).b[1]!.item()).toBe(6);
      const [leaves, unflatten] = ad.tree.flatten(tree);
      expect(leaves.length).toBe(3);
      expect(unflatten([1, 2, 3])).toEqual({ a: 1, b: [2, 3] });
      expect(() => ad.tree.map((a: Tensor) => a, tree, { a: 1, b: [1] })).toThrow(/\.b/);
      // Differentiable both ways.
      const g = ad.grad((v: Tensor) => unravel(v).b[1]!.mul(unravel(v).a.sum()))(vector);
      expect(g.toArray()).toEqual([3, 3, 0, 0, 2]);
    });
  });
});

it("values of a million numbers pass scopes and noGrad, in whatever they stand", () => {
  const long = Array.from({ length: 300_000 }, (_, i) => i);
  expect(ad.scope(() => long)).toBe(long);
  expect(ad.noGrad(() => ({ long, set: new Set(long), map: new Map(long.map((i) => [i, i])) })).map.size).toBe(300_000);
});
