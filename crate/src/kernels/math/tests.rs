//! Accuracy in units in the last place (ulp), and the values at poles, limits and infinities.

#![allow(non_upper_case_globals)]

use super::references::REFERENCES;
use crate::form::{Form, Pointwise};
use crate::kernels::unary::{Unary, POLYGAMMA, SINC_DERIVATIVE};
use crate::op::{Kind, Op};
use crate::ops::{
    Abs, Acos, Acosh, AcoshDerivative, Asin, AsinDerivative, Asinh, AsinhDerivative, Atan, AtanDerivative, Atanh, AtanhDerivative, Cbrt,
    Ceil, Cos, Cosh, Digamma, Erf, Erfc, Erfinv, Exp, Exp2, Expm1, Floor, Gaussian, GeluErf, GeluErfDerivative, GeluTanh, Lgamma, Log,
    Log10, Log1p, Log2, LogSigmoid, Mish, MishDerivative, Neg, Reciprocal, Relu, Round, Rsqrt, Sigmoid, SigmoidDerivative, Sign, Silu,
    SiluDerivative, Sin, Sinh, Softplus, Sqrt, Square, Tan, Tanh, TanhDerivative, Trunc, TABLE,
};

const INF: f64 = f64::INFINITY;

/// Every row with a kernel of one array.
fn all() -> Vec<(Op, Unary)> {
    let rows = (0..TABLE.len()).map(|number| Op(number as u16));
    rows.filter_map(|op| Some((op, kernel_of(op)?))).collect()
}

fn kernel_of(op: Op) -> Option<Unary> {
    match op.row().kind {
        Kind::Primitive { form: Form::Pointwise(Pointwise::Unary(kernel)), .. } => Some(kernel),
        _ => None,
    }
}

fn kernel(op: Op) -> Unary {
    kernel_of(op).unwrap()
}

fn f32_of(function: Op, x: f32) -> f32 {
    let mut out = [0.0];
    (kernel(function).f32)(&[x], &mut out);
    out[0]
}

fn f64_of(function: Op, x: f64) -> f64 {
    let mut out = [0.0];
    (kernel(function).f64)(&[x], &mut out);
    out[0]
}

/// |y - exact| in units of the last place that f32 has at `exact`.
fn ulps_f32(y: f32, exact: f64) -> f64 {
    if exact.is_nan() || exact.abs() >= f32::MAX as f64 * (1.0 + 2f64.powi(-25)) {
        let limit = exact as f32;
        return if y == limit || (y.is_nan() && limit.is_nan()) { 0.0 } else { INF };
    }
    let exponent = libm::ilogb(exact).max(-126);
    (y as f64 - exact).abs() / 2f64.powi(exponent - 23)
}

