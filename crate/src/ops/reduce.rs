//! Reductions and cumulative ops.

use super::batching;
use super::support::{around, grouped, reduction, to_dtype, Reduction};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::{reduce, scan};
use crate::memory::array::Array;
use crate::op::{Row, Rule};
use crate::ops;
use crate::shape::{axis_from, show, Dims};
use crate::var::Var;
use crate::with_element;
use smallvec::SmallVec;

#[derive(Clone, Copy, PartialEq)]
enum Fold {
    Sum,
    Prod,
    Max,
    Min,
    Any,
    All,
}

fn fold(kind: Fold, x: &Array, params: &[f64]) -> Result<Array> {
    let dtype = match (kind, x.dtype) {
        (Fold::Any | Fold::All, _) => DType::Bool,
        (Fold::Sum | Fold::Prod, DType::Bool) => DType::Int32,
        (_, d) => d,
    };
    let x = to_dtype(x, dtype)?;
    let Reduction { axes, out } = reduction(&x.dims, params)?;
    let (x, outer, r, inner) = grouped(&x, &axes)?;
    if r == 0 && outer * inner > 0 && matches!(kind, Fold::Max | Fold::Min) {
        return Err(Error::shape(format!("there is no extremum over zero elements (shape {}); check the size first", show(&x.dims))));
    }
    let mut result = Array::new(dtype, &out)?;
    match (kind, dtype) {
        (Fold::Any, _) => reduce::any(x.slice(), outer, r, inner, result.slice_mut()),
        (Fold::All, _) => reduce::all(x.slice(), outer, r, inner, result.slice_mut()),
        (Fold::Max, DType::Bool) => reduce::any(x.slice(), outer, r, inner, result.slice_mut()),
        (Fold::Min, DType::Bool) => reduce::all(x.slice(), outer, r, inner, result.slice_mut()),
        (_, DType::Float64) => numeric::<f64>(kind, &x, outer, r, inner, &mut result),
        (_, DType::Float32) => numeric::<f32>(kind, &x, outer, r, inner, &mut result),
        _ => numeric::<i32>(kind, &x, outer, r, inner, &mut result),
    }
    Ok(result)
}

fn numeric<T: crate::kernels::number::Number + crate::dtype::Element>(
    kind: Fold,
    x: &Array,
    outer: usize,
    r: usize,
    inner: usize,
    out: &mut Array,
) {
    let (x, out) = (x.slice::<T>(), out.slice_mut::<T>());
    match kind {
        Fold::Sum => reduce::sum(x, outer, r, inner, out),
        Fold::Prod => reduce::prod(x, outer, r, inner, out),
        Fold::Max => reduce::max(x, outer, r, inner, out),
        _ => reduce::min(x, outer, r, inner, out),
    }
}

/// argmax and argmin: [keepdims, all, axis]; without an axis over the flattened array.
fn arg(x: &Array, params: &[f64], largest: bool) -> Result<Array> {
    let x = to_dtype(x, if x.dtype == DType::Bool { DType::Int32 } else { x.dtype })?.contiguous()?;
    let all = params.get(1) == Some(&1.0);
    let keepdims = params.first() == Some(&1.0);
    let (outer, r, inner, out): (usize, usize, usize, Dims) = if all {
        (1, x.len(), 1, if keepdims { SmallVec::from_elem(1, x.dims.len()) } else { Dims::new() })
    } else {
        let a = around(&x.dims, params.get(2).copied().unwrap_or(0.0))?;
        let mut out = x.dims.clone();
        if keepdims {
            out[a.axis] = 1;
        } else {
            out.remove(a.axis);
        }
        (a.outer, a.r, a.inner, out)
    };
    if r == 0 && outer * inner > 0 {
        return Err(Error::shape(format!("there is no extremum over zero elements (shape {}); check the size first", show(&x.dims))));
    }
    let mut result = Array::new(DType::Int32, &out)?;
    macro_rules! find {
        ($T:ty) => {
            if largest {
                reduce::argmax::<$T>(x.slice(), outer, r, inner, result.slice_mut())
            } else {
                reduce::argmin::<$T>(x.slice(), outer, r, inner, result.slice_mut())
            }
        };
    }
    match x.dtype {
        DType::Float64 => find!(f64),
        DType::Float32 => find!(f32),
        _ => find!(i32),
    }
    Ok(result)
}

fn cumulative_sum(x: &Array, params: &[f64]) -> Result<Array> {
    let x = to_dtype(x, if x.dtype == DType::Bool { DType::Int32 } else { x.dtype })?.contiguous()?;
    let a = around(&x.dims, params[0])?;
    let mut out = Array::new(x.dtype, &x.dims)?;
    match x.dtype {
        DType::Float64 => scan::cumsum::<f64>(x.slice(), a.outer, a.r, a.inner, params[1] != 0.0, out.slice_mut()),
        DType::Float32 => scan::cumsum::<f32>(x.slice(), a.outer, a.r, a.inner, params[1] != 0.0, out.slice_mut()),
        _ => scan::cumsum::<i32>(x.slice(), a.outer, a.r, a.inner, params[1] != 0.0, out.slice_mut()),
    }
    Ok(out)
}

