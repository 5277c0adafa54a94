//! Parameters: `.grad`, hooks, `assign` and the updates of optimizers.

use super::*;
use crate::memory::values::Value;
use crate::session::AMBIENT;
use crate::tape;
use crate::updates::Update;

/// The node of a value tracked on the ambient level.
fn ambient_node(engine: &Engine, id: Id) -> Result<usize> {
    match engine.session().value(id)? {
        Value::Tracked { level: AMBIENT, node, .. } => Ok(*node as usize),
        _ => Err(Error::value("the tensor does not require a gradient")),
    }
}

fn set_flag(engine: &Engine, id: Id, flag: u8, on: bool) -> Result<()> {
    let node = ambient_node(engine, id)?;
    let mut session = engine.session();
    let tape = session.grad_tape(AMBIENT)?.0;
    if on {
        tape.flags[node] |= flag;
        tape.slot[node] = id;
    } else {
        tape.flags[node] &= !flag;
    }
    Ok(())
}

/// Scratch: a handle for the gradient itself, so that writing to it changes `.grad`; 0 when there is none.
#[wasm_bindgen]
pub fn gradient(id: u32) -> u32 {
    let gradient = |engine: &Engine| -> Result<Id> {
        let mut session = engine.session();
        let held = match *session.value(id)? {
            Value::Tracked { gradient, .. } if gradient != NONE => gradient,
            _ => return Ok(NONE),
        };
        if !session.slot(held)?.handle {
            if session.inspector.records() {
                session.name_gradient(held)?;
            }
            return session.expose_variable(held, false).map(|_| held);
        }
        let mark = session.frame.len();
        let second = session.expose(held, false);
        session.end_frame(mark);
        second
    };
    with_engine(|engine| status(gradient(engine).and_then(|id| put(&[id as f64]))))
}

/// The gradient's id without making a handle: to see whether it changed, and for optimizers.
#[wasm_bindgen]
pub fn gradient_id(id: u32) -> u32 {
    with_engine(|engine| {
        let session = engine.session();
        match session.value(id) {
            Ok(Value::Tracked { gradient, .. }) => *gradient,
            _ => NONE,
        }
    })
}

/// Puts a gradient in place of what was added up; 0 forgets it.
#[wasm_bindgen]
pub fn set_gradient(id: u32, gradient: u32) -> u32 {
    with_engine(|engine| {
        status(ambient_node(engine, id).and_then(|_| {
            engine.check_gradient(id, gradient)?;
            let mut session = engine.session();
            session.retain(gradient);
            session.set_gradient(id, gradient);
            if session.inspector.records() {
                session.record_gradient(id, gradient)?;
            }
            Ok(())
        }))
    })
}

/// Lets a sweep keep the gradient of a tensor that is no leaf.
#[wasm_bindgen]
pub fn retain_gradient(id: u32) -> u32 {
    with_engine(|engine| status(set_flag(engine, id, tape::RETAIN_GRADIENT, true)))
}

/// Lets sweeps stop at a tensor, or pass it again.
#[wasm_bindgen]
pub fn hook(id: u32, on: u32) -> u32 {
    with_engine(|engine| status(set_flag(engine, id, tape::HOOKED, on != 0)))
}

/// Other numbers behind the same handle; see `Engine::assign`.
#[wasm_bindgen]
pub fn assign(parameter: u32, value: u32) -> u32 {
    with_engine(|engine| status(engine.assign(parameter, value)))
}

/// Before a step over many parameters: whether `tensor` can be written to along `gradient`. See `Engine::prepare_update`.
#[wasm_bindgen]
pub fn prepare_update(tensor: u32, gradient: u32) -> u32 {
    with_engine(|engine| status(engine.prepare_update(tensor, gradient)))
}

/// One step of the update with number `update` (`updates::UPDATES`). Scratch: its options, the ids of its state (0 = none).
#[wasm_bindgen]
pub fn update(update: u32, parameter: u32, gradient: u32) -> u32 {
    let apply = |engine: &Engine| {
        let row = Update::from_code(update)?;
        let (options, state) = (numbers_at(0, row.options.len())?, ids_at(row.options.len(), row.state.len())?);
        engine.update(update, parameter, gradient, &state, &options)
    };
    with_engine(|engine| status(apply(engine)))
}
