/** Pure optimizers: the numbers of the classes, derivatives through them, memory of plain loops. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { optim } = ad;
const f64 = (v: unknown) => ad.tensor(v as number[], { dtype: "float64" });
const near = (got: unknown, expected: unknown, digits = 12) =>
  [got].flat(5).forEach((v, i) => expect(v).toBeCloseTo([expected].flat(5)[i] as number, digits));

const START = {
  w: [
    [0.3, 0.7],
    [-1.1, 2],
  ],
  list: [[0.5]],
};
interface Params {
  w: Tensor;
  list: Tensor[];
}
const loss = ({ w, list }: Params) => w.sub(list[0]!).square().sum().add(w.sin().sum()).add(list[0]!.square().sum());

describe.each<[string, Record<string, unknown>]>([
  ["sgd", { lr: 0.1 }],
  ["sgd", { lr: 0.1, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 }],
  ["sgd", { lr: 0.1, momentum: 0.9, nesterov: true, maximize: true }],
  ["adam", { lr: 0.1 }],
  ["adam", { lr: 0.1, betas: [0, 0.5], amsgrad: true, weightDecay: 0.1, eps: 1e-3 }],
  ["adam", { lr: 0.1, maximize: true }],
  ["adamw", { lr: 0.1, weightDecay: 0.2 }],
])("%s %j", (name, options) => {
  const Class = { sgd: optim.SGD, adam: optim.Adam, adamw: optim.AdamW }[name]! as new (
    p: Tensor[],
    o: object,
  ) => InstanceType<typeof optim.SGD>;
  const make = optim.transform[name as "adam"];

  it("takes the steps of the class, in both float types", () => {
    for (const dtype of ["float64", "float32"] as const) {
      ad.scope(() => {
        const tx = make(options);
        let params = { w: ad.tensor(START.w, { dtype }), list: [ad.tensor(START.list[0]!, { dtype })] } as Params;
        const p = {
          w: ad.tensor(START.w, { dtype, requiresGrad: true }),
          list: [ad.tensor(START.list[0]!, { dtype, requiresGrad: true })],
        };
        const optimizer = new Class([p.w, p.list[0]!], options);
        let state = tx.init(params);
        for (let t = 0; t < 7; t++) {
          const [updates, next] = tx.update(ad.grad(loss)(params), state, params);
          [params, state] = [optim.applyUpdates(params, updates), next];
          optimizer.minimize(loss(p));
        }
        expect(params.w.dtype).toBe(dtype);
        expect(state.step.item()).toBe(7);
        near(params.w.toArray(), p.w.toArray(), dtype === "float64" ? 12 : 4);
        near(params.list[0]!.toArray(), p.list[0]!.toArray(), dtype === "float64" ? 12 : 4);
      });
    }
  });

  it("is a function: differentiable, and mapped over an ensemble", () => {
    ad.scope(() => {
      const tx = make(options);
      const twoSteps = (w: Tensor) => {
        let params = { w, list: [f64([0.5])] } as Params;
        let state = tx.init(params);
        for (let t = 0; t < 2; t++) {
          const [updates, next] = tx.update(ad.grad(loss)(params), state, params);
          [params, state] = [optim.applyUpdates(params, updates), next];
        }
        return params.w;
      };
      ad.gradcheck((w: Tensor) => twoSteps(w).square().sum(), [f64(START.w)]);
      const several = f64([
        START.w,
        [
          [1, 2],
          [3, 4],
        ],
      ]);
      near(
        ad.vmap(twoSteps)(several).toArray(),
        [
          twoSteps(f64(START.w)).toArray(),
          twoSteps(
            f64([
              [1, 2],
              [3, 4],
            ]),
          ).toArray(),
        ],
        12,
      );
    });
  });
});

describe("rates", () => {
  it("may be schedules and tensors, differentiable", () => {
    ad.scope(() => {
      const params = { w: f64([1]) };
      const tx = optim.transform.sgd({ lr: (t) => [0.5, 0.25][t]! });
      let state = tx.init(params);
      const gradients = { w: f64([1]) };
      const got = [0, 1].map(() => {
        const [updates, next] = tx.update(gradients, state);
        state = next;
        return updates.w.item();
      });
      expect(got).toEqual([-0.5, -0.25]);
      expect(() => tx.update(gradients, state)).toThrow(/scheduled rate must be a number/);
      // w - lr 2w, squared: d/dlr = 2 (1 - 2 lr)(-2).
      const meta = ad.grad((lr: Tensor) => {
        const tx = optim.transform.sgd({ lr });
        const w = f64([1]);
        const [updates] = tx.update(ad.grad((w: Tensor) => w.square().sum())(w), tx.init(w), w);
        return optim.applyUpdates(w, updates).square().sum();
      });
      near(meta(f64(0.1)).item(), 2 * 0.8 * -2);
    });
  });
});

describe("memory", () => {
  it("of a plain synchronous loop is flat", () => {
    for (const tx of [optim.transform.adam({ lr: 0.1, amsgrad: true }), optim.transform.sgd({ momentum: 0.9, weightDecay: 0.1 })]) {
      let params = { w: ad.zeros([10000]) };
      let state = tx.init(params) as { step: Tensor };
      const f = (p: { w: Tensor }) => p.w.sub(1).square().mean();
      const bytes: number[] = [];
      for (let i = 0; i < 120; i++) {
        const [, gradients] = ad.valueAndGrad(f)(params);
        const [updates, next] = (tx.update as (...a: unknown[]) => [{ w: Tensor }, { step: Tensor }])(gradients, state, params);
        params = optim.applyUpdates(params, updates);
        state = next;
        if (i === 20 || i === 119) bytes.push(ad.memory().bytes);
      }
      // Two sweeps apart, whatever the number of steps: these made tens of megabytes.
      expect(bytes[1]! - bytes[0]!).toBeLessThan(2_000_000);
    }
  });

  it("of a module as a pure function is flat, from its own parameters on", () => {
    ad.manualSeed(4);
    const net = new ad.nn.Sequential(new ad.nn.Linear(64, 64), new ad.nn.Tanh(), new ad.nn.Linear(64, 8));
    const x = ad.random.normal(ad.random.key(0), [32, 64]);
    const y = ad.random.randint(ad.random.key(1), [32], { maxval: 8 });
    const tx = optim.transform.adamw({ lr: 0.01 });
    let params = net.stateDict();
    let state = tx.init(params);
    const losses: number[] = [];
    const bytes: number[] = [];
    for (let i = 0; i < 60; i++) {
      const [loss, gradients] = ad.valueAndGrad((p: Record<string, Tensor>) => ad.nn.crossEntropy(ad.nn.functionalCall(net, p, x), y))(
        params,
      );
      const [updates, next] = tx.update(gradients, state, params);
      params = optim.applyUpdates(params, updates);
      state = next;
      losses.push(loss.item());
      if (i === 10 || i === 59) bytes.push(ad.memory().bytes);
    }
    expect(losses[59]).toBeLessThan(0.1 * losses[0]!);
    expect(bytes[1]! - bytes[0]!).toBeLessThan(2_000_000);
    net.dispose();
  });

  it("takes nothing: every version stays what it was as long as somebody has it", () => {
    const tx = optim.transform.adam();
    const params = { w: f64([1, 2]) };
    const gradients = { w: f64([1, 1]) };
    const first = tx.init(params);
    const versions = [params.w];
    for (let [i, p, state] = [0, params, first]; i < 5; i++) {
      const [updates, next] = tx.update(gradients, state, p);
      [p, state] = [optim.applyUpdates(p, updates), next];
      versions.push(p.w);
    }
    const rows = versions.map((v) => v.toArray<number[]>()[0]!);
    rows.slice(1).forEach((v, i) => near(v, rows[i]! - 0.001, 9));
    expect(tx.update(gradients, first, params)[1].step.item()).toBe(1);
  });

  it("inside a transform nothing is taken", () => {
    const tx = optim.transform.adam();
    const params = { w: f64([1, 2]) };
    const [, state] = tx.update({ w: f64([1, 1]) }, tx.init(params));
    const step = (w: Tensor) => {
      const [updates] = tx.update(ad.grad((p: { w: Tensor }) => p.w.pow(3).sum())({ w }), state, { w });
      return optim.applyUpdates({ w }, updates).w.sum();
    };
    for (let i = 0; i < 3; i++) expect(ad.grad(step)(f64([1, 2])).shape).toEqual([2]);
    expect(state.step.item()).toBe(1);
  });
});

describe("refusals", () => {
  const tx = () => optim.transform.adam({ weightDecay: 0.1 });
  const P = () => ({ w: f64([1, 2]) });
  it.each<[string, () => unknown, RegExp]>([
    ["an unknown option", () => optim.transform.adam({ learning_rate: 1 } as object), /optim.transform.adam: unknown option.*"lr"/],
    ["a bad rate", () => optim.transform.sgd({ lr: -1 }), /lr is -1/],
    ["nesterov alone", () => optim.transform.sgd({ nesterov: true }), /nesterov needs momentum/],
    ["no parameters for weight decay", () => tx().update(P(), tx().init(P())), /weightDecay needs the parameters/],
    ["no state", () => tx().update(P(), undefined as never), /second argument is the state/],
    ["parameters for a state", () => tx().update(P(), P() as never), /second argument is the state/],
    ["another structure", () => tx().update([f64([1])], tx().init(P()), P()), /trees differ/],
    ["another shape", () => tx().update({ w: f64([1]) }, tx().init(P()), P()), /shape \[2\] where \[1\]/],
    ["numbers", () => tx().init({ w: 1 }), /at .w holds 1/],
    ["integers", () => tx().init({ w: ad.tensor([1], { dtype: "int32" }) }), /int32/],
    ["nothing", () => tx().init([]), /without tensors/],
    ["updates of another shape", () => optim.applyUpdates(P(), { w: f64([1]) }), /shape \[1\] where \[2\]/],
    ["updates that are none", () => optim.applyUpdates(P(), null), /holds null/],
  ])("%s", (_, f, message) => {
    ad.scope(() => {
      expect(f).toThrow(ad.AdjointError);
      expect(f).toThrow(message);
    });
  });
});
