/** Bad input: a refusal is typed, costs nothing, and the engine goes on. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

describe("bad input", () => {
  const x = () =>
    ad.tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  const ints = (...values: number[]) => ad.tensor(values, { dtype: "int32" });
  const bad: [string, () => unknown, new (...args: any[]) => Error, RegExp][] = [
    ["shapes that do not broadcast", () => x().add(ad.ones([2])), ad.ShapeError, /add.*\[2, 3\].*\[2\]/s],
    ["matmul of wrong shapes", () => x().matmul(x()), ad.ShapeError, /matmul.*\[2, 3\] and \[2, 3\]/s],
    ["an axis out of range", () => x().sum(2), ad.IndexError, /sum.*axis 2/s],
    ["an axis that is no integer", () => x().sum(0.5), ad.IndexError, /0.5/],
    ["an axis named twice", () => x().sum([0, 0]), ad.ValueError, /twice/],
    ["reshape to another size", () => x().reshape([4]), ad.ShapeError, /reshape.*\[2, 3\].*\[4\]/s],
    ["two unknown sizes", () => x().reshape([-1, -1]), ad.ShapeError, /-1/],
    ["a size that is no integer", () => ad.zeros([1.5]), ad.ShapeError, /1.5/],
    ["a negative size", () => ad.zeros([-1]), ad.ShapeError, /-1/],
    ["sizes beyond 2^32", () => ad.zeros([2 ** 20, 2 ** 20]), ad.ShapeError, /2\^29/],
    ["broadcasting beyond 2^32", () => ad.ones([1, 1]).broadcastTo([2 ** 20, 2 ** 20]), ad.ShapeError, /2\^29/],
    ["NaN as a size", () => ad.zeros([NaN]), ad.ShapeError, /NaN/],
    ["ragged arrays", () => ad.tensor([[1, 2], [3]]), ad.ShapeError, /different lengths/],
    ["strings", () => ad.tensor(["a"] as never), ad.ValueError, /"a"/],
    ["undefined", () => ad.tensor(undefined as never), ad.ValueError, /undefined/],
    ["numbers and booleans mixed", () => ad.tensor([1, true] as never), ad.ValueError, /mixed/],
    ["elements that do not fill the shape", () => ad.tensor([1, 2, 3], { shape: [2, 2] }), ad.ShapeError, /3 elements.*4/s],
    ["an unknown dtype", () => ad.tensor([1], { dtype: "float16" as never }), ad.DTypeError, /float16/],
    ["cast to an unknown dtype", () => ad.cast(x(), "half" as never), ad.DTypeError, /half/],
    ["64-bit integers", () => ad.tensor(new BigInt64Array(2) as never), ad.DTypeError, /64-bit/],
    ["an index out of range", () => x().take([5], 0), ad.IndexError, /index 5/],
    ["a row of a table from the end", () => ad.embedding([0, -1], x()), ad.IndexError, /embedding: index -1 \(at position 1\).*0 to 1/],
    ["a row behind a table", () => ad.embedding([2], x()), ad.IndexError, /embedding: index 2/],
    ["a row from the end in an example", () => ad.vmap((i: Tensor) => ad.embedding(i, x()))(ints(0, -1)), ad.IndexError, /0 to 1/],
    ["a class below 0", () => ad.oneHot([0, -1], 3), ad.IndexError, /oneHot: class -1.*depth of 3/],
    ["a class behind the last", () => ad.oneHot([3], 3), ad.IndexError, /oneHot: class 3/],
    ["a class of no depth", () => ad.oneHot([0], 0), ad.IndexError, /oneHot: class 0/],
    ["a class in an example", () => ad.vmap((i: Tensor) => ad.oneHot(i, 2))(ints(0, 2)), ad.IndexError, /oneHot: class 2/],
    [
      "bounds of clamp the wrong way round",
      () => ad.clamp(x(), 2, 1),
      ad.ValueError,
      /clamp: the lower bound 2 is above the upper bound 1/,
    ],
    ["float indices", () => x().take(ad.tensor([0.5]), 0), ad.DTypeError, /int32/],
    ["at beyond the end", () => x().at(2), ad.IndexError, /at.*2/s],
    ["item of many", () => x().item(), ad.ShapeError, /\[2, 3\]/],
    ["a slice with a step of 0", () => x().slice([0, 0], [1, 1], [0, 1]), ad.ValueError, /step 0/],
    ["concat of different ranks", () => ad.concat([x(), ad.ones([3])]), ad.ShapeError, /concat/],
    ["stack of nothing", () => ad.stack([]), ad.ValueError, /stack/],
    ["a permutation that is none", () => x().transpose([0, 0]), ad.ValueError, /twice/],
    ["squeezing a long axis", () => x().squeeze(0), ad.ShapeError, /squeeze/],
    ["topk of too many", () => ad.topk(x(), 9), ad.ValueError, /topk/],
    ["a missing operand", () => x().add(undefined as never), ad.ValueError, /add/],
    ["a random key that is none", () => ad.random.normal(x(), [2]), ad.ValueError, /key/],
    ["nested grad of a vector", () => ad.grad((v: Tensor) => v.mul(2))(x()), ad.ShapeError, /scalar/],
  ];

  it.each(bad)("%s", (_, f, type, message) => {
    const before = ad.memory().tensors;
    let error: unknown;
    ad.scope(() => {
      try {
        f();
      } catch (e) {
        error = e;
      }
    });
    expect(error).toBeInstanceOf(type);
    expect(error).toBeInstanceOf(ad.AdjointError);
    expect((error as ad.AdjointError).code).toMatch(/^[A-Z_]+$/);
    expect((error as Error).message).toMatch(message);
    expect(ad.memory().tensors).toBe(before);
    ad.scope(() => expect(x().sum().item()).toBe(21));
  });

  it("a detached buffer", () => {
    const array = new Float32Array([1, 2]);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    expect(() => ad.tensor(array, { shape: [2] })).toThrow(ad.ValueError);
  });

  it("out of memory: typed, nothing lost, work goes on", () => {
    const before = ad.memory();
    // 4 GiB in one piece, which no 32-bit memory has; and pieces until it is full, views that cost nothing made real.
    expect(() => ad.zeros([2 ** 29], { dtype: "float64" })).toThrow(ad.OutOfMemoryError);
    ad.scope(() => {
      const wide = ad.zeros([2, 1]).broadcastTo([2, 2 ** 27]);
      const held: Tensor[] = [];
      expect(() => {
        for (let i = 0; i < 8; i++) held.push(wide.reshape([-1]));
      }).toThrow(ad.OutOfMemoryError);
    });
    expect(ad.memory().tensors).toBe(before.tensors);
    ad.scope(() => expect(ad.ones([1000]).sum().item()).toBe(1000));
  });
});
