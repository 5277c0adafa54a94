//! Fusion: which evaluations become one emitted function. Pointwise ops over one shape are one loop, whose intermediate values stay in
//! registers; ops on a few numbers are straight-line code. Each evaluation joins the last group of its kind that stands behind all it reads,
//! so one pass in program order is enough; groups stop growing at a size that hosts compile well. A long formula of the same numbers as another one
//! joins that: tanh and its derivative have most of their code in common, and to store the derivative until the backward pass wants it costs less.

use super::fold::form_of;
use super::formula::{adds_sparse, is_straight, length_of_formula, number_of, pieces_of, Pieces, FEW};
use super::ir::*;
use super::layout::Lies;
use super::settle::Settled;
use crate::dtype::DType;
use crate::form::Form;
use crate::op::Op;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// What the evaluations of a group have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// A few numbers, element by element.
    Straight,
    /// One loop: the dims without those that are 1, and whether lanes have 64 bits.
    Loop { dims: Vec<usize>, wide: bool },
}

pub struct Group {
    pub domain: Domain,
    /// In order; views among them are of values of the group.
    pub body: Vec<Evaluation>,
    pub inputs: Variables,
    pub outputs: Variables,
    /// Of a loop: where its dims may be split into rows and columns, as bits; bit 0 stands for one row.
    pub splits: u64,
}

/// Elements written in straight-line code before the next function begins, and ops of one loop.
const MOST_ELEMENTS: usize = 600;
const MOST_OPS: usize = 64;
/// Instructions from which on a formula is long: to compute it twice costs more than to store and load.
const LONG: usize = 12;
/// Shorter rows are left to the kernels.
const SHORTEST_ROW: usize = 4;

/// How an input lies, seen in the dims of a loop: elements from one row, and from one column, to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    pub row: isize,
    pub column: isize,
}

/// The dims that are not 1.
pub fn squeezed(dims: &[usize]) -> Vec<usize> {
    dims.iter().copied().filter(|&d| d != 1).collect()
}

/// The strides of an input in the axes of the (unsqueezed) result that are not 1; 0 where it is broadcast.
pub fn broadcast_strides(dims: &[usize], from: &[usize], strides: &[isize]) -> Vec<isize> {
    let lead = dims.len() - from.len();
    (0..dims.len())
        .filter(|&axis| dims[axis] != 1)
        .map(|axis| match axis.checked_sub(lead) {
            Some(own) if from[own] != 1 => strides[own],
            _ => 0,
        })
        .collect()
}

/// The access when the axes before `split` are rows; None where that takes more than two strides.
pub fn access(dims: &[usize], strides: &[isize], split: usize) -> Option<Access> {
    // One stride for several axes.
    let joined = |axes: std::ops::Range<usize>| {
        let (dims, strides) = (&dims[axes.clone()], &strides[axes]);
        let Some(&last) = strides.last() else { return Some(0) };
        let fits = (1..dims.len()).all(|i| strides[i - 1] == strides[i] * dims[i] as isize);
        fits.then_some(last)
    };
    let column = joined(split..dims.len())?;
    let row = joined(0..split)?;
    (column == 0 || column == 1).then_some(Access { row, column })
}

/// The access of a piece whose rows are behind so many axes that are not 1: in order, or of one element.
pub fn access_of_piece(dims: &[usize], strides: &[isize], split: usize) -> Option<Access> {
    let kept = squeezed(dims);
    let access = access(&kept, &broadcast_strides(dims, dims, strides), split)?;
    (access.column == 1 || kept.len() == split).then_some(access)
}

/// The splits that an input allows.
fn splits_of(dims: &[usize], strides: &[isize]) -> u64 {
    let rank = dims.len().min(63);
    (0..rank)
        .filter(|&split| split == 0 || dims[split..].iter().product::<usize>() >= SHORTEST_ROW)
        .filter(|&split| access(dims, strides, split).is_some())
        .fold(0, |bits, split| bits | 1 << split)
}

