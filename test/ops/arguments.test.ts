/** What is not understood is refused: by a typed error that names the function, and nothing is left behind. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const any = (v: unknown) => v as never;
const m = () =>
  ad.tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

/** Refused with a message that has the words. */
const refused: [what: string, call: () => unknown, words: string[]][] = [
  ["an unknown option", () => m().sum(0, any({ keepDims: true })), ["sum", "keepDims", 'Did you mean "keepdims"?']],
  ["PyTorch's unbiased", () => m().std(0, any({ unbiased: false })), ["std", "correction"]],
  ["a second axis by position", () => m().sum(0, any(1)), ["sum", "plain object"]],
  ["keepdims by position", () => m().mean(1, any(true)), ["mean", "keepdims"]],
  ["the axis twice", () => m().sum(0, { axis: 1 }), ["twice"]],
  ["a tensor as axis", () => m().sum(any(ad.tensor(1))), ["sum", "axis", "a tensor"]],
  ["a tensor among axes", () => m().sum([any(ad.tensor(1))]), ["sum", "axis"]],
  ["a text as axis", () => m().softmax(any("0")), ["softmax", "axis"]],
  ["keepdims that is no boolean", () => m().sum(0, { keepdims: any(1) }), ["keepdims", "true or false"]],
  ["a third operand", () => ad.add(...(any([1, 2, 3]) as [number, number])), ["add", "3 would be ignored"]],
  ["a base of the logarithm", () => (ad.log as any)(m(), 2), ["log", "2 would be ignored"]],
  ["digits of round", () => (m() as any).round(2), ["round"]],
  ["a tensor as slope", () => m().leakyRelu(any(ad.tensor(0.1))), ["leakyRelu", "slope", "item()"]],
  ["a tensor as alpha", () => m().elu({ alpha: any(ad.tensor(0.1)) }), ["elu", "alpha"]],
  ["options of leakyRelu", () => m().leakyRelu(any({ slope: 0.2 })), ["leakyRelu", "slope"]],
  ["a text as shape", () => m().reshape(any("32")), ["reshape", "list of integers"]],
  ["texts in a shape", () => m().reshape(any(["3", "2"])), ["reshape", "integer"]],
  ["a tensor in a shape", () => m().reshape([2, any(ad.tensor(3))]), ["reshape", "entry 1"]],
  ["no shape", () => ad.tensor(1).reshape(), ["reshape", "missing"]],
  ["a bigint in a shape", () => m().broadcastTo([any(2n), 2, 3]), ["broadcastTo", "bigint 2n"]],
  ["one axis of transpose", () => (m() as any).transpose(1), ["transpose"]],
  ["three axes of transpose", () => (ad.ones([1, 2, 3]) as any).transpose(0, 2, 1), ["transpose", "list of all axes"]],
  ["a permutation that is too short", () => m().transpose([0]), ["transpose", "every axis once"]],
  ["tensors one by one in concat", () => ad.concat(any(m()), any(m())), ["concat([a, b])"]],
  ["tensors one by one in stack", () => ad.stack(any(m()), any(m())), ["stack([a, b])"]],
  [
    "an axis longer than numbers go",
    () => ad.concat([ad.zeros([0, 2 ** 31]), ad.zeros([0, 2 ** 31])], 1),
    ["concat", "more than 4294967295 entries"],
  ],
  ["a number in concat's place", () => ad.concat(any(3)), ["concat", "list of tensors"]],
  ["lists of starts that are too short", () => m().slice([0], [1, 2], [1, 1]), ["slice", "starts", "one entry for each axis"]],
  ["lists that only together have the right length", () => m().slice([0], [1, 2, 2], [1, 1]), ["slice"]],
  ["pairs that only together have the right length", () => m().pad([[1, 2, 3], [0]]), ["pad", "pair"]],
  ["negative widths", () => m().pad(-1), ["pad"]],
  ["a fraction around integers", () => ad.tensor([1], { dtype: "int32" }).pad(1, { value: 0.5 }), ["pad", "int32"]],
  ["fractions as indices", () => ad.take([1, 2], [0.5]), ["0.5"]],
  ["a tensor as axis of gather", () => m().gather(any(ad.tensor([0], { dtype: "int32" })), any(0)), ["gather", "axis", "a tensor"]],
  ["float indices", () => m().take(ad.tensor([0]), 0), ["int32"]],
  ["a k that is too large", () => m().topk(4), ["topk", "from 0 to 3"]],
  ["an option of topk", () => m().topk(1, -1, any({ sorted: true })), ["topk", "sorted"]],
  ["an unknown option of sort", () => m().sort(any({ reverse: true })), ["sort", "reverse"]],
  ["an absurd dimension", () => ad.multigammaln(5, 2 ** 31), ["multigammaln", "1000"]],
  ["an absurd order", () => ad.polygamma(1e8, 5), ["polygamma", "170"]],
  [
    "a mask of numbers",
    () =>
      m().select([
        [1, 0, 1],
        [0, 0, 0],
      ]),
    ["select", "bool"],
  ],
  ["a mask of another shape", () => m().select([true]), ["select", "leading axes"]],
  ["an index that is no number", () => m().at(any("0")), ["at", 'the string "0"']],
  ["a text as operand", () => m().add(any("1")), ["add", 'the string "1"']],
  ["nothing as operand", () => m().mul(any(undefined)), ["mul", "undefined"]],
  ["a function as operand", () => ad.exp(any(() => 1)), ["exp", "a function"]],
  ["a promise as operand", () => ad.exp(any(Promise.resolve(1))), ["exp", "await it first"]],
  ["an array that holds itself", () => m().add(cyclic()), ["add", "deeper than 64"]],
  ["counts of tile", () => m().tile(any([1.5])), ["tile"]],
  ["a size that leaves no memory", () => m().tile([2 ** 28, 2]), ["2^29"]],
  ["a repeat that leaves no memory", () => m().repeat(2 ** 29), ["2^29"]],
  ["iterating over a number", () => [...ad.tensor(1)], ["0-d"]],
];

