//! The one mutable state of an engine: values, open levels, scopes and the frame of temporaries.
//!
//! Ownership in one paragraph. TypeScript owns *handles*; a scope releases the handles made inside it. Inside the crate
//! everything is counted: wrappers and tape nodes hold references, and every value a `bind` makes is first held by the
//! current *frame*, which the outermost caller (a boundary call, a node of a sweep) empties when it has what it wants.
//! Releasing is a work list, never recursion: a chain of 10^6 values must not overflow the stack.
//!
//! A slot with a handle is a *variable*: `assign` may give it other numbers. Everything else is a value and never changes.
//! So nothing inside refers to a variable: what a tape, a wrapper or a sweep keeps of one is a copy (`hold`), and a value
//! that something inside refers to gets a handle by a copy (`expose`). Copies share the buffer until somebody writes.

pub use crate::codes::AMBIENT;
use crate::error::{Error, ErrorCode, Result};
use crate::inspect::Inspector;
use crate::memory::array::Array;
use crate::memory::room::room_for;
use crate::memory::values::{Id, Slot, Value, Values, NONE};
use crate::sweep_state::{Leaving, Parked, Sweep};
use crate::tape::{Released, Tape};
use std::collections::BTreeMap;

/// The most levels that may be open: each one is a frame of `bind` on the stack, below the user's own.
pub const MOST_LEVELS: usize = 256;

/// The list of handles keeps room for so many when no scope is open.
const KEPT: usize = 4096;

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

/// Where the handles of a scope begin in the list of all, and how many levels were open when it began.
pub struct Scope {
    first: usize,
    pub levels: u32,
}

pub struct Session {
    pub values: Values,
    /// `levels[n - 1]` is level n.
    pub levels: Vec<Level>,
    pub scopes: Vec<Scope>,
    /// The handles of all open scopes, the innermost's last.
    scoped: Vec<Id>,
    /// Values held until the current frame ends.
    pub frame: Vec<Id>,
    /// Grad levels up to this number do not record (`noGrad`, the first run of a checkpoint).
    pub recording_floor: u32,
    /// Levels of forward mode up to this number give no tangents (`noGrad`).
    pub forward_floor: u32,
    /// Sweeps that wait for a pullback or a hook of TypeScript's, the innermost last.
    pub sweeps: Vec<Sweep>,
    /// Sweeps under way, waiting or not.
    pub sweeping: usize,
    /// By serial number, which no later one gets again.
    pub parked: BTreeMap<u32, Parked>,
    pub last_parked: u32,
    pub inspector: Inspector,
    /// Parts of the ambient graph that are about to be moved out.
    pub leaving: Option<Leaving>,
    epoch: u32,
    released: Released,
    /// Of a level that ended: the next one need not ask for memory.
    spare_tape: Option<Tape>,
}

impl Session {
    pub fn new() -> Session {
        let mut session = Session {
            values: Values::new(),
            levels: Vec::new(),
            scopes: Vec::new(),
            scoped: Vec::new(),
            frame: Vec::new(),
            recording_floor: 0,
            forward_floor: 0,
            sweeps: Vec::new(),
            sweeping: 0,
            parked: BTreeMap::new(),
            last_parked: 0,
            inspector: Inspector::default(),
            leaving: None,
            epoch: 0,
            released: Released::default(),
            spare_tape: None,
        };
        session.levels.push(Level { epoch: 0, kind: LevelKind::Grad(Tape::new()), guards: 0 });
        session
    }

    // ---- levels -----------------------------------------------------------------------------------------------

    /// Opens a level for one call of a transform.
    pub fn open(&mut self, kind: LevelKind) -> Result<u32> {
        if self.levels.len() >= MOST_LEVELS {
            return Err(Error::value(format!(
                "{MOST_LEVELS} transforms are open inside each other, the most there may be; does a transformed function call its own transform without an end?"
            )));
        }
        self.epoch += 1;
        self.levels.push(Level { epoch: self.epoch, kind, guards: 0 });
        Ok(self.levels.len() as u32)
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
        self.spare_tape = tape.release_all(&mut self.released).or(self.spare_tape.take());
        self.drain_released();
    }

    /// An empty tape for a level.
    pub fn fresh_tape(&mut self) -> Tape {
        self.spare_tape.take().unwrap_or_default()
    }

    pub fn level(&self, number: u32) -> Result<&Level> {
        self.levels
            .get(number.wrapping_sub(1) as usize)
            .ok_or_else(|| Error::new(ErrorCode::Escaped, "that transform has ended; its values and its level cannot be used any more"))
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
        room_for(&mut self.frame, 1)?;
        let id = self.values.insert(value)?;
        self.frame.push(id);
        Ok(id)
    }

    /// The slot of an id TypeScript or a rule gave us.
    #[inline]
    pub fn slot(&self, id: Id) -> Result<&Slot> {
        self.values.get(id).ok_or_else(disposed)
    }

