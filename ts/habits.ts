/**
 * What people try who come from PyTorch, NumPy or tfjs. A method that does not exist here, and a property that cannot be written, are
 * refused by an error that names ours: JavaScript itself would say "x.view is not a function", or keep `w.data = ...` as a property
 * that nobody reads. At run time only: the types do not know these names.
 */
import { ValueError } from "./errors.js";
import { Tensor } from "./tensor.js";

/** Methods of others: what is written here instead. */
const METHODS: Readonly<Record<string, string>> = {
  view: "reshape(shape)",
  permute: "transpose(axes)",
  t: "the property T, or transpose()",
  expand: "broadcastTo(shape)",
  dim: "the property ndim",
  numel: "the property size",
  numpy: "data() for a typed array, toArray() for nested arrays",
  tolist: "toArray()",
  dataSync: "data()",
  arraySync: "toArray()",
  print: "console.log(String(x))",
  clone: "x itself, as no op writes into a tensor; mul(1) gives a copy of its own",
  contiguous: "x itself; it is no matter of the caller's",
  cpu: "x itself; there is one device",
  cuda: "x itself; there is one device",
  to: "cast(dtype)",
  float: 'cast("float32")',
  double: 'cast("float64")',
  int: 'cast("int32")',
  long: 'cast("int32")',
  bool: 'cast("bool")',
  astype: "cast(dtype)",
  mm: "matmul(y)",
  bmm: "matmul(y)",
  plus: "add(y)",
  minus: "sub(y)",
  times: "mul(y)",
  subtract: "sub(y)",
  multiply: "mul(y)",
  divide: "div(y)",
  add_: "assign(x.add(y)) under noGrad",
  sub_: "assign(x.sub(y)) under noGrad",
  mul_: "assign(x.mul(y)) under noGrad",
  div_: "assign(x.div(y)) under noGrad",
  copy_: "assign(y) under noGrad",
  fill_: "assign(fullLike(x, value)) under noGrad",
  zero_: "assign(zerosLike(x)) under noGrad; a gradient is forgotten by zeroGrad()",
  requires_grad_: "the property requiresGrad, { requiresGrad: true } when it is made, or new nn.Parameter(x)",
};

/** Properties that are read only: how their like is had. */
const PROPERTIES: Readonly<Record<string, string>> = {
  data: "assign(value) writes new numbers into a tensor, under noGrad where they depend on parameters",
  shape: "reshape(shape) gives the same numbers in another shape",
  dtype: "cast(dtype) gives the numbers in another dtype",
};

/** Puts the refusals on the prototype of tensors, once their own methods are there. */
export function attachRefusals(): void {
  for (const [name, cure] of Object.entries(METHODS)) {
    Object.defineProperty(Tensor.prototype, name, {
      value: () => {
        throw new ValueError(`${name}: tensors have no method ${name}(); here it is ${cure}`, name);
      },
      writable: true,
      configurable: true,
    });
  }

  for (const [name, cure] of Object.entries(PROPERTIES)) {
    const own = Object.getOwnPropertyDescriptor(Tensor.prototype, name)!;
    const { value } = own as { value: unknown };
    Object.defineProperty(Tensor.prototype, name, {
      get: own.get ?? (() => value),
      set: () => {
        throw new ValueError(`${name}: cannot be written; ${cure}`, name);
      },
      configurable: true,
    });
  }
}
