/** No memory: at every request for it, in every op, forward and backward. The error is typed, nothing is lost, and the engine goes on. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it } from "vitest";
import { cases } from "../ops/cases.js";

const F = { dtype: "float64" } as const;

afterEach(() => {
  ad.testing.failAllocation(null);
});

/** The numbers in a result. */
const numbers = (result: unknown): unknown =>
  result instanceof ad.Tensor ? result.toArray() : Array.isArray(result) ? result.map(numbers) : null;

/**
 * The error of `run` when its `n`-th request for memory is refused; null once it makes fewer requests than that. A request that only
 * looked for a short cut may be refused without an error: then the numbers are those that come without a refusal.
 */
function refused(run: () => unknown, n: number, expected: unknown): unknown {
  return ad.scope(() => {
    ad.testing.failAllocation(n);
    try {
      const result = run();
      if (ad.testing.failAllocation(null) !== null) return null;
      expect(numbers(result)).toEqual(expected);
      return "done without";
    } catch (error) {
      ad.testing.failAllocation(null);
      return error;
    }
  });
}

const works = () =>
  ad.scope(() => {
    expect(
      ad
        .grad((x: Tensor) => x.square().sum())(ad.tensor([1, 2], F))
        .toArray(),
    ).toEqual([2, 4]);
  });

/** Refuses the requests of `run` one after the other (at most about forty of them, spread over all). */
function everywhere(run: () => unknown): number {
  let rounds = 0;
  const expected = ad.scope(() => numbers(run()));
  const before = ad.memory();
  for (let n = 0, step = 1; ; n += step) {
    const error = refused(run, n, expected);
    if (error === null) return rounds;
    if (error !== "done without" && !(error instanceof ad.OutOfMemoryError))
      throw new Error(`request ${n}: ${String(error)}`, { cause: error });
    rounds++;
    if (rounds > 20) step = Math.ceil(n / 10);
    const after = ad.memory();
    if (after.tensors !== before.tensors || after.bytes !== before.bytes) {
      throw new Error(`request ${n}: ${after.tensors} tensors (${after.bytes} bytes) instead of ${before.tensors} (${before.bytes})`);
    }
  }
}

describe("an allocation that fails, at every place", () => {
  for (const c of cases) {
    it(c.name, () => {
      const sample = c.samples.find((s) => !s.singular && s.inputs.every(({ data }) => data.length > 1)) ?? c.samples[0]!;
      ad.scope(() => {
        const inputs = sample.inputs.map(({ shape, data }, i) =>
          ad.tensor(data, { shape, dtype: sample.integers?.includes(i) ? "int32" : sample.booleans?.includes(i) ? "bool" : "float64" }),
        );
        expect(everywhere(() => c.call(...inputs))).toBeGreaterThan(2);
        if (c.discrete) return;
        const floats = inputs.flatMap((x, i) => (x.dtype === "float64" ? [i] : []));
        everywhere(() => ad.grad((...x: Tensor[]) => c.call(...x).sum(), { argnums: floats })(...inputs));
      });
      works();
    });
  }
});

describe("an allocation that fails inside", () => {
  it.each<[string, (x: Tensor) => unknown]>([
    ["jvp", (x) => ad.jvp((v: Tensor) => v.softmax(0), [x], [x])],
    ["vmap of grad", (x) => ad.vmap((row: Tensor) => ad.grad((v: Tensor) => v.exp().sum())(row))(x.unsqueeze(0))],
    ["hessian", (x) => ad.hessian((v: Tensor) => v.pow(3).sum())(x)],
    ["vjp", (x) => ad.vjp((v: Tensor) => v.sin(), x)[1](x)],
    ["checkpoint", (x) => ad.grad((v: Tensor) => (ad.checkpoint((u: Tensor) => u.sin().exp())(v) as Tensor).sum())(x)],
    [
      "a custom rule",
      (x) => {
        const f = ad.customVjp((v: Tensor) => v.exp(), {
          forward: (v: Tensor) => {
            const y = v.exp();
            return [y, y];
          },
          backward: (y: Tensor, ct: Tensor) => [ct.mul(y)],
        });
        return ad.grad((v: Tensor) => (f(v) as Tensor).sum())(x);
      },
    ],
    ["trace", (x) => ad.trace((v: Tensor) => v.mul(2).sin())(x)],
    ["draws", () => ad.random.normal(ad.random.key(1), [20])],
    ["reading views", (x) => x.unsqueeze(0).broadcastTo([3, 4]).transpose().data()],
    ["making tensors", () => [ad.tensor([1, 2, 3]), ad.zeros([4]), ad.eye(3), ad.arange(5)]],
  ])("%s", (_, run) => {
    ad.scope(() => {
      const x = ad.tensor([0.1, 0.2, 0.3, 0.4], F);
      expect(everywhere(() => run(x))).toBeGreaterThan(3);
    });
    works();
  });

  it("backward and a step leaves parameters, gradients and state usable", () => {
    const p = ad.tensor([1, 2], { ...F, requiresGrad: true });
    const optimizer = new ad.optim.Adam([p], { lr: 0.1 });
    for (let n = 0; ; n++) {
      const error = refused(
        () => {
          optimizer.zeroGrad();
          p.mul(3).exp().sum().backward();
          optimizer.step();
        },
        n,
        null,
      );
      if (error === null) break;
      if (error !== "done without") expect(error).toBeInstanceOf(ad.OutOfMemoryError);
      expect(p.toArray().every(Number.isFinite)).toBe(true);
    }
    p.dispose();
  });
});

describe("memory that is really full", () => {
  it("is refused a hundred times, and there is room for the errors", () => {
    ad.reserve(30e6);
    // What the host has left is taken away, untouched.
    const memory = ad.testing.rawExports().memory as WebAssembly.Memory;
    memory.grow(65536 - memory.buffer.byteLength / 65536);
    let refusals = 0;
    for (let round = 0; round < 20; round++) {
      ad.scope(() => {
        const kept: Tensor[] = [];
        for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 8)) {
          try {
            for (;;) kept.push(ad.zeros([size]));
          } catch (error) {
            expect(error).toBeInstanceOf(ad.OutOfMemoryError);
            expect((error as Error).message).toMatch(/scope\(/);
            refusals++;
          }
          // Views need no buffer, only a slot.
          try {
            for (let i = 0; i < 2000 && kept.length > 0; i++) kept.push(kept[0]!.reshape([-1, 1]));
          } catch (error) {
            expect(error).toBeInstanceOf(ad.OutOfMemoryError);
            refusals++;
          }
        }
      });
      works();
    }
    expect(refusals).toBeGreaterThan(100);
    ad.reset();
    works();
  });
});

describe("absurd sizes", () => {
  it.each<[string, () => unknown]>([
    ["oneHot", () => ad.oneHot(ad.tensor([1], { dtype: "int32" }), 2 ** 31)],
    ["oneHot within what a tensor may hold", () => ad.oneHot(ad.tensor([1, 2, 3, 4, 5], { dtype: "int32" }), 2 ** 29)],
    ["multigammaln", () => ad.multigammaln(ad.tensor([5e6]), 1e6)],
    ["polygamma", () => ad.polygamma(1e8, ad.tensor([1]))],
    ["reshape", () => ad.ones([1]).reshape(new Array<number>(100).fill(1))],
    ["more bytes than one tensor can have", () => ad.zeros([2 ** 29], F)],
  ])("%s is refused at once", (_, run) => {
    expect(() => ad.scope(run as () => undefined)).toThrow(ad.AdjointError);
    works();
  });
});
