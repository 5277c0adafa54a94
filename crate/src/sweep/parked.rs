//! Tapes that outlive their level: `vjp` runs a function once, and its pullback may be called later, many times, inside other
//! transforms.

use super::{consumed, Status};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::array::{Array, Layout};
use crate::memory::values::{Id, Value, NONE};
use crate::session::Session;
use crate::sweep_state::{Away, Parked, Source};
use crate::tape::{self, Tape};
use std::collections::BTreeMap;

impl Engine {
    /// Closes `level` but keeps its tape for later sweeps. Its number is never given again.
    pub fn park(&self, level: u32, outputs: &[Id], wanted: &[Id]) -> Result<u32> {
        let mut session = self.session();
        let nodes = |ids: &[Id]| ids.iter().map(|&id| Ok(session.node_of(id, level)?.unwrap_or(0))).collect::<Result<Vec<u32>>>();
        let (outputs, wanted) = (nodes(outputs)?, nodes(wanted)?);
        let tape = std::mem::take(session.grad_tape(level)?.0);
        session.close(level);
        session.last_parked += 1;
        let number = session.last_parked;
        session.parked.insert(number, Parked { tape, outputs, wanted, sweeps: 0, freed: false, away: Vec::new(), leaving: Vec::new() });
        Ok(number)
    }

    /// Sweeps a parked tape; a NONE cotangent is zero.
    pub fn sweep_parked(&self, number: u32, cotangents: &[Id], flags: u32) -> Result<Status> {
        let source = Source::Parked(number);
        let (outputs, wanted) = match self.session().parked.get(&number) {
            Some(parked) if !parked.freed => (parked.outputs.clone(), parked.wanted.clone()),
            _ => return Err(released()),
        };
        let mut seeds = Vec::new();
        for (&node, &cotangent) in outputs.iter().zip(cotangents) {
            if node != 0 && cotangent != NONE {
                let (output, flags) = {
                    let mut session = self.session();
                    let tape = session.tape(source)?;
                    (tape.output(node as usize), tape.flags[node as usize])
                };
                if flags & tape::CONSUMED != 0 {
                    return Err(consumed());
                }
                // A leaf that is an output has no value of its own on the tape: its cotangent passes as it is.
                seeds.push((node, if output == NONE { cotangent } else { self.seed(output, cotangent)? }));
            }
        }
        self.start(source, seeds, &wanted, flags)
    }

    /// The numbers of a parked tape: address and bytes of each buffer. `move_parked_out` forgets them, once they were copied.
    pub fn parked_buffers(&self, number: u32) -> Result<Vec<(*const u8, usize)>> {
        let mut session = self.session();
        let found = match session.parked.get(&number) {
            Some(parked) if !parked.freed && parked.sweeps == 0 && parked.away.is_empty() => session.own_buffers(&parked.tape),
            _ => return Ok(Vec::new()),
        };
        let places = found.iter().map(|(row, away)| (row.address(), away.count * away.dtype.size())).collect();
        if let Some(parked) = session.parked.get_mut(&number) {
            (parked.leaving, parked.away) = found.into_iter().unzip();
        }
        Ok(places)
    }

    pub fn move_parked_out(&self, number: u32) {
        let mut session = self.session();
        let session = &mut *session;
        let Some(parked) = session.parked.get_mut(&number) else { return };
        parked.leaving.clear();
        for (id, _) in parked.away.iter().flat_map(|away| &away.members) {
            session.values.take_away(*id);
        }
    }

    /// Room for the buffers again, in the order in which they left: the addresses that are to be filled. When there is none, nothing changed.
    pub fn move_parked_in(&self, number: u32) -> Result<Vec<*const u8>> {
        let mut session = self.session();
        let session = &mut *session;
        let Some(parked) = session.parked.get_mut(&number) else { return Err(released()) };
        let rows = parked.away.iter().map(|away| Array::new(away.dtype, &[away.count])).collect::<Result<Vec<_>>>()?;
        for (row, away) in rows.iter().zip(parked.away.drain(..)) {
            for (id, layout) in away.members {
                session.values.put_back(id, row.seen(layout));
            }
        }
        Ok(rows.iter().map(Array::address).collect())
    }

    pub fn free_parked(&self, number: u32) {
        let mut session = self.session();
        if let Some(parked) = session.parked.get_mut(&number) {
            parked.freed = true;
            session.drop_parked(number);
        }
    }
}

impl Session {
    /// The values that only this tape holds, buffer by buffer, each as one row.
    fn own_buffers(&self, tape: &Tape) -> Vec<(Array, Away)> {
        let mut held: BTreeMap<Id, u32> = BTreeMap::new();
        for node in 1..tape.len() {
            for id in tape.inputs(node).chain([tape.output(node)]).filter(|&id| id != NONE) {
                *held.entry(id).or_default() += 1;
            }
        }
        let mut buffers: BTreeMap<usize, Vec<(Id, &Array)>> = BTreeMap::new();
        for (id, count) in held {
            let Some(slot) = self.values.get(id).filter(|slot| !slot.handle && slot.references == count) else { continue };
            let Some(Value::Concrete(array)) = &slot.value else { continue };
            buffers.entry(array.buffer_address()).or_default().push((id, array));
        }
        let mut found = Vec::new();
        for values in buffers.into_values() {
            let [(_, first), ..] = values[..] else { continue };
            if first.sharers() == values.len() {
                // As a whole, for all who lie there.
                let layout = |array: &Array| Layout { dims: array.dims.clone(), strides: array.strides.clone(), offset: array.offset };
                let members = values.iter().map(|&(id, array)| (id, layout(array))).collect();
                let row = first.whole();
                let away = Away { count: row.len(), dtype: row.dtype, members };
                found.push((row, away));
                continue;
            }
            // Somebody else lies there too, who may be moved when these have gone: what they see of it, unless that is more than there is.
            for (id, array) in values {
                if array.len() > array.whole().len() {
                    continue;
                }
                let Ok(row) = array.clone().into_ordered() else { continue };
                let layout = Layout { dims: row.dims.clone(), strides: row.strides.clone(), offset: 0 };
                let away = Away { count: row.len(), dtype: row.dtype, members: vec![(id, layout)] };
                found.push((row, away));
            }
        }
        found
    }

    /// A sweep over a parked tape begins: the tape stays until `parked_swept`.
    pub(super) fn parked_sweeping(&mut self, number: u32) {
        if let Some(parked) = self.parked.get_mut(&number) {
            parked.sweeps += 1;
        }
    }

    /// A sweep over a parked tape has ended.
    pub(super) fn parked_swept(&mut self, number: u32) {
        if let Some(parked) = self.parked.get_mut(&number) {
            parked.sweeps -= 1;
            self.drop_parked(number);
        }
    }

    /// Releases a tape whose pullback went, once no sweep reads it any more.
    fn drop_parked(&mut self, number: u32) {
        if matches!(self.parked.get(&number), Some(parked) if parked.freed && parked.sweeps == 0) {
            if let Some(parked) = self.parked.remove(&number) {
                self.release_tape(parked.tape);
            }
        }
    }
}

pub(super) fn released() -> Error {
    Error::value("this pullback was released")
}
