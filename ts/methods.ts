/** Every op as a method: `a.mul(b)` is `mul(a, b)`. Attached from the one list of functions, types included. */
import * as elementwise from "./ops/elementwise.js";
import * as indexing from "./ops/index.js";
import * as reduce from "./ops/reduce.js";
import * as shape from "./ops/shape.js";
import { Tensor } from "./tensor.js";
import { backward, detach, registerHook, retainGrad, zeroGrad, assign } from "./ambient.js";

const { concat: _concat, stack: _stack, ...shapeMethods } = shape;
const { embedding: _embedding, trace, ...indexMethods } = indexing;
const ambientMethods = { backward, detach, registerHook, retainGrad, zeroGrad, assign };
const methods = { ...elementwise, ...reduce, ...shapeMethods, ...indexMethods, trace, ...ambientMethods };

type Methods = typeof methods;
type Method<F> = F extends (x: any, ...rest: infer Rest) => infer R ? (...rest: Rest) => R : never;

export type TensorMethods = { [K in keyof Methods]: Method<Methods[K]> } & {
  /** The axes reversed. */
  readonly T: Tensor;
};

for (const [name, f] of Object.entries(methods)) {
  const call = f as (...args: unknown[]) => unknown;
  const method =
    call.length <= 1
      ? function (this: Tensor, ...rest: unknown[]) {
          return rest.length === 0 ? call(this) : call(this, ...rest);
        }
      : call.length === 2
        ? function (this: Tensor, a: unknown, ...rest: unknown[]) {
            return rest.length === 0 ? call(this, a) : call(this, a, ...rest);
          }
        : function (this: Tensor, ...rest: unknown[]) {
            return call(this, ...rest);
          };
  Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true });
}

Object.defineProperty(Tensor.prototype, "T", {
  get(this: Tensor) {
    return shape.transpose(this);
  },
  configurable: true,
});
