/** Tensors from numbers, arrays, typed arrays and tensors among them. */
import * as ad from "adjoint";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "./support/baseline.js";

endsAtBaseline();

const f64 = (v: ad.TensorLike, o: ad.TensorOptions = {}) => ad.tensor(v, { dtype: "float64", ...o });
const any = (v: unknown) => v as never;

describe("tensors in nested arrays", () => {
  it("are stacked with their derivatives under grad, jvp, backward and vmap", () => {
    clean(() => {
      expect(
        ad
          .grad((x: ad.Tensor) => ad.tensor([x.mul(2), x]).sum())(f64(3))
          .item(),
      ).toBe(3);
      expect(
        ad
          .grad((x: ad.Tensor) => ad.mul(x, [x, 1]).sum())(f64(3))
          .item(),
      ).toBe(7);
      expect(ad.jvp((x: ad.Tensor) => ad.tensor([x, x.square()]), [f64(3)], [f64(1)])[1].toArray()).toEqual([1, 6]);
      expect(
        ad
          .vmap((x: ad.Tensor) =>
            ad.tensor([
              [x, 1],
              [2, x.square()],
            ]),
          )(f64([1, 3]))
          .toArray(),
      ).toEqual([
        [
          [1, 1],
          [2, 1],
        ],
        [
          [3, 1],
          [2, 9],
        ],
      ]);
      expect(
        ad
          .hessian((x: ad.Tensor) => ad.tensor([x.pow(3), 1, x]).sum())(f64(2))
          .item(),
      ).toBe(12);
      expect(
        ad
          .jacrev((x: ad.Tensor) =>
            ad.tensor([
              [x.at(0), 5],
              [x.at(1), x.at(0).mul(x.at(1))],
            ]),
          )(f64([2, 3]))
          .toArray(),
      ).toEqual([
        [
          [1, 0],
          [0, 0],
        ],
        [
          [0, 1],
          [3, 2],
        ],
      ]);
    });
    const w = f64(3, { requiresGrad: true });
    ad.scope(() =>
      ad
        .tensor([w, w.mul(w)])
        .add(w)
        .sum()
        .backward(),
    );
    expect(w.grad!.item()).toBe(9);
    w.dispose();
  });

  it("may be vectors, and give their dtype to the numbers", () => {
    clean(() => {
      expect(
        ad
          .grad((x: ad.Tensor) =>
            ad
              .tensor([x, x.mul(3)])
              .square()
              .sum(),
          )(f64([1, 2]))
          .toArray(),
      ).toEqual([20, 40]);
      expect(ad.tensor([f64(1), 0.1]).data()).toEqual(Float64Array.of(1, 0.1));
      expect(ad.tensor([ad.tensor(1, { dtype: "int32" }), 2]).dtype).toBe("int32");
      expect(ad.tensor([ad.tensor(1, { dtype: "int32" }), 2.5]).dtype).toBe("float32");
      expect(ad.tensor([ad.tensor(1), f64(2)]).dtype).toBe("float64");
      expect(ad.tensor([f64([1, 2]), f64([3, 4])], { shape: [4], dtype: "float32" }).data()).toEqual(Float32Array.of(1, 2, 3, 4));
    });
  });

  it("must have one shape", () => {
    clean(() => expect(() => ad.tensor([f64([1, 2]), 3])).toThrow(/one shape/));
    clean(() => expect(() => ad.tensor([f64([1, 2]), f64([1])])).toThrow(ad.ShapeError));
  });

  it("leave nothing behind outside of scopes", () => {
    const x = f64([1, 2]);
    const before = ad.memory().tensors;
    const joined = ad.tensor([x, x, [1, 2] as never].slice(0, 2));
    joined.dispose();
    expect(() => ad.tensor([[x], [f64] as never])).toThrow(ad.AdjointError);
    expect(ad.memory().tensors).toBe(before);
    x.dispose();
  });
});