struct Grouping<'a> {
    program: &'a Program,
    roots: &'a [Variable],
    lies: &'a [Lies],
    slots: Vec<Slot>,
    /// The last group of each domain.
    last: BTreeMap<Domain, usize>,
    /// The slot that makes a variable's root; None is from outside.
    made: Vec<Option<usize>>,
    /// The group in which a variable is a node.
    inside: Vec<Option<usize>>,
    /// How long the formulas of ops on such dtypes are.
    formulas: FxHashMap<(Op, u64), Option<usize>>,
    /// The group in which a long formula of such inputs stands.
    long: FxHashMap<Variables, usize>,
}

enum Slot {
    Step(Step),
    Group { domain: Domain, body: Vec<Evaluation>, elements: usize, splits: u64, pieces: usize },
}

/// The same program with groups in place of what they fuse; views stand first.
pub fn group(settled: Settled) -> Settled {
    let Settled { mut program, roots, lies, fresh } = settled;
    let mut read = program.flags(fresh.iter().copied());
    let mut steps = std::mem::take(&mut program.steps);
    // What a body hands on, collects or leaves behind is read by others than its own steps.
    for step in &steps {
        let mut mark = |v: Variable| read[roots[v as usize] as usize] = true;
        step.inputs().into_iter().for_each(&mut mark);
        if let Step::Loop(made) = step {
            made.carried.iter().for_each(|carried| mark(carried.next));
            made.moving.iter().for_each(|moving| mark(moving.inside));
            made.test.iter().for_each(|&(_, v)| mark(v));
            // What is computed before the test may be read behind it.
            made.body.iter().skip(made.test.map_or(usize::MAX, |(at, _)| at)).flat_map(Step::inputs).for_each(&mut mark);
        }
    }
    for step in &mut steps {
        if let Step::Loop(made) = step {
            let mut body = std::mem::take(&mut made.body);
            // Nothing moves from behind the test to before it.
            let others = made.test.map_or(Vec::new(), |(at, _)| body.split_off(at));
            made.body = group_steps(&program, &roots, &lies, &read, body);
            made.test.iter_mut().for_each(|(at, _)| *at = made.body.len());
            made.body.extend(group_steps(&program, &roots, &lies, &read, others));
        }
    }
    let read = program.flags(fresh.iter().copied());
    program.steps = group_steps(&program, &roots, &lies, &read, steps);
    Settled { program, roots, lies, fresh }
}

/// The same steps with groups in place of what they fuse. What others read is flagged in `read`.
fn group_steps(program: &Program, roots: &[Variable], lies: &[Lies], read: &[bool], steps: Vec<Step>) -> Vec<Step> {
    let (views, slots, made, inside) = {
        let count = program.variables.len();
        let mut grouping = Grouping {
            program,
            roots,
            lies,
            slots: Vec::new(),
            last: BTreeMap::new(),
            made: vec![None; count],
            inside: vec![None; count],
            formulas: FxHashMap::default(),
            long: FxHashMap::default(),
        };
        let mut views = Vec::new();
        for step in steps {
            if let Some(view) = grouping.add(step) {
                views.push(view);
            }
        }
        (views, grouping.slots, grouping.made, grouping.inside)
    };
    // A node of a group is written to memory where somebody outside reads it.
    let is_inside = |v: Variable, slot: usize| inside[v as usize] == Some(slot);
    let mut read = read.to_vec();
    let mut mark = |v: Variable| read[roots[v as usize] as usize] = true;
    for (at, slot) in slots.iter().enumerate() {
        match slot {
            Slot::Step(step) => step.inputs().iter().for_each(|&v| mark(v)),
            Slot::Group { body, .. } => body.iter().flat_map(|e| &e.inputs).filter(|&&v| !is_inside(v, at)).for_each(|&v| mark(v)),
        }
    }
    let mut ordered: Vec<Step> = views;
    for (at, slot) in slots.into_iter().enumerate() {
        match slot {
            Slot::Step(step) => ordered.push(step),
            Slot::Group { mut body, domain: Domain::Loop { .. }, .. } if body.len() == 1 => ordered.extend(body.pop().map(Step::Evaluate)),
            Slot::Group { domain, body, splits, .. } => {
                let outside: BTreeSet<Variable> = body
                    .iter()
                    .flat_map(|e| e.inputs.iter().copied())
                    .filter(|&v| !is_inside(v, at) && number_of(program, v).is_none())
                    .collect();
                let outputs = body.iter().map(|e| e.output).filter(|v| roots[*v as usize] == *v && read[*v as usize]).collect();
                debug_assert!(body.iter().all(|e| made[e.output as usize] == Some(at)));
                ordered.push(Step::Group(Group { domain, body, inputs: outside.into_iter().collect(), outputs, splits }));
            }
        }
    }
    ordered
}

