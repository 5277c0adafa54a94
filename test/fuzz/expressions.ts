/**
 * Random programs over vectors of three numbers: ops, views, transforms nested in each other, functions that close over what is outside of
 * them. One description is run by the engine, run by the reference, and printed as the program it is.
 */
import * as ad from "adjoint";
import type { Tensor } from "adjoint";
import * as ref from "./duals.js";
import type { Scalar, Vector } from "./duals.js";
import type { Random } from "./generator.js";

export const SIZE = 3;
type Scope<T> = ReadonlyMap<string, T>;

export interface Expression {
  readonly text: string;
  engine(scope: Scope<Tensor>): Tensor;
  reference(scope: Scope<Vector>): Vector;
}

const node = (text: string, engine: Expression["engine"], reference: Expression["reference"]): Expression => ({ text, engine, reference });

const variable = (name: string): Expression =>
  node(
    name,
    (s) => s.get(name)!,
    (s) => s.get(name)!,
  );

const DOUBLE = { dtype: "float64" } as const;
const literal = (values: readonly number[]): Expression =>
  node(
    `ad.tensor([${values.join(", ")}], F)`,
    () => ad.tensor([...values], DOUBLE),
    () => values,
  );

const each = (f: (x: Scalar) => Scalar) => (x: Vector) => x.map(f);
const stop = each(ref.plain);
const totalOf = (x: Vector): Vector =>
  x.map(() =>
    ref.dot(
      x,
      x.map(() => 1),
    ),
  );
const greatest = (x: Vector): Scalar => x.reduce((a, b) => (ref.plain(b) > ref.plain(a) ? b : a));

/** At a tie both have half of the derivative. */
const greater = (x: Scalar, y: Scalar): Scalar =>
  ref.plain(x) === ref.plain(y) ? ref.mul(0.5, ref.add(x, y)) : ref.plain(x) > ref.plain(y) ? x : y;

type Unary = readonly [text: string, engine: (x: Tensor) => Tensor, reference: (x: Vector) => Vector];
const UNARY: readonly Unary[] = [
  [".sin()", (x) => x.sin(), each(ref.sin)],
  [".cos()", (x) => x.cos(), each(ref.cos)],
  [".tanh()", (x) => x.tanh(), each(ref.tanh)],
  [".mul(0.3).exp()", (x) => x.mul(0.3).exp(), each((x) => ref.exp(ref.mul(0.3, x)))],
  [".square()", (x) => x.square(), each((x) => ref.mul(x, x))],
  [".square().log1p()", (x) => x.square().log1p(), each(ref.log1pSquare)],
  [".square().add(1).reciprocal()", (x) => x.square().add(1).reciprocal(), each((x) => ref.reciprocal(ref.add(1, ref.mul(x, x))))],
  [".relu()", (x) => x.relu(), each((x) => (ref.plain(x) > 0 ? x : 0))],
  [".abs()", (x) => x.abs(), each((x) => ref.mul(Math.sign(ref.plain(x)), x))],
  [".neg()", (x) => x.neg(), each(ref.negate)],
  [".sum().broadcastTo([3])", (x) => x.sum().broadcastTo([SIZE]), totalOf],
  [".mean().mul([1, 2, 3])", (x) => x.mean().mul([1, 2, 3]), (x) => totalOf(x).map((s, i) => ref.mul((i + 1) / SIZE, s))],
  // Without ties, at which the gradient is shared out.
  [
    ".add([0, 0.01, 0.03]).max().add([0, 1, 2])",
    (x) => x.add([0, 0.01, 0.03]).max().add([0, 1, 2]),
    (x) => x.map((_, i) => ref.add(greatest(x.map((y, j) => ref.add(y, [0, 0.01, 0.03][j]!))), i)),
  ],
  [".cumsum(0)", (x) => x.cumsum(0), (x) => x.map((_, i) => x.slice(0, i + 1).reduce(ref.add, 0))],
  [".flip(0)", (x) => x.flip(0), (x) => [...x].reverse()],
  [".roll(1, 0)", (x) => x.roll(1, 0), ([a, b, c]) => [c!, a!, b!]],
  [".reshape([3, 1]).transpose().reshape([3])", (x) => x.reshape([SIZE, 1]).transpose().reshape([SIZE]), (x) => x],
  [".take([2, 0, 2], 0)", (x) => x.take([2, 0, 2], 0), ([a, , c]) => [c!, a!, c!]],
  [".at(1).mul([1, 0, -1])", (x) => x.at(1).mul([1, 0, -1]), (x) => [1, 0, -1].map((k) => ref.mul(k, x[1]!))],
  [".slice([1], [3]).pad([[1, 0]])", (x) => x.slice([1], [SIZE]).pad([[1, 0]]), ([, b, c]) => [0, b!, c!]],
  [".sort()", (x) => x.sort(), (x) => [...x].sort((a, b) => ref.plain(a) - ref.plain(b))],
];

