//! Linear algebra on the last two axes. What has several results (an LU's sign and logarithm, Q and R) gives them side by side along one axis, and whoever
//! asks takes its part. Derivatives are formulas over these ops; sources stand with them.

use super::batching;
use super::support::{added, slice_axis, stretched, stretched_as};
use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorCode, Result};
use crate::form::{Evaluation, Form, Outline, Spec};
use crate::kernels::linalg::triangular::Triangle as Side;
use crate::kernels::linalg::{cholesky, cofactor, exponential, lu, orthogonal, singular, symmetric, triangular, Block, Failure, Real};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{only, pullback, Batched, Op, Row, Rule};
use crate::ops;
use crate::params::{Along, Axis, Diagonal, Pinv, Triangle, TriangularSolve};
use crate::shape::{broadcast, few, show, Dims};
use crate::var::Var;
use crate::with_type;
use smallvec::{smallvec, SmallVec};

// ---- shapes ---------------------------------------------------------------------------------------------------

/// Leading dims, rows and columns.
fn matrix<'a>(x: Spec<'a>) -> Result<(&'a [usize], usize, usize)> {
    match x.dims {
        [lead @ .., rows, columns] => Ok((lead, *rows, *columns)),
        _ => Err(Error::shape(format!("expected a matrix, or a batch of them in the last two axes, got shape {}", show(x.dims)))),
    }
}

fn square<'a>(x: Spec<'a>) -> Result<(&'a [usize], usize)> {
    let (lead, rows, columns) = matrix(x)?;
    if rows != columns {
        return Err(Error::shape(format!("expected a square matrix in the last two axes, got shape {}", show(x.dims))));
    }
    Ok((lead, rows))
}

fn with_lead(lead: &[usize], rest: &[usize]) -> Dims {
    let mut dims = few(lead);
    dims.extend_from_slice(rest);
    dims
}

/// A function of a square matrix that is one.
fn like_square(x: &[Spec], _: &[f64]) -> Result<Outline> {
    square(x[0])?;
    Ok((x[0].dtype.to_float(), few(x[0].dims)))
}

/// A row of numbers for each square matrix.
fn row_of(x: &[Spec], count: impl Fn(usize) -> usize) -> Result<Outline> {
    let (lead, n) = square(x[0])?;
    Ok((x[0].dtype.to_float(), with_lead(lead, &[count(n)])))
}

/// At least as many rows as columns: others are brought to that by who asks.
fn tall<'a>(x: Spec<'a>) -> Result<(&'a [usize], usize, usize)> {
    let (lead, m, n) = matrix(x)?;
    if m < n {
        return Err(Error::shape(format!("expected at least as many rows as columns, got shape {}", show(x.dims))));
    }
    Ok((lead, m, n))
}

/// A [..., n, n] and B [..., n, m] with broadcast leading axes.
fn system(x: &[Spec], _: &[f64]) -> Result<Outline> {
    let ((a, n), (b, rows, columns)) = (square(x[0])?, matrix(x[1])?);
    if n != rows {
        return Err(Error::shape(format!(
            "shapes {} and {} do not fit: a system of {n} equations wants right sides with {n} rows, got {rows}",
            show(x[0].dims),
            show(x[1].dims)
        )));
    }
    Ok((x[0].dtype.promote(x[1].dtype).to_float(), with_lead(&broadcast(a, b)?, &[n, columns])))
}

// ---- evaluation -----------------------------------------------------------------------------------------------

fn no_memory() -> Error {
    Error::new(ErrorCode::OutOfMemory, "no memory for the factors of a matrix")
}

fn room(dtype: DType, count: usize) -> Result<Array> {
    Array::new(dtype, &[count])
}

/// The failure of a matrix: of which one, if there are several.
fn refused(failure: Failure, index: usize, count: usize, pivot: impl Fn(usize) -> String) -> Error {
    match failure {
        Failure::Memory => no_memory(),
        Failure::Pivot(i) => Error::value(if count > 1 { format!("matrix {index} of the batch: {}", pivot(i)) } else { pivot(i) }),
    }
}

fn is_singular(i: usize) -> String {
    format!("the matrix is singular: pivot {i} is 0; pinv and lstsq take such matrices, or add a small multiple of the identity")
}

type Each<'b> = &'b mut dyn FnMut(&[f64], &mut [f64], usize) -> Result<()>;

