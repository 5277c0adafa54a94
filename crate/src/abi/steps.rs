//! What a step of a training loop leaves behind: which handles are spent, and which are to be kept whatever happens.

use super::*;
use crate::codes::spent;
use crate::memory::room::list_of;
use crate::memory::values::Value;
use crate::session::AMBIENT;
use crate::tape;

/// What a step leaves of the handles in scratch: writes a `spent` over each.
#[wasm_bindgen]
pub fn spent(count: u32) -> u32 {
    with_engine(|engine| status(ids_at(0, count as usize).and_then(|ids| engine.spent(&ids)).and_then(|codes| put(&codes))))
}

/// Cuts the scalars in scratch off from their history, which goes if nobody else holds it; their values stay.
#[wasm_bindgen]
pub fn bury(count: u32) -> u32 {
    with_engine(|engine| {
        status(ids_at(0, count as usize).and_then(|ids| {
            let mut session = engine.session();
            ids.iter().try_for_each(|&id| session.bury(id))
        }))
    })
}

/// Moves a handle to the root, so that no scope releases it. Refused for values of an open transform, which die with it.
#[wasm_bindgen]
pub fn keep(id: u32) -> u32 {
    with_engine(|engine| {
        status(engine.top_level(&[id]).and_then(|level| {
            if level > AMBIENT {
                return Err(Error::value(
                    "a value inside grad, jvp or vmap ends with the transform; return it from there (for grad: with hasAux), or keep x.detach()",
                ));
            }
            if let Some(slot) = engine.session().values.get_mut(id) {
                slot.scope = 0;
            }
            Ok(())
        }))
    })
}

impl Engine {
    fn spent(&self, ids: &[Id]) -> Result<Vec<f64>> {
        self.session().grad_tape(AMBIENT)?.0.mark_spent();
        // Only when some graph is still waiting for a backward pass: it goes over the whole tape.
        let mut marked = false;
        let mut codes = list_of(ids.len())?;
        for &id in ids {
            let flags = {
                let mut session = self.session();
                let node = match session.value(id) {
                    Ok(Value::Tracked { level: AMBIENT, node, .. }) => *node as usize,
                    _ => 0,
                };
                let tape = session.grad_tape(AMBIENT)?.0;
                let recorded = node != 0 && tape.op[node] != tape::LEAF;
                if recorded && !marked && tape.flags[node] & tape::SPENT == 0 {
                    tape.mark_outdated();
                    marked = true;
                }
                recorded.then(|| tape.flags[node])
            };
            let Some(flags) = flags else {
                codes.push(spent::NOTHING as f64);
                continue;
            };
            let is_scalar = self.dims(id)?.is_empty();
            let code = match (flags & tape::SPENT != 0, flags & tape::OUTDATED != 0) {
                (true, _) if is_scalar => {
                    self.session().bury(id)?;
                    spent::NOTHING
                }
                (true, _) => spent::CONSUMED,
                (false, true) if is_scalar => spent::OUTDATED_SCALAR,
                (false, true) => spent::OUTDATED,
                (false, false) => spent::LIVE,
            };
            codes.push(code as f64);
        }
        Ok(codes)
    }
}

impl crate::session::Session {
    /// Cuts a scalar off from its history: it keeps its value and stays what it was, a result whose graph is gone.
    fn bury(&mut self, id: Id) -> Result<()> {
        self.with_released(|session, released| {
            let epitaph = session.grad_tape(AMBIENT)?.0.epitaph()?;
            session.values.part(id);
            let Some(Value::Tracked { node, .. }) = session.values.get_mut(id).and_then(|slot| slot.value.as_mut()) else { return Ok(()) };
            let old = std::mem::replace(node, epitaph);
            let tape = session.grad_tape(AMBIENT)?.0;
            tape.retain_node(epitaph);
            tape.slot_died(old, id, released);
            Ok(())
        })
    }
}
