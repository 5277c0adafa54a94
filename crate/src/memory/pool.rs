//! Buffers in size classes, 64-byte aligned, allocated fallibly and reused: wasm memory never shrinks, so a
//! training loop must find last step's buffers again. Four classes to an octave waste at most a fifth.

use crate::error::Result;
use crate::memory::room::{forced_to_fail, refuse};
use std::alloc::{alloc, dealloc, Layout};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

const ALIGN: usize = 64;
const CLASSES: usize = 4 * 27;
/// Below this it is not worth giving idle buffers back.
const KEPT_IDLE: usize = 4 << 20;

#[derive(Default)]
pub struct Pool {
    free: Vec<Vec<NonNull<u8>>>,
    live: usize,
    idle: usize,
    peak: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool::default());
}

/// The bytes in use once more, where TypeScript looks at them without a call.
pub static IN_USE: AtomicU32 = AtomicU32::new(0);

/// Bytes of class `class`: (4 + class % 4) · 16 · 2^(class / 4), rounded up to the alignment.
fn class_bytes(class: usize) -> Option<usize> {
    let bytes = ((4 + class % 4) as u64) << (4 + class / 4);
    let bytes = bytes.div_ceil(ALIGN as u64) * ALIGN as u64;
    (bytes <= (isize::MAX as u64) - ALIGN as u64).then_some(bytes as usize)
}

/// The smallest class that holds `bytes`.
fn class_of(bytes: usize) -> usize {
    let bytes = bytes.max(ALIGN) as u64;
    // bytes lies in [4·16·2^octave, 8·16·2^octave)
    let octave = 63 - bytes.leading_zeros() as usize - 6;
    let quarter = (bytes.div_ceil(16 << octave) as usize).saturating_sub(4);
    4 * octave + quarter
}

/// One allocation; goes back to its class when the last view of it is dropped. Or the place of somebody else's numbers.
pub struct Buffer {
    pointer: Cell<NonNull<u8>>,
    class: usize,
}

/// The class of a buffer that owns nothing.
const BORROWED: usize = usize::MAX;

impl Buffer {
    /// Uninitialised memory for `bytes` bytes, or `OutOfMemory` with nothing changed.
    pub fn new(bytes: usize) -> Result<Buffer> {
        POOL.with(|pool| pool.borrow_mut().take(bytes)).ok_or_else(|| refuse(bytes))
    }

    /// A buffer that owns nothing, and lies wherever it is aimed at last.
    pub fn borrowed() -> Buffer {
        Buffer { pointer: Cell::new(NonNull::dangling()), class: BORROWED }
    }

    /// Only for a `borrowed` one: from now on its numbers are those at `address`.
    pub fn aim(&self, address: *mut u8) {
        debug_assert_eq!(self.class, BORROWED);
        if let Some(pointer) = NonNull::new(address) {
            self.pointer.set(pointer);
        }
    }

    pub fn pointer(&self) -> *mut u8 {
        self.pointer.get().as_ptr()
    }

    /// What the class has room for.
    pub fn bytes(&self) -> usize {
        class_bytes(self.class).unwrap_or(0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.class == BORROWED {
            return;
        }
        // At thread exit the pool may be gone first; the allocation then goes with the process.
        let _ = POOL.try_with(|pool| pool.borrow_mut().put(self.pointer.get(), self.class));
    }
}

impl Pool {
    /// A buffer for `bytes` bytes, if there is one to be had.
    fn take(&mut self, bytes: usize) -> Option<Buffer> {
        let class = class_of(bytes);
        let size = class_bytes(class).filter(|_| class < CLASSES)?;
        if forced_to_fail() {
            return None;
        }
        if self.free.is_empty() {
            self.free.resize_with(CLASSES, Vec::new);
        }
        let pointer = match self.free[class].pop() {
            Some(pointer) => {
                self.idle -= size;
                pointer
            }
            None => self.fresh(size)?,
        };
        self.live += size;
        IN_USE.store(self.live as u32, Ordering::Relaxed);
        self.peak = self.peak.max(self.live);
        Some(Buffer { pointer: Cell::new(pointer), class })
    }

