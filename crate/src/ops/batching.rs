//! How ops act on whole batches. Families share a rule: bring the batch axes of all inputs to the front, then shift the
//! op's own axes by one. Inputs without a batch axis are used as they are where the op allows, else repeated (a view).

use super::support::indices;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::op::{Batched, Op};
use crate::ops;
use crate::shape::{axis_from, Dims};
use crate::var::Var;
use smallvec::SmallVec;

type Params = SmallVec<[f64; 16]>;

/// The inner value with its batch axis first; a value without one stays as it is.
fn front<'a>(b: Batched<'a>) -> Var<'a> {
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

/// An axis of an example as one of the batch. A bad one is reported as the user sees it, without the batch axis.
fn shifted(axis: f64, rank: usize) -> Result<f64> {
    Ok(axis_from(axis, rank)? as f64 + 1.0)
}

fn failed<'a>(inputs: &[Batched<'a>], error: Error) -> Batched<'a> {
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

/// [keepdims, all, ...axes]
pub fn reduction<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    let rank = logical_rank(&inputs[0]);
    let mut value = front(inputs[0]);
    let all = params.get(1) == Some(&1.0);
    let mut p: Params = SmallVec::from_slice(&[params[0], 0.0]);
    if all && (op == ops::ArgMax || op == ops::ArgMin) {
        // Position in the flattened example.
        let dims = value.dims();
        value = value.reshape(&[dims[0], dims[1..].iter().product()]);
        p.push(1.0);
        let out = value.apply(op, &p);
        let keep: Dims = SmallVec::from_elem(1, rank);
        let mut out_dims: Dims = SmallVec::from_slice(&[dims[0]]);
        if params[0] == 1.0 {
            out_dims.extend_from_slice(&keep);
        }
        return done(out.reshape(&out_dims));
    }
    if all {
        p.extend((1..=rank).map(|i| i as f64));
    } else {
        for &axis in &params[2..] {
            match shifted(axis, rank) {
                Ok(axis) => p.push(axis),
                Err(error) => return failed(inputs, error),
            }
        }
    }
    done(value.apply(op, &p))
}

/// The first parameter is an axis; inputs have one rank (or broadcast).
pub fn axis<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let rank = inputs.iter().map(logical_rank).max().unwrap_or(0);
    let values: SmallVec<[Var; 4]> = inputs.iter().map(|b| repeated(*b, size)).collect();
    let mut p: Params = SmallVec::from_slice(params);
    match shifted(params[0], rank) {
        Ok(axis) => p[0] = axis,
        Err(error) => return failed(inputs, error),
    }
    done(Var::bind(inputs[0].value.engine, op, &values, &p))
}

/// All parameters are axes.
pub fn axes<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    let rank = logical_rank(&inputs[0]);
    match params.iter().map(|&axis| shifted(axis, rank)).collect::<Result<Params>>() {
        Ok(p) => done(front(inputs[0]).apply(op, &p)),
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
    let mut value = front(inputs[0]);
    // The -1 is the example's, to be found without the batch: with an empty batch nothing could be divided.
    let dims = value.dims();
    match ops::movement::reshape_dims(&dims[1..], params) {
        Ok(example) => {
            let mut p: Params = SmallVec::from_slice(&[size as f64]);
            p.extend(example.iter().map(|&d| d as f64));
            value = value.apply(op, &p);
        }
        Err(error) => value = Var::fail(value.engine, error),
    }
    done(value)
}

pub fn broadcast_to<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let rank = logical_rank(&inputs[0]);
    let mut value = front(inputs[0]);
    let mut dims = value.dims();
    for _ in rank..params.len() {
        dims.insert(1, 1);
    }
    value = value.reshape(&dims);
    let mut p: Params = SmallVec::from_slice(&[size as f64]);
    p.extend_from_slice(params);
    done(value.apply(op, &p))
}

/// A permutation of the example's axes, composed with where the batch axis stands: no extra transpose.
pub fn transpose<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], _: usize) -> Batched<'a> {
    let rank = logical_rank(&inputs[0]);
    match ops::movement::permutation(params, rank) {
        Ok(axes) => {
            let mut p: Params = SmallVec::from_slice(&[0.0]);
            p.extend(axes.iter().map(|&a| a as f64 + 1.0));
            done(front(inputs[0]).apply(op, &p))
        }
        Err(error) => failed(inputs, error),
    }
}

/// [rank, starts, ends, steps]
pub fn slice<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    thirds(op, inputs, params, [0.0, size as f64, 1.0])
}

/// [rank, starts, steps, dims]
pub fn unslice<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    thirds(op, inputs, params, [0.0, 1.0, size as f64])
}

