/** Convolutions, windows, resizing; against sums written out. */
import * as ad from "adjoint";
import { at, build, randoms, sizeOf, type Plain } from "../array.js";
import type { Case } from "./samples.js";

const SUMS = { rounded: true, tolerance: [1e-13, 1e-5] as [number, number], floor: 1 };

interface Setting {
  readonly image: number[];
  readonly kernel: number[];
  readonly stride?: number[];
  readonly padding?: number[];
  readonly dilation?: number[];
  readonly groups?: number;
}

/** Of a convolution over any number of axes. */
function convolved({ stride, padding, dilation, groups = 1 }: Setting, x: Plain, w: Plain): Plain {
  const axes = x.shape.length - 2;
  const [s, p, d] = [stride ?? Array(axes).fill(1), padding ?? Array(axes).fill(0), dilation ?? Array(axes).fill(1)] as number[][];
  const [features, channels, ...kernel] = w.shape as [number, number, ...number[]];
  const out = kernel.map((k, a) => Math.floor((x.shape[a + 2]! + 2 * p![a]! - d![a]! * (k - 1) - 1) / s![a]!) + 1);
  const positions = build(kernel, () => 0).data.map((_, i) =>
    kernel.map((_, a) => Math.floor(i / sizeOf(kernel.slice(a + 1))) % kernel[a]!),
  );
  return build([x.shape[0]!, features, ...out], ([n, o, ...place]) => {
    const first = Math.floor(o! / (features / groups)) * channels;
    let sum = 0;
    for (let c = 0; c < channels; c++)
      for (const k of positions) {
        const index = place.map((i, a) => i * s![a]! - p![a]! + k[a]! * d![a]!);
        if (index.every((i, a) => i >= 0 && i < x.shape[a + 2]!)) sum += at(x, [n!, first + c, ...index]) * at(w, [o!, c, ...k]);
      }
    return sum;
  });
}

/** The transpose: each element of the image adds the kernel to the result. */
function spread({ stride, padding, dilation, groups = 1 }: Setting, x: Plain, w: Plain): Plain {
  const axes = x.shape.length - 2;
  const [s, p, d] = [stride ?? Array(axes).fill(1), padding ?? Array(axes).fill(0), dilation ?? Array(axes).fill(1)] as number[][];
  const [channels, features, ...kernel] = w.shape as [number, number, ...number[]];
  const out = kernel.map((k, a) => (x.shape[a + 2]! - 1) * s![a]! - 2 * p![a]! + d![a]! * (k - 1) + 1);
  const result = build([x.shape[0]!, features * groups, ...out], () => 0);
  const stepOf = (shape: readonly number[], index: readonly number[]) => index.reduce((place, i, a) => place * shape[a]! + i, 0);
  build(x.shape, ([n, c, ...place]) => {
    const group = Math.floor(c! / (channels / groups));
    build([features, ...kernel], ([f, ...k]) => {
      const to = place.map((i, a) => i * s![a]! - p![a]! + k[a]! * d![a]!);
      if (to.every((i, a) => i >= 0 && i < out[a]!))
        result.data[stepOf(result.shape, [n!, group * features + f!, ...to])]! += at(x, [n!, c!, ...place]) * at(w, [c!, f!, ...k]);
      return 0;
    });
    return 0;
  });
  return result;
}

const sample = (setting: Setting, seed: number) => ({
  note: JSON.stringify(setting).slice(0, 100),
  inputs: [setting.image, setting.kernel].map((shape, i) => ({ shape, data: randoms(sizeOf(shape), 7 * seed + i) })),
});

/** Samples that the table wants of an op. */
const ENOUGH = 25;
/** So many images of some shapes. */
const some = <S>(shapes: readonly number[][], one: (shape: number[], seed: number) => S): S[] =>
  Array.from({ length: ENOUGH }, (_, n) => one(shapes[n % shapes.length]!, n + 3));

type Call = (x: ad.Tensor, w: ad.Tensor, options: object) => ad.Tensor;

const rows = (name: string, call: Call, reference: (setting: Setting, x: Plain, w: Plain) => Plain, settings: readonly Setting[]): Case[] =>
  settings.map((setting, i) => ({
    name: i === 0 ? name : `${name}(#${i})`,
    call: (x, w) => {
      const { image, kernel, ...options } = setting;
      return call(x, w, options);
    },
    reference: (x, w) => reference(setting, x, w),
    samples: Array.from({ length: Math.ceil(ENOUGH / settings.length) }, (_, n) => sample(setting, i + 50 * n)),
    ...SUMS,
  }));

