//! Derivatives whose obvious formulas lose digits: 1 - tanh² has none left where tanh is 1, (1 - x)(1 + x) has none left
//! in its own derivative at 0. Each is written so that it is right to the last digits at every argument.

use super::exponential::{exp, exp_of_sum};
use super::power::hypot_f64;
use super::Elementary;
use crate::kernels::lane::{f64x2, Lane};

/// 1/√(1 - x²); the product keeps the digits near ±1
#[inline(always)]
pub fn asin_derivative<L: Lane>(x: L) -> L {
    let one = L::of(1.0);
    one / ((one - x) * (one + x)).sqrt()
}

/// x² drowns a 1 beside it.
const DROWNING: f64 = 1e9;

/// 1/(1 + x²); 1/x/x where x² drowns the 1, or overflows
#[inline(always)]
pub fn atan_derivative<L: Lane>(x: L) -> L {
    let one = L::of(1.0);
    let large = L::of(DROWNING).lt(x.abs());
    let quotient = one / L::select(large, x, x.mul_add(x, one));
    L::select(large, quotient / x, quotient)
}

/// 1/√(1 + x²); 1/|x| where x² drowns the 1, or overflows
#[inline(always)]
pub fn asinh_derivative<L: Lane>(x: L) -> L {
    let one = L::of(1.0);
    let a = x.abs();
    one / L::select(L::of(DROWNING).lt(a), a, x.mul_add(x, one).sqrt())
}

/// 1/√(x² - 1) by two roots, whose product cannot overflow; NaN below 1
#[inline(always)]
pub fn acosh_derivative<L: Lane>(x: L) -> L {
    let one = L::of(1.0);
    one / ((x - one).sqrt() * (x + one).sqrt())
}

/// 1/(1 - x²), NaN outside [-1, 1]
#[inline(always)]
pub fn atanh_derivative<L: Lane>(x: L) -> L {
    let one = L::of(1.0);
    L::select(one.lt(x.abs()), L::of(f64::NAN), one / ((one - x) * (one + x)))
}

/// 1/cosh² x = 4e/(1 + e)², e = e^(-2|x|)
#[inline(always)]
pub fn tanh_derivative<L: Elementary>(x: L) -> L {
    let e = exp(x.abs() * L::of(-2.0));
    let sum = e + L::of(1.0);
    e * L::of(4.0) / (sum * sum)
}

/// σ(x) σ(-x) = e/(1 + e)², e = e^-|x|
#[inline(always)]
pub fn sigmoid_derivative<L: Elementary>(x: L) -> L {
    let e = exp(-x.abs());
    let sum = e + L::of(1.0);
    e / (sum * sum)
}

/// Beyond ±EXP_RANGE.0 the exponentials are 0; a factor x there must be finite.
#[inline(always)]
fn bounded<L: Elementary>(x: L) -> L {
    x.at_least(L::of(L::EXP_RANGE.0)).at_most(L::of(-L::EXP_RANGE.0))
}

/// (x σ(x))' = σ + x σ' = (n (1 + e) + x e)/(1 + e)², e = e^-|x|, n = 1 for x >= 0, e for x < 0
#[inline(always)]
pub fn silu_derivative<L: Elementary>(x: L) -> L {
    let e = exp(-x.abs());
    let sum = e + L::of(1.0);
    let numerator = L::select(x.lt(L::of(0.0)), e, L::of(1.0));
    numerator.mul_add(sum, bounded(x) * e) / (sum * sum)
}

/// The denominator of tanh(softplus x) = n/d, e = e^-|x|:
///   (1 + 2e)/(1 + 2e + 2e²) for x >= 0,   e (e + 2)/(e² + 2e + 2) for x < 0
#[inline(always)]
fn mish_denominator<L: Elementary>(e: L, negative: L::Bits) -> L {
    let two = L::of(2.0);
    let (square, twice) = (e * e, e * two);
    L::select(negative, (square + twice) + two, two.mul_add(square, twice + L::of(1.0)))
}

