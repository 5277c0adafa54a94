//! Functions of two values, comparisons, logic and selection, with their partials.

use super::batching::elementwise as batch;
use super::support::{broadcast2, elementwise, to_dtype};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::kernels::binary::{self, Binary, Operand};
use crate::kernels::compare::{self, Compare};
use crate::memory::array::Array;
use crate::op::{Diagonal, Row, Rule};
use crate::ops;
use crate::shape::{broadcast, Dims};
use crate::var::Var;
use crate::with_element;
use Diagonal::{MinusOne, One, Value, Zero};

/// The dtype a function computes in.
#[derive(Clone, Copy, PartialEq)]
enum Domain {
    /// The wider of the two; bool counts as int32.
    Number,
    /// The wider of the two, at least float32.
    Float,
}

fn common(a: &Array, b: &Array, domain: Domain) -> DType {
    match (a.dtype.promote(b.dtype), domain) {
        (DType::Bool, Domain::Number) => DType::Int32,
        (d, Domain::Number) => d,
        (d, Domain::Float) => d.to_float(),
    }
}

fn run(function: Binary, domain: Domain, inputs: &[&Array]) -> Result<Array> {
    let (a, b) = (inputs[0], inputs[1]);
    let dims = broadcast2(a, b)?;
    let dtype = common(a, b, domain);
    let (cast_a, cast_b);
    let (a, b) = if a.dtype == dtype && b.dtype == dtype {
        (a, b)
    } else {
        (cast_a, cast_b) = (to_dtype(a, dtype)?, to_dtype(b, dtype)?);
        (&cast_a, &cast_b)
    };
    match dtype {
        DType::Float32 => elementwise::<f32, f32, 2>([a, b], &dims, |[a, b], out| binary::binary_f32(function, a, b, out)),
        DType::Float64 => elementwise::<f64, f64, 2>([a, b], &dims, |[a, b], out| binary::binary_f64(function, a, b, out)),
        _ => {
            if matches!(function, Binary::Mod | Binary::Fmod) && b.contiguous()?.slice::<i32>().contains(&0) {
                return Err(Error::value("int32 division by zero; cast to float32 for IEEE results"));
            }
            if function == Binary::Pow && has_zero_to_negative(a, b, &dims)? {
                return Err(Error::value("int32 0 to a negative power is a division by zero; cast to float32 for IEEE results"));
            }
            elementwise::<i32, i32, 2>([a, b], &dims, |[a, b], out| binary::binary_i32(function, a, b, out))
        }
    }
}

fn has_zero_to_negative(a: &Array, b: &Array, dims: &Dims) -> Result<bool> {
    if !b.contiguous()?.slice::<i32>().iter().any(|&exponent| exponent < 0) {
        return Ok(false);
    }
    let (a, b) = (stretched(a, dims)?, stretched(b, dims)?);
    Ok(a.slice::<i32>().iter().zip(b.slice::<i32>()).any(|(&base, &exponent)| base == 0 && exponent < 0))
}

/// int32 / int32 is float32; dividing integers by zero throws.
fn divide(inputs: &[&Array]) -> Result<Array> {
    let b = &inputs[1];
    if !inputs[0].dtype.is_float() && !b.dtype.is_float() {
        let b = b.contiguous()?;
        if with_element!(b.dtype, T => b.slice::<T>().iter().any(|v| v.to_f64() == 0.0)) {
            return Err(Error::value("int32 division by zero; cast to float32 for IEEE results"));
        }
    }
    run(Binary::Div, Domain::Float, inputs)
}

fn compared(function: Compare, inputs: &[&Array]) -> Result<Array> {
    let (a, b) = (&inputs[0], &inputs[1]);
    let dims = broadcast2(a, b)?;
    let dtype = common(a, b, Domain::Number);
    let (a, b) = (to_dtype(a, dtype)?, to_dtype(b, dtype)?);
    match dtype {
        DType::Float32 => elementwise::<f32, u8, 2>([&a, &b], &dims, |[a, b], out| compare::compare_f32(function, a, b, out)),
        DType::Float64 => elementwise::<f64, u8, 2>([&a, &b], &dims, |[a, b], out| compare::compare_f64(function, a, b, out)),
        _ => elementwise::<i32, u8, 2>([&a, &b], &dims, |[a, b], out| compare::compare_i32(function, a, b, out)),
    }
}

fn logic(inputs: &[&Array], kernel: fn(Operand<u8>, Operand<u8>, &mut [u8])) -> Result<Array> {
    let dims = broadcast2(inputs[0], inputs[1])?;
    let (a, b) = (to_dtype(inputs[0], DType::Bool)?, to_dtype(inputs[1], DType::Bool)?);
    elementwise::<u8, u8, 2>([&a, &b], &dims, |[a, b], out| kernel(a, b, out))
}

