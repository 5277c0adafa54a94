//! From a record to a program. The record holds its values, so dtypes, dims and literals are those of the recorded run.

use super::fold::form_of;
use super::ir::*;
use crate::error::{Error, Result};
use crate::form::{Form, Pointwise};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::op::{Kind, Op, Rule};
use crate::ops;
use crate::record::{Action, Instruction, Record, While};
use crate::session::Session;
use crate::updates::Update;
use rustc_hash::FxHashMap;

/// What only TypeScript knows of a record: which of its variables are what.
pub struct Bindings {
    pub inputs: Vec<Id>,
    pub keys: Vec<Id>,
    pub outputs: Vec<Id>,
    pub places: Vec<PlaceIds>,
}

/// A tensor that lives on, and the variables it and its gradient hold before and after; NONE for no gradient.
#[derive(Clone, Copy)]
pub struct PlaceIds {
    pub tensor: Id,
    pub before: Id,
    pub after: Id,
    pub gradient_before: Id,
    pub gradient_after: Id,
}

struct Lowering<'a> {
    session: &'a Session,
    program: Program,
    /// Which variable an id of the record is.
    variables: FxHashMap<Id, Variable>,
    /// Ids that are others.
    same: FxHashMap<Id, Id>,
    /// What is given from outside, by ids.
    sources: FxHashMap<Id, Source>,
    reruns: u32,
}

/// A view without a derivative is a `stopGradient`: it changes no number.
fn is_identity(op: Op) -> bool {
    matches!(&op.row().kind, Kind::Primitive { form: Form::View(_), rule: Rule::Zero, .. })
}

pub fn lower(session: &Session, bindings: &Bindings) -> Result<Program> {
    let record = &session.inspector.record;
    let mut sources = FxHashMap::default();
    // An id that is several things is the first of these: a parameter that is an argument too is not copied twice.
    for (i, place) in bindings.places.iter().enumerate().rev() {
        if place.gradient_before != NONE {
            sources.insert(place.gradient_before, Source::Gradient(i as u32));
        }
        sources.insert(place.before, Source::Place(i as u32));
    }
    sources.extend(bindings.keys.iter().enumerate().map(|(i, &id)| (id, Source::Key(i as u32))));
    sources.extend(bindings.inputs.iter().enumerate().map(|(i, &id)| (id, Source::Input(i as u32))));
    let program = Program {
        variables: Vec::new(),
        steps: Vec::new(),
        outputs: Vec::new(),
        places: Vec::new(),
        inputs: bindings.inputs.len(),
        keys: bindings.keys.len(),
        options: 0,
    };
    let mut lowering = Lowering { session, program, variables: FxHashMap::default(), same: FxHashMap::default(), sources, reruns: 0 };
    lowering.steps(record)?;
    for &id in &bindings.outputs {
        let variable = lowering.variable(id)?;
        lowering.program.outputs.push(variable);
    }
    let touched = gradients_touched(record);
    for ids in &bindings.places {
        let place = lowering.place(ids, touched.get(&ids.tensor).copied())?;
        lowering.program.places.push(place);
    }
    Ok(lowering.program)
}

/// The tensors whose gradients are written to, and whether the first write forgets what was there.
fn gradients_touched(record: &Record) -> FxHashMap<Id, bool> {
    let mut touched = FxHashMap::default();
    for instruction in &record.instructions {
        match instruction.action {
            Action::Accumulate => touched.entry(instruction.target).or_insert(false),
            Action::SetGradient => touched.entry(instruction.target).or_insert(true),
            Action::Op(_) | Action::Update(_) | Action::Assign | Action::While(_) => continue,
        };
    }
    touched
}

