/** What is checked of every row of the table. */
import * as ad from "adjoint";
import type { DType, Tensor } from "adjoint";
import { expect } from "vitest";
import { randoms, sizeOf, type Plain } from "./array.js";
import type { Case, Sample } from "./cases.js";

export type Float = "float32" | "float64";

export const plain = (t: Tensor): Plain => ({ shape: [...t.shape], data: Array.from(t.data(), Number) });

function typeOf(sample: Sample, i: number, dtype: Float): DType {
  return sample.integers?.includes(i) ? "int32" : sample.booleans?.includes(i) ? "bool" : dtype;
}

/** The inputs as tensors; `view` makes them views in awkward orders with the same elements. */
export function tensors(sample: Sample, dtype: Float, view = false): Tensor[] {
  return sample.inputs.map(({ shape, data }, i) => {
    const t = ad.tensor(typeOf(sample, i, dtype) === "bool" ? data.map((v) => v !== 0) : data, { shape, dtype: typeOf(sample, i, dtype) });
    if (!view || shape.length === 0) return t;
    // A transposed copy transposed back, reversed twice through a larger buffer, every second element of which counts.
    const order = shape.map((_, k) => shape.length - 1 - k);
    const spread = ad.stack([t, t], -1).reshape([...shape.slice(0, -1), 2 * shape.at(-1)!]);
    const sliced = spread.slice(
      shape.map(() => 0),
      [...shape.slice(0, -1), 2 * shape.at(-1)!],
      [...shape.slice(0, -1).map(() => 1), 2],
    );
    return ad
      .transpose(ad.concat([ad.transpose(sliced, order)], 0), order)
      .flip()
      .flip();
  });
}

/** The numbers an op sees: rounded to float32 first, where that is the dtype. */
function seen(sample: Sample, dtype: Float): Plain[] {
  return sample.inputs.map((x) => (dtype === "float32" ? { shape: x.shape, data: x.data.map(Math.fround) } : x));
}

function close(got: number, expected: number, tolerance: number, floor: number): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(got);
  if (!Number.isFinite(expected)) return got === expected;
  return Math.abs(got - expected) <= tolerance * Math.max(Math.abs(expected), floor);
}

export function expectClose(got: Plain, expected: Plain, tolerance: number, what: string, floor = 1): void {
  expect(got.shape, `${what}: shape`).toEqual(expected.shape);
  got.data.forEach((v, i) => {
    if (!close(v, expected.data[i]!, tolerance, floor)) expect.fail(`${what}: element ${i} is ${v}, the reference ${expected.data[i]}`);
  });
}

/** The smallest normal numbers: what is below has fewer digits. */
const SMALLEST = { float32: 2 ** -126, float64: 2 ** -1022 };

/** Small values count as much as large ones: exp(-80) given as 0 is wrong. */
export function checkValue(op: Case, sample: Sample, dtype: Float): void {
  const [t64, t32] = op.tolerance ?? [1e-14, 2e-6];
  const expected = op.reference(...seen(sample, dtype));
  if (dtype === "float32") expected.data = expected.data.map(Math.fround);
  const tolerance = dtype === "float64" ? Math.max(t64, 4e-15) : t32;
  const floor = op.floor ?? SMALLEST[dtype];
  const contiguous = plain(op.call(...tensors(sample, dtype)));
  expectClose(contiguous, expected, tolerance, sample.note, floor);
  // Layout must not show: bit for bit the same from views.
  const viewed = plain(op.call(...tensors(sample, dtype, true)));
  if (op.rounded) expectClose(viewed, expected, tolerance, `${sample.note}, from views`, floor);
  else expect(viewed.data, `${sample.note}, from views`).toEqual(contiguous.data);
}

const isFloat = (t: Tensor) => t.dtype === "float32" || t.dtype === "float64";
const randomLike = (t: Tensor, seed: number) => ad.tensor(randoms(t.size, seed), { shape: t.shape, dtype: t.dtype });
const inner = (a: Tensor, b: Tensor) => a.cast("float64").mul(b.cast("float64")).sum();

/** The op as a function of its float inputs only. */
function active(op: Case, inputs: Tensor[]): { f: (...xs: Tensor[]) => Tensor; xs: Tensor[] } {
  return {
    xs: inputs.filter(isFloat),
    f: (...xs) => {
      let next = 0;
      return op.call(...inputs.map((t) => (isFloat(t) ? xs[next++]! : t)));
    },
  };
}

/** Above this many entries a Jacobian is only compared along random directions. */
const MOST_ENTRIES = 5000;