/// Three lists, one entry per axis: each gets the batch axis's entry in front.
fn thirds<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], lead: [f64; 3]) -> Batched<'a> {
    let rank = params[0] as usize;
    let mut p: Params = SmallVec::from_slice(&[params[0] + 1.0]);
    for (i, first) in lead.into_iter().enumerate() {
        p.push(first);
        p.extend_from_slice(params.get(1 + i * rank..1 + (i + 1) * rank).unwrap_or(&[]));
    }
    done(front(inputs[0]).apply(op, &p))
}

/// take(x, indices): batched indices of a shared x are one larger take; where both are batched, examples become rows of one x
/// and their indices move by the row.
pub fn take<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (x, index) = (inputs[0], inputs[1]);
    let rank = logical_rank(&x);
    let axis = match axis_from(params[0], rank) {
        Ok(axis) => axis,
        Err(error) => return failed(inputs, error),
    };
    if index.axis.is_none() {
        return done(front(x).apply2(op, index.value, &[axis as f64 + 1.0]));
    }
    let index_value = front(index);
    if x.axis.is_none() {
        // The batch axis of the result is the first of the indices'.
        return Batched { value: x.value.apply2(op, index_value, &[axis as f64]), axis: Some(axis) };
    }
    let x = front(x);
    let dims = x.dims();
    let n = dims[axis + 1];
    // [B, before, n, behind] -> [before, B·n, behind]
    let mut order: SmallVec<[usize; 6]> = (1..=axis).collect();
    order.push(0);
    order.extend(axis + 1..dims.len());
    let mut flat: Dims = Dims::from_slice(&dims[1..=axis]);
    flat.push(size * n);
    flat.extend_from_slice(&dims[axis + 2..]);
    let rows = x.transpose(&order).reshape(&flat);
    let moved = row_indices(index_value, n, size);
    Batched { value: rows.apply2(op, moved, &[axis as f64]), axis: Some(axis) }
}

/// Indices of example b moved by b·n, negative ones counted from the end first. They are checked before: what is out of range
/// for its own example may well be in range for all of them together.
fn row_indices<'a>(index: Var<'a>, n: usize, size: usize) -> Var<'a> {
    let engine = index.engine;
    let moved = (|| {
        indices(&engine.concrete_under(index.checked()?, true)?, n)?;
        let mut dims: Dims = SmallVec::from_elem(1, index.rank());
        dims[0] = size;
        let mut offsets = Array::new(DType::Int32, &dims)?;
        if i32::try_from(size.saturating_mul(n)).is_err() {
            return Err(Error::shape(format!("{size} examples of {n} rows each are more than an int32 index can count")));
        }
        offsets.slice_mut::<i32>().iter_mut().enumerate().for_each(|(b, offset)| *offset = (b * n) as i32);
        engine.new_value(offsets)
    })();
    let offsets = Var::from_result(engine, moved);
    index.less(index.constant(0.0)).select(index + n as f64, index) + offsets
}

/// indexInto(src, indices; axis, size), the transpose of `take`, with the same cases.
pub fn index_into<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let (src, index) = (inputs[0], inputs[1]);
    let (axis, n) = (params[0] as usize, params[1] as usize);
    if index.axis.is_none() {
        return done(front(src).apply2(op, index.value, &[axis as f64 + 1.0, params[1]]));
    }
    let index_value = row_indices(front(index), n, size);
    // [B, before, indices, behind] -> [before, B, indices, behind]
    let src = repeated(src, size);
    let mut order: SmallVec<[usize; 6]> = (1..=axis).collect();
    order.push(0);
    order.extend(axis + 1..src.rank());
    let sums = src.transpose(&order).apply2(op, index_value, &[axis as f64, (size * n) as f64]);
    // [before, B·n, behind] -> [before, B, n, behind]
    let mut dims = sums.dims();
    if dims.len() > axis {
        dims[axis] = n;
        dims.insert(axis, size);
    }
    Batched { value: sums.reshape(&dims), axis: Some(axis) }
}

pub fn gather<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    axis(op, inputs, params, size)
}

/// scatterInto(src, indices; axis, ...dims)
pub fn scatter_into<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    let mut p: Params = SmallVec::from_slice(&[params[0] + 1.0, size as f64]);
    p.extend_from_slice(&params[1..]);
    done(Var::bind(inputs[0].value.engine, op, &[repeated(inputs[0], size), repeated(inputs[1], size)], &p))
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
        for _ in dims.len()..key.rank() - 1 + params.len() - 1 {
            dims.insert(1, 1);
        }
        value = value.reshape(&dims);
    }
    done(key.apply2(op, value, params))
}
