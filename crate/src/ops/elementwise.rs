//! Functions of one value, with their partials dy/dx.

use super::batching::elementwise as batch;
use super::support::{elementwise, to_dtype};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::binary::Operand;
use crate::kernels::math::exponential::{GELU_CUBE, GELU_SCALE};
use crate::kernels::unary::{self, Unary};
use crate::memory::array::Array;
use crate::op::{Diagonal, Row, Rule};
use crate::ops;
use crate::var::Var;
use Diagonal::{Mask, MinusOne, Value};

/// Which dtypes a function is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Domain {
    /// Integers become float32.
    Float,
    /// Integers stay what they are.
    Number,
}

pub(super) fn run(function: Unary, domain: Domain, inputs: &[&Array]) -> Result<Array> {
    let x = &inputs[0];
    let dtype = match (x.dtype, domain) {
        (d, Domain::Float) => d.to_float(),
        (DType::Bool, Domain::Number) => DType::Int32,
        (d, Domain::Number) => d,
    };
    let converted;
    let x = if x.dtype == dtype && x.is_contiguous() {
        x
    } else {
        converted = to_dtype(x, dtype)?.contiguous()?;
        &converted
    };
    let mut out = Array::new(dtype, &x.dims)?;
    match dtype {
        DType::Float32 => unary::unary_f32(function, x.slice(), out.slice_mut()),
        DType::Float64 => unary::unary_f64(function, x.slice(), out.slice_mut()),
        _ => unary::unary_i32(function, x.slice(), out.slice_mut()),
    }
    Ok(out)
}