type Binary = readonly [name: string, engine: (x: Tensor, y: Tensor) => Tensor, reference: (x: Scalar, y: Scalar) => Scalar];
const BINARY: readonly Binary[] = [
  ["add", (x, y) => x.add(y), ref.add],
  ["sub", (x, y) => x.sub(y), (x, y) => ref.add(x, ref.negate(y))],
  ["mul", (x, y) => x.mul(y), ref.mul],
  ["maximum", (x, y) => x.add(0.01).maximum(y), (x, y) => greater(ref.add(x, 0.01), y)],
];

/** A function of one argument, and its two readings. */
interface Body {
  readonly name: string;
  readonly text: string;
  readonly f: (s: Scope<Tensor>) => (x: Tensor) => Tensor;
  readonly g: (s: Scope<Vector>) => (x: Vector) => Vector;
}

let names = 0;
/** So that a program prints the same whenever it is made. */
export function restartNames(): void {
  names = 0;
}

function body(random: Random, free: readonly string[], depth: number): Body {
  const name = `x${++names}`;
  // The argument twice: it is to be used.
  const inner = expression(random, [...free, name, name], depth);
  return {
    name,
    text: `(${name}) => ${inner.text}`,
    f: (s) => (x) => inner.engine(new Map(s).set(name, x)),
    g: (s) => (x) => inner.reference(new Map(s).set(name, x)),
  };
}

type Combinator = (random: Random, free: readonly string[], depth: number) => Expression;

/** Where there is no direction. */
const once = <T>(run: (f: (x: T) => T, a: T, b: T) => T, f: (x: T) => T, a: T): T => run(f, a, a);

/** Of a function that closes over what is outside, at one point or at a point and along a direction. */
const over =
  (
    text: (f: string, a: string, b: string) => string,
    engine: (f: (x: Tensor) => Tensor, a: Tensor, b: Tensor) => Tensor,
    reference: (f: (x: Vector) => Vector, a: Vector, b: Vector) => Vector,
    closed = true,
  ): Combinator =>
  (random, free, depth) => {
    const f = body(random, closed ? free : [], depth - 1);
    const a = expression(random, free, depth - 1);
    if (text.length < 3)
      return node(
        text(f.text, a.text, ""),
        (s) => once(engine, f.f(s), a.engine(s)),
        (s) => once(reference, f.g(s), a.reference(s)),
      );
    const b = expression(random, free, Math.min(1, depth - 1));
    return node(
      text(f.text, a.text, b.text),
      (s) => engine(f.f(s), a.engine(s), b.engine(s)),
      (s) => reference(f.g(s), a.reference(s), b.reference(s)),
    );
  };

const sum = (f: (x: Tensor) => Tensor) => (x: Tensor) => f(x).sum();

