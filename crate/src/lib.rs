//! The core of `adjoint`: tape, derivative rules and kernels. `cargo test` runs all of it natively; compiled to WebAssembly it is
//! driven through `abi`. In reading order:

/// The boundary to TypeScript.
mod abi;
/// The numbers that TypeScript knows by name; some are its alone.
#[allow(dead_code)]
mod codes;
/// float32, float64, int32, bool.
mod dtype;
/// The session behind a cell, so that rules can call `bind`.
mod engine;
/// Typed failures with stable numbers.
mod error;
/// What kind of thing an op is, as data.
mod form;
/// What watches evaluation: recorder, profiler, NaN check.
mod inspect;
/// Loops over slices; they know nothing of the above.
mod kernels;
/// `bind` and its interpreters: evaluation, reverse mode, forward mode, vmap.
mod level;
/// Buffers, strided arrays, the slot map of values.
mod memory;
/// What a row of the op table says: form, kind of derivative, batching, parameters.
mod op;
/// The number of an op.
mod opcode;
/// The rows, by family.
mod ops;
/// In-place updates of parameters.
mod parameters;
/// Parameters of ops by name.
mod params;
/// Parts of a graph as numbers, to be kept elsewhere.
mod parts;
/// A recorded run, planned, to be run again.
mod program;
/// The record of a run.
mod record;
/// How the record grows: what the session tells it.
mod recording;
/// The record of a loop whose number of turns depends on numbers.
mod recording_while;
/// The one mutable state: values, levels, scopes, the frame of temporaries.
mod session;
/// Dims, strides, broadcasting, axes.
mod shape;
/// The backward pass.
mod sweep;
/// What a suspended sweep and a parked tape are, as data.
mod sweep_state;
/// The struct-of-arrays tape.
mod tape;
/// The table of updates: what optimizers do to a parameter.
mod updates;
/// Ids that read as formulas.
mod var;

/// What the generators of the TypeScript side read.
pub use dtype::DType;
pub use error::ErrorCode;
pub use kernels::optimizer::Field;
pub use ops::{ABI, TABLE};
pub use updates::UPDATES;

#[cfg(test)]
mod tests;
