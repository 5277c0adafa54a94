/**
 * Random loops, compiled: states handed on, values of earlier turns, slices, numbers that depend on the turn, odd turns, gradients through it
 * all. Every program with loops gives what the same code gives as it is. More seeds: ADJOINT_FUZZ_SEEDS=1000, from ADJOINT_FUZZ_FIRST on.
 */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";
import { generator } from "./generator.js";

endsAtBaseline();

const seeds = Number(process.env.ADJOINT_FUZZ_SEEDS ?? 1);
const first = Number(process.env.ADJOINT_FUZZ_FIRST ?? 1);
const PROGRAMS = 60;

beforeAll(() => ad.testing.rollFrom(6));
afterAll(() => ad.testing.rollFrom(null));

type Draw = (count: number) => number;

/** What a turn can see. */
interface Turn {
  readonly i: number;
  readonly turns: number;
  readonly xs: Tensor;
  readonly fixed: readonly Tensor[];
  /** States, then what this turn computed. */
  readonly pool: Tensor[];
  /** What each turn so far left. */
  readonly history: readonly Tensor[];
}

const UNARY = ["sin", "tanh", "neg", "abs", "square", "sigmoid", "relu"] as const;
const BINARY = ["add", "sub", "mul", "maximum"] as const;

/** An op of the body, drawn once, so that every turn and every run does the same. */
function op(draw: Draw): (turn: Turn) => Tensor {
  const [kind, a, b, c] = [draw(16), draw(97), draw(97), draw(97)];
  const pick = (pool: readonly Tensor[], n: number) => pool[n % pool.length]!;
  const tame = (x: Tensor) => ad.clamp(x, -4, 4);
  return ({ i, turns, xs, fixed, pool, history }) => {
    const [x, y] = [pick(pool, a), pick(pool, b)];
    if (kind < 4) return tame(x[UNARY[c % UNARY.length]!]());
    if (kind < 8) return tame(x[BINARY[c % BINARY.length]!](y));
    if (kind === 8) return tame(x[BINARY[c % BINARY.length]!](xs.at(c % 2 === 0 ? i : turns - 1 - i)));
    if (kind === 9) return tame(x[BINARY[c % BINARY.length]!](pick(fixed, b)));
    if (kind === 10) return tame(x.mul(c % 2 === 0 ? 0.5 + 0.01 * i : 1.1));
    if (kind === 11) return x.flip(0);
    if (kind === 12) return tame(x.add(pick(history.slice(-1 - (c % 3)), 0)));
    if (kind === 13)
      return tame(
        x
          .reshape([1, 4])
          .matmul(
            pick(fixed, b)
              .reshape([4, 1])
              .matmul(y.reshape([1, 4])),
          )
          .reshape([4]),
      );
    if (kind === 14) return tame(x.mul(y.slice([1], [3]).sum()));
    return tame(ad.where(x.gt(y), x, pick(fixed, b)));
  };
}

interface Plan {
  readonly turns: number;
  readonly states: number;
  readonly body: readonly ((turn: Turn) => Tensor)[];
  readonly next: readonly number[];
  /** A turn that leaves an op out. */
  readonly odd: number;
  readonly result: number;
}

function plan(draw: Draw): Plan {
  const states = 1 + draw(3);
  const body = Array.from({ length: 1 + draw(6) }, () => op(draw));
  return {
    turns: 4 + draw(12),
    states,
    body,
    next: Array.from({ length: states }, () => (draw(4) === 0 ? draw(states) : states + draw(body.length))),
    odd: draw(3) === 0 ? draw(16) : -1,
    result: draw(5),
  };
}

function run({ turns, states, body, next, odd, result }: Plan, x: Tensor, xs: Tensor, fixed: readonly Tensor[]): Tensor {
  let state = Array.from({ length: states }, (_, k) => x.mul(1 + 0.1 * k));
  const history: Tensor[] = [x];
  for (let i = 0; i < turns; i++) {
    const pool = [...state];
    for (const step of i === odd ? body.slice(1) : body) pool.push(step({ i, turns, xs, fixed, pool, history }));
    state = next.map((n) => pool[Math.min(n, pool.length - 1)]!);
    history.push(pool.at(-1)!);
  }
  if (result === 0) return ad.stack(history);
  if (result === 1) return ad.concat([...history].reverse());
  if (result === 2) return ad.stack([history[2]!, ...state, history.at(-2)!]);
  if (result === 3) return history.reduce((a, b) => a.add(b));
  return ad.stack(state);
}

const FORMS: ((f: (x: Tensor, xs: Tensor) => Tensor) => (x: Tensor, xs: Tensor) => Tensor | readonly Tensor[])[] = [
  (f) => f,
  (f) => ad.grad((x: Tensor, xs: Tensor) => f(x, xs).square().sum(), { argnums: [0, 1] }) as (x: Tensor, xs: Tensor) => readonly Tensor[],
  (f) => (x, xs) => ad.jvp((x: Tensor) => f(x, xs), [x], [x.mul(0.3)]),
  (f) => (x, xs) => ad.vmap((x: Tensor) => f(x, xs))(ad.stack([x, x.neg()])),
  (f) => (x, xs) =>
    ad.jvp(
      ad.grad((x: Tensor) => f(x, xs).square().sum()),
      [x],
      [x.mul(0.3)],
    ),
];

/** The two zeros are one: which of them a sum of cotangents gives depends on where they were added up. */
const numbers = (tree: unknown) =>
  ad.tree.flatten(tree)[0].map((t) => ({ shape: (t as Tensor).shape, numbers: Array.from((t as Tensor).data(), (v) => v + 0) }));

/** How many of the programs had loops, over all seeds: the test is about these. */
let rolled = 0;

for (let seed = first; seed < first + seeds; seed++)
  describe(`seed ${seed}`, () => {
    for (let number = 0; number < PROGRAMS; number++)
      it(`program ${number}`, () => {
        ad.scope(() => {
          const random = generator(seed * 1000 + number);
          const draw: Draw = (count) => Math.floor(random() * count);
          const drawn = plan(draw);
          const dtype = draw(2) === 0 ? "float64" : "float32";
          const make = (shape: number[]) =>
            ad.tensor(
              Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1),
              { shape, dtype },
            );
          const [x, xs, fixed] = [make([4]), make([drawn.turns, 4]), [make([4]), make([4])]];
          const f = FORMS[draw(FORMS.length)]!((x, xs) => run(drawn, x, xs, fixed));
          const compiled = ad.compile((x: Tensor, xs: Tensor) => f(x, xs));
          const expected = numbers(f(x, xs));
          for (let i = 0; i < 3; i++) expect(numbers(compiled(x, xs))).toEqual(expected);
          expect(compiled.stats().replays).toBe(2);
          if (/loop \d+ turns/.test(compiled.program(x, xs).stages.at(-1)!.text)) rolled++;
        });
      });
  });

it("most programs have loops", () => {
  expect(rolled).toBeGreaterThan((seeds * PROGRAMS) / 2);
});
