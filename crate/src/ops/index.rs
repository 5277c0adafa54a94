//! Indexing by tensors, sorting.

use super::batching;
use super::movement::placed;
use super::support::{around, counting, indices};
use crate::dtype::DType;
use crate::error::{Error, ErrorCode, Result};
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::{gather, scan, sort};
use crate::memory::array::{Array, Layout};
use crate::memory::out::Out;
use crate::op::{Row, Rule};
use crate::ops;
use crate::params::{Along, Axis, IndexInto, RunningExtreme, ScatterInto, Search, Sorting};
use crate::shape::{dim_from, dims_from, few, show, Dims};
use crate::var::{numbers, Var};
use crate::with_type;

/// take(x, indices): dims before the axis, dims of the indices, dims behind.
fn taken(x: &[Spec], p: &[f64]) -> Result<Outline> {
    need_int32(x[1].dtype)?;
    let axis = Along::read(p).axis.of(x[0].dims.len())?;
    let mut dims = few(&x[0].dims[..axis]);
    dims.extend_from_slice(x[1].dims);
    dims.extend_from_slice(&x[0].dims[axis + 1..]);
    Ok((x[0].dtype, dims))
}

fn take(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let (x, index) = (x[0].contiguous()?, x[1]);
    let a = around(&x.dims, Along::read(p).axis)?;
    let index = indices(index, a.r)?;
    with_type!(x.dtype, T: any => gather::take::<T>(x.slice(), a.outer, a.r, a.inner, index.slice(), out.slice()));
    Ok(())
}

/// Its transpose, indexInto(src, indices): slices of src added into zeros.
fn indexed_into(x: &[Spec], p: &[f64]) -> Result<Outline> {
    need_int32(x[1].dtype)?;
    let (src, index, IndexInto { axis: Axis(axis), size }) = (x[0].dims, x[1].dims, IndexInto::read(p));
    let axis = axis as usize;
    let behind = axis + index.len();
    if src.len() < behind || src[axis..behind] != *index {
        return Err(Error::shape(format!(
            "source {} does not fit indices {} at axis {axis}; it has the indices' dims there",
            show(src),
            show(index)
        )));
    }
    let mut dims = few(&src[..axis]);
    dims.push(dim_from(size)?);
    dims.extend_from_slice(&src[behind..]);
    Ok((addable(x[0].dtype)?, dims))
}

fn index_into(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let (src, a) = (x[0].contiguous()?, around(out.dims, IndexInto::read(p).axis)?);
    let index = indices(x[1], a.r)?;
    with_type!(out.dtype, T: number => {
        out.slice::<T>().fill(T::default());
        gather::index_add::<T>(index.slice(), src.slice(), a.outer, a.r, a.inner, out.slice())
    });
    Ok(())
}

/// gather(x, indices), as torch.gather: the indices have x's rank, and their own dims off the axis are at most x's.
fn gathered(x: &[Spec], p: &[f64]) -> Result<Outline> {
    need_int32(x[1].dtype)?;
    corner(x[0].dims, x[1].dims, Along::read(p).axis.of(x[0].dims.len())?)?;
    Ok((x[0].dtype, few(x[1].dims)))
}

fn gather_elements(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let (x, index) = (x[0], x[1]);
    let axis = Along::read(p).axis.of(x.dims.len())?;
    let x = x.view(corner(&x.dims, &index.dims, axis)?, x.strides.clone(), x.offset).into_ordered()?;
    let a = around(&x.dims, axis.into())?;
    let n = index.dims[axis];
    let index = indices(index, a.r)?;
    with_type!(x.dtype, T: any => gather::gather::<T>(x.slice(), a.outer, a.r, a.inner, n, index.slice(), out.slice()));
    Ok(())
}

/// The dims of what the indices reach: x's along the axis, their own off it.
fn corner(dims: &[usize], index: &[usize], axis: usize) -> Result<Dims> {
    if index.len() != dims.len() || (0..index.len()).any(|i| i != axis && index[i] > dims[i]) {
        return Err(Error::shape(format!(
            "indices {} do not fit shape {} at axis {axis}; they have the same rank and are no larger off that axis (take() has no such rule)",
            show(index),
            show(dims)
        )));
    }
    let mut corner = few(index);
    corner[axis] = dims[axis];
    Ok(corner)
}

/// Its transpose, scatterInto(src, indices): elements of src added into zeros of the given dims.
fn scattered_into(x: &[Spec], p: &[f64]) -> Result<Outline> {
    need_int32(x[1].dtype)?;
    let ScatterInto { axis, dims } = ScatterInto::read(p);
    let dims = dims_from(dims)?;
    if x[0].dims != x[1].dims || dims.len() != x[0].dims.len() {
        return Err(Error::shape(format!(
            "source {} and indices {} must have one shape and the rank of the target {}",
            show(x[0].dims),
            show(x[1].dims),
            show(&dims)
        )));
    }
    corner(&dims, x[1].dims, axis.of(dims.len())?)?;
    Ok((addable(x[0].dtype)?, dims))
}

fn scatter_into(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let axis = ScatterInto::read(p).axis.of(out.dims.len())?;
    let size = out.dims[axis];
    let (src, index) = (x[0].contiguous()?, indices(x[1], size)?);
    let a = around(&src.dims, axis.into())?;
    let corner = corner(out.dims, &index.dims, axis)?;
    if *corner == *out.dims {
        with_type!(out.dtype, T: number => {
            out.slice::<T>().fill(T::default());
            gather::scatter_add::<T>(index.slice(), src.slice(), a.outer, a.r, size, a.inner, out.slice())
        });
        return Ok(());
    }
    // Only the corner that the indices reach is written.
    let mut reached = Array::filled(src.dtype, &corner, 0.0)?;
    with_type!(out.dtype, T: number => gather::scatter_add::<T>(index.slice(), src.slice(), a.outer, a.r, size, a.inner, reached.slice_mut()));
    placed(&reached, out, |whole| Ok(Layout { dims: corner, strides: whole.strides.into(), offset: 0 }))
}

