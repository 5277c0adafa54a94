//! Functions of two values, comparisons, logic and selection, with their partials.

use super::support::{stretched, stretched_as};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::form::{Form, Pointwise};
use crate::kernels::binary::{binary, mod_i32, Binary, POW, STRONG_MUL, XLOGY};
use crate::kernels::compare::{compare, AND, IS_FINITE, IS_NAN, NOT, OR};
use crate::kernels::lane::Lane;
use crate::kernels::math::derivatives::{atan2_derivative, hypot_derivative};
use crate::kernels::math::exponential::log_add_exp;
use crate::kernels::math::inverse::atan2;
use crate::kernels::math::power::{atan2_f32, fmod_f32, hypot_f32, hypot_f64, mod_f32, mod_f64, pairwise};
use crate::memory::array::Array;
use crate::op::{partial, Diagonal, Row, Rule};
use crate::ops;
use crate::params::PowOrder;
use crate::var::Var;
use crate::with_type;
use Diagonal::{Mask, MinusOne, One, Value, Zero};

/// Integers are not divided by zero. int32 / int32 is float32 all the same.
fn no_zero_divisor(_: &Array, b: &Array, _: &[usize]) -> Result<()> {
    let b = b.contiguous()?;
    if with_type!(b.dtype, T: any => b.slice::<T>().iter().any(|v| v.to_f64() == 0.0)) {
        return Err(Error::value("int32 division by zero; cast to float32 for IEEE results"));
    }
    Ok(())
}

fn no_zero_to_negative(a: &Array, b: &Array, dims: &[usize]) -> Result<()> {
    let b = b.ordered(DType::Int32)?;
    if !b.slice::<i32>().iter().any(|&exponent| exponent < 0) {
        return Ok(());
    }
    let (a, b) = (stretched_as(a, DType::Int32, dims)?, stretched(&b, dims)?);
    if a.slice::<i32>().iter().zip(b.slice::<i32>()).any(|(&base, &exponent)| base == 0 && exponent < 0) {
        return Err(Error::value("int32 0 to a negative power is a division by zero; cast to float32 for IEEE results"));
    }
    Ok(())
}

const fn function(kernel: Binary) -> Form {
    Form::Pointwise(Pointwise::Binary { kernel, integers: None })
}

/// `binary_row!("mul", a kernel as `binary!` makes it, partial, partial)`
macro_rules! binary_row {
    (
        $name:literal, $how:ident($($f:expr),+) $(integers($i:expr))?,
        |$x:tt, $y:tt, $p:tt| $dx:expr, |$u:tt, $v:tt, $q:tt| $dy:expr
    ) => {
        Row::new(
            $name,
            function(binary!($how($($f),+) $(integers($i))?)),
            Rule::Elementwise(&[partial!(|$x, $y, $p| $dx), partial!(|$u, $v, $q| $dy)]),
        )
    };
}