describe("typed arrays", () => {
  it("may be rows", () => {
    clean(() => {
      expect(ad.tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]).toArray()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(ad.tensor([Float64Array.of(0.1), [0.2]]).data()).toEqual(Float64Array.of(0.1, 0.2));
      expect(ad.tensor([Int32Array.of(1), Int32Array.of(2)]).dtype).toBe("int32");
      expect(() => ad.tensor([Float32Array.of(1, 2), Float32Array.of(3)])).toThrow(ad.ShapeError);
      expect(() => ad.tensor([BigInt64Array.of(1n)] as never)).toThrow(ad.DTypeError);
    });
  });

  it("of another realm keep their dtype", () => {
    const foreign = runInNewContext("Float64Array.of(0.1, 0.2)") as Float64Array;
    expect(foreign instanceof Float64Array).toBe(false);
    clean(() => expect(ad.tensor(foreign).data()).toEqual(Float64Array.of(0.1, 0.2)));
    clean(() => expect(ad.tensor(runInNewContext("Int32Array.of(1)")).dtype).toBe("int32"));
  });

  it("that lie about their length are read as long as they are", () => {
    let reads = 0;
    class Evil extends Float32Array {
      override get length() {
        return reads++ === 0 ? 1 : 48;
      }
    }
    clean(() => {
      const neighbour = ad.ones([4]);
      expect(ad.tensor(new Evil(4)).shape).toEqual([4]);
      expect(neighbour.toArray()).toEqual([1, 1, 1, 1]);
    });
  });

  it("without their buffer are refused, with a shape or without", () => {
    const gone = new Float32Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    for (const options of [{}, { shape: [4] }, { shape: [0] }]) clean(() => expect(() => ad.tensor(gone, options)).toThrow(/detached/));
    clean(() => expect(ad.tensor(new Float32Array(0)).shape).toEqual([0]));
  });
});

describe("shapes, dtypes and options", () => {
  it("reads a shape once", () => {
    let reads = 0;
    const shape = new Proxy([2], { get: (target, key) => (key === "0" ? ++reads + 1 : Reflect.get(target, key)) });
    clean(() => expect(ad.zeros(shape).shape).toEqual([2]));
    expect(reads).toBe(1);
  });

  it.each<[string, () => unknown]>([
    ["a number for a shape", () => ad.full(any(3), 1)],
    ["a fraction for a size", () => ad.zeros(2.5)],
    ["text behind sizes", () => ad.ones(2, any("3"))],
    ["bigints", () => ad.zeros([any(3n)])],
    ["symbols", () => ad.ones([any(Symbol("2"))])],
    ["too many axes", () => ad.zeros(new Array(65).fill(1))],
    ["an array longer than any tensor", () => ad.tensor(new Array(2 ** 30))],
    ["holes", () => ad.tensor(new Array(3))],
    ["eye of a list", () => ad.eye(any([-1]))],
    ["int32 beyond its range", () => ad.tensor([2147483648], { dtype: "int32" })],
    ["fractions as int32", () => ad.tensor([1.5], { dtype: "int32" })],
    ["NaN as int32", () => ad.full([2], NaN, { dtype: "int32" })],
    ["fractional steps as int32", () => ad.arange(0, 1, 0.25, { dtype: "int32" })],
    ["a misspelt option", () => ad.tensor([1], any({ dtpye: "float64" }))],
    ["requires_grad", () => ad.ones([1], any({ requires_grad: true }))],
    ["null for options", () => ad.tensor([1], any(null))],
    ["a dtype of elsewhere", () => ad.tensor([1], { dtype: any("f32") })],
    ["a tensor", () => ad.tensor(any(ad.ones([1])), { requiresGrad: true })],
    ["no numbers", () => ad.linspace(any("0"), 1, 3)],
    ["a step of 0", () => ad.arange(0, 5, 0)],
    ["strings", () => ad.tensor(any(["1"]))],
    ["a Map", () => ad.tensor(any(new Map([[0, 1]])))],
    ["requiresGrad of integers", () => ad.tensor([1], { dtype: "int32", requiresGrad: true })],
  ])("refuses %s", (_, call) => {
    clean(() => expect(call).toThrow(ad.AdjointError));
  });

  it("says how a tensor becomes a parameter", () => {
    clean(() => expect(() => ad.tensor(any(ad.ones([1])), { requiresGrad: true })).toThrow(/nn\.Parameter/));
  });

  it("does not read Object.prototype", () => {
    Object.defineProperty(Object.prototype, "dtype", { value: "float64", configurable: true });
    Object.defineProperty(Object.prototype, "requiresGrad", { value: true, configurable: true });
    Object.defineProperty(Object.prototype, "shape", { value: [5], configurable: true });
    try {
      clean(() => {
        for (const t of [ad.tensor([1]), ad.tensor([1], {}), ad.ones([1], {}), ad.arange(1, {}), ad.eye(1)])
          expect([t.dtype, t.requiresGrad, t.size]).toEqual(["float32", false, 1]);
      });
    } finally {
      for (const key of ["dtype", "requiresGrad", "shape"]) delete (Object.prototype as Record<string, unknown>)[key];
    }
  });

  it("makes zeros like an array", () => {
    clean(() => expect(ad.onesLike([[1, 2]]).toArray()).toEqual([[1, 1]]));
  });
});

