/** The scratch buffer: no code of a caller's runs between writing it and the call, and no view of it is kept when it moves. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const F = { dtype: "float64" } as const;

/** A list that runs an op whenever it is looked at. */
const busy = (values: readonly number[]) =>
  new Proxy([...values], {
    get(target, key, receiver) {
      ad.scope(() => ad.ones([3]).add(1).reshape([3, 1]).item);
      ad.scope(() => ad.ones([1]).sum().item());
      return Reflect.get(target, key, receiver) as unknown;
    },
  });

describe("parameters of ops", () => {
  /** Either the answer or a typed refusal: never another tensor's. */
  const right = (run: () => Tensor, expected: unknown) =>
    ad.scope(() => {
      // Its id is a small number, which a value written at the wrong place may hit.
      ad.tensor([7, 7, 7, 7, 7, 7]);
      let result: Tensor;
      try {
        result = run();
      } catch (error) {
        expect(error).toBeInstanceOf(ad.AdjointError);
        return;
      }
      expect(result.toArray()).toEqual(expected);
    });
  const x = () => ad.tensor([-1, -2]);
  const loose = ad as unknown as Record<string, (...args: unknown[]) => Tensor>;

  it.each<[string, () => Tensor, unknown]>([
    ["leakyRelu(x, tensor)", () => loose.leakyRelu!(x(), ad.tensor(1)), [-1, -2]],
    [
      "elu(x, { alpha: tensor })",
      () => loose.elu!(x(), { alpha: ad.tensor(1) }),
      [Math.fround(Math.expm1(-1)), Math.fround(Math.expm1(-2))],
    ],
    ["softmax(x, tensor)", () => loose.softmax!(x(), ad.tensor(0, { dtype: "int32" })), undefined],
    ["sum(x, [tensor])", () => loose.sum!(x(), [ad.tensor(0, { dtype: "int32" })]), -3],
    ["cumsum(x, tensor)", () => loose.cumsum!(x(), ad.tensor(0, { dtype: "int32" })), [-1, -3]],
    ["reshape(x, [2, tensor])", () => loose.reshape!(x(), [2, ad.tensor(1, { dtype: "int32" })]), [[-1], [-2]]],
    ["reshape(x, ['2'])", () => loose.reshape!(x(), ["2"]), [-1, -2]],
    ["reshape by a list that runs ops", () => x().reshape(busy([2, 1])), [[-1], [-2]]],
    ["transpose by a list that runs ops", () => ad.tensor([[1, 2]]).transpose(busy([1, 0])), [[1], [2]]],
    ["slice by lists that run ops", () => ad.tensor([1, 2, 3]).slice(busy([1]), busy([3])), [2, 3]],
    ["zeros of a list that runs ops", () => ad.zeros(busy([2])), [0, 0]],
    [
      "tensor with a shape that runs ops",
      () => ad.tensor([1, 2, 3, 4], { shape: busy([2, 2]) }),
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ])("%s", (_, run, expected) => right(run, expected));

  it("of optimizers are numbers, or refused before anything is written", () => {
    for (const make of [
      (p: Tensor) => new ad.optim.SGD([p], { lr: 0.5, weightDecay: ad.tensor(0.25, F) as unknown as number }),
      (p: Tensor) => new ad.optim.Adam([p], { lr: 0.5, weightDecay: ad.tensor(0.25, F) as unknown as number }),
    ]) {
      const p = ad.tensor(1, { ...F, requiresGrad: true });
      expect(() => {
        const optimizer = make(p);
        p.square().backward();
        optimizer.step();
      }).toThrow(ad.AdjointError);
      expect(p.item()).toBe(1);
    }
  });

  it("may be no list of millions", () => {
    ad.scope(() => {
      const x = ad.ones([2]);
      const before = ad.memory().tensors;
      expect(() => x.reshape(new Array<number>(3e8))).toThrow(ad.AdjointError);
      expect(ad.memory().tensors).toBe(before);
      expect(x.add(1).toArray()).toEqual([2, 2]);
    });
  });
});

describe("results longer than the buffer", () => {
  it.each([1022, 1023, 1024, 5000])("a custom rule of %i outputs", (count) => {
    ad.scope(() => {
      const f = ad.customVjp((x: Tensor) => Array.from({ length: count }, (_, i) => x.mul(i)), {
        forward: (x: Tensor) => [Array.from({ length: count }, (_, i) => x.mul(i)), null],
        backward: (_: unknown, cotangents: Tensor[]) => [cotangents.reduce((a, ct, i) => a.add(ct.mul(i)), ad.tensor(0, F))],
      });
      const gradient = ad.grad((x: Tensor) => (f(x) as unknown as Tensor[]).reduce((a, b) => a.add(b)))(ad.tensor(2, F));
      expect(gradient.item()).toBe((count * (count - 1)) / 2);
      // Reads go on seeing the buffer where it lies now.
      expect(ad.tensor(2, F).dtype).toBe("float64");
      expect(ad.ones([2, 3]).shape).toEqual([2, 3]);
    });
  });
});
