/** Along axes: reductions, scans, softmax, sorting. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { along, at, build, randoms, reduced, sizeOf, type Plain } from "../array.js";
import { average, lse, total } from "./references.js";
import { binarySamples, inDomain, including, kinked, truth, unarySamples, type Case, type Options, type Sample } from "./samples.js";

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

const spread = (v: number[]): number => total(v.map((x) => (x - average(v)) ** 2)) / Math.max(v.length - 1, 0);

export const reductions: Case[] = [
  ...reductionCases("sum", total, { floor: 1 }),
  ...reductionCases("mean", average, { floor: 1 }),
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
  ...reductionCases("logsumexp", lse, { extras: [-Infinity, 0, 1000], floor: 1 }),
  including(reductionCases("logsumexp", lse, { floor: 1 })[0]!, [[2, 2, 2]], [[40, 0]]),
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
    floor: 1,
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
    floor: 1,
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