/// linearScan(a, b): [axis, reverse, strong]; see `STRONG` of matmul.
fn recurrence(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let dims = crate::shape::broadcast(&inputs[0].dims, &inputs[1].dims)?;
    let dtype = inputs[0].dtype.promote(inputs[1].dtype);
    let bring = |x: &Array| super::movement::broadcast_view(&to_dtype(x, dtype)?, &dims)?.contiguous();
    if dtype == DType::Bool {
        return Err(Error::dtype("a recurrence takes numbers, got bool tensors; cast them first"));
    }
    let (a, b) = (bring(inputs[0])?, bring(inputs[1])?);
    let at = around(&dims, params[0])?;
    let mut out = Array::new(dtype, &dims)?;
    with_element!(dtype, T => scan::linear_scan::<T>(a.slice(), b.slice(), at.outer, at.r, at.inner, params[1] != 0.0, params.get(2) == Some(&1.0), out.slice_mut()));
    Ok(out)
}

/// The reduced value (or its cotangent) brought back to the input's rank, with size 1 along the reduced axes.
pub fn unreduced<'a>(y: Var<'a>, x: Var<'a>, params: &[f64]) -> Var<'a> {
    let dims = x.dims();
    match reduction(&dims, &[&[1.0, params[1]], &params[2..]].concat()) {
        Ok(reduction) => y.reshape(&reduction.out),
        Err(error) => Var::fail(x.engine, error),
    }
}

/// Sum over the axes of a reduction, in its output's shape.
pub fn reduce_like<'a>(v: Var<'a>, params: &[f64]) -> Var<'a> {
    v.apply(ops::Sum, params)
}

/// Weights of an extremum: (x == y)/count, so that ties share.
fn shares<'a>(x: Var<'a>, y: Var<'a>, params: &[f64]) -> Var<'a> {
    let hits = x.equal(unreduced(y, x, params)).cast(x.dtype());
    let count = unreduced(reduce_like(hits, params), x, params);
    hits / count
}

/// `f(x, axis)` with the reduced axes joined into one, and brought back; 1 everywhere where nothing is reduced.
pub fn over_joined<'a>(x: Var<'a>, params: &[f64], f: impl Fn(Var<'a>, f64) -> Var<'a>) -> Var<'a> {
    let dims = x.dims();
    let axes = match reduction(&dims, params) {
        Ok(reduction) => reduction.axes,
        Err(error) => return Var::fail(x.engine, error),
    };
    if axes.is_empty() || x.size() == 0 {
        return x.ones_like();
    }
    if axes.len() == 1 {
        return f(x, axes[0] as f64);
    }
    // All reduced axes last and flattened into one.
    let kept: SmallVec<[usize; 6]> = (0..dims.len()).filter(|i| !axes.contains(i)).collect();
    let order: SmallVec<[usize; 6]> = kept.iter().chain(&axes).copied().collect();
    let moved: Dims = order.iter().map(|&i| dims[i]).collect();
    let mut flat: Dims = kept.iter().map(|&i| dims[i]).collect();
    flat.push(axes.iter().map(|&i| dims[i]).product());
    let result = f(x.transpose(&order).reshape(&flat), kept.len() as f64);
    let mut inverse: SmallVec<[usize; 6]> = SmallVec::from_elem(0, order.len());
    for (to, &from) in order.iter().enumerate() {
        inverse[from] = to;
    }
    result.reshape(&moved).transpose(&inverse)
}

/// Product of all other elements along the reduced axes: exclusive cumulative products from both ends, exact with zeros.
fn product_of_others<'a>(x: Var<'a>, params: &[f64]) -> Var<'a> {
    over_joined(x, params, |x, axis| exclusive(x, axis, false) * exclusive(x, axis, true))
}

/// Cumulative product of the elements strictly before (after, when reverse) each one along an axis.
fn exclusive<'a>(x: Var<'a>, axis: f64, reverse: bool) -> Var<'a> {
    let shifted = shift(x, axis, !reverse, 1.0);
    shifted.apply(ops::Cumprod, &[axis, reverse as u8 as f64])
}

/// The array moved by one along an axis, filled with `fill`: towards the end when `forward`.
fn shift<'a>(x: Var<'a>, axis: f64, forward: bool, fill: f64) -> Var<'a> {
    let dims = x.dims();
    let axis = match axis_from(axis, dims.len()) {
        Ok(axis) => axis,
        Err(error) => return Var::fail(x.engine, error),
    };
    if dims[axis] == 0 {
        return x;
    }
    let mut edge = dims.clone();
    edge[axis] = 1;
    let filler = x.full(&edge, fill);
    let n = dims[axis];
    let rest = slice_axis(x, axis, if forward { 0 } else { 1 }, if forward { n - 1 } else { n });
    let pair = if forward { [filler, rest] } else { [rest, filler] };
    Var::bind(x.engine, ops::Concat, &pair, &[axis as f64])
}

