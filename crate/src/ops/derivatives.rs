//! Derivatives that are rows: partials of other rows, each with a kernel that is right to the last digits everywhere and
//! a partial in which x multiplies, so that the second and third derivative keep their digits too. A formula made of the
//! ops at hand would not: (1 - y)(1 + y) is 0 where tanh is 1, the derivative of (1 - x)(1 + x) cancels at 0, a constant
//! selected at a special value has no derivative. As one kernel they are also cheaper.

use super::batching::elementwise as batch;
use super::elementwise::{run, unary_row, Domain};
use super::support::{broadcast2, elementwise, to_dtype};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::binary::{self, Binary};
use crate::kernels::lane::{f32x4, f64x2};
use crate::kernels::unary::{self, Unary};
use crate::memory::array::Array;
use crate::op::{Diagonal, Row, Rule};
use crate::ops;
use crate::var::Var;
use Diagonal::Value;

/// A row with one integer parameter n whose derivative is the same row with n + 1.
fn family(x: &[&Array], n: f64, f32_kernel: fn(u32, &[f32], &mut [f32]), f64_kernel: fn(u32, &[f64], &mut [f64])) -> Result<Array> {
    let x = to_dtype(x[0], x[0].dtype.to_float())?.contiguous()?;
    let mut out = Array::new(x.dtype, &x.dims)?;
    match x.dtype {
        DType::Float64 => f64_kernel(n as u32, x.slice(), out.slice_mut()),
        _ => f32_kernel(n as u32, x.slice(), out.slice_mut()),
    }
    Ok(out)
}

/// factor (x y) y: from the middle outwards, so that for large x nothing vanishes before its time
fn slope<'a>(x: Var<'a>, y: Var<'a>, factor: f64) -> Var<'a> {
    y.strong_mul(x) * y * factor
}

/// ∂^(n + m) a^b / ∂a^n ∂b^m for the parameters [n, m]. Without derivatives in b a product of two vectors:
/// b (b - 1) ... (b - n + 1) times a^(b - n), the former usually a number.
fn power(x: &[&Array], p: &[f64]) -> Result<Array> {
    let (n, m) = (p[0] as u32, p[1] as u32);
    let dims = broadcast2(x[0], x[1])?;
    let dtype = x[0].dtype.promote(x[1].dtype).to_float();
    let (a, b) = (to_dtype(x[0], dtype)?, to_dtype(x[1], dtype)?);
    macro_rules! of {
        ($T:ty, $kernel:ident, $derivative:ident) => {{
            // a^b ln a, but at a = 0, where its limits are.
            if (n, m) == (0, 1) && !a.contiguous()?.slice::<$T>().contains(&0.0) {
                let powers = elementwise::<$T, $T, 2>([&a, &b], &dims, |[a, b], out| binary::$kernel(Binary::Pow, a, b, out))?;
                return elementwise::<$T, $T, 2>([&powers, &a], &dims, |[p, a], out| binary::$kernel(Binary::Xlogy, p, a, out));
            }
            if m > 0 {
                return elementwise::<$T, $T, 2>([&a, &b], &dims, |[a, b], out| binary::$derivative(n, m, a, b, out));
            }
            let b = b.contiguous()?;
            let (mut exponent, mut coefficient) = (Array::new(dtype, &b.dims)?, Array::new(dtype, &b.dims)?);
            for ((exponent, coefficient), &b) in
                exponent.slice_mut::<$T>().iter_mut().zip(coefficient.slice_mut::<$T>()).zip(b.slice::<$T>())
            {
                *exponent = b - n as $T;
                *coefficient = (0..n).map(|i| b - i as $T).product();
            }
            let powers = elementwise::<$T, $T, 2>([&a, &exponent], &dims, |[a, b], out| binary::$kernel(Binary::Pow, a, b, out))?;
            elementwise::<$T, $T, 2>([&coefficient, &powers], &dims, |[c, p], out| binary::$kernel(Binary::StrongMul, c, p, out))
        }};
    }
    match dtype {
        DType::Float64 => of!(f64, binary_f64, pow_derivative_f64),
        _ => of!(f32, binary_f32, pow_derivative_f32),
    }
}

