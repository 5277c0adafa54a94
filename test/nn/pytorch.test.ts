/** Layers and losses against PyTorch: outputs, gradients of inputs and parameters, buffers, and the names under which weights move. */
import * as ad from "adjoint";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clean, endsAtBaseline, settle } from "../support/baseline.js";

endsAtBaseline();
const { nn } = ad;

interface Numbers {
  shape: number[];
  values: number[];
}
interface LayerRow {
  name: string;
  arguments: unknown[];
  eval?: boolean;
  /** How `forward` is called, where that is more than with the inputs. */
  call?: { before?: null[]; options?: Record<string, unknown>; masks?: Record<string, Numbers> };
  state: Record<string, Numbers>;
  inputs: Numbers[];
  outputs: Numbers[];
  gradients: Numbers[];
  parameters: Record<string, Numbers>;
  buffers: Record<string, Numbers>;
}
interface LossRow {
  name: string;
  inputs: Numbers[];
  ints: boolean[];
  options: Record<string, unknown>;
  output: Numbers;
  gradients: (Numbers | null)[];
}
const table = JSON.parse(readFileSync(new URL("./references/layers.json", import.meta.url), "utf8")) as {
  layers: LayerRow[];
  losses: LossRow[];
};

const tensorOf = ({ shape, values }: Numbers, dtype: ad.DType) => ad.tensor(values, { dtype, shape });

function close(what: string, actual: ad.Tensor | null | undefined, expected: Numbers, dtype: string): void {
  expect(actual, what).toBeInstanceOf(ad.Tensor);
  expect(actual!.shape, what).toEqual(expected.shape);
  const data = actual!.data();
  const scale = Math.max(1, ...expected.values.map(Math.abs));
  const tolerance = (dtype === "float64" ? 2e-11 : 2e-4) * scale;
  expected.values.forEach((value, i) => {
    if (!(Math.abs(Number(data[i]) - value) <= tolerance)) expect(data[i], `${what}, element ${i}`).toBe(value);
  });
}

/** Σ of the elements times the weights of the script. */
function weighted(y: ad.Tensor): ad.Tensor {
  const weights = Array.from({ length: y.size }, (_, i) => (((i * 37 + 55) % 61) - 30) / 16);
  return y
    .flatten()
    .mul(ad.tensor(weights, { dtype: y.dtype }))
    .sum();
}
const total = (ys: ad.Tensor[]) => ys.map(weighted).reduce((a, b) => a.add(b));
const tensors = (y: unknown): ad.Tensor[] => (y instanceof ad.Tensor ? [y] : Array.isArray(y) ? y.flatMap(tensors) : []);

const title = ({ name, arguments: given, call, ...row }: LayerRow) =>
  `${name}(${JSON.stringify(given).slice(1, -1)})${row.eval ? " evaluated" : ""}${call ? ` with ${Object.keys({ ...call.options, ...call.masks }).join(", ")}` : ""}`;