fn need_int32(dtype: DType) -> Result<()> {
    if dtype != DType::Int32 {
        return Err(Error::dtype(format!("indices must be int32, got {dtype}; cast them with cast(x, \"int32\")")));
    }
    Ok(())
}

fn addable(dtype: DType) -> Result<DType> {
    if dtype == DType::Bool {
        return Err(Error::dtype("bool values cannot be added; cast them to int32"));
    }
    Ok(dtype)
}

/// int32 positions in the dims of the input, one of whose axes is named first among the parameters.
fn positions(x: &[Spec], p: &[f64]) -> Result<Outline> {
    Along::read(p).axis.of(x[0].dims.len())?;
    Ok((DType::Int32, few(x[0].dims)))
}

fn argsort(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let Sorting { axis, descending } = Sorting::read(p);
    let x = x[0].ordered(counting(x[0].dtype))?;
    let a = around(&x.dims, axis)?;
    with_type!(x.dtype, T: number => sort::argsort::<T>(x.slice(), a.outer, a.r, a.inner, descending, out.slice())
        .map_err(|_| Error::new(ErrorCode::OutOfMemory, "no memory for sorting"))?);
    Ok(())
}

/// Positions of the extremes so far along an axis.
fn running_extreme(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let RunningExtreme { axis, reverse, least } = RunningExtreme::read(p);
    let x = x[0].contiguous()?;
    let a = around(&x.dims, axis)?;
    with_type!(x.dtype, T: any => scan::running_extreme::<T>(x.slice(), a.outer, a.r, a.inner, reverse, least, out.slice()));
    Ok(())
}

/// Places of values [..., m] in sorted rows [..., n] of the same leading dims.
fn places(x: &[Spec], _: &[f64]) -> Result<Outline> {
    let (Some((_, rows)), Some((_, values))) = (x[0].dims.split_last(), x[1].dims.split_last()) else {
        return Err(Error::shape("sorted numbers have at least one axis"));
    };
    if rows != values {
        return Err(Error::shape(format!(
            "sorted rows {} and values {} must have the same leading axes",
            show(x[0].dims),
            show(x[1].dims)
        )));
    }
    Ok((DType::Int32, few(x[1].dims)))
}

fn search_sorted(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let Search { right } = Search::read(p);
    let dtype = counting(x[0].dtype.promote(x[1].dtype));
    let last = |dims: &[usize]| dims.last().copied().unwrap_or(1);
    let (n, m) = (last(&x[0].dims), last(&x[1].dims));
    let (sorted, values) = (x[0].ordered(dtype)?, x[1].ordered(dtype)?);
    with_type!(dtype, T: number => sort::search::<T>(sorted.slice(), n, values.slice(), m, right, out.slice()));
    Ok(())
}

/// The axis from the start, and x's dims.
fn along(x: Var, p: &[f64]) -> Result<(usize, Dims)> {
    let dims = x.dims();
    Ok((Along::read(p).axis.of(dims.len())?, dims))
}

crate::rows! { index;
    Take => Row::new(
        "take",
        Form::Movement(Evaluation { result: taken, write: take }),
        Rule::Linear(|x, ct, p| match along(x[0], p) {
            Ok((axis, dims)) => ct.apply2(ops::IndexInto, x[1], &IndexInto { axis: axis.into(), size: dims[axis] as f64 }.list()),
            Err(error) => Var::fail(ct.engine, error),
        }),
    ).inputs(2).params(Along::PARAMS).batch(batching::take),
    IndexInto => Row::new(
        "indexInto",
        Form::Scatter(Evaluation { result: indexed_into, write: index_into }),
        Rule::Linear(|x, ct, p| ct.apply2(ops::Take, x[1], &Along { axis: IndexInto::read(p).axis }.list())),
    ).params(IndexInto::PARAMS).batch(batching::index_into),
    Gather => Row::new(
        "gather",
        Form::Movement(Evaluation { result: gathered, write: gather_elements }),
        Rule::Linear(|x, ct, p| match along(x[0], p) {
            Ok((axis, dims)) => ct.apply2(ops::ScatterInto, x[1], &ScatterInto { axis: axis.into(), dims: &numbers(&dims) }.list()),
            Err(error) => Var::fail(ct.engine, error),
        }),
    ).inputs(2).params(Along::PARAMS).batch(batching::axis),
    ScatterInto => Row::new(
        "scatterInto",
        Form::Scatter(Evaluation { result: scattered_into, write: scatter_into }),
        Rule::Linear(|x, ct, p| ct.apply2(ops::Gather, x[1], &Along { axis: ScatterInto::read(p).axis }.list())),
    ).params(ScatterInto::PARAMS).batch(batching::scatter_into),
    ArgSort => Row::new("argsort", Form::AlongAxis(Evaluation { result: positions, write: argsort }), Rule::Zero).params(Sorting::PARAMS),
    RunningExtreme => Row::new("runningExtreme", Form::AlongAxis(Evaluation { result: positions, write: running_extreme }), Rule::Zero)
        .params(RunningExtreme::PARAMS),
    SearchRows => Row::new("searchRows", Form::General(Evaluation { result: places, write: search_sorted }), Rule::Zero)
        .inputs(2).params(Search::PARAMS).batch(batching::leading),
}
