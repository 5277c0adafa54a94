/** What the methods of this folder have in common: trees as vectors with derivatives, numbers that only steer. */
import { asTensor, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { precise } from "../optimize/space.js";
import { map as mapTree, ravel } from "../public/tree.js";
import { stopGradient } from "../ops/elementwise.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { flatten } from "../tree.js";
import { concat } from "../ops/shape.js";
import { aligned, asTree } from "../transforms/arguments.js";
import { arithmeticGuard } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";

/** A tree as a vector, and functions of such trees as functions of vectors. */
export interface Vectors {
  readonly start: Tensor;
  /** A vector as the tree. */
  unravel(vector: Tensor): unknown;
  /** What a function gave, which must be a tree like the start, as a vector. */
  ravel(given: unknown): Tensor;
}

/** The vectors of the tree `x0`; plain numbers are float64. Throws `ValueError`, `DTypeError`. */
export function vectorsOf(op: string, what: string, x0: unknown): Vectors {
  const tree = asTree(precise(x0));
  const check = (leaf: unknown): Tensor => {
    if (!(leaf instanceof Tensor))
      throw new ValueError(
        `${op}: ${what} is or holds ${describe(leaf)}; expected numbers, arrays of numbers, tensors, or trees of these`,
        op,
      );
    if (leaf.dtype !== "float32" && leaf.dtype !== "float64")
      throw new DTypeError(`${op}: ${what} holds a ${leaf.dtype} tensor; expected float32 or float64, cast() it`, op);
    return leaf;
  };
  const leaves = mapTree(check as (leaf: never) => Tensor, tree as never) as unknown;
  const fitting = (own: Tensor, leaf: unknown): Tensor => {
    // A list of tensors for a vector is stacked.
    const t = asTensor(leaf as TensorLike, own, op);
    if (t.shape.join() !== own.shape.join())
      throw new ShapeError(`${op}: the function gave shape [${t.shape.join(", ")}] where ${what} has [${own.shape.join(", ")}]`, op);
    return t;
  };
  const [start, unravel] = ravel(leaves as Tensor);
  if (start.size === 0) throw new ValueError(`${op}: ${what} has no numbers`, op);
  return {
    start,
    unravel,
    ravel(value) {
      const given = aligned(`${op}: what the function gave, for ${what}`, leaves, value);
      const parts = (flatten(leaves)[0] as Tensor[]).map((own, i) => fitting(own, given[i]).reshape([-1]));
      const whole = parts.length === 1 ? parts[0]! : concat(parts);
      return whole.dtype === start.dtype ? whole : whole.cast(start.dtype);
    },
  };
}

/** A function of the user's, refused where it turned tensors into plain numbers on the way. */
export function guarded<A extends unknown[]>(op: string, f: (...args: A) => unknown): (...args: A) => unknown {
  return (...args) => {
    const guard = arithmeticGuard(op);
    const out = f(...args);
    guard(out);
    return out;
  };
}

/** The numbers of a tensor, to steer by: they carry no derivative. */
export const numbersOf = (x: Tensor): ArrayLike<number> => noGrad(() => stopGradient(x).data() as ArrayLike<number>);

/** A plain number, or a float tensor of one. */
export function scalarOf(op: string, what: string, value: TensorLike): Tensor {
  const t = typeof value === "number" ? tensor(value, { dtype: "float64" }) : asTensor(value, undefined, op);
  if (t.size !== 1) throw new ShapeError(`${op}: ${what} has shape [${t.shape.join(", ")}]; expected one number`, op);
  const flat = t.reshape([]);
  return flat.dtype === "float32" || flat.dtype === "float64" ? flat : flat.cast("float64");
}
