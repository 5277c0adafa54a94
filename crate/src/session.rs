//! The one mutable state of an engine: values, open levels, scopes and the frame of temporaries.
//!
//! Ownership in one paragraph. TypeScript owns *handles*; a scope releases the handles made inside it. Inside the crate
//! everything is counted: wrappers and tape nodes hold references, and every value a `bind` makes is first held by the
//! current *frame*, which the outermost caller (a boundary call, a node of a sweep) empties when it has what it wants.
//! Releasing is a work list, never recursion: a chain of 10^6 values must not overflow the stack.

use crate::error::{Error, ErrorCode, Result};
use crate::inspect::Inspector;
use crate::memory::values::{Id, Slot, Value, Values, NONE};
use crate::sweep::{Parked, Sweep};
use crate::tape::{Released, Tape};

/// The ambient grad level: always open, home of `requiresGrad` leaves and `backward()`.
pub const AMBIENT: u32 = 1;

pub enum LevelKind {
    Grad(Tape),
    Dual,
    Batch { size: usize },
}

pub struct Level {
    pub epoch: u32,
    pub kind: LevelKind,
    /// How many custom rules run now that may not see values of this level.
    pub guards: u32,
}

pub struct Session {
    pub values: Values,
    /// `levels[n - 1]` is level n.
    pub levels: Vec<Level>,
    pub scopes: Vec<Vec<Id>>,
    /// Values held until the current frame ends.
    pub frame: Vec<Id>,
    /// Grad levels up to this number do not record (`noGrad`).
    pub recording_floor: u32,
    pub sweeps: Vec<Sweep>,
    pub parked: Vec<Option<Parked>>,
    pub inspector: Inspector,
    epoch: u32,
    released: Released,
}

impl Session {
    pub fn new() -> Session {
        let mut session = Session {
            values: Values::new(),
            levels: Vec::new(),
            scopes: Vec::new(),
            frame: Vec::new(),
            recording_floor: 0,
            sweeps: Vec::new(),
            parked: Vec::new(),
            inspector: Inspector::default(),
            epoch: 0,
            released: Released::default(),
        };
        session.open(LevelKind::Grad(Tape::new()));
        session
    }

    // ---- levels -----------------------------------------------------------------------------------------------

    pub fn open(&mut self, kind: LevelKind) -> u32 {
        self.epoch += 1;
        self.levels.push(Level { epoch: self.epoch, kind, guards: 0 });
        self.levels.len() as u32
    }

    /// Closes `level` and all above it. The ambient level stays.
    pub fn close(&mut self, level: u32) {
        while self.levels.len() as u32 >= level.max(AMBIENT + 1) {
            if let Some(Level { kind: LevelKind::Grad(tape), .. }) = self.levels.pop() {
                self.release_tape(tape);
            }
        }
    }

    pub fn release_tape(&mut self, tape: Tape) {
        tape.release_all(&mut self.released);
        self.drain_released();
    }

    pub fn level(&self, number: u32) -> Result<&Level> {
        self.levels.get(number.wrapping_sub(1) as usize).ok_or_else(|| {
            Error::new(ErrorCode::Escaped, "that transform has ended; its values and its level cannot be used any more")
        })
    }

    /// The tape of a value's level, unless that level closed.
    fn tape_of(&mut self, level: u32, epoch: u32) -> Option<&mut Tape> {
        match self.levels.get_mut(level.wrapping_sub(1) as usize) {
            Some(Level { epoch: e, kind: LevelKind::Grad(tape), .. }) if *e == epoch => Some(tape),
            _ => None,
        }
    }

    pub fn grad_tape(&mut self, level: u32) -> Result<(&mut Tape, u32)> {
        match self.levels.get_mut(level.wrapping_sub(1) as usize) {
            Some(Level { epoch, kind: LevelKind::Grad(tape), .. }) => Ok((tape, *epoch)),
            _ => Err(Error::value(format!("level {level} is not an open reverse-mode level"))),
        }
    }

    // ---- values -----------------------------------------------------------------------------------------------

    /// A new value held by the frame.
    pub fn insert(&mut self, value: Value) -> Result<Id> {
        match self.values.insert(value) {
            Some(id) => {
                self.frame.push(id);
                Ok(id)
            }
            None => Err(Error::new(
                ErrorCode::OutOfMemory,
                "2^24 values are alive, the most this engine can name; dispose tensors or use scope()",
            )),
        }
    }

    /// The slot of an id TypeScript or a rule gave us.
    pub fn slot(&self, id: Id) -> Result<&Slot> {
        self.values.get(id).ok_or_else(disposed)
    }

    pub fn value(&self, id: Id) -> Result<&Value> {
        let value = self.slot(id)?.value.as_ref().ok_or_else(disposed)?;
        let (level, epoch) = match value {
            Value::Concrete(_) => return Ok(value),
            Value::Dual { level, epoch, .. } | Value::Tracked { level, epoch, .. } | Value::Batched { level, epoch, .. } => (*level, *epoch),
        };
        match self.levels.get(level as usize - 1) {
            Some(open) if open.epoch == epoch => Ok(value),
            _ => Err(Error::new(
                ErrorCode::Escaped,
                "this tensor belongs to a transform that has ended; return it from the transformed function (or use hasAux) instead of storing it",
            )),
        }
    }

