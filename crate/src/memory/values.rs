//! The slot map: a `u32` id is 24 bits of index and 7 bits of generation, 0 means none. TypeScript holds ids only.
//!
//! A slot lives while TypeScript holds its handle or anything inside refers to it (a wrapper, a tape node, a frame).

use crate::dtype::DType;
use crate::error::{Error, ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::room::{forced_to_fail, is_counting, is_short, refuse, room_for};
use crate::shape::{same, Dims};

pub type Id = u32;
pub const NONE: Id = 0;

const INDEX_BITS: u32 = 24;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
/// Seven bits: an id stays below 2^31, so that JavaScript, to which wasm's i32 is signed, never sees a negative one.
const GENERATION_MASK: u8 = 0x7f;

/// What an id stands for. `level` is the depth of the transform, `epoch` its serial number: a wrapper whose level
/// closed is recognised by its epoch even when another level of the same depth is open.
pub enum Value {
    Concrete(Array),
    /// What is left of an array whose numbers nobody will read: a tape still asks for its dims and dtype.
    Outline(DType, Dims),
    /// Forward mode: a primal and its tangent (NONE = symbolic zero).
    Dual {
        level: u32,
        epoch: u32,
        primal: Id,
        tangent: Id,
    },
    /// Reverse mode: a primal and the tape node that made it.
    Tracked {
        level: u32,
        epoch: u32,
        primal: Id,
        node: u32,
        gradient: Id,
    },
    /// vmap: one value for the whole batch, whose axis `axis` counts the examples.
    Batched {
        level: u32,
        epoch: u32,
        inner: Id,
        axis: usize,
    },
}

/// Up to 64 bytes are moved by loads and stores; more would be a call of the host's `memory.copy`, several times an op.
#[cfg(target_arch = "wasm32")]
const _: () = assert!(std::mem::size_of::<Option<Value>>() <= 64);

impl Value {
    pub fn level(&self) -> u32 {
        match self {
            Value::Concrete(_) | Value::Outline(..) => 0,
            Value::Dual { level, .. } | Value::Tracked { level, .. } | Value::Batched { level, .. } => *level,
        }
    }
}

pub struct Slot {
    generation: u8,
    /// TypeScript holds this id.
    pub handle: bool,
    /// Depth of the scope that will release the handle; 0 is the root, which never does.
    pub scope: u32,
    pub references: u32,
    /// Those among the references that ask for dims and dtype only.
    outlines: u32,
    /// Of a variable: the copy that was made of its present value, as long as somebody holds that. Of the copy: the variable.
    twin: Id,
    pub value: Option<Value>,
}

impl Slot {
    /// Whether only dims and dtype are asked for.
    #[inline]
    pub fn is_unread(&self) -> bool {
        self.outlines > 0 && self.outlines == self.references && !self.handle
    }
}

/// An id names one of 2^24 slots. An op that is recorded takes two: what it made, and the wrapper that names its node.
#[cold]
fn full() -> Error {
    Error::new(
        ErrorCode::OutOfMemory,
        "2^24 (16.7 million) values are alive, tensors and what tapes keep of them, the most that can be named. A single tape of that length is too long: use checkpoint(), or fewer and larger \
         tensors; else release tensors by scope(() => ...), noGrad(() => ...) or dispose()",
    )
}

#[derive(Default)]
pub struct Values {
    slots: Vec<Slot>,
    free: Vec<u32>,
    concrete: usize,
}

impl Values {
    pub fn new() -> Values {
        let mut values = Values::default();
        // Index 0 is never handed out, so that no id is 0.
        values.slots.push(Slot { generation: 0, handle: false, scope: 0, references: 0, outlines: 0, twin: NONE, value: None });
        values
    }

    /// A new slot with one reference.
    pub fn insert(&mut self, value: Value) -> Result<Id> {
        if is_short() || is_counting() && forced_to_fail() {
            return Err(refuse(std::mem::size_of::<Slot>()));
        }
        let concrete = matches!(value, Value::Concrete(_)) as usize;
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.value = Some(value);
            slot.references = 1;
            slot.handle = false;
            self.concrete += concrete;
            return Ok(index | (slot.generation as u32) << INDEX_BITS);
        }
        let index = self.slots.len() as u32;
        if index > INDEX_MASK {
            return Err(full());
        }
        room_for(&mut self.slots, 1)?;
        // So that a slot that is given back always finds a place on the list.
        let places = self.slots.len() + 1;
        room_for(&mut self.free, places)?;
        self.slots.push(Slot { generation: 0, handle: false, scope: 0, references: 1, outlines: 0, twin: NONE, value: Some(value) });
        self.concrete += concrete;
        Ok(index)
    }

    /// What a live id stands for.
    #[inline]
    pub fn value(&self, id: Id) -> Option<&Value> {
        let slot = self.slots.get((id & INDEX_MASK) as usize)?;
        slot.value.as_ref().filter(|_| slot.generation as u32 == id >> INDEX_BITS)
    }

    /// The array of a live id that stands for one.
    #[inline]
    pub fn array(&self, id: Id) -> Option<&Array> {
        match self.value(id) {
            Some(Value::Concrete(array)) => Some(array),
            _ => None,
        }
    }

    /// The slot of a live id.
    #[inline]
    pub fn get(&self, id: Id) -> Option<&Slot> {
        let slot = self.slots.get((id & INDEX_MASK) as usize)?;
        (slot.generation as u32 == id >> INDEX_BITS && slot.value.is_some()).then_some(slot)
    }

    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((id & INDEX_MASK) as usize)?;
        (slot.generation as u32 == id >> INDEX_BITS && slot.value.is_some()).then_some(slot)
    }

    pub fn retain(&mut self, id: Id) {
        if id != NONE {
            if let Some(slot) = self.get_mut(id) {
                slot.references += 1;
            }
        }
    }

    /// One of the references to `id` asks for dims and dtype only, from now on.
    pub fn needs_outline(&mut self, id: Id) {
        if let Some(slot) = self.get_mut(id) {
            slot.outlines += 1;
        }
    }

    /// Takes back a reference that asked for dims and dtype only.
    pub fn release_outline(&mut self, id: Id) {
        if let Some(slot) = self.get_mut(id) {
            slot.outlines -= 1;
        }
    }

    /// Lets the numbers go when only outlines of them are asked for.
    #[inline]
    pub fn drop_unread(&mut self, id: Id) {
        if self.get(id).is_some_and(Slot::is_unread) {
            self.drop_numbers(id);
        }
    }

    #[cold]
    fn drop_numbers(&mut self, id: Id) {
        let Some(slot) = self.get_mut(id) else { return };
        let Some(Value::Concrete(array)) = &slot.value else { return };
        slot.value = Some(Value::Outline(array.dtype, same(&array.dims)));
        self.concrete -= 1;
    }

    /// The copy of a variable gets back the numbers that it let go; the variable has them still, or the two would not be a pair.
    pub fn revive(&mut self, copy: Id, variable: Id) {
        if !matches!(self.value(copy), Some(Value::Outline(..))) {
            return;
        }
        if let Some(Value::Concrete(array)) = self.value(variable) {
            let array = array.clone();
            self.put_array(copy, array);
            self.concrete += 1;
        }
    }

    /// Frees a slot when neither a handle nor a reference is left. An array goes with it; of a wrapper the caller releases what it held.
    pub fn take_if_dead(&mut self, id: Id) -> Option<Value> {
        let slot = self.get_mut(id)?;
        if slot.handle || slot.references > 0 {
            return None;
        }
        slot.generation = (slot.generation + 1) & GENERATION_MASK;
        let twin = std::mem::replace(&mut slot.twin, NONE);
        let wrapper = if let Some(Value::Concrete(_)) = slot.value {
            // Where it lies: an array is large to move.
            slot.value = None;
            self.concrete -= 1;
            None
        } else {
            slot.value.take()
        };
        self.free.push(id & INDEX_MASK);
        if twin != NONE {
            self.forget_twin(twin);
        }
        wrapper
    }

    /// The copy of a variable's present value that is about, or the variable that a copy is of; else NONE. Not counted as a reference.
    #[inline]
    pub fn twin(&self, id: Id) -> Id {
        self.get(id).map_or(NONE, |slot| slot.twin)
    }

    /// `copy` is what `variable` stands for, until one of them dies or `part` is called.
    pub fn pair(&mut self, variable: Id, copy: Id) {
        self.part(variable);
        if let Some(slot) = self.get_mut(variable) {
            slot.twin = copy;
        }
        if let Some(slot) = self.get_mut(copy) {
            slot.twin = variable;
        }
    }

    /// A variable is about to get another value: the copy stays what it is, and is its own from now on.
    pub fn part(&mut self, variable: Id) {
        let twin = self.forget_twin(variable);
        self.forget_twin(twin);
    }

    fn forget_twin(&mut self, id: Id) -> Id {
        self.get_mut(id).map_or(NONE, |slot| std::mem::replace(&mut slot.twin, NONE))
    }

    /// Takes the numbers of a value away for a while: what is left is its outline, until `put_back`.
    pub fn take_away(&mut self, id: Id) -> Option<Array> {
        let array = self.take_array(id)?;
        if let Some(slot) = self.slots.get_mut((id & INDEX_MASK) as usize) {
            slot.value = Some(Value::Outline(array.dtype, same(&array.dims)));
        }
        self.concrete -= 1;
        Some(array)
    }

    pub fn put_back(&mut self, id: Id, array: Array) {
        if matches!(self.value(id), Some(Value::Outline(..))) {
            self.put_array(id, array);
            self.concrete += 1;
        }
    }

    /// Moves the array out of a slot that lives on without it for a moment, until `put_array`.
    pub fn take_array(&mut self, id: Id) -> Option<Array> {
        let value = &mut self.get_mut(id)?.value;
        match value.take() {
            Some(Value::Concrete(array)) => Some(array),
            other => {
                *value = other;
                None
            }
        }
    }

    pub fn put_array(&mut self, id: Id, array: Array) {
        if let Some(slot) = self.slots.get_mut((id & INDEX_MASK) as usize) {
            slot.value = Some(Value::Concrete(array));
        }
    }

    pub fn for_each_mut(&mut self, mut visit: impl FnMut(&mut Value)) {
        for slot in &mut self.slots {
            if let Some(value) = &mut slot.value {
                visit(value);
            }
        }
    }

    /// Live concrete tensors: what `memory().tensors` reports.
    pub fn concrete(&self) -> usize {
        self.concrete
    }
}
