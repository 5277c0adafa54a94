//! The program with its loops, written anew.

use super::{Operand, Rolled, Seen};
use crate::op::Op;
use crate::ops;
use crate::params::{Along, Slice};
use crate::program::ir::*;
use crate::shape::{few, Dims};
use rustc_hash::{FxHashMap, FxHashSet};

/// The program with its loops, written anew.
pub(super) struct Writing<'a> {
    pub(super) program: &'a mut Program,
    pub(super) seen: Seen,
    pub(super) rolled: Vec<Rolled>,
    old: Vec<Option<Step>>,
    pub(super) steps: Vec<Step>,
    /// What all turns of a loop computed at a position, where somebody needs more than the last.
    pub(super) collected: FxHashMap<(usize, usize), Variable>,
    /// Outside of its loop: the name of what a turn computed, or of a view of it.
    outside: FxHashMap<Variable, Variable>,
    /// Which of the solid steps are in loops.
    of_loop: Vec<Option<usize>>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(program: &'a mut Program, seen: Seen, rolled: Vec<Rolled>, of_loop: Vec<Option<usize>>) -> Writing<'a> {
        let old = std::mem::take(&mut program.steps).into_iter().map(Some).collect();
        let (collected, outside) = (FxHashMap::default(), FxHashMap::default());
        Writing { program, seen, rolled, old, steps: Vec::new(), collected, outside, of_loop }
    }

    /// The loop, turn and position that compute a root.
    fn turn_of(&self, root: Variable) -> Option<(usize, usize, usize)> {
        let at = self.seen.position[root as usize]?;
        let of = self.of_loop[at]?;
        let region = self.rolled[of].region;
        let from = at - region.start;
        Some((of, from / region.period, from % region.period))
    }

    pub(super) fn evaluation(&self, at: usize) -> Option<&Evaluation> {
        match &self.old[at] {
            Some(Step::Evaluate(e)) => Some(e),
            _ => None,
        }
    }

    /// The variable that stands for what the step at a position computes.
    pub(super) fn template(&self, of: usize, position: usize) -> Option<Variable> {
        self.evaluation(self.seen.solids[self.rolled[of].region.at(0, position)]).map(|e| e.output)
    }

    pub(super) fn write(mut self) {
        self.collect();
        let count = self.old.len();
        let ranges: FxHashMap<usize, (usize, usize)> = (0..self.rolled.len())
            .map(|of| {
                let region = self.rolled[of].region;
                (self.seen.solids[region.start], (of, self.seen.solids[region.end() - 1]))
            })
            .collect();
        let mut at = 0;
        while at < count {
            if let Some(&(of, last)) = ranges.get(&at) {
                // Views of what is outside stand before the loop.
                for view in at..=last {
                    if self.is_view(view) {
                        self.keep_view(view);
                    }
                }
                self.write_loop(of);
                at = last + 1;
                continue;
            }
            if self.is_view(at) {
                self.keep_view(at);
            } else if let Some(step) = self.old[at].take() {
                self.keep(step);
            }
            at += 1;
        }
        self.rename_results();
        self.program.steps = std::mem::take(&mut self.steps);
    }

    fn is_view(&self, at: usize) -> bool {
        matches!(&self.old[at], Some(Step::Evaluate(e)) if self.seen.roots[e.output as usize] != e.output)
    }

    /// A view of what no loop computes stays as it is; others are made where they are needed.
    fn keep_view(&mut self, at: usize) {
        let Some(e) = self.evaluation(at) else { return };
        if self.turn_of(self.seen.roots[e.output as usize]).is_none() {
            let copy = e.clone();
            self.steps.push(Step::Evaluate(copy));
        }
    }

    /// A step that is in no loop.
    fn keep(&mut self, mut step: Step) {
        match &mut step {
            Step::Evaluate(e) if e.op == ops::Concat => e.inputs = self.joined(e),
            Step::Evaluate(e) => e.inputs = e.inputs.iter().map(|&v| self.outer(v)).collect(),
            Step::Update(change) => {
                change.gradient = self.outer(change.gradient);
                change.before = change.before.iter().map(|&v| self.outer(v)).collect();
            }
            Step::Loop(_) => {
                let names: FxHashMap<Variable, Variable> = step.inputs().into_iter().map(|v| (v, self.outer(v))).collect();
                step.rename(&|v| names.get(&v).copied().unwrap_or(v));
            }
            Step::Copy { .. } | Step::Group(_) => {}
        }
        self.steps.push(step);
    }

    /// Finds out what more than the last turn's is needed of.
    fn collect(&mut self) {
        let mut needed: FxHashSet<(usize, usize)> = FxHashSet::default();
        let mut need = |writing: &Self, v: Variable| {
            if let Some((of, turn, position)) = writing.turn_of(writing.seen.roots[v as usize]) {
                if turn + 1 < writing.rolled[of].region.turns {
                    needed.insert((of, position));
                }
            }
        };
        for (at, &step) in self.seen.solids.iter().enumerate() {
            if self.of_loop[at].is_none() {
                self.old[step].iter().flat_map(Step::inputs).for_each(|v| need(self, v));
            }
        }
        self.program.results().for_each(|v| need(self, v));
        let mut of_turns = Vec::new();
        for Rolled { operands, before, .. } in &self.rolled {
            before.values().flatten().for_each(|&v| need(self, v));
            for operand in operands.iter().flatten() {
                match operand {
                    Operand::Same(v) | Operand::Part { root: v, .. } => need(self, *v),
                    Operand::OfTurn { of, position, .. } => of_turns.push((*of, *position)),
                    Operand::Own | Operand::Before { .. } | Operand::Literals(_) => {}
                }
            }
        }
        needed.extend(of_turns);
        for (of, position) in needed {
            let Some(template) = self.template(of, position) else { continue };
            let known = self.program.known(template);
            let mut dims = few(&[self.rolled[of].region.turns]);
            dims.extend_from_slice(&known.dims);
            let all = Known { dtype: known.dtype, dims, source: Source::Computed };
            let all = self.program.add(all);
            self.collected.insert((of, position), all);
        }
    }

    fn view(&mut self, op: Op, input: Variable, params: Params, dims: Dims) -> Variable {
        let dtype = self.program.known(input).dtype;
        let output = self.program.add(Known { dtype, dims, source: Source::Computed });
        self.steps.push(Step::Evaluate(Evaluation { op, inputs: Variables::from_slice(&[input]), output, params, reruns: 0 }));
        output
    }

    /// Rows of what a loop collected, as an array with other dims.
    fn rows(&mut self, all: Variable, first: usize, count: usize, dims: &[usize]) -> Variable {
        let whole: Vec<f64> = self.program.known(all).dims.iter().map(|&d| d as f64).collect();
        let (mut starts, mut ends) = (vec![0.0; whole.len()], whole.clone());
        starts[0] = first as f64;
        ends[0] = (first + count) as f64;
        let mut part = self.program.known(all).dims.clone();
        part[0] = count;
        let params = Slice { starts: &starts, ends: &ends, steps: &vec![1.0; whole.len()] }.list();
        let part = self.view(ops::Slice, all, params.into_iter().collect(), part);
        self.view(ops::Reshape, part, dims.iter().map(|&d| d as f64).collect(), few(dims))
    }

    /// The name, outside of loops, of a variable of the straight program.
    pub(super) fn outer(&mut self, v: Variable) -> Variable {
        let root = self.seen.roots[v as usize];
        let Some((of, turn, position)) = self.turn_of(root) else { return v };
        if let Some(&known) = self.outside.get(&v) {
            return known;
        }
        let name = if v != root {
            let Some(view) = self.evaluation(self.seen.maker[v as usize]).cloned() else { return v };
            let input = self.outer(view.inputs[0]);
            let dims = self.program.known(v).dims.clone();
            self.view(view.op, input, view.params, dims)
        } else {
            match self.collected.get(&(of, position)) {
                Some(&all) => {
                    let dims = self.program.known(v).dims.clone();
                    self.rows(all, turn, 1, &dims)
                }
                // The last turn's is what is left.
                None => self.template(of, position).unwrap_or(v),
            }
        };
        self.outside.insert(v, name);
        name
    }

    /// The inputs of a concat: what was computed in turns one after the other is one piece.
    fn joined(&mut self, e: &Evaluation) -> Variables {
        let rank = self.program.known(e.output).dims.len();
        let along_first = Along::read(&e.params).axis.of(rank).is_ok_and(|axis| axis == 0);
        let mut inputs = Variables::new();
        let mut next = 0;
        while next < e.inputs.len() {
            let v = e.inputs[next];
            let run = if along_first { self.run(&e.inputs[next..]) } else { 1 };
            let found = self.turn_of(self.seen.roots[v as usize]).filter(|_| run > 1);
            let all = found.and_then(|(of, _, position)| self.collected.get(&(of, position)).copied());
            if let (Some((_, turn, _)), Some(all)) = (found, all) {
                let mut dims = self.program.known(v).dims.clone();
                dims[0] *= run;
                let is_backward = self.turn_of(self.seen.roots[e.inputs[next + 1] as usize]).is_some_and(|(_, second, _)| second < turn);
                let first = if is_backward { turn + 1 - run } else { turn };
                let rows = self.rows(all, first, run, &dims);
                inputs.push(if is_backward { self.view(ops::Flip, rows, Params::from_slice(&[0.0]), dims) } else { rows });
            } else {
                inputs.push(self.outer(v));
            }
            next += run;
        }
        inputs
    }

    /// How many of the inputs, from the first on, are the results of one step in turns one after the other, forward or backward.
    fn run(&self, inputs: &[Variable]) -> usize {
        let whole = |v: Variable| {
            let (root, lies) = (self.seen.roots[v as usize], &self.seen.lies[v as usize]);
            let is_whole = lies.offset == 0 && lies.is_contiguous() && self.program.known(v).count() == self.program.known(root).count();
            self.turn_of(root).filter(|_| is_whole)
        };
        let places: Vec<_> = inputs.iter().map_while(|&v| whole(v)).collect();
        let [(of, first, position), (_, second, _), ..] = places[..] else { return 1 };
        let step = second as isize - first as isize;
        let is_single = self.program.known(inputs[0]).dims.first() == Some(&1);
        if step != 1 && !(step == -1 && is_single) {
            return 1;
        }
        let fits = |i: usize| places[i] == (of, (first as isize + i as isize * step) as usize, position);
        (0..places.len()).take_while(|&i| fits(i)).count()
    }

    fn rename_results(&mut self) {
        for i in 0..self.program.outputs.len() {
            self.program.outputs[i] = self.outer(self.program.outputs[i]);
        }
        for i in 0..self.program.places.len() {
            if let Some(after) = self.program.places[i].after {
                self.program.places[i].after = Some(self.outer(after));
            }
            if let GradientAfter::Some(gradient) = self.program.places[i].gradient_after {
                self.program.places[i].gradient_after = GradientAfter::Some(self.outer(gradient));
            }
        }
    }
}
