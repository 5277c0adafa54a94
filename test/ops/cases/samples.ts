/** What a row of the table is, and the inputs that rows are made with. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { mapped, randoms, sizeOf, type Plain } from "../array.js";

export interface Sample {
  inputs: Plain[];
  /** int32 inputs by position. */
  integers?: number[];
  /** bool inputs by position. */
  booleans?: number[];
  note: string;
  /** At a kink or pole: derivatives are compared between the modes, but not with differences. */
  singular?: boolean;
}

export interface Case {
  name: string;
  call: (...x: Tensor[]) => Tensor;
  reference: (...x: Plain[]) => Plain;
  samples: Sample[];
  /** No derivative: comparisons, rounding, indices. */
  discrete?: boolean;
  /** Views go another way through the kernels (strided products): the same to rounding, not to the bit. */
  rounded?: boolean;
  /** Relative tolerance of the value in float64 and float32, where the defaults are too strict. */
  tolerance?: [number, number];
  /**
   * Values below this are compared absolutely, as if they were this large; else the dtype's smallest normal number. For what adds
   * terms of opposite signs (sums, products of matrices), where rounding is relative to the terms, not to what is left of them.
   */
  floor?: number;
}

const SHAPES: number[][] = [[], [1], [5], [2, 3], [3, 1, 2], [1, 4], [0], [2, 0, 3], [17], [4, 33]];

/** Numbers of a domain (a, b): spread over it, with its neighbourhood of the ends left out by a small margin. */
export const inDomain = (values: number[], [a, b]: readonly [number, number]): number[] => values.map((v) => a + ((v + 1) / 2) * (b - a));

export function unarySamples(domain: readonly [number, number], extras: number[] = []): Sample[] {
  const samples: Sample[] = SHAPES.flatMap((shape, i) =>
    [0, 1, 2].map((k) => ({
      note: `[${shape}] #${k}`,
      inputs: [{ shape, data: inDomain(randoms(sizeOf(shape), 31 * i + k + 1), domain) }],
    })),
  );
  if (extras.length > 0) samples.push({ note: "special values", inputs: [{ shape: [extras.length], data: extras }], singular: true });
  return samples;
}

const PAIRS: [number[], number[]][] = [
  [[], []],
  [[3], [3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[2, 3], []],
  [[], [4]],
  [[1], [5]],
  [[0], [1]],
  [[2, 0], [1]],
  [
    [4, 1, 3],
    [2, 1],
  ],
  [[20, 18], [18]],
  [
    [18, 20],
    [18, 1],
  ],
];

export function binarySamples(
  first: readonly [number, number],
  second: readonly [number, number],
  extras: [number[], number[]] = [[], []],
): Sample[] {
  const samples: Sample[] = PAIRS.flatMap(([a, b], i) =>
    [0, 1].map((k) => ({
      note: `[${a}] with [${b}] #${k}`,
      inputs: [
        { shape: a, data: inDomain(randoms(sizeOf(a), 57 * i + k + 3), first) },
        { shape: b, data: inDomain(randoms(sizeOf(b), 91 * i + k + 7), second) },
      ],
    })),
  );
  if (extras[0].length > 0) {
    samples.push({ note: "special values", singular: true, inputs: extras.map((data) => ({ shape: [data.length], data })) });
  }
  return samples;
}

/** Distinct numbers at least 1/8 apart, in irregular order: no step of a difference crosses a tie. */
const separated = (count: number, seed: number, offset = 0): number[] => {
  const order = randoms(count, seed)
    .map((v, i) => [v, i] as const)
    .sort((a, b) => a[0] - b[0]);
  const out = new Array<number>(count);
  order.forEach(([, i], rank) => (out[i] = (rank - Math.floor(count / 2)) / 8 + offset));
  return out;
};
/** The case with inputs that keep apart: for functions with kinks where inputs are equal. */
export const kinked = (c: Case): Case => ({
  ...c,
  samples: c.samples.map((s, k) =>
    s.singular ? s : { ...s, inputs: s.inputs.map((x, i) => ({ shape: x.shape, data: separated(x.data.length, k + 5 * i + 1, i / 16) })) },
  ),
});

/** The case with more points, at which everything is smooth though a rule may meet a special value. */
export const including = (c: Case, ...points: number[][][]): Case => ({
  ...c,
  samples: [
    ...c.samples,
    ...points.map((inputs, k) => ({ note: `smooth special point #${k}`, inputs: inputs.map((data) => ({ shape: [data.length], data })) })),
  ],
});

export type Options = Partial<Pick<Case, "discrete" | "tolerance" | "floor">>;

export const unary = (
  name: keyof typeof ad,
  f: (x: number) => number,
  domain: readonly [number, number] = [-2.9, 2.8],
  extras: number[] = [],
  options: Options = {},
): Case => ({
  name,
  call: (x) => (ad[name] as (x: Tensor) => Tensor)(x),
  reference: mapped(f),
  samples: unarySamples(domain, extras),
  ...options,
});

export const binary = (
  name: keyof typeof ad,
  f: (x: number, y: number) => number,
  first: readonly [number, number] = [-2.9, 2.8],
  second: readonly [number, number] = [-2.7, 2.9],
  extras: [number[], number[]] = [[], []],
  options: Options = {},
): Case => ({
  name,
  call: (x, y) => (ad[name] as (x: Tensor, y: Tensor) => Tensor)(x, y),
  reference: mapped(f),
  samples: binarySamples(first, second, extras),
  ...options,
});

export const POSITIVE = [0.05, 4] as const;
export const UNIT = [-0.95, 0.95] as const;
export const EDGES = [0, -0, 1e-30, -1e-30, 1e20, -1e20, Infinity, -Infinity, NaN];
export const truth = (b: boolean): number => Number(b);

/** A row with 25 samples of the same shapes. */
export const fixed = (
  name: string,
  shapes: number[][],
  call: Case["call"],
  reference: Case["reference"],
  more: Partial<Case> & { prepare?: (s: Sample) => Sample } = {},
): Case => {
  const { prepare = (s: Sample) => s, ...rest } = more;
  return {
    name,
    call,
    reference,
    samples: Array.from({ length: 25 }, (_, k) =>
      prepare({ note: `#${k}`, inputs: shapes.map((shape, i) => ({ shape, data: randoms(sizeOf(shape), 17 * k + i + 1) })) }),
    ),
    ...rest,
  };
};
