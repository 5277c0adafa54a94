//! Gamma-distributed numbers, and how such a number moves with the parameter of its distribution.

use super::{bits, join, normal_quantile, threefry, SPLIT};
use crate::kernels::math::gamma::digamma;

/// Words of one proposal: two for a normal number, two for a uniform one.
const PROPOSAL: usize = 4;

/// Odd multiples of 2^-53 in (0, 1).
fn open_uniform(pair: &[u32]) -> f64 {
    (((join(pair) >> 12) << 1) + 1) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A number of the gamma distribution with shape a > 0 and scale 1, number `index` of the key: G. Marsaglia and W. Tsang, "A simple
/// method for generating gamma variables" (ACM TOMS 26, 2000). For a < 1 it is drawn for a + 1 and multiplied by u^(1/a); what
/// would vanish is the smallest number `least`, so that the logarithm is finite.
pub fn gamma(key: [u32; 2], index: u64, a: f64, least: f64) -> f64 {
    // A key for each number: how many proposals one takes does not matter to the others.
    let counter = SPLIT | index;
    let (first, second) = threefry(key, counter as u32, (counter >> 32) as u32);
    let own = [first, second];
    let d = if a < 1.0 { a + 1.0 } else { a } - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    let mut words = [0; PROPOSAL];
    let mut offset = PROPOSAL as u64;
    // Each proposal is accepted with probability above 0.95.
    let x = loop {
        bits(own, offset, &mut words);
        offset += PROPOSAL as u64;
        let z = normal_quantile(open_uniform(&words[..2]));
        let root = 1.0 + c * z;
        let v = root * root * root;
        if v > 0.0 && libm::log(open_uniform(&words[2..])) < 0.5 * z * z + d * (1.0 - v + libm::log(v)) {
            break d * v;
        }
    };
    if a >= 1.0 {
        return x;
    }
    bits(own, 0, &mut words);
    (x * libm::exp(libm::log(open_uniform(&words[..2])) / a)).max(least)
}

/// Nodes and weights of Gauss and Legendre's rule with 32 points on [-1, 1], the positive half.
const GAUSS: [(f64, f64); 16] = [
    (0.99726386184948156, 0.0070186100094700966),
    (0.98561151154526834, 0.016274394730905671),
    (0.96476225558750643, 0.025392065309262059),
    (0.93490607593773969, 0.034273862913021433),
    (0.89632115576605212, 0.042835898022226681),
    (0.84936761373256997, 0.050998059262376176),
    (0.79448379596794241, 0.058684093478535547),
    (0.73218211874028968, 0.065822222776361847),
    (0.6630442669302152, 0.072345794108848506),
    (0.58771575724076233, 0.078193895787070306),
    (0.50689990893222939, 0.083311924226946755),
    (0.42135127613063535, 0.087652093004403811),
    (0.33186860228212765, 0.091173878695763885),
    (0.23928736225213707, 0.093844399080804566),
    (0.14447196158279649, 0.095638720079274859),
    (0.048307665687738316, 0.096540088514727801),
];

/// dx/da of a gamma-distributed x at fixed probability: -(∂P(a, x)/∂a)/p(x), P the distribution function and p the density
/// (M. Figurnov, S. Mohamed, A. Mnih, "Implicit reparameterization gradients", 2018). Since ∂p/∂a = (ln t - ψ(a)) p,
///   dx/da = ∫_0^x (ψ(a) - ln t) p(t)/p(x) dt = ∫_x^∞ (ln t - ψ(a)) p(t)/p(x) dt,
/// of which one has an integrand of one sign and so loses no digits.
pub fn gamma_slope(a: f64, x: f64) -> f64 {
    if !(a > 0.0 && x >= 0.0) || a == f64::INFINITY || x == f64::INFINITY {
        return f64::NAN;
    }
    if x == 0.0 {
        return 0.0;
    }
    if x <= 1.0 {
        return slope_by_series(a, x);
    }
    // Relative to x, t = x e^(±s): x ∫ (distance + s) e^h(s) ds, with distance = |ln x - ψ(a)|
    let distance = if a < 16.0 {
        libm::log(x) - digamma(a)
    } else {
        libm::log1p((x - a) / a) + 0.5 / a + (1.0 / 12.0 - (1.0 / 120.0 - 1.0 / (252.0 * a * a)) / (a * a)) / (a * a)
    };
    if distance < 0.0 {
        // h(s) = x (1 - e^-s) - a s
        x * integral(-distance, |s| (x - a) * s - x * exp_rest(-s))
    } else {
        // h(s) = a s - x (e^s - 1)
        x * integral(distance, |s| (a - x) * s - x * exp_rest(s))
    }
}

/// e^s - 1 - s
fn exp_rest(s: f64) -> f64 {
    if s.abs() > 0.1 {
        return libm::expm1(s) - s;
    }
    (2..12).rev().fold(0.0, |sum, k| (1.0 + sum) * s / k as f64) * s
}

/// ∫_0^∞ (distance + s) e^h(s) ds for a concave h with h(0) = 0, up to where e^h is below 2^-60.
fn integral(distance: f64, h: impl Fn(f64) -> f64) -> f64 {
    const END: f64 = -42.0;
    let mut end = 1.0;
    while h(end) > END {
        end *= 2.0;
    }
    while h(0.5 * end) < END {
        end *= 0.5;
    }
    // To an eighth, so that the points lie where the integrand does.
    let (mut inside, mut outside) = (0.5 * end, end);
    for _ in 0..3 {
        let middle = 0.5 * (inside + outside);
        *(if h(middle) > END { &mut inside } else { &mut outside }) = middle;
    }
    let half = 0.5 * outside;
    let integrand = |s: f64| (distance + s) * libm::exp(h(s));
    half * GAUSS.iter().map(|&(node, weight)| weight * (integrand(half * (1.0 - node)) + integrand(half * (1.0 + node)))).sum::<f64>()
}

/// The first integral term by term, with e^-t as its power series; ψ(a) = ψ(a + 1) - 1/a takes 1/a² out of the first term:
///   dx/da = x e^x ((ψ(a + 1) - ln x)/a + Σ_(k>=1) (-x)^k/k! ((ψ(a) - ln x)/(a + k) + 1/(a + k)²))
fn slope_by_series(a: f64, x: f64) -> f64 {
    let above = digamma(a + 1.0) - libm::log(x);
    let (mut sum, mut power) = (above / a, 1.0);
    for k in 1..30 {
        power *= -x / k as f64;
        let n = a + k as f64;
        sum += power * ((above - 1.0 / a) / n + 1.0 / (n * n));
        if power.abs() < 1e-18 {
            break;
        }
    }
    x * libm::exp(x) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a, x and the slope, from the incomplete gamma function to 60 digits.
    const SLOPES: [(f64, f64, f64); 25] = [
        (0.001, 1e-100, 2.2968293736759427e-95),
        (0.001, 0.5, 461.99216718924001),
        (0.1, 1e-8, 1.7996925975414168e-6),
        (0.1, 0.9, 6.5295753307076329),
        (0.1, 3.0, 9.4436171440946015),
        (0.5, 0.2, 0.79405056633084332),
        (1.0, 0.001, 0.0073344562448837857),
        (1.0, 0.7, 0.97321874099238759),
        (1.0, 5.0, 2.3570757536203654),
        (1.5, 2.5, 1.4258982145978646),
        (2.0, 1.2, 0.8307636830207142),
        (2.5, 1.01, 0.65456086994829327),
        (5.0, 0.3, 0.18426634903050018),
        (5.0, 2.0, 0.63080280267785466),
        (5.0, 5.0, 1.0339193521127074),
        (5.0, 30.0, 2.2169021628502805),
        (10.0, 1.5, 0.33976302885446308),
        (20.0, 12.0, 0.7725905810750923),
        (100.0, 70.0, 0.83362386157169286),
        (100.0, 99.6, 0.99966230641463061),
        (100.0, 140.0, 1.1796104604467822),
        (1000.0, 950.0, 0.97473502369716372),
        (1000.0, 1100.0, 1.0485866785616168),
        (10000.0, 9900.0, 0.99499983265995214),
        (10000.0, 10300.0, 1.0148691241755485),
    ];

    #[test]
    fn slopes_are_right_for_small_and_large_shapes() {
        for (a, x, slope) in SLOPES {
            let got = gamma_slope(a, x);
            assert!((got / slope - 1.0).abs() < 1e-12, "{a} {x}: {got} {slope}");
        }
        // Where the distribution is narrow, x moves as its mean does; both sides meet there.
        for a in [1e6, 1e10, 1e15f64] {
            for x in [a - a.sqrt(), a, a + a.sqrt()] {
                assert!((gamma_slope(a, x) - (0.5 + 0.5 * x / a)).abs() < 1e-6, "{a} {x}: {}", gamma_slope(a, x));
            }
        }
        for (a, x) in [(0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::NAN)] {
            assert!(gamma_slope(a, x).is_nan());
        }
        assert_eq!(gamma_slope(2.0, 0.0), 0.0);
    }

    #[test]
    fn moments_of_gamma_numbers() {
        const N: u64 = 200_000;
        for a in [0.05, 0.7, 1.0, 3.5, 1000.0] {
            let draws: Vec<f64> = (0..N).map(|i| gamma([5, 6], i, a, f64::MIN_POSITIVE)).collect();
            let n = N as f64;
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            let logarithm = draws.iter().map(|x| x.ln()).sum::<f64>() / n;
            // Five standard errors; the fourth central moment is 3a² + 6a, the variance of the logarithm ψ'(a).
            assert!((mean - a).abs() < 5.0 * (a / n).sqrt(), "{a}: mean {mean}");
            assert!((variance - a).abs() < 5.0 * ((2.0 * a * a + 6.0 * a) / n).sqrt(), "{a}: variance {variance}");
            assert!(
                (logarithm - digamma(a)).abs() < 5.0 * (crate::kernels::math::gamma::polygamma(1, a) / n).sqrt(),
                "{a}: logarithm {logarithm}"
            );
            assert!(draws.iter().all(|&x| x > 0.0));
        }
    }

    #[test]
    fn a_vanishing_number_is_the_smallest() {
        let least = (0..100).map(|i| gamma([1, 2], i, 1e-4, f32::MIN_POSITIVE as f64)).fold(f64::INFINITY, f64::min);
        assert_eq!(least, f32::MIN_POSITIVE as f64);
    }
}
