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

it.each(calls)("%s", (line) => {
  const code = line.replace(/ \/\/ .*$/, "").replace(/;\s*$/, "");
  ad.manualSeed(0);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function("ad", `${setup}\nreturn (${code});`) as (lib: typeof ad) => unknown;
  expect(() => run(ad)).not.toThrow();
});

it("is a list worth its name", () => {
  expect(calls.length).toBeGreaterThan(25);
});
