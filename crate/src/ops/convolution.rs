//! Convolutions. One primitive with padding, strides, spaces between the elements of image and kernel, and groups is closed under
//! differentiation: each of its transposes is a convolution with other parameters (as in XLA, whose operation this is).

use super::batching;
use crate::dtype::{no_kernel, DType, Element};
use crate::error::{Error, ErrorCode, Result};
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::convolution::{convolve, mend, Geometry, Strides, Workspace, AXES};
use crate::kernels::gemm::{Vector, F32, F64};
use crate::kernels::number::Number;
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{Batched, Op, Row, Rule, Terms, Wanted};
use crate::ops;
use crate::ops::movement::{scatter, sliced, PartBounds};
use crate::params::{Axes, Convolution, Numbers};
use crate::shape::{show, Dims};
use crate::var::Var;
use smallvec::{smallvec, SmallVec};
use std::borrow::Cow;
use std::cell::RefCell;

type Sizes = SmallVec<[isize; AXES]>;

/// The parameters as whole numbers, an entry for each axis.
struct Window {
    groups: usize,
    zero_wins: bool,
    strides: Sizes,
    low: Sizes,
    high: Sizes,
    /// Steps from one element of the image to the next, with zeros between them, and of the kernel.
    spread: Sizes,
    dilation: Sizes,
}

impl Window {
    fn read(p: &[f64]) -> Window {
        let Convolution { groups, zero_wins, strides, low, high, spread, dilation } = Convolution::read(p);
        let sizes = |list: &[f64]| list.iter().map(|&v| v as isize).collect();
        Window {
            groups: groups as usize,
            zero_wins,
            strides: sizes(strides),
            low: sizes(low),
            high: sizes(high),
            spread: sizes(spread),
            dilation: sizes(dilation),
        }
    }

    fn list(&self) -> Numbers {
        let numbers = |list: &Sizes| -> Numbers { list.iter().map(|&v| v as f64).collect() };
        Convolution {
            groups: self.groups as f64,
            zero_wins: self.zero_wins,
            strides: &numbers(&self.strides),
            low: &numbers(&self.low),
            high: &numbers(&self.high),
            spread: &numbers(&self.spread),
            dilation: &numbers(&self.dilation),
        }
        .list()
    }

    /// The size of an image with the zeros between its elements, and of a kernel.
    fn spread_size(size: usize, step: isize) -> isize {
        if size == 0 {
            0
        } else {
            (size as isize - 1) * step + 1
        }
    }

    /// The size of an image with zeros between its elements and around it.
    fn padded(&self, axis: usize, size: usize) -> isize {
        Self::spread_size(size, self.spread[axis]) + self.low[axis] + self.high[axis]
    }

    fn out(&self, axis: usize, size: usize, kernel: usize) -> isize {
        let room = self.padded(axis, size) - Self::spread_size(kernel, self.dilation[axis]);
        if room < 0 {
            0
        } else {
            room / self.strides[axis] + 1
        }
    }

    /// Whether the image is convolved as it is.
    fn is_plain(&self) -> bool {
        self.low.iter().chain(&self.high).all(|&pad| pad == 0) && self.spread.iter().all(|&step| step == 1)
    }
}