/** The Jacobians by columns and by rows are the same entry by entry: finite, infinite or NaN. */
export function expectSameJacobians(f: (...xs: Tensor[]) => Tensor, xs: Tensor[], tolerance: number, what: string): void {
  const argnums = xs.map((_, i) => i);
  const [forward, reverse] = [ad.jacfwd, ad.jacrev].map((jacobian) => (jacobian(f, { argnums })(...xs) as Tensor[]).map(plain)) as [
    Plain[],
    Plain[],
  ];
  forward.forEach((columns, i) => expectClose(columns, reverse[i]!, tolerance, `${what}: Jacobian ${i}, forward against reverse`));
}

/** Forward and reverse mode give the same: <w, J v> = <Jᵀ w, v>, and entry by entry, kinks and poles included. */
export function checkModesAgree(op: Case, sample: Sample, dtype: Float): void {
  const { f, xs } = active(op, tensors(sample, dtype));
  const vs = xs.map((x, i) => randomLike(x, 101 + i));
  const [out, slope] = ad.jvp(f, xs, vs) as [Tensor, Tensor];
  const w = randomLike(out, 7);
  const pulled = ad.vjp(f, ...xs)[1](w) as Tensor[];
  pulled.forEach((g, i) => expect(g.shape, `${sample.note}: gradient ${i}`).toEqual(xs[i]!.shape));
  pulled.forEach((g, i) => expect(g.dtype).toBe(xs[i]!.dtype));
  const forward = inner(w, slope).item();
  const reverse = pulled.map((g, i) => inner(g, vs[i]!).item()).reduce((a, b) => a + b, 0);
  const scale = w.abs().mul(slope.abs()).sum().item();
  const tolerance = dtype === "float64" ? 1e-13 : 1e-5;
  if (!Number.isFinite(forward) || !Number.isFinite(reverse)) {
    expect(Number.isFinite(forward), `${sample.note}: forward ${forward}, reverse ${reverse}`).toBe(Number.isFinite(reverse));
  } else if (Math.abs(forward - reverse) > tolerance * Math.max(1, scale)) {
    expect.fail(`${sample.note}: <w, Jv> = ${forward}, <J'w, v> = ${reverse}`);
  }
  const size = xs.reduce((n, x) => n + x.size, 0);
  if (size > 0 && size * out.size <= MOST_ENTRIES) expectSameJacobians(f, xs, tolerance, sample.note);
}

/** Second derivatives of a scalar function at a point, in the four nestings; each is a full Hessian. */
export const hessians = (f: (x: Tensor) => Tensor): Record<string, (x: Tensor) => Tensor> => ({
  "reverse over reverse": ad.jacrev(ad.jacrev(f)) as (x: Tensor) => Tensor,
  "forward over reverse": ad.jacfwd(ad.jacrev(f)) as (x: Tensor) => Tensor,
  "reverse over forward": ad.jacrev(ad.jacfwd(f)) as (x: Tensor) => Tensor,
  "forward over forward": ad.jacfwd(ad.jacfwd(f)) as (x: Tensor) => Tensor,
});

const STENCIL = [
  [-2, 1 / 12],
  [-1, -2 / 3],
  [1, 2 / 3],
  [2, -1 / 12],
] as const;

/** The derivative along a direction against differences of fourth order, rtol 1e-7. */
export function checkDirectional(op: Case, sample: Sample): void {
  const { f, xs } = active(op, tensors(sample, "float64"));
  const vs = xs.map((x, i) => randomLike(x, 55 + i));
  const slope = plain(ad.jvp(f, xs, vs)[1]);
  const h = 5e-4;
  let sum = slope.data.map(() => 0);
  for (const [steps, weight] of STENCIL) {
    const y = f(...xs.map((x, i) => x.add(vs[i]!.mul(steps * h)))).data();
    sum = sum.map((s, i) => s + (weight * y[i]!) / h);
  }
  expectClose(slope, { shape: slope.shape, data: sum }, 1e-7, `${sample.note}: derivative`);
}

type Scalar = (...xs: Tensor[]) => Tensor;

/** d/dt of g(x + t v), by either mode, as a function of x. */
const slopeBy = {
  forward:
    (g: Scalar, vs: Tensor[]): Scalar =>
    (...xs) =>
      ad.jvp(g, xs, vs)[1],
  reverse:
    (g: Scalar, vs: Tensor[]): Scalar =>
    (...xs) =>
      (ad.grad(g, { argnums: xs.map((_, i) => i) })(...xs) as Tensor[]).map((d, i) => d.mul(vs[i]!).sum()).reduce((a, b) => a.add(b)),
};