macro_rules! unary_row {
    ($name:literal, $function:ident, $domain:ident, $partial:expr) => {
        Row::primitive($name, |x, _| run(Unary::$function, Domain::$domain, x), Rule::Elementwise(&[$partial]), batch)
    };
    ($name:literal, $function:ident, $domain:ident) => {
        Row::primitive($name, |x, _| run(Unary::$function, Domain::$domain, x), Rule::Zero, batch)
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

crate::rows! { start: 0;
    // -1
    Neg => unary_row!("neg", Neg, Number, |_, _, _| MinusOne),
    // sign x, 0 at 0
    Abs => unary_row!("abs", Abs, Number, |x, _, _| Value(x[0].sign())),
    Sign => unary_row!("sign", Sign, Number),
    // 2x
    Square => unary_row!("square", Square, Number, |x, _, _| Value(x[0] * 2.0)),
    // 1/(2y), Infinity at 0
    Sqrt => unary_row!("sqrt", Sqrt, Float, |_, y, _| Value(0.5 / y)),
    // 1/(2y), for a sum of squares, by `AlongRoot`: 0 where y is 0. The parameter is 1 if x is differentiated more than once.
    Root => Row::primitive(
        "root",
        |x, _| run(Unary::Sqrt, Domain::Float, x),
        Rule::Custom {
            jvp: |_, t, y, p| along_root(y, t[0].unwrap_or(y.zeros_like()), p),
            vjp: |_, _, y, ct, p| along_root(y, ct, p),
        },
        batch,
    ),
    // -y/(2x) = -1/2 x^(-3/2)
    Rsqrt => unary_row!("rsqrt", Rsqrt, Float, |x, y, _| Value(y / x[0] * -0.5)),
    // 1/(3y²)
    Cbrt => unary_row!("cbrt", Cbrt, Float, |_, y, _| Value((y * y * 3.0).reciprocal())),
    // -y²
    Reciprocal => unary_row!("reciprocal", Reciprocal, Float, |_, y, _| Value(-(y * y))),
    // y
    Exp => unary_row!("exp", Exp, Float, |_, y, _| Value(y)),
    // y ln 2
    Exp2 => unary_row!("exp2", Exp2, Float, |_, y, _| Value(y * std::f64::consts::LN_2)),
    // e^x: y + 1 would lose it for large negative x
    Expm1 => unary_row!("expm1", Expm1, Float, |x, _, _| Value(x[0].exp())),
    // 1/x
    Log => unary_row!("log", Log, Float, |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), x[0].reciprocal())),
    // 1/(x ln 2)
    Log2 => unary_row!("log2", Log2, Float, |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), (x[0] * std::f64::consts::LN_2).reciprocal())),
    // 1/(x ln 10)
    Log10 => unary_row!("log10", Log10, Float, |x, _, _| inside(x[0].less(x[0].constant(0.0)).not(), (x[0] * std::f64::consts::LN_10).reciprocal())),
    // 1/(1 + x)
    Log1p => unary_row!("log1p", Log1p, Float, |x, _, _| inside(x[0].less(x[0].constant(-1.0)).not(), (x[0] + 1.0).reciprocal())),
    // cos x
    Sin => unary_row!("sin", Sin, Float, |x, _, _| Value(x[0].apply(ops::Cos, &[]))),
    // -sin x
    Cos => unary_row!("cos", Cos, Float, |x, _, _| Value(-x[0].apply(ops::Sin, &[]))),
    // 1 + y²
    Tan => unary_row!("tan", Tan, Float, |_, y, _| Value(y * y + 1.0)),
    // 1/√(1 - x²)
    Asin => unary_row!("asin", Asin, Float, |x, _, _| Value(x[0].apply(ops::AsinDerivative, &[]))),
    // -1/√(1 - x²)
    Acos => unary_row!("acos", Acos, Float, |x, _, _| Value(-x[0].apply(ops::AsinDerivative, &[]))),
    // 1/(1 + x²)
    Atan => unary_row!("atan", Atan, Float, |x, _, _| Value(x[0].apply(ops::AtanDerivative, &[]))),
    // cosh x
    Sinh => unary_row!("sinh", Sinh, Float, |x, _, _| Value(x[0].apply(ops::Cosh, &[]))),
    // sinh x
    Cosh => unary_row!("cosh", Cosh, Float, |x, _, _| Value(x[0].apply(ops::Sinh, &[]))),
    // 1/cosh² x
    Tanh => unary_row!("tanh", Tanh, Float, |x, _, _| Value(x[0].apply(ops::TanhDerivative, &[]))),
    // 1/√(x² + 1)
    Asinh => unary_row!("asinh", Asinh, Float, |x, _, _| Value(x[0].apply(ops::AsinhDerivative, &[]))),
    // 1/√(x² - 1), NaN below 1
    Acosh => unary_row!("acosh", Acosh, Float, |x, _, _| Value(x[0].apply(ops::AcoshDerivative, &[]))),
    // 1/(1 - x²), NaN outside [-1, 1]
    Atanh => unary_row!("atanh", Atanh, Float, |x, _, _| Value(x[0].apply(ops::AtanhDerivative, &[]))),
    // 2/√π e^(-x²)
    Erf => unary_row!("erf", Erf, Float, |x, _, _| Value(x[0].apply(ops::Gaussian, &[]) * TWO_OVER_SQRT_PI)),
    // -2/√π e^(-x²)
    Erfc => unary_row!("erfc", Erfc, Float, |x, _, _| Value(x[0].apply(ops::Gaussian, &[]) * -TWO_OVER_SQRT_PI)),
    // √π/2 e^(y²)
    Erfinv => unary_row!("erfinv", Erfinv, Float, |_, y, _| Value((y * y).exp() * (1.0 / TWO_OVER_SQRT_PI))),
    // ψ(x)
    Lgamma => unary_row!("lgamma", Lgamma, Float, |x, _, _| Value(x[0].apply(ops::Digamma, &[]))),
    // ψ'(x)
    Digamma => unary_row!("digamma", Digamma, Float, |x, _, _| Value(x[0].apply(ops::Polygamma, &[1.0]))),
    Floor => unary_row!("floor", Floor, Number),
    Ceil => unary_row!("ceil", Ceil, Number),
    Round => unary_row!("round", Round, Number),
    Trunc => unary_row!("trunc", Trunc, Number),

    // 1 where y is not 0: for x > 0, and for NaN
    Relu => unary_row!("relu", Relu, Number, |_, y, _| Mask(y.apply2(ops::Ne, y.constant(0.0), &[]))),
    // σ(x) σ(-x)
    Sigmoid => unary_row!("sigmoid", Sigmoid, Float, |x, _, _| Value(x[0].apply(ops::SigmoidDerivative, &[]))),
    // σ(x)
    Softplus => unary_row!("softplus", Softplus, Float, |x, _, _| Value(x[0].apply(ops::Sigmoid, &[]))),
    // σ(-x)
    LogSigmoid => unary_row!("logSigmoid", LogSigmoid, Float, |x, _, _| Value((-x[0]).apply(ops::Sigmoid, &[]))),
    // x σ(x);  σ + x σ'
    Silu => unary_row!("silu", Silu, Float, |x, _, _| Value(x[0].apply(ops::SiluDerivative, &[]))),
    // x Φ(x);  Φ + x φ
    GeluErf => unary_row!("geluErf", Gelu, Float, |x, _, _| Value(x[0].apply(ops::GeluErfDerivative, &[]))),
    // x σ(u), u = 2 √(2/π)(x + 0.044715 x³);  σ(u) + σ'(u) x u'
    GeluTanh => unary_row!("geluTanh", GeluTanh, Float, |x, _, _| {
        let (x, square) = (x[0], x[0] * x[0]);
        let u = x * (square * GELU_CUBE + 1.0) * GELU_SCALE;
        let slope = (square * (3.0 * GELU_CUBE) + 1.0) * GELU_SCALE;
        Value(u.apply(ops::Sigmoid, &[]) + u.apply(ops::SigmoidDerivative, &[]).strong_mul(x * slope))
    }),
    // x tanh(softplus(x)) = x w;  w + x w'
    Mish => unary_row!("mish", Mish, Float, |x, _, _| Value(x[0].apply(ops::MishDerivative, &[]))),
    // 1 inside [lo, hi], the bounds included
    ClampNumbers => Row::primitive(
        "clampNumbers",
        clamp,
        Rule::Elementwise(&[|x, _, p| {
            let x = x[0];
            let above = x.less(x.constant(p[0])).not();
            Mask(above.and(x.greater(x.constant(p[1])).not()))
        }]),
        batch,
    ),
    StopGradient => Row::primitive("stopGradient", |x, _| Ok(x[0].clone()), Rule::Zero, batch),
    // transposes of each other between float dtypes: the cotangent goes back to the input's dtype
    Cast => Row::primitive(
        "cast",
        |x, p| to_dtype(x[0], DType::from_code(p[0])?),
        Rule::Linear(|_, x, ct, _| ct.cast(x[0].dtype())),
        batch,
    ),
}

