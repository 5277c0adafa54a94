//! What depends on the order of elements: quantiles, running extremes, places in sorted rows.

use crate::engine::Engine;
use crate::error::Error;
use crate::ops;
use crate::ops::support::{reduction, slice_axis};
use crate::params::{Along, Quantile, Reduce, RunningExtreme, Scan, Sorting};
use crate::shape::{show, Dims};
use crate::var::Var;
use smallvec::SmallVec;

/// The value below which the fraction q of the elements lies, between two of them by linear interpolation; NaN where one is NaN, or of
/// none.
pub fn quantile<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Quantile { keepdims, all, q, axis } = Quantile::read(p);
    if !(0.0..=1.0).contains(&q) {
        return Var::fail(engine, Error::value(format!("quantile {q}; expected a number from 0 to 1")));
    }
    let dims = x.dims();
    let r = match reduction(&dims, &Reduce { keepdims, all, axis }) {
        Ok(r) => r,
        Err(error) => return Var::fail(engine, error),
    };
    let x = x.cast(x.dtype().to_float());
    // The reduced axes become the last one.
    let kept: SmallVec<[usize; 6]> = (0..dims.len()).filter(|i| !r.axes.contains(i)).collect();
    let order: SmallVec<[usize; 6]> = kept.iter().chain(r.axes.iter()).copied().collect();
    let n: usize = r.axes.iter().map(|&a| dims[a]).product();
    let mut rows: Dims = kept.iter().map(|&i| dims[i]).collect();
    let axis = rows.len();
    rows.push(n);
    if n == 0 {
        return x.full(&r.out, f64::NAN);
    }
    let rows = x.transpose(&order).reshape(&rows);
    let sorted = rows.apply(ops::Sort, &Sorting { axis: axis.into(), descending: false }.list());
    let position = q * (n - 1) as f64;
    let (at, weight) = (position.floor() as usize, position.fract());
    let low = slice_axis(sorted, axis, at, at + 1);
    let value = if weight == 0.0 {
        low
    } else {
        // Equal neighbours, infinite ones among them, need no way between them.
        let high = slice_axis(sorted, axis, at + 1, at + 2);
        low.equal(high).select(low, low * (1.0 - weight) + high * weight)
    };
    let unknown = rows.apply(ops::IsNaN, &[]).apply(ops::Any, &Reduce { keepdims: true, all: false, axis: &[axis as f64] }.list());
    unknown.select(value.constant(f64::NAN), value).reshape(&r.out)
}

/// The largest (with `least` the smallest) element so far, gathered from its place: the derivative goes to the first of equal ones.
pub fn running<'a>(x: Var<'a>, p: &[f64], least: bool) -> Var<'a> {
    let Scan { axis, reverse } = Scan::read(p);
    let axis = match axis.of(x.rank()) {
        Ok(axis) => axis.into(),
        Err(error) => return Var::fail(x.engine, error),
    };
    let places = x.apply(ops::RunningExtreme, &RunningExtreme { axis, reverse, least }.list());
    x.apply2(ops::Gather, places, &Along { axis }.list())
}

/// Where values would stand in sorted numbers: a vector for values of any shape, or rows for rows.
pub fn search<'a>(sorted: Var<'a>, values: Var<'a>, p: &[f64]) -> Var<'a> {
    let (rows, dims) = (sorted.dims(), values.dims());
    if sorted.is_poison() || values.is_poison() {
        return sorted;
    }
    if rows.len() == 1 {
        let flat = values.reshape(&[dims.iter().product()]);
        return sorted.apply2(ops::SearchRows, flat, p).reshape(&dims);
    }
    if rows.is_empty() || rows.len() != dims.len() || rows[..rows.len() - 1] != dims[..dims.len() - 1] {
        return Var::fail(
            sorted.engine,
            Error::shape(format!("sorted numbers of shape {} and values of shape {}; expected a sorted vector, or rows with the same leading axes as the values", show(&rows), show(&dims))),
        );
    }
    sorted.apply2(ops::SearchRows, values, p)
}