describe("short and long lists are read alike", () => {
  // Up to 64 numbers travel with the call that makes the tensor; a list of more is copied into its memory.
  const sizes = [1, 2, 63, 64, 65, 200];
  const odd = [NaN, -0, Infinity, 0.1, 1e-46, 3e38, -1.5];
  const list = (n: number) => Array.from({ length: n }, (_, i) => odd[i % odd.length]!);

  for (const n of sizes) {
    it(`${n} numbers`, () => {
      clean(() => {
        expect(f64(list(n)).toArray()).toEqual(list(n));
        expect(ad.tensor(list(n)).data()).toEqual(Float32Array.from(list(n)));
        expect(ad.tensor(list(n), { dtype: "bool" }).data()).toEqual(Uint8Array.from(list(n), (v) => (v ? 1 : 0)));
        expect(ad.tensor(Array(n).fill(7), { dtype: "int32" }).toArray()).toEqual(Array(n).fill(7));
        expect(f64([list(n), list(n)]).toArray()).toEqual([list(n), list(n)]);
        expect(ad.tensor(Float64Array.from(list(n))).toArray()).toEqual(list(n));
        expect(ad.tensor(Array(n).fill(true)).dtype).toBe("bool");
        expect(() => ad.tensor(list(n), { shape: [n + 1] })).toThrow(ad.ShapeError);
        expect(() => ad.tensor([...Array(n).fill(1), 1.5], { dtype: "int32" })).toThrow(ad.ValueError);
        expect(() => ad.tensor([...list(n), any("1")])).toThrow(/element/);
        expect(() => ad.tensor([...list(n), any([1])])).toThrow(ad.ShapeError);
        expect(() => ad.tensor([...list(n), true])).toThrow(/mixed/);
        expect(() => ad.tensor([...list(n), any(undefined)])).toThrow(ad.ValueError);
      });
    });
  }

  it("rows of numbers and typed rows", () => {
    clean(() => {
      const kinds = (rows: unknown[]) => ad.tensor(any(rows)).dtype;
      expect(kinds([[1], [2]])).toBe("float32");
      expect(kinds([Int32Array.of(1), Int32Array.of(2)])).toBe("int32");
      expect(kinds([Int32Array.of(1), [2]])).toBe("float32");
      expect(kinds([Int32Array.of(1), Float32Array.of(2)])).toBe("float32");
      expect(kinds([Int32Array.of(1), Float64Array.of(2), [3]])).toBe("float64");
      expect(kinds([Uint8Array.of(1), Uint8Array.of(2)])).toBe("float32");
    });
  });
});
