//! Reverse mode, backward part: one backwards index loop over a tape. It takes each cotangent as it visits its node, so
//! memory falls during the sweep, and it can stop in the middle: a pullback or a hook written in TypeScript is run there,
//! then the sweep goes on. WebAssembly never calls JavaScript, so nothing re-enters the engine.

mod callbacks;
mod parked;

pub use parked::Parked;

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::kernels::binary;
use crate::level::apply_diagonal;
use crate::memory::values::{Id, Value, NONE};
use crate::op::{Kind, Rule};
use crate::session::Session;
use crate::shape::show;
use crate::tape::{self, Tape};
use crate::var::Var;
use smallvec::SmallVec;
use std::collections::BTreeMap;

pub const RETAIN_GRAPH: u32 = 1;
/// The pullbacks are recorded on the swept level itself, so that gradients can be differentiated again.
pub const CREATE_GRAPH: u32 = 2;
/// Add into `.grad` of the leaves (`backward()`), rather than only return.
pub const ACCUMULATE: u32 = 4;
/// With ACCUMULATE: only the wanted leaves.
pub const ONLY_WANTED: u32 = 8;

/// Which tape a sweep reads.
#[derive(Clone, Copy)]
enum Source {
    Level { level: u32, epoch: u32 },
    Parked(u32),
}

enum Waiting {
    Nothing,
    /// The node whose pullback is TypeScript's.
    Callback(usize),
    Hook(usize),
}

pub struct Sweep {
    source: Source,
    flags: u32,
    /// The nodes it started from, held: with them all it will visit, whatever a hook disposes.
    seeds: Vec<u32>,
    /// Cotangents by node, held; NONE = symbolic zero.
    adjoint: Vec<Id>,
    /// How many of them are not NONE: the loop ends with the last.
    pending: usize,
    position: usize,
    /// Node and place in `results` of what is asked for, the last node first: the sweep meets them in this order.
    wanted: Vec<(u32, usize)>,
    next_wanted: usize,
    results: Vec<Id>,
    /// Cotangents of the outputs of callback nodes, until the sweep reaches the node itself.
    collected: BTreeMap<u32, Vec<Id>>,
    waiting: Waiting,
}

