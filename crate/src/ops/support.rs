//! What the rows' kernels share: the broadcasting walk of elementwise ops, the (outer, r, inner) form of axis ops.

use super::pointwise::computed_in;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::form::Spec;
use crate::kernels::binary::Operand;
use crate::memory::array::{Array, Layout, Strided};
use crate::memory::out::Out;
use crate::ops;
use crate::params::{Axis, Reduce, Slice};
use crate::shape::{axes_from, broadcast, element_count, few, same_dims, show, Dims, Strides};
use crate::var::{numbers, Var};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Runs shorter than this are not worth a call each: the operand is copied out in full instead.
const SHORT_RUN: usize = 16;

/// An operand of the walk: its first element, and how far to go for each axis of the output.
struct Walk<'a, T> {
    array: &'a Array,
    strides: Strides,
    pointer: *const T,
}

impl<'a, T: Element> Walk<'a, T> {
    fn new(array: &'a Array, dims: &[usize]) -> Walk<'a, T> {
        let lead = dims.len() - array.dims.len();
        let mut strides: Strides = SmallVec::from_elem(0, dims.len());
        for i in 0..array.dims.len() {
            if array.dims[i] != 1 {
                strides[lead + i] = array.strides[i];
            }
        }
        Walk { array, strides, pointer: array.pointer() }
    }

    /// Whether the last `inner` axes, `run` elements together, are one slice (Some(true)), one number (Some(false)), or
    /// neither.
    fn run(&self, dims: &[usize], inner: usize) -> Option<bool> {
        let mut step = 1isize;
        let (mut slice, mut splat) = (true, true);
        for i in (dims.len() - inner..dims.len()).rev() {
            if dims[i] == 1 {
                continue;
            }
            slice &= self.strides[i] == step;
            splat &= self.strides[i] == 0;
            step *= dims[i] as isize;
        }
        if splat {
            Some(false)
        } else if slice {
            Some(true)
        } else {
            None
        }
    }
}

/// Applies a flat kernel to N operands of element type `T`, broadcast to the dims of `out`.
pub fn elementwise<T: Element, O: Element, const N: usize>(
    inputs: [&Array; N],
    out: &mut Out,
    kernel: impl Fn([Operand<T>; N], &mut [O]),
) -> Result<()> {
    let (dims, count) = (out.dims, out.len());
    if count == 0 {
        return Ok(());
    }
    // The common case: slices of the result's own shape, and numbers.
    if inputs.iter().all(|a| (same_dims(&a.dims, dims) && a.is_contiguous()) || a.len() == 1) {
        kernel(inputs.map(|a| a.operand()), out.slice());
        return Ok(());
    }
    let walks = inputs.map(|a| Walk::<T>::new(a, dims));
    // The longest run of trailing axes over which every operand is a slice or a number.
    let mut inner = 0;
    let mut run = 1;
    while inner < dims.len() && walks.iter().all(|w| w.run(dims, inner + 1).is_some()) {
        inner += 1;
        run *= dims[dims.len() - inner];
    }
    if run < SHORT_RUN && run < count {
        // Views in awkward orders: make them contiguous, once.
        let mut copies: SmallVec<[Array; 3]> = SmallVec::new();
        for walk in &walks {
            let stretched = walk.array.view(few(dims), walk.strides.clone(), walk.array.offset);
            copies.push(if walk.run(dims, dims.len()).is_some() { stretched } else { stretched.into_ordered()? });
        }
        let mut i = 0;
        let refs = inputs.map(|_| {
            i += 1;
            &copies[i - 1]
        });
        return elementwise(refs, out, kernel);
    }
    let outer = &dims[..dims.len() - inner];
    let is_slice = [(); N].map(|_| false);
    let mut is_slice = is_slice;
    for (k, walk) in walks.iter().enumerate() {
        is_slice[k] = walk.run(dims, inner) == Some(true);
    }
    let mut pointers = [std::ptr::null::<T>(); N];
    for (k, walk) in walks.iter().enumerate() {
        pointers[k] = walk.pointer;
    }
    let mut index: SmallVec<[usize; 6]> = SmallVec::from_elem(0, outer.len());
    let out_slice = out.slice::<O>();
    let mut position = 0;
    loop {
        let mut k = 0;
        let operands = pointers.map(|p| {
            k += 1;
            // SAFETY: the walk stays inside each operand's view; a slice run has `run` elements in order.
            unsafe {
                if is_slice[k - 1] {
                    Operand::Slice(std::slice::from_raw_parts(p, run))
                } else {
                    Operand::Splat(*p)
                }
            }
        });
        kernel(operands, &mut out_slice[position..position + run]);
        position += run;
        if position >= count {
            return Ok(());
        }
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            let wrapped = index[axis] == outer[axis];
            for (k, walk) in walks.iter().enumerate() {
                let steps = if wrapped { -(walk.strides[axis] * (outer[axis] as isize - 1)) } else { walk.strides[axis] };
                // SAFETY: stays inside the view.
                pointers[k] = unsafe { pointers[k].offset(steps) };
            }
            if !wrapped {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// Truth values count as numbers, 0 and 1.
pub fn counting(dtype: DType) -> DType {
    computed_in(dtype, true)
}

/// The dims that all inputs broadcast to.
pub fn broadcast_all(inputs: &[Spec]) -> Result<Dims> {
    let mut dims = few(inputs[0].dims);
    for input in &inputs[1..] {
        if !same_dims(&dims, input.dims) {
            dims = broadcast(&dims, input.dims)?;
        }
    }
    Ok(dims)
}

/// The array broadcast to `dims`, contiguous.
pub fn stretched<'a>(x: &'a Array, dims: &[usize]) -> Result<Cow<'a, Array>> {
    if *x.dims == *dims {
        return x.contiguous();
    }
    broadcast_view(x, dims)?.into_ordered().map(Cow::Owned)
}

/// As `stretched`, in another dtype.
pub fn stretched_as<'a>(x: &'a Array, dtype: DType, dims: &[usize]) -> Result<Cow<'a, Array>> {
    if x.dtype == dtype {
        return stretched(x, dims);
    }
    Ok(Cow::Owned(stretched(&*x.to_dtype(dtype)?, dims)?.into_owned()))
}

