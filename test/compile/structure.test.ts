/** Trees as arguments of compiled functions: each structure is a program, whatever was called before. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

type Given = Record<string, unknown> | readonly unknown[];

/** The leaves' numbers, each with where it stands. */
const told = (tree: unknown): Tensor => {
  const parts: Tensor[] = [];
  (ad.tree.flatten(tree)[0] as unknown[]).forEach((leaf, i) => {
    if (leaf instanceof ad.Tensor) parts.push(leaf.sum().mul(i + 1));
  });
  return ad.stack(parts).sum();
};

/** As compile passes them on: numbers and arrays of numbers are tensors. */
const asTensors = (given: Given): unknown =>
  Array.isArray(given) || !("b" in given) || !(typeof given.b === "number" || Array.isArray(given.b) || ArrayBuffer.isView(given.b))
    ? given
    : { ...given, b: ad.tensor(given.b as number[]) };

describe("trees as arguments", () => {
  it("are told apart in whatever order they come, called again and again", () => {
    clean(() => {
      const one = ad.tensor([1, 2]);
      const two = ad.tensor([10]);
      const shapes: (() => Given)[] = [
        () => ({ a: one, b: two }),
        () => ({ b: two, a: one }),
        () => ({ a: one, b: two, c: one }),
        () => ({ a: two, b: one }),
        () => ({ a: { a: one }, b: two }),
        () => [one, two],
        () => [two, one, one],
        () => [[one], two],
        () => ({ a: one, b: 3 }),
        () => ({ a: one, b: [1, 2, 3] }),
        () => ({ a: one, b: new Float32Array([1, 2, 3]) }),
        () => ({ a: one, b: null }),
        () => ({ a: one, b: true }),
        () => ({ a: one, b: false }),
        () => ({ a: one, b: "x" }),
        () => ({ a: one, b: undefined }),
        () => ({ a: one }),
        () => Object.assign(Object.create(null), { a: two }),
      ];
      let runs = 0;
      const f = ad.compile((tree: Given) => {
        runs++;
        return told(tree);
      });
      let state = 7;
      for (let i = 0; i < 300; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const make = shapes[i < 3 * shapes.length ? Math.floor(i / 3) : Math.floor((state / 2 ** 32) * shapes.length)]!;
        expect((f(make()) as Tensor).item()).toBe(told(asTensors(make())).item());
      }
      expect(f.stats().replays).toBeGreaterThan(50);
      expect(runs).toBeGreaterThan(shapes.length);
    });
  });

  it("are replayed without being recorded again, results and all: params = step(params, x)", () => {
    clean(() => {
      const loss = (p: { w: Tensor; b: Tensor }, x: Tensor) => x.mul(p.w).add(p.b).square().sum();
      const plain = (p: { w: Tensor; b: Tensor }, x: Tensor) =>
        ad.tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(0.1)), p, ad.grad(loss)(p, x)) as { w: Tensor; b: Tensor };
      const step = ad.compile(plain);
      const x = ad.tensor([1, -2]);
      let p = { w: ad.tensor([0.5, 0.25]), b: ad.tensor(1) };
      let q = p;
      for (let i = 0; i < 10; i++) {
        p = step(p, x) as typeof p;
        q = plain(q, x);
      }
      expect(p.w.toArray()).toEqual(q.w.toArray());
      expect(step.stats()).toMatchObject({ recordings: 1, replays: 9 });
    });
  });

  it("are noticed when a static argument, a dtype, a mode or a derivative differs", () => {
    clean(() => {
      const f = ad.compile((p: { x: Tensor }, scale: number) => p.x.mul(scale), { static: 1 });
      const x = ad.tensor([1, 2]);
      for (const scale of [2, 3, -0, 0, Number.POSITIVE_INFINITY, Number.NaN, 2, 3])
        for (let i = 0; i < 2; i++) expect((f({ x }, scale) as Tensor).toArray()).toEqual([scale, 2 * scale]);
      expect((f({ x: x.cast("float64") }, 2) as Tensor).dtype).toBe("float64");
      expect((f({ x: ad.ones([3]) }, 2) as Tensor).shape).toEqual([3]);
      const g = ad.grad((x: Tensor) => (f({ x }, 3) as Tensor).sum())(x) as Tensor;
      expect(g.toArray()).toEqual([3, 3]);
      expect((ad.noGrad(() => f({ x }, 3)) as Tensor).toArray()).toEqual([3, 6]);
    });
  });
});