/// x[from..to] along one axis.
pub fn slice_axis<'a>(x: Var<'a>, axis: usize, from: usize, to: usize) -> Var<'a> {
    let dims = x.dims();
    let mut params: SmallVec<[f64; 8]> = SmallVec::from_slice(&[dims.len() as f64]);
    params.extend((0..dims.len()).map(|i| if i == axis { from as f64 } else { 0.0 }));
    params.extend((0..dims.len()).map(|i| if i == axis { to as f64 } else { dims[i] as f64 }));
    params.extend((0..dims.len()).map(|_| 1.0));
    x.apply(ops::Slice, &params)
}

crate::rows! { start: super::binary::END;
    // transpose: repeat along the reduced axes
    Sum => Row::primitive(
        "sum",
        |x, p| fold(Fold::Sum, x[0], p),
        Rule::Linear(|_, x, ct, p| unreduced(ct, x[0], p).broadcast_to(&x[0].dims())),
        batching::reduction,
    ),
    // ∂y/∂x_i = product of the others
    Prod => Row::primitive(
        "prod",
        |x, p| fold(Fold::Prod, x[0], p),
        Rule::Custom {
            jvp: |x, t, _, p| reduce_like(product_of_others(x[0], p).strong_mul(t[0].unwrap_or(x[0].zeros_like())), p),
            vjp: |_, x, _, ct, p| product_of_others(x[0], p).strong_mul(unreduced(ct, x[0], p)),
        },
        batching::reduction,
    ),
    // ties share
    Max => Row::primitive(
        "max",
        |x, p| fold(Fold::Max, x[0], p),
        Rule::Custom {
            jvp: |x, t, y, p| reduce_like(t[0].unwrap_or(x[0].zeros_like()).strong_mul(shares(x[0], y, p)), p),
            vjp: |_, x, y, ct, p| unreduced(ct, x[0], p).strong_mul(shares(x[0], y, p)),
        },
        batching::reduction,
    ),
    Min => Row::primitive(
        "min",
        |x, p| fold(Fold::Min, x[0], p),
        Rule::Custom {
            jvp: |x, t, y, p| reduce_like(t[0].unwrap_or(x[0].zeros_like()).strong_mul(shares(x[0], y, p)), p),
            vjp: |_, x, y, ct, p| unreduced(ct, x[0], p).strong_mul(shares(x[0], y, p)),
        },
        batching::reduction,
    ),
    Any => Row::primitive("any", |x, p| fold(Fold::Any, x[0], p), Rule::Zero, batching::reduction),
    All => Row::primitive("all", |x, p| fold(Fold::All, x[0], p), Rule::Zero, batching::reduction),
    ArgMax => Row::primitive("argmax", |x, p| arg(x[0], p, true), Rule::Zero, batching::reduction),
    ArgMin => Row::primitive("argmin", |x, p| arg(x[0], p, false), Rule::Zero, batching::reduction),
    // transpose: the same from the other end
    Cumsum => Row::primitive(
        "cumsum",
        |x, p| cumulative_sum(x[0], p),
        Rule::Linear(|_, _, ct, p| ct.apply(ops::Cumsum, &[p[0], 1.0 - p[1]])),
        batching::axis,
    ),
    // z_i = a_i z_(i-1) + b_i:   dz_i = a_i dz_(i-1) + (da_i z_(i-1) + db_i)
    // transposed: λ_i = a_(i+1) λ_(i+1) + ct_i;   ct_b = λ, ct_a = λ z_(i-1)
    LinearScan => Row::primitive(
        "linearScan",
        recurrence,
        Rule::Custom {
            jvp: |x, t, y, p| {
                let previous = shift(y, p[0], p[1] == 0.0, 0.0);
                let from_a = t[0].map(|ta| ta.strong_mul(previous));
                let driven = match (from_a, t[1]) {
                    (Some(u), Some(v)) => u + v,
                    (Some(u), None) | (None, Some(u)) => u,
                    (None, None) => y.zeros_like(),
                };
                x[0].apply2(ops::LinearScan, driven, &[p[0], p[1], 1.0])
            },
            vjp: |i, x, y, ct, p| {
                let a = x[0].broadcast_to(&y.dims());
                let adjoint = shift(a, p[0], p[1] != 0.0, 0.0).apply2(ops::LinearScan, ct, &[p[0], 1.0 - p[1], 1.0]);
                if i == 1 {
                    adjoint
                } else {
                    adjoint.strong_mul(shift(y, p[0], p[1] == 0.0, 0.0))
                }
            },
        },
        batching::axis,
    ),
}
