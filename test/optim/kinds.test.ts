/** Every optimizer of PyTorch's, and Lion: the reference's numbers, state, resumption, compiled programs and pure forms. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { optim } = ad;
interface Row {
  name: "RMSprop";
  options: Record<string, unknown>;
  steps: number[][];
  state: Record<string, unknown>;
}
const rows = JSON.parse(readFileSync(new URL("references/optimizers.json", import.meta.url), "utf8")) as Row[];

const START = [0.3, 0.7, -1.1];
const TARGET = [1, -2, 0.5];
type Float = "float32" | "float64";
const parameter = (dtype: Float = "float64", values = START) => ad.tensor(values, { dtype, requiresGrad: true });
/** The factor comes as a tensor, so that compiled steps can be given it. */
const factor = (t: number, dtype: Float = "float64") => ad.tensor(1 + 0.5 * Math.sin(3 * t), { dtype });
const objective = (p: Tensor, by: Tensor) =>
  p
    .sub(ad.tensor(TARGET, { dtype: p.dtype }))
    .square()
    .sum()
    .mul(by);

const near = (got: unknown, expected: readonly number[], relative: number) =>
  (got as number[]).forEach((v, i) =>
    expect(Math.abs(v - expected[i]!)).toBeLessThanOrEqual(relative * Math.max(1, Math.abs(expected[i]!))),
  );

describe.each(rows.map((row) => [row.name, row.options, row] as const))("%s %j", (name, options, { steps, state }) => {
  const make = (p: Tensor) => new optim[name]([p], options);

  it("takes PyTorch's steps, in float32 as well", () => {
    for (const [dtype, relative] of [
      ["float64", 1e-13],
      ["float32", 2e-5],
    ] as const) {
      const p = parameter(dtype);
      const optimizer = make(p);
      steps.forEach((expected, t) => {
        ad.scope(() => optimizer.minimize(objective(p, factor(t, dtype))));
        near(p.toArray(), expected, relative);
      });
      const saved = optimizer.stateDict().state[0]!;
      expect(Object.keys(saved).length).toBeGreaterThan(0);
      for (const [key, part] of Object.entries(saved)) {
        if (part instanceof ad.Tensor) near(part.toArray(), state[key] as number[], 10 * relative);
        else expect(part).toBe(state[key]);
      }
    }
  });

  it("goes on bit for bit where a state was saved, and trains compiled as it does eagerly", () => {
    const whole = parameter();
    const first = make(whole);
    for (let t = 0; t < 4; t++) ad.scope(() => first.minimize(objective(whole, factor(t))));
    const plain = JSON.parse(JSON.stringify(first.stateDict(), (_k, v) => (v instanceof ad.Tensor ? v.toArray() : v))) as never;
    const resumed = parameter("float64", whole.toArray() as number[]);
    const second = make(resumed);
    second.loadStateDict(plain);
    for (let t = 4; t < 9; t++) {
      ad.scope(() => first.minimize(objective(whole, factor(t))));
      ad.scope(() => second.minimize(objective(resumed, factor(t))));
    }
    expect(resumed.toArray()).toEqual(whole.toArray());

    const compiled = parameter();
    const third = make(compiled);
    const step = ad.compile((by: Tensor) => {
      const loss = objective(compiled, by);
      third.minimize(loss);
      return loss;
    });
    for (let t = 0; t < 9; t++) ad.scope(() => step(factor(t)));
    expect(compiled.toArray()).toEqual(whole.toArray());
    expect(third.stateDict().state[0]).toMatchObject(
      Object.fromEntries(Object.entries(first.stateDict().state[0]!).filter(([, v]) => !(v instanceof ad.Tensor))),
    );
    expect(step.stats()).toMatchObject({ recordings: 1, replays: 8, eager: 0 });
  });

  it("has a pure form with the same steps, differentiable and mapped", () => {
    const pure = name.toLowerCase() as "rmsprop";
    for (const [dtype, relative] of [
      ["float64", 1e-13],
      ["float32", 2e-5],
    ] as const) {
      ad.scope(() => {
        const tx = optim.transform[pure](options);
        let params = { w: ad.tensor(START, { dtype }) };
        let now = tx.init(params);
        steps.forEach((expected, t) => {
          const gradients = ad.grad(({ w }: typeof params) => objective(w, factor(t, dtype)))(params);
          const [updates, next] = tx.update(gradients, now, params);
          [params, now] = [optim.applyUpdates(params, updates), next];
          expect(params.w.dtype).toBe(dtype);
          near(params.w.toArray(), expected, relative);
        });
      });
    }
    ad.scope(() => {
      const twoSteps = (start: Tensor) => {
        const tx = optim.transform[pure](options);
        let w = start;
        let now = tx.init(w);
        for (let t = 0; t < 2; t++) {
          const [update, next] = tx.update(ad.grad((w: Tensor) => objective(w, factor(t)))(w), now, w);
          [w, now] = [optim.applyUpdates(w, update), next];
        }
        return w;
      };
      const starts = [START, [2, 3, -4]];
      const all = ad
        .vmap(twoSteps)(ad.tensor(starts, { dtype: "float64" }))
        .toArray() as number[][];
      near(all[0], steps[1]!, 1e-13);
      const single = twoSteps(ad.tensor(starts[1]!, { dtype: "float64" })).toArray();
      near(all[1], single as number[], 1e-15);
      ad.gradcheck((w: Tensor) => twoSteps(w).square().sum(), [ad.tensor(START, { dtype: "float64" })]);
    });
  });
});

