/** Averaged parameters, rates on a plateau, accumulated gradients. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn, optim } = ad;
const parameter = (values: number[], dtype: "float32" | "float64" = "float64") => ad.tensor(values, { dtype, requiresGrad: true });
const near = (got: unknown, expected: number[], digits = 13) => {
  expect(got).toHaveLength(expected.length);
  (got as number[]).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, digits));
};

describe("averaged parameters", () => {
  const path = [
    [1, 2],
    [3, -1],
    [0.5, 4],
    [2, 2],
    [-1, 0],
  ];
  const plain = { swa: [0, 0], ema: [0, 0] };
  path.forEach((p, t) => {
    plain.swa = plain.swa.map((a, i) => a + (p[i]! - a) / (t + 1));
    plain.ema = t === 0 ? [...p] : plain.ema.map((a, i) => 0.9 * a + 0.1 * p[i]!);
  });

  it.each([
    ["swa", {}],
    ["ema", { decay: 0.9 }],
  ] as const)("are those of the formula (%s), eagerly and compiled", (name, options) => {
    for (const dtype of ["float64", "float32"] as const) {
      for (const compiled of [false, true]) {
        const p = parameter([9, 9], dtype);
        const average = new optim.AveragedParameters([p], options);
        const step = (next: Tensor) => {
          p.assign(next);
          average.update();
          return next.sum();
        };
        const run = compiled ? ad.compile(step) : step;
        for (const values of path) ad.scope(() => void run(ad.tensor(values, { dtype })));
        ad.scope(() => near(average.weights()["0"]!.toArray(), plain[name], dtype === "float64" ? 13 : 5));
        expect(average.stateDict().count).toBe(5);
        average.dispose();
        p.dispose();
      }
    }
  });

  it("stand in for the parameters while a function runs, also when it throws", () => {
    const p = parameter([1, 2]);
    const average = new optim.AveragedParameters([["weight", p]] as [string, Tensor][], { decay: 0.5 });
    average.update();
    p.assign([3, 4]);
    average.update();
    expect(average.evaluate(() => p.toArray())).toEqual([2, 3]);
    expect(p.toArray()).toEqual([3, 4]);
    expect(() =>
      average.evaluate(() => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(p.toArray()).toEqual([3, 4]);
    average.swap();
    expect([p.toArray(), average.weights()["weight"]!.toArray()]).toEqual([
      [2, 3],
      [3, 4],
    ]);
    average.dispose();
    p.dispose();
  });

  it("are saved, go on bit for bit, and go into another module", () =>
    ad.scope(() => {
      const net = new nn.Linear(2, 1);
      const average = new optim.AveragedParameters(net.namedParameters());
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
      const train = (to: InstanceType<typeof optim.AveragedParameters>[], steps: number) => {
        for (let i = 0; i < steps; i++) {
          optimizer.minimize(
            net
              .forward([[1, 2]])
              .square()
              .sum(),
          );
          for (const each of to) each.update();
        }
      };
      train([average], 3);
      const saved = average.stateDict();
      const plain = JSON.parse(JSON.stringify(saved, (_k, v) => (v instanceof ad.Tensor ? v.toArray() : v))) as typeof saved;
      const [again, third] = [new optim.AveragedParameters(net.namedParameters()), new optim.AveragedParameters(net.namedParameters())];
      again.loadStateDict(plain);
      third.loadStateDict(saved);
      train([average, again, third], 3);
      for (const other of [again, third])
        for (const [name, value] of Object.entries(average.weights())) expect(other.weights()[name]!.toArray()).toEqual(value.toArray());
      const copy = new nn.Linear(2, 1);
      copy.loadStateDict(average.weights());
      expect(copy.forward([[1, 2]]).toArray()).toEqual(average.evaluate(() => net.forward([[1, 2]]).toArray()));
    }));

  it("hold memory flat in a plain loop", () => {
    const net = new nn.Linear(4, 4);
    const optimizer = new optim.Adam(net.parameters());
    const average = new optim.AveragedParameters(net.namedParameters(), { decay: 0.9 });
    const turn = () => {
      optimizer.minimize(
        net
          .forward(ad.ones([2, 4]))
          .square()
          .sum(),
      );
      average.update();
    };
    for (let i = 0; i < 3; i++) turn();
    const { tensors } = ad.memory();
    for (let i = 0; i < 20; i++) turn();
    // What a turn leaves until the next step ends it; not more with each turn.
    expect(ad.memory().tensors).toBeLessThanOrEqual(tensors + 40);
    optimizer.zeroGrad();
    optimizer.dispose();
    average.dispose();
    net.dispose();
  });

  it.each<[string, (p: Tensor) => unknown, RegExp]>([
    ["a decay above 1", (p) => new optim.AveragedParameters([p], { decay: 2 }), /decay is 2/],
    ["a module", () => new optim.AveragedParameters(new nn.ReLU() as never), /take module.parameters\(\)/],
    [
      "a state of other names",
      (p) => new optim.AveragedParameters([p]).loadStateDict({ count: 1, averages: { w: [1] } }),
      /expected averages of 0, got w/,
    ],
    ["a count below 0", (p) => new optim.AveragedParameters([p]).loadStateDict({ count: -1, averages: { 0: [1] } }), /count/],
  ])("refuse %s", (_, f, message) => {
    const p = parameter([1]);
    expect(() => f(p)).toThrow(ad.ValueError);
    expect(() => f(p)).toThrow(message);
  });
  it("refuse a state of other shapes", () => {
    const p = parameter([1, 2]);
    expect(() => new optim.AveragedParameters([p]).loadStateDict({ count: 1, averages: { 0: [1, 2, 3] } })).toThrow(ad.ShapeError);
  });
});

describe("reduceOnPlateau", () => {
  const { metrics, cases } = JSON.parse(readFileSync(new URL("references/plateaus.json", import.meta.url), "utf8")) as {
    metrics: (number | null)[];
    cases: { options: ad.optim.PlateauOptions; rates: number[][] }[];
  };
  it.each(cases.map((row) => [row.options, row.rates] as const))(
    "sets PyTorch's rates with %j, and goes on from its state",
    (options, rates) => {
      const optimizer = new optim.SGD([{ params: [parameter([1])] }, { params: [parameter([1])], lr: 0.02 }], { lr: 0.1 });
      let plateau = optim.reduceOnPlateau(optimizer, options);
      metrics.forEach((metric, t) => {
        const value = metric ?? NaN;
        const rate = t % 2 === 0 ? plateau(value) : plateau.step(ad.scope(() => ad.tensor(value, { dtype: "float64" }).item()));
        expect(rate).toBe(optimizer.lr);
        near(
          optimizer.groups.map((group) => group.lr),
          rates[t]!,
          15,
        );
        if (t !== 9) return;
        const saved = JSON.parse(JSON.stringify(plateau.stateDict())) as ad.optim.PlateauState;
        plateau = optim.schedules.reduceOnPlateau(optimizer, options);
        plateau.loadStateDict(saved);
      });
    },
  );

  it.each<[string, () => unknown, RegExp]>([
    ["an unknown mode", () => optim.reduceOnPlateau({ lr: 1 }, { mode: "least" as never }), /mode is .*expected "min" or "max"/],
    ["a factor of 1", () => optim.reduceOnPlateau({ lr: 1 }, { factor: 1 }), /factor is 1/],
    ["what has no rate", () => optim.reduceOnPlateau({} as never), /an optimizer/],
    ["a metric that is none", () => optim.reduceOnPlateau({ lr: 1 })("1" as never), /number/],
    ["PyTorch's spelling", () => optim.reduceOnPlateau({ lr: 1 }, { min_lr: 0 } as never), /Did you mean "minLr"/],
  ])("refuses %s", (_, f, message) => {
    expect(f).toThrow(ad.ValueError);
    expect(f).toThrow(message);
  });
});

it("gradients of parts of a batch add up to that of the batch", () =>
  ad.scope(() => {
    const x = ad.random.normal(ad.random.key(1), [12, 3], { dtype: "float64" });
    const y = ad.random.normal(ad.random.key(2), [12, 1], { dtype: "float64" });
    const train = (parts: number, compiled: boolean) => {
      const w = parameter([0.1, -0.2, 0.3]);
      const optimizer = new optim.Adam([w], { lr: 0.05 });
      const [xs, ys] = [ad.split(x, 12 / parts), ad.split(y, 12 / parts)];
      const add = (x: Tensor, y: Tensor) => {
        const loss = nn.mseLoss(x.matmul(w.reshape([3, 1])), y).div(parts);
        loss.backward();
        return loss;
      };
      const accumulate = compiled ? ad.compile(add) : add;
      for (let t = 0; t < 5; t++) {
        optimizer.zeroGrad();
        for (let k = 0; k < parts; k++) accumulate(xs[k]!, ys[k]!);
        optimizer.step();
      }
      return w.toArray() as number[];
    };
    const whole = train(1, false);
    for (const parts of [2, 3, 4]) near(train(parts, false), whole, 12);
    near(train(3, true), whole, 12);
  }));
