/** Every op as a method. Written by scripts/methods.mjs from the list in methods.ts; `npm run generate` does it again. */
import type { BackwardOptions } from "./ambient.js";
import type { Axes, AxisOptions, ReduceOptions } from "./ops/apply.js";
import type { ConvolutionOptions, ConvolutionTransposeOptions } from "./ops/convolution.js";
import type { EluOptions, GeluOptions, NanToNumOptions } from "./ops/elementwise.js";
import type { OneHotOptions, SearchsortedOptions, SortOptions, TopkOptions } from "./ops/index.js";
import type { PseudoInverseOptions, TriangularSolveOptions } from "./ops/linalg.js";
import type { AvgPoolOptions, InterpolateOptions, MaxPoolOptions, UnfoldOptions } from "./ops/pooling.js";
import type { CrossOptions } from "./ops/products.js";
import type { CovOptions, CumulativeOptions, NormOptions, VarianceOptions } from "./ops/reduce.js";
import type { AllcloseOptions } from "./ops/select.js";
import type { PadOptions } from "./ops/shape.js";
import type { Tensor, TensorLike } from "./tensor.js";
import type { Hook } from "./transforms/sweeping.js";

/** The ops as methods: `a.mul(b)` is `mul(a, b)`. */
export interface TensorMethods {
  /** |x|. The dtype stays (bool becomes int32). The derivative is the sign of x, 0 at 0. */
  abs(): Tensor;

  /** The inverse cosine, in [0, π]; NaN outside of [-1, 1]. Integers become float32. */
  acos(): Tensor;

  /** The inverse hyperbolic cosine log(x + √(x² - 1)); NaN below 1. Integers become float32. */
  acosh(): Tensor;

  /** Means of `outputSize` windows over [batch, channels, length], as torch.nn.functional.adaptive_avg_pool1d. */
  adaptiveAvgPool1d(outputSize: number | readonly (number | null)[]): Tensor;

  /**
   * Means of so many windows that the result has the size asked for, a number or one for each axis (null: that of the input), as
   * torch.nn.functional.adaptive_avg_pool2d. Throws `ShapeError`, `ValueError`.
   *
   * @example
   * ad.adaptiveAvgPool2d(ad.ones([1, 8, 7, 5]), 1).shape; // [1, 8, 1, 1]
   */
  adaptiveAvgPool2d(outputSize: number | readonly (number | null)[]): Tensor;

  /** As `adaptiveAvgPool2d`, over three axes. */
  adaptiveAvgPool3d(outputSize: number | readonly (number | null)[]): Tensor;

  /** The largest elements of `outputSize` windows over [batch, channels, length], as torch.nn.functional.adaptive_max_pool1d. */
  adaptiveMaxPool1d(outputSize: number | readonly (number | null)[]): Tensor;

  /** As `adaptiveAvgPool2d`, with the largest element of each window. */
  adaptiveMaxPool2d(outputSize: number | readonly (number | null)[]): Tensor;

  /** As `adaptiveMaxPool2d`, over three axes. */
  adaptiveMaxPool3d(outputSize: number | readonly (number | null)[]): Tensor;

  /**
   * a + b. Shapes broadcast (`ShapeError` where they do not); dtypes are promoted: bool to int32, int32 with a float to that float, float32
   * with float64 to float64. A plain number takes the tensor's dtype where that can hold it.
   */
  add(b: TensorLike): Tensor;

