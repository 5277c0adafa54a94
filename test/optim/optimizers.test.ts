/** Optimizers: numbers against PyTorch's formulas in plain float64; groups, state, atomic steps, refusals. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterEach, describe, expect, it, vi } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();
afterEach(() => vi.restoreAllMocks());

const { nn, optim } = ad;
const param = (value: number[], dtype: "float32" | "float64" = "float64") => ad.tensor(value, { dtype, requiresGrad: true });

const START = [0.3, 0.7, -1.1];
const TARGET = [1, -2, 0.5];
/** Σ (p - target)² has the gradient 2 (p - target); times a factor that changes from step to step. */
const factor = (t: number) => 1 + 0.5 * Math.sin(3 * t);
const objective = (p: Tensor, t: number) =>
  p
    .sub(ad.tensor(TARGET, { dtype: p.dtype }))
    .square()
    .sum()
    .mul(factor(t));
const slope = (p: number[], t: number) => p.map((v, i) => 2 * (v - TARGET[i]!) * factor(t));

type Make = (params: Tensor[]) => {
  minimize(loss: Tensor): unknown;
  stateDict(): ReturnType<InstanceType<typeof optim.SGD>["stateDict"]>;
  loadStateDict(s: unknown): void;
};

function run(make: Make, steps: number, p: Tensor = param(START)): number[] {
  const optimizer = make([p]);
  for (let t = 0; t < steps; t++) ad.scope(() => optimizer.minimize(objective(p, t)));
  return p.toArray() as number[];
}

interface SGDSetting {
  lr: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
  weightDecay?: number;
  maximize?: boolean;
}
function sgd(
  { lr, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0, maximize = false }: SGDSetting,
  steps: number,
): number[] {
  let p = [...START];
  let buffer: number[] | undefined;
  for (let t = 0; t < steps; t++) {
    let g = slope(p, t).map((v, i) => (maximize ? -v : v) + weightDecay * p[i]!);
    if (momentum !== 0) {
      buffer = buffer === undefined ? [...g] : buffer.map((b, i) => momentum * b + (1 - dampening) * g[i]!);
      g = nesterov ? g.map((v, i) => v + momentum * buffer![i]!) : buffer;
    }
    p = p.map((v, i) => v - lr * g[i]!);
  }
  return p;
}

interface AdamSetting {
  lr: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  amsgrad?: boolean;
  maximize?: boolean;
}
function adam(
  { lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay, amsgrad = false, maximize = false }: AdamSetting,
  decoupled: boolean,
  steps: number,
): number[] {
  const decay = weightDecay ?? (decoupled ? 0.01 : 0);
  let p = [...START];
  let [m, v, largest] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (let t = 1; t <= steps; t++) {
    const g = slope(p, t - 1).map((d, i) => (maximize ? -d : d) + (decoupled ? 0 : decay * p[i]!));
    if (decoupled) p = p.map((x) => x - lr * decay * x);
    m = m.map((a, i) => betas[0] * a + (1 - betas[0]) * g[i]!);
    v = v.map((a, i) => betas[1] * a + (1 - betas[1]) * g[i]! ** 2);
    largest = largest.map((a, i) => Math.max(a, v[i]!));
    const second = amsgrad ? largest : v;
    p = p.map((x, i) => x - ((lr / (1 - betas[0] ** t)) * m[i]!) / (Math.sqrt(second[i]!) / Math.sqrt(1 - betas[1] ** t) + eps));
  }
  return p;
}