fn tested(x: &Array, integers: u8, f32_kernel: fn(&[f32], &mut [u8]), f64_kernel: fn(&[f64], &mut [u8])) -> Result<Array> {
    let x = x.contiguous()?;
    let mut out = Array::new(DType::Bool, &x.dims)?;
    match x.dtype {
        DType::Float32 => f32_kernel(x.slice(), out.slice_mut()),
        DType::Float64 => f64_kernel(x.slice(), out.slice_mut()),
        _ => out.slice_mut::<u8>().fill(integers),
    }
    Ok(out)
}

/// The mask and both branches are brought to one shape; runs are those of the slowest of the three.
fn select(inputs: &[&Array]) -> Result<Array> {
    let (a, b) = (&inputs[1], &inputs[2]);
    let dims: Dims = broadcast(&broadcast2(a, b)?, &inputs[0].dims)?;
    let dtype = a.dtype.promote(b.dtype);
    let mask = stretched(&to_dtype(inputs[0], DType::Bool)?, &dims)?;
    let (a, b) = (to_dtype(a, dtype)?, to_dtype(b, dtype)?);
    let mut out = Array::new(dtype, &dims)?;
    macro_rules! chosen {
        ($T:ty, $kernel:ident) => {{
            let one = |x: &Array| x.len() == 1;
            let (sa, sb) =
                (if one(&a) { a.clone() } else { stretched(&a, &dims)? }, if one(&b) { b.clone() } else { stretched(&b, &dims)? });
            fn operand<'x, T: crate::dtype::Element>(x: &'x Array, splat: bool) -> Operand<'x, T> {
                if splat {
                    // SAFETY: an array of size 1 has a first element.
                    Operand::Splat(unsafe { *x.pointer::<T>() })
                } else {
                    Operand::Slice(x.slice())
                }
            }
            if !dims.contains(&0) {
                binary::$kernel(Operand::Slice(mask.slice()), operand::<$T>(&sa, one(&a)), operand::<$T>(&sb, one(&b)), out.slice_mut());
            }
        }};
    }
    match dtype {
        DType::Float32 => chosen!(f32, select_f32),
        DType::Float64 => chosen!(f64, select_f64),
        DType::Int32 => chosen!(i32, select_i32),
        DType::Bool => chosen!(u8, select_u8),
    }
    Ok(out)
}

fn stretched(x: &Array, dims: &Dims) -> Result<Array> {
    super::movement::broadcast_view(x, dims)?.contiguous()
}

macro_rules! binary_row {
    ($name:literal, $function:ident, $domain:ident, $dx:expr, $dy:expr) => {
        Row::primitive($name, |x, _| run(Binary::$function, Domain::$domain, x), Rule::Elementwise(&[$dx, $dy]), batch)
    };
}
macro_rules! compare_row {
    ($name:literal, $function:ident) => {
        Row::primitive($name, |x, _| compared(Compare::$function, x), Rule::Zero, batch)
    };
}

/// Where both are 0.
fn origin<'a>(x: &[Var<'a>]) -> Var<'a> {
    let zero = |x: Var<'a>| x.equal(x.constant(0.0));
    zero(x[0]).and(zero(x[1]))
}

/// a - b; 0 of two Infinities, -Infinity of two -Infinities: as for logsumexp, the former share and the latter count nothing.
fn difference<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    let (zero, same) = (a.constant(0.0), a.equal(b).and(a.apply(ops::IsFinite, &[]).not()));
    same.select(a.apply2(ops::Minimum, zero, &[]), a - same.select(zero, b))
}

/// The partial of an extremum y of two: 1 where y is not the other one, a NaN included, and 1/2 on a tie.
fn share<'a>(x: &[Var<'a>], other: usize, y: Var<'a>) -> Diagonal<'a> {
    let wins = y.apply2(ops::Ne, x[other], &[]);
    Value(x[0].equal(x[1]).select(y.constant(0.5), wins.cast(y.dtype())))
}

