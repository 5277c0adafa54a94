/** vmap: an example is on its own, also where a batch of them is one op; refusals speak of the example. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const i32 = (values: number[][]) => ad.tensor(values, { dtype: "int32" });
const x = () =>
  ad.tensor([
    [1, 2],
    [3, 4],
  ]);

/** Ops that index along an axis of size 2, as functions of (x, indices, rows to add). */
const INDEXING: Record<string, (x: Tensor, i: Tensor) => Tensor> = {
  take: (x, i) => ad.take(x, i, 0),
  "take along the last of two axes": (x, i) => ad.take(ad.stack([x, x]), i, 1),
  embedding: (x, i) => ad.embedding(i, x.reshape([2, 1])),
  gather: (x, i) => ad.gather(x, 0, i),
  indexAdd: (x, i) => ad.indexAdd(x, 0, i, ad.onesLike(i).cast("float32")),
  scatterAdd: (x, i) => ad.scatterAdd(x, 0, i, ad.onesLike(i).cast("float32")),
};

const TRANSFORMS: Record<string, (f: (x: Tensor, i: Tensor) => Tensor) => (x: Tensor, i: Tensor) => Tensor> = {
  value: (f) => f,
  grad: (f) => (x, i) => ad.grad((y: Tensor) => f(y, i).square().sum())(x),
  jvp: (f) => (x, i) => ad.jvp((y: Tensor) => f(y, i), [x], [ad.onesLike(x)])[1],
  hessian: (f) => (x, i) => ad.hessian((y: Tensor) => f(y, i).pow(3).sum())(x),
};

describe("indices of an example under vmap", () => {
  for (const [opName, op] of Object.entries(INDEXING)) {
    for (const [name, transform] of Object.entries(TRANSFORMS)) {
      const f = transform(op);
      it(`${opName}, ${name}: in range as a loop, out of range refused as alone`, () => {
        clean(() => {
          // A table has no rows from the end.
          const good = i32([[1, 0], opName === "embedding" ? [0, 0] : [-1, -2]]);
          const looped = ad.stack([0, 1].map((b) => f(x().at(b), good.at(b))));
          expect(ad.vmap(f)(x(), good).toArray()).toEqual(looped.toArray());
          // The second of these lies in the batch's other row: only the example says that it is wrong.
          for (const bad of [
            [
              [0, 1],
              [2, 0],
            ],
            [
              [2, 1],
              [0, 0],
            ],
            [
              [0, 0],
              [-3, 0],
            ],
            [
              [0, 0],
              [3, 0],
            ],
            [
              [-4, 0],
              [0, 0],
            ],
          ]) {
            expect(() => ad.vmap(f)(x(), i32(bad))).toThrow(ad.IndexError);
            expect(() => ad.vmap((i: Tensor) => f(x().at(0), i))(i32(bad))).toThrow(ad.IndexError);
            expect(() => ad.vmap(ad.vmap(f))(ad.stack([x(), x()]), ad.stack([good, i32(bad)]))).toThrow(ad.IndexError);
          }
        });
      });
    }
  }

  it("a wrong axis is reported as the example has it", () => {
    const m = ad.ones([2, 3, 4]);
    for (const f of [
      (x: Tensor) => x.sum(5),
      (x: Tensor) => x.softmax(5),
      (x: Tensor) => x.flip(5),
      (x: Tensor) => ad.take(x, [0], 5),
      (x: Tensor) => ad.vmap((y: Tensor) => y.sum(5))(x),
    ]) {
      expect(() => ad.vmap(f)(m)).toThrowError(
        expect.objectContaining({
          name: "IndexError",
          message: expect.stringMatching(/axis 5 is out of range for a tensor with [12] axes/),
        }),
      );
    }
  });
});
