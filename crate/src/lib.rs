//! The core of `adjoint`: tape, derivative rules and kernels. `cargo test` runs all of it natively; compiled to WebAssembly it is
//! driven through `abi`. In reading order:

/// Typed failures with stable numbers.
pub mod error;
/// float32, float64, int32, bool.
pub mod dtype;
/// Dims, strides, broadcasting, axes.
pub mod shape;
/// Buffers, strided arrays, the slot map of values.
pub mod memory;
/// The one mutable state: values, levels, scopes, the frame of temporaries.
pub mod session;
/// The session behind a cell, so that rules can call `bind`.
pub mod engine;
/// What a row of the op table says: kernel, kind of derivative, batching.
pub mod op;
/// Ids that read as formulas.
pub mod var;
/// The rows, by family.
pub mod ops;
/// `bind` and its interpreters: evaluation, reverse mode, forward mode, vmap.
pub mod level;
/// The struct-of-arrays tape.
pub mod tape;
/// The backward pass.
pub mod sweep;
/// In-place updates of parameters.
pub mod parameters;
/// Recorder, profiler, NaN check.
pub mod inspect;
/// Loops over slices; they know nothing of the above.
pub mod kernels;
/// The boundary to TypeScript.
pub mod abi;
