//! Derivatives that are rows: partials of other rows, each with a kernel that is right to the last digits everywhere and
//! a partial in which x multiplies, so that the second and third derivative keep their digits too. A formula made of the
//! ops at hand would not: (1 - y)(1 + y) is 0 where tanh is 1, the derivative of (1 - x)(1 + x) cancels at 0, a constant
//! selected at a special value has no derivative. As one kernel they are also cheaper.

use super::elementwise::unary_row;
use super::support::{broadcast_all, elementwise};
use crate::dtype::{no_kernel, DType};
use crate::error::{Error, Result};
use crate::form::{Evaluation, Form, Outline, Pointwise, Spec};
use crate::kernels::binary::{self, pow_derivative_f32, pow_derivative_f64};
use crate::kernels::lane::{f32x4, f64x2};
use crate::kernels::math::derivatives::{
    acosh_derivative, asin_derivative, asinh_derivative, atan_derivative, atanh_derivative, mish_derivative, sigmoid_derivative,
    silu_derivative, tanh_derivative,
};
use crate::kernels::math::error_function::{gaussian, gelu_derivative};
use crate::kernels::unary::{unary, POLYGAMMA, SINC_DERIVATIVE};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{partial, pullback, Diagonal, Op, Row, Rule};
use crate::ops;
use crate::params::{AlongRoot, Order, PowOrder};
use crate::var::Var;
use smallvec::smallvec;
use Diagonal::Value;

/// factor (x y) y: from the middle outwards, so that for large x nothing vanishes before its time
fn slope<'a>(x: Var<'a>, y: Var<'a>, factor: f64) -> Var<'a> {
    y.strong_mul(x) * y * factor
}

/// Floats with the dims that both inputs broadcast to.
fn both_float(x: &[Spec], _: &[f64]) -> Result<Outline> {
    Ok((x[0].dtype.promote(x[1].dtype).to_float(), broadcast_all(x)?))
}

fn power(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let PowOrder { base, exponent } = PowOrder::read(p);
    let (n, m) = (base as u32, exponent as u32);
    let (a, b) = (x[0].to_dtype(out.dtype)?, x[1].to_dtype(out.dtype)?);
    match out.dtype {
        DType::Float32 => elementwise::<f32, f32, 2>([&a, &b], out, |[a, b], out| pow_derivative_f32(n, m, a, b, out)),
        DType::Float64 => elementwise::<f64, f64, 2>([&a, &b], out, |[a, b], out| pow_derivative_f64(n, m, a, b, out)),
        DType::Int32 | DType::Bool => Err(no_kernel(out.dtype)),
    }
}

fn polygamma_result(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let Order { order } = Order::read(p);
    if order > MOST_POLYGAMMA {
        return Err(Error::value(format!(
            "polygamma of order {order}; the order is an integer up to {MOST_POLYGAMMA}, whose factorial float64 can hold"
        )));
    }
    Pointwise::OfOrder(POLYGAMMA).result(x, p)
}

/// The partial of a row of order n: the same row of order n + 1.
fn next<'a>(op: Op, x: Var<'a>, p: &[f64]) -> Diagonal<'a> {
    Value(x.apply(op, &Order { order: Order::read(p).order + 1.0 }.list()))
}

