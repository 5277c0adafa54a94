/** Every op as a method: `a.mul(b)` is `mul(a, b)`. Attached from the one list of functions, types included. */
import { atMost } from "./input/arguments.js";
import { ShapeError } from "./errors.js";
import { attachRefusals } from "./habits/habits.js";
import * as convolution from "./ops/convolution.js";
import { tensordot } from "./ops/einsum.js";
import * as elementwise from "./ops/elementwise.js";
import * as indexing from "./ops/index.js";
import * as linalg from "./ops/linalg.js";
import * as pooling from "./ops/pooling.js";
import * as products from "./ops/products.js";
import * as reduce from "./ops/reduce.js";
import * as selecting from "./ops/select.js";
import * as shape from "./ops/shape.js";
import { Tensor, type TensorLike } from "./tensor.js";
import { backward, detach, gradientOf, registerHook, retainGrad, setGradient, setRequiresGrad, zeroGrad, assign } from "./ambient.js";

const { concat: _concat, stack: _stack, ...shapeMethods } = shape;

/** What becomes a method: a function of a tensor first. Their types, with documentation, are written to tensor-methods.ts. */
const methods = {
  ...elementwise,
  ...reduce,
  ...shapeMethods,
  ...selecting,
  ...linalg,
  ...indexing,
  ...products,
  tensordot,
  ...convolution,
  ...pooling,
  /** The n-th derivative of digamma at each element, for one n from 0 to 170: the function `polygamma(n, x)`. `ValueError` for other n. */
  polygamma(x: TensorLike, n: number): Tensor {
    atMost("polygamma", arguments, 2);
    return elementwise.polygamma(n, x);
  },
  backward,
  detach,
  registerHook,
  retainGrad,
  zeroGrad,
  assign,
};

/** Properties of a tensor that belong to `backward()`, and what the language asks for. */
export interface TensorProperties {
  /** The axes reversed: `transpose()`. */
  readonly T: Tensor;
  /**
   * Whether `backward()` reaches it: a parameter, or computed from one. Setting it works in place, for whoever holds the tensor: `false`
   * freezes a parameter (its gradient is forgotten, optimizers pass it over, graphs recorded before go on without it), `true` makes a plain
   * float tensor a parameter, which outlives the scope it was made in. Throws `NotDifferentiableError` for what was computed from
   * parameters, `DTypeError` for integers, `ValueError` inside transforms and for what is no boolean.
   */
  get requiresGrad(): boolean;
  set requiresGrad(value: boolean);
  /**
   * What `backward()` has added up here, or null before it ran. Arrays of this tensor's shape can be put there too; `ShapeError` for others.
   */
  get grad(): Tensor | null;
  set grad(value: TensorLike | null);
  /** The slices along the first axis, as `unstack()` gives them: `const [a, b] = t`, `for (const row of t)`. `ShapeError` of a 0-d tensor. */
  [Symbol.iterator](): IterableIterator<Tensor>;
}

for (const [name, f] of Object.entries(methods)) {
  const call = f as (...args: unknown[]) => unknown;
  // By the number of arguments: a rest parameter costs more than a small op. What is absent stays absent, since functions count.
  const method = function (this: Tensor, a?: unknown, b?: unknown, c?: unknown) {
    switch (arguments.length) {
      case 0:
        return call(this);
      case 1:
        return call(this, a);
      case 2:
        return call(this, a, b);
      case 3:
        return call(this, a, b, c);
      default:
        return call(this, ...(arguments as unknown as unknown[]));
    }
  };
  Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true });
}

Object.defineProperty(Tensor.prototype, "T", {
  get(this: Tensor) {
    return shape.transpose(this);
  },
  configurable: true,
});

Object.defineProperty(Tensor.prototype, Symbol.iterator, {
  value(this: Tensor) {
    if (this.ndim === 0)
      throw new ShapeError("a 0-d tensor has nothing to iterate over or destructure; item() reads its number", "iterator");
    return shape.unstack(this)[Symbol.iterator]();
  },
  writable: true,
  configurable: true,
});

Object.defineProperty(Tensor.prototype, "grad", {
  get(this: Tensor) {
    return gradientOf(this);
  },
  set(this: Tensor, value: TensorLike | null) {
    setGradient(this, value);
  },
  configurable: true,
});

Object.defineProperty(Tensor.prototype, "requiresGrad", {
  get(this: Tensor) {
    return this.isTracked;
  },
  set(this: Tensor, value: boolean) {
    setRequiresGrad(this, value);
  },
  configurable: true,
});

attachRefusals();
