/** What an argument is, in words: for messages. Never runs the argument's own code, so that describing cannot fail. */

/** On the prototype of every copy of the library's `Tensor`, so that a tensor of another copy can be told and named. */
export const TENSOR_BRAND = Symbol.for("adjoint.tensor");

/** The brand's value in this copy. */
export const THIS_COPY = Symbol("adjoint");

/** Whose tensor it is: the brand's value, or undefined. Prototypes are walked by hand, so that no getter runs. */
function brandOf(value: object): unknown {
  for (
    let p = Object.getPrototypeOf(value) as object | null, depth = 0;
    p !== null && depth < 8;
    p = Object.getPrototypeOf(p) as object | null, depth++
  ) {
    const brand = Object.getOwnPropertyDescriptor(p, TENSOR_BRAND);
    if (brand !== undefined) return brand.value;
  }
  return undefined;
}

/** What a tensor is called in messages, of this copy of the library or of another one; null for anything that is no tensor. */
function tensorName(value: object): string | null {
  const brand = brandOf(value);
  if (brand === undefined) return null;
  if (brand !== THIS_COPY)
    return "a tensor of another copy of adjoint (ESM and CommonJS side by side, two installs, or a worker); load one copy, or pass its data()";
  return Object.hasOwn(value, "handle") ? "a tensor" : "an object that only looks like a tensor";
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
    const tensor = tensorName(value);
    if (tensor !== null) return tensor;
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
