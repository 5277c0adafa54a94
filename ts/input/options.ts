/**
 * Options objects: the one place that reads them. A name nobody reads is refused, with the name that was probably meant, because a
 * misspelt or foreign option would otherwise silently do nothing.
 */
import { describe } from "./describe.js";
import { ValueError } from "../errors.js";

/** What other libraries call our options: the first of the names that the function knows is suggested, with a hint where values differ. */
const ALIASES: Readonly<Record<string, { names: readonly string[]; hint?: string }>> = {
  keepdim: { names: ["keepdims"] },
  dim: { names: ["axis"] },
  dims: { names: ["axis"] },
  axes: { names: ["axis"] },
  unbiased: { names: ["correction"], hint: "unbiased: false is correction: 0, true is 1" },
  ddof: { names: ["correction"] },
  learningrate: { names: ["lr"] },
  rate: { names: ["lr", "p"] },
  stepsize: { names: ["lr", "step"] },
  decay: { names: ["weightDecay"] },
  l2: { names: ["weightDecay"] },
  beta: { names: ["delta", "betas", "momentum"] },
  beta1: { names: ["betas"], hint: "betas: [beta1, beta2]" },
  beta2: { names: ["betas"], hint: "betas: [beta1, beta2]" },
  epsilon: { names: ["eps", "step"] },
  h: { names: ["step", "eps"] },
  rho: { names: ["alpha", "rho"] },
  gradient: { names: ["requiresGrad"] },
  trainable: { names: ["requiresGrad"] },
  grad: { names: ["requiresGrad"] },
  type: { names: ["dtype"] },
  datatype: { names: ["dtype"] },
  size: { names: ["shape", "k"] },
  dimensions: { names: ["shape"] },
  low: { names: ["minval", "lower"] },
  high: { names: ["maxval", "upper"] },
  min: { names: ["minval", "lower"] },
  max: { names: ["maxval", "upper"] },
  lo: { names: ["minval", "lower"] },
  hi: { names: ["maxval", "upper"] },
  prob: { names: ["p"] },
  probability: { names: ["p"] },
  ord: { names: ["p"] },
  normtype: { names: ["p"] },
  ascending: { names: ["descending"], hint: "ascending is what you get without it" },
  sorted: { names: ["largest"], hint: "the values are always sorted" },
  constant: { names: ["value"] },
  fill: { names: ["value"] },
  indims: { names: ["inAxes"] },
  outdims: { names: ["outAxes"] },
  inaxis: { names: ["inAxes"] },
  outaxis: { names: ["outAxes"] },
  argnum: { names: ["argnums"] },
  aux: { names: ["hasAux"] },
  chunk: { names: ["chunkSize"] },
  batch: { names: ["batchSize"] },
  affine: { names: ["weight", "elementwiseAffine"] },
  usebias: { names: ["bias"] },
  classweights: { names: ["weight"] },
  weights: { names: ["weight"] },
  smoothing: { names: ["labelSmoothing"] },
  strides: { names: ["stride"] },
  pad: { names: ["padding"] },
  dilationrate: { names: ["dilation"] },
  cotangent: { names: ["inputs"], hint: "the cotangent is the first argument" },
};

/** Names are compared without case and underscores: `keepDims`, `keep_dims` and `keepdims` are the same mistake. */
const plain = (name: string) => name.replace(/[_\-\s]/g, "").toLowerCase();

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function distance(a: string, b: string): number {
  const d: number[][] = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      d[i]![j] = Math.min(d[i - 1]![j]! + 1, d[i]![j - 1]! + 1, d[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1);
    }
  }
  return d[a.length]![b.length]!;
}

/** ` Did you mean "lr"?`, or nothing. */
function suggestion(key: string, known: readonly string[]): string {
  const wanted = plain(key);
  const alias = Object.hasOwn(ALIASES, wanted) ? ALIASES[wanted]! : undefined;
  const renamed = known.find((name) => plain(name) === wanted) ?? alias?.names.find((name) => known.includes(name));
  if (renamed !== undefined)
    return ` Did you mean "${renamed}"?${alias?.hint !== undefined && alias.names.includes(renamed) ? ` (${alias.hint})` : ""}`;
  if (wanted.length > 40) return "";
  let [best, least] = ["", 3];
  for (const name of known) {
    const d = distance(wanted, plain(name));
    if (d < least && d < Math.max(wanted.length, name.length) / 2) [best, least] = [name, d];
  }
  return best === "" ? "" : ` Did you mean "${best}"?`;
}

/** A plain object of any realm: its prototype is null or an `Object.prototype`. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf"))
  );
}

/**
 * Refuses options that nobody would read: throws `ValueError` unless `given` is undefined or a plain object whose keys are all `known`.
 * The message names the unknown key, what it was probably meant to be, and every key that is accepted.
 */
export function checkOptions(name: string, given: unknown, known: readonly string[]): void {
  if (given === undefined) return;
  const accepted = () => (known.length === 0 ? "it takes no options" : `it takes { ${known.join(", ")} }`);
  if (!isPlainObject(given))
    throw new ValueError(`${name}: the options must be a plain object, got ${describe(given)}; ${accepted()}`, name);
  for (const key of Object.keys(given)) {
    if (!known.includes(key))
      throw new ValueError(`${name}: unknown option ${JSON.stringify(key)}; ${accepted()}.${suggestion(key, known)}`, name);
  }
}

const NONE: object = Object.freeze(Object.create(null));

/**
 * The checked options as an object without a prototype: only what the caller wrote himself is read, each once, whatever was put on
 * `Object.prototype`. Without options an empty one.
 */
export function readOptions<T extends object>(name: string, given: T | undefined, known: readonly (keyof T & string)[]): T {
  checkOptions(name, given, known);
  return given === undefined ? (NONE as T) : (Object.assign(Object.create(null) as object, given) as T);
}
