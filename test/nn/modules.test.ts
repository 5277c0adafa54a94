/** Modules: what they find, copy, hand out and release; layers: their arguments. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn } = ad;
const i32 = (value: unknown) => ad.tensor(value as number[], { dtype: "int32" });

describe("what a module owns", () => {
  class Everywhere extends nn.Module {
    map = new Map<string, unknown>([["in", new nn.Linear(2, 3)]]);
    set = new Set([new nn.Linear(1, 1, { bias: false })]);
    object = { a: new nn.Linear(3, 1), deep: [{ b: new nn.Parameter([1, 2]) }] };
    buffer = ad.zeros([2]);
    forward(x: Tensor): Tensor {
      return (this.map.get("in") as ad.nn.Linear).forward(x);
    }
  }
  const NAMES = ["map.in.weight", "map.in.bias", "set.0.weight", "object.a.weight", "object.a.bias", "object.deep.0.b"];

  it("is found in properties, arrays, plain objects, Maps and Sets", () => {
    const net = new Everywhere();
    expect(net.namedParameters().map(([name]) => name)).toEqual(NAMES);
    expect(Object.keys(net.stateDict())).toEqual([...NAMES, "buffer"]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(["buffer"]);
    expect(net.modules().length).toBe(4);
    expect(nn.parameterCount(net)).toBe(6 + 3 + 1 + 3 + 1 + 2);
    expect(net.eval().object.a.training).toBe(false);
    net.dispose();
  });

  it("is walked once where it refers to itself, and named twice where it is used twice", () => {
    class Child extends nn.Module {
      weight = new nn.Parameter([1]);
      constructor(public parent: ad.nn.Module) {
        super();
      }
      forward(x: Tensor) {
        return x.mul(this.weight);
      }
    }
    class Parent extends nn.Module {
      left = new Child(this);
      right = this.left;
      table: Record<string, unknown> = {};
      constructor() {
        super();
        this.table["self"] = this.table;
      }
      forward(x: Tensor) {
        return this.right.forward(this.left.forward(x));
      }
    }
    const net = new Parent();
    expect(Object.keys(net.stateDict())).toEqual(["left.weight", "right.weight"]);
    expect(net.namedParameters().map(([name]) => name)).toEqual(["left.weight"]);
    expect(net.modules()).toEqual([net, net.left]);
    // Both uses count: d w² = 2w.
    net.left.weight.assign([3]);
    net
      .forward(ad.tensor([1]))
      .sum()
      .backward();
    expect(net.left.weight.grad!.toArray()).toEqual([6]);
    net.dispose();
  });

  it("does not include results kept for later", () => {
    class Keeps extends nn.Module {
      layer = new nn.Linear(1, 1);
      last: Tensor | null = null;
      forward(x: Tensor) {
        return (this.last = this.layer.forward(x));
      }
    }
    const net = new Keeps();
    ad.scope(() => net.forward(ad.ones([1, 1])));
    expect(Object.keys(net.stateDict())).toEqual(["layer.weight", "layer.bias"]);
    ad.scope(() => {
      net.forward(ad.ones([1, 1]));
      expect(net.parameters().length).toBe(2);
      expect(net.namedBuffers()).toEqual([]);
    });
    net.dispose();
  });

  it("is released by dispose()", () => {
    const before = ad.memory().tensors;
    const net = new Everywhere();
    expect(ad.memory().tensors).toBeGreaterThan(before);
    net.dispose();
    net.dispose();
    expect(ad.memory().tensors).toBe(before);
    expect(() => net.forward(ad.ones([1, 2]))).toThrow(ad.DisposedError);
  });
});

describe("loadStateDict", () => {
  it("loads all or nothing, arrays and views and the other float type too", () => {
    const net = new nn.Linear(2, 3);
    const start = net.weight.toArray() as number[][];
    const before = ad.memory().tensors;
    expect(() => net.loadStateDict({ weight: ad.ones([3, 2]), bias: ad.ones([4]) })).toThrow(
      /"bias" has shape \[4\].*\[3\]; nothing was loaded/,
    );
    expect(() =>
      net.loadStateDict({
        weight: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        bias: [1, 2],
      }),
    ).toThrow(ad.ShapeError);
    expect(() => net.loadStateDict({ weight: ad.ones([3, 2]), bias: i32([1, 2, 3]) })).toThrow(ad.DTypeError);
    expect(() => net.loadStateDict({ weight: ad.ones([3, 2]) })).toThrow(/missing bias/);
    expect(() => net.loadStateDict([ad.ones([3, 2])] as never)).toThrow(ad.ValueError);
    expect(() => net.loadStateDict({}, { Strict: false } as object)).toThrow(/Did you mean "strict"/);
    expect(net.weight.toArray()).toEqual(start);
    net.loadStateDict({
      weight: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      bias: [7, 8, 9],
    });
    expect([net.weight.toArray(), net.bias!.toArray()]).toEqual([
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [7, 8, 9],
    ]);
    ad.scope(() =>
      net.loadStateDict(
        {
          weight: ad.tensor(
            [
              [1, 2, 3],
              [4, 5, 6],
            ],
            { dtype: "float64" },
          ).T,
        },
        { strict: false },
      ),
    );
    expect(net.weight.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(net.bias!.toArray()).toEqual([7, 8, 9]);
    net.dispose();
    expect(ad.memory().tensors).toBeLessThanOrEqual(before + 5);
  });

  it("exchanges two of the module's own tensors", () => {
    class Two extends nn.Module<void> {
      a = new nn.Parameter([1]);
      b = new nn.Parameter([2]);
      forward() {}
    }
    const net = new Two();
    net.loadStateDict({ a: net.b, b: net.a });
    expect([net.a.item(), net.b.item()]).toEqual([2, 1]);
    net.dispose();
  });
});

describe("functionalCall", () => {
  class Net extends nn.Module {
    layers = [new nn.Linear(2, 3), new nn.Linear(3, 1)];
    forward(x: Tensor): Tensor {
      return this.layers[1]!.forward(this.layers[0]!.forward(x).tanh());
    }
  }

  it("gives the gradients of backward(), per example and second derivatives too", () => {
    ad.manualSeed(3);
    const net = new Net();
    ad.scope(() => {
      const x = ad.tensor([
        [0.5, -1],
        [2, 0.25],
      ]);
      const loss = (params: Record<string, Tensor>, x: Tensor) => nn.functionalCall(net, params, x).square().sum();
      const state = net.stateDict();
      const gradients = ad.grad(loss)(state, x);
      net.forward(x).square().sum().backward();
      for (const [name, parameter] of net.namedParameters()) expect(gradients[name]!.toArray()).toEqual(parameter.grad!.toArray());
      // Per example, and their sum.
      const each = ad.vmap(ad.grad(loss), { inAxes: [null, 0] })(state, x);
      expect(each["layers.0.weight"]!.shape).toEqual([2, 3, 2]);
      each["layers.0.weight"]!.sum(0)
        .sub(gradients["layers.0.weight"]!)
        .toArray()
        .flat()
        .forEach((v: number) => expect(v).toBeCloseTo(0, 5));
      // The module is what it was.
      expect(net.layers[0]!.weight).toBeInstanceOf(nn.Parameter);
      Object.values(net.stateDict()).forEach((t, i) => expect(t).toBe(Object.values(state)[i]));
    });
    net.dispose();
  });

  it("restores after a throw, accepts pairs and arrays, refuses what does not fit", () => {
    const net = new Net();
    const own = Object.values(net.stateDict());
    ad.scope(() => {
      expect(() => nn.functionalCall(net, { "layers.0.weight": ad.ones([3, 2]) }, ad.ones([1, 5]))).toThrow(ad.ShapeError);
      Object.values(net.stateDict()).forEach((t, i) => expect(t).toBe(own[i]));
      expect(nn.functionalCall(net, { "layers.1.bias": [5], "layers.1.weight": [[0, 0, 0]] }, ad.tensor([[1, 2]])).toArray()).toEqual([
        [5],
      ]);
      expect(nn.functionalCall(net, net.namedParameters(), ad.tensor([[1, 2]])).toArray()).toEqual(
        net.forward(ad.tensor([[1, 2]])).toArray(),
      );
      expect(() => nn.functionalCall(net, { "layers.7.weight": ad.ones([1]) }, ad.tensor([[1, 2]]))).toThrow(
        /no tensor named "layers.7.weight"/,
      );
      expect(() => nn.functionalCall(net, { "layers.1.bias": ad.ones([2]) }, ad.tensor([[1, 2]]))).toThrow(/has shape \[2\]/);
      expect(() => nn.functionalCall(net, 3 as never, ad.tensor([[1, 2]]))).toThrow(ad.ValueError);
      expect(() => nn.functionalCall({} as typeof net, {}, ad.tensor(1))).toThrow(/expected an nn.Module/);
    });
    net.dispose();
  });

  it("replaces a shared tensor in both places, and members of Sets in order", () => {
    class Tied extends nn.Module {
      a = new nn.Parameter([2]);
      b = this.a;
      set = new Set([new nn.Parameter([10]), new nn.Parameter([20])]);
      forward() {
        const [first, second] = [...this.set];
        return this.a.mul(this.b).add(first!.sub(second!));
      }
    }
    const net = new Tied();
    ad.scope(() => {
      expect(nn.functionalCall(net, { a: [3], "set.0": [11] }).toArray()).toEqual([9 + 11 - 20]);
      expect(
        ad
          .grad((a: Tensor) => nn.functionalCall(net, { a }).sum())(ad.tensor([3]))
          .toArray(),
      ).toEqual([6]);
      expect(net.forward().toArray()).toEqual([4 - 10]);
    });
    net.dispose();
  });
});

describe("layers", () => {
  it("accept arrays", () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU(), (x) => x.mul(2), new nn.Flatten(), new nn.Softmax());
    ad.scope(() => {
      expect(net.forward([[1, 2]]).shape).toEqual([1, 2]);
      expect(new nn.Dropout(0.5).eval().forward([1, 2]).toArray()).toEqual([1, 2]);
      expect(nn.dropout([1, 2], { p: 1 }).toArray()).toEqual([0, 0]);
      expect(new nn.LeakyReLU({ negativeSlope: 0.5 }).forward([-2]).toArray()).toEqual([-1]);
      expect(new nn.ELU(2).forward([0]).toArray()).toEqual([0]);
    });
    net.dispose();
  });

  it("Embedding: padding row, bounded rows, refused indices", () => {
    const layer = new nn.Embedding(4, 3, { paddingIdx: -1, dtype: "float64" });
    ad.scope(() => {
      expect(layer.paddingIdx).toBe(3);
      expect(layer.weight.at(3).toArray()).toEqual([0, 0, 0]);
      expect(layer.weight.at(2).abs().min().item()).toBeGreaterThan(0);
      expect(
        layer.forward([
          [0, 3],
          [1, 1],
        ]).shape,
      ).toEqual([2, 2, 3]);
      layer
        .forward(i32([0, 3, 1, 1]))
        .sum()
        .backward();
      expect(layer.weight.grad!.toArray()).toEqual([
        [1, 1, 1],
        [2, 2, 2],
        [0, 0, 0],
        [0, 0, 0],
      ]);
      const functional = ad.grad((weight: Tensor) => nn.functionalCall(layer, { weight }, [0, 3]).sum())(layer.weight);
      expect(functional.sum(1).toArray()).toEqual([3, 0, 0, 0]);
      for (const bad of [-1, 4, -4]) {
        expect(() => layer.forward([0, bad])).toThrow(ad.IndexError);
        expect(() => layer.forward([0, bad])).toThrow(`index ${bad} (at position 1)`);
        expect(() => ad.vmap((i: Tensor) => layer.forward(i))(i32([0, bad]))).toThrow(ad.IndexError);
      }
      expect(() => layer.forward(ad.tensor([0.5]))).toThrow(ad.DTypeError);
      const bounded = new nn.Embedding(3, 2, { maxNorm: 1, dtype: "float64" });
      bounded.weight.assign([
        [3, 4],
        [0.3, 0.4],
        [6, 8],
      ]);
      const rows = bounded.forward([0, 1]);
      rows
        .toArray()
        .flat()
        .forEach((v: number, i: number) => expect(v).toBeCloseTo([0.6, 0.8, 0.3, 0.4][i]!, 6));
      // PyTorch writes the shortened rows back, and leaves the others.
      expect(bounded.weight.at(2).toArray()).toEqual([6, 8]);
      expect(bounded.weight.at(0).norm().item()).toBeCloseTo(1, 6);
      rows.sum().backward();
      expect(bounded.weight.grad!.toArray()).toEqual([
        [1, 1],
        [1, 1],
        [0, 0],
      ]);
      bounded.dispose();
    });
    layer.dispose();
  });

  it.each<[string, () => unknown, new (...a: never[]) => Error, RegExp]>([
    [
      "Linear without outputs",
      () => new (nn.Linear as unknown as new (n: number) => object)(2),
      ad.ValueError,
      /Linear: outFeatures must be an integer.*got undefined/,
    ],
    ["Linear of a fraction", () => new nn.Linear(2.5, 1), ad.ValueError, /inFeatures/],
    [
      "Linear with a positional bias",
      () => new nn.Linear(2, 1, false as never),
      ad.ValueError,
      /Linear: the options must be a plain object, got false/,
    ],
    ["Linear with another name", () => new nn.Linear(2, 1, { useBias: false } as object), ad.ValueError, /Did you mean "bias"/],
    ["Linear with a number for bias", () => new nn.Linear(2, 1, { bias: 0 as never }), ad.ValueError, /true or false/],
    ["Embedding", () => new nn.Embedding(0, 3), ad.ValueError, /from 1/],
    ["Embedding padding", () => new nn.Embedding(3, 3, { paddingIdx: 3 }), ad.ValueError, /paddingIdx must be an integer from -3 to 2/],
    ["Embedding padding_idx", () => new nn.Embedding(3, 3, { padding_idx: 1 } as object), ad.ValueError, /Did you mean "paddingIdx"/],
    ["Embedding maxNorm", () => new nn.Embedding(3, 3, { maxNorm: -1 }), ad.ValueError, /above 0/],
    ["Dropout", () => new nn.Dropout(1.5), ad.ValueError, /not between 0 and 1/],
    ["Dropout of NaN", () => new nn.Dropout(NaN), ad.ValueError, /not between 0 and 1/],
    ["dropout", () => nn.dropout([1], { p: 1.5 }), ad.ValueError, /not between 0 and 1/],
    ["dropout with a number", () => nn.dropout([1], 0.9 as never), ad.ValueError, /it takes \{ p, training, key \}/],
    ["dropout with another name", () => nn.dropout([1], { rate: 0.9 } as object), ad.ValueError, /Did you mean "p"/],
    ["ReLU", () => new (nn.ReLU as new (o: object) => object)({ inplace: true }), ad.ValueError, /ReLU: unknown option "inplace"/],
    ["GELU", () => new nn.GELU({ approximate: true as never }), ad.ValueError, /"none" or "tanh"/],
    ["LeakyReLU", () => new nn.LeakyReLU("0.1" as never), ad.ValueError, /must be a number/],
    ["Softmax", () => new nn.Softmax({ dim: 1 } as object), ad.ValueError, /Did you mean "axis"/],
    ["Sequential of a list", () => new nn.Sequential([new nn.ReLU()] as never), ad.ValueError, /spread a list/],
    ["the width of the input", () => new nn.Linear(2, 1).forward([[1, 2, 3]]), ad.ShapeError, /last axis must be inFeatures = 2/],
    ["no input", () => new nn.Linear(2, 1).forward(undefined as never), ad.ValueError, /Linear: the input must be/],
    ["kaiming mode", () => nn.init.kaimingUniform([2, 2], { mode: "fan_in" as never }), ad.ValueError, /fanIn/],
    ["Parameter of integers", () => new nn.Parameter(i32([1])), ad.DTypeError, /int32/],
    ["train", () => new nn.ReLU().train("false" as never), ad.ValueError, /true or false/],
  ])("refuse %s", (_, f, type, message) => {
    expect(f).toThrow(type);
    expect(f).toThrow(message);
  });
});
