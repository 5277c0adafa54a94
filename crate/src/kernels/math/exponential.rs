//! e^x = 2^k e^r with k = round(x / ln 2), r = x - k ln 2; e^r by a polynomial. The exponent is split into two halves,
//! e^x = (e^r 2^(k/2)) 2^(k/2), so that results near the largest number do not overflow on the way and those below the
//! smallest normal one lose their bits gradually, rounded once.

use super::logarithm::log1p_of_fraction;
use super::{polynomial, Elementary};
use crate::kernels::lane::{f32x4, f64x2, Bits, Lane};

/// (1 + excess)·a·b, kept apart until the end.
pub struct Parts<L> {
    /// e^r - 1
    pub excess: L,
    /// 2^k in two factors.
    pub a: L,
    pub b: L,
}

impl<L: Lane> Parts<L> {
    /// (1 + excess)·a
    #[inline(always)]
    fn first(&self) -> L {
        (self.excess + L::of(1.0)) * self.a
    }

    #[inline(always)]
    fn value(&self) -> L {
        self.first() * self.b
    }

    /// factor·(1 + excess)·a: f + f·excess is rounded once less than f·(1 + excess).
    #[inline(always)]
    pub fn times(&self, factor: L) -> L {
        factor.mul_add(self.excess, factor) * self.a
    }
}

/// e^r 2^k for |r| <= ln 2 / 2, where `rounded` = k + ROUNDER.
#[inline(always)]
fn assemble<L: Elementary>(r: L, rounded: L) -> Parts<L> {
    // The low bits of `rounded` hold k. With k + 2 BIAS >= 0 a shift halves it, and both halves come with their bias.
    let both = rounded.bits() - (L::of(L::ROUNDER).bits() - L::Bits::of(2 * L::BIAS));
    let half = both.shift_right(1);
    Parts { excess: (r * r).mul_add(polynomial(r, L::EXP), r), a: L::power_of_two(half), b: L::power_of_two(both - half) }
}

/// x - k ln 2 without its last part, k, and k + ROUNDER.
#[inline(always)]
fn reduce<L: Elementary>(x: L) -> (L, L, L) {
    let x = x.at_least(L::of(L::EXP_RANGE.0)).at_most(L::of(L::EXP_RANGE.1));
    let rounded = x.mul_add(L::of(std::f64::consts::LOG2_E), L::of(L::ROUNDER));
    let k = rounded - L::of(L::ROUNDER);
    (k.mul_sub_from(L::of(L::LN_2.0), x), k, rounded)
}

#[inline(always)]
fn exp_parts<L: Elementary>(x: L) -> Parts<L> {
    let (r, k, rounded) = reduce(x);
    assemble(k.mul_sub_from(L::of(L::LN_2.1), r), rounded)
}

/// e^(x + rest) for a `rest` that carries the digits x has lost.
#[inline(always)]
pub fn exp_of_sum<L: Elementary>(x: L, rest: L) -> Parts<L> {
    let (r, k, rounded) = reduce(x);
    assemble(r + k.mul_sub_from(L::of(L::LN_2.1), rest), rounded)
}

/// e^x
#[inline(always)]
pub fn exp<L: Elementary>(x: L) -> L {
    exp_parts(x).value()
}

/// 2^x = 2^k e^((x - k) ln 2)
#[inline(always)]
pub fn exp2<L: Elementary>(x: L) -> L {
    let per_ln_2 = std::f64::consts::LOG2_E;
    let x = x.at_least(L::of(L::EXP_RANGE.0 * per_ln_2)).at_most(L::of(L::EXP_RANGE.1 * per_ln_2));
    let rounded = x + L::of(L::ROUNDER);
    let r = (x - (rounded - L::of(L::ROUNDER))) * L::of(std::f64::consts::LN_2);
    assemble(r, rounded).value()
}

/// (e^x - 1)/4, which no x with a finite sinh overflows:
///   e^x - 1 = (2^k - 1 + 2^k r) + 2^k (e^r - 1 - r),
/// the bracket with its rounding error. r comes with a correction of its own.
#[inline(always)]
fn quarter_expm1<L: Elementary>(x: L) -> L {
    let clamped = x.at_least(L::of(L::EXPM1_FLOOR)).at_most(L::of(L::EXP_RANGE.1));
    let rounded = clamped.mul_add(L::of(std::f64::consts::LOG2_E), L::of(L::ROUNDER));
    let k = rounded - L::of(L::ROUNDER);
    let upper = k.mul_sub_from(L::of(L::LN_2.0), clamped);
    let lower = k * L::of(L::LN_2.1);
    let r = upper - lower;
    let correction = (upper - r) - lower;
    let scale = L::power_of_two(rounded.bits() - (L::of(L::ROUNDER).bits() - L::Bits::of(L::BIAS - 2)));
    let (one, linear) = (scale - L::of(0.25), scale * r);
    let sum = one + linear;
    let error = (one - sum) + linear;
    let curved = (r * r).mul_add(polynomial(r, L::EXP), correction.mul_add(r, correction));
    sum + scale.mul_add(curved, error)
}

/// e^x - 1
#[inline(always)]
pub fn expm1<L: Elementary>(x: L) -> L {
    L::select(x.abs().lt(L::of(L::TINY)), x, quarter_expm1(x) * L::of(4.0))
}

