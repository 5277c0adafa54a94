/** One op of the engine on tensors. */
import { describe } from "./input/describe.js";
import { ValueError } from "./errors.js";
import { Op, type OpName } from "./opcodes.js";
import { checked, engine, pass } from "./runtime/instance.js";
import { idOf, made, type Tensor } from "./tensor.js";

/** No op needs more numbers than a few for each axis; data goes in as tensors. */
const MOST_PARAMETERS = 1 << 16;

const numeric = (op: OpName, value: unknown): number => {
  if (typeof value !== "number") throw new ValueError(`${op}: a parameter must be a number, got ${describe(value)}`, op);
  return value;
};

/** Any number of inputs and parameters. All are copied and checked before anything is written: what a proxy runs must not find the scratch buffer in use. */
export function run(op: OpName, inputs: readonly Tensor[], parameters: readonly number[] = []): Tensor {
  const { length } = parameters;
  if (inputs.length === 1 && length <= 4) {
    // A few numbers need no buffer.
    const p = length > 0 ? numeric(op, parameters[0]) : 0;
    const q = length > 1 ? numeric(op, parameters[1]) : 0;
    const r = length > 2 ? numeric(op, parameters[2]) : 0;
    const s = length > 3 ? numeric(op, parameters[3]) : 0;
    return made(checked(engine.op1p(Op[op], idOf(inputs[0]!), length, p, q, r, s), op));
  }
  if (length > MOST_PARAMETERS)
    throw new ValueError(`${op}: got a list of ${length} numbers; at most ${MOST_PARAMETERS} can be passed`, op);
  const numbers: number[] = [];
  for (let i = 0; i < length; i++) numbers.push(numeric(op, parameters[i]));
  pass(inputs.map(idOf), numbers);
  return made(checked(engine.opn(Op[op], inputs.length, numbers.length), op));
}

/** Runs `body`, which says of tensors that they are only on the way; those are released at its end, whatever happens. */
export function releasing<R>(body: (onTheWay: (tensor: Tensor) => Tensor) => R): R {
  const temporaries: Tensor[] = [];
  try {
    return body((tensor) => {
      temporaries.push(tensor);
      return tensor;
    });
  } finally {
    for (const tensor of temporaries) tensor.dispose();
  }
}
