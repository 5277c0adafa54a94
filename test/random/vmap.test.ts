/** Draws without a key inside vmap: refused, shared or per example, as its option says, in every nesting. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const mask = (x: Tensor) => ad.nn.dropout(x, { p: 0.5 });
const ones = (...shape: number[]) => ad.ones(shape, { dtype: "float64" });
const rows = (t: Tensor) => (t.toArray() as number[][]).map((row) => row.join());
const distinct = (t: Tensor) => new Set(rows(t)).size;

/** The result of `body` from a fixed seed, and twice the same. */
function seeded<R>(body: () => R): R {
  ad.manualSeed(3);
  return body();
}

describe("an implicit draw inside vmap", () => {
  it("is refused by default, with the option named, and costs nothing", () => {
    const x = ones(4, 16);
    const before = [ad.memory().tensors, ad.random.getState()];
    for (const f of [
      mask,
      (x: Tensor) => ad.grad((y: Tensor) => mask(y).sum())(x),
      (x: Tensor) => ad.vmap((y: Tensor) => mask(y), { randomness: "same" })(x.reshape([2, 8])),
      (x: Tensor) => ad.checkpoint(mask)(x),
    ]) {
      expect(() => ad.vmap(f)(x)).toThrowError(
        expect.objectContaining({ name: "ValueError", op: "dropout", message: expect.stringMatching(/randomness: "different"/) }),
      );
    }
    expect([ad.memory().tensors, ad.random.getState()]).toEqual(before);
  });

  it("is the same for all examples, or different for each", () => {
    const x = ones(4, 64);
    expect(distinct(seeded(() => ad.vmap(mask, { randomness: "same" })(x)))).toBe(1);
    const different = seeded(() => ad.vmap(mask, { randomness: "different" })(x));
    expect(distinct(different)).toBe(4);
    expect(rows(seeded(() => ad.vmap(mask, { randomness: "different" })(x)))).toEqual(rows(different));
  });

  it("in nested vmaps each says it for its own examples", () => {
    const x = ones(2, 3, 64);
    const run = (outer: "same" | "different", inner: "same" | "different") =>
      distinct(seeded(() => ad.vmap((y: Tensor) => ad.vmap(mask, { randomness: inner })(y), { randomness: outer })(x)).reshape([6, 64]));
    expect([run("same", "same"), run("same", "different"), run("different", "same"), run("different", "different")]).toEqual([1, 3, 2, 6]);
  });

  it.each(["same", "different"] as const)(
    "%s: gradients see the masks of the values, inside and outside, checkpointed too",
    (randomness) => {
      const x = ones(3, 32);
      const value = seeded(() => ad.vmap(mask, { randomness })(x)).toArray();
      const variants: Record<string, () => Tensor> = {
        "grad of vmap": () => ad.grad((y: Tensor) => ad.vmap(mask, { randomness })(y).sum())(x),
        "vmap of grad": () =>
          ad.vmap(
            ad.grad((y: Tensor) => mask(y).sum()),
            { randomness },
          )(x),
        "vmap of jvp": () => ad.vmap((y: Tensor) => ad.jvp(mask, [y], [ad.onesLike(y)])[1], { randomness })(x),
      };
      for (const [name, run] of Object.entries(variants)) expect(seeded(run).toArray(), name).toEqual(value);
    },
  );

  it("explicit keys stay as they are: an unmapped one draws the same for all", () => {
    const key = ad.random.key(1);
    expect(distinct(ad.vmap((x: Tensor) => ad.nn.dropout(x, { key }))(ones(3, 64)))).toBe(1);
    expect(distinct(ad.vmap((x: Tensor, k: Tensor) => ad.nn.dropout(x, { key: k }))(ones(3, 64), ad.random.split(key, 3)))).toBe(3);
  });

  it("Jacobians differentiate one function: one mask in every direction", () => {
    const x = ones(16);
    const expected = seeded(() => mask(x)).toArray();
    for (const jacobian of [ad.jacfwd, ad.jacrev]) {
      const J = seeded(() => jacobian((y: Tensor) => mask(y))(x)) as Tensor;
      expect(J.sum(0).toArray()).toEqual(expected);
      expect(J.sum().item()).toBe(J.trace().item());
    }
  });

  it("a wrong option is refused", () => {
    expect(() => ad.vmap(mask, { randomness: "split" as never })).toThrow(/randomness "split"/);
  });
});