/// tanh |x| = t/(t + 2), t = e^(2|x|) - 1; 1 - 2/(t + 2) where that is above 1/2
#[inline(always)]
pub fn tanh<L: Elementary>(x: L) -> L {
    // Far beyond the last bit of 1 - 2/(t + 2), and far from overflow.
    let t = quarter_expm1((x.abs() * L::of(2.0)).at_most(L::of(64.0))) * L::of(4.0);
    let near = x.abs().lt(L::of(0.55));
    let quotient = L::select(near, t, L::of(2.0)) / (t + L::of(2.0));
    let value = L::select(near, quotient, L::of(1.0) - quotient);
    L::select(x.abs().lt(L::of(L::TINY)), x, value.flip(x.sign_bits()))
}

/// sinh |x| = (t + t/(t + 1))/2, t = e^|x| - 1
#[inline(always)]
pub fn sinh<L: Elementary>(x: L) -> L {
    let quarter = quarter_expm1(x.abs());
    let t = quarter * L::of(4.0);
    // Where t overflows its part is nothing.
    let part = L::select(t.lt(L::of(f64::INFINITY)), quarter / (t + L::of(1.0)), L::of(0.0));
    L::select(x.abs().lt(L::of(L::TINY)), x, ((quarter + part) * L::of(2.0)).flip(x.sign_bits()))
}

/// cosh x = h + 1/(4h), h = e^|x|/2
#[inline(always)]
pub fn cosh<L: Elementary>(x: L) -> L {
    let e = exp_parts(x.abs());
    let half = e.first() * (e.b * L::of(0.5));
    half + L::of(0.25) / half
}

/// 1/(1 + e^-x) where x >= 0, e^x/(1 + e^x) elsewhere
#[inline(always)]
pub fn sigmoid<L: Elementary>(x: L) -> L {
    let e = exp(-x.abs());
    L::select(x.lt(L::of(0.0)), e, L::of(1.0)) / (e + L::of(1.0))
}

/// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)
#[inline(always)]
pub fn softplus<L: Elementary>(x: L) -> L {
    x.at_least(L::of(0.0)) + log1p_of_fraction(exp(-x.abs()))
}

/// ln sigmoid x = -softplus(-x)
#[inline(always)]
pub fn log_sigmoid<L: Elementary>(x: L) -> L {
    x.at_most(L::of(0.0)) - log1p_of_fraction(exp(-x.abs()))
}

/// ln(e^x + e^y) = max(x, y) + ln(1 + e^-|x - y|)
#[inline(always)]
pub fn log_add_exp<L: Elementary>(x: L, y: L) -> L {
    let larger = x.maximum(y);
    let difference = L::select(x.eq(y), L::of(0.0), x - y);
    larger + log1p_of_fraction(exp(-difference.abs()))
}

/// x sigmoid(v + rest), where v has the sign of x. For x < 0 the numerator is (x a) b with e^v = a b: x e^v keeps the bits
/// that e^v alone would have lost below the smallest normal number.
#[inline(always)]
fn times_sigmoid<L: Elementary>(x: L, v: L, rest: L) -> L {
    let negative = v.lt(L::of(0.0));
    let x = x.at_least(L::of(L::EXP_RANGE.0));
    let signs = L::select(negative, L::of(0.0), L::of(-0.0)).bits();
    let e = exp_of_sum(v.flip(signs), rest.flip(signs));
    let quotient = L::select(negative, e.times(x), x) / (e.value() + L::of(1.0));
    // + 0: far below zero the result is 0, not -0.
    quotient * L::select(negative, e.b, L::of(1.0)) + L::of(0.0)
}

/// x sigmoid(x)
#[inline(always)]
pub fn silu<L: Elementary>(x: L) -> L {
    times_sigmoid(x, x, L::of(0.0))
}

/// 2 √(2/π)
pub const GELU_SCALE: f64 = 1.595_769_121_605_730_7;
/// D. Hendrycks and K. Gimpel, Gaussian Error Linear Units (2016).
pub const GELU_CUBE: f64 = 0.044715;

/// x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) = x sigmoid(v), v = 2 √(2/π) (x + 0.044715 x³)
#[inline(always)]
pub fn gelu_tanh_f64(x: f64x2) -> f64x2 {
    times_sigmoid(x, gelu_argument(x), f64x2::of(0.0))
}

/// As above; v in f64, because its rounding error is as large in sigmoid as v itself.
#[inline(always)]
pub fn gelu_tanh_f32(x: f32x4) -> f32x4 {
    let (low, high) = x.at_least(f32x4::of(-40.0)).at_most(f32x4::of(40.0)).widen();
    let (low, high) = (gelu_argument(low), gelu_argument(high));
    let v = f32x4::narrow(low, high);
    let (low_part, high_part) = v.widen();
    times_sigmoid(x, v, f32x4::narrow(low - low_part, high - high_part))
}

#[inline(always)]
fn gelu_argument(x: f64x2) -> f64x2 {
    // At ±40 sigmoid has long been 0 or 1 in both types; the cube of Infinity would leave NaN in the rounding error.
    let x = x.at_least(f64x2::of(-40.0)).at_most(f64x2::of(40.0));
    x * f64x2::of(GELU_SCALE) * (x * x).mul_add(f64x2::of(GELU_CUBE), f64x2::of(1.0))
}
