/**
 * Random programs of ops and nested transforms: every number is the reference's, and nothing is left. More seeds:
 * ADJOINT_FUZZ_SEEDS=1000, from ADJOINT_FUZZ_FIRST on.
 */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import * as ref from "./duals.js";
import type { Vector } from "./duals.js";
import { expression, restartNames } from "./expressions.js";
import { generator } from "./generator.js";
import { differs } from "./differs.js";

endsAtBaseline();

const seeds = Number(process.env.ADJOINT_FUZZ_SEEDS ?? 1);
const first = Number(process.env.ADJOINT_FUZZ_FIRST ?? 1);
const F = { dtype: "float64" } as const;

/** What is asked of a program in two vectors, and what the reference says. */
const QUESTIONS: Record<
  string,
  readonly [(f: (x: Tensor) => Tensor, x: Tensor, v: Tensor) => Tensor, (f: (x: Vector) => Vector, x: Vector, v: Vector) => Vector]
> = {
  value: [(f, x) => f(x), (f, x) => f(x)],
  forward: [(f, x, v) => ad.jvp(f, [x], [v])[1] as Tensor, ref.along],
  reverse: [(f, x, v) => ad.vjp(f, x)[1](v)[0] as Tensor, ref.against],
  "forward over reverse": [
    (f, x, v) => ad.hvp((u: Tensor) => f(u).sum(), [x], [v])[1] as Tensor,
    (f, x, v) => ref.along((u) => ref.gradient(f, u), x, v),
  ],
  "reverse over reverse": [
    (f, x, v) => ad.grad((u: Tensor) => (ad.grad((w: Tensor) => f(w).sum())(u) as Tensor).mul(v).sum())(x) as Tensor,
    (f, x, v) => ref.gradient((u) => ref.gradient(f, u).map((g, i) => ref.mul(g, v[i]!)), x),
  ],
  "of a batch": [
    (f, x, v) => (ad.vmap((u: Tensor) => ad.grad((w: Tensor) => f(w).sum())(u))(ad.stack([v, x])) as Tensor).at(1),
    (f, x) => ref.gradient(f, x),
  ],
  backward: [
    (f, x) => {
      const p = ad.tensor(x.data(), { requiresGrad: true });
      const y = f(p).sum();
      // A constant has nothing to go back to.
      if (y.requiresGrad) y.backward();
      const gradient = p.grad ?? ad.zerosLike(p);
      p.dispose();
      return gradient;
    },
    (f, x) => ref.gradient(f, x),
  ],
};

describe("random programs", () => {
  it.each(Array.from({ length: 40 * seeds }, (_, i) => 40 * (first - 1) + i + 1))("seed %i", (seed) => {
    const random = generator(seed);
    restartNames();
    const numbers = (): number[] => [0, 1, 2].map(() => Math.round(random() * 256 - 128) / 64);
    const [x, v, c] = [numbers(), numbers(), numbers()];
    const program = expression(random, ["x", "c"], 3 + random.below(2));
    for (const [name, [asked, known]] of Object.entries(QUESTIONS)) {
      const expected = known(
        (u) =>
          program.reference(
            new Map([
              ["x", u],
              ["c", c],
            ]),
          ),
        x,
        v,
      ).map(ref.plain);
      const got = clean(() => {
        const closed = ad.tensor(c, F);
        return [
          ...asked(
            (u) =>
              program.engine(
                new Map([
                  ["x", u],
                  ["c", closed],
                ]),
              ),
            ad.tensor(x, F),
            ad.tensor(v, F),
          ).data(),
        ];
      });
      expect(differs(got, expected), `${name} of ${program.text} at x = [${x}], v = [${v}], c = [${c}]`).toBeNull();
    }
  });
});
