//! The allocator of the WebAssembly build: the standard one, with two habits.
//!
//! - **The memory grows geometrically.** The standard allocator asks the host for what one request needs; each growth makes a new
//!   ArrayBuffer, which is slow where much is alive. Whoever makes it grow here makes it grow by a quarter more.
//! - **Small requests do not fail.** A reserve is given up when the host has no more, so that whatever is small (a list of a few
//!   dims, the text of an error) finds room. Whatever may be large asks fallibly, see `room`. While the reserve is gone nothing
//!   new is made: see `is_short`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 65536;
/// A growth is at least this much, at most that.
const LEAST: usize = 1 << 20;
const MOST: usize = 64 << 20;
/// The largest request that may have of the reserve, and of how many blocks of that size the reserve is. In pieces, because it must be
/// had back from a memory that is full of other things. With fewer than `ENOUGH` of them nothing new is made.
const SMALL: usize = 64 << 10;
const BLOCKS: usize = 16;
const ENOUGH: usize = 4;

/// Pages of the memory as last seen.
static PAGES: AtomicUsize = AtomicUsize::new(0);
/// Addresses of the reserve's blocks; 0 = not had.
static HELD: [AtomicUsize; BLOCKS] = [const { AtomicUsize::new(0) }; BLOCKS];
/// Some of the reserve was given up and is not back.
static SHORT: AtomicUsize = AtomicUsize::new(0);
struct Growing;

#[global_allocator]
static ALLOCATOR: Growing = Growing;

const fn reserve_layout() -> Layout {
    // SAFETY: 16 is a power of two.
    unsafe { Layout::from_size_align_unchecked(SMALL, 16) }
}

fn pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

// SAFETY: every block comes from `System` and goes back to it with the layout it was made with.
unsafe impl GlobalAlloc for Growing {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let pointer = System.alloc(layout);
        if pointer.is_null() {
            return from_the_reserve(layout, || System.alloc(layout));
        }
        if pages() != PAGES.load(Relaxed) {
            note_growth();
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout);
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let moved = System.realloc(pointer, layout, size);
        if moved.is_null() {
            return from_the_reserve(Layout::from_size_align_unchecked(size, layout.align()), || System.realloc(pointer, layout, size));
        }
        if pages() != PAGES.load(Relaxed) {
            note_growth();
        }
        moved
    }
}

/// After a request that made the memory grow: grow on, in one step.
#[cold]
fn note_growth() {
    let ahead = (pages() * PAGE / 4).clamp(LEAST, MOST);
    make_room(ahead);
    take_reserve();
    PAGES.store(pages(), Relaxed);
}

/// Takes blocks of `bytes` bytes together and gives them back: the memory has room for them then. Whether they could be had.
pub fn make_room(bytes: usize) -> bool {
    let mut blocks: [(*mut u8, usize); 8] = [(std::ptr::null_mut(), 0); 8];
    let mut left = bytes;
    let mut enough = true;
    for block in &mut blocks {
        // One block is at most 2 GiB; less, so that what is there already in pieces is made use of.
        let size = left.min(1 << 30);
        if size == 0 {
            break;
        }
        // SAFETY: the size is above zero. Through `black_box`: the optimiser removes an allocation that nobody looks at.
        let pointer = black_box(unsafe { System.alloc(Layout::from_size_align_unchecked(size, 16)) });
        if pointer.is_null() {
            enough = false;
            break;
        }
        *block = (pointer, size);
        left -= size;
    }
    for (pointer, size) in blocks {
        if !pointer.is_null() {
            // SAFETY: made above, with this layout.
            unsafe { System.dealloc(pointer, Layout::from_size_align_unchecked(size, 16)) };
        }
    }
    enough
}

/// Whether the reserve is there; takes it (again) where it can be had.
fn take_reserve() -> bool {
    let mut held = 0;
    for block in &HELD {
        if block.load(Relaxed) == 0 {
            // SAFETY: its size is above zero.
            block.store(unsafe { System.alloc(reserve_layout()) } as usize, Relaxed);
        }
        held += (block.load(Relaxed) != 0) as usize;
    }
    SHORT.store((held < BLOCKS) as usize, Relaxed);
    held >= ENOUGH
}

/// Whether the reserve was given up and cannot be had back: nothing new is to be made then.
#[inline]
pub fn is_short() -> bool {
    SHORT.load(Relaxed) != 0 && still_short()
}

#[cold]
fn still_short() -> bool {
    crate::memory::pool::trim();
    !take_reserve()
}

/// A small request that the host refused: the reserve is there for it.
#[cold]
unsafe fn from_the_reserve(layout: Layout, again: impl Fn() -> *mut u8) -> *mut u8 {
    if layout.size() <= SMALL {
        for block in &HELD {
            let held = block.swap(0, Relaxed);
            if held != 0 {
                SHORT.store(1, Relaxed);
                System.dealloc(held as *mut u8, reserve_layout());
                let pointer = again();
                if !pointer.is_null() {
                    return pointer;
                }
            }
        }
    }
    std::ptr::null_mut()
}
