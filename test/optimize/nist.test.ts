/** NIST's Statistical Reference Datasets for nonlinear regression: parameters, standard deviations, sums of squares. */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

interface Problem {
  name: string;
  level: "Lower" | "Average" | "Higher";
  starts: [number[], number[]];
  parameters: number[];
  deviations: number[];
  squares: number;
  data: number[][];
}
const problems = JSON.parse(readFileSync(new URL("references/nist.json", import.meta.url), "utf8")) as Problem[];

type Model = (b: Tensor[], x: Tensor, x2: Tensor) => Tensor;
const polynomial = (x: Tensor, b: (Tensor | number)[]) => b.reduceRight<Tensor | number>((sum, c) => x.mul(sum).add(c), 0) as Tensor;
const misra: Model = ([b1, b2], x) => x.mul(b2!).neg().exp().neg().add(1).mul(b1!);
const chwirut: Model = ([b1, b2, b3], x) => x.mul(b1!).neg().exp().div(x.mul(b3!).add(b2!));
const lanczos: Model = (b, x) =>
  [0, 2, 4]
    .map((i) =>
      x
        .mul(b[i + 1]!)
        .neg()
        .exp()
        .mul(b[i]!),
    )
    .reduce((sum, term) => sum.add(term));
const bell = (x: Tensor, height: Tensor, at: Tensor, width: Tensor) => x.sub(at).div(width).square().neg().exp().mul(height);
const gauss: Model = (b, x) =>
  x
    .mul(b[1]!)
    .neg()
    .exp()
    .mul(b[0]!)
    .add(bell(x, b[2]!, b[3]!, b[4]!))
    .add(bell(x, b[5]!, b[6]!, b[7]!));
const wave = (x: Tensor, period: Tensor | number, cosine: Tensor, sine: Tensor) => {
  const angle = x.mul(2 * Math.PI).div(period);
  return angle.cos().mul(cosine).add(angle.sin().mul(sine));
};
const cubics: Model = (b, x) => polynomial(x, b.slice(0, 4)).div(polynomial(x, [1, ...b.slice(4)]));
const MODELS: Record<string, Model> = {
  Misra1a: misra,
  BoxBOD: misra,
  Misra1b: ([b1, b2], x) => x.mul(b2!).div(2).add(1).pow(-2).neg().add(1).mul(b1!),
  Misra1c: ([b1, b2], x) => x.mul(b2!).mul(2).add(1).pow(-0.5).neg().add(1).mul(b1!),
  Misra1d: ([b1, b2], x) => x.mul(b1!).mul(b2!).div(x.mul(b2!).add(1)),
  Chwirut1: chwirut,
  Chwirut2: chwirut,
  Lanczos1: lanczos,
  Lanczos2: lanczos,
  Lanczos3: lanczos,
  Gauss1: gauss,
  Gauss2: gauss,
  Gauss3: gauss,
  DanWood: ([b1, b2], x) => x.pow(b2!).mul(b1!),
  Kirby2: (b, x) => polynomial(x, b.slice(0, 3)).div(polynomial(x, [1, ...b.slice(3)])),
  Hahn1: cubics,
  Thurber: cubics,
  Nelson: ([b1, b2, b3], x, x2) => x2.mul(b3!).neg().exp().mul(x).mul(b2!).neg().add(b1!),
  MGH17: ([b1, b2, b3, b4, b5], x) => x.mul(b4!).neg().exp().mul(b2!).add(x.mul(b5!).neg().exp().mul(b3!)).add(b1!),
  Roszman1: ([b1, b2, b3, b4], x) => b1!.sub(x.mul(b2!)).sub(b3!.div(x.sub(b4!)).atan().div(Math.PI)),
  ENSO: (b, x) =>
    wave(x, 12, b[1]!, b[2]!)
      .add(wave(x, b[3]!, b[4]!, b[5]!))
      .add(wave(x, b[6]!, b[7]!, b[8]!))
      .add(b[0]!),
  MGH09: ([b1, b2, b3, b4], x) =>
    x
      .square()
      .add(x.mul(b2!))
      .mul(b1!)
      .div(x.square().add(x.mul(b3!)).add(b4!)),
  MGH10: ([b1, b2, b3], x) => b2!.div(x.add(b3!)).exp().mul(b1!),
  Bennett5: ([b1, b2, b3], x) => x.add(b2!).pow(b3!.reciprocal().neg()).mul(b1!),
  Eckerle4: ([b1, b2, b3], x) => x.sub(b3!).div(b2!).square().mul(-0.5).exp().mul(b1!.div(b2!)),
  Rat42: ([b1, b2, b3], x) => b1!.div(b2!.sub(x.mul(b3!)).exp().add(1)),
  Rat43: ([b1, b2, b3, b4], x) => b1!.div(b2!.sub(x.mul(b3!)).exp().add(1).pow(b4!.reciprocal())),
};

const column = (rows: number[][], i: number) =>
  ad.tensor(
    rows.map((row) => row[i] ?? 0),
    { dtype: "float64" },
  );
/** How many digits agree: NIST's log relative error. */
const digits = (got: number, certified: number) =>
  got === certified ? 11 : Math.min(11, -Math.log10(Math.abs(got - certified) / Math.abs(certified)));

function fitted(problem: Problem, start: number[]) {
  return ad.scope(() => {
    const [y, x, x2] = [0, 1, 2].map((i) => column(problem.data, i)) as [Tensor, Tensor, Tensor];
    const model = MODELS[problem.name]!;
    const target = problem.name === "Nelson" ? y.log() : y;
    const found = ad.optimize.leastSquares(
      (b: Tensor[]) => model(b, x, x2).sub(target),
      start.map((v) => ad.tensor(v, { dtype: "float64" })),
    );
    return {
      ...found,
      b: found.x.map((v) => v.item()),
      errors: found.standardErrors.map((v) => v.item()),
    };
  });
}

it("has a model for every problem", () => {
  expect(problems.map(({ name }) => name).sort()).toEqual(Object.keys(MODELS).sort());
});

describe.each(problems.map((p) => [p.name, p.level, p] as const))("%s (%s difficulty)", (_name, level, problem) => {
  // From its first start BoxBOD goes where the exponential is 0, as MINPACK does: nothing leads back from there.
  const starts = problem.name === "BoxBOD" ? [1] : [1, 0];
  it.each(starts)("is fitted to 6 digits and more from start %i", (which) => {
    const { b, errors, cost, converged, message } = fitted(problem, problem.starts[which]!);
    const worst = Math.min(...b.map((v, i) => digits(v, problem.parameters[i]!)));
    expect(worst, `${message}: ${b}`).toBeGreaterThan(6);
    expect(converged, message).toBe(true);
    // Lanczos1 has residuals of rounding only.
    if (problem.name !== "Lanczos1") {
      expect(digits(2 * cost, problem.squares)).toBeGreaterThan(6);
      expect(Math.min(...errors.map((v, i) => digits(v, problem.deviations[i]!)))).toBeGreaterThan(5);
    }
  });
});