/// Runs `body` on each matrix of `size` elements and its part of the result, in float64: what is iterated is worth it, and there once.
fn each(x: &Array, size: usize, out: &mut Out, body: Each) -> Result<()> {
    if out.is_empty() || size == 0 {
        return Ok(());
    }
    let x = x.ordered(DType::Float64)?;
    let matrices = x.slice::<f64>().chunks_exact(size);
    let part = out.len() / matrices.len();
    if out.dtype == DType::Float64 {
        return matrices.zip(out.slice::<f64>().chunks_exact_mut(part)).enumerate().try_for_each(|(i, (x, y))| body(x, y, i));
    }
    let mut wide = room(DType::Float64, part)?;
    let wide = wide.slice_mut::<f64>();
    for (i, (x, y)) in matrices.zip(out.slice::<f32>().chunks_exact_mut(part)).enumerate() {
        body(x, wide, i)?;
        y.iter_mut().zip(wide.iter()).for_each(|(y, &wide)| *y = wide as f32);
    }
    Ok(())
}

/// The number of the matrix that the result's matrix `index` is made from, with broadcast leading axes.
fn source(lead: &[usize], own: &[usize], mut index: usize) -> usize {
    let (mut place, mut step) = (0, 1);
    for axis in (0..own.len()).rev() {
        let size = lead[lead.len() - own.len() + axis];
        if own[axis] != 1 {
            place += index % size * step;
            step *= own[axis];
        }
        index /= size;
    }
    place
}

fn write_cholesky(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let n = out.dims[out.dims.len() - 1];
    if out.is_empty() {
        return Ok(());
    }
    let x = x[0].ordered(out.dtype)?;
    let mut scratch = room(out.dtype, cholesky::scratch(n))?;
    with_type!(out.dtype, T: float => {
        let count = out.len() / (n * n);
        let half = <T as Element>::from_f64(0.5);
        for (index, (a, l)) in x.slice::<T>().chunks_exact(n * n).zip(out.slice::<T>().chunks_exact_mut(n * n)).enumerate() {
            for i in 0..n {
                for j in 0..=i {
                    l[i * n + j] = half * (a[i * n + j] + a[j * n + i]);
                }
            }
            cholesky::factor(n, l, scratch.slice_mut()).map_err(|failure| refused(failure, index, count, |i| {
                format!("the matrix is not positive definite: pivot {i} is not above 0; add a small multiple of the identity")
            }))?;
        }
    });
    Ok(())
}

/// How a system is solved.
enum Method {
    /// By factors, which are made of a copy.
    Lu,
    Substitution(Side),
}

fn write_triangular(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let TriangularSolve { lower, unit } = TriangularSolve::read(p);
    let method = Method::Substitution(Side { lower, unit });
    with_type!(out.dtype, T: float => systems::<T>(x[0], Some(x[1]), method, out))
}

fn write_solve(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    with_type!(out.dtype, T: float => systems::<T>(x[0], Some(x[1]), Method::Lu, out))
}

fn write_inverse(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    with_type!(out.dtype, T: float => systems::<T>(x[0], None, Method::Lu, out))
}

/// Each A⁻¹ B; without B it is the identity. A matrix that is there for several right sides is factored once.
fn systems<T: Real + Element>(a: &Array, b: Option<&Array>, method: Method, out: &mut Out) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let [lead @ .., n, m] = out.dims else { return Ok(()) };
    let (n, m, count) = (*n, *m, out.len() / (out.dims[out.dims.len() - 2] * out.dims[out.dims.len() - 1]));
    let a = a.ordered(out.dtype)?;
    let b = b.map(|b| b.ordered(out.dtype)).transpose()?;
    let (mut factors, mut exchanged) = (room(out.dtype, n * n)?, room(DType::Int32, n)?);
    let mut scratch = room(out.dtype, (n * n + n).max(triangular::scratch(n, m)))?;
    let (factors, exchanged, scratch) = (factors.slice_mut::<T>(), exchanged.slice_mut::<i32>(), scratch.slice_mut::<T>());
    let mut last = None;
    for (index, y) in out.slice::<T>().chunks_exact_mut(n * m).enumerate() {
        match &b {
            Some(b) => {
                let from = source(lead, &b.dims[..b.dims.len() - 2], index) * n * m;
                y.copy_from_slice(&b.slice::<T>()[from..from + n * m]);
            }
            None => {
                y.fill(T::default());
                (0..n).for_each(|i| y[i * m + i] = T::ONE);
            }
        }
        let from = source(lead, &a.dims[..a.dims.len() - 2], index) * n * n;
        let fresh = last.replace(from) != Some(from);
        if fresh {
            factors.copy_from_slice(&a.slice::<T>()[from..from + n * n]);
        }
        solved(n, m, &method, factors, exchanged, y, fresh, scratch).map_err(|failure| refused(failure, index, count, is_singular))?;
    }
    Ok(())
}

