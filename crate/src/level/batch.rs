//! vmap: one value stands for a batch; the row's batching rule says how the op acts on all examples at once.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::room::room_for_inputs;
use crate::memory::values::{Id, Value};
use crate::op::{BatchRule, Batched, Op};
use crate::shape::show;
use crate::var::Var;
use smallvec::SmallVec;

impl Engine {
    pub(super) fn bind_batch(&self, level: u32, size: usize, op: Op, rule: Option<BatchRule>, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let mut batched: SmallVec<[Batched; 4]> = SmallVec::new();
        room_for_inputs(&mut batched, inputs.len())?;
        {
            let session = self.session();
            for &id in inputs {
                batched.push(match session.value(id)? {
                    Value::Batched { level: l, inner, axis, .. } if *l == level => {
                        Batched { value: Var::new(self, *inner), axis: Some(*axis) }
                    }
                    _ => Batched { value: Var::new(self, id), axis: None },
                });
            }
        }
        let rule = rule.ok_or_else(|| Error::value("cannot be used inside vmap").in_op(op))?;
        let out = rule(op, &batched, params, size);
        let inner = out.value.checked().map_err(|e| e.in_op(op))?;
        match out.axis {
            Some(axis) => self.make_batched(level, inner, axis),
            None => Ok(inner),
        }
    }

    /// Wraps `inner` as a batch along `axis`.
    pub fn make_batched(&self, level: u32, inner: Id, axis: usize) -> Result<Id> {
        let dims = self.dims(inner)?;
        let mut session = self.session();
        let open = session.level(level)?;
        let (epoch, size) = match open.kind {
            crate::session::LevelKind::Batch { size } => (open.epoch, size),
            _ => return Err(Error::value(format!("level {level} is not an open vmap"))),
        };
        if dims.get(axis) != Some(&size) {
            return Err(Error::shape(format!("a batch of {size} cannot lie along axis {axis} of shape {}", show(&dims))));
        }
        let inner = session.hold(inner)?;
        session.insert_holding(Value::Batched { level, epoch, inner, axis }, &[inner])
    }

    /// The inner value with its batch axis at `axis`; a value that is the same for all examples is repeated.
    pub fn unbatch(&self, level: u32, id: Id, axis: usize) -> Result<Id> {
        let (inner, from, size) = {
            let session = self.session();
            let size = match session.level(level)?.kind {
                crate::session::LevelKind::Batch { size } => size,
                _ => return Err(Error::value(format!("level {level} is not an open vmap"))),
            };
            match session.value(id)? {
                Value::Batched { level: l, inner, axis, .. } if *l == level => (*inner, Some(*axis), size),
                _ => (id, None, size),
            }
        };
        let mut value = Var::new(self, inner);
        let rank = value.rank() + from.is_none() as usize;
        if axis >= rank {
            return Err(Error::index(format!("the batch axis {axis} is out of range for a result with {rank} axes")));
        }
        let from = match from {
            Some(from) => from,
            None => {
                let mut dims = value.dims();
                dims.insert(0, size);
                value = value.broadcast_to(&dims);
                0
            }
        };
        if from != axis {
            let mut permutation: SmallVec<[usize; 6]> = (0..rank).filter(|&i| i != from).collect();
            permutation.insert(axis, from);
            value = value.transpose(&permutation);
        }
        value.checked()
    }
}
