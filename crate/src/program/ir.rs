//! Instructions in single assignment form. A *variable* is a value that never changes; what it is read from, or that it is computed, is
//! its source.

use super::group::Group;
use super::layout::Lies;
use crate::dtype::DType;
use crate::memory::array::Array;
use crate::op::Op;
use crate::shape::Dims;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

/// Arguments and results of so many numbers need no tensor: TypeScript writes and reads them where the program does.
pub const FEW_NUMBERS: usize = 64;

/// A position in `Program::variables`.
pub type Variable = u32;
pub type Variables = SmallVec<[Variable; 4]>;
pub type Params = SmallVec<[f64; 4]>;

/// Where the numbers of a variable come from at each run.
pub enum Source {
    /// An argument.
    Input(u32),
    /// A tensor that lives on after the run, as it is when the run begins.
    Place(u32),
    /// The gradient of such a tensor, as it is when the run begins.
    Gradient(u32),
    /// What a random key is made of.
    Key(u32),
    /// Made inside the recorded function out of plain numbers, or folded.
    Literal(Array),
    /// Some instruction.
    Computed,
}

pub struct Known {
    pub dtype: DType,
    pub dims: Dims,
    pub source: Source,
}

impl Known {
    pub fn count(&self) -> usize {
        self.dims.iter().product()
    }

    pub fn bytes(&self) -> usize {
        self.count() * self.dtype.size()
    }

    pub fn literal(&self) -> Option<&Array> {
        match &self.source {
            Source::Literal(array) => Some(array),
            _ => None,
        }
    }
}

/// An op of the table.
#[derive(Clone)]
pub struct Evaluation {
    pub op: Op,
    pub inputs: Variables,
    pub output: Variable,
    pub params: Params,
    /// How many times something was computed again, rather than remembered, before it: what came before is not to be remembered for it.
    pub reruns: u32,
}

/// The update of an optimizer: new numbers for a parameter and its state.
pub struct Change {
    /// A row of `updates::UPDATES`.
    pub update: u32,
    pub gradient: Variable,
    /// The parameter and its state before, and after.
    pub before: Variables,
    pub after: Variables,
    /// Where its options begin in the list that each run is given.
    pub options: usize,
}

pub enum Step {
    Evaluate(Evaluation),
    Update(Change),
    /// The same numbers in a place of their own.
    Copy {
        input: Variable,
        output: Variable,
    },
    /// Evaluations that are emitted as one function.
    Group(Group),
    /// Steps that are done again and again.
    Loop(Box<Loop>),
}

/// Steps that are done again and again, each turn with other numbers.
pub struct Loop {
    /// How many turns; with a test the most.
    pub turns: usize,
    /// After so many steps of the body a turn ends, and the loop, where this is false.
    pub test: Option<(usize, Variable)>,
    pub body: Vec<Step>,
    pub carried: Vec<Carried>,
    pub moving: Vec<Moving>,
    /// What may be read behind it: of the variables of the body it is what the last turn left.
    pub outputs: Vec<Variable>,
}

/// A value that each turn takes from the one before. They are handed on in their order.
pub struct Carried {
    /// What the first turn takes.
    pub first: Variable,
    /// What a turn reads.
    pub inside: Variable,
    /// What becomes of it: computed in the body, or the `inside` of a later one.
    pub next: Variable,
}

/// A part of an array outside that is `step` elements further on with each turn: read, or written if the body computes it.
pub struct Moving {
    pub inside: Variable,
    pub from: Variable,
    /// In the first turn.
    pub lies: Lies,
    pub step: isize,
}

impl Loop {
    /// What it reads of what is outside.
    fn inputs(&self) -> Variables {
        let mut own: FxHashSet<Variable> = self.outputs.iter().copied().collect();
        own.extend(self.moving.iter().map(|moving| moving.inside));
        own.extend(self.body.iter().flat_map(Step::outputs));
        let carried = self.carried.iter().map(|carried| carried.first);
        let moving = self.moving.iter().map(|moving| moving.from);
        let tested = self.test.iter().map(|&(_, v)| v);
        let read = self.body.iter().flat_map(Step::inputs).chain(carried).chain(moving).chain(tested);
        read.filter(|v| !own.contains(v)).collect()
    }
}

