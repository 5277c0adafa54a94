/** What people write who come from elsewhere: a typed error that names the cure, never a number that is quietly something else. */
import { describe, expect, it } from "vitest";
import * as ad from "adjoint";
import { ValueError } from "adjoint";
import * as foreign from "../../ts/habits/foreign.js";
import * as foreignLayers from "../../ts/nn/foreign.js";
import * as foreignDraws from "../../ts/random/foreign.js";
import * as foreignOptimizers from "../../ts/optim/foreign.js";

const f64 = (value: number | number[], requiresGrad = false) => ad.tensor(value, { dtype: "float64", requiresGrad });

const refusal = (body: () => unknown): ad.AdjointError => {
  const before = ad.memory().tensors;
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(ad.AdjointError);
    expect(ad.memory().tensors).toBe(before);
    return error as ad.AdjointError;
  }
  throw new Error("was accepted");
};

describe("methods of other libraries", () => {
  it.each([
    ["view", "reshape(shape)"],
    ["numpy", "toArray()"],
    ["tolist", "toArray()"],
    ["permute", "transpose(axes)"],
    ["clone", "mul(1)"],
    ["to", "cast(dtype)"],
    ["zero_", "zeroGrad()"],
    ["dataSync", "data()"],
    ["times", "mul(y)"],
  ])("x.%s() is refused and names %s", (name, cure) => {
    const x = f64([1, 2]);
    const error = refusal(() => (x as unknown as Record<string, (n: number) => unknown>)[name]!(1));
    expect(error).toBeInstanceOf(ValueError);
    expect(error.message).toContain(cure);
  });

  it.each([
    ["data", "assign(value)", [5, 6]],
    ["shape", "reshape(shape)", [2, 1]],
    ["dtype", "cast(dtype)", "int32"],
  ])("writing x.%s is refused, and changes nothing", (name, cure, value) => {
    const x = f64([1, 2]);
    const error = refusal(() => Reflect.set(x, name, value));
    expect(error.op).toBe(name);
    expect(error.message).toContain(cure);
    expect([...x.data()]).toEqual([1, 2]);
    expect([x.shape, x.dtype, x.requiresGrad]).toEqual([[2], "float64", false]);
  });
});