    #[inline]
    pub fn value(&self, id: Id) -> Result<&Value> {
        match self.values.value(id) {
            Some(value @ Value::Concrete(_)) => Ok(value),
            Some(value) if self.is_open(value) => Ok(value),
            Some(_) => Err(escaped()),
            None => Err(disposed()),
        }
    }

    /// Whether the level that a wrapper belongs to is open.
    #[inline]
    fn is_open(&self, wrapper: &Value) -> bool {
        match *wrapper {
            Value::Concrete(_) | Value::Outline(..) => true,
            Value::Dual { level, epoch, .. } | Value::Tracked { level, epoch, .. } | Value::Batched { level, epoch, .. } => {
                matches!(self.levels.get(level as usize - 1), Some(open) if open.epoch == epoch)
            }
        }
    }

    /// The concrete array below all levels. Reading the numbers of a batched value is refused unless only its kind is asked.
    pub fn concrete_under(&self, mut id: Id, through_batches: bool) -> Result<&Array> {
        loop {
            match self.value(id)? {
                Value::Concrete(array) => return Ok(array),
                Value::Outline(..) => return Err(unread()),
                Value::Dual { primal, .. } | Value::Tracked { primal, .. } => id = *primal,
                Value::Batched { inner, .. } if through_batches => id = *inner,
                Value::Batched { .. } => {
                    return Err(Error::new(
                        ErrorCode::Traced,
                        "inside vmap a tensor stands for a whole batch, so it has no single value to read; use where() instead of if, or return the tensor and read it outside",
                    ))
                }
            }
        }
    }

    pub fn retain(&mut self, id: Id) {
        self.values.retain(id);
    }

    pub fn release(&mut self, id: Id) {
        if let Some(slot) = self.values.get_mut(id) {
            slot.references = slot.references.saturating_sub(1);
            // The common case: somebody else still holds it.
            if slot.references == 0 && !slot.handle {
                self.reap(id);
                self.drain_released();
            } else if slot.is_unread() {
                self.values.drop_unread(id);
            }
        }
    }

    fn drain_released(&mut self) {
        while let Some((id, outline)) = self.released.pop() {
            if outline {
                self.values.release_outline(id);
            }
            if let Some(slot) = self.values.get_mut(id) {
                slot.references = slot.references.saturating_sub(1);
                if slot.references == 0 && !slot.handle {
                    self.reap(id);
                } else if slot.is_unread() {
                    self.values.drop_unread(id);
                }
            }
        }
    }

    /// Frees a value nobody holds and puts what it held on the work list.
    fn reap(&mut self, id: Id) {
        match self.values.take_if_dead(id) {
            None | Some(Value::Concrete(_) | Value::Outline(..)) => {}
            Some(Value::Dual { primal, tangent, .. }) => {
                [primal, tangent].into_iter().filter(|&id| id != NONE).for_each(|id| self.released.push(id))
            }
            Some(Value::Batched { inner, .. }) => self.released.push(inner),
            Some(Value::Tracked { level, epoch, primal, node, gradient }) => {
                self.released.push(primal);
                if gradient != NONE {
                    self.released.push(gradient);
                }
                // The tape of its level, unless that closed.
                match self.levels.get_mut(level.wrapping_sub(1) as usize) {
                    Some(Level { epoch: e, kind: LevelKind::Grad(tape), .. }) if *e == epoch => {
                        tape.slot_died(node, id, &mut self.released);
                    }
                    _ => {}
                }
            }
        }
    }

    /// TypeScript let go of a handle.
    pub fn drop_handle(&mut self, id: Id) {
        if let Some(slot) = self.values.get_mut(id) {
            slot.handle = false;
            self.reap(id);
            self.values.drop_unread(id);
            self.drain_released();
        }
    }

    /// What something inside keeps of `id`: one reference to a value that stays as it is. A variable is copied: once, for all who hold
    /// the same value of it.
    #[inline]
    pub fn hold(&mut self, id: Id) -> Result<Id> {
        match self.values.get_mut(id) {
            Some(slot) if !slot.handle => {
                slot.references += 1;
                Ok(id)
            }
            _ if id == NONE => Ok(NONE),
            _ => self.hold_variable(id),
        }
    }

    fn hold_variable(&mut self, id: Id) -> Result<Id> {
        self.value(id)?;
        // A recorder is told of each copy.
        let shared = !self.inspector.records();
        let twin = self.values.twin(id);
        if shared && twin != NONE {
            self.values.revive(twin, id);
            self.retain(twin);
            return Ok(twin);
        }
        let copy = self.alias(id)?;
        self.retain(copy);
        if shared {
            self.values.pair(id, copy);
        }
        Ok(copy)
    }

    /// A second id for the same value, in the frame. A tracked value gets a node of its own, so that hooks, `retainGrad` and
    /// `.grad` of the two are apart: derivatives pass through it to the first.
    pub fn alias(&mut self, id: Id) -> Result<Id> {
        let copy = self.copy(id)?;
        if self.inspector.records() {
            self.same_variable(copy, id)?;
        }
        Ok(copy)
    }

