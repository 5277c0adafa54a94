//! The core of `adjoint`: tape, derivative rules and kernels. `cargo test` runs all of it natively; compiled to WebAssembly it is
//! driven through `abi`. In reading order:

/// The boundary to TypeScript.
pub mod abi;
/// float32, float64, int32, bool.
pub mod dtype;
/// The session behind a cell, so that rules can call `bind`.
pub mod engine;
/// Typed failures with stable numbers.
pub mod error;
/// Recorder, profiler, NaN check.
pub mod inspect;
/// Loops over slices; they know nothing of the above.
pub mod kernels;
/// `bind` and its interpreters: evaluation, reverse mode, forward mode, vmap.
pub mod level;
/// Buffers, strided arrays, the slot map of values.
pub mod memory;
/// What a row of the op table says: kernel, kind of derivative, batching.
pub mod op;
/// The rows, by family.
pub mod ops;
/// In-place updates of parameters.
pub mod parameters;
/// The one mutable state: values, levels, scopes, the frame of temporaries.
pub mod session;
/// Dims, strides, broadcasting, axes.
pub mod shape;
/// The backward pass.
pub mod sweep;
/// The struct-of-arrays tape.
pub mod tape;
/// Ids that read as formulas.
pub mod var;
