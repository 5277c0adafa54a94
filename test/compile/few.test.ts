import { describe, expect, it } from "vitest";
import * as ad from "adjoint";

// Results of a few numbers are no tensors of the engine's until they are used: nobody may notice.
const DTYPES = ["float32", "float64", "int32", "bool"] as const;
const affine = () => ad.compile((x: ad.Tensor) => x.mul(2).add(1));

describe("a result of a few numbers", () => {
  for (const dtype of DTYPES)
    for (const shape of [[], [1], [3], [2, 3], [64], [65]])
      it(`is what the function returns: ${dtype} [${shape.join(", ")}]`, () => {
        const count = shape.reduce((a, b) => a * b, 1);
        const numbers = Array.from({ length: count }, (_, i) => (dtype === "bool" ? i % 2 : i - 1));
        const x = ad.tensor(numbers, { shape, dtype });
        const g = (x: ad.Tensor) => (shape.length === 0 ? ad.where(x.eq(x), x, x) : x.flip(0));
        const run = ad.compile(g);
        const first = run(x);
        const second = run(x);
        const expected = g(x);
        for (const y of [first, second]) {
          expect(y.dtype).toBe(expected.dtype);
          expect(y.shape).toEqual(expected.shape);
          expect(y.toArray()).toEqual(expected.toArray());
          expect(y.data()).toEqual(expected.data());
          expect(y.toString()).toBe(expected.toString());
          expect(y.toArray()).toEqual(expected.toArray());
        }
        expect(run.stats().replays).toBe(1);
      });

  it("takes no room in the engine until it is used, and none outside after", () => {
    const run = affine();
    const x = ad.tensor([1, 2, 3]);
    run(x);
    const before = ad.memory().tensors;
    const results = Array.from({ length: 100 }, () => run(x));
    expect(ad.memory().tensors).toBe(before);
    expect(results.every((y) => y.sum().item() === 15)).toBe(true);
    results.forEach((y) => y.dispose());
    expect(() => results[0]!.data()).toThrow(ad.DisposedError);
  });

  it("keeps its numbers when the program runs again", () => {
    const run = affine();
    const all = Array.from({ length: 50 }, (_, i) => run(ad.tensor([i, -i])));
    expect(all.map((y) => y.toArray())).toEqual(all.map((_, i) => [2 * i + 1, 1 - 2 * i]));
  });

  it("goes on into ops, gradients and other programs as any tensor does", () => {
    const run = affine();
    run(ad.tensor([0, 0]));
    const y = run(ad.tensor([1, 2]));
    expect(y.requiresGrad).toBe(false);
    expect(y.isLeaf).toBe(true);
    expect(
      ad
        .grad((z: ad.Tensor) => z.square().sum())(y)
        .toArray(),
    ).toEqual([6, 10]);
    expect(run(y).toArray()).toEqual([7, 11]);
    expect(
      ad
        .vmap((z: ad.Tensor) => z.mul(2))(y)
        .toArray(),
    ).toEqual([6, 10]);
    y.assign([5, 6]);
    expect(y.toArray()).toEqual([5, 6]);
    expect(run(y).toArray()).toEqual([11, 13]);
    const kept = ad.keep(run(y));
    expect(kept.toArray()).toEqual([11, 13]);
    const cloned = run(y);
    cloned.requiresGrad = true;
    cloned.square().sum().backward();
    expect(cloned.grad!.toArray()).toEqual([22, 26]);
  });

  it("is the argument of the next call, and another program where shape or dtype differ", () => {
    const run = affine();
    let state = run(ad.tensor([1, 2]));
    for (let i = 0; i < 5; i++) state = run(state);
    expect(state.toArray()).toEqual([127, 191]);
    expect(run.stats()).toMatchObject({ recordings: 1, replays: 5 });
    const wide = affine();
    const double = wide(ad.tensor([1, 2], { dtype: "float64" }));
    wide(double);
    expect(wide(double).dtype).toBe("float64");
    expect(run(double).toArray()).toEqual([7, 11]);
    expect(run(double).dtype).toBe("float64");
    expect(run(ad.tensor([[1, 2]])).shape).toEqual([1, 2]);
    expect(run.stats().recordings).toBe(3);
    expect(run(state).toArray()).toEqual([255, 383]);
    expect(run(run(run(ad.tensor([[1, 2]])))).shape).toEqual([1, 2]);
  });

  it("ends with a scope, and with the engine", () => {
    const run = affine();
    run(ad.tensor(1));
    let inside: ad.Tensor | null = null;
    const returned = ad.scope(() => {
      inside = run(ad.tensor(2));
      return run(inside);
    });
    expect(returned.item()).toBe(11);
    expect(() => inside!.item()).toThrow(ad.EscapedValueError);
    const old = run(ad.tensor(3));
    expect(old.item()).toBe(7);
    ad.reset();
    expect(() => old.item()).toThrow(/reset/);
    expect(() => run(old)).toThrow(/reset/);
    expect(run(ad.tensor(3)).item()).toBe(7);
  });

  it("is there after sweeps with every tensor", () => {
    ad.testing.sweepAfter(0);
    try {
      const run = ad.compile((x: ad.Tensor, y: ad.Tensor) => [x.add(y), x.mul(y), x.sum()] as const);
      let [x, y] = [ad.tensor([1, 2]), ad.tensor([3, 4])];
      const sums: number[] = [];
      for (let i = 0; i < 20; i++) {
        const [a, b, s] = run(x, y);
        sums.push(s.item());
        [x, y] = [a.div(b.max()), b.div(b.max())];
      }
      let [u, v] = [ad.tensor([1, 2]), ad.tensor([3, 4])];
      const expected = Array.from({ length: 20 }, () => {
        const [a, b, s] = [u.add(v), u.mul(v), u.sum().item()];
        [u, v] = [a.div(b.max()), b.div(b.max())];
        return s;
      });
      expect(sums).toEqual(expected);
    } finally {
      ad.testing.sweepAfter(null);
    }
  });
});

