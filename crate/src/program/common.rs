//! Common subexpressions: an op on the same inputs with the same parameters gives the same numbers, draws included, which are functions of
//! their keys. Equal literals are one variable first. What is computed again on purpose, by `checkpoint`, stays so: it is what saves memory.

use super::ir::{Program, Source, Step, Variable, Variables};
use crate::error::Result;
use crate::op::Op;
use rustc_hash::FxHashMap;

/// Literals of up to so many elements are compared.
const SMALL: usize = 64;

pub fn merge(program: &mut Program) -> Result<()> {
    let mut name: Vec<Variable> = (0..program.variables.len() as Variable).collect();
    let mut literals: FxHashMap<(u8, Vec<usize>, Vec<u64>), Variable> = FxHashMap::default();
    for (variable, known) in program.variables.iter().enumerate() {
        let Source::Literal(array) = &known.source else { continue };
        if known.count() <= SMALL {
            let bits = array.to_vec().into_iter().map(f64::to_bits).collect();
            let first = *literals.entry((known.dtype as u8, known.dims.to_vec(), bits)).or_insert(variable as Variable);
            name[variable] = first;
        }
    }
    let mut seen: FxHashMap<(Op, Variables, Vec<u64>, u32), Variable> = FxHashMap::default();
    let mut kept = Vec::with_capacity(program.steps.len());
    for mut step in std::mem::take(&mut program.steps) {
        step.rename(&|v| name[v as usize]);
        if let Step::Evaluate(e) = &step {
            let key = (e.op, e.inputs.clone(), e.params.iter().map(|p| p.to_bits()).collect(), e.reruns);
            let first = *seen.entry(key).or_insert(e.output);
            if first != e.output {
                name[e.output as usize] = first;
                continue;
            }
        }
        kept.push(step);
    }
    program.steps = kept;
    program.rename(|v| name[v as usize]);
    Ok(())
}
