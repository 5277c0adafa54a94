/** Every line of the README's feature list runs. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as ad from "adjoint";
import { expect, it } from "vitest";

const readme = readFileSync(path.resolve("README.md"), "utf8");
const features = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!)[1]!;
const lines = features.split("\n").slice(2);
const setup = lines.slice(0, lines.indexOf("")).join("\n");
const calls = lines.slice(lines.indexOf("") + 1).filter((line) => line.trim() !== "");

const run = (code: string): any => {
  ad.manualSeed(0);
  return (new Function("ad", `${setup}\nreturn (${code});`) as (lib: typeof ad) => unknown)(ad);
};
const codeOf = (line: string) => line.replace(/ \/\/ .*$/, "").replace(/;\s*$/, "");
/** The one line that calls this. */
const lineWith = (text: string) => codeOf(calls.find((line) => line.includes(text))!);
const numbers = (value: unknown): number[] => (value instanceof ad.Tensor ? Array.from(value.data(), Number) : [value as number]);

function expectSame(a: unknown, b: unknown): void {
  const [got, expected] = [numbers(a), numbers(b)];
  expect(got).toHaveLength(expected.length);
  got.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 4));
}

it.each(calls)("%s", (line) => {
  expect(() => run(codeOf(line))).not.toThrow();
});

// By hand: g = Σ x sin x, f = x² - flip(x), at x = [0.1, 0.5, 0.9] in the direction v = [1, 0, -1].
const points = [0.1, 0.5, 0.9];
const slope = points.map((x) => Math.sin(x) + x * Math.cos(x));
const curvature = points.map((x) => 2 * Math.cos(x) - x * Math.sin(x));
const jacobian = [
  [0.2, 0, -1],
  [0, 1 - 1, 0],
  [-1, 0, 1.8],
];

it("gives what the mathematics says", () => {
  expectSame(run("ad.grad(g)(x)"), ad.tensor(slope));
  for (const way of ["ad.jacfwd(f)", "ad.jacrev(f", "ad.jacobian(f"]) expectSame(run(lineWith(way)), ad.tensor(jacobian));
  expectSame(run(lineWith("ad.vjp(f, x)"))[0], run("ad.tensor([[0.2, 0, -1], [0, 0, 0], [-1, 0, 1.8]]).T.matmul(v)"));
  for (const way of ["ad.jvp(f", "ad.linearize(f"])
    expectSame([run(lineWith(way))].flat().at(-1), run("ad.tensor([[0.2, 0, -1], [0, 0, 0], [-1, 0, 1.8]]).matmul(v)"));
  expectSame(run(lineWith("ad.hessian(g)")), ad.diag(ad.tensor(curvature)));
  for (const way of ["ad.hvp(g", "ad.vhp(g"]) expectSame(run(lineWith(way))[1], ad.tensor(curvature.map((c, i) => c * [1, 0, -1][i]!)));
  expectSame(
    run(lineWith("ad.vmap(ad.grad(g))")),
    ad.tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ].map((row) => row.map((x) => Math.sin(x) + x * Math.cos(x))),
    ),
  );
});

it.each(["ad.customVjp(g", "ad.customJvp(g"])("the rule in %s is the derivative", (way) => {
  const rule = lineWith(way).replace(/\(x\)$/, "");
  expectSame(run(`ad.grad(${rule})(x)`), ad.tensor(slope));
  expectSame(run(`ad.jvp(${rule}, [x], [v])[1]`), ad.tensor(slope[0]! - slope[2]!));
});

it("is a list worth its name", () => {
  expect(calls.length).toBeGreaterThan(25);
});
