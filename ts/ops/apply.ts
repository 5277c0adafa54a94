/** How functions of the public surface call the engine. One line per op is made from these. */
import { number } from "../arguments.js";
import { asTensor, tensor } from "../creation.js";
import { ValueError } from "../errors.js";
import { Op, type OpName } from "../opcodes.js";
import { checked, engine, pass } from "../runtime/instance.js";
import { idOf, made, Tensor, type TensorLike } from "../tensor.js";

/** No op needs more numbers than a few for each axis; data goes in as tensors. */
const MOST_PARAMETERS = 1 << 16;

/** Any number of inputs and parameters. Inputs that are not tensors become temporary ones. */
export function apply(op: OpName, inputs: readonly TensorLike[], parameters: readonly number[] = []): Tensor {
  const like = inputs.find((x): x is Tensor => x instanceof Tensor);
  const temporaries: Tensor[] = [];
  try {
    const operands = inputs.map((x) => {
      if (x instanceof Tensor) return x;
      if (x === undefined || x === null) throw missing(op, x);
      const made = asTensor(x, like);
      temporaries.push(made);
      return made;
    });
    if (parameters.length > MOST_PARAMETERS) throw new ValueError(`${op}: got a list of ${parameters.length} numbers; at most ${MOST_PARAMETERS} can be passed`, op);
    // Copied and checked before anything is written: what a proxy or a getter runs must not find the scratch buffer in use.
    const numbers = parameters.map((p, i) => number(op, `parameter ${i}`, p));
    pass(operands.map(idOf), numbers);
    return made(checked(engine.opn(Op[op], operands.length, numbers.length), op));
  } finally {
    for (const temporary of temporaries) temporary.dispose();
  }
}

function missing(op: string, x: unknown): ValueError {
  return new ValueError(`${op}: an input is ${String(x)}; expected a tensor, a number or an array`, op);
}

export type Unary = (x: TensorLike) => Tensor;
export type Binary = (a: TensorLike, b: TensorLike) => Tensor;

/** A function of one tensor without parameters. */
export function unary(name: OpName): Unary {
  const op = Op[name];
  return (x) => {
    if (x instanceof Tensor) return made(checked(engine.op1(op, idOf(x)), name));
    return apply(name, [x]);
  };
}

/** A function of two tensors, either of which may be a number: that adopts the other's dtype. */
export function binary(name: OpName): Binary {
  const op = Op[name];
  return (a, b) => {
    if (a instanceof Tensor) {
      if (b instanceof Tensor) return made(checked(engine.op2(op, idOf(a), idOf(b)), name));
      if (typeof b === "number") return made(checked(engine.op2s(op, idOf(a), b, 0), name));
    } else if (typeof a === "number" && b instanceof Tensor) {
      return made(checked(engine.op2s(op, idOf(b), a, 1), name));
    }
    return apply(name, [a, b]);
  };
}

export type Axes = number | readonly number[];

export interface ReduceOptions {
  /** Keep the reduced axes with size 1. */
  keepdims?: boolean;
}

const isOptions = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

export type Reduce<Options extends ReduceOptions = ReduceOptions> = (x: TensorLike, axis?: Axes | Options | null, options?: Options) => Tensor;

/** A reduction over one axis, a list of axes, or all; `extra` are parameters between the flags and the axes. */
export function reduction<Options extends ReduceOptions = ReduceOptions>(name: OpName, extra: (options: Options) => number[] = () => []): Reduce<Options> {
  return (x, axis, options) => {
    if (isOptions(axis)) return reduction<Options>(name, extra)(x, undefined, axis as Options);
    const given = options ?? ({} as Options);
    const all = axis === undefined || axis === null;
    const axes = all ? [] : typeof axis === "number" ? [axis] : (axis as readonly number[]);
    return apply(name, [x], [Number(given.keepdims ?? false), Number(all), ...extra(given), ...axes]);
  };
}

/** Numbers among the inputs become 0-d tensors of the dtype of the first tensor (where that can hold them). */
export function withScalars<R>(inputs: readonly TensorLike[], body: (inputs: TensorLike[]) => R): R {
  const like = inputs.find((x): x is Tensor => x instanceof Tensor);
  const temporaries: Tensor[] = [];
  try {
    return body(
      inputs.map((x) => {
        if (typeof x !== "number" || like === undefined) return x;
        const fits = like.dtype === "float32" || like.dtype === "float64" || (like.dtype === "int32" && Number.isInteger(x));
        const scalar = tensor(x, { dtype: fits ? like.dtype : Number.isInteger(x) ? "int32" : "float32" });
        temporaries.push(scalar);
        return scalar;
      }),
    );
  } finally {
    for (const temporary of temporaries) temporary.dispose();
  }
}

/** A tensor for a moment: `body` gets one, and what had to be made for it is released. */
export function withTensor<R>(x: TensorLike, body: (x: Tensor) => R): R {
  if (x instanceof Tensor) return body(x);
  const temporary = tensor(x);
  try {
    return body(temporary);
  } finally {
    temporary.dispose();
  }
}
