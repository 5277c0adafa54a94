//! Functions of one array: one loop for each function and type, the functions themselves in `math`.

use super::lane::{f32x4, f64x2, map, through_f64, Lane};
use super::math::derivatives::{
    acosh_derivative, asin_derivative, asinh_derivative, atan_derivative, atanh_derivative, mish, mish_derivative, sigmoid_derivative,
    silu_derivative, tanh_derivative,
};
use super::math::error_function::{erf, erfc, erfinv, gaussian, gelu, gelu_derivative};
use super::math::exponential::{cosh, exp, exp2, expm1, gelu_tanh_f32, gelu_tanh_f64, log_sigmoid, sigmoid, silu, sinh, softplus, tanh};
use super::math::gamma::{digamma, polygamma};
use super::math::inverse::{acos, acosh, asin, asinh, atan, atanh};
use super::math::logarithm::{log, log10, log1p, log2};
use super::math::sinc::sinc_derivative;
use super::math::trigonometric::{cos, sin, tan};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unary {
    Neg,
    Abs,
    Sign,
    Square,
    Sqrt,
    Rsqrt,
    Cbrt,
    Reciprocal,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    Erfinv,
    Lgamma,
    Digamma,
    Sigmoid,
    Softplus,
    LogSigmoid,
    Relu,
    Gelu,
    GeluTanh,
    Silu,
    Mish,
    AsinDerivative,
    AtanDerivative,
    TanhDerivative,
    AsinhDerivative,
    AcoshDerivative,
    AtanhDerivative,
    /// e^(-x²)
    Gaussian,
    SigmoidDerivative,
    SiluDerivative,
    GeluDerivative,
    MishDerivative,
    Floor,
    Ceil,
    Round,
    Trunc,
}

/// -1, 0 or 1; NaN for NaN
#[inline(always)]
fn sign<L: Lane>(x: L) -> L {
    let zero = L::of(0.0);
    let value = L::select(x.lt(zero), L::of(-1.0), L::select(zero.lt(x), L::of(1.0), zero));
    L::select(x.eq(x), value, x)
}

#[inline(always)]
fn one_by_one<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = f(x);
    }
}

/// The functions that are the same in both types.
macro_rules! common {
    ($lane:ident, $function:expr, $x:ident, $out:ident, { $($rest:tt)* }) => {{
        type L = $lane;
        match $function {
            Unary::Neg => map::<L>($x, $out, |v| -v),
            Unary::Abs => map::<L>($x, $out, |v| v.abs()),
            Unary::Sign => map::<L>($x, $out, sign),
            Unary::Square => map::<L>($x, $out, |v| v * v),
            Unary::Sqrt => map::<L>($x, $out, |v| v.sqrt()),
            Unary::Rsqrt => map::<L>($x, $out, |v| L::of(1.0) / v.sqrt()),
            Unary::Reciprocal => map::<L>($x, $out, |v| L::of(1.0) / v),
            Unary::Relu => map::<L>($x, $out, |v| v.at_least(L::of(0.0))),
            Unary::Floor => map::<L>($x, $out, |v| v.floor()),
            Unary::Ceil => map::<L>($x, $out, |v| v.ceil()),
            Unary::Round => map::<L>($x, $out, |v| v.nearest()),
            Unary::Trunc => map::<L>($x, $out, |v| v.trunc()),
            Unary::Exp => map::<L>($x, $out, exp),
            Unary::Exp2 => map::<L>($x, $out, exp2),
            Unary::Expm1 => map::<L>($x, $out, expm1),
            Unary::Log => map::<L>($x, $out, log),
            Unary::Log2 => map::<L>($x, $out, log2),
            Unary::Log10 => map::<L>($x, $out, log10),
            Unary::Log1p => map::<L>($x, $out, log1p),
            Unary::Sin => map::<L>($x, $out, sin),
            Unary::Cos => map::<L>($x, $out, cos),
            Unary::Atan => map::<L>($x, $out, atan),
            Unary::Sinh => map::<L>($x, $out, sinh),
            Unary::Cosh => map::<L>($x, $out, cosh),
            Unary::Tanh => map::<L>($x, $out, tanh),
            Unary::Erf => map::<L>($x, $out, erf),
            Unary::Erfc => map::<L>($x, $out, erfc),
            Unary::Sigmoid => map::<L>($x, $out, sigmoid),
            Unary::Softplus => map::<L>($x, $out, softplus),
            Unary::LogSigmoid => map::<L>($x, $out, log_sigmoid),
            Unary::Gelu => map::<L>($x, $out, gelu),
            Unary::Silu => map::<L>($x, $out, silu),
            Unary::Mish => map::<L>($x, $out, mish),
            Unary::AsinDerivative => map::<L>($x, $out, asin_derivative),
            Unary::AtanDerivative => map::<L>($x, $out, atan_derivative),
            Unary::TanhDerivative => map::<L>($x, $out, tanh_derivative),
            Unary::AsinhDerivative => map::<L>($x, $out, asinh_derivative),
            Unary::AcoshDerivative => map::<L>($x, $out, acosh_derivative),
            Unary::AtanhDerivative => map::<L>($x, $out, atanh_derivative),
            Unary::Gaussian => map::<L>($x, $out, gaussian),
            Unary::SigmoidDerivative => map::<L>($x, $out, sigmoid_derivative),
            Unary::SiluDerivative => map::<L>($x, $out, silu_derivative),
            Unary::GeluDerivative => map::<L>($x, $out, gelu_derivative),
            Unary::MishDerivative => map::<L>($x, $out, mish_derivative),
            $($rest)*
        }
    }};
}

