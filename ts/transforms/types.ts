/**
 * The types of transforms. A user's function has parameters `A` and a result; what a transform gives for it has the same trees with other
 * leaves: what may be put in (`ArgumentOf`), what comes out (`OutputOf`), its gradient (`GradOf`), its Jacobian (`JacobianOf`).
 */
import type { TypedArray } from "../dtype.js";
import type { Tensor, TensorLike } from "../tensor.js";
import type { Tree } from "../tree.js";

/** Plain numbers that stand for one tensor: a number, a typed array, nested arrays of numbers. */
export type Numbers = number | TypedArray | readonly Numbers[];

/** Which arguments are differentiated: the position of one, or a list of them; negative ones count from the end. */
export type Argnums = number | readonly number[];

/** What holds no number and is no branch of a tree. */
type NoTree = string | boolean | bigint | symbol | ((...args: never[]) => unknown);

/** Every leaf a tensor: the type itself, where it is one of tensors already, so that editors show its name. */
type OfTensors<T, Mapped> = T[keyof T] extends Tensor ? T : Mapped;

/** What may be given where a function takes a `T`: numbers and arrays of numbers for tensors, leaf by leaf. */
export type ArgumentOf<T> = unknown extends T
  ? T
  : [TensorLike] extends [T]
    ? T
    : [Tree<Tensor>] extends [T]
      ? T | Numbers
      : T extends Tensor | Numbers
        ? Tensor | Numbers
        : T extends NoTree | null | undefined
          ? T
          : ArgumentTree<T>;
/** An argument that is a tree: numbers may stand where it has tensors. */
export type ArgumentTree<T> = { [K in keyof T]: ArgumentOf<T[K]> };

/** The gradient with respect to a `T`: the same tree, with a tensor in the place of each tensor, number or array of numbers. */
export type GradOf<T> = unknown extends T
  ? T
  : [TensorLike] extends [T]
    ? Tensor
    : [Tree<Tensor>] extends [T]
      ? T
      : T extends Tensor | Numbers
        ? Tensor
        : T extends null | undefined
          ? T
          : T extends NoTree
            ? never
            : T extends readonly unknown[]
              ? GradTree<T>
              : OfTensors<T, GradTree<T>>;
/** A gradient that is a tree: tensors in the places of `T`'s leaves. */
export type GradTree<T> = { -readonly [K in keyof T]: GradOf<T[K]> };

/** What comes out of a transform for a function that returns a `T`: the same tree; numbers become tensors. */
export type OutputOf<T> = unknown extends T
  ? T
  : [Tree<Tensor>] extends [T]
    ? T
    : T extends Tensor | number
      ? Tensor
      : T extends null | undefined
        ? T
        : T extends NoTree
          ? never
          : T extends readonly unknown[]
            ? OutputTree<T>
            : OfTensors<T, OutputTree<T>>;
/** A result that is a tree: tensors in the places of `T`'s leaves. */
export type OutputTree<T> = { -readonly [K in keyof T]: OutputOf<T[K]> };

/** The parameters of a function; one that takes none may be given any tensors, which it ignores. */
type Taken<A extends readonly unknown[]> = A extends readonly [] ? Tensor[] : A;

/** The positions, counted from the start, that `N` names in the list `A`. */
type Named<A extends readonly unknown[], N> = N extends number
  ? `${N}` extends `-${infer Behind extends number}`
    ? FromEnd<A, Behind>
    : `${N}`
  : N extends readonly number[]
    ? Named<A, N[number]>
    : never;
/** The position `Behind` places from the end of a tuple; any in a list of unknown length. */
type FromEnd<A extends readonly unknown[], Behind extends number, Passed extends 0[] = []> = A extends readonly [...infer Rest, unknown]
  ? [...Passed, 0]["length"] extends Behind
    ? `${Rest["length"] & number}`
    : FromEnd<Rest, Behind, [...Passed, 0]>
  : `${number}`;
/** The entry of `A` at a position given as text. */
type Entry<A extends readonly unknown[], Position> = Position extends keyof A ? A[Position] : Taken<A>[number];

/** The arguments of a transformed function of which all are differentiated or mapped. */
export type ArgumentsOf<A extends readonly unknown[]> = EachArgument<Taken<A>>;
type EachArgument<A extends readonly unknown[]> = { [K in keyof A]: ArgumentOf<A[K]> };

/** The arguments of a transformed function: those that `N` names are differentiated, the others are handed to the function as they are. */
export type ArgumentsAt<A extends readonly unknown[], N extends Argnums> = EachArgumentAt<Taken<A>, N>;
type EachArgumentAt<A extends readonly unknown[], N extends Argnums> = {
  [K in keyof A]: number extends A["length"] ? ArgumentOf<A[K]> : K extends Named<A, N> ? ArgumentOf<A[K]> : A[K];
};

/** The gradients with respect to all arguments. */
export type GradsOf<A extends readonly unknown[]> = EachGrad<Taken<A>>;
type EachGrad<A extends readonly unknown[]> = { [K in keyof A]: GradOf<A[K]> };

/** The gradient with respect to the argument `N`, or a list of them. (An index, because nothing is to be inferred from a result.) */
export type GradAt<A extends readonly unknown[], N extends Argnums> = {
  /** For the number of an argument. */
  one: GradOf<Entry<A, Named<A, N>>>;
  /** For a list of numbers. */
  list: { -readonly [K in keyof N]: GradOf<Entry<A, Named<A, N[K]>>> };
}[N extends number ? "one" : "list"];

/** A Jacobian: a tree like the output, each leaf a tree like the argument (or a list of such), of shape output shape ++ input shape. */
export type JacobianOf<Out, A extends readonly unknown[], N extends Argnums> = unknown extends Out
  ? Out
  : Out extends Tensor | number
    ? GradAt<A, N>
    : { -readonly [K in keyof Out]: JacobianOf<Out[K], A, N> };

/** Of one argument its value, of several the list. */
export type OneOrList<L extends readonly unknown[]> = L extends readonly [infer Single] ? Single : L;

/** Lists of one entry per argument; a single tensor, number or object may stand without a list. */
export type PrimalsOf<A extends readonly unknown[]> =
  | Readonly<ArgumentsOf<A>>
  | (A extends readonly [infer Single] ? Alone<ArgumentOf<Single>> : never);
type Alone<T> = T extends readonly unknown[] ? never : T;

/** What a differentiated function returns: a tensor of one element, or a number (a constant). */
export type Scalar = Tensor | number;

/** The gradients that a rule gives for arguments `A`: one each, a tree like it, or null for none. */
export type GradientsFor<A extends readonly unknown[]> = readonly (ArgumentOf<Taken<A>[number]> | null | undefined)[];
