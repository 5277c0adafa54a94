/** What is searched over: a tree of numbers as one vector, and back. Searches run in float64 whatever the dtype of the tensors. */
import { tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { DTypeError, NotDifferentiableError, ValueError } from "../errors.js";
import { scope } from "../memory/scope.js";
import { slice } from "../ops/shape.js";
import { engine } from "../runtime/instance.js";
import { Tensor, type TensorLike } from "../tensor.js";
import { aligned, asTree, isNumbers } from "../transforms/arguments.js";
import { inScope } from "../transforms/machinery.js";
import { noGrad } from "../transforms/modes.js";
import { flatten, isBranch, mapValues } from "../tree.js";

type Float = "float32" | "float64";

/** A point to begin at: a number, a tensor, arrays of numbers, or arrays and objects of these. */
export type Start = number | TensorLike | readonly Start[] | { readonly [key: string]: Start };

/** The same with a tensor in place of each number, tensor and array of numbers. */
export type PointOf<X> = X extends Tensor | number | readonly number[] | ArrayBufferView
  ? Tensor
  : X extends readonly (readonly number[])[]
    ? Tensor
    : X extends readonly unknown[]
      ? { -readonly [K in keyof X]: PointOf<X[K]> }
      : X extends object
        ? { -readonly [K in keyof X]: PointOf<X[K]> }
        : Tensor;

/** The vector space of a point. */
export interface Space {
  /** The number of numbers. */
  readonly size: number;
  /** In which f is computed: the widest of the point's tensors. */
  readonly dtype: Float;
  /** The point itself. */
  readonly start: Float64Array;
  /** A vector of the engine as the tree that f takes, with derivatives. */
  unravel(vector: Tensor): unknown;
  /** Numbers as the tree that f takes. */
  tree(x: ArrayLike<number>): unknown;
  /** Numbers for the numbers of the point: one for all, or a tree of them. */
  numbers(op: string, what: string, given: unknown): Float64Array;
}

/** Plain numbers are float64 here, whatever the default: a search cannot be finer than its dtype. */
export function precise(node: unknown, depth = 0): unknown {
  if (node instanceof Tensor || node instanceof Float32Array) return node;
  if (typeof node === "number" || isNumbers(node) || ArrayBuffer.isView(node)) return tensor(node as TensorLike, { dtype: "float64" });
  if (!isBranch(node) || depth > 64) return node;
  if (Array.isArray(node)) return node.map((child) => precise(child, depth + 1));
  return mapValues(node as Record<string, unknown>, (child) => precise(child, depth + 1));
}

/** The space of the point `x0`. Throws `ValueError`, `DTypeError` for what is none. */
export function spaceOf(op: string, x0: unknown): Space {
  if (engine.level_depth() > 1)
    throw new NotDifferentiableError(
      `${op}: the result of a search has no derivative of its own; call it outside of grad and other transforms (by the implicit function theorem, customVjp can give it one)`,
      op,
    );
  return scope(() =>
    noGrad(() => {
      const [leaves, rebuild] = flatten(asTree(precise(x0)));
      const parts = leaves.map((leaf: unknown) => {
        if (!(leaf instanceof Tensor))
          throw new ValueError(
            `${op}: x0 is or holds ${describe(leaf)}; expected numbers, arrays of numbers, tensors, or trees of these`,
            op,
          );
        if (leaf.dtype !== "float32" && leaf.dtype !== "float64")
          throw new DTypeError(`${op}: x0 holds a ${leaf.dtype} tensor; expected float32 or float64, cast() it`, op);
        return { shape: leaf.shape, dtype: leaf.dtype as Float, size: leaf.size, numbers: Float64Array.from(leaf.data()) };
      });
      const offsets: number[] = [];
      let size = 0;
      for (const part of parts) {
        offsets.push(size);
        size += part.size;
      }
      if (size === 0) throw new ValueError(`${op}: x0 has no numbers: there is nothing to search over`, op);
      const dtype: Float = parts.some((part) => part.dtype === "float64") ? "float64" : "float32";
      const start = new Float64Array(size);
      parts.forEach(({ numbers }, i) => start.set(numbers, offsets[i]!));
      if (!start.every(Number.isFinite)) throw new ValueError(`${op}: x0 holds NaN or an infinity; begin at finite numbers`, op);
      const skeleton = rebuild(parts.map(() => 0));
      // The tensors of x0 need not live on.
      const [, again] = flatten(skeleton);
      return {
        size,
        dtype,
        start,
        unravel: (vector) =>
          again(
            parts.map((part, i) => {
              const piece = part.size === size ? vector : slice(vector, [offsets[i]!], [offsets[i]! + part.size]);
              const shaped = part.shape.length === 1 ? piece : piece.reshape(part.shape);
              return part.dtype === dtype ? shaped : shaped.cast(part.dtype);
            }),
          ),
        tree: (x) =>
          again(
            parts.map(({ shape, dtype, size }, i) =>
              tensor(
                Float64Array.from({ length: size }, (_, k) => x[offsets[i]! + k]!),
                { dtype, shape },
              ),
            ),
          ),
        numbers: (name, what, given) => {
          if (typeof given === "number") return new Float64Array(size).fill(given);
          return inScope(() => {
            const out = new Float64Array(size);
            aligned(`${name}: ${what}`, skeleton, precise(given)).forEach((leaf, i) => {
              const part = parts[i]!;
              if (!(leaf instanceof Tensor) || (leaf.size !== part.size && leaf.size !== 1))
                throw new ValueError(
                  `${name}: ${what} has ${leaf instanceof Tensor ? `${leaf.size} numbers` : describe(leaf)} where x0 has ${part.size}`,
                  name,
                );
              const values = leaf.data();
              for (let k = 0; k < part.size; k++) out[offsets[i]! + k] = Number(values[leaf.size === 1 ? 0 : k]);
            });
            return out;
          });
        },
      };
    }),
  );
}
