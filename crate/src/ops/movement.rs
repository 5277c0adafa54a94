//! Ops that move elements: views wherever the layout allows, copies only where it does not.

use super::batching;
use super::reduce::slice_axis;
use super::support::to_dtype;
use crate::error::{Error, Result};
use crate::kernels::strided;
use crate::memory::array::Array;
use crate::op::{Row, Rule};
use crate::ops;
use crate::shape::{axes_from, axis_from, contiguous_strides, dim_from, dims_from, element_count, show, Dims, Strides};
use crate::var::Var;
use crate::with_element;
use crate::with_float;
use smallvec::SmallVec;

/// The dims a reshape asks for, its one -1 filled in.
pub fn reshape_dims(from: &[usize], params: &[f64]) -> Result<Dims> {
    let count: usize = from.iter().product();
    let mut free = None;
    let mut dims = Dims::new();
    for (i, &p) in params.iter().enumerate() {
        if p == -1.0 {
            if free.replace(i).is_some() {
                return Err(Error::shape("reshape takes at most one -1"));
            }
            dims.push(1);
        } else {
            dims.push(dim_from(p)?);
        }
    }
    let mismatch = || {
        let wanted: Vec<String> = params.iter().map(|p| p.to_string()).collect();
        Error::shape(format!(
            "shape {} ({count} elements) cannot be reshaped to [{}]; the number of elements must stay the same",
            show(from),
            wanted.join(", ")
        ))
    };
    let known = element_count(&dims)?;
    if let Some(i) = free {
        if known == 0 || !count.is_multiple_of(known) {
            return Err(mismatch());
        }
        dims[i] = count / known;
    } else if known != count {
        return Err(mismatch());
    }
    Ok(dims)
}

fn reshape(x: &Array, params: &[f64]) -> Result<Array> {
    let dims = reshape_dims(&x.dims, params)?;
    let x = x.contiguous()?;
    let strides = contiguous_strides(&dims);
    Ok(x.view(dims, strides, x.offset))
}

/// A view stretched along axes of size 1.
pub fn broadcast_view(x: &Array, dims: &[usize]) -> Result<Array> {
    let refuse = || {
        Error::shape(format!(
            "shape {} cannot be broadcast to {}; each axis must be equal or 1, aligned at the end",
            show(&x.dims),
            show(dims)
        ))
    };
    if dims.len() < x.dims.len() {
        return Err(refuse());
    }
    element_count(dims)?;
    let lead = dims.len() - x.dims.len();
    let mut strides: Strides = SmallVec::from_elem(0, dims.len());
    for i in 0..x.dims.len() {
        if x.dims[i] == dims[lead + i] {
            strides[lead + i] = x.strides[i];
        } else if x.dims[i] != 1 {
            return Err(refuse());
        }
    }
    Ok(x.view(Dims::from_slice(dims), strides, x.offset))
}

/// A permutation of all axes; none given reverses them.
pub fn permutation(params: &[f64], rank: usize) -> Result<SmallVec<[usize; 6]>> {
    if params.is_empty() {
        return Ok((0..rank).rev().collect());
    }
    let mut seen: SmallVec<[bool; 8]> = SmallVec::from_elem(false, rank);
    let mut axes = SmallVec::new();
    for &p in params {
        let axis = axis_from(p, rank)?;
        if std::mem::replace(&mut seen[axis], true) {
            return Err(Error::value(format!("axis {p} is named twice; a permutation names every axis once")));
        }
        axes.push(axis);
    }
    if axes.len() != rank {
        return Err(Error::value(format!("{} axes given for a tensor with {rank}; a permutation names every axis once", axes.len())));
    }
    Ok(axes)
}

fn transpose(x: &Array, params: &[f64]) -> Result<Array> {
    let axes = permutation(params, x.dims.len())?;
    Ok(x.view(axes.iter().map(|&a| x.dims[a]).collect(), axes.iter().map(|&a| x.strides[a]).collect(), x.offset))
}