describe("options", () => {
  const p = () => [parameter()];
  it.each<[string, () => unknown, RegExp]>([
    ["alpha above 1", () => new optim.RMSprop(p(), { alpha: 1.1 }), /RMSprop: alpha is 1.1; expected a number from 0 to 1/],
    [
      "etas in the wrong order",
      () => new optim.Rprop(p(), { etas: [1.2, 0.5] }),
      /etas must be two numbers \[below 1, above 1\].*got \[1.2, 0.5\]/,
    ],
    ["one step size", () => new optim.Rprop(p(), { stepSizes: [1] as never }), /stepSizes must be two numbers \[smallest, largest\]/],
    [
      "PyTorch's spelling",
      () => new optim.Adagrad(p(), { initial_accumulator_value: 1 } as object),
      /Did you mean "initialAccumulatorValue"/,
    ],
    ["amsgrad where there is none", () => new optim.NAdam(p(), { amsgrad: true } as object), /NAdam: unknown option "amsgrad"/],
    ["betas of 1", () => new optim.Lion(p(), { betas: [1, 0.9] }), /Lion: betas/],
    ["a schedule for the first step of Rprop", () => optim.transform.rprop({ lr: (() => 1) as never }), /lr must be a number/],
    [
      "no parameters where they decay",
      () => optim.transform.asgd().update([ad.ones([1])], optim.transform.asgd().init([ad.ones([1])])),
      /needs the parameters/,
    ],
  ])("refuse %s", (_, f, message) => {
    ad.scope(() => {
      expect(f).toThrow(ad.ValueError);
      expect(f).toThrow(message);
    });
  });

  it("can be set later and by group, and bring their state with them", () => {
    const [a, b] = [parameter(), parameter()];
    const optimizer = new optim.RMSprop([{ params: [a] }, { params: [b], centered: true }], { lr: 0.1 });
    ad.scope(() => optimizer.minimize(a.add(b).square().sum()));
    expect(Object.keys(optimizer.stateDict().state[0]!)).toEqual(["squareAvg"]);
    expect(Object.keys(optimizer.stateDict().state[1]!)).toEqual(["squareAvg", "gradAvg"]);
    optimizer.momentum = 0.5;
    ad.scope(() => optimizer.minimize(a.add(b).square().sum()));
    expect(Object.keys(optimizer.stateDict().state[0]!).sort()).toEqual(["momentumBuffer", "squareAvg"]);
    expect(optimizer.groups.map((group) => group.options.momentum)).toEqual([0.5, 0.5]);
  });

  it("NAdam's momentum is a product over all steps, however many were taken", () => {
    // Far along, 1 minus the product is 1: the step is that of the limit.
    const p = parameter();
    const optimizer = new optim.NAdam([p], { lr: 0.1 });
    ad.scope(() => optimizer.minimize(objective(p, factor(0))));
    const saved = optimizer.stateDict();
    saved.state[0]!["step"] = 100_000;
    optimizer.loadStateDict(saved);
    p.assign(START);
    const [m, v] = ["expAvg", "expAvgSq"].map((part) => (saved.state[0]![part] as Tensor).toArray() as number[]);
    const g = START.map((x, i) => 2 * (x - TARGET[i]!) * (1 + 0.5 * Math.sin(3)));
    ad.scope(() => optimizer.minimize(objective(p, factor(1))));
    const mu = 0.9 * (1 - 0.5 * 0.96 ** (100_001 * 4e-3));
    const next = 0.9 * (1 - 0.5 * 0.96 ** (100_002 * 4e-3));
    const expected = START.map((x, i) => {
      const [mean, square] = [0.9 * m![i]! + 0.1 * g[i]!, 0.999 * v![i]! + 0.001 * g[i]! ** 2];
      return x - (0.1 * ((1 - mu) * g[i]! + next * mean)) / (Math.sqrt(square) + 1e-8);
    });
    near(p.toArray(), expected, 1e-13);
  });
});
