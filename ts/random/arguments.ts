/**
 * How draws read their arguments: `(key, shape, options)`, or `(shape, options)` with a key of the implicit generator. Parameters of
 * distributions are numbers or tensors; those broadcast to the shape, and are looked at in all examples of a vmap.
 */
import { atMost } from "../input/arguments.js";
import { checkShape, getDefaultDtype, tensor } from "../creation.js";
import { describe } from "../input/describe.js";
import { dtypeCode, isFloat, type DType } from "../dtype.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { isPlainObject, readOptions } from "../input/options.js";
import { apply } from "../ops/apply.js";
import { recorder } from "../recording.js";
import { Truth } from "../runtime/boundary.js";
import { checked, engine } from "../runtime/instance.js";
import { idOf, Tensor, type Nested } from "../tensor.js";
import { checkKey } from "./keys.js";
import { nextKey } from "./state.js";

/** The shape to draw. */
export type Shape = readonly number[];
/** A parameter of a distribution: one for all draws, or a tensor (or nested array) that broadcasts to their shape. */
export type Parameter = number | Tensor | Nested;

/** What a draw of real numbers takes. */
export interface DrawOptions {
  /** "float32" or "float64"; by default float64 where a parameter is, else the default dtype. */
  dtype?: DType;
}

/** A draw: with a key, or without one from the implicit generator (`manualSeed`). Without a shape that of the parameters. */
export interface Draw<O> {
  (key: Tensor, shape?: Shape, options?: O): Tensor;
  (key: Tensor, options: O): Tensor;
  (shape?: Shape, options?: O): Tensor;
  (options: O): Tensor;
}

/** A draw with an option that has no default. */
export interface NeedyDraw<O> {
  (key: Tensor, shape: Shape, options: O): Tensor;
  (key: Tensor, options: O): Tensor;
  (shape: Shape, options: O): Tensor;
  (options: O): Tensor;
}

/** The key, if the first argument is a tensor and so has to be one, and the arguments behind it. */
function keyFirst(name: string, args: readonly unknown[]): [key: Tensor | undefined, rest: readonly unknown[]] {
  if (args[0] instanceof Tensor) return [checkKey(name, args[0]), args.slice(1)];
  if (args.length > 0 && !Array.isArray(args[0]) && !isPlainObject(args[0])) {
    const hint =
      typeof args[0] === "number"
        ? `; random.key(${args[0]}) makes a key of a seed, [${args.filter((size) => typeof size === "number").join(", ")}] is a shape`
        : "";
    throw new ValueError(`${name}: expected a key or a shape first, got ${describe(args[0])}${hint}`, name);
  }
  return [undefined, args];
}

/** The arguments `(key, shape, options)` or `(shape, options)` of a draw; without a shape the options may follow at once. */
export function drawArguments<O extends object>(
  name: string,
  args: readonly unknown[],
  known: readonly (keyof O & string)[],
): { key: Tensor | undefined; shape: Shape | undefined; options: O } {
  const [key, given] = keyFirst(name, args);
  const rest = given.length === 1 && isPlainObject(given[0]) ? [undefined, given[0]] : given;
  if (typeof rest[0] === "number" || rest[0] instanceof Tensor)
    throw new ShapeError(
      `${name}: expected a shape behind the key, got ${describe(rest[0])}; parameters go into the options: (key, shape, { ${known.join(", ")} })`,
      name,
    );
  atMost(name, rest, 2, "write (key, shape, options), or (shape, options) without a key");
  const shape = rest[0] === undefined ? undefined : [...checkShape(rest[0], name)];
  return { key, shape, options: readOptions<O>(name, rest[1] as O | undefined, known) };
}

/** A parameter as a number or a tensor; `float64` ones where the draw is made in that. */
export function parameter(name: string, what: string, given: Parameter): number | Tensor {
  if (typeof given === "number") return given;
  const value = Array.isArray(given) ? tensor(given) : given;
  if (!(value instanceof Tensor)) throw new ValueError(`${name}: ${what} must be a number or a tensor, got ${describe(given)}`, name);
  if (value.dtype === "bool") throw new DTypeError(`${name}: ${what} is a bool tensor; cast() it to a float`, name);
  return value;
}

