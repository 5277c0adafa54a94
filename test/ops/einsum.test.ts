/** Sums of products: against NumPy, how they are planned, what is refused, what runs where. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import type { DType, Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import * as convolution from "../../ts/ops/convolution.js";
import * as einsums from "../../ts/ops/einsum.js";
import * as elementwise from "../../ts/ops/elementwise.js";
import * as indexing from "../../ts/ops/index.js";
import * as linalg from "../../ts/ops/linalg.js";
import * as pooling from "../../ts/ops/pooling.js";
import * as products from "../../ts/ops/products.js";
import * as reduce from "../../ts/ops/reduce.js";
import * as select from "../../ts/ops/select.js";
import * as shape from "../../ts/ops/shape.js";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Row {
  inputs: number[][];
  shape: number[];
  int32: number[];
  float64: number[];
}
// Made by scripts/references/einsum.py.
const rows = JSON.parse(readFileSync(path.join(import.meta.dirname, "references", "einsum.json"), "utf8")) as {
  einsum: (Row & { equation: string })[];
  tensordot: (Row & { axes: number | [number[], number[]] })[];
  kron: Row[];
  cross: (Row & { axis: number })[];
  matrixPower: (Row & { n: number })[];
  inversePower: { input: number[]; n: number; float64: number[] }[];
};
const size = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);
const numbers = (dims: number[], seed: number, dtype: DType) =>
  ad.tensor(
    Array.from({ length: size(dims) }, (_, i) => (((i * 37 + seed * 11) % 13) - 6) / (dtype === "int32" ? 1 : 16)),
    { shape: dims, dtype },
  );

function same(row: Row, f: (...x: Tensor[]) => Tensor): void {
  clean(() => {
    for (const dtype of ["int32", "float64", "float32"] as const) {
      const y = f(...row.inputs.map((dims, k) => numbers(dims, k, dtype)));
      expect([y.dtype, y.shape]).toEqual([dtype, row.shape]);
      const expected = row[dtype === "int32" ? "int32" : "float64"];
      const [top, digits] = [Math.max(1, ...expected.map(Math.abs)), { int32: 0, float64: 1e-13, float32: 1e-5 }[dtype]];
      y.data().forEach((v, i) => expect(Math.abs(Number(v) - expected[i]!)).toBeLessThanOrEqual(digits * top));
    }
  });
}

describe("NumPy's numbers", () => {
  it.each(rows.einsum.map((row) => [row.equation, row] as const))("einsum %s", (equation, row) =>
    same(row, (...x) => ad.einsum(equation, ...x)),
  );
  it.each(rows.tensordot.map((row) => [JSON.stringify(row.axes), row] as const))("tensordot %s", (_, row) =>
    same(row, (x, y) => ad.tensordot(x!, y!, row.axes)),
  );
  it.each(rows.kron.map((row) => [JSON.stringify(row.inputs), row] as const))("kron %s", (_, row) => same(row, (x, y) => ad.kron(x!, y!)));
  it.each(rows.cross.map((row) => [JSON.stringify(row.inputs), row] as const))("cross %s", (_, row) =>
    same(row, (x, y) => ad.cross(x!, y!, { axis: row.axis })),
  );
  it.each(rows.matrixPower.map((row) => [row.n, row] as const))("matrixPower %i", (n, row) => same(row, (x) => ad.matrixPower(x!, n)));
  it.each(rows.inversePower.map((row) => [row.n, row] as const))("matrixPower %i", (n, { input, float64 }) =>
    clean(() => {
      const power = ad.matrixPower(numbers(input, 0, "float64").add(ad.eye(input.at(-1)!, { dtype: "float64" }).mul(2)), n);
      expect(power.shape).toEqual(input);
      power.data().forEach((v, i) => expect(Math.abs(Number(v) - float64[i]!)).toBeLessThan(1e-13));
    }),
  );
});

describe("an einsum", () => {
  const counts = (equation: string, ...shapes: number[][]) =>
    ad
      .trace((...x: Tensor[]) => ad.einsum(equation, ...x))(...shapes.map((dims) => ad.ones(dims)))
      .counts();

  it("of two matrices, or of stacks of them, is one matrix product", () =>
    clean(() => {
      expect(counts("ij,jk->ik", [2, 3], [3, 4])).toEqual({ matmul: 1 });
      expect(counts("bij,bjk->bik", [5, 2, 3], [5, 3, 4])).toEqual({ matmul: 1 });
      expect(counts("bhqd,bhkd->bhqk", [2, 3, 4, 5], [2, 3, 4, 5])).toEqual({ transpose: 1, matmul: 1 });
      expect(counts("bqd,de->bqe", [2, 3, 4], [4, 5])).toEqual({ matmul: 1 });
      // Nothing is copied, and the product lies as the result is asked for.
      expect(counts("nchw,oc->nohw", [2, 3, 4, 5], [6, 3])).toEqual({ reshape: 2, matmul: 1 });
    }));

  it("sums by matrix products wherever a sum has something to multiply by", () =>
    clean(() => {
      for (const [equation, ...shapes] of [
        ["ijk,ljk->li", [2, 3, 4], [5, 3, 4]],
        ["bxiy,biz->bxyz", [2, 3, 4, 20], [2, 4, 5]],
        ["i,ij->j", [3], [3, 4]],
        ["...ij,...jk->...ik", [2, 1, 3, 4], [5, 4, 2]],
      ] as [string, ...number[][]][]) {
        const made = counts(equation, ...shapes);
        expect(made.matmul, equation).toBe(1);
        expect(made.mul ?? 0, equation).toBe(0);
        expect(made.sum ?? 0, equation).toBe(0);
      }
    }));

  it("joins the cheapest pair first, and sums before it multiplies", () =>
    clean(() => {
      // A (B v), never (A B) v.
      const program = ad.trace((a: Tensor, b: Tensor, v: Tensor) => ad.einsum("ij,jk,k->i", a, b, v))(
        ad.ones([5, 6]),
        ad.ones([6, 7]),
        ad.ones([7]),
      );
      const sizes = program.instructions.flatMap((step) => (step.kind === "op" && step.op === "matmul" ? [size(step.output.shape)] : []));
      expect(sizes).toEqual([6, 5]);
      expect(counts("ij,k->k", [2, 3], [4])).toMatchObject({ sum: 1, mul: 1 });
    }));

  it("has the value of now, whatever shapes it met before", () =>
    clean(() => {
      for (let n = 1; n < 40; n++) expect(ad.einsum("i,i->", ad.ones([n]), ad.full([n], 2)).item()).toBe(2 * n);
      for (let n = 39; n > 0; n--) expect(ad.einsum("i,i->", ad.ones([n]), ad.full([n], 2)).item()).toBe(2 * n);
    }));

  it("gives a tensor of its own", () =>
    clean(() => {
      const x = ad.tensor([1, 2]);
      ad.einsum("i->i", x).dispose();
      expect(x.toArray()).toEqual([1, 2]);
    }));

  it("promotes dtypes, takes numbers and arrays, and counts bools", () =>
    clean(() => {
      const [x, k] = [ad.tensor([1, 2], { dtype: "float64" }), ad.tensor([3, 4], { dtype: "int32" })];
      expect(ad.einsum("i,i->", x, k).dtype).toBe("float64");
      expect(ad.einsum("i,->i", x, 2).toArray()).toEqual([2, 4]);
      expect(ad.einsum("i,i", x, [1, 1]).dtype).toBe("float64");
      const mask = ad.tensor([true, false, true]);
      const hits = ad.einsum("i,i->", mask, mask);
      expect([hits.dtype, hits.item()]).toEqual(["int32", 2]);
      expect(ad.einsum("i->i", mask).dtype).toBe("int32");
      expect(
        ad
          .matrixPower(
            [
              [true, true],
              [false, true],
            ] as never,
            3,
          )
          .toArray(),
      ).toEqual([
        [1, 3],
        [0, 1],
      ]);
    }));

  it("runs under transforms and in programs", () =>
    clean(() => {
      const [x, y] = [ad.random.normal(ad.random.key(1), [2, 3, 4]), ad.random.normal(ad.random.key(2), [2, 4, 3])];
      const f = (x: Tensor, y: Tensor) => ad.einsum("bij,bji->b", x, y).tanh().sum();
      const wanted = ad.grad(f)(x, y);
      expect(ad.compile(ad.grad(f))(x, y).toArray()).toEqual(wanted.toArray());
      const each = ad.vmap((x: Tensor, y: Tensor) => ad.einsum("ij,ji->", x, y))(x, y);
      expect(ad.allclose(each, ad.einsum("bij,bji->b", x, y))).toBe(true);
      const [, slope] = ad.jvp(f, [x, y], [x, y]) as [Tensor, Tensor];
      const [dx, dy] = ad.grad(f, { argnums: [0, 1] })(x, y);
      expect(ad.allclose(slope, ad.einsum("bij,bij->", dx, x).add(ad.einsum("bij,bij->", dy, y)), { rtol: 1e-4, atol: 1e-5 })).toBe(true);
    }));
});

describe("refusals", () => {
  const [a, b] = [() => ad.ones([2, 3]), () => ad.ones([4, 3])];
  const refused: [string, () => unknown, new (...args: never[]) => Error, RegExp][] = [
    [
      "sizes",
      () => ad.einsum("ij,jk", a(), b()),
      ad.ShapeError,
      /"ij,jk" index j has size 3 in operand 0 of shape \[2, 3\], but 4 in operand 1/,
    ],
    ["sizes of an ellipsis", () => ad.einsum("...i,...i", a(), b()), ad.ShapeError, /axis -1 of the ellipsis has size 2 .* 4 in operand 1/],
    ["a diagonal", () => ad.einsum("ii", a()), ad.ShapeError, /index i has sizes 2 and 3 in operand 0 of shape \[2, 3\]/],
    ["a diagonal of size 1", () => ad.einsum("ii", ad.ones([1, 3])), ad.ShapeError, /sizes 1 and 3/],
    ["too few axes", () => ad.einsum("ijk->i", a()), ad.ShapeError, /"ijk" names 3 axes, but operand 0 has shape \[2, 3\]/],
    ["too many axes", () => ad.einsum("i->i", a()), ad.ShapeError, /"i" names one axis, but operand 0/],
    ["too few for an ellipsis", () => ad.einsum("ij...k->i", a()), ad.ShapeError, /beside its ellipsis/],
    ["the number of operands", () => ad.einsum("ij,jk->ik", a()), ad.ValueError, /for 2 operands, got 1/],
    ["a list of operands", () => ad.einsum("ij,ij->", [a(), a()] as never), ad.ValueError, /one by one/],
    ["an unknown index", () => ad.einsum("ij->k", a()), ad.ValueError, /index k that no operand has/],
    ["an index twice", () => ad.einsum("ij->ii", a()), ad.ValueError, /index i twice.*diag\(\)/],
    ["a sign", () => ad.einsum("i+j", a()), ad.ValueError, /operand 0 is "i\+j"/],
    ["a sign in the result", () => ad.einsum("ij->i,j", a()), ad.ValueError, /result of "ij->i,j"/],
    ["two arrows", () => ad.einsum("ij->i->j", a()), ad.ValueError, /more than one arrow/],
    ["no equation", () => ad.einsum(a() as never, "ij" as never), ad.ValueError, /the first argument is the equation/],
    ["no operand", () => ad.einsum("ij", undefined as never), ad.ValueError, /einsum: an input is undefined/],
    [
      "axes of tensordot",
      () => ad.tensordot(a(), b(), 1),
      ad.ShapeError,
      /axis 1 of \[2, 3\] has size 3, but axis 0 of \[4, 3\] has size 4/,
    ],
    ["too many axes of tensordot", () => ad.tensordot(a(), b(), 3), ad.ShapeError, /over 3 axes/],
    ["lists of tensordot", () => ad.tensordot(a(), b(), [[0, 1], [0]]), ad.ValueError, /2 axes of the first tensor, but 1/],
    [
      "an axis of tensordot twice",
      () =>
        ad.tensordot(a(), a(), [
          [0, 0],
          [0, 1],
        ]),
      ad.ValueError,
      /twice/,
    ],
    ["an axis tensordot does not find", () => ad.tensordot(a(), b(), [[2], [0]]), ad.IndexError, /axis 2 is out of range/],
    ["another axes of tensordot", () => ad.tensordot(a(), b(), "1" as never), ad.ValueError, /two lists/],
    ["vectors of cross", () => ad.cross([1, 2], [3, 4]), ad.ShapeError, /axis -1 must have size 3 in both/],
    ["a short cross", () => ad.cross(a(), [1, 2, 3], { axis: 0 }), ad.ShapeError, /must have size 3/],
    ["a cross of numbers", () => ad.cross(1, 2), ad.IndexError, /0-d/],
    ["an axis of cross", () => ad.cross(a(), a(), { axis: 2 }), ad.IndexError, /out of range/],
    ["a power", () => ad.matrixPower(a(), 2), ad.ShapeError, /\[2, 3\]; expected square matrices/],
    ["a power of a singular matrix", () => ad.matrixPower(ad.ones([2, 2]), -1), ad.ValueError, /singular/],
    ["half a power", () => ad.matrixPower(ad.eye(2), 0.5), ad.ValueError, /integer/],
  ];
  it.each(refused)("%s", (_, f, kind, message) =>
    clean(() => {
      expect(f).toThrow(kind);
      expect(f).toThrow(message);
    }),
  );
});

it("every op is a method too, unless a tensor is not what it takes first", () => {
  const ops = {
    ...convolution,
    ...einsums,
    ...elementwise,
    ...indexing,
    ...linalg,
    ...pooling,
    ...products,
    ...reduce,
    ...select,
    ...shape,
  };
  const without = Object.keys(ops).filter((name) => !(name in ad.Tensor.prototype));
  expect(without.sort()).toEqual(["concat", "einsum", "stack"]);
  clean(() => {
    const [x, w] = [ad.ones([1, 1, 4, 4]), ad.ones([1, 1, 2, 2])];
    expect(x.conv2d(w, { stride: 2 }).toArray()).toEqual(ad.conv2d(x, w, { stride: 2 }).toArray());
    expect(x.maxPool2d(2).shape).toEqual([1, 1, 2, 2]);
    expect(
      ad
        .tensor([1, 0], { dtype: "int32" })
        .embedding([[1], [2]])
        .toArray(),
    ).toEqual([[2], [1]]);
    expect(ad.tensor([1, 0, 0]).cross([0, 1, 0]).toArray()).toEqual([0, 0, 1]);
  });
});