pub fn unary_f32(function: Unary, x: &[f32], out: &mut [f32]) {
    common!(f32x4, function, x, out, {
        Unary::GeluTanh => map::<L>(x, out, gelu_tanh_f32),
        Unary::Tan => map::<L>(x, out, |v| through_f64(v, tan)),
        Unary::Asin => map::<L>(x, out, |v| through_f64(v, asin)),
        Unary::Acos => map::<L>(x, out, |v| through_f64(v, acos)),
        Unary::Asinh => map::<L>(x, out, |v| through_f64(v, asinh)),
        Unary::Acosh => map::<L>(x, out, |v| through_f64(v, acosh)),
        Unary::Atanh => map::<L>(x, out, |v| through_f64(v, atanh)),
        Unary::Cbrt => one_by_one(x, out, libm::cbrtf),
        Unary::Erfinv => map::<L>(x, out, |v| through_f64(v, erfinv)),
        Unary::Lgamma => one_by_one(x, out, |v| libm::lgamma(v as f64) as f32),
        Unary::Digamma => one_by_one(x, out, |v| digamma(v as f64) as f32),
    })
}

pub fn unary_f64(function: Unary, x: &[f64], out: &mut [f64]) {
    common!(f64x2, function, x, out, {
        Unary::GeluTanh => map::<L>(x, out, gelu_tanh_f64),
        Unary::Tan => map::<L>(x, out, tan),
        Unary::Asin => map::<L>(x, out, asin),
        Unary::Acos => map::<L>(x, out, acos),
        Unary::Asinh => map::<L>(x, out, asinh),
        Unary::Acosh => map::<L>(x, out, acosh),
        Unary::Atanh => map::<L>(x, out, atanh),
        Unary::Cbrt => one_by_one(x, out, libm::cbrt),
        Unary::Erfinv => map::<L>(x, out, erfinv),
        Unary::Lgamma => one_by_one(x, out, libm::lgamma),
        Unary::Digamma => one_by_one(x, out, digamma),
    })
}

/// The functions under which integers stay integers; they wrap.
pub fn unary_i32(function: Unary, x: &[i32], out: &mut [i32]) {
    match function {
        Unary::Neg => one_by_one(x, out, i32::wrapping_neg),
        Unary::Abs => one_by_one(x, out, i32::wrapping_abs),
        Unary::Sign => one_by_one(x, out, i32::signum),
        Unary::Square => one_by_one(x, out, |v| v.wrapping_mul(v)),
        Unary::Relu => one_by_one(x, out, |v| v.max(0)),
        Unary::Floor | Unary::Ceil | Unary::Round | Unary::Trunc => one_by_one(x, out, |v| v),
        _ => unreachable!("{function:?} of integers is computed in float32"),
    }
}

/// The n-th derivative of digamma; digamma itself for n = 0.
pub fn polygamma_f32(n: u32, x: &[f32], out: &mut [f32]) {
    one_by_one(x, out, |v| polygamma(n, v as f64) as f32);
}

pub fn polygamma_f64(n: u32, x: &[f64], out: &mut [f64]) {
    one_by_one(x, out, |v| polygamma(n, v));
}

/// The n-th derivative of sin(πx)/(πx).
pub fn sinc_derivative_f32(n: u32, x: &[f32], out: &mut [f32]) {
    one_by_one(x, out, |v| sinc_derivative(n, v as f64) as f32);
}

pub fn sinc_derivative_f64(n: u32, x: &[f64], out: &mut [f64]) {
    one_by_one(x, out, |v| sinc_derivative(n, v));
}
