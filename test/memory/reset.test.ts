/** A fresh engine in the middle of things: nothing of the old one speaks any more, and everything goes on. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it } from "vitest";

const F = { dtype: "float64" } as const;
afterEach(() => ad.reset());

const works = () => {
  const before = ad.memory().tensors;
  ad.scope(() => {
    expect(ad.tensor([1, 2]).sum().item()).toBe(3);
    expect(
      ad
        .grad((x: Tensor) => x.square().sum())(ad.ones([2]))
        .toArray(),
    ).toEqual([2, 2]);
    expect(
      ad
        .vmap((x: Tensor) => x.sum())(ad.ones([3, 4]))
        .toArray(),
    ).toEqual([4, 4, 4]);
  });
  expect(ad.memory().tensors).toBe(before);
};

/** What may come out of a function whose engine went away under it. */
const survives = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ad.AdjointError);
  }
  works();
  const kept = ad.tensor([5, 6]);
  works();
  expect(kept.toArray()).toEqual([5, 6]);
};

describe("reset", () => {
  it.each<[string, () => unknown]>([
    ["a scope", () => ad.scope(() => ad.reset())],
    ["scopes in scopes", () => ad.scope(() => ad.scope(() => ad.scope(() => ad.reset())))],
    [
      "a scope that returns a new tensor",
      () =>
        ad.scope(() => {
          ad.reset();
          return ad.ones([2]);
        }),
    ],
    [
      "a scope that throws",
      () =>
        ad.scope(() => {
          ad.reset();
          throw new ad.ValueError("mine");
        }),
    ],
    ["noGrad", () => ad.noGrad(() => ad.reset())],
    ["enableGrad in noGrad", () => ad.noGrad(() => ad.enableGrad(() => ad.reset()))],
    [
      "grad",
      () =>
        ad.grad((x: Tensor) => {
          ad.reset();
          return x.sum();
        })(ad.ones([2])),
    ],
    [
      "grad, with a new tensor",
      () =>
        ad.grad(() => {
          ad.reset();
          return ad.tensor(1);
        })(ad.ones([2])),
    ],
    [
      "grad in grad",
      () =>
        ad.grad((x: Tensor) =>
          ad
            .grad((y: Tensor) => {
              ad.reset();
              return y.sum();
            })(x)
            .sum(),
        )(ad.ones([2])),
    ],
    [
      "jvp",
      () =>
        ad.jvp(
          (x: Tensor) => {
            ad.reset();
            return x;
          },
          [ad.ones([2])],
          [ad.ones([2])],
        ),
    ],
    [
      "vmap",
      () =>
        ad.vmap((x: Tensor) => {
          ad.reset();
          return x;
        })(ad.ones([2])),
    ],
    [
      "vjp",
      () => {
        const [, pullback] = ad.vjp((x: Tensor) => x.mul(2), ad.ones([2]));
        ad.reset();
        return pullback(ad.ones([2]));
      },
    ],
    [
      "checkpoint",
      () =>
        ad.grad((x: Tensor) =>
          (
            ad.checkpoint((y: Tensor) => {
              ad.reset();
              return y;
            })(x) as Tensor
          ).sum(),
        )(ad.ones([2])),
    ],
    [
      "a custom rule's backward",
      () => {
        const f = ad.customVjp((x: Tensor) => x.mul(2), {
          forward: (x: Tensor) => [x.mul(2), null],
          backward: (_: unknown, ct: Tensor) => {
            ad.reset();
            return [ct];
          },
        });
        return ad.grad((x: Tensor) => (f(x) as Tensor).sum())(ad.ones([2]));
      },
    ],
    [
      "a hook",
      () => {
        const p = ad.tensor([1, 2], { ...F, requiresGrad: true });
        const y = p.mul(2);
        y.registerHook(() => ad.reset());
        return y.sum().backward();
      },
    ],
    [
      "trace",
      () =>
        ad.trace((x: Tensor) => {
          ad.reset();
          return x;
        })(ad.ones([2])),
    ],
    [
      "profile",
      () =>
        ad.profile(() => {
          ad.reset();
          return ad.ones([2]).add(1);
        }),
    ],
    [
      "detectAnomaly",
      () =>
        ad.detectAnomaly(() => {
          ad.reset();
          return ad.ones([2]).add(1);
        }),
    ],
    [
      "data loops",
      () => {
        for (const [x] of new ad.data.DataLoader(new ad.data.TensorDataset(ad.ones([4, 2])), { batchSize: 2 })) {
          ad.reset();
          x!.toArray();
        }
      },
    ],
    [
      "an optimizer step",
      () => {
        const p = ad.tensor([1, 2], { ...F, requiresGrad: true });
        const optimizer = new ad.optim.Adam([p]);
        p.square().sum().backward();
        ad.reset();
        return optimizer.step();
      },
    ],
  ])("inside %s", (_, run) => survives(run));

  it("in a catch around a poisoned step, inside a scope", () => {
    survives(() =>
      ad.scope(() => {
        try {
          ad.scope(() => ad.testing.trap());
        } catch (error) {
          expect(error).toBeInstanceOf(ad.PoisonedError);
          ad.reset();
        }
        return ad.ones([2]).add(1).toArray();
      }),
    );
  });

  it("keeps debugNaNs, and detectAnomaly under way goes on", () => {
    ad.debugNaNs(true);
    try {
      ad.reset();
      expect(() => ad.log(ad.tensor(-1))).toThrow(ad.AnomalyError);
    } finally {
      ad.debugNaNs(false);
    }
    expect(ad.log(ad.tensor(-1)).item()).toBeNaN();
    expect(() =>
      ad.detectAnomaly(() => {
        ad.reset();
        return ad.log(ad.tensor(-1));
      }),
    ).toThrow(/called at/);
    expect(ad.log(ad.tensor(-1)).item()).toBeNaN();
  });
});

