/** What an argument is, in words: for messages. Never runs the argument's own code, so that describing cannot fail. */

/** On the prototype of every copy of the library's `Tensor`, so that a tensor of another copy can be told and named. */
export const TENSOR_BRAND = Symbol.for("adjoint.tensor");

/** A tensor of this copy of the library or of another one. The prototypes are walked by hand: a proxy's traps are not our business. */
function branded(value: object): boolean {
  for (let p = Object.getPrototypeOf(value) as object | null, depth = 0; p !== null && depth < 8; p = Object.getPrototypeOf(p) as object | null, depth++) {
    if (Object.getOwnPropertyDescriptor(p, TENSOR_BRAND) !== undefined) return true;
  }
  return false;
}

/** Why a tensor that is none of ours cannot be used; null for anything that is no tensor. */
export function foreignTensor(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  try {
    if (branded(value)) return "a tensor of another copy of adjoint (ESM and CommonJS side by side, two installs, or a worker); load one copy, or pass its data()";
    // What structuredClone and postMessage leave of a tensor.
    if (Object.hasOwn(value, "handle") && Object.hasOwn(value, "scope")) return "what is left of a tensor that was cloned or posted; send its data() and shape, and make a tensor of them there";
  } catch {
    // A proxy that refuses to be looked at is no tensor.
  }
  return null;
}

const clipped = (text: string) => (text.length > 40 ? `${text.slice(0, 37)}...` : text);

/** `the string "3"`, `an array of 3`, `a Map`, `undefined`, `1.5`. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `the string ${clipped(JSON.stringify(value))}`;
    case "bigint":
      return `the bigint ${clipped(`${value}n`)}`;
    case "symbol":
      return "a symbol";
    case "function":
      return "a function";
    case "object":
      break;
    default:
      return String(value);
  }
  if (value === null) return "null";
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const foreign = foreignTensor(value);
    if (foreign !== null) return foreign;
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return "an object";
    const maker = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value as { name?: unknown } | undefined;
    const name = typeof maker === "function" ? Object.getOwnPropertyDescriptor(maker, "name")?.value : undefined;
    if (name === "Promise") return "a promise (await it first)";
    return typeof name === "string" && name !== "" ? `${/^[aeiou]/i.test(name) ? "an" : "a"} ${clipped(name)}` : "an object";
  } catch {
    return "an object";
  }
}
