/**
 * Names of functions that PyTorch, NumPy, JAX and tfjs users try first. A module cannot be asked for a name it does not export, so each is
 * here, and says when it is called what is written instead; editors strike it through. Bundles leave them out.
 */
import { elsewhere, missing } from "./elsewhere.js";

/** @deprecated concat(tensors, axis) */
export const cat = /* @__PURE__ */ elsewhere("cat", "concat(tensors, axis)");
/** @deprecated concat(tensors, axis) */
export const concatenate = /* @__PURE__ */ elsewhere("concatenate", "concat(tensors, axis)");
/** @deprecated random.uniform(shape) */
export const rand = /* @__PURE__ */ elsewhere("rand", "random.uniform(shape)");
/** @deprecated random.normal(shape) */
export const randn = /* @__PURE__ */ elsewhere("randn", "random.normal(shape)");
/** @deprecated random.randint(shape, { minval, maxval }) */
export const randint = /* @__PURE__ */ elsewhere("randint", "random.randint(shape, { minval, maxval })");
/** @deprecated random.permutation(n) */
export const randperm = /* @__PURE__ */ elsewhere("randperm", "random.permutation(n)");
/** @deprecated random.normal(shape, { mean, std }) */
export const randomNormal = /* @__PURE__ */ elsewhere("randomNormal", "random.normal(shape, { mean, std })");
/** @deprecated random.uniform(shape, { minval, maxval }) */
export const randomUniform = /* @__PURE__ */ elsewhere("randomUniform", "random.uniform(shape, { minval, maxval })");
/** @deprecated tensor(value) */
export const scalar = /* @__PURE__ */ elsewhere("scalar", "tensor(value)");
/** @deprecated tensor(values) */
export const tensor1d = /* @__PURE__ */ elsewhere("tensor1d", "tensor(values)");
/** @deprecated tensor(values) */
export const tensor2d = /* @__PURE__ */ elsewhere("tensor2d", "tensor(values)");
/** @deprecated tensor(values) */
export const tensor3d = /* @__PURE__ */ elsewhere("tensor3d", "tensor(values)");
/** @deprecated tensor(values) */
export const tensor4d = /* @__PURE__ */ elsewhere("tensor4d", "tensor(values)");
/** @deprecated tensor(values, { requiresGrad: true }), or new nn.Parameter(x) */
export const variable = /* @__PURE__ */ elsewhere("variable", "tensor(values, { requiresGrad: true }), or new nn.Parameter(x)");
/** @deprecated tensor(values) */
export const array = /* @__PURE__ */ elsewhere("array", "tensor(values)");
/** @deprecated tensor(values) */
export const asarray = /* @__PURE__ */ elsewhere("asarray", "tensor(values)");
/** @deprecated tensor(values) of a typed array */
export const fromNumpy = /* @__PURE__ */ elsewhere("fromNumpy", "tensor(values) of a typed array");
/** @deprecated tensor(values) of a typed array */
export const from_numpy = /* @__PURE__ */ elsewhere("from_numpy", "tensor(values) of a typed array");
/** @deprecated zerosLike(x) */
export const zeros_like = /* @__PURE__ */ elsewhere("zeros_like", "zerosLike(x)");
/** @deprecated onesLike(x) */
export const ones_like = /* @__PURE__ */ elsewhere("ones_like", "onesLike(x)");
/** @deprecated fullLike(x, value) */
export const full_like = /* @__PURE__ */ elsewhere("full_like", "fullLike(x, value)");
/** @deprecated scope(() => ...) */
export const tidy = /* @__PURE__ */ elsewhere("tidy", "scope(() => ...)");
/** @deprecated x.dispose(), or scope(() => ...) */
export const dispose = /* @__PURE__ */ elsewhere("dispose", "x.dispose(), or scope(() => ...)");
/** @deprecated noGrad(() => ...) */
export const no_grad = /* @__PURE__ */ elsewhere("no_grad", "noGrad(() => ...)");
/** @deprecated enableGrad(() => ...) */
export const enable_grad = /* @__PURE__ */ elsewhere("enable_grad", "enableGrad(() => ...)");
/** @deprecated manualSeed(seed) */
export const manual_seed = /* @__PURE__ */ elsewhere("manual_seed", "manualSeed(seed)");
/** @deprecated grad(f, { argnums: [0, 1] }) */
export const grads = /* @__PURE__ */ elsewhere("grads", "grad(f, { argnums: [0, 1] })");
/** @deprecated valueAndGrad(f, { argnums: [0, 1] }) */
export const valueAndGrads = /* @__PURE__ */ elsewhere("valueAndGrads", "valueAndGrad(f, { argnums: [0, 1] })");
/** @deprecated valueAndGrad(f) */
export const value_and_grad = /* @__PURE__ */ elsewhere("value_and_grad", "valueAndGrad(f)");
/** @deprecated customVjp(f, { forward, backward }) */
export const customGrad = /* @__PURE__ */ elsewhere("customGrad", "customVjp(f, { forward, backward })");
/** @deprecated stopGradient(x), or x.detach() */
export const stop_gradient = /* @__PURE__ */ elsewhere("stop_gradient", "stopGradient(x), or x.detach()");
/** @deprecated loss.backward() */
export const backward = /* @__PURE__ */ elsewhere("backward", "loss.backward()");
/** @deprecated unsqueeze(x, axis) */
export const expandDims = /* @__PURE__ */ elsewhere("expandDims", "unsqueeze(x, axis)");
/** @deprecated unsqueeze(x, axis) */
export const expand_dims = /* @__PURE__ */ elsewhere("expand_dims", "unsqueeze(x, axis)");
/** @deprecated clamp(x, lo, hi) */
export const clip = /* @__PURE__ */ elsewhere("clip", "clamp(x, lo, hi)");
/** @deprecated clamp(x, lo, hi) */
export const clipByValue = /* @__PURE__ */ elsewhere("clipByValue", "clamp(x, lo, hi)");
/** @deprecated matmul(a, b) */
export const matMul = /* @__PURE__ */ elsewhere("matMul", "matmul(a, b)");
/** @deprecated matmul(a, b) */
export const mm = /* @__PURE__ */ elsewhere("mm", "matmul(a, b)");
/** @deprecated oneHot(indices, depth) */
export const one_hot = /* @__PURE__ */ elsewhere("one_hot", "oneHot(indices, depth)");
/** @deprecated new optim.Adam(params, { lr }), and its method minimize(loss) */
export const train = /* @__PURE__ */ elsewhere("train", "new optim.Adam(params, { lr }), and its method minimize(loss)");
/** @deprecated new nn.Linear(inFeatures, outFeatures) and the other modules of nn */
export const layers = /* @__PURE__ */ elsewhere("layers", "new nn.Linear(inFeatures, outFeatures) and the other modules of nn");
/** @deprecated new nn.Sequential(...layers) */
export const sequential = /* @__PURE__ */ elsewhere("sequential", "new nn.Sequential(...layers)");
/** @deprecated nn.mseLoss(input, target) and the other losses of nn */
export const losses = /* @__PURE__ */ elsewhere("losses", "nn.mseLoss(input, target) and the other losses of nn");
/** @deprecated await init(), in a browser */
export const ready = /* @__PURE__ */ elsewhere("ready", "await init(), in a browser");
/** @deprecated nothing: there is one, in WebAssembly */
export const setBackend = /* @__PURE__ */ elsewhere("setBackend", "nothing: there is one, in WebAssembly");
/** @deprecated sub(a, b) */
export const subtract = /* @__PURE__ */ elsewhere("subtract", "sub(a, b)");
/** @deprecated mul(a, b) */
export const multiply = /* @__PURE__ */ elsewhere("multiply", "mul(a, b)");
/** @deprecated div(a, b) */
export const divide = /* @__PURE__ */ elsewhere("divide", "div(a, b)");
/** @deprecated pow(a, b) */
export const power = /* @__PURE__ */ elsewhere("power", "pow(a, b)");
/** @deprecated neg(x) */
export const negative = /* @__PURE__ */ elsewhere("negative", "neg(x)");
/** @deprecated abs(x) */
export const absolute = /* @__PURE__ */ elsewhere("absolute", "abs(x)");
/** @deprecated the functions themselves: cholesky, solve, inv, det, qr, eigh, svd, ... */
export const linalg = /* @__PURE__ */ elsewhere("linalg", "the functions themselves: ad.cholesky, ad.solve, ad.inv, ad.svd, ...");
/** @deprecated matrixPower(A, n) */
export const matrix_power = /* @__PURE__ */ elsewhere("matrix_power", "matrixPower(A, n)");
/** @deprecated matmul(a, b) */
export const bmm = /* @__PURE__ */ elsewhere("bmm", "matmul(a, b)");
/** @deprecated Not there yet. */
export const fft = /* @__PURE__ */ missing("fft");
/** @deprecated io.saveSafetensors(tensors), which gives the bytes of a file */
export const save = /* @__PURE__ */ elsewhere("save", "io.saveSafetensors(tensors), which gives the bytes of a file");
/** @deprecated io.loadSafetensors(bytes) */
export const load = /* @__PURE__ */ elsewhere("load", "io.loadSafetensors(bytes)");
/** @deprecated grad(f)(x), or loss.backward() and x.grad; a function with a derivative of its own is customVjp(f, rule) */
export const autograd = /* @__PURE__ */ elsewhere(
  "autograd",
  "grad(f)(x), or loss.backward() and x.grad; a function with a derivative of its own is customVjp(f, rule)",
);
/** @deprecated compile(f) */
export const jit = /* @__PURE__ */ elsewhere("jit", "compile(f)");