    pub fn retain(&mut self, id: Id) {
        self.values.retain(id);
    }

    pub fn release(&mut self, id: Id) {
        match self.values.get_mut(id) {
            // The common case: somebody else still holds it.
            Some(slot) if slot.handle || slot.references > 1 => slot.references = slot.references.saturating_sub(1),
            Some(_) => {
                self.released.ids.push(id);
                self.drain_released();
            }
            None => {}
        }
    }

    fn drain_released(&mut self) {
        while let Some(id) = self.released.ids.pop() {
            if let Some(slot) = self.values.get_mut(id) {
                slot.references = slot.references.saturating_sub(1);
            }
            self.reap(id);
        }
    }

    /// Frees a value nobody holds and puts what it held on the work list.
    fn reap(&mut self, id: Id) {
        match self.values.take_if_dead(id) {
            None | Some(Value::Concrete(_)) => {}
            Some(Value::Dual { primal, tangent, .. }) => self.released.ids.extend([primal, tangent].iter().filter(|&&id| id != NONE)),
            Some(Value::Batched { inner, .. }) => self.released.ids.push(inner),
            Some(Value::Tracked { level, epoch, primal, node, gradient }) => {
                self.released.ids.push(primal);
                if gradient != NONE {
                    self.released.ids.push(gradient);
                }
                let mut released = std::mem::take(&mut self.released);
                if let Some(tape) = self.tape_of(level, epoch) {
                    tape.slot_died(node, id, &mut released);
                }
                self.released = released;
            }
        }
    }

    /// TypeScript let go of a handle.
    pub fn drop_handle(&mut self, id: Id) {
        if let Some(slot) = self.values.get_mut(id) {
            slot.handle = false;
            self.reap(id);
            self.drain_released();
        }
    }

    /// A second id for the same value.
    pub fn alias(&mut self, id: Id) -> Result<Id> {
        let copy = match self.value(id)? {
            Value::Concrete(array) => Value::Concrete(array.clone()),
            &Value::Dual { level, epoch, primal, tangent } => Value::Dual { level, epoch, primal, tangent },
            &Value::Batched { level, epoch, inner, axis } => Value::Batched { level, epoch, inner, axis },
            &Value::Tracked { level, epoch, primal, node, .. } => Value::Tracked { level, epoch, primal, node, gradient: NONE },
        };
        match copy {
            Value::Concrete(_) => {}
            Value::Dual { primal, tangent, .. } => {
                self.retain(primal);
                self.retain(tangent);
            }
            Value::Batched { inner, .. } => self.retain(inner),
            Value::Tracked { level, epoch, primal, node, .. } => {
                self.retain(primal);
                if let Some(tape) = self.tape_of(level, epoch) {
                    tape.retain_node(node);
                }
            }
        }
        self.insert(copy)
    }

    /// Lets a tape change and releases what it let go of.
    pub fn with_released(&mut self, change: impl FnOnce(&mut Session, &mut Released) -> Result<()>) -> Result<()> {
        let mut released = std::mem::take(&mut self.released);
        let result = change(self, &mut released);
        self.released = released;
        self.drain_released();
        result
    }

    /// Numbers of pullbacks no node refers to any more.
    pub fn take_dead_callbacks(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.released.callbacks)
    }

    // ---- frames and scopes ------------------------------------------------------------------------------------

    /// Lets go of everything made since `mark`.
    pub fn end_frame(&mut self, mark: usize) {
        while self.frame.len() > mark {
            let id = self.frame.pop().unwrap_or(NONE);
            self.release(id);
        }
    }

    /// Makes `id` (held by the frame) a handle of TypeScript's in the current scope, or in the root. A value that already
    /// has a handle gets a second id, so that each handle is released on its own.
    pub fn expose(&mut self, id: Id, in_root: bool) -> Result<Id> {
        let id = if self.slot(id)?.handle { self.alias(id)? } else { id };
        let scope = if in_root { 0 } else { self.scopes.len() as u32 };
        if scope > 0 {
            self.scopes[scope as usize - 1].push(id);
        }
        if let Some(slot) = self.values.get_mut(id) {
            slot.handle = true;
            slot.scope = scope;
        }
        Ok(id)
    }

    pub fn push_scope(&mut self) -> u32 {
        self.scopes.push(Vec::new());
        self.scopes.len() as u32
    }

    /// Releases every handle made in the innermost scope, apart from `kept`, which move to the parent.
    pub fn pop_scope(&mut self, kept: &[Id]) -> Result<()> {
        let Some(ids) = self.scopes.pop() else {
            return Err(Error::value("scope_pop without an open scope"));
        };
        let depth = self.scopes.len() as u32 + 1;
        for &id in kept {
            if let Some(slot) = self.values.get_mut(id) {
                if slot.handle && slot.scope == depth {
                    slot.scope = depth - 1;
                    if depth > 1 {
                        self.scopes[depth as usize - 2].push(id);
                    }
                }
            }
        }
        for id in ids {
            if matches!(self.values.get(id), Some(slot) if slot.handle && slot.scope == depth) {
                self.drop_handle(id);
            }
        }
        Ok(())
    }
}

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

fn disposed() -> Error {
    Error::new(ErrorCode::Disposed, "this tensor was disposed or its scope has ended; keep it by returning it from the scope, or create it again")
}
