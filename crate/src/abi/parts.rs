//! Parts of the ambient graph that TypeScript moves out of this memory and back: see ts/memory/parts.ts and `crate::parts`.

use super::*;
use crate::session::AMBIENT;

/// Finds the parts of the ambient graph that only the first `cold` of the handles in scratch refer to; the others name what stays. Returns one more
/// than how many there are. Scratch: the length of the tape.
#[wasm_bindgen]
pub fn graph_parts(count: u32, cold: u32) -> u32 {
    with_engine(|engine| {
        let found = ids_at(0, count as usize).and_then(|ids| {
            let mut session = engine.session();
            let parts = session.closed_parts(&ids, cold as usize)?;
            put(&[session.grad_tape(AMBIENT)?.0.len() as f64])?;
            Ok(parts as u32 + 1)
        });
        report(found, 0)
    })
}

/// Describes one of them in scratch; returns one more than how many numbers that takes, 1 when it has to stay.
#[wasm_bindgen]
pub fn graph_part(index: u32) -> u32 {
    with_engine(|engine| {
        let described = engine.session().describe_part(index as usize);
        report(described.and_then(|numbers| put(&numbers).map(|_| numbers.len() as u32 + 1)), 0)
    })
}

/// Makes a part again from the description in scratch, which then has the handles.
#[wasm_bindgen]
pub fn graph_part_in(count: u32) -> u32 {
    with_engine(|engine| {
        let restored = numbers_at(0, count as usize).and_then(|numbers| engine.restore_part(&numbers));
        status(restored.and_then(|ids| put_ids(&[], &ids)))
    })
}
