//! How a record grows: what evaluation, `assign` and updates tell it, and which variable a tensor is.

use crate::codes::dependence;
use crate::error::{Error, Result};
use crate::memory::room::room_for;
use crate::memory::values::{Id, Value, NONE};
use crate::opcode::Op;
use crate::record::{Action, Instruction, Record, Variables, While};
use crate::session::{LevelKind, Session, AMBIENT};
use crate::tape;
use smallvec::SmallVec;

impl Session {
    /// Begins a record.
    pub fn start_record(&mut self, replays: bool) {
        self.free_record();
        if let LevelKind::Grad(tape) = &self.levels[AMBIENT as usize - 1].kind {
            self.inspector.record.outside =
                (1..tape.len()).filter(|&node| tape.op[node] == tape::LEAF).map(|node| tape.slot[node]).collect();
        }
        self.inspector.record.is_on = true;
        self.inspector.record.replays = replays;
    }

    pub fn free_record(&mut self) {
        let Record { instructions, variables, loops, open, .. } = std::mem::take(&mut self.inspector.record);
        let of_loops = loops.into_iter().chain(open).flat_map(While::held);
        let held = instructions.into_iter().flat_map(Instruction::held).chain(of_loops);
        held.chain(variables.into_iter().flat_map(|(a, b)| [a, b])).for_each(|id| self.release(id));
    }

    // ---- variables --------------------------------------------------------------------------------------------

    /// What the record calls the numbers behind `id`, at whatever level that is. A handle may be written to, so the record names a copy
    /// of its present value.
    pub fn variable(&mut self, id: Id) -> Result<Id> {
        let id = self.innermost(id)?;
        if let Some(&known) = self.inspector.record.variables.get(&id) {
            return Ok(known);
        }
        if !self.slot(id)?.handle {
            return Ok(id);
        }
        let copy = self.copy(id)?;
        self.name_variable(id, copy);
        Ok(copy)
    }

    /// The concrete value below all levels.
    fn innermost(&self, mut id: Id) -> Result<Id> {
        loop {
            id = match *self.value(id)? {
                Value::Concrete(_) | Value::Outline(..) => return Ok(id),
                Value::Dual { primal, .. } | Value::Tracked { primal, .. } => primal,
                Value::Batched { inner, .. } => inner,
            }
        }
    }

    /// From now on `id` stands for what `other` stands for.
    pub fn same_variable(&mut self, id: Id, other: Id) -> Result<()> {
        let (id, variable) = (self.innermost(id)?, self.variable(other)?);
        // A wrapper's second handle has the first one's numbers.
        if id != variable && self.innermost(other)? != id {
            self.name_variable(id, variable);
        }
        Ok(())
    }

    /// From now on `id` stands for `variable`.
    pub fn name_variable(&mut self, id: Id, variable: Id) {
        self.retain(id);
        self.retain(variable);
        if let Some(before) = self.inspector.record.variables.insert(id, variable) {
            self.release(before);
            self.release(id);
        }
    }

    /// The variable that a place holds now. From here on whoever writes to the place leaves the variable as it is.
    pub fn held_variable(&mut self, tensor: Id) -> Result<Id> {
        let place = self.concrete_slot(tensor)?;
        let variable = self.variable(place)?;
        if variable == place {
            self.name_variable(place, place);
        }
        self.inspector.record.known.insert(tensor);
        Ok(variable)
    }

    /// The variable that `.grad` of a parameter holds now, NONE without a gradient.
    pub fn gradient_variable(&mut self, parameter: Id) -> Result<Id> {
        match *self.value(parameter)? {
            Value::Tracked { gradient, .. } if gradient != NONE => {
                self.name_gradient(gradient)?;
                self.variable(gradient)
            }
            _ => Ok(NONE),
        }
    }

    /// A gradient is no handle until it is asked for, and then the same variable.
    pub fn name_gradient(&mut self, gradient: Id) -> Result<()> {
        let place = self.innermost(gradient)?;
        let variable = self.variable(place)?;
        self.name_variable(place, variable);
        Ok(())
    }

