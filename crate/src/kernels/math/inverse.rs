//! Inverses of the trigonometric and hyperbolic functions.

use super::logarithm::log1p;
use super::{polynomial, Elementary};
use crate::kernels::lane::{f64x2, Lane};

/// (asin x / x - 1)/x² in x², |x| <= 1/2; 2^-60
const ASIN: &[f64] = &[
    0.16666666666666763,
    0.07499999999969925,
    0.04464285717545939,
    0.030381942666597963,
    0.02237221616019553,
    0.017351590768364893,
    0.013981077121546366,
    0.01139679912847759,
    0.010792168233077036,
    0.0036611426259193823,
    0.021818198329735392,
    -0.021156655017940836,
    0.032727716885718496,
];

/// atan(n/m) for n, m >= 0, not both Infinity, in three ranges, each with one division:
///   n/m <= √2 - 1: atan(n/m);   n/m <= √2 + 1: π/4 + atan((n - m)/(n + m));   else π/2 - atan(m/n)
#[inline(always)]
fn atan_of_ratio<L: Elementary>(n: L, m: L) -> L {
    let bound = std::f64::consts::SQRT_2;
    let low = n.le(m * L::of(bound - 1.0));
    let high = m.le(n * L::of(bound - 1.0));
    let top = L::select(low, n, L::select(high, -m, n - m));
    let bottom = L::select(low, m, L::select(high, n, n + m));
    let t = top / bottom;
    let z = t * t;
    let curved = t * (z * polynomial(z, L::ATAN));
    let quarters = L::select(low, L::of(0.0), L::select(high, L::of(2.0), L::of(1.0)));
    let (upper, lower) = (quarters * L::of(L::PI_4.0), quarters * L::of(L::PI_4.1));
    upper + (t + (curved + lower))
}

/// atan x
#[inline(always)]
pub fn atan<L: Elementary>(x: L) -> L {
    atan_of_ratio(x.abs(), L::of(1.0)).flip(x.sign_bits())
}

/// The angle of (x, y), with the signs and limits of IEEE 754.
#[inline(always)]
pub fn atan2(y: f64x2, x: f64x2) -> f64x2 {
    let (n, m) = (y.abs(), x.abs());
    let infinite = f64x2::of(f64::INFINITY);
    // Huge numbers are halved, so that their sum is finite.
    let scale = f64x2::select(f64x2::of(1e300).lt(n.maximum(m)), f64x2::of(0.5), f64x2::of(1.0));
    let (n, m) = (n * scale, m * scale);
    let both = n.eq(infinite) & m.eq(infinite);
    let neither = n.eq(f64x2::of(0.0)) & m.eq(f64x2::of(0.0));
    let n = f64x2::select(both, f64x2::of(1.0), n);
    let m = f64x2::select(both | neither, f64x2::of(1.0), m);
    let angle = atan_of_ratio(n, m);
    // The sign bit of x decides, for zeros too: copied to 1 it can be compared.
    let left = f64x2::of(1.0).flip(x.sign_bits()).lt(f64x2::of(0.0));
    let supplement = f64x2::of(std::f64::consts::PI) - (angle - f64x2::of(1.2246467991473532e-16));
    f64x2::select(left, supplement, angle).flip(y.sign_bits())
}

/// asin x - x = x³ A(x²) for |x| <= 1/2
#[inline(always)]
fn asin_excess(x: f64x2, z: f64x2) -> f64x2 {
    x * (z * polynomial(z, ASIN))
}

/// asin |x| = π/2 - 2 asin √((1 - |x|)/2) for |x| > 1/2
#[inline(always)]
pub fn asin(x: f64x2) -> f64x2 {
    let (x, signs) = (x.abs(), x.sign_bits());
    let small = x.le(f64x2::of(0.5));
    let z = f64x2::select(small, x * x, (f64x2::of(1.0) - x) * f64x2::of(0.5));
    let root = f64x2::select(small, x, z.sqrt());
    let excess = asin_excess(root, z);
    let (upper, lower) = (f64x2::of(std::f64::consts::FRAC_PI_2), f64x2::of(6.123233995736766e-17));
    let twice = upper - (f64x2::of(2.0) * (root + excess) - lower);
    f64x2::select(small, root + excess, twice).flip(signs)
}

/// acos x = π/2 - asin x;  2 asin √((1 - x)/2) for x > 1/2;  π - 2 asin √((1 + x)/2) for x < -1/2
#[inline(always)]
pub fn acos(x: f64x2) -> f64x2 {
    let small = x.abs().le(f64x2::of(0.5));
    let z = f64x2::select(small, x * x, (f64x2::of(1.0) - x.abs()) * f64x2::of(0.5));
    let root = f64x2::select(small, x, z.sqrt());
    let value = root + asin_excess(root, z);
    let (upper, lower) = (f64x2::of(std::f64::consts::FRAC_PI_2), f64x2::of(6.123233995736766e-17));
    let near_zero = upper - (root - (lower - asin_excess(root, z)));
    let twice = value * f64x2::of(2.0);
    let beyond = f64x2::select(x.lt(f64x2::of(0.0)), f64x2::of(std::f64::consts::PI) - (twice - f64x2::of(1.2246467991473532e-16)), twice);
    f64x2::select(small, near_zero, beyond)
}

/// asinh |x| = ln(1 + |x| + x²/(1 + √(1 + x²)));  ln(1 + |x|) + ln 2 where x² would drown the 1
#[inline(always)]
pub fn asinh(x: f64x2) -> f64x2 {
    let one = f64x2::of(1.0);
    let a = x.abs();
    let large = a.gt(f64x2::of(DROWNING));
    let square = a * a;
    let excess = a + square / (one + (one + square).sqrt());
    let value = log1p(f64x2::select(large, a, excess)) + f64x2::select(large, f64x2::of(std::f64::consts::LN_2), f64x2::of(0.0));
    f64x2::select(a.lt(f64x2::of(f64x2::TINY)), x, value.flip(x.sign_bits()))
}

/// acosh x = ln(1 + t + √(2t + t²)), t = x - 1;  ln(1 + x) + ln 2 where t² would drown 2t
#[inline(always)]
pub fn acosh(x: f64x2) -> f64x2 {
    let large = x.gt(f64x2::of(DROWNING));
    let t = x - f64x2::of(1.0);
    let excess = t + (t + t + t * t).sqrt();
    let value = log1p(f64x2::select(large, x, excess)) + f64x2::select(large, f64x2::of(std::f64::consts::LN_2), f64x2::of(0.0));
    f64x2::select(x.lt(f64x2::of(1.0)), f64x2::of(f64::NAN), value)
}

/// x + 1 and x are the same, and x² is far from overflowing.
const DROWNING: f64 = 1e18;

/// atanh |x| = ln(1 + 2|x|/(1 - |x|))/2
#[inline(always)]
pub fn atanh(x: f64x2) -> f64x2 {
    let a = x.abs();
    let one = f64x2::of(1.0);
    // At 1 the quotient is Infinity and beyond it is below -1, where log1p is NaN.
    let value = (log1p((a + a) / (one - a)) * f64x2::of(0.5)).flip(x.sign_bits());
    f64x2::select(a.lt(f64x2::of(f64x2::TINY)), x, value)
}
