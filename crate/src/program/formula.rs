//! Evaluations on symbols: what an op does to one element, as nodes of a graph. Pointwise ops come from their rows' own formulas; in
//! straight-line code, where each element of a small tensor is a node, layouts are followed too and small sums and products written out.

use super::fold::form_of;
use super::ir::*;
use crate::dtype::DType;
use crate::form::{Form, Pointwise};
use crate::kernels::binary::strong_product;
use crate::kernels::compare::{Relation, IS_FINITE_SYMBOL, IS_NAN_SYMBOL};
use crate::kernels::lane::symbol::{Graph, Mask32, Mask64, Symbol32, Symbol64};
use crate::kernels::lane::{Bits, Lane};
use crate::memory::array::Strided;
use crate::op::Op;
use crate::ops;
use crate::params::{Along, Product, Reduce, Unslice};
use crate::shape::{axes_from, contiguous_strides};
use smallvec::{smallvec, SmallVec};
use std::ops::Range;

/// One element, or one vector of elements. A mask has all bits of a lane set or none.
#[derive(Clone, Copy)]
pub enum Symbol {
    Float32(Symbol32),
    Float64(Symbol64),
    Mask32(Mask32),
    Mask64(Mask64),
    /// A literal, of whatever type it is wanted in.
    Number(f64),
}

impl Symbol {
    /// In a loop all lanes are of one width; the conversions between widths are those of straight-line code, which uses the first lane.
    fn float32(self) -> Option<Symbol32> {
        Some(match self {
            Symbol::Float32(x) => x,
            Symbol::Float64(x) => x.narrowed(),
            Symbol::Mask32(mask) => Symbol32::select(mask, Symbol32::of(1.0), Symbol32::of(0.0)),
            Symbol::Mask64(mask) => Symbol32::select(mask.narrowed(), Symbol32::of(1.0), Symbol32::of(0.0)),
            Symbol::Number(value) => Symbol32::of(value),
        })
    }

    fn float64(self) -> Option<Symbol64> {
        Some(match self {
            Symbol::Float32(x) => x.widened(),
            Symbol::Float64(x) => x,
            Symbol::Mask32(mask) => Symbol64::select(mask.widened(), Symbol64::of(1.0), Symbol64::of(0.0)),
            Symbol::Mask64(mask) => Symbol64::select(mask, Symbol64::of(1.0), Symbol64::of(0.0)),
            Symbol::Number(value) => Symbol64::of(value),
        })
    }

    fn mask32(self) -> Option<Mask32> {
        match self {
            Symbol::Mask32(mask) => Some(mask),
            Symbol::Mask64(mask) => Some(mask.narrowed()),
            Symbol::Number(value) => Some(Mask32::of(-((value != 0.0) as i64))),
            _ => None,
        }
    }

    fn mask64(self) -> Option<Mask64> {
        match self {
            Symbol::Mask64(mask) => Some(mask),
            Symbol::Mask32(mask) => Some(mask.widened()),
            Symbol::Number(value) => Some(Mask64::of(-((value != 0.0) as i64))),
            _ => None,
        }
    }

    pub fn to(self, dtype: DType) -> Option<Symbol> {
        match dtype {
            DType::Float32 => self.float32().map(Symbol::Float32),
            DType::Float64 => self.float64().map(Symbol::Float64),
            DType::Bool | DType::Int32 => None,
        }
    }
}

fn logic(op: Op, a: Symbol, b: Symbol) -> Option<Symbol> {
    fn joined<M: Bits>(op: Op, a: M, b: M) -> M {
        if op == ops::LogicalAnd {
            a & b
        } else {
            a | b
        }
    }
    match (a, b) {
        (Symbol::Mask64(_), _) | (_, Symbol::Mask64(_)) => Some(Symbol::Mask64(joined(op, a.mask64()?, b.mask64()?))),
        _ => Some(Symbol::Mask32(joined(op, a.mask32()?, b.mask32()?))),
    }
}

fn compared(relation: Relation, dtype: DType, a: Symbol, b: Symbol) -> Option<Symbol> {
    match dtype {
        DType::Float32 => Some(Symbol::Mask32(relation.of(a.float32()?, b.float32()?))),
        DType::Float64 => Some(Symbol::Mask64(relation.of(a.float64()?, b.float64()?))),
        DType::Int32 | DType::Bool => None,
    }
}