    // ---- dependence -------------------------------------------------------------------------------------------

    /// Marks a variable as one that the next run may find different.
    pub fn mark_variable(&mut self, variable: Id, flags: u32) {
        *self.inspector.record.dependence.entry(variable).or_default() |= flags;
    }

    /// What the numbers behind `id` depend on.
    pub fn dependence(&mut self, id: Id) -> Result<u32> {
        let variable = self.variable(id)?;
        Ok(dependence::KNOWN | self.inspector.record.dependence.get(&variable).copied().unwrap_or_default())
    }

    // ---- instructions -----------------------------------------------------------------------------------------

    /// Adds an evaluated op.
    pub fn record_op(&mut self, op: Op, inputs: &[Id], output: Id, params: &[f64]) -> Result<()> {
        let inputs = self.variables(inputs)?;
        self.push_instruction(Action::Op(op), NONE, inputs, &[output], params)
    }

    pub fn variables(&mut self, ids: &[Id]) -> Result<Variables> {
        ids.iter().map(|&id| self.variable(id)).collect()
    }

    /// Adds a write to `targets` that has just happened; `inputs` are the variables it read.
    pub fn record_write(&mut self, action: Action, targets: &[Id], inputs: Variables, params: &[f64]) -> Result<()> {
        let mut outputs = Variables::new();
        for &target in targets {
            let fresh = self.copy(self.concrete_slot(target)?)?;
            outputs.push(fresh);
        }
        self.push_instruction(action, targets[0], inputs, &outputs, params)?;
        for (&target, &output) in targets.iter().zip(&outputs) {
            let place = self.concrete_slot(target)?;
            self.name_variable(place, output);
            self.mark_variable(output, dependence::STATE);
        }
        Ok(())
    }

    /// Adds what a sweep did to the gradient of a parameter: `sum` is `cotangent`, or `old` and that together.
    pub fn record_accumulation(&mut self, parameter: Id, old: Id, cotangent: Id, sum: Id) -> Result<()> {
        self.check_known(parameter)?;
        let given = if old == NONE { self.variables(&[cotangent])? } else { self.variables(&[cotangent, old])? };
        let sum = self.innermost(sum)?;
        let fresh = self.copy(sum)?;
        self.push_instruction(Action::Accumulate, parameter, given, &[fresh], &[])?;
        self.name_variable(sum, fresh);
        Ok(())
    }

    /// Adds that a gradient was put in place of another, or forgotten.
    pub fn record_gradient(&mut self, parameter: Id, gradient: Id) -> Result<()> {
        self.check_known(parameter)?;
        let given = if gradient == NONE { Variables::new() } else { self.variables(&[gradient])? };
        self.push_instruction(Action::SetGradient, parameter, given, &[], &[])
    }

    /// A parameter from outside whose tensor the record was not told of cannot be written to when it is replayed.
    fn check_known(&self, parameter: Id) -> Result<()> {
        let record = &self.inspector.record;
        if record.outside.contains(&parameter) && !record.known.contains(&parameter) {
            return Err(Error::value(
                "this backward pass goes over a graph that was computed before the recording began, whose parameters the record does not know; compute the loss inside the recorded function",
            ));
        }
        Ok(())
    }

    pub(crate) fn push_instruction(&mut self, action: Action, target: Id, inputs: Variables, outputs: &[Id], params: &[f64]) -> Result<()> {
        room_for(&mut self.inspector.record.instructions, 1)?;
        let record = &self.inspector.record.dependence;
        let flags = inputs.iter().filter_map(|input| record.get(input)).fold(0, |all, flags| all | flags);
        for &output in outputs.iter().filter(|_| flags != 0) {
            self.mark_variable(output, flags);
        }
        inputs.iter().chain(outputs).for_each(|&held| self.retain(held));
        let (outputs, params) = (Variables::from_slice(outputs), SmallVec::from_slice(params));
        self.inspector.record.instructions.push(Instruction { action, target, inputs, outputs, params });
        Ok(())
    }
}
