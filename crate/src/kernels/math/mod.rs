//! Elementary and special functions, written once for f32x4 and f64x2: reduce the argument, evaluate a polynomial, put the
//! result together. The two types differ in the tables below only. Where f32 needs more digits on the way than it has,
//! it goes through f64.
//!
//! The polynomials are minimax (Remez exchange in 90 digits); above each is the bound of its own error, relative to the
//! function. Argument reductions follow W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980).

/// exp and what is made of it: sigmoid, softplus, hyperbolic functions.
pub mod exponential;
/// Logarithms.
pub mod logarithm;
/// sin, cos, tan.
pub mod trigonometric;
/// Inverses of trigonometric and hyperbolic functions.
pub mod inverse;
/// erf, erfc, erfinv, gelu.
pub mod error_function;
/// Powers, hypot, remainders.
pub mod power;
/// Digamma and its derivatives.
pub mod gamma;
/// sin(πx)/(πx) and its derivatives.
pub mod sinc;

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
    /// e^x is 0 below the first (so is x e^x) and Infinity above the second.
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
    /// erf x / x in x², |x| <= 3/4
    const ERF: &'static [f64];
    /// (1 + 2x) e^(x²) erfc x in (x - ERFCX_CENTRE)/(x + ERFCX_CENTRE), x >= 0
    const ERFCX: &'static [f64];
    const ERFCX_CENTRE: f64;
}

impl Elementary for f32x4 {
    const ROUNDER: f64 = 12_582_912.0;
    const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
    const TINY: f64 = 2.9e-8;
    const UPPER_HALF: i64 = !0xfff;
    const EXP_RANGE: (f64, f64) = (-120.0, 90.0);
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
    const ERF: &'static [f64] = &[1.128379165, -0.3761262, 0.11283376, -0.026834609, 0.00511431, -0.00067492336];
    // 2^-28
    const ERFCX: &'static [f64] = &[
        1.2648382, -0.1223567, -0.099024093, 0.157627933, -0.102974967, 0.032775745, 0.0009850288, -0.0044121801, 0.0003381947, 0.00060158664,
        7.40377e-05,
    ];
    const ERFCX_CENTRE: f64 = 2.5;
}

impl Elementary for f64x2 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    const TINY: f64 = 5.5e-17;
    const UPPER_HALF: i64 = !0x7ff_ffff;
    const EXP_RANGE: (f64, f64) = (-760.0, 711.0);
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
        0.5, 0.16666666666666685, 0.04166666666666673, 0.008333333333316685, 0.0013888888888858439, 0.0001984126989719463, 2.4801587373741607e-05,
        2.7557234099218025e-06, 2.7557233361382187e-07, 2.511228845568969e-08, 2.0926942520156984e-09,
    ];
    // 2^-58
    const LOG: &'static [f64] = &[
        0.6666666666666735, 0.3999999999941289, 0.28571428742825083, 0.22222198524581865, 0.18183567033763962, 0.15313976861555822,
        0.1479672927318996,
    ];
    // 2^-58
    const SIN: &'static [f64] = &[
        -0.16666666666666632, 0.008333333333322398, -0.00019841269829794128, 2.7557313686965165e-06, -2.5050757309609997e-08, 1.589674731143895e-10,
    ];
    // 2^-64
    const COS: &'static [f64] = &[
        0.0416666666666666, -0.00138888888888741, 2.4801587289467656e-05, -2.7557314347949444e-07, 2.087572265369213e-09, -1.1359614567403039e-11,
    ];
    // 2^-59
    const ATAN: &'static [f64] = &[
        -0.333333333333332, 0.19999999999953239, -0.14285714280159117, 0.11111110781470727, -0.09090897697170035, 0.07692059078067852,
        -0.06663090448425107, 0.05847785422844885, -0.05038814753281357, 0.038051569442766525, -0.017892404735127043,
    ];
    // 2^-60
    const ERF: &'static [f64] = &[
        1.1283791670955126, -0.37612638903183715, 0.11283791670952477, -0.02686617064440146, 0.005223977615109731, -0.0008548326168204474,
        0.00012055288739265442, -1.4924175635248649e-05, 1.6430372280420642e-06, -1.5937460060786786e-07, 1.1463236570484706e-08,
    ];
    // 2^-62
    const ERFCX: &'static [f64] = &[
        1.2329951186255526, -0.13962111684056253, 0.015379652102620074, 0.06809705425469308, -0.10103906603632726, 0.09373283499833257,
        -0.06633036581159973, 0.03716751553787981, -0.01619773406634329, 0.005031969972386157, -0.0007577732199133181, -0.0001992566451733026,
        0.00015062133559444972, -2.439949052979176e-05, -1.1220970793849278e-05, 5.7107127442657836e-06, 2.917694292169061e-07,
        -8.276282481782276e-07, 7.690236734769557e-08, 1.1309893852916026e-07, -1.9044475668067883e-08, -1.6469582010892483e-08,
        1.696980760562578e-09, 2.0576872819777066e-09, 2.754746402606262e-10,
    ];
    const ERFCX_CENTRE: f64 = 4.0;
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