/// Start and count per axis of a slice: [rank, starts, ends, steps]; negative positions count from the end, ends are clipped.
pub fn slice_bounds(dims: &[usize], params: &[f64]) -> Result<SmallVec<[(usize, usize, usize); 6]>> {
    let rank = dims.len();
    if params.first() != Some(&(rank as f64)) || params.len() != 1 + 3 * rank {
        return Err(Error::shape(format!("slice of shape {} needs one start, end and step for each of its {rank} axes", show(dims))));
    }
    let clip = |value: f64, size: usize| -> Result<usize> {
        if value.is_nan() || (value.is_finite() && value.fract() != 0.0) {
            return Err(Error::index(format!("slice position {value} is not an integer")));
        }
        let value = if value < 0.0 { value + size as f64 } else { value };
        Ok(value.clamp(0.0, size as f64) as usize)
    };
    (0..rank)
        .map(|i| {
            let step = params[1 + 2 * rank + i];
            if step.fract() != 0.0 || step < 1.0 {
                return Err(Error::value(format!("slice step {step} on axis {i}; steps are positive integers (flip() reverses an axis)")));
            }
            let (start, end) = (clip(params[1 + i], dims[i])?, clip(params[1 + rank + i], dims[i])?);
            Ok((start, end.saturating_sub(start).div_ceil(step as usize), step as usize))
        })
        .collect()
}

/// The transpose of taking the part of `dims` that the bounds name.
pub fn place_part<'a>(part: Var<'a>, dims: &[usize], bounds: &[(usize, usize, usize)]) -> Var<'a> {
    let mut params: SmallVec<[f64; 16]> = SmallVec::from_slice(&[dims.len() as f64]);
    params.extend(bounds.iter().map(|b| b.0 as f64));
    params.extend(bounds.iter().map(|b| b.2 as f64));
    params.extend(dims.iter().map(|&d| d as f64));
    part.apply(ops::Unslice, &params)
}

/// Adds `part`, contiguous, to the part of `whole` that the bounds name; `whole` is unshared, both are of one float dtype.
pub fn add_to_part(whole: &Array, bounds: &[(usize, usize, usize)], part: &Array) {
    debug_assert!(whole.is_unique() && whole.dtype == part.dtype && part.is_contiguous());
    let place = sliced(whole, bounds);
    debug_assert_eq!(place.dims, part.dims);
    // SAFETY: `place` lies inside `whole`, which nobody else sees, and its elements are distinct.
    with_float!(whole.dtype, T => unsafe {
        strided::accumulate_view(&place.dims, &place.strides, part.pointer::<T>(), place.pointer::<T>() as *mut T)
    });
}

fn slice(x: &Array, params: &[f64]) -> Result<Array> {
    let bounds = slice_bounds(&x.dims, params)?;
    Ok(sliced(x, &bounds))
}

fn sliced(x: &Array, bounds: &[(usize, usize, usize)]) -> Array {
    let mut offset = x.offset as isize;
    let (mut dims, mut strides) = (Dims::new(), Strides::new());
    let empty = bounds.iter().any(|&(_, count, _)| count == 0);
    for (i, &(start, count, step)) in bounds.iter().enumerate() {
        if !empty {
            offset += start as isize * x.strides[i];
        }
        dims.push(count);
        strides.push(x.strides[i] * step as isize);
    }
    x.view(dims, strides, offset as usize)
}