/** Throws `ValueError` unless `condition` holds, for all elements and examples. */
export function demand(name: string, condition: boolean | Tensor, message: string): void {
  if (typeof condition !== "boolean") recorder?.checked(condition);
  const holds = typeof condition === "boolean" ? condition : (checked(engine.all_true(idOf(condition)), name) as Truth) === Truth.All;
  if (!holds) throw new ValueError(`${name}: ${message}`, name);
}

/** What a message says of a parameter. */
export const shown = (value: number | Tensor): string =>
  value instanceof Tensor ? `a tensor of shape [${value.shape.join(", ")}]` : String(value);

/** Whether the parameter of a draw in `dtype` is a number there: 1e39 is Infinity in float32. */
export function isFiniteEverywhere(value: number | Tensor, dtype: DType): boolean | Tensor {
  if (typeof value !== "number") return (isFloat(value.dtype) ? value.cast(dtype) : value).isFinite();
  return Number.isFinite(dtype === "float32" ? Math.fround(value) : value);
}

/** a <= b, for any mixture. */
export function lessEqual(a: number | Tensor, b: number | Tensor): boolean | Tensor {
  if (typeof a !== "number") return a.le(b);
  return typeof b === "number" ? a <= b : b.ge(a);
}

/** a < b, for any mixture. */
export function less(a: number | Tensor, b: number | Tensor): boolean | Tensor {
  if (typeof a !== "number") return a.lt(b);
  return typeof b === "number" ? a < b : b.gt(a);
}

/** The dtype of a float draw. */
export function floatDtype(name: string, given: DType | undefined, ...parameters: (number | Tensor)[]): DType {
  const dtype = given ?? (parameters.some((p) => p instanceof Tensor && p.dtype === "float64") ? "float64" : getDefaultDtype());
  if (dtype !== "float32" && dtype !== "float64")
    throw new DTypeError(`${name}: numbers are drawn as float32 or float64, not ${describe(dtype)}`, name);
  return dtype;
}

/** The shape to draw: the given one, to which all parameters broadcast, or that of the parameters together. */
export function drawShape(name: string, given: Shape | undefined, parameters: Readonly<Record<string, number | Tensor>>): Shape {
  const shapes = Object.entries(parameters).flatMap(([what, p]) => (p instanceof Tensor ? [{ what, shape: p.shape }] : []));
  const rank = Math.max(0, ...shapes.map(({ shape }) => shape.length));
  const out =
    given ??
    Array.from({ length: rank }, (_, i) =>
      shapes.map(({ shape }) => shape[i - rank + shape.length] ?? 1).reduce((a, b) => (a === 1 ? b : a), 1),
    );
  for (const { what, shape } of shapes) {
    const lead = out.length - shape.length;
    if (lead < 0 || shape.some((d, i) => d !== 1 && d !== out[lead + i])) {
      throw new ShapeError(
        `${name}: ${what} has shape [${shape.join(", ")}], which does not broadcast to ${given === undefined ? "the other parameters'" : "the shape"} [${out.join(", ")}]`,
        name,
      );
    }
  }
  return out;
}

/** Numbers straight from the generator; without a key the next one of the implicit sequence. */
export function raw(name: string, op: "randomUniform" | "randomNormal", key: Tensor | undefined, shape: Shape, dtype: DType): Tensor {
  checkShape(shape, name);
  return apply(op, [key ?? nextKey(name)], [dtypeCode(dtype), ...shape]);
}

/** Uniform on (0, 1): zero, which has no logarithm, is lifted to half a step. */
export function openUniform(name: string, key: Tensor | undefined, shape: Shape, dtype: DType): Tensor {
  return raw(name, "randomUniform", key, shape, dtype).maximum(dtype === "float64" ? 2 ** -54 : 2 ** -25);
}
