//! Reductions of contiguous arrays seen as [outer, r, inner] along r; the result is [outer, inner].

mod fold;
mod sum;

pub use fold::{all, any, argmax, argmin, max, min, prod};
pub use sum::{sum, total_of};

/// The width in columns of the accumulators on the stack.
pub(crate) const TILE: usize = 256;

/// How many rows are laid side by side so that narrow rows (inner = 3, say) still fill vectors: [r, inner] is read as
/// [r / group, group * inner] and the groups are joined at the end.
pub(crate) fn row_group(r: usize, inner: usize) -> usize {
    (TILE / inner.max(1)).min(r / 8).max(1)
}
