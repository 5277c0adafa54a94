//! Functions of one value, with their partials dy/dx.

use crate::dtype::{no_kernel, DType};
use crate::error::Result;
use crate::form::{Evaluation, Form, Outline, Pointwise, Spec, View};
use crate::kernels::lane::{f32x4, f64x2, map, Lane};
use crate::kernels::math::derivatives::mish;
use crate::kernels::math::error_function::{erf, erfc, erfinv, gelu};
use crate::kernels::math::exponential::{
    cosh, exp2, expm1, gelu_tanh_f32, gelu_tanh_f64, log_sigmoid, sigmoid, silu, sinh, softplus, tanh, GELU_CUBE, GELU_SCALE,
};
use crate::kernels::math::gamma::digamma;
use crate::kernels::math::inverse::{acos, acosh, asin, asinh, atan, atanh};
use crate::kernels::math::logarithm::{log, log10, log1p, log2};
use crate::kernels::math::trigonometric::{cos, sin, tan};
use crate::kernels::unary::{one_by_one, reciprocal, relu, sign, unary, EXP};
use crate::memory::array::{Array, Layout};
use crate::memory::out::Out;
use crate::op::{only, partial, pullback, Diagonal, Row, Rule};
use crate::ops;
use crate::params::{AlongRoot, Clamp, Order, Root};
use crate::shape::few;
use crate::var::Var;
use Diagonal::{Mask, MinusOne, Value};

/// `unary_row!("exp", a kernel as `unary!` makes it, partial)`; without a partial the derivative is 0.
macro_rules! unary_row {
    ($name:literal, $how:ident($($f:expr),+) $(integers($i:expr))?, |$x:tt, $y:tt, $p:tt| $dx:expr) => {
        Row::new($name, Form::Pointwise(Pointwise::Unary(unary!($how($($f),+) $(integers($i))?))), Rule::Elementwise(&[partial!(|$x, $y, $p| $dx)]))
    };
    ($name:literal, $how:ident($($f:expr),+) $(integers($i:expr))?) => {
        Row::new($name, Form::Pointwise(Pointwise::Unary(unary!($how($($f),+) $(integers($i))?))), Rule::Zero)
    };
}

pub(super) use unary_row;

/// NaN where the function is undefined, else the partial: 1/x has a value at -1 where log has none.
fn inside<'a>(defined: Var<'a>, partial: Var<'a>) -> Diagonal<'a> {
    Value(defined.select(partial, partial.constant(f64::NAN)))
}

/// Selu's constants (Klambauer et al. 2017).
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
pub const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;