/// `compare_row!("lt", Less, |a, b| a < b)`
macro_rules! compare_row {
    ($name:literal, $relation:ident, $f:expr) => {
        Row::new($name, Form::Pointwise(Pointwise::Compare(compare!($relation, $f))), Rule::Zero)
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

crate::rows! { binary;
    // 1, 1
    Add => binary_row!("add", lanes(|a, b| a + b) integers(i32::wrapping_add), |_, _, _| One, |_, _, _| One),
    // 1, -1
    Sub => binary_row!("sub", lanes(|a, b| a - b) integers(i32::wrapping_sub), |_, _, _| One, |_, _, _| MinusOne),
    // b, a
    Mul => binary_row!("mul", lanes(|a, b| a * b) integers(i32::wrapping_mul), |x, _, _| Value(x[1]), |x, _, _| Value(x[0])),
    // 1/b, -y/b
    Div => Row::new(
        "div",
        Form::Pointwise(Pointwise::Binary { kernel: binary!(lanes(|a, b| a / b)), integers: Some(no_zero_divisor) }),
        Rule::Elementwise(&[partial!(|x, _, _| Value(x[1].reciprocal())), partial!(|x, y, _| Value(-(y / x[1])))]),
    ),
    // 1, -⌊a/b⌋: the quotient of which y is the remainder, not that of the rounded a/b
    Mod => Row::new(
        "mod",
        Form::Pointwise(Pointwise::Binary {
            kernel: binary!(each(mod_f32, mod_f64) integers(mod_i32)),
            integers: Some(no_zero_divisor),
        }),
        Rule::Elementwise(&[partial!(|_, _, _| One), partial!(|x, y, _| Value(-((x[0] - y) / x[1]).apply(ops::Round, &[])))]),
    ),
    // 1, -trunc(a/b), likewise
    Fmod => Row::new(
        "fmod",
        Form::Pointwise(Pointwise::Binary {
            kernel: binary!(each(fmod_f32, libm::fmod) integers(i32::wrapping_rem)),
            integers: Some(no_zero_divisor),
        }),
        Rule::Elementwise(&[partial!(|_, _, _| One), partial!(|x, y, _| Value(-((x[0] - y) / x[1]).apply(ops::Round, &[])))]),
    ),
    // b a^(b-1), 0 where b = 0;   y log a, 0 where a = 0 and b >= 0
    Pow => Row::new(
        "pow",
        Form::Pointwise(Pointwise::Binary { kernel: POW, integers: Some(no_zero_to_negative) }),
        Rule::Elementwise(&[
            partial!(|x, _, _| Value(x[0].apply2(ops::PowDerivative, x[1], &PowOrder { base: 1.0, exponent: 0.0 }.list()))),
            partial!(|x, _, _| Value(x[0].apply2(ops::PowDerivative, x[1], &PowOrder { base: 0.0, exponent: 1.0 }.list()))),
        ]),
    ),
    // a/y, b/y; 0 at the origin
    Hypotenuse => binary_row!(
        "hypotenuse", lanes(hypot_f32, hypot_f64),
        |x, _, _| Value(x[0].apply2(ops::HypotDerivative, x[1], &[])),
        |x, _, _| Value(x[1].apply2(ops::HypotDerivative, x[0], &[]))
    ),
    // c = a/h, h = √(a² + b²);   s²/h, -c s/h with s = b/h: undefined at the origin, as the function has a kink there
    HypotDerivative => binary_row!(
        "hypotDerivative", lanes(|a, b| pairwise(a, b, hypot_derivative), hypot_derivative),
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
        "atan2", lanes(atan2_f32, atan2),
        |x, _, _| Value(x[0].apply2(ops::Atan2Derivative, x[1], &[])),
        |x, _, _| Value(-x[1].apply2(ops::Atan2Derivative, x[0], &[]))
    ),
    // v = b/(a² + b²), u = a/(a² + b²), the parts of 1/(b + ai):   -2uv, u² - v²
    Atan2Derivative => binary_row!(
        "atan2Derivative", lanes(|a, b| pairwise(a, b, atan2_derivative), atan2_derivative),
        |x, y, _| Value(x[1].apply2(ops::Atan2Derivative, x[0], &[]) * y * -2.0),
        |x, y, _| {
            let u = x[1].apply2(ops::Atan2Derivative, x[0], &[]);
            Value(u * u - y * y)
        }
    ),
    // log b, 0 where a = b = 0;   a/b, 0 where a = b = 0
    Xlogy => Row::new("xlogy", function(XLOGY), Rule::Elementwise(&[
        partial!(|x, _, _| {
            let (b, origin) = (x[1], origin(x));
            Value(origin.select(b.constant(0.0), origin.select(b.constant(1.0), b).log()))
        }),
        partial!(|x, _, _| {
            let (b, origin) = (x[1], origin(x));
            Value(origin.select(b.constant(0.0), x[0] / origin.select(b.constant(1.0), b)))
        }),
    ])),
    // σ(a - b), σ(b - a)
    LogAddExp => binary_row!(
        "logaddexp", lanes(log_add_exp),
        |x, _, _| Value(difference(x[0], x[1]).apply(ops::Sigmoid, &[])),
        |x, _, _| Value(difference(x[1], x[0]).apply(ops::Sigmoid, &[]))
    ),
    // ties share
    Maximum => binary_row!(
        "maximum", lanes(Lane::maximum) integers(i32::max),
        |x, y, _| share(x, 1, y),
        |x, y, _| share(x, 0, y)
    ),
    Minimum => binary_row!(
        "minimum", lanes(Lane::minimum) integers(i32::min),
        |x, y, _| share(x, 1, y),
        |x, y, _| share(x, 0, y)
    ),
    // a (co)tangent times a partial: 0 where either is 0. Users meet the name in printed programs, so it says what is special.
    StrongMul => Row::new("mulZeroWins", function(STRONG_MUL), Rule::Elementwise(&[partial!(|x, _, _| Value(x[1])), partial!(|x, _, _| Value(x[0]))])),
    Eq => compare_row!("eq", Equal, |a, b| a == b),
    Ne => compare_row!("ne", NotEqual, |a, b| a != b),
    Lt => compare_row!("lt", Less, |a, b| a < b),
    Le => compare_row!("le", LessOrEqual, |a, b| a <= b),
    Gt => compare_row!("gt", Greater, |a, b| a > b),
    Ge => compare_row!("ge", GreaterOrEqual, |a, b| a >= b),
    LogicalAnd => Row::new("logicalAnd", Form::Pointwise(Pointwise::Logic(AND)), Rule::Zero),
    LogicalOr => Row::new("logicalOr", Form::Pointwise(Pointwise::Logic(OR)), Rule::Zero),
    LogicalNot => Row::new("logicalNot", Form::Pointwise(Pointwise::Not(NOT)), Rule::Zero),
    IsNaN => Row::new("isNaN", Form::Pointwise(Pointwise::Test(IS_NAN)), Rule::Zero),
    IsFinite => Row::new("isFinite", Form::Pointwise(Pointwise::Test(IS_FINITE)), Rule::Zero),
    // 1 where the branch is taken
    Where => Row::new(
        "where",
        Form::Pointwise(Pointwise::Select),
        Rule::Elementwise(&[partial!(|_, _, _| Zero), partial!(|x, _, _| Mask(x[0])), partial!(|x, _, _| Mask(x[0].not()))]),
    ),
}
