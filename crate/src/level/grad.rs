//! Reverse mode, forward part: bind on the primals, then append one node to the tape if any input is active. Sweeping back
//! is `sweep/`.

use crate::engine::Engine;
use crate::error::Result;
use crate::level::Ids;
use crate::memory::room::room_for_inputs;
use crate::memory::values::{Id, Value, NONE};
use crate::op::{Op, Reads, Rule};
use crate::session::Session;
use crate::tape;
use smallvec::SmallVec;

impl Engine {
    pub(super) fn bind_grad(&self, level: u32, op: Op, rule: &Rule, reads: Reads, inputs: &[Id], params: &[f64]) -> Result<Id> {
        let (primals, sources, recording) = {
            let session = self.session();
            let (primals, sources) = session.split(level, inputs)?;
            let recording = level > session.recording_floor && !matches!(rule, Rule::Zero) && sources.iter().any(|&s| s != 0);
            (primals, sources, recording)
        };
        let output = self.bind(op, &primals, params)?;
        if !recording || !self.dtype(output)?.is_float() {
            return Ok(output);
        }
        self.session().record(level, op.0, &primals, &sources, output, params, reads)
    }

    /// Makes `id` a leaf of `level`: what derivatives are taken with respect to.
    pub fn track(&self, level: u32, id: Id) -> Result<Id> {
        self.session().record(level, tape::LEAF, &[], &[], id, &[0.0, 0.0], Reads::ALL)
    }
}

impl Session {
    /// The values one level down, and the nodes that made them (0 = inactive).
    pub fn split(&self, level: u32, inputs: &[Id]) -> Result<(Ids, SmallVec<[u32; 4]>)> {
        let mut primals: Ids = SmallVec::new();
        let mut sources: SmallVec<[u32; 4]> = SmallVec::new();
        room_for_inputs(&mut primals, inputs.len())?;
        room_for_inputs(&mut sources, inputs.len())?;
        for &id in inputs {
            let (primal, node) = match self.value(id)? {
                Value::Tracked { level: l, primal, node, .. } if *l == level => (*primal, *node),
                _ => (id, 0),
            };
            primals.push(primal);
            sources.push(node);
        }
        Ok((primals, sources))
    }

    /// Appends a node and wraps its output.
    pub fn record(&mut self, level: u32, op: u16, inputs: &[Id], sources: &[u32], output: Id, params: &[f64], reads: Reads) -> Result<Id> {
        let tag = self.inspector.tag;
        let leaf = op == tape::LEAF;
        // The common case: all are values already, made one level down.
        let copies;
        let inputs = if inputs.iter().all(|&id| matches!(self.values.get(id), Some(slot) if !slot.handle)) {
            inputs.iter().for_each(|&id| self.retain(id));
            inputs
        } else {
            copies = self.hold_all(inputs)?;
            &copies[..]
        };
        let output = match self.hold(output) {
            Ok(output) => output,
            Err(error) => {
                inputs.iter().for_each(|&id| self.release(id));
                return Err(error);
            }
        };
        // A sweep holds node numbers, and so does whoever records the outputs of a callback.
        let pinned = self.is_sweeping() || op == tape::OUTPUT;
        // A leaf's node holds no value: an optimizer may replace the parameter's contents at any time.
        let pushed = self.grad_tape(level).and_then(|(tape, _)| {
            let node = tape.push(op, inputs, sources, if leaf { NONE } else { output }, params, tag, reads)?;
            Ok((node, !pinned && tape.wants_compaction()))
        });
        let (node, compact) = match pushed {
            Ok(pushed) => pushed,
            Err(error) => {
                inputs.iter().chain([&output]).for_each(|&id| self.release(id));
                return Err(error);
            }
        };
        // Marked on the tape: their numbers go as soon as nobody else asks for them.
        inputs.iter().take(reads.inputs_from).for_each(|&id| self.values.needs_outline(id));
        if !reads.output {
            self.values.needs_outline(output);
        }
        let wrapped = self.wrap(level, output, node);
        if leaf {
            self.release(output);
        }
        let id = wrapped?;
        // Only these are ever asked for by node: leaves for their gradient, and what `retainGrad` and hooks name later.
        if leaf {
            self.grad_tape(level)?.0.slot[node as usize] = id;
        }
        if compact {
            self.compact(level);
        }
        Ok(id)
    }

    /// `hold` for the inputs of a node.
    pub fn hold_all(&mut self, ids: &[Id]) -> Result<Ids> {
        let mut held = Ids::new();
        room_for_inputs(&mut held, ids.len())?;
        for &id in ids {
            match self.hold(id) {
                Ok(id) => held.push(id),
                Err(error) => {
                    held.into_iter().for_each(|id| self.release(id));
                    return Err(error);
                }
            }
        }
        Ok(held)
    }

    /// A tracked value for a node; takes over one reference to the node.
    pub fn wrap(&mut self, level: u32, primal: Id, node: u32) -> Result<Id> {
        let epoch = self.level(level)?.epoch;
        self.retain(primal);
        let wrapped = self.insert_holding(Value::Tracked { level, epoch, primal, node, gradient: NONE }, &[primal]);
        if wrapped.is_err() {
            self.release_node(level, node)?;
        }
        wrapped
    }

    /// A second tracked value for what `node` made, with a node of its own behind it.
    pub fn tracked_again(&mut self, level: u32, primal: Id, node: u32) -> Result<Id> {
        let tag = self.inspector.tag;
        let alias = self.grad_tape(level)?.0.push(tape::ALIAS, &[NONE], &[node], NONE, &[], tag, Reads::ALL)?;
        self.wrap(level, primal, alias)
    }

    /// Gives back one reference to a node.
    pub fn release_node(&mut self, level: u32, node: u32) -> Result<()> {
        self.with_released(|session, released| {
            session.grad_tape(level)?.0.slot_died(node, NONE, released);
            Ok(())
        })
    }

    /// A tracked value for an existing node: how a sweep with `createGraph` sees a node's inputs.
    pub fn rewrap(&mut self, level: u32, primal: Id, node: u32) -> Result<Id> {
        self.grad_tape(level)?.0.retain_node(node);
        self.wrap(level, primal, node)
    }

    fn compact(&mut self, level: u32) {
        if let Some(crate::session::Level { kind: crate::session::LevelKind::Grad(tape), .. }) = self.levels.get_mut(level as usize - 1) {
            let mut moved = std::mem::take(tape);
            // It is tried again later.
            let _ = moved.compact(level, &mut self.values);
            if let Some(crate::session::Level { kind: crate::session::LevelKind::Grad(tape), .. }) = self.levels.get_mut(level as usize - 1)
            {
                *tape = moved;
            }
        }
    }
}
