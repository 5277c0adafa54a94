/** Results that are views: of other results, or of arguments. Nobody writes through them, and they outlive the next call. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const n = 40;
const matrix = (from: number) => ad.linspace(from, from + 1, n * n).reshape([n, n]);
const same = (a: unknown, b: unknown) => expect((a as Tensor).toArray()).toEqual((b as Tensor).toArray());

describe("results that are views", () => {
  const functions: Record<string, (x: Tensor) => Tensor | Tensor[]> = {
    "of an argument, transposed": (x) => x.T,
    "the argument itself": (x) => x,
    "parts of an argument": (x) => [x.slice([1, 0], [n, n]), x.slice([0, 3], [n, n], [1, 2]), x.at(2)],
    "of a result, transposed": (x) => x.mul(2).add(1).T,
    "of a product": (x) => x.matmul(x).T,
    "several of one result, and that": (x) => {
      const y = x.exp();
      return [y.T, y, y.reshape([n * n]), y.slice([0, 1], [n, n])];
    },
    "of views of views": (x) =>
      x
        .mul(3)
        .T.slice([2, 0], [n, n])
        .T.reshape([n, 1, n - 2]),
    "stretched over more than there is": (x) => x.mul(2).sum(0).reshape([1, n]).broadcastTo([n, n]),
    "few numbers of many": (x) => [x.mul(2).at(0).slice([0], [3]), x.slice([0, 0], [2, 2])],
    "of what a loop left": (x) => ad.scan((c: Tensor, y: Tensor) => [c.add(y), c.mul(2)] as [Tensor, Tensor], x.at(0), x)[1].T,
  };
  for (const [name, f] of Object.entries(functions))
    it(`are right: ${name}`, () => {
      clean(() => {
        const compiled = ad.compile(f);
        const kept: { got: unknown; expected: unknown }[] = [];
        for (const from of [0, 1, 2, 3]) kept.push({ got: compiled(matrix(from)), expected: f(matrix(from)) });
        // An argument that does not lie in order.
        kept.push({ got: compiled(matrix(5).T), expected: f(matrix(5).T) });
        for (const { got, expected } of kept) {
          const [a, b] = [[got].flat(), [expected].flat()];
          a.forEach((x, i) => same(x, b[i]));
        }
      });
    });

  it("keep their numbers when an argument is written to, and are not written to", () => {
    clean(() => {
      const p = new ad.nn.Parameter(matrix(0));
      const f = ad.compile((x: Tensor) => x.T);
      f(p.detach());
      const view = f(p.detach()) as Tensor;
      const before = view.toArray();
      p.assign(matrix(7));
      expect(view.toArray()).toEqual(before);
      const own = new ad.nn.Parameter(f(matrix(2)) as Tensor);
      const other = f(matrix(2)) as Tensor;
      const sgd = new ad.optim.SGD([own], { lr: 1 });
      sgd.minimize(own.sum());
      sgd.zeroGrad();
      same(other, matrix(2).T);
      own.dispose();
      p.dispose();
    });
  });

  it("are copies where the program writes: what it returns of a parameter is what that was", () => {
    clean(() => {
      const p = new ad.nn.Parameter(matrix(0));
      const sgd = new ad.optim.SGD([p], { lr: 0.5 });
      const step = ad.compile((x: Tensor) => {
        const before = p.T.mul(1);
        sgd.minimize(p.mul(x).sum());
        return [before, x.T, p.T];
      });
      const x = ad.ones([n, n]);
      let expected = matrix(0);
      for (let i = 0; i < 4; i++) {
        const [before, same1, after] = step(x) as [Tensor, Tensor, Tensor];
        same(before, expected.T);
        same(same1, x.T);
        expected = expected.sub(0.5);
        same(after, expected.T);
      }
      sgd.zeroGrad();
      p.dispose();
    });
  });
});
