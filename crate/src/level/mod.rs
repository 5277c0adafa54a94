//! `bind`, the one dispatch. The highest level among the inputs handles the op and calls `bind` again one level down;
//! level 0 evaluates. Every nesting of reverse mode, forward mode and vmap is this function calling itself.

mod batch;
mod dual;
mod eval;
mod grad;
#[cfg(feature = "mutants")]
pub mod mutants;

pub use dual::apply_diagonal;

use crate::engine::Engine;
use crate::error::Result;
use crate::memory::values::Id;
use crate::op::{Kind, Op};
use crate::session::LevelKind;
use crate::var::Var;
use smallvec::SmallVec;

pub type Ids = SmallVec<[Id; 4]>;

impl Engine {
    /// Applies an op. The new value is held by the current frame.
    pub fn bind(&self, op: Op, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let (eval, rule, batch) = match &op.row().kind {
            Kind::Primitive { eval, rule, batch } => (*eval, rule, *batch),
            Kind::Composite(expand) => {
                let vars: SmallVec<[Var; 4]> = inputs.iter().map(|&id| Var::new(self, id)).collect();
                self.top_level(inputs).map_err(|e| e.in_op(op))?;
                return expand(self, &vars, params).checked().map_err(|e| e.in_op(op));
            }
        };
        let level = self.top_level(inputs).map_err(|e| e.in_op(op))?;
        if level == 0 {
            return self.evaluate(op, eval, inputs, params);
        }
        enum Mode {
            Grad,
            Dual,
            Batch(usize),
        }
        let mode = match &self.session().levels[level as usize - 1].kind {
            LevelKind::Grad(_) => Mode::Grad,
            LevelKind::Dual => Mode::Dual,
            LevelKind::Batch { size } => Mode::Batch(*size),
        };
        match mode {
            Mode::Grad => self.bind_grad(level, op, rule, inputs, params),
            Mode::Dual => self.bind_dual(level, op, rule, inputs, params),
            Mode::Batch(size) => self.bind_batch(level, size, op, batch, inputs, params),
        }
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