/** The second derivative along two directions in the four nestings, and against differences of the first. */
export function checkSecondOrder(op: Case, sample: Sample): void {
  const { f, xs } = active(op, tensors(sample, "float64"));
  const [u, v] = [3, 9].map((seed) => xs.map((x, i) => randomLike(x, seed + i)));
  const weights = randomLike(f(...xs), 21);
  const g: Scalar = (...ys) =>
    f(...ys)
      .mul(weights)
      .sum();
  const first = slopeBy.forward(g, u!);
  const h = 5e-4;
  let expected = 0;
  for (const [steps, weight] of STENCIL) expected += (weight * first(...xs.map((x, i) => x.add(v![i]!.mul(steps * h)))).item()) / h;
  for (const outer of ["forward", "reverse"] as const) {
    for (const within of ["forward", "reverse"] as const) {
      const got = slopeBy[outer](slopeBy[within](g, u!), v!)(...xs).item();
      if (Math.abs(got - expected) > 1e-6 * Math.max(1, Math.abs(expected)))
        expect.fail(`${sample.note}: ${outer} over ${within} gives ${got}, differences ${expected}`);
    }
  }
}

/** Modes of the third derivative, outermost first. */
const THIRD = [
  ["forward", "reverse", "reverse"],
  ["reverse", "forward", "reverse"],
  ["reverse", "reverse", "forward"],
  ["forward", "forward", "forward"],
] as const;

/** The third derivative along three directions in several nestings, and against differences of the second. */
export function checkThirdOrder(op: Case, sample: Sample): void {
  const { f, xs } = active(op, tensors(sample, "float64"));
  const [u, v, w] = [3, 9, 27].map((seed) => xs.map((x, i) => randomLike(x, seed + i))) as [Tensor[], Tensor[], Tensor[]];
  const weights = randomLike(f(...xs), 21);
  const g: Scalar = (...ys) =>
    f(...ys)
      .mul(weights)
      .sum();
  const second = slopeBy.forward(slopeBy.reverse(g, u), v);
  const h = 5e-4;
  let expected = 0;
  for (const [steps, weight] of STENCIL) expected += (weight * second(...xs.map((x, i) => x.add(w[i]!.mul(steps * h)))).item()) / h;
  for (const [outer, middle, within] of THIRD) {
    const got = slopeBy[outer](slopeBy[middle](slopeBy[within](g, u), v), w)(...xs).item();
    if (Math.abs(got - expected) > 1e-5 * Math.max(1, Math.abs(expected))) {
      expect.fail(`${sample.note}: ${outer} over ${middle} over ${within} gives ${got}, differences ${expected}`);
    }
  }
}

/** vmap against a loop, with the batch axis first and, for the first input, last; and with the other inputs shared. */
export function checkVmap(op: Case, sample: Sample): void {
  const batch = 3;
  const examples = Array.from({ length: batch }, (_, b) =>
    tensors(
      {
        ...sample,
        inputs: sample.inputs.map((x, i) =>
          sample.integers?.includes(i) || sample.booleans?.includes(i)
            ? { shape: x.shape, data: rotate(x.data, b) }
            : { shape: x.shape, data: x.data.map((v) => v * (1 + b / 16)) },
        ),
      },
      "float64",
    ),
  );
  const looped = ad.stack(examples.map((inputs) => op.call(...inputs)));
  const stacked = sample.inputs.map((_, i) => ad.stack(examples.map((inputs) => inputs[i]!)));
  const compare = (got: Tensor, expected: Tensor, what: string) =>
    expectClose(plain(got), plain(expected), 1e-13, `${sample.note}: ${what}`);
  compare(ad.vmap(op.call)(...stacked), looped, "vmap");
  if (sample.inputs[0]!.shape.length > 0) {
    const moved = [stacked[0]!.moveaxis(0, -1), ...stacked.slice(1)];
    compare(ad.vmap(op.call, { inAxes: [-1, ...moved.slice(1).map(() => 0)] })(...moved), looped, "vmap over the last axis");
  }
  for (let shared = 0; shared < stacked.length && stacked.length > 1; shared++) {
    const inputs = stacked.map((s, i) => (i === shared ? examples[0]![i]! : s));
    const axes = stacked.map((_, i) => (i === shared ? null : 0));
    const loop = ad.stack(examples.map((e) => op.call(...e.map((x, i) => (i === shared ? examples[0]![i]! : x)))));
    compare(ad.vmap(op.call, { inAxes: axes })(...inputs), loop, `vmap with input ${shared} shared`);
  }
}

const rotate = (data: number[], by: number) => data.map((_, i) => data[(i + by) % data.length]!);

/** Samples small enough for the checks that cost a pass per element. */
export const isSmall = (sample: Sample): boolean => sample.inputs.every((x) => sizeOf(x.shape) <= 24);