describe("functions and classes of other libraries", () => {
  const named = (path: string) => path.split(".").reduce((space: any, key) => space[key], ad);
  const call: [path: string, cure: RegExp][] = [
    ["cat", /concat\(tensors, axis\)/],
    ["randn", /random\.normal\(shape\)/],
    ["rand", /random\.uniform\(shape\)/],
    ["tidy", /scope\(\(\) => \.\.\.\)/],
    ["variable", /requiresGrad: true/],
    ["scalar", /tensor\(value\)/],
    ["tensor1d", /tensor\(values\)/],
    ["no_grad", /noGrad/],
    ["manual_seed", /manualSeed/],
    ["from_numpy", /typed array/],
    ["optim.lr_scheduler", /optim\.schedule\(optimizer/],
    ["nn.ModuleList", /plain array/],
    ["optim.StepLR", /optim\.schedule\(optimizer, step/],
    ["fft", /yet/],
    ["random.PRNGKey", /random\.key\(seed\)/],
    ["nn.relu", /nn\.functional\.relu\(x\)/],
    ["train", /optim\.Adam/],
  ];
  it.each(call)("%s is refused, called and made with new", (path, cure) => {
    for (const use of [() => named(path)([2]), () => new (named(path))([2])]) {
      const error = refusal(use);
      expect(error.message).toMatch(cure);
      expect(error.message.startsWith(`${path}: `)).toBe(true);
    }
  });

  it("namespaces are refused when something is looked up in them", () => {
    expect(refusal(() => named("optim.lr_scheduler.StepLR")).message).toContain("optim.schedule");
    expect(refusal(() => named("tensor2d.shape")).message).toContain("tensor(values)");
  });

  it("every cure names what is there", () => {
    const names = [
      ...Object.keys(foreign),
      ...Object.keys(foreignLayers).map((name) => `nn.${name}`),
      ...Object.keys(foreignDraws).map((name) => `random.${name}`),
      ...Object.keys(foreignOptimizers).map((name) => `optim.${name}`),
    ];
    for (const path of names) {
      const { message } = refusal(() => named(path)());
      const cure = /here it is (?:new )?((?:[a-z]+\.)*[A-Za-z]+)\(/.exec(message)?.[1];
      if (cure !== undefined && !/^(x|loss)\./.test(cure)) expect(typeof named(cure), message).toBe("function");
    }
  });

  it("dtypes may be written as in other libraries", () => {
    const names = [ad.float32, ad.float64, ad.int32, ad.bool].map((dtype) => ad.zeros([1], { dtype }).dtype);
    expect(names).toEqual(["float32", "float64", "int32", "bool"]);
  });

  it("the layers of a Sequential are not in brackets", () => {
    const net = new ad.nn.Sequential(new ad.nn.ReLU());
    expect(refusal(() => Reflect.get(net, 0)).message).toContain("layers");
    expect(refusal(() => (net as unknown as { add(layer: unknown): void }).add(new ad.nn.ReLU())).message).toContain(
      "new Sequential(...layers)",
    );
  });

  it("nn.functional holds the functions themselves", () => {
    for (const [name, f] of Object.entries(ad.nn.functional))
      expect(f, name).toBe((ad as unknown as Record<string, unknown>)[name] ?? (ad.nn as unknown as Record<string, unknown>)[name]);
  });
});

describe("names in another spelling", () => {
  it.each([
    ["requires_grad", "requiresGrad"],
    ["is_leaf", "isLeaf"],
    ["length", "shape[0]"],
    ["device", "one device"],
  ])("reading x.%s is refused and names %s", (name, cure) => {
    const x = f64([1, 2]);
    expect(refusal(() => Reflect.get(x, name)).message).toContain(cure);
    expect(refusal(() => Reflect.set(x, name, 1)).message).toContain(cure);
  });

  it.each([
    ["log_softmax", "logSoftmax()"],
    ["masked_fill", "maskedFill()"],
    ["matMul", "matmul()"],
    ["zero_grad", "zeroGrad()"],
    ["map", "vmap(f)(x)"],
    ["forEach", "for (const part of x)"],
    ["toFixed", "item()"],
    ["register_hook", "registerHook()"],
    ["expandDims", "unsqueeze(axis)"],
  ])("x.%s() is refused and names %s", (name, cure) => {
    const x = f64([1, 2]);
    expect(refusal(() => (x as unknown as Record<string, (n: number) => unknown>)[name]!(1)).message).toContain(cure);
  });

  it("what nobody knows is as on any object, and names of one's own can be given", () => {
    const x = f64([1, 2]) as ad.Tensor & { label?: string; then?: unknown };
    expect(x.then).toBeUndefined();
    expect("label" in x).toBe(false);
    x.label = "weights";
    expect(x.label).toBe("weights");
    expect(Object.keys(x)).toContain("label");
    expect(x instanceof Object && x instanceof ad.Tensor).toBe(true);
  });
});

describe("brackets on tensors", () => {
  it.each([0, 1, -1, 100])("x[%i] is refused, read and written", (i) => {
    const x = f64([1, 2]);
    const read = refusal(() => Reflect.get(x, i));
    expect(read).toBeInstanceOf(ValueError);
    expect(read.message).toMatch(/x\.at\(i\).*slice.*unstack/);
    expect(refusal(() => Reflect.set(x, i, 5)).message).toMatch(/where\(mask, value, x\).*assign/);
    expect([...x.data()]).toEqual([1, 2]);
    const { weight } = new ad.nn.Linear(1, 1);
    expect(refusal(() => Reflect.get(weight, i)).message).toContain("x.at(i)");
  });
});

describe("optimizers", () => {
  const sgd = () => new ad.optim.SGD([{ params: [f64([1], true)] }, { params: [f64([1], true)], lr: 0.5 }], { lr: 0.1 });
  const write = (object: object, name: string, value: unknown) => refusal(() => Reflect.set(object, name, value)).message;

  it("an option is a property that sets all groups", () => {
    const optimizer = sgd();
    optimizer.momentum = 0.9;
    expect(optimizer.momentum).toBe(0.9);
    expect(optimizer.groups.map((group) => group.options.momentum)).toEqual([0.9, 0.9]);
    expect(write(optimizer, "momentum", "much")).toContain("momentum must be a number");
    const adam = new ad.optim.AdamW([f64([1], true)]);
    adam.betas = [0.5, 0.9];
    expect([adam.betas, adam.weightDecay]).toEqual([[0.5, 0.9], 0.01]);
  });

  it("a property that nobody reads cannot be written", () => {
    const optimizer = sgd();
    expect(write(optimizer, "learningRate", 1)).toContain('Did you mean "lr"?');
    expect(write(optimizer, "weight_decay", 1)).toContain("weightDecay");
    expect(write(optimizer, "momentun", 1)).toContain('Did you mean "momentum"?');
    expect(write(optimizer.groups[0]!, "learningRate", 1)).toContain('Did you mean "lr"?');
    expect(write(optimizer.groups[0]!, "momentum", 1)).toContain("group.options.momentum");
    expect(write(optimizer.groups[0]!.options, "learningRate", 1)).toContain('Did you mean "lr"?');
    expect(optimizer.groups.map((group) => group.lr)).toEqual([0.1, 0.5]);
  });

  it("an optimizer of the user's may have properties of its own", () => {
    class Own extends ad.optim.SGD {
      constructor(params: ad.Tensor[]) {
        super(params, { lr: 0.1 });
        (this as unknown as Record<string, unknown>).velocity = 3;
      }
    }
    expect((new Own([f64([1], true)]) as unknown as { velocity: number }).velocity).toBe(3);
  });

  it.each([
    ["zero_grad", "zeroGrad()"],
    ["state_dict", "stateDict()"],
    ["load_state_dict", "loadStateDict()"],
    ["add_param_group", "addParamGroup()"],
    ["applyGradients", "step()"],
  ])("optimizer.%s() is refused and names %s", (name, cure) => {
    const optimizer = sgd() as unknown as Record<string, () => unknown>;
    expect(refusal(() => optimizer[name]!()).message).toContain(cure);
  });

  it("param_groups is named", () => {
    const optimizer = sgd();
    expect(refusal(() => Reflect.get(optimizer, "param_groups")).message).toContain("groups");
  });
});

describe("modules", () => {
  it.each([
    ["state_dict", "stateDict()"],
    ["load_state_dict", "loadStateDict()"],
    ["named_parameters", "namedParameters()"],
    ["zero_grad", "zeroGrad()"],
    ["register_buffer", "a property that holds a tensor"],
    ["predict", "forward(x)"],
    ["cuda", "one device"],
  ])("module.%s() is refused and names %s", (name, cure) => {
    const module = new ad.nn.Sequential(new ad.nn.ReLU()) as unknown as Record<string, () => unknown>;
    const error = refusal(() => module[name]!());
    expect(error.message).toContain(cure);
    expect(error.message).toContain("modules have no method");
  });

  it("a class of the user's may have members of these names", () => {
    class Own extends ad.nn.Module {
      scale = 2;
      predict(x: ad.Tensor) {
        return this.forward(x);
      }
      forward(x: ad.Tensor) {
        return x.mul(this.scale);
      }
    }
    const own = new Own();
    (own as unknown as Record<string, unknown>).state_dict = 1;
    expect(own.predict(f64([1])).item()).toBe(2);
    expect(own.parameters()).toEqual([]);
  });
});

describe("arguments in PyTorch's and NumPy's way", () => {
  // A method as PyTorch has it either does what PyTorch's does, or is refused by an error with the way it is written here.
  const x = ad.keep(ad.arange(24).reshape(2, 3, 4));
  const column = ad.keep(ad.ones([3, 1]));

  it.each<[string, () => ad.Tensor, number[]]>([
    ["x.transpose(0, 1)", () => x.transpose(0, 1), [3, 2, 4]],
    ["x.transpose(-2, -1)", () => x.transpose(-2, -1), [2, 4, 3]],
    ["x.transpose([2, 0, 1])", () => x.transpose([2, 0, 1]), [4, 2, 3]],
    ["x.T", () => x.T, [4, 3, 2]],
    ["x.reshape(3, 8)", () => x.reshape(3, 8), [3, 8]],
    ["x.reshape(-1)", () => x.reshape(-1), [24]],
    ["x.reshape(4, -1)", () => x.reshape(4, -1), [4, 6]],
    ["x.flatten(1)", () => x.flatten(1), [2, 12]],
    ["x.sum(0)", () => x.sum(0), [3, 4]],
    ["x.sum([0, -1])", () => x.sum([0, -1]), [3]],
    ["x.sum({ axis: 0, keepdims: true })", () => x.sum({ axis: 0, keepdims: true }), [1, 3, 4]],
    ["x.softmax(-1)", () => x.softmax(-1), [2, 3, 4]],
    ["column.squeeze(1)", () => column.squeeze(1), [3]],
    ["x.unsqueeze(0)", () => x.unsqueeze(0), [1, 2, 3, 4]],
    ["column.broadcastTo(2, 3, 5)", () => column.broadcastTo(2, 3, 5), [2, 3, 5]],
    ["x.tile(1, 2, 1)", () => x.tile(1, 2, 1), [2, 6, 4]],
    ["zeros(2, 3)", () => ad.zeros(2, 3), [2, 3]],
    ["zeros(2)", () => ad.zeros(2), [2]],
    ["ones(2, 3, { dtype })", () => ad.ones(2, 3, { dtype: "float64" }), [2, 3]],
    ["eye(2, 3)", () => ad.eye(2, 3), [2, 3]],
    ["normal([2, 3])", () => ad.random.normal([2, 3]), [2, 3]],
  ])("%s", (_, make, shape) => {
    ad.scope(() => expect(make().shape).toEqual(shape));
  });

  it("exchanges and reshapes as PyTorch does", () => {
    ad.scope(() => {
      expect(x.transpose(0, 1).at(2, 1).toArray()).toEqual(x.at(1, 2).toArray());
      expect(x.reshape(3, 8).at(1).toArray()).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
      expect(ad.ones(2, 3, { dtype: "float64" }).dtype).toBe("float64");
    });
  });

  const REDUCTIONS = [
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "any",
    "all",
    "argmax",
    "argmin",
    "logsumexp",
    "variance",
    "std",
    "norm",
    "median",
  ];
  it.each<[string, (t: Record<string, (...given: unknown[]) => unknown>) => unknown, string]>([
    ...REDUCTIONS.map((name): [string, (t: Record<string, (...given: unknown[]) => unknown>) => unknown, string] => [
      `x.${name}(0, true)`,
      (t) => t[name]!(0, true),
      "write { keepdims: true }",
    ]),
    ["x.sort(-1, true)", (t) => t["sort"]!(-1, true), "write { descending: true }"],
    ["x.topk(2, -1, false)", (t) => t["topk"]!(2, -1, false), "write { largest: false }"],
    ["x.sum(0, { keepdim: true })", (t) => t["sum"]!(0, { keepdim: true }), 'Did you mean "keepdims"?'],
    ["x.sum({ dim: 0 })", (t) => t["sum"]!({ dim: 0 }), 'Did you mean "axis"?'],
    ["x.sum(0, 1)", (t) => t["sum"]!(0, 1), "options must be a plain object"],
    ["x.permute(1, 0, 2)", (t) => t["permute"]!(1, 0, 2), "transpose(axes)"],
    ["x.view(4, 6)", (t) => t["view"]!(4, 6), "reshape(shape)"],
    ["x.transpose(1, 0, 2)", (t) => t["transpose"]!(1, 0, 2), "a list of all axes, or two axes to exchange"],
    ["x.flip(0, 1)", (t) => t["flip"]!(0, 1), "several axes are a list"],
    ["x.squeeze(0, 1)", (t) => t["squeeze"]!(0, 1), "several axes are a list"],
    ["x.add(x, { alpha: 2 })", (t) => t["add"]!(x, { alpha: 2 }), "at most 2 arguments"],
    ["full(2, 3)", () => ad.full(2 as never, 3), "write [2]"],
    ["zeros([2], [3])", () => ad.zeros([2], [3] as never), "options must be a plain object"],
    ["normal(2, 3)", () => ad.random.normal(2 as never, 3 as never), "[2, 3] is a shape"],
  ])("%s is refused and says what is written here", (_, body, cure) => {
    expect(refusal(() => body(x as unknown as Record<string, (...given: unknown[]) => unknown>)).message).toContain(cure);
  });
});

describe("hooks", () => {
  it("are refused where backward() never comes by", () => {
    const bodies: (() => unknown)[] = [
      () => f64([1]).registerHook(() => {}),
      () => ad.grad((x: ad.Tensor) => (x.mul(2).registerHook(() => {}), x.sum()))(f64([1])),
    ];
    for (const body of bodies) {
      const error = refusal(() => ad.scope(body));
      expect(error.message).toContain("Hooks belong to backward()");
    }
  });

  it("a gradient kept from a hook says where it came from and how to keep it", () => {
    let kept: ad.Tensor | undefined;
    let copy: ad.Tensor | undefined;
    const w = f64([1], true);
    const h = w.mul(2);
    h.registerHook((g) => {
      kept = g;
      copy = ad.keep(g.mul(1));
    });
    h.sum().backward();
    expect(refusal(() => kept!.item()).message).toMatch(/a hook keeps one with keep/);
    expect(copy!.item()).toBe(1);
  });
});

describe("arguments that nobody reads", () => {
  const x = f64([1, 2]);
  const labels = ad.tensor([0], { dtype: "int32" });
  const scores = ad.tensor([[1, 2]]);
  it.each<[string, (...args: any[]) => unknown, unknown[]]>([
    ["checkpoint", ad.checkpoint, [(v: ad.Tensor) => v, {}, true]],
    [
      "customVjp",
      ad.customVjp,
      [(v: ad.Tensor) => v, { forward: (v: ad.Tensor) => [v, null], backward: (_: null, c: ad.Tensor) => [c] }, { once: true }],
    ],
    ["customJvp", ad.customJvp, [(v: ad.Tensor) => v, ([v]: ad.Tensor[], [t]: ad.Tensor[]) => [v, t], { once: true }]],
    ["forLoop", ad.forLoop, [0, 2, (_: number, s: ad.Tensor) => s, x, { reverse: true }]],
    ["scan", ad.scan, [(c: ad.Tensor) => [c, null], x, x, {}, true]],
    ["whileLoop", ad.whileLoop, [() => false, (s: ad.Tensor) => s, x, {}, true]],
    ["trace", ad.trace, [(v: ad.Tensor) => v, { values: true }]],
    ["symbolic", ad.symbolic, [(v: ad.Tensor) => v, {}, "x"]],
    ["jacobianSparsity", ad.jacobianSparsity, [(v: ad.Tensor) => v, { format: "csr" }]],
    ["gradcheck", ad.gradcheck, [(v: ad.Tensor) => v.sum(), [x], {}, 1e-3]],
    ["mseLoss", ad.nn.mseLoss, [x, x, {}, "sum"]],
    ["crossEntropy", ad.nn.crossEntropy, [scores, labels, {}, "sum"]],
    ["nllLoss", ad.nn.nllLoss, [scores, labels, {}, "sum"]],
  ])("%s", (name, f, args) => {
    const error = refusal(() => f(...args));
    expect(error).toBeInstanceOf(ValueError);
    expect(error.message).toContain(`${name}: takes `);
  });
});

describe("options of gradcheck", () => {
  it.each([
    [{ tol: 1 }],
    [{ rtol: "1" }],
    [{ atol: -1 }],
    [{ eps: 0 }],
    [{ eps: NaN }],
    [{ order: 3 }],
    [{ modes: "reverse" }],
    [{ modes: [] }],
    [{ modes: ["both"] }],
    [{ complexStep: 1 }],
    [0.1],
  ])("%o is refused", (options) => {
    const x = f64([1, 2]);
    expect(refusal(() => ad.gradcheck((v) => v.square().sum(), [x], options as never))).toBeInstanceOf(ValueError);
  });
});

describe("lists", () => {
  it("backward() takes one input or a list of them, and nothing else", () => {
    const [w, v] = [f64([1, 2], true), f64([3, 4], true)];
    w.mul(v).sum().backward(undefined, { inputs: w });
    expect([w.grad!.toArray(), v.grad]).toEqual([[3, 4], null]);
    const loss = w.mul(v).sum();
    expect(refusal(() => loss.backward(undefined, { inputs: { w } as never })).message).toContain("inputs is a list of tensors");
  });

  it.each([
    [[1, 2], 0],
    [[1, 2], 1],
  ])("a tensor beside an array names stack(): %j at %d", (row, place) => {
    const rows: unknown[] = [row, row];
    rows[place] = f64([3, 4]);
    expect(refusal(() => ad.tensor(rows as never)).message).toContain("stack(");
    expect(ad.stack(rows as never).shape).toEqual([2, 2]);
  });
});
