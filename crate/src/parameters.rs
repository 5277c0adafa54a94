//! Parameters: leaves of the ambient level whose contents an optimizer replaces behind the same handle. In place when
//! nothing else sees the old numbers; a tape that still needs them keeps them (copy on write).

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::kernels::optimizer;
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::session::Session;
use crate::shape::show;
use crate::with_float;
use smallvec::SmallVec;

/// torch.optim.SGD
pub struct Sgd {
    pub lr: f64,
    pub momentum: f64,
    pub dampening: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
    /// The buffer holds nothing yet.
    pub first: bool,
}

/// torch.optim.Adam and AdamW
pub struct Adam {
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub eps: f64,
    pub weight_decay: f64,
    pub decoupled: bool,
    pub step: u32,
    pub maximize: bool,
}

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

    pub fn sgd(&self, parameter: Id, gradient: Id, buffer: Id, options: &Sgd) -> Result<()> {
        let gradient = self.gradient_for(parameter, gradient)?;
        let ids: &[Id] = if buffer == NONE { &[parameter] } else { &[parameter, buffer] };
        self.session().update(ids, |arrays| {
            let (p, rest) = arrays.split_at_mut(1);
            with_float!(p[0].dtype, T => optimizer::sgd::<T>(
                p[0].slice_mut(), gradient.slice(), rest.first_mut().map(|b| b.slice_mut()),
                options.lr as T, options.momentum as T, options.dampening as T, options.nesterov, options.weight_decay as T, options.first,
            ));
        })
    }

    pub fn adam(&self, parameter: Id, gradient: Id, m: Id, v: Id, o: &Adam) -> Result<()> {
        let gradient = self.gradient_for(parameter, gradient)?;
        self.session().update(&[parameter, m, v], |arrays| {
            let [p, m, v] = arrays else { return };
            with_float!(p.dtype, T => optimizer::adam::<T>(
                p.slice_mut(), gradient.slice(), m.slice_mut(), v.slice_mut(),
                o.lr as T, o.beta1 as T, o.beta2 as T, o.eps as T, o.weight_decay as T, o.decoupled, o.step, o.maximize,
            ));
        })
    }

    fn gradient_for(&self, parameter: Id, gradient: Id) -> Result<Array> {
        let (p, g) = (self.concrete_under(parameter, false)?, self.concrete_under(gradient, false)?);
        if p.dims != g.dims {
            return Err(Error::shape(format!("an optimizer got a gradient of shape {} for a parameter of shape {}", show(&g.dims), show(&p.dims))));
        }
        if p.dtype != g.dtype || !matches!(p.dtype, DType::Float32 | DType::Float64) {
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
        let mut arrays: SmallVec<[Array; 3]> = SmallVec::new();
        let mut failure = None;
        for &id in ids {
            match self.writable(id) {
                Ok(array) => arrays.push(array),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        if failure.is_none() {
            change(&mut arrays);
        }
        for (&id, array) in ids.iter().zip(arrays) {
            self.replace_contents(id, array)?;
        }
        failure.map_or(Ok(()), Err)
    }

    fn contents(&self, id: Id) -> Result<Array> {
        match self.value(self.concrete_slot(id)?)? {
            Value::Concrete(array) => Ok(array.clone()),
            _ => Err(Error::value("not a plain tensor")),
        }
    }

    /// An array with the tensor's numbers that may be written to: the tensor's own when nobody else refers to it
    /// (moved out until `replace_contents` puts it back), else a copy.
    fn writable(&mut self, id: Id) -> Result<Array> {
        let place = self.concrete_slot(id)?;
        // One holder: the parameter's wrapper, or the handle itself.
        let holders = |slot: &crate::memory::values::Slot| slot.references + slot.handle as u32;
        let sole = self.slot(place).map(|slot| holders(slot) == 1)?;
        let Some(Value::Concrete(array)) = self.values.get_mut(place).and_then(|slot| slot.value.as_mut()) else {
            return Err(Error::value("only a parameter or a plain tensor can be written to"));
        };
        if sole && array.is_unique() && array.is_contiguous() {
            let placeholder = Array::new(array.dtype, &[0])?;
            return Ok(std::mem::replace(array, placeholder));
        }
        let source = array.clone();
        let mut copy = Array::new(source.dtype, &source.dims)?;
        let source = source.contiguous()?;
        with_float!(copy.dtype, T => copy.slice_mut::<T>().copy_from_slice(source.slice()));
        Ok(copy)
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
