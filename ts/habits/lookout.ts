/**
 * What stands behind the prototype of a class: a property that its objects do not have is looked up there last. Names from elsewhere are
 * refused with the name they have here, where JavaScript would say `undefined`, "x.view is not a function", or keep `optimizer.learningRate
 * = 1` as a property that nobody reads. What objects do have never comes by, so nothing gets slower.
 */
import { ValueError } from "../errors.js";

/** What is written here instead, by name. */
export type Cures = Readonly<Record<string, string>>;

export interface Names {
  /** What the objects are called: "tensors have no ...". */
  readonly kind: string;
  /** Methods of others. They are refused when they are called: that they are looked for is nobody's mistake. */
  readonly methods?: Cures;
  /** Properties of others, refused when they are read or written. */
  readonly properties?: Cures;
  /** For `x[0]`: what is read, and what is written instead; without the latter it may be written. */
  readonly index?: { readonly read: string; readonly write?: string };
  /** Called with a property that is set though nobody knows it. May throw. */
  readonly unknown?: (object: object, name: string, value: unknown) => void;
}

/** `zero_grad`, `zerograd` and `zeroGrad` are the same mistake. */
const plain = (name: string) => name.replace(/_/g, "").toLowerCase();
const INDEX = /^-?\d+$/;

/** The members of the prototypes from here on, by their plain names. */
function members(prototype: object): Map<string, string> {
  const found = new Map<string, string>();
  for (let p: object | null = prototype; p !== null && p !== Object.prototype; p = Object.getPrototypeOf(p) as object | null)
    for (const name of Object.getOwnPropertyNames(p)) if (name !== "constructor") found.set(plain(name), name);
  return found;
}

/** Puts the lookout behind a prototype. */
export function lookOut(prototype: object, names: Names): void {
  const { kind, methods = {}, properties = {}, index, unknown } = names;
  let own: Map<string, string> | undefined;
  /** The member that has this name in our spelling. */
  const spelled = (name: string) => {
    own ??= members(prototype);
    return own.get(plain(name));
  };
  const isMethod = (member: string) => typeof Object.getOwnPropertyDescriptor(prototype, member)?.value === "function";
  const refusal = (name: string, cure: string, called = "") =>
    new ValueError(`${name}: ${kind} have no ${called === "" ? "property" : "method"} ${name}${called}; here it is ${cure}`, name);

  const get = (target: object, name: string | symbol, object: unknown): unknown => {
    if (typeof name === "symbol" || name in target) return Reflect.get(target, name, object);
    if (index !== undefined && INDEX.test(name)) throw new ValueError(`[${name}]: ${index.read}`, "at");
    const member = spelled(name);
    if (Object.hasOwn(properties, name)) throw refusal(name, properties[name]!);
    if (member !== undefined && !isMethod(member)) throw refusal(name, member);
    const cure = Object.hasOwn(methods, name) ? methods[name] : member === undefined ? undefined : `${member}()`;
    if (cure === undefined) return undefined;
    return () => {
      throw refusal(name, cure, "()");
    };
  };
  const set = (target: object, name: string | symbol, value: unknown, object: object): boolean => {
    if (typeof name === "string" && !(name in target)) {
      if (index?.write !== undefined && INDEX.test(name)) throw new ValueError(`[${name}] = ...: ${index.write}`, "at");
      const member = spelled(name);
      if (Object.hasOwn(properties, name)) throw refusal(name, properties[name]!);
      if (member !== undefined && !isMethod(member)) throw refusal(name, member);
      unknown?.(object, name, value);
    }
    return Reflect.set(target, name, value, object);
  };
  Object.setPrototypeOf(prototype, new Proxy({}, { get, set }));
}
