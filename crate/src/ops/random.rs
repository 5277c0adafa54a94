//! Random draws: functions of a key, and how those with a parameter move with it.

use super::batching;
use super::support::{broadcast_all, elementwise, stretched_as};
use crate::dtype::{no_kernel, DType, Element};
use crate::error::{Error, ErrorCode, Result};
use crate::form::{Evaluation, Form, Outline, Pointwise, Spec};
use crate::kernels::rng::{self, gamma::gamma_slope, truncated_normal::truncated_normal};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::memory::room::list_of;
use crate::op::{partial, pullback, Diagonal, Row, Rule};
use crate::ops;
use crate::params::{Draw, Split};
use crate::shape::{broadcast, dims_from, few, show, Dims};
use crate::var::Var;
use crate::with_type;
use std::borrow::Cow;
use Diagonal::{Value, Zero};

/// The dims before the last of a tensor of keys [..., 2], and those of a draw for each key.
fn drawn(key: Spec, dims: &[f64]) -> Result<Dims> {
    if key.dtype != DType::Int32 || key.dims.last() != Some(&2) {
        return Err(Error::value(format!(
            "a random key is an int32 tensor of shape [2] (from random.key or random.split), got {} {}",
            key.dtype,
            show(key.dims)
        )));
    }
    let mut out = few(&key.dims[..key.dims.len() - 1]);
    out.extend(dims_from(dims)?);
    Ok(out)
}

/// The keys as pairs.
fn keys(key: &Array) -> Result<Vec<[u32; 2]>> {
    let key = key.contiguous()?;
    let mut pairs = list_of(key.len() / 2)?;
    pairs.extend(key.slice::<i32>().chunks_exact(2).map(|k| [k[0] as u32, k[1] as u32]));
    Ok(pairs)
}

/// A draw for every key.
fn draw<T: Element>(key: &Array, out: &mut Out, fill: impl Fn([u32; 2], &mut [T])) -> Result<()> {
    let keys = keys(key)?;
    let each = out.len() / keys.len().max(1);
    if each > 0 {
        for (key, part) in keys.iter().zip(out.slice::<T>().chunks_exact_mut(each)) {
            fill(*key, part);
        }
    }
    Ok(())
}

/// The float dtype asked for.
fn float(code: f64) -> Result<DType> {
    match DType::from_code(code)? {
        dtype @ (DType::Float32 | DType::Float64) => Ok(dtype),
        dtype @ (DType::Int32 | DType::Bool) => Err(Error::dtype(format!("a draw of {dtype}; expected float32 or float64"))),
    }
}

fn floats(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let Draw { dtype, dims } = Draw::read(p);
    Ok((float(dtype)?, drawn(x[0], dims)?))
}

/// int32 storage seen as the u32 the generator writes.
fn as_u32(out: &mut [i32]) -> &mut [u32] {
    // SAFETY: same size and alignment; every bit pattern is valid for both.
    unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr() as *mut u32, out.len()) }
}

/// randomGamma(key, a): a broadcasts to the dims.
fn gamma_result(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let (dtype, dims) = floats(&x[..1], p)?;
    if broadcast(x[1].dims, &dims)? != dims {
        return Err(Error::shape(format!(
            "the shape parameter a has shape {}, which does not broadcast to {}",
            show(x[1].dims),
            show(&dims)
        )));
    }
    Ok((dtype, dims))
}

fn gamma(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let keys = keys(x[0])?;
    let a = stretched_as(x[1], DType::Float64, out.dims)?;
    let a = a.slice::<f64>();
    if let Some(bad) = a.iter().find(|a| !(**a > 0.0 && **a < f64::INFINITY)) {
        return Err(Error::value(format!("the shape parameter a must be positive and finite, got {bad}")));
    }
    let least = if out.dtype == DType::Float64 { f64::MIN_POSITIVE } else { f32::MIN_POSITIVE as f64 };
    let each = (a.len() / keys.len().max(1)).max(1);
    with_type!(out.dtype, T: float => for (i, (out, &a)) in out.slice::<T>().iter_mut().zip(a).enumerate() {
        *out = T::from_f64(rng::gamma::gamma(keys[i / each], (i % each) as u64, a, least));
    });
    Ok(())
}

/// At least float32, with the dims that all inputs broadcast to.
fn together(x: &[Spec], _: &[f64]) -> Result<Outline> {
    Ok((x.iter().fold(DType::Float32, |dtype, x| dtype.promote(x.dtype)), broadcast_all(x)?))
}

