//! Loops over slices and pointers, for the host and for WebAssembly SIMD. They know nothing of tensors, levels or tapes.

/// Functions of two arrays, or of an array and a number; selection.
pub mod binary;
/// The linear maps softmax differentiates to.
pub mod centre;
/// Comparisons, logic, casts.
pub mod compare;
/// Convolutions.
pub mod convolution;
/// take, gather and their transposes.
pub mod gather;
/// Matrix products.
pub mod gemm;
/// Vectors of four f32 and two f64: SIMD under WebAssembly, plain arrays on the host.
pub mod lane;
/// Factorisations of matrices.
pub mod linalg;
/// exp, log, trigonometry, erf, gamma: range reduction and polynomials.
pub mod math;
/// What generic loops need to know of the element types.
pub mod number;
/// Fused parameter updates.
pub mod optimizer;
/// Sums, products, extrema along an axis.
pub mod reduce;
/// Counter-based random numbers.
pub mod rng;
/// Cumulative sums and first-order linear recurrences.
pub mod scan;
/// softmax and log-softmax.
pub mod softmax;
/// Stable argsort.
pub mod sort;
/// Views to contiguous memory and back.
pub mod strided;
/// Functions of one array.
pub mod unary;