/// x [batch, channels, ...] with w [features, channels / groups, ...]: [batch, features, ...]
fn convolved(x: &[Spec], p: &[f64]) -> Result<Outline> {
    let (image, kernel) = (x[0].dims, x[1].dims);
    let window = Window::read(p);
    let axes = window.strides.len();
    let shapes = || format!("the input has shape {}, the kernel {}", show(image), show(kernel));
    if !(1..=AXES).contains(&axes) || image.len() != axes + 2 || kernel.len() != axes + 2 {
        return Err(Error::shape(format!(
            "{}; expected [batch, channels, ...] and [features, channels / groups, ...] with {axes} more axes each",
            shapes()
        )));
    }
    let groups = window.groups;
    if groups == 0 || image[1] != kernel[1] * groups || kernel[0] % groups != 0 {
        return Err(Error::shape(format!(
            "{}: with groups = {groups} the input must have {} channels, and the features be a multiple of {groups}",
            shapes(),
            kernel[1] * groups
        )));
    }
    let mut dims = Dims::from_slice(&[image[0], kernel[0]]);
    for axis in 0..axes {
        let (size, extent) = (image[axis + 2], kernel[axis + 2]);
        let (padded, needed) = (window.padded(axis, size), Window::spread_size(extent, window.dilation[axis]));
        // Gradients ask for empty results too.
        if !window.zero_wins && (padded < needed || extent == 0) {
            return Err(Error::shape(format!(
                "{}: the kernel covers {needed} elements of axis {}, which with its padding has {}; pad the input or take a smaller kernel",
                shapes(),
                axis + 2,
                padded.max(0)
            )));
        }
        dims.push(window.out(axis, size, extent).max(0) as usize);
    }
    Ok((x[0].dtype.promote(x[1].dtype).to_float(), dims))
}

/// The image with zeros between and around its elements; what is padded by less than nothing is cut off.
fn padded(x: &Array, window: &Window) -> Result<Array> {
    let axes = window.strides.len();
    let mut dims = Dims::from_slice(&x.dims[..2]);
    // The elements that stay, and their places.
    let whole = |size: usize| (0, size, 1);
    let (mut stay, mut places): (PartBounds, PartBounds) =
        (x.dims[..2].iter().map(|&d| whole(d)).collect(), x.dims[..2].iter().map(|&d| whole(d)).collect());
    for axis in 0..axes {
        let (low, step, size) = (window.low[axis], window.spread[axis], window.padded(axis, x.dims[axis + 2]).max(0));
        let first = if low < 0 { (-low + step - 1) / step } else { 0 };
        let end = if size - low <= 0 { 0 } else { ((size - 1 - low) / step + 1).min(x.dims[axis + 2] as isize) };
        let count = (end - first).max(0) as usize;
        dims.push(size as usize);
        stay.push((first as usize, count, 1));
        places.push(((low + first * step).max(0) as usize, count, step as usize));
    }
    let mut padded = Array::filled(x.dtype, &dims, 0.0)?;
    scatter(&x.seen(sliced(x.strided(), &stay)), &mut Out::of(&mut padded), |whole| Ok(sliced(whole, &places)))?;
    Ok(padded)
}

fn geometry(window: &Window, x: &Array, w: &Array, out: &[usize]) -> Geometry {
    let axes = window.strides.len();
    let lead = AXES - axes;
    let sizes = |of: &dyn Fn(usize) -> usize| std::array::from_fn(|axis| if axis < lead { 1 } else { of(axis - lead) });
    let strides = |array: &Array| Strides {
        batch: array.strides[0],
        channel: array.strides[1],
        axes: std::array::from_fn(|axis| if axis < lead { 0 } else { array.strides[axis - lead + 2] }),
    };
    Geometry {
        batch: x.dims[0],
        groups: window.groups,
        channels: w.dims[1],
        features: w.dims[0] / window.groups,
        kernel: sizes(&|axis| w.dims[axis + 2]),
        out: sizes(&|axis| out[axis + 2]),
        strides: sizes(&|axis| window.strides[axis] as usize),
        dilation: sizes(&|axis| window.dilation[axis] as usize),
        image: strides(x),
        weight: strides(w),
    }
}

fn write(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let window = Window::read(p);
    let (image, w) = (x[0].to_dtype(out.dtype)?, x[1].to_dtype(out.dtype)?);
    let image = if window.is_plain() { image } else { Cow::Owned(padded(&image, &window)?) };
    let geometry = geometry(&window, &image, &w, out.dims);
    match out.dtype {
        DType::Float32 => run::<f32, F32>(&WORK_32, &geometry, &image, &w, out, window.zero_wins),
        DType::Float64 => run::<f64, F64>(&WORK_64, &geometry, &image, &w, out, window.zero_wins),
        DType::Int32 | DType::Bool => Err(no_kernel(out.dtype)),
    }
}

