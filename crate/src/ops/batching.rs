//! How ops act on whole batches. Families share a rule: bring the batch axes of all inputs to the front, then shift the
//! op's own axes by one. Inputs without a batch axis are used as they are where the op allows, else repeated (a view).

use super::movement::{permutation, reshape_dims};
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::op::{Batched, Op};
use crate::ops;
use crate::params::{Along, Axes, Draw, IndexInto, Numbers, ParamKind, Reduce, ScatterInto, Shape, Slice, Unslice};
use crate::shape::{few, Dims};
use crate::var::{numbers, Var};
use smallvec::{smallvec, SmallVec};

/// The inner value with its batch axis first; a value without one stays as it is.
pub fn front<'a>(b: Batched<'a>) -> Var<'a> {
    match b.axis {
        None | Some(0) => b.value,
        Some(axis) => {
            let mut order: SmallVec<[usize; 6]> = SmallVec::from_slice(&[axis]);
            order.extend((0..b.value.rank()).filter(|&i| i != axis));
            b.value.transpose(&order)
        }
    }
}

/// The same, and a value without a batch axis is repeated.
fn repeated<'a>(b: Batched<'a>, size: usize) -> Var<'a> {
    if b.axis.is_some() {
        return front(b);
    }
    let mut dims = b.value.dims();
    dims.insert(0, size);
    b.value.broadcast_to(&dims)
}

/// Rank as one example sees it.
fn logical_rank(b: &Batched) -> usize {
    b.value.rank() - b.axis.is_some() as usize
}

fn done(value: Var) -> Batched {
    Batched { value, axis: Some(0) }
}

pub fn failed<'a>(inputs: &[Batched<'a>], error: Error) -> Batched<'a> {
    done(Var::fail(inputs[0].value.engine, error))
}

/// Examples broadcast against each other at the end of their shapes, the batch axis stays in front. A matrix product is
/// batched by the same rule: the batch axis joins its leading axes.
pub fn elementwise<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    let rank = inputs.iter().map(logical_rank).max().unwrap_or(0);
    let aligned: SmallVec<[Var; 4]> = inputs
        .iter()
        .map(|b| {
            let value = front(*b);
            if b.axis.is_none() || logical_rank(b) == rank {
                return value;
            }
            let mut dims = value.dims();
            for _ in logical_rank(b)..rank {
                dims.insert(1, 1);
            }
            value.reshape(&dims)
        })
        .collect();
    done(Var::bind(inputs[0].value.engine, op, &aligned, params))
}

/// The axes of a reduction, as examples see them, behind the batch axis.
pub fn reduction<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    let (rank, Reduce { keepdims, all, axis }) = (logical_rank(&inputs[0]), Reduce::read(params));
    let axes = if all { Ok((1..=rank).map(|axis| axis as f64).collect()) } else { behind_batch(axis, rank) };
    match axes {
        Ok(axes) => done(front(inputs[0]).apply(op, &Reduce { keepdims, all: false, axis: &axes }.list())),
        Err(error) => failed(inputs, error),
    }
}

/// A reduction that gives positions: without an axis those in the flattened example.
pub fn position<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let Reduce { keepdims, all, .. } = Reduce::read(params);
    if !all {
        return reduction(op, inputs, params, size);
    }
    let (rank, value) = (logical_rank(&inputs[0]), front(inputs[0]));
    let dims = value.dims();
    let flat = value.reshape(&[size, dims[1..].iter().product()]);
    let mut out: Dims = smallvec![size];
    out.extend((0..rank).filter(|_| keepdims).map(|_| 1));
    done(flat.apply(op, &Reduce { keepdims: false, all: false, axis: &[1.0] }.list()).reshape(&out))
}

/// Axes of an example as those of the batch. A bad one is reported as the user sees it, without the batch axis.
fn behind_batch(axes: &[f64], rank: usize) -> Result<Numbers> {
    axes.iter().map(|&axis| Ok(crate::shape::axis_from(axis, rank)? as f64 + 1.0)).collect()
}