const COMBINATORS: readonly Combinator[] = [
  over(
    (f, a) => `ad.grad((x) => (${f})(x).sum())(${a})`,
    (f, a) => ad.grad(sum(f))(a) as Tensor,
    ref.gradient,
  ),
  over(
    (f, a, b) => `ad.jvp(${f}, [${a}], [${b}])[1]`,
    (f, a, b) => ad.jvp(f, [a], [b])[1] as Tensor,
    ref.along,
  ),
  over(
    (f, a, b) => `ad.vjp(${f}, ${a})[1](${b})[0]`,
    (f, a, b) => ad.vjp(f, a)[1](b)[0] as Tensor,
    ref.against,
  ),
  over(
    (f, a, b) => `ad.linearize(${f}, ${a})[1](${b})`,
    (f, a, b) => ad.linearize(f, a)[1](b) as Tensor,
    ref.along,
  ),
  over(
    (f, a, b) => `ad.hvp((x) => (${f})(x).sum(), [${a}], [${b}])[1]`,
    (f, a, b) => ad.hvp(sum(f), [a], [b])[1] as Tensor,
    (f, a, b) => ref.along((x) => ref.gradient(f, x), a, b),
  ),
  over(
    (f, a, b) => `ad.jacrev(${f})(${a}).matmul(${b})`,
    (f, a, b) => (ad.jacrev(f)(a) as Tensor).matmul(b),
    ref.along,
  ),
  over(
    (f, a, b) => `${b}.matmul(ad.jacfwd(${f})(${a}))`,
    (f, a, b) => b.matmul(ad.jacfwd(f)(a) as Tensor),
    ref.against,
  ),
  over(
    (f, a, b) => `ad.hessian((x) => (${f})(x).sum())(${a}).matmul(${b})`,
    (f, a, b) => (ad.hessian(sum(f))(a) as Tensor).matmul(b),
    (f, a, b) => ref.along((x) => ref.gradient(f, x), a, b),
  ),
  over(
    (f, a, b) => `ad.vmap(${f})(ad.stack([${a}, ${b}])).sum(0)`,
    (f, a, b) => (ad.vmap(f)(ad.stack([a, b])) as Tensor).sum(0),
    (f, a, b) => f(a).map((y, i) => ref.add(y, f(b)[i]!)),
  ),
  over(
    (f, a, b) => `ad.vmap(ad.grad((x) => (${f})(x).sum()))(ad.stack([${a}, ${b}])).at(1)`,
    (f, a, b) => (ad.vmap(ad.grad(sum(f)))(ad.stack([a, b])) as Tensor).at(1),
    (f, _, b) => ref.gradient(f, b),
  ),
  over(
    (f, a) => `ad.checkpoint(${f})(${a})`,
    (f, a) => ad.checkpoint(f)(a) as Tensor,
    (f, a) => f(a),
  ),
  over(
    (f, a) => `ad.scope(() => (${f})(${a}))`,
    (f, a) => ad.scope(() => f(a)),
    (f, a) => f(a),
  ),
  // What is computed inside is a constant; what is only handed through is not.
  over(
    (f, a) => `ad.noGrad(() => (${f})(${a}).mul(1))`,
    (f, a) => ad.noGrad(() => f(a).mul(1)),
    (f, a) => stop(f(stop(a))),
  ),
  over(
    (f, a) => `ad.stopGradient((${f})(${a}))`,
    (f, a) => ad.stopGradient(f(a)),
    (f, a) => stop(f(a)),
  ),
  over(
    (f, a) => `ad.forLoop(0, 2, (_, x) => (${f})(x), ${a})`,
    (f, a) => ad.forLoop(0, 2, (_, x: Tensor) => f(x), a),
    (f, a) => f(f(a)),
  ),
  over(
    (f, a, b) => `ad.scan((c, x) => [(${f})(c).add(x).tanh(), c], ${a}, ad.stack([${b}, ${b}]))[1].sum(0)`,
    (f, a, b) => (ad.scan((c: Tensor, x: Tensor) => [f(c).add(x).tanh(), c], a, ad.stack([b, b]))[1] as Tensor).sum(0),
    (f, a, b) => f(a).map((y, i) => ref.add(a[i]!, ref.tanh(ref.add(y, b[i]!)))),
  ),
  // A rule cannot know what its function closes over, so these close over nothing.
  over(
    (f, a) => `ad.customVjp(${f}, { forward: (x) => [(${f})(x), x], backward: (x, ct) => [ad.vjp(${f}, x)[1](ct)[0]] })(${a})`,
    (f, a) =>
      ad.customVjp(f, { forward: (x: Tensor) => [f(x), x], backward: (x: Tensor, ct: Tensor) => [ad.vjp(f, x)[1](ct)[0]] })(a) as Tensor,
    (f, a) => f(a),
    false,
  ),
  over(
    (f, a) => `ad.customJvp(${f}, ([x], [t]) => ad.jvp(${f}, [x], [t]))(${a})`,
    (f, a) => ad.customJvp(f, ([x], [t]) => ad.jvp(f, [x], [t]))(a),
    (f, a) => f(a),
    false,
  ),
];

/** A random expression over the names `free`, of some depth; what it holds is tamed, so that nothing runs away. */
export function expression(random: Random, free: readonly string[], depth: number): Expression {
  if (depth <= 0)
    return random.below(8) === 0 || free.length === 0
      ? literal(Array.from({ length: SIZE }, () => Math.round(random() * 400 - 200) / 128))
      : variable(random.pick(free));
  const kind = random.below(10);
  if (kind < 3) {
    const [text, engine, reference] = random.pick(UNARY);
    const a = expression(random, free, depth - 1);
    return node(
      `${a.text}${text}`,
      (s) => engine(a.engine(s)),
      (s) => reference(a.reference(s)),
    );
  }
  if (kind < 6) {
    const [name, engine, reference] = random.pick(BINARY);
    const [a, b] = [expression(random, free, depth - 1), expression(random, free, depth - 1)];
    const left = name === "maximum" ? `${a.text}.add(0.01)` : a.text;
    return node(
      `${left}.${name}(${b.text})`,
      (s) => engine(a.engine(s), b.engine(s)),
      (s) => {
        const [x, y] = [a.reference(s), b.reference(s)];
        return x.map((v, i) => reference(v, y[i]!));
      },
    );
  }
  if (kind < 8) return random.pick(COMBINATORS)(random, free, depth);
  const a = expression(random, free, depth - 1);
  return node(
    `${a.text}.tanh()`,
    (s) => a.engine(s).tanh(),
    (s) => a.reference(s).map(ref.tanh),
  );
}
