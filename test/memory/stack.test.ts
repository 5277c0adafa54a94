/** Programs that recurse without end, in every place where that can happen: a typed error, and the engine goes on. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const F = { dtype: "float64" } as const;

/** The deepest frames differ with what they call: padding moves the end of the stack to other places of the engine. */
const padded = (depth: number, f: () => void): void => (depth === 0 ? f() : padded(depth - 1, f));

const RECURSIONS: readonly [string, (x: Tensor) => unknown][] = [
  [
    "an op",
    (x) => {
      const f = (v: Tensor): Tensor => f(v.add(1));
      return f(x);
    },
  ],
  [
    "an op with parameters",
    (x) => {
      const f = (v: Tensor): Tensor => f(v.sum([0], { keepdims: true }));
      return f(x);
    },
  ],
  [
    "a composite",
    (x) => {
      const f = (v: Tensor): Tensor => f(v.softmax(0));
      return f(x);
    },
  ],
  [
    "making tensors",
    () => {
      const f = (): unknown => [ad.tensor([1, 2]), f()];
      return f();
    },
  ],
  [
    "reading",
    (x) => {
      const f = (): number => x.sum().item() + f();
      return f();
    },
  ],
  [
    "data",
    (x) => {
      const f = (): number => x.data()[0]! + f();
      return f();
    },
  ],
  [
    "scopes",
    (x) => {
      const f = (): Tensor => ad.scope(() => f().add(x));
      return f();
    },
  ],
  [
    "noGrad",
    (x) => {
      const f = (): Tensor => ad.noGrad(() => f().add(x));
      return f();
    },
  ],
  [
    "grad",
    (x) => {
      const f = (v: Tensor): Tensor => ad.grad(f)(v.mul(2)).sum();
      return f(x);
    },
  ],
  [
    "valueAndGrad",
    (x) => {
      const f = (v: Tensor): Tensor => ad.valueAndGrad(f)(v)[0];
      return f(x);
    },
  ],
  [
    "jvp",
    (x) => {
      const f = (v: Tensor): Tensor => ad.jvp(f, [v], [v])[1] as Tensor;
      return f(x);
    },
  ],
  [
    "vjp",
    (x) => {
      const f = (v: Tensor): Tensor => ad.vjp(f, v)[0] as Tensor;
      return f(x);
    },
  ],
  [
    "vmap",
    (x) => {
      const f = (v: Tensor): Tensor => ad.vmap((row: Tensor) => f(row.unsqueeze(0)))(v) as Tensor;
      return f(x);
    },
  ],
  [
    "jacobian",
    (x) => {
      const f = (v: Tensor): Tensor => ad.jacrev(f)(v) as Tensor;
      return f(x);
    },
  ],
  [
    "hessian",
    (x) => {
      const f = (v: Tensor): Tensor => ad.hessian(f)(v) as Tensor;
      return f(x);
    },
  ],
  [
    "grad and scope by turns",
    (x) => {
      const f = (v: Tensor): Tensor => ad.scope(() => ad.grad((u: Tensor) => f(u).sum())(v));
      return f(x);
    },
  ],
  [
    "a custom rule's forward",
    (x) => {
      const f: (v: Tensor) => Tensor = ad.customVjp((v: Tensor) => v.mul(2), {
        forward: (v: Tensor) => [ad.grad((u: Tensor) => f(u).sum())(v), null],
        backward: (_: unknown, ct: Tensor) => [ct],
      }) as never;
      return ad.grad((v: Tensor) => f(v).sum())(x);
    },
  ],
  [
    "a custom rule's backward",
    (x) => {
      const f: (v: Tensor) => Tensor = ad.customVjp((v: Tensor) => v.mul(2), {
        forward: (v: Tensor) => [v.mul(2), v],
        backward: (v: Tensor) => [ad.grad((u: Tensor) => f(u).sum())(v)],
      }) as never;
      return ad.grad((v: Tensor) => f(v).sum())(x);
    },
  ],
  [
    "checkpoint",
    (x) => {
      const f = (v: Tensor): Tensor => ad.checkpoint(f)(v.mul(2)) as Tensor;
      return ad.grad((v: Tensor) => f(v).sum())(x);
    },
  ],
  [
    "a hook that calls backward",
    (x) =>
      ad.scope(() => {
        const w = x.detach().add(0);
        const p = ad.tensor([1, 2], { ...F, requiresGrad: true });
        try {
          const f = (): void => {
            const y = p.mul(w);
            y.registerHook(() => f());
            y.sum().backward();
          };
          return f();
        } finally {
          p.dispose();
        }
      }),
  ],
  [
    "a hook that computes on",
    (x) => {
      const p = ad.tensor([1, 2], { ...F, requiresGrad: true });
      const y = p.mul(x);
      try {
        y.registerHook((g) => {
          const f = (v: Tensor): Tensor => f(v.mul(2));
          return f(g);
        });
        return y.sum().backward();
      } finally {
        y.dispose();
        p.dispose();
      }
    },
  ],
  [
    "conversions",
    (x) => {
      const f = (): string => `${x.at(0)}` + f();
      return f();
    },
  ],
  [
    "trees",
    (x) => {
      const f = (): Tensor[] => ad.tree.map(() => f()[0], [x]) as Tensor[];
      return f();
    },
  ],
];

