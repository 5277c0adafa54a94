/** What the numbers of a call decide: a program was recorded with others, and does as eager code does with these. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: unknown) => ad.tensor(value as number[], { dtype: "float64" });
const i32 = (value: unknown) => ad.tensor(value as number[], { dtype: "int32" });
const f32 = (value: unknown) => ad.tensor(value as number[]);

type Operation = (...args: Tensor[]) => Tensor;
const rows = () =>
  f64([
    [1, 2],
    [3, 4],
  ]);
/** A function, arguments that are right, and the same with an index out of range. */
const INDICES: [string, Operation, () => Tensor[], () => Tensor[]][] = [
  ["take", (x, i) => ad.take(x, i, 0), () => [rows(), i32([1])], () => [rows(), i32([2])]],
  ["gather", (x, i) => ad.gather(x, 0, i), () => [rows(), i32([[1]])], () => [rows(), i32([[-3]])]],
  ["indexAdd", (x, i, s) => ad.indexAdd(x, 0, i, s), () => [rows(), i32([1]), f64([[5, 6]])], () => [rows(), i32([2]), f64([[5, 6]])]],
  ["oneHot, too large", (i) => ad.oneHot(i, 2), () => [i32([1])], () => [i32([2])]],
  ["oneHot, negative", (i) => ad.oneHot(i, 2), () => [i32([1])], () => [i32([-1])]],
  ["embedding, negative", (i) => ad.embedding(i, rows()), () => [i32([1])], () => [i32([-1])]],
  [
    "the gradient of an embedding",
    (table, i) => ad.grad((t: Tensor) => ad.embedding(i, t).square().sum())(table),
    () => [rows(), i32([1])],
    () => [rows(), i32([-1])],
  ],
  ["crossEntropy", (x, i) => ad.nn.crossEntropy(x, i), () => [rows(), i32([1, 0])], () => [rows(), i32([-1, 0])]],
  ["vmap of take, too large", ad.vmap((x, i) => ad.take(x, i, 0)), () => [rows(), i32([[1], [0]])], () => [rows(), i32([[2], [0]])]],
  ["vmap of take, negative", ad.vmap((x, i) => ad.take(x, i, 0)), () => [rows(), i32([[-2], [0]])], () => [rows(), i32([[0], [-3]])]],
  [
    "vmap of the gradient of take",
    ad.vmap((x, i) => ad.grad((y: Tensor) => ad.take(y, i, 0).sum())(x)),
    () => [rows(), i32([[1], [0]])],
    () => [rows(), i32([[2], [0]])],
  ],
  [
    "vmap of indexAdd",
    ad.vmap((x, i, s) => ad.indexAdd(x, 0, i, s)),
    () => [rows(), i32([[1], [0]]), f64([[1], [1]])],
    () => [rows(), i32([[2], [0]]), f64([[1], [1]])],
  ],
  [
    "vmap of embedding",
    ad.vmap((table, i) => ad.embedding(i, table)),
    () => [
      f64([
        [[1], [2]],
        [[3], [4]],
      ]),
      i32([1, 0]),
    ],
    () => [
      f64([
        [[1], [2]],
        [[3], [4]],
      ]),
      i32([2, 0]),
    ],
  ],
  ["vmap of oneHot", ad.vmap((i) => ad.oneHot(i, 2)), () => [i32([[1], [0]])], () => [i32([[2], [0]])]],
  [
    "a loop over vmap of take",
    (x, i) =>
      ad.forLoop(
        0,
        2,
        (_, sum: Tensor) =>
          sum.add(
            ad
              .vmap((r, j) => ad.take(r, j, 0))(x, i)
              .sum(),
          ),
        f64(0),
      ),
    () => [rows(), i32([[1], [0]])],
    () => [rows(), i32([[2], [0]])],
  ],
];

describe("an index out of range is refused in every replay", () => {
  it.each(INDICES)("%s", (_, f, right, wrong) => {
    clean(() => {
      const compiled = ad.compile(f);
      for (let call = 0; call < 3; call++) expect(compiled(...right()).toArray()).toEqual(f(...right()).toArray());
      expect(() => f(...wrong())).toThrow(ad.IndexError);
      expect(() => compiled(...wrong())).toThrow(ad.IndexError);
      expect(compiled(...right()).toArray()).toEqual(f(...right()).toArray());
      expect(compiled.stats()).toMatchObject({ recordings: 1, eager: 0 });
    });
  });
});

const SPREAD = [
  [1, 2, 3],
  [0, 0, 0],
  [1e-20, 2e-20, 3e-20],
  [1e20, 2e20, 3e20],
  [1e-200, 2e-200, 4e-200],
  [1e200, 2e200, 4e200],
];

describe.each([
  ["std", (x: Tensor) => x.std()],
  ["std along an axis", (x: Tensor) => x.reshape([1, 3]).std(1).sum()],
  ["hypot", (x: Tensor) => ad.hypot(x.at(0), x.at(1))],
  ["the square of hypot", (x: Tensor) => ad.hypot(x.at(0), x.at(1)).square()],
  ["norm", (x: Tensor) => x.norm()],
])("%s keeps its range and its honesty at 0", (_, f) => {
  it.each([
    ["the value", f],
    ["the gradient", ad.grad(f)],
    ["the Hessian", ad.hessian(f)],
    ["the derivative of a derivative", ad.jacfwd(ad.jacfwd(f))],
  ] as [string, (x: Tensor) => Tensor][])("%s", (_, g) => {
    clean(() => {
      for (const make of [f64, f32]) {
        for (const first of [SPREAD[0], SPREAD[1]]) {
          const compiled = ad.compile(g);
          compiled(make(first));
          for (const at of SPREAD) {
            const [eager, replayed] = [g(make(at)), compiled(make(at))];
            const same = ad.allclose(replayed, eager, { rtol: make === f64 ? 1e-14 : 1e-5, atol: 0, equalNan: true });
            expect(same, `at ${at}: ${String(replayed)}, eagerly ${String(eager)}`).toBe(true);
          }
        }
      }
    });
  });
});

it("a zero beside it does not spoil the second derivatives of a tiny hypot", () => {
  clean(() => {
    const f = (x: Tensor) => ad.hypot(x.slice([0], [2]), x.slice([2], [4])).at(1);
    // At (x, 0) the second derivatives are 0 and 1/x.
    expect(
      ad
        .hessian(f)(f64([0, 1e-200, 0, 0]))
        .at(3, 3)
        .item(),
    ).toBeCloseTo(1e200, -188);
    expect(
      ad
        .hessian(f)(f64([0, 1e-200, 0, 0]))
        .at(1, 1)
        .item(),
    ).toBe(0);
  });
});
