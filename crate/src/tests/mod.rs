//! The levels and parameters through the engine's own interface, without WebAssembly.

mod nesting;
mod parameters;