/// The transpose of `slice`: zeros of the full dims with x written into them. [rank, starts, steps, dims]
fn unslice(x: &Array, params: &[f64]) -> Result<Array> {
    let rank = x.dims.len();
    if params.len() != 1 + 3 * rank {
        return Err(Error::shape(format!("unslice of shape {} needs a start, a step and a size for each axis", show(&x.dims))));
    }
    let full = dims_from(&params[1 + 2 * rank..])?;
    let bounds: SmallVec<[(usize, usize, usize); 6]> =
        (0..rank).map(|i| (params[1 + i] as usize, x.dims[i], params[1 + rank + i] as usize)).collect();
    for (i, &(start, count, step)) in bounds.iter().enumerate() {
        if count > 0 && start + (count - 1) * step >= full[i] {
            return Err(Error::shape(format!("unslice: {count} elements from {start} by {step} do not fit an axis of size {}", full[i])));
        }
    }
    let x = x.contiguous()?;
    let out = Array::filled(x.dtype, &full, 0.0)?;
    let place = sliced(&out, &bounds);
    if !x.is_empty() {
        // SAFETY: `place` lies inside `out`, which is fresh; the bounds were checked above.
        with_element!(x.dtype, T => unsafe {
            strided::scatter_view(&place.dims, &place.strides, x.pointer::<T>(), place.pointer::<T>() as *mut T)
        });
    }
    Ok(out)
}

fn flip(x: &Array, params: &[f64]) -> Result<Array> {
    let axes = axes_from(params, x.dims.len())?;
    let mut strides = x.strides.clone();
    let mut offset = x.offset as isize;
    for axis in axes {
        if !x.is_empty() {
            offset += (x.dims[axis] as isize - 1) * strides[axis];
        }
        strides[axis] = -strides[axis];
    }
    Ok(x.view(x.dims.clone(), strides, offset as usize))
}

fn concat(inputs: &[&Array], params: &[f64]) -> Result<Array> {
    let Some(first) = inputs.first() else {
        return Err(Error::value("concat needs at least one tensor"));
    };
    let axis = axis_from(params[0], first.dims.len())?;
    let mut dtype = first.dtype;
    let mut dims = first.dims.clone();
    dims[axis] = 0;
    for x in inputs {
        let fits = x.dims.len() == dims.len() && (0..dims.len()).all(|i| i == axis || x.dims[i] == dims[i]);
        if !fits {
            return Err(Error::shape(format!(
                "shapes {} and {} cannot be joined along axis {axis}; all other axes must be equal",
                show(&first.dims),
                show(&x.dims)
            )));
        }
        dims[axis] += x.dims[axis];
        dtype = dtype.promote(x.dtype);
    }
    let out = Array::new(dtype, &dims)?;
    let mut start = 0;
    for x in inputs {
        let x = to_dtype(x, dtype)?.contiguous()?;
        let bounds: SmallVec<[(usize, usize, usize); 6]> =
            x.dims.iter().enumerate().map(|(i, &d)| (if i == axis { start } else { 0 }, d, 1)).collect();
        start += x.dims[axis];
        if x.is_empty() {
            continue;
        }
        let place = sliced(&out, &bounds);
        // SAFETY: the pieces lie side by side inside the fresh `out`.
        with_element!(dtype, T => unsafe {
            strided::scatter_view(&place.dims, &place.strides, x.pointer::<T>(), place.pointer::<T>() as *mut T)
        });
    }
    Ok(out)
}

/// The diagonal of the last two axes as a view: [offset].
fn diagonal(x: &Array, params: &[f64]) -> Result<Array> {
    let rank = x.dims.len();
    if rank < 2 {
        return Err(Error::shape(format!("a diagonal needs at least two axes, got shape {}", show(&x.dims))));
    }
    let offset = params[0] as isize;
    let (rows, columns) = (x.dims[rank - 2] as isize, x.dims[rank - 1] as isize);
    let (row, column) = ((-offset).max(0), offset.max(0));
    let count = (rows - row).min(columns - column).max(0);
    let (row_step, column_step) = (x.strides[rank - 2], x.strides[rank - 1]);
    let mut dims = Dims::from_slice(&x.dims[..rank - 2]);
    let mut strides = Strides::from_slice(&x.strides[..rank - 2]);
    dims.push(count as usize);
    strides.push(row_step + column_step);
    let start = if count > 0 && !x.is_empty() { row * row_step + column * column_step } else { 0 };
    Ok(x.view(dims, strides, (x.offset as isize + start) as usize))
}

