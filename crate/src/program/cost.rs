//! What a run of a program costs, counted and not measured.

use super::fold::form_of;
use super::ir::*;
use crate::form::Form;

#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Emitted functions.
    pub groups: usize,
    /// Additions, multiplications, comparisons and their like; a function such as exp counts as one.
    pub flops: f64,
    /// Read and written by instructions; values inside a group are in registers.
    pub bytes: f64,
}

/// `roots` tell views, which cost nothing.
pub fn cost(program: &Program, roots: &[Variable]) -> Cost {
    let mut cost = Cost::default();
    add(&mut cost, program, roots, &program.steps, 1.0);
    cost
}

/// Adds the cost of steps that are done so many times.
fn add(cost: &mut Cost, program: &Program, roots: &[Variable], steps: &[Step], times: f64) {
    for step in steps {
        match step {
            Step::Evaluate(e) if roots[e.output as usize] != e.output => continue,
            Step::Evaluate(e) => cost.flops += times * flops(program, e),
            Step::Group(group) => {
                cost.groups += 1;
                cost.flops += times * group.body.iter().map(|e| flops(program, e)).sum::<f64>();
            }
            // An update does about ten operations on each number.
            Step::Update(change) => cost.flops += 10.0 * program.known(change.before[0]).count() as f64,
            Step::Copy { .. } => {}
            Step::Loop(made) => {
                add(cost, program, roots, &made.body, times * if made.test.is_some() { 1.0 } else { made.turns as f64 });
                continue;
            }
        }
        let touched = step.inputs().into_iter().chain(step.outputs().iter().copied());
        cost.bytes += times * touched.map(|v| program.known(v).bytes() as f64).sum::<f64>();
    }
}

fn flops(program: &Program, e: &Evaluation) -> f64 {
    let count = |v: Variable| program.known(v).count() as f64;
    match form_of(e.op) {
        Some(Form::View(_) | Form::Movement(_) | Form::Joined(_)) | None => 0.0,
        Some(Form::Product(_)) => 2.0 * count(e.output) * program.known(e.inputs[0]).dims.last().map_or(1.0, |&k| k as f64),
        Some(Form::Reduction(_) | Form::Scatter(_)) => count(e.inputs[0]),
        Some(Form::Pointwise(_) | Form::AlongAxis(_) | Form::Random(_) | Form::General(_)) => count(e.output),
    }
}
