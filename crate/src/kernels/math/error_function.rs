//! erf x = x P(x²) for |x| <= 3/4; beyond, and for erfc and the normal distribution,
//!   erfc x = e^(-x²) W(u)/(1 + 2x),   u = (x - c)/(x + c),   x >= 0
//! (M. Shepherd and J. Laframboise, Math. Comp. 36, 1981, whose W is a Chebyshev series; here a minimax polynomial). x² is
//! taken in two parts, since its rounding error would be as large in e^(-x²) as x² itself.

use super::exponential::{exp_sum, Split};
use super::{polynomial, scalar, Elementary};
use crate::kernels::lane::Bits;

/// h² and t² - h², where h is t with the lower half of its bits cleared: both exact enough.
#[inline(always)]
fn square_in_parts<L: Elementary>(t: L) -> (L, L) {
    let upper = L::from_bits(t.bits() & L::Bits::of(L::UPPER_HALF));
    (upper * upper, (t - upper) * (t + upper))
}

/// e^(x²) erfc x, x >= 0
#[inline(always)]
fn scaled_erfc<L: Elementary>(x: L) -> L {
    let centre = L::of(L::ERFCX_CENTRE);
    let u = (x - centre) / (x + centre);
    polynomial(u, L::ERFCX) / x.mul_add(L::of(2.0), L::of(1.0))
}

/// erfc x, x >= 0, without the last digits near 0
#[inline(always)]
fn erfc_tail<L: Elementary>(x: L) -> L {
    let x = x.at_most(L::of(L::ERFC_END));
    let (upper, lower) = square_in_parts(x);
    let Split { a, b } = exp_sum(-upper, -lower);
    scaled_erfc(x) * a * b
}

#[inline(always)]
fn erf_centre<L: Elementary>(x: L) -> L {
    x * polynomial(x * x, L::ERF)
}

/// erf x
#[inline(always)]
pub fn erf<L: Elementary>(x: L) -> L {
    let far = (L::of(1.0) - erfc_tail(x.abs())).flip(x.sign_bits());
    L::select(L::of(0.75).lt(x.abs()), far, erf_centre(x))
}

/// erfc x: 1 - erf x below 1/2, where erfc is the larger of the two; 2 - erfc(-x) for x < 0
#[inline(always)]
pub fn erfc<L: Elementary>(x: L) -> L {
    let tail = erfc_tail(x.abs());
    let far = L::select(x.lt(L::of(0.0)), L::of(2.0) - tail, tail);
    L::select(L::of(0.5).lt(x.abs()), far, L::of(1.0) - erf_centre(x))
}

/// x Φ(x), Φ(-t) = e^(-t²/2) W/(2 (1 + √2 t)), the normal distribution function. Below 0 the factor x goes in before the
/// last power of two, so that the product keeps bits that Φ alone has lost.
#[inline(always)]
pub fn gelu<L: Elementary>(x: L) -> L {
    let t = x.abs().at_most(L::of(L::GELU_FLOOR));
    let (upper, lower) = square_in_parts(t);
    let e = exp_sum(upper * L::of(-0.5), lower * L::of(-0.5));
    let half_mills = scaled_erfc(t * L::of(std::f64::consts::FRAC_1_SQRT_2)) * L::of(0.5);
    let below = -t * (half_mills * e.a) * e.b;
    // + 0: far below zero the result is 0, not -0.
    L::select(x.lt(L::of(0.0)), below + L::of(0.0), x - t * (half_mills * e.product()))
}

/// The inverse of erf: a first guess (S. Winitzki 2008, relative error 2e-3), then Halley's method on erf, or on erfc where
/// erf is near 1, with f'' = -2 y f':  y <- y - u/(1 + u y),  u = (erf y - x)/(2/√π e^(-y²)).
pub fn erfinv(x: f64) -> f64 {
    let magnitude = x.abs();
    if !(magnitude < 1.0) {
        return if magnitude == 1.0 { x * f64::INFINITY } else { f64::NAN };
    }
    // erfinv x = √π/2 x (1 + π/12 x² + ...)
    if magnitude < 1e-9 {
        return x / std::f64::consts::FRAC_2_SQRT_PI;
    }
    const A: f64 = 0.147;
    // 1 - |x| is exact where it matters.
    let complement = 1.0 - magnitude;
    let l = libm::log(complement * (1.0 + magnitude));
    let half = 2.0 / (std::f64::consts::PI * A) + 0.5 * l;
    // √(h² - l/a) - h without its cancellation
    let square = -l / A / ((half * half - l / A).sqrt() + half);
    let mut y = square.sqrt();
    for _ in 0..3 {
        let error = if magnitude < 0.5 { scalar(erf, y) - magnitude } else { complement - scalar(erfc, y) };
        let u = error * libm::exp(y * y) / std::f64::consts::FRAC_2_SQRT_PI;
        y -= u / (1.0 + u * y);
    }
    y.copysign(x)
}