const SGD: SGDSetting[] = [
  { lr: 0.05 },
  { lr: 0.05, maximize: true },
  { lr: 0.05, momentum: 0.9 },
  { lr: 0.05, momentum: 0.9, dampening: 0.3 },
  { lr: 0.02, momentum: 0.8, nesterov: true, weightDecay: 0.1 },
  { lr: 0.02, momentum: 0.5, weightDecay: 0.3, maximize: true },
];
const ADAM: AdamSetting[] = [
  { lr: 0.1 },
  { lr: 0.1, weightDecay: 0.2, betas: [0.8, 0.95] },
  { lr: 0.1, maximize: true },
  { lr: 0.1, amsgrad: true, betas: [0.5, 0.6] },
  { lr: 0.1, amsgrad: true, weightDecay: 0.1, maximize: true, eps: 1e-3, betas: [0.9, 0.5] },
];
const all: [string, Make, number[], number[]][] = [
  ...SGD.map((o): [string, Make, number[], number[]] => [
    `SGD ${JSON.stringify(o)}`,
    (p) => new optim.SGD(p, o) as never,
    sgd(o, 9),
    sgd(o, 4),
  ]),
  ...ADAM.map((o): [string, Make, number[], number[]] => [
    `Adam ${JSON.stringify(o)}`,
    (p) => new optim.Adam(p, o) as never,
    adam(o, false, 9),
    adam(o, false, 4),
  ]),
  ...ADAM.map((o): [string, Make, number[], number[]] => [
    `AdamW ${JSON.stringify(o)}`,
    (p) => new optim.AdamW(p, o) as never,
    adam(o, true, 9),
    adam(o, true, 4),
  ]),
];

describe.each(all)("%s", (_, make, expected, early) => {
  it("follows PyTorch's formula, in float32 as well", () => {
    run(make, 9).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
    run(make, 9, param(START, "float32")).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 4));
  });

  it("goes on from a saved state, which later steps do not change", () => {
    const p = param(START);
    const first = make([p]);
    for (let t = 0; t < 4; t++) ad.scope(() => first.minimize(objective(p, t)));
    const saved = first.stateDict();
    const numbers = p.toArray() as number[];
    numbers.forEach((v, i) => expect(v).toBeCloseTo(early[i]!, 12));
    for (let t = 4; t < 6; t++) ad.scope(() => first.minimize(objective(p, t)));
    // As plain data, as a file would hold it, and as tensors; the second time into the same optimizer.
    const plain = JSON.parse(JSON.stringify(saved, (_key, v) => (v instanceof ad.Tensor ? v.toArray() : v))) as unknown;
    for (const [state, optimizer] of [
      [saved, make([p])],
      [plain, make([p])],
      [saved, first],
    ] as const) {
      p.assign(numbers);
      optimizer.loadStateDict(state);
      for (let t = 4; t < 9; t++) ad.scope(() => optimizer.minimize(objective(p, t)));
      (p.toArray() as number[]).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
    }
  });
});

