/** Datasets and loaders: batches, orders, arrays, refusals. */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import { describe, expect, it } from "vitest";
import { endsAtBaseline } from "../support/baseline.js";

endsAtBaseline();

const { data } = ad;

function collect(loader: Iterable<Tensor[]>): number[][] {
  const out: number[][] = [];
  for (const [a, b] of loader) {
    expect(a!.squeeze(1).toArray()).toEqual(b!.toArray());
    out.push(b!.toArray() as number[]);
  }
  return out;
}

it("hands out batches, shuffled by seed", () => {
  ad.scope(() => {
    const dataset = new data.TensorDataset(ad.arange(10).reshape([10, 1]), ad.arange(10, { dtype: "int32" }));
    expect(dataset.length).toBe(10);
    expect(collect(new data.DataLoader(dataset, { batchSize: 4 }))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(new data.DataLoader(dataset, { batchSize: 4, dropLast: true }).length).toBe(2);
    expect(new data.DataLoader(dataset).length).toBe(10);
    const [a, b] = [1, 1].map((seed) => new data.DataLoader(dataset, { batchSize: 3, shuffle: true, seed }));
    const first = collect(a!);
    expect(first.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(collect(b!)).toEqual(first);
    expect(collect(a!)).not.toEqual(first);
    expect(Array.from(b!, ([, y]) => y).length).toBe(4);
  });
});

it("takes arrays, and gives all batches at once", () => {
  const loader = new data.DataLoader(
    new data.TensorDataset(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      Int32Array.of(0, 1, 0),
    ),
    { batchSize: 2 },
  );
  const batches = loader.toArray();
  expect(batches.map(([x, y]) => [x!.toArray(), y!.toArray(), y!.dtype])).toEqual([
    [
      [
        [1, 2],
        [3, 4],
      ],
      [0, 1],
      "int32",
    ],
    [[[5, 6]], [0], "int32"],
  ]);
  for (const [x, y] of loader) expect(ad.nn.crossEntropy(x!, y!).item()).toBeGreaterThan(0);
  expect(batches[0]![0]!.toArray()).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

describe("refusals", () => {
  const dataset = () => new data.TensorDataset([[1], [2]], [0, 1]);
  it.each<[string, () => unknown, new (...a: never[]) => Error, RegExp]>([
    ["batch_size", () => new data.DataLoader(dataset(), { batch_size: 3 } as object), ad.ValueError, /Did you mean "batchSize"/],
    ["a positional batch size", () => new data.DataLoader(dataset(), 32 as never), ad.ValueError, /plain object, got 32/],
    ["a batch of nothing", () => new data.DataLoader(dataset(), { batchSize: 0 }), ad.ValueError, /batchSize must be an integer from 1/],
    ["a number for shuffle", () => new data.DataLoader(dataset(), { shuffle: 1 as never }), ad.ValueError, /true or false/],
    ["a fraction for a seed", () => new data.DataLoader(dataset(), { seed: 0.5 }), ad.ValueError, /seed/],
    ["no dataset", () => new data.DataLoader([[1], [2]] as never), ad.ValueError, /new TensorDataset\(x, y\)/],
    ["a list of tensors", () => new data.TensorDataset([ad.ones([2]), ad.ones([2])] as never), ad.ValueError, /one by one/],
    ["different lengths", () => new data.TensorDataset(ad.ones([2]), ad.ones([3])), ad.ShapeError, /2 and 3 examples/],
    ["a scalar", () => new data.TensorDataset(ad.tensor(1)), ad.ShapeError, /0-d/],
    ["a string", () => new data.TensorDataset("x" as never), ad.ValueError, /must be a tensor or an array/],
    ["nothing", () => new data.TensorDataset(), ad.ValueError, /at least one/],
  ])("%s", (_, f, type, message) => {
    ad.scope(() => {
      expect(f).toThrow(type);
      expect(f).toThrow(message);
    });
  });
});