/// What a pointwise op makes of one element of each input. None where its row has no formula, or only one that looks at numbers.
fn pointwise(function: &Pointwise, op: Op, dtypes: &[DType], dtype: DType, x: &[Symbol]) -> Option<Symbol> {
    match function {
        Pointwise::Unary(kernel) => {
            let (narrow, wide) = kernel.symbol?;
            match dtype {
                DType::Float32 => Some(Symbol::Float32(narrow(x[0].float32()?))),
                DType::Float64 => Some(Symbol::Float64(wide(x[0].float64()?))),
                DType::Int32 | DType::Bool => None,
            }
        }
        Pointwise::Binary { kernel, .. } => {
            let (narrow, wide) = kernel.symbol?;
            match dtype {
                DType::Float32 => Some(Symbol::Float32(narrow(x[0].float32()?, x[1].float32()?))),
                DType::Float64 => Some(Symbol::Float64(wide(x[0].float64()?, x[1].float64()?))),
                DType::Int32 | DType::Bool => None,
            }
        }
        Pointwise::Compare(kernel) => compared(kernel.relation, dtypes[0].promote(dtypes[1]), x[0], x[1]),
        Pointwise::Logic(_) => logic(op, x[0], x[1]),
        Pointwise::Not(_) => match x[0] {
            Symbol::Mask32(mask) => Some(Symbol::Mask32(!mask)),
            Symbol::Mask64(mask) => Some(Symbol::Mask64(!mask)),
            _ => None,
        },
        Pointwise::Test(_) => {
            let (narrow, wide) = if op == ops::IsNaN { IS_NAN_SYMBOL } else { IS_FINITE_SYMBOL };
            match x[0] {
                Symbol::Float32(x) => Some(Symbol::Mask32(narrow(x))),
                Symbol::Float64(x) => Some(Symbol::Mask64(wide(x))),
                _ => None,
            }
        }
        Pointwise::Select => match dtype {
            DType::Float32 => Some(Symbol::Float32(Symbol32::select(x[0].mask32()?, x[1].float32()?, x[2].float32()?))),
            DType::Float64 => Some(Symbol::Float64(Symbol64::select(x[0].mask64()?, x[1].float64()?, x[2].float64()?))),
            DType::Int32 | DType::Bool => None,
        },
        Pointwise::Cast => x[0].to(dtype),
        Pointwise::OfOrder(_) | Pointwise::Other(_) => None,
    }
}

/// Adds a pointwise op on one vector of each input.
pub fn vector(graph: &mut Graph, program: &Program, e: &Evaluation, x: &[Symbol]) -> Option<Symbol> {
    let Some(Form::Pointwise(function)) = form_of(e.op) else { return None };
    let dtypes: Vec<DType> = e.inputs.iter().map(|&v| program.known(v).dtype).collect();
    graph.grow(|| pointwise(function, e.op, &dtypes, program.known(e.output).dtype, x))?
}

/// The elements of a tensor in order; None is 0, as a slice's gradient mostly is.
pub type Elements = Vec<Option<Symbol>>;

/// The most elements of a result that are written out one by one, of one that is mostly 0, and terms of a product: kernels add so many in
/// order, which is what makes the results the same to the bit.
pub const FEW: usize = 16;
pub const SPARSE: usize = 1024;
const TERMS: usize = 3;

/// Whether an evaluation can be part of straight-line code; its formulas are asked separately.
pub fn is_straight(program: &Program, e: &Evaluation) -> bool {
    let count = program.known(e.output).count();
    let few = |v: Variable| program.known(v).count() <= FEW;
    let floats = |v: &Variable| program.known(*v).dtype.is_float();
    match form_of(e.op) {
        Some(Form::Pointwise(_)) => count <= FEW,
        Some(Form::View(_)) => count <= FEW,
        Some(Form::Movement(_)) => e.op == ops::Unslice && few(e.inputs[0]) && count <= SPARSE && floats(&e.output),
        Some(Form::Joined(_)) => count <= FEW && e.inputs.iter().all(floats),
        Some(Form::Reduction(_)) => {
            e.op == ops::Sum
                && few(e.inputs[0])
                && floats(&e.inputs[0])
                && rows_of_sum(&program.known(e.inputs[0]).dims, &e.params).is_some()
        }
        Some(Form::Product(_)) => {
            let (a, b) = (program.known(e.inputs[0]), program.known(e.inputs[1]));
            let inner = a.dims.last().copied().unwrap_or(1);
            count <= FEW && inner <= TERMS && a.dims.len() <= 2 && b.dims.len() <= 2 && e.inputs.iter().all(floats) && a.dtype == b.dtype
        }
        _ => false,
    }
}