describe("parameters and groups", () => {
  it("have options of their own, may be named, may come later", () => {
    const [p, q, r] = [param([1]), param([1]), param([1])];
    const optimizer = new optim.SGD([{ params: [p], lr: 1 }, { params: [["q", q]] as [string, Tensor][] }], { lr: 0.1 });
    optimizer.addParamGroup({ params: new Set([r]), lr: 0.5, maximize: true });
    ad.scope(() => optimizer.minimize(p.add(q).add(r).sum()));
    expect([p.item(), q.item(), r.item()]).toEqual([0, 0.9, 1.5]);
    optimizer.params.forEach((each, i) => expect(each).toBe([p, q, r][i]));
    optimizer.groups[1]!.lr = 0.2;
    optimizer.groups[2]!.options.maximize = false;
    expect(optimizer.groups.map((g) => g.lr)).toEqual([1, 0.2, 0.5]);
    ad.scope(() => optimizer.minimize(p.add(q).add(r).sum()));
    [-1, 0.7, 1].forEach((v, i) => expect([p, q, r][i]!.item()).toBeCloseTo(v, 14));
    optimizer.lr = 0.25;
    expect(optimizer.groups.map((g) => g.options.lr)).toEqual([0.25, 0.25, 0.25]);
    const net = new nn.Linear(1, 1);
    ad.scope(() => new optim.SGD(net.namedParameters(), { lr: 1 }).minimize(net.forward([[1]]).sum()));
    expect(net.bias!.grad!.toArray()).toEqual([1]);
    net.dispose();
  });

  const p = () => param([1]);
  it.each<[string, (a: Tensor) => unknown, RegExp]>([
    [
      "an unknown option",
      (a) => new optim.SGD([a], { learningRate: 1 } as object),
      /SGD: unknown option "learningRate".*Did you mean "lr"/,
    ],
    ["another unknown option", (a) => new optim.Adam([a], { beta1: 0.9 } as object), /betas: \[beta1, beta2\]/],
    ["snake case", (a) => new optim.SGD([a], { weight_decay: 0.1 } as object), /Did you mean "weightDecay"/],
    ["an unknown option of a group", (a) => new optim.Adam([{ params: [a], learning_rate: 1 }]), /parameter group.*Did you mean "lr"/],
    ["a number for options", (a) => new optim.Adam([a], 0.01 as never), /must be a plain object, got 0.01.*lr/],
    ["a list for a number", (a) => new optim.SGD([a], { lr: [0.1] as never }), /lr must be a number, got an array/],
    [
      "a tensor for a number",
      (a) => new optim.SGD([a], { lr: 0.1, weightDecay: ad.tensor(0.1) as never }),
      /weightDecay must be a number.*item\(\)/,
    ],
    ["a negative rate", (a) => new optim.Adam([a], { lr: -1 }), /lr is -1/],
    ["a rate of NaN", (a) => new optim.Adam([a], { lr: NaN }), /lr is NaN/],
    ["a rate of NaN later", (a) => (new optim.Adam([a]).lr = NaN), /lr is NaN/],
    ["a bad rate of a group later", (a) => (new optim.SGD([a]).groups[0]!.options.lr = -0.5), /lr is -0.5/],
    ["an unknown option later", (a) => ((new optim.SGD([a]).groups[0]!.options as unknown as Record<string, number>)["decay"] = 1), /./],
    ["a negative decay", (a) => new optim.AdamW([a], { weightDecay: -0.1 }), /AdamW: weightDecay is -0.1/],
    ["negative momentum", (a) => new optim.SGD([a], { momentum: -0.1 }), /momentum/],
    ["one beta", (a) => new optim.Adam([a], { betas: [0.9] as never }), /betas must be two numbers.*\[0.9\]/],
    ["a beta of 1", (a) => new optim.Adam([a], { betas: [0.9, 1] }), /from 0 to below 1/],
    ["nesterov alone", (a) => new optim.SGD([a], { nesterov: true }), /nesterov needs momentum/],
    ["a string for maximize", (a) => new optim.SGD([a], { maximize: "yes" as never }), /true or false/],
    ["no parameters", () => new optim.SGD([]), /empty.*private fields/],
    ["one tensor", (a) => new optim.SGD(a as never), /one tensor; for one parameter write \[parameter\]/],
    ["a module", () => new optim.SGD(new nn.ReLU() as never), /take module.parameters\(\)/],
    ["a state dict", (a) => new optim.SGD({ a } as never), /Object.values/],
    ["nothing", () => new optim.SGD(undefined as never), /expected a list of parameters, got undefined/],
    ["a plain tensor", () => new optim.SGD([ad.ones([1])]), /leaf tensor with requiresGrad; got one without/],
    ["a result", (a) => new optim.SGD([a.mul(2)]), /a result of a computation/],
    ["a number among them", (a) => new optim.SGD([a, 3 as never]), /entry 1 of the parameters is 3/],
    ["a parameter twice", (a) => new optim.SGD([a, a]), /appears twice/],
    ["a parameter in two groups", (a) => new optim.SGD([{ params: [a] }, { params: [a] }]), /appears twice/],
    ["a parameter again later", (a) => new optim.SGD([a]).addParamGroup({ params: [a] }), /appears twice/],
    ["a loss that is a number", (a) => new optim.SGD([a]).minimize(a.sum().item() as never), /pass the loss itself/],
    ["a loss that is no scalar", (a) => new optim.SGD([a]).minimize(a), /must be a scalar, got shape \[2\]/],
    ["a closure that is none", (a) => new optim.SGD([a]).step(3 as never), /closure of step must be a function/],
  ])("refuse %s", (name, f, message) => {
    ad.scope(() => {
      const a = name === "a loss that is no scalar" ? param([1, 2]) : p();
      expect(() => f(a)).toThrow(name === "an unknown option later" ? Error : ad.ValueError);
      expect(() => f(a)).toThrow(message);
    });
  });
});

