/** How functions of the public surface call the engine. One line per op is made from these. */
import { atMost, axesOf, axisNumber, boolean } from "../input/arguments.js";
import { asTensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { ValueError } from "../errors.js";
import { Op, type OpName } from "../opcodes.js";
import { isPlainObject, readOptions } from "../input/options.js";
import { run } from "../run.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "../tensor.js";

const isFloat = (x: unknown): x is Tensor => x instanceof Tensor && (x.dtype === "float32" || x.dtype === "float64");

/**
 * Any number of inputs and parameters. Inputs that are not tensors become temporary ones; plain numbers among them adopt the dtype of
 * `like`, by default of the first float tensor.
 */
export function apply(
  op: OpName,
  inputs: readonly TensorLike[],
  parameters: readonly number[] = [],
  like?: Tensor,
  name: string = op,
): Tensor {
  return withTensors(name, inputs, (operands) => run(op, operands, parameters), like);
}

/** Tensors for a moment, as `apply` makes them: `body` gets one for each input, and what had to be made for it is released. */
export function withTensors<R>(op: string, inputs: readonly TensorLike[], body: (operands: readonly Tensor[]) => R, like?: Tensor): R {
  if (inputs.every((x) => x instanceof Tensor)) return body(inputs as readonly Tensor[]);
  like ??= inputs.find(isFloat);
  const temporaries: Tensor[] = [];
  try {
    const operands = inputs.map((x) => {
      if (x instanceof Tensor) return x;
      const made = operand(op, x, like);
      temporaries.push(made);
      return made;
    });
    return body(operands);
  } finally {
    for (const temporary of temporaries) temporary.dispose();
  }
}

/** A tensor from what was given for one. */
function operand(op: string, x: TensorLike, like?: Tensor): Tensor {
  if (x === undefined || x === null) throw new ValueError(`${op}: an input is ${String(x)}; expected a tensor, a number or an array`, op);
  return asTensor(x, like, op);
}

/** A list of tensors for one op; at least it is a list. */
export function tensorList(op: string, tensors: unknown): readonly TensorLike[] {
  if (!Array.isArray(tensors)) {
    const hint = tensors instanceof Tensor ? `; put the tensors into a list: ${op}([a, b])` : "";
    throw new ValueError(`${op}: expected a list of tensors, got ${describe(tensors)}${hint}`, op);
  }
  return [...(tensors as unknown[])] as TensorLike[];
}

/** A function of one tensor, element by element. */
export type Unary = (x: TensorLike) => Tensor;
/** A function of two tensors, either of which may be a number. */
export type Binary = (a: TensorLike, b: TensorLike) => Tensor;

/** A function of one tensor without parameters. `xs.map(ad.exp)` may be written. */
export function unary(name: OpName): Unary {
  const op = Op[name];
  return function (x: TensorLike): Tensor {
    if (arguments.length > 1) atMost(name, arguments, 1);
    if (x instanceof Tensor) return made(checked(engine.op1(op, idOf(x)), name));
    return apply(name, [x]);
  };
}

/**
 * A function of two tensors, either of which may be a number: that adopts the other's dtype. `xs.reduce(ad.add)` may be written. `name` is
 * what the public calls it.
 */
export function binary(opName: OpName, name: string = opName): Binary {
  const op = Op[opName];
  return function (a: TensorLike, b: TensorLike): Tensor {
    if (arguments.length > 2) atMost(name, arguments, 2);
    if (a instanceof Tensor) {
      if (b instanceof Tensor) return made(checked(engine.op2(op, idOf(a), idOf(b)), name));
      if (typeof b === "number") return made(checked(engine.op2s(op, idOf(a), b, 0), name));
    } else if (typeof a === "number" && b instanceof Tensor) {
      return made(checked(engine.op2s(op, idOf(b), a, 1), name));
    }
    return apply(opName, [a, b], [], a instanceof Tensor ? a : b instanceof Tensor ? b : undefined, name);
  };
}

/** One axis or a list of them; negative ones count from the end. */
export type Axes = number | readonly number[];

/** The options of what goes along one axis. */
export interface AxisOptions {
  /** The axis, where it was not given before. */
  axis?: number;
}

/** The options of reductions. */
export interface ReduceOptions {
  /** One axis, a list, or absent for all; where it was not given before. */
  axis?: Axes | null;
  /** Keep the reduced axes with size 1. */
  keepdims?: boolean;
}

/** A reduction: over an axis, a list of axes, or all where none is given. */
export type Reduce<Options extends ReduceOptions = ReduceOptions> = (
  x: TensorLike,
  axis?: Axes | Options | null,
  options?: Options,
) => Tensor;

/** The axis given by position or in the options, and the options: `(x, axis, options)`, `(x, options)`. */
export function withAxis<Axis, Options extends { axis?: Axis }>(
  op: string,
  axis: Axis | Options | undefined,
  options: Options | undefined,
  known: readonly string[],
): [axis: Axis | undefined, options: Options] {
  const inOptions = options === undefined && isPlainObject(axis);
  const place = inOptions ? undefined : (axis as Axis | undefined);
  const given = inOptions ? (axis as Options) : options;
  if (given === undefined) return [place, readOptions<Options>(op, undefined, [])];
  if (typeof given === "boolean")
    throw new ValueError(
      `${op}: what follows the axis is an object of options, got ${String(given)}; write { ${known[0]}: ${String(given)} }`,
      op,
    );
  const own = readOptions(op, given, ["axis", ...known] as (keyof Options & string)[]);
  if (own.axis !== undefined && place !== undefined)
    throw new ValueError(`${op}: the axis is given twice, by position and in the options`, op);
  return [place ?? own.axis, own];
}

/**
 * A reduction over one axis, a list of axes, or all; `extra` are parameters between the flags and the axes, from the options named
 * `known`. `name` is what the public calls it.
 */
export function reduction<Options extends ReduceOptions = ReduceOptions>(
  op: OpName,
  known: readonly string[] = [],
  extra: (options: Options) => number[] = () => [],
  name: string = op,
): Reduce<Options> {
  const names = ["keepdims", ...known];
  const defaults = extra(Object.freeze({}) as Options);
  const overAll = [0, 1, ...defaults];
  return function (x: TensorLike, axis?: Axes | Options | null, options?: Options): Tensor {
    if (arguments.length > 3) atMost(name, arguments, 3, "several axes are a list");
    // The usual calls: no options to look up.
    if (x instanceof Tensor && options === undefined) {
      if (axis === undefined) return run(op, [x], overAll);
      if (typeof axis === "number") return run(op, [x], [0, 0, ...defaults, axisNumber(name, axis)]);
    }
    const [place, given] = withAxis<Axes | null, Options>(name, axis, options, names);
    const all = place === undefined || place === null;
    const keepdims = boolean(name, "keepdims", given.keepdims ?? false);
    const parameters = [Number(keepdims), Number(all), ...extra(given)];
    if (!all) parameters.push(...axesOf(name, place));
    return apply(op, [x], parameters);
  };
}

/** Numbers among the inputs become 0-d tensors of the dtype of the first tensor (where that can hold them). */
export function withScalars<R>(op: string, inputs: readonly TensorLike[], body: (inputs: TensorLike[]) => R): R {
  const like = inputs.find((x): x is Tensor => x instanceof Tensor);
  const temporaries: Tensor[] = [];
  try {
    return body(
      inputs.map((x) => {
        if (x instanceof Tensor || like === undefined) return x;
        const converted = operand(op, x, like);
        temporaries.push(converted);
        return converted;
      }),
    );
  } finally {
    for (const temporary of temporaries) temporary.dispose();
  }
}

/** A tensor for a moment: `body` gets one, and what had to be made for it is released. */
export function withTensor<R>(op: string, x: TensorLike, body: (x: Tensor) => R): R {
  if (x instanceof Tensor) return body(x);
  const temporary = operand(op, x);
  try {
    return body(temporary);
  } finally {
    temporary.dispose();
  }
}
