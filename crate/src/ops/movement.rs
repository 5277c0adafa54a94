//! Ops that move elements: views wherever the layout allows, copies only where it does not.

use super::batching;
use super::support::{slice_axis, stretch};
use crate::error::{Error, Result};
use crate::form::{Evaluation, Form, Outline, Spec, View};
use crate::kernels::strided;
use crate::memory::array::{Array, Layout, Strided};
use crate::memory::out::Out;
use crate::op::{Row, Rule};
use crate::ops;
use crate::params::{Along, Axes, Diagonal, DiagonalMatrix, Shape, Slice, Unslice};
use crate::shape::{axes_from, axis_from, contiguous_strides, dim_from, dims_from, element_count, few, show, Dims, Strides};
use crate::var::{numbers, Var};
use crate::with_type;
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

fn reshape(x: Strided, p: &[f64]) -> Result<Layout> {
    let dims = reshape_dims(x.dims, Shape::read(p).dims)?;
    let strides = contiguous_strides(&dims);
    Ok(Layout { dims, strides, offset: x.offset })
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

fn transpose(x: Strided, p: &[f64]) -> Result<Layout> {
    let axes = permutation(Axes::read(p).axes, x.dims.len())?;
    Ok(Layout { dims: axes.iter().map(|&a| x.dims[a]).collect(), strides: axes.iter().map(|&a| x.strides[a]).collect(), offset: x.offset })
}

/// First element, number of elements and step for each axis.
pub type PartBounds = SmallVec<[(usize, usize, usize); 6]>;

/// What a slice takes; negative positions count from the end, ends are clipped.
pub fn slice_bounds(dims: &[usize], p: &[f64]) -> Result<PartBounds> {
    let Slice { starts, ends, steps } = Slice::read(p);
    let rank = dims.len();
    if p.len() != 3 * rank {
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
            let step = steps[i];
            if step.fract() != 0.0 || step < 1.0 {
                return Err(Error::value(format!("slice step {step} on axis {i}; steps are positive integers (flip() reverses an axis)")));
            }
            let (start, end) = (clip(starts[i], dims[i])?, clip(ends[i], dims[i])?);
            Ok((start, end.saturating_sub(start).div_ceil(step as usize), step as usize))
        })
        .collect()
}

/// The transpose of taking the part of `dims` that the bounds name.
pub fn place_part<'a>(part: Var<'a>, dims: &[usize], bounds: &[(usize, usize, usize)]) -> Var<'a> {
    let (starts, steps): (SmallVec<[f64; 8]>, SmallVec<[f64; 8]>) =
        bounds.iter().map(|&(start, _, step)| (start as f64, step as f64)).unzip();
    part.apply(ops::Unslice, &Unslice { starts: &starts, steps: &steps, dims: &numbers(dims) }.list())
}

/// Adds `part`, contiguous, to the part of `whole` that the bounds name; `whole` is unshared, both are of one float dtype.
pub fn add_to_part(whole: &Array, bounds: &[(usize, usize, usize)], part: &Array) -> Result<()> {
    debug_assert!(whole.is_unique() && whole.dtype == part.dtype && part.is_contiguous());
    let place = whole.seen(sliced(whole.strided(), bounds));
    debug_assert_eq!(place.dims, part.dims);
    // SAFETY: `place` lies inside `whole`, which nobody else sees, and its elements are distinct.
    with_type!(whole.dtype, T: float => unsafe {
        strided::accumulate_view(&place.dims, &place.strides, part.pointer::<T>(), place.pointer::<T>() as *mut T)
    });
    Ok(())
}

pub fn sliced(x: Strided, bounds: &[(usize, usize, usize)]) -> Layout {
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
    Layout { dims, strides, offset: offset as usize }
}

/// Writes the elements of `x` to the places of `out` that `place` picks, and leaves the others as they are.
pub fn scatter(x: &Array, out: &mut Out, place: impl FnOnce(Strided) -> Result<Layout>) -> Result<()> {
    let x = x.contiguous()?;
    let strides = contiguous_strides(out.dims);
    let place = place(Strided { dims: out.dims, strides: &strides, offset: 0 })?;
    debug_assert_eq!(place.dims, x.dims);
    if !x.is_empty() {
        // SAFETY: the place lies inside `out`, as whoever picked it has checked.
        with_type!(x.dtype, T: any => unsafe {
            strided::scatter_view(&place.dims, &place.strides, x.pointer::<T>(), out.slice::<T>().as_mut_ptr().add(place.offset))
        });
    }
    Ok(())
}

