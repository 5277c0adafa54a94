/** Random small programs, plain and under checkpoint: the derivatives of all kinds are the same. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const f64 = (value: number[] | number[][]) => ad.tensor(value, { dtype: "float64" });

/** mulberry32: the same programs on every run. */
function generator(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const UNARY = [
  (x: Tensor) => x.sin(),
  (x: Tensor) => x.tanh(),
  (x: Tensor) => x.square(),
  (x: Tensor) => x.mul(0.7),
  (x: Tensor) => x.sigmoid(),
];
const BINARY = [(x: Tensor, y: Tensor) => x.add(y), (x: Tensor, y: Tensor) => x.mul(y), (x: Tensor, y: Tensor) => x.sub(y.mul(0.5))];

type Body = (x: Tensor, closed: readonly Tensor[]) => Tensor;
type Function1 = (x: Tensor) => Tensor;

/** A body of a few ops over its argument and what it closes over. */
function bodyOf(seed: number): Body {
  const next = generator(seed);
  const steps = Array.from({ length: 3 + next(4) }, () => [next(2), next(5), next(8), next(8)] as const);
  return (x, closed) => {
    const values = [x, ...closed];
    for (const [kind, op, i, j] of steps) {
      const a = values[values.length - 1 - (i % Math.min(2, values.length))]!;
      values.push(kind === 0 ? UNARY[op]!(a) : BINARY[op % 3]!(a, values[j % values.length]!));
    }
    return values.at(-1)!.add(values.at(-2)!);
  };
}

/** The program: what it closes over are an argument of the transform, something computed from both, and a constant. */
const program = (body: Body, wrap: (f: Function1) => Function1) => (x: Tensor, w: Tensor) => {
  const h = x.mul(w).sin();
  const c = f64([0.3, -0.4]);
  return wrap((z) => body(z, [w, h, x, c]))(x.add(w.mul(0.1)))
    .sum()
    .add(h.sum());
};

const WRAPPINGS: [string, (f: Function1) => Function1][] = [
  ["checkpoint", (f) => ad.checkpoint(f)],
  [
    "nested checkpoints",
    (f) =>
      ad.checkpoint((x: Tensor) =>
        ad
          .checkpoint(f)(x)
          .mul(ad.checkpoint((y: Tensor) => y.mul(x))(x)),
      ),
  ],
  ["a checkpoint inside grad", (f) => (x) => ad.grad((y: Tensor) => ad.checkpoint(f)(y).sum())(x)],
];
const PLAIN: Record<string, (f: Function1) => Function1> = {
  checkpoint: (f) => f,
  "nested checkpoints": (f) => (x) => f(x).mul(x.mul(x)),
  "a checkpoint inside grad": (f) => (x) => ad.grad((y: Tensor) => f(y).sum())(x),
};

type Program = (x: Tensor, w: Tensor) => Tensor;
const both = { argnums: [0, 1] };
const total = (list: Tensor[]) => list.reduce((sum, t) => sum.add(t.sin().sum()), ad.tensor(0, { dtype: "float64" }));

/** Everything that can be asked of a program. */
const QUESTIONS: Record<string, (f: Program, x: Tensor, w: Tensor) => unknown> = {
  value: (f, x, w) => f(x, w),
  grad: (f, x, w) => ad.grad(f, both)(x, w),
  jvp: (f, x, w) => ad.jvp(f, [x, w], [f64([1, -2]), f64([0.5, 3])])[1],
  linearize: (f, x, w) => ad.linearize(f, x, w)[1](f64([1, -2]), f64([0.5, 3])),
  "pullback after the run": (f, x, w) => ad.vjp(f, x, w)[1](ad.tensor(1, { dtype: "float64" })),
  "vmap of grad": (f, x, w) => ad.vmap(ad.grad(f, both), { inAxes: [0, null] })(ad.stack([x, x.mul(2), x.sub(w)]), w),
  "grad of vmap": (f, x, w) =>
    ad.grad(
      (a: Tensor, b: Tensor) =>
        ad
          .vmap(f, { inAxes: [0, null] })(ad.stack([a, a.mul(b), b]), b)
          .sin()
          .sum(),
      both,
    )(x, w),
  "grad of grad": (f, x, w) => ad.grad((a: Tensor, b: Tensor) => total(ad.grad(f, both)(a, b)), both)(x, w),
  "grad of grad of one": (f, x, w) =>
    ad.grad((a: Tensor) =>
      ad
        .grad((b: Tensor) => f(a, b))(w)
        .sin()
        .sum(),
    )(x),
  "jvp of grad": (f, x, w) => ad.hvp(f, [x, w], [f64([1, -2]), f64([0.5, 3])]),
  "grad of jvp": (f, x, w) => ad.grad((a: Tensor, b: Tensor) => ad.jvp(f, [a, b], [b, a])[1], both)(x, w),
  backward: (f, x, w) => {
    const [p, q] = [x, w].map((t) => ad.tensor(t.data(), { requiresGrad: true }));
    f(p!, q!).backward();
    const result = [p!.grad!, q!.grad!];
    for (const t of [p!, q!]) t.dispose();
    return result;
  },
  createGraph: (f, x, w) => {
    const [p, q] = [x, w].map((t) => ad.tensor(t.data(), { requiresGrad: true }));
    f(p!, q!).backward(undefined, { createGraph: true });
    const first = [p!.grad!, q!.grad!];
    p!.zeroGrad();
    q!.zeroGrad();
    total(first).backward();
    const result = [...first, p!.grad!, q!.grad!];
    for (const t of [p!, q!]) t.dispose();
    return result;
  },
};

const numbers = (result: unknown): number[] => ad.tree.flatten(result)[0].flatMap((t: unknown) => [...(t as Tensor).data()]);

describe.each(WRAPPINGS)("%s", (name, wrap) => {
  it.each(Object.entries(QUESTIONS))("%s", (_, question) => {
    for (let seed = 1; seed <= 12; seed++) {
      clean(() => {
        const [x, w] = [f64([0.4, -0.9]), f64([0.8, 0.3])];
        const body = bodyOf(seed);
        const [expected, got] = [PLAIN[name]!, wrap].map((wrapping) => numbers(question(program(body, wrapping), x, w)));
        expect(got!.length).toBe(expected!.length);
        got!.forEach((v, i) =>
          expect(Math.abs(v - expected![i]!), `program ${seed}, number ${i}`).toBeLessThan(1e-12 * (1 + Math.abs(expected![i]!))),
        );
      });
    }
  });
});
