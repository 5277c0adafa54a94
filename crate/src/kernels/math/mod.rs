//! Elementary and special functions, written once for f32x4 and f64x2: reduce the argument, evaluate a polynomial, put the
//! result together. The two types differ in the tables below only. Where f32 needs more digits on the way than it has,
//! it goes through f64.
//!
//! The polynomials are minimax (Remez exchange in 90 digits); above each is the bound of its own error, relative to the
//! function. Argument reductions follow W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980).

/// Derivatives with a formula of their own: of the inverses, of tanh, sigmoid, silu, mish, powers.
pub mod derivatives;
/// erf, erfc, erfinv, gelu.
pub mod error_function;
/// exp and what is made of it: sigmoid, softplus, hyperbolic functions.
pub mod exponential;
/// Digamma and its derivatives.
pub mod gamma;
/// Inverses of trigonometric and hyperbolic functions.
pub mod inverse;
/// Logarithms.
pub mod logarithm;
/// Powers, hypot, remainders.
pub mod power;
/// sin(πx)/(πx) and its derivatives.
pub mod sinc;
/// sin, cos, tan.
pub mod trigonometric;

use super::lane::{f32x4, f64x2, FromF64, Lane};

/// A vector type with the tables of the functions below. Polynomials are given from the constant term up.
pub trait Elementary: Lane<Element: Into<f64> + FromF64 + PartialEq> {
    /// Rounds to the nearest integer by being added: 1.5·2^MANTISSA.
    const ROUNDER: f64;
    /// The smallest normal number.
    const SMALLEST_NORMAL: f64;
    /// Below this |x|, f(x) = x for the odd functions and those like expm1.
    const TINY: f64;
    /// Half of the bits of the mantissa, cleared: what is left has an exact square.
    const UPPER_HALF: i64;
    /// e^x is 0 below the first (so is x e^x); e^x and even sinh x are Infinity above the second, and 2^k/4 there is not.
    const EXP_RANGE: (f64, f64);
    /// e^x - 1 is -1 below.
    const EXPM1_FLOOR: f64;
    /// ln 2 in two parts; an integer exponent times the first is exact.
    const LN_2: (f64, f64);
    /// log10 2, likewise.
    const LOG10_2: (f64, f64);
    /// 1/ln 2 and 1/ln 10; the first part times half a mantissa is exact.
    const PER_LN_2: (f64, f64);
    const PER_LN_10: (f64, f64);
    /// π/4 and π/2 in two parts.
    const PI_4: (f64, f64);
    /// x Φ(x) is 0 below -GELU_FLOOR.
    const GELU_FLOOR: f64;
    /// erfc is 0 beyond.
    const ERFC_END: f64;

    /// (e^r - 1 - r)/r² for |r| <= ln 2 / 2
    const EXP: &'static [f64];
    /// (ln((1 + s)/(1 - s))/s - 2)/s² in s², |s| <= (√2 - 1)/(√2 + 1)
    const LOG: &'static [f64];
    /// (sin r / r - 1)/r² in r², |r| <= π/4
    const SIN: &'static [f64];
    /// (cos r - 1 + r²/2)/r⁴ in r², |r| <= π/4
    const COS: &'static [f64];
    /// (atan t / t - 1)/t² in t², |t| <= √2 - 1
    const ATAN: &'static [f64];
    /// erf x / x - 1 in x², |x| <= 3/4
    const ERF: &'static [f64];
    /// (1 + 2x) e^(x²) erfc x in (x - c)/(x + c), x >= 0.45, c = ERFC_CENTRE
    const ERFC: &'static [f64];
    const ERFC_CENTRE: f64;
    /// (1 + t) e^(t²/2) Φ(-t) in (t - c)/(t + c), t >= 0, c = GELU_CENTRE; Φ is the normal distribution function
    const GELU: &'static [f64];
    const GELU_CENTRE: f64;

    /// factor (constant + varying)(1 + excess)/(1 + scale x). f32 does this in f64: half a dozen roundings would be two units
    /// in the last place.
    fn combine(factor: Self, constant: f64, varying: Self, excess: Self, scale: f64, x: Self) -> Self;
}