/// One of them, in place; the factors are those of before, unless the matrix is fresh.
#[allow(clippy::too_many_arguments)]
fn solved<T: Real + Element>(
    n: usize,
    m: usize,
    method: &Method,
    factors: &mut [T],
    exchanged: &mut [i32],
    y: &mut [T],
    fresh: bool,
    scratch: &mut [T],
) -> std::result::Result<(), Failure> {
    match *method {
        Method::Lu => {
            if fresh {
                if let Some(i) = lu::factor(n, factors, exchanged, scratch)?.singular {
                    return Err(Failure::Pivot(i));
                }
            }
            lu::solve(n, m, factors, exchanged, y, scratch)?;
        }
        Method::Substitution(side) => {
            if let Some(i) = (0..n).find(|&i| !side.unit && factors[i * n + i] == T::default()) {
                return Err(Failure::Pivot(i));
            }
            // SAFETY: both are whole matrices.
            unsafe { triangular::solve(n, m, Block::of(factors, n), side, Block::of(y, m), scratch)? };
        }
    }
    Ok(())
}

/// `(whether an odd number of rows was exchanged, diagonal of U, result)`
type OfFactors<'b> = &'b dyn Fn(bool, &mut dyn Iterator<Item = f64>, &mut [f64]);

/// Runs `body` on the factors of each matrix.
fn determined(x: &[&Array], out: &mut Out, body: OfFactors) -> Result<()> {
    let n = x[0].dims[x[0].dims.len() - 1];
    if n == 0 {
        // Of no rows: the empty product.
        let mut wide = [0.0; 2];
        let part = if out.dims.len() + 2 > x[0].dims.len() { 2 } else { 1 };
        body(false, &mut std::iter::empty(), &mut wide[..part]);
        with_type!(out.dtype, T: float => out.slice::<T>().iter_mut().enumerate().for_each(|(i, y)| *y = <T as Element>::from_f64(wide[i % part])));
        return Ok(());
    }
    let (mut factors, mut exchanged) = (room(DType::Float64, n * n)?, room(DType::Int32, n)?);
    let mut scratch = room(DType::Float64, n * n + n)?;
    let (factors, exchanged) = (factors.slice_mut::<f64>(), exchanged.slice_mut::<i32>());
    each(x[0], n * n, out, &mut |a, y, _| {
        factors.copy_from_slice(a);
        let odd = lu::factor(n, factors, exchanged, scratch.slice_mut()).map_err(|_| no_memory())?.odd;
        body(odd, &mut (0..n).map(|i| factors[i * n + i]), y);
        Ok(())
    })
}

fn write_det(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    determined(x, out, &|odd, pivots, y| y[0] = pivots.fold(if odd { -1.0 } else { 1.0 }, |product, pivot| product * pivot))
}

fn write_slogdet(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    determined(x, out, &|odd, pivots, y| {
        (y[0], y[1]) = (if odd { -1.0 } else { 1.0 }, 0.0);
        for pivot in pivots {
            y[0] *= if pivot == 0.0 { 0.0 } else { pivot.signum() };
            y[1] += libm::log(pivot.abs());
        }
    })
}

/// A matrix and directions of its size, with broadcast leading axes.
fn directed(x: &[Spec], _: &[f64]) -> Result<Outline> {
    let (lead, n) = square(x[0])?;
    let (mut dtype, mut lead) = (x[0].dtype, few(lead));
    for e in &x[1..] {
        (dtype, lead) = (dtype.promote(e.dtype), broadcast(&lead, square(*e)?.0)?);
    }
    Ok((dtype.to_float(), with_lead(&lead, &[n, n])))
}

fn write_cofactors(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let n = out.dims[out.dims.len() - 1];
    let (mut exchanged, mut scratch) = (room(DType::Int32, n)?, room(DType::Float64, cofactor::scratch(n))?);
    let brought: Result<SmallVec<[_; 2]>> = x[1..].iter().map(|e| stretched_as(e, DType::Float64, out.dims)).collect();
    let (a, brought) = (stretched(x[0], out.dims)?, brought?);
    each(&a, n * n, out, &mut |a, y, index| {
        let directions: SmallVec<[&[f64]; 2]> = brought.iter().map(|e| &e.slice::<f64>()[index * n * n..(index + 1) * n * n]).collect();
        cofactor::cofactors(n, a, &directions, y, exchanged.slice_mut(), scratch.slice_mut()).map_err(|_| no_memory())
    })
}

fn write_qr(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let (_, m, n) = tall(Spec::of(x[0]))?;
    let (mut columns, mut factors) = (room(DType::Float64, m * n)?, room(DType::Float64, n)?);
    each(x[0], m * n, out, &mut |a, y, _| {
        let (q, r) = y.split_at_mut(m * n);
        orthogonal::factor(m, n, a, q, r, columns.slice_mut(), factors.slice_mut());
        Ok(())
    })
}

