/** NaN is not lost, wherever it stands among the elements that fill vectors. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const reductions: [string, (x: Tensor) => Tensor][] = [
  ["max", (x) => x.max()],
  ["min", (x) => x.min()],
  ["max over the first of two axes", (x) => x.unsqueeze(1).max(0)],
  ["min over the first of two axes", (x) => x.unsqueeze(1).min(0)],
  ["max of columns", (x) => ad.stack([x, x, x], 1).max(0).at(1)],
  ["norm Infinity", (x) => x.norm(undefined, { p: Infinity })],
  ["norm", (x) => x.norm()],
  ["logsumexp", (x) => x.logsumexp()],
  ["softmax", (x) => x.softmax().at(0)],
  ["logSoftmax", (x) => x.logSoftmax().at(0)],
  ["sum", (x) => x.sum()],
  ["prod", (x) => x.prod()],
];

const pointwise: [string, (x: Tensor) => Tensor][] = [
  ["relu", (x) => x.relu()],
  ["relu6", (x) => x.relu6()],
  ["leakyRelu", (x) => x.leakyRelu()],
  ["elu", (x) => x.elu()],
  ["clamp", (x) => x.clamp(0, 1)],
  ["clamp by tensors", (x) => x.clamp(ad.zerosLike(x), ad.onesLike(x))],
  ["hardSwish", (x) => x.hardSwish()],
  ["maximum", (x) => x.maximum(1)],
  ["minimum", (x) => x.minimum(1)],
  ["maximum, second", (x) => ad.onesLike(x).maximum(x)],
  ["minimum, second", (x) => ad.onesLike(x).minimum(x)],
  ["abs", (x) => x.abs()],
  ["sign", (x) => x.sign()],
];

describe.each(["float32", "float64"] as const)("in %s", (dtype) => {
  const withNaN = (size: number, place: number) =>
    ad.tensor(
      Array.from({ length: size }, (_, i) => (i === place ? NaN : i + 2)),
      { dtype },
    );

  it.each(reductions)("%s", (_, f) => {
    for (let size = 1; size <= 19; size++) {
      for (let place = 0; place < size; place++)
        clean(() => expect(f(withNaN(size, place)).item(), `NaN at ${place} of ${size}`).toBeNaN());
    }
  });

  it.each(pointwise)("%s", (_, f) => {
    for (const size of [1, 3, 9]) {
      for (let place = 0; place < size; place++)
        clean(() => expect(f(withNaN(size, place)).data()[place], `NaN at ${place} of ${size}`).toBeNaN());
    }
  });

  it("argmax and argmin find the first NaN", () => {
    for (let size = 1; size <= 19; size++) {
      for (let place = 0; place < size; place++) {
        clean(() => {
          expect(withNaN(size, place).argmax().item()).toBe(place);
          expect(withNaN(size, place).argmin().item()).toBe(place);
        });
      }
    }
  });
});
