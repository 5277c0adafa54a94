//! The op table: one row per primitive, by family. Each family starts where the one before ends, so a row's number is its
//! place; TypeScript learns the numbers from the generated `ts/opcodes.ts`.

/// Batching rules, shared by families.
pub mod batching;
/// Functions of two values, comparisons, selection.
pub mod binary;
/// Functions made only of ops.
pub mod composite;
/// Convolutions.
pub mod convolution;
/// Derivatives of the former two that have rows of their own.
pub mod derivatives;
/// Functions of one value.
pub mod elementwise;
/// take, gather, their transposes, sorting.
pub mod index;
/// Linear algebra.
pub mod linalg;
/// Matrix products.
pub mod matmul;
/// Reshape, transpose, slice, concat and their like: views.
pub mod movement;
/// How pointwise rows are evaluated.
mod pointwise;
/// Random draws.
pub mod random;
/// Reductions, cumulative ops.
pub mod reduce;
/// softmax, logsumexp and what their derivatives are made of.
pub mod softmax;
/// Shared by the rows' kernels: the broadcasting walk, axis grouping.
pub mod support;

use crate::op::{Kind, Op, Row};

/// The families in the order of their numbers, each from where the one before ends: the one place that says so.
macro_rules! families {
    ($($family:ident)+) => {
        // ROWS and LENGTH come from every family; only their qualified names are used.
        $(#[allow(ambiguous_glob_reexports)] pub use $family::*;)+

        const FAMILIES: &[&[Row]] = &[$($family::ROWS),+];

        /// The number of each family's first row.
        pub mod start {
            families!(@start 0, $($family)+);
        }

        const COUNT: usize = 0 $(+ $family::LENGTH as usize)+;
    };
    (@start $at:expr, $family:ident $($rest:ident)*) => {
        #[allow(non_upper_case_globals)]
        pub const $family: u16 = $at;
        families!(@start $family + super::$family::LENGTH, $($rest)*);
    };
    (@start $at:expr,) => {};
}

families! { elementwise derivatives binary reduce softmax movement index random matmul linalg convolution composite }

impl Op {
    #[inline]
    pub fn row(self) -> &'static Row {
        TABLE[self.0 as usize]
    }

    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub fn from_code(code: u32) -> Option<Op> {
        ((code as usize) < TABLE.len()).then_some(Op(code as u16))
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Raised when exports change their meaning while the ops stay what they are.
const REVISION: u32 = 1;

/// A number for what TypeScript relies on: the crate's version, the ops and their order (FNV-1a). A `.wasm` file of another version
/// beside the script is told by it.
pub const ABI: u32 = {
    let mut hash = fold(0x811c_9dc5 ^ REVISION, env!("CARGO_PKG_VERSION").as_bytes());
    let mut number = 0;
    while number < COUNT {
        hash = fold(hash, TABLE[number].name.as_bytes());
        number += 1;
    }
    hash
};

const fn fold(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i <= bytes.len() {
        // A separator behind each name.
        let byte = if i < bytes.len() { bytes[i] } else { 0 };
        hash = (hash ^ byte as u32).wrapping_mul(0x0100_0193);
        i += 1;
    }
    hash
}

/// All rows in order of their numbers.
pub static TABLE: [&Row; COUNT] = {
    let mut table = [&FAMILIES[0][0]; COUNT];
    let (mut family, mut number) = (0, 0);
    while family < FAMILIES.len() {
        let mut i = 0;
        while i < FAMILIES[family].len() {
            table[number] = &FAMILIES[family][i];
            number += 1;
            i += 1;
        }
        family += 1;
    }
    table
};

const _: () = {
    let mut number = 0;
    while number < COUNT {
        assert!(
            !matches!(TABLE[number].kind, Kind::Primitive { batch: None, .. }),
            "a row of a form without a batching rule needs one of its own"
        );
        number += 1;
    }
};
