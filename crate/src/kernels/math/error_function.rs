//! erf x = x + x P(x²) for |x| <= 3/4; beyond, and for erfc and the normal distribution, the scaled functions vary slowly:
//!   erfc x = e^(-x²) N(u)/(1 + 2x),   Φ(-t) = e^(-t²/2) M(u)/(1 + t),   u = (x - c)/(x + c)
//! (M. Shepherd and J. Laframboise, Math. Comp. 36, 1981, where N is a Chebyshev series; here minimax polynomials). x² is taken in two parts, since its rounding error would be as large in e^(-x²) as x² itself.

use super::exponential::{exp, exp_of_sum};
use super::logarithm::log;
use super::{polynomial, Elementary};
use crate::kernels::lane::{f64x2, Bits, Lane};

/// h² and t² - h², where h is t with the lower half of its bits cleared: both exact enough.
#[inline(always)]
fn square_in_parts<L: Elementary>(t: L) -> (L, L) {
    let upper = L::from_bits(t.bits() & L::Bits::of(L::UPPER_HALF));
    (upper * upper, (t - upper) * (t + upper))
}

/// factor · e^-(s x²) P(u)/(1 + scale x), with P(u) = table_0 + u (...)
#[inline(always)]
fn scaled<L: Elementary>(factor: L, x: L, centre: f64, table: &[f64], scale: f64, s: f64) -> L {
    let u = (x - L::of(centre)) / (x + L::of(centre));
    let (first, others) = table.split_first().unwrap();
    let (upper, lower) = square_in_parts(x);
    let e = exp_of_sum(upper * L::of(-s), lower * L::of(-s));
    L::combine(factor, *first, u * polynomial(u, others), e.excess, scale, x) * e.a * e.b
}

/// erfc x, x >= 0.45
#[inline(always)]
fn erfc_tail<L: Elementary>(x: L) -> L {
    scaled(L::of(1.0), x.at_most(L::of(L::ERFC_END)), L::ERFC_CENTRE, L::ERFC, 2.0, 1.0)
}

#[inline(always)]
fn erf_centre<L: Elementary>(x: L) -> L {
    x.mul_add(polynomial(x * x, L::ERF), x)
}

/// erf x
#[inline(always)]
pub fn erf<L: Elementary>(x: L) -> L {
    let far = (L::of(1.0) - erfc_tail(x.abs())).flip(x.sign_bits());
    L::select(L::of(0.75).lt(x.abs()), far, erf_centre(x))
}

/// erfc x: 1 - erf x as far as the short series goes, where erf has digits to spare; 2 - erfc(-x) for x < 0
#[inline(always)]
pub fn erfc<L: Elementary>(x: L) -> L {
    let tail = erfc_tail(x.abs());
    let far = L::select(x.lt(L::of(0.0)), L::of(2.0) - tail, tail);
    L::select(L::of(0.75).lt(x.abs()), far, L::of(1.0) - erf_centre(x))
}

/// x Φ(x). Below 0 the factor x goes in before the last power of two, so that the product keeps bits that Φ alone has
/// lost.
#[inline(always)]
pub fn gelu<L: Elementary>(x: L) -> L {
    let t = x.abs().at_most(L::of(L::GELU_FLOOR));
    // t Φ(-t); + 0: for x < 0 far from zero the result is 0, not -0.
    let product = scaled(t, t, L::GELU_CENTRE, L::GELU, 1.0, 0.5);
    x.at_least(L::of(0.0)) - product + L::of(0.0)
}

/// (x Φ(x))' = Φ(x) + x φ(x): Φ(-|x|) and the density φ = e^(-x²/2)/√(2π) from one exponential
#[inline(always)]
pub fn gelu_derivative<L: Elementary>(x: L) -> L {
    let t = x.abs().at_most(L::of(L::GELU_FLOOR));
    let u = (t - L::of(L::GELU_CENTRE)) / (t + L::of(L::GELU_CENTRE));
    let (first, others) = L::GELU.split_first().unwrap();
    let (upper, lower) = square_in_parts(t);
    let e = exp_of_sum(upper * L::of(-0.5), lower * L::of(-0.5));
    let tail = L::combine(L::of(1.0), *first, u * polynomial(u, others), e.excess, 1.0, t) * e.a * e.b;
    let cdf = L::select(x.lt(L::of(0.0)), tail, L::of(1.0) - tail);
    cdf + e.times(t * L::of(PER_ROOT_2_PI)).flip(x.sign_bits()) * e.b
}

const PER_ROOT_2_PI: f64 = 0.398_942_280_401_432_7;

/// e^(-x²)
#[inline(always)]
pub fn gaussian<L: Elementary>(x: L) -> L {
    let (upper, lower) = square_in_parts(x.abs().at_most(L::of(L::ERFC_END)));
    let e = exp_of_sum(-upper, -lower);
    e.times(L::of(1.0)) * e.b
}

/// e^(t²/2) Φ(-t) = Mills' ratio / √2π, t >= 0: the polynomial where it is meant for, beyond the asymptotic series
///   (1 - 1/t² + 3/t⁴ - 15/t⁶ + ...)/(√2π t)
pub fn mills(t: f64) -> f64 {
    if t > f64x2::GELU_FLOOR {
        let z = 1.0 / (t * t);
        let series = [11.0, 9.0, 7.0, 5.0, 3.0, 1.0].iter().fold(1.0, |sum, odd| 1.0 - odd * z * sum);
        return series / (t * (2.0 * std::f64::consts::PI).sqrt());
    }
    let u = (t - f64x2::GELU_CENTRE) / (t + f64x2::GELU_CENTRE);
    f64x2::GELU.iter().rev().fold(0.0, |sum, c| sum * u + c) / (1.0 + t)
}

/// The inverse of erf: a first guess (S. Winitzki 2008, relative error 2e-3), then Halley's method on erf, or on erfc where
/// erf is near 1, with f'' = -2 y f':  y <- y - u/(1 + u y),  u = (erf y - x)/(2/√π e^(-y²)).
#[inline(always)]
pub fn erfinv(x: f64x2) -> f64x2 {
    const A: f64 = 0.147;
    let one = f64x2::of(1.0);
    let magnitude = x.abs();
    // Exact where it matters.
    let complement = one - magnitude;
    let l = log(complement * (one + magnitude));
    let half = l.mul_add(f64x2::of(0.5), f64x2::of(2.0 / (std::f64::consts::PI * A)));
    // √(h² - l/a) - h without its cancellation
    let ratio = -l / f64x2::of(A);
    let mut y = (ratio / ((half * half + ratio).sqrt() + half)).sqrt();
    for _ in 0..3 {
        let error = f64x2::select(magnitude.lt(f64x2::of(0.5)), erf_centre(y) - magnitude, complement - erfc_tail(y));
        let u = error * exp(y * y) * f64x2::of(1.0 / std::f64::consts::FRAC_2_SQRT_PI);
        y = y - u / (one + u * y);
    }
    f64x2::select(magnitude.eq(one), f64x2::of(f64::INFINITY), y).flip(x.sign_bits())
}
