//! x = 2^k m with m in [√½, √2), f = m - 1, s = f/(2 + f):
//!   ln m = ln((1 + s)/(1 - s)) = f - (f²/2 - s (f²/2 + R(s²))),   R(z) = z (2/3 + 2/5 z + ...)
//! The form keeps f, which is exact, apart from everything that is rounded (W. Kahan, in 4.3BSD's libm).

use super::{polynomial, Elementary};
use crate::kernels::lane::Bits;

/// ln m = f - (half_square - tail), and k.
struct Parts<L> {
    k: L,
    f: L,
    half_square: L,
    tail: L,
}

impl<L: Elementary> Parts<L> {
    #[inline(always)]
    fn of(k: L, f: L) -> Self {
        let s = f / (f + L::of(2.0));
        let z = s * s;
        let half_square = f * f * L::of(0.5);
        Parts { k, f, half_square, tail: s * z.mul_add(polynomial(z, L::LOG), half_square) }
    }

    /// k ln 2 + ln m + correction
    #[inline(always)]
    fn natural(&self, correction: L) -> L {
        let lower = self.k.mul_add(L::of(L::LN_2.1), correction);
        self.k * L::of(L::LN_2.0) - ((self.half_square - (self.tail + lower)) - self.f)
    }
}

/// Of a normal x > 0; `shift` is added to the exponent.
#[inline(always)]
fn parts<L: Elementary>(x: L, shift: L) -> Parts<L> {
    let one = L::of(1.0).bits();
    let root_half = L::of(std::f64::consts::FRAC_1_SQRT_2).bits();
    let offset = x.bits() + (one - root_half);
    // The biased exponent as the low bits of a number 2^MANTISSA + exponent.
    let magic = L::of((1u64 << L::MANTISSA) as f64);
    let k = L::from_bits(offset.shift_right(L::MANTISSA) | magic.bits()) - (magic + L::of(L::BIAS as f64)) + shift;
    let mantissa = offset & L::Bits::of((1i64 << L::MANTISSA) - 1);
    Parts::of(k, L::from_bits(mantissa + root_half) - L::of(1.0))
}

/// Finishes a logarithm for any x: subnormal numbers are scaled first; 0, negative numbers, Infinity and NaN are patched.
#[inline(always)]
fn of_any<L: Elementary>(x: L, finish: impl Fn(Parts<L>) -> L) -> L {
    let usual = L::of(L::SMALLEST_NORMAL).le(x) & x.lt(L::of(f64::INFINITY));
    let rare = (!usual).any();
    let (mut scaled, mut shift) = (x, L::of(0.0));
    if rare {
        let small = x.lt(L::of(L::SMALLEST_NORMAL));
        scaled = L::select(small, x * L::of(((1u64) << (L::MANTISSA + 1)) as f64), x);
        shift = L::select(small, L::of(-((L::MANTISSA + 1) as f64)), shift);
    }
    let y = finish(parts(scaled, shift));
    if !rare {
        return y;
    }
    // Infinity and NaN stay what they are; below 0 there is no logarithm.
    let limit = L::select(x.lt(L::of(0.0)), L::of(f64::NAN), x);
    let limit = L::select(x.eq(L::of(0.0)), L::of(f64::NEG_INFINITY), limit);
    L::select(L::of(0.0).lt(x) & x.lt(L::of(f64::INFINITY)), y, limit)
}

/// ln x
#[inline(always)]
pub fn log<L: Elementary>(x: L) -> L {
    of_any(x, |p| p.natural(L::of(0.0)))
}

/// k·octave + ln m · scale, with every product of leading parts exact
#[inline(always)]
fn scaled<L: Elementary>(p: Parts<L>, octave: (f64, f64), scale: (f64, f64)) -> L {
    let leading = L::from_bits((p.f - p.half_square).bits() & L::Bits::of(L::UPPER_HALF));
    let rest = ((p.f - leading) - p.half_square) + p.tail;
    let major = p.k * L::of(octave.0);
    let minor = leading * L::of(scale.0);
    let sum = major + minor;
    let error = (major - sum) + minor;
    sum + (error + ((rest + leading) * L::of(scale.1) + rest * L::of(scale.0) + p.k * L::of(octave.1)))
}

/// log2 x
#[inline(always)]
pub fn log2<L: Elementary>(x: L) -> L {
    of_any(x, |p| scaled(p, (1.0, 0.0), L::PER_LN_2))
}

/// log10 x
#[inline(always)]
pub fn log10<L: Elementary>(x: L) -> L {
    of_any(x, |p| scaled(p, L::LOG10_2, L::PER_LN_10))
}

/// ln(1 + x): u = 1 + x rounded, and the error of the rounding through ln(u + error) = ln u + error/u.
#[inline(always)]
pub fn log1p<L: Elementary>(x: L) -> L {
    let one = L::of(1.0);
    let u = one + x;
    let part = u - one;
    let error = (one - (u - part)) + (x - part);
    let y = parts(u, L::of(0.0)).natural(error / u);
    let limit = L::select(x.lt(L::of(-1.0)), L::of(f64::NAN), x);
    let limit = L::select(x.eq(L::of(-1.0)), L::of(f64::NEG_INFINITY), limit);
    let usual = L::of(-1.0).lt(x) & x.lt(L::of(f64::INFINITY)) & L::of(L::TINY).le(x.abs());
    L::select(usual, y, limit)
}

/// ln(1 + x) for 0 <= x <= 1, where m = 1 + x or (1 + x)/2 and f = x or (x - 1)/2 need no rounding.
#[inline(always)]
pub fn log1p_of_fraction<L: Elementary>(x: L) -> L {
    let upper = L::of(std::f64::consts::SQRT_2 - 1.0).lt(x);
    let f = L::select(upper, (x - L::of(1.0)) * L::of(0.5), x);
    Parts::of(L::select(upper, L::of(1.0), L::of(0.0)), f).natural(L::of(0.0))
}
