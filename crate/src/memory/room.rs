//! Growing what the engine keeps, fallibly: every list whose length a user decides asks here before it grows.

use crate::error::{Error, ErrorCode, Result};
use crate::memory::pool;
use std::cell::Cell;

thread_local! {
    /// How many requests succeed before one is refused by force; u32::MAX = none is.
    static FORCED: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// Room for `more` elements, or `OutOfMemory` with nothing changed.
#[inline]
pub fn room_for<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    if list.capacity() - list.len() >= more && !is_counting() {
        return Ok(());
    }
    make_room(list, more)
}

/// Room for `total` elements in all, no more: for lists that grow side by side.
pub fn room_to<T>(list: &mut Vec<T>, total: usize) -> Result<()> {
    let bytes = total.saturating_mul(std::mem::size_of::<T>());
    let more = total.saturating_sub(list.len());
    if forced_to_fail() {
        return Err(refuse(bytes));
    }
    if list.try_reserve_exact(more).is_ok() {
        return Ok(());
    }
    pool::trim();
    list.try_reserve_exact(more).map_err(|_| refuse(bytes))
}

/// The same for a short list that is only long when a user passes many tensors.
#[inline]
pub fn room_for_inputs<A: smallvec::Array>(list: &mut smallvec::SmallVec<A>, count: usize) -> Result<()> {
    if list.capacity() - list.len() >= count {
        return Ok(());
    }
    list.try_reserve(count).map_err(|_| refuse(count * std::mem::size_of::<A::Item>()))
}

/// Whether what little is kept for emergencies had to be used: nothing new is to be made then.
#[inline]
pub fn is_short() -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::memory::allocator::is_short();
    #[cfg(not(target_arch = "wasm32"))]
    false
}

/// Tests count requests: those that need no memory are counted too, so that the same program meets every one of them.
#[inline]
pub fn is_counting() -> bool {
    FORCED.get() != u32::MAX
}

#[cold]
fn make_room<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    let bytes = more.saturating_mul(std::mem::size_of::<T>());
    if forced_to_fail() {
        return Err(refuse(bytes));
    }
    // Idle buffers may be what is missing; and where doubling is too much, what is needed may still be had.
    if list.try_reserve(more).is_ok() {
        return Ok(());
    }
    pool::trim();
    if list.try_reserve(more).is_ok() || list.try_reserve_exact(more).is_ok() {
        return Ok(());
    }
    Err(refuse(bytes))
}

/// A list with room for `count` elements.
pub fn list_of<T>(count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    room_for(&mut list, count)?;
    Ok(list)
}

/// `count` times the same.
pub fn repeated<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut list = list_of(count)?;
    list.resize(count, value);
    Ok(list)
}

/// What is said when memory is short: what was wanted, what is held, and what helps.
#[cold]
pub fn refuse(bytes: usize) -> Error {
    let (live, _) = pool::usage();
    Error::new(
        ErrorCode::OutOfMemory,
        format!(
            "{bytes} more bytes could not be had while tensors hold {live} bytes. Release what is not needed: run steps inside scope(() => ...), evaluation inside noGrad(() => ...), \
             dispose() what is kept (pullbacks of vjp and graphs that no step goes over hold the values they were made from), `await` between steps of a loop without scopes (only then can the garbage collector release tensors), or use smaller batches or chunkSize"
        ),
    )
}

/// Test mode: the request after the next `count` ones is refused, once. Returns how many were left of the last setting.
pub fn fail_after(count: u32) -> u32 {
    FORCED.replace(count)
}

/// Whether this request is the one that tests want refused.
#[inline]
pub fn forced_to_fail() -> bool {
    let left = FORCED.get();
    if left == u32::MAX {
        return false;
    }
    FORCED.set(left.checked_sub(1).unwrap_or(u32::MAX));
    left == 0
}
