/** Clipping: the joint norm at any scale and p, what PyTorch refuses. Schedules: rates against their formulas. */
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { optim } = ad;
const withGradient = (gradient: number[], dtype: "float32" | "float64" = "float64") => {
  const p = ad.tensor(
    gradient.map(() => 0),
    { dtype, requiresGrad: true },
  );
  p.mul(ad.tensor(gradient, { dtype })).sum().backward();
  return p;
};

describe("clipGradNorm", () => {
  it.each([1, 1e-3, 1e5, 1e100, 1e200, 1e300])("has the joint norm of gradients around %s", (scale) => {
    for (const p of [0.5, 1, 2, 3, 100, Infinity]) {
      ad.scope(() => {
        const params = [withGradient([3 * scale, -1 * scale]), withGradient([2 * scale])];
        const expected = scale * (p === Infinity ? 3 : (3 ** p + 1 + 2 ** p) ** (1 / p));
        const max = 0.5 * scale;
        const before = optim.clipGradNorm(params, max, { p });
        expect(before / expected).toBeCloseTo(1, 10);
        const factor = max / (expected + 1e-6);
        params
          .flatMap((q) => q.grad!.toArray() as number[])
          .forEach((g, i) => expect(g / ([3, -1, 2][i]! * scale * factor)).toBeCloseTo(1, 10));
        expect(optim.clipGradNorm(params, Infinity, { p }) / max).toBeCloseTo(1, 2);
      });
    }
  });

  it("of float32 gradients whose squares or whose sum leave float32", () => {
    ad.scope(() => {
      const params = [withGradient([3e38], "float32"), withGradient([3e38], "float32")];
      expect(optim.clipGradNorm(params, 1) / (3e38 * Math.SQRT2)).toBeCloseTo(1, 6);
      for (const p of params) expect(p.grad!.item()).toBeCloseTo(Math.SQRT1_2, 6);
      const large = withGradient([1e38], "float32");
      optim.clipGradNorm(large, 1e-3);
      expect(large.grad!.item() / 1e-3).toBeCloseTo(1, 6);
      const small = withGradient([3e-30, 4e-30], "float32");
      expect(optim.clipGradNorm(small, 1) / 5e-30).toBeCloseTo(1, 6);
      expect(small.grad!.sum().item() / 7e-30).toBeCloseTo(1, 6);
    });
  });

  it("takes one tensor, pairs, the same tensor twice; leaves those without a gradient alone", () => {
    ad.scope(() => {
      const p = withGradient([3, 4]);
      expect(optim.clipGradNorm(p, 10)).toBe(5);
      expect(optim.clipGradNorm([p, p], 10)).toBe(5);
      expect(optim.clipGradNorm([["w", p]], 10)).toBe(5);
      const empty = ad.tensor([1], { requiresGrad: true });
      expect(optim.clipGradNorm([empty], 1)).toBe(0);
      expect(optim.clipGradNorm([], 1)).toBe(0);
      optim.clipGradValue(p, 3.5);
      expect(p.grad!.toArray()).toEqual([3, 3.5]);
      optim.clipGradNorm(p, 0);
      expect(p.grad!.toArray()).toEqual([0, 0]);
    });
  });

  it("shows or refuses a norm that is no number", () => {
    ad.scope(() => {
      for (const bad of [NaN, Infinity]) {
        const [p, q] = [withGradient([bad]), withGradient([2])];
        expect(() => optim.clipGradNorm([p, q], 1, { errorIfNonfinite: true })).toThrow(ad.ValueError);
        expect(q.grad!.item()).toBe(2);
        expect(optim.clipGradNorm([p, q], 1)).toBe(bad);
        // As PyTorch: max / Infinity is 0, and NaN spreads.
        expect(q.grad!.item()).toBe(Number.isNaN(bad) ? NaN : 0);
      }
    });
  });

  it.each<[string, (p: ad.Tensor) => unknown, RegExp]>([
    ["a negative norm", (p) => optim.clipGradNorm(p, -1), /from 0 on/],
    ["NaN", (p) => optim.clipGradNorm(p, NaN), /from 0 on/],
    ["p = 0", (p) => optim.clipGradNorm(p, 1, { p: 0 }), /above 0/],
    ["normType", (p) => optim.clipGradNorm(p, 1, { normType: 1 } as object), /Did you mean "p"/],
    ["a module", () => optim.clipGradNorm(new ad.nn.ReLU() as never, 1), /module.parameters\(\)/],
    ["a negative value", (p) => optim.clipGradValue(p, -1), /from 0 on/],
    ["no value", (p) => (optim.clipGradValue as (p: ad.Tensor) => void)(p), /must be a number/],
  ])("refuses %s", (_, f, message) => {
    ad.scope(() => {
      const p = withGradient([1]);
      expect(() => f(p)).toThrow(ad.ValueError);
      expect(() => f(p)).toThrow(message);
      expect(p.grad!.item()).toBe(1);
    });
  });
});