describe("a step", () => {
  it("changes nothing when one gradient does not fit", () => {
    const [p, q] = [param([1]), param([1, 2])];
    for (const Kind of [optim.SGD, optim.Adam]) {
      const optimizer = new Kind([p, q], { lr: 0.1 });
      p.grad = ad.tensor([1], { dtype: "float64" });
      q.grad = ad.tensor([1, 1], { dtype: "float64" });
      // Straight into the engine: whoever sets gradients by other ways.
      ad.scope(() => {
        const wrong = ad.tensor([1, 1, 1], { dtype: "float64" });
        try {
          q.grad = wrong;
        } catch {
          return;
        }
        expect(() => optimizer.step()).toThrow(ad.ShapeError);
      });
      expect([p.item(), ...(q.toArray() as number[])]).toEqual([1, 1, 2]);
      q.grad = null;
      p.grad = null;
    }
    const gone = param([1]);
    const optimizer = new optim.SGD([p, gone], { lr: 0.1 });
    p.sum().add(gone.sum()).backward();
    gone.dispose();
    expect(() => optimizer.step()).toThrow(ad.DisposedError);
    expect(p.item()).toBe(1);
    p.zeroGrad();
  });

  it("may compute the loss itself, and returns it", () => {
    const p = param([3]);
    const optimizer = new optim.SGD([p], { lr: 0.5 });
    const loss = optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = p.square().sum();
      loss.backward();
      return loss;
    });
    expect([loss.item(), p.item()]).toEqual([9, 0]);
    optimizer.minimize(() => p.add(1).square().sum());
    expect(p.item()).toBe(-1);
  });

  it("keeps what was computed before, and a snapshot of the state costs one copy", () => {
    const p = param([2, 3]);
    const optimizer = new optim.Adam([p], { lr: 0.1, amsgrad: true });
    const y = p.square().sum();
    ad.scope(() => optimizer.minimize(p.sum()));
    y.backward();
    expect(p.grad!.toArray()).toEqual([5, 7]);
    const saved = optimizer.stateDict();
    const before = (saved.state[0]!["expAvg"] as Tensor).toArray();
    ad.scope(() => optimizer.minimize(p.sum()));
    expect((saved.state[0]!["expAvg"] as Tensor).toArray()).toEqual(before);
    expect(saved.state[0]!["step"]).toBe(1);
  });

  it("mentions parameters that never received a gradient, once and by name", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const net = new nn.Sequential(new nn.Linear(1, 1), new nn.Linear(1, 1));
    const used = net.layers[0] as ad.nn.Linear;
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    for (let i = 0; i < 30; i++) ad.scope(() => optimizer.minimize(used.forward([[1]]).sum()));
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toMatch(/: 1\.weight, 1\.bias/);
    const all = new optim.SGD(net.parameters(), { lr: 0.01 });
    for (let i = 0; i < 30; i++) ad.scope(() => all.minimize(net.forward([[1]]).sum()));
    expect(warn).toHaveBeenCalledTimes(1);
    net.dispose();
  });

  it("releases its state with dispose()", () => {
    const p = param([1, 2]);
    const before = ad.memory().tensors;
    const optimizer = new optim.Adam([p]);
    ad.scope(() => optimizer.minimize(p.sum()));
    p.zeroGrad();
    expect(ad.memory().tensors).toBe(before + 2);
    optimizer.dispose();
    expect(ad.memory().tensors).toBe(before);
  });
});