impl Grouping<'_> {
    /// Gives a step its slot; a view is returned, as it takes none.
    fn add(&mut self, step: Step) -> Option<Step> {
        let Step::Evaluate(e) = step else {
            self.alone(step);
            return None;
        };
        if self.roots[e.output as usize] != e.output {
            return Some(Step::Evaluate(self.view(e)));
        }
        let Some((domain, splits)) = self.domain(&e) else {
            self.alone(Step::Evaluate(e));
            return None;
        };
        let elements = if domain == Domain::Straight { self.program.known(e.output).count().min(FEW) } else { 1 };
        let most = if domain == Domain::Straight { MOST_ELEMENTS } else { MOST_OPS };
        // Between the ends of pieces all of the loop is written anew.
        let pieces = if domain == Domain::Straight { 0 } else { pieces_of(self.program, &e).map_or(0, |pieces| pieces.parts.len()) };
        let is_long = domain != Domain::Straight && self.length_of_formula(&e) >= Some(LONG);
        let relative = if is_long { self.long.get(&e.inputs).copied() } else { None };
        let found = relative.into_iter().chain(self.last.get(&domain).copied()).find(|&at| {
            let Slot::Group { elements: so_far, splits: own, domain: its, body, pieces: parts } = &self.slots[at] else { return false };
            let is_short = so_far + elements <= most && (parts + pieces) * (body.len() + 1) <= MOST_OPS;
            *its == domain && is_short && own & splits != 0 && self.least(&e, Some(at)) <= at
        });
        let at = found.unwrap_or_else(|| {
            self.slots.push(Slot::Group { domain: domain.clone(), body: Vec::new(), elements: 0, splits: u64::MAX, pieces: 0 });
            self.last.insert(domain, self.slots.len() - 1);
            self.slots.len() - 1
        });
        self.made[e.output as usize] = Some(at);
        self.inside[e.output as usize] = Some(at);
        if is_long {
            self.long.insert(e.inputs.clone(), at);
        }
        if let Slot::Group { body, elements: so_far, splits: own, pieces: parts, .. } = &mut self.slots[at] {
            *so_far += elements;
            *parts += pieces;
            *own &= splits;
            body.push(e);
        }
        None
    }

    fn alone(&mut self, step: Step) {
        let at = self.slots.len();
        step.outputs().iter().for_each(|&v| self.made[v as usize] = Some(at));
        self.slots.push(Slot::Step(step));
    }

    /// The first slot in which an evaluation may stand, if in `group` values of that are at hand.
    fn least(&self, e: &Evaluation, group: Option<usize>) -> usize {
        let behind = |&v: &Variable| match self.made[self.roots[v as usize] as usize] {
            None => 0,
            Some(at) if group == Some(at) && self.inside[v as usize] == group => at,
            Some(at) => at + 1,
        };
        e.inputs.iter().map(behind).max().unwrap_or(0)
    }

    /// A view of a value inside a group is a node of it too, where its elements are at hand there.
    fn view(&mut self, e: Evaluation) -> Evaluation {
        let (from, to) = (e.inputs[0], e.output);
        let Some(at) = self.inside[from as usize] else { return e };
        if let Slot::Group { domain, body, .. } = &mut self.slots[at] {
            let same = match domain {
                Domain::Straight => is_straight(self.program, &e) && form_of(e.op).is_some_and(|form| matches!(form, Form::View(_))),
                Domain::Loop { dims, .. } => {
                    let lies = &self.lies[to as usize];
                    squeezed(&lies.dims) == *dims && lies.offset == 0 && lies.is_contiguous()
                }
            };
            if same {
                self.inside[to as usize] = Some(at);
                self.made[to as usize] = Some(at);
                body.push(e.clone());
            }
        }
        e
    }

    fn length_of_formula(&mut self, e: &Evaluation) -> Option<usize> {
        let kind = |v: &Variable| self.program.known(*v).dtype as u64 | (number_of(self.program, *v).is_some() as u64) << 2;
        let kinds = e.inputs.iter().chain([&e.output]).take(16).fold(1, |kinds, v| kinds << 3 | kind(v));
        let program = self.program;
        *self.formulas.entry((e.op, kinds)).or_insert_with(|| length_of_formula(program, e))
    }

    /// Whether a variable is a node of straight-line code.
    fn is_straight(&self, v: Variable) -> bool {
        let slot = self.inside[v as usize].map(|at| &self.slots[at]);
        matches!(slot, Some(Slot::Group { domain: Domain::Straight, .. }))
    }

    /// Of parts side by side along an axis: that begins a row's elements, so that parts of rows are parts of the array.
    fn domain_of_pieces(&self, e: &Evaluation, pieces: &Pieces) -> Option<(Domain, u64)> {
        let known = self.program.known(e.output);
        let split = squeezed(&known.dims[..pieces.axis]).len();
        let fits = |&v: &Variable| {
            let lies = &self.lies[v as usize];
            number_of(self.program, v).is_some() || access_of_piece(&lies.dims, &lies.strides, split).is_some()
        };
        let is_short = known.dims[pieces.axis..].iter().product::<usize>() < SHORTEST_ROW;
        if is_short || split >= 63 || !e.inputs.iter().all(fits) {
            return None;
        }
        Some((Domain::Loop { dims: squeezed(&known.dims), wide: known.dtype == DType::Float64 }, 1 << split))
    }

    /// Where an evaluation can be fused, and how a loop over it may be split.
    fn domain(&mut self, e: &Evaluation) -> Option<(Domain, u64)> {
        let known = self.program.known(e.output);
        if known.count() == 0 || known.dtype == DType::Int32 {
            return None;
        }
        let is_straight = is_straight(self.program, e) || adds_sparse(self.program, e) && e.inputs.iter().all(|&v| self.is_straight(v));
        if is_straight && self.length_of_formula(e).is_some() {
            return Some((Domain::Straight, u64::MAX));
        }
        if known.count() <= FEW {
            return None;
        }
        if let Some(pieces) = pieces_of(self.program, e) {
            return self.domain_of_pieces(e, &pieces);
        }
        let Some(Form::Pointwise(_)) = form_of(e.op) else { return None };
        let variables = || e.inputs.iter().chain([&e.output]).filter(|&&v| number_of(self.program, v).is_none());
        let has = |dtype: DType| variables().any(|&v| self.program.known(v).dtype == dtype);
        let wide = has(DType::Float64);
        if has(DType::Int32) || wide && has(DType::Float32) || !wide && !has(DType::Float32) || self.length_of_formula(e).is_none() {
            return None;
        }
        let dims = squeezed(&known.dims);
        let mut splits = u64::MAX;
        for &v in e.inputs.iter().filter(|&&v| number_of(self.program, v).is_none()) {
            let lies = &self.lies[v as usize];
            splits &= splits_of(&dims, &broadcast_strides(&known.dims, &lies.dims, &lies.strides));
        }
        (splits != 0).then_some((Domain::Loop { dims, wide }, splits))
    }
}