crate::rows! { start: super::elementwise::END;
    // 1/√(1 - x²);   x y³
    AsinDerivative => unary_row!("asinDerivative", AsinDerivative, Float, |x, y, _| Value(slope(x[0], y, 1.0) * y)),
    // 1/(1 + x²);   -2x y²
    AtanDerivative => unary_row!("atanDerivative", AtanDerivative, Float, |x, y, _| Value(slope(x[0], y, -2.0))),
    // 1/cosh² x;   -2 y tanh x
    TanhDerivative => unary_row!("tanhDerivative", TanhDerivative, Float, |x, y, _| Value(y * x[0].apply(ops::Tanh, &[]) * -2.0)),
    // 1/√(1 + x²);   -x y³
    AsinhDerivative => unary_row!("asinhDerivative", AsinhDerivative, Float, |x, y, _| Value(slope(x[0], y, -1.0) * y)),
    // 1/√(x² - 1);   -x y³
    AcoshDerivative => unary_row!("acoshDerivative", AcoshDerivative, Float, |x, y, _| Value(slope(x[0], y, -1.0) * y)),
    // 1/(1 - x²);   2x y²
    AtanhDerivative => unary_row!("atanhDerivative", AtanhDerivative, Float, |x, y, _| Value(slope(x[0], y, 2.0))),
    // e^(-x²);   -2x y
    Gaussian => unary_row!("gaussian", Gaussian, Float, |x, y, _| Value(y.strong_mul(x[0]) * -2.0)),
    // σ(x) σ(-x);   -y tanh(x/2)
    SigmoidDerivative => unary_row!("sigmoidDerivative", SigmoidDerivative, Float, |x, y, _| Value(-(y * (x[0] * 0.5).apply(ops::Tanh, &[])))),
    // σ + x σ';   σ' (2 - x tanh(x/2))
    SiluDerivative => unary_row!("siluDerivative", SiluDerivative, Float, |x, _, _| {
        let bell = x[0].apply(ops::SigmoidDerivative, &[]);
        Value(bell.strong_mul(2.0 - x[0] * (x[0] * 0.5).apply(ops::Tanh, &[])))
    }),
    // Φ + x φ;   φ (2 - x²), φ = e^(-x²/2)/√(2π)
    GeluErfDerivative => unary_row!("geluErfDerivative", GeluDerivative, Float, |x, _, _| {
        let half = x[0] * std::f64::consts::FRAC_1_SQRT_2;
        Value((half.apply(ops::Gaussian, &[]) * (2.0 * PER_ROOT_2_PI)).strong_mul(1.0 - half * half))
    }),
    // w + x w', w = tanh(softplus x);   with s = σ(x), w' = s (1 - w²):  w' (2 + x (σ(-x) - 2 w s))
    MishDerivative => unary_row!("mishDerivative", MishDerivative, Float, |x, _, _| {
        let (x, z) = (x[0], x[0].apply(ops::Softplus, &[]));
        let (s, w) = (x.apply(ops::Sigmoid, &[]), z.apply(ops::Tanh, &[]));
        let bent = x * ((-x).apply(ops::Sigmoid, &[]) - w * s * 2.0);
        Value((s * z.apply(ops::TanhDerivative, &[])).strong_mul(bent + 2.0))
    }),
    // ψ⁽ⁿ⁾(x);   ψ⁽ⁿ⁺¹⁾(x)
    Polygamma => Row::primitive(
        "polygamma",
        |x, p| {
            if p[0] > MOST_POLYGAMMA {
                return Err(Error::value(format!("polygamma of order {}; the order is an integer up to {MOST_POLYGAMMA}, whose factorial float64 can hold", p[0])));
            }
            family(x, p[0], unary::polygamma_f32, unary::polygamma_f64)
        },
        Rule::Elementwise(&[|x, _, p| Value(x[0].apply(ops::Polygamma, &[p[0] + 1.0]))]),
        batch,
    ),
    // v/(2y), where y = √s: what a (co)tangent of s becomes;   -z/y, 1/(2y). Where y is 0 it is 0, or NaN for the parameter 1, if it is
    // differentiated again: y² is smooth there, and has a second derivative that no rule of y can give. So its own partials are NaN
    // there whatever they meet, zeros included.
    AlongRoot => Row::primitive(
        "alongRoot",
        along_root,
        Rule::Custom {
            jvp: |x, t, z, _| {
                let terms = [t[0].map(|t| -t.strong_mul(z / x[0])), t[1].map(|t| t.strong_mul(0.5 / x[0]))];
                unknown_at_zero(x[0], terms.into_iter().flatten().reduce(|a, b| a + b).unwrap_or(z.zeros_like()))
            },
            vjp: |i, x, z, ct, _| unknown_at_zero(x[0], if i == 0 { -ct.strong_mul(z / x[0]) } else { ct.strong_mul(0.5 / x[0]) }),
        },
        batch,
    ),
    // the n-th derivative of sin(πx)/(πx);   the (n+1)-th
    SincDerivative => Row::primitive(
        "sincDerivative",
        |x, p| family(x, p[0], unary::sinc_derivative_f32, unary::sinc_derivative_f64),
        Rule::Elementwise(&[|x, _, p| Value(x[0].apply(ops::SincDerivative, &[p[0] + 1.0]))]),
        batch,
    ),
    // ∂^(n + m) a^b / ∂a^n ∂b^m;   the next in n, the next in m
    PowDerivative => Row::primitive(
        "powDerivative",
        power,
        Rule::Elementwise(&[
            |x, _, p| Value(x[0].apply2(ops::PowDerivative, x[1], &[p[0] + 1.0, p[1]])),
            |x, _, p| Value(x[0].apply2(ops::PowDerivative, x[1], &[p[0], p[1] + 1.0])),
        ]),
        batch,
    ),
}

/// v/(2y), strong; where y is 0 it is NaN for the parameter 1, else 0.
fn along_root(x: &[&Array], p: &[f64]) -> Result<Array> {
    let dims = broadcast2(x[0], x[1])?;
    let dtype = x[0].dtype.promote(x[1].dtype).to_float();
    let (y, v) = (to_dtype(x[0], dtype)?, to_dtype(x[1], dtype)?);
    let at_zero = if p[0] != 0.0 { f64::NAN } else { 0.0 };
    match dtype {
        DType::Float64 => elementwise::<f64, f64, 2>([&y, &v], &dims, |[y, v], out| binary::along_root::<f64x2>(y, v, at_zero, out)),
        _ => elementwise::<f32, f32, 2>([&y, &v], &dims, |[y, v], out| binary::along_root::<f32x4>(y, v, at_zero, out)),
    }
}

fn unknown_at_zero<'a>(y: Var<'a>, term: Var<'a>) -> Var<'a> {
    y.equal(y.constant(0.0)).select(y.constant(f64::NAN), term)
}

/// ψ⁽ⁿ⁾ has the factor n!, and 170! is the last below infinity. Its derivatives go a little further.
const MOST_POLYGAMMA: f64 = 180.0;

/// 1/√(2π)
const PER_ROOT_2_PI: f64 = 0.398_942_280_401_432_7;
