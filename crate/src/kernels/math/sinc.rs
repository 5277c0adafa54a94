//! Derivatives of sinc(x) = sin(πx)/(πx), of every order. With f(u) = sin u / u and u = πx,
//!   u f⁽ⁿ⁾(u) = sin(u + nπ/2) - n f⁽ⁿ⁻¹⁾(u),
//! whose errors shrink going up while n < u and going down while n > u (Miller's way, as for Bessel functions): so up to
//! the order n where u allows it, and down to it from a high order where any value will do.

use std::f64::consts::PI;

/// The n-th derivative of sinc.
pub fn sinc_derivative(n: u32, x: f64) -> f64 {
    if !x.is_finite() {
        return if x.is_nan() { x } else { 0.0 };
    }
    // The parity of sinc: f⁽ⁿ⁾(-u) = (-1)ⁿ f⁽ⁿ⁾(u).
    let sign = if x < 0.0 && n % 2 == 1 { -1.0 } else { 1.0 };
    let x = x.abs();
    let u = PI * x;
    let waves = Waves::at(x);
    let order = n as f64;
    let value = if u >= order.max(1.0) {
        (1..=n).fold(waves.shifted(0) / u, |f, k| (waves.shifted(k) - k as f64 * f) / u)
    } else {
        // A start's error is multiplied by u/k on the way from k to k - 1; the odd orders are themselves as small as u.
        let (mut top, mut error) = (n, 1.0);
        while error > 1e-18 * u.min(1.0) {
            top += 1;
            error *= u / (top as f64 + 1.0);
        }
        (n + 1..=top).rev().fold(0.0, |f, k| (waves.shifted(k) - u * f) / k as f64)
    };
    sign * value * (0..n).fold(1.0, |product, _| product * PI)
}

/// sin(πx) and cos(πx), x reduced before it is multiplied, which loses nothing.
struct Waves {
    sin: f64,
    cos: f64,
}

impl Waves {
    fn at(x: f64) -> Waves {
        let r = x - 2.0 * (0.5 * x).round_ties_even();
        // |r| <= 1; the nearest half turn leaves |r - h| <= 1/2, where sin is smallest.
        let h = r.round_ties_even();
        let sign = if h == 0.0 { 1.0 } else { -1.0 };
        let angle = r - h;
        // cos near its zero by the sine of what is missing to π/2.
        let cos = if angle.abs() <= 0.25 { libm::cos(PI * angle) } else { libm::sin(PI * (0.5 - angle.abs())) };
        Waves { sin: sign * libm::sin(PI * angle), cos: sign * cos }
    }

    /// sin(πx + kπ/2)
    fn shifted(&self, k: u32) -> f64 {
        match k % 4 {
            0 => self.sin,
            1 => self.cos,
            2 => -self.sin,
            _ => -self.cos,
        }
    }
}
