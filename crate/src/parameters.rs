//! Writing: an optimizer or `assign` gives a parameter (a leaf of the ambient level) or a plain tensor other numbers behind the same
//! handle. In place when nothing else sees the old numbers; whoever still needs them keeps them (copy on write).

use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::record::Action;
use crate::session::{LevelKind, Session, AMBIENT};
use crate::shape::show;
use crate::tape;
use crate::updates::Update;
use smallvec::SmallVec;

impl Engine {
    /// New contents of the same shape and dtype behind the handle of `target`, a parameter or a plain tensor. It is not recorded: a
    /// value that is being differentiated is refused, for its derivative would be lost without a word.
    pub fn assign(&self, target: Id, value: Id) -> Result<()> {
        self.session().constant_value(value)?;
        let array = self.concrete_under(value, false)?.into_ordered()?;
        let old = self.session().contents(target)?;
        if array.dims != old.dims {
            return Err(Error::shape(format!("the value has shape {} but the tensor has shape {}", show(&array.dims), show(&old.dims))));
        }
        if array.dtype != old.dtype {
            return Err(Error::dtype(format!("the value is {} but the tensor is {}; cast it first", array.dtype, old.dtype)));
        }
        drop(old);
        let mut session = self.session();
        let mark = session.frame.len();
        let result = session.put_in(target, array, value);
        session.end_frame(mark);
        result
    }

    /// Whether `gradient` (NONE for none) may become `.grad` of `tensor`.
    pub fn check_gradient(&self, tensor: Id, gradient: Id) -> Result<()> {
        if gradient == NONE {
            return Ok(());
        }
        if gradient == tensor {
            return Err(Error::value("a tensor cannot be its own gradient; assign a copy of it, such as detach()"));
        }
        if self.top_level(&[gradient])? > AMBIENT {
            return Err(Error::value("the gradient belongs to a transform that is still open; return it from there, then assign it"));
        }
        let (have, want) = (self.dims(gradient)?, self.dims(tensor)?);
        if have != want {
            return Err(Error::shape(format!("a gradient has its tensor's shape {}, this one has {}", show(&want), show(&have))));
        }
        let (have, want) = (self.dtype(gradient)?, self.dtype(tensor)?);
        if have != want {
            return Err(Error::dtype(format!("a gradient has its tensor's dtype {want}, this one has {have}; cast() it")));
        }
        Ok(())
    }

    /// One step of an optimizer on `parameter`; of its `state` the optional tensors may be NONE.
    pub fn update(&self, number: u32, parameter: Id, gradient: Id, state: &[Id], options: &[f64]) -> Result<()> {
        let update = Update::from_code(number)?;
        let along = gradient;
        let gradient = self.gradient_for(parameter, gradient)?;
        let mut ids: SmallVec<[Id; 4]> = SmallVec::from_slice(&[parameter]);
        for (slot, &id) in update.state.iter().zip(state) {
            if id != NONE {
                ids.push(id);
            } else if !slot.optional {
                return Err(Error::value(format!("{} needs its state {}", update.name, slot.name)));
            }
        }
        let mut session = self.session();
        let change = |tensors: &mut [Array]| (update.kernel)(tensors, &gradient, options);
        if !session.inspector.records() {
            return session.update(&ids, change);
        }
        let mark = session.frame.len();
        let result = session.recorded_update(number, &ids, along, change, options);
        session.end_frame(mark);
        result
    }

    /// Checks that an optimizer can write to `tensor`, a parameter or its state, along `gradient`, and makes room where somebody still
    /// needs the old numbers: after that the step itself cannot fail. A step over many parameters asks for all of them first.
    pub fn prepare_update(&self, tensor: Id, gradient: Id) -> Result<()> {
        self.gradient_for(tensor, gradient)?;
        let mut session = self.session();
        session.straighten(gradient)?;
        session.own(tensor).map(|_| ())
    }

    fn gradient_for(&self, parameter: Id, gradient: Id) -> Result<Array> {
        let (p, g) = (self.concrete_under(parameter, false)?, self.concrete_under(gradient, false)?);
        if p.dims != g.dims {
            return Err(Error::shape(format!(
                "an optimizer got a gradient of shape {} for a parameter of shape {}",
                show(&g.dims),
                show(&p.dims)
            )));
        }
        if p.dtype != g.dtype || !p.dtype.is_float() {
            return Err(Error::dtype(format!(
                "an optimizer got a {} gradient for a {} parameter; both must be the same float dtype",
                g.dtype, p.dtype
            )));
        }
        g.into_ordered()
    }
}

impl Session {
    /// `assign`, after its checks.
    fn put_in(&mut self, target: Id, array: Array, value: Id) -> Result<()> {
        let input = if self.inspector.records() { Some(self.variables(&[value])?) } else { None };
        self.replace_contents(target, array)?;
        self.outdate(target)?;
        input.map_or(Ok(()), |input| self.record_write(Action::Assign, &[target], input, &[]))
    }

    /// The slot that holds the numbers of a tensor that may be written to.
    pub fn concrete_slot(&self, id: Id) -> Result<Id> {
        match *self.value(id)? {
            Value::Concrete(_) => Ok(id),
            Value::Tracked { level: AMBIENT, primal, node, .. } if self.is_leaf(node) => Ok(primal),
            Value::Tracked { level: AMBIENT, .. } => Err(Error::new(
                ErrorCode::NotDifferentiable,
                "only a parameter or a plain tensor can be written to; this one was computed from others, which would go on getting gradients for numbers it no longer has: detach() it first, or use the new value in its place",
            )),
            _ => Err(Error::value("only a parameter or a plain tensor can be written to, not a value inside a transform")),
        }
    }

