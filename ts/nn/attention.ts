/** Attention as a function: each query takes a mean of values, weighted by how its keys fit. */
import { boolean, atMost, number, probability } from "../input/arguments.js";
import { tensor } from "../creation.js";
import { DTypeError, ShapeError } from "../errors.js";
import { readOptions } from "../input/options.js";
import { where } from "../ops/elementwise.js";
import { concat } from "../ops/shape.js";
import type { Tensor, TensorLike } from "../tensor.js";
import { checkpoint } from "../transforms/custom/index.js";
import { inScope } from "../transforms/machinery.js";
import { dropout } from "./dropout.js";
import { argument, isFloat, show } from "./reduction.js";

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /** Bool, true where a key may be seen, or numbers that are added to the scores; broadcasts against [..., L, S]. */
  mask?: TensorLike | null;
  /** A query sees the keys up to its own position only; default false. */
  isCausal?: boolean;
  /** The factor of the scores; default 1/√E. */
  scale?: number;
  /** The probability with which a weight is dropped; default 0. */
  dropout?: number;
}

/** Scores of more numbers than this are not held at once: queries are gone through in blocks. */
const WHOLE = 256 * 256;
/** Scores of one block, about. */
const BLOCK = 128 * 1024;

/** Masked scores made into weights: rows without a key to see are 0, as in PyTorch. */
function weightsOf(scores: Tensor, seen: Tensor | null): Tensor {
  if (seen === null) return scores.softmax(-1);
  // A row that sees nothing is not made of infinities, whose derivative would be NaN.
  const alive = seen.any(-1, { keepdims: true });
  const masked = where(seen.logicalOr(alive.logicalNot()), scores, -Infinity);
  return where(alive, masked.softmax(-1), 0);
}

/** [L, S]: the keys that the queries from `first` on may see. */
const causal = (first: number, queries: number, keys: number): Tensor =>
  tensor(new Int32Array(keys).map((_, i) => i)).le(tensor(new Int32Array(queries).map((_, i) => first + i)).unsqueeze(1));

/** How much of each value the queries from `first` on take: [..., L, S]. The mask is bool, true where a key may be seen, or is added. */
export function attentionWeights(q: Tensor, k: Tensor, mask: Tensor | null, first: number, isCausal: boolean, scale: number): Tensor {
  let scores = q.mul(scale).matmul(k.moveaxis(-1, -2));
  let seen: Tensor | null = null;
  if (mask !== null && mask.dtype === "bool") seen = mask;
  else if (mask !== null) scores = scores.add(mask);
  if (isCausal) {
    const earlier = causal(first, q.shape.at(-2)!, k.shape.at(-2)!);
    seen = seen === null ? earlier : seen.logicalAnd(earlier);
  }
  return weightsOf(scores, seen);
}

/** The queries from `first` on against all keys. */
function block(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  first: number,
  isCausal: boolean,
  scale: number,
  drop: number,
): Tensor {
  const weights = attentionWeights(q, k, mask, first, isCausal, scale);
  return (drop > 0 ? dropout(weights, { p: drop }) : weights).matmul(v);
}

/**
 * softmax(scale · q kᵀ) v of queries [..., L, E], keys [..., S, E] and values [..., S, D], to [..., L, D]; leading axes broadcast. Long sequences are gone through
 * in blocks of queries, which are computed again in the backward pass: no L x S matrix is held. A query that may see no key gives 0. Throws `ShapeError`.
 *
 * @example
 * const [q, k, v] = [ad.ones([2, 4, 8]), ad.ones([2, 6, 8]), ad.ones([2, 6, 3])];
 * ad.scaledDotProductAttention(q, k, v).shape; // [2, 4, 3]
 */
export function scaledDotProductAttention(query: TensorLike, key: TensorLike, value: TensorLike, options?: AttentionOptions): Tensor {
  atMost("scaledDotProductAttention", arguments, 4);
  const name = "scaledDotProductAttention";
  const { mask = null, isCausal = false, scale, dropout: drop = 0 } = readOptions(name, options, ["mask", "isCausal", "scale", "dropout"]);
  boolean(name, "isCausal", isCausal);
  if (scale !== undefined) number(name, "scale", scale);
  probability(name, "dropout", drop);
  return inScope(() => {
    const q = argument(name, "the queries", query);
    const [k, v] = [argument(name, "the keys", key, q), argument(name, "the values", value, q)];
    for (const x of [q, k, v]) {
      if (!isFloat(x)) throw new DTypeError(`${name}: queries, keys and values must be floats, got ${x.dtype}`, name);
      if (x.ndim < 2) throw new ShapeError(`${name}: got a shape of ${show(x.shape)}; expected [..., length, width]`, name);
    }
    if (q.shape.at(-1) !== k.shape.at(-1) || k.shape.at(-2) !== v.shape.at(-2))
      throw new ShapeError(
        `${name}: queries ${show(q.shape)}, keys ${show(k.shape)} and values ${show(v.shape)}; expected [..., L, E], [..., S, E] and [..., S, D]`,
        name,
      );
    const [length, keys] = [q.shape.at(-2)!, k.shape.at(-2)!];
    const given = mask === null ? null : argument(name, "the mask", mask, q);
    if (given !== null && (given.ndim < 2 || ![1, length].includes(given.shape.at(-2)!) || ![1, keys].includes(given.shape.at(-1)!)))
      throw new ShapeError(
        `${name}: the mask has shape ${show(given.shape)}; expected what broadcasts against [..., ${length}, ${keys}]`,
        name,
      );
    const factor = scale ?? 1 / Math.sqrt(q.shape.at(-1)!);
    if (length * keys <= WHOLE) return block(q, k, v, given, 0, isCausal, factor, drop);
    const heads = Math.max(1, q.size / (length * q.shape.at(-1)!));
    const rows = Math.max(16, Math.floor(BLOCK / (keys * heads)));
    const part = (x: Tensor, first: number, last: number) =>
      x.slice([...x.shape.slice(0, -2).map(() => 0), first, 0], [...x.shape.slice(0, -2), last, x.shape.at(-1)!]);
    const blocks: Tensor[] = [];
    for (let first = 0; first < length; first += rows) {
      const last = Math.min(length, first + rows);
      // Behind the block's last query nothing is seen.
      const end = isCausal ? Math.min(keys, last) : keys;
      const own = given === null ? null : given.shape.at(-2) === 1 ? given : part(given, first, last);
      const narrow =
        own === null || own.shape.at(-1) === 1 || end === keys
          ? own
          : own.slice(
              own.shape.map(() => 0),
              [...own.shape.slice(0, -1), end],
            );
      const inputs = [part(q, first, last), part(k, 0, end), part(v, 0, end), ...(narrow === null ? [] : [narrow])];
      blocks.push(
        checkpoint((a: Tensor, b: Tensor, c: Tensor, m?: Tensor): Tensor => block(a, b, c, m ?? null, first, isCausal, factor, drop), {
          determinismCheck: false,
        })(...(inputs as [Tensor, Tensor, Tensor, Tensor])) as Tensor,
      );
    }
    return concat(blocks, -2);
  });
}