fn ulps_f64(y: f64, exact: f64) -> f64 {
    if y == exact || (y.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    let unit = f64::from_bits(exact.abs().to_bits() + 1) - exact.abs();
    (y - exact).abs() / unit
}

/// The f64 functions of libm, and what follows from them with far more than the digits of f32.
fn exact(function: Op, x: f64) -> f64 {
    use libm::*;
    let gelu_tanh_argument = |x: f64| 2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
    // x e^v/(1 + e^v), where e^v alone may be too small for f64
    let times_sigmoid = |x: f64, v: f64| if v < -40.0 { x * exp(v) } else { x / (1.0 + exp(-v)) };
    // tanh(ln(1 + e))
    let mish_gate = |x: f64| if x > 40.0 { 1.0 } else { exp(x) * (exp(x) + 2.0) / (exp(x) * (exp(x) + 2.0) + 2.0) };
    match function {
        Neg => -x,
        Abs => x.abs(),
        Sign => {
            if x == 0.0 || x.is_nan() {
                x
            } else {
                x.signum()
            }
        }
        Square => x * x,
        Sqrt => sqrt(x),
        Rsqrt => 1.0 / sqrt(x),
        Cbrt => cbrt(x),
        Reciprocal => 1.0 / x,
        Exp => exp(x),
        Exp2 => exp2(x),
        Expm1 => expm1(x),
        Log => log(x),
        Log2 => log2(x),
        Log10 => log10(x),
        Log1p => log1p(x),
        Sin => sin(x),
        Cos => cos(x),
        Tan => tan(x),
        Asin => asin(x),
        Acos => acos(x),
        Atan => atan(x),
        Sinh => sinh(x),
        Cosh => cosh(x),
        Tanh => tanh(x),
        Asinh => asinh(x),
        Acosh => {
            if x < 1.0 {
                f64::NAN
            } else {
                acosh(x)
            }
        }
        Atanh => atanh(x),
        Erf => erf(x),
        Erfc => erfc(x),
        Sigmoid => times_sigmoid(1.0, x),
        Softplus => x.max(0.0) + log1p(exp(-x.abs())),
        LogSigmoid => x.min(0.0) - log1p(exp(-x.abs())),
        Relu => x.max(0.0),
        GeluErf => 0.5 * x * erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        GeluTanh => times_sigmoid(x, gelu_tanh_argument(x)),
        Silu => times_sigmoid(x, x),
        Mish => x * mish_gate(x),
        AsinDerivative => 1.0 / ((1.0 - x) * (1.0 + x)).sqrt(),
        AtanDerivative => 1.0 / (1.0 + x * x),
        TanhDerivative => 1.0 / (cosh(x) * cosh(x)),
        AsinhDerivative => 1.0 / hypot(1.0, x),
        AcoshDerivative => {
            if x < 1.0 {
                f64::NAN
            } else {
                1.0 / ((x - 1.0) * (x + 1.0)).sqrt()
            }
        }
        AtanhDerivative => {
            if x.abs() > 1.0 {
                f64::NAN
            } else {
                1.0 / ((1.0 - x) * (1.0 + x))
            }
        }
        Gaussian => exp(-x * x),
        SigmoidDerivative => times_sigmoid(1.0, x) * times_sigmoid(1.0, -x),
        SiluDerivative => times_sigmoid(1.0, x) + times_sigmoid(x, x) * times_sigmoid(1.0, -x),
        GeluErfDerivative => {
            0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
                + if x.is_infinite() { 0.0 } else { 0.398_942_280_401_432_7 * x * exp(-0.5 * x * x) }
        }
        MishDerivative => {
            let slope = if x.abs() > 300.0 { 0.0 } else { x * (1.0 - mish_gate(x)) * (1.0 + mish_gate(x)) };
            mish_gate(x) + slope * times_sigmoid(1.0, x)
        }
        Floor => floor(x),
        Ceil => ceil(x),
        Round => rint(x),
        Trunc => trunc(x),
        Lgamma => lgamma(x),
        other => unreachable!("{other} is tested by values"),
    }
}

/// Numbers all over f32, by their bits, and densely in [-limit, limit].
fn samples(limit: f32) -> Vec<f32> {
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(64_301).map(f32::from_bits).collect();
    x.extend((-40_000..=40_000).map(|i| i as f32 / 40_000.0 * limit));
    x.extend((-20_000..=20_000).map(|i| i as f32 / 20_000.0 * 1.3));
    x
}

/// Worst error over the samples.
fn worst(function: Op, limit: f32, exact: impl Fn(f64) -> f64) -> (f64, f32) {
    let x = samples(limit);
    let mut y = vec![0.0; x.len()];
    (kernel(function).f32)(&x, &mut y);
    let mut worst = (0.0, 0.0);
    for (&x, &y) in x.iter().zip(&y) {
        let error = ulps_f32(y, exact(x as f64));
        if !(error <= worst.0) {
            worst = (error, x);
        }
    }
    worst
}

#[test]
fn f32_within_bounds() {
    let table = [
        (Sqrt, 0.51, 100.0),
        (Rsqrt, 1.5, 100.0),
        (Cbrt, 1.0, 100.0),
        (Reciprocal, 0.51, 100.0),
        (Exp, 1.0, 110.0),
        (Exp2, 1.0, 155.0),
        (Expm1, 1.3, 95.0),
        (Log, 1.0, 20.0),
        (Log2, 1.0, 20.0),
        (Log10, 1.0, 20.0),
        (Log1p, 1.0, 20.0),
        (Sin, 1.5, 5000.0),
        (Cos, 1.5, 5000.0),
        (Tan, 0.51, 5000.0),
        (Asin, 0.51, 1.1),
        (Acos, 0.51, 1.1),
        (Atan, 1.8, 20.0),
        (Asinh, 0.51, 20.0),
        (Acosh, 0.51, 20.0),
        (Atanh, 0.51, 1.1),
        (Sinh, 2.0, 95.0),
        (Cosh, 1.4, 95.0),
        (Tanh, 2.1, 10.0),
        (Erf, 1.0, 6.0),
        (Erfc, 2.1, 11.0),
        (GeluErf, 1.4, 15.0),
        (GeluTanh, 2.4, 12.0),
        (AsinDerivative, 3.0, 1.1),
        (AtanDerivative, 2.0, 20.0),
        (TanhDerivative, 5.0, 50.0),
        (AsinhDerivative, 3.0, 20.0),
        (AcoshDerivative, 4.0, 20.0),
        (AtanhDerivative, 3.0, 1.1),
        (Gaussian, 2.5, 10.0),
        (SigmoidDerivative, 5.0, 110.0),
        (Mish, 5.0, 110.0),
        (Sigmoid, 2.0, 110.0),
        (Softplus, 1.7, 110.0),
        (LogSigmoid, 1.7, 110.0),
        (Silu, 2.3, 112.0),
        (Floor, 0.0, 100.0),
        (Ceil, 0.0, 100.0),
        (Round, 0.0, 100.0),
        (Trunc, 0.0, 100.0),
        (Relu, 0.0, 100.0),
        (Neg, 0.0, 10.0),
        (Abs, 0.0, 10.0),
        (Square, 0.51, 10.0),
        (Sign, 0.0, 10.0),
    ];
    for (function, bound, limit) in table {
        let (error, at) = worst(function, limit, |x| exact(function, x));
        assert!(error <= bound, "{function}({at:e}) = {:e} is off by {error} ulp", f32_of(function, at));
    }
}

#[test]
fn f64_within_bounds_of_libm() {
    // libm's own error is below one ulp.
    let table = [
        (Exp, 1.6, 700.0),
        (Exp2, 1.6, 1000.0),
        (Expm1, 1.9, 30.0),
        (Log, 1.7, 30.0),
        (Log2, 1.8, 30.0),
        (Log10, 1.9, 30.0),
        (Log1p, 1.8, 30.0),
        (Sin, 1.6, 1e5),
        (Cos, 1.6, 1e5),
        (Tan, 2.6, 1e5),
        (Asin, 2.6, 1.0),
        (Acos, 1.9, 1.0),
        (Atan, 2.0, 30.0),
        (Sinh, 3.0, 30.0),
        (Cosh, 2.2, 30.0),
        (Tanh, 3.0, 20.0),
        (Asinh, 3.0, 30.0),
        (Acosh, 3.0, 30.0),
        (Atanh, 3.0, 1.0),
        (Erf, 2.2, 6.0),
        (Erfc, 3.1, 26.0),
    ];
    for (function, bound, limit) in table {
        let mut x: Vec<f64> = (-50_000..=50_000).map(|i| (i as f64 + 0.371) / 50_001.0 * limit).collect();
        x.extend((0..20_000u64).map(|i| f64::from_bits(i * 922_337_203_685_477)));
        let mut y = vec![0.0; x.len()];
        (kernel(function).f64)(&x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let error = ulps_f64(y, exact(function, x));
            assert!(error <= bound, "{function}({x:e}) = {y:e} is off by {error} ulp from {:e}", exact(function, x));
        }
    }
}

#[test]
fn f64_against_references() {
    for &(function, pairs) in REFERENCES {
        for &(x, y) in pairs {
            let got = f64_of(function, x);
            let close = match function {
                // Its zeros lie between two numbers.
                Digamma => (got - y).abs() <= 4e-16 * y.abs().max(1.0),
                // Products of a few rounded factors.
                TanhDerivative | SigmoidDerivative | SiluDerivative | Mish | MishDerivative | GeluErfDerivative => ulps_f64(got, y) <= 6.0,
                AsinDerivative | AtanDerivative | AsinhDerivative | AcoshDerivative | AtanhDerivative => ulps_f64(got, y) <= 3.0,
                // Digits of v are digits of the exponent.
                Lgamma | Erfinv => (got - y).abs() <= 1e-15 * y.abs(),
                _ => ulps_f64(got, y) <= 2.0,
            };
            assert!(close, "{function}({x:e}) = {got:e}, expected {y:e}");
        }
    }
}

/// Elements may not see where they stand: every function, every start, every length of the rest.
#[test]
fn results_do_not_depend_on_position() {
    let x: Vec<f64> =
        [0.3, -1.2, 1e9, 0.0, f64::NAN, 2.5, 1e-40, -INF, 0.9, 1.0, -0.7, INF, 77.0, -3.0, 1e300, 5e-324, -0.0, 0.55, 4e6].repeat(2);
    let narrow: Vec<f32> = x.iter().map(|&v| v as f32).collect();
    for (function, _) in all() {
        let (mut whole, mut whole_narrow) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        (kernel(function).f64)(&x, &mut whole);
        (kernel(function).f32)(&narrow, &mut whole_narrow);
        for i in 0..x.len() {
            for length in 1..=(x.len() - i).min(6) {
                let (mut part, mut part_narrow) = (vec![0.0; length], vec![0.0; length]);
                (kernel(function).f64)(&x[i..i + length], &mut part);
                (kernel(function).f32)(&narrow[i..i + length], &mut part_narrow);
                for j in 0..length {
                    let same = part[j].to_bits() == whole[i + j].to_bits() || part[j].is_nan() && whole[i + j].is_nan();
                    assert!(same, "{function} f64 at {i} + {j}");
                    let (a, b) = (part_narrow[j], whole_narrow[i + j]);
                    assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{function} f32 at {i} + {j}");
                }
            }
        }
    }
}

#[test]
fn special_values() {
    let nan = f64::NAN;
    let table: &[(Op, &[(f64, f64)])] = &[
        (Exp, &[(-INF, 0.0), (INF, INF), (711.0, INF), (-746.0, 0.0), (0.0, 1.0), (nan, nan)]),
        (Exp2, &[(-INF, 0.0), (INF, INF), (10.0, 1024.0), (-3.0, 0.125), (nan, nan)]),
        (Expm1, &[(-INF, -1.0), (INF, INF), (0.0, 0.0), (-1000.0, -1.0), (1e-20, 1e-20), (-1e-20, -1e-20), (nan, nan)]),
        (Log, &[(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-1.0, nan), (-INF, nan), (nan, nan)]),
        (Log2, &[(0.0, -INF), (8.0, 3.0), (0.25, -2.0), (-1.0, nan), (INF, INF)]),
        (Log10, &[(0.0, -INF), (1000.0, 3.0), (-1.0, nan), (INF, INF)]),
        (Log1p, &[(-1.0, -INF), (-2.0, nan), (INF, INF), (1e-20, 1e-20), (-1e-20, -1e-20), (nan, nan)]),
        (Sin, &[(0.0, 0.0), (INF, nan), (-INF, nan), (nan, nan)]),
        (Cos, &[(0.0, 1.0), (INF, nan), (nan, nan)]),
        (Tan, &[(0.0, 0.0), (INF, nan), (nan, nan)]),
        (Asin, &[(1.0, std::f64::consts::FRAC_PI_2), (-1.0, -std::f64::consts::FRAC_PI_2), (2.0, nan), (nan, nan)]),
        (Acos, &[(1.0, 0.0), (-1.0, std::f64::consts::PI), (2.0, nan), (-2.0, nan), (nan, nan)]),
        (Atan, &[(INF, std::f64::consts::FRAC_PI_2), (-INF, -std::f64::consts::FRAC_PI_2), (0.0, 0.0), (nan, nan)]),
        (Sinh, &[(INF, INF), (-INF, -INF), (0.0, 0.0), (1000.0, INF), (nan, nan)]),
        (Cosh, &[(INF, INF), (-INF, INF), (0.0, 1.0), (-1000.0, INF), (nan, nan)]),
        (Tanh, &[(INF, 1.0), (-INF, -1.0), (1000.0, 1.0), (-1000.0, -1.0), (0.0, 0.0), (nan, nan)]),
        (Asinh, &[(INF, INF), (-INF, -INF), (0.0, 0.0), (nan, nan)]),
        (Acosh, &[(1.0, 0.0), (0.5, nan), (-5.0, nan), (INF, INF), (nan, nan)]),
        (Atanh, &[(1.0, INF), (-1.0, -INF), (2.0, nan), (0.0, 0.0), (nan, nan)]),
        (Erf, &[(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (1000.0, 1.0), (nan, nan)]),
        (Erfc, &[(INF, 0.0), (-INF, 2.0), (0.0, 1.0), (1000.0, 0.0), (nan, nan)]),
        (Erfinv, &[(1.0, INF), (-1.0, -INF), (0.0, 0.0), (1.5, nan), (nan, nan)]),
        (Lgamma, &[(0.0, INF), (1.0, 0.0), (2.0, 0.0), (-1.0, INF), (-7.0, INF), (INF, INF), (-INF, INF), (nan, nan)]),
        (Digamma, &[(0.0, -INF), (-1.0, nan), (INF, INF), (-INF, nan), (nan, nan)]),
        (Sigmoid, &[(1000.0, 1.0), (-1000.0, 0.0), (0.0, 0.5), (INF, 1.0), (-INF, 0.0), (nan, nan)]),
        (Softplus, &[(1000.0, 1000.0), (-1000.0, 0.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (LogSigmoid, &[(1000.0, 0.0), (-1000.0, -1000.0), (INF, 0.0), (-INF, -INF), (nan, nan)]),
        (Relu, &[(-1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (GeluErf, &[(100.0, 100.0), (-100.0, 0.0), (0.0, 0.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (GeluTanh, &[(100.0, 100.0), (-100.0, 0.0), (0.0, 0.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (Silu, &[(1000.0, 1000.0), (-1000.0, 0.0), (0.0, 0.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (Mish, &[(1000.0, 1000.0), (-1000.0, 0.0), (0.0, 0.0), (INF, INF), (-INF, 0.0), (nan, nan)]),
        (AsinDerivative, &[(0.0, 1.0), (1.0, INF), (-1.0, INF), (2.0, nan), (nan, nan)]),
        (AtanDerivative, &[(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (nan, nan)]),
        (TanhDerivative, &[(0.0, 1.0), (1000.0, 0.0), (-INF, 0.0), (nan, nan)]),
        (AsinhDerivative, &[(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (nan, nan)]),
        (AcoshDerivative, &[(1.0, INF), (0.5, nan), (-3.0, nan), (INF, 0.0), (nan, nan)]),
        (AtanhDerivative, &[(0.0, 1.0), (1.0, INF), (-1.0, INF), (2.0, nan), (INF, nan), (nan, nan)]),
        (Gaussian, &[(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (1000.0, 0.0), (nan, nan)]),
        (SigmoidDerivative, &[(0.0, 0.25), (1000.0, 0.0), (INF, 0.0), (-INF, 0.0), (nan, nan)]),
        (SiluDerivative, &[(0.0, 0.5), (1000.0, 1.0), (INF, 1.0), (-1000.0, 0.0), (-INF, 0.0), (nan, nan)]),
        (GeluErfDerivative, &[(0.0, 0.5), (1000.0, 1.0), (INF, 1.0), (-1000.0, 0.0), (-INF, 0.0), (nan, nan)]),
        (MishDerivative, &[(0.0, 0.6), (1000.0, 1.0), (INF, 1.0), (-1000.0, 0.0), (-INF, 0.0), (nan, nan)]),
        (Sqrt, &[(0.0, 0.0), (-1.0, nan), (INF, INF), (nan, nan)]),
        (Rsqrt, &[(0.0, INF), (INF, 0.0), (-1.0, nan)]),
        (Reciprocal, &[(0.0, INF), (-0.0, -INF), (INF, 0.0)]),
        (Cbrt, &[(-8.0, -2.0), (0.0, 0.0), (INF, INF), (-INF, -INF), (nan, nan)]),
        (Sign, &[(0.0, 0.0), (-0.0, 0.0), (-3.0, -1.0), (2.0, 1.0), (-INF, -1.0), (nan, nan)]),
        (Round, &[(0.5, 0.0), (1.5, 2.0), (-2.5, -2.0), (2.500_000_2, 3.0), (nan, nan)]),
    ];
    for &(function, pairs) in table {
        for &(x, y) in pairs {
            // Negative zeros count as zeros where the limit from below is meant, so results are compared as printed: 0, not -0.
            let same = |a: f64| a == y && (y != 0.0 || a.is_sign_positive()) || a.is_nan() && y.is_nan();
            assert!(same(f64_of(function, x)), "f64 {function}({x}) = {}, expected {y}", f64_of(function, x));
            let narrow = f32_of(function, x as f32) as f64;
            let tiny = x.abs() == 1e-20;
            assert!(
                same(narrow) || narrow as f32 == y as f32 && (tiny || y.fract() != 0.0),
                "f32 {function}({x}) = {narrow}, expected {y}"
            );
        }
    }
    assert!(f64_of(Tanh, -0.0).is_sign_negative() && f32_of(Expm1, -0.0).is_sign_negative() && f64_of(Atan, -0.0).is_sign_negative());
    assert_eq!((f32_of(Exp, 89.0), f32_of(Exp, -104.0), f32_of(Exp, -103.0)), (f32::INFINITY, 0.0, f32::from_bits(1)));
}

#[test]
fn digamma_at_its_zero() {
    for i in -1000..1000 {
        let x = 1.461_632_144_968_362_2 + i as f64 * 1e-12;
        let expected = (x - 1.461_632_144_968_362_2 - 9.549_995_429_965_697e-17) * 0.967_672_245_447_621_2;
        assert!((f64_of(Digamma, x) - expected).abs() <= 1e-15, "{x}");
    }
}

#[test]
fn derivatives_of_digamma() {
    // mpmath's psi(n, x)
    let table: [(u32, [f64; 4]); 3] = [
        (1, [12.245364546107732, 0.49035775610023485, 14.53687624413708, 0.010050166663333571]),
        (2, [-75.27253658872604, -0.2362040516417274, 68.54941347116214, -0.00010100499983335]),
        (5, [164634.84609922304, 0.5785691785671835, 165659.24299740966, 2.460599944011996e-09]),
    ];
    let x = [0.3, 2.5, -1.3, 100.0];
    for (n, expected) in table {
        let (mut y, mut narrow) = ([0.0; 4], [0.0f32; 4]);
        (POLYGAMMA.f64)(n, &x, &mut y);
        (POLYGAMMA.f32)(n, &x.map(|v| v as f32), &mut narrow);
        for i in 0..4 {
            assert!((y[i] - expected[i]).abs() <= 4e-15 * expected[i].abs(), "ψ^({n})({}) = {}", x[i], y[i]);
            assert!((narrow[i] as f64 - expected[i]).abs() <= 1e-5 * expected[i].abs(), "f32 ψ^({n})({})", x[i]);
        }
    }
    let mut poles = [0.0; 4];
    (POLYGAMMA.f64)(1, &[0.0, -1.0, INF, f64::NAN], &mut poles);
    assert!(poles[0] == INF && poles[1] == INF && poles[2] == 0.0 && poles[3].is_nan());
    (POLYGAMMA.f64)(2, &[0.0, -1.0, INF, -INF], &mut poles);
    assert!(poles[0] == -INF && poles[1].is_nan() && poles[2] == 0.0 && poles[3].is_nan());
    (POLYGAMMA.f64)(0, &[0.0, 1.0, 10.0, -0.5], &mut poles);
    assert_eq!(poles.map(|v| (v * 1e9).round()), [-INF, -577215665.0, 2251752589.0, 36489974.0]);
}

#[test]
fn derivatives_of_sinc() {
    // mpmath, from the power series
    let table: [(u32, [f64; 4], [f64; 4]); 4] = [
        (0, [1e-3, 0.5, -1.5, 7.3], [0.999998355066745, 0.6366197723675814, -0.2122065907891938, -0.03527645306852628]),
        (1, [1e-7, 0.5, -1.5, 7.3], [-3.28986813369642e-07, -1.2732395447351628, -0.14147106052612918, -0.07568613687999279]),
        (2, [1e-7, 0.5, -1.5, 7.3], [-3.2898681336963556, -1.1902271282389358, 1.90576702169169, 0.368900564372276]),
        (7, [1e-3, 0.5, -1.5, 7.3], [1.0542798050986237, 367.37714936826234, 298.30726497723646, 40.7525946759769]),
    ];
    for (n, x, expected) in table {
        let (mut y, mut narrow) = ([0.0; 4], [0.0f32; 4]);
        (SINC_DERIVATIVE.f64)(n, &x, &mut y);
        (SINC_DERIVATIVE.f32)(n, &x.map(|v| v as f32), &mut narrow);
        for i in 0..4 {
            assert!((y[i] - expected[i]).abs() <= 1e-14 * expected[i].abs(), "n = {n}, x = {}: {}", x[i], y[i]);
            assert!((narrow[i] as f64 - expected[i]).abs() <= 2e-6 * expected[i].abs(), "f32, n = {n}, x = {}", x[i]);
        }
    }
    let mut limits = [0.0; 4];
    (SINC_DERIVATIVE.f64)(0, &[0.0, 3.0, INF, f64::NAN], &mut limits);
    assert!(limits[0] == 1.0 && limits[1] == 0.0 && limits[2] == 0.0 && limits[3].is_nan());
    (SINC_DERIVATIVE.f64)(1, &[0.0, -INF, 0.0, 0.0], &mut limits);
    assert_eq!(limits, [0.0; 4]);
    // At 0: (-1)^(n/2) π^n/(n + 1), 0 for odd n; the orders where forward and backward recurrences meet agree.
    (SINC_DERIVATIVE.f64)(2, &[0.0, 2.0 / std::f64::consts::PI - 1e-12, 2.0 / std::f64::consts::PI + 1e-12, 0.0], &mut limits);
    assert!((limits[0] + std::f64::consts::PI.powi(2) / 3.0).abs() < 1e-14 && (limits[1] - limits[2]).abs() < 1e-10);
}

#[test]
fn integers_stay_integers() {
    let x = [0, -3, 7, i32::MIN];
    for (function, expected) in [
        (Neg, [0, 3, -7, i32::MIN]),
        (Abs, [0, 3, 7, i32::MIN]),
        (Sign, [0, -1, 1, -1]),
        (Square, [0, 9, 49, 0]),
        (Relu, [0, 0, 7, 0]),
        (Round, x),
        (Floor, x),
    ] {
        let mut out = [9; 4];
        kernel(function).i32.unwrap()(&x, &mut out);
        assert_eq!(out, expected, "{function}");
    }
}