/// The op's one axis moves behind the batch axis; inputs have one rank (or broadcast).
pub fn axis<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let rank = inputs.iter().map(logical_rank).max().unwrap_or(0);
    let values: SmallVec<[Var; 4]> = inputs.iter().map(|b| repeated(*b, size)).collect();
    let mut moved = Numbers::from_slice(params);
    for (number, param) in moved.iter_mut().zip(op.row().params) {
        if param.kind == ParamKind::Axis {
            match crate::shape::axis_from(*number, rank) {
                Ok(axis) => *number = axis as f64 + 1.0,
                Err(error) => return failed(inputs, error),
            }
        }
    }
    done(Var::bind(inputs[0].value.engine, op, &values, &moved))
}

/// All parameters are axes.
pub fn axes<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    match behind_batch(Axes::read(params).axes, logical_rank(&inputs[0])) {
        Ok(axes) => done(front(inputs[0]).apply(op, &Axes { axes: &axes }.list())),
        Err(error) => failed(inputs, error),
    }
}

/// Acts on the last axes of all inputs; their leading axes are equal, and the batch axis joins them.
pub fn leading<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let values: SmallVec<[Var; 4]> = inputs.iter().map(|b| repeated(*b, size)).collect();
    done(Var::bind(inputs[0].value.engine, op, &values, params))
}

/// Acts on the last axes only.
pub fn trailing<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    done(front(inputs[0]).apply(op, params))
}

pub fn reshape<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let value = front(inputs[0]);
    // The -1 is the example's, to be found without the batch: with an empty batch nothing could be divided.
    let dims = value.dims();
    match reshape_dims(&dims[1..], Shape::read(params).dims) {
        Ok(mut example) => {
            example.insert(0, size);
            done(value.apply(op, &Shape { dims: &numbers(&example) }.list()))
        }
        Err(error) => failed(inputs, error),
    }
}

pub fn broadcast_to<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (rank, Shape { dims: wanted }) = (logical_rank(&inputs[0]), Shape::read(params));
    let value = front(inputs[0]);
    let mut dims = value.dims();
    for _ in rank..wanted.len() {
        dims.insert(1, 1);
    }
    done(value.reshape(&dims).apply(op, &Shape { dims: &before(size as f64, wanted) }.list()))
}

/// A list with the batch axis's entry in front.
fn before(first: f64, rest: &[f64]) -> Numbers {
    let mut list = Numbers::from_slice(&[first]);
    list.extend_from_slice(rest);
    list
}

/// A permutation of the example's axes, composed with where the batch axis stands: no extra transpose.
pub fn transpose<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    match permutation(Axes::read(params).axes, logical_rank(&inputs[0])) {
        Ok(order) => {
            let order: Numbers = order.iter().map(|&axis| axis as f64 + 1.0).collect();
            done(front(inputs[0]).apply(op, &Axes { axes: &before(0.0, &order) }.list()))
        }
        Err(error) => failed(inputs, error),
    }
}

/// All of the batch.
pub fn slice<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let Slice { starts, ends, steps } = Slice::read(params);
    let lists = Slice { starts: &before(0.0, starts), ends: &before(size as f64, ends), steps: &before(1.0, steps) }.list();
    done(front(inputs[0]).apply(op, &lists))
}

pub fn unslice<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let Unslice { starts, steps, dims } = Unslice::read(params);
    let lists = Unslice { starts: &before(0.0, starts), steps: &before(1.0, steps), dims: &before(size as f64, dims) }.list();
    done(front(inputs[0]).apply(op, &lists))
}

/// take(x, indices): batched indices of a shared x are one larger take; where both are batched, examples become rows of one x
/// and their indices move by the row.
pub fn take<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (x, index) = (inputs[0], inputs[1]);
    let rank = logical_rank(&x);
    let axis = match Along::read(params).axis.of(rank) {
        Ok(axis) => axis,
        Err(error) => return failed(inputs, error),
    };
    let along = |axis: usize| Along { axis: axis.into() }.list();
    if index.axis.is_none() {
        return done(front(x).apply2(op, index.value, &along(axis + 1)));
    }
    let index_value = front(index);
    if x.axis.is_none() {
        // The batch axis of the result is the first of the indices'.
        return Batched { value: x.value.apply2(op, index_value, &along(axis)), axis: Some(axis) };
    }
    let x = front(x);
    let dims = x.dims();
    let n = dims[axis + 1];
    // [B, before, n, behind] -> [before, B·n, behind]
    let mut order: SmallVec<[usize; 6]> = (1..=axis).collect();
    order.push(0);
    order.extend(axis + 1..dims.len());
    let mut flat: Dims = few(&dims[1..=axis]);
    flat.push(size * n);
    flat.extend_from_slice(&dims[axis + 2..]);
    let rows = x.transpose(&order).reshape(&flat);
    let moved = row_indices(index_value, n, size);
    Batched { value: rows.apply2(op, moved, &along(axis)), axis: Some(axis) }
}

