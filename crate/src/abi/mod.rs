//! The boundary: the only files with `#[wasm_bindgen]`. Numbers in, numbers out, no logic. Failure is 0 and nothing else is (of `item`
//! NaN, when an error waits); the code and the message wait in `error_*`. Lists travel through one scratch buffer of f64, which holds every u32 exactly.
//!
//! TypeScript's declarations of these functions, comments included, are generated from these files (`examples/boundary.rs`): a
//! parameter is a `u32` or an `f64`, a result one of these, an address, or nothing.

mod inspect;
mod levels;
mod parameters;
mod parts;
mod program;
mod scratch;
mod spill;
mod stack;
mod steps;
mod tensors;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::values::{Id, NONE};
use scratch::{ids_at, numbers_at, put, put_ids};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::*;

thread_local! {
    static ENGINE: Engine = Engine::new();
    /// A call is under way. A trap leaves it set: the next call then knows that the engine stopped half-way.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    static ERROR: RefCell<Option<Error>> = const { RefCell::new(None) };
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn report<T>(result: Result<T>, otherwise: T) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            ERROR.with(|e| *e.borrow_mut() = Some(error));
            otherwise
        }
    }
}

fn status(result: Result<()>) -> u32 {
    report(result.map(|_| 1), 0)
}

/// Runs `f` when there is stack enough for any op to end; else it traps with nothing changed.
fn with_engine<T>(f: impl FnOnce(&Engine) -> T) -> T {
    stack::probe(ENGINE.with(|engine| engine.read_session().levels.len()));
    tidying(f)
}

/// The same for what releases and closes: short on the stack, and never refused, because it is what runs when something was. Whoever
/// will need it has passed a probe before, when he opened what is closed now.
fn tidying<T>(f: impl FnOnce(&Engine) -> T) -> T {
    assert!(!BUSY.replace(true), "an earlier call stopped half-way");
    let result = ENGINE.with(f);
    BUSY.set(false);
    result
}

/// Whether a call stopped half-way: after a trap this tells one that changed nothing from one that did.
#[wasm_bindgen]
pub fn busy() -> u32 {
    BUSY.get() as u32
}

/// Runs `f` in a frame and gives its value to TypeScript as a handle.
fn handle(f: impl FnOnce(&Engine) -> Result<Id>) -> Id {
    with_engine(|engine| report(expose(engine, false, || f(engine)), NONE))
}

fn expose(engine: &Engine, in_root: bool, f: impl FnOnce() -> Result<Id>) -> Result<Id> {
    let mark = engine.read_session().frame.len();
    let result = f();
    let mut session = engine.session();
    let result = result.and_then(|id| session.expose(id, in_root));
    session.end_frame(mark);
    result
}

/// What TypeScript compares before it uses the rest: see `ops::ABI`.
#[wasm_bindgen]
pub fn abi() -> u32 {
    crate::ops::ABI
}

/// Whether this is the build with relaxed SIMD.
#[wasm_bindgen]
pub fn relaxed_simd() -> u32 {
    cfg!(target_feature = "relaxed-simd") as u32
}

/// The number of the last failure, 0 for none.
#[wasm_bindgen]
pub fn error_code() -> u32 {
    ERROR.with(|e| e.borrow().as_ref().map_or(0, |error| error.code as u32))
}

/// Its message, as UTF-8.
#[wasm_bindgen]
pub fn error_pointer() -> *const u8 {
    ERROR.with(|e| e.borrow().as_ref().map_or(std::ptr::null(), |error| error.message.as_ptr()))
}

#[wasm_bindgen]
pub fn error_length() -> u32 {
    ERROR.with(|e| e.borrow().as_ref().map_or(0, |error| error.message.len() as u32))
}

/// Number of the op that failed, plus one.
#[wasm_bindgen]
pub fn error_op() -> u32 {
    ERROR.with(|e| e.borrow().as_ref().and_then(|error| error.op).map_or(0, |op| op.0 as u32 + 1))
}

/// Forgets the last failure.
#[wasm_bindgen]
pub fn clear_error() {
    ERROR.with(|e| *e.borrow_mut() = None);
}

/// What the engine said when it panicked, as UTF-8.
#[wasm_bindgen]
pub fn panic_pointer() -> *const u8 {
    PANIC.with(|p| p.borrow().as_ptr())
}

#[wasm_bindgen]
pub fn panic_length() -> u32 {
    PANIC.with(|p| p.borrow().len() as u32)
}
