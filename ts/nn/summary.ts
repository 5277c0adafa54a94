/** A table of a network: its layers, the shapes between them, its parameters. */
import { atMost } from "../input/arguments.js";
import { zeros } from "../creation.js";
import { describe } from "../input/describe.js";
import type { DType } from "../dtype.js";
import { ValueError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { getState, setState } from "../random/state.js";
import { Tensor } from "../tensor.js";
import { noGrad } from "../transforms/modes.js";
import { members } from "./members.js";
import { isParameter, Module } from "./module.js";

/** Options of `summary`. */
export interface SummaryOptions {
  /** The dtype of inputs that are given by shape: "float32" (default), or "int32" for indices. */
  dtype?: DType;
}

/** A line of a summary. */
export interface SummaryRow {
  /** Where the module is: "encoder.layers.0"; "" is the whole. */
  readonly name: string;
  /** Its class. */
  readonly type: string;
  /** The shape of what it gave, of several tensors those of all; null of a module that did not run. */
  readonly outputShape: readonly number[] | readonly (readonly number[])[] | null;
  /** Numbers in its own parameters, without those of modules below it; a shared one counts where it comes first. */
  readonly parameters: number;
  /** How many of them are trained. */
  readonly trainable: number;
}

/** What `summary` gives. As a string it is the table. */
export interface Summary {
  /** A line for each module, in order of their places. */
  readonly rows: readonly SummaryRow[];
  /** Numbers in all parameters. */
  readonly parameters: number;
  /** How many of them are trained. */
  readonly trainable: number;
  /** The table as text. */
  toString(): string;
}

const isModule = (value: unknown): value is Module<unknown> => value instanceof Module;

/** This module and those below it, with their names; one in two places is named once. */
function* below(module: Module<unknown>, name: string, seen: Set<Module<unknown>>): Generator<[string, Module<unknown>]> {
  if (seen.has(module)) return;
  seen.add(module);
  yield [name, module];
  for (const place of members(module, isModule))
    if (place.value instanceof Module) yield* below(place.value, name === "" ? place.name : `${name}.${place.name}`, seen);
}

const tensorsOf = (value: unknown): Tensor[] => (value instanceof Tensor ? [value] : Array.isArray(value) ? value.flatMap(tensorsOf) : []);

/** The inputs: tensors as they are, a shape or a list of shapes as zeros. */
function inputsOf(given: unknown, dtype: DType | undefined): Tensor[] {
  const isShape = (value: unknown): value is number[] => Array.isArray(value) && value.every((size) => Number.isInteger(size) && size >= 0);
  const list = given instanceof Tensor || isShape(given) ? [given] : given;
  if (Array.isArray(list) && list.every((x) => x instanceof Tensor || isShape(x)))
    return list.map((x) => (x instanceof Tensor ? x : zeros(x, { dtype })));
  throw new ValueError(
    `nn.summary: expected the shape of the input, batch included ([1, 784]), a tensor, or a list of these for several inputs, got ${describe(given)}`,
    "nn.summary",
  );
}

/** The table: columns as wide as what stands in them. */
function table({ rows, parameters, trainable }: Omit<Summary, "toString">): string {
  const shape = (s: SummaryRow["outputShape"]) => (s === null ? "-" : JSON.stringify(s).replace(/,/g, ", "));
  const count = (n: number) => n.toLocaleString("en-US");
  const lines = [
    ["layer", "type", "output", "parameters"],
    ...rows.map((row) => [row.name === "" ? "(whole)" : row.name, row.type, shape(row.outputShape), count(row.parameters)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  const written = lines.map((line) => line.map((text, c) => (c === 3 ? text.padStart(widths[c]!) : text.padEnd(widths[c]!))).join("  "));
  const rule = "-".repeat(written[0]!.length);
  return [written[0], rule, ...written.slice(1), rule, `parameters: ${count(parameters)}, trained: ${count(trainable)}`].join("\n");
}

/**
 * Runs a module once, as in evaluation and without recording, and tells what each module below it gave and how many parameters it has. `input` is a shape, batch
 * included, a tensor, or a list of these for a `forward` of several inputs. Mode, running numbers and random state stay as they are.
 *
 * @example
 * const net = new ad.nn.Sequential(new ad.nn.Linear(784, 128), new ad.nn.ReLU(), new ad.nn.Linear(128, 10));
 * ad.nn.summary(net, [1, 784]).parameters; // 101770
 * console.log(String(ad.nn.summary(net, [1, 784])));
 */
export function summary(
  module: Module<unknown>,
  input: readonly number[] | Tensor | readonly (Tensor | readonly number[])[],
  options?: SummaryOptions,
): Summary {
  atMost("nn.summary", arguments, 3);
  if (!(module instanceof Module)) throw new ValueError(`nn.summary: expected an nn.Module, got ${describe(module)}`, "nn.summary");
  const { dtype } = readOptions<SummaryOptions>("nn.summary", options, ["dtype"]);
  const named = [...below(module, "", new Set())];
  const shapes = new Map<Module<unknown>, SummaryRow["outputShape"]>();
  const modes = named.map(([, one]) => [one, one.training] as const);
  const state = getState();
  noGrad(() => {
    const inputs = inputsOf(input, dtype);
    const seen: Module<unknown>[] = [];
    try {
      module.eval();
      for (const [, one] of named) {
        // A property of the instance in front of the method, for this one run.
        const forward = one.forward.bind(one);
        if (Object.hasOwn(one, "forward")) continue;
        seen.push(one);
        one.forward = (...given: unknown[]) => {
          const out = forward(...given);
          const all = tensorsOf(out).map((y) => [...y.shape]);
          shapes.set(one, out instanceof Tensor ? all[0]! : all);
          return out;
        };
      }
      module.forward(...inputs);
    } finally {
      for (const one of seen) delete (one as Partial<Module<unknown>>).forward;
      for (const [one, mode] of modes) one.training = mode;
      setState(state);
    }
  });
  const counted = new Set<Tensor>();
  const rows = named.map(([name, one]): SummaryRow => {
    let [parameters, trainable] = [0, 0];
    for (const { value } of members(one, isModule)) {
      if (!(value instanceof Tensor) || !isParameter(value) || counted.has(value)) continue;
      counted.add(value);
      parameters += value.size;
      if (value.requiresGrad) trainable += value.size;
    }
    return { name, type: one.constructor.name, outputShape: shapes.get(one) ?? null, parameters, trainable };
  });
  const sum = (of: (row: SummaryRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const whole = { rows, parameters: sum((row) => row.parameters), trainable: sum((row) => row.trainable) };
  return { ...whole, toString: () => table(whole) };
}
