//! Products of vectors and matrices; padding, stacking, diagonals, scattering.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::Error;
use crate::memory::array::Array;
use crate::ops;
use crate::ops::support::slice_axis;
use crate::params::{Along, Diagonal, DiagonalMatrix, IndexInto, Numbers, OneHot, Pad, Roll, ScatterInto, Triangle, Unslice};
use crate::shape::{few, show};
use crate::var::{numbers, Var};
use smallvec::SmallVec;

/// NumPy's matmul: vectors count as a row on the left and as a column on the right; two of them are Σ a_i b_i.
pub fn matmul<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    let (da, db) = (a.dims(), b.dims());
    if a.is_poison() || b.is_poison() {
        return a;
    }
    let inner = (da.last().copied(), if db.len() == 1 { Some(db[0]) } else { db.len().checked_sub(2).map(|i| db[i]) });
    if inner.0.is_none() || inner.1.is_none() || inner.0 != inner.1 {
        return Var::fail(
            a.engine,
            Error::shape(format!(
                "shapes {} and {} do not multiply: the last axis of the first must equal the {} of the second{}",
                show(&da),
                show(&db),
                if db.len() == 1 { "only axis" } else { "second-to-last axis" },
                if da.is_empty() || db.is_empty() { " (use mul for scalars)" } else { "" }
            )),
        );
    }
    let (left, right) = (da.len() == 1, db.len() == 1);
    if left && right {
        return (a * b).sum(&[0], false);
    }
    let a = if left { a.reshape(&[1, da[0]]) } else { a };
    let b = if right { b.reshape(&[db[0], 1]) } else { b };
    let c = a.matmul(b);
    let mut dims = c.dims();
    if right && !dims.is_empty() {
        dims.pop();
    }
    if left && !dims.is_empty() {
        let at = dims.len() - 1 - !right as usize + right as usize;
        dims.remove(at.min(dims.len() - 1));
    }
    c.reshape(&dims)
}

/// Σ a_i b_i of two vectors; higher ranks as NumPy's dot.
pub fn dot<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    match (a.rank(), b.rank()) {
        (0, _) | (_, 0) => a * b,
        (_, 1) | (1 | 2, 2) => matmul(a, b),
        (_, rank) => {
            // The last axis of a with the second-to-last of b, all others kept.
            let (da, db) = (a.dims(), b.dims());
            let k = db[rank - 2];
            let mut order: SmallVec<[usize; 6]> = SmallVec::from_slice(&[rank - 2]);
            order.extend((0..rank).filter(|&i| i != rank - 2));
            let columns: usize = order[1..].iter().map(|&i| db[i]).product();
            let mut dims = few(&da[..da.len() - 1]);
            dims.extend(order[1..].iter().map(|&i| db[i]));
            matmul(a, b.transpose(&order).reshape(&[k, columns])).reshape(&dims)
        }
    }
}

/// a_i b_j of the flattened inputs
pub fn outer<'a>(a: Var<'a>, b: Var<'a>) -> Var<'a> {
    a.reshape(&[a.size(), 1]) * b.reshape(&[1, b.size()])
}

/// Σ of the diagonal of the last two axes
pub fn trace(x: Var) -> Var {
    let d = x.apply(ops::Diagonal, &Diagonal { offset: 0.0 }.list());
    if d.is_poison() {
        return d;
    }
    d.sum(&[d.rank() - 1], false)
}

pub fn stack<'a>(engine: &'a Engine, x: &[Var<'a>], p: &[f64]) -> Var<'a> {
    let Some(first) = x.first() else {
        return Var::fail(engine, Error::value("stack needs at least one tensor"));
    };
    let dims = first.dims();
    let axis = match Along::read(p).axis.of(dims.len() + 1) {
        Ok(axis) => axis,
        Err(error) => return Var::fail(engine, error),
    };
    let mut raised: SmallVec<[Var; 8]> = SmallVec::new();
    for x in x {
        let have = x.dims();
        if have != dims {
            return Var::fail(
                engine,
                Error::shape(format!(
                    "stack needs equal shapes, got {} and {}; concat joins along an existing axis",
                    show(&dims),
                    show(&have)
                )),
            );
        }
        let mut wanted = have;
        wanted.insert(axis, 1);
        raised.push(x.reshape(&wanted));
    }
    Var::bind(engine, ops::Concat, &raised, &Along { axis: axis.into() }.list())
}

/// Zeros by placing x inside them, another value by selecting it outside.
pub fn pad<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Pad { value, widths } = Pad::read(p);
    let dims = x.dims();
    let n = dims.len();
    if widths.len() != 2 * n || widths.iter().any(|v| v.fract() != 0.0 || *v < 0.0) {
        return Var::fail(
            x.engine,
            Error::shape(format!(
                "pad of shape {} needs two counts, before and after, for each of its {n} axes, none negative",
                show(&dims)
            )),
        );
    }
    let before: Numbers = widths.iter().step_by(2).copied().collect();
    let padded: Numbers = widths.chunks_exact(2).zip(&dims).map(|(w, &d)| w[0] + d as f64 + w[1]).collect();
    let params = Unslice { starts: &before, steps: &Numbers::from_elem(1.0, n), dims: &padded }.list();
    let padded = x.apply(ops::Unslice, &params);
    if value == 0.0 {
        return padded;
    }
    let inside = x.full(&dims, 1.0).apply(ops::Unslice, &params).cast(DType::Bool);
    inside.select(padded, padded.constant(value))
}

