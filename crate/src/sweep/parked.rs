//! Tapes that outlive their level: `vjp` runs a function once, and its pullback may be called later, many times, inside other
//! transforms.

use super::{consumed, Status};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::values::{Id, NONE};
use crate::session::Session;
use crate::sweep_state::{Parked, Source};
use crate::tape;

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
        session.parked.insert(number, Parked { tape, outputs, wanted, sweeps: 0, freed: false });
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

    pub fn free_parked(&self, number: u32) {
        let mut session = self.session();
        if let Some(parked) = session.parked.get_mut(&number) {
            parked.freed = true;
            session.drop_parked(number);
        }
    }
}

impl Session {
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
