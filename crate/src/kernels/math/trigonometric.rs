//! x = k π/2 + r with |r| <= π/4; sin r and cos r by polynomials, chosen and signed by k mod 4. π/2 is taken in parts whose
//! products with k are exact (Cody and Waite). f32 reduces in f64. Arguments too large for the parts are left to libm, whose
//! reduction (M. Payne and R. Hanek) is exact for all of them.

use super::{polynomial, Elementary};
use crate::kernels::lane::{f32x4, f64x2, i32x4, i64x2, patch, Bits, Lane};

/// r + tail, and k in the low bits.
pub struct Reduced<L: Lane> {
    r: L,
    tail: L,
    quadrant: L::Bits,
}

pub trait Circular: Elementary {
    /// The reduction holds for |x| below.
    const REDUCIBLE: f64;
    /// Whether `tail` is ever other than 0.
    const TAILED: bool;
    /// Moves bit 1 to the sign bit.
    const TO_SIGN: u32;
    fn reduce(self) -> Reduced<Self>;
}

impl Circular for f64x2 {
    const REDUCIBLE: f64 = 1_000_000.0;
    const TAILED: bool = true;
    const TO_SIGN: u32 = 62;
    /// π/2 in parts of 33, 33 and 53 bits, k below 2^20. The second difference is kept with its error.
    #[inline(always)]
    fn reduce(self) -> Reduced<f64x2> {
        let rounded = self.mul_add(Self::of(std::f64::consts::FRAC_2_PI), Self::of(Self::ROUNDER));
        let k = rounded - Self::of(Self::ROUNDER);
        let first = self - k * Self::of(1.5707963267341256);
        let second = k * Self::of(6.077100506303966e-11);
        let difference = first - second;
        let part = difference - first;
        let error = (first - (difference - part)) - (second + part);
        let third = k * Self::of(2.0222662487959506e-21) - error;
        let r = difference - third;
        Reduced { r, tail: (difference - r) - third, quadrant: rounded.bits() }
    }
}

impl Circular for f32x4 {
    const REDUCIBLE: f64 = 4_000_000.0;
    const TAILED: bool = false;
    const TO_SIGN: u32 = 30;
    #[inline(always)]
    fn reduce(self) -> Reduced<f32x4> {
        let (low, high) = self.widen();
        let (low, low_quadrant) = reduce_wide(low);
        let (high, high_quadrant) = reduce_wide(high);
        Reduced { r: f32x4::narrow(low, high), tail: f32x4::of(0.0), quadrant: i32x4::low_halves(low_quadrant, high_quadrant) }
    }
}

/// π/2 in parts of 30 and 53 bits, k below 2^23: 83 bits are enough for every f32.
#[inline(always)]
fn reduce_wide(x: f64x2) -> (f64x2, i64x2) {
    let rounded = x.mul_add(f64x2::of(std::f64::consts::FRAC_2_PI), f64x2::of(f64x2::ROUNDER));
    let k = rounded - f64x2::of(f64x2::ROUNDER);
    let r = k.mul_sub_from(f64x2::of(9.920935796805404e-10), k.mul_sub_from(f64x2::of(1.570796325802803), x));
    (r, rounded.bits())
}

/// sin(r + tail) = r + (r³ S(r²) + tail (1 - r²/2))
#[inline(always)]
fn sine<L: Circular>(r: L, tail: L) -> L {
    let z = r * r;
    let cubic = r * z * polynomial(z, L::SIN);
    r + if L::TAILED { cubic + (tail - z * L::of(0.5) * tail) } else { cubic }
}

/// cos(r + tail) = 1 - r²/2 + (r⁴ C(r²) - r tail), with the rounding error of 1 - r²/2
#[inline(always)]
fn cosine<L: Circular>(r: L, tail: L) -> L {
    let z = r * r;
    let half = z * L::of(0.5);
    let leading = L::of(1.0) - half;
    let error = (L::of(1.0) - leading) - half;
    let quartic = z * z * polynomial(z, L::COS);
    leading + (error + if L::TAILED { quartic - r * tail } else { quartic })
}

/// sin(x + turns π/2)
#[inline(always)]
fn shifted<L: Circular>(x: L, turns: i64, exact: fn(f64) -> f64) -> L {
    let Reduced { r, tail, quadrant } = x.reduce();
    let quadrant = quadrant + L::Bits::of(turns);
    let odd = L::Bits::of(0) - (quadrant & L::Bits::of(1));
    let value = L::select(odd, cosine(r, tail), sine(r, tail));
    let y = value.flip((quadrant & L::Bits::of(2)).shift_left(L::TO_SIGN));
    finish(x, y, exact)
}

#[inline(always)]
fn finish<L: Circular>(x: L, y: L, exact: fn(f64) -> f64) -> L {
    let large = !x.abs().lt(L::of(L::REDUCIBLE));
    if large.any() {
        return patch(x, y, large, exact);
    }
    y
}

/// sin x
#[inline(always)]
pub fn sin<L: Circular>(x: L) -> L {
    shifted(x, 0, libm::sin)
}

/// cos x
#[inline(always)]
pub fn cos<L: Circular>(x: L) -> L {
    shifted(x, 1, libm::cos)
}

/// sin x / cos x: sin r / cos r, or -cos r / sin r in the odd quadrants
#[inline(always)]
pub fn tan(x: f64x2) -> f64x2 {
    let Reduced { r, tail, quadrant } = x.reduce();
    let (s, c) = (sine(r, tail), cosine(r, tail));
    let odd = i64x2::of(0) - (quadrant & i64x2::of(1));
    let quotient = f64x2::select(odd, c, s) / f64x2::select(odd, s, c);
    finish(x, quotient.flip(odd & f64x2::of(-0.0).bits()), libm::tan)
}
