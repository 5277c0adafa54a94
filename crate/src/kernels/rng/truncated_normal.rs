//! The standard normal distribution between two bounds, by inversion with all digits: where both bounds lie in one tail, the
//! distribution function is handled as its logarithm, relative to the bound nearer to 0.

use super::normal_quantile;
use crate::kernels::math::error_function::{erfinv, mills};
use crate::kernels::math::scalar;
use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// Bounds nearer to 0 than this are not in a tail.
const TAIL: f64 = 0.5;

/// The u-quantile, 0 < u < 1, of a standard normal number known to lie between `lower` < `upper`, infinite ones included.
pub fn truncated_normal(u: f64, lower: f64, upper: f64) -> f64 {
    let z = if upper <= -TAIL {
        -above(1.0 - u, -upper, -lower)
    } else if lower >= TAIL {
        above(u, lower, upper)
    } else {
        around_zero(u, lower, upper)
    };
    z.clamp(lower, upper)
}

/// Near 0 by erf(z/√2) = erf(a/√2) + u (erf(b/√2) - erf(a/√2)); beyond by the probability of the nearer tail.
fn around_zero(u: f64, a: f64, b: f64) -> f64 {
    let (from, to) = (libm::erf(a * FRAC_1_SQRT_2), libm::erf(b * FRAC_1_SQRT_2));
    let v = from + u * (to - from);
    if v.abs() <= 0.7 {
        return SQRT_2 * scalar(erfinv, v);
    }
    let below = |x: f64| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
    if v < 0.0 {
        normal_quantile(below(a) + u * (below(b) - below(a)))
    } else {
        -normal_quantile(below(-b) + (1.0 - u) * (below(-a) - below(-b)))
    }
}

/// Both bounds above 0. With Q(z) = e^(-z²/2) m(z) the upper tail, z solves Q(z)/Q(a) = 1 - u (1 - Q(b)/Q(a)), that is
///   (z - a)(z + a)/2 - ln(m(z)/m(a)) = depth.
/// The left side is convex and without its logarithm too large an inverse is found at once, so that Newton's method comes down to
/// the solution from there; its slope is the hazard rate φ/Q = 1/(√2π m).
fn above(u: f64, a: f64, b: f64) -> f64 {
    let at_a = mills(a);
    let fall = |z: f64| 0.5 * (z - a) * (z + a) - libm::log(mills(z) / at_a);
    let width = if b == f64::INFINITY { -1.0 } else { libm::expm1(-fall(b)) };
    let depth = if u * width < -0.5 { -libm::log((1.0 + width) - (1.0 - u) * width) } else { -libm::log1p(u * width) };
    let mut z = libm::hypot(a, (2.0 * depth).sqrt());
    for _ in 0..50 {
        let step = (fall(z) - depth) * (2.0 * PI).sqrt() * mills(z);
        z -= step;
        // Also ends on NaN, which an infinite depth makes.
        if !(step.abs() > 1e-16 * z) {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    /// u, lower, upper and the quantile, to 60 digits and rounded.
    const REFERENCE: [(f64, f64, f64, f64); 20] = [
        (0.25, -2.0, 2.0, -0.63911191087127283),
        (0.9, -2.0, 2.0, 1.1840324666939052),
        (0.25, 6.0, 7.0, 6.0464717939739951),
        (0.5, 9.0, 10.0, 9.0757797137385442),
        (0.75, 20.0, 21.0, 20.069024193853446),
        (0.001, 6.0, f64::INFINITY, 6.0001624568125395),
        (0.999, 6.0, f64::INFINITY, 7.0363664937097025),
        (0.5, f64::NEG_INFINITY, -38.0, -38.018223745586278),
        (0.5, 100.0, f64::INFINITY, 100.00693053875242),
        (0.125, 1000.0, 1001.0, 1000.0001335312502),
        (0.5, -0.001, 0.002, 0.00049999943750031642),
        (0.75, 0.0, 1e-9, 7.5e-10),
        (0.5, 0.25, f64::INFINITY, 0.83931302804650265),
        (0.0625, f64::NEG_INFINITY, f64::INFINITY, -1.5341205443525463),
        (0.99, 0.1, 0.2, 0.19899172382549808),
        (0.5, -0.4, 0.3, -0.04702954436146783),
        (0.3, 0.6, 0.7, 0.62933073140059025),
        (0.5, 1e6, f64::INFINITY, 1000000.0000006931),
        (0.999, -8.0, 8.0, 3.0902323061676289),
        (0.5, 3.0, 3.0000001, 3.0000000499999962),
    ];

    #[test]
    fn quantiles_between_bounds_are_right_to_the_last_digits() {
        for (u, lower, upper, z) in REFERENCE {
            let got = truncated_normal(u, lower, upper);
            assert!((got / z - 1.0).abs() < 2e-15, "{u} {lower} {upper}: {got} {z}");
            // By symmetry, as far as 1 - u is exact.
            let mirrored = truncated_normal(1.0 - u, -upper, -lower);
            assert!((mirrored / -z - 1.0).abs() < 1e-13, "{u} {lower} {upper}: {mirrored} {z}");
        }
    }

    #[test]
    fn bounds_hold_at_the_ends() {
        for (lower, upper) in [
            (f64::NEG_INFINITY, f64::INFINITY),
            (6.0, f64::INFINITY),
            (1e200, f64::INFINITY),
            (1e200, 1.5e200),
            (-7.0, -6.0),
            (-1e-300, 1e-300),
            (40.0, 41.0),
        ] {
            let mut last = f64::NEG_INFINITY;
            for u in [2f64.powi(-54), 0.1, 0.5, 0.9, 1.0 - 2f64.powi(-53)] {
                let z = truncated_normal(u, lower, upper);
                assert!(z.is_finite() && lower <= z && z <= upper && z >= last, "{u} {lower} {upper}: {z}");
                last = z;
            }
        }
    }
}