describe.each(table.layers.map((row) => [title(row), row] as const))("%s", (_, row) => {
  const make = (dtype: ad.DType) => {
    const Made = (nn as unknown as Record<string, new (...given: unknown[]) => ad.nn.Module<unknown>>)[row.name]!;
    const given = [...row.arguments];
    const last = given.at(-1);
    if (typeof last === "object" && last !== null && !Array.isArray(last)) given.pop();
    const layer = new Made(...given, { ...(given.length < row.arguments.length ? (last as object) : {}), dtype });
    if (row.eval) layer.eval();
    return layer;
  };
  const isInt = row.name === "Embedding";
  const forward = (layer: ad.nn.Module<unknown>, inputs: ad.Tensor[]) => {
    const { before = [], options = {}, masks = {} } = row.call ?? {};
    const extra = Object.fromEntries(Object.entries(masks).map(([name, mask]) => [name, tensorOf(mask, "float32").ne(0)]));
    return tensors(row.call === undefined ? layer.forward(...inputs) : layer.forward(...inputs, ...before, { ...options, ...extra }));
  };
  const load = (layer: ad.nn.Module<unknown>, dtype: ad.DType) => {
    const state = Object.fromEntries(
      Object.entries(row.state).map(([name, value]) => [name, tensorOf(value, name.endsWith("tracked") ? "int32" : dtype)]),
    );
    layer.loadStateDict(state);
  };

  it.each(["float32", "float64"] as const)("has PyTorch's numbers in %s", (dtype) => {
    const layer = make(dtype);
    clean(() => {
      expect(Object.keys(layer.stateDict()).sort()).toEqual(Object.keys(row.state).sort());
      load(layer, dtype);
      const inputs = row.inputs.map((x) => tensorOf(x, isInt ? "int32" : dtype));
      const outputs = forward(layer, inputs);
      expect(outputs.length).toBe(row.outputs.length);
      row.outputs.forEach((y, i) => close(`output ${i}`, outputs[i], y, dtype));
      const buffers = Object.fromEntries(layer.namedBuffers());
      for (const [name, value] of Object.entries(row.buffers)) close(name, buffers[name], value, dtype);
      if (layer.parameters().length > 0) total(outputs).backward();
      for (const [name, parameter] of layer.namedParameters())
        if (row.parameters[name] !== undefined) close(`gradient of ${name}`, parameter.grad, row.parameters[name], dtype);
        else expect(parameter.grad === null || parameter.grad.abs().sum().item() === 0, name).toBe(true);
      layer.zeroGrad();
      if (!isInt) {
        load(layer, dtype);
        const gradients = ad.grad((...xs: ad.Tensor[]) => total(forward(layer, xs)), { argnums: inputs.map((_x, i) => i) })(...inputs);
        row.gradients.forEach((g, i) => close(`gradient of input ${i}`, (gradients as ad.Tensor[])[i], g, dtype));
      }
    });
    layer.dispose();
  });

  it("is the same compiled, buffers included, run after run", async () => {
    const before = await settle();
    const [eager, compiled] = [make("float64"), make("float64")];
    for (const layer of [eager, compiled]) load(layer, "float64");
    // Outputs, and gradients of the inputs where they have some.
    const all = (layer: ad.nn.Module<unknown>, xs: ad.Tensor[]) =>
      ad.noGrad(() => {
        if (isInt) return forward(layer, xs);
        const argnums = xs.map((_x, i) => i);
        return [...forward(layer, xs), ...(ad.grad((...ys: ad.Tensor[]) => total(forward(layer, ys)), { argnums })(...xs) as ad.Tensor[])];
      });
    const run = ad.compile((...xs: ad.Tensor[]) => all(compiled, xs));
    const inputs = row.inputs.map((x) => tensorOf(x, isInt ? "int32" : "float64"));
    for (let i = 0; i < 3; i++) {
      const [expected, actual] = [all(eager, inputs), run(...inputs) as ad.Tensor[]];
      expected.forEach((y, k) => expect(ad.allclose(actual[k]!, y, { rtol: 1e-12, atol: 1e-13 })).toBe(true));
      for (const [k, [name, buffer]] of eager.namedBuffers().entries())
        expect(ad.allclose(compiled.namedBuffers()[k]![1], buffer, { rtol: 1e-12, atol: 1e-13 }), name).toBe(true);
      for (const y of [...expected, ...actual]) y.dispose();
    }
    for (const x of inputs) x.dispose();
    for (const layer of [eager, compiled]) layer.dispose();
    expect(await settle(before)).toBe(before);
  });

  if (!isInt && row.inputs.length === 1)
    it("has right second derivatives", () => {
      const layer = make("float64");
      load(layer, "float64");
      clean(() => {
        const x = tensorOf(row.inputs[0]!, "float64");
        const v = ad.tensor(
          Array.from({ length: x.size }, (_, i) => ((i * 29) % 13) / 13 - 0.4),
          { dtype: "float64", shape: x.shape },
        );
        const f = (y: ad.Tensor) => total(forward(layer, [y]));
        const product = ad.hvp(f, [x], [v])[1] as ad.Tensor;
        const h = 1e-5;
        const [up, down] = [ad.grad(f)(x.add(v.mul(h))), ad.grad(f)(x.sub(v.mul(h)))] as ad.Tensor[];
        const difference = up!.sub(down!).div(2 * h);
        const scale = Math.max(1, difference.abs().max().item());
        expect(product.sub(difference).abs().max().item()).toBeLessThan(1e-6 * scale);
      });
      layer.dispose();
    });
});

describe.each(table.losses.map((row) => [`${row.name} ${JSON.stringify(row.options)}`, row] as const))("%s", (_, row) => {
  it.each(["float32", "float64"] as const)("has PyTorch's numbers in %s, compiled too", (dtype) => {
    const loss = (nn as unknown as Record<string, (...given: unknown[]) => ad.Tensor>)[row.name]!;
    const compiled = ad.compile((...xs: ad.Tensor[]) => loss(...xs, row.options));
    clean(() => {
      const inputs = row.inputs.map((x, i) => tensorOf(x, row.ints[i] ? "int32" : dtype));
      close("the loss", loss(...inputs, row.options), row.output, dtype);
      const argnums = row.gradients.flatMap((g, i) => (g === null ? [] : [i]));
      const gradients = ad.grad((...xs: ad.Tensor[]) => weighted(loss(...xs, row.options)), { argnums })(...inputs) as ad.Tensor[];
      argnums.forEach((k, i) => close(`gradient of input ${k}`, gradients[i], row.gradients[k]!, dtype));
      for (let i = 0; i < 2; i++) close("the compiled loss", compiled(...inputs) as ad.Tensor, row.output, dtype);
    });
  });
});