impl Lowering<'_> {
    fn array(&self, id: Id) -> Result<&Array> {
        match self.session.value(id)? {
            Value::Concrete(array) => Ok(array),
            _ => Err(Error::value("the record has lost a value")),
        }
    }

    fn resolve(&self, id: Id) -> Id {
        self.same.get(&id).copied().unwrap_or(id)
    }

    /// The variable of an id; what no instruction made is given or a literal.
    fn variable(&mut self, id: Id) -> Result<Variable> {
        let id = self.resolve(id);
        if let Some(&variable) = self.variables.get(&id) {
            return Ok(variable);
        }
        let source = match self.sources.remove(&id) {
            Some(source) => source,
            None => Source::Literal(self.array(id)?.clone()),
        };
        self.add(id, source)
    }

    fn add(&mut self, id: Id, source: Source) -> Result<Variable> {
        let array = self.array(id)?;
        let known = Known { dtype: array.dtype, dims: array.dims.clone(), source };
        let variable = self.program.add(known);
        self.variables.insert(id, variable);
        Ok(variable)
    }

    fn computed(&mut self, id: Id) -> Result<Variable> {
        self.add(id, Source::Computed)
    }

    fn evaluate(&mut self, op: Op, inputs: &[Id], output: Id, params: &[f64]) -> Result<()> {
        let inputs = inputs.iter().map(|&id| self.variable(id)).collect::<Result<Variables>>()?;
        let output = self.computed(output)?;
        self.program.steps.push(Step::Evaluate(Evaluation { op, inputs, output, params: Params::from_slice(params), reruns: self.reruns }));
        Ok(())
    }

    fn steps(&mut self, record: &Record) -> Result<()> {
        self.list(record, &record.instructions, true)
    }

    fn list(&mut self, record: &Record, instructions: &[Instruction], is_outermost: bool) -> Result<()> {
        for (at, instruction) in instructions.iter().enumerate() {
            if is_outermost {
                self.reruns = record.reruns.partition_point(|&first| first <= at) as u32;
            }
            let (inputs, outputs) = (&instruction.inputs, &instruction.outputs);
            match instruction.action {
                Action::Op(op) if is_identity(op) => self.alias(outputs[0], inputs[0]),
                Action::Op(op) => self.evaluate(op, inputs, outputs[0], &instruction.params)?,
                Action::Assign => self.alias(outputs[0], inputs[0]),
                Action::Accumulate => match inputs[..] {
                    [cotangent, old] => self.evaluate(ops::Add, &[old, cotangent], outputs[0], &[])?,
                    _ => self.alias(outputs[0], inputs[0]),
                },
                // What it leaves stands in the places.
                Action::SetGradient => {}
                Action::While(number) => self.repeat(record, &record.loops[number], outputs)?,
                Action::Update(update) => {
                    // The engine says the gradient first.
                    let gradient = self.variable(inputs[0])?;
                    let before = inputs[1..].iter().map(|&id| self.variable(id)).collect::<Result<Variables>>()?;
                    let after = outputs.iter().map(|&id| self.computed(id)).collect::<Result<Variables>>()?;
                    let options = self.program.options;
                    self.program.options += Update::from_code(update)?.options.len();
                    self.program.steps.push(Step::Update(Change { update, gradient, before, after, options }));
                }
            }
        }
        Ok(())
    }

    /// A loop whose number of turns depends on numbers.
    fn repeat(&mut self, record: &Record, made: &While, outputs: &[Id]) -> Result<()> {
        let first = made.first.iter().map(|&id| self.variable(id)).collect::<Result<Variables>>()?;
        let inside = made.inside.iter().map(|&id| self.computed(id)).collect::<Result<Variables>>()?;
        let outer = std::mem::take(&mut self.program.steps);
        let (to_test, others) = made.instructions.split_at(made.test.0);
        self.list(record, to_test, false)?;
        let test = (self.program.steps.len(), self.variable(made.test.1)?);
        self.list(record, others, false)?;
        let next = made.next.iter().map(|&id| self.variable(id).map(|v| self.set_aside(v))).collect::<Result<Variables>>()?;
        let body = std::mem::replace(&mut self.program.steps, outer);
        let carried = (0..first.len()).map(|k| Carried { first: first[k], inside: inside[k], next: next[k] }).collect();
        // What the loop leaves is what a turn after the last would find.
        self.variables.extend(outputs.iter().copied().zip(inside.iter().copied()));
        let made = Loop { turns: made.most, test: Some(test), body, carried, moving: Vec::new(), outputs: inside.to_vec() };
        self.program.steps.push(Step::Loop(Box::new(made)));
        Ok(())
    }

    /// What a turn hands on, where no other part of the state is written before it is read: states that change places, and views of them, are
    /// copied first.
    fn set_aside(&mut self, v: Variable) -> Variable {
        let is_own = self.program.steps.iter().any(|step| match step {
            Step::Evaluate(e) if e.output == v => !matches!(form_of(e.op), Some(Form::View(_) | Form::Pointwise(Pointwise::Cast))),
            _ => false,
        });
        if is_own {
            return v;
        }
        let output = self.program.copy_of(v);
        self.program.steps.push(Step::Copy { input: v, output });
        output
    }

    fn alias(&mut self, id: Id, other: Id) {
        let other = self.resolve(other);
        self.same.insert(id, other);
    }

    fn place(&mut self, ids: &PlaceIds, forgets: Option<bool>) -> Result<Place> {
        let (before, after) = (self.variable(ids.before)?, self.variable(ids.after)?);
        let gradient_after = match (forgets, ids.gradient_after) {
            (None, _) => GradientAfter::Untouched,
            (Some(_), NONE) => GradientAfter::None,
            (Some(_), gradient) => GradientAfter::Some(self.variable(gradient)?),
        };
        let gradient_before = match forgets {
            Some(true) => Presence::Any,
            _ => Presence::Gradient(ids.gradient_before != NONE),
        };
        let is_parameter = matches!(self.session.value(ids.tensor)?, Value::Tracked { .. });
        Ok(Place { is_parameter, gradient_before, after: (after != before).then_some(after), gradient_after })
    }
}