const OVER_ONE: Setting[] = [
  { image: [2, 3, 7], kernel: [4, 3, 3] },
  { image: [1, 2, 11], kernel: [2, 1, 4], stride: [3], padding: [2], groups: 2 },
  { image: [2, 2, 9], kernel: [3, 2, 3], dilation: [2], padding: [1] },
  { image: [0, 2, 5], kernel: [3, 2, 2] },
  { image: [1, 1, 20], kernel: [9, 1, 12] },
];
const OVER_TWO: Setting[] = [
  { image: [2, 3, 5, 6], kernel: [4, 3, 3, 2] },
  { image: [1, 4, 6, 5], kernel: [6, 2, 2, 3], stride: [2, 1], padding: [1, 2], groups: 2 },
  { image: [2, 2, 7, 7], kernel: [1, 2, 3, 3], stride: [2, 2], dilation: [2, 1] },
  { image: [1, 3, 4, 4], kernel: [3, 1, 3, 3], padding: [1, 1], groups: 3 },
  { image: [3, 2, 1, 1], kernel: [5, 2, 1, 1] },
];
const OVER_THREE: Setting[] = [{ image: [1, 2, 3, 4, 3], kernel: [2, 2, 2, 2, 2], stride: [1, 2, 1], padding: [0, 1, 1] }];

/** The numbers of each window. */
const windows = (x: Plain, kernel: number[], stride: number[], padding: number[], f: (values: number[]) => number): Plain => {
  const out = kernel.map((k, a) => Math.floor((x.shape[a + 2]! + 2 * padding[a]! - k) / stride[a]!) + 1);
  return build([x.shape[0]!, x.shape[1]!, ...out], ([n, c, ...place]) => {
    const values: number[] = [];
    build(kernel, (k) => {
      const index = place.map((i, a) => i * stride[a]! - padding[a]! + k[a]!);
      if (index.every((i, a) => i >= 0 && i < x.shape[a + 2]!)) values.push(at(x, [n!, c!, ...index]));
      return 0;
    });
    return f(values);
  });
};

const image = (shape: number[], seed: number) => ({ note: `[${shape}]`, inputs: [{ shape, data: randoms(sizeOf(shape), seed) }] });
/** Numbers far apart: no step of a difference changes which is the largest. */
const apart = (shape: number[], seed: number) => {
  const order = randoms(sizeOf(shape), seed)
    .map((v, i) => [v, i] as const)
    .sort((a, b) => a[0] - b[0]);
  const data = new Array<number>(order.length);
  order.forEach(([, i], rank) => (data[i] = rank / 8 - 2));
  return { note: `[${shape}]`, inputs: [{ shape, data }] };
};
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

