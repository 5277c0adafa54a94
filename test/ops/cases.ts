/**
 * The table every op test runs over: one row per op. A row says how to call it, what inputs it takes, and an independent
 * float64 reference.
 */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { along, at, broadcastShapes, build, mapped, randoms, reduced, sizeOf, type Plain } from "./array.js";
import * as special from "./special.js";

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
}

const SHAPES: number[][] = [[], [1], [5], [2, 3], [3, 1, 2], [1, 4], [0], [2, 0, 3], [17], [4, 33]];

/** Numbers of a domain (a, b): spread over it, with its neighbourhood of the ends left out by a small margin. */
const inDomain = (values: number[], [a, b]: readonly [number, number]): number[] => values.map((v) => a + ((v + 1) / 2) * (b - a));

function unarySamples(domain: readonly [number, number], extras: number[] = []): Sample[] {
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

function binarySamples(
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
const kinked = (c: Case): Case => ({
  ...c,
  samples: c.samples.map((s, k) =>
    s.singular ? s : { ...s, inputs: s.inputs.map((x, i) => ({ shape: x.shape, data: separated(x.data.length, k + 5 * i + 1, i / 16) })) },
  ),
});

/** The case with more points, at which everything is smooth though a rule may meet a special value. */
const including = (c: Case, ...points: number[][][]): Case => ({
  ...c,
  samples: [
    ...c.samples,
    ...points.map((inputs, k) => ({ note: `smooth special point #${k}`, inputs: inputs.map((data) => ({ shape: [data.length], data })) })),
  ],
});

type Options = Partial<Pick<Case, "discrete" | "tolerance">>;

const unary = (
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

const binary = (
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

const POSITIVE = [0.05, 4] as const;
const UNIT = [-0.95, 0.95] as const;
const EDGES = [0, -0, 1e-30, -1e-30, 1e20, -1e20, Infinity, -Infinity, NaN];
const truth = (b: boolean): number => Number(b);

const elementwise: Case[] = [
  unary("neg", (x) => -x, undefined, EDGES),
  unary("abs", Math.abs, undefined, EDGES),
  unary("sign", Math.sign, undefined, EDGES, { discrete: true }),
  unary("square", (x) => x * x),
  unary("sqrt", Math.sqrt, POSITIVE, [0, 1e-20, Infinity, -1, NaN]),
  unary("rsqrt", (x) => 1 / Math.sqrt(x), POSITIVE, [0, Infinity, -1]),
  unary("cbrt", Math.cbrt, POSITIVE, [-8, 27, 0]),
  unary("reciprocal", (x) => 1 / x, POSITIVE, [Infinity, -4, 0]),
  unary("exp", Math.exp, undefined, [0, 80, -80, 1000, -1000, Infinity, -Infinity, NaN]),
  unary("exp2", (x) => 2 ** x, undefined, [0, 100, -100, Infinity, -Infinity]),
  unary("expm1", Math.expm1, undefined, [1e-20, -1e-20, -Infinity, 50]),
  unary("log", Math.log, POSITIVE, [1, 1e20, 1e-20, 0, Infinity, -1]),
  unary("log2", Math.log2, POSITIVE, [8, 0, -1]),
  unary("log10", Math.log10, POSITIVE, [1000, 0, -1]),
  unary("log1p", Math.log1p, [-0.9, 3], [1e-20, -1e-20, -1, -2]),
  unary("sin", Math.sin, undefined, [0, 1000, -31.4, 1e5]),
  unary("cos", Math.cos, undefined, [0, 1000, -31.4, 1e5]),
  unary("tan", Math.tan, [-1.3, 1.3], [0, 10]),
  including(unary("asin", Math.asin, UNIT, [1, -1, 2, 1e-10]), [[0, 1e-9]]),
  including(unary("acos", Math.acos, UNIT, [1, -1, 2]), [[0, 1e-9]]),
  unary("atan", Math.atan, undefined, EDGES),
  unary("sinh", Math.sinh, undefined, [1e-10, 20, -20]),
  unary("cosh", Math.cosh, undefined, [1e-10, 20, -20]),
  including(unary("tanh", Math.tanh, undefined, [1e-10, 1000, -1000, Infinity, -Infinity, NaN]), [[0, 1e-9]]),
  unary("asinh", Math.asinh, undefined, [1e-10, 1e10, -1e10]),
  unary("acosh", Math.acosh, [1.1, 5], [1, 0.5, 1e10]),
  including(unary("atanh", Math.atanh, [-0.85, 0.85], [1, -1, 2, 1e-10]), [[0, 1e-9]]),
  unary("erf", special.erf, undefined, [0, 5, -5, Infinity, -Infinity], { tolerance: [1e-13, 2e-6] }),
  unary("erfc", special.erfc, undefined, [0, 5, -5, 8], { tolerance: [1e-12, 4e-6] }),
  unary("erfinv", special.erfinv, UNIT, [0, 1, -1], { tolerance: [1e-12, 2e-6] }),
  unary("lgamma", special.lgamma, [0.1, 6], [1, 2, 0, -1, -1.5, 50], { tolerance: [1e-12, 4e-6] }),
  unary("digamma", special.digamma, [0.2, 6], [1, 0, -1.5, 50], { tolerance: [1e-12, 4e-6] }),
  {
    ...unary("digamma", (x) => x, [0.3, 5]),
    name: "polygamma(1)",
    call: (x) => ad.polygamma(1, x),
    reference: mapped((x) => trigamma(x)),
    tolerance: [1e-12, 4e-6],
  },
  {
    ...unary("lgamma", (x) => x, [2.1, 6]),
    name: "multigammaln",
    call: (x) => ad.multigammaln(x, 3),
    reference: mapped((x) => 1.5 * Math.log(Math.PI) + special.lgamma(x) + special.lgamma(x - 0.5) + special.lgamma(x - 1)),
    tolerance: [1e-12, 4e-6],
  },
  unary("sinc", special.sinc, undefined, [0, 1e-10, 0.3, 20.25], { tolerance: [1e-13, 4e-6] }),
  { ...unary("abs", (x) => x), name: "cast", call: (x) => x.cast("float64"), reference: mapped((x) => x) },
  unary("floor", Math.floor, undefined, [1, -0.5, 1e20], { discrete: true }),
  unary("ceil", Math.ceil, undefined, [1, -0.5, 1e20], { discrete: true }),
  unary("round", special.roundHalfEven, undefined, [0.5, 1.5, -2.5, 2.5], { discrete: true }),
  unary("trunc", Math.trunc, undefined, [1.7, -1.7, 1e20], { discrete: true }),
  unary("relu", (x) => (x > 0 || Number.isNaN(x) ? x : 0), undefined, [0, NaN, Infinity, -Infinity]),
  unary("relu6", (x) => Math.min(Math.max(x, 0), 6), [-3, 9], [0, 6, NaN]),
  unary("leakyRelu", (x) => (x > 0 ? x : 0.01 * x), undefined, [0]),
  unary("elu", (x) => (x > 0 ? x : Math.expm1(x)), undefined, [0, 1000, -1000]),
  unary("selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)), undefined, [1000, -1000]),
  unary("gelu", special.gelu, undefined, [0, 100, -100], { tolerance: [1e-12, 4e-6] }),
  {
    ...unary("gelu", (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
    name: "gelu tanh",
    call: (x) => ad.gelu(x, { approximate: "tanh" }),
    tolerance: [1e-13, 4e-6],
  },
  including(
    unary("silu", (x) => x * special.sigmoid(x), undefined, [1000, -1000, 0]),
    [[0, 1e-9]],
  ),
  including(unary("sigmoid", special.sigmoid, undefined, [1000, -1000, Infinity, -Infinity]), [[0, 1e-9]]),
  unary("softplus", special.softplus, undefined, [1000, -1000, 0]),
  unary("logSigmoid", (x) => -special.softplus(-x), undefined, [1000, -1000, 0]),
  unary("hardSwish", (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6, [-2.8, 2.8], [-4, 4, 0]),
  including(
    unary("mish", (x) => (x === -Infinity ? 0 : x * Math.tanh(special.softplus(x))), undefined, [100, -100, Infinity, -Infinity]),
    [[0, 1e-9]],
  ),
  {
    ...unary("abs", (x) => Math.min(Math.max(x, -1), 1.5), [-0.9, 1.4], [-1, 1.5, -3, 3]),
    name: "clamp",
    call: (x) => ad.clamp(x, -1, 1.5),
  },
  binary("add", (x, y) => x + y, undefined, undefined, [
    [Infinity, 1e20, 0],
    [1, 1, -0],
  ]),
  binary("sub", (x, y) => x - y),
  // The tangent of the square depends on x and is stretched by the product.
  { ...binary("mul", (x, y) => x * x * y), name: "mul of a square", call: (x, y) => x.square().mul(y) },
  binary("mul", (x, y) => x * y),
  binary(
    "div",
    (x, y) => x / y,
    undefined,
    [0.3, 3],
    [
      [1, 0, -1],
      [0, 2, Infinity],
    ],
  ),
  binary(
    "mod",
    special.mod,
    undefined,
    [0.7, 2.9],
    [
      [-5.5, 5.5],
      [2, -2],
    ],
  ),
  binary(
    "fmod",
    (x, y) => x % y,
    undefined,
    [0.7, 2.9],
    [
      [-5.5, 5.5],
      [2, -2],
    ],
  ),
  including(
    binary("pow", (x, y) => x ** y, POSITIVE, undefined, [
      [0, 0, -2, 2, 0, -2],
      [0, 2, 3, 0, 0.5, 0.5],
    ]),
    [
      [2, 3, 0.5],
      [0, 1, 0],
    ],
  ),
  including(
    binary("hypot", Math.hypot, undefined, undefined, [
      [0, 3e30, 3],
      [0, 4e30, 4],
    ]),
    [
      [0, 2, -1],
      [2, 0, 0],
    ],
  ),
  including(
    binary(
      "atan2",
      Math.atan2,
      undefined,
      [0.2, 3],
      [
        [1, -1, 0],
        [-1, -1, 2],
      ],
    ),
    [
      [0, 2, -1, 0],
      [2, 0, 0, 3],
    ],
  ),
  including(
    binary("logaddexp", (x, y) => lse([x, y]), undefined, undefined, [
      [0, 1000, -Infinity, -Infinity, Infinity],
      [0, 1000, 2, -Infinity, Infinity],
    ]),
    [
      [1, 0, 30],
      [1, 0, 0],
    ],
  ),
  including(
    binary("xlogy", (x, y) => (x === 0 ? 0 : x * Math.log(y)), undefined, POSITIVE, [
      [0, 0, 2],
      [0, 1, 0],
    ]),
    [
      [0, 0, 1],
      [0.5, 2, 1],
    ],
  ),
  kinked(
    binary("maximum", (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.max(x, y)), undefined, undefined, [
      [1, NaN, 2],
      [1, 1, 3],
    ]),
  ),
  kinked(
    binary("minimum", (x, y) => (Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.min(x, y)), undefined, undefined, [
      [1, NaN, 2],
      [1, 1, 3],
    ]),
  ),
  ...(
    [
      ["eq", (x: number, y: number) => truth(x === y)],
      ["ne", (x: number, y: number) => truth(x !== y)],
      ["lt", (x: number, y: number) => truth(x < y)],
      ["le", (x: number, y: number) => truth(x <= y)],
      ["gt", (x: number, y: number) => truth(x > y)],
      ["ge", (x: number, y: number) => truth(x >= y)],
      ["logicalAnd", (x: number, y: number) => truth(x !== 0 && y !== 0)],
      ["logicalOr", (x: number, y: number) => truth(x !== 0 || y !== 0)],
    ] as const
  ).map(([name, f]) =>
    binary(
      name,
      f,
      undefined,
      undefined,
      [
        [1, NaN, 0, 2],
        [1, 1, 0, 3],
      ],
      { discrete: true },
    ),
  ),
  unary("logicalNot", (x) => truth(x === 0), undefined, [0, 1], { discrete: true }),
  unary("isNaN", (x) => truth(Number.isNaN(x)), undefined, EDGES, { discrete: true }),
  unary("isinf", (x) => truth(Math.abs(x) === Infinity), undefined, EDGES, { discrete: true }),
  {
    ...unary("nanToNum", (x) => (Number.isNaN(x) ? 7 : Math.min(Math.max(x, -8), 9)), undefined, [NaN, Infinity, -Infinity, 2]),
    call: (x) => ad.nanToNum(x, { nan: 7, posinf: 9, neginf: -8 }),
  },
  {
    name: "maskedFill",
    call: (x, mask) => ad.maskedFill(x, mask, 2.5),
    reference: mapped((x, mask) => (mask !== 0 ? 2.5 : x)),
    samples: [...binarySamples([-2, 2], [-2, 2]), ...binarySamples([-1, 3], [-1, 1])].flatMap((s) => {
      const [x, mask] = s.inputs as [Plain, Plain];
      const fits = broadcastShapes(x.shape, mask.shape).join() === x.shape.join();
      return fits ? [{ ...s, booleans: [1], inputs: [x, { shape: mask.shape, data: mask.data.map((v) => truth(v > 0)) }] }] : [];
    }),
  },
  unary("isFinite", (x) => truth(Number.isFinite(x)), undefined, EDGES, { discrete: true }),
  {
    name: "where",
    call: (c, x, y) => ad.where(c, x, y),
    reference: mapped((c, x, y) => (c !== 0 ? x : y)),
    samples: binarySamples([-2, 2], [-2, 2]).map((s, i) => {
      const shape = i % 2 === 0 ? s.inputs[0]!.shape : broadcastShapes(...s.inputs.map((x) => x.shape));
      return { ...s, booleans: [0], inputs: [{ shape, data: randoms(sizeOf(shape), i + 5).map((v) => truth(v > 0)) }, ...s.inputs] };
    }),
  },
];

function trigamma(x: number): number {
  let shift = 0;
  while (x < 20) shift += 1 / (x++) ** 2;
  const z = 1 / (x * x);
  return 1 / x + z / 2 + (z / x) * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z / 30))) + shift;
}

// ---- reductions -------------------------------------------------------------------------------------------------------

const AXES: (number | number[] | undefined)[] = [undefined, 0, -1, [0, -1]];
const listed = (axis: number | number[] | undefined): number[] | undefined => (typeof axis === "number" ? [axis] : axis);

function reductionCases(
  name: keyof typeof ad,
  f: (values: number[]) => number,
  options: Options & {
    nonempty?: boolean;
    domain?: readonly [number, number];
    extras?: number[];
    call?: (x: Tensor, axis: number | number[] | undefined, keepdims: boolean) => Tensor;
  } = {},
): Case[] {
  const {
    nonempty = false,
    domain = [-1.9, 2] as const,
    extras,
    call = (x, axis, keepdims) => (ad[name] as typeof ad.sum)(x, axis, { keepdims }),
    ...rest
  } = options;
  return AXES.map((axis, i) => {
    const keepdims = i % 2 === 1;
    const shapes = [[3], [1], [2, 3], [4, 1, 3], [1, 1], [2, 3, 4], [40, 3], [3, 40], ...(nonempty ? [] : [[0, 2], [2, 0], [0]])].filter(
      (s) => !Array.isArray(axis) || s.length > 1,
    );
    if (axis === undefined) shapes.push([]);
    const samples: Sample[] = shapes.flatMap((shape, k) =>
      [0, 1, 2].map((n) => ({
        singular: sizeOf(shape) === 0,
        note: `[${shape}] #${n}`,
        inputs: [{ shape, data: inDomain(randoms(sizeOf(shape), 7 * k + 13 * i + n + 2), domain) }],
      })),
    );
    if (extras && axis === undefined)
      samples.push({ note: "special values", singular: true, inputs: [{ shape: [extras.length], data: extras }] });
    return {
      name: `${name}(${axis === undefined ? "all" : JSON.stringify(axis)}${keepdims ? ", keepdims" : ""})`,
      call: (x: Tensor) => call(x, axis, keepdims),
      reference: (x: Plain) => reduced(x, listed(axis), keepdims, f),
      samples,
      ...rest,
    };
  });
}

/** By sorting; NaN where one is NaN, or of none. */
function quantileOf(v: number[], q: number): number {
  if (v.length === 0 || v.some(Number.isNaN)) return NaN;
  const sorted = [...v].sort((a, b) => a - b);
  const place = q * (v.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low === high ? low : low + (high - low) * (place - Math.floor(place));
}
function covariance(x: Plain): Plain {
  const n = x.shape.at(-1)!;
  const rows = Array.from({ length: x.data.length / n }, (_, i) => x.data.slice(i * n, (i + 1) * n));
  const centred = rows.map((row) => row.map((v) => v - average(row)));
  const data = centred.flatMap((a) => centred.map((b) => total(a.map((v, i) => v * b[i]!)) / (n - 1)));
  return { shape: x.shape.length === 1 ? [] : [rows.length, rows.length], data };
}
const total = (v: number[]): number => v.reduce((a, b) => a + b, 0);
const average = (v: number[]): number => total(v) / v.length;
const lse = (v: number[]): number => {
  const top = Math.max(...v);
  if (!Number.isFinite(top)) return v.length === 0 ? -Infinity : top;
  return top + Math.log(total(v.map((x) => Math.exp(x - top))));
};
const spread = (v: number[]): number => total(v.map((x) => (x - average(v)) ** 2)) / Math.max(v.length - 1, 0);

const reductions: Case[] = [
  ...reductionCases("sum", total),
  ...reductionCases("mean", average),
  including(reductionCases("prod", (v) => v.reduce((a, b) => a * b, 1))[0]!, [[0, 2, 3]], [[0, 0, 3]]),
  ...reductionCases("prod", (v) => v.reduce((a, b) => a * b, 1), { extras: [2, 0, 3], domain: [0.4, 1.6], tolerance: [1e-12, 1e-4] }),
  ...reductionCases("max", (v) => v.reduce((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b))), {
    nonempty: true,
    extras: [1, 3, 3],
  }).map(kinked),
  ...reductionCases("min", (v) => v.reduce((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.min(a, b))), {
    nonempty: true,
    extras: [1, 1, 3],
  }).map(kinked),
  ...reductionCases("any", (v) => truth(v.some((x) => x !== 0)), { discrete: true }),
  ...reductionCases("all", (v) => truth(v.every((x) => x !== 0)), { discrete: true }),
  ...reductionCases("logsumexp", lse, { extras: [-Infinity, 0, 1000] }),
  including(reductionCases("logsumexp", lse)[0]!, [[2, 2, 2]], [[40, 0]]),
  ...reductionCases("variance", spread, { tolerance: [1e-12, 1e-4] }).map((c) => ({
    ...c,
    samples: c.samples.filter((s) => s.inputs[0]!.data.length > 8),
  })),
  ...reductionCases("std", (v) => Math.sqrt(spread(v)), { tolerance: [1e-12, 1e-4] }).map((c) => ({
    ...c,
    samples: c.samples.filter((s) => s.inputs[0]!.shape.every((d) => d > 1) && s.inputs[0]!.data.length > 8),
  })),
  ...reductionCases("norm", (v) => Math.hypot(...v), { tolerance: [1e-13, 4e-6], domain: [0.2, 2], extras: [3e30, 4e30] }),
  {
    ...reductionCases("norm", (v) => Math.cbrt(total(v.map((x) => Math.abs(x) ** 3))), { domain: [0.2, 2], tolerance: [1e-12, 1e-5] })[1]!,
    name: "norm(p = 3)",
    call: (x) => ad.norm(x, 0, { p: 3, keepdims: true }),
  },
  ...[true, false].map(
    (largest): Case => ({
      name: largest ? "argmax" : "argmin",
      call: (x) => (largest ? ad.argmax(x, -1) : ad.argmin(x, -1)),
      reference: (x) => reduced(x, [-1], false, (v) => v.indexOf(largest ? Math.max(...v) : Math.min(...v))),
      samples: [...unarySamples([-2, 2]), ...unarySamples([-1, 1])].filter((s) => (s.inputs[0]!.shape.at(-1) ?? 0) > 0),
      discrete: true,
    }),
  ),
  ...(
    [
      ["softmax", (v: number[]) => v.map((x) => Math.exp(x - lse(v)))],
      ["logSoftmax", (v: number[]) => v.map((x) => x - lse(v))],
      ["cumsum", (v: number[]) => v.map((_, i) => total(v.slice(0, i + 1)))],
      ["cumprod", (v: number[]) => v.map((_, i) => v.slice(0, i + 1).reduce((a, b) => a * b, 1))],
    ] as const
  ).flatMap(([name, f]) =>
    [0, -1].map(
      (axis): Case => ({
        name: `${name}(${axis})`,
        call: (x) => (ad[name] as typeof ad.softmax)(x, axis),
        reference: (x) => along(x, axis, f),
        samples: unarySamples(name === "cumprod" ? [0.5, 1.4] : [-2, 2], name === "cumprod" ? [2, 0, 3] : [1000, 1000, 0]).filter(
          (s) => s.inputs[0]!.shape.length > 0,
        ),
        tolerance: [1e-12, 2e-5],
      }),
    ),
  ),
  ...(
    [
      ["cummax", Math.max],
      ["cummin", Math.min],
    ] as const
  ).flatMap(([name, f]) =>
    [0, -1].map(
      (axis): Case =>
        kinked({
          name: `${name}(${axis})`,
          call: (x) => ad[name](x, axis, { reverse: axis === -1 }),
          reference: (x) => along(x, axis, (v) => v.map((_, i) => (axis === 0 ? v.slice(0, i + 1) : v.slice(i)).reduce((a, b) => f(a, b)))),
          samples: unarySamples([-2, 2], [1, 3, NaN, 3, -Infinity, 5]).filter((s) => s.inputs[0]!.shape.length > 0),
        }),
    ),
  ),
  ...reductionCases("median", (v) => quantileOf(v, 0.5), { extras: [1, NaN, 3] }).map(kinked),
  ...reductionCases("quantile", (v) => quantileOf(v, 0.3), {
    extras: [1, Infinity, -Infinity, 2, 2],
    call: (x, axis, keepdims) => ad.quantile(x, 0.3, axis, { keepdims }),
  }).map(kinked),
  {
    name: "cov",
    call: (x) => ad.cov(x),
    reference: covariance,
    samples: [...unarySamples([-2, 2]), ...unarySamples([1, 3])]
      .filter((s) => [1, 2].includes(s.inputs[0]!.shape.length) && s.inputs[0]!.shape.at(-1)! > 1)
      .flatMap((s) => [
        s,
        { ...s, note: `${s.note} again`, inputs: [{ shape: s.inputs[0]!.shape, data: s.inputs[0]!.data.map((v) => v * 1.5) }] },
      ]),
    rounded: true,
    tolerance: [1e-13, 1e-5],
  },
  {
    name: "searchsorted",
    call: (x, y) => ad.searchsorted(ad.sort(x), y),
    reference: (x, y) => build(y.shape, (i) => x.data.filter((v) => v < at(y, i) || Number.isNaN(at(y, i))).length),
    samples: binarySamples(
      [-2, 2],
      [-2, 2],
      [
        [2, 1, 3, 1],
        [1, 2, NaN, -Infinity],
      ],
    ).map((s) => ({ ...s, inputs: [{ shape: [s.inputs[0]!.data.length], data: s.inputs[0]!.data }, s.inputs[1]!] })),
    discrete: true,
  },
  kinked({
    name: "sort",
    call: (x) => ad.sort(x),
    reference: (x) => along(x, -1, (v) => [...v].sort((a, b) => a - b)),
    samples: unarySamples([-2, 2], [2, 2, 1]).filter((s) => s.inputs[0]!.shape.length > 0),
  }),
  {
    name: "argsort",
    call: (x) => ad.argsort(x),
    reference: (x) => along(x, -1, (v) => v.map((_, i) => i).sort((a, b) => v[a]! - v[b]! || a - b)),
    samples: unarySamples([-2, 2], [2, 2, 1]).filter((s) => s.inputs[0]!.shape.length > 0),
    discrete: true,
  },
  kinked({
    name: "topk",
    call: (x) => ad.topk(x, 1)[0],
    reference: (x) => reduced(x, [-1], true, (v) => Math.max(...v)),
    samples: [...unarySamples([-2, 2]), ...unarySamples([-1, 1])].filter(
      (s) => (s.inputs[0]!.shape.at(-1) ?? 0) > 0 && !s.inputs[0]!.shape.includes(0),
    ),
  }),
];

// ---- shapes, indices, products ---------------------------------------------------------------------------------------

const fixed = (
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

const permuted = (x: Plain, axes: number[]): Plain =>
  build(
    axes.map((a) => x.shape[a]!),
    (index) =>
      at(
        x,
        x.shape.map((_, a) => index[axes.indexOf(a)]!),
      ),
  );
const multiply = (x: Plain, y: Plain): Plain => {
  const batch = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2));
  const [m, k, n] = [x.shape.at(-2)!, x.shape.at(-1)!, y.shape.at(-1)!];
  const pick = (z: Plain, lead: number[], row: number, column: number) => {
    const own = z.shape.slice(0, -2).map((d, a) => (d === 1 ? 0 : lead[lead.length - (z.shape.length - 2) + a]!));
    return at(z, [...own, row, column]);
  };
  return build([...batch, m, n], (index) => {
    const lead = index.slice(0, -2);
    let sum = 0;
    for (let p = 0; p < k; p++) sum += pick(x, lead, index.at(-2)!, p) * pick(y, lead, p, index.at(-1)!);
    return sum;
  });
};
const withIndices = (position: number, size: number) => ({
  prepare: (s: Sample): Sample => ({
    ...s,
    integers: [position],
    inputs: s.inputs.map((x, i) => (i === position ? { shape: x.shape, data: x.data.map((v) => Math.floor(((v + 1) / 2) * size)) } : x)),
  }),
});

const movement: Case[] = [
  fixed(
    "reshape",
    [[2, 6]],
    (x) => x.reshape([3, -1]),
    (x) => ({ shape: [3, 4], data: x.data }),
  ),
  fixed(
    "transpose",
    [[2, 3, 4]],
    (x) => x.transpose([2, 0, 1]),
    (x) => permuted(x, [2, 0, 1]),
  ),
  fixed(
    "T",
    [[3, 2]],
    (x) => x.T,
    (x) => permuted(x, [1, 0]),
  ),
  fixed(
    "moveaxis",
    [[2, 3, 4]],
    (x) => x.moveaxis(0, -1),
    (x) => permuted(x, [1, 2, 0]),
  ),
  fixed(
    "squeeze and unsqueeze",
    [[2, 1, 3]],
    (x) => x.squeeze(1).unsqueeze([0, -1]),
    (x) => ({ shape: [1, 2, 3, 1], data: x.data }),
  ),
  fixed(
    "broadcastTo",
    [[2, 1]],
    (x) => x.broadcastTo([3, 2, 4]),
    (x) => build([3, 2, 4], (i) => at(x, [i[1]!, 0])),
  ),
  fixed(
    "concat",
    [
      [2, 3],
      [1, 3],
    ],
    (x, y) => ad.concat([x, y, x], 0),
    (x, y) => ({ shape: [5, 3], data: [...x.data, ...y.data, ...x.data] }),
  ),
  fixed(
    "concat along the last axis",
    [
      [2, 3],
      [2, 0],
      [2, 2],
    ],
    (x, y, z) => ad.concat([x, y, z], -1),
    (x, _y, z) => build([2, 5], ([i, j]) => (j! < 3 ? at(x, [i!, j!]) : at(z, [i!, j! - 3]))),
  ),
  fixed(
    "stack",
    [
      [2, 3],
      [2, 3],
    ],
    (x, y) => ad.stack([x, y], 1),
    (x, y) => build([2, 2, 3], ([i, s, j]) => at(s === 0 ? x : y, [i!, j!])),
  ),
  fixed(
    "split",
    [[5, 2]],
    (x) => x.split(2)[2]!,
    (x) => ({ shape: [1, 2], data: x.data.slice(8) }),
  ),
  fixed(
    "tile",
    [[2, 3]],
    (x) => x.tile([2, 2]),
    (x) => build([4, 6], ([i, j]) => at(x, [i! % 2, j! % 3])),
  ),
  fixed(
    "repeat",
    [[2, 3]],
    (x) => x.repeat(2, 1),
    (x) => build([2, 6], ([i, j]) => at(x, [i!, Math.floor(j! / 2)])),
  ),
  fixed(
    "pad",
    [[2, 3]],
    (x) =>
      x.pad([
        [1, 0],
        [0, 2],
      ]),
    (x) => build([3, 5], ([i, j]) => (i! >= 1 && j! < 3 ? at(x, [i! - 1, j!]) : 0)),
  ),
  fixed(
    "pad with a value",
    [[2, 3]],
    (x) =>
      x.pad(
        [
          [1, 0],
          [0, 2],
        ],
        { value: 7 },
      ),
    (x) => build([3, 5], ([i, j]) => (i! >= 1 && j! < 3 ? at(x, [i! - 1, j!]) : 7)),
  ),
  fixed(
    "pad as PyTorch",
    [[2, 3]],
    (x) => x.pad([1, 2]),
    (x) => build([2, 6], ([i, j]) => (j! >= 1 && j! < 4 ? at(x, [i!, j! - 1]) : 0)),
  ),
  fixed(
    "repeat as PyTorch",
    [[2, 3]],
    (x) => x.repeat([2, 1]),
    (x) => build([4, 3], ([i, j]) => at(x, [i! % 2, j!])),
  ),
  fixed(
    "flip",
    [[2, 3]],
    (x) => x.flip(1),
    (x) => build([2, 3], ([i, j]) => at(x, [i!, 2 - j!])),
  ),
  fixed(
    "roll",
    [[2, 3]],
    (x) => x.roll(1, 1),
    (x) => build([2, 3], ([i, j]) => at(x, [i!, (j! + 2) % 3])),
  ),
  fixed(
    "slice",
    [[5, 7]],
    (x) => x.slice([1, 0], [5, -1], [2, 3]),
    (x) => build([2, 2], ([i, j]) => at(x, [1 + 2 * i!, 3 * j!])),
  ),
  fixed(
    "at",
    [[3, 4]],
    (x) => x.at(-1, 2),
    (x) => ({ shape: [], data: [at(x, [2, 2])] }),
  ),
  fixed(
    "diag of a vector",
    [[4]],
    (x) => x.diag(1),
    (x) => build([5, 5], ([i, j]) => (j! - i! === 1 ? x.data[i!]! : 0)),
  ),
  fixed(
    "diag of a matrix",
    [[3, 4]],
    (x) => x.diag(-1),
    (x) => build([2], ([i]) => at(x, [i! + 1, i!])),
  ),
  fixed(
    "tril",
    [[3, 4]],
    (x) => x.tril(-1),
    (x) => build([3, 4], ([i, j]) => (j! - i! <= -1 ? at(x, [i!, j!]) : 0)),
  ),
  fixed(
    "triu",
    [[2, 3, 4]],
    (x) => x.triu(1),
    (x) => build([2, 3, 4], ([b, i, j]) => (j! - i! >= 1 ? at(x, [b!, i!, j!]) : 0)),
  ),
  fixed(
    "trace",
    [[3, 4]],
    (x) => x.trace(),
    (x) => ({ shape: [], data: [at(x, [0, 0]) + at(x, [1, 1]) + at(x, [2, 2])] }),
  ),
  fixed(
    "take",
    [
      [5, 3],
      [2, 2],
    ],
    (x, i) => x.take(i, 0),
    (x, i) => build([2, 2, 3], ([a, b, c]) => at(x, [at(i, [a!, b!]), c!])),
    withIndices(1, 5),
  ),
  fixed(
    "gather",
    [
      [4, 3],
      [2, 3],
    ],
    (x, i) => x.gather(0, i),
    (x, i) => build([2, 3], ([a, b]) => at(x, [at(i, [a!, b!]), b!])),
    withIndices(1, 4),
  ),
  fixed(
    "scatterAdd",
    [
      [3, 4],
      [3, 2],
      [3, 2],
    ],
    (x, i, s) => x.scatterAdd(1, i, s),
    (x, i, s) => {
      const out = { shape: x.shape, data: [...x.data] };
      s.data.forEach((v, k) => (out.data[Math.floor(k / 2) * 4 + i.data[k]!]! += v));
      return out;
    },
    withIndices(1, 4),
  ),
  fixed(
    "indexAdd",
    [[4, 3], [5], [5, 3]],
    (x, i, s) => x.indexAdd(0, i, s),
    (x, i, s) => {
      const out = { shape: x.shape, data: [...x.data] };
      s.data.forEach((v, k) => (out.data[i.data[Math.floor(k / 3)]! * 3 + (k % 3)]! += v));
      return out;
    },
    withIndices(1, 4),
  ),
  fixed(
    "oneHot",
    [[2, 3]],
    (i) => ad.oneHot(i, 4),
    (i) => build([2, 3, 4], ([a, b, c]) => truth(at(i, [a!, b!]) === c)),
    { ...withIndices(0, 4), discrete: true },
  ),
  fixed(
    "embedding",
    [
      [2, 3],
      [4, 5],
    ],
    (i, t) => ad.embedding(i, t),
    (i, t) => build([2, 3, 5], ([a, b, c]) => at(t, [at(i, [a!, b!]), c!])),
    withIndices(0, 4),
  ),
];

const PRODUCTS: [number[], number[]][] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [2, 0],
    [0, 3],
  ],
  [
    [5, 2, 3],
    [3, 4],
  ],
  [
    [2, 3],
    [5, 3, 4],
  ],
  [
    [4, 1, 2, 3],
    [5, 3, 2],
  ],
  [
    [17, 9],
    [9, 18],
  ],
  [
    [3, 2, 2],
    [3, 2, 1],
  ],
  [
    [2, 1, 2, 2],
    [3, 2, 1],
  ],
];

const products: Case[] = [
  {
    name: "matmul",
    call: (x, y) => ad.matmul(x, y),
    reference: multiply,
    samples: PRODUCTS.flatMap(([a, b], k) =>
      [0, 1, 2, 3].map((n) => ({
        note: `[${a}] [${b}] #${n}`,
        inputs: [a, b].map((shape, i) => ({ shape, data: randoms(sizeOf(shape), 3 * k + i + 11 * n) })),
      })),
    ),
    tolerance: [1e-13, 1e-5],
    rounded: true,
  },
  fixed(
    "matmul of vectors",
    [[4], [4]],
    (x, y) => x.matmul(y),
    (x, y) => ({ shape: [], data: [total(x.data.map((v, i) => v * y.data[i]!))] }),
    { rounded: true, tolerance: [1e-13, 1e-5] },
  ),
  fixed(
    "matmul vector on the left",
    [[3], [2, 3, 4]],
    (x, y) => x.matmul(y),
    (x, y) => build([2, 4], ([b, j]) => total(x.data.map((v, i) => v * at(y, [b!, i, j!])))),
    { rounded: true, tolerance: [1e-13, 1e-5] },
  ),
  fixed(
    "matmul vector on the right",
    [[2, 3, 4], [4]],
    (x, y) => x.matmul(y),
    (x, y) => build([2, 3], ([b, i]) => total(y.data.map((v, j) => v * at(x, [b!, i!, j])))),
    { rounded: true, tolerance: [1e-13, 1e-5] },
  ),
  fixed(
    "matmul of transposed views",
    [
      [3, 2],
      [4, 3],
    ],
    (x, y) => x.T.matmul(y.T),
    (x, y) => multiply(permuted(x, [1, 0]), permuted(y, [1, 0])),
    { rounded: true, tolerance: [1e-13, 1e-5] },
  ),
  fixed(
    "dot",
    [[5], [5]],
    (x, y) => x.dot(y),
    (x, y) => ({ shape: [], data: [total(x.data.map((v, i) => v * y.data[i]!))] }),
    { rounded: true, tolerance: [1e-13, 1e-5] },
  ),
  fixed(
    "outer",
    [[3], [4]],
    (x, y) => x.outer(y),
    (x, y) => build([3, 4], ([i, j]) => x.data[i!]! * y.data[j!]!),
  ),
];

export const cases: Case[] = [...elementwise, ...reductions, ...movement, ...products];
