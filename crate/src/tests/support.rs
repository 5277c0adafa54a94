//! What these tests share.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::session::AMBIENT;
use crate::sweep::Status;
use crate::var::Var;

/// A number in the frame.
pub fn number(engine: &Engine, value: f64) -> Var<'_> {
    Var::new(engine, engine.new_value(Array::scalar(DType::Float64, value).unwrap()).unwrap())
}

pub fn read(v: Var) -> f64 {
    v.engine.concrete_under(v.checked().unwrap(), false).unwrap().first()
}

pub fn at(engine: &Engine, id: Id) -> f64 {
    read(Var::new(engine, id))
}

/// How many values there are, wrappers included.
pub fn alive(engine: &Engine) -> usize {
    let mut count = 0;
    engine.session().values.for_each_mut(|_| count += 1);
    count
}

/// What `make` computes as a handle of the innermost scope; all else it makes goes with its frame. So does a call of the boundary.
pub fn handle(engine: &Engine, make: impl FnOnce() -> Result<Id>) -> Id {
    let mark = engine.session().frame.len();
    let made = make().unwrap();
    let mut session = engine.session();
    let exposed = session.expose(made, false).unwrap();
    session.end_frame(mark);
    exposed
}

/// A handle of a number.
pub fn variable(engine: &Engine, value: f64) -> Id {
    handle(engine, || number(engine, value).checked())
}

/// A leaf of the ambient level.
pub fn leaf(engine: &Engine, value: f64) -> Id {
    handle(engine, || engine.track(AMBIENT, number(engine, value).id))
}

/// A handle of what a formula makes of handles.
pub fn apply<const N: usize>(engine: &Engine, ids: [Id; N], f: impl FnOnce([Var<'_>; N]) -> Var<'_>) -> Id {
    handle(engine, || f(ids.map(|id| Var::new(engine, id))).checked())
}

pub fn drop_all(engine: &Engine, ids: &[Id]) {
    ids.iter().for_each(|&id| engine.session().drop_handle(id));
}

/// The node behind a tracked value.
pub fn node(engine: &Engine, id: Id) -> usize {
    match engine.session().value(id) {
        Ok(Value::Tracked { node, .. }) => *node as usize,
        _ => panic!("not tracked"),
    }
}

/// Length of the ambient tape.
pub fn rows(engine: &Engine) -> usize {
    engine.session().grad_tape(AMBIENT).unwrap().0.len()
}

/// The gradients of a finished sweep, which are let go of. None where there is no dependence.
pub fn gradients(engine: &Engine, status: Result<Status>) -> Vec<Option<f64>> {
    let Status::Done(ids) = status.unwrap() else { panic!("suspended") };
    let read = ids.iter().map(|&id| (id != NONE).then(|| at(engine, id))).collect();
    ids.into_iter().for_each(|id| engine.session().release(id));
    read
}

/// Why something was refused.
pub fn refused<T>(result: Result<T>) -> ErrorCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code,
    }
}