    pub fn is_leaf(&self, node: u32) -> bool {
        matches!(&self.levels[AMBIENT as usize - 1].kind, LevelKind::Grad(tape) if tape.op[node as usize] == tape::LEAF)
    }

    /// Refuses a value with a derivative on a level that records.
    fn constant_value(&self, mut id: Id) -> Result<()> {
        loop {
            id = match *self.value(id)? {
                Value::Concrete(_) => return Ok(()),
                Value::Tracked { level, primal, .. } if level <= self.recording_floor => primal,
                Value::Dual { level, primal, .. } if level <= self.forward_floor => primal,
                Value::Dual { primal, tangent: NONE, .. } => primal,
                Value::Batched { inner, .. } => inner,
                _ => {
                    return Err(Error::new(
                        ErrorCode::NotDifferentiable,
                        "the value depends on what is being differentiated, and writing it into a tensor would cut that off; detach() it (or write under noGrad) if that is meant, else use the value itself",
                    ))
                }
            }
        }
    }

    /// Lets `change` write to the numbers of several tensors of one shape and dtype. When one cannot be had, nothing changed.
    fn update(&mut self, ids: &[Id], change: impl FnOnce(&mut [Array]) -> Result<()>) -> Result<()> {
        let (first, rest) = (self.contents(ids[0])?, &ids[1..]);
        for &id in rest {
            let other = self.contents(id)?;
            if other.dims != first.dims || other.dtype != first.dtype {
                return Err(Error::shape(format!(
                    "optimizer state of shape {} does not fit a parameter of shape {}",
                    show(&other.dims),
                    show(&first.dims)
                )));
            }
        }
        drop(first);
        let mut places: SmallVec<[Id; 4]> = SmallVec::new();
        for &id in ids {
            let place = self.own(id)?;
            if places.contains(&place) {
                return Err(Error::value("an optimizer got one tensor twice, as parameter and as state"));
            }
            places.push(place);
        }
        // Moved out and back: nobody can look in between.
        let mut arrays: SmallVec<[Array; 4]> = places.iter().filter_map(|&place| self.values.take_array(place)).collect();
        let changed = change(&mut arrays);
        for (&place, array) in places.iter().zip(arrays) {
            self.values.put_array(place, array);
        }
        changed?;
        ids.iter().try_for_each(|&id| self.outdate(id))
    }

    /// The same under a recorder, which keeps the numbers from before.
    fn recorded_update(
        &mut self,
        number: u32,
        ids: &[Id],
        along: Id,
        change: impl FnOnce(&mut [Array]) -> Result<()>,
        options: &[f64],
    ) -> Result<()> {
        let mut inputs = self.variables(&[along])?;
        for &id in ids {
            inputs.push(self.held_variable(id)?);
        }
        self.update(ids, change)?;
        self.record_write(Action::Update(number), ids, inputs, options)
    }

    /// Tells the tape that what was computed from this parameter so far was computed from numbers it no longer has.
    pub fn outdate(&mut self, id: Id) -> Result<()> {
        if let Value::Tracked { level: AMBIENT, node, .. } = *self.value(id)? {
            self.grad_tape(AMBIENT)?.0.written(node as usize);
        }
        Ok(())
    }

    fn contents(&self, id: Id) -> Result<Array> {
        match self.value(self.concrete_slot(id)?)? {
            Value::Concrete(array) => Ok(array.clone()),
            _ => Err(Error::value("not a plain tensor")),
        }
    }

    /// The slot with the tensor's numbers, which nobody else sees from now on: somebody who did keeps the old ones.
    pub fn own(&mut self, id: Id) -> Result<Id> {
        self.values.part(id);
        let place = self.concrete_slot(id)?;
        let slot = self.slot(place)?;
        let Some(Value::Concrete(array)) = &slot.value else {
            return Err(Error::value("only a parameter or a plain tensor can be written to"));
        };
        // Of a handle nobody keeps the slot, only the buffer; a parameter's numbers lie in a slot that tapes keep.
        let sole = place == id || slot.references == 1;
        if sole && array.is_unique() && array.is_contiguous() {
            return Ok(place);
        }
        let copy = array.copied()?;
        let variable = if self.inspector.records() { self.variable(place)? } else { NONE };
        self.replace_contents(id, copy)?;
        let fresh = self.concrete_slot(id)?;
        if variable != NONE {
            self.name_variable(fresh, variable);
        }
        Ok(fresh)
    }

    /// Lays the numbers behind `id` in order, so that a kernel can read them as they are.
    fn straighten(&mut self, id: Id) -> Result<()> {
        let mut place = id;
        // A gradient that was recorded (createGraph) has its numbers further in.
        while let Value::Tracked { primal, .. } = *self.value(place)? {
            place = primal;
        }
        if let Some(Value::Concrete(array)) = self.values.get_mut(place).and_then(|slot| slot.value.as_mut()) {
            if !array.is_contiguous() {
                *array = array.contiguous()?.into_owned();
            }
        }
        Ok(())
    }

    pub fn replace_contents(&mut self, id: Id, array: Array) -> Result<()> {
        self.values.part(id);
        let place = self.concrete_slot(id)?;
        if place == id || self.slot(place)?.references == 1 {
            if let Some(slot) = self.values.get_mut(place) {
                slot.value = Some(Value::Concrete(array));
            }
            return Ok(());
        }
        // The old contents stay with those who hold them; the parameter gets a value of its own.
        let mark = self.frame.len();
        let fresh = self.insert(Value::Concrete(array))?;
        self.retain(fresh);
        self.end_frame(mark);
        if let Some(Value::Tracked { primal, .. }) = self.values.get_mut(id).and_then(|slot| slot.value.as_mut()) {
            *primal = fresh;
        }
        self.release(place);
        Ok(())
    }
}
