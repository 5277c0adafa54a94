//! Reductions and cumulative ops.

use super::batching;
use super::support::{around, broadcast_all, counting, grouped, reduction, slice_axis, stretched_as, Around};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::{reduce, scan};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{only, pullback, Row, Rule};
use crate::ops;
use crate::params::{Along, Axis, LinearScan, Reduce, Scan};
use crate::shape::{few, show, Dims};
use crate::var::Var;
use crate::with_type;
use smallvec::{smallvec, SmallVec};

/// A kernel over [outer, r, inner].
type Fold<T, O = T> = fn(&[T], usize, usize, usize, &mut [O]);

/// The reduced dims, in a dtype that follows from the input's.
fn reduced(x: &[Spec], p: &[f64], dtype: fn(DType) -> DType) -> Result<Outline> {
    Ok((dtype(x[0].dtype), reduction(x[0].dims, &Reduce::read(p))?.out))
}

fn fold<T: Element, O: Element>(x: &Array, p: &[f64], out: &mut Out, kernel: Fold<T, O>) -> Result<()> {
    let axes = reduction(&x.dims, &Reduce::read(p))?.axes;
    let x = x.to_dtype(T::DTYPE)?;
    let (x, outer, r, inner) = grouped(&x, &axes)?;
    kernel(x.slice(), outer, r, inner, out.slice());
    Ok(())
}

/// The extremum of nothing is refused, unless nothing asks for it.
fn extremum(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let reduction = reduction(x[0].dims, &Reduce::read(p))?;
    some_elements(x[0].dims, &reduction.axes, &reduction.out)?;
    Ok((x[0].dtype, reduction.out))
}

fn some_elements(dims: &[usize], axes: &[usize], out: &[usize]) -> Result<()> {
    if !out.contains(&0) && axes.iter().any(|&axis| dims[axis] == 0) {
        return Err(Error::shape(format!("there is no extremum over zero elements (shape {}); check the size first", show(dims))));
    }
    Ok(())
}

/// sum and prod
macro_rules! sum_like {
    ($kernel:ident) => {
        Form::Reduction(Evaluation {
            result: |x, p| reduced(x, p, counting),
            write: |x, p, out| with_type!(out.dtype, T: number => fold::<T, T>(x[0], p, out, reduce::$kernel)),
        })
    };
}

/// max and min; of truth values with a kernel of their own
macro_rules! extremum {
    ($kernel:ident, $of_bools:ident) => {
        Form::Reduction(Evaluation {
            result: extremum,
            write: |x, p, out| match out.dtype {
                DType::Bool => fold::<u8, u8>(x[0], p, out, reduce::$of_bools),
                dtype => with_type!(dtype, T: number => fold::<T, T>(x[0], p, out, reduce::$kernel)),
            },
        })
    };
}

/// any and all
macro_rules! truth {
    ($kernel:ident) => {
        Form::Reduction(Evaluation {
            result: |x, p| reduced(x, p, |_| DType::Bool),
            write: |x, p, out| fold::<u8, u8>(x[0], p, out, reduce::$kernel),
        })
    };
}

/// Where argmax and argmin look: along one axis, or in the flattened array.
fn searched(dims: &[usize], p: &[f64]) -> Result<(Around, Dims)> {
    let Reduce { keepdims, all, axis } = Reduce::read(p);
    if all {
        let out = if keepdims { SmallVec::from_elem(1, dims.len()) } else { Dims::new() };
        return Ok((Around { axis: 0, outer: 1, r: dims.iter().product(), inner: 1 }, out));
    }
    let &[axis] = axis else {
        return Err(Error::value(format!("a position along {} axes; expected one axis, or none for the flattened tensor", axis.len())));
    };
    let a = around(dims, Axis(axis))?;
    let mut out = few(dims);
    if keepdims {
        out[a.axis] = 1;
    } else {
        out.remove(a.axis);
    }
    Ok((a, out))
}