impl Elementary for f32x4 {
    const ROUNDER: f64 = 12_582_912.0;
    const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
    const TINY: f64 = 2.9e-8;
    const UPPER_HALF: i64 = !0xfff;
    const EXP_RANGE: (f64, f64) = (-120.0, 89.6);
    const EXPM1_FLOOR: f64 = -18.0;
    const LN_2: (f64, f64) = (0.693145751953125, 1.4286068203094173e-06);
    const LOG10_2: (f64, f64) = (0.301025390625, 4.605038981195214e-06);
    const PER_LN_2: (f64, f64) = (1.4423828125, 0.00031222838896340733);
    const PER_LN_10: (f64, f64) = (0.4342041015625, 9.038034075182765e-05);
    const PI_4: (f64, f64) = (0.7853981852531433, -2.1855695000931213e-08);
    const GELU_FLOOR: f64 = 15.0;
    const ERFC_END: f64 = 10.5;

    // 2^-28
    const EXP: &'static [f64] = &[0.5, 0.166665186, 0.041666205, 0.008368918, 0.00139505423];
    // 2^-37
    const LOG: &'static [f64] = &[0.666666656, 0.400003357, 0.28537273, 0.235828601];
    // 2^-38
    const SIN: &'static [f64] = &[-0.16666667, 0.008333329, -0.00019839333, 2.718293e-06];
    // 2^-33
    const COS: &'static [f64] = &[0.041666647, -0.0013887366, 2.4438271e-05];
    // 2^-30
    const ATAN: &'static [f64] = &[-0.33333315, 0.19998479, -0.142436287, 0.10594278, -0.060788604];
    // 2^-29
    const ERF: &'static [f64] = &[0.12837917, -0.3761262, 0.11283376, -0.026834609, 0.00511431, -0.00067492336];
    // 2^-30
    const ERFC: &'static [f64] = &[
        1.2648382,
        -0.12235677,
        -0.099024355,
        0.1576303,
        -0.10297085,
        0.03275561,
        0.00095930417,
        -0.004348719,
        0.00041020323,
        0.000534671,
    ];
    // 2^-29
    const GELU: &'static [f64] = &[
        0.4720532,
        -0.09670347,
        0.013999601,
        0.028599967,
        -0.032197362,
        0.01794023,
        -0.005003868,
        -0.00030337935,
        0.0006921025,
        -6.1719464e-05,
        -7.2049245e-05,
    ];
    const ERFC_CENTRE: f64 = 2.5;
    const GELU_CENTRE: f64 = 4.0;

    #[inline(always)]
    fn combine(factor: Self, constant: f64, varying: Self, excess: Self, scale: f64, x: Self) -> Self {
        let ((f0, f1), (v0, v1), (e0, e1), (x0, x1)) = (factor.widen(), varying.widen(), excess.widen(), x.widen());
        f32x4::narrow(f64x2::combine(f0, constant, v0, e0, scale, x0), f64x2::combine(f1, constant, v1, e1, scale, x1))
    }
}

