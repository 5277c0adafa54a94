/** Expressions against the engine: every op of the table that has an expression, at all its samples, kinks and poles included. */
import * as ad from "adjoint";
import type { Expression, Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { cases, type Sample } from "../ops/cases.js";
import { tensors } from "../ops/checks.js";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

/**
 * Ops without a faithful expression: special functions without formulas here, what depends on an order, recurrences, convolutions, factors of
 * matrices. */
const REFUSED =
  /erfinv|lgamma|digamma|polygamma|multigammaln|sinc|sort|topk|median|quantile|argmax|argmin|cumprod|cummax|cummin|any|all|scatter|index|einsum|bucket|search|kthvalue|norm|std|embedding|linearScan|matmul|matrixPower|dot|bmm|conv|cholesky|solve|^inv|det|qr|eigh|svd|pinv|lstsq|expm/i;

const isFloat = (t: Tensor) => t.dtype === "float64";

function close(got: number, expected: number): boolean {
  if (!Number.isFinite(expected)) return Object.is(got, expected);
  return Math.abs(got - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
}

describe("expressions of the op table", () => {
  for (const op of cases) {
    it(op.name, () => {
      ad.scope(() => {
        let read = 0;
        // Small samples, the smallest at least: an expression per element and a derivative per pair of elements take their time.
        const size = (sample: Sample) => sample.inputs.reduce((n, x) => n + x.data.length, 0);
        const samples = [...op.samples].sort((a, b) => size(a) - size(b));
        for (const sample of samples.filter((sample, i) => i < 2 || size(sample) <= 8 || (sample.singular && size(sample) <= 16))) {
          const inputs = tensors(sample, "float64");
          let expressions: Expression | Expression[];
          try {
            expressions = ad.symbolic(op.call)(...inputs);
          } catch (error) {
            expect(error).toBeInstanceOf(ad.ValueError);
            expect(op.name, String(error)).toMatch(REFUSED);
            continue;
          }
          read++;
          const outputs = Array.isArray(expressions) ? expressions : [expressions];
          const values = op.call(...inputs).data();
          if (outputs.length !== values.length) expect(outputs.length).toBe(values.length);
          const names = outputs.length > 0 ? (outputs[0]!.arguments() as string[]) : [];
          const numbers = inputs.flatMap((t) => Array.from(t.data(), Number));
          const environment = Object.fromEntries(names.map((name, i) => [name, numbers[i]!]));
          outputs.forEach((e, i) => {
            const got = e.evaluate(environment);
            if (!close(got, Number(values[i])))
              expect.fail(
                `${op.name} ${sample.note}: value ${got}, the engine's ${values[i]} of ${e.toString()} at ${JSON.stringify(environment)}`,
              );
            expect(e.toFunction()(numbers)).toBe(got);
          });
          if (op.discrete) continue;
          const float = inputs.filter(isFloat);
          const pulled = ad.vjp((...xs: Tensor[]) => op.call(...inputs.map((t) => (isFloat(t) ? xs[float.indexOf(t)]! : t))), ...float);
          const gradients = (pulled[1](ad.onesLike(pulled[0] as Tensor)) as Tensor[]).map((g) => g.data());
          let at = 0;
          inputs.forEach((t) => {
            const gradient = isFloat(t) ? gradients[float.indexOf(t)]! : undefined;
            for (let k = 0; k < t.size; k++, at++) {
              if (gradient === undefined) continue;
              const slopes = outputs.map((e) => e.derivative(names[at]!).evaluate(environment));
              const got = slopes.reduce((a, b) => a + b, 0);
              if (!close(got, Number(gradient[k])))
                expect.fail(
                  `${op.name} ${sample.note}: slope in ${names[at]} is ${got}, the engine's ${gradient[k]}, of ${outputs[0]!.derivative(names[at]!).toString()} at ${JSON.stringify(environment)}`,
                );
            }
          });
        }
        if (!REFUSED.test(op.name)) expect(read, "samples read").toBeGreaterThan(0);
      });
    });
  }
});
