//! Plain tensors that TypeScript moves out of this memory and back: see ts/memory/spill.ts, which decides when. A *layout* is the dtype, the
//! rank, the dims, the strides and the offset of an array in a buffer; TypeScript hands back what it was given.

use super::*;
use crate::codes::spillable;
use crate::dtype::DType;
use crate::memory::array::Array;
use crate::memory::pool;
use crate::memory::room::list_of;
use crate::memory::values::Value;
use crate::session::AMBIENT;
use crate::shape::{few, Dims, Strides};
use crate::tape;
use tensors::READING;

/// Where the bytes in use stand, as a u32 that is always up to date.
#[wasm_bindgen]
pub fn bytes_in_use() -> *const u32 {
    pool::IN_USE.as_ptr()
}

/// Of each handle in scratch two numbers: `spillable::RECORDED` and the bytes of a value that is no parameter, `PINNED` and 0, else the
/// address of its buffer and how many arrays lie in that.
#[wasm_bindgen]
pub fn spillable(count: u32) -> u32 {
    with_engine(|engine| status(ids_at(0, count as usize).and_then(|ids| engine.spillable(&ids)).and_then(|answers| put(&answers))))
}

impl Engine {
    fn spillable(&self, ids: &[Id]) -> Result<Vec<f64>> {
        let mut answers = list_of(2 * ids.len())?;
        for &id in ids {
            let mut session = self.session();
            let slot = session.slot(id)?;
            let node = match &slot.value {
                Some(Value::Concrete(_)) if slot.references > 0 || slot.scope > 0 => {
                    answers.extend([spillable::PINNED as f64, 0.0]);
                    continue;
                }
                Some(Value::Concrete(array)) => {
                    answers.extend([array.buffer_address() as f64, array.sharers() as f64]);
                    continue;
                }
                Some(Value::Tracked { level: AMBIENT, node, .. }) => *node as usize,
                _ => 0,
            };
            let computed = node != 0 && session.grad_tape(AMBIENT)?.0.op[node] != tape::LEAF;
            drop(session);
            let bytes = if computed { self.concrete_under(id, false)?.bytes() } else { 0 };
            answers.extend([spillable::RECORDED as f64, bytes as f64]);
        }
        Ok(answers)
    }
}

fn put_layout(count: usize, array: &Array) -> Result<()> {
    let mut layout: SmallVec<[f64; 16]> = SmallVec::from_slice(&[count as f64, array.dtype as u8 as f64, array.dims.len() as f64]);
    layout.extend(array.dims.iter().map(|&d| d as f64));
    layout.extend(array.strides.iter().map(|&s| s as f64));
    layout.push(array.offset as f64);
    put(&layout)
}

/// A handle of the root for all of a tensor's buffer, as one row. Scratch: its length, and the layout of the tensor in it.
#[wasm_bindgen]
pub fn whole_buffer(id: u32) -> u32 {
    root_handle(|engine| {
        let array = engine.concrete_under(id, false)?;
        let whole = array.whole();
        put_layout(whole.len(), &array)?;
        engine.new_value(whole)
    })
}

/// As `read`, for a tensor that has a buffer to itself: never more than that holds, a stretched array stays stretched. The address of its
/// elements; scratch: how many they are, and the layout among them.
#[wasm_bindgen]
pub fn read_stored(id: u32) -> *const u8 {
    let read = |engine: &Engine| -> Result<*const u8> {
        let array = engine.concrete_under(id, false)?;
        let whole = array.whole();
        let compact = if array.len() <= whole.len() { array.clone().into_ordered().ok() } else { None };
        let (elements, layout) = match compact {
            Some(compact) => {
                let layout = compact.view(few(&compact.dims), few(&compact.strides), 0);
                (compact, layout)
            }
            None => (whole, array),
        };
        put_layout(elements.len(), &layout)?;
        let address = elements.address();
        READING.with(|r| *r.borrow_mut() = Some(elements));
        Ok(address)
    };
    with_engine(|engine| report(read(engine), std::ptr::null()))
}

/// A handle of the root for `count` elements that are still to be written.
#[wasm_bindgen]
pub fn row_new(dtype: u32, count: u32) -> u32 {
    root_handle(|engine| engine.new_value(Array::new(DType::from_code(dtype as f64)?, &[count as usize])?))
}

/// A handle of the root for the array whose layout is in scratch, in the buffer of `row`.
#[wasm_bindgen]
pub fn row_view(row: u32) -> u32 {
    root_handle(|engine| {
        let rank = numbers_at(1, 1)?[0] as usize;
        let layout = numbers_at(2, 2 * rank + 1)?;
        let dims: Dims = layout[..rank].iter().map(|&d| d as usize).collect();
        let strides: Strides = layout[rank..2 * rank].iter().map(|&s| s as isize).collect();
        engine.new_value(engine.concrete_under(row, false)?.view(dims, strides, layout[2 * rank] as usize))
    })
}

fn root_handle(f: impl FnOnce(&Engine) -> Result<Id>) -> Id {
    with_engine(|engine| report(expose(engine, true, || f(engine)), NONE))
}
