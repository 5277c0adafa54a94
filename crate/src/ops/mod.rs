//! The op table: one row per primitive, by family. Each family starts where the one before ends, so a row's number is its
//! place; TypeScript learns the numbers from the generated `ts/opcodes.ts`.

/// Batching rules, shared by families.
pub mod batching;
/// Functions of two values, comparisons, selection.
pub mod binary;
/// Functions made only of ops.
pub mod composite;
/// Derivatives of the former two that have rows of their own.
pub mod derivatives;
/// Functions of one value.
pub mod elementwise;
/// take, gather, their transposes, sorting.
pub mod index;
/// Matrix products.
pub mod matmul;
/// Reshape, transpose, slice, concat and their like: views.
pub mod movement;
/// Random draws.
pub mod random;
/// Reductions, cumulative ops.
pub mod reduce;
/// softmax, logsumexp and what their derivatives are made of.
pub mod softmax;
/// Shared by the rows' kernels: the broadcasting walk, axis grouping.
pub mod support;

// ROWS and END come from every family; only their qualified names are used.
#[allow(ambiguous_glob_reexports)]
pub use binary::*;
#[allow(ambiguous_glob_reexports)]
pub use composite::*;
#[allow(ambiguous_glob_reexports)]
pub use derivatives::*;
#[allow(ambiguous_glob_reexports)]
pub use elementwise::*;
#[allow(ambiguous_glob_reexports)]
pub use index::*;
#[allow(ambiguous_glob_reexports)]
pub use matmul::*;
#[allow(ambiguous_glob_reexports)]
pub use movement::*;
#[allow(ambiguous_glob_reexports)]
pub use random::*;
#[allow(ambiguous_glob_reexports)]
pub use reduce::*;
#[allow(ambiguous_glob_reexports)]
pub use softmax::*;

use crate::op::Row;

const FAMILIES: [&[Row]; 10] = [
    elementwise::ROWS,
    derivatives::ROWS,
    binary::ROWS,
    reduce::ROWS,
    softmax::ROWS,
    movement::ROWS,
    index::ROWS,
    random::ROWS,
    matmul::ROWS,
    composite::ROWS,
];
const COUNT: usize = composite::END as usize;

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
