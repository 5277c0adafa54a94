//! Where tensors live: `pool` hands out buffers, `array` is a strided view of one, `values` maps ids to what they stand for.

pub mod array;
pub mod pool;
pub mod values;
