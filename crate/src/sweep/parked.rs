//! Tapes that outlive their level: `vjp` runs a function once, and its pullback may be called later, many times, inside other
//! transforms.

use super::{consumed, Source, Status};
use crate::engine::Engine;
use crate::error::Result;
use crate::memory::values::{Id, NONE};
use crate::tape::{self, Tape};

/// The tape of a level that closed, kept for a pullback (`vjp`).
pub struct Parked {
    pub(super) tape: Tape,
    outputs: Vec<u32>,
    wanted: Vec<u32>,
}

impl Engine {
    /// Closes `level` but keeps its tape for later sweeps.
    pub fn park(&self, level: u32, outputs: &[Id], wanted: &[Id]) -> Result<u32> {
        let mut session = self.session();
        let nodes = |ids: &[Id]| ids.iter().map(|&id| Ok(session.node_of(id, level)?.unwrap_or(0))).collect::<Result<Vec<u32>>>();
        let (outputs, wanted) = (nodes(outputs)?, nodes(wanted)?);
        let tape = std::mem::take(session.grad_tape(level)?.0);
        session.close(level);
        session.parked.push(Some(Parked { tape, outputs, wanted }));
        Ok(session.parked.len() as u32)
    }

    /// Sweeps a parked tape; a NONE cotangent is zero.
    pub fn sweep_parked(&self, number: u32, cotangents: &[Id], flags: u32) -> Result<Status> {
        let source = Source::Parked(number);
        let mut seeds = Vec::new();
        let (outputs, wanted) = {
            let mut session = self.session();
            session.tape(source)?;
            match &session.parked[number as usize - 1] {
                Some(parked) => (parked.outputs.clone(), parked.wanted.clone()),
                None => unreachable!("checked by tape()"),
            }
        };
        for (&node, &cotangent) in outputs.iter().zip(cotangents) {
            if node != 0 && cotangent != NONE {
                let (output, flags) = {
                    let mut session = self.session();
                    let tape = session.tape(source)?;
                    (tape.output[node as usize], tape.flags[node as usize])
                };
                if flags & tape::CONSUMED != 0 {
                    return Err(consumed());
                }
                // A leaf that is an output has no value of its own on the tape: its cotangent passes as it is.
                seeds.push((node, if output == NONE { cotangent } else { self.seed(output, cotangent)? }));
            }
        }
        self.start(source, seeds, wanted, flags)
    }

    pub fn free_parked(&self, number: u32) {
        let mut session = self.session();
        if let Some(slot) = session.parked.get_mut((number as usize).wrapping_sub(1)) {
            if let Some(parked) = slot.take() {
                session.release_tape(parked.tape);
            }
        }
        while matches!(session.parked.last(), Some(None)) {
            session.parked.pop();
        }
    }
}
