//! Where cotangents go: added up at nodes, in place where nobody else can see; kept for whoever wants them; into `.grad`.

use super::{Entry, ACCUMULATE, ONLY_WANTED};
use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::Result;
use crate::kernels::binary;
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::op::Bounds;
use crate::ops::movement::add_to_part;
use crate::session::Session;
use crate::sweep_state::{Source, Sweep};
use crate::tape;
use crate::var::Var;

impl Engine {
    pub(super) fn deliver(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
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

    /// `.grad += cotangent`. A gradient is a variable, so it shares no id with a cotangent that goes further, or that others may get.
    fn add_to_gradient(&self, slot: Id, cotangent: Id, ends_here: bool) -> Result<()> {
        let old = match self.session().value(slot)? {
            Value::Tracked { gradient, .. } => *gradient,
            _ => return Ok(()),
        };
        let add = || {
            self.framed(|| match old {
                NONE if ends_here && self.read_session().is_sole(cotangent) => Ok(cotangent),
                NONE => self.session().alias(cotangent),
                _ => (Var::new(self, old) + Var::new(self, cotangent)).checked(),
            })
        };
        if !(ends_here && self.read_session().inspector.records()) {
            let sum = add()?;
            self.session().set_gradient(slot, sum);
            return Ok(());
        }
        // The record has an instruction of its own for a parameter: the addition in it is not for the record.
        self.session().inspector.record.is_on = false;
        let sum = add();
        let mut session = self.session();
        session.inspector.record.is_on = true;
        let sum = sum?;
        let mark = session.frame.len();
        let recorded = session.record_accumulation(slot, old, cotangent, sum);
        session.end_frame(mark);
        session.set_gradient(slot, sum);
        recorded
    }

    /// Adds the cotangent of a part of a value to the value's, in place. False when there is none yet, or when somebody else sees it, or a
    /// recorder watches.
    pub(super) fn add_part(&self, sweep: &mut Sweep, entry: &Entry, bounds: Bounds, cotangent: Id) -> Result<bool> {
        // A damaged rule must be seen.
        if cfg!(feature = "mutants") {
            return Ok(false);
        }
        let mut session = self.session();
        let whole = sweep.adjoint[entry.sources[0] as usize];
        let part = match session.values.get(cotangent).and_then(|slot| slot.value.as_ref()) {
            Some(Value::Concrete(array)) if whole != NONE && whole != cotangent => array.clone(),
            _ => return Ok(false),
        };
        let Some(whole) = session.unseen(whole) else { return Ok(false) };
        if whole.dtype != part.dtype || !part.dtype.is_float() {
            return Ok(false);
        }
        let bounds = bounds(&whole.dims, &entry.params)?;
        if !bounds.iter().map(|b| b.1).eq(part.dims.iter().copied()) {
            return Ok(false);
        }
        add_to_part(whole, &bounds, &*part.contiguous()?)?;
        Ok(true)
    }

    /// Adds a cotangent to a node's; in place when nobody else can see the sum so far.
    pub(super) fn accumulate(&self, sweep: &mut Sweep, node: usize, cotangent: Id) -> Result<()> {
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
}

impl Session {
    pub(super) fn consume(&mut self, source: Source, node: usize) -> Result<()> {
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

    /// `sum += term` when both are plain arrays and nothing else refers to the sum.
    fn add_in_place(&mut self, sum: Id, term: Id) -> bool {
        let term = match self.values.get(term).and_then(|slot| slot.value.as_ref()) {
            Some(Value::Concrete(array)) if array.is_contiguous() && sum != term => array.clone(),
            _ => return false,
        };
        match self.unseen(sum) {
            Some(array) if array.dims == term.dims && array.dtype == term.dtype => {
                match array.dtype {
                    DType::Float32 => binary::accumulate_f32(term.slice(), array.slice_mut()),
                    DType::Float64 => binary::accumulate_f64(term.slice(), array.slice_mut()),
                    DType::Int32 | DType::Bool => return false,
                }
                true
            }
            _ => false,
        }
    }

    /// Whether there is one reference to a value, and nobody who may get another: a variable hands its copy out again.
    fn is_sole(&self, id: Id) -> bool {
        self.values.twin(id) == NONE && matches!(self.values.get(id), Some(slot) if !slot.handle && slot.references == 1)
    }

    /// The contiguous array of a cotangent that only the sweep holds, to be written to. Not while a recorder watches.
    fn unseen(&mut self, id: Id) -> Option<&mut Array> {
        if self.inspector.is_active() {
            return None;
        }
        if !self.is_sole(id) {
            return None;
        }
        match &mut self.values.get_mut(id)?.value {
            Some(Value::Concrete(array)) if array.is_unique() && array.is_contiguous() => Some(array),
            _ => None,
        }
    }
}
