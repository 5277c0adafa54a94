/** The handle: operators, text, JSON, what only looks like a tensor. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline, clean } from "./support/baseline.js";

endsAtBaseline();

describe("plain operators", () => {
  it("refuse + and ==, with the method to use", () => {
    clean(() => {
      const x = ad.tensor(3) as any;
      expect(() => x + 1).toThrow(/x\.add\(y\).*\$\{x\}/);
      // biome-ignore lint/suspicious/noDoubleEquals: this is what is tested
      expect(() => x == 3).toThrow(ad.ValueError);
      expect(() => "loss " + x).toThrow(/In strings use/);
      expect(`${x}`).toBe("tensor(3, float32)");
    });
  });

  it("read a number of one element, and refuse vectors", () => {
    clean(() => {
      const x = ad.tensor([3]) as any;
      expect([x > 2, x * 2, Number(x), Math.sqrt(x)]).toEqual([true, 6, 3, Math.sqrt(3)]);
      expect(() => (ad.ones([2]) as any) * 2).toThrow(/x\.mul\(y\)/);
    });
  });
});

describe("text", () => {
  it("is one line when it fits", () => {
    clean(() => {
      expect(
        String(
          ad.tensor([
            [1, 2.5],
            [-0.125, 1e-9],
          ]),
        ),
      ).toBe("tensor([[1, 2.5], [-0.125, 1e-9]], float32)");
      expect(String(ad.tensor([true, false]))).toBe("tensor([true, false], bool)");
      expect(String(ad.zeros([0, 3]))).toBe("tensor([], float32)");
    });
  });

  it("breaks rows and aligns columns", () => {
    clean(() => {
      expect(String(ad.arange(24).reshape(2, 3, 4))).toBe(
        [
          "tensor([[[ 0,  1,  2,  3],",
          "         [ 4,  5,  6,  7],",
          "         [ 8,  9, 10, 11]],",
          "",
          "        [[12, 13, 14, 15],",
          "         [16, 17, 18, 19],",
          "         [20, 21, 22, 23]]], float32)",
        ].join("\n"),
      );
      for (const line of String(ad.linspace(0, 1, 100)).split("\n")) expect(line.length).toBeLessThan(100);
    });
  });

  it("shows the ends of large tensors", () => {
    clean(() => {
      expect(String(ad.arange(1000))).toBe("tensor([0, 1, 2, ..., 997, 998, 999], float32)");
      const text = String(ad.arange(900).reshape(30, 30));
      expect(text.split("\n")).toHaveLength(7);
      expect(text).toContain("[ 60,  61,  62, ...,  87,  88,  89]");
      expect(String(ad.zeros([2 ** 20, 3, 50])).length).toBeLessThan(1500);
    });
  });

  it("is there whatever became of the tensor", () => {
    const t = ad.ones([2]);
    t.dispose();
    const escaped = ad.scope(() => ({
      get: (() => {
        const t = ad.ones([2]);
        return () => t;
      })(),
    }));
    expect([String(t), String(escaped.get()), String(Object.create(ad.Tensor.prototype))]).toEqual([
      "tensor(disposed)",
      "tensor(its scope has ended)",
      "tensor(not made by adjoint)",
    ]);
    ad.vmap((x: ad.Tensor) => (expect(String(x)).toBe("tensor(shape [2], float32)"), x))(ad.ones([3, 2])).dispose();
  });
});

describe("what leaves the engine", () => {
  it("is nested arrays in JSON", () => {
    clean(() => expect(JSON.stringify({ loss: ad.tensor(1.5), x: ad.tensor([[1], [NaN]]) })).toBe('{"loss":1.5,"x":[[1],[null]]}'));
  });

  it("has a type that the elements' methods can be called on", () => {
    clean(() => {
      const texts: string[] = ad
        .tensor([1, 2])
        .toArray()
        .map((v) => v.toFixed(1));
      const rows = ad.tensor([[1]]).toArray<number[][]>();
      expect([texts, rows[0]![0]!.toFixed(0)]).toEqual([["1.0", "2.0"], "1"]);
    });
  });

  it("is not cloned without a word", () => {
    clean(() => expect(() => structuredClone(ad.ones([1]))).toThrow(/send its data\(\) and shape/));
  });
});

describe("what is no tensor", () => {
  it("is refused wherever it is used", () => {
    const fake = Object.create(ad.Tensor.prototype) as ad.Tensor;
    for (const use of [
      () => fake.add(1),
      () => fake.shape,
      () => fake.item(),
      () => ad.ones([1]).mul(fake),
      () => fake.grad,
      () => fake.toArray(),
    ]) {
      ad.scope(() => expect(use).toThrow(ad.AdjointError));
    }
    fake.dispose();
  });

  it("is named when another copy of the library made it", () => {
    class Foreign {}
    Object.defineProperty(Foreign.prototype, Symbol.for("adjoint.tensor"), { value: Symbol("adjoint") });
    const foreign = new Foreign() as never;
    for (const use of [() => ad.ones([1]).add(foreign), () => ad.tensor(foreign), () => ad.tensor([foreign]), () => ad.stack([foreign])]) {
      ad.scope(() => expect(use).toThrow(/another copy of adjoint/));
    }
  });
});

describe("gradients set by hand", () => {
  it("are converted, and must fit", () => {
    const w = ad.tensor([1, 2], { requiresGrad: true });
    ad.scope(() => {
      w.grad = [3, 4];
      expect(w.grad!.toArray()).toEqual([3, 4]);
      expect(() => {
        w.grad = ad.ones([3, 2]);
      }).toThrow(ad.ShapeError);
      expect(() => {
        w.grad = ad.ones([2], { dtype: "float64" });
      }).toThrow(ad.ShapeError);
      expect(() => {
        w.grad = "3" as never;
      }).toThrow(ad.AdjointError);
      w.grad = w;
      expect(w.grad!.toArray()).toEqual([1, 2]);
      w.grad = null;
      expect(w.grad).toBeNull();
    });
    w.dispose();
  });
});

describe("item", () => {
  it("tells a NaN in the tensor from a refusal", () => {
    clean(() => {
      const [nan, pair] = [ad.tensor(NaN), ad.tensor([1, 2])];
      expect(nan.item()).toBeNaN();
      expect(() => pair.item()).toThrow(ad.ShapeError);
      expect(nan.item()).toBeNaN();
      expect(() => ad.vmap((x: ad.Tensor) => (x.item(), x))(pair)).toThrow(ad.TracedValueError);
      expect(ad.tensor([[NaN]], { dtype: "float64" }).item()).toBeNaN();
      expect(() => pair.add([1, 2, 3])).toThrow(ad.ShapeError);
      expect(nan.item()).toBeNaN();
      expect([ad.tensor(true), ad.tensor([-3], { dtype: "int32" }), ad.tensor(0.1)].map((x) => x.item())).toEqual([
        1,
        -3,
        Math.fround(0.1),
      ]);
    });
  });
});