pub enum Status {
    /// One gradient per wanted value (NONE = no dependence), each held for the caller.
    Done(Vec<Id>),
    /// With `createGraph` the inputs are tracked: the gradients are recorded as functions of them.
    Callback { number: u32, create_graph: bool, inputs: Vec<Id>, cotangents: Vec<Id> },
    Hook { tensor: Id, cotangent: Id },
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
                return Err(Error::value(
                    "the value belongs to a transform inside; backward() works on values outside grad, jvp and vmap",
                ))
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
                if self.session().grad_tape(level)?.0.flags[node as usize] & tape::CONSUMED != 0 {
                    return Err(consumed());
                }
                seeds.push((node, self.seed(output, cotangent)?));
            }
        }
        if !active && flags & ACCUMULATE != 0 {
            return Err(Error::new(
                ErrorCode::NotDifferentiable,
                "backward() on a tensor that depends on no tensor with requiresGrad; create the parameters with { requiresGrad: true } and compute outside noGrad",
            ));
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
        let mut order: Vec<(u32, usize)> = wanted.iter().enumerate().map(|(i, &node)| (node, i)).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let mut sweep = {
            let mut session = self.session();
            let tape = session.tape(source)?;
            let length = tape.len();
            seeds.iter().for_each(|&(node, _)| tape.retain_node(node));
            session.sweeping += 1;
            Sweep {
                source,
                flags,
                seeds: seeds.iter().map(|&(node, _)| node).collect(),
                adjoint: vec![NONE; length],
                pending: 0,
                position: seeds.iter().map(|&(node, _)| node as usize).max().unwrap_or(0),
                results: vec![NONE; wanted.len()],
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

    fn deliver(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
        let mut wanted_here = false;
        while let Some(&(wanted, place)) = sweep.wanted.get(sweep.next_wanted).filter(|w| w.0 as usize >= node) {
            sweep.next_wanted += 1;
            if wanted as usize == node {
                wanted_here = true;
                self.session().retain(cotangent);
                sweep.results[place] = cotangent;
            }
        }
        if sweep.flags & ACCUMULATE == 0 {
            return Ok(());
        }
        let (slot, leaf) = {
            let mut session = self.session();
            let tape = session.tape(sweep.source)?;
            let leaf = tape.op[node] == tape::LEAF && (sweep.flags & ONLY_WANTED == 0 || wanted_here);
            let keeps = leaf || tape.flags[node] & tape::RETAIN_GRADIENT != 0;
            if !keeps || tape.slot[node] == NONE {
                return Ok(());
            }
            (tape.slot[node], leaf)
        };
        self.add_to_gradient(slot, cotangent, leaf)
    }

    /// `.grad += cotangent`. A gradient is a variable, so it shares no id with a cotangent that goes further.
    fn add_to_gradient(&self, slot: Id, cotangent: Id, ends_here: bool) -> Result<()> {
        let old = match self.session().value(slot)? {
            Value::Tracked { gradient, .. } => *gradient,
            _ => return Ok(()),
        };
        let sum = self.framed(|| match old {
            NONE if ends_here && self.read_session().slot(cotangent)?.references == 1 => Ok(cotangent),
            NONE => self.session().alias(cotangent),
            _ => (Var::new(self, old) + Var::new(self, cotangent)).checked(),
        })?;
        self.session().set_gradient(slot, sum);
        Ok(())
    }

    fn entry(&self, sweep: &Sweep, node: usize) -> Result<Entry> {
        let mut session = self.session();
        let tape = session.tape(sweep.source)?;
        if tape.flags[node] & tape::CONSUMED != 0 {
            return Err(consumed());
        }
        Ok(Entry {
            op: tape.op[node],
            inputs: SmallVec::from_slice(tape.inputs(node)),
            sources: SmallVec::from_slice(tape.sources(node)),
            output: tape.output[node],
            params: SmallVec::from_slice(tape.params(node)),
        })
    }

    fn pull_back(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
        let mut entry = self.entry(sweep, node)?;
        match entry.op {
            tape::OUTPUT => return self.collect(sweep, &entry, cotangent),
            tape::ALIAS => return self.accumulate(sweep, entry.sources[0] as usize, cotangent),
            _ => {}
        }
        let Some(op) = tape::table_op(entry.op) else {
            return Ok(());
        };
        let Kind::Primitive { rule, .. } = &op.row().kind else {
            return Ok(());
        };
        let mark = self.session().frame.len();
        let result = (|| {
            if sweep.flags & CREATE_GRAPH != 0 {
                self.activate(sweep, node, &mut entry)?;
            }
            let x: SmallVec<[Var; 4]> = entry.inputs.iter().map(|&id| Var::new(self, id)).collect();
            let (y, ct) = (Var::new(self, entry.output), Var::new(self, cotangent));
            for (i, &source) in entry.sources.iter().enumerate() {
                if source == 0 {
                    continue;
                }
                #[cfg(not(feature = "mutants"))]
                let term = vjp(rule, i, &x, y, ct, &entry.params);
                #[cfg(feature = "mutants")]
                let term = {
                    use crate::level::mutants::{damaged, rule_for, undone, Mode};
                    let which = rule_for(op, i, x.len(), Mode::Reverse);
                    let dims = x[i].dims();
                    damaged(op, i, Mode::Reverse, vjp(rule, which, &x, y, ct, &entry.params)).map(|t| undone(op, i, t, &dims))
                };
                if let Some(term) = term {
                    // The one place where broadcasting and type promotion are undone.
                    let term = if self.conforms(term.id, x[i].id) {
                        term.id
                    } else {
                        term.sum_to(&x[i].dims()).cast(x[i].dtype()).checked().map_err(|e| e.in_op(op))?
                    };
                    self.check_anomaly(term).map_err(|e| e.in_op(op))?;
                    self.accumulate(sweep, source as usize, term)?;
                }
            }
            Ok(())
        })();
        let mut session = self.session();
        session.end_frame(mark);
        if let Err(Error { code: ErrorCode::Anomaly, message, op: inner }) = result {
            session.inspector.tag_of_failure = session.tape(sweep.source)?.tag[node];
            let inner = inner.map_or("", |op| op.name());
            return Err(Error::new(ErrorCode::Anomaly, format!("its derivative made the first NaN of the backward pass (in {inner}: {message})")).in_op(op));
        }
        result?;
        if sweep.flags & RETAIN_GRAPH == 0 {
            session.consume(sweep.source, node)?;
        }
        Ok(())
    }

    /// Whether two plain arrays have one shape and dtype: the common case, found without asking for dims.
    fn conforms(&self, term: Id, like: Id) -> bool {
        let session = self.read_session();
        match (session.value(term), session.value(like)) {
            (Ok(Value::Concrete(a)), Ok(Value::Concrete(b))) => a.dims == b.dims && a.dtype == b.dtype,
            _ => false,
        }
    }

    /// With `createGraph`: the rule sees tracked values, so that what it computes is recorded.
    fn activate(&self, sweep: &Sweep, node: usize, entry: &mut Entry) -> Result<()> {
        let Source::Level { level, .. } = sweep.source else {
            return Ok(());
        };
        let mut session = self.session();
        for (id, &source) in entry.inputs.iter_mut().zip(&entry.sources) {
            if source != 0 {
                *id = session.rewrap(level, *id, source)?;
            }
        }
        entry.output = session.rewrap(level, entry.output, node as u32)?;
        Ok(())
    }

    /// Adds a cotangent to a node's; in place when nobody else can see the sum so far.
    fn accumulate(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
        let old = sweep.adjoint[node];
        if old == NONE {
            sweep.adjoint[node] = self.session().hold(cotangent)?;
            sweep.pending += 1;
            return Ok(());
        }
        if self.session().add_in_place(old, cotangent) {
            return Ok(());
        }
        let sum = self.framed(|| (Var::new(self, old) + Var::new(self, cotangent)).checked())?;
        self.session().release(old);
        sweep.adjoint[node] = sum;
        Ok(())
    }

    fn check_anomaly(&self, term: Id) -> Result<()> {
        if self.session().inspector.checks_sweeps() && crate::inspect::has_nan(&self.concrete_under(term, true)?) {
            return Err(Error::new(ErrorCode::Anomaly, "a cotangent is NaN"));
        }
        Ok(())
    }
}

impl Session {
    fn consume(&mut self, source: Source, node: usize) -> Result<()> {
        self.with_released(|session, released| {
            session.tape(source)?.consume(node, released);
            Ok(())
        })
    }

    /// Takes over one reference to `gradient`.
    pub fn set_gradient(&mut self, tensor: Id, gradient: Id) {
        let old = match self.values.get_mut(tensor).and_then(|slot| slot.value.as_mut()) {
            Some(Value::Tracked { gradient: place, .. }) => std::mem::replace(place, gradient),
            _ => gradient,
        };
        self.release(old);
    }

    /// `sum += term` when both are plain arrays and nothing else refers to the sum. Not while a recorder watches.
    fn add_in_place(&mut self, sum: Id, term: Id) -> bool {
        if self.inspector.is_active() || sum == term {
            return false;
        }
        let term = match self.values.get(term).and_then(|slot| slot.value.as_ref()) {
            Some(Value::Concrete(array)) if array.is_contiguous() => array.clone(),
            _ => return false,
        };
        let Some(slot) = self.values.get_mut(sum) else { return false };
        if slot.handle || slot.references != 1 {
            return false;
        }
        match &mut slot.value {
            Some(Value::Concrete(array))
                if array.is_unique() && array.is_contiguous() && array.dims == term.dims && array.dtype == term.dtype && array.dtype.is_float() =>
            {
                match array.dtype {
                    crate::dtype::DType::Float64 => binary::accumulate_f64(term.slice(), array.slice_mut()),
                    _ => binary::accumulate_f32(term.slice(), array.slice_mut()),
                }
                true
            }
            _ => false,
        }
    }
}

/// The cotangent of input `i`; `None` is a symbolic zero.
fn vjp<'a>(rule: &Rule, i: usize, x: &[Var<'a>], y: Var<'a>, ct: Var<'a>, params: &[f64]) -> Option<Var<'a>> {
    match rule {
        Rule::Zero => None,
        Rule::Elementwise(partials) => apply_diagonal(partials[i](x, y, params), ct),
        Rule::Linear(transpose) | Rule::Multilinear { transpose, .. } => Some(transpose(i, x, ct, params)),
        Rule::Custom { vjp, .. } => Some(vjp(i, x, y, ct, params)),
    }
}

fn consumed() -> Error {
    Error::value("backward through a graph whose values were freed by an earlier backward; pass { retainGraph: true } to the first one")
}
