/** Where the elements of a result come from, and where those of an input go: found out by running the op on positions. */
import { tensor } from "../creation.js";
import type { OpName } from "../opcodes.js";
import { apply } from "../ops/apply.js";
import type { Tensor } from "../tensor.js";
import { inScope } from "../transforms/machinery.js";
import { vjp } from "../transforms/reverse.js";
import { namedParameters } from "./parameters.js";
import type { Instruction, Variable } from "./variable.js";

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A tensor of the numbers of its own elements. */
function numbered(shape: readonly number[], from = 1): Tensor {
  return tensor(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => from + i),
    { shape: [...shape] },
  );
}

/** For each output element, the position of the input element it shows, counted from 1; 0 where the op puts a zero. */
export function positions(
  op: OpName,
  shape: readonly number[],
  rest: readonly Variable[],
  parameters: readonly number[],
): ArrayLike<number> {
  return inScope(() => {
    const others = rest.map((v) => tensor(v.bytes, { shape: [...v.shape], dtype: v.dtype }));
    return { data: apply(op, [numbered(shape), ...others], parameters).data() as ArrayLike<number> };
  }).data;
}

/** For each element that a reduction reads, the position (from 1) of the result it goes into. */
export function destinations({ op, inputs, parameters }: Instruction): ArrayLike<number> {
  const shape = inputs[0]!.shape;
  const { all, axis } = namedParameters(op, parameters);
  const over = new Set(all ? shape.map((_, i) => i) : (axis as readonly number[]).map((a) => (a < 0 ? a + shape.length : a)));
  return stretchedPositions(
    shape.map((d, i) => (over.has(i) ? 1 : d)),
    shape,
  );
}

/** For each element of a broadcast shape, the position (from 1) of the element it repeats. */
export function stretchedPositions(from: readonly number[], to: readonly number[]): ArrayLike<number> {
  return positions("broadcastTo", from, [], to);
}

/**
 * For each element of the first input of an op that adds elements up, the position (from 1) of the result it is added to: the
 * transpose of such an op picks its places.
 */
export function scatteredTo({ op, inputs, parameters, output }: Instruction): ArrayLike<number> {
  return inScope(() => {
    const [first, ...rest] = inputs.map((v) => tensor(v.bytes, { shape: [...v.shape], dtype: v.dtype }));
    const [, pullback] = vjp((x: Tensor) => apply(op, [x, ...rest], parameters), first!.cast("float64"));
    return { data: (pullback(numbered(output.shape))[0] as Tensor).data() as ArrayLike<number> };
  }).data;
}

/** For each element of a concatenation, its position (from 1) among all elements of all inputs. */
export function joinedPositions({ op, inputs, parameters }: Instruction): ArrayLike<number> {
  let from = 1;
  return inScope(() => {
    const parts = inputs.map((v) => {
      const part = numbered(v.shape, from);
      from += sizeOf(v.shape);
      return part;
    });
    return { data: apply(op, parts, parameters).data() as ArrayLike<number> };
  }).data;
}
