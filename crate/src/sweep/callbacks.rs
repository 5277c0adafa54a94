//! Nodes whose pullback is a function of TypeScript's: recording them, and stopping the sweep there.

use super::{Entry, Status, CREATE_GRAPH, RETAIN_GRAPH};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::room::{list_of, repeated};
use crate::memory::values::{Id, Value, NONE};
use crate::opcode::Reads;
use crate::shape::show;
use crate::sweep_state::{Source, Sweep, Waiting};
use crate::tape;
use crate::var::Var;
use std::collections::btree_map::Entry::{Occupied, Vacant};

impl Engine {
    /// Records a node whose pullback is function number `callback`; returns the tracked outputs. The node holds the inputs' values
    /// one level down, and hands them to the pullback.
    pub fn record_callback(&self, level: u32, inputs: &[Id], outputs: &[Id], callback: u32) -> Result<Vec<Id>> {
        let mut session = self.session();
        let (primals, sources) = session.split(level, inputs)?;
        let tag = session.inspector.tag;
        let params = [callback as f64, outputs.len() as f64];
        let mut tracked = list_of(outputs.len())?;
        let primals = session.hold_all(&primals)?;
        let pushed =
            session.grad_tape(level).and_then(|(tape, _)| tape.push(tape::CALLBACK, &primals, &sources, NONE, &params, tag, Reads::ALL));
        let node = match pushed {
            Ok(node) => node,
            Err(error) => {
                primals.into_iter().for_each(|id| session.release(id));
                return Err(error);
            }
        };
        let recorded = outputs.iter().enumerate().try_for_each(|(i, &output)| {
            tracked.push(session.record(level, tape::OUTPUT, &[NONE], &[node], output, &[i as f64], Reads::ALL)?);
            Ok(())
        });
        // The outputs keep the node alive from here on.
        session.release_node(level, node)?;
        recorded.map(|_| tracked)
    }

    pub(super) fn arrive_at_callback(&self, sweep: &mut Sweep, node: usize) -> Result<Option<Status>> {
        let Some(cotangents) = sweep.collected.get(&(node as u32)).cloned() else {
            return Ok(None);
        };
        let entry = self.entry(sweep, node)?;
        let create_graph = sweep.flags & CREATE_GRAPH != 0;
        let inputs = if create_graph { self.tracked_inputs(sweep, &entry)? } else { entry.inputs.to_vec() };
        sweep.waiting = Waiting::Callback(node);
        Ok(Some(Status::Callback { number: entry.params[0] as u32, create_graph, inputs, cotangents }))
    }

    /// The inputs of a node as tracked values of their own on the level that is swept.
    fn tracked_inputs(&self, sweep: &Sweep, entry: &Entry) -> Result<Vec<Id>> {
        let Source::Level { level, .. } = sweep.source else {
            return Ok(entry.inputs.to_vec());
        };
        let mut session = self.session();
        let tracked = |(&id, &source): (&Id, &u32)| if source == 0 { Ok(id) } else { session.tracked_again(level, id, source) };
        entry.inputs.iter().zip(&entry.sources).map(tracked).collect()
    }

    /// Keeps an output's cotangent for the callback node it belongs to.
    pub(super) fn collect(&self, sweep: &mut Sweep, entry: &Entry, cotangent: Id) -> Result<()> {
        let (callback, index) = (entry.sources[0], entry.params[0] as usize);
        let mut session = self.session();
        let count = session.tape(sweep.source)?.params(callback as usize)[1] as usize;
        let cotangent = session.hold(cotangent)?;
        let places = match sweep.collected.entry(callback) {
            Occupied(places) => places.into_mut(),
            Vacant(place) => match repeated(NONE, count) {
                Ok(places) => place.insert(places),
                Err(error) => {
                    session.release(cotangent);
                    return Err(error);
                }
            },
        };
        places[index] = cotangent;
        sweep.pending += 1;
        Ok(())
    }

    /// What a pullback returned, without the history it has on the swept level where it closes over values of that level: a
    /// gradient is recorded only when the graph is created.
    fn outside(&self, sweep: &Sweep, gradient: Id) -> Result<Id> {
        let Source::Level { level, .. } = sweep.source else { return Ok(gradient) };
        if sweep.flags & CREATE_GRAPH != 0 {
            return Ok(gradient);
        }
        Ok(match self.session().value(gradient)? {
            Value::Tracked { level: l, primal, .. } if *l == level => *primal,
            _ => gradient,
        })
    }

    pub(super) fn finish_callback(&self, sweep: &mut Sweep, node: usize, given: &[Id]) -> Result<()> {
        let entry = self.entry(sweep, node)?;
        if given.len() != entry.sources.len() {
            return Err(Error::value(format!("a custom pullback returned {} gradients for {} inputs", given.len(), entry.sources.len())));
        }
        for (i, &gradient) in given.iter().enumerate() {
            if entry.sources[i] == 0 || gradient == NONE {
                continue;
            }
            let gradient = self.outside(sweep, gradient)?;
            let (x, g) = (Var::new(self, entry.inputs[i]), Var::new(self, gradient));
            if x.dims() != g.dims() {
                return Err(Error::shape(format!(
                    "a custom pullback returned a gradient of shape {} for input {i} of shape {}",
                    show(&g.dims()),
                    show(&x.dims())
                )));
            }
            let mark = self.session().frame.len();
            let result = g.cast(x.dtype()).checked().and_then(|g| self.accumulate(sweep, entry.sources[i] as usize, g));
            self.session().end_frame(mark);
            result?;
        }
        let mut session = self.session();
        for id in sweep.collected.remove(&(node as u32)).unwrap_or_default() {
            if id != NONE {
                sweep.pending -= 1;
                session.release(id);
            }
        }
        if sweep.flags & RETAIN_GRAPH == 0 {
            session.consume(sweep.source, node)?;
        }
        Ok(())
    }
}