describe("schedules", () => {
  /** torch.optim.lr_scheduler.OneCycleLR, two phases, as its source has it. */
  const oneCycleReference =
    (max: number, steps: number, start = 0.3, divide = 25, finalDivide = 1e4) =>
    (t: number) => {
      const cos = (from: number, to: number, x: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * x));
      const [first, last] = [max / divide, max / divide / finalDivide];
      const [end1, end2] = [start * steps - 1, steps - 1];
      return t <= end1 ? cos(first, max, t / end1) : cos(max, last, (t - end1) / (end2 - end1));
    };

  it.each([
    [100, {}],
    [7, {}],
    [13, {}],
    [9, { start: 0.25, divide: 10, finalDivide: 100 }],
    [2, {}],
    [10, { start: 1 }],
  ] as const)("oneCycle of %s steps %j", (steps, options) => {
    const o = options as { start?: number; divide?: number; finalDivide?: number };
    const rate = optim.oneCycle(0.4, steps, options);
    for (let t = 0; t < steps; t++) expect(rate(t)).toBeCloseTo(oneCycleReference(0.4, steps, o.start, o.divide, o.finalDivide)(t), 12);
    if (o.start !== 1) expect(rate(steps + 5)).toBeCloseTo(rate(steps - 1), 12);
  });

  it("keep the proportion of groups", () => {
    const [p, q] = [1, 2].map(() => ad.tensor([1], { requiresGrad: true }));
    const optimizer = new optim.SGD([
      { params: [p!], lr: 0.1 },
      { params: [q!], lr: 0.01 },
    ]);
    const advance = optim.schedule(optimizer, optim.exponential(0.1, 0.5));
    expect(optimizer.groups.map((g) => g.lr)).toEqual([0.1, 0.01]);
    expect(advance()).toBe(0.05);
    expect(optimizer.groups.map((g) => g.lr)).toEqual([0.05, 0.005]);
    expect(() => optim.schedule(optimizer, () => NaN)).toThrow(/rate at step 0 is NaN/);
    expect(() => optim.schedule(optimizer, 0.1 as never)).toThrow(ad.ValueError);
    const frozen = new optim.SGD([
      { params: [p!], lr: 0 },
      { params: [q!], lr: 0.01 },
    ]);
    expect(() => optim.schedule(frozen, optim.exponential(0.1, 0.5))).toThrow(/no proportion/);
  });

  it("have their formulas, and refuse what makes no sense", () => {
    [1, 0.8535533905932737, 0.5, 0.1464466094067262, 0, 0].forEach((r, t) => expect(optim.cosine(1, 4)(t)).toBeCloseTo(r, 14));
    expect([0, 9, 10, 25].map(optim.step(1, 10, 0.5))).toEqual([1, 1, 0.5, 0.25]);
    expect([0, 3, 4, 6].map(optim.warmup(4, optim.exponential(1, 0.5)))).toEqual([0.25, 1, 1, 0.25]);
    for (const bad of [
      () => optim.cosine(-1, 4),
      () => optim.step(1, 0),
      () => optim.exponential(1, NaN),
      () => optim.warmup(1.5, 1),
      () => optim.oneCycle(1, 10, { pctStart: 0.1 } as object),
      () => optim.oneCycle(1, 10, { start: 2 }),
    ]) {
      expect(bad).toThrow(ad.ValueError);
    }
  });
});
