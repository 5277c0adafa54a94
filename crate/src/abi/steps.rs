//! What a step of a training loop leaves behind: which handles are spent, and which are to be kept whatever happens.

use super::*;
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
        let mut session = self.session();
        let nodes: Vec<u32> = ids
            .iter()
            .map(|&id| match session.value(id) {
                Ok(Value::Tracked { level: AMBIENT, node, .. }) => *node,
                _ => 0,
            })
            .collect();
        let tape = session.grad_tape(AMBIENT)?.0;
        tape.mark_spent();
        let state: Vec<(bool, bool)> =
            nodes.iter().map(|&n| (n != 0 && tape.op[n as usize] != tape::LEAF, tape.flags[n as usize] & tape::SPENT != 0)).collect();
        drop(session);
        let mut codes = Vec::with_capacity(ids.len());
        for (&id, (recorded, spent)) in ids.iter().zip(state) {
            let scalar = recorded && self.dims(id)?.is_empty();
            if scalar && spent {
                self.session().bury(id)?;
            }
            codes.push(match (recorded, spent) {
                (false, _) => 0.0,
                (true, true) if scalar => 0.0,
                (true, true) => 2.0,
                (true, false) => 1.0,
            });
        }
        Ok(codes)
    }
}

impl crate::session::Session {
    /// Cuts a spent scalar off from its history: it keeps its value and stays what it was, a result whose graph is gone.
    fn bury(&mut self, id: Id) -> Result<()> {
        self.with_released(|session, released| {
            let epitaph = session.grad_tape(AMBIENT)?.0.epitaph();
            let Some(Value::Tracked { node, .. }) = session.values.get_mut(id).and_then(|slot| slot.value.as_mut()) else { return Ok(()) };
            let old = std::mem::replace(node, epitaph);
            let tape = session.grad_tape(AMBIENT)?.0;
            tape.retain_node(epitaph);
            tape.slot_died(old, id, released);
            Ok(())
        })
    }
}
