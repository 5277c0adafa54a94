//! Random draws: functions of a key, and how those with a parameter move with it.

use super::batching;
use super::movement::broadcast_view;
use super::support::{broadcast2, elementwise, to_dtype};
use crate::dtype::DType;
use crate::error::{Error, ErrorCode, Result};
use crate::kernels::binary::Operand;
use crate::kernels::rng::{self, gamma::gamma_slope, truncated_normal::truncated_normal};
use crate::memory::array::Array;
use crate::memory::room::list_of;
use crate::op::{Diagonal, Row, Rule};
use crate::ops;
use crate::shape::{broadcast, dims_from, show, Dims};
use crate::var::Var;
use Diagonal::{Value, Zero};

/// The keys [..., 2] as pairs, and the dims before the last.
fn keys(key: &Array) -> Result<(Vec<[u32; 2]>, Dims)> {
    if key.dtype != DType::Int32 || key.dims.last() != Some(&2) {
        return Err(Error::value(format!(
            "a random key is an int32 tensor of shape [2] (from random.key or random.split), got {} {}",
            key.dtype,
            show(&key.dims)
        )));
    }
    let key = key.contiguous()?;
    let mut pairs = list_of(key.len() / 2)?;
    pairs.extend(key.slice::<i32>().chunks_exact(2).map(|k| [k[0] as u32, k[1] as u32]));
    Ok((pairs, Dims::from_slice(&key.dims[..key.dims.len() - 1])))
}

/// A draw of `dims` numbers for every key.
fn draw<T: crate::dtype::Element>(key: &Array, dims: &[f64], fill: impl Fn([u32; 2], &mut [T])) -> Result<Array> {
    let (keys, mut out_dims) = keys(key)?;
    out_dims.extend(dims_from(dims)?);
    let mut out = Array::new(T::DTYPE, &out_dims)?;
    let each = out.len() / keys.len().max(1);
    if each > 0 {
        for (key, part) in keys.iter().zip(out.slice_mut::<T>().chunks_exact_mut(each)) {
            fill(*key, part);
        }
    }
    Ok(out)
}

/// int32 storage seen as the u32 the generator writes.
fn as_u32(out: &mut [i32]) -> &mut [u32] {
    // SAFETY: same size and alignment; every bit pattern is valid for both.
    unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr() as *mut u32, out.len()) }
}

/// randomGamma(key, a; dtype, ...dims): a broadcasts to the dims.
fn gamma(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let (keys, mut dims) = keys(inputs[0])?;
    dims.extend(dims_from(&params[1..])?);
    let a = to_dtype(inputs[1], DType::Float64)?;
    if broadcast(&a.dims, &dims)? != dims {
        return Err(Error::shape(format!(
            "the shape parameter a has shape {}, which does not broadcast to {}",
            show(&a.dims),
            show(&dims)
        )));
    }
    let a = broadcast_view(&a, &dims)?.contiguous()?;
    let a = a.slice::<f64>();
    if let Some(bad) = a.iter().find(|a| !(**a > 0.0 && **a < f64::INFINITY)) {
        return Err(Error::value(format!("the shape parameter a must be positive and finite, got {bad}")));
    }
    let dtype = DType::from_code(params[0])?;
    let least = if dtype == DType::Float64 { f64::MIN_POSITIVE } else { f32::MIN_POSITIVE as f64 };
    let mut out = Array::new(DType::Float64, &dims)?;
    let each = (a.len() / keys.len().max(1)).max(1);
    for (i, (out, &a)) in out.slice_mut::<f64>().iter_mut().zip(a).enumerate() {
        *out = rng::gamma::gamma(keys[i / each], (i % each) as u64, a, least);
    }
    to_dtype(&out, dtype)
}

/// A function of numbers computed in float64, one at a time, given back in the dtype of the inputs.
fn one_by_one<const N: usize>(inputs: [&Array; N], dims: &Dims, f: impl Fn([f64; N]) -> f64) -> Result<Array> {
    let dtype = inputs.iter().fold(DType::Float32, |dtype, x| dtype.promote(x.dtype));
    let mut wide: [Option<Array>; N] = [const { None }; N];
    for (wide, x) in wide.iter_mut().zip(inputs) {
        *wide = Some(to_dtype(x, DType::Float64)?);
    }
    let out = elementwise::<f64, f64, N>(wide.each_ref().map(|x| x.as_ref().unwrap()), dims, |operands, out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = f(operands.each_ref().map(|operand| match operand {
                Operand::Slice(x) => x[i],
                Operand::Splat(x) => *x,
            }));
        }
    })?;
    to_dtype(&out, dtype)
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

crate::rows! { start: super::index::END;
    RandomBits => Row::primitive(
        "randomBits",
        |x, p| draw::<i32>(x[0], p, |key, out| rng::bits(key, 0, as_u32(out))),
        Rule::Zero,
        batching::random,
    ),
    RandomUniform => Row::primitive(
        "randomUniform",
        |x, p| match DType::from_code(p[0])? {
            DType::Float64 => draw::<f64>(x[0], &p[1..], rng::uniform_f64),
            _ => draw::<f32>(x[0], &p[1..], rng::uniform_f32),
        },
        Rule::Zero,
        batching::random,
    ),
    RandomNormal => Row::primitive(
        "randomNormal",
        |x, p| match DType::from_code(p[0])? {
            DType::Float64 => draw::<f64>(x[0], &p[1..], rng::normal_f64),
            _ => draw::<f32>(x[0], &p[1..], rng::normal_f32),
        },
        Rule::Zero,
        batching::random,
    ),
    RandomSplit => Row::primitive(
        "randomSplit",
        |x, p| draw::<i32>(x[0], &[p[0], 2.0], |key, out| rng::split(key, out.len() / 2, as_u32(out))),
        Rule::Zero,
        batching::random,
    ),
    // dx/da at fixed probability, see the kernel
    RandomGamma => Row::primitive(
        "randomGamma",
        gamma,
        Rule::Elementwise(&[|_, _, _| Zero, |x, y, _| Value(x[1].apply2(ops::GammaSlope, y, &[]))]),
        batching::random_with_parameter,
    ),
    GammaSlope => Row::primitive(
        "gammaSlope",
        |x, _| one_by_one([x[0], x[1]], &broadcast2(x[0], x[1])?, |[a, x]| gamma_slope(a, x)),
        Rule::Custom { jvp: |x, _, _, _| once_only(x), vjp: |_, x, _, _, _| once_only(x) },
        batching::elementwise,
    ),
    // z(u, a, b) with Φ(z) = Φ(a) + u (Φ(b) - Φ(a)):  dz/da = (1 - u) φ(a)/φ(z),  dz/db = u φ(b)/φ(z); u is a draw
    TruncatedNormal => Row::primitive(
        "truncatedNormal",
        |x, _| one_by_one([x[0], x[1], x[2]], &broadcast(&broadcast2(x[0], x[1])?, &x[2].dims)?, |[u, a, b]| truncated_normal(u, a, b)),
        Rule::Elementwise(&[
            |_, _, _| Zero,
            |x, y, _| Value((1.0 - x[0]) * density_ratio(x[1], y)),
            |x, y, _| Value(x[0] * density_ratio(x[2], y)),
        ]),
        batching::elementwise,
    ),
}