crate::rows! { start: super::derivatives::END;
    // 1, 1
    Add => binary_row!("add", Add, Number, |_, _, _| One, |_, _, _| One),
    // 1, -1
    Sub => binary_row!("sub", Sub, Number, |_, _, _| One, |_, _, _| MinusOne),
    // b, a
    Mul => binary_row!("mul", Mul, Number, |x, _, _| Value(x[1]), |x, _, _| Value(x[0])),
    // 1/b, -y/b
    Div => Row::primitive(
        "div",
        |x, _| divide(x),
        Rule::Elementwise(&[|x, _, _| Value(x[1].reciprocal()), |x, y, _| Value(-(y / x[1]))]),
        batch,
    ),
    // 1, -⌊a/b⌋: the quotient of which y is the remainder, not that of the rounded a/b
    Mod => binary_row!("mod", Mod, Number, |_, _, _| One, |x, y, _| Value(-((x[0] - y) / x[1]).apply(ops::Round, &[]))),
    // 1, -trunc(a/b), likewise
    Fmod => binary_row!("fmod", Fmod, Number, |_, _, _| One, |x, y, _| Value(-((x[0] - y) / x[1]).apply(ops::Round, &[]))),
    // b a^(b-1), 0 where b = 0;   y log a, 0 where a = 0 and b >= 0
    Pow => binary_row!(
        "pow", Pow, Number,
        |x, _, _| Value(x[0].apply2(ops::PowDerivative, x[1], &[1.0, 0.0])),
        |x, _, _| Value(x[0].apply2(ops::PowDerivative, x[1], &[0.0, 1.0]))
    ),
    // a/y, b/y; 0 at the origin
    Hypotenuse => binary_row!(
        "hypotenuse", Hypot, Float,
        |x, _, _| Value(x[0].apply2(ops::HypotDerivative, x[1], &[])),
        |x, _, _| Value(x[1].apply2(ops::HypotDerivative, x[0], &[]))
    ),
    // c = a/h, h = √(a² + b²);   s²/h, -c s/h with s = b/h: undefined at the origin, as the function has a kink there
    HypotDerivative => binary_row!(
        "hypotDerivative", HypotDerivative, Float,
        |x, _, _| {
            let s = x[1].apply2(ops::HypotDerivative, x[0], &[]);
            Value(s * s / x[0].apply2(ops::Hypotenuse, x[1], &[]))
        },
        |x, y, _| {
            let s = x[1].apply2(ops::HypotDerivative, x[0], &[]);
            Value(-(y * s / x[0].apply2(ops::Hypotenuse, x[1], &[])))
        }
    ),
    // b/(a² + b²), -a/(a² + b²); 0 at the origin
    Atan2 => binary_row!(
        "atan2", Atan2, Float,
        |x, _, _| Value(x[0].apply2(ops::Atan2Derivative, x[1], &[])),
        |x, _, _| Value(-x[1].apply2(ops::Atan2Derivative, x[0], &[]))
    ),
    // v = b/(a² + b²), u = a/(a² + b²), the parts of 1/(b + ai):   -2uv, u² - v²
    Atan2Derivative => binary_row!(
        "atan2Derivative", Atan2Derivative, Float,
        |x, y, _| Value(x[1].apply2(ops::Atan2Derivative, x[0], &[]) * y * -2.0),
        |x, y, _| {
            let u = x[1].apply2(ops::Atan2Derivative, x[0], &[]);
            Value(u * u - y * y)
        }
    ),
    // log b, 0 where a = b = 0;   a/b, 0 where a = b = 0
    Xlogy => binary_row!(
        "xlogy", Xlogy, Float,
        |x, _, _| {
            let (b, origin) = (x[1], origin(x));
            Value(origin.select(b.constant(0.0), origin.select(b.constant(1.0), b).log()))
        },
        |x, _, _| {
            let (b, origin) = (x[1], origin(x));
            Value(origin.select(b.constant(0.0), x[0] / origin.select(b.constant(1.0), b)))
        }
    ),
    // σ(a - b), σ(b - a)
    LogAddExp => binary_row!(
        "logaddexp", LogAddExp, Float,
        |x, _, _| Value(difference(x[0], x[1]).apply(ops::Sigmoid, &[])),
        |x, _, _| Value(difference(x[1], x[0]).apply(ops::Sigmoid, &[]))
    ),
    // ties share
    Maximum => binary_row!(
        "maximum", Maximum, Number,
        |x, y, _| share(x, 1, y),
        |x, y, _| share(x, 0, y)
    ),
    Minimum => binary_row!(
        "minimum", Minimum, Number,
        |x, y, _| share(x, 1, y),
        |x, y, _| share(x, 0, y)
    ),
    // a (co)tangent times a partial: 0 where either is 0
    StrongMul => binary_row!("strongMul", StrongMul, Number, |x, _, _| Value(x[1]), |x, _, _| Value(x[0])),
    Eq => compare_row!("eq", Eq),
    Ne => compare_row!("ne", Ne),
    Lt => compare_row!("lt", Lt),
    Le => compare_row!("le", Le),
    Gt => compare_row!("gt", Gt),
    Ge => compare_row!("ge", Ge),
    LogicalAnd => Row::primitive("logicalAnd", |x, _| logic(x, compare::logical_and), Rule::Zero, batch),
    LogicalOr => Row::primitive("logicalOr", |x, _| logic(x, compare::logical_or), Rule::Zero, batch),
    LogicalNot => Row::primitive(
        "logicalNot",
        |x, _| {
            let x = to_dtype(x[0], DType::Bool)?.contiguous()?;
            let mut out = Array::new(DType::Bool, &x.dims)?;
            compare::logical_not(x.slice(), out.slice_mut());
            Ok(out)
        },
        Rule::Zero,
        batch,
    ),
    IsNaN => Row::primitive("isNaN", |x, _| tested(x[0], 0, compare::is_nan_f32, compare::is_nan_f64), Rule::Zero, batch),
    IsFinite => Row::primitive("isFinite", |x, _| tested(x[0], 1, compare::is_finite_f32, compare::is_finite_f64), Rule::Zero, batch),
    // 1 where the branch is taken
    Where => Row::primitive(
        "where",
        |x, _| select(x),
        Rule::Elementwise(&[|_, _, _| Zero, |x, _, _| Diagonal::Mask(x[0]), |x, _, _| Diagonal::Mask(x[0].not())]),
        batch,
    ),
}
