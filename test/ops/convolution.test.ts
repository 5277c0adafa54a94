/** Convolutions and windows: against JAX, what PyTorch's options mean, what is refused, what runs where. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Row {
  image: number[];
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  groups: number;
  shape: number[];
  value: number[];
  gradients: number[][];
  second: number[][];
}
// Made by scripts/references/convolutions.py.
const rows = JSON.parse(readFileSync(path.join(import.meta.dirname, "references", "convolutions.json"), "utf8")) as Row[];
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const numbers = (shape: readonly number[], seed: number, dtype: "float32" | "float64" = "float64") =>
  ad
    .tensor(
      Array.from({ length: size(shape) }, (_, i) => (((i * 37 + seed * 11) % 61) - 30) / 16),
      { dtype },
    )
    .reshape([...shape]);
const total = (x: Tensor) => [
  x.sum().item(),
  x
    .mul(
      ad
        .arange(x.size, { dtype: "float64" })
        .cos()
        .reshape([...x.shape]),
    )
    .sum()
    .item(),
];
const near = (got: number[], expected: number[], tolerance = 1e-10) =>
  got.forEach((v, i) =>
    expect(Math.abs(v - expected[i]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!), Math.abs(expected[0]!))),
  );

describe("convolutions", () => {
  it.each(rows.map((row, k) => [JSON.stringify(row).slice(0, 110), row, k] as const))(
    "have JAX's values and derivatives: %s",
    (_, row, k) =>
      clean(() => {
        const { image, kernel, shape, value, gradients, second, ...options } = row;
        const conv = [ad.conv1d, ad.conv2d, ad.conv3d][image.length - 3]!;
        const [x, w] = [numbers(image, k), numbers(kernel, k + 100)];
        const f = (x: Tensor, w: Tensor) => conv(x, w, options);
        const y = f(x, w);
        expect(y.shape).toEqual(shape);
        near(total(y), value);
        const c = numbers(shape, k + 200);
        const loss = (x: Tensor, w: Tensor) => f(x, w).mul(0.1).sin().mul(c).sum();
        const both = (g: (x: Tensor, w: Tensor) => Tensor) => ad.grad(g, { argnums: [0, 1] })(x, w) as unknown as Tensor[];
        both(loss).forEach((g, i) => near(total(g), gradients[i]!));
        const inner = (x: Tensor, w: Tensor) =>
          (ad.grad(loss, { argnums: [0, 1] })(x, w) as unknown as Tensor[]).map((g) => g.square().sum()).reduce((a, b) => a.add(b));
        both(inner).forEach((g, i) => near(total(g), second[i]!, 1e-9));
      }),
  );

  it("take one image without a batch axis, arrays, numbers for all axes and texts for paddings", () =>
    clean(() => {
      const x = numbers([3, 6, 7], 1);
      const w = numbers([4, 3, 3, 3], 2);
      const batch = x.unsqueeze(0);
      const same = (a: Tensor, b: Tensor) => expect(a.toArray()).toEqual(b.toArray());
      same(ad.conv2d(x, w), ad.conv2d(batch, w).squeeze(0));
      same(ad.conv2d(batch, w, { padding: "same" }), ad.conv2d(batch, w, { padding: 1 }));
      same(ad.conv2d(batch, w, { padding: "valid" }), ad.conv2d(batch, w));
      same(ad.conv2d(batch, w, { stride: 2, padding: [1, 1] }), ad.conv2d(batch, w, { stride: [2, 2], padding: 1 }));
      expect(ad.conv2d(batch, numbers([4, 3, 2, 4], 2), { padding: "same" }).shape).toEqual([1, 4, 6, 7]);
      same(
        ad.conv2d(batch, w, { bias: [1, 2, 3, 4] }),
        ad.conv2d(batch, w).add(ad.tensor([1, 2, 3, 4], { dtype: "float64" }).reshape([4, 1, 1])),
      );
      expect(ad.conv1d([[1, 2, 3, 4]], [[[1, 1]]]).toArray()).toEqual([[3, 5, 7]]);
      expect(ad.conv1d(ad.tensor([[1, 2, 3]], { dtype: "int32" }), [[[2]]]).dtype).toBe("float32");
      expect(ad.conv2d(ad.zeros([0, 3, 5, 5]), ad.ones([2, 3, 3, 3])).shape).toEqual([0, 2, 3, 3]);
      expect(ad.convTranspose2d(ad.ones([1, 2, 3, 3]), ad.ones([2, 4, 3, 3]), { stride: 2, padding: 1, outputPadding: 1 }).shape).toEqual([
        1, 4, 6, 6,
      ]);
    }));

  it("are batched over images, kernels and both, as a loop would do it, and compiled to the bit", () =>
    clean(() => {
      const options = { stride: 2, padding: 1, groups: 2 };
      const [xs, ws] = [numbers([3, 2, 4, 6, 5], 3), numbers([3, 6, 2, 3, 2], 4)];
      const f = (x: Tensor, w: Tensor) => ad.conv2d(x, w, options);
      const loop = (x: (i: number) => Tensor, w: (i: number) => Tensor) => ad.stack([0, 1, 2].map((i) => f(x(i), w(i))));
      const check = (got: unknown, expected: Tensor) => expect((got as Tensor).sub(expected).abs().max().item()).toBeLessThan(1e-12);
      check(
        ad.vmap(f)(xs, ws),
        loop(
          (i) => xs.at(i),
          (i) => ws.at(i),
        ),
      );
      check(
        ad.vmap(f, { inAxes: [0, null] })(xs, ws.at(0)),
        loop(
          (i) => xs.at(i),
          () => ws.at(0),
        ),
      );
      check(
        ad.vmap(f, { inAxes: [null, 0] })(xs.at(0), ws),
        loop(
          () => xs.at(0),
          (i) => ws.at(i),
        ),
      );
      check(
        ad.vmap(f, { inAxes: [2, 1] })(xs.moveaxis(0, 2), ws.moveaxis(0, 1)),
        loop(
          (i) => xs.at(i),
          (i) => ws.at(i),
        ),
      );
      for (const dtype of ["float32", "float64"] as const) {
        const g = (x: Tensor, w: Tensor) =>
          ad.grad((x: Tensor, w: Tensor) => f(x, w).tanh().sum(), { argnums: [0, 1] })(x, w) as unknown as Tensor[];
        const [x, w] = [xs.at(0).cast(dtype), ws.at(1).cast(dtype)];
        const compiled = ad.compile(g);
        const expected = g(x, w);
        for (let i = 0; i < 3; i++) compiled(x, w).forEach((t, k) => expect(t.toArray()).toEqual(expected[k]!.toArray()));
      }
    }));

  it("let 0 win against Infinity in derivatives, as everywhere", () =>
    clean(() => {
      const x = ad.tensor([[[1, Number.POSITIVE_INFINITY, 2]]]);
      const [, tangent] = ad.jvp((w: Tensor) => ad.conv1d(x, w), [ad.ones([1, 1, 1])], [ad.zeros([1, 1, 1])]);
      expect((tangent as Tensor).toArray()).toEqual([[[0, 0, 0]]]);
      const g = ad.grad((w: Tensor) =>
        ad
          .conv1d(x, w)
          .mul(ad.tensor([1, 0, 1]))
          .sum(),
      )(ad.ones([1, 1, 1])) as Tensor;
      expect(g.item()).toBe(3);
    }));

  it("are refused by errors that say what does not fit", () =>
    clean(() => {
      const x = ad.ones([2, 3, 5, 5]);
      const wrong = (call: () => unknown, type: new (...args: never[]) => Error, message: RegExp) => {
        expect(call).toThrow(type as never);
        expect(call).toThrow(message);
      };
      wrong(
        () => ad.conv2d(x, ad.ones([4, 2, 3, 3])),
        ad.ShapeError,
        /^convolution: the input has shape \[2, 3, 5, 5\], the kernel \[4, 2, 3, 3\]: with groups = 1 the input must have 2 channels/,
      );
      wrong(
        () => ad.conv2d(x, ad.ones([4, 3, 7, 3])),
        ad.ShapeError,
        /the kernel covers 7 elements of axis 2, which with its padding has 5; pad the input/,
      );
      wrong(() => ad.conv2d(x, ad.ones([4, 1, 3, 3]), { groups: 3 }), ad.ShapeError, /features be a multiple of 3/);
      wrong(
        () => ad.conv2d(ad.ones([5, 5]), ad.ones([4, 3, 3, 3])),
        ad.ShapeError,
        /^conv2d: the input has shape \[5, 5\]; expected \[batch, channels, height, width\]/,
      );
      wrong(() => ad.conv2d(x, ad.ones([3, 3])), ad.ShapeError, /^conv2d: the kernel has shape \[3, 3\]/);
      wrong(() => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { stride: 0 }), ad.ValueError, /^conv2d: stride must be an integer from 1 on/);
      wrong(
        () => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { stride: [1, 2, 3] }),
        ad.ShapeError,
        /stride has 3 entries; expected a number, or 2/,
      );
      wrong(
        () => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { padding: "full" as never }),
        ad.ValueError,
        /padding is a number, a list, "same" or "valid"/,
      );
      wrong(() => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { padding: "same", stride: 2 }), ad.ValueError, /"same" is for steps of 1/);
      wrong(() => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { strides: 2 } as never), ad.ValueError, /unknown option "strides"/);
      wrong(() => ad.conv2d(x, ad.ones([4, 3, 3, 3]), { bias: [1, 2] }), ad.ShapeError, /the bias has shape \[2\]; expected \[4\]/);
      wrong(() => ad.conv2d(x, ad.ones([4, 3, 3, 3]), 2 as never), ad.ValueError, /options must be a plain object/);
      wrong(
        () => ad.convTranspose2d(x, ad.ones([3, 4, 3, 3]), { outputPadding: 1 }),
        ad.ValueError,
        /outputPadding 1 must be smaller than the stride 1/,
      );
      wrong(() => ad.vmap((w: Tensor) => ad.conv2d(x, w))(ad.ones([2, 4, 2, 3, 3])), ad.ShapeError, /the kernel \[4, 2, 3, 3\]/);
      wrong(() => ad.maxPool2d(x, 2, { padding: 2 }), ad.ValueError, /padding 2 is more than half/);
      wrong(() => ad.maxPool2d(x, 6), ad.ShapeError, /a window of 6 elements does not fit into 5/);
      wrong(() => ad.interpolate(x, {}), ad.ValueError, /give either size or scaleFactor/);
    }));
});

describe("windows", () => {
  it("end where PyTorch lets them end", () =>
    clean(() => {
      const x = ad.arange(7).reshape([1, 7]);
      expect(ad.maxPool1d(x, 3).toArray()).toEqual([[2, 5]]);
      expect(ad.maxPool1d(x, 3, { ceilMode: true }).toArray()).toEqual([[2, 5, 6]]);
      expect(ad.maxPool1d(x, 3, { stride: 2, padding: 1 }).toArray()).toEqual([[1, 3, 5, 6]]);
      expect(ad.maxPool1d(x, 2, { dilation: 3 }).toArray()).toEqual([[3, 5]]);
      // The last window would begin in the padding behind: it does not count.
      expect(ad.maxPool1d(ad.arange(4).reshape([1, 4]), 2, { stride: 3, padding: 1, ceilMode: true }).shape).toEqual([1, 2]);
      expect(ad.avgPool1d(x, 3, { ceilMode: true }).toArray()).toEqual([[1, 4, 6]]);
      expect(
        ad
          .avgPool1d(x, 3, { stride: 2, padding: 1 })
          .toArray()
          .flat()
          .map((v: number) => +v.toFixed(4)),
      ).toEqual([0.3333, 2, 4, 3.6667]);
      expect(ad.avgPool1d(x, 2, { divisorOverride: 4 }).toArray()).toEqual([[0.25, 1.25, 2.25]]);
      expect(ad.adaptiveMaxPool1d(x, 3).toArray()).toEqual([[2, 4, 6]]);
      expect(ad.adaptiveAvgPool2d(ad.ones([2, 3, 5, 7]), [null, 1]).shape).toEqual([2, 3, 5, 1]);
      expect(
        ad
          .maxPool2d(
            ad.tensor(
              [
                [
                  [-5, -6],
                  [-7, -8],
                ],
              ],
              { dtype: "int32" },
            ),
            2,
            { padding: 1 },
          )
          .toArray(),
      ).toEqual([
        [
          [-5, -6],
          [-7, -8],
        ],
      ]);
    }));

  it("unfold and fold are transposes of one another", () =>
    clean(() => {
      const options = { stride: [2, 1], padding: 1, dilation: [1, 2] };
      const x = numbers([2, 3, 6, 7], 5);
      const columns = ad.unfold(x, [2, 3], options);
      const c = numbers(columns.shape, 6);
      const back = ad.fold(c, [6, 7], [2, 3], options);
      expect(Math.abs(columns.mul(c).sum().item() - x.mul(back).sum().item())).toBeLessThan(1e-9);
      ad.gradcheck((c: Tensor) => ad.fold(c, [3, 3], 2).square().sum(), [numbers([1, 4, 4], 7)], { order: 2 });
    }));

  it("resizing is PyTorch's", () =>
    clean(() => {
      const x = ad.tensor([[[1, 2, 3, 4]]]);
      const flat = (t: Tensor) => (t.toArray().flat(3) as number[]).map((v) => +v.toFixed(4));
      expect(flat(ad.interpolate(x, { scaleFactor: 2 }))).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
      expect(flat(ad.interpolate(x, { size: 3 }))).toEqual([1, 2, 3]);
      expect(flat(ad.interpolate(x, { size: 8, mode: "linear" }))).toEqual([1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4]);
      expect(flat(ad.interpolate(x, { size: 7, mode: "linear", alignCorners: true }))).toEqual([1, 1.5, 2, 2.5, 3, 3.5, 4]);
      expect(flat(ad.interpolate(x, { size: 2, mode: "linear" }))).toEqual([1.5, 3.5]);
    }));
});
