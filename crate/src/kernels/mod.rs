//! Loops over slices and pointers, for the host and for WebAssembly SIMD. They know nothing of tensors, levels or tapes.

/// Vectors of four f32 and two f64: SIMD under WebAssembly, plain arrays on the host.
pub mod lane;
/// exp, log, trigonometry, erf, gamma: range reduction and polynomials.
pub mod math;
/// Functions of one array.
pub mod unary;
/// Functions of two arrays, or of an array and a number; selection.
pub mod binary;
/// Comparisons, logic, casts.
pub mod compare;
/// What generic loops need to know of the element types.
pub mod number;
/// Views to contiguous memory and back.
pub mod strided;
/// Sums, products, extrema along an axis.
pub mod reduce;
/// softmax and log-softmax.
pub mod softmax;
/// The linear maps softmax differentiates to.
pub mod centre;
/// take, gather and their transposes.
pub mod gather;
/// Cumulative sums and first-order linear recurrences.
pub mod scan;
/// Stable argsort.
pub mod sort;
/// Counter-based random numbers.
pub mod rng;
/// Fused parameter updates.
pub mod optimizer;
/// Matrix products.
pub mod gemm;
