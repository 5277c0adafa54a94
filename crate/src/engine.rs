//! The engine: the session behind a cell, so that rules can call `bind` while a `bind` is under way. Every borrow is short;
//! none is held across a call of a rule.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value};
use crate::session::Session;
use crate::shape::{few, same, Dims};
use std::cell::{Ref, RefCell, RefMut};

#[derive(Default)]
pub struct Engine {
    session: RefCell<Session>,
    /// The first failure behind a poisoned `Var`.
    pending: RefCell<Option<Error>>,
}

impl Engine {
    pub fn new() -> Engine {
        Engine::default()
    }

    pub fn session(&self) -> RefMut<'_, Session> {
        self.session.borrow_mut()
    }

    /// For looking only; several may look at once.
    pub fn read_session(&self) -> Ref<'_, Session> {
        self.session.borrow()
    }

    pub fn set_pending(&self, error: Error) {
        self.pending.borrow_mut().get_or_insert(error);
    }

    pub fn take_pending(&self) -> Error {
        self.pending.borrow_mut().take().unwrap_or_else(|| Error::value("a rule returned no value"))
    }

    // ---- making and asking --------------------------------------------------------------------------------------

    pub fn new_value(&self, array: Array) -> Result<Id> {
        self.session().insert(Value::Concrete(array))
    }

    pub fn full(&self, dtype: DType, dims: &[usize], value: f64) -> Result<Id> {
        // A stretched scalar: constants of any size cost one element.
        let scalar = Array::scalar(dtype, value)?;
        crate::shape::element_count(dims)?;
        let strides = smallvec::SmallVec::from_elem(0, dims.len());
        self.new_value(scalar.view(few(dims), strides, 0))
    }

    /// Logical dims of a value at any level: batch axes of enclosing vmaps left out.
    pub fn dims(&self, id: Id) -> Result<Dims> {
        let session = self.session();
        let mut removed: smallvec::SmallVec<[usize; 4]> = smallvec::SmallVec::new();
        let mut id = id;
        loop {
            match session.value(id)? {
                Value::Concrete(array) => {
                    let mut dims = same(&array.dims);
                    // Innermost batch axis first: each axis counts positions of the value it wraps.
                    for &axis in removed.iter().rev() {
                        dims.remove(axis);
                    }
                    return Ok(dims);
                }
                Value::Outline(_, dims) => {
                    let mut dims = same(dims);
                    for &axis in removed.iter().rev() {
                        dims.remove(axis);
                    }
                    return Ok(dims);
                }
                Value::Dual { primal, .. } | Value::Tracked { primal, .. } => id = *primal,
                Value::Batched { inner, axis, .. } => {
                    removed.push(*axis);
                    id = *inner;
                }
            }
        }
    }

    pub fn dtype(&self, id: Id) -> Result<DType> {
        let session = self.session();
        let mut id = id;
        loop {
            match session.value(id)? {
                Value::Concrete(array) => return Ok(array.dtype),
                Value::Outline(dtype, _) => return Ok(*dtype),
                Value::Dual { primal, .. } | Value::Tracked { primal, .. } => id = *primal,
                Value::Batched { inner, .. } => id = *inner,
            }
        }
    }

    /// Whether what is computed is being recorded for a program that computes it again, of other numbers.
    pub fn records_to_replay(&self) -> bool {
        self.read_session().inspector.record.replays
    }

    /// The concrete array below all levels, see `Session::concrete_under`.
    pub fn concrete_under(&self, id: Id, through_batches: bool) -> Result<Array> {
        self.read_session().concrete_under(id, through_batches).cloned()
    }

    /// Runs `f` in a frame of its own: what it returns is retained for the caller (one reference), all else is let go.
    pub fn framed(&self, f: impl FnOnce() -> Result<Id>) -> Result<Id> {
        let mark = self.session().frame.len();
        let result = f();
        let mut session = self.session();
        if let Ok(id) = result {
            session.retain(id);
        }
        session.end_frame(mark);
        result
    }
}
