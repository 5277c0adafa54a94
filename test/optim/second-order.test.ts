/** `LBFGS` against PyTorch's steps, and `LevenbergMarquardt`: state, compiled closures, refusals, memory. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { nn, optim } = ad;
interface Row {
  options: { lineSearchFn?: "strongWolfe"; maxIter: number; lr?: number };
  steps: { loss: number; p: number[]; calls: number }[];
}
const rows = JSON.parse(readFileSync(new URL("references/lbfgs.json", import.meta.url), "utf8")) as Row[];
const parameter = (values: number[], dtype: "float32" | "float64" = "float64") => ad.tensor(values, { dtype, requiresGrad: true });
const rosenbrock = (p: Tensor) => p.at(1).sub(p.at(0).square()).square().mul(100).add(p.at(0).neg().add(1).square());

describe("LBFGS", () => {
  it.each(rows.filter(({ options }) => options.lineSearchFn === undefined).map((row) => [row.options, row] as const))(
    "takes PyTorch's steps with %j",
    (options, { steps }) => {
      const p = parameter([-1.2, 1]);
      const optimizer = new optim.LBFGS([p], options);
      let calls = 0;
      const closure = () => {
        calls++;
        optimizer.zeroGrad();
        const loss = rosenbrock(p);
        loss.backward();
        return loss;
      };
      for (const expected of steps) {
        const loss = ad.scope(() => optimizer.step(closure).item());
        expect(loss).toBeCloseTo(expected.loss, 9);
        (p.toArray() as number[]).forEach((v, i) => expect(v).toBeCloseTo(expected.p[i]!, 9));
        expect(calls).toBe(expected.calls);
      }
    },
  );

  it("takes strong Wolfe steps as good as PyTorch's, to the minimum, in float32 too", () => {
    const theirs = rows.find(({ options }) => options.lineSearchFn === "strongWolfe")!.steps.at(-1)!;
    for (const [dtype, toleranceChange, near] of [
      ["float64", 1e-9, 1e-4],
      ["float64", 0, 1e-9],
      ["float32", 0, 2e-3],
    ] as const) {
      const p = parameter([-1.2, 1], dtype);
      const optimizer = new optim.LBFGS([p], { lineSearchFn: "strongWolfe", maxIter: 10, toleranceChange });
      let calls = 0;
      for (let i = 0; i < 5; i++)
        optimizer.minimize(() => {
          calls++;
          return rosenbrock(p);
        });
      (p.toArray() as number[]).forEach((v) => expect(Math.abs(v - 1)).toBeLessThan(near));
      if (toleranceChange > 0) {
        expect(calls).toBeLessThanOrEqual(theirs.calls);
        expect(rosenbrock(p).item()).toBeLessThan(1.01 * theirs.loss);
      }
    }
  });

  it.each([null, "strongWolfe"] as const)("goes on bit for bit where a state was saved (%s)", (lineSearchFn) => {
    const options = { lr: 0.1, maxIter: 3, lineSearchFn };
    const p = parameter([-1.2, 1]);
    const optimizer = new optim.LBFGS([p], options);
    for (let i = 0; i < 3; i++) optimizer.minimize(() => rosenbrock(p));
    const saved = JSON.parse(JSON.stringify(optimizer.stateDict())) as never;
    const tensors = optimizer.stateDict();
    const q = parameter(p.toArray() as number[]);
    const r = parameter(p.toArray() as number[]);
    const [resumed, again] = [new optim.LBFGS([q], options), new optim.LBFGS([r], { maxIter: 9 })];
    resumed.loadStateDict(saved);
    again.loadStateDict(tensors);
    expect(again.maxIter).toBe(3);
    for (let i = 0; i < 3; i++) {
      optimizer.minimize(() => rosenbrock(p));
      resumed.minimize(() => rosenbrock(q));
      again.minimize(() => rosenbrock(r));
    }
    expect(q.toArray()).toEqual(p.toArray());
    expect(r.toArray()).toEqual(p.toArray());
  });

  it("trains a network with a compiled closure as with one that is not", () =>
    ad.scope(() => {
      const train = (compiled: boolean) => {
        ad.manualSeed(3);
        const net = new nn.Sequential(new nn.Linear(1, 8), new nn.Tanh(), new nn.Linear(8, 1));
        const x = ad.linspace(-2, 2, 20).reshape([20, 1]);
        const y = x.mul(2).sin();
        const optimizer = new optim.LBFGS(net.parameters(), { lineSearchFn: "strongWolfe" });
        const closure = () => {
          optimizer.zeroGrad();
          const loss = nn.mseLoss(net.forward(x), y);
          loss.backward();
          return loss;
        };
        const evaluate = compiled ? ad.compile(closure) : closure;
        const losses: number[] = [];
        for (let i = 0; i < 6; i++) losses.push(optimizer.step(evaluate).item());
        return losses;
      };
      const losses = train(false);
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 1000);
      expect(train(true)).toEqual(losses);
    }));

  it("takes back a step to where the loss is NaN", () => {
    const p = parameter([1]);
    const optimizer = new optim.LBFGS([p], { lr: 5 });
    optimizer.minimize(() => p.log().mul(-1).add(p.mul(3)).sum());
    expect(Number.isFinite(p.at(0).item())).toBe(true);
    const safe = new optim.LBFGS([p], { lineSearchFn: "strongWolfe" });
    for (let i = 0; i < 3; i++) safe.minimize(() => p.log().mul(-1).add(p.mul(3)).sum());
    expect(p.at(0).item()).toBeCloseTo(1 / 3, 6);
  });

  it.each<[string, (p: Tensor) => unknown, RegExp]>([
    ["no closure", (p) => new optim.LBFGS([p]).step(), /the closure of step, .* must be a function/],
    ["a loss in place of a function", (p) => new optim.LBFGS([p]).minimize(p.sum()), /pass the function/],
    ["a closure without a loss", (p) => new optim.LBFGS([p]).step(() => undefined), /returns the loss, a scalar; it returned undefined/],
    ["two groups", (p) => new optim.LBFGS([{ params: [p] }, { params: [parameter([1])] }]), /one group/],
    ["PyTorch's spelling", (p) => new optim.LBFGS([p], { lineSearchFn: "strong_wolfe" as never }), /expected "strongWolfe" or null/],
    ["no iterations", (p) => new optim.LBFGS([p], { maxIter: 0 }), /maxIter/],
    [
      "a state of another size",
      (p) => new optim.LBFGS([p]).loadStateDict({ state: { 0: { d: [1, 2, 3] } }, paramGroups: [{ params: [0] }] } as never),
      /d must be 1 numbers/,
    ],
  ])("refuses %s", (_, f, message) => {
    const p = parameter([1]);
    expect(() => f(p)).toThrow(ad.ValueError);
    expect(() => f(p)).toThrow(message);
  });
});

describe("LevenbergMarquardt", () => {
  const t = [0, 0.5, 1, 1.5, 2, 3];
  const y = [2.1, 1.4, 1.05, 0.8, 0.7, 0.52];
  const f64 = (v: number[]) => ad.tensor(v, { dtype: "float64" });

  it("takes the steps of leastSquares, to the same end", () =>
    ad.scope(() => {
      const model = (a: Tensor, k: Tensor, c: Tensor) => f64(t).mul(k).neg().exp().mul(a).add(c).sub(f64(y));
      const expected = ad.optimize.leastSquares(([a, k, c]) => model(a, k, c), [f64([1]).at(0), f64([1]).at(0), f64([0]).at(0)] as const);
      const p = [parameter([1]), parameter([1]), parameter([0])] as const;
      const optimizer = new optim.LevenbergMarquardt(p);
      const costs: number[] = [];
      let last = optimizer.step(() => model(...p));
      for (let i = 0; i < 30 && !last.converged; i++) {
        costs.push(last.cost);
        last = optimizer.step(() => model(...p));
      }
      expect(last).toMatchObject({ converged: true });
      expect(last.message).toMatch(/tolerance/);
      expect(costs).toEqual([...costs].sort((a, b) => b - a));
      expect(last.cost).toBeCloseTo(expected.cost, 14);
      p.forEach((v, i) => expect(v.at(0).item()).toBeCloseTo(expected.x[i]!.item(), 8));
    }));

  it("trains a module, whose forward pass needs no argument for its parameters", () =>
    ad.scope(() => {
      ad.manualSeed(1);
      const net = new nn.Sequential(new nn.Linear(1, 6), new nn.Tanh(), new nn.Linear(6, 1));
      const x = ad.linspace(-2, 2, 25).reshape([25, 1]);
      const target = x.mul(2).sin();
      const optimizer = new optim.LevenbergMarquardt(net.parameters());
      let cost = Infinity;
      for (let i = 0; i < 40; i++) {
        const step = optimizer.step(() => net.forward(x).sub(target));
        expect(step.cost).toBeLessThanOrEqual(cost);
        cost = step.cost;
      }
      expect(cost).toBeLessThan(1e-3);
      expect(net.parameters()[0]!.requiresGrad).toBe(true);
      expect(net.forward(x).sub(target).square().sum().item() / 2).toBeCloseTo(cost, 6);
    }));

  it("keeps bounds, resumes from its state bit for bit, and leaves no memory", () => {
    const run = (steps: number[], resume: boolean) => {
      const p = parameter([1, 1]);
      const make = () => new optim.LevenbergMarquardt([p], { bounds: [0.9, 5], factor: 0.1 });
      let optimizer = make();
      for (const count of steps) {
        for (let i = 0; i < count; i++) ad.scope(() => optimizer.step(() => f64(t).mul(p.at(1)).neg().exp().mul(p.at(0)).sub(f64(y))));
        if (!resume) continue;
        const saved = JSON.parse(JSON.stringify(optimizer.stateDict())) as ReturnType<typeof optimizer.stateDict>;
        optimizer = make();
        optimizer.loadStateDict(saved);
      }
      const found = p.toArray() as number[];
      p.dispose();
      return found;
    };
    const before = ad.memory().tensors;
    const whole = run([6], false);
    expect(run([2, 4], true)).toEqual(whole);
    expect(whole[1]).toBe(0.9);
    expect(ad.memory().tensors).toBe(before);
  });

  it.each<[string, (p: Tensor) => unknown, RegExp]>([
    ["residuals of NaN", (p) => new optim.LevenbergMarquardt([p]).step(() => p.neg().log()), /residuals, or their derivatives, hold NaN/],
    ["bounds that exclude a parameter", (p) => new optim.LevenbergMarquardt([p], { bounds: [2, 3] }), /outside of its bounds \[2, 3\]/],
    ["bounds upside down", (p) => new optim.LevenbergMarquardt([p], { bounds: [2, 0] }), /above the upper bound/],
    ["an unknown option", (p) => new optim.LevenbergMarquardt([p], { damping: 1 } as never), /unknown option "damping"/],
    ["a closure that is none", (p) => new optim.LevenbergMarquardt([p]).step(3 as never), /must be a function/],
    ["a closure that returns nothing", (p) => new optim.LevenbergMarquardt([p]).step((() => {}) as never), /return missing/],
    [
      "a state of another size",
      (p) => new optim.LevenbergMarquardt([p]).loadStateDict({ radius: 1, scale: [1, 2] }),
      /scale must be 1 numbers/,
    ],
  ])("refuses %s", (_, f, message) => {
    const p = parameter([1]);
    expect(() => f(p)).toThrow(ad.ValueError);
    expect(() => f(p)).toThrow(message);
  });
});