const stackOverflow = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("a recursion without end", () => {
  it.each(RECURSIONS)("through %s", (_, run) => {
    for (const padding of [0, 3]) {
      padded(padding, () => {
        ad.scope(() => {
          const x = ad.tensor([1, 2], F);
          const error = stackOverflow(() => ad.scope(() => run(x) as void));
          // Frames between two calls of the engine may reach the end of the stack first: then it is the host's own error.
          if (!(error instanceof ad.AdjointError)) expect(error).toBeInstanceOf(RangeError);
          expect(error).not.toBeInstanceOf(ad.PoisonedError);
          expect(
            ad
              .grad((v: Tensor) => v.square().sum())(x)
              .toArray(),
          ).toEqual([2, 4]);
        });
      });
    }
  });

  it("is told by an error of ours with the host's as its cause", () => {
    ad.scope(() => {
      const f = (v: Tensor): Tensor => f(v.add(1));
      const error = stackOverflow(() => f(ad.tensor(1))) as InstanceType<typeof ad.StackOverflowError>;
      expect(error).toBeInstanceOf(ad.StackOverflowError);
      expect(error.code).toBe("STACK_OVERFLOW");
      expect(error.cause).toBeInstanceOf(RangeError);
    });
  });
});

describe("transforms inside one another", () => {
  // The innermost ops pass through every level; cut off behind them, so that the derivatives of derivatives stay few.
  const innermost = (x: Tensor) => x.mul(x).softmax(0).std(0).sum().detach();
  const nested = (depth: number, wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): ((x: Tensor) => Tensor) =>
    depth === 0 ? innermost : wrap(nested(depth - 1, wrap));

  const byGrad = (f: (x: Tensor) => Tensor) => (x: Tensor) =>
    ad
      .grad((v: Tensor) => f(v).sum())(x)
      .detach();

  it("grad: done or refused, whatever the depth", () => {
    ad.scope(() => {
      const x = ad.tensor([0.5, 1], F);
      for (const depth of [50, 100, 200, 250, 300, 350, 400, 800, 2000]) {
        const error = stackOverflow(() => ad.scope(() => void nested(depth, byGrad)(x)));
        if (depth <= 100) expect(error).toBeUndefined();
        if (error !== undefined && !(error instanceof ad.AdjointError)) expect(error).toBeInstanceOf(RangeError);
        expect(error).not.toBeInstanceOf(ad.PoisonedError);
        expect(
          ad
            .grad((v: Tensor) => v.square().sum())(x)
            .toArray(),
        ).toEqual([1, 2]);
      }
    });
  });

  it("vmap: at most 64 axes, of which each vmap adds one", () => {
    ad.scope(() => {
      const byVmap = (f: (x: Tensor) => Tensor) => (x: Tensor) => ad.vmap(f)(x.unsqueeze(0)) as Tensor;
      const x = ad.tensor([0.5, 1], F);
      expect(nested(60, byVmap)(x).ndim).toBe(60);
      expect(() => nested(100, byVmap)(x)).toThrow(/at most 64/);
    });
  });
});
