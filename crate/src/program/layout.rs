//! Which variables are views, and how they lie in the buffer of what they are views of.

use super::fold::form_of;
use super::ir::*;
use crate::form::{Form, Pointwise};
use crate::memory::array::{Layout, Strided};
use crate::params::Cast;
use crate::shape::{contiguous_strides, few};

/// Of each variable the one whose buffer it lies in, itself if it is no view, and how.
pub struct Layouts {
    pub roots: Vec<Variable>,
    pub lies: Vec<Lies>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Lies {
    pub dims: Vec<usize>,
    pub strides: Vec<isize>,
    pub offset: usize,
}

impl Lies {
    fn strided(&self) -> Strided<'_> {
        Strided { dims: &self.dims, strides: &self.strides, offset: self.offset }
    }

    fn of(layout: Layout) -> Lies {
        Lies { dims: layout.dims.to_vec(), strides: layout.strides.to_vec(), offset: layout.offset }
    }

    pub fn layout(&self) -> Layout {
        Layout { dims: few(&self.dims), strides: few(&self.strides), offset: self.offset }
    }

    /// Whether its elements lie in order, without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.strided().is_contiguous()
    }
}

/// Whether an evaluation only sees numbers of its input in another layout, if that lies as it must for it.
fn sees(program: &Program, e: &Evaluation, input: &Lies) -> Option<Lies> {
    match form_of(e.op)? {
        Form::View(view) => view.seen(input.strided(), &e.params).ok().flatten().map(Lies::of),
        Form::Pointwise(Pointwise::Cast) if Cast::read(&e.params) == Cast::to(program.known(e.inputs[0]).dtype) => {
            Some(Lies { dims: input.dims.clone(), strides: input.strides.clone(), offset: input.offset })
        }
        _ => None,
    }
}

/// A view that is handed out, one of `results`, is written out.
pub fn layouts(program: &Program, results: &[bool]) -> Layouts {
    let mut roots: Vec<Variable> = (0..program.variables.len() as Variable).collect();
    let mut lies: Vec<Lies> = program
        .variables
        .iter()
        .map(|known| match &known.source {
            Source::Literal(array) => Lies { dims: array.dims.to_vec(), strides: array.strides.to_vec(), offset: array.offset },
            _ => Lies { dims: known.dims.to_vec(), strides: contiguous_strides(&known.dims).to_vec(), offset: 0 },
        })
        .collect();
    follow(program, &program.steps, results, &mut roots, &mut lies);
    Layouts { roots, lies }
}

fn follow(program: &Program, steps: &[Step], results: &[bool], roots: &mut [Variable], lies: &mut [Lies]) {
    for step in steps {
        match step {
            Step::Evaluate(e) if !results[e.output as usize] => {
                if let Some(seen) = sees(program, e, &lies[e.inputs[0] as usize]) {
                    roots[e.output as usize] = roots[e.inputs[0] as usize];
                    lies[e.output as usize] = seen;
                }
            }
            Step::Loop(made) => {
                made.moving.iter().for_each(|moving| lies[moving.inside as usize] = moving.lies.clone());
                follow(program, &made.body, results, roots, lies);
            }
            Step::Evaluate(_) | Step::Update(_) | Step::Copy { .. } | Step::Group(_) => {}
        }
    }
}