/// Whether it is a sum that can be part of straight-line code if its terms are, most of whose elements are 0.
pub fn adds_sparse(program: &Program, e: &Evaluation) -> bool {
    let count = program.known(e.output).count();
    let floats = program.known(e.output).dtype.is_float();
    e.op == ops::Add && (FEW + 1..=SPARSE).contains(&count) && floats && e.inputs.iter().all(|&v| program.known(v).count() == count)
}

/// What a result is made of side by side along an axis: which part each input is, 0 elsewhere.
pub struct Pieces {
    pub axis: usize,
    pub parts: SmallVec<[Range<usize>; 2]>,
}

/// More pieces of one result are joined by a kernel.
pub const MOST_PIECES: usize = 8;

/// The pieces of a joined result, or of the gradient of a slice along one axis.
pub fn pieces_of(program: &Program, e: &Evaluation) -> Option<Pieces> {
    let known = program.known(e.output);
    let is_other = |&v: &Variable| program.known(v).count() < known.count();
    if !known.dtype.is_float()
        || e.inputs.len() > MOST_PIECES
        || !e.inputs.iter().all(is_other)
        || e.inputs.iter().any(|&v| program.known(v).dtype != known.dtype)
    {
        return None;
    }
    let pieces = match form_of(e.op)? {
        Form::Movement(_) if e.op == ops::Unslice => {
            let Unslice { starts, steps, .. } = Unslice::read(&e.params);
            let dims = &program.known(e.inputs[0]).dims;
            let mut partial = (0..dims.len()).filter(|&axis| dims[axis] != known.dims[axis]);
            let axis = partial.next()?;
            if partial.next().is_some() || steps.iter().any(|&step| step != 1.0) {
                return None;
            }
            let start = starts[axis] as usize;
            Pieces { axis, parts: smallvec![start..start + dims[axis]] }
        }
        Form::Joined(_) => {
            let axis = Along::read(&e.params).axis.of(known.dims.len()).ok()?;
            let mut end = 0;
            let mut part = |v: &Variable| {
                let start = end;
                end += program.known(*v).dims[axis];
                start..end
            };
            Pieces { axis, parts: e.inputs.iter().map(&mut part).collect() }
        }
        _ => return None,
    };
    pieces.parts.iter().all(|part| !part.is_empty()).then_some(pieces)
}

/// Where element `index` of a result of `dims` comes from in an input of `from`, which is broadcast to it.
fn broadcast_index(index: usize, dims: &[usize], from: &[usize]) -> usize {
    let (mut rest, mut at, mut step) = (index, 0, 1);
    for axis in (0..dims.len()).rev() {
        let place = rest % dims[axis];
        rest /= dims[axis];
        if let Some(own) = (axis + from.len()).checked_sub(dims.len()) {
            if from[own] != 1 {
                at += place * step;
            }
            step *= from[own];
        }
    }
    at
}

