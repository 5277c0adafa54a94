//! Indexing by tensors, sorting.

use super::batching;
use super::support::{around, indices, to_dtype};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernels::{gather, scan, sort};
use crate::memory::array::Array;
use crate::op::{Row, Rule};
use crate::ops;
use crate::shape::{dims_from, show, Dims};
use crate::with_element;

/// take(x, indices; axis): dims before the axis, dims of the indices, dims behind.
fn take(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let x = inputs[0].contiguous()?;
    let a = around(&x.dims, params[0])?;
    let index = indices(inputs[1], a.r)?;
    let mut dims = Dims::from_slice(&x.dims[..a.axis]);
    dims.extend_from_slice(&index.dims);
    dims.extend_from_slice(&x.dims[a.axis + 1..]);
    let mut out = Array::new(x.dtype, &dims)?;
    with_element!(x.dtype, T => gather::take::<T>(x.slice(), a.outer, a.r, a.inner, index.slice(), out.slice_mut()));
    Ok(out)
}

/// Its transpose, indexInto(src, indices; axis, size): adds slices of src into zeros.
fn index_into(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let src = inputs[0].contiguous()?;
    let (axis, size) = (params[0] as usize, params[1] as usize);
    let index = indices(inputs[1], size)?;
    let behind = axis + index.dims.len();
    if src.dims.len() < behind || src.dims[axis..behind] != index.dims[..] {
        return Err(Error::shape(format!(
            "source {} does not fit indices {} at axis {axis}; it has the indices' dims there",
            show(&src.dims),
            show(&index.dims)
        )));
    }
    let mut dims = Dims::from_slice(&src.dims[..axis]);
    dims.push(size);
    dims.extend_from_slice(&src.dims[behind..]);
    let outer = src.dims[..axis].iter().product();
    let inner = src.dims[behind..].iter().product();
    let mut out = Array::filled(src.dtype, &dims, 0.0)?;
    match src.dtype {
        DType::Float64 => gather::index_add::<f64>(index.slice(), src.slice(), outer, size, inner, out.slice_mut()),
        DType::Float32 => gather::index_add::<f32>(index.slice(), src.slice(), outer, size, inner, out.slice_mut()),
        DType::Int32 => gather::index_add::<i32>(index.slice(), src.slice(), outer, size, inner, out.slice_mut()),
        DType::Bool => return Err(Error::dtype("bool values cannot be added; cast them to int32")),
    }
    Ok(out)
}

/// gather(x, indices; axis), as torch.gather: the indices have x's rank, and their own dims off the axis are at most x's.
fn gathered(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let (x, index) = (&inputs[0], &inputs[1]);
    let a = around(&x.dims, params[0])?;
    let x = trimmed(x, &index.dims, a.axis)?.contiguous()?;
    let a = around(&x.dims, a.axis as f64)?;
    let n = index.dims[a.axis];
    let index = indices(index, a.r)?;
    let mut out = Array::new(x.dtype, &index.dims)?;
    with_element!(x.dtype, T => gather::gather::<T>(x.slice(), a.outer, a.r, a.inner, n, index.slice(), out.slice_mut()));
    Ok(out)
}

/// x cut down to the indices' dims off the axis.
fn trimmed(x: &Array, index: &[usize], axis: usize) -> Result<Array> {
    if index.len() != x.dims.len() || (0..index.len()).any(|i| i != axis && index[i] > x.dims[i]) {
        return Err(Error::shape(format!(
            "indices {} do not fit shape {} at axis {axis}; they have the same rank and are no larger off that axis (take() has no such rule)",
            show(index),
            show(&x.dims)
        )));
    }
    let mut dims = Dims::from_slice(index);
    dims[axis] = x.dims[axis];
    Ok(x.view(dims, x.strides.clone(), x.offset))
}

/// Its transpose, scatterInto(src, indices; axis, ...dims): adds elements of src into zeros of the given dims.
fn scatter_into(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let (src, index) = (&inputs[0], &inputs[1]);
    let axis = params[0] as usize;
    let dims = dims_from(&params[1..])?;
    if src.dims != index.dims || dims.len() != src.dims.len() {
        return Err(Error::shape(format!(
            "source {} and indices {} must have one shape and the rank of the target {}",
            show(&src.dims),
            show(&index.dims),
            show(&dims)
        )));
    }
    let out = Array::filled(src.dtype, &dims, 0.0)?;
    // Only the corner the indices reach is written.
    let corner = trimmed(&out, &index.dims, axis)?;
    let index = indices(index, dims[axis])?;
    let src = src.contiguous()?;
    let a = around(&src.dims, axis as f64)?;
    let mut reached = Array::filled(src.dtype, &corner.dims, 0.0)?;
    let size = dims[axis];
    match src.dtype {
        DType::Float64 => gather::scatter_add::<f64>(index.slice(), src.slice(), a.outer, a.r, size, a.inner, reached.slice_mut()),
        DType::Float32 => gather::scatter_add::<f32>(index.slice(), src.slice(), a.outer, a.r, size, a.inner, reached.slice_mut()),
        DType::Int32 => gather::scatter_add::<i32>(index.slice(), src.slice(), a.outer, a.r, size, a.inner, reached.slice_mut()),
        DType::Bool => return Err(Error::dtype("bool values cannot be added; cast them to int32")),
    }
    if corner.dims == out.dims {
        return Ok(reached);
    }
    if !reached.is_empty() {
        // SAFETY: the corner lies inside the fresh `out`.
        with_element!(src.dtype, T => unsafe {
            crate::kernels::strided::scatter_view(&corner.dims, &corner.strides, reached.pointer::<T>(), corner.pointer::<T>() as *mut T)
        });
    }
    Ok(out)
}

