//! A loop's body: the first turn's steps, with what each turn finds in other places in place of what the first found.

use super::rewrite::Writing;
use super::Operand;
use crate::memory::array::Array;
use crate::program::ir::*;
use crate::program::layout::Lies;
use crate::shape::{contiguous_strides, few};
use rustc_hash::{FxHashMap, FxHashSet};

/// What of a loop's body is there already.
struct Body {
    views: FxHashSet<Variable>,
    again: FxHashMap<(Variable, Variable), Variable>,
    parts: FxHashMap<(Variable, Lies, isize), Variable>,
}

impl Writing<'_> {
    pub(super) fn write_loop(&mut self, of: usize) {
        let region = self.rolled[of].region;
        let operands = std::mem::take(&mut self.rolled[of].operands);
        let before = std::mem::take(&mut self.rolled[of].before);
        let mut made =
            Loop { turns: region.turns, test: None, body: Vec::new(), carried: Vec::new(), moving: Vec::new(), outputs: Vec::new() };
        // In the order of positions, so that the text of a program is always the same.
        let mut chains: Vec<(usize, Vec<Variable>)> = before.into_iter().collect();
        chains.sort_unstable_by_key(|&(position, _)| position);
        let mut handed_on: FxHashMap<(usize, usize), Variable> = FxHashMap::default();
        for (position, chain) in chains {
            let Some(template) = self.template(of, position) else { continue };
            let insides: Vec<Variable> = chain.iter().map(|_| self.program.copy_of(template)).collect();
            // The oldest first: each takes over from one that is not yet written.
            for (back, &first) in chain.iter().enumerate().rev() {
                let next = if back == 0 { template } else { insides[back - 1] };
                made.carried.push(Carried { first: self.outer(first), inside: insides[back], next });
                handed_on.insert((position, back + 1), insides[back]);
            }
        }
        let mut body = Body { views: FxHashSet::default(), again: FxHashMap::default(), parts: FxHashMap::default() };
        for (at, slots) in operands.iter().enumerate() {
            let Some(mut e) = self.evaluation(self.seen.solids[region.at(0, at)]).cloned() else { continue };
            for (slot, operand) in slots.iter().enumerate() {
                let v = e.inputs[slot];
                e.inputs[slot] = match operand {
                    Operand::Same(v) => self.outer(*v),
                    Operand::Own => {
                        self.own_views(v, &mut body, &mut made);
                        v
                    }
                    Operand::Before { position, back } => {
                        let inside = handed_on[&(*position, *back)];
                        let later = self.evaluation(self.seen.solids[region.at(*back, at)]).map_or(v, |e| e.inputs[slot]);
                        self.view_again(later, inside, &mut body, &mut made)
                    }
                    Operand::Part { root, step } => {
                        let from = self.outer(*root);
                        // A literal's own layout begins where its array does.
                        let own = self.program.known(*root).literal().map_or(0, |array| array.offset);
                        let lies = self.seen.lies[v as usize].clone();
                        self.part(from, Lies { offset: lies.offset - own, ..lies }, *step, &mut body, &mut made)
                    }
                    Operand::OfTurn { of, position, first, step } => {
                        let all = self.collected[&(*of, *position)];
                        let count: usize = self.program.known(all).dims[1..].iter().product();
                        let lies = self.seen.lies[v as usize].clone();
                        let lies = Lies { offset: lies.offset + first * count, ..lies };
                        self.part(all, lies, step * count as isize, &mut body, &mut made)
                    }
                    Operand::Literals(all) => self.literals(all, &mut body, &mut made),
                };
            }
            if let Some(&all) = self.collected.get(&(of, at)) {
                let known = self.program.known(e.output);
                let lies = Lies { dims: known.dims.to_vec(), strides: contiguous_strides(&known.dims).to_vec(), offset: 0 };
                made.moving.push(Moving { inside: e.output, from: all, step: known.count() as isize, lies });
                made.outputs.push(all);
            }
            made.outputs.push(e.output);
            made.body.push(Step::Evaluate(e));
        }
        made.outputs.extend(made.carried.iter().map(|carried| carried.inside));
        self.steps.push(Step::Loop(Box::new(made)));
    }

    /// The views between a step of this turn and what it reads.
    fn own_views(&self, v: Variable, body: &mut Body, made: &mut Loop) {
        if v == self.seen.roots[v as usize] || !body.views.insert(v) {
            return;
        }
        let Some(view) = self.evaluation(self.seen.maker[v as usize]) else { return };
        self.own_views(view.inputs[0], body, made);
        made.body.push(Step::Evaluate(view.clone()));
    }

    /// The same view as `v`, of `root`.
    fn view_again(&mut self, v: Variable, root: Variable, body: &mut Body, made: &mut Loop) -> Variable {
        if v == self.seen.roots[v as usize] {
            return root;
        }
        if let Some(&known) = body.again.get(&(v, root)) {
            return known;
        }
        let Some(mut view) = self.evaluation(self.seen.maker[v as usize]).cloned() else { return root };
        view.inputs[0] = self.view_again(view.inputs[0], root, body, made);
        view.output = self.program.copy_of(v);
        body.again.insert((v, root), view.output);
        made.body.push(Step::Evaluate(view.clone()));
        view.output
    }

    fn part(&mut self, from: Variable, lies: Lies, step: isize, body: &mut Body, made: &mut Loop) -> Variable {
        let key = (from, lies.clone(), step);
        if let Some(&known) = body.parts.get(&key) {
            return known;
        }
        let known = Known { dtype: self.program.known(from).dtype, dims: few(&lies.dims), source: Source::Computed };
        let inside = self.program.add(known);
        body.parts.insert(key, inside);
        made.moving.push(Moving { inside, from, lies, step });
        inside
    }

    /// Literals in one array, one behind the other.
    fn literals(&mut self, all: &[Variable], body: &mut Body, made: &mut Loop) -> Variable {
        let first = self.program.known(all[0]);
        let (dtype, one, count) = (first.dtype, first.dims.clone(), first.count());
        let numbers: Vec<f64> = all.iter().filter_map(|&v| self.program.known(v).literal()).flat_map(Array::to_vec).collect();
        let mut dims = few(&[all.len()]);
        dims.extend_from_slice(&one);
        let array = Array::from_fn::<f64>(&dims, |i| numbers[i]).and_then(|array| Ok(array.to_dtype(dtype)?.into_owned()));
        let Ok(array) = array else { return all[0] };
        let from = self.program.add(Known { dtype, dims, source: Source::Literal(array) });
        let lies = Lies { dims: one.to_vec(), strides: contiguous_strides(&one).to_vec(), offset: 0 };
        self.part(from, lies, count as isize, body, made)
    }
}
