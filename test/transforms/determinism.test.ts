/** checkpoint runs its function again in the backward pass: what it gives then must be what it gave. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (values: ad.TensorLike, requiresGrad = false) => ad.tensor(values, { dtype: "float64", requiresGrad });
/** A function that reads a number from outside, which has changed when it runs the second time. */
const drifting = (options?: ad.CheckpointOptions) => {
  let runs = 0;
  return ad.checkpoint((x: Tensor) => x.mul(++runs), options);
};

describe("a function that changed in between is refused:", () => {
  const changed = /checkpoint: the function gave another value .*output 0.*determinismCheck: false/;
  it.each<[string, () => unknown]>([
    ["grad", () => ad.grad((x: Tensor) => drifting()(x).sum())(f64([1, 2]))],
    ["vjp", () => ad.vjp(drifting(), f64([1, 2]))[1](f64([1, 1]))],
    ["hessian", () => ad.hessian((x: Tensor) => drifting()(x).square().sum())(f64([1, 2]))],
    [
      "vmap of grad",
      () =>
        ad.vmap(ad.grad((x: Tensor) => drifting()(x).sum()))(
          f64([
            [1, 2],
            [3, 4],
          ]),
        ),
    ],
    ["grad of jvp", () => ad.grad((x: Tensor) => ad.jvp(drifting(), [x], [ad.onesLike(x)])[1].sum())(f64([1, 2]))],
    ["grad of vmap", () => ad.grad((x: Tensor) => ad.vmap(drifting())(x).sum())(f64([1, 2]))],
    [
      "another shape",
      () => {
        let n = 1;
        return ad.grad((x: Tensor) =>
          ad
            .checkpoint((y: Tensor) => y.slice([0], [n++]))(x)
            .sum(),
        )(f64([1, 2]));
      },
    ],
    [
      "another number of outputs",
      () => {
        let n = 0;
        return ad.grad((x: Tensor) => (ad.checkpoint((y: Tensor) => (n++ ? [y, y] : [y]))(x)[0] as Tensor).sum())(f64([1]));
      },
    ],
    [
      "an integer among the outputs",
      () => {
        let n = 0;
        return ad.grad((x: Tensor) => (ad.checkpoint((y: Tensor) => [y, ad.tensor([n++], { dtype: "int32" })])(x)[0] as Tensor).sum())(
          f64([1]),
        );
      },
    ],
  ])("%s", (name, program) => {
    clean(() => {
      const message = name.includes("number of") || name.includes("integer") ? /another value/ : changed;
      expect(() => ad.scope(program)).toThrow(message);
      expect(() => ad.scope(program)).toThrow(ad.ValueError);
    });
  });

  it("backward()", () => {
    clean(() => {
      let factor = 2;
      const w = f64([3], true);
      const y = ad.checkpoint((x: Tensor) => x.mul(factor))(w);
      factor = 10;
      expect(() => y.sum().backward()).toThrow(changed);
      expect(w.grad).toBeNull();
      w.dispose();
    });
  });
});

describe("no difference is seen", () => {
  it("in NaN, infinities, masks and draws", () => {
    clean(() => {
      const f = ad.checkpoint((x: Tensor) => [x.log(), x.gt(0), ad.dropout(x), x.div(0)]);
      ad.manualSeed(1);
      const x = f64([-1, 0, 2, 3]);
      const gradient = ad.grad((y: Tensor) => (f(y) as Tensor[])[0]!.slice([2], [4]).sum())(x);
      expect(gradient.toArray().slice(2)).toEqual([1 / 2, 1 / 3]);
    });
  });

  it("where it is not looked for", () => {
    clean(() => {
      expect(
        ad
          .grad((x: Tensor) => drifting({ determinismCheck: false })(x).sum())(f64([1, 2]))
          .toArray(),
      ).toEqual([2, 2]);
    });
    expect(() => ad.checkpoint((x: Tensor) => x, { determinismCheck: 1 } as never)).toThrow(/determinismCheck must be true or false/);
  });
});