/// A function of numbers computed in float64, one at a time.
fn one_by_one<const N: usize>(x: &[&Array], out: &mut Out, f: impl Fn([f64; N]) -> f64) -> Result<()> {
    let mut wide: [Option<Cow<Array>>; N] = [const { None }; N];
    for (wide, x) in wide.iter_mut().zip(x) {
        *wide = Some(x.to_dtype(DType::Float64)?);
    }
    with_type!(out.dtype, T: float => elementwise::<f64, T, N>(wide.each_ref().map(|x| x.as_deref().unwrap()), out, |operands, out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = T::from_f64(f(operands.each_ref().map(|operand| operand.at(i))));
        }
    }))
}

/// φ(x)/φ(z) = e^((z - x)(z + x)/2), 0 for infinite x
fn density_ratio<'a>(x: Var<'a>, z: Var<'a>) -> Var<'a> {
    ((z - x) * (z + x) * 0.5).exp()
}

fn once_only<'a>(x: &[Var<'a>]) -> Var<'a> {
    Var::fail(
        x[0].engine,
        Error::new(
            ErrorCode::NotDifferentiable,
            "the derivative of a gamma draw in its shape parameter cannot be differentiated again; stopGradient() it, or the draw",
        ),
    )
}

crate::rows! { random;
    RandomUniform => Row::new(
        "randomUniform",
        Form::Random(Evaluation {
            result: floats,
            write: |x, _, out| match out.dtype {
                DType::Float32 => draw::<f32>(x[0], out, rng::uniform_f32),
                DType::Float64 => draw::<f64>(x[0], out, rng::uniform_f64),
                DType::Int32 | DType::Bool => Err(no_kernel(out.dtype)),
            },
        }),
        Rule::Zero,
    ).params(Draw::PARAMS),
    RandomNormal => Row::new(
        "randomNormal",
        Form::Random(Evaluation {
            result: floats,
            write: |x, _, out| match out.dtype {
                DType::Float32 => draw::<f32>(x[0], out, rng::normal_f32),
                DType::Float64 => draw::<f64>(x[0], out, rng::normal_f64),
                DType::Int32 | DType::Bool => Err(no_kernel(out.dtype)),
            },
        }),
        Rule::Zero,
    ).params(Draw::PARAMS),
    RandomSplit => Row::new(
        "randomSplit",
        Form::Random(Evaluation {
            result: |x, p| Ok((DType::Int32, drawn(x[0], &[Split::read(p).count, 2.0])?)),
            write: |x, _, out| draw::<i32>(x[0], out, |key, out| rng::split(key, out.len() / 2, as_u32(out))),
        }),
        Rule::Zero,
    ).params(Split::PARAMS),
    // dx/da at fixed probability, see the kernel
    RandomGamma => Row::new(
        "randomGamma",
        Form::Random(Evaluation { result: gamma_result, write: gamma }),
        Rule::Elementwise(&[partial!(|_, _, _| Zero), partial!(|x, y, _| Value(x[1].apply2(ops::GammaSlope, y, &[])))]),
    ).inputs(2).params(Draw::PARAMS).batch(batching::random_with_parameter),
    GammaSlope => Row::new(
        "gammaSlope",
        Form::Pointwise(Pointwise::Other(Evaluation { result: together, write: |x, _, out| one_by_one(x, out, |[a, x]| gamma_slope(a, x)) })),
        Rule::Custom { jvp: |x, _, _, _| once_only(x), vjp: pullback!(|x, _, _, _, _| x.iter().map(|_| Some(once_only(x))).collect()) },
    ).inputs(2),
    // z(u, a, b) with Φ(z) = Φ(a) + u (Φ(b) - Φ(a)):  dz/da = (1 - u) φ(a)/φ(z),  dz/db = u φ(b)/φ(z); u is a draw
    TruncatedNormal => Row::new(
        "truncatedNormal",
        Form::Pointwise(Pointwise::Other(Evaluation {
            result: together,
            write: |x, _, out| one_by_one(x, out, |[u, a, b]| truncated_normal(u, a, b)),
        })),
        Rule::Elementwise(&[
            partial!(|_, _, _| Zero),
            partial!(|x, y, _| Value((1.0 - x[0]) * density_ratio(x[1], y))),
            partial!(|x, y, _| Value(x[0] * density_ratio(x[2], y))),
        ]),
    ).inputs(3),
}
