//! Where results are written. Each result gets an array of its own, which outlives the run, or is a view of one, as it is in eager code; what
//! an instruction does not write itself is copied there. The update of an optimizer writes over the numbers it was given: that may be the parameter itself where nobody reads
//! the old numbers later and nothing can fail any more, else it is a copy.

use super::ir::*;
use super::layout::{layouts, Lies};
use crate::error::Result;

pub struct Settled {
    pub program: Program,
    /// The variable whose numbers a variable shares: itself, or what it is a view of or was written over.
    pub roots: Vec<Variable>,
    pub lies: Vec<Lies>,
    /// Variables with arrays of their own, which are handed out.
    pub fresh: Vec<Variable>,
}

pub fn settle(mut program: Program) -> Result<Settled> {
    let seen = seen_outputs(&program);
    let results = written(&program, &seen);
    updates(&mut program, &results);
    let mut fresh = Vec::new();
    let roots = roots(&program, &results);
    copies(&mut program, &roots, &seen, &mut fresh);
    // Copies are variables too.
    let results = written(&program, &seen);
    let lies = layouts(&program, &results).lies;
    Ok(Settled { roots: self::roots(&program, &results), lies, fresh, program })
}

/// Of each output what it is handed out as a view of, if that is many numbers: of something computed, outside of loops, or of an argument, where
/// nothing is written that an argument may share.
fn seen_outputs(program: &Program) -> Vec<Option<Variable>> {
    let roots = layouts(program, &program.flags(std::iter::empty())).roots;
    let made = program.steps.iter().filter_map(|step| if let Step::Evaluate(e) = step { Some(e.output) } else { None });
    let evaluated = program.flags(made);
    let is_many = |v: Variable| program.known(v).count() > FEW_NUMBERS;
    let root_of = |&v: &Variable| {
        let root = roots[v as usize];
        let is_there = match program.known(root).source {
            Source::Computed => root != v && evaluated[root as usize],
            Source::Input(_) => program.places.is_empty(),
            Source::Place(_) | Source::Gradient(_) | Source::Key(_) | Source::Literal(_) => false,
        };
        (is_there && is_many(root) && is_many(v)).then_some(root)
    };
    program.outputs.iter().map(root_of).collect()
}

/// Which variables are results that are not views.
fn written(program: &Program, seen: &[Option<Variable>]) -> Vec<bool> {
    let outputs = program.outputs.iter().zip(seen).map(|(&v, root)| root.unwrap_or(v));
    program.flags(outputs.chain(program.results().skip(program.outputs.len())))
}

/// Whose numbers a variable has, when updates have written over theirs.
fn roots(program: &Program, results: &[bool]) -> Vec<Variable> {
    let mut over: Vec<Option<Variable>> = vec![None; program.variables.len()];
    for step in &program.steps {
        if let Step::Update(change) = step {
            change.before.iter().zip(&change.after).for_each(|(&before, &after)| over[after as usize] = Some(before));
        }
    }
    let mut roots = layouts(program, results).roots;
    for root in &mut roots {
        while let Some(before) = over[*root as usize] {
            *root = before;
        }
    }
    roots
}

/// Gives each update numbers that it may write over.
fn updates(program: &mut Program, results: &[bool]) {
    let Some(first) = program.steps.iter().position(|step| matches!(step, Step::Update(_))) else { return };
    // Behind the last other step nothing can fail: an update cannot, once its tensors are there.
    let nothing_fails = program.steps[first..].iter().all(|step| matches!(step, Step::Update(_)));
    let roots = layouts(program, results).roots;
    let mut last_read = vec![0; program.variables.len()];
    let mut is_updated = vec![false; program.variables.len()];
    for (at, step) in program.steps.iter().enumerate() {
        step.inputs().iter().for_each(|&v| last_read[roots[v as usize] as usize] = at);
        if let Step::Update(change) = step {
            change.after.iter().for_each(|&v| is_updated[v as usize] = true);
        }
    }
    (0..results.len()).filter(|&v| results[v]).for_each(|v| last_read[roots[v] as usize] = usize::MAX);
    let mut steps = Vec::with_capacity(program.steps.len());
    for (at, mut step) in std::mem::take(&mut program.steps).into_iter().enumerate() {
        if let Step::Update(change) = &mut step {
            for k in 0..change.before.len() {
                let before = change.before[k];
                let is_tensor = matches!(program.variables[before as usize].source, Source::Place(_)) || is_updated[before as usize];
                let alone =
                    last_read[before as usize] == at && roots[change.gradient as usize] != before && !change.before[..k].contains(&before);
                if nothing_fails && is_tensor && alone {
                    continue;
                }
                change.before[k] = program.copy_of(before);
                steps.push(Step::Copy { input: before, output: change.before[k] });
            }
        }
        steps.push(step);
    }
    program.steps = steps;
}

/// Copies what is handed out and is not written by an instruction for that purpose.
fn copies(program: &mut Program, roots: &[Variable], seen: &[Option<Variable>], fresh: &mut Vec<Variable>) {
    let mut copied: Vec<(Variable, Variable)> = Vec::new();
    let mut handed_out = |program: &mut Program, variable: Variable| {
        let root = roots[variable as usize];
        let computed = matches!(program.variables[root as usize].source, Source::Computed);
        if computed && root == variable {
            if !fresh.contains(&variable) {
                fresh.push(variable);
            }
            return variable;
        }
        if let Some(&(_, copy)) = copied.iter().find(|(of, _)| *of == variable) {
            return copy;
        }
        let copy = program.copy_of(variable);
        copied.push((variable, copy));
        program.steps.push(Step::Copy { input: variable, output: copy });
        fresh.push(copy);
        copy
    };
    for (i, seen) in seen.iter().enumerate() {
        match *seen {
            None => program.outputs[i] = handed_out(program, program.outputs[i]),
            Some(root) if matches!(program.known(root).source, Source::Computed) => {
                handed_out(program, root);
            }
            Some(_) => {}
        }
    }
    for i in 0..program.places.len() {
        if let GradientAfter::Some(gradient) = program.places[i].gradient_after {
            program.places[i].gradient_after = GradientAfter::Some(handed_out(program, gradient));
        }
        let Some(after) = program.places[i].after else { continue };
        let root = roots[after as usize];
        // Written over where it lies: nothing is left to do.
        let in_place = matches!(program.variables[root as usize].source, Source::Place(place) if place as usize == i);
        program.places[i].after = if in_place { None } else { Some(handed_out(program, after)) };
    }
}