describe("a saved state", () => {
  it("is refused as a whole when it does not fit", () => {
    const [p, q] = [param([1]), param([1, 2])];
    const optimizer = new optim.Adam([p, q], { lr: 0.1 });
    ad.scope(() => optimizer.minimize(p.sum().add(q.sum())));
    const good = optimizer.stateDict();
    const now = () => JSON.stringify(optimizer.stateDict(), (_k, v) => (v instanceof ad.Tensor ? v.toArray() : v));
    const before = now();
    const bad: [unknown, RegExp][] = [
      [null, /expected \{ state, paramGroups \}/],
      [{ ...good, paramGroups: [] }, /0 parameter groups/],
      [{ ...good, paramGroups: [{ ...good.paramGroups[0], params: [0] }] }, /saved with 1 parameters/],
      [{ ...good, paramGroups: [{ ...good.paramGroups[0], lr: -1 }] }, /lr is -1/],
      [{ ...good, paramGroups: [{ ...good.paramGroups[0], momentum: 1 }] }, /unknown option momentum/],
      [{ ...good, state: { ...good.state, 1: { ...good.state[1], expAvg: [1, 2, 3] } } }, /shape \[3\]/],
      [{ ...good, state: { ...good.state, 1: { step: 1, expAvg: [1, 2] } } }, /lacks expAvgSq/],
      [{ ...good, state: { ...good.state, 1: { ...good.state[1], momentumBuffer: [1, 2] } } }, /unknown part "momentumBuffer"/],
      [{ ...good, state: { ...good.state, 1: { ...good.state[1], step: -1 } } }, /step of parameter 1/],
      [{ ...good, state: { ...good.state, 7: good.state[1] } }, /in no group/],
    ];
    for (const [state, message] of bad) {
      expect(() => optimizer.loadStateDict(state as never)).toThrow(message);
      expect(() => optimizer.loadStateDict(state as never)).toThrow(ad.AdjointError);
    }
    expect(now()).toBe(before);
  });
});

describe("an optimizer of one's own", () => {
  it("declares its options and overrides update", () => {
    class SignDescent extends optim.Optimizer<{ lr: number }> {
      constructor(params: Iterable<Tensor>, options?: { lr?: number }) {
        const lr = (op: string, what: string, value: unknown) => {
          if (typeof value !== "number") throw new ad.ValueError(`${op}: ${what}`, op);
          return value;
        };
        super({ name: "SignDescent", rules: { lr }, defaults: { lr: 0.1 } }, params, options);
      }
      protected override update(p: Tensor, gradient: Tensor, { lr }: { lr: number }) {
        p.assign(p.sub(gradient.sign().mul(lr)));
      }
    }
    const p = param([1, -1]);
    const optimizer = new SignDescent([p], { lr: 0.25 });
    ad.scope(() => optimizer.minimize(p.square().sum()));
    expect(p.toArray()).toEqual([0.75, -0.75]);
    expect(() => new SignDescent([p], { momentum: 1 } as object)).toThrow(/SignDescent: unknown option "momentum"/);
  });
});