fn write_eigh(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let (_, n) = square(Spec::of(x[0]))?;
    let (mut work, mut order) = (room(DType::Float64, 2 * n * n + 4 * n)?, room(DType::Int32, n)?);
    each(x[0], n * n, out, &mut |a, y, _| {
        let (symmetric, work) = work.slice_mut::<f64>().split_at_mut(n * n);
        let (rows, work) = work.split_at_mut(n * n);
        let (found, work) = work.split_at_mut(n);
        let order = order.slice_mut::<i32>();
        (0..n * n).for_each(|at| symmetric[at] = 0.5 * (a[at] + a[at % n * n + at / n]));
        symmetric::decompose(n, symmetric, found, rows, order, work);
        let (values, vectors) = y.split_at_mut(n);
        for (place, &from) in order.iter().enumerate() {
            let from = from as usize;
            values[place] = found[from];
            (0..n).for_each(|i| vectors[i * n + place] = rows[from * n + i]);
        }
        Ok(())
    })
}

fn write_svd(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let (_, m, n) = tall(Spec::of(x[0]))?;
    let (mut work, mut order) = (room(DType::Float64, m * n + singular::scratch(m, n))?, room(DType::Int32, n)?);
    each(x[0], m * n, out, &mut |a, y, _| {
        let (copy, work) = work.slice_mut::<f64>().split_at_mut(m * n);
        let (u, rest) = y.split_at_mut(m * n);
        let (s, vt) = rest.split_at_mut(n);
        copy.copy_from_slice(a);
        singular::decompose(m, n, copy, u, s, vt, work, order.slice_mut());
        Ok(())
    })
}

/// V S⁺ Uᵀ
fn write_pinv(x: &[&Array], p: &[f64], out: &mut Out) -> Result<()> {
    let Pinv { rcond } = Pinv::read(p);
    let (_, m, n) = tall(Spec::of(x[0]))?;
    let (mut work, mut order) = (room(DType::Float64, 2 * m * n + n + n * n + singular::scratch(m, n))?, room(DType::Int32, n)?);
    each(x[0], m * n, out, &mut |a, y, _| {
        let (copy, work) = work.slice_mut::<f64>().split_at_mut(m * n);
        let (u, work) = work.split_at_mut(m * n);
        let (s, work) = work.split_at_mut(n);
        let (vt, work) = work.split_at_mut(n * n);
        copy.copy_from_slice(a);
        singular::decompose(m, n, copy, u, s, vt, work, order.slice_mut());
        let least = rcond * s[0];
        for j in 0..n {
            for i in 0..m {
                let term = |k: usize| if s[k] <= least { 0.0 } else { vt[k * n + j] / s[k] * u[i * n + k] };
                y[j * m + i] = (0..n).map(term).sum();
            }
        }
        Ok(())
    })
}

fn write_expm(x: &[&Array], _: &[f64], out: &mut Out) -> Result<()> {
    let n = out.dims[out.dims.len() - 1];
    let (mut work, mut exchanged) = (room(DType::Float64, exponential::scratch(n))?, room(DType::Int32, n)?);
    each(x[0], n * n, out, &mut |a, y, _| {
        y.copy_from_slice(a);
        exponential::exponential(n, y, exchanged.slice_mut(), work.slice_mut()).map_err(|_| no_memory())
    })
}

// ---- formulas -------------------------------------------------------------------------------------------------

fn solve<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    a.apply2(ops::Solve, b, &[])
}

fn triangular_solve<'a>(a: Var<'a>, b: Var<'a>, lower: bool, unit: bool) -> Var<'a> {
    a.apply2(ops::TriangularSolve, b, &TriangularSolve { lower, unit }.list())
}

fn inverse(a: Var) -> Var {
    a.apply(ops::Inv, &[])
}

/// The triangle of a matrix, from diagonal k on.
fn triangle(x: Var, lower: bool, k: f64) -> Var {
    x.apply(if lower { ops::Tril } else { ops::Triu }, &Triangle { k }.list())
}

/// (X + Xᵀ) / 2
fn symmetrised(x: Var) -> Var {
    (x + x.matrix_transpose()) * 0.5
}

/// X - Xᵀ
fn skewed(x: Var) -> Var {
    x - x.matrix_transpose()
}

fn diagonal(x: Var) -> Var {
    x.apply(ops::Diagonal, &Diagonal { offset: 0.0 }.list())
}

/// A constant of the dtype of `like`.
fn identity<'a>(like: Var<'a>, n: usize) -> Var<'a> {
    let ones = Array::from_fn(&[n, n], |at| if at / n.max(1) == at % n.max(1) { 1.0f64 } else { 0.0 });
    Var::from_result(like.engine, ones.and_then(|ones| like.engine.new_value(ones))).cast(like.dtype())
}

/// With one more axis of size 1 at the end, or one before that.
fn column(x: Var) -> Var {
    x.reshape(&with_lead(&x.dims(), &[1]))
}

fn row(x: Var) -> Var {
    let dims = x.dims();
    match dims.split_last() {
        Some((&n, lead)) => x.reshape(&with_lead(lead, &[1, n])),
        None => x,
    }
}

/// Σ over the last axis.
fn summed(x: Var) -> Var {
    let rank = x.rank();
    if rank == 0 {
        return x;
    }
    x.sum(&[rank - 1], false)
}