/// Indices of example b moved by b·n, negative ones counted from the end first. They are checked one example at a time: what is out of
/// range for its own may well be in range for all of them together.
fn row_indices<'a>(index: Var<'a>, n: usize, size: usize) -> Var<'a> {
    let engine = index.engine;
    let constant = |array: Result<Array>| Var::from_result(engine, array.and_then(|array| engine.new_value(array)));
    if i32::try_from(size.saturating_mul(n)).is_err() {
        let message = format!("{size} examples of {n} rows each are more than an int32 index can count");
        return Var::fail(engine, Error::shape(message));
    }
    // Taken from 0, 1, ... n - 1, an index is checked and counted from the start, in a program that is replayed too.
    let rows = constant(Array::from_fn(&[n], |row| row as i32)).apply2(ops::Take, index, &Along { axis: 0usize.into() }.list());
    let mut dims: Dims = SmallVec::from_elem(1, index.rank());
    dims[0] = size;
    rows + constant(Array::from_fn(&dims, |b| (b * n) as i32))
}

/// indexInto(src, indices; axis, size), the transpose of `take`, with the same cases.
pub fn index_into<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (src, index) = (inputs[0], inputs[1]);
    let (axis, n) = (IndexInto::read(params).axis.0 as usize, IndexInto::read(params).size as usize);
    let into = |axis: usize, size: usize| IndexInto { axis: axis.into(), size: size as f64 }.list();
    if index.axis.is_none() {
        return done(front(src).apply2(op, index.value, &into(axis + 1, n)));
    }
    let index_value = row_indices(front(index), n, size);
    // [B, before, indices, behind] -> [before, B, indices, behind]
    let src = repeated(src, size);
    let mut order: SmallVec<[usize; 6]> = (1..=axis).collect();
    order.push(0);
    order.extend(axis + 1..src.rank());
    let sums = src.transpose(&order).apply2(op, index_value, &into(axis, size * n));
    // [before, B·n, behind] -> [before, B, n, behind]
    let mut dims = sums.dims();
    if dims.len() > axis {
        dims[axis] = n;
        dims.insert(axis, size);
    }
    Batched { value: sums.reshape(&dims), axis: Some(axis) }
}

/// scatterInto(src, indices; axis, dims)
pub fn scatter_into<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let ScatterInto { axis, dims } = ScatterInto::read(params);
    match axis.of(dims.len()) {
        Ok(axis) => {
            let moved = ScatterInto { axis: (axis + 1).into(), dims: &before(size as f64, dims) }.list();
            done(Var::bind(inputs[0].value.engine, op, &[repeated(inputs[0], size), repeated(inputs[1], size)], &moved))
        }
        Err(error) => failed(inputs, error),
    }
}

/// Draws take keys of any leading shape.
pub fn random<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    done(front(inputs[0]).apply(op, params))
}

/// (key, parameter; dtype, ...dims): a key that is not mapped is the same for all examples; an example's parameter is aligned with
/// the end of its dims.
pub fn random_with_parameter<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (key, parameter) = (repeated(inputs[0], size), inputs[1]);
    let mut value = front(parameter);
    if parameter.axis.is_some() {
        let mut dims = value.dims();
        // The key's leading axes, of this and other vmaps, come before the example's dims.
        for _ in dims.len()..key.rank() - 1 + Draw::read(params).dims.len() {
            dims.insert(1, 1);
        }
        value = value.reshape(&dims);
    }
    done(key.apply2(op, value, params))
}