/// Adds an evaluation element by element.
pub fn straight(graph: &mut Graph, program: &Program, e: &Evaluation, x: &[&Elements]) -> Option<Elements> {
    let (known, form) = (program.known(e.output), form_of(e.op)?);
    let dims_of = |i: usize| &program.known(e.inputs[i]).dims[..];
    let count = known.count();
    match form {
        Form::Pointwise(function) => {
            let dtypes: Vec<DType> = e.inputs.iter().map(|&v| program.known(v).dtype).collect();
            let element = |i: usize| {
                let parts: Vec<Option<Symbol>> =
                    x.iter().enumerate().map(|(k, x)| x[broadcast_index(i, &known.dims, dims_of(k))]).collect();
                // What reverse mode adds of slices is mostly 0.
                if e.op == ops::Add && parts.iter().all(Option::is_none) {
                    return Some(None);
                }
                let parts: Vec<Symbol> = parts.into_iter().map(|part| part.unwrap_or(Symbol::Number(0.0))).collect();
                pointwise(function, e.op, &dtypes, known.dtype, &parts).map(Some)
            };
            graph.grow(|| (0..count).map(element).collect::<Option<Elements>>())?
        }
        Form::View(view) => {
            let dims = dims_of(0);
            let strides = contiguous_strides(dims);
            let layout = (view.layout)(Strided { dims, strides: &strides, offset: 0 }, &e.params).ok()?;
            Some(positions(&layout.dims, &layout.strides, layout.offset).map(|at| x[0][at]).collect())
        }
        Form::Movement(_) => {
            let Unslice { starts, steps, dims } = Unslice::read(&e.params);
            let mut elements: Elements = vec![None; count];
            let full: Vec<usize> = dims.iter().map(|&d| d as usize).collect();
            let all = contiguous_strides(&full);
            let strides: Vec<isize> = all.iter().zip(steps).map(|(&stride, &step)| stride * step as isize).collect();
            let offset: usize = all.iter().zip(starts).map(|(&stride, &start)| stride as usize * start as usize).sum();
            for (at, &element) in positions(dims_of(0), &strides, offset).zip(x[0]) {
                elements[at] = element;
            }
            Some(elements)
        }
        Form::Joined(_) => {
            let axis = Along::read(&e.params).axis.of(known.dims.len()).ok()?;
            let mut elements = Elements::with_capacity(count);
            let outer: usize = known.dims[..axis].iter().product();
            for row in 0..outer {
                for (k, x) in x.iter().enumerate() {
                    let part: usize = dims_of(k)[axis..].iter().product();
                    elements.extend_from_slice(&x[row * part..(row + 1) * part]);
                }
            }
            Some(elements)
        }
        Form::Reduction(_) => {
            let terms = rows_of_sum(dims_of(0), &e.params)?;
            graph.grow(|| (0..count).map(|row| total(&x[0][row * terms..(row + 1) * terms], known.dtype)).collect::<Option<Elements>>())?
        }
        Form::Product(_) => {
            let strong = Product::read(&e.params).zero_wins;
            let (a, b) = (dims_of(0), dims_of(1));
            let inner = *a.last()?;
            let columns = if b.len() == 2 { b[1] } else { 1 };
            // As the kernels do it: dot products of single numbers, tiles by multiply-adds.
            let is_tiled = columns > 1 && count > columns;
            graph.grow(|| {
                let element = |i: usize| {
                    let (row, column) = (i / columns, i % columns);
                    let mut sum: Option<Symbol> = None;
                    for k in 0..inner {
                        let (p, q) = (x[0][row * inner + k], x[1][k * columns + column]);
                        let (Some(p), Some(q)) = (p, q) else { continue };
                        sum = Some(match sum {
                            Some(sum) if is_tiled => multiply_added(p, q, sum, known.dtype, strong)?,
                            Some(sum) => added(sum, times(p, q, known.dtype, strong)?, known.dtype)?,
                            None => times(p, q, known.dtype, strong)?,
                        });
                    }
                    // Sums begin with 0: none is -0.
                    match sum {
                        Some(sum) => added(sum, Symbol::Number(0.0), known.dtype).map(Some),
                        None => Some(None),
                    }
                };
                (0..count).map(element).collect::<Option<Elements>>()
            })?
        }
        _ => None,
    }
}

/// How many neighbouring elements each sum is of; None where they do not stand together.
fn rows_of_sum(dims: &[usize], params: &[f64]) -> Option<usize> {
    let Reduce { all, axis, .. } = Reduce::read(params);
    let axes: Vec<usize> = if all { (0..dims.len()).collect() } else { axes_from(axis, dims.len()).ok()?.to_vec() };
    let first = (0..dims.len()).find(|axis| axes.contains(axis) && dims[*axis] != 1).unwrap_or(dims.len());
    (first..dims.len()).all(|axis| axes.contains(&axis) || dims[axis] == 1).then(|| dims[first..].iter().product())
}

/// A sum in the order of `kernels/reduce/sum.rs`: every fourth term (of 16, every sixteenth) in a lane of its own, the lanes joined by halves.
fn total(terms: &[Option<Symbol>], dtype: DType) -> Option<Option<Symbol>> {
    let plus = |a: Option<Symbol>, b: Option<Symbol>| match (a, b) {
        (Some(a), Some(b)) => added(a, b, dtype).map(Some),
        (one, other) => Some(one.or(other)),
    };
    let count = if terms.len() < FEW { 4 } else { FEW };
    let mut lanes: Vec<Option<Symbol>> = vec![None; count];
    for (i, &term) in terms.iter().enumerate() {
        lanes[i % count] = plus(lanes[i % count], term)?;
    }
    while lanes.len() > 1 {
        let half = lanes.len() / 2;
        lanes = (0..half).map(|l| plus(lanes[l], lanes[l + half])).collect::<Option<_>>()?;
    }
    // The kernel's lanes begin with 0: a sum is never -0.
    match lanes[0] {
        Some(sum) => added(sum, Symbol::Number(0.0), dtype).map(Some),
        None => Some(None),
    }
}