  /** Whether no element is 0, over an axis, a list of axes, or all: bool, true of no elements. Options as of `sum`. */
  all(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** Whether |a - b| ≤ atol + rtol |b| everywhere, in float64; equal infinities are close, shapes broadcast. true or false, not a tensor. */
  allclose(b: TensorLike, options?: AllcloseOptions): boolean;

  /** Whether any element is not 0, over an axis, a list of axes, or all: bool, false of no elements. Options as of `sum`. */
  any(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * The int32 position of the first largest value along an axis; without one in the flattened tensor. The first NaN where there is one. No
   * derivative. `ShapeError` of no elements.
   */
  argmax(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * The int32 position of the first smallest value along an axis; without one in the flattened tensor. The first NaN where there is one. No
   * derivative. `ShapeError` of no elements.
   */
  argmin(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** The int32 positions that sort along an axis (the last by default): stable, NaN last. `take` and `gather` read by them. */
  argsort(axis?: number | SortOptions, options?: SortOptions): Tensor;

  /** The inverse sine, in [-π/2, π/2]; NaN outside of [-1, 1]. Integers become float32. */
  asin(): Tensor;

  /** The inverse hyperbolic sine log(x + √(x² + 1)). Integers become float32. */
  asinh(): Tensor;

  /**
   * Replaces the numbers of a plain tensor or a parameter behind the same handle (an optimizer's way to update it). Shape and dtype
   * stay. What was computed from the old numbers keeps them for its derivatives. The write itself is not recorded: a value that is
   * being differentiated, and a tensor that was computed from parameters, throw `NotDifferentiableError` (`detach()` them).
   */
  assign(value: TensorLike): Tensor;

  /**
   * Drops the leading axes at the given positions: `x.at(-1)` is the last row. A bool tensor selects the elements where it is true, an
   * int32 tensor the rows it names. `IndexError` for what is out of range.
   */
  at(...indices: number[] | [which: Tensor]): Tensor;

  /** The inverse tangent, in (-π/2, π/2). Integers become float32. */
  atan(): Tensor;

  /**
   * The angle of the point (b, a) from the positive axis, in (-π, π]: atan(a/b) with the quadrant; `y.atan2(x)`. Shapes broadcast. Integers
   * become float32.
   */
  atan2(b: TensorLike): Tensor;

  /** The inverse hyperbolic tangent log((1 + x)/(1 - x))/2; ±Infinity at ±1, NaN beyond. Integers become float32. */
  atanh(): Tensor;

  /** The mean of each window of [batch, channels, length] (or [channels, length]), as torch.nn.functional.avg_pool1d. */
  avgPool1d(kernelSize: number | readonly number[], options?: AvgPoolOptions): Tensor;

  /**
   * The mean of each window of images [batch, channels, height, width] (or one without its batch axis), as torch.nn.functional.avg_pool2d. Throws
   * `ShapeError` where a window does not fit, `ValueError`.
   *
   * @example
   * ad.avgPool2d(ad.arange(16).reshape([1, 4, 4]), 2).toArray(); // [[[2.5, 4.5], [10.5, 12.5]]]
   */
  avgPool2d(kernelSize: number | readonly number[], options?: AvgPoolOptions): Tensor;

  /** The mean of each window of [batch, channels, depth, height, width], as `avgPool2d` in two axes. */
  avgPool3d(kernelSize: number | readonly number[], options?: AvgPoolOptions): Tensor;

  /**
   * Adds the gradient of this tensor to `.grad` of every parameter it was computed from. A tensor of more than one element
   * needs a cotangent of its shape. The graph is freed unless `retainGraph`. A pass that cannot be made (a part of the graph is freed) is refused
   * before anything is added or freed; when a hook or a rule of your own throws on the way, what it went over is freed and added up: `zeroGrad()`
   * and compute the value again.
   */
  backward(cotangent?: TensorLike | null, options?: BackwardOptions): void;

  /**
   * Repeats along new axes and axes of size 1, without copying: `broadcastTo([2, 3])` or `broadcastTo(2, 3)`. `ShapeError` for a shape that the
   * tensor's own does not broadcast to.
   */
  broadcastTo(...shape: number[] | [shape: readonly number[]]): Tensor;

  /**
   * The same values in another dtype: "float32", "float64", "int32" or "bool". To int32 fractions are cut off, to bool anything but 0 is true.
   * The derivative passes between floats, and is 0 elsewhere. `DTypeError` for other names.
   */
  cast(dtype: "float32" | "float64" | "int32" | "bool"): Tensor;

  /** ∛x, of negative numbers too. Integers become float32. The derivative is Infinity at 0. */
  cbrt(): Tensor;

  /** The smallest integer not below x. The dtype stays (bool becomes int32). The derivative is 0. */
  ceil(): Tensor;

  /**
   * The lower triangular L with L Lᵀ = A, of a symmetric positive definite [..., n, n]; of another matrix that of (A + Aᵀ) / 2, so that gradients are
   * symmetric. `ValueError` naming the pivot that is not positive, `ShapeError` of what is not square. Integers become float32. By halves, so that the
   * work is in matrix products; derivative: Murray (2016).
   *
   * @example
   * ad.cholesky([[4, 2], [2, 5]]); // [[2, 0], [1, 2]]
   */
  cholesky(): Tensor;

  /**
   * min(max(x, lo), hi): x held between two bounds, numbers or tensors that broadcast, or null for none. The gradient passes where x is
   * inside, bounds included. Throws `ValueError` for numbers lo > hi.
   */
  clamp(lo?: TensorLike | null, hi?: TensorLike | null): Tensor;

  /**
   * Convolves [batch, channels, length] (or [channels, length]) with kernels [features, channels / groups, size]: [batch, features, places], as
   * torch.nn.functional.conv1d. The kernel is not turned around. int32 becomes float32. Throws `ShapeError`, `ValueError`.
   *
   * @example
   * ad.conv1d([[1, 2, 3, 4]], [[[1, -1]]]); // [[-1, -1, -1]]
   */
  conv1d(weight: TensorLike, options?: ConvolutionOptions): Tensor;

  /**
   * Convolves images [batch, channels, height, width] (or one without its batch axis) with kernels [features, channels / groups, height, width]:
   * [batch, features, ...], as torch.nn.functional.conv2d. Each size is ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1. The kernel is
   * not turned around; int32 becomes float32. Throws `ShapeError` where channels, groups or sizes do not fit, `ValueError`.
   *
   * @example
   * const images = ad.ones([2, 3, 8, 8]);
   * ad.conv2d(images, ad.ones([4, 3, 3, 3]), { padding: "same" }).shape; // [2, 4, 8, 8]
   */
  conv2d(weight: TensorLike, options?: ConvolutionOptions): Tensor;

  /** Convolves [batch, channels, depth, height, width] with kernels [features, channels / groups, depth, height, width], as `conv2d` does in two axes. */
  conv3d(weight: TensorLike, options?: ConvolutionOptions): Tensor;

  /** The transpose of `conv1d`: [batch, channels, length] with a kernel [channels, features / groups, size], as torch.nn.functional.conv_transpose1d. */
  convTranspose1d(weight: TensorLike, options?: ConvolutionTransposeOptions): Tensor;

  /**
   * The transpose of `conv2d`, as torch.nn.functional.conv_transpose2d: [batch, channels, height, width] with a kernel [channels, features / groups,
   * height, width]. Each size is (size - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1. Throws `ShapeError`, `ValueError`.
   *
   * @example
   * const small = ad.ones([1, 8, 4, 4]);
   * ad.convTranspose2d(small, ad.ones([8, 3, 2, 2]), { stride: 2 }).shape; // [1, 3, 8, 8]
   */
  convTranspose2d(weight: TensorLike, options?: ConvolutionTransposeOptions): Tensor;

  /** The transpose of `conv3d`, as `convTranspose2d` is that of `conv2d`. */
  convTranspose3d(weight: TensorLike, options?: ConvolutionTransposeOptions): Tensor;

  /** The cosine of x in radians. Integers become float32. */
  cos(): Tensor;

  /** The hyperbolic cosine (eˣ + e⁻ˣ)/2. Integers become float32. */
  cosh(): Tensor;

  /** Covariances of variables in rows, observations in columns: [v, n] gives [v, v], a vector its variance. Divides by n - correction, default 1. */
  cov(options?: CovOptions): Tensor;

  /**
   * The vector product a × b of vectors of three numbers along an axis (the last by default), as torch.linalg.cross. Other axes broadcast, dtypes are
   * promoted. `ShapeError` where the axis has another size or shapes do not broadcast, `IndexError` for an axis that does not exist.
   *
   * @example
   * ad.cross([1, 0, 0], [0, 1, 0]); // [0, 0, 1]
   */
  cross(b: TensorLike, options?: CrossOptions): Tensor;

  /** Largest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
  cummax(axis?: number | CumulativeOptions, options?: CumulativeOptions): Tensor;

  /** Smallest of the elements so far along an axis, the first by default; the gradient goes to the first of equal ones. */
  cummin(axis?: number | CumulativeOptions, options?: CumulativeOptions): Tensor;

  /** Products of the elements so far along an axis, the first by default; the shape stays. The gradient is exact where elements are 0. */
  cumprod(axis?: number | CumulativeOptions, options?: CumulativeOptions): Tensor;

  /** Sums of the elements so far along an axis, the first by default; the shape stays. int32 and bool give int32. */
  cumsum(axis?: number | CumulativeOptions, options?: CumulativeOptions): Tensor;

  /**
   * The determinant of [..., n, n]: [...]. First and second derivatives are right where the matrix is singular too (cofactors); 1 of no rows. `ShapeError`
   * of what is not square. Integers become float32.
   *
   * @example
   * ad.det([[1, 2], [3, 4]]); // -2
   * ad.grad(ad.det)([[1, 2], [2, 4]]); // [[4, -2], [-2, 1]]
   */
  det(): Tensor;

  /**
   * The same values, cut off from everything they were computed from. A detached tensor outlives the training step and the turn of a
   * loader's loop in which it was made.
   */
  detach(): Tensor;

  /** A vector on the diagonal (or the k-th above it) of a matrix of zeros, or a matrix's diagonal. `ShapeError` for other tensors. */
  diag(offset?: number): Tensor;

  /** Γ'(x)/Γ(x), the derivative of log Γ. Integers become float32. Its own is `polygamma(1, x)`. */
  digamma(): Tensor;

  /** a / b. Shapes broadcast, dtypes are promoted. int32 / int32 is float32; a / 0 is ±Infinity or NaN. */
  div(b: TensorLike): Tensor;

  /** Σ a b of two vectors of one size, a 0-d tensor. Dtypes are promoted. `ShapeError` for other shapes. */
  dot(b: TensorLike): Tensor;

  /**
   * Eigenvalues, ascending, and eigenvectors, in columns, of a symmetric [..., n, n]: [..., n] and [..., n, n]; of another matrix those of (A + Aᵀ) / 2. By
   * reflections to tridiagonal form and QL steps, in float64 also for float32; NaN where a number is not finite. Derivatives of eigenvalues are finite always, those of
   * eigenvectors infinite or NaN where eigenvalues repeat, since there they have none. `ShapeError` of what is not square. Integers become float32.
   *
   * @example
   * ad.eigh([[2, 1], [1, 2]])[0]; // [1, 3]
   */
  eigh(): [values: Tensor, vectors: Tensor];

  /** x where positive, else alpha (eˣ - 1), alpha 1 unless given, by itself or as an option. Integers become float32. */
  elu(options?: number | EluOptions): Tensor;

  /**
   * Rows of a table [count, width] by int32 indices of any shape: [...] to [..., width]. Arrays of indices are converted. `IndexError` for
   * those outside of 0 ... count - 1: negative ones do not count from the end, as a missing word is often written -1.
   */
  embedding(table: TensorLike): Tensor;

  /** Whether a = b; NaN equals nothing. Shapes broadcast; the result is bool, without a derivative. */
  eq(b: TensorLike): Tensor;

  /** The error function 2/√π ∫₀ˣ e^(-t²) dt. Integers become float32. */
  erf(): Tensor;

  /** 1 - erf x, with all digits where it is tiny. Integers become float32. */
  erfc(): Tensor;

  /** The inverse of erf; ±Infinity at ±1, NaN beyond. Integers become float32. */
  erfinv(): Tensor;

  /** eˣ. Integers become float32. */
  exp(): Tensor;

  /** 2ˣ. Integers become float32. */
  exp2(): Tensor;

  /**
   * eᴬ of [..., n, n], the sum of Aᵏ / k!, by scaling and squaring with a Padé approximant (Higham, 2005). `ShapeError` of what is not square. Integers
   * become float32.
   *
   * @example
   * ad.expm([[0, 1], [0, 0]]); // [[1, 1], [0, 1]]
   */
  expm(): Tensor;

  /** eˣ - 1, exact near 0. Integers become float32. */
  expm1(): Tensor;

  /** Axes from `start` to `end` (both included, default all) as one. `IndexError` for axes that do not exist. */
  flatten(start?: number, end?: number): Tensor;

  /** Reverses the order along axes: those named, or all. `IndexError` for axes that do not exist. */
  flip(axis?: Axes): Tensor;

  /** The largest integer not above x. The dtype stays (bool becomes int32). The derivative is 0. */
  floor(): Tensor;

  /**
   * The remainder a - b trunc(a/b), with the dividend's sign (JavaScript's %). Shapes broadcast, dtypes are promoted. `ValueError` for an
   * integer divisor 0.
   */
  fmod(b: TensorLike): Tensor;

  /**
   * The transpose of `unfold`, as torch.nn.functional.fold: adds columns [batch, channels · window, places] to images of `outputSize`, where windows
   * overlap. Throws `ShapeError` where the columns are not those of such images, `ValueError`.
   *
   * @example
   * ad.fold(ad.ones([1, 12, 9]), [4, 4], 2).shape; // [1, 3, 4, 4]
   */
  fold(outputSize: number | readonly number[], kernelSize: number | readonly number[], options?: UnfoldOptions): Tensor;

  /**
   * out[i][j] = x[index[i][j]][j] for axis 0, as torch.gather. The result has the shape of the indices, int32 of as many axes as x; arrays of
   * indices are converted. Indices count from the end when negative; `IndexError` for those out of range, `DTypeError` for others than int32.
   */
  gather(axis: number, indices: TensorLike): Tensor;

  /** Whether a ≥ b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
  ge(b: TensorLike): Tensor;

  /**
   * x Φ(x) with the normal distribution function Φ(x) = (1 + erf(x/√2))/2; `{ approximate: "tanh" }` is x (1 + tanh(√(2/π)(x + 0.044715 x³)))/2.
   * Integers become float32. `ValueError` for another approximation.
   */
  gelu(options?: GeluOptions): Tensor;

  /** Whether a > b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
  gt(b: TensorLike): Tensor;

  /** x min(max(x + 3, 0), 6) / 6. Integers become float32. */
  hardSwish(): Tensor;

  /** √(a² + b²) without overflow. Shapes broadcast. Integers become float32. Its gradient is 0 where both are 0. */
  hypot(b: TensorLike): Tensor;

  /**
   * x with slices of src added at the indices, as torch.index_add: out[index[i]] += src[i] for axis 0. The indices are a vector as long as
   * src along the axis. A new tensor; x stays. `IndexError` for indices out of range, `ShapeError`.
   */
  indexAdd(axis: number, indices: TensorLike, src: TensorLike): Tensor;

  /**
   * Images [batch, channels, ...] in another size, as torch.nn.functional.interpolate: the nearest element, or weights of the two around each place along
   * every axis. Throws `ShapeError`, `ValueError`.
   *
   * @example
   * ad.interpolate([[[1, 3]]], { scaleFactor: 2, mode: "linear" }).toArray(); // [[[1, 1.5, 2.5, 3]]]
   */
  interpolate(options: InterpolateOptions): Tensor;

  /**
   * The inverse of [..., n, n] by LU factors with row exchanges. To solve systems, `solve` is more exact. `ValueError` naming the pivot of a singular
   * matrix, `ShapeError` of what is not square. Integers become float32.
   *
   * @example
   * ad.inv([[2, 1], [1, 1]]); // [[1, -1], [-1, 2]]
   */
  inv(): Tensor;

  /** Whether x is neither NaN nor infinite. The result is bool, without a derivative. */
  isFinite(): Tensor;

  /** Whether x is NaN. The result is bool, without a derivative. */
  isNaN(): Tensor;

  /** Whether x is Infinity or -Infinity. The result is bool, without a derivative. */
  isinf(): Tensor;

  /**
   * Kronecker's product, as torch.kron: b in every place of a, times what stands there. Missing axes count as of size 1 in front; each size is the
   * product of both. Dtypes are promoted.
   *
   * @example
   * ad.kron([1, 10], [[1, 2]]); // [[1, 2, 10, 20]]
   */
  kron(b: TensorLike): Tensor;

  /** Whether a ≤ b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
  le(b: TensorLike): Tensor;

  /** x where positive, else slope · x (default 0.01). Integers become float32. The derivative at 0 is the slope. */
  leakyRelu(slope?: number): Tensor;

  /** log |Γ(x)|; Infinity at 0, -1, -2, ... Integers become float32. The derivative is `digamma`. */
  lgamma(): Tensor;

  /** The natural logarithm; -Infinity at 0, NaN below. Integers become float32. */
  log(): Tensor;

  /** The logarithm to base 10; -Infinity at 0, NaN below. Integers become float32. */
  log10(): Tensor;

  /** log(1 + x), exact near 0; -Infinity at -1, NaN below. Integers become float32. */
  log1p(): Tensor;

  /** The logarithm to base 2; -Infinity at 0, NaN below. Integers become float32. */
  log2(): Tensor;

  /** log σ(x) = -softplus(-x) without overflow. Integers become float32. */
  logSigmoid(): Tensor;

  /** The logarithm of `softmax` along an axis, the last by default: x - log Σ eˣ, without overflow. Integers become float32. */
  logSoftmax(axis?: number | AxisOptions, options?: AxisOptions): Tensor;

  /** log(eᵃ + eᵇ) without overflow. Shapes broadcast. Integers become float32. */
  logaddexp(b: TensorLike): Tensor;

  /** Whether a and b are both true (not 0). Shapes broadcast; the result is bool, without a derivative. */
  logicalAnd(b: TensorLike): Tensor;

  /** Whether x is false (0). The result is bool, without a derivative. */
  logicalNot(): Tensor;

  /** Whether a or b is true (not 0). Shapes broadcast; the result is bool, without a derivative. */
  logicalOr(b: TensorLike): Tensor;

  /** log Σ eˣ over an axis, a list of axes, or all, without overflow; -Infinity of no elements. Integers become float32. Options as of `sum`. */
  logsumexp(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * The X for which A X is nearest to B, and of those the shortest, for A [..., m, n] of any rank and B [..., m, k] (or a vector, as of `solve`): A⁺ B.
   * `ShapeError` where shapes do not fit. Integers become float32.
   *
   * @example
   * ad.lstsq([[1, 0], [1, 1], [1, 2]], [1, 3, 5]); // [1, 2]
   */
  lstsq(b: TensorLike, options?: PseudoInverseOptions): Tensor;

  /** Whether a < b; false for NaN. Shapes broadcast; the result is bool, without a derivative. */
  lt(b: TensorLike): Tensor;

  /**
   * x with `value`, a number or a 0-d tensor, where the bool `mask` is true (it broadcasts to x); the gradient passes elsewhere. Shape and
   * dtype are those of x. `DTypeError` for a mask that is not bool, `ShapeError` for one that does not broadcast to x.
   */
  maskedFill(mask: TensorLike, value: TensorLike): Tensor;

  /**
   * The product of matrices, as NumPy's matmul: [..., n, k] and [..., k, m] give [..., n, m]; leading axes broadcast, a vector on either side
   * loses its axis. Dtypes are promoted. `ShapeError` where the inner sizes differ or an input is 0-d.
   *
   * @example
   * ad.matmul([[1, 2], [3, 4]], [1, 1]); // [3, 7]
   */
  matmul(b: TensorLike): Tensor;

  /**
   * The n-th power of square matrices [..., m, m], as torch.linalg.matrix_power: by squaring, about log₂ n products and as many again for the ones
   * in n; of the inverse for negative n, the identity for n = 0. Bools count as int32; inverses of integers are float32. `ShapeError` for matrices that are
   * not square, `ValueError` for an n that is no integer and, where n < 0, for a singular matrix.
   *
   * @example
   * ad.matrixPower([[1, 1], [1, 0]], 10); // [[89, 55], [55, 34]]
   */
  matrixPower(n: number): Tensor;

  /**
   * The largest value over an axis, a list of axes, or all; NaN where one is NaN. Equal ones share the gradient. The dtype stays. Options as
   * of `sum`; `ShapeError` of no elements.
   */
  max(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** The largest element of each window of [batch, channels, length] (or [channels, length]), as torch.nn.functional.max_pool1d; equal ones share the gradient. */
  maxPool1d(kernelSize: number | readonly number[], options?: MaxPoolOptions): Tensor;

  /**
   * The largest element of each window of images [batch, channels, height, width] (or one without its batch axis), as torch.nn.functional.max_pool2d.
   * Equal ones share the gradient. Throws `ShapeError` where a window does not fit, `ValueError`.
   *
   * @example
   * ad.maxPool2d(ad.arange(16).reshape([1, 4, 4]), 2).toArray(); // [[[5, 7], [13, 15]]]
   */
  maxPool2d(kernelSize: number | readonly number[], options?: MaxPoolOptions): Tensor;

  /** The largest element of each window of [batch, channels, depth, height, width], as `maxPool2d` in two axes. */
  maxPool3d(kernelSize: number | readonly number[], options?: MaxPoolOptions): Tensor;

  /** The larger of a and b; NaN where one is NaN. Shapes broadcast, dtypes are promoted. Where they tie each has half the derivative. */
  maximum(b: TensorLike): Tensor;

  /** The arithmetic mean over an axis, a list of axes, or all; NaN of no elements. Integers become float32. Options as of `sum`. */
  mean(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** The middle value over an axis, a list of axes, or all, the mean of the two middle ones for an even number; NaN where one is NaN, or of none. */
  median(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * The smallest value over an axis, a list of axes, or all; NaN where one is NaN. Equal ones share the gradient. The dtype stays. Options as
   * of `sum`; `ShapeError` of no elements.
   */
  min(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** The smaller of a and b; NaN where one is NaN. Shapes broadcast, dtypes are promoted. Where they tie each has half the derivative. */
  minimum(b: TensorLike): Tensor;

  /** x tanh(log(1 + eˣ)): Misra 2019. Integers become float32. */
  mish(): Tensor;

  /**
   * The remainder a - b ⌊a/b⌋, with the divisor's sign (Python's %). Shapes broadcast, dtypes are promoted. `ValueError` for an integer
   * divisor 0.
   */
  mod(b: TensorLike): Tensor;

  /** Moves axes to other places, as NumPy's moveaxis; the rest keep their order. `ValueError` unless both name as many distinct axes. */
  moveaxis(source: Axes, destination: Axes): Tensor;

  /** a · b, elementwise (`matmul` is the product of matrices). Shapes broadcast, dtypes are promoted. */
  mul(b: TensorLike): Tensor;

  /**
   * The logarithm of the multivariate gamma function of dimension d (1 to 1000), d (d - 1)/4 log π + Σ log Γ(x - j/2) over j = 0 ... d - 1.
   * Integers become float32. `ValueError` for other d.
   */
  multigammaln(d: number): Tensor;

  /** Numbers in the place of NaN and the infinities, as NumPy's nan_to_num; the gradient passes elsewhere. The dtype stays. */
  nanToNum(options?: NanToNumOptions): Tensor;

  /** Whether a ≠ b; true for NaN. Shapes broadcast; the result is bool, without a derivative. */
  ne(b: TensorLike): Tensor;

  /** -x. The dtype stays (bool becomes int32). */
  neg(): Tensor;

  /**
   * (Σ |x|^p)^(1/p) over an axis, a list of axes, or all, without overflow: the length of vectors for p = 2, which is the default. Its gradient
   * at 0 is 0. Integers become float32.
   */
  norm(axis?: NormOptions | Axes | null, options?: NormOptions): Tensor;

  /**
   * 1 at the class, 0 elsewhere, along a new last axis of size `depth`; float32 unless another dtype is given.
   * `IndexError` for a class outside of 0 ... depth - 1.
   *
   * @example
   * ad.oneHot([0, 2], 3); // [[1, 0, 0], [0, 0, 1]]
   */
  oneHot(depth: number, options?: OneHotOptions): Tensor;

  /** a bᵀ of the flattened inputs: [n, m] of n and m elements. Dtypes are promoted. */
  outer(b: TensorLike): Tensor;

  /**
   * Adds elements around: a number for all sides, a list of pairs `[before, after]` with one for each axis, or PyTorch's flat list, which
   * begins with the last axis. They are 0, or `value`. `ShapeError` for lists that do not fit the axes, `DTypeError` for a value that is none
   * of the tensor's.
   */
  pad(widths: number | readonly number[] | readonly (readonly number[])[], options?: number | PadOptions): Tensor;

  /**
   * The pseudo-inverse A⁺ [..., n, m] of [..., m, n] (Moore and Penrose), by the singular values. Its derivative (Golub and Pereyra, 1973) is that among matrices of
   * the same rank. `ShapeError` of less than two axes. Integers become float32.
   *
   * @example
   * ad.pinv([[1, 0], [0, 0], [0, 2]]); // [[1, 0, 0], [0, 0, 0.5]]
   */
  pinv(options?: PseudoInverseOptions): Tensor;

  /** The n-th derivative of digamma at each element, for one n from 0 to 170: the function `polygamma(n, x)`. `ValueError` for other n. */
  polygamma(n: number): Tensor;

  /**
   * aᵇ; NaN for a < 0 and a fractional b, 1 for b = 0. Shapes broadcast, dtypes are promoted. The derivative with respect to b is aᵇ log a,
   * 0 where a = 0 and b > 0.
   */
  pow(b: TensorLike): Tensor;

  /** The product over an axis, a list of axes, or all; 1 of no elements. Its gradient is exact when elements are 0. Options and dtypes as of `sum`. */
  prod(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * Q with orthonormal columns and R upper triangular, Q R = A, of [..., m, n]: [..., m, k] and [..., k, n] with k = min(m, n). By Householder's reflections, in
   * float64 also for float32. Derivatives need full rank (`ValueError`). `ShapeError` of less than two axes. Integers become float32.
   *
   * @example
   * ad.qr([[3, 1], [4, 2]])[1]; // [[-5, -2.2], [0, 0.4]]
   */
  qr(): [q: Tensor, r: Tensor];

  /**
   * The value below which the fraction q of the elements lies, interpolated linearly between two of them; a list of fractions gives a new
   * first axis. NaN where an element is NaN, or of no elements. `ValueError` for a q outside of [0, 1].
   */
  quantile(q: number | readonly number[], axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /** 1/x; ±Infinity at ±0. Integers become float32. */
  reciprocal(): Tensor;

  /**
   * Calls `hook` with the gradient of this tensor during `backward()`; what it returns, if anything, takes the gradient's place.
   * Returns a function that removes the hook.
   */
  registerHook(hook: Hook): () => void;

  /** max(x, 0). The dtype stays (bool becomes int32). The derivative at 0 is 0. */
  relu(): Tensor;

  /** min(max(x, 0), 6). The dtype stays (bool becomes int32). The derivative at 0 and 6 is 0. */
  relu6(): Tensor;

  /**
   * Each element (slice) repeated `count` times along an axis; without an axis of the flattened tensor (NumPy's repeat). A list of
   * counts repeats the whole tensor (PyTorch's repeat, `tile`).
   */
  repeat(count: number | readonly number[], axis?: number): Tensor;

  /**
   * The same elements in another shape, `reshape([2, 3])` or `reshape(2, 3)`; one size may be -1, which is what is left. `ShapeError` where the
   * number of elements differs.
   */
  reshape(...shape: number[] | [shape: readonly number[]]): Tensor;

  /** Lets `backward()` keep the gradient of a tensor that is not a leaf. */
  retainGrad(): Tensor;

  /** Moves elements along an axis (of the flattened tensor without one); those that leave at the end come in at the start. */
  roll(shift: number, axis?: number): Tensor;

  /** The nearest integer, half to even (2.5 is 2). The dtype stays (bool becomes int32). The derivative is 0. */
  round(): Tensor;

  /** 1/√x; Infinity at 0, NaN below. Integers become float32. */
  rsqrt(): Tensor;

  /**
   * x with src added at the indices, as torch.scatter_add: out[index[i][j]][j] += src[i][j] for axis 0. Indices and src have one shape, which
   * nowhere exceeds that of x apart from the axis. A new tensor; x stays. `IndexError` for indices out of range, `ShapeError`.
   */
  scatterAdd(axis: number, indices: TensorLike, src: TensorLike): Tensor;

  /**
   * How many of the sorted numbers are smaller than each value (with `right` not larger): the int32 place where it would stand. `sorted` is a
   * vector, or rows [..., n] for rows of values [..., m].
   */
  searchsorted(values: TensorLike, options?: SearchsortedOptions): Tensor;

  /**
   * The elements where the bool `mask` is true, as a vector; a mask over the leading axes selects whole slices (NumPy's `x[mask]`). The
   * gradient goes to what was selected. The size of the result depends on the mask's numbers: not inside vmap, where `where` does it. `DTypeError` for a
   * mask that is not bool, `ShapeError`.
   *
   * @example
   * const x = ad.tensor([3, -1, 2]);
   * x.select(x.gt(0)); // [3, 2]
   */
  select(mask: TensorLike): Tensor;

  /** 1.0507 · (x where x > 0, else 1.6733 (eˣ - 1)): Klambauer et al. 2017. Integers become float32. */
  selu(): Tensor;

  /** σ(x) = 1/(1 + e⁻ˣ). Integers become float32. */
  sigmoid(): Tensor;

  /** -1, 0 or 1 by the sign of x; NaN of NaN. The dtype stays (bool becomes int32). The derivative is 0. */
  sign(): Tensor;

  /** x σ(x), also called swish. Integers become float32. */
  silu(): Tensor;

  /** The sine of x in radians. Integers become float32. */
  sin(): Tensor;

  /** sin(πx)/(πx), 1 at 0 (NumPy's). Integers become float32. */
  sinc(): Tensor;

  /** The hyperbolic sine (eˣ - e⁻ˣ)/2. Integers become float32. */
  sinh(): Tensor;

  /**
   * Lists with one entry per axis: starts, ends (exclusive, clipped) and positive steps; negative positions count from the end. Numbers
   * slice the first axis, as an array's `slice` does: `x.slice(1, 3)`. `ShapeError` for lists of another length.
   */
  slice(starts: number | readonly number[], ends?: number | readonly number[], steps?: number | readonly number[]): Tensor;

  /**
   * Sign and logarithm of the magnitude of the determinant of [..., n, n]: two tensors [...]. Of a singular matrix 0 and -Infinity, and its derivative
   * is refused (`ValueError`). `ShapeError` of what is not square. Integers become float32.
   *
   * @example
   * ad.slogdet([[0, 2], [3, 0]]); // [-1, 1.791759]
   */
  slogdet(): [sign: Tensor, logabsdet: Tensor];

  /**
   * eˣ / Σ eˣ along an axis, the last by default: positive numbers of sum 1, without overflow. Integers become float32. `IndexError` for an
   * axis that does not exist.
   */
  softmax(axis?: number | AxisOptions, options?: AxisOptions): Tensor;

  /** log(1 + eˣ) without overflow. Integers become float32. The derivative is σ(x). */
  softplus(): Tensor;

  /**
   * X with A X = B, for A [..., n, n] and B [..., n, m] with broadcast leading axes; B may be [n], or [..., n] with the leading axes of A. By LU factors with
   * row exchanges. `ValueError` naming the pivot of a singular matrix (`lstsq` takes such), `ShapeError` where shapes do not fit. Integers become float32.
   *
   * @example
   * ad.solve([[2, 1], [1, 3]], [3, 5]); // [0.8, 1.4]
   */
  solve(b: TensorLike): Tensor;

  /**
   * The values in ascending order along an axis (the last by default), stable, NaN last. The gradient goes back to where they came from.
   * `IndexError` for an axis that does not exist.
   */
  sort(axis?: number | SortOptions, options?: SortOptions): Tensor;

  /**
   * Pieces of the given size (the last may be smaller), or of the given sizes, along an axis (default the first): PyTorch's meaning, where
   * NumPy's number is that of the pieces. `ShapeError` for sizes that do not add up.
   */
  split(sizeOrSizes: number | readonly number[], axis?: number): Tensor[];

  /** √x; NaN below 0, where the derivative 1/(2√x) is NaN too; Infinity at 0. Integers become float32. */
  sqrt(): Tensor;

  /** x². The dtype stays (bool becomes int32). */
  square(): Tensor;

  /** Drops axes of size 1: those named, or all. `ShapeError` for a named axis of another size. */
  squeeze(axis?: Axes): Tensor;

  /** The square root of `variance`, with its options. Its gradient is 0 where all elements are equal. */
  std(axis?: VarianceOptions | Axes | null, options?: VarianceOptions): Tensor;

  /** x as a constant: its derivative is 0 in both modes and for `backward()`. The numbers are shared, not copied. */
  stopGradient(): Tensor;

  /** a - b. Shapes broadcast, dtypes are promoted. */
  sub(b: TensorLike): Tensor;

  /**
   * The sum over an axis, a list of axes, or all. The axes go, or stay with size 1 by `{ keepdims: true }`. int32 and bool give int32, which
   * wraps around; 0 of no elements. `IndexError` for an axis that does not exist.
   *
   * @example
   * ad.tensor([[1, 2], [3, 4]]).sum(0); // [4, 6]
   * ad.tensor([[1, 2], [3, 4]]).sum({ axis: 1, keepdims: true }); // [[3], [7]]
   */
  sum(axis?: ReduceOptions | Axes | null, options?: ReduceOptions): Tensor;

  /**
   * U, S, Vh with U diag(S) Vh = A, of [..., m, n]: [..., m, k], [..., k] descending, [..., k, n] with k = min(m, n). By one-sided Jacobi rotations (Demmel and
   * Veselić, 1992), in float64 also for float32; NaN where a number is not finite. Derivatives of U and Vh are infinite or NaN where singular values repeat. `ShapeError` of
   * less than two axes. Integers become float32.
   *
   * @example
   * ad.svd([[3, 0], [0, -2]])[1]; // [3, 2]
   */
  svd(): [u: Tensor, s: Tensor, vh: Tensor];

  /**
   * Slices of x along an axis (of the flattened tensor without one), as jax.numpy.take: the axis is replaced by the axes of the int32
   * indices. Negative ones count from the end; `IndexError` for those out of range.
   *
   * @example
   * ad.tensor([[1, 2], [3, 4]]).take([1, 0, 1], 0); // [[3, 4], [1, 2], [3, 4]]
   */
  take(indices: TensorLike, axis?: number): Tensor;

  /** The tangent of x in radians. Integers become float32. */
  tan(): Tensor;

  /** The hyperbolic tangent (eˣ - e⁻ˣ)/(eˣ + e⁻ˣ). Integers become float32. */
  tanh(): Tensor;

  /**
   * Sums products over pairs of axes, as torch.tensordot: the last `axes` of a with the first of b (2 by default), or those in two lists, an axis of
   * each at a time. What remains of a, then of b, is the result's shape. Dtypes are promoted, bools count as int32. `ShapeError` where sizes differ,
   * `IndexError` for axes that do not exist, `ValueError`.
   *
   * @example
   * ad.tensordot(ad.ones([2, 3, 4]), ad.ones([4, 3, 5]), [[1, 2], [1, 0]]).shape; // [2, 5]
   */
  tensordot(b: TensorLike, axes?: number | readonly [number | readonly number[], number | readonly number[]]): Tensor;

  /** The whole tensor repeated along each axis, as NumPy's tile: `tile(2)`, `tile([2, 3])` or `tile(2, 3)`; new axes come first. */
  tile(...counts: number[] | [counts: Axes]): Tensor;

  /**
   * The k largest values along an axis (the last by default) in descending order, and their int32 positions. `ValueError` for a k from
   * outside of 0 ... the axis' size.
   *
   * @example
   * const [values, indices] = ad.topk([3, 1, 2], 2); // [3, 2], [0, 2]
   */
  topk(k: number, axis?: number | TopkOptions, options?: TopkOptions): [values: Tensor, indices: Tensor];

  /** The sum of the diagonal of the last two axes: [..., n, m] to [...]. `ShapeError` for fewer axes. */
  trace(): Tensor;

  /**
   * Permutes the axes: `transpose([0, 2, 1])` names them all, `transpose(1, 2)` exchanges two (PyTorch's meaning), `transpose()`
   * reverses them. `ValueError` for a list that does not name every axis once, `IndexError` for axes that do not exist.
   *
   * @example
   * ad.zeros([2, 3, 4]).transpose(0, 1).shape; // [3, 2, 4]
   */
  transpose(...axes: [axes?: readonly number[] | undefined] | [first: number, second: number]): Tensor;

  /**
   * X with T X = B, for one triangle of T [..., n, n]; the other one is not read and has no derivative. B as of `solve`. `ValueError` naming a 0 on the
   * diagonal, `ShapeError` where shapes do not fit. Integers become float32.
   *
   * @example
   * ad.triangularSolve([[2, 0], [1, 4]], [2, 9], { lower: true }); // [1, 2]
   */
  triangularSolve(b: TensorLike, options?: TriangularSolveOptions): Tensor;

  /** The lower triangle of the last two axes, up to the k-th diagonal (0 is the main one, positive ones are above); zeros elsewhere. */
  tril(k?: number): Tensor;

  /** The upper triangle of the last two axes, from the k-th diagonal on (0 is the main one, positive ones are above); zeros elsewhere. */
  triu(k?: number): Tensor;

  /** x without its fraction. The dtype stays (bool becomes int32). The derivative is 0. */
  trunc(): Tensor;

  /**
   * The windows of images as columns, as torch.nn.functional.unfold: [batch, channels, height, width] to [batch, channels · window, places]. Throws
   * `ShapeError`, `ValueError`.
   *
   * @example
   * ad.unfold(ad.ones([1, 3, 8, 8]), 3).shape; // [1, 27, 36]
   */
  unfold(kernelSize: number | readonly number[], options?: UnfoldOptions): Tensor;

  /** New axes of size 1, at the places they have in the result: `unsqueeze(-1)` makes a column. `IndexError` for a place there is not. */
  unsqueeze(axis: Axes): Tensor;

  /**
   * The slices along an axis, without that axis: `const [a, b] = unstack(x)`. Their gradients together cost about as much as one pass over
   * x, however many they are, because x is cut into ever smaller pieces.
   */
  unstack(axis?: number): Tensor[];

  /**
   * Σ (x - mean)² / (n - correction) over an axis, a list of axes, or all; correction is 1 unless given, as in PyTorch (NumPy divides by n).
   * Integers become float32.
   */
  variance(axis?: VarianceOptions | Axes | null, options?: VarianceOptions): Tensor;

  /**
   * a where the condition holds, else b. The three broadcast; anything but 0 counts as true, a number adopts the other branch's dtype. What is
   * not selected has no influence, on the gradient neither: `where(x.gt(0), x.log(), 0)` has none at 0. As a method of the condition:
   * `x.gt(0).where(x, 0)`.
   */
  where(a: TensorLike, b: TensorLike): Tensor;

  /** a log b, and 0 where a is 0 whatever b is. Shapes broadcast. Integers become float32. */
  xlogy(b: TensorLike): Tensor;

  /** Forgets the gradient added up so far. */
  zeroGrad(): void;
}
