//! The digamma function ψ = (ln Γ)' and its derivatives, one number at a time.

use std::f64::consts::PI;

/// The positive zero of ψ in two parts.
const ROOT: (f64, f64) = (1.4616321449683622, 9.5499954299656977e-17);

/// ψ(x)/(x - ROOT) in x - 3/2 for 1 <= x <= 2; 2^-61
const DIGAMMA: &[f64] = &[
    0.9510558760318328,
    -0.42362742128146047,
    0.24054248424078736,
    -0.14840492305391834,
    0.09498872445282863,
    -0.061922133271581505,
    0.040760833944712214,
    -0.026975796847918627,
    0.017907248193227122,
    -0.011908215075071893,
    0.007927024119185494,
    -0.005280019414417923,
    0.00351807947848677,
    -0.0023446333669317238,
    0.0015635724383742586,
    -0.0010423764445940966,
    0.000689950338862367,
    -0.0004594478397327055,
    0.0003268707665377619,
    -0.00021931555694701174,
    9.16260146869053e-05,
    -5.883588914524462e-05,
    0.0001223883059076195,
    -8.31557595324854e-05,
];

/// B_2k / 2k, k = 1, 2, ...
const ASYMPTOTIC: [f64; 8] =
    [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0, -3617.0 / 8160.0];

/// ψ(x) by
///   a polynomial on [1, 2] that leaves the zero as a factor, so that ψ is right to the last digits beside it;
///   ψ(x + 1) = ψ(x) + 1/x to get there;
///   ln x - 1/(2x) - Σ B_2k/(2k x^(2k)) from 10 on;
///   ψ(x) = ψ(1 - x) - π cot πx below 0.
/// -Infinity at 0, NaN at the negative integers, where the limits from both sides differ.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == 0.0 {
            return f64::NEG_INFINITY;
        }
        let fraction = x - x.round_ties_even();
        if !(fraction != 0.0) {
            return f64::NAN;
        }
        return digamma(1.0 - x) - PI / libm::tan(PI * fraction);
    }
    if !(x < 10.0) {
        let z = 1.0 / (x * x);
        return libm::log(x) - 0.5 / x - z * horner(z, &ASYMPTOTIC);
    }
    let (mut x, mut shifts) = (x, 0.0);
    if x < 1.0 {
        shifts = -1.0 / x;
        x += 1.0;
    }
    while x > 2.0 {
        x -= 1.0;
        shifts += 1.0 / x;
    }
    ((x - ROOT.0) - ROOT.1) * horner(x - 1.5, DIGAMMA) + shifts
}

fn horner(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// B_2k / (2k)!, k = 1, 2, ...
const EULER_MACLAURIN: [f64; 12] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30240.0,
    -1.0 / 1209600.0,
    1.0 / 47900160.0,
    -691.0 / 1307674368000.0,
    1.0 / 74724249600.0,
    -3617.0 / 10670622842880000.0,
    43867.0 / 5109094217170944000.0,
    -174611.0 / 802857662698291200000.0,
    77683.0 / 14101100039391805440000.0,
    -236364091.0 / 1693824136731743669452800000.0,
];

/// The n-th derivative of ψ; n = 0 is ψ itself. With s = n + 1 and Hurwitz's ζ(s, x) = Σ_k (x + k)^-s
///   ψ⁽ⁿ⁾(x) = (-1)^s n! ζ(s, x).
/// For x < 0 with fraction f the sum runs through the poles on both sides:
///   ζ(s, x) = ζ(s, f) + (-1)^s (ζ(s, 1 - f) - ζ(s, 1 - x)).
/// At 0 and the negative integers: Infinity where both sides agree (n odd), else NaN; at 0 the limit from the right.
pub fn polygamma(n: u32, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    let sign = if n.is_multiple_of(2) { -1.0 } else { 1.0 };
    if x > 0.0 || x.is_nan() {
        return sign * hurwitz(n, x);
    }
    if x == 0.0 {
        return sign * f64::INFINITY;
    }
    let offset = x - x.round_ties_even();
    if !(offset != 0.0) {
        return if n % 2 == 1 && x.is_finite() { f64::INFINITY } else { f64::NAN };
    }
    let (fraction, complement) = if offset > 0.0 { (offset, 1.0 - offset) } else { (1.0 + offset, -offset) };
    sign * (hurwitz(n, fraction) + sign * (hurwitz(n, complement) - hurwitz(n, 1.0 - x)))
}

/// n! ζ(n + 1, q) for n, q > 0: the first term times the sum relative to it, so that neither overflows before the result
/// does. The sum is taken term by term up to q + k >= n + 16, the rest by Euler and Maclaurin's formula
///   Σ_(k>=0) (p + k)^-s = p^-s (p/(s - 1) + 1/2 + Σ_j B_2j/(2j)! s (s + 1) ... (s + 2j - 2) p^(1 - 2j)).
fn hurwitz(n: u32, q: f64) -> f64 {
    if q == f64::INFINITY {
        return 0.0;
    }
    let s = n as f64 + 1.0;
    // (n - 1)! / q^n, the size of the result for large q; n/q is left for the sum.
    let leading = (1..n).fold(1.0 / q, |product, i| product * (i as f64 / q));
    let (mut sum, mut p) = (0.0, q);
    while p < s + 15.0 {
        sum += power(q / p, n + 1);
        p += 1.0;
    }
    let mut tail = p / (s - 1.0) + 0.5;
    let mut factor = s / p;
    for (j, c) in EULER_MACLAURIN.iter().enumerate() {
        tail += c * factor;
        let i = 2.0 * j as f64 + s;
        factor *= (i + 1.0) / p * ((i + 2.0) / p);
    }
    leading * ((sum + power(q / p, n + 1) * tail) * (n as f64 / q))
}

/// x^n by squaring.
fn power(mut x: f64, mut n: u32) -> f64 {
    let mut product = 1.0;
    while n > 0 {
        if n % 2 == 1 {
            product *= x;
        }
        x *= x;
        n /= 2;
    }
    product
}