fn added(a: Symbol, b: Symbol, dtype: DType) -> Option<Symbol> {
    match dtype {
        DType::Float32 => Some(Symbol::Float32(a.float32()? + b.float32()?)),
        DType::Float64 => Some(Symbol::Float64(a.float64()? + b.float64()?)),
        DType::Int32 | DType::Bool => None,
    }
}

fn multiply_added(a: Symbol, b: Symbol, sum: Symbol, dtype: DType, strong: bool) -> Option<Symbol> {
    fn next<L: Lane>(a: L, b: L, sum: L, strong: bool) -> L {
        let (zero, next) = (L::of(0.0), a.mul_add(b, sum));
        if strong {
            L::select(a.eq(zero) | b.eq(zero), sum, next)
        } else {
            next
        }
    }
    match dtype {
        DType::Float32 => Some(Symbol::Float32(next(a.float32()?, b.float32()?, sum.float32()?, strong))),
        DType::Float64 => Some(Symbol::Float64(next(a.float64()?, b.float64()?, sum.float64()?, strong))),
        DType::Int32 | DType::Bool => None,
    }
}

fn times(a: Symbol, b: Symbol, dtype: DType, strong: bool) -> Option<Symbol> {
    fn product<L: Lane>(a: L, b: L, strong: bool) -> L {
        if strong {
            strong_product(a, b)
        } else {
            a * b
        }
    }
    match dtype {
        DType::Float32 => Some(Symbol::Float32(product(a.float32()?, b.float32()?, strong))),
        DType::Float64 => Some(Symbol::Float64(product(a.float64()?, b.float64()?, strong))),
        DType::Int32 | DType::Bool => None,
    }
}

/// Where the elements of a layout lie, in row-major order.
pub fn positions<'a>(dims: &'a [usize], strides: &'a [isize], offset: usize) -> impl Iterator<Item = usize> + 'a {
    let count: usize = dims.iter().product();
    (0..count).map(move |index| {
        let (mut rest, mut at) = (index, offset as isize);
        for (&dim, &stride) in dims.iter().zip(strides).rev() {
            at += (rest % dim) as isize * stride;
            rest /= dim;
        }
        at as usize
    })
}

/// How many instructions the formulas of an evaluation are, tried on a graph that is thrown away; None if they are not complete.
pub fn length_of_formula(program: &Program, e: &Evaluation) -> Option<usize> {
    let mut graph = Graph::default();
    let mut x = Vec::new();
    let wide = e.inputs.iter().chain([&e.output]).any(|&v| program.known(v).dtype == DType::Float64);
    for (i, &v) in e.inputs.iter().enumerate() {
        x.push(outside(&mut graph, program, v, i as u32, wide)?);
    }
    // The others add and multiply.
    if let Some(Form::Pointwise(_)) = form_of(e.op) {
        vector(&mut graph, program, e, &x)?;
    }
    Some(graph.code.len())
}

/// An input that is read from memory, or a literal number.
pub fn outside(graph: &mut Graph, program: &Program, v: Variable, number: u32, wide: bool) -> Option<Symbol> {
    let known = program.known(v);
    if let Some(value) = number_of(program, v) {
        return Some(Symbol::Number(value));
    }
    Some(match known.dtype {
        DType::Float32 => Symbol::Float32(Symbol32(graph.input(number))),
        DType::Float64 => Symbol::Float64(Symbol64(graph.input(number))),
        DType::Bool if wide => Symbol::Mask64(Mask64(graph.input(number))),
        DType::Bool => Symbol::Mask32(Mask32(graph.input(number))),
        DType::Int32 => return None,
    })
}

/// The number that all elements of a literal are.
pub fn number_of(program: &Program, v: Variable) -> Option<f64> {
    let array = program.known(v).literal()?;
    let is_one = array.len() == 1 || !array.is_empty() && array.strides.iter().all(|&stride| stride == 0);
    is_one.then(|| array.first())
}
