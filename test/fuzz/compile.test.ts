/**
 * Random programs, compiled: ops over a pool of tensors of several shapes and dtypes, views and broadcasting, gradients, writes to captured
 * tensors, updates. Every run gives what the same code gives as it is. More seeds: ADJOINT_FUZZ_SEEDS=1000, from ADJOINT_FUZZ_FIRST on.
 */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";
import { generator } from "./generator.js";

endsAtBaseline();

const seeds = Number(process.env.ADJOINT_FUZZ_SEEDS ?? 1);
const first = Number(process.env.ADJOINT_FUZZ_FIRST ?? 1);
const PROGRAMS = 40;

const SHAPES = [[], [1], [3], [2, 3], [20], [5, 12], [12], [5, 1], [4, 5, 12], [17, 3]];

type Draw = (count: number) => number;
type Step = (pool: Tensor[]) => Tensor | null;

/** One op on what is there; null where it does not fit. Drawn once, so that every run of the program is the same. */
function step(draw: Draw): Step {
  const [kind, i, j, k] = [draw(20), draw(997), draw(997), draw(997)];
  const pick = (pool: Tensor[], n: number) => pool[pool.length - 1 - (n % Math.min(pool.length, 8))]!;
  const isFloat = (t: Tensor) => t.dtype === "float32" || t.dtype === "float64";
  const unary = ["neg", "abs", "square", "tanh", "sigmoid", "exp", "relu", "sin", "sign", "floor", "silu", "softplus"] as const;
  const binary = ["add", "sub", "mul", "maximum", "minimum", "div"] as const;
  const compare = ["lt", "ge", "eq", "ne"] as const;
  const fits = (a: Tensor, b: Tensor) => {
    const n = Math.min(a.ndim, b.ndim);
    for (let axis = 1; axis <= n; axis++) {
      const [p, q] = [a.shape.at(-axis)!, b.shape.at(-axis)!];
      if (p !== q && p !== 1 && q !== 1) return false;
    }
    return true;
  };
  /** Kept small, so that long programs stay finite. */
  const tame = (x: Tensor) => ad.clamp(x, -8, 8);
  return (pool) => {
    const [x, y] = [pick(pool, i), pick(pool, j)];
    if (kind < 6) return isFloat(x) ? tame(x[unary[k % unary.length]!]()) : null;
    if (kind < 11) return isFloat(x) && isFloat(y) && fits(x, y) ? tame(x[binary[k % binary.length]!](y)) : null;
    if (kind === 11) return isFloat(x) && isFloat(y) && fits(x, y) ? x[compare[k % compare.length]!](y) : null;
    if (kind === 12) {
      const mask = [...pool].reverse().find((t) => t.dtype === "bool" && fits(t, x) && fits(t, y));
      return mask !== undefined && isFloat(x) && isFloat(y) && fits(x, y) ? ad.where(mask, x, y) : null;
    }
    if (kind === 13) return x.ndim >= 2 ? x.transpose(-1, -2) : x.reshape([...x.shape, 1]);
    if (kind === 14) {
      if (x.ndim === 0 || x.shape[0]! < 3) return null;
      const starts = x.shape.map((_, axis) => (axis === 0 ? k % 2 : 0));
      return x.slice(
        starts,
        [x.shape[0]! - (k % 3 === 0 ? 1 : 0), ...x.shape.slice(1)],
        [1 + (k % 5 === 0 ? 1 : 0), ...x.shape.slice(1).map(() => 1)],
      );
    }
    if (kind === 15) return isFloat(x) && x.ndim > 0 ? x.sum([-1], { keepdims: k % 2 === 0 }) : null;
    if (kind === 16) return isFloat(x) && x.ndim > 1 ? tame(x.mean([0])) : null;
    if (kind === 17)
      return isFloat(x) && isFloat(y) && x.ndim === 2 && y.ndim === 2 && x.shape[1] === y.shape[0] ? tame(x.matmul(y)) : null;
    if (kind === 18)
      return x.ndim > 0 && y.ndim === x.ndim && isFloat(x) && x.dtype === y.dtype && x.shape.slice(1).join() === y.shape.slice(1).join()
        ? ad.concat([x, y], 0)
        : null;
    return isFloat(x) ? x.cast(k % 2 === 0 ? "float32" : "float64") : x.cast("float32");
  };
}

