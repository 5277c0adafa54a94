/**
 * What people try on tensors who come from PyTorch, NumPy or tfjs. A method that does not exist here, and a property that cannot be written,
 * are refused by an error that names ours. At run time only: the types do not know these names.
 */
import { ValueError } from "../errors.js";
import { lookOut } from "./lookout.js";
import { Tensor } from "../tensor.js";

/** Methods of others: what is written here instead. Names that differ in case or underscores alone find ours by themselves. */
const METHODS = {
  view: "reshape(shape)",
  view_as: "reshape(y.shape)",
  permute: "transpose(axes)",
  swapaxes: "transpose(a, b)",
  t: "the property T, or transpose()",
  expand: "broadcastTo(shape)",
  expand_as: "broadcastTo(y.shape)",
  expandDims: "unsqueeze(axis)",
  expand_dims: "unsqueeze(axis)",
  ravel: "flatten()",
  reverse: "flip(axis)",
  repeat_interleave: "repeat(count, axis)",
  index_select: "take(indices, axis)",
  dim: "the property ndim",
  numel: "the property size",
  numpy: "data() for a typed array, toArray() for nested arrays",
  tolist: "toArray()",
  array: "toArray()",
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
  toFloat: 'cast("float32")',
  toInt: 'cast("int32")',
  toBool: 'cast("bool")',
  astype: "cast(dtype)",
  asType: "cast(dtype)",
  type: "cast(dtype), and the property dtype",
  mm: "matmul(y)",
  bmm: "matmul(y)",
  mv: "matmul(y)",
  plus: "add(y)",
  minus: "sub(y)",
  times: "mul(y)",
  subtract: "sub(y)",
  multiply: "mul(y)",
  divide: "div(y)",
  negative: "neg()",
  absolute: "abs()",
  power: "pow(y)",
  clip: "clamp(lo, hi)",
  clipByValue: "clamp(lo, hi)",
  greater: "gt(y)",
  greaterEqual: "ge(y)",
  less: "lt(y)",
  lessEqual: "le(y)",
  equal: "eq(y)",
  notEqual: "ne(y)",
  map: "an op on the whole tensor, vmap(f)(x), or [...x].map(f) along the first axis",
  forEach: "for (const part of x), along the first axis",
  reduce: "sum(), prod(), max() and their like, or [...x].reduce(f) along the first axis",
  filter: "select(mask)",
  push: "concat([x, y])",
  join: "data().join()",
  includes: "eq(y).any()",
  indexOf: "data().indexOf(value)",
  toFixed: "item().toFixed(digits)",
  fill: "assign(fullLike(x, value)) under noGrad",
  add_: "assign(x.add(y)) under noGrad",
  sub_: "assign(x.sub(y)) under noGrad",
  mul_: "assign(x.mul(y)) under noGrad",
  div_: "assign(x.div(y)) under noGrad",
  clamp_: "assign(x.clamp(lo, hi)) under noGrad",
  copy_: "assign(y) under noGrad",
  fill_: "assign(fullLike(x, value)) under noGrad",
  zero_: "assign(zerosLike(x)) under noGrad; a gradient is forgotten by zeroGrad()",
  detach_: "detach()",
  requires_grad_: "the property requiresGrad, { requiresGrad: true } when it is made, or new nn.Parameter(x)",
};

/** Properties of others. */
const PROPERTIES = {
  length: "shape[0] along the first axis, size for all elements",
  rank: "ndim",
  device: "nothing: there is one device",
  grad_fn: "isLeaf, and trace() for the graph of a function",
};

/** Properties that are read only: how their like is had. */
const READ_ONLY: Readonly<Record<string, string>> = {
  data: "assign(value) writes new numbers into a tensor, under noGrad where they depend on parameters",
  shape: "reshape(shape) gives the same numbers in another shape",
  dtype: "cast(dtype) gives the numbers in another dtype",
  ndim: "reshape(shape) gives the same numbers with other axes",
  size: "reshape(shape) gives the same numbers in another shape",
  T: "transpose() gives the axes reversed; assign(value) writes new numbers",
  isLeaf: "detach() makes a leaf of a value",
};

/** Puts the refusals on and behind the prototype of tensors, once their own methods are there. */
export function attachRefusals(): void {
  for (const [name, cure] of Object.entries(READ_ONLY)) {
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
  lookOut(Tensor.prototype, {
    kind: "tensors",
    methods: METHODS,
    properties: PROPERTIES,
    index: {
      read: "tensors are not indexed by brackets: x.at(i) gives a part along the first axis, x.slice(starts, ends) a range, unstack() all parts; x.data()[i] or x.at(i).item() a number",
      write:
        "a tensor's elements cannot be written one by one: where(mask, value, x), x.indexAdd(axis, indices, src) and concat() make a new tensor, x.assign(values) replaces all numbers",
    },
  });
}