type Work<T> = std::thread::LocalKey<RefCell<Workspace<T>>>;
thread_local! {
    static WORK_32: RefCell<Workspace<f32>> = RefCell::new(Workspace::default());
    static WORK_64: RefCell<Workspace<f64>> = RefCell::new(Workspace::default());
}

fn run<T: Element + Number, V: Vector<Element = T>>(
    work: &'static Work<T>,
    geometry: &Geometry,
    x: &Array,
    w: &Array,
    out: &mut Out,
    zero_wins: bool,
) -> Result<()> {
    let (x, w, out) = (x.pointer::<T>(), w.pointer::<T>(), out.slice::<T>().as_mut_ptr());
    // SAFETY: `convolved` has compared the sizes, and the padded image has room for all places of the result.
    unsafe {
        let done = work.with(|work| convolve::<V>(geometry, x, w, out, &mut work.borrow_mut()));
        done.map_err(|_| Error::new(ErrorCode::OutOfMemory, "no memory for packing the operands of a convolution"))?;
        if zero_wins {
            mend(geometry, x, w, out);
        }
    }
    Ok(())
}

/// The axes behind the first two, behind others.
fn behind(first: &[usize], axes: usize) -> SmallVec<[usize; 6]> {
    first.iter().copied().chain((0..axes).map(|axis| first.len() + axis)).collect()
}

/// y[n, o, p] = Σ x[n, c, s p + r k - low] w[o, c, k], where x has l - 1 zeros between its elements:
///   ct_x = the convolution of ct, spread by s, with w turned around, features for channels, in steps of l
///   ct_w = the convolution of x with ct as its kernel, dilated by s, in steps of r, where batch and channels are exchanged
fn transposed<'a>(x: &[Var<'a>], ct: Var<'a>, p: &[f64], wanted: Wanted) -> Terms<'a> {
    let window = Window::read(p);
    let axes = window.strides.len();
    let (image, kernel, out) = (x[0].dims(), x[1].dims(), ct.dims());
    if image.len() != axes + 2 || kernel.len() != axes + 2 || out.len() != axes + 2 {
        return smallvec![wanted[0].then_some(ct), wanted[1].then_some(ct)];
    }
    let groups = window.groups;
    let (channels, features) = (kernel[1], kernel[0] / groups);
    // [groups · a, b, ...] -> [groups · b, a, ...] and the like.
    let exchanged = |v: Var<'a>, split: &[usize], order: &[usize], joined: [usize; 2]| {
        if v.is_poison() {
            return v;
        }
        let rest = &v.dims()[2..];
        let apart = v.reshape(&[split, rest].concat()).transpose(&behind(order, axes));
        apart.reshape(&[&joined[..], rest].concat())
    };
    let to_image = || {
        let around: Numbers = (2..axes + 2).map(|axis| axis as f64).collect();
        let turned = x[1].apply(ops::Flip, &Axes { axes: &around }.list());
        let w = exchanged(turned, &[groups, features, channels], &[0, 2, 1], [groups * channels, features]);
        let mut back = Window::read(p);
        back.zero_wins = true;
        for axis in 0..axes {
            let (s, l, r) = (window.strides[axis], window.spread[axis], window.dilation[axis]);
            let covered = Window::spread_size(kernel[axis + 2], r);
            let low = covered - 1 - window.low[axis];
            (back.strides[axis], back.spread[axis], back.low[axis]) = (l, s, low);
            back.high[axis] = (image[axis + 2] as isize - 1) * l + covered - Window::spread_size(out[axis + 2], s) - low;
        }
        ct.apply2(ops::Convolution, w, &back.list())
    };
    let to_kernel = || {
        let lead = exchanged(x[0], &[image[0], groups, channels], &[2, 1, 0], [channels, groups * image[0]]);
        let ct = ct.transpose(&behind(&[1, 0], axes));
        let mut back = Window::read(p);
        back.zero_wins = true;
        for axis in 0..axes {
            let (s, l, r) = (window.strides[axis], window.spread[axis], window.dilation[axis]);
            (back.strides[axis], back.dilation[axis]) = (r, s);
            let covered = (kernel[axis + 2] as isize - 1) * r + Window::spread_size(out[axis + 2], s);
            back.high[axis] = covered - Window::spread_size(image[axis + 2], l) - window.low[axis];
        }
        lead.apply2(ops::Convolution, ct, &back.list()).transpose(&behind(&[1, 0], axes))
    };
    smallvec![wanted[0].then(to_image), wanted[1].then(to_kernel)]
}