crate::rows! { elementwise;
    // -1
    Neg => unary_row!("neg", lanes(|v| -v) integers(i32::wrapping_neg), |_, _, _| MinusOne),
    // sign x, 0 at 0
    Abs => unary_row!("abs", lanes(Lane::abs) integers(i32::wrapping_abs), |x, _, _| Value(x[0].sign())),
    Sign => unary_row!("sign", lanes(sign) integers(i32::signum)),
    // 2x
    Square => unary_row!("square", lanes(|v| v * v) integers(|v: i32| v.wrapping_mul(v)), |x, _, _| Value(x[0] * 2.0)),
    // 1/(2y), Infinity at 0
    Sqrt => unary_row!("sqrt", lanes(Lane::sqrt), |_, y, _| Value(0.5 / y)),
    // 1/(2y), for a sum of squares, by `AlongRoot`: 0 where y is 0. The parameter says whether x is differentiated more than once.
    Root => Row::new(
        "root",
        Form::Pointwise(Pointwise::Unary(unary!(lanes(Lane::sqrt)))),
        Rule::Custom {
            jvp: |_, t, y, p| along_root(y, t[0].unwrap_or(y.zeros_like()), p, false),
            vjp: pullback!(|_, y, ct, p, _| only(along_root(y, ct, p, ct.orders() == 0))),
        },
    ).params(Root::PARAMS),
    // -y/(2x) = -1/2 x^(-3/2)
    Rsqrt => unary_row!("rsqrt", lanes(|v| reciprocal(v.sqrt())), |x, y, _| Value(y / x[0] * -0.5)),
    // 1/(3y²)
    Cbrt => unary_row!("cbrt", each(libm::cbrtf, libm::cbrt), |_, y, _| Value((y * y * 3.0).reciprocal())),
    // -y²
    Reciprocal => unary_row!("reciprocal", lanes(reciprocal), |_, y, _| Value(-(y * y))),
    // y
    Exp => Row::new("exp", Form::Pointwise(Pointwise::Unary(EXP)), Rule::Elementwise(&[partial!(|_, y, _| Value(y))])),
    // y ln 2
    Exp2 => unary_row!("exp2", lanes(exp2), |_, y, _| Value(y * std::f64::consts::LN_2)),
    // e^x: y + 1 would lose it for large negative x
    Expm1 => unary_row!("expm1", lanes(expm1), |x, _, _| Value(x[0].exp())),
    // 1/x
    Log => unary_row!("log", lanes(log), |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), x[0].reciprocal())),
    // 1/(x ln 2)
    Log2 => unary_row!("log2", lanes(log2), |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), (x[0] * std::f64::consts::LN_2).reciprocal())),
    // 1/(x ln 10)
    Log10 => unary_row!("log10", lanes(log10), |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), (x[0] * std::f64::consts::LN_10).reciprocal())),
    // 1/(1 + x)
    Log1p => unary_row!("log1p", lanes(log1p), |x, _, _| inside(x[0].less(x[0].constant(-1.0)).not(), (x[0] + 1.0).reciprocal())),
    // cos x
    Sin => unary_row!("sin", lanes(sin, sin), |x, _, _| Value(x[0].apply(ops::Cos, &[]))),
    // -sin x
    Cos => unary_row!("cos", lanes(cos, cos), |x, _, _| Value(-x[0].apply(ops::Sin, &[]))),
    // 1 + y²
    Tan => unary_row!("tan", wide(tan), |_, y, _| Value(y * y + 1.0)),
    // 1/√(1 - x²)
    Asin => unary_row!("asin", wide(asin), |x, _, _| Value(x[0].apply(ops::AsinDerivative, &[]))),
    // -1/√(1 - x²)
    Acos => unary_row!("acos", wide(acos), |x, _, _| Value(-x[0].apply(ops::AsinDerivative, &[]))),
    // 1/(1 + x²)
    Atan => unary_row!("atan", lanes(atan), |x, _, _| Value(x[0].apply(ops::AtanDerivative, &[]))),
    // cosh x
    Sinh => unary_row!("sinh", lanes(sinh), |x, _, _| Value(x[0].apply(ops::Cosh, &[]))),
    // sinh x
    Cosh => unary_row!("cosh", lanes(cosh), |x, _, _| Value(x[0].apply(ops::Sinh, &[]))),
    // 1/cosh² x
    Tanh => unary_row!("tanh", lanes(tanh), |x, _, _| Value(x[0].apply(ops::TanhDerivative, &[]))),
    // 1/√(x² + 1)
    Asinh => unary_row!("asinh", wide(asinh), |x, _, _| Value(x[0].apply(ops::AsinhDerivative, &[]))),
    // 1/√(x² - 1), NaN below 1
    Acosh => unary_row!("acosh", wide(acosh), |x, _, _| Value(x[0].apply(ops::AcoshDerivative, &[]))),
    // 1/(1 - x²), NaN outside [-1, 1]
    Atanh => unary_row!("atanh", wide(atanh), |x, _, _| Value(x[0].apply(ops::AtanhDerivative, &[]))),
    // 2/√π e^(-x²)
    Erf => unary_row!("erf", lanes(erf), |x, _, _| Value(x[0].apply(ops::Gaussian, &[]) * TWO_OVER_SQRT_PI)),
    // -2/√π e^(-x²)
    Erfc => unary_row!("erfc", lanes(erfc), |x, _, _| Value(x[0].apply(ops::Gaussian, &[]) * -TWO_OVER_SQRT_PI)),
    // √π/2 e^(y²)
    Erfinv => unary_row!("erfinv", wide(erfinv), |_, y, _| Value((y * y).exp() * (1.0 / TWO_OVER_SQRT_PI))),
    // ψ(x)
    Lgamma => unary_row!("lgamma", each(|v| libm::lgamma(v as f64) as f32, libm::lgamma), |x, _, _| Value(x[0].apply(ops::Digamma, &[]))),
    // ψ'(x)
    Digamma => unary_row!("digamma", each(|v| digamma(v as f64) as f32, digamma), |x, _, _| Value(x[0].apply(ops::Polygamma, &Order { order: 1.0 }.list()))),
    Floor => unary_row!("floor", lanes(Lane::floor) integers(|v| v)),
    Ceil => unary_row!("ceil", lanes(Lane::ceil) integers(|v| v)),
    Round => unary_row!("round", lanes(Lane::nearest) integers(|v| v)),
    Trunc => unary_row!("trunc", lanes(Lane::trunc) integers(|v| v)),

    // 1 where y is not 0: for x > 0, and for NaN
    Relu => unary_row!("relu", lanes(relu) integers(|v: i32| v.max(0)), |_, y, _| Mask(y.apply2(ops::Ne, y.constant(0.0), &[]))),
    // σ(x) σ(-x)
    Sigmoid => unary_row!("sigmoid", lanes(sigmoid), |x, _, _| Value(x[0].apply(ops::SigmoidDerivative, &[]))),
    // σ(x)
    Softplus => unary_row!("softplus", lanes(softplus), |x, _, _| Value(x[0].apply(ops::Sigmoid, &[]))),
    // σ(-x)
    LogSigmoid => unary_row!("logSigmoid", lanes(log_sigmoid), |x, _, _| Value((-x[0]).apply(ops::Sigmoid, &[]))),
    // x σ(x);  σ + x σ'
    Silu => unary_row!("silu", lanes(silu), |x, _, _| Value(x[0].apply(ops::SiluDerivative, &[]))),
    // x Φ(x);  Φ + x φ
    GeluErf => unary_row!("geluErf", lanes(gelu), |x, _, _| Value(x[0].apply(ops::GeluErfDerivative, &[]))),
    // x σ(u), u = 2 √(2/π)(x + 0.044715 x³);  σ(u) + σ'(u) x u'
    GeluTanh => unary_row!("geluTanh", lanes(gelu_tanh_f32, gelu_tanh_f64), |x, _, _| {
        let (x, square) = (x[0], x[0] * x[0]);
        let u = x * (square * GELU_CUBE + 1.0) * GELU_SCALE;
        let slope = (square * (3.0 * GELU_CUBE) + 1.0) * GELU_SCALE;
        Value(u.apply(ops::Sigmoid, &[]) + u.apply(ops::SigmoidDerivative, &[]).strong_mul(x * slope))
    }),
    // x tanh(softplus(x)) = x w;  w + x w'
    Mish => unary_row!("mish", lanes(mish), |x, _, _| Value(x[0].apply(ops::MishDerivative, &[]))),
    // 1 inside [lo, hi], the bounds included
    ClampNumbers => Row::new(
        "clampNumbers",
        Form::Pointwise(Pointwise::Other(Evaluation { result: clamped, write: clamp })),
        Rule::Elementwise(&[partial!(|x, _, p| {
            let (x, Clamp { low, high }) = (x[0], Clamp::read(p));
            let above = x.less(x.constant(low)).not();
            Mask(above.and(x.greater(x.constant(high)).not()))
        })]),
    ).params(Clamp::PARAMS),
    StopGradient => Row::new(
        "stopGradient",
        Form::View(View {
            layout: |x, _| Ok(Layout { dims: few(x.dims), strides: few(x.strides), offset: x.offset }),
            ordered: false,
        }),
        Rule::Zero,
    ).batch(super::batching::elementwise),
    // transposes of each other between float dtypes: the cotangent goes back to the input's dtype
    Cast => Row::new("cast", Form::Pointwise(Pointwise::Cast), Rule::Linear(|x, ct, _| ct.cast(x[0].dtype()))),
}

