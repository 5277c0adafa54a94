//! `bind`, the one dispatch. The highest level among the inputs handles the op and calls `bind` again one level down;
//! level 0 evaluates. Every nesting of reverse mode, forward mode and vmap is this function calling itself.

mod batch;
mod dual;
mod eval;
mod grad;
#[cfg(feature = "mutants")]
pub mod mutants;

pub use dual::{apply_diagonal, in_output_precision};

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::room::room_for_inputs;
use crate::memory::values::Id;
use crate::op::{Kind, Op, Rule};
use crate::session::LevelKind;
use crate::shape::show;
use crate::var::Var;
use smallvec::SmallVec;

pub type Ids = SmallVec<[Id; 4]>;

impl Engine {
    /// Applies an op. The new value is held by the current frame.
    pub fn bind(&self, op: Op, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let row = op.row();
        if !row.inputs.allow(inputs.len()) {
            return Err(Error::value(format!("{} inputs; expected {}", inputs.len(), row.inputs.least)).in_op(op));
        }
        let (form, rule, reads, batch) = match &row.kind {
            Kind::Primitive { form, rule, reads, batch } => {
                if let Some(result) = self.evaluate_plain(op, form, inputs, params) {
                    return result;
                }
                (form, rule, *reads, *batch)
            }
            Kind::Composite(expand) => {
                let mut vars: SmallVec<[Var; 4]> = SmallVec::new();
                room_for_inputs(&mut vars, inputs.len())?;
                vars.extend(inputs.iter().map(|&id| Var::new(self, id)));
                self.top_level(inputs).map_err(|e| e.in_op(op))?;
                return expand(self, &vars, params).checked().map_err(|e| e.in_op(row.reported.unwrap_or(op)));
            }
        };
        let level = self.top_level(inputs).map_err(|e| e.in_op(op))?;
        if level == 0 {
            return self.evaluate(op, form, inputs, params);
        }
        enum Mode {
            Grad,
            Dual,
            Batch(usize),
        }
        let (mode, guarded) = {
            let session = self.session();
            let level = &session.levels[level as usize - 1];
            let mode = match &level.kind {
                LevelKind::Grad(_) => Mode::Grad,
                LevelKind::Dual => Mode::Dual,
                LevelKind::Batch { size } => Mode::Batch(*size),
            };
            (mode, level.guards > 0)
        };
        if guarded {
            // What has no derivative may be asked of any value: comparisons, detach().
            let constant = match mode {
                Mode::Grad => matches!(rule, Rule::Zero) || level <= self.session().recording_floor,
                Mode::Dual => matches!(rule, Rule::Zero) || level <= self.session().forward_floor,
                Mode::Batch(_) => false,
            };
            if !constant {
                return Err(self.closed_over(level, inputs).in_op(op));
            }
        }
        match mode {
            Mode::Grad => self.bind_grad(level, op, rule, reads, inputs, params),
            Mode::Dual => self.bind_dual(level, op, rule, inputs, params),
            Mode::Batch(size) => self.bind_batch(level, size, op, batch, inputs, params),
        }
    }

    /// The refusal of a value of `level` that a custom rule uses although it is not one of its arguments.
    pub fn closed_over(&self, level: u32, ids: &[Id]) -> Error {
        let session = self.session();
        let of_level = ids.iter().copied().find(|&id| session.value(id).is_ok_and(|value| value.level() == level));
        let (what, otherwise) = match session.levels[level as usize - 1].kind {
            LevelKind::Batch { .. } => ("mapped by vmap", ""),
            _ => ("being differentiated", ", or detach() it where it counts as a constant"),
        };
        drop(session);
        let shape = of_level.and_then(|id| self.dims(id).ok()).map_or(String::new(), |dims| format!(" of shape {}", show(&dims)));
        Error::new(
            ErrorCode::NotDifferentiable,
            format!("a function with a custom rule closes over a tensor{shape} that is {what}; its rule cannot know that tensor: pass it as an argument{otherwise}"),
        )
    }

    /// The highest level among the values; fails on disposed ids and on values of closed levels.
    pub fn top_level(&self, ids: &[Id]) -> Result<u32> {
        let session = self.session();
        let mut top = 0;
        for &id in ids {
            top = top.max(session.value(id)?.level());
        }
        Ok(top)
    }
}
