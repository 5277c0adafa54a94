//! Buffers in size classes, 64-byte aligned, allocated fallibly and reused: wasm memory never shrinks, so a
//! training loop must find last step's buffers again. Four classes to an octave waste at most a fifth.

use crate::error::Result;
use crate::memory::room::{forced_to_fail, refuse};
use std::alloc::{alloc, dealloc, Layout};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

const ALIGN: usize = 64;
const CLASSES: usize = 4 * 27;
/// Below this it is not worth giving idle buffers back.
const KEPT_IDLE: usize = 4 << 20;

#[derive(Default)]
pub struct Pool {
    free: Vec<Vec<Rc<Block>>>,
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
    // Rounded up; a shift, because the octave is not known to be one to the compiler.
    let quarter = (((bytes - 1) >> (4 + octave)) as usize + 1).saturating_sub(4);
    4 * octave + quarter
}

/// One allocation, or the place of somebody else's numbers. Its counts go with it through the pool: making them anew for each tensor would
/// cost as much as a small op.
struct Block {
    pointer: Cell<NonNull<u8>>,
    class: usize,
}

/// The class of a block that owns nothing.
const BORROWED: usize = usize::MAX;

impl Drop for Block {
    fn drop(&mut self) {
        if self.class != BORROWED {
            release(self.pointer.get(), class_bytes(self.class).unwrap_or(0));
        }
    }
}

/// Memory for numbers, counted: it goes back to its class when the last view of it is dropped.
pub struct Buffer(ManuallyDrop<Rc<Block>>);

impl Buffer {
    /// Uninitialised memory for `bytes` bytes, or `OutOfMemory` with nothing changed.
    pub fn new(bytes: usize) -> Result<Buffer> {
        match POOL.with(|pool| pool.borrow_mut().take(bytes)) {
            Some(block) => Ok(Buffer(ManuallyDrop::new(block))),
            None => Err(refuse(bytes)),
        }
    }

    /// A buffer that owns nothing, and lies wherever it is aimed at last.
    pub fn borrowed() -> Buffer {
        Buffer(ManuallyDrop::new(Rc::new(Block { pointer: Cell::new(NonNull::dangling()), class: BORROWED })))
    }

    /// Only for a `borrowed` one: from now on its numbers are those at `address`.
    pub fn aim(&self, address: *mut u8) {
        debug_assert_eq!(self.0.class, BORROWED);
        if let Some(pointer) = NonNull::new(address) {
            self.0.pointer.set(pointer);
        }
    }

    #[inline]
    pub fn pointer(&self) -> *mut u8 {
        self.0.pointer.get().as_ptr()
    }

    /// What the class has room for.
    pub fn bytes(&self) -> usize {
        class_bytes(self.0.class).unwrap_or(0)
    }

    /// How many hold it.
    #[inline]
    pub fn sharers(&self) -> usize {
        Rc::strong_count(&self.0)
    }
}

impl Clone for Buffer {
    #[inline]
    fn clone(&self) -> Buffer {
        Buffer(self.0.clone())
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: not used after this.
        let block = unsafe { ManuallyDrop::take(&mut self.0) };
        if Rc::strong_count(&block) == 1 && block.class != BORROWED {
            // At thread exit the pool may be gone first; the allocation then goes with the block.
            let _ = POOL.try_with(|pool| pool.borrow_mut().put(block));
        }
    }
}

impl Pool {
    /// A block for `bytes` bytes, if there is one to be had.
    fn take(&mut self, bytes: usize) -> Option<Rc<Block>> {
        let class = class_of(bytes);
        let size = class_bytes(class).filter(|_| class < CLASSES)?;
        if forced_to_fail() {
            return None;
        }
        let block = match self.free.get_mut(class).and_then(Vec::pop) {
            Some(block) => {
                self.idle -= size;
                block
            }
            None => self.fresh(class, size)?,
        };
        self.live += size;
        IN_USE.store(self.live as u32, Ordering::Relaxed);
        self.peak = self.peak.max(self.live);
        Some(block)
    }

    /// A block of a class that has none idle. Where more lies idle in other classes than is in use, it is given back first, so that
    /// the allocator can cut it to the sizes wanted now instead of growing the memory.
    #[cold]
    fn fresh(&mut self, class: usize, size: usize) -> Option<Rc<Block>> {
        if self.free.is_empty() {
            self.free.resize_with(CLASSES, Vec::new);
        }
        if self.idle >= KEPT_IDLE.max(self.live).max(size) {
            self.trim();
        }
        let pointer = allocate(size).or_else(|| {
            self.trim();
            allocate(size)
        })?;
        Some(Rc::new(Block { pointer: Cell::new(pointer), class }))
    }

    fn put(&mut self, block: Rc<Block>) {
        let size = class_bytes(block.class).unwrap_or(0);
        self.live -= size;
        IN_USE.store(self.live as u32, Ordering::Relaxed);
        let free = &mut self.free[block.class];
        // Where the list cannot grow the block is given back instead.
        if free.len() < free.capacity() || free.try_reserve(1).is_ok() {
            self.idle += size;
            free.push(block);
        }
    }

    /// Gives idle buffers back to the allocator.
    fn trim(&mut self) {
        self.free.iter_mut().for_each(|blocks| drop(std::mem::take(blocks)));
        self.idle = 0;
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
