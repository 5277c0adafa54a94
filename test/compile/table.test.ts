/** The op table, compiled: what a program gives is what eager ops give. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { cases, type Case, type Sample } from "../ops/cases.js";
import { products } from "../ops/cases/products.js";
import { reductions } from "../ops/cases/reductions.js";
import { expectClose, plain, tensors, type Float } from "../ops/checks.js";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const isFloat = (x: Tensor) => x.dtype === "float32" || x.dtype === "float64";

/** A few samples of each row: the first, the last, singular ones, and some between. */
function few(op: Case): Sample[] {
  const step = Math.max(1, Math.floor(op.samples.length / 5));
  return op.samples.filter((sample, i) => sample.singular || i % step === 0 || i === op.samples.length - 1);
}

/** Sums and products of a few numbers are written out, in another order of additions; all else is the same to the bit. */
function same(got: readonly Tensor[], expected: readonly Tensor[], dtype: Float, exact: boolean, what: string): void {
  expect(got.length, what).toBe(expected.length);
  got.forEach((x, i) => {
    const [a, b] = [plain(x), plain(expected[i]!)];
    expect([x.dtype, a.shape], what).toEqual([expected[i]!.dtype, b.shape]);
    if (exact) expect(a.data, `${what}, result ${i}`).toEqual(b.data);
    else
      expectClose(
        a,
        b,
        dtype === "float32" ? 2e-6 : 4e-15,
        `${what}, result ${i}`,
        Math.max(1, ...b.data.map(Math.abs).filter(Number.isFinite)),
      );
  });
}

const adds = new Set([...reductions, ...products].map(({ name }) => name));

/** The op, and neighbours that it is fused with. */
const surrounded =
  (op: Case) =>
  (...x: Tensor[]): Tensor[] => {
    const y = op.call(...x);
    if (!isFloat(y)) return [y, y.ne(y.mul(0))];
    return [y, y.mul(2).add(1), y.add(y).abs().sqrt(), y.gt(0.25)];
  };

describe.each(cases.map((op) => [op.name, op] as const))("%s", (_, op) => {
  it.each(["float32", "float64"] as const)("has the same values compiled in %s", (dtype) => {
    for (const sample of few(op))
      clean(() => {
        const compiled = ad.compile(surrounded(op));
        const x = tensors(sample, dtype);
        const expected = surrounded(op)(...x);
        same(compiled(...x), expected, dtype, !adds.has(op.name), `${sample.note}, recorded`);
        same(compiled(...x), expected, dtype, !adds.has(op.name), `${sample.note}, replayed`);
        // Other numbers of the same shapes, in another layout, and back again.
        same(compiled(...tensors(sample, dtype, true)), expected, dtype, !adds.has(op.name), `${sample.note}, from views`);
        expect(compiled.stats()).toMatchObject({ recordings: 1, replays: 2, eager: 0 });
      });
  });

  if (!op.discrete)
    it("has the same gradients compiled", () => {
      for (const sample of few(op))
        clean(() => {
          const x = tensors(sample, "float64");
          const argnums = x.flatMap((t, i) => (isFloat(t) ? [i] : []));
          const f = ad.valueAndGrad(
            (...xs: Tensor[]) =>
              op
                .call(...xs)
                .cast("float64")
                .mul(0.75)
                .sum(),
            { argnums },
          );
          const flat = (...xs: Tensor[]): Tensor[] => {
            const [value, gradients] = f(...xs);
            return [value, ...(gradients as Tensor[])];
          };
          const compiled = ad.compile(flat);
          const expected = flat(...x);
          same(compiled(...x), expected, "float64", false, `${sample.note}, recorded`);
          same(compiled(...x), expected, "float64", false, `${sample.note}, replayed`);
        });
    });
});
