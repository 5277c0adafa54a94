/** The table of a network tells what is there and changes nothing. */
import * as ad from "adjoint";
import { expect, it } from "vitest";
import { clean, endsAtBaseline } from "../support/baseline.js";
import { isRefused } from "../support/refusal.js";

endsAtBaseline();
const { nn } = ad;

class Net extends nn.Module {
  features = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Dropout(0.5),
  );
  head = new nn.Linear(4 * 14 * 14, 10);
  unused = new nn.Linear(2, 2);
  forward(x: ad.Tensor) {
    return this.head.forward(this.features.forward(x).flatten(1));
  }
}

it("has a line for each module, with shapes and counts", () => {
  const net = new Net();
  net.unused.weight.requiresGrad = false;
  const before = ad.random.getState();
  clean(() => {
    const table = nn.summary(net, [2, 1, 28, 28]);
    expect(table.rows.map(({ name, type }) => [name, type])).toEqual([
      ["", "Net"],
      ["features", "Sequential"],
      ["features.layers.0", "Conv2d"],
      ["features.layers.1", "BatchNorm2d"],
      ["features.layers.2", "ReLU"],
      ["features.layers.3", "MaxPool2d"],
      ["features.layers.4", "Dropout"],
      ["head", "Linear"],
      ["unused", "Linear"],
    ]);
    expect(table.rows.map((row) => row.outputShape)).toEqual([
      [2, 10],
      [2, 4, 14, 14],
      [2, 4, 28, 28],
      [2, 4, 28, 28],
      [2, 4, 28, 28],
      [2, 4, 14, 14],
      [2, 4, 14, 14],
      [2, 10],
      null,
    ]);
    expect(table.rows.map((row) => row.parameters)).toEqual([0, 0, 40, 8, 0, 0, 0, 7850, 6]);
    expect([table.parameters, table.trainable]).toEqual([nn.parameterCount(net), nn.parameterCount(net) - 4]);
    const text = String(table).split("\n");
    expect(text[0]).toMatch(/^layer +type +output +parameters$/);
    expect(text.at(-1)).toBe("parameters: 7,904, trained: 7,900");
    expect(new Set(text.slice(0, -1).map((line) => line.length)).size).toBe(1);
  });
  // Nothing has changed.
  expect(ad.random.getState()).toEqual(before);
  expect(net.training && net.features.training).toBe(true);
  expect(Object.hasOwn(net, "forward") || Object.hasOwn(net.head, "forward")).toBe(false);
  expect(Object.fromEntries(net.namedBuffers())["features.1.num_batches_tracked"]!.item()).toBe(0);
  net.dispose();
});

it("runs modules of indices, of several inputs and outputs, and ones used twice", () => {
  class Pair extends nn.Module<ad.Tensor[]> {
    words = new nn.Embedding(5, 3);
    twice = new nn.Linear(3, 3);
    forward(a: ad.Tensor, b: ad.Tensor) {
      return [this.twice.forward(this.twice.forward(this.words.forward(a))), b];
    }
  }
  const pair = new Pair();
  clean(() => {
    const table = nn.summary(pair, [[2, 4], ad.ones([7])], { dtype: "int32" });
    expect(table.rows[0]!.outputShape).toEqual([[2, 4, 3], [7]]);
    expect(table.parameters).toBe(15 + 12);
    isRefused(() => nn.summary(pair, "2x4" as never), ad.ValueError, /shape of the input/);
    isRefused(() => nn.summary({} as never, [1]), ad.ValueError, /nn\.Module/);
    isRefused(() => nn.summary(pair, [[2, 4], [7]]), ad.DTypeError, /int32/);
  });
  expect(pair.training).toBe(true);
  pair.dispose();
});

it("leaves a module that throws as it was", () => {
  const net = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(4, 1));
  clean(() => {
    isRefused(() => nn.summary(net, [1, 2]), ad.ShapeError, /inFeatures = 4/);
  });
  expect(net.training).toBe(true);
  expect(Object.hasOwn(net, "forward")).toBe(false);
  net.dispose();
});