/// The slope of `Root` times a tangent or cotangent.
fn along_root<'a>(y: Var<'a>, v: Var<'a>, p: &[f64]) -> Var<'a> {
    let again = p[0] != 0.0 || y.orders() > 0 || v.orders() > 0;
    y.apply2(ops::AlongRoot, v, &[again as u8 as f64])
}

fn clamp(x: &[&Array], p: &[f64]) -> Result<Array> {
    use crate::kernels::binary::{binary_f32, binary_f64, binary_i32, Binary};
    let x = match x[0].dtype {
        DType::Bool => to_dtype(x[0], DType::Int32)?,
        DType::Int32 if p.iter().any(|v| v.is_finite() && v.fract() != 0.0) => to_dtype(x[0], DType::Float32)?,
        _ => x[0].clone(),
    };
    let dims = x.dims.clone();
    macro_rules! two {
        ($T:ty, $kernel:ident, $from:expr) => {{
            let raised = elementwise::<$T, $T, 1>([&x], &dims, |[a], out| $kernel(Binary::Maximum, a, Operand::Splat(($from)(p[0])), out))?;
            elementwise::<$T, $T, 1>([&raised], &dims, |[a], out| $kernel(Binary::Minimum, a, Operand::Splat(($from)(p[1])), out))
        }};
    }
    match x.dtype {
        DType::Float64 => two!(f64, binary_f64, |v: f64| v),
        DType::Float32 => two!(f32, binary_f32, |v: f64| v as f32),
        _ => two!(i32, binary_i32, |v: f64| v as i32),
    }
}
