//! What a step of a training loop leaves behind: which handles are spent, and which are to be kept whatever happens.

use super::*;
use crate::memory::room::list_of;
use crate::memory::values::Value;
use crate::session::AMBIENT;
use crate::tape;

/// Of the handles in scratch, writes over each: 0 none of the step's business (not recorded, a leaf, or a scalar), 1 part of
/// a graph that can still be swept, 2 of a graph whose values a backward pass consumed.
#[wasm_bindgen]
pub fn spent(count: u32) -> u32 {
    with_engine(|engine| status(ids_at(0, count as usize).and_then(|ids| engine.spent(&ids)).and_then(|codes| put(&codes))))
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
        let mut codes = list_of(ids.len())?;
        for &id in ids {
            let spent = {
                let mut session = self.session();
                let node = match session.value(id) {
                    Ok(Value::Tracked { level: AMBIENT, node, .. }) => *node as usize,
                    _ => 0,
                };
                let tape = session.grad_tape(AMBIENT)?.0;
                (node != 0 && tape.op[node] != tape::LEAF).then(|| tape.flags[node] & tape::SPENT != 0)
            };
            codes.push(match spent {
                None => 0.0,
                Some(false) => 1.0,
                Some(true) if self.dims(id)?.is_empty() => {
                    self.session().bury(id)?;
                    0.0
                }
                Some(true) => 2.0,
            });
        }
        Ok(codes)
    }
}

impl crate::session::Session {
    /// Cuts a spent scalar off from its history: it keeps its value and stays what it was, a result whose graph is gone.
    fn bury(&mut self, id: Id) -> Result<()> {
        self.with_released(|session, released| {
            let epitaph = session.grad_tape(AMBIENT)?.0.epitaph()?;
            let Some(Value::Tracked { node, .. }) = session.values.get_mut(id).and_then(|slot| slot.value.as_mut()) else { return Ok(()) };
            let old = std::mem::replace(node, epitaph);
            let tape = session.grad_tape(AMBIENT)?.0;
            tape.retain_node(epitaph);
            tape.slot_died(old, id, released);
            Ok(())
        })
    }
}
