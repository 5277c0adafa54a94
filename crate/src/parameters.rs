//! Parameters: leaves of the ambient level whose contents an optimizer replaces behind the same handle. In place when
//! nothing else sees the old numbers; a tape that still needs them keeps them (copy on write).

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::kernels::optimizer::{self, Adam, Sgd};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::session::Session;
use crate::shape::show;
use crate::with_float;
use smallvec::SmallVec;

impl Engine {
    /// New contents of the same shape and dtype behind `parameter`'s handle.
    pub fn assign(&self, parameter: Id, value: Id) -> Result<()> {
        let array = self.concrete_under(value, false)?;
        let old = self.concrete_under(parameter, false)?;
        if array.dims != old.dims {
            return Err(Error::shape(format!("assign: the value has shape {} but the tensor has shape {}", show(&array.dims), show(&old.dims))));
        }
        if array.dtype != old.dtype {
            return Err(Error::dtype(format!("assign: the value is {} but the tensor is {}; cast it first", array.dtype, old.dtype)));
        }
        drop(old);
        self.session().replace_contents(parameter, array.contiguous()?)
    }

    /// One step of SGD on `parameter`; `buffer` is the state of momentum, or NONE.
    pub fn sgd(&self, parameter: Id, gradient: Id, buffer: Id, options: &Sgd) -> Result<()> {
        let gradient = self.gradient_for(parameter, gradient)?;
        let ids = [parameter, buffer];
        self.session().update(&ids[..1 + (buffer != NONE) as usize], |arrays| {
            with_float!(gradient.dtype, T => {
                let mut slices = arrays.iter_mut().map(|a| a.slice_mut::<T>());
                if let Some(p) = slices.next() {
                    optimizer::sgd(p, gradient.slice(), slices.next(), options);
                }
            });
        })
    }

    /// One step of Adam on `parameter`; `m`, `v` are its averages and `largest` the state of amsgrad, or NONE.
    pub fn adam(&self, parameter: Id, gradient: Id, [m, v, largest]: [Id; 3], options: &Adam) -> Result<()> {
        let gradient = self.gradient_for(parameter, gradient)?;
        let ids = [parameter, m, v, largest];
        self.session().update(&ids[..3 + (largest != NONE) as usize], |arrays| {
            with_float!(gradient.dtype, T => {
                let mut slices = arrays.iter_mut().map(|a| a.slice_mut::<T>());
                if let (Some(p), Some(m), Some(v)) = (slices.next(), slices.next(), slices.next()) {
                    optimizer::adam(p, gradient.slice(), m, v, slices.next(), options);
                }
            });
        })
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
            return Err(Error::shape(format!("an optimizer got a gradient of shape {} for a parameter of shape {}", show(&g.dims), show(&p.dims))));
        }
        if p.dtype != g.dtype || !p.dtype.is_float() {
            return Err(Error::dtype(format!("an optimizer got a {} gradient for a {} parameter; both must be the same float dtype", g.dtype, p.dtype)));
        }
        g.contiguous()
    }
}

impl Session {
    fn concrete_slot(&self, id: Id) -> Result<Id> {
        match self.value(id)? {
            Value::Concrete(_) => Ok(id),
            Value::Tracked { level: 1, primal, .. } if matches!(self.value(*primal)?, Value::Concrete(_)) => Ok(*primal),
            _ => Err(Error::value("only a parameter or a plain tensor can be written to, not a value inside a transform")),
        }
    }

    /// Lets `change` write to the numbers of several tensors of one shape and dtype. When one cannot be had, nothing changed.
    fn update(&mut self, ids: &[Id], change: impl FnOnce(&mut [Array])) -> Result<()> {
        let (first, rest) = (self.contents(ids[0])?, &ids[1..]);
        for &id in rest {
            let other = self.contents(id)?;
            if other.dims != first.dims || other.dtype != first.dtype {
                return Err(Error::shape(format!("optimizer state of shape {} does not fit a parameter of shape {}", show(&other.dims), show(&first.dims))));
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
        change(&mut arrays);
        for (&place, array) in places.iter().zip(arrays) {
            self.values.put_array(place, array);
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
    fn own(&mut self, id: Id) -> Result<Id> {
        let place = self.concrete_slot(id)?;
        let slot = self.slot(place)?;
        // One holder: the parameter's wrapper, or the handle itself.
        let sole = slot.references + slot.handle as u32 == 1;
        let Some(Value::Concrete(array)) = &slot.value else {
            return Err(Error::value("only a parameter or a plain tensor can be written to"));
        };
        if sole && array.is_unique() && array.is_contiguous() {
            return Ok(place);
        }
        let copy = array.copied()?;
        self.replace_contents(id, copy)?;
        self.concrete_slot(id)
    }

    /// Lays the numbers behind `id` in order, so that a kernel can read them as they are.
    fn straighten(&mut self, id: Id) -> Result<()> {
        let place = self.concrete_slot(id)?;
        if let Some(Value::Concrete(array)) = self.values.get_mut(place).and_then(|slot| slot.value.as_mut()) {
            if !array.is_contiguous() {
                *array = array.contiguous()?;
            }
        }
        Ok(())
    }

    fn replace_contents(&mut self, id: Id, array: Array) -> Result<()> {
        let place = self.concrete_slot(id)?;
        let shared = {
            let slot = self.slot(place)?;
            slot.references + slot.handle as u32 > 1
        };
        if !shared || place == id {
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