describe("numbers as arguments", () => {
  it("are the numbers of each call, of the dtype that the others have", () => {
    const run = ad.compile((x: ad.Tensor, rate: ad.Tensor, shift: ad.Tensor) => x.mul(rate).add(shift));
    expect(run([1, 2], 3, 1).toArray()).toEqual([4, 7]);
    expect(run(ad.tensor([1, 2]), 3, 1).toArray()).toEqual([4, 7]);
    expect(run(ad.tensor([1, 2]), 0.1, 5).toArray()).toEqual(ad.tensor([1, 2]).mul(0.1).add(5).toArray());
    expect(run.stats().recordings).toBe(1);
    const x = ad.tensor([1, 2], { dtype: "float64" });
    expect(run(x, 0.1, 0).toArray()).toEqual([0.1, 0.2]);
    expect(run(x, 0.3, 0).toArray()).toEqual([0.3, 0.6]);
    expect(run(x, NaN, 0).toArray()).toEqual([NaN, NaN]);
    expect(run(x, ad.tensor(0.5), 1).toArray()).toEqual([1.5, 2]);
  });

  it("do not stand for tensors of other shapes", () => {
    const run = ad.compile((x: ad.Tensor, y: ad.Tensor) => x.mul(y));
    expect(run(ad.tensor([1, 2]), ad.tensor([3, 4])).toArray()).toEqual([3, 8]);
    expect(run(ad.tensor([1, 2]), 3).toArray()).toEqual([3, 6]);
    expect(run(2, 3).item()).toBe(6);
    expect(run(2, 4).item()).toBe(8);
    expect(run(ad.tensor([1, 2]), ad.tensor([5, 6])).toArray()).toEqual([5, 12]);
    expect(run.stats().recordings).toBe(3);
  });
});