fn position(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let (a, out) = searched(x[0].dims, p)?;
    if a.r == 0 && !out.contains(&0) {
        some_elements(x[0].dims, &(0..x[0].dims.len()).collect::<SmallVec<[usize; 6]>>(), &out)?;
    }
    Ok((DType::Int32, out))
}

macro_rules! arg {
    ($kernel:ident) => {
        Form::Reduction(Evaluation {
            result: position,
            write: |x, p, out| {
                let x = x[0].ordered(counting(x[0].dtype))?;
                let a = searched(&x.dims, p)?.0;
                with_type!(x.dtype, T: number => reduce::$kernel::<T>(x.slice(), a.outer, a.r, a.inner, out.slice()));
                Ok(())
            },
        })
    };
}

fn cumulative_sum(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let Scan { axis, reverse } = Scan::read(p);
    let (x, a) = (x[0].ordered(out.dtype)?, around(out.dims, axis)?);
    with_type!(out.dtype, T: number => scan::cumsum::<T>(x.slice(), a.outer, a.r, a.inner, reverse, out.slice()));
    Ok(())
}

fn recurrence_result(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let dtype = x[0].dtype.promote(x[1].dtype);
    if dtype == DType::Bool {
        return Err(Error::dtype("a recurrence takes numbers, got bool tensors; cast them first"));
    }
    let dims = broadcast_all(x)?;
    LinearScan::read(p).axis.of(dims.len())?;
    Ok((dtype, dims))
}

fn recurrence(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let LinearScan { axis, reverse, zero_wins: strong } = LinearScan::read(p);
    let (a, b) = (stretched_as(x[0], out.dtype, out.dims)?, stretched_as(x[1], out.dtype, out.dims)?);
    let at = around(out.dims, axis)?;
    with_type!(out.dtype, T: number => scan::linear_scan::<T>(a.slice(), b.slice(), at.outer, at.r, at.inner, reverse, strong, out.slice()));
    Ok(())
}

/// The reduced value (or its cotangent) brought back to the input's rank, with size 1 along the reduced axes.
pub fn unreduced<'a>(y: Var<'a>, x: Var<'a>, params: &[f64]) -> Var<'a> {
    let dims = x.dims();
    match reduction(&dims, &Reduce { keepdims: true, ..Reduce::read(params) }) {
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
pub fn over_joined<'a>(x: Var<'a>, params: &[f64], f: impl Fn(Var<'a>, Axis) -> Var<'a>) -> Var<'a> {
    let dims = x.dims();
    let axes = match reduction(&dims, &Reduce::read(params)) {
        Ok(reduction) => reduction.axes,
        Err(error) => return Var::fail(x.engine, error),
    };
    if axes.is_empty() || x.size() == 0 {
        return x.ones_like();
    }
    if axes.len() == 1 {
        return f(x, axes[0].into());
    }
    // All reduced axes last and flattened into one.
    let kept: SmallVec<[usize; 6]> = (0..dims.len()).filter(|i| !axes.contains(i)).collect();
    let order: SmallVec<[usize; 6]> = kept.iter().chain(&axes).copied().collect();
    let moved: Dims = order.iter().map(|&i| dims[i]).collect();
    let mut flat: Dims = kept.iter().map(|&i| dims[i]).collect();
    flat.push(axes.iter().map(|&i| dims[i]).product());
    let result = f(x.transpose(&order).reshape(&flat), kept.len().into());
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
fn exclusive<'a>(x: Var<'a>, axis: Axis, reverse: bool) -> Var<'a> {
    let shifted = shift(x, axis, !reverse, 1.0);
    shifted.apply(ops::Cumprod, &Scan { axis, reverse }.list())
}

/// The array moved by one along an axis, filled with `fill`: towards the end when `forward`.
fn shift<'a>(x: Var<'a>, axis: Axis, forward: bool, fill: f64) -> Var<'a> {
    let dims = x.dims();
    let axis = match axis.of(dims.len()) {
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
    Var::bind(x.engine, ops::Concat, &pair, &Along { axis: axis.into() }.list())
}

