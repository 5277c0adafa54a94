/** Where the elements of a movement op's result come from: found out by running the op on positions. */
import { tensor } from "../creation.js";
import type { OpName } from "../opcodes.js";
import { apply } from "../ops/apply.js";
import { inScope } from "../transforms/machinery.js";
import type { Instruction, Variable } from "./variable.js";

/** Ops of which each output element is one element of the first input (or a zero); further inputs are indices. */
export const MOVEMENT: ReadonlySet<string> = new Set([
  "reshape",
  "broadcastTo",
  "transpose",
  "slice",
  "unslice",
  "flip",
  "diagonal",
  "diagonalMatrix",
  "take",
  "gather",
]);

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** For each output element, the position of the input element it shows, counted from 1; 0 where the op puts a zero. */
export function positions(
  op: OpName,
  shape: readonly number[],
  rest: readonly Variable[],
  parameters: readonly number[],
): ArrayLike<number> {
  return inScope(() => {
    const numbered = tensor(
      Float64Array.from({ length: sizeOf(shape) }, (_, i) => i + 1),
      { shape: [...shape] },
    );
    const others = rest.map((v) => tensor(v.bytes, { shape: [...v.shape], dtype: v.dtype }));
    return { data: apply(op, [numbered, ...others], parameters).data() as ArrayLike<number> };
  }).data;
}

/** For each element that a reduction reads, the position (from 1) of the result it goes into. */
export function destinations({ inputs, parameters }: Instruction): ArrayLike<number> {
  const shape = inputs[0]!.shape;
  const [, all, ...axes] = parameters;
  const over = new Set(all === 1 ? shape.map((_, i) => i) : axes.map((a) => (a < 0 ? a + shape.length : a)));
  return positions(
    "broadcastTo",
    shape.map((d, i) => (over.has(i) ? 1 : d)),
    [],
    shape,
  );
}

/** For each element of a concatenation, its position (from 0) among all elements of all inputs. */
export function joinedPositions({ inputs, parameters }: Instruction): ArrayLike<number> {
  let from = 0;
  return inScope(() => {
    const parts = inputs.map((v) => {
      const n = sizeOf(v.shape);
      const part = tensor(
        Float64Array.from({ length: n }, (_, i) => from + i),
        { shape: [...v.shape] },
      );
      from += n;
      return part;
    });
    return { data: apply("concat", parts, parameters).data() as ArrayLike<number> };
  }).data;
}