function cyclic(): never {
  const a: unknown[] = [];
  a[0] = a;
  return a as never;
}

describe("arguments", () => {
  it.each(refused)("refuses %s", (_, call, words) => {
    ad.scope(() => {
      const before = ad.memory().tensors;
      let error: unknown;
      const inner = () => {
        try {
          call();
        } catch (e) {
          error = e;
        }
      };
      ad.scope(inner);
      expect(error).toBeInstanceOf(ad.AdjointError);
      for (const word of words) expect((error as Error).message).toContain(word);
      expect(ad.memory().tensors).toBe(before);
      expect(ad.tensor([1, 2]).add(1).toArray()).toEqual([2, 3]);
    });
  });

  it.each([
    ["tile", (x: ad.Tensor) => x.tile([2 ** 28, 4])],
    ["repeat", (x: ad.Tensor) => x.repeat(2 ** 29)],
    ["roll", (x: ad.Tensor) => x.roll(1, 5)],
    ["topk", (x: ad.Tensor) => x.topk(1, 5)],
  ])("leaves nothing of a refused %s outside of scopes", (_, call) => {
    const x = m();
    const before = ad.memory().tensors;
    expect(() => call(x)).toThrow(ad.AdjointError);
    expect(ad.memory().tensors).toBe(before);
    x.dispose();
  });

  it.each<[string, () => ad.Tensor | readonly ad.Tensor[], unknown]>([
    ["the axis among the options of a reduction", () => m().sum({ axis: 1 }), [6, 15]],
    ["the axis and keepdims among the options", () => m().sum({ axis: 1, keepdims: true }), [[6], [15]]],
    ["the axis among softmax's options", () => ad.zeros([2, 1]).softmax({ axis: 0 }), [[0.5], [0.5]]],
    [
      "the axis among cumsum's options",
      () => m().cumsum({ axis: 1, reverse: true }),
      [
        [6, 5, 3],
        [15, 11, 6],
      ],
    ],
    [
      "sizes one by one",
      () => m().reshape(3, 2),
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    ["one free size", () => m().reshape(-1), [1, 2, 3, 4, 5, 6]],
    [
      "two axes to exchange",
      () => m().transpose(0, 1),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    [
      "counts one by one",
      () => ad.tensor([1]).tile(2, 2),
      [
        [1, 1],
        [1, 1],
      ],
    ],
    ["numbers in slice", () => m().slice(1, 2), [[4, 5, 6]]],
    ["a negative start", () => ad.tensor([1, 2, 3]).slice(-2), [2, 3]],
    ["descending sort", () => ad.tensor([1, 3, 2]).sort({ descending: true }), [3, 2, 1]],
    [
      "descending argsort along an axis",
      () => m().argsort(1, { descending: true }),
      [
        [2, 1, 0],
        [2, 1, 0],
      ],
    ],
    [
      "the largest",
      () => m().topk(1),
      [
        [[3], [6]],
        [[2], [2]],
      ],
    ],
    ["the smallest along an axis", () => m().topk(1, 0, { largest: false }), [[[1, 2, 3]], [[0, 0, 0]]]],
    ["a mask", () => m().at(m().gt(4)), [5, 6]],
    ["a mask of rows", () => m().select([false, true]), [[4, 5, 6]]],
    [
      "positions",
      () => m().at(ad.tensor([1, -1, 0], { dtype: "int32" })),
      [
        [4, 5, 6],
        [4, 5, 6],
        [1, 2, 3],
      ],
    ],
    ["a function given to map", () => [ad.tensor(0), ad.tensor(1)].map(ad.exp).reduce(ad.add), 1 + Math.fround(Math.E)],
    [
      "destructuring",
      () => {
        const [a, b] = m();
        return [b!, a!];
      },
      [
        [4, 5, 6],
        [1, 2, 3],
      ],
    ],
    ["int32 beside an array of whole numbers", () => ad.tensor([1, 2], { dtype: "int32" }).add([1, 1]).cast("float64"), [2, 3]],
  ])("accepts %s", (_, call, expected) => {
    ad.scope(() => {
      const got = call();
      const plain = got instanceof ad.Tensor ? got.toArray() : (got as ad.Tensor[]).map((t) => t.toArray());
      expect(plain).toEqual(expected);
    });
  });

  it("reads own options only", () => {
    Object.defineProperty(Object.prototype, "keepdims", { value: true, configurable: true });
    Object.defineProperty(Object.prototype, "axis", { value: 0, configurable: true });
    try {
      ad.scope(() => expect([m().sum().shape, m().sum(1, {}).shape, m().sort({}).shape]).toEqual([[], [2], [2, 3]]));
    } finally {
      delete (Object.prototype as Record<string, unknown>).keepdims;
      delete (Object.prototype as Record<string, unknown>).axis;
    }
  });

  it("has gradients through unstacked slices in time that grows with their number", () => {
    ad.scope(() => {
      const x = ad.arange(300, { dtype: "float64" });
      const g = ad.grad((x: ad.Tensor) => [...x].map((t, i) => t.square().mul(i)).reduce((a, b) => a.add(b)))(x) as ad.Tensor;
      expect(g.toArray()).toEqual(Array.from({ length: 300 }, (_, i) => 2 * i * i));
      // Twice the slices, twice the instructions: nothing is visited once for each pair.
      const length = (n: number) =>
        ad.trace((x: ad.Tensor) =>
          ad.grad((x: ad.Tensor) =>
            x
              .unstack()
              .map((t) => t.square())
              .reduce((a, b) => a.add(b)),
          )(x),
        )(ad.ones([n])).instructions.length;
      expect(length(256)).toBeLessThan(4.5 * length(64));
      expect(
        ad
          .hvp(
            (x: ad.Tensor) => {
              const [a, b] = x;
              return a!.mul(a!).mul(b!);
            },
            [ad.tensor([2, 3])],
            [ad.tensor([1, 0])],
          )[1]
          .toArray(),
      ).toEqual([6, 4]);
      expect(
        ad
          .vmap((x: ad.Tensor) => {
            const [a, b] = x;
            return a!.sub(b!);
          })(m().slice([0, 0], [2, 2]))
          .toArray(),
      ).toEqual([-1, -1]);
    });
  });
});
