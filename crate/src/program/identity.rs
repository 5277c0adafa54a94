//! What is something else under another name. Views that undo each other, as two transpositions do, are what they are views of.
//!
//! Products with rows of a scaled identity are parts of the other factor. Jacobians and Hessians push the unit vectors through a function all
//! at once, so what first meets a matrix there is the identity, a literal. In such a product, whose zeros win against all else, row r of c·I times P is
//!   0 + c P[s + r],
//! to the bit: the sum begins with 0, which makes 0 of -0.

use super::ir::{Evaluation, Known, Params, Program, Source, Step, Variable, Variables};
use super::layout::layouts;
use crate::error::Result;
use crate::memory::array::Array;
use crate::op::Op;
use crate::ops;
use crate::params::{Product, Shape, Slice};
use crate::shape::{few, Dims};

pub fn simplify(program: &mut Program) -> Result<()> {
    let mut kept = Vec::with_capacity(program.steps.len());
    for step in std::mem::take(&mut program.steps) {
        let rows = if let Step::Evaluate(e) = &step { rows_of(program, e) } else { None };
        match (step, rows) {
            (Step::Evaluate(e), Some(rows)) => replace(program, &e, &rows, &mut kept)?,
            (step, _) => kept.push(step),
        }
    }
    program.steps = kept;
    undo_views(program);
    Ok(())
}

fn undo_views(program: &mut Program) {
    let nothing = vec![false; program.variables.len()];
    let found = layouts(program, &nothing);
    let name: Vec<Variable> = (0..program.variables.len())
        .map(|v| {
            let root = found.roots[v] as usize;
            let is_same = program.variables[v].dims == program.variables[root].dims && found.lies[v] == found.lies[root];
            if is_same {
                root as Variable
            } else {
                v as Variable
            }
        })
        .collect();
    program.steps.retain(|step| !matches!(step, Step::Evaluate(e) if name[e.output as usize] != e.output));
    program.rename(|v| name[v as usize]);
}

/// `count` neighbouring rows of c·I.
struct Rows {
    first: usize,
    count: usize,
    scale: f64,
}

/// What the left factor of a product is, if the right one is one matrix.
fn rows_of(program: &Program, e: &Evaluation) -> Option<Rows> {
    if e.op != ops::Matmul || !Product::read(&e.params).zero_wins {
        return None;
    }
    let (left, right, result) = (program.known(e.inputs[0]), program.known(e.inputs[1]), program.known(e.output));
    let is_float = result.dtype.is_float() && left.dtype == result.dtype && right.dtype == result.dtype;
    if !is_float || right.dims.len() != 2 {
        return None;
    }
    part_of_identity(left.literal()?, right.dims[0])
}

fn part_of_identity(literal: &Array, columns: usize) -> Option<Rows> {
    let count = literal.len().checked_div(columns)?;
    if count == 0 || count > columns {
        return None;
    }
    let values = literal.to_vec();
    let first = values.iter().take(columns).position(|&value| value != 0.0)?;
    let scale = values[first];
    let is_one = |(row, values): (usize, &[f64])| {
        let place = first + row;
        place < columns && values.iter().enumerate().all(|(column, &value)| value == if column == place { scale } else { 0.0 })
    };
    values.chunks_exact(columns).enumerate().all(is_one).then_some(Rows { first, count, scale })
}

/// The part, times the scale, plus 0, in the result's dims.
fn replace(program: &mut Program, e: &Evaluation, rows: &Rows, steps: &mut Vec<Step>) -> Result<()> {
    let dtype = program.known(e.output).dtype;
    let from = program.known(e.inputs[1]).dims.clone();
    let part = [rows.count, from[1]];
    let mut step = |program: &mut Program, op: Op, inputs: &[Variable], params: &[f64], output: Option<Variable>| {
        let computed = || Known { dtype, dims: few(&part), source: Source::Computed };
        let output = output.unwrap_or_else(|| program.add(computed()));
        let (inputs, params) = (Variables::from_slice(inputs), Params::from_slice(params));
        steps.push(Step::Evaluate(Evaluation { op, inputs, output, params, reruns: e.reruns }));
        output
    };
    let number = |program: &mut Program, value: f64| -> Result<Variable> {
        let array = Array::scalar(dtype, value)?;
        Ok(program.add(Known { dtype, dims: Dims::new(), source: Source::Literal(array) }))
    };
    let mut at = e.inputs[1];
    if rows.count < from[0] {
        let (starts, ends) = ([rows.first as f64, 0.0], [(rows.first + rows.count) as f64, from[1] as f64]);
        at = step(program, ops::Slice, &[at], &Slice { starts: &starts, ends: &ends, steps: &[1.0, 1.0] }.list(), None);
    }
    if rows.scale != 1.0 {
        let scale = number(program, rows.scale)?;
        at = step(program, ops::Mul, &[at, scale], &[], None);
    }
    let zero = number(program, 0.0)?;
    at = step(program, ops::Add, &[at, zero], &[], None);
    let dims: Vec<f64> = program.known(e.output).dims.iter().map(|&d| d as f64).collect();
    step(program, ops::Reshape, &[at], &Shape { dims: &dims }.list(), Some(e.output));
    Ok(())
}
