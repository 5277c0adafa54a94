//! Powers, lengths, remainders.

use super::exponential::exp;
use super::inverse;
use super::logarithm::log;
use super::Elementary;
use crate::kernels::lane::{f32x4, f64x2, Lane};

/// x^y of numbers that were f32: e^(y ln |x|) in f64, whose error of 2^-52 |y ln x| < 2^-45 is nothing in f32. The rest
/// are the rules of IEEE 754: pow(x, 0) = pow(1, y) = pow(-1, ±Infinity) = 1; for x < 0 an odd y gives the sign, a y that is no
/// integer gives NaN.
#[inline(always)]
fn pow_wide(x: f64x2, y: f64x2) -> f64x2 {
    let (zero, one) = (f64x2::of(0.0), f64x2::of(1.0));
    let magnitude = exp(y * log(x.abs()));
    let integer = y.trunc().eq(y);
    let half = y * f64x2::of(0.5);
    let odd = integer & half.trunc().ne(half);
    let signed = magnitude.flip(x.sign_bits() & odd);
    let undefined = x.lt(zero) & f64x2::of(f64::NEG_INFINITY).lt(x) & !integer;
    let value = f64x2::select(undefined, f64x2::of(f64::NAN), signed);
    let to_one = y.eq(zero) | x.eq(one) | (x.abs().eq(one) & y.abs().eq(f64x2::of(f64::INFINITY)));
    f64x2::select(to_one, one, value)
}

/// x^y
#[inline(always)]
pub fn pow_f32(x: f32x4, y: f32x4) -> f32x4 {
    pairwise(x, y, pow_wide)
}

/// √(x² + y²): in f64 neither square overflows or vanishes. Infinity wins over NaN.
#[inline(always)]
pub fn hypot_f32(x: f32x4, y: f32x4) -> f32x4 {
    let length = pairwise(x, y, |x, y| (x * x + y * y).sqrt());
    infinite_where(x, y, length)
}

/// √(x² + y²), both scaled by a power of two where a square would overflow or lose bits.
#[inline(always)]
pub fn hypot_f64(x: f64x2, y: f64x2) -> f64x2 {
    let (x, y) = (x.abs(), y.abs());
    let larger = x.maximum(y);
    let (large, small) = (f64x2::of(1e150).lt(larger), larger.lt(f64x2::of(1e-140)));
    let down = f64x2::select(large, f64x2::of(TWO_TO_MINUS_600), f64x2::select(small, f64x2::of(TWO_TO_600), f64x2::of(1.0)));
    let up = f64x2::select(large, f64x2::of(TWO_TO_600), f64x2::select(small, f64x2::of(TWO_TO_MINUS_600), f64x2::of(1.0)));
    let (a, b) = (x * down, y * down);
    infinite_where(x, y, (a * a + b * b).sqrt() * up)
}

const TWO_TO_600: f64 = f64::from_bits((600 + 1023) << 52);
const TWO_TO_MINUS_600: f64 = f64::from_bits((1023 - 600) << 52);

#[inline(always)]
fn infinite_where<L: Elementary>(x: L, y: L, length: L) -> L {
    let infinite = L::of(f64::INFINITY);
    L::select(x.abs().eq(infinite) | y.abs().eq(infinite), infinite, length)
}

/// The angle of (x, y)
#[inline(always)]
pub fn atan2_f32(y: f32x4, x: f32x4) -> f32x4 {
    pairwise(y, x, inverse::atan2)
}

/// x ln y, 0 where x = 0, unless y is NaN
#[inline(always)]
pub fn xlogy<L: Elementary>(x: L, y: L) -> L {
    let nothing = x.eq(L::of(0.0)) & y.eq(y);
    L::select(nothing, L::of(0.0), x * log(y))
}

/// A function of two f64 on numbers that were f32.
#[inline(always)]
pub fn pairwise(x: f32x4, y: f32x4, f: impl Fn(f64x2, f64x2) -> f64x2) -> f32x4 {
    let ((x_low, x_high), (y_low, y_high)) = (x.widen(), y.widen());
    f32x4::narrow(f(x_low, y_low), f(x_high, y_high))
}

/// The remainder with the sign of the dividend, exact. Where the quotient has fewer than 29 bits, its product with b is exact
/// in f64, and the quotient's rounding to the integer above shows in the sign.
#[inline(always)]
pub fn fmod_f32(a: f32, b: f32) -> f32 {
    let (wide, divisor) = ((a as f64).abs(), (b as f64).abs());
    let quotient = wide / divisor;
    if !(quotient < 536_870_912.0) || divisor == f64::INFINITY {
        return libm::fmodf(a, b);
    }
    let remainder = wide - quotient.trunc() * divisor;
    let remainder = if remainder < 0.0 { remainder + divisor } else { remainder };
    (remainder as f32).copysign(a)
}

/// The remainder with the sign of the divisor.
#[inline(always)]
pub fn mod_f32(a: f32, b: f32) -> f32 {
    let remainder = fmod_f32(a, b);
    if remainder == 0.0 {
        remainder.copysign(b)
    } else if (remainder < 0.0) != (b < 0.0) {
        remainder + b
    } else {
        remainder
    }
}

/// As `mod_f32`.
#[inline(always)]
pub fn mod_f64(a: f64, b: f64) -> f64 {
    let remainder = libm::fmod(a, b);
    if remainder == 0.0 {
        remainder.copysign(b)
    } else if (remainder < 0.0) != (b < 0.0) {
        remainder + b
    } else {
        remainder
    }
}