impl Step {
    pub fn inputs(&self) -> Variables {
        match self {
            Step::Evaluate(e) => e.inputs.clone(),
            Step::Update(change) => std::iter::once(change.gradient).chain(change.before.iter().copied()).collect(),
            Step::Copy { input, .. } => Variables::from_slice(&[*input]),
            Step::Group(group) => group.inputs.clone(),
            Step::Loop(made) => made.inputs(),
        }
    }

    pub fn outputs(&self) -> &[Variable] {
        match self {
            Step::Evaluate(e) => std::slice::from_ref(&e.output),
            Step::Update(change) => &change.after,
            Step::Copy { output, .. } => std::slice::from_ref(output),
            Step::Group(group) => &group.outputs,
            Step::Loop(made) => &made.outputs,
        }
    }

    pub fn rename(&mut self, name: &dyn Fn(Variable) -> Variable) {
        match self {
            Step::Evaluate(e) => e.inputs.iter_mut().for_each(|v| *v = name(*v)),
            Step::Update(change) => {
                change.gradient = name(change.gradient);
                change.before.iter_mut().for_each(|v| *v = name(*v));
            }
            Step::Copy { input, .. } => *input = name(*input),
            Step::Loop(made) => {
                made.body.iter_mut().for_each(|step| step.rename(name));
                made.carried.iter_mut().for_each(|carried| (carried.first, carried.next) = (name(carried.first), name(carried.next)));
                made.moving.iter_mut().for_each(|moving| moving.from = name(moving.from));
                made.test.iter_mut().for_each(|(_, v)| *v = name(*v));
            }
            // Groups are made last.
            Step::Group(_) => {}
        }
    }
}

/// Which gradient a tensor must have when the run begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Any or none: it makes no difference.
    Any,
    /// One, or none, as in the recorded run.
    Gradient(bool),
}

/// A tensor that lives on after the run.
pub struct Place {
    /// It has derivatives of its own, as a parameter does.
    pub is_parameter: bool,
    pub gradient_before: Presence,
    /// What it holds at the end, where that is something else than before.
    pub after: Option<Variable>,
    /// What becomes of its gradient.
    pub gradient_after: GradientAfter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum GradientAfter {
    Untouched,
    None,
    Some(Variable),
}

pub struct Program {
    pub variables: Vec<Known>,
    pub steps: Vec<Step>,
    pub outputs: Vec<Variable>,
    pub places: Vec<Place>,
    /// How many arguments and keys there are.
    pub inputs: usize,
    pub keys: usize,
    /// How many numbers the options of all updates are.
    pub options: usize,
}

impl Program {
    /// A new variable.
    pub fn add(&mut self, known: Known) -> Variable {
        self.variables.push(known);
        self.variables.len() as Variable - 1
    }

    /// A new variable for the same numbers in a place of their own.
    pub fn copy_of(&mut self, variable: Variable) -> Variable {
        let (dtype, dims) = (self.known(variable).dtype, self.known(variable).dims.clone());
        self.add(Known { dtype, dims, source: Source::Computed })
    }

    pub fn known(&self, variable: Variable) -> &Known {
        &self.variables[variable as usize]
    }

    /// What lives on: results, new contents of tensors, new gradients.
    pub fn results(&self) -> impl Iterator<Item = Variable> + '_ {
        let places = self.places.iter().flat_map(|place| {
            let gradient = match place.gradient_after {
                GradientAfter::Some(gradient) => Some(gradient),
                GradientAfter::Untouched | GradientAfter::None => None,
            };
            place.after.into_iter().chain(gradient)
        });
        self.outputs.iter().copied().chain(places)
    }

    /// Which variables are among some.
    pub fn flags(&self, variables: impl Iterator<Item = Variable>) -> Vec<bool> {
        let mut flags = vec![false; self.variables.len()];
        variables.for_each(|v| flags[v as usize] = true);
        flags
    }

    /// Puts other variables in the place of some, wherever they are read.
    pub fn rename(&mut self, name: impl Fn(Variable) -> Variable) {
        self.steps.iter_mut().for_each(|step| step.rename(&name));
        self.outputs.iter_mut().for_each(|v| *v = name(*v));
        for place in &mut self.places {
            place.after = place.after.map(&name);
            if let GradientAfter::Some(gradient) = place.gradient_after {
                place.gradient_after = GradientAfter::Some(name(gradient));
            }
        }
    }
}