crate::rows! { derivatives;
    // 1/√(1 - x²);   x y³
    AsinDerivative => unary_row!("asinDerivative", lanes(asin_derivative), |x, y, _| Value(slope(x[0], y, 1.0) * y)),
    // 1/(1 + x²);   -2x y²
    AtanDerivative => unary_row!("atanDerivative", lanes(atan_derivative), |x, y, _| Value(slope(x[0], y, -2.0))),
    // 1/cosh² x;   -2 y tanh x
    TanhDerivative => unary_row!("tanhDerivative", lanes(tanh_derivative), |x, y, _| Value(y * x[0].apply(ops::Tanh, &[]) * -2.0)),
    // 1/√(1 + x²);   -x y³
    AsinhDerivative => unary_row!("asinhDerivative", lanes(asinh_derivative), |x, y, _| Value(slope(x[0], y, -1.0) * y)),
    // 1/√(x² - 1);   -x y³
    AcoshDerivative => unary_row!("acoshDerivative", lanes(acosh_derivative), |x, y, _| Value(slope(x[0], y, -1.0) * y)),
    // 1/(1 - x²);   2x y²
    AtanhDerivative => unary_row!("atanhDerivative", lanes(atanh_derivative), |x, y, _| Value(slope(x[0], y, 2.0))),
    // e^(-x²);   -2x y
    Gaussian => unary_row!("gaussian", lanes(gaussian), |x, y, _| Value(y.strong_mul(x[0]) * -2.0)),
    // σ(x) σ(-x);   -y tanh(x/2)
    SigmoidDerivative => unary_row!("sigmoidDerivative", lanes(sigmoid_derivative), |x, y, _| Value(-(y * (x[0] * 0.5).apply(ops::Tanh, &[])))),
    // σ + x σ';   σ' (2 - x tanh(x/2))
    SiluDerivative => unary_row!("siluDerivative", lanes(silu_derivative), |x, _, _| {
        let bell = x[0].apply(ops::SigmoidDerivative, &[]);
        Value(bell.strong_mul(2.0 - x[0] * (x[0] * 0.5).apply(ops::Tanh, &[])))
    }),
    // Φ + x φ;   φ (2 - x²), φ = e^(-x²/2)/√(2π)
    GeluErfDerivative => unary_row!("geluErfDerivative", lanes(gelu_derivative), |x, _, _| {
        let half = x[0] * std::f64::consts::FRAC_1_SQRT_2;
        Value((half.apply(ops::Gaussian, &[]) * (2.0 * PER_ROOT_2_PI)).strong_mul(1.0 - half * half))
    }),
    // w + x w', w = tanh(softplus x);   with s = σ(x), w' = s (1 - w²):  w' (2 + x (σ(-x) - 2 w s))
    MishDerivative => unary_row!("mishDerivative", lanes(mish_derivative), |x, _, _| {
        let (x, z) = (x[0], x[0].apply(ops::Softplus, &[]));
        let (s, w) = (x.apply(ops::Sigmoid, &[]), z.apply(ops::Tanh, &[]));
        let bent = x * ((-x).apply(ops::Sigmoid, &[]) - w * s * 2.0);
        Value((s * z.apply(ops::TanhDerivative, &[])).strong_mul(bent + 2.0))
    }),
    // ψ⁽ⁿ⁾(x);   ψ⁽ⁿ⁺¹⁾(x)
    Polygamma => Row::new(
        "polygamma",
        Form::Pointwise(Pointwise::Other(Evaluation {
            result: polygamma_result,
            write: |x, p, out| Pointwise::OfOrder(POLYGAMMA).write(x, p, out),
        })),
        Rule::Elementwise(&[partial!(|x, _, p| next(ops::Polygamma, x[0], p))]),
    ).params(Order::PARAMS),
    // v/(2y), where y = √s: what a (co)tangent of s becomes;   -z/y, 1/(2y). Where y is 0 it is 0, or NaN if it is differentiated
    // again: y² is smooth there, and has a second derivative that no rule of y can give. Then it is NaN although v is 0, which in y² it
    // is, unless v is a constant: a 0 that does not vary is a root nobody looks at (of a row of padding, behind a `where`).
    AlongRoot => Row::new(
        "alongRoot",
        Form::Pointwise(Pointwise::Other(Evaluation { result: both_float, write: along_root })),
        Rule::Custom {
            jvp: |x, t, z, p| {
                let terms = [t[0].map(|t| -t.strong_mul(z / x[0])), t[1].map(|t| t.strong_mul(0.5 / x[0]))];
                let sum = terms.into_iter().flatten().reduce(|a, b| a + b).unwrap_or(z.zeros_like());
                unknown(at_zero(x, p), sum)
            },
            vjp: pullback!(|x, z, ct, p, wanted| {
                let here = at_zero(x, p);
                smallvec![
                    wanted[0].then(|| unknown(here, -ct.strong_mul(z / x[0]))),
                    wanted[1].then(|| unknown(here, ct.strong_mul(0.5 / x[0]))),
                ]
            }),
        },
    ).inputs(2).params(AlongRoot::PARAMS),
    // the n-th derivative of sin(πx)/(πx);   the (n+1)-th
    SincDerivative => Row::new(
        "sincDerivative",
        Form::Pointwise(Pointwise::OfOrder(SINC_DERIVATIVE)),
        Rule::Elementwise(&[partial!(|x, _, p| next(ops::SincDerivative, x[0], p))]),
    ),
    // ∂^(n + m) a^b / ∂a^n ∂b^m;   the next in n, the next in m
    PowDerivative => Row::new(
        "powDerivative",
        Form::Pointwise(Pointwise::Other(Evaluation { result: both_float, write: power })),
        Rule::Elementwise(&[
            partial!(|x, _, p| {
                let PowOrder { base, exponent } = PowOrder::read(p);
                Value(x[0].apply2(ops::PowDerivative, x[1], &PowOrder { base: base + 1.0, exponent }.list()))
            }),
            partial!(|x, _, p| {
                let PowOrder { base, exponent } = PowOrder::read(p);
                Value(x[0].apply2(ops::PowDerivative, x[1], &PowOrder { base, exponent: exponent + 1.0 }.list()))
            }),
        ]),
    ).inputs(2).params(PowOrder::PARAMS),
}

/// v/(2y), strong; where y is 0 it is 0, or NaN if it is differentiated again and v is not a constant 0.
fn along_root(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let (y, v) = (x[0].to_dtype(out.dtype)?, x[1].to_dtype(out.dtype)?);
    let AlongRoot { again, fixed } = AlongRoot::read(p);
    // At (y, v) = (0, 0), and at y = 0 else.
    let [both, at_zero] = [if again && !fixed { f64::NAN } else { 0.0 }, if again { f64::NAN } else { 0.0 }];
    match out.dtype {
        DType::Float32 => elementwise::<f32, f32, 2>([&y, &v], out, |[y, v], out| binary::along_root::<f32x4>(y, v, [both, at_zero], out)),
        DType::Float64 => elementwise::<f64, f64, 2>([&y, &v], out, |[y, v], out| binary::along_root::<f64x2>(y, v, [both, at_zero], out)),
        DType::Int32 | DType::Bool => Err(no_kernel(out.dtype)),
    }
}

/// Where the partials of `AlongRoot` have no value: y is 0 and v is not a constant 0.
fn at_zero<'a>(x: &[Var<'a>], p: &[f64]) -> Var<'a> {
    let y_is_zero = x[0].equal(x[0].constant(0.0));
    if AlongRoot::read(p).fixed {
        y_is_zero.and(x[1].equal(x[1].constant(0.0)).not())
    } else {
        y_is_zero
    }
}

fn unknown<'a>(where_: Var<'a>, term: Var<'a>) -> Var<'a> {
    where_.select(term.constant(f64::NAN), term)
}

/// ψ⁽ⁿ⁾ has the factor n!, and 170! is the last below infinity. Its derivatives go a little further.
const MOST_POLYGAMMA: f64 = 180.0;

/// 1/√(2π)
const PER_ROOT_2_PI: f64 = 0.398_942_280_401_432_7;
