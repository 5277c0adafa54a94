//! Vectors of four f32 and two f64.