fn argsort(x: &Array, params: &[f64]) -> Result<Array> {
    let x = to_dtype(x, if x.dtype == DType::Bool { DType::Int32 } else { x.dtype })?.contiguous()?;
    let a = around(&x.dims, params[0])?;
    let mut out = Array::new(DType::Int32, &x.dims)?;
    let descending = params[1] != 0.0;
    let memory = || Error::new(crate::error::ErrorCode::OutOfMemory, "no memory for sorting");
    match x.dtype {
        DType::Float64 => sort::argsort::<f64>(x.slice(), a.outer, a.r, a.inner, descending, out.slice_mut()),
        DType::Float32 => sort::argsort::<f32>(x.slice(), a.outer, a.r, a.inner, descending, out.slice_mut()),
        _ => sort::argsort::<i32>(x.slice(), a.outer, a.r, a.inner, descending, out.slice_mut()),
    }
    .map_err(|_| memory())?;
    Ok(out)
}

/// Positions of the extremes so far along an axis: [axis, reverse, least]
fn running_extreme(x: &Array, params: &[f64]) -> Result<Array> {
    let x = x.contiguous()?;
    let a = around(&x.dims, params[0])?;
    let (reverse, least) = (params[1] != 0.0, params[2] != 0.0);
    let mut out = Array::new(DType::Int32, &x.dims)?;
    with_element!(x.dtype, T => scan::running_extreme::<T>(x.slice(), a.outer, a.r, a.inner, reverse, least, out.slice_mut()));
    Ok(out)
}

/// Places of values [..., m] in sorted rows [..., n] of the same leading dims: [right]
fn search_sorted(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let dtype = match inputs[0].dtype.promote(inputs[1].dtype) {
        DType::Bool => DType::Int32,
        dtype => dtype,
    };
    let (sorted, values) = (to_dtype(inputs[0], dtype)?.contiguous()?, to_dtype(inputs[1], dtype)?.contiguous()?);
    let lead = |dims: &Dims| Dims::from_slice(&dims[..dims.len().saturating_sub(1)]);
    let (Some(&n), Some(&m)) = (sorted.dims.last(), values.dims.last()) else {
        return Err(Error::shape("sorted numbers have at least one axis"));
    };
    if lead(&sorted.dims) != lead(&values.dims) {
        return Err(Error::shape(format!(
            "sorted rows {} and values {} must have the same leading axes",
            show(&sorted.dims),
            show(&values.dims)
        )));
    }
    let mut out = Array::new(DType::Int32, &values.dims)?;
    let right = params[0] != 0.0;
    match dtype {
        DType::Float64 => sort::search::<f64>(sorted.slice(), n, values.slice(), m, right, out.slice_mut()),
        DType::Float32 => sort::search::<f32>(sorted.slice(), n, values.slice(), m, right, out.slice_mut()),
        _ => sort::search::<i32>(sorted.slice(), n, values.slice(), m, right, out.slice_mut()),
    }
    Ok(out)
}

crate::rows! { start: super::movement::END;
    Take => Row::primitive(
        "take",
        take,
        Rule::Linear(|_, x, ct, p| {
            let dims = x[0].dims();
            let axis = if p[0] < 0.0 { p[0] + dims.len() as f64 } else { p[0] };
            ct.apply2(ops::IndexInto, x[1], &[axis, dims[axis as usize] as f64])
        }),
        batching::take,
    ),
    IndexInto => Row::primitive("indexInto", index_into, Rule::Linear(|_, x, ct, p| ct.apply2(ops::Take, x[1], &p[..1])), batching::index_into),
    Gather => Row::primitive(
        "gather",
        gathered,
        Rule::Linear(|_, x, ct, p| {
            let dims = x[0].dims();
            let axis = if p[0] < 0.0 { p[0] + dims.len() as f64 } else { p[0] };
            let mut params = vec![axis];
            params.extend(dims.iter().map(|&d| d as f64));
            ct.apply2(ops::ScatterInto, x[1], &params)
        }),
        batching::gather,
    ),
    ScatterInto => Row::primitive("scatterInto", scatter_into, Rule::Linear(|_, x, ct, p| ct.apply2(ops::Gather, x[1], &p[..1])), batching::scatter_into),
    ArgSort => Row::primitive("argsort", |x, p| argsort(x[0], p), Rule::Zero, batching::axis),
    RunningExtreme => Row::primitive("runningExtreme", |x, p| running_extreme(x[0], p), Rule::Zero, batching::axis),
    SearchRows => Row::primitive("searchRows", search_sorted, Rule::Zero, batching::leading),
}
