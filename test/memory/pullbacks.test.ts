/** What pullbacks and pushforwards hold at top level, and who releases it. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it, vi } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f = (x: Tensor) => x.sin().mul(x.cos()).exp();
const makers = [
  ["vjp", (x: Tensor) => ad.vjp(f, x)],
  ["linearize", (x: Tensor) => ad.linearize(f, x)],
] as const;

it.each(makers)("%s in a synchronous loop is flat when it is disposed, or in a scope", (_, make) => {
  const x = ad.ones([128, 128]);
  const turns = [
    () => {
      const [y, along] = make(x);
      along(y);
      along.dispose();
    },
    () => {
      const [y, along] = make(x);
      along(y);
      along[Symbol.dispose]();
    },
    () =>
      ad.scope(() => {
        const [y, along] = make(x);
        along(y);
      }),
  ];
  for (const turn of turns) {
    let early = 0;
    for (let i = 1; i <= 600; i++) {
      turn();
      if (i === 200) early = ad.memory().bytes;
    }
    // Plain values come and go by some half megabytes; a run holds 64 KB and more.
    expect(ad.memory().bytes - early).toBeLessThan(8 * 2 ** 20);
  }
});

it.each(makers)("%s: what was disposed, twice too, says so when it is called", (name, make) => {
  const [y, along] = make(ad.ones([3]));
  along.dispose();
  along.dispose();
  expect(() => along(y)).toThrow(ad.ValueError);
  expect(() => along(y)).toThrow(new RegExp(`^${name}: this pu.* was disposed`));
});

it("256 MB of them that cannot be moved out, because they are part of a graph, are warned of, once, by name of the cure", () => {
  const warning = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    const x = ad.ones([1024, 1024]);
    const w = ad.tensor(1, { requiresGrad: true });
    const pullbacks = Array.from({ length: 80 }, () => {
      const [y, pullback] = ad.vjp((x: Tensor) => f(x.mul(w)), x);
      y.dispose();
      return pullback;
    });
    expect(warning).toHaveBeenCalledOnce();
    expect(warning.mock.calls[0]![0]).toMatch(/pullback\.dispose\(\).*using.*scope/);
    for (const pullback of pullbacks) pullback.dispose();
    x.dispose();
    w.dispose();
  } finally {
    warning.mockRestore();
  }
});

describe("a synchronous loop at top level holds its memory flat, and every pullback stays what it was", () => {
  const g = (x: Tensor) => x.sin().mul(x).transpose().exp().sum(0);

  it.each([
    ["vjp", (x: Tensor) => ad.vjp(g, x)],
    ["linearize", (x: Tensor) => ad.linearize(g, x)],
  ] as const)("%s", (name, make) => {
    const [shape, turns] = [[128, 128], 400];
    const kept: { call: (v: Tensor) => unknown; x: Tensor }[] = [];
    // Other tests have made the sweeps rarer.
    ad.testing.sweepAfter(2 ** 20);
    const before = ad.memory().bytes;
    let most = 0;
    for (let i = 0; i < turns; i++) {
      const x = ad.random.normal(ad.random.key(i), shape);
      const [y, along] = make(x) as [Tensor, (v: Tensor) => unknown];
      // Some are called at once, some never, some much later.
      if (i % 3 === 0) along(name === "vjp" ? ad.onesLike(y) : ad.onesLike(x));
      if (i % 50 === 0) kept.push({ call: along, x });
      most = Math.max(most, ad.memory().bytes);
    }
    ad.testing.sweepAfter(null);
    // Each run holds some 300 KB, all of them more than 100 MB.
    expect(most - before).toBeLessThan(8 * 2 ** 20);
    for (const { call, x } of [...kept, ...kept]) {
      const direction = name === "vjp" ? ad.ones([128]) : ad.onesLike(x);
      const [got] = [call(direction)].flat() as Tensor[];
      const expected = name === "vjp" ? (ad.vjp(g, x)[1](direction)[0] as Tensor) : (ad.jvp(g, [x], [direction])[1] as Tensor);
      expect(ad.allclose(got!, expected, { rtol: 1e-5, atol: 1e-5 })).toBe(true);
    }
  });

  it("through transforms and parameters, and disposed while it is out", () => {
    ad.testing.sweepAfter(0);
    try {
      const w = ad.tensor([1, 2, 3], { requiresGrad: true });
      const f = (x: Tensor) => x.mul(w.detach()).square().mul(x);
      const run = (x: Tensor) => ad.vjp(f, x)[1];
      const pullbacks = [ad.tensor([1, 2, 3]), ad.tensor([3, 2, 1])].map(run);
      for (let i = 0; i < 10; i++) ad.tensor([i]).mul(2);
      const second = (x: Tensor) => ad.grad((v: Tensor) => (pullbacks[0]!(v)[0] as Tensor).square().sum())(x);
      expect(second(ad.tensor([1, 1, 1])).toArray()).toEqual([18, 4608, 118098]);
      pullbacks[1]!.dispose();
      for (let i = 0; i < 10; i++) ad.tensor([i]).mul(2);
      expect(() => pullbacks[1]!(ad.ones([3]))).toThrow(ad.ValueError);
      expect((pullbacks[0]!(ad.ones([3]))[0] as Tensor).toArray()).toEqual([3, 48, 243]);
      w.dispose();
    } finally {
      ad.testing.sweepAfter(null);
    }
  });

  it("is counted outside; where all of them are called again and again they stay inside", () => {
    // A fresh engine, and sweeps as often as at the start.
    ad.reset();
    const turns = 20;
    const x = ad.random.normal(ad.random.key(1), [128, 128]);
    const ct = ad.onesLike(x);
    const outside = ad.memory().movedOutBytes;
    const pullbacks = Array.from({ length: turns }, () => ad.vjp((p: Tensor) => p.mul(2).sin(), x)[1]);
    for (let i = 0; i < 100; i++) ct.mul(i);
    expect(ad.memory().movedOutBytes - outside).toBeGreaterThan(turns * 65536);
    let most = 0;
    for (let round = 0; round < 20; round++) {
      for (const pullback of pullbacks) pullback(ct)[0]!.dispose();
      most = round < 15 ? 0 : Math.max(most, ad.memory().bytes);
    }
    expect(most).toBeGreaterThan(turns * 65536);
    const before = ad.memory().movedOutBytes;
    for (let i = 0; i < 400; i++) ct.mul(i);
    const after = ad.memory().movedOutBytes;
    for (const pullback of pullbacks) pullback.dispose();
    expect(after).toBeGreaterThan(before);
    expect(ad.memory().movedOutBytes).toBeLessThan(after - (turns / 2) * 65536);
    x.dispose();
    ct.dispose();
  });
});