/// Zeros, with `x` written to the places that `place` picks.
pub fn placed(x: &Array, out: &mut Out, place: impl FnOnce(Strided) -> Result<Layout>) -> Result<()> {
    with_type!(out.dtype, T: any => out.slice::<T>().fill(T::default()));
    scatter(x, out, place)
}

/// Where `unslice` writes: the transpose of `slice`.
fn unslice_bounds(part: &[usize], p: &[f64]) -> Result<(Dims, PartBounds)> {
    let Unslice { starts, steps, dims } = Unslice::read(p);
    let rank = part.len();
    if p.len() != 3 * rank {
        return Err(Error::shape(format!("unslice of shape {} needs a start, a step and a size for each axis", show(part))));
    }
    let full = dims_from(dims)?;
    let bounds: PartBounds = (0..rank).map(|i| (starts[i] as usize, part[i], steps[i] as usize)).collect();
    for (i, &(start, count, step)) in bounds.iter().enumerate() {
        if count > 0 && start + (count - 1) * step >= full[i] {
            return Err(Error::shape(format!("unslice: {count} elements from {start} by {step} do not fit an axis of size {}", full[i])));
        }
    }
    Ok((full, bounds))
}

fn flip(x: Strided, p: &[f64]) -> Result<Layout> {
    let axes = axes_from(Axes::read(p).axes, x.dims.len())?;
    let mut strides = few(x.strides);
    let mut offset = x.offset as isize;
    let empty = x.dims.contains(&0);
    for axis in axes {
        if !empty {
            offset += (x.dims[axis] as isize - 1) * strides[axis];
        }
        strides[axis] = -strides[axis];
    }
    Ok(Layout { dims: few(x.dims), strides, offset: offset as usize })
}

fn joined(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let Some(first) = x.first() else {
        return Err(Error::value("concat needs at least one tensor"));
    };
    let axis = Along::read(p).axis.of(first.dims.len())?;
    let mut dtype = first.dtype;
    let mut dims = few(first.dims);
    dims[axis] = 0;
    for x in x {
        let fits = x.dims.len() == dims.len() && (0..dims.len()).all(|i| i == axis || x.dims[i] == dims[i]);
        if !fits {
            return Err(Error::shape(format!(
                "shapes {} and {} cannot be joined along axis {axis}; all other axes must be equal",
                show(first.dims),
                show(x.dims)
            )));
        }
        dims[axis] = dims[axis]
            .checked_add(x.dims[axis])
            .filter(|&size| size <= u32::MAX as usize)
            .ok_or_else(|| Error::shape(format!("the joined axis {axis} would have more than {} entries", u32::MAX)))?;
        dtype = dtype.promote(x.dtype);
    }
    Ok((dtype, dims))
}

fn join(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let axis = Along::read(p).axis.of(out.dims.len())?;
    let mut start = 0;
    for x in x {
        let bounds: PartBounds = x.dims.iter().enumerate().map(|(i, &d)| (if i == axis { start } else { 0 }, d, 1)).collect();
        start += x.dims[axis];
        scatter(&*x.to_dtype(out.dtype)?, out, |whole| Ok(sliced(whole, &bounds)))?;
    }
    Ok(())
}

/// The diagonal of the last two axes.
fn diagonal(x: Strided, p: &[f64]) -> Result<Layout> {
    let rank = x.dims.len();
    if rank < 2 {
        return Err(Error::shape(format!("a diagonal needs at least two axes, got shape {}", show(x.dims))));
    }
    let offset = Diagonal::read(p).offset as isize;
    let (rows, columns) = (x.dims[rank - 2] as isize, x.dims[rank - 1] as isize);
    let (row, column) = ((-offset).max(0), offset.max(0));
    let count = (rows - row).min(columns - column).max(0);
    let (row_step, column_step) = (x.strides[rank - 2], x.strides[rank - 1]);
    let mut dims = few(&x.dims[..rank - 2]);
    let mut strides = few(&x.strides[..rank - 2]);
    dims.push(count as usize);
    strides.push(row_step + column_step);
    let start = if count > 0 && !x.dims.contains(&0) { row * row_step + column * column_step } else { 0 };
    Ok(Layout { dims, strides, offset: (x.offset as isize + start) as usize })
}

/// The matrices of which `diagonal` would give dims like these.
fn diagonal_matrix(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let DiagonalMatrix { offset, rows, columns } = DiagonalMatrix::read(p);
    let mut dims = few(&x[0].dims[..x[0].dims.len().saturating_sub(1)]);
    dims.push(dim_from(rows)?);
    dims.push(dim_from(columns)?);
    let strides = contiguous_strides(&dims);
    let place = diagonal(Strided { dims: &dims, strides: &strides, offset: 0 }, &Diagonal { offset }.list())?;
    if *place.dims != *x[0].dims {
        return Err(Error::shape(format!("{} elements do not fit the diagonal of {}", show(x[0].dims), show(&dims))));
    }
    Ok((x[0].dtype, dims))
}