describe("a poisoned engine", () => {
  it("lets the user's own error out, and stays poisoned whatever looks at it", () => {
    const mine = new Error("mine");
    expect(() =>
      ad.scope(() => {
        expect(() => ad.testing.trap()).toThrow(ad.PoisonedError);
        throw mine;
      }),
    ).toThrow(mine);
    expect(() => ad.detectAnomaly(() => ad.ones([1]))).toThrow(ad.PoisonedError);
    expect(() => ad.profile(() => 1)).toThrow(ad.PoisonedError);
    expect(() => ad.ones([1])).toThrow(ad.PoisonedError);
    ad.reset();
    works();
  });
});

describe("watching inside watching", () => {
  it("detectAnomaly goes on after one inside ended", () => {
    ad.scope(() => {
      expect(() =>
        ad.detectAnomaly(() => {
          expect(ad.detectAnomaly(() => ad.ones([1]).add(1).item())).toBe(2);
          return ad.log(ad.tensor(-1));
        }),
      ).toThrow(ad.AnomalyError);
      // The line is named once.
      let message = "";
      try {
        ad.detectAnomaly(() => ad.detectAnomaly(() => ad.log(ad.tensor(-1))));
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message.match(/called at/g)).toHaveLength(1);
      expect(ad.log(ad.tensor(-1)).item()).toBeNaN();
    });
  });

  it("profile counts what a profile inside it counts, and goes on", () => {
    ad.scope(() => {
      const x = ad.ones([3]);
      const calls = (rows: readonly { op: string; calls: number }[], op: string) => rows.find((row) => row.op === op)?.calls ?? 0;
      const outer = ad.profile(() => {
        x.add(1);
        const inner = ad.profile(() => x.add(1).mul(2));
        x.add(1);
        return inner;
      });
      expect([calls(outer.result.rows, "add"), calls(outer.result.rows, "mul")]).toEqual([1, 1]);
      expect([calls(outer.rows, "add"), calls(outer.rows, "mul")]).toEqual([3, 1]);
      expect(calls(ad.profile(() => x.mul(2)).rows, "add")).toBe(0);
    });
  });
});