describe("an optimizer that remembers", () => {
  /** torch.optim.RMSprop, centred or not, with a count. */
  class RMSprop extends optim.Optimizer<
    { lr: number; alpha: number; eps: number; centered: boolean },
    { squareAvg: Tensor; gradAvg?: Tensor; step: number }
  > {
    static readonly counts: number[] = [];
    constructor(params: Tensor[], options?: { lr?: number; centered?: boolean }) {
      const parts = { step: "count", squareAvg: "tensor", gradAvg: "optional tensor" } as const;
      super({ name: "RMSprop", defaults: { lr: 0.01, alpha: 0.9, eps: 1e-8, centered: false }, parts }, params, options);
    }
    protected override uses(_part: string, { centered }: { centered: boolean }) {
      return centered;
    }
    protected override update(
      p: Tensor,
      gradient: Tensor,
      { lr, alpha, eps, centered }: { lr: number; alpha: number; eps: number; centered: boolean },
      { squareAvg, gradAvg, step }: { squareAvg: Tensor; gradAvg?: Tensor; step: number },
    ) {
      RMSprop.counts.push(step);
      squareAvg.assign(squareAvg.mul(alpha).add(gradient.square().mul(1 - alpha)));
      let size = squareAvg;
      if (centered) {
        gradAvg!.assign(gradAvg!.mul(alpha).add(gradient.mul(1 - alpha)));
        size = size.sub(gradAvg!.square());
      }
      p.assign(p.sub(gradient.mul(lr).div(size.sqrt().add(eps))));
    }
  }

  it.each([false, true])(
    "follows its formula, saves and resumes bit for bit, is not replayed with an old count (centered: %s)",
    (centered) => {
      let [expected, v, m] = [[...START], [0, 0, 0], [0, 0, 0]];
      for (let t = 0; t < 6; t++) {
        const g = slope(expected, t);
        v = v.map((a, i) => 0.9 * a + 0.1 * g[i]! ** 2);
        m = m.map((a, i) => 0.9 * a + 0.1 * g[i]!);
        expected = expected.map((x, i) => x - (0.05 * g[i]!) / (Math.sqrt(v[i]! - (centered ? m[i]! ** 2 : 0)) + 1e-8));
      }
      const p = param(START);
      const optimizer = new RMSprop([p], { lr: 0.05, centered });
      for (let t = 0; t < 4; t++) ad.scope(() => optimizer.minimize(objective(p, t)));
      const [saved, numbers] = [optimizer.stateDict(), p.toArray()];
      expect(Object.keys(saved.state[0]!).sort()).toEqual(centered ? ["gradAvg", "squareAvg", "step"] : ["squareAvg", "step"]);
      expect(saved.state[0]!["step"]).toBe(4);
      for (let t = 4; t < 6; t++) ad.scope(() => optimizer.minimize(objective(p, t)));
      const end = p.toArray() as number[];
      end.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 12));
      const resumed = new RMSprop([p]);
      p.assign(numbers);
      resumed.loadStateDict(saved);
      for (let t = 4; t < 6; t++) ad.scope(() => resumed.minimize(objective(p, t)));
      expect(p.toArray()).toEqual(end);
      expect(RMSprop.counts.slice(-2)).toEqual([5, 6]);
      p.assign(numbers);
      optimizer.loadStateDict(saved);
      ad.scope(() => {
        const program = ad.trace((f: Tensor) => optimizer.minimize(p.sub(TARGET).square().sum().mul(f)))(factor(4));
        expect(program.toString()).toMatch(/p0\.squareAvg := t\d+/);
        // Its update reads the count, which is plain JavaScript.
        expect(() => program.run(factor(5))).toThrow(/record it anew/);
        optimizer.minimize(p.sub(TARGET).square().sum().mul(factor(5)));
      });
      (p.toArray() as number[]).forEach((x, i) => expect(x).toBeCloseTo(end[i]!, 6));
    },
  );

  it("checks options by their defaults, and counts no step that failed", () => {
    const p = param([1]);
    expect(() => new RMSprop([p], { lr: -1 })).toThrow(/RMSprop: lr is -1/);
    expect(() => new RMSprop([p], { centered: 1 } as never)).toThrow(/RMSprop: centered must be true or false/);
    const optimizer = new RMSprop([p]);
    const assign = vi.spyOn(ad.Tensor.prototype, "assign").mockImplementation(() => {
      throw new Error("no");
    });
    expect(() => ad.scope(() => optimizer.minimize(p.sum()))).toThrow("no");
    assign.mockRestore();
    expect(optimizer.stateDict().state[0]!["step"]).toBe(0);
    ad.scope(() => optimizer.minimize(p.sum()));
    expect(optimizer.stateDict().state[0]!["step"]).toBe(1);
  });
});

