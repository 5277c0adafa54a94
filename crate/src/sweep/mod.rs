//! Reverse mode, backward part: one backwards index loop over a tape. It takes each cotangent as it visits its node, so
//! memory falls during the sweep, and it can stop in the middle: a pullback or a hook written in TypeScript is run there,
//! then the sweep goes on. WebAssembly never calls JavaScript, so nothing re-enters the engine.

mod callbacks;
mod cotangents;
mod parked;
mod rules;

use crate::codes::sweep_flag::{ACCUMULATE, CREATE_GRAPH, ONLY_WANTED, RETAIN_GRAPH};
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::room::{list_of, repeated};
use crate::memory::values::{Id, Value, NONE};
use crate::session::Session;
use crate::shape::show;
use crate::sweep_state::{Source, Sweep, Waiting};
use crate::tape::{self, Tape};
use crate::var::Var;
use smallvec::SmallVec;
use std::collections::BTreeMap;

pub enum Status {
    /// One gradient per wanted value (NONE = no dependence), each held for the caller.
    Done(Vec<Id>),
    /// With `createGraph` the inputs are tracked: the gradients are recorded as functions of them.
    Callback {
        number: u32,
        create_graph: bool,
        inputs: Vec<Id>,
        cotangents: Vec<Id>,
    },
    Hook {
        tensor: Id,
        cotangent: Id,
    },
}

/// What one visit needs of a node, copied out so that no borrow is held while rules run.
struct Entry {
    op: u16,
    inputs: SmallVec<[Id; 4]>,
    sources: SmallVec<[u32; 4]>,
    output: Id,
    params: SmallVec<[f64; 8]>,
}

impl Session {
    fn tape(&mut self, source: Source) -> Result<&mut Tape> {
        match source {
            Source::Level { level, epoch } => match self.grad_tape(level)? {
                (tape, open) if open == epoch => Ok(tape),
                _ => Err(Error::value("the transform whose backward pass this was has ended")),
            },
            Source::Parked(number) => self.parked.get_mut(&number).map(|parked| &mut parked.tape).ok_or_else(parked::released),
        }
    }

    /// Whether a sweep is under way: it holds node numbers, so tapes must not be compacted.
    pub fn is_sweeping(&self) -> bool {
        self.sweeping > 0
    }

    fn node_of(&self, id: Id, level: u32) -> Result<Option<u32>> {
        Ok(match self.value(id)? {
            Value::Tracked { level: l, node, .. } if *l == level => Some(*node),
            value if value.level() > level => {
                return Err(Error::value("the value belongs to a transform inside; backward() works on values outside grad, jvp and vmap"))
            }
            _ => None,
        })
    }

    /// Drops the innermost suspended sweep, after its pullback or hook threw.
    pub fn abandon_sweep(&mut self) {
        if let Some(sweep) = self.sweeps.pop() {
            self.drop_sweep(sweep);
        }
    }

    fn drop_sweep(&mut self, sweep: Sweep) {
        self.sweeping -= 1;
        // The level may be closed already: then its tape is gone with all its nodes.
        let _ = self.with_released(|session, released| {
            let tape = session.tape(sweep.source)?;
            sweep.seeds.iter().for_each(|&node| tape.slot_died(node, NONE, released));
            Ok(())
        });
        for id in sweep.adjoint.into_iter().chain(sweep.results).chain(sweep.collected.into_values().flatten()) {
            self.release(id);
        }
        if let Source::Parked(number) = sweep.source {
            self.parked_swept(number);
        }
    }
}

impl Engine {
    /// Starts a sweep over an open level. `cotangents[i]` belongs to `outputs[i]`; NONE stands for ones.
    pub fn sweep(&self, level: u32, outputs: &[Id], cotangents: &[Id], wanted: &[Id], flags: u32) -> Result<Status> {
        let mut seeds = Vec::new();
        let mut nodes = Vec::new();
        let mut active = false;
        for (&output, &cotangent) in outputs.iter().zip(cotangents) {
            let node = self.session().node_of(output, level)?;
            if let Some(node) = node {
                active = true;
                seeds.push((node, self.seed(output, cotangent)?));
            }
        }
        if !active && flags & ACCUMULATE != 0 {
            return Err(Error::new(
                ErrorCode::NotDifferentiable,
                "backward() on a tensor that depends on no tensor with requiresGrad; create the parameters with { requiresGrad: true } and compute outside noGrad",
            ));
        }
        // All or nothing: in the middle of the sweep some gradients would be added up already, and a part of the graph consumed.
        if flags & ACCUMULATE != 0 && self.session().grad_tape(level)?.0.meets_consumed(seeds.iter().map(|&(node, _)| node))? {
            return Err(consumed());
        }
        for &id in wanted {
            nodes.push(self.session().node_of(id, level)?.unwrap_or(0));
        }
        let epoch = self.session().level(level)?.epoch;
        self.start(Source::Level { level, epoch }, seeds, &nodes, flags)
    }

    /// The cotangent a sweep starts with: checked, or ones.
    fn seed(&self, output: Id, cotangent: Id) -> Result<Id> {
        let (dims, dtype) = (self.dims(output)?, self.dtype(output)?);
        if cotangent == NONE {
            return self.full(dtype, &dims, 1.0);
        }
        let ct = Var::new(self, cotangent);
        let have = self.dims(cotangent)?;
        if have != dims {
            return Err(Error::shape(format!(
                "the cotangent has shape {} but the output has shape {}; a cotangent has its output's shape",
                show(&have),
                show(&dims)
            )));
        }
        ct.cast(dtype).checked()
    }