    /// `alias` without a word to the recorder.
    pub fn copy(&mut self, id: Id) -> Result<Id> {
        let (copy, parts) = match *self.value(id)? {
            Value::Concrete(ref array) => return self.insert(Value::Concrete(array.clone())),
            Value::Outline(dtype, ref dims) => {
                let dims = dims.clone();
                return self.insert(Value::Outline(dtype, dims));
            }
            Value::Dual { level, epoch, primal, tangent } => (Value::Dual { level, epoch, primal, tangent }, [primal, tangent]),
            Value::Batched { level, epoch, inner, axis } => (Value::Batched { level, epoch, inner, axis }, [inner, NONE]),
            Value::Tracked { level, primal, node, .. } => return self.tracked_again(level, primal, node),
        };
        parts.iter().for_each(|&part| self.retain(part));
        self.insert_holding(copy, &parts)
    }

    /// A new value that takes over one reference to each of `parts`.
    pub fn insert_holding(&mut self, value: Value, parts: &[Id]) -> Result<Id> {
        let inserted = self.insert(value);
        if inserted.is_err() {
            parts.iter().for_each(|&part| self.release(part));
        }
        inserted
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

    /// Ids of hooked tensors that died.
    pub fn take_dead_hooks(&mut self) -> Vec<Id> {
        std::mem::take(&mut self.released.hooked)
    }

    // ---- frames and scopes ------------------------------------------------------------------------------------

    /// Lets go of everything made since `mark`.
    pub fn end_frame(&mut self, mark: usize) {
        while self.frame.len() > mark {
            let id = self.frame.pop().unwrap_or(NONE);
            self.release(id);
        }
    }

    /// Makes `id` a handle of TypeScript's in the current scope, or in the root: the value itself when only the frame holds it,
    /// else a copy, so that each handle is released, and written to, on its own.
    pub fn expose(&mut self, id: Id, in_root: bool) -> Result<Id> {
        let slot = self.slot(id)?;
        let free = !slot.handle
            && self.values.twin(id) == NONE
            && (slot.references == 1 && self.frame.last() == Some(&id) || self.is_held_by_frame_only(id, slot.references));
        let id = if free { id } else { self.alias(id)? };
        self.expose_variable(id, in_root)?;
        Ok(id)
    }

    fn is_held_by_frame_only(&self, id: Id, references: u32) -> bool {
        self.frame.iter().filter(|&&held| held == id).count() as u32 == references
    }

    /// Makes `id` itself a handle: of a fresh value, or of a gradient, which a tensor and its `.grad` share.
    pub fn expose_variable(&mut self, id: Id, in_root: bool) -> Result<()> {
        let scope = if in_root { 0 } else { self.scopes.len() as u32 };
        if scope > 0 {
            room_for(&mut self.scoped, 1)?;
            self.scoped.push(id);
        }
        if let Some(slot) = self.values.get_mut(id) {
            slot.handle = true;
            slot.scope = scope;
        }
        Ok(())
    }

    pub fn push_scope(&mut self) -> Result<u32> {
        room_for(&mut self.scopes, 1)?;
        self.scopes.push(Scope { first: self.scoped.len(), levels: self.levels.len() as u32 });
        Ok(self.scopes.len() as u32)
    }

    /// Releases every handle made in the innermost scope, apart from `kept`, which move to the parent.
    pub fn pop_scope(&mut self, kept: &[Id]) -> Result<()> {
        let Some(Scope { first, .. }) = self.scopes.pop() else {
            return Err(Error::value("scope_pop without an open scope"));
        };
        let depth = self.scopes.len() as u32 + 1;
        for &id in kept {
            if let Some(slot) = self.values.get_mut(id).filter(|slot| slot.handle && slot.scope == depth) {
                slot.scope = depth - 1;
            }
        }
        // Those that are kept move up: there is room, since they lay there before.
        let mut end = first;
        for place in first..self.scoped.len() {
            let id = self.scoped[place];
            match self.values.get_mut(id) {
                Some(slot) if slot.handle && slot.scope == depth => {
                    slot.handle = false;
                    self.reap(id);
                    self.drain_released();
                }
                Some(slot) if depth > 1 && slot.handle && slot.scope == depth - 1 => {
                    self.scoped[end] = id;
                    end += 1;
                }
                _ => {}
            }
        }
        self.scoped.truncate(end);
        if self.scopes.is_empty() && self.scoped.capacity() > KEPT {
            self.scoped = Vec::new();
        }
        Ok(())
    }
}

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

#[cold]
#[inline(never)]
fn escaped() -> Error {
    Error::new(
        ErrorCode::Escaped,
        "this tensor belongs to a transform that has ended; return it from the transformed function (or use hasAux) instead of storing it",
    )
}

/// A rule declares what it reads (`Reads`), and the rest may be gone: to read it all the same is a bug of ours.
#[cold]
pub fn unread() -> Error {
    Error::value("the numbers of a recorded value are gone, as its rule did not say that it reads them")
}

#[cold]
#[inline(never)]
fn disposed() -> Error {
    Error::new(
        ErrorCode::Disposed,
        "this tensor was disposed or its scope has ended; keep it by returning it from the scope, or create it again",
    )
}
