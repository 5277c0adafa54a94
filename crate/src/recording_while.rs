//! The record of a loop whose number of turns depends on numbers. Its condition and its body are recorded once, on a copy of the first state, as
//! a piece of its own; then the loop itself is run, unrecorded, and what it leaves is what the piece computes.

use crate::codes::dependence;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::record::{Action, Variables, While};
use crate::session::Session;
use crate::shape::show;

impl Session {
    /// Begins a loop with this state: handles for the state as a turn finds it.
    pub fn begin_while(&mut self, state: &[Id], most: usize) -> Result<Variables> {
        let first = self.variables(state)?;
        let (handles, inside) = self.fresh_variables(state)?;
        first.iter().chain(&inside).for_each(|&id| self.retain(id));
        let record = &mut self.inspector.record;
        let before = std::mem::take(&mut record.instructions);
        let (next, instructions) = (Variables::new(), Vec::new());
        record.open.push(While { first, inside, next, instructions, test: (0, NONE), most, before });
        Ok(handles)
    }

    /// Handles for copies of some tensors' numbers, and the variables these are; nobody knows what is in them.
    fn fresh_variables(&mut self, ids: &[Id]) -> Result<(Variables, Variables)> {
        let (mut handles, mut variables) = (Variables::new(), Variables::new());
        for &id in ids {
            let array = self.concrete_under(id, false)?.clone();
            let copy = self.insert(Value::Concrete(array))?;
            let handle = self.expose(copy, false)?;
            let variable = self.variable(handle)?;
            self.mark_variable(variable, dependence::INPUTS | dependence::STATE);
            handles.push(handle);
            variables.push(variable);
        }
        Ok((handles, variables))
    }

    /// What was recorded since decides whether there is another turn; `condition` says so.
    pub fn test_while(&mut self, condition: Id) -> Result<()> {
        let condition = self.variable(condition)?;
        self.retain(condition);
        let record = &mut self.inspector.record;
        let so_far = record.instructions.len();
        record.open.last_mut().ok_or_else(none_open)?.test = (so_far, condition);
        Ok(())
    }

    /// The turn ends with this state. From now on nothing is recorded.
    pub fn end_while(&mut self, next: &[Id]) -> Result<()> {
        let next = self.variables(next)?;
        next.iter().for_each(|&id| self.retain(id));
        let open = self.inspector.record.open.last_mut().ok_or_else(none_open)?;
        open.next = next;
        let (inside, next) = (open.inside.clone(), open.next.clone());
        if self.inspector.record.instructions.iter().any(|i| !matches!(i.action, Action::Op(_) | Action::While(_))) {
            return Err(Error::value(
                "the body of a whileLoop in a compiled function writes to a tensor; only the state may change from turn to turn",
            ));
        }
        for (&before, &after) in inside.iter().zip(&next) {
            let (a, b) = (self.concrete_under(before, false)?, self.concrete_under(after, false)?);
            if a.dtype != b.dtype || a.dims != b.dims {
                let outline = |x: &Array| format!("{} {}", x.dtype, show(&x.dims));
                return Err(Error::shape(format!(
                    "in a compiled whileLoop the state keeps its shapes and dtypes, but the body makes {} of {}; reshape or cast one of them",
                    outline(b),
                    outline(a)
                )));
            }
        }
        self.inspector.record.is_on = false;
        Ok(())
    }

    /// The loop ended with this state. Handles for it; from now on all is recorded again.
    pub fn finish_while(&mut self, last: &[Id]) -> Result<Variables> {
        self.inspector.record.is_on = true;
        let (handles, outputs) = self.fresh_variables(last)?;
        let record = &mut self.inspector.record;
        let mut made = record.open.pop().ok_or_else(none_open)?;
        made.instructions = std::mem::replace(&mut record.instructions, std::mem::take(&mut made.before));
        let first = made.first.clone();
        record.loops.push(made);
        let number = record.loops.len() - 1;
        self.push_instruction(Action::While(number), NONE, first, &outputs, &[])?;
        Ok(handles)
    }

    /// There is no loop after all: what was recorded of it is forgotten.
    pub fn drop_while(&mut self) {
        let record = &mut self.inspector.record;
        record.is_on = true;
        let Some(mut open) = record.open.pop() else { return };
        open.instructions = std::mem::replace(&mut record.instructions, std::mem::take(&mut open.before));
        open.held().for_each(|id| self.release(id));
    }
}

fn none_open() -> Error {
    Error::value("no whileLoop is being recorded")
}