/** A function of two tensors that closes over others, writes to them, and may differentiate or train. */
function program(seed: number) {
  const next = generator(seed);
  const draw: Draw = (count) => Math.floor(next() * count);
  const steps = Array.from({ length: 5 + draw(30) }, () => step(draw));
  const [shapeX, shapeY, shapeC, shapeW] = [draw(SHAPES.length), draw(SHAPES.length), draw(SHAPES.length), draw(SHAPES.length)];
  const mode = draw(4);
  const make = (shape: number, salt: number, dtype: "float32" | "float64" = "float32") =>
    ad.random.normal(ad.random.key(1000 * seed + salt), SHAPES[shape]!, { dtype });
  const wide = draw(4) === 0 ? "float64" : "float32";
  const captured = make(shapeC, 1);
  const state = make(shapeC, 2);
  const w = new ad.nn.Parameter(make(shapeW, 3, wide));
  const optimizer = draw(2) === 0 ? new ad.optim.Adam([w], { lr: 0.01 }) : new ad.optim.SGD([w], { lr: 0.01, momentum: 0.5 });
  const run = (x: Tensor, y: Tensor, parameter: Tensor): Tensor[] => {
    const pool = [captured, state, parameter, y, x];
    for (const each of steps) {
      const made = each(pool);
      if (made !== null && made.size <= 2000) pool.push(made);
    }
    return pool.slice(5).concat(x);
  };
  const loss = (x: Tensor, y: Tensor, parameter: Tensor) =>
    run(x, y, parameter)
      .filter((t) => t.dtype !== "bool")
      .slice(-3)
      .reduce((sum, t) => sum.add(t.cast("float64").mean()), ad.tensor(0, { dtype: "float64" }));
  const plain = w.detach();
  const bodies = [
    (x: Tensor, y: Tensor) => run(x, y, plain).slice(-4),
    (x: Tensor, y: Tensor) => ad.grad((u: Tensor, v: Tensor) => loss(u, v, plain), { argnums: [0, 1] })(x, y),
    (x: Tensor, y: Tensor) => {
      const value = loss(x, y, w);
      if (value.requiresGrad) optimizer.minimize(value);
      return [value];
    },
    (x: Tensor, y: Tensor) => {
      const results = run(x, y, plain);
      state.assign(state.mul(0.5).add(captured.mul(0.1)));
      return [...results.slice(-2), state];
    },
  ];
  const data = [7, 8, 9, 10].map((salt) => [make(shapeX, salt, wide), make(shapeY, salt + 10)] as const);
  return { body: bodies[mode]!, data, left: () => [state, w, captured], dispose: () => w.dispose() };
}

const numbers = (tensors: readonly Tensor[]) => tensors.map((t) => [t.dtype, t.shape.join(), Array.from(t.data(), Number)]);

describe("compiled random programs", () => {
  it.each(Array.from({ length: seeds * PROGRAMS }, (_, i) => first * PROGRAMS + i))("seed %i", (seed) => {
    const outcome = (compiled: boolean) =>
      ad.scope(() => {
        const { body, data, left, dispose } = program(seed);
        const f = compiled ? ad.compile(body) : body;
        const results = data.map(([x, y]) => numbers(f(x, y) as Tensor[]));
        const after = numbers(left());
        dispose();
        return { results, after };
      });
    const [expected, got] = [outcome(false), outcome(true)];
    expect(got).toEqual(expected);
  });
});
