//! Means, deviations, norms, cumulative products, sorting.

use crate::dtype::{DType, Element};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::ops;
use crate::ops::movement::place_part;
use crate::ops::support::{reduction, slice_axis, Reduction};
use crate::params::{Along, Covariance, Norm, Reduce, Root, Scan, Sorting, Variance};
use crate::var::Var;
use smallvec::SmallVec;

fn unwrap<'a>(engine: &'a Engine, result: Result<Var<'a>>) -> Var<'a> {
    result.unwrap_or_else(|error| Var::fail(engine, error))
}

fn float(x: Var) -> Var {
    x.cast(x.dtype().to_float())
}

/// How many elements meet in one of the result's.
fn count(x: Var, reduction: &Reduction) -> f64 {
    let dims = x.dims();
    reduction.axes.iter().map(|&a| dims[a] as f64).product()
}

/// Σx / n
pub fn mean<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    unwrap(
        engine,
        reduction(&x.dims(), &Reduce::read(p)).map(|r| {
            let x = float(x);
            x.apply(ops::Sum, p) / count(x, &r)
        }),
    )
}

/// (Σd² - (Σd)²/n) / (n - correction), d = x - mean. Σd is what the rounding of the mean has left. Its derivative is 2 Σ d t, not
/// 2 Σ d (t - mean t), as Σd = 0: infinite slopes behind a pole would meet infinite means.
pub fn variance<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Variance { keepdims, all, correction, axis } = Variance::read(p);
    let reduce = Reduce { keepdims, all, axis };
    let (plain, keep) = (reduce.list(), Reduce { keepdims: true, ..reduce }.list());
    unwrap(
        engine,
        reduction(&x.dims(), &reduce).map(|r| {
            let x = float(x);
            let n = count(x, &r);
            let freedom = (n - correction).max(0.0);
            let fixed = x.stop_gradient();
            let centred = fixed - mean(engine, fixed, &keep);
            let left = centred.apply(ops::Sum, &keep);
            let value = (centred.square().apply(ops::Sum, &plain) - left.reshape(&r.out).square() / n) / freedom;
            if x.orders() == 0 {
                return value;
            }
            value + (doubled(engine, x, centred - left / n, &keep) * (x - fixed)).apply(ops::Sum, &plain) / freedom
        }),
    )
}

/// d + c, d = x - mean(x) and c its number: what x - (its number) is multiplied with for the derivatives of a square of d, which are
/// 2 d t and 2 d' t'. The product itself is 0.
fn doubled<'a>(engine: &'a Engine, x: Var<'a>, centred: Var<'a>, keep: &[f64]) -> Var<'a> {
    x - mean(engine, x, keep) + centred
}

/// (X - mean)(X - mean)ᵀ / (n - correction) of variables in rows; the variance of a vector.
pub fn covariance<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let dims = x.dims();
    let (variables, n) = match dims[..] {
        [n] => (1, n),
        [variables, n] => (variables, n),
        _ => {
            return Var::fail(
                engine,
                Error::shape(format!(
                    "cov takes a vector, or a matrix with a variable in each row, got shape {}",
                    crate::shape::show(&dims)
                )),
            )
        }
    };
    let rows = float(x).reshape(&[variables, n]);
    let keep = Reduce { keepdims: true, all: false, axis: &[1.0] }.list();
    let (fixed, freedom) = (rows.stop_gradient(), (n as f64 - Covariance::read(p).correction).max(0.0));
    let centred = fixed - mean(engine, fixed, &keep);
    let mut sums = centred.matmul(centred.matrix_transpose());
    if rows.orders() > 0 {
        // As for the variance: D Dᵀ has the derivative T Dᵀ + D Tᵀ.
        let half = doubled(engine, rows, centred, &keep).matmul((rows - fixed).matrix_transpose()) * 0.5;
        sums = sums + half + half.matrix_transpose();
    }
    let sums = sums / freedom;
    if dims.len() == 1 {
        sums.reshape(&[])
    } else {
        sums
    }
}

/// √variance; its gradient is 0 where the variance is 0, even if the mean was rounded and nothing else is exactly 0. Where squares leave
/// the range of the dtype, c √variance(x/c) with c a power of two near the largest magnitude, which rounds nothing.
pub fn std<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let squared = variance(engine, x, p);
    let Variance { all, axis, .. } = Variance::read(p);
    let keep = Reduce { keepdims: true, all, axis };
    let nothing_to_scale = x.size() == 0 || reduction(&x.dims(), &keep).map_or(true, |r| r.axes.is_empty());
    if nothing_to_scale || !squared.may(leaves_range) {
        return root(squared);
    }
    let x = float(x);
    let (least, most) = match x.dtype() {
        DType::Float64 => (-1022.0, 1023.0),
        _ => (-126.0, 127.0),
    };
    let largest = x.stop_gradient().abs().apply(ops::Max, &keep.list());
    let usable = largest.greater(x.constant(0.0)).and(largest.apply(ops::IsFinite, &[]));
    let exponent = usable.select(largest, x.constant(1.0)).apply(ops::Log2, &[]).apply(ops::Floor, &[]);
    let scale = exponent.apply2(ops::Maximum, x.constant(least), &[]).apply2(ops::Minimum, x.constant(most), &[]).apply(ops::Exp2, &[]);
    root(variance(engine, x / scale, p)) * scale.reshape(&squared.dims())
}