crate::rows! { reduce;
    // transpose: repeat along the reduced axes
    Sum => Row::new("sum", sum_like!(sum), Rule::Linear(|x, ct, p| unreduced(ct, x[0], p).broadcast_to(&x[0].dims()))),
    // ∂y/∂x_i = product of the others
    Prod => Row::new("prod", sum_like!(prod), Rule::Custom {
        jvp: |x, t, _, p| reduce_like(product_of_others(x[0], p).strong_mul(t[0].unwrap_or(x[0].zeros_like())), p),
        vjp: pullback!(|x, _, ct, p, _| only(product_of_others(x[0], p).strong_mul(unreduced(ct, x[0], p)))),
    }),
    // ties share
    Max => Row::new("max", extremum!(max, any), EXTREMUM),
    Min => Row::new("min", extremum!(min, all), EXTREMUM),
    Any => Row::new("any", truth!(any), Rule::Zero),
    All => Row::new("all", truth!(all), Rule::Zero),
    ArgMax => Row::new("argmax", arg!(argmax), Rule::Zero).batch(batching::position),
    ArgMin => Row::new("argmin", arg!(argmin), Rule::Zero).batch(batching::position),
    // transpose: the same from the other end
    Cumsum => Row::new(
        "cumsum",
        Form::AlongAxis(Evaluation {
            result: |x, p| {
                Scan::read(p).axis.of(x[0].dims.len())?;
                Ok((counting(x[0].dtype), few(x[0].dims)))
            },
            write: cumulative_sum,
        }),
        Rule::Linear(|_, ct, p| {
            let Scan { axis, reverse } = Scan::read(p);
            ct.apply(ops::Cumsum, &Scan { axis, reverse: !reverse }.list())
        }),
    ).params(Scan::PARAMS),
    // z_i = a_i z_(i-1) + b_i:   dz_i = a_i dz_(i-1) + (da_i z_(i-1) + db_i)
    // transposed: λ_i = a_(i+1) λ_(i+1) + ct_i;   ct_b = λ, ct_a = λ z_(i-1)
    LinearScan => Row::new(
        "linearScan",
        Form::AlongAxis(Evaluation { result: recurrence_result, write: recurrence }),
        Rule::Custom {
            jvp: |x, t, y, p| {
                let LinearScan { axis, reverse, .. } = LinearScan::read(p);
                let from_a = t[0].map(|ta| ta.strong_mul(shift(y, axis, !reverse, 0.0)));
                let driven = match (from_a, t[1]) {
                    (Some(u), Some(v)) => u + v,
                    (Some(u), None) | (None, Some(u)) => u,
                    (None, None) => y.zeros_like(),
                };
                x[0].apply2(ops::LinearScan, driven, &LinearScan { axis, reverse, zero_wins: true }.list())
            },
            vjp: pullback!(|x, y, ct, p, wanted| {
                let LinearScan { axis, reverse, .. } = LinearScan::read(p);
                let a = shift(x[0].broadcast_to(&y.dims()), axis, reverse, 0.0);
                let adjoint = a.apply2(ops::LinearScan, ct, &LinearScan { axis, reverse: !reverse, zero_wins: true }.list());
                smallvec![wanted[0].then(|| adjoint.strong_mul(shift(y, axis, !reverse, 0.0))), wanted[1].then_some(adjoint)]
            }),
        },
    ).inputs(2).params(LinearScan::PARAMS),
}

/// The rule of max and min.
const EXTREMUM: Rule = Rule::Custom {
    jvp: |x, t, y, p| reduce_like(t[0].unwrap_or(x[0].zeros_like()).strong_mul(shares(x[0], y, p)), p),
    vjp: pullback!(|x, y, ct, p, _| only(unreduced(ct, x[0], p).strong_mul(shares(x[0], y, p)))),
};