    /// A buffer of a class that has none idle. Where more lies idle in other classes than is in use, it is given back first, so that
    /// the allocator can cut it to the sizes wanted now instead of growing the memory.
    fn fresh(&mut self, size: usize) -> Option<NonNull<u8>> {
        if self.idle >= KEPT_IDLE.max(self.live).max(size) {
            self.trim();
        }
        allocate(size).or_else(|| {
            self.trim();
            allocate(size)
        })
    }

    fn put(&mut self, pointer: NonNull<u8>, class: usize) {
        let size = class_bytes(class).unwrap_or(0);
        self.live -= size;
        IN_USE.store(self.live as u32, Ordering::Relaxed);
        if self.free[class].try_reserve(1).is_err() {
            release(pointer, size);
            return;
        }
        self.idle += size;
        self.free[class].push(pointer);
    }

    /// Gives idle buffers back to the allocator.
    fn trim(&mut self) {
        for class in 0..self.free.len() {
            if let Some(size) = class_bytes(class) {
                for pointer in std::mem::take(&mut self.free[class]) {
                    release(pointer, size);
                    self.idle -= size;
                }
            }
        }
    }
}

fn allocate(size: usize) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(size, ALIGN).ok()?;
    // SAFETY: every class has a size above zero.
    NonNull::new(unsafe { alloc(layout) })
}

fn release(pointer: NonNull<u8>, size: usize) {
    // SAFETY: allocated by `allocate` with this very layout.
    unsafe { dealloc(pointer.as_ptr(), Layout::from_size_align_unchecked(size, ALIGN)) };
}

/// Gives idle buffers back to the allocator, where whatever needs memory finds it.
pub fn trim() {
    // Not while a buffer is being taken: that trims by itself.
    let _ = POOL.try_with(|pool| pool.try_borrow_mut().map(|mut pool| pool.trim()));
}

/// Bytes in use and their peak.
pub fn usage() -> (usize, usize) {
    POOL.with(|pool| {
        let pool = pool.borrow();
        (pool.live, pool.peak)
    })
}

/// Makes room for `bytes` bytes of later tensors at once, so that the memory does not grow inside a loop.
pub fn reserve(bytes: usize) -> Result<()> {
    let idle = POOL.with(|pool| pool.borrow().idle);
    if bytes > idle && !make_room(bytes - idle) {
        return Err(refuse(bytes));
    }
    Ok(())
}

#[cfg(target_arch = "wasm32")]
use crate::memory::allocator::make_room;

/// Nothing to grow: the host's allocator takes pages as they are touched.
#[cfg(not(target_arch = "wasm32"))]
fn make_room(_: usize) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::memory::room::fail_after;

    #[test]
    fn classes_hold_what_they_are_asked_for() {
        for bytes in (0..4096).chain([1 << 20, (1 << 20) + 1, 3_000_000, 1 << 29]) {
            let class = class_of(bytes);
            assert!(class_bytes(class).unwrap() >= bytes, "{bytes}");
            assert!(class == 0 || bytes <= 64 || class_bytes(class).unwrap() <= bytes + bytes / 4 + 64, "{bytes}");
        }
    }

    #[test]
    fn a_freed_buffer_is_found_again_and_a_refusal_is_an_error() {
        let first = Buffer::new(1000).unwrap();
        let address = first.pointer();
        assert_eq!(address as usize % ALIGN, 0);
        let (live, _) = usage();
        drop(first);
        assert!(usage().0 < live);
        let second = Buffer::new(1000).unwrap();
        assert_eq!(second.pointer(), address);
        fail_after(0);
        assert_eq!(Buffer::new(1000).err().unwrap().code, ErrorCode::OutOfMemory);
        assert!(Buffer::new(1000).is_ok());
    }
}
