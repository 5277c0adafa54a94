/** Names from elsewhere that only say what is written here instead, called, made with `new`, or looked into. */
import { ValueError } from "../errors.js";

/** Takes nothing: to TypeScript every use is an error. */
export type Elsewhere = ((...none: never[]) => never) & (new (...none: never[]) => never);

function refusing(name: string, says: string): Elsewhere {
  const refuse = (): never => {
    throw new ValueError(`${name}: ${says}`, name);
  };
  // What a promise, an inspector or a test asks of any function.
  const innocent = (key: string | symbol) => typeof key === "symbol" || key in Function.prototype || key === "then" || key === "toJSON";
  // A class can be called and made with new, as far as a Proxy sees.
  return new Proxy(class {} as unknown as Elsewhere, {
    apply: refuse,
    construct: refuse,
    get: (target, key) => (innocent(key) ? Reflect.get(target, key) : refuse()),
  });
}

/** A name that something else has here. */
export const elsewhere = (name: string, cure: string): Elsewhere => refusing(name, `adjoint has no ${name}; here it is ${cure}`);

/** A name that nothing has yet. */
export const missing = (name: string): Elsewhere => refusing(name, `adjoint does not have ${name} yet`);