/// A batch of images joins their batch axis, one of kernels the features, and pairs of both the groups.
fn batched<'a>(op: Op, inputs: &[Batched<'a>], p: &[f64], size: usize) -> Batched<'a> {
    let mut window = Window::read(p);
    let axes = window.strides.len();
    let (image, kernel) = (batching::front(inputs[0]), batching::front(inputs[1]));
    if let Some(&value) = [image, kernel].iter().find(|v| v.is_poison()) {
        return Batched { value, axis: None };
    }
    let (x, w) = (image.dims(), kernel.dims());
    // Refused by the shapes that an example has.
    let example =
        |i: usize, v: Var| Spec { dtype: v.dtype(), dims: if i == 0 { &x } else { &w } }.behind(inputs[i].axis.is_some() as usize);
    if let Err(error) = convolved(&[example(0, image), example(1, kernel)], p) {
        return batching::failed(inputs, error);
    }
    let joined = |v: Var<'a>, lead: &[usize], rest: &[usize]| v.reshape(&[lead, rest].concat());
    match (inputs[0].axis.is_some(), inputs[1].axis.is_some()) {
        (true, false) => {
            let y = joined(image, &[size * x[1], x[2]], &x[3..]).apply2(op, kernel, p);
            let dims = y.dims();
            Batched { value: if y.is_poison() { y } else { joined(y, &[size, x[1], dims[1]], &dims[2..]) }, axis: Some(0) }
        }
        (false, _) => {
            // Features of a group stand together: [size, groups, features, ...] -> [groups, size, features, ...]
            let groups = window.groups.max(1);
            let features = w[1] / groups;
            let apart = joined(kernel, &[size, groups, features, w[2]], &w[3..]).transpose(&behind(&[1, 0, 2, 3], axes));
            let y = image.apply2(op, joined(apart, &[size * w[1], w[2]], &w[3..]), p);
            let dims = y.dims();
            if y.is_poison() {
                return Batched { value: y, axis: Some(0) };
            }
            let apart = joined(y, &[dims[0], groups, size, features], &dims[2..]).transpose(&behind(&[2, 0, 1, 3], axes));
            Batched { value: joined(apart, &[size, dims[0], w[1]], &dims[2..]), axis: Some(0) }
        }
        (true, true) => {
            // [size, batch, channels, ...] -> [batch, size · channels, ...]
            window.groups *= size;
            let apart = image.transpose(&behind(&[1, 0, 2], axes));
            let image = joined(apart, &[x[1], size * x[2]], &x[3..]);
            let y = image.apply2(op, joined(kernel, &[size * w[1], w[2]], &w[3..]), &window.list());
            let dims = y.dims();
            if y.is_poison() {
                return Batched { value: y, axis: Some(0) };
            }
            Batched { value: joined(y, &[dims[0], size, w[1]], &dims[2..]), axis: Some(1) }
        }
    }
}

crate::rows! { convolution;
    Convolution => Row::new(
        "convolution",
        Form::General(Evaluation { result: convolved, write }),
        Rule::Multilinear { tangents: |p| Window { zero_wins: true, ..Window::read(p) }.list(), transpose: transposed },
    ).inputs(2).params(Convolution::PARAMS).batch(batched),
}