/// x tanh(softplus x). For x < 0 the factor x goes in before the last power of two of e, so that the product keeps bits that
/// e alone has lost.
#[inline(always)]
pub fn mish<L: Elementary>(x: L) -> L {
    let x = x.at_least(L::of(L::EXP_RANGE.0));
    let parts = exp_of_sum(-x.abs(), L::of(0.0));
    let e = parts.times(L::of(1.0)) * parts.b;
    let negative = x.lt(L::of(0.0));
    let two = L::of(2.0);
    let left = parts.times(x) * ((e + two) / mish_denominator(e, negative)) * parts.b;
    let right = x * (two.mul_add(e, L::of(1.0)) / mish_denominator(e, negative));
    // + 0: far below zero the result is 0, not -0.
    L::select(negative, left, right) + L::of(0.0)
}

/// With w = tanh(softplus x) = n/d:  w + x w',  w' = 4e (1 + e)/d² for x < 0, e times that for x >= 0
#[inline(always)]
pub fn mish_derivative<L: Elementary>(x: L) -> L {
    let (one, two) = (L::of(1.0), L::of(2.0));
    let e = exp(-x.abs());
    let negative = x.lt(L::of(0.0));
    let denominator = mish_denominator(e, negative);
    let numerator = L::select(negative, e * (e + two), two.mul_add(e, one));
    let slope = (e + one) * e * L::select(negative, one, e) * L::of(4.0);
    numerator.mul_add(denominator, bounded(x) * slope) / (denominator * denominator)
}

/// a/√(a² + b²), 0 at the origin
#[inline(always)]
pub fn hypot_derivative(a: f64x2, b: f64x2) -> f64x2 {
    let h = hypot_f64(a, b);
    f64x2::select(h.eq(f64x2::of(0.0)), f64x2::of(0.0), a / h)
}

/// b/(a² + b²) through √(a² + b²), so that nothing overflows; 0 at the origin and at infinity
#[inline(always)]
pub fn atan2_derivative(a: f64x2, b: f64x2) -> f64x2 {
    let h = hypot_f64(a, b);
    let nothing = (h.eq(f64x2::of(0.0)) | h.eq(f64x2::of(f64::INFINITY))) & a.eq(a) & b.eq(b);
    f64x2::select(nothing, f64x2::of(0.0), b / h / h)
}

/// ∂^(n + m) x^y / ∂x^n ∂y^m. With c(y) = y (y - 1) ... (y - n + 1), whose derivatives are the Taylor coefficients of the
/// product, it is
///   Σ_k binomial(m, k) c⁽ᵏ⁾(y) (ln x)^(m - k) x^(y - n),
/// where a coefficient 0 wins against an infinite power, and x^p (ln x)^j is 0 for x = 0 and p > 0. The first derivative of
/// 0^y at y = 0, where it jumps, is 0 by convention, the higher ones are NaN; so are all in y for x < 0.
pub fn pow_derivative(n: u32, m: u32, x: f64, y: f64) -> f64 {
    let m = m as usize;
    if m > 0 && x < 0.0 {
        return f64::NAN;
    }
    if m > 0 && n == 0 && x == 0.0 && y == 0.0 {
        return if m == 1 { 0.0 } else { f64::NAN };
    }
    let mut taylor = smallvec::SmallVec::<[f64; 8]>::from_elem(0.0, m + 1);
    taylor[0] = 1.0;
    for i in 0..n {
        let factor = y - i as f64;
        for k in (0..=m).rev() {
            taylor[k] = taylor[k] * factor + if k > 0 { taylor[k - 1] } else { 0.0 };
        }
    }
    let exponent = y - n as f64;
    let logarithm = if m == 0 { 0.0 } else { libm::log(x) };
    // Horner in ln x; falling(k) = m!/(m - k)!, so that the coefficient is binomial(m, k) k! taylor_k.
    let (mut sum, mut falling) = (0.0, 1.0);
    for (k, coefficient) in taylor.iter().enumerate() {
        sum = if sum == 0.0 { 0.0 } else { sum * logarithm } + falling * coefficient;
        falling *= (m - k) as f64;
    }
    if sum == 0.0 || (x == 0.0 && exponent > 0.0) {
        return 0.0;
    }
    sum * libm::pow(x, exponent)
}