/// Elements that leave at the end come in at the start.
pub fn roll<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let dims = x.dims();
    let Roll { shift, axis } = Roll::read(p);
    let axis = match axis.of(dims.len()) {
        Ok(axis) => axis,
        Err(error) => return Var::fail(x.engine, error),
    };
    let n = dims[axis];
    let shift = if n == 0 { 0 } else { (shift as i64).rem_euclid(n as i64) as usize };
    if shift == 0 {
        return x;
    }
    let parts = [slice_axis(x, axis, n - shift, n), slice_axis(x, axis, 0, n - shift)];
    Var::bind(x.engine, ops::Concat, &parts, &Along { axis: axis.into() }.list())
}

/// A vector becomes a diagonal matrix, a matrix gives its diagonal.
pub fn diag<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let Diagonal { offset } = Diagonal::read(p);
    match x.rank() {
        1 => {
            let n = x.size() as f64 + offset.abs();
            x.apply(ops::DiagonalMatrix, &DiagonalMatrix { offset, rows: n, columns: n }.list())
        }
        2 => x.apply(ops::Diagonal, &Diagonal { offset }.list()),
        _ => Var::fail(x.engine, Error::shape(format!("diag takes a vector or a matrix, got shape {}", show(&x.dims())))),
    }
}

/// The lower (upper) triangle from the k-th diagonal on, zeros elsewhere.
pub fn triangle<'a>(x: Var<'a>, p: &[f64], lower: bool) -> Var<'a> {
    let dims = x.dims();
    if dims.len() < 2 {
        return Var::fail(x.engine, Error::shape(format!("a triangle needs at least two axes, got shape {}", show(&dims))));
    }
    let k = Triangle::read(p).k as i64;
    let (rows, columns) = (dims[dims.len() - 2], dims[dims.len() - 1]);
    let kept = |i: usize| {
        let (row, column) = ((i / columns) as i64, (i % columns) as i64);
        (if lower { column - row <= k } else { column - row >= k }) as u8
    };
    let mask = Array::from_fn(&[rows, columns], kept).and_then(|mask| x.engine.new_value(mask));
    Var::from_result(x.engine, mask).select(x, x.constant(0.0))
}

/// 1 where the class is: indices of any rank. A class out of range is refused, in whatever example of a vmap.
pub fn one_hot<'a>(x: Var<'a>, p: &[f64]) -> Var<'a> {
    let OneHot { depth, dtype } = OneHot::read(p);
    let depth = match crate::shape::dim_from(depth) {
        Ok(depth) => depth,
        Err(error) => return Var::fail(x.engine, error),
    };
    if x.dtype() != DType::Int32 {
        return Var::fail(x.engine, Error::dtype(format!("oneHot takes int32 indices, got {}; cast them", x.dtype())));
    }
    let outside = |&class: &i32| class < 0 || class as usize >= depth;
    if let Some(class) = x.numbers().and_then(|a| a.slice::<i32>().iter().copied().find(outside)) {
        return Var::fail(
            x.engine,
            Error::index(format!("oneHot: class {class} is out of range for a depth of {depth}; classes are numbers from 0 to depth - 1")),
        );
    }
    let classes = Array::from_fn(&[depth], |class| class as i32).and_then(|classes| x.engine.new_value(classes));
    let classes = Var::from_result(x.engine, classes);
    let mut class = x;
    if x.engine.records_to_replay() {
        // A program checks its own numbers: taken from the classes, with negative ones, which would count from the end, moved out of range.
        let outside = x.less(x.constant(0.0)).select(x.constant(depth as f64), x);
        class = classes.apply2(ops::Take, outside, &Along { axis: 0usize.into() }.list());
    }
    let mut dims = x.dims();
    dims.push(1);
    let hit = class.reshape(&dims).equal(classes);
    match DType::from_code(dtype) {
        Ok(dtype) => hit.cast(dtype),
        Err(error) => Var::fail(x.engine, error),
    }
}

/// x + src added at the indices along one axis, as torch.scatter_add
pub fn scatter_add<'a>(inputs: &[Var<'a>], p: &[f64]) -> Var<'a> {
    let (x, index, src) = (inputs[0], inputs[1], inputs[2]);
    let dims = x.dims();
    let axis = match Along::read(p).axis.of(dims.len()) {
        Ok(axis) => axis,
        Err(error) => return Var::fail(x.engine, error),
    };
    let params = ScatterInto { axis: axis.into(), dims: &numbers(&dims) }.list();
    // The source may be larger than the indices, as in PyTorch: what they do not reach is not read.
    let (have, wanted) = (src.dims(), index.dims());
    let mut src = src;
    if have != wanted && have.len() == wanted.len() && have.iter().zip(&wanted).all(|(h, w)| h >= w) {
        for i in 0..have.len() {
            src = slice_axis(src, i, 0, wanted[i]);
        }
    }
    x + src.cast(x.dtype()).apply2(ops::ScatterInto, index, &params)
}

/// x + slices of src added at the indices along one axis, as torch.index_add
pub fn index_add<'a>(inputs: &[Var<'a>], p: &[f64]) -> Var<'a> {
    let (x, index, src) = (inputs[0], inputs[1], inputs[2]);
    let dims = x.dims();
    let axis = match Along::read(p).axis.of(dims.len()) {
        Ok(axis) => axis,
        Err(error) => return Var::fail(x.engine, error),
    };
    let mut wanted = dims.clone();
    wanted[axis] = index.size();
    if src.dims() != wanted || index.rank() != 1 {
        return Var::fail(
            x.engine,
            Error::shape(format!(
                "indexAdd into {} at axis {axis} with indices {} needs a source of shape {}, got {}",
                show(&dims),
                show(&index.dims()),
                show(&wanted),
                show(&src.dims())
            )),
        );
    }
    x + src.cast(x.dtype()).apply2(ops::IndexInto, index, &IndexInto { axis: axis.into(), size: dims[axis] as f64 }.list())
}