/// tr(A B)
fn trace_of<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    summed(summed(a.strong_mul(b.matrix_transpose())))
}

/// A number for each matrix, to multiply it with.
fn times<'a>(matrix: Var<'a>, number: Var<'a>) -> Var<'a> {
    matrix.strong_mul(column(column(number)))
}

fn joined<'a>(parts: &[Var<'a>], axis: f64) -> Var<'a> {
    Var::bind(parts[0].engine, ops::Concat, parts, &Along { axis: Axis(axis) }.list())
}

/// The parts of what lies side by side, as matrices or rows of these dims.
fn parts<'a, const N: usize>(packed: Var<'a>, dims: [&[usize]; N]) -> [Var<'a>; N] {
    let whole = packed.dims();
    let mut from = 0;
    dims.map(|dims| {
        let size: usize = dims.iter().product();
        let part = slice_axis(packed, whole.len().max(1) - 1, from, from + size);
        from += size;
        part.reshape(&with_lead(&whole[..whole.len().max(1) - 1], dims))
    })
}

/// Matrices side by side: what `parts` takes apart.
fn packed<'a, const N: usize>(lead: &[usize], matrices: [Var<'a>; N]) -> Var<'a> {
    let rows = matrices.map(|x| {
        let dims = x.dims();
        x.reshape(&with_lead(lead, &[dims[lead.len().min(dims.len())..].iter().product()]))
    });
    joined(&rows, -1.0)
}

/// Rows and columns of the last two axes, and the axes before.
fn sizes(x: Var) -> (Dims, usize, usize) {
    let dims = x.dims();
    match dims.as_slice() {
        [lead @ .., m, n] => (few(lead), *m, *n),
        _ => (Dims::new(), 0, 0),
    }
}

/// 1 / (v_j - v_i) off the diagonal, 0 on it; infinite where two are equal.
fn differences<'a>(v: Var<'a>, n: usize) -> Var<'a> {
    let one = identity(v, n);
    (row(v) - column(v) + one).reciprocal() - one
}

/// L with half of its diagonal: Φ of Murray, Differentiation of the Cholesky decomposition (2016).
fn halved(x: Var) -> Var {
    (triangle(x, true, 0.0) + triangle(x, true, -1.0)) * 0.5
}

/// A⁺ of a tall matrix (Golub and Pereyra, 1973), in an order in which no product has as many columns as A has rows.
mod pseudo {
    use super::*;

    /// -P dA P + P Pᵀ dAᵀ (I - A P) + (I - P A) dAᵀ Pᵀ P
    pub fn tangent<'a>(a: Var<'a>, t: Var<'a>, p: Var<'a>) -> Var<'a> {
        let (tt, pt) = (t.matrix_transpose(), p.matrix_transpose());
        let left = p.matmul(pt).strong_matmul(tt - tt.strong_matmul(a).strong_matmul(p));
        outside(a, p, tt.strong_matmul(pt)) + left - p.strong_matmul(t).strong_matmul(p)
    }

    /// -Pᵀ G Pᵀ + (P Pᵀ G (I - A P) + (I - P A) G Pᵀ P)ᵀ
    pub fn pullback<'a>(a: Var<'a>, g: Var<'a>, p: Var<'a>) -> Var<'a> {
        let pt = p.matrix_transpose();
        let left = p.matmul(pt).strong_matmul(g - g.strong_matmul(a).strong_matmul(p));
        (left + outside(a, p, g.strong_matmul(pt))).matrix_transpose() - pt.strong_matmul(g.strong_matmul(pt))
    }

    /// (I - P A) H P
    fn outside<'a>(a: Var<'a>, p: Var<'a>, h: Var<'a>) -> Var<'a> {
        (h - p.strong_matmul(a.strong_matmul(h))).strong_matmul(p)
    }
}

fn cofactor_second<'a>(a: Var<'a>, e: Var<'a>, f: Var<'a>) -> Var<'a> {
    Var::bind(a.engine, ops::CofactorSecond, &[a, e, f], &[])
}

/// What `cofactorSecond` has no formula for.
fn fourth(a: Var) -> Var {
    let message = "det has three derivatives here; for more write sign * exp(logabsdet) with slogdet, of a matrix that is not singular";
    Var::fail(a.engine, Error::new(ErrorCode::NotDifferentiable, message))
}

/// The derivative of e^A along E, the upper right part of exp [A E; 0 A] (Mathias, 1996): differentiable as often as one likes.
fn along<'a>(a: Var<'a>, e: Var<'a>) -> Var<'a> {
    let (_, n, _) = sizes(a);
    let upper = joined(&[a, e], -1.0);
    let lower = joined(&[a.zeros_like(), a], -1.0);
    let whole = joined(&[upper, lower], -2.0).apply(ops::Expm, &[]);
    let rank = whole.rank();
    if rank < 2 {
        return whole;
    }
    slice_axis(slice_axis(whole, rank - 2, 0, n), rank - 1, n, 2 * n)
}

