/** What people write who come from elsewhere: a typed error that names the cure, never a number that is quietly something else. */
import { describe, expect, it } from "vitest";
import * as ad from "adjoint";
import { ValueError } from "adjoint";

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
    ["checkpoint", ad.checkpoint, [(v: ad.Tensor) => v, { preserveState: true }]],
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
