/**
 * First, second and third derivatives of the elementary functions against 50-digit values (scripts/references/derivatives.py), relative
 * to the true value: near zeros, near the edges of the domain, saturated and for huge arguments no digits may go.
 */
import { readFileSync } from "node:fs";
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

type Table = Record<string, (number | null)[][]>;
const { one, two } = JSON.parse(readFileSync(new URL("./references/derivatives.json", import.meta.url), "utf8")) as {
  one: Table;
  two: Table;
};

type Function = (x: Tensor) => Tensor;
type Nested = (...x: Tensor[]) => Tensor;

const besideZero = (x: Tensor) => ad.stack([x, ad.zerosLike(x)]);
const [logsumexp0, softmax0, logSoftmax0]: Function[] = [
  (x) => besideZero(x).logsumexp(0),
  (x) => besideZero(x).softmax(0).at(0),
  (x) => besideZero(x).logSoftmax(0).at(0),
];
/** Entries of the table that are not ops of one argument. */
const composed: Record<string, Function> = {
  geluTanh: (x) => ad.gelu(x, { approximate: "tanh" }),
  "pow2.5": (x) => x.pow(2.5),
  "pow-1.5": (x) => x.pow(-1.5),
  pow3: (x) => x.pow(3),
  hypot1: (x) => x.hypot(1),
  atan2of1: (x) => ad.atan2(ad.onesLike(x), x),
  logaddexp0: (x) => ad.logaddexp(x, 0),
  xlogy2: (x) => ad.xlogy(2, x),
  logsumexp0: logsumexp0!,
  softmax0: softmax0!,
  logSoftmax0: logSoftmax0!,
};
const named = (name: string) => composed[name] ?? (ad[name as "exp"] as Function);

const DTYPES = {
  float64: { tolerance: 1e-13, largest: 1e300, smallest: 1e-290 },
  float32: { tolerance: 1e-5, largest: 3e38, smallest: 2e-38 },
} as const;
type Float = keyof typeof DTYPES;

/** d/dx_i elementwise, by either mode. */
const by: Record<string, (f: Nested, i: number) => Nested> = {
  R:
    (f, i) =>
    (...x) =>
      ad.grad((...y: Tensor[]) => f(...y).sum(), { argnums: i })(...x) as Tensor,
  F:
    (f, i) =>
    (...x) =>
      ad.jvp(
        f,
        x,
        x.map((v, k) => (k === i ? ad.onesLike(v) : ad.zerosLike(v))),
      )[1] as Tensor,
};
/** Outermost first, for each order of derivative. */
const NESTINGS = [
  ["R", "F"],
  ["RR", "FR", "RF", "FF"],
  ["RRR", "FRR", "FFR", "FFF", "RFR", "RRF"],
];

const nested = (modes: string, f: Nested, inputs: number[]): Nested => [...modes].reduceRight((g, mode, k) => by[mode]!(g, inputs[k]!), f);

function compare(got: Tensor, expected: (number | null)[], points: number[][], dtype: Float, what: string): void {
  const { tolerance, largest, smallest } = DTYPES[dtype];
  const y = Array.from(got.data(), Number);
  expected.forEach((e, i) => {
    if (e === null || Math.abs(e) > largest) return;
    const near = Math.abs(e) < smallest ? Math.abs(y[i]!) <= 2 * smallest : Math.abs(y[i]! - e) <= tolerance * Math.abs(e);
    expect(near, `${what} at ${points[i]}: ${y[i]}, expected ${e}`).toBe(true);
  });
}

/** Rows whose point the dtype holds. */
const usable = (rows: (number | null)[][], inputs: number, dtype: Float) =>
  dtype === "float64" ? rows : rows.filter((row) => row.slice(0, inputs).every((v) => Math.fround(v!) === v));

describe.each(Object.keys(DTYPES) as Float[])("in %s", (dtype) => {
  it.each(Object.keys(one))("derivatives of %s", (name) => {
    const rows = usable(one[name]!, 1, dtype);
    expect(rows.length).toBeGreaterThan(6);
    const points = rows.map((row) => [row[0]!]);
    NESTINGS.forEach((list, k) => {
      for (const modes of list) {
        clean(() => {
          const got = nested(modes, named(name), [0, 0, 0])(ad.tensor(points.flat(), { dtype }));
          compare(
            got,
            rows.map((row) => row[k + 2]!),
            points,
            dtype,
            `${name}, ${modes}`,
          );
        });
      }
    });
  });

  it.each(Object.keys(two))("partial derivatives of %s", (name) => {
    const rows = usable(two[name]!, 2, dtype);
    expect(rows.length).toBeGreaterThan(4);
    const points = rows.map((row) => [row[0]!, row[1]!]);
    const orders = [[0], [1], [0, 0], [0, 1], [1, 1], [0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]];
    const f = ad[name as "pow"] as Nested;
    orders.forEach((inputs, k) => {
      for (const modes of NESTINGS[inputs.length - 1]!) {
        // Mixed ones in both orders.
        for (const order of [inputs, [...inputs].reverse()]) {
          clean(() => {
            const xs = [0, 1].map((i) =>
              ad.tensor(
                points.map((p) => p[i]!),
                { dtype },
              ),
            );
            compare(
              nested(modes, f, order)(...xs),
              rows.map((row) => row[k + 2]!),
              points,
              dtype,
              `${name} by ${order}, ${modes}`,
            );
          });
        }
      }
    });
  });
});
