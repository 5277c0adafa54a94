/** Attention against PyTorch; in blocks it is what it is as a whole, with its derivatives, and holds less. */
import * as ad from "adjoint";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Numbers {
  shape: number[];
  values: number[];
}
interface Row {
  options: ad.AttentionOptions;
  inputs: Numbers[];
  output: Numbers;
  gradients: Numbers[];
  mask: Numbers | null;
  bool: boolean;
}
const { attention } = JSON.parse(readFileSync(new URL("./references/layers.json", import.meta.url), "utf8")) as { attention: Row[] };
const f64 = ({ shape, values }: Numbers) => ad.tensor(values, { dtype: "float64", shape });
const near = (a: ad.Tensor, b: ad.Tensor, tolerance = 1e-11) => expect(ad.allclose(a, b, { rtol: tolerance, atol: tolerance })).toBe(true);
const weighted = (y: ad.Tensor) =>
  y
    .flatten()
    .mul(
      ad.tensor(
        Array.from({ length: y.size }, (_, i) => (((i * 37 + 55) % 61) - 30) / 16),
        { dtype: "float64" },
      ),
    ) // prettier-ignore
    .sum();

it.each(attention.map((row, i) => [i, row] as const))("has PyTorch's numbers, case %i, compiled and mapped too", (_, row) => {
  clean(() => {
    const inputs = row.inputs.map(f64);
    const mask = row.mask === null ? null : row.bool ? f64(row.mask).gt(0) : f64(row.mask);
    const run = (...[q, k, v]: ad.Tensor[]) => ad.scaledDotProductAttention(q!, k!, v!, { ...row.options, mask });
    near(run(...inputs), f64(row.output));
    const slopes = ad.grad((...xs: ad.Tensor[]) => weighted(run(...xs)), { argnums: [0, 1, 2] });
    for (const f of [slopes, ad.compile(slopes)])
      for (let i = 0; i < 2; i++) (f(...inputs) as ad.Tensor[]).forEach((g, k) => near(g, f64(row.gradients[k]!)));
    if (row.mask === null || row.bool) near(ad.vmap(run)(...inputs) as ad.Tensor, f64(row.output));
  });
});

describe("in blocks", () => {
  const draw = (seed: number, ...shape: number[]) => ad.random.normal(ad.random.key(seed), shape, { dtype: "float64" });
  const [length, width] = [600, 4];
  const whole = (q: ad.Tensor, k: ad.Tensor, v: ad.Tensor, seen: ad.Tensor) =>
    ad
      .where(seen, q.mul(1 / Math.sqrt(width)).matmul(k.transpose([0, 2, 1])), -Infinity)
      .softmax(-1)
      .matmul(v);

  it.each(["causal", "masked"])("%s: value, gradient and second derivative are those of the whole", (kind) => {
    clean(() => {
      const [q, k, v, t] = [draw(1, 2, length, width), draw(2, 2, length, width), draw(3, 2, length, 3), draw(4, 2, length, width)];
      const seen = kind === "causal" ? ad.tril(ad.ones([length, length])).gt(0) : draw(5, length, length).gt(-1);
      const options = kind === "causal" ? { isCausal: true } : { mask: seen };
      const f = (...[a, b, c]: ad.Tensor[]) => ad.scaledDotProductAttention(a!, b!, c!, options);
      const g = (...[a, b, c]: ad.Tensor[]) => whole(a!, b!, c!, seen);
      near(f(q, k, v), g(q, k, v));
      const slopes = (h: typeof f) =>
        ad.grad(
          (...xs: ad.Tensor[]) =>
            h(...xs)
              .sin()
              .sum(),
          { argnums: [0, 1, 2] },
        )(q, k, v) as ad.Tensor[]; // prettier-ignore
      const expected = slopes(g);
      slopes(f).forEach((s, i) => near(s, expected[i]!, 1e-10));
      const second = (h: typeof f) => ad.hvp((a: ad.Tensor) => h(a, k, v).sin().sum(), [q], [t])[1] as ad.Tensor;
      near(second(f), second(g), 1e-9);
    });
  });

  it("holds no matrix of all scores", () => {
    clean(() => {
      const n = 1024;
      const [q, k, v] = [1, 2, 3].map((seed) => ad.random.normal(ad.random.key(seed), [4, n, 16]));
      const before = ad.memory().tensors;
      const gradient = ad.compile((a: ad.Tensor, b: ad.Tensor, c: ad.Tensor) =>
        ad.grad((x: ad.Tensor) => ad.scaledDotProductAttention(x, b, c).square().sum())(a),
      );
      const slope = gradient(q!, k!, v!) as ad.Tensor;
      expect(slope.shape).toEqual([4, n, 16]);
      expect(gradient.stats().arenaBytes).toBeLessThan(4 * n * n * 4);
      expect(ad.memory().tensors).toBeGreaterThanOrEqual(before);
    });
  });
});

it("refuses what does not fit", () => {
  clean(() => {
    const x = ad.ones([2, 3, 4]);
    expect(() => ad.scaledDotProductAttention(x, ad.ones([2, 3, 5]), x)).toThrow(ad.ShapeError);
    expect(() => ad.scaledDotProductAttention(x, x, ad.ones([2, 4, 4]))).toThrow(/\[\.\.\., S, D\]/);
    expect(() => ad.scaledDotProductAttention(x, x, x, { mask: ad.ones([2, 2]).gt(0) })).toThrow(/the mask has shape \[2, 2\]/);
    expect(() => ad.scaledDotProductAttention(x.cast("int32"), x, x)).toThrow(ad.DTypeError);
    expect(() => ad.scaledDotProductAttention(x, x, x, { causal: true } as object)).toThrow(/causal/);
    expect(() => ad.scaledDotProductAttention(x, x, x, { dropout: 2 })).toThrow(/dropout 2/);
    expect(
      ad
        .scaledDotProductAttention(x, x, x, { mask: ad.zeros([3, 3]).gt(0) })
        .abs()
        .sum()
        .item(),
    ).toBe(0); // prettier-ignore
  });
});