    fn start(&self, source: Source, seeds: Vec<(u32, Id)>, wanted: &[u32], flags: u32) -> Result<Status> {
        let length = self.session().tape(source)?.len();
        let (adjoint, results) = (repeated(NONE, length)?, repeated(NONE, wanted.len())?);
        let mut order: Vec<(u32, usize)> = list_of(wanted.len())?;
        order.extend(wanted.iter().enumerate().map(|(i, &node)| (node, i)));
        order.sort_unstable_by(|a, b| b.cmp(a));
        let mut sweep = {
            let mut session = self.session();
            let tape = session.tape(source)?;
            seeds.iter().for_each(|&(node, _)| tape.retain_node(node));
            // From here on nothing fails before there is a sweep, whose end undoes both.
            session.sweeping += 1;
            if let Source::Parked(number) = source {
                session.parked_sweeping(number);
            }
            Sweep {
                source,
                flags,
                seeds: seeds.iter().map(|&(node, _)| node).collect(),
                adjoint,
                pending: 0,
                position: seeds.iter().map(|&(node, _)| node as usize).max().unwrap_or(0),
                results,
                wanted: order,
                next_wanted: 0,
                collected: BTreeMap::new(),
                waiting: Waiting::Nothing,
            }
        };
        for (node, cotangent) in seeds {
            if let Err(error) = self.accumulate(&mut sweep, node as usize, cotangent) {
                self.session().drop_sweep(sweep);
                return Err(error);
            }
        }
        self.drive(sweep)
    }

    /// Continues the innermost suspended sweep with what TypeScript computed.
    pub fn resume(&self, given: &[Id]) -> Result<Status> {
        let Some(mut sweep) = self.session().sweeps.pop() else {
            return Err(Error::value("no sweep is waiting"));
        };
        let result = match std::mem::replace(&mut sweep.waiting, Waiting::Nothing) {
            Waiting::Nothing => Err(Error::value("no sweep is waiting")),
            Waiting::Hook(node) => given
                .first()
                .filter(|&&id| id != NONE)
                .map_or(Ok(()), |&replacement| self.replace_cotangent(&mut sweep, node, replacement))
                .and_then(|_| self.visit(&mut sweep, node)),
            Waiting::Callback(node) => self.finish_callback(&mut sweep, node, given),
        };
        match result {
            Ok(()) => self.drive(sweep),
            Err(error) => {
                self.session().drop_sweep(sweep);
                Err(error)
            }
        }
    }

    fn drive(&self, mut sweep: Sweep) -> Result<Status> {
        loop {
            if sweep.pending == 0 || sweep.position == 0 {
                let results = std::mem::take(&mut sweep.results);
                self.session().drop_sweep(sweep);
                return Ok(Status::Done(results));
            }
            let node = sweep.position;
            sweep.position -= 1;
            let status = self.arrive(&mut sweep, node);
            match status {
                Ok(None) => {}
                Ok(Some(status)) => {
                    self.session().sweeps.push(sweep);
                    return Ok(status);
                }
                Err(error) => {
                    self.session().drop_sweep(sweep);
                    return Err(error);
                }
            }
        }
    }

    /// At a node: suspend for a hook or a pullback of TypeScript's, or apply the rule.
    fn arrive(&self, sweep: &mut Sweep, node: usize) -> Result<Option<Status>> {
        let (op, flags, slot) = {
            let mut session = self.session();
            let tape = session.tape(sweep.source)?;
            (tape.op[node], tape.flags[node], tape.slot[node])
        };
        if op == tape::CALLBACK {
            return self.arrive_at_callback(sweep, node);
        }
        if sweep.adjoint[node] == NONE {
            return Ok(None);
        }
        if flags & tape::HOOKED != 0 && slot != NONE {
            sweep.waiting = Waiting::Hook(node);
            return Ok(Some(Status::Hook { tensor: slot, cotangent: sweep.adjoint[node] }));
        }
        self.visit(sweep, node)?;
        Ok(None)
    }

    /// What a hook returned takes the place of the cotangent.
    fn replace_cotangent(&self, sweep: &mut Sweep, node: usize, replacement: Id) -> Result<()> {
        let old = sweep.adjoint[node];
        let dtype = self.dtype(old)?;
        let mark = self.session().frame.len();
        let cast = Var::new(self, replacement).cast(dtype).checked();
        let mut session = self.session();
        let held = cast.and_then(|id| session.hold(id));
        session.end_frame(mark);
        sweep.adjoint[node] = held?;
        session.release(old);
        Ok(())
    }

    /// Takes the cotangent of `node`, delivers it where it is wanted and pulls it back to the node's inputs.
    fn visit(&self, sweep: &mut Sweep, node: usize) -> Result<()> {
        let cotangent = std::mem::replace(&mut sweep.adjoint[node], NONE);
        sweep.pending -= 1;
        let result = self.deliver(sweep, node, cotangent).and_then(|_| self.pull_back(sweep, node, cotangent));
        self.session().release(cotangent);
        result
    }

    fn entry(&self, sweep: &Sweep, node: usize) -> Result<Entry> {
        let mut session = self.session();
        let tape = session.tape(sweep.source)?;
        if tape.flags[node] & tape::CONSUMED != 0 {
            return Err(consumed());
        }
        Ok(Entry {
            op: tape.op[node],
            inputs: tape.inputs(node).collect(),
            sources: SmallVec::from_slice(tape.sources(node)),
            output: tape.output(node),
            params: SmallVec::from_slice(tape.params(node)),
        })
    }
}

fn consumed() -> Error {
    Error::value(
        "backward through a graph whose values were freed by an earlier backward; pass { retainGraph: true } to the first one. \
         (They are freed, too, when no backward went through them in the 8 training steps after their parameters changed: compute the loss anew)",
    )
}