/// Whether a variance is so small that its digits are lost, or beyond the largest number.
fn leaves_range(variance: &Array) -> bool {
    let (least, most) = match variance.dtype {
        DType::Float64 => (f64::MIN_POSITIVE / f64::EPSILON, f64::MAX),
        _ => ((f32::MIN_POSITIVE / f32::EPSILON) as f64, f32::MAX as f64),
    };
    crate::with_type!(variance.dtype, T: any => variance.slice::<T>().iter().any(|&v| !(least..=most).contains(&v.to_f64())))
}

/// √s of a sum of squares s; where s is 0 its gradient is 0, and its second derivative is NaN.
fn root(s: Var) -> Var {
    s.apply(ops::Root, &Root { again: s.orders() > 1 }.list())
}

/// √(a² + b²). At the origin the root of the sum of squares, which is 0 there, is added: by it the second derivatives of the square are
/// not silently 0.
pub fn hypot<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    let h = a.apply2(ops::Hypotenuse, b, &[]);
    if h.orders() == 0 || !h.has_zero() {
        return h;
    }
    let (zero, at_origin) = (h.constant(0.0), h.equal(h.constant(0.0)));
    // Elsewhere it is the root of 1: squares may vanish where h does not, and a root of 0 is not to be differentiated again there.
    h + at_origin.select(root(at_origin.select(a.square() + b.square(), h.constant(1.0))), zero)
}

/// (Σ|x|^p)^(1/p). Scaled by the largest magnitude, which is a constant for the derivative (the norm
/// does not depend on it), so that nothing overflows. At 0 the gradient is 0.
pub fn norm<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Norm { keepdims, all, p: order, axis } = Norm::read(p);
    let reduce = Reduce { keepdims, all, axis };
    let (plain, keep) = (reduce.list(), Reduce { keepdims: true, ..reduce }.list());
    unwrap(
        engine,
        reduction(&x.dims(), &reduce).and_then(|r| {
            let x = float(x);
            if order.is_nan() || order <= 0.0 {
                return Err(Error::value(format!("norm of order {order}; p is a positive number or Infinity")));
            }
            if order == 1.0 {
                return Ok(x.abs().apply(ops::Sum, &plain));
            }
            if x.size() == 0 || r.axes.is_empty() {
                return Ok(if r.axes.is_empty() { x.abs() } else { x.apply(ops::Sum, &plain) });
            }
            if order == f64::INFINITY {
                return Ok(x.abs().apply(ops::Max, &plain));
            }
            let one = x.constant(1.0);
            let largest = x.stop_gradient().abs().apply(ops::Max, &keep);
            let usable = largest.greater(x.constant(0.0)).and(largest.apply(ops::IsFinite, &[]));
            let scale = usable.select(largest, one);
            let scaled = x / scale;
            let sum = if order == 2.0 { scaled.square() } else { scaled.abs().pow(x.constant(order)) }.apply(ops::Sum, &keep);
            let root = if order == 2.0 { root(sum) } else { sum.pow(x.constant(1.0 / order)) };
            Ok((root * scale).reshape(&r.out))
        }),
    )
}

/// Π of the elements up to each: the recurrence z_i = x_i z_(i-1), started by z_0 = x_0 through its other input, so that
/// zeros are exact at every order of derivative.
pub fn cumprod<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    let dims = x.dims();
    unwrap(
        engine,
        Scan::read(p).axis.of(dims.len()).map(|axis| {
            let x = if x.dtype() == DType::Bool { x.cast(DType::Int32) } else { x };
            if dims[axis] == 0 {
                return x;
            }
            let n = dims[axis];
            let first = if Scan::read(p).reverse { n - 1 } else { 0 };
            let bounds: SmallVec<[(usize, usize, usize); 6]> =
                dims.iter().enumerate().map(|(i, &d)| if i == axis { (first, 1, 1) } else { (0, d, 1) }).collect();
            let head = slice_axis(x, axis, first, first + 1);
            x.apply2(ops::LinearScan, place_part(head, &dims, &bounds), p)
        }),
    )
}

/// The elements in order: gathered by their argsort, so that the derivative is a permutation.
pub fn sort<'a>(engine: &'a Engine, x: Var<'a>, p: &[f64]) -> Var<'a> {
    unwrap(
        engine,
        Sorting::read(p).axis.of(x.rank()).map(|axis| {
            let order = x.apply(ops::ArgSort, p);
            x.apply2(ops::Gather, order, &Along { axis: axis.into() }.list())
        }),
    )
}