/// An array seen as [outer, r, inner] around one axis.
pub struct Around {
    pub axis: usize,
    pub outer: usize,
    pub r: usize,
    pub inner: usize,
}

pub fn around(dims: &[usize], axis: Axis) -> Result<Around> {
    let axis = axis.of(dims.len())?;
    Ok(Around { axis, outer: dims[..axis].iter().product(), r: dims[axis], inner: dims[axis + 1..].iter().product() })
}

/// What a reduction does to dims.
pub struct Reduction {
    pub axes: SmallVec<[usize; 6]>,
    /// Dims of the result.
    pub out: Dims,
}

pub fn reduction(dims: &[usize], params: &Reduce) -> Result<Reduction> {
    let Reduce { keepdims, all, axis } = *params;
    let axes = if all { (0..dims.len()).collect() } else { axes_from(axis, dims.len())? };
    let mut out = Dims::new();
    for (i, &d) in dims.iter().enumerate() {
        if !axes.contains(&i) {
            out.push(d);
        } else if keepdims {
            out.push(1);
        }
    }
    Ok(Reduction { axes, out })
}

/// The array brought to the form [outer, r, inner] in which the reduced axes are together and contiguous.
pub fn grouped<'a>(x: &'a Array, axes: &[usize]) -> Result<(Cow<'a, Array>, usize, usize, usize)> {
    let size = |axes: &[usize]| axes.iter().map(|&a| x.dims[a]).product::<usize>();
    let r = size(axes);
    if axes.is_empty() {
        let x = x.contiguous()?;
        let n = x.len();
        return Ok((x, n, 1, 1));
    }
    let (first, last) = (axes[0], axes[axes.len() - 1]);
    if last - first + 1 == axes.len() {
        let x = x.contiguous()?;
        let outer = x.dims[..first].iter().product();
        let inner = x.dims[last + 1..].iter().product();
        return Ok((x, outer, r, inner));
    }
    let kept: SmallVec<[usize; 6]> = (0..x.dims.len()).filter(|i| !axes.contains(i)).collect();
    let outer = size(&kept);
    let order: SmallVec<[usize; 6]> = kept.iter().chain(axes).copied().collect();
    let moved = x.view(order.iter().map(|&i| x.dims[i]).collect(), order.iter().map(|&i| x.strides[i]).collect(), x.offset);
    Ok((Cow::Owned(moved.into_ordered()?), outer, r, 1))
}

/// The indices as validated int32, negative ones counted from the end.
pub fn indices(index: &Array, size: usize) -> Result<Array> {
    if index.dtype != DType::Int32 {
        return Err(Error::dtype(format!("indices must be int32, got {}; cast them with cast(x, \"int32\")", index.dtype)));
    }
    let index = index.contiguous()?;
    let mut out = Array::like(&index)?;
    crate::kernels::gather::normalise_indices(index.slice(), size, out.slice_mut()).map_err(|(position, value)| {
        Error::index(format!(
            "index {value} (position {position}) is out of range for an axis of size {size}; expected {} to {}",
            -(size as i64),
            size as i64 - 1
        ))
    })?;
    Ok(out)
}

/// The layout stretched along axes of size 1.
pub fn stretch(x: Strided, dims: &[usize]) -> Result<Layout> {
    let refuse = || {
        Error::shape(format!(
            "shape {} cannot be broadcast to {}; each axis must be equal or 1, aligned at the end",
            show(x.dims),
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
    Ok(Layout { dims: few(dims), strides, offset: x.offset })
}

/// A view stretched along axes of size 1.
pub fn broadcast_view(x: &Array, dims: &[usize]) -> Result<Array> {
    Ok(x.seen(stretch(x.strided(), dims)?))
}

/// x[from..to] along one axis.
pub fn slice_axis<'a>(x: Var<'a>, axis: usize, from: usize, to: usize) -> Var<'a> {
    let dims = x.dims();
    let mut lists: [SmallVec<[f64; 8]>; 3] = [SmallVec::from_elem(0.0, dims.len()), numbers(&dims), SmallVec::from_elem(1.0, dims.len())];
    let [starts, ends, steps] = &mut lists;
    if axis < dims.len() {
        (starts[axis], ends[axis]) = (from as f64, to as f64);
    }
    x.apply(ops::Slice, &Slice { starts, ends, steps }.list())
}

/// The sum of the terms that are there.
pub fn added<'a>(a: Option<Var<'a>>, b: Option<Var<'a>>, like: Var<'a>) -> Var<'a> {
    match (a, b) {
        (Some(a), Some(b)) => a + b,
        (Some(term), None) | (None, Some(term)) => term,
        (None, None) => like.zeros_like(),
    }
}
