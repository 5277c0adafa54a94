//! Parameters: `.grad`, hooks, and the fused optimizer steps.

use super::*;
use crate::kernels::optimizer::{Adam, Sgd};
use crate::memory::values::Value;
use crate::session::AMBIENT;
use crate::tape;

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

/// A handle for the gradient itself, so that writing to it changes `.grad`; 0 without an error when there is none.
#[wasm_bindgen]
pub fn gradient(id: u32) -> u32 {
    clear_error();
    with_engine(|engine| {
        let mut session = engine.session();
        let held = match session.value(id) {
            Ok(Value::Tracked { gradient, .. }) => *gradient,
            Ok(_) => NONE,
            Err(error) => return report(Err(error), NONE),
        };
        match session.slot(held) {
            Ok(slot) if !slot.handle => {
                let exposed = session.expose_variable(held, false);
                report(exposed.map(|_| held), NONE)
            }
            Ok(_) => {
                let mark = session.frame.len();
                let second = session.expose(held, false);
                session.end_frame(mark);
                report(second, NONE)
            }
            Err(_) => NONE,
        }
    })
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

#[wasm_bindgen]
pub fn set_gradient(id: u32, gradient: u32) -> u32 {
    with_engine(|engine| {
        status(ambient_node(engine, id).and_then(|_| {
            engine.check_gradient(id, gradient)?;
            let mut session = engine.session();
            session.retain(gradient);
            session.set_gradient(id, gradient);
            Ok(())
        }))
    })
}

#[wasm_bindgen]
pub fn retain_gradient(id: u32) -> u32 {
    with_engine(|engine| status(set_flag(engine, id, tape::RETAIN_GRADIENT, true)))
}

#[wasm_bindgen]
pub fn hook(id: u32, on: u32) -> u32 {
    with_engine(|engine| status(set_flag(engine, id, tape::HOOKED, on != 0)))
}

#[wasm_bindgen]
pub fn assign(parameter: u32, value: u32) -> u32 {
    with_engine(|engine| status(engine.assign(parameter, value)))
}

/// Before a step over many parameters: whether `tensor` can be written to along `gradient`. See `Engine::prepare_update`.
#[wasm_bindgen]
pub fn prepare_update(tensor: u32, gradient: u32) -> u32 {
    with_engine(|engine| status(engine.prepare_update(tensor, gradient)))
}

/// `buffer` is 0 without momentum. Scratch: lr, momentum, dampening, nesterov, weightDecay, maximize, first.
#[wasm_bindgen]
pub fn sgd(parameter: u32, gradient: u32, buffer: u32) -> u32 {
    let o = match numbers_at(0, 7) {
        Ok(numbers) => numbers,
        Err(error) => return status(Err(error)),
    };
    let options = Sgd {
        lr: o[0],
        momentum: o[1],
        dampening: o[2],
        nesterov: o[3] != 0.0,
        weight_decay: o[4],
        maximize: o[5] != 0.0,
        first: o[6] != 0.0,
    };
    with_engine(|engine| status(engine.sgd(parameter, gradient, buffer, &options)))
}

/// `largest` is the state of amsgrad, 0 without. Scratch: lr, beta1, beta2, eps, weightDecay, decoupled, step, maximize.
#[wasm_bindgen]
pub fn adam(parameter: u32, gradient: u32, m: u32, v: u32, largest: u32) -> u32 {
    let o = match numbers_at(0, 8) {
        Ok(numbers) => numbers,
        Err(error) => return status(Err(error)),
    };
    let options = Adam {
        lr: o[0],
        beta1: o[1],
        beta2: o[2],
        eps: o[3],
        weight_decay: o[4],
        decoupled: o[5] != 0.0,
        step: o[6] as u32,
        maximize: o[7] != 0.0,
    };
    with_engine(|engine| status(engine.adam(parameter, gradient, [m, v, largest], &options)))
}
