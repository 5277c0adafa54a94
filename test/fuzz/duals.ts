/**
 * The reference: numbers with nested perturbations, in plain JavaScript. A derivative here is always a forward pass per input, whatever the
 * engine does; nothing is shared with it.
 */

/** `primal + tangent * e`, where the `e` of one tag squares to zero. A higher tag is further out. */
export interface Dual {
  readonly tag: number;
  readonly primal: Scalar;
  readonly tangent: Scalar;
}
export type Scalar = number | Dual;
/** The small vectors that programs compute with. */
export type Vector = readonly Scalar[];

const tagOf = (x: Scalar) => (typeof x === "number" ? 0 : x.tag);
const primalAt = (x: Scalar, tag: number): Scalar => (typeof x !== "number" && x.tag === tag ? x.primal : x);
const tangentAt = (x: Scalar, tag: number): Scalar => (typeof x !== "number" && x.tag === tag ? x.tangent : 0);

export function add(x: Scalar, y: Scalar): Scalar {
  const tag = Math.max(tagOf(x), tagOf(y));
  if (tag === 0) return (x as number) + (y as number);
  return { tag, primal: add(primalAt(x, tag), primalAt(y, tag)), tangent: add(tangentAt(x, tag), tangentAt(y, tag)) };
}

export function mul(x: Scalar, y: Scalar): Scalar {
  const tag = Math.max(tagOf(x), tagOf(y));
  if (tag === 0) return (x as number) * (y as number);
  const [a, b] = [primalAt(x, tag), primalAt(y, tag)];
  return { tag, primal: mul(a, b), tangent: add(mul(tangentAt(x, tag), b), mul(a, tangentAt(y, tag))) };
}

/** A function of one number from its value and its derivative. */
const lift = (value: (x: number) => number, derivative: (x: Scalar) => Scalar) =>
  function f(x: Scalar): Scalar {
    if (typeof x === "number") return value(x);
    return { tag: x.tag, primal: f(x.primal), tangent: mul(derivative(x.primal), x.tangent) };
  };

export const negate = (x: Scalar): Scalar => mul(-1, x);
export const sin = lift(Math.sin, (x): Scalar => cos(x));
export const cos = lift(Math.cos, (x): Scalar => negate(sin(x)));
export const exp = lift(Math.exp, (x): Scalar => exp(x));
export const tanh = lift(Math.tanh, (x): Scalar => add(1, negate(mul(tanh(x), tanh(x)))));
export const reciprocal = lift(
  (x) => 1 / x,
  (x): Scalar => negate(mul(reciprocal(x), reciprocal(x))),
);
export const log1pSquare = lift(
  (x) => Math.log1p(x * x),
  (x): Scalar => mul(mul(2, x), reciprocal(add(1, mul(x, x)))),
);

/** The number itself, without any perturbation. */
export const plain = (x: Scalar): number => (typeof x === "number" ? x : plain(x.primal));

/** What a hook that multiplies the gradient does: every perturbation of x, times a factor. */
export const scalePerturbations = (x: Scalar, factor: number): Scalar => add(plain(x), mul(factor, add(x, -plain(x))));

let tags = 0;
/** J(x) v: the derivative of f at x along v. */
export function along(f: (x: Vector) => Vector, x: Vector, v: Vector): Vector {
  const tag = ++tags;
  return f(x.map((primal, i) => ({ tag, primal, tangent: v[i]! }))).map((y) => tangentAt(y, tag));
}

export const dot = (x: Vector, y: Vector): Scalar => x.reduce<Scalar>((sum, a, i) => add(sum, mul(a, y[i]!)), 0);
const unit = (n: number, i: number): number[] => Array.from({ length: n }, (_, j) => Number(i === j));
/** J(x)' w: the gradient of w · f at x. */
export const against = (f: (x: Vector) => Vector, x: Vector, w: Vector): Vector => x.map((_, i) => dot(along(f, x, unit(x.length, i)), w));
/** The gradient of the sum of f. */
export const gradient = (f: (x: Vector) => Vector, x: Vector): Vector =>
  against(
    f,
    x,
    x.map(() => 1),
  );
