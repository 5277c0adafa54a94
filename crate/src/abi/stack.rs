//! Whether enough of the host's stack is left. WebAssembly's frames lie on it, its end is a trap, and a trap in the middle of a call
//! leaves the engine as it was at that instruction. So each call asks first: a function with a large frame is called, and because
//! hosts compare the whole frame with the limit on entry, a stack that is too short shows itself before anything has changed. User
//! code that recurses without end gets an error; the engine lives on.

/// Frames asked for when no transform is open: far more than an op needs, but the host must be able to make the error as well, for
/// which it may have to compile functions that never ran. Every open level handles an op by calling `bind` again: so many add a frame.
const BASE_FRAMES: u32 = 3;
const LEVELS_PER_FRAME: u32 = 8;

/// Traps where less is left than a call needs with that many levels open.
#[cfg(target_arch = "wasm32")]
#[inline]
pub fn probe(levels: usize) {
    // The address is 0, and nobody can tell: the branch that fills the frame is never taken.
    frames(BASE_FRAMES + levels as u32 / LEVELS_PER_FRAME, std::hint::black_box(0));
}

/// On the host a test's stack is large and overflowing it ends the process anyway.
#[cfg(not(target_arch = "wasm32"))]
pub fn probe(_: usize) {
    let _ = (BASE_FRAMES, LEVELS_PER_FRAME);
}

/// `count` frames of 16 KB each.
#[cfg(target_arch = "wasm32")]
#[inline(never)]
fn frames(count: u32, address: usize) {
    if count > 1 {
        frames(count - 1, address);
    }
    if address != 0 {
        // SAFETY: never run.
        unsafe {
            frame::hold_1024(address as *mut _, || {
                crate::inspect::now();
            })
        }
    }
}

/// Values alive across a call must lie in the frame, and the compiler may not move a load over a call: so the frame is as large
/// as what is loaded before and used after it.
#[cfg(target_arch = "wasm32")]
mod frame {
    use core::arch::wasm32::{v128, v128_load, v128_store, v128_xor};

    #[inline(always)]
    unsafe fn hold_8(at: *mut v128, inner: impl FnOnce()) {
        let x: [v128; 4] = [v128_load(at), v128_load(at.add(1)), v128_load(at.add(2)), v128_load(at.add(3))];
        let y: [v128; 4] = [v128_load(at.add(4)), v128_load(at.add(5)), v128_load(at.add(6)), v128_load(at.add(7))];
        inner();
        let x = v128_xor(v128_xor(x[0], x[1]), v128_xor(x[2], x[3]));
        let y = v128_xor(v128_xor(y[0], y[1]), v128_xor(y[2], y[3]));
        v128_store(at, v128_xor(x, y));
    }

    macro_rules! eight_times {
        ($name:ident, $part:ident, $size:expr) => {
            #[inline(always)]
            pub unsafe fn $name(at: *mut v128, inner: impl FnOnce()) {
                let next = |i: usize| at.add(i * $size);
                $part(next(0), || {
                    $part(next(1), || {
                        $part(next(2), || $part(next(3), || $part(next(4), || $part(next(5), || $part(next(6), || $part(next(7), inner))))))
                    })
                })
            }
        };
    }

    eight_times!(hold_64, hold_8, 8);
    eight_times!(hold_512, hold_64, 64);

    #[inline(always)]
    pub unsafe fn hold_1024(at: *mut v128, inner: impl FnOnce()) {
        hold_512(at, || hold_512(at.add(512), inner))
    }
}
