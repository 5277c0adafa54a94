/** Slices, their gradients and joined arrays in emitted loops: between the ends of pieces each loop is another one. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const bits = (x: Tensor) => [...new Uint8Array(new Float64Array(x.cast("float64").toArray().flat(9) as number[]).buffer)].join();
const last = (program: ad.Program) => String(program).split("\nfused:").at(-1)!;

/** Whole numbers below n, from a seed. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function same(f: (...x: Tensor[]) => Tensor, x: readonly Tensor[], what: string): void {
  const compiled = ad.compile(f);
  const expected = bits(f(...x));
  for (let i = 0; i < 3; i++) expect(bits(compiled(...x) as Tensor), what).toBe(expected);
}

describe("pieces in loops", () => {
  for (const dtype of ["float32", "float64"] as const)
    it(`are what eager code gives, to the bit, for random slices and joins: ${dtype}`, () => {
      for (let seed = 1; seed <= 60; seed++)
        clean(() => {
          const next = numbers(seed);
          const rank = 1 + next(3);
          const dims = Array.from({ length: rank }, () => [1, 2, 3, 5, 18, 33][next(6)]!);
          const axis = next(rank);
          dims[axis] = 4 + next(40);
          const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => [-0, 0, 1.5, -2, 0.25][next(5)]! * (1 + next(3)));
          const x = ad.tensor(values, { dtype }).reshape(dims);
          const parts = Array.from({ length: 1 + next(4) }, () => {
            const start = next(dims[axis]! - 1);
            return [start, start + 1 + next(dims[axis]! - start - 1)] as const;
          });
          const all = (bound: number, other: "start" | "end") => dims.map((d, i) => (i === axis ? bound : other === "start" ? 0 : d));
          const part = (y: Tensor, [from, to]: readonly [number, number]) => y.slice(all(from, "start"), all(to, "end"));
          const joined = (y: Tensor) =>
            ad
              .concat([...parts.map((p, i) => part(y, p).mul(i + 1)), ad.zeros(dims, { dtype }), y.neg()], axis)
              .mul(2)
              .sub(1);
          const loss = (y: Tensor) =>
            parts
              .map((p, i) =>
                part(y, p)
                  .square()
                  .mul(i - 1)
                  .sum(),
              )
              .reduce((a, b) => a.add(b))
              .add(joined(y).square().sum());
          same(joined, [x], `joined, seed ${seed}`);
          same((y) => ad.grad(loss)(y) as Tensor, [x], `gradient, seed ${seed}`);
          same((y) => ad.grad((z: Tensor) => (ad.grad(loss)(z) as Tensor).square().sum())(y) as Tensor, [x], `second order, seed ${seed}`);
        });
    });

  it("leave no kernel behind: the gradient of differences of neighbours is two loops", () => {
    clean(() => {
      const n = 2000;
      const f = (x: Tensor) =>
        x
          .slice([1], [n])
          .sub(x.slice([0], [n - 1]).square())
          .square()
          .sum();
      const gradient = ad.compile((x: Tensor) => ad.grad(f)(x) as Tensor);
      const x = ad.linspace(0, 1, n);
      gradient(x);
      const steps = last(gradient.program(x))
        .match(/^ {2}t.*/gm)!
        .filter((line) => !/ = slice/.test(line));
      expect(steps).toHaveLength(2);
      expect(steps.every((line) => line.includes("fused"))).toBe(true);
    });
  });

  it("stay few: what is cut into more pieces is left to the kernels, and right", () => {
    clean(() => {
      const x = ad.linspace(-1, 1, 400);
      const cut = (x: Tensor) => ad.concat(Array.from({ length: 40 }, (_, i) => x.slice([10 * i], [10 * i + 9]).mul(i))).add(1);
      same(cut, [x], "40 pieces");
      same((x) => ad.grad((x: Tensor) => cut(x).square().sum())(x) as Tensor, [x], "their gradient");
      const nested = (x: Tensor) => {
        let y = x;
        for (let i = 0; i < 12; i++)
          y = ad
            .concat([y.slice([7 + i], [400]), y.slice([0], [7 + i])])
            .mul(0.9)
            .add(x);
        return y;
      };
      same(nested, [x], "12 rotations");
      same((x) => ad.grad((x: Tensor) => nested(x).square().sum())(x) as Tensor, [x], "gradient of 12 rotations");
    });
  });

  it("sums of medium arrays are loops too", () => {
    clean(() => {
      const f = ad.compile((a: Tensor, b: Tensor) => a.mul(2).add(b).add(a).sub(1));
      const a = ad.linspace(0, 1, 300);
      expect(last(f.program(a, a)).match(/fused/g)).toHaveLength(1);
      same((a, b) => a.mul(2).add(b).add(a).sub(1), [a, a.neg()], "sums");
    });
  });
});