export const convolutions: Case[] = [
  ...rows("convolution", (x, w, options) => ad.conv2d(x, w, options), convolved, OVER_TWO),
  ...rows("conv1d", (x, w, options) => ad.conv1d(x, w, options), convolved, OVER_ONE),
  ...rows("conv3d", (x, w, options) => ad.conv3d(x, w, options), convolved, OVER_THREE),
  ...rows("convTranspose1d", (x, w, options) => ad.convTranspose1d(x, w, options), spread, [
    { image: [2, 3, 5], kernel: [3, 2, 4], stride: [2], padding: [1] },
    { image: [1, 4, 4], kernel: [4, 3, 3], stride: [3], groups: 2 },
  ]),
  ...rows("convTranspose2d", (x, w, options) => ad.convTranspose2d(x, w, options), spread, [
    { image: [2, 3, 3, 4], kernel: [3, 2, 3, 2], stride: [2, 1], padding: [1, 0] },
    { image: [1, 2, 4, 3], kernel: [2, 2, 2, 2], stride: [2, 2], dilation: [1, 2] },
  ]),
  ...rows("convTranspose3d", (x, w, options) => ad.convTranspose3d(x, w, options), spread, [
    { image: [1, 2, 2, 3, 2], kernel: [2, 1, 2, 2, 2], stride: [2, 1, 1] },
  ]),
  {
    name: "maxPool2d",
    call: (x) => ad.maxPool2d(x, [2, 3], { stride: [2, 1], padding: [1, 1] }),
    reference: (x) => windows(x, [2, 3], [2, 1], [1, 1], (v) => Math.max(...v)),
    samples: some(
      [
        [2, 2, 4, 5],
        [1, 1, 3, 3],
        [0, 2, 4, 4],
      ],
      apart,
    ),
  },
  {
    name: "maxPool1d",
    call: (x) => ad.maxPool1d(x, 2),
    reference: (x) => windows(x, [2], [2], [0], (v) => Math.max(...v)),
    samples: some(
      [
        [2, 3, 7],
        [1, 1, 2],
        [1, 2, 5],
      ],
      apart,
    ),
  },
  {
    name: "avgPool2d",
    call: (x) => ad.avgPool2d(x, 2, { stride: 1, padding: 1, countIncludePad: false }),
    reference: (x) => windows(x, [2, 2], [1, 1], [1, 1], (v) => sum(v) / v.length),
    samples: some(
      [
        [2, 2, 3, 4],
        [1, 1, 1, 2],
        [0, 1, 2, 2],
      ],
      image,
    ),
    ...SUMS,
  },
  {
    name: "avgPool3d",
    call: (x) => ad.avgPool3d(x, [1, 2, 2]),
    reference: (x) => windows(x, [1, 2, 2], [1, 2, 2], [0, 0, 0], (v) => sum(v) / 4),
    samples: some(
      [
        [1, 2, 2, 4, 5],
        [1, 1, 1, 2, 2],
      ],
      image,
    ),
    ...SUMS,
  },
  {
    name: "adaptiveAvgPool2d",
    call: (x) => ad.adaptiveAvgPool2d(x, [3, 2]),
    reference: (x) =>
      build([x.shape[0]!, x.shape[1]!, 3, 2], ([n, c, i, j]) => {
        const range = (k: number, out: number, size: number) => [Math.floor((k * size) / out), Math.ceil(((k + 1) * size) / out)] as const;
        const [[a, b], [p, q]] = [range(i!, 3, x.shape[2]!), range(j!, 2, x.shape[3]!)];
        let total = 0;
        for (let r = a; r < b; r++) for (let s = p; s < q; s++) total += at(x, [n!, c!, r, s]);
        return total / ((b - a) * (q - p));
      }),
    samples: some(
      [
        [2, 2, 5, 4],
        [1, 3, 7, 3],
        [1, 1, 3, 2],
        [1, 1, 1, 1],
      ],
      image,
    ),
    ...SUMS,
  },
  {
    name: "unfold",
    call: (x) => ad.unfold(x, [2, 3], { stride: [2, 1], padding: 1 }),
    reference: (x) => {
      const [n, c] = x.shape as [number, number];
      const [rows, columns] = [Math.floor((x.shape[2]! + 2 - 2) / 2) + 1, x.shape[3]! + 2 - 3 + 1];
      return build([n, c * 6, rows * columns], ([b, k, place]) => {
        const [channel, i, j] = [Math.floor(k! / 6), Math.floor((k! % 6) / 3), k! % 3];
        const [r, s] = [Math.floor(place! / columns) * 2 - 1 + i, (place! % columns) - 1 + j];
        return r >= 0 && s >= 0 && r < x.shape[2]! && s < x.shape[3]! ? at(x, [b!, channel, r, s]) : 0;
      });
    },
    samples: some(
      [
        [2, 2, 4, 5],
        [1, 1, 2, 2],
      ],
      image,
    ),
  },
  {
    name: "interpolate",
    call: (x) => ad.interpolate(x, { size: [5, 3], mode: "bilinear" }),
    reference: (x) => {
      const weights = (from: number, count: number, k: number) => {
        const place = Math.max(((k + 0.5) * from) / count - 0.5, 0);
        const low = Math.min(Math.floor(place), from - 1);
        return [low, Math.min(low + 1, from - 1), place - low] as const;
      };
      return build([x.shape[0]!, x.shape[1]!, 5, 3], ([n, c, i, j]) => {
        const [a, b, u] = weights(x.shape[2]!, 5, i!);
        const [p, q, v] = weights(x.shape[3]!, 3, j!);
        const value = (r: number, s: number) => at(x, [n!, c!, r, s]);
        return (1 - v) * ((1 - u) * value(a, p) + u * value(b, p)) + v * ((1 - u) * value(a, q) + u * value(b, q));
      });
    },
    samples: some(
      [
        [1, 2, 6, 4],
        [2, 1, 8, 4],
      ],
      image,
    ),
    ...SUMS,
  },
];