/// The slope of `Root` times a tangent, or a cotangent that is `fixed` where no level differentiates it. A tangent is never: its x varies.
fn along_root<'a>(y: Var<'a>, v: Var<'a>, p: &[f64], fixed: bool) -> Var<'a> {
    let again = Root::read(p).again || y.orders() > 0 || v.orders() > 0;
    y.apply2(ops::AlongRoot, v, &AlongRoot { again, fixed }.list())
}

/// Integers stay integers between whole bounds.
fn clamped(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let Clamp { low, high } = Clamp::read(p);
    let whole = |bound: f64| bound.fract() == 0.0 || !bound.is_finite();
    let dtype = match x[0].dtype {
        DType::Bool => DType::Int32,
        DType::Int32 if !(whole(low) && whole(high)) => DType::Float32,
        dtype => dtype,
    };
    Ok((dtype, few(x[0].dims)))
}

fn clamp(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let (x, Clamp { low, high }) = (x[0].ordered(out.dtype)?, Clamp::read(p));
    match out.dtype {
        DType::Float32 => clamp_lanes::<f32x4>(x.slice(), low, high, out.slice()),
        DType::Float64 => clamp_lanes::<f64x2>(x.slice(), low, high, out.slice()),
        DType::Int32 => one_by_one(x.slice(), out.slice(), |v: i32| v.max(low as i32).min(high as i32)),
        DType::Bool => return Err(no_kernel(out.dtype)),
    }
    Ok(())
}

/// min(max(x, low), high); NaN for NaN
fn clamp_lanes<L: Lane>(x: &[L::Element], low: f64, high: f64, out: &mut [L::Element]) {
    let (low, high) = (L::of(low), L::of(high));
    map::<L>(x, out, |v| v.maximum(low).minimum(high));
}
