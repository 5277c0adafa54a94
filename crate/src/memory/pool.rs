//! Buffers in size classes, 64-byte aligned, allocated fallibly and reused: wasm memory never shrinks, so a
//! training loop must find last step's buffers again. Four classes to an octave waste at most a fifth.

use crate::error::{Error, ErrorCode, Result};
use std::alloc::{alloc, dealloc, Layout};
use std::cell::RefCell;
use std::ptr::NonNull;

const ALIGN: usize = 64;
const CLASSES: usize = 4 * 27;

#[derive(Default)]
pub struct Pool {
    free: Vec<Vec<NonNull<u8>>>,
    live: usize,
    idle: usize,
    peak: usize,
    limit: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool { limit: usize::MAX, ..Pool::default() });
}

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

/// One allocation; goes back to its class when the last view of it is dropped.
pub struct Buffer {
    pointer: NonNull<u8>,
    class: usize,
}

impl Buffer {
    /// Uninitialised memory for `bytes` bytes, or `OutOfMemory` with nothing changed.
    pub fn new(bytes: usize) -> Result<Buffer> {
        POOL.with(|pool| pool.borrow_mut().take(bytes))
    }

    pub fn pointer(&self) -> *mut u8 {
        self.pointer.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // At thread exit the pool may be gone first; the allocation then goes with the process.
        let _ = POOL.try_with(|pool| pool.borrow_mut().put(self.pointer, self.class));
    }
}

impl Pool {
    fn take(&mut self, bytes: usize) -> Result<Buffer> {
        let class = class_of(bytes);
        let refuse = |live: usize| {
            Error::new(
                ErrorCode::OutOfMemory,
                format!("{bytes} bytes could not be allocated; {live} bytes are in use. Dispose tensors, use smaller batches or chunkSize"),
            )
        };
        let size = class_bytes(class).filter(|_| class < CLASSES).ok_or_else(|| refuse(self.live))?;
        if self.free.is_empty() {
            self.free.resize_with(CLASSES, Vec::new);
        }
        if self.live.saturating_add(size) > self.limit {
            return Err(refuse(self.live));
        }
        let pointer = match self.free[class].pop() {
            Some(pointer) => {
                self.idle -= size;
                pointer
            }
            None => match allocate(size) {
                Some(pointer) => pointer,
                None => {
                    // Idle buffers of other classes may be what is missing.
                    self.trim();
                    allocate(size).ok_or_else(|| refuse(self.live))?
                }
            },
        };
        self.live += size;
        self.peak = self.peak.max(self.live);
        Ok(Buffer { pointer, class })
    }

    fn put(&mut self, pointer: NonNull<u8>, class: usize) {
        let size = class_bytes(class).unwrap_or(0);
        self.live -= size;
        self.idle += size;
        self.free[class].push(pointer);
    }

    /// Gives idle buffers back to the allocator.
    fn trim(&mut self) {
        for class in 0..self.free.len() {
            if let Some(size) = class_bytes(class) {
                for pointer in self.free[class].drain(..) {
                    // SAFETY: allocated by `allocate` with this very layout.
                    unsafe { dealloc(pointer.as_ptr(), Layout::from_size_align_unchecked(size, ALIGN)) };
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

/// Bytes in use and their peak.
pub fn usage() -> (usize, usize) {
    POOL.with(|pool| {
        let pool = pool.borrow();
        (pool.live, pool.peak)
    })
}

/// The most bytes that may be in use; tests use it to meet `OutOfMemory` at any point.
pub fn set_limit(bytes: usize) {
    POOL.with(|pool| pool.borrow_mut().limit = bytes);
}

/// Makes room for `bytes` bytes of later tensors at once, so that the memory does not grow inside a loop.
pub fn reserve(bytes: usize) -> Result<()> {
    let idle = POOL.with(|pool| pool.borrow().idle);
    if bytes <= idle {
        return Ok(());
    }
    let wanted = bytes - idle;
    let layout = Layout::from_size_align(wanted, ALIGN).map_err(|_| too_much(bytes))?;
    // SAFETY: size above zero; given back at once, so the allocator keeps the grown memory as its own free space.
    unsafe {
        let pointer = alloc(layout);
        if pointer.is_null() {
            return Err(too_much(bytes));
        }
        dealloc(pointer, layout);
    }
    Ok(())
}

fn too_much(bytes: usize) -> Error {
    Error::new(ErrorCode::OutOfMemory, format!("reserve({bytes}): that much memory is not to be had"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_asked_for() {
        for bytes in (0..4096).chain([1 << 20, (1 << 20) + 1, 3_000_000, 1 << 29]) {
            let class = class_of(bytes);
            assert!(class_bytes(class).unwrap() >= bytes, "{bytes}");
            assert!(class == 0 || bytes <= 64 || class_bytes(class).unwrap() <= bytes + bytes / 4 + 64, "{bytes}");
        }
    }

    #[test]
    fn a_freed_buffer_is_found_again_and_limits_hold() {
        let first = Buffer::new(1000).unwrap();
        let address = first.pointer();
        assert_eq!(address as usize % ALIGN, 0);
        let (live, _) = usage();
        drop(first);
        assert!(usage().0 < live);
        let second = Buffer::new(1000).unwrap();
        assert_eq!(second.pointer(), address);
        set_limit(usage().0 + 100);
        assert_eq!(Buffer::new(1000).err().unwrap().code, ErrorCode::OutOfMemory);
        set_limit(usize::MAX);
        assert!(Buffer::new(1000).is_ok());
    }
}
