/** What transforms are called with: converted where the meaning is plain, otherwise refused by an error that names the cure. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number | number[]) => ad.tensor(value, { dtype: "float64" });
const sum = (x: Tensor) => x.square().sum();

describe("arrays and single tensors", () => {
  it("are taken where tensors and lists are expected", () => {
    clean(() => {
      expect(ad.grad(sum)([1, 2]).toArray()).toEqual([2, 4]);
      expect(ad.grad(sum)(Float64Array.of(1, 2)).dtype).toBe("float64");
      expect(
        ad
          .grad((p: { x: Tensor }) => sum(p.x))({ x: [[1], [2]] })
          .x.toArray(),
      ).toEqual([[2], [4]]);
      expect(ad.hvp((x: Tensor) => x.pow(3).sum(), f64([1, 2]) as never, [[1, 1]])[1].toArray()).toEqual([6, 12]);
      expect(ad.vhp((x: Tensor) => x.pow(3).sum(), f64([1, 2]) as never, f64([1, 1]) as never)[1].toArray()).toEqual([6, 12]);
      expect(ad.jvp(sum, f64([1, 2]) as never, [[1, 1]])[1].item()).toBe(6);
      expect(
        ad
          .vjp((x: Tensor) => x.mul(2), [1, 2])[1]([1, 3] as never)[0]
          .toArray(),
      ).toEqual([2, 6]);
      expect(
        ad
          .vmap((x: Tensor) => x.mul(2))([1, 2, 3])
          .toArray(),
      ).toEqual([2, 4, 6]);
      expect(
        ad
          .jacrev((x: Tensor) => x.square())([1, 2])
          .toArray(),
      ).toEqual([
        [2, 0],
        [0, 4],
      ]);
      expect(ad.dualLevel(() => ad.unpackDual(ad.makeDual([1, 2], [1, 1]).mul(3)).tangent!).toArray()).toEqual([3, 3]);
    });
  });

  it("are left as they are where vmap does not map them", () => {
    clean(() => {
      const f = (x: Tensor, by: number[], p: { scale: number[]; y: Tensor }) => x.mul(by[1]! * p.scale[0]!).add(p.y);
      const mapped = ad.vmap(f, { inAxes: [0, null, { scale: null, y: 0 }] });
      expect(mapped([1, 2], [3, 4], { scale: [10], y: [100, 200] } as never).toArray()).toEqual([140, 280]);
    });
  });

  it("are matched by key in trees of tangents and cotangents", () => {
    clean(() => {
      expect(ad.jvp((p: { a: Tensor; b: Tensor }) => p.a.mul(p.b), [{ a: f64(2), b: f64(3) }], [{ b: f64(1), a: f64(0) }])[1].item()).toBe(
        2,
      );
      const [, pullback] = ad.vjp((x: Tensor) => ({ a: x.sum(), b: x.mul(2).sum() }), f64([1, 2]));
      expect(pullback({ b: f64(1), a: f64(0) })[0].toArray()).toEqual([2, 2]);
    });
  });
});

describe("plain arithmetic on tensors", () => {
  const PROGRAMS: [string, (x: any) => any][] = [
    ["x * x", (x) => x * x],
    ["x ** 2", (x) => x ** 2],
    ["x - 1", (x) => x - 1],
    ["Math.exp(x)", (x) => Math.exp(x)],
    ["a number in a tree", (x) => [x * 2, x]],
  ];

  it.each(PROGRAMS)("%s is refused by every transform that takes a number", (_, f) => {
    const x = f64(3);
    const many = [
      () => ad.vjp(f, x),
      () => ad.jvp(f, [x], [f64(1)]),
      () => ad.linearize(f, x),
      () => ad.jacfwd(f)(x),
      () => ad.jacrev(f)(x),
      () => ad.jacobian(f)(x),
    ];
    const one = [
      () => ad.grad(f)(x),
      () => ad.valueAndGrad(f)(x),
      () => ad.hessian(f)(x),
      () => ad.hvp(f, [x], [f64(1)]),
      () => ad.vhp(f, [x], [f64(1)]),
    ];
    const scalar = !Array.isArray(ad.scope(() => f(1)));
    for (const program of scalar ? [...many, ...one] : many) {
      expect(() => ad.scope(program)).toThrow(ad.NotDifferentiableError);
      expect(() => ad.scope(program)).toThrow(/write x\.mul\(x\).*ad\.tensor\(1\)/);
    }
    x.dispose();
  });

  it("is refused under checkpoint too, whose number would be a constant", () => {
    expect(() =>
      ad.scope(() =>
        ad.grad((x: any) =>
          ad
            .checkpoint((y: any) => y * y)(x)
            .add(x),
        )(f64(3)),
      ),
    ).toThrow(/checkpoint: .*write x\.mul\(x\)/);
  });

  it("comparisons, item(), Number(x) and constants stay", () => {
    clean(() => {
      const x = f64(3);
      expect(
        ad
          .grad((x: any) => (x > 1 ? x.square() : x))(x)
          .item(),
      ).toBe(6);
      expect(
        ad
          .grad((x: Tensor) => x.mul(x.item()))(x)
          .item(),
      ).toBe(3);
      expect(
        ad
          .grad((x: Tensor) => x.mul(Number(x)))(x)
          .item(),
      ).toBe(3);
      expect(
        ad
          .grad(() => 5)(x)
          .item(),
      ).toBe(0);
      expect(
        ad
          .grad((x: Tensor) => x.item() * 2)(x)
          .item(),
      ).toBe(0);
      const [g, seen] = ad.grad((x: Tensor) => [x.square(), Number(x)], { hasAux: true })(x);
      expect([g.item(), seen]).toEqual([6, 3]);
    });
  });
});

describe("what is not understood", () => {
  const x = () => f64([1, 2]);
  const loose = ad as unknown as Record<string, (...args: any[]) => any>;
  const REFUSED: [string, () => unknown, RegExp][] = [
    ["grad(f, x)", () => ad.grad(sum, x() as never), /grad\(f\) returns a function.*grad\(f\)\(x\)/],
    ["vmap(f, 3)", () => ad.vmap(sum, 3 as never), /vmap\(f\) returns a function/],
    ["jacobian(f, [1])", () => ad.jacobian(sum, [1] as never), /returns a function/],
    ["options null", () => ad.grad(sum, null as never), /options must be a plain object, got null/],
    ["an unknown option", () => ad.grad(sum, { argnum: 1 } as never), /unknown option "argnum".*argnums/],
    ["an unknown option of vmap", () => ad.vmap(sum, { in_axes: 0 } as never), /inAxes/],
    ["a third argument", () => loose.grad!(sum, {}, 3), /takes at most 2 arguments, got 3/],
    ["a fourth argument of jvp", () => loose.jvp!(sum, [x()], [x()], {}), /takes at most 3 arguments, got 4/],
    ["argnums twice", () => ad.grad((a: Tensor, b: Tensor) => a.dot(b), { argnums: [0, 0] })(x(), x()), /argnums names argument 0 twice/],
    [
      "argnums twice by another number",
      () => ad.jacrev((a: Tensor, b: Tensor) => a.mul(b), { argnums: [0, -2] })(x(), x()),
      /argnums names argument 0 twice/,
    ],
    ["argnums as text", () => ad.grad(sum, { argnums: "0" as never })(x()), /argnums is the number of an argument/],
    ["argnums null", () => ad.grad(sum, { argnums: null as never })(x()), /argnums is the number of an argument/],
    ["jvp without tangents", () => loose.jvp!(sum, [x()]), /tangents must be a list/],
    ["jvp without anything", () => loose.jvp!(sum), /primals must be a list/],
    ["tangents of another number", () => loose.jvp!(sum, [x()], [x(), x()]), /1 primal but 2 tangents/],
    ["a tangent that is text", () => loose.jvp!(sum, [x()], ["x"]), /tangent 0 is the string "x"/],
    ["hvp of text", () => loose.hvp!(sum, "x", "y"), /primals must be a list/],
    ["vhp with too few", () => loose.vhp!(sum, [x(), x()], [x()]), /2 primals but 1 cotangents/],
    ["a cotangent that is missing", () => loose.vjp!(sum, x())[1](), /cotangent 0 is undefined/],
    ["a pushforward of nothing", () => loose.linearize!(sum, x())[1](), /1 primal but 0 tangents/],
    ["a primal that is a Map", () => ad.grad(sum)(new Map() as never), /argument 0 holds a Map/],
    ["vmap over text", () => ad.vmap(sum)("text" as never), /an argument is or holds the string "text"/],
    ["checkpoint of a Map", () => ad.checkpoint(sum)(new Map() as never), /an argument is or holds a Map/],
    ["a custom rule of text", () => ad.customJvp(sum, ([x]) => [x, x])("text" as never), /an argument is or holds the string "text"/],
    ["unpackDual of a number", () => ad.dualLevel(() => ad.unpackDual(3 as never)), /expected a tensor, got 3/],
    ["makeDual without a tangent", () => ad.dualLevel(() => loose.makeDual!([1])), /tangent 0 is undefined/],
    [
      "a chunk size that is text",
      () => ad.jacrev((x: Tensor) => x, { chunkSize: "a" as never })(x()),
      /chunkSize must be a positive integer/,
    ],
    ["a Jacobian larger than a tensor", () => ad.jacfwd((x: Tensor) => x)(ad.ones([1e5])), /more than one tensor holds.*chunkSize/],
    ...[
      "grad",
      "valueAndGrad",
      "vjp",
      "jvp",
      "linearize",
      "jacfwd",
      "jacrev",
      "jacobian",
      "hessian",
      "hvp",
      "vhp",
      "vmap",
      "checkpoint",
      "customVjp",
      "customJvp",
      "scope",
      "noGrad",
      "enableGrad",
      "profile",
      "detectAnomaly",
      "dualLevel",
    ].flatMap((name): [string, () => unknown, RegExp][] =>
      [3, null, undefined, {}].map((garbage) => [`${name}(${String(garbage)})`, () => loose[name]!(garbage, [], []), /function/]),
    ),
  ];

  it.each(REFUSED)("%s is refused by name, and nothing is left", (_, program, message) => {
    const before = ad.memory().tensors;
    expect(() => ad.scope(program)).toThrow(ad.AdjointError);
    expect(() => ad.scope(program)).toThrow(message);
    expect(ad.memory().tensors).toBe(before);
  });
});

describe("a class where a function belongs", () => {
  class Model {}
  it.each<[string, (f: never) => unknown]>([
    ["grad", (f) => ad.grad(f)],
    ["vmap", (f) => ad.vmap(f)],
    ["scope", (f) => ad.scope(f)],
    ["profile", (f) => ad.profile(f)],
    ["forLoop", (f) => ad.forLoop(0, 1, f, ad.tensor(1))],
  ])("%s", (_, call) => {
    expect(() => call(Model as never)).toThrow(/class Model.*new Model\(\.\.\.args\)/);
  });
});