const fn view(layout: fn(Strided, &[f64]) -> Result<Layout>) -> Form {
    Form::View(View { layout, ordered: false })
}

crate::rows! { movement;
    Reshape => Row::new("reshape", Form::View(View { layout: reshape, ordered: true }), Rule::Linear(|x, ct, _| ct.reshape(&x[0].dims())))
        .params(Shape::PARAMS).batch(batching::reshape),
    BroadcastTo => Row::new(
        "broadcastTo",
        view(|x, p| stretch(x, &dims_from(Shape::read(p).dims)?)),
        Rule::Linear(|x, ct, _| ct.sum_to(&x[0].dims())),
    ).params(Shape::PARAMS).batch(batching::broadcast_to),
    // transpose: the inverse permutation
    Transpose => Row::new(
        "transpose",
        view(transpose),
        Rule::Linear(|x, ct, p| {
            let Ok(axes) = permutation(Axes::read(p).axes, x[0].rank()) else { return ct };
            let mut inverse: SmallVec<[usize; 6]> = SmallVec::from_elem(0, axes.len());
            for (to, &from) in axes.iter().enumerate() {
                inverse[from] = to;
            }
            ct.transpose(&inverse)
        }),
    ).params(Axes::PARAMS).batch(batching::transpose),
    Slice => Row::new("slice", view(|x, p| Ok(sliced(x, &slice_bounds(x.dims, p)?))), Rule::Part(slice_bounds))
        .params(Slice::PARAMS).batch(batching::slice),
    Unslice => Row::new(
        "unslice",
        Form::Movement(Evaluation {
            result: |x, p| Ok((x[0].dtype, unslice_bounds(x[0].dims, p)?.0)),
            write: |x, p, out| {
                let bounds = unslice_bounds(&x[0].dims, p)?.1;
                placed(x[0], out, |whole| Ok(sliced(whole, &bounds)))
            },
        }),
        Rule::Linear(|x, ct, p| {
            let (dims, Unslice { starts, steps, .. }) = (x[0].dims(), Unslice::read(p));
            // The last element's position + 1 ends the slice.
            let end = |i: usize| if dims[i] == 0 { starts[i] } else { starts[i] + (dims[i] as f64 - 1.0) * steps[i] + 1.0 };
            let ends: SmallVec<[f64; 8]> = (0..dims.len()).map(end).collect();
            ct.apply(ops::Slice, &Slice { starts, ends: &ends, steps }.list())
        }),
    ).params(Unslice::PARAMS).batch(batching::unslice),
    Flip => Row::new("flip", view(flip), Rule::Linear(|_, ct, p| ct.apply(ops::Flip, p))).params(Axes::PARAMS).batch(batching::axes),
    // transpose: the piece that came from each input
    Concat => Row::new(
        "concat",
        Form::Joined(Evaluation { result: joined, write: join }),
        Rule::Joined(|x, ct, p| {
            let axis = Along::read(p).axis.of(ct.rank())?;
            let mut end = 0;
            let piece = |x: &Var<'_>| {
                let start = end;
                end += x.dims()[axis];
                slice_axis(ct, axis, start, end)
            };
            Ok(x.iter().map(piece).map(Some).collect())
        }),
    ).inputs_between(1, u32::MAX),
    Diagonal => Row::new(
        "diagonal",
        view(diagonal),
        Rule::Linear(|x, ct, p| {
            let (dims, Diagonal { offset }) = (x[0].dims(), Diagonal::read(p));
            let n = dims.len();
            ct.apply(ops::DiagonalMatrix, &DiagonalMatrix { offset, rows: dims[n - 2] as f64, columns: dims[n - 1] as f64 }.list())
        }),
    ).params(Diagonal::PARAMS).batch(batching::trailing),
    DiagonalMatrix => Row::new(
        "diagonalMatrix",
        Form::Movement(Evaluation {
            result: diagonal_matrix,
            write: |x, p, out| placed(x[0], out, |whole| diagonal(whole, &Diagonal { offset: DiagonalMatrix::read(p).offset }.list())),
        }),
        Rule::Linear(|_, ct, p| ct.apply(ops::Diagonal, &Diagonal { offset: DiagonalMatrix::read(p).offset }.list())),
    ).params(DiagonalMatrix::PARAMS).batch(batching::trailing),
}
