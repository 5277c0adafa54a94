//! Constant folding: an op on literals is evaluated now, by the engine's own kernels. And algebra that keeps every bit: x·1, x/1, x - 0 are x.
//! (x + 0 is not: -0 + 0 is 0.)

use super::ir::{Evaluation, Known, Program, Source, Step, Variable};
use crate::error::Result;
use crate::form::{Form, Spec};
use crate::memory::array::Array;
use crate::memory::out::Out;
use crate::op::{Kind, Op};
use crate::ops;

/// What is larger is computed anew at each run rather than kept.
const MOST_BYTES: usize = 1 << 16;

pub fn fold(program: &mut Program) -> Result<()> {
    let mut name: Vec<Variable> = (0..program.variables.len() as Variable).collect();
    let mut kept = Vec::with_capacity(program.steps.len());
    for mut step in std::mem::take(&mut program.steps) {
        step.rename(&|v| name[v as usize]);
        if let Step::Evaluate(e) = &step {
            if let Some(same) = unchanged(program, e) {
                name[e.output as usize] = same;
                continue;
            }
            if let Some(array) = value(program, e) {
                program.variables[e.output as usize].source = Source::Literal(array);
                continue;
            }
        }
        kept.push(step);
    }
    program.steps = kept;
    program.rename(|v| name[v as usize]);
    Ok(())
}

/// The form of an op that is recorded: a primitive's.
pub fn form_of(op: Op) -> Option<&'static Form> {
    match &op.row().kind {
        Kind::Primitive { form, .. } => Some(form),
        Kind::Composite(_) => None,
    }
}

/// Its value, if all inputs are literals and it is small. An op that refuses them is left as it is, and refuses when it runs.
fn value(program: &Program, e: &Evaluation) -> Option<Array> {
    let known = program.known(e.output);
    if known.bytes() > MOST_BYTES || e.inputs.is_empty() {
        return None;
    }
    let arrays = e.inputs.iter().map(|&v| program.known(v).literal()).collect::<Option<Vec<_>>>()?;
    let form = form_of(e.op)?;
    if let Some(view) = form.view(&arrays, &e.params) {
        return view.ok();
    }
    let specs: Vec<Spec> = arrays.iter().map(|array| Spec::of(array)).collect();
    let (dtype, dims) = form.result(&specs, &e.params).ok()?;
    let mut out = Array::with_dims(dtype, dims).ok()?;
    form.write(&arrays, &e.params, &mut Out::of(&mut out)).ok()?;
    Some(out)
}

/// The input that the output is equal to, bit for bit.
fn unchanged(program: &Program, e: &Evaluation) -> Option<Variable> {
    let all = |v: Variable, number: f64, also_negative_zero: bool| {
        let array = program.known(v).literal()?;
        // A stretched scalar has one element behind all.
        let is = |x: f64| x == number && (also_negative_zero || x.to_bits() == number.to_bits());
        (array.dtype.is_float() && array.to_vec().into_iter().all(is)).then_some(())
    };
    let same = |v: Variable| {
        let (a, b): (&Known, &Known) = (program.known(v), program.known(e.output));
        (a.dtype == b.dtype && a.dims == b.dims).then_some(v)
    };
    match e.op {
        ops::Mul => match e.inputs[..] {
            [a, b] => same(a).filter(|_| all(b, 1.0, true).is_some()).or_else(|| same(b).filter(|_| all(a, 1.0, true).is_some())),
            _ => None,
        },
        ops::Div => same(e.inputs[0]).filter(|_| all(e.inputs[1], 1.0, true).is_some()),
        ops::Sub => same(e.inputs[0]).filter(|_| all(e.inputs[1], 0.0, false).is_some()),
        _ => None,
    }
}