describe("a state that goes through a file", () => {
  const asArrays = (tree: unknown): unknown => {
    if (tree instanceof ad.Tensor) return tree.data();
    if (Array.isArray(tree)) return tree.map(asArrays);
    return typeof tree === "object" && tree !== null
      ? Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, asArrays(value)]))
      : tree;
  };
  const ways: [string, (state: unknown) => unknown][] = [
    ["JSON", (state) => JSON.parse(JSON.stringify(state))],
    ["structuredClone, as typed arrays", (state) => structuredClone(asArrays(state))],
  ];

  it.each(ways)("%s: Adam goes on bit for bit, in float32 with matrices", (_, through) => {
    const make = () =>
      ad.tensor(
        [
          [0.1, -0.7],
          [1.3, 0.9],
        ],
        { requiresGrad: true },
      );
    const minimize = (o: { minimize(loss: Tensor): void }, p: Tensor, t: number) =>
      ad.scope(() =>
        o.minimize(
          p
            .sub(0.3)
            .square()
            .mul([
              [1, 2],
              [3, 4],
            ])
            .sum()
            .mul(factor(t)),
        ),
      );
    const [p, q] = [make(), make()];
    const options = { lr: 0.03, amsgrad: true, weightDecay: 0.01 };
    const [through10, first] = [new optim.Adam([p], options), new optim.Adam([q], options)];
    for (let t = 0; t < 10; t++) minimize(through10, p, t);
    for (let t = 0; t < 5; t++) minimize(first, q, t);
    const [state, weights] = [through(first.stateDict()), through({ q: q.mul(1) })];
    const r = make();
    const second = new optim.Adam([r]);
    second.loadStateDict(state as never);
    const { q: saved } = weights as { q: number[][] | Float32Array };
    r.assign(ArrayBuffer.isView(saved) ? ad.tensor(saved, { shape: [2, 2] }) : saved);
    for (let t = 5; t < 10; t++) minimize(second, r, t);
    expect(r.toArray()).toEqual(p.toArray());
    const plain = (o: unknown) => JSON.stringify((o as { stateDict(): unknown }).stateDict());
    expect(plain(second)).toBe(plain(through10));
  });
});

describe("gradients that were recorded (createGraph)", () => {
  it.each([
    ["SGD", (p: Tensor) => new optim.SGD([p], { lr: 0.25 })],
    ["SGD with momentum", (p: Tensor) => new optim.SGD([p], { lr: 0.25, momentum: 0.5 })],
    ["Adam", (p: Tensor) => new optim.Adam([p], { lr: 0.25 })],
    ["AdamW", (p: Tensor) => new optim.AdamW([p], { lr: 0.25, amsgrad: true })],
  ])("%s steps along them", (_, make) => {
    const stepped = (options?: object) => {
      const p = param([1, -3]);
      p.mul(p).flip(0).mul([1, 2]).backward([1, 1], options);
      make(p).step();
      return p.toArray();
    };
    expect(stepped({ createGraph: true })).toEqual(stepped());
  });

  it("typed arrays are no lists of parameters, detached ones neither", () => {
    const detached = new Float32Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    for (const given of [detached, new Float32Array(2)])
      expect(() => new optim.SGD(given as never, { lr: 1 })).toThrow(/SGD: expected a list of parameters, got a Float32Array/);
  });

  it("the base class is not for making", () => {
    expect(() => new (optim.Optimizer as unknown as new (...args: unknown[]) => unknown)({ lr: 1 }, [])).toThrow(/base class.*optim\.SGD/);
  });
});
