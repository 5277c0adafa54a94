//! Where tensors live: `pool` hands out buffers, `array` is a strided view of one, `out` a place to write a result to, `values` maps ids to what they stand for;
//! `room` grows lists fallibly, `allocator` grows the WebAssembly memory.

#[cfg(target_arch = "wasm32")]
pub mod allocator;
pub mod array;
pub mod out;
pub mod pool;
pub mod room;
pub mod values;