fn tangent<'a>(x: &[Var<'a>], t: &[Option<Var<'a>>]) -> Var<'a> {
    t[0].unwrap_or_else(|| x[0].zeros_like())
}

// ---- vmap -----------------------------------------------------------------------------------------------------

/// The batch axis joins the leading ones. An example that is no matrix is refused: its own axis is none to join.
fn matrices<'a>(op: Op, inputs: &[Batched<'a>], params: &[f64], size: usize) -> Batched<'a> {
    for input in inputs {
        let value = batching::front(*input);
        let dims = value.dims();
        let example = Spec { dtype: value.dtype(), dims: &dims }.behind(input.axis.is_some() as usize);
        if let Err(error) = matrix(example) {
            return batching::failed(inputs, error);
        }
    }
    batching::elementwise(op, inputs, params, size)
}

const fn general(result: fn(&[Spec], &[f64]) -> Result<Outline>, write: fn(&[&Array], &[f64], &mut Out) -> Result<()>) -> Form {
    Form::General(Evaluation { result, write })
}

crate::rows! { linalg;
    // L Lᵀ = A:   dL = L Φ(L⁻¹ dA L⁻ᵀ);   ct_A = sym(L⁻ᵀ Φ(Lᵀ ct) L⁻¹)   (Murray, 2016)
    Cholesky => Row::new("cholesky", general(like_square, write_cholesky), Rule::Custom {
        jvp: |x, t, y, _| {
            let inner = triangular_solve(y, symmetrised(tangent(x, t)), true, false);
            y.strong_matmul(halved(triangular_solve(y, inner.matrix_transpose(), true, false)))
        },
        vjp: pullback!(|_, y, ct, _, _| {
            let (yt, inner) = (y.matrix_transpose(), halved(y.matrix_transpose().strong_matmul(triangle(ct, true, 0.0))));
            let left = triangular_solve(yt, inner, false, false);
            only(symmetrised(triangular_solve(yt, left.matrix_transpose(), false, false)))
        }),
    }).batch(matrices),
    // T X = B:   T dX = dB - dT X;   ct_B = T⁻ᵀ ct, ct_T = -tri(ct_B Xᵀ): what is not read has no derivative
    TriangularSolve => Row::new("triangularSolve", general(system, write_triangular), Rule::Custom {
        jvp: |x, t, y, p| {
            let TriangularSolve { lower, unit } = TriangularSolve::read(p);
            let from_matrix = t[0].map(|t| -triangle(t, lower, if !unit { 0.0 } else if lower { -1.0 } else { 1.0 }).strong_matmul(y));
            triangular_solve(x[0], added(from_matrix, t[1], x[1]), lower, unit)
        },
        vjp: pullback!(|x, y, ct, p, wanted| {
            let TriangularSolve { lower, unit } = TriangularSolve::read(p);
            let to_right = triangular_solve(x[0].matrix_transpose(), ct, !lower, unit);
            smallvec![
                wanted[0].then(|| {
                    let k = if !unit { 0.0 } else if lower { -1.0 } else { 1.0 };
                    -triangle(to_right.strong_matmul(y.matrix_transpose()), lower, k)
                }),
                wanted[1].then_some(to_right),
            ]
        }),
    }).inputs(2).params(TriangularSolve::PARAMS).batch(matrices),
    // A X = B:   A dX = dB - dA X;   ct_B = A⁻ᵀ ct, ct_A = -ct_B Xᵀ
    Solve => Row::new("solve", general(system, write_solve), Rule::Custom {
        jvp: |x, t, y, _| solve(x[0], added(t[0].map(|t| -t.strong_matmul(y)), t[1], x[1])),
        vjp: pullback!(|x, y, ct, _, wanted| {
            let to_right = solve(x[0].matrix_transpose(), ct);
            smallvec![wanted[0].then(|| -to_right.strong_matmul(y.matrix_transpose())), wanted[1].then_some(to_right)]
        }),
    }).inputs(2).batch(matrices),
    // Y = A⁻¹:   dY = -Y dA Y;   ct_A = -Yᵀ ct Yᵀ
    Inv => Row::new("inv", general(like_square, write_inverse), Rule::Custom {
        jvp: |x, t, y, _| -y.strong_matmul(tangent(x, t)).strong_matmul(y),
        vjp: pullback!(|_, y, ct, _, _| only(-y.matrix_transpose().strong_matmul(ct).strong_matmul(y.matrix_transpose()))),
    }).batch(matrices),
    // d det = Σ C dA with the cofactors C
    Det => Row::new("det", general(|x, _| Ok((x[0].dtype.to_float(), few(square(x[0])?.0))), write_det), Rule::Custom {
        jvp: |x, t, _, _| summed(summed(x[0].apply(ops::Cofactors, &[]).strong_mul(tangent(x, t)))),
        vjp: pullback!(|x, _, ct, _, _| only(times(x[0].apply(ops::Cofactors, &[]), ct))),
    }).batch(matrices),
    // the second derivative of det is symmetric
    Cofactors => Row::new("cofactors", general(like_square, write_cofactors), Rule::Custom {
        jvp: |x, t, _, _| x[0].apply2(ops::CofactorTangent, tangent(x, t), &[]),
        vjp: pullback!(|x, _, ct, _, _| only(x[0].apply2(ops::CofactorTangent, ct, &[]))),
    }).batch(matrices),
    // of A along E, and along E and F: symmetric in all directions, so that each is its own transpose
    CofactorTangent => Row::new("cofactorTangent", general(directed, write_cofactors), Rule::Custom {
        jvp: |x, t, y, _| added(t[0].map(|t| cofactor_second(x[0], x[1], t)), t[1].map(|t| x[0].apply2(ops::CofactorTangent, t, &[])), y),
        vjp: pullback!(|x, _, ct, _, wanted| smallvec![
            wanted[0].then(|| cofactor_second(x[0], x[1], ct)),
            wanted[1].then(|| x[0].apply2(ops::CofactorTangent, ct, &[])),
        ]),
    }).inputs(2).batch(matrices),
    CofactorSecond => Row::new("cofactorSecond", general(directed, write_cofactors), Rule::Custom {
        jvp: |x, t, y, _| match t[0] {
            Some(_) => fourth(x[0]),
            None => added(t[1].map(|t| cofactor_second(x[0], t, x[2])), t[2].map(|t| cofactor_second(x[0], x[1], t)), y),
        },
        vjp: pullback!(|x, _, ct, _, wanted| smallvec![
            wanted[0].then(|| fourth(x[0])),
            wanted[1].then(|| cofactor_second(x[0], ct, x[2])),
            wanted[2].then(|| cofactor_second(x[0], x[1], ct)),
        ]),
    }).inputs(3).batch(matrices),
    // [sign det A, log |det A|]:   d log |det A| = tr(A⁻¹ dA)
    Slogdet => Row::new("slogdet", general(|x, _| row_of(x, |_| 2), write_slogdet), Rule::Custom {
        jvp: |x, t, y, _| {
            let change = column(trace_of(inverse(x[0]), tangent(x, t)));
            joined(&[change.zeros_like(), change], -1.0).cast(y.dtype())
        },
        vjp: pullback!(|x, _, ct, _, _| {
            let [_, of_logarithm] = parts(ct, [&[1], &[]]);
            only(times(inverse(x[0]).matrix_transpose(), of_logarithm))
        }),
    }).batch(matrices),
    // A = Q R, with K = Qᵀ dA R⁻¹ and D = tril(K, -1) - tril(K, -1)ᵀ:   dQ = dA R⁻¹ + Q (D - K), dR = (K - D) R;
    // ct_A = (ct_Q + Q S) R⁻ᵀ, S symmetric with the lower triangle of R ct_Rᵀ - ct_Qᵀ Q   (Walter and Lehmann, 2018)
    Qr => Row::new("qr", general(
        |x, _| tall(x[0]).map(|(lead, m, n)| (x[0].dtype.to_float(), with_lead(lead, &[m * n + n * n]))),
        write_qr,
    ), Rule::Custom {
        jvp: |x, t, y, _| {
            let (lead, m, n) = sizes(x[0]);
            let [q, r] = parts(y, [&[m, n], &[n, n]]);
            let scaled = triangular_solve(r.matrix_transpose(), tangent(x, t).matrix_transpose(), true, false).matrix_transpose();
            let k = q.matrix_transpose().strong_matmul(scaled);
            let turn = skewed(triangle(k, true, -1.0));
            packed(&lead, [scaled + q.strong_matmul(turn - k), (k - turn).strong_matmul(r)])
        },
        vjp: pullback!(|x, y, ct, _, _| {
            let (_, m, n) = sizes(x[0]);
            let [q, r] = parts(y, [&[m, n], &[n, n]]);
            let [to_q, to_r] = parts(ct, [&[m, n], &[n, n]]);
            let inner = r.strong_matmul(to_r.matrix_transpose()) - to_q.matrix_transpose().strong_matmul(q);
            let symmetric = triangle(inner, true, 0.0) + triangle(inner, true, -1.0).matrix_transpose();
            let whole = to_q + q.strong_matmul(symmetric);
            only(triangular_solve(r, whole.matrix_transpose(), false, false).matrix_transpose())
        }),
    }).batch(matrices),
    // A = V diag(w) Vᵀ, with T = Vᵀ dA V and F_ij = 1 / (w_j - w_i):   dw = diag(T), dV = V (F ∘ T);
    // ct_A = V (diag(ct_w) + F ∘ Vᵀ ct_V) Vᵀ   (Giles, 2008)
    Eigh => Row::new("eigh", general(|x, _| row_of(x, |n| n + n * n), write_eigh), Rule::Custom {
        jvp: |x, t, y, _| {
            let (lead, n, _) = sizes(x[0]);
            let [w, v] = parts(y, [&[n], &[n, n]]);
            let turned = v.matrix_transpose().strong_matmul(symmetrised(tangent(x, t))).strong_matmul(v);
            packed(&lead, [diagonal(turned), v.strong_matmul(differences(w, n).strong_mul(turned))])
        },
        vjp: pullback!(|x, y, ct, _, _| {
            let (_, n, _) = sizes(x[0]);
            let [w, v] = parts(y, [&[n], &[n, n]]);
            let [to_w, to_v] = parts(ct, [&[n], &[n, n]]);
            let vt = v.matrix_transpose();
            let inner = differences(w, n).strong_mul(vt.strong_matmul(to_v)) + identity(w, n).strong_mul(row(to_w));
            only(symmetrised(v.strong_matmul(inner).strong_matmul(vt)))
        }),
    }).batch(matrices),
    // A = U S Vᵀ, with P = Uᵀ dA V and F_ij = 1 / (s_j² - s_i²):   ds = diag(P), dU = U (F ∘ (P S + S Pᵀ)) + (I - U Uᵀ) dA V S⁻¹,
    // dV = V (F ∘ (S P + Pᵀ S));   ct_A = U ((F ∘ skew(Uᵀ ct_U)) S + S (F ∘ skew(Vᵀ ct_V)) + diag(ct_s)) Vᵀ + (I - U Uᵀ) ct_U S⁻¹ Vᵀ
    // (Townsend, 2016)
    Svd => Row::new("svd", general(
        |x, _| tall(x[0]).map(|(lead, m, n)| (x[0].dtype.to_float(), with_lead(lead, &[m * n + n + n * n]))),
        write_svd,
    ), Rule::Custom {
        jvp: |x, t, y, _| {
            let (lead, m, n) = sizes(x[0]);
            let [u, s, vt] = parts(y, [&[m, n], &[n], &[n, n]]);
            let (v, t) = (vt.matrix_transpose(), tangent(x, t));
            let inner = u.matrix_transpose().strong_matmul(t).strong_matmul(v);
            let (by_columns, by_rows) = (inner.strong_mul(row(s)), inner.strong_mul(column(s)));
            let f = differences(s * s, n);
            let mut du = u.strong_matmul(f.strong_mul(by_columns + by_columns.matrix_transpose()));
            if m > n {
                let outside = t.strong_matmul(v) - u.strong_matmul(inner);
                du = du + outside.strong_mul(row(s).reciprocal());
            }
            let dv = v.strong_matmul(f.strong_mul(by_rows + by_rows.matrix_transpose()));
            packed(&lead, [du, diagonal(inner), dv.matrix_transpose()])
        },
        vjp: pullback!(|x, y, ct, _, _| {
            let (_, m, n) = sizes(x[0]);
            let [u, s, vt] = parts(y, [&[m, n], &[n], &[n, n]]);
            let [to_u, to_s, to_vt] = parts(ct, [&[m, n], &[n], &[n, n]]);
            let f = differences(s * s, n);
            let left = u.matrix_transpose().strong_matmul(to_u);
            let of_u = f.strong_mul(skewed(left)).strong_mul(row(s));
            let of_v = f.strong_mul(skewed(vt.strong_matmul(to_vt.matrix_transpose()))).strong_mul(column(s));
            let mut whole = u.strong_matmul(of_u + of_v + identity(s, n).strong_mul(row(to_s)));
            if m > n {
                whole = whole + (to_u - u.strong_matmul(left)).strong_mul(row(s).reciprocal());
            }
            only(whole.strong_matmul(vt))
        }),
    }).batch(matrices),
    Pinv => Row::new("pinv", general(
        |x, _| tall(x[0]).map(|(lead, m, n)| (x[0].dtype.to_float(), with_lead(lead, &[n, m]))),
        write_pinv,
    ), Rule::Custom {
        jvp: |x, t, y, _| pseudo::tangent(x[0], tangent(x, t), y),
        vjp: pullback!(|x, y, ct, _, _| only(pseudo::pullback(x[0], ct, y))),
    }).params(Pinv::PARAMS).batch(matrices),
    // the derivative along E; transposed: that of e^(Aᵀ) along ct
    Expm => Row::new("expm", general(like_square, write_expm), Rule::Custom {
        jvp: |x, t, _, _| along(x[0], tangent(x, t)),
        vjp: pullback!(|x, _, ct, _, _| only(along(x[0].matrix_transpose(), ct))),
    }).batch(matrices),
}