impl Elementary for f64x2 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    const TINY: f64 = 5.5e-17;
    const UPPER_HALF: i64 = !0x7ff_ffff;
    const EXP_RANGE: (f64, f64) = (-760.0, 710.5);
    const EXPM1_FLOOR: f64 = -38.0;
    const LN_2: (f64, f64) = (0.6931471805598903, 5.497923018708371e-14);
    const LOG10_2: (f64, f64) = (0.30102999566395283, 2.8363394551044964e-14);
    const PER_LN_2: (f64, f64) = (1.4426950216293335, 1.9259629911266175e-08);
    const PER_LN_10: (f64, f64) = (0.4342944771051407, 4.798111141615973e-09);
    const PI_4: (f64, f64) = (std::f64::consts::FRAC_PI_4, 3.061616997868383e-17);
    const GELU_FLOOR: f64 = 39.5;
    const ERFC_END: f64 = 27.5;

    // 2^-64
    const EXP: &'static [f64] = &[
        0.5,
        0.16666666666666685,
        0.04166666666666673,
        0.008333333333316685,
        0.0013888888888858439,
        0.0001984126989719463,
        2.4801587373741607e-05,
        2.7557234099218025e-06,
        2.7557233361382187e-07,
        2.511228845568969e-08,
        2.0926942520156984e-09,
    ];
    // 2^-58
    const LOG: &'static [f64] = &[
        0.6666666666666735,
        0.3999999999941289,
        0.28571428742825083,
        0.22222198524581865,
        0.18183567033763962,
        0.15313976861555822,
        0.1479672927318996,
    ];
    // 2^-58
    const SIN: &'static [f64] = &[
        -0.16666666666666632,
        0.008333333333322398,
        -0.00019841269829794128,
        2.7557313686965165e-06,
        -2.5050757309609997e-08,
        1.589674731143895e-10,
    ];
    // 2^-64
    const COS: &'static [f64] = &[
        0.0416666666666666,
        -0.00138888888888741,
        2.4801587289467656e-05,
        -2.7557314347949444e-07,
        2.087572265369213e-09,
        -1.1359614567403039e-11,
    ];
    // 2^-59
    const ATAN: &'static [f64] = &[
        -0.333333333333332,
        0.19999999999953239,
        -0.14285714280159117,
        0.11111110781470727,
        -0.09090897697170035,
        0.07692059078067852,
        -0.06663090448425107,
        0.05847785422844885,
        -0.05038814753281357,
        0.038051569442766525,
        -0.017892404735127043,
    ];
    // 2^-60
    const ERF: &'static [f64] = &[
        0.1283791670955126,
        -0.37612638903183715,
        0.11283791670952477,
        -0.02686617064440146,
        0.005223977615109731,
        -0.0008548326168204474,
        0.00012055288739265442,
        -1.4924175635248649e-05,
        1.6430372280420642e-06,
        -1.5937460060786786e-07,
        1.1463236570484706e-08,
    ];
    // 2^-60
    const ERFC: &'static [f64] = &[
        1.2423492448711544,
        -0.14000918013761943,
        -0.01055559633221839,
        0.09751909515326032,
        -0.11508959816018549,
        0.087983153824797,
        -0.048823325828055326,
        0.019099330943681988,
        -0.004215019906038932,
        -0.0003022678907800711,
        0.0005643844069942439,
        -0.00012151233676018122,
        -4.278219436722356e-05,
        2.4260599902418958e-05,
        2.328235984901122e-06,
        -3.813575677055913e-06,
        -4.415412616801988e-08,
        5.989730575318996e-07,
        -7.98241291630156e-09,
        -9.206444729969586e-08,
        5.872029044342964e-10,
        1.0072327522777437e-08,
    ];
    // 2^-59
    const GELU: &'static [f64] = &[
        0.46151582985003775,
        -0.09155228183400893,
        0.031030368425963264,
        0.010002352385218275,
        -0.026401042966293156,
        0.02453696324401974,
        -0.015170415402652418,
        0.006522000662985483,
        -0.0016760723450330536,
        7.791634467534038e-06,
        0.00018233416088572418,
        -5.360775250761643e-05,
        -9.896212899692574e-06,
        9.060316397447223e-06,
        -6.99092731216117e-08,
        -1.3083158301247318e-06,
        1.2690294607485696e-07,
        1.9714825137370265e-07,
        -2.499677896451673e-08,
        -3.131378015821806e-08,
        2.6895751202910906e-09,
        4.3091045214979346e-09,
        7.540667884299359e-12,
        -2.802993282866951e-10,
    ];
    const ERFC_CENTRE: f64 = 3.5;
    const GELU_CENTRE: f64 = 5.0;

    #[inline(always)]
    fn combine(factor: Self, constant: f64, varying: Self, excess: Self, scale: f64, x: Self) -> Self {
        combined(factor, constant, varying, excess, scale, x)
    }
}

/// `Elementary::combine` where the type has digits to spare.
#[inline(always)]
pub fn combined<L: Lane>(factor: L, constant: f64, varying: L, excess: L, scale: f64, x: L) -> L {
    let sum = varying + L::of(constant);
    // What the sum has lost goes with the small part of the product.
    let lost = varying - (sum - L::of(constant));
    let product = sum + sum.mul_add(excess, lost);
    factor * product / x.mul_add(L::of(scale), L::of(1.0))
}

/// c_0 + c_1 x + c_2 x² + ...
#[inline(always)]
pub fn polynomial<L: Lane>(x: L, coefficients: &[f64]) -> L {
    let (last, rest) = coefficients.split_last().unwrap();
    rest.iter().rev().fold(L::of(*last), |sum, &c| sum.mul_add(x, L::of(c)))
}

/// A vector function of one number.
#[inline(always)]
pub fn scalar(f: impl Fn(f64x2) -> f64x2, x: f64) -> f64 {
    f(f64x2::splat(x)).first()
}

#[cfg(test)]
mod references;
#[cfg(test)]
mod tests;
