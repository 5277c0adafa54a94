/** log probabilities, entropies, moments, divergences and their gradients against PyTorch's (scripts/references/distributions.py). */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

type Values = readonly [(number | null | string)[], number[]];
interface Answer {
  value: Values;
  gradients: Record<string, Values>;
}
type Parameters = Record<string, ad.Nested>;
interface FamilyRow {
  family: string;
  parameters: Parameters;
  x: ad.Nested;
  logProb: Answer;
  entropy?: Answer;
  cdf?: Answer;
  mean?: Values;
  variance?: Values;
}
interface PairRow extends Answer {
  p: string;
  q: string;
  parameters: [Parameters, Parameters];
}
const { families, pairs } = JSON.parse(readFileSync(new URL("references/distributions.json", import.meta.url), "utf8")) as {
  families: FamilyRow[];
  pairs: PairRow[];
};

const D = ad.distributions;
type Dtype = "float32" | "float64";
const camel = (name: string) => name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
const OPTIONS = new Set(["probs", "logits", "covarianceMatrix", "precisionMatrix", "scaleTril"]);

/** The distribution of these parameters, by position and in options as PyTorch's names say. */
function make(family: string, parameters: Record<string, ad.Tensor>): ad.distributions.Distribution {
  const named = Object.entries(parameters).map(([key, value]) => [camel(key), value] as const);
  const positional = named.filter(([key]) => !OPTIONS.has(key)).map(([, value]) => value);
  const options = named.filter(([key]) => OPTIONS.has(key));
  const Family = (D as unknown as Record<string, new (...args: unknown[]) => ad.distributions.Distribution>)[family]!;
  return new Family(...positional, ...(options.length > 0 ? [Object.fromEntries(options)] : []));
}

const leaves = (parameters: Parameters, dtype: Dtype) =>
  Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, ad.tensor(value, { dtype })]));

function near(actual: ad.Tensor, [numbers, shape]: Values, dtype: Dtype, what: string): void {
  expect(actual.shape, what).toEqual(shape);
  expect(actual.dtype, what).toBe(dtype);
  const flat = actual.flatten().toArray() as number[];
  const tolerance = dtype === "float64" ? 1e-11 : 3e-4;
  numbers.forEach((expected, i) => {
    const e = expected === null ? Number.NaN : expected === "inf" ? Infinity : expected === "-inf" ? -Infinity : (expected as number);
    if (!Number.isFinite(e)) expect(flat[i], `${what}[${i}]`).toBe(e);
    else expect(Math.abs(flat[i]! - e), `${what}[${i}]: ${flat[i]} for ${e}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(e)));
  });
}

/** The sum of what is finite, as the reference has it. */
const finite = (x: ad.Tensor) => x.isFinite().where(x, 0).sum();
/** Torch's gradient of a symmetric matrix may be spread otherwise over its two triangles, of a triangular one be anything above. */
const comparable = (key: string, x: ad.Tensor) =>
  /covariance|precision/.test(key) ? x.add(x.transpose()) : /tril/.test(key) ? x.tril() : x;
function symmetric(key: string, values: Values): Values {
  if (!/covariance|precision|tril/.test(key)) return values;
  const x = comparable(key, ad.tensor(values[0] as number[], { dtype: "float64" }).reshape(values[1]));
  return [x.flatten().toArray() as number[], values[1]];
}

function compare(answer: Answer, f: (tensors: Record<string, ad.Tensor>) => ad.Tensor, at: Record<string, ad.Tensor>, dtype: Dtype): void {
  near(f(at), answer.value, dtype, "value");
  near(ad.compile(f)(at) as ad.Tensor, answer.value, dtype, "compiled");
  const gradients = ad.grad((tensors: Record<string, ad.Tensor>) => finite(f(tensors)))(at) as Record<string, ad.Tensor>;
  for (const [key, values] of Object.entries(answer.gradients))
    near(comparable(key, gradients[key]!), symmetric(key, values), dtype, `gradient by ${key}`);
  if (dtype !== "float64") return;
  // Forward mode says the same, along the ones.
  const ones = Object.fromEntries(Object.entries(at).map(([key, value]) => [key, ad.onesLike(value)]));
  const [, slope] = ad.jvp((tensors: Record<string, ad.Tensor>) => finite(f(tensors)), [at], [ones]);
  const total = Object.entries(at).reduce((sum, [key]) => sum + gradients[key]!.sum().item(), 0);
  expect(Math.abs((slope as ad.Tensor).item() - total)).toBeLessThan(1e-9 * Math.max(1, Math.abs(total)));
}

describe.each(["float64", "float32"] as const)("%s", (dtype) => {
  it.each(families.map((row, i) => [`${row.family} ${i}`, row] as const))("%s", (_, row) => {
    clean(() => {
      const at = leaves(row.parameters, dtype);
      const discrete = row.logProb.gradients.x === undefined;
      const x = ad.tensor(row.x, { dtype });
      const withX = discrete ? at : { ...at, x };
      const parts = ({ x: place = x, ...parameters }: Record<string, ad.Tensor>) => [make(row.family, parameters), place] as const;
      const logProb = (tensors: Record<string, ad.Tensor>) => {
        const [d, place] = parts(tensors);
        return d.logProb(place);
      };
      compare(row.logProb, logProb, withX, dtype);
      if (row.entropy) compare(row.entropy, (tensors) => make(row.family, tensors).entropy(), at, dtype);
      if (row.cdf) {
        compare(
          row.cdf,
          (tensors) => {
            const [d, place] = parts(tensors);
            return d.cdf(place);
          },
          withX,
          dtype,
        );
      }
      const d = make(row.family, at);
      if (row.mean) near(d.mean, row.mean, dtype, "mean");
      if (row.variance) near(d.variance, row.variance, dtype, "variance");
      if (row.variance) expect(d.stddev.square().sub(d.variance).abs().max().item()).toBeLessThan(1e-4 * d.variance.max().item());
    });
  });

  it.each(pairs.map((row, i) => [`kl ${row.p} ${row.q} ${i}`, row] as const))("%s", (_, row) => {
    clean(() => {
      const [p, q] = row.parameters.map((parameters) => leaves(parameters, dtype)) as [
        Record<string, ad.Tensor>,
        Record<string, ad.Tensor>,
      ];
      const at = Object.fromEntries([
        ...Object.entries(p).map(([key, value]) => [`p.${key}`, value]),
        ...Object.entries(q).map(([key, value]) => [`q.${key}`, value]),
      ]) as Record<string, ad.Tensor>;
      const side = (tensors: Record<string, ad.Tensor>, of: string) =>
        Object.fromEntries(Object.entries(tensors).flatMap(([key, value]) => (key.startsWith(`${of}.`) ? [[key.slice(2), value]] : [])));
      compare(row, (tensors) => D.kl(make(row.p, side(tensors, "p")), make(row.q, side(tensors, "q"))), at, dtype);
    });
  });
});