/// The transpose of `diagonal`: [offset, rows, columns].
fn diagonal_matrix(x: &Array, params: &[f64]) -> Result<Array> {
    let mut dims = Dims::from_slice(&x.dims[..x.dims.len().saturating_sub(1)]);
    dims.push(dim_from(params[1])?);
    dims.push(dim_from(params[2])?);
    let x = x.contiguous()?;
    let out = Array::filled(x.dtype, &dims, 0.0)?;
    let place = diagonal(&out, params)?;
    if place.dims != x.dims {
        return Err(Error::shape(format!("{} elements do not fit the diagonal of {}", show(&x.dims), show(&dims))));
    }
    if !x.is_empty() {
        // SAFETY: the diagonal lies inside the fresh `out`.
        with_element!(x.dtype, T => unsafe {
            strided::scatter_view(&place.dims, &place.strides, x.pointer::<T>(), place.pointer::<T>() as *mut T)
        });
    }
    Ok(out)
}

crate::rows! { start: super::softmax::END;
    Reshape => Row::primitive("reshape", |x, p| reshape(x[0], p), Rule::Linear(|_, x, ct, _| ct.reshape(&x[0].dims())), batching::reshape),
    BroadcastTo => Row::primitive(
        "broadcastTo",
        |x, p| broadcast_view(x[0], &dims_from(p)?),
        Rule::Linear(|_, x, ct, _| ct.sum_to(&x[0].dims())),
        batching::broadcast_to,
    ),
    // transpose: the inverse permutation
    Transpose => Row::primitive(
        "transpose",
        |x, p| transpose(x[0], p),
        Rule::Linear(|_, x, ct, p| {
            let Ok(axes) = permutation(p, x[0].rank()) else { return ct };
            let mut inverse: SmallVec<[usize; 6]> = SmallVec::from_elem(0, axes.len());
            for (to, &from) in axes.iter().enumerate() {
                inverse[from] = to;
            }
            ct.transpose(&inverse)
        }),
        batching::transpose,
    ),
    Slice => Row::primitive(
        "slice",
        |x, p| slice(x[0], p),
        Rule::Part(slice_bounds),
        batching::slice,
    ),
    Unslice => Row::primitive(
        "unslice",
        |x, p| unslice(x[0], p),
        Rule::Linear(|_, x, ct, p| {
            let dims = x[0].dims();
            let rank = dims.len();
            let mut params: SmallVec<[f64; 16]> = SmallVec::from_slice(&p[..1 + rank]);
            // The last element's position + 1 ends the slice.
            params.extend((0..rank).map(|i| if dims[i] == 0 { p[1 + i] } else { p[1 + i] + (dims[i] as f64 - 1.0) * p[1 + rank + i] + 1.0 }));
            params.extend_from_slice(&p[1 + rank..1 + 2 * rank]);
            ct.apply(ops::Slice, &params)
        }),
        batching::unslice,
    ),
    Flip => Row::primitive("flip", |x, p| flip(x[0], p), Rule::Linear(|_, _, ct, p| ct.apply(ops::Flip, p)), batching::axes),
    // transpose: the piece that came from each input
    Concat => Row::primitive(
        "concat",
        concat,
        Rule::Joined(|x, ct, p| {
            let axis = axis_from(p[0], ct.rank())?;
            let mut end = 0;
            let piece = |x: &Var<'_>| {
                let start = end;
                end += x.dims()[axis];
                slice_axis(ct, axis, start, end)
            };
            Ok(x.iter().map(piece).collect())
        }),
        batching::axis,
    ),
    Diagonal => Row::primitive(
        "diagonal",
        |x, p| diagonal(x[0], p),
        Rule::Linear(|_, x, ct, p| {
            let dims = x[0].dims();
            let n = dims.len();
            ct.apply(ops::DiagonalMatrix, &[p[0], dims[n - 2] as f64, dims[n - 1] as f64])
        }),
        batching::trailing,
    ),
    DiagonalMatrix => Row::primitive(
        "diagonalMatrix",
        |x, p| diagonal_matrix(x[0], p),
        Rule::Linear(|_, _, ct, p| ct.apply(ops::Diagonal, &p[..1])),
        batching::trailing,
    ),
}
