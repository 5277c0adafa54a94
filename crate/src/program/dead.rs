//! Dead code: an evaluation whose result nobody needs goes. Updates are needed: they are why a step is run.

use super::ir::{Program, Step};
use crate::error::Result;

pub fn remove(program: &mut Program) -> Result<()> {
    let mut needed = vec![false; program.variables.len()];
    for variable in program.results() {
        needed[variable as usize] = true;
    }
    let mut kept: Vec<Step> = Vec::with_capacity(program.steps.len());
    for step in std::mem::take(&mut program.steps).into_iter().rev() {
        let wanted = matches!(step, Step::Update(_)) || step.outputs().iter().any(|&v| needed[v as usize]);
        if wanted {
            step.inputs().iter().for_each(|&v| needed[v as usize] = true);
            kept.push(step);
        }
    }
    kept.reverse();
    program.steps = kept;
    Ok(())
}
