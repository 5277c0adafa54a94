import { describe, expect, it } from "vitest";
import { ValueError } from "../../ts/errors.js";
import { checkOptions, readOptions } from "../../ts/input/options.js";

const refusal = (given: unknown, known: string[]): string => {
  try {
    checkOptions("f", given, known);
  } catch (error) {
    expect(error).toBeInstanceOf(ValueError);
    expect((error as ValueError).op).toBe("f");
    return (error as Error).message;
  }
  throw new Error("was accepted");
};

describe("options", () => {
  it("accepts what is known, undefined, and objects of any realm or none", () => {
    checkOptions("f", undefined, ["lr"]);
    checkOptions("f", {}, ["lr"]);
    checkOptions("f", { lr: 1 }, ["lr", "eps"]);
    checkOptions("f", Object.assign(Object.create(null), { lr: 1 }), ["lr"]);
    checkOptions("f", Object.freeze({ lr: 1 }), ["lr"]);
  });

  it.each([
    ["learningRate", "lr"],
    ["learning_rate", "lr"],
    ["keepDims", "keepdims"],
    ["keepdim", "keepdims"],
    ["keep_dims", "keepdims"],
    ["dim", "axis"],
    ["unbiased", "correction"],
    ["ddof", "correction"],
    ["batch_size", "batchSize"],
    ["weight_decay", "weightDecay"],
    ["beta1", "betas"],
    ["epsilon", "eps"],
    ["requires_grad", "requiresGrad"],
    ["dtpye", "dtype"],
    ["shpae", "shape"],
    ["momentun", "momentum"],
  ])("names what %s was meant to be: %s", (key, meant) => {
    const message = refusal({ [key]: 1 }, [
      "lr",
      "keepdims",
      "axis",
      "correction",
      "batchSize",
      "weightDecay",
      "betas",
      "eps",
      "requiresGrad",
      "dtype",
      "shape",
      "momentum",
    ]);
    expect(message).toContain(`unknown option "${key}"`);
    expect(message).toContain(`Did you mean "${meant}"?`);
    expect(message).toContain("{ lr, keepdims,");
  });

  it("suggests nothing that the function does not take", () => {
    expect(refusal({ learningRate: 1 }, ["axis"])).not.toContain("Did you mean");
    expect(refusal({ zzzz: 1 }, ["p"])).not.toContain("Did you mean");
    expect(refusal({ constructor: 1 }, [])).toContain("it takes no options");
  });

  it.each([
    [null],
    [3],
    ["lr"],
    [true],
    [[1]],
    [new Map()],
    [new (class Config {})()],
    [() => 1],
    [Symbol("s")],
    [10n],
    [Promise.resolve({})],
    [Object.create({ lr: 1 })],
  ])("refuses %s", (given) => {
    expect(refusal(given, ["lr"])).toContain("the options must be a plain object");
  });

  it("reads own properties only, each once", () => {
    (Object.prototype as Record<string, unknown>).lr = 5;
    try {
      expect(readOptions<{ lr?: number }>("f", {}, ["lr"]).lr).toBeUndefined();
      expect(readOptions<{ lr?: number }>("f", undefined, ["lr"]).lr).toBeUndefined();
    } finally {
      delete (Object.prototype as Record<string, unknown>).lr;
    }
    let reads = 0;
    const read = readOptions<{ lr?: number }>(
      "f",
      {
        get lr() {
          return ++reads;
        },
      },
      ["lr"],
    );
    expect([read.lr, read.lr, reads]).toEqual([1, 1, 1]);
  });
});
