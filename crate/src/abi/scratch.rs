//! The scratch buffer: how lists travel, both ways, as f64, which holds every u32 exactly. It moves when it grows, during a result
//! as well: where it lies and how long it is stands in a header that never moves, and TypeScript compares it at each use.

use super::*;
use crate::memory::room::{room_for, room_for_inputs};
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

thread_local! {
    static SCRATCH: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    static HOOKED: Cell<bool> = const { Cell::new(false) };
}

/// Address and length of the buffer.
static HEADER: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

/// Before anything was passed there is room for this much.
const LEAST: usize = 1024;

pub(super) type Ids = SmallVec<[Id; 8]>;

pub(super) fn ids_at(start: usize, count: usize) -> Result<Ids> {
    let mut ids = Ids::new();
    if count == 0 {
        return Ok(ids);
    }
    room_for_inputs(&mut ids, count)?;
    SCRATCH.with(|s| ids.extend(s.borrow()[start..start + count].iter().map(|&v| v as Id)));
    Ok(ids)
}

pub(super) fn numbers_at(start: usize, count: usize) -> Result<SmallVec<[f64; 16]>> {
    let mut numbers = SmallVec::new();
    room_for_inputs(&mut numbers, count)?;
    SCRATCH.with(|s| numbers.extend_from_slice(&s.borrow()[start..start + count]));
    Ok(numbers)
}

/// The first `count` numbers, into a list that is used again.
pub(super) fn numbers_into(list: &mut Vec<f64>, count: usize) -> Result<()> {
    list.clear();
    room_for(list, count)?;
    SCRATCH.with(|s| list.extend_from_slice(&s.borrow()[..count]));
    Ok(())
}

fn grow(buffer: &mut Vec<f64>, length: usize) -> Result<()> {
    if buffer.len() < length {
        let length = length.max(LEAST);
        let more = length - buffer.len();
        let done = room_for(buffer, more);
        if done.is_ok() {
            buffer.resize(length, 0.0);
        }
        // Also after a failure: the buffer may have moved in part of it.
        HEADER[0].store(buffer.as_ptr() as usize as u32, Ordering::Relaxed);
        HEADER[1].store(buffer.len() as u32, Ordering::Relaxed);
        done?;
    }
    Ok(())
}

/// Writes results.
pub(super) fn put(values: &[f64]) -> Result<()> {
    SCRATCH.with(|s| {
        let buffer = &mut s.borrow_mut();
        grow(buffer, values.len())?;
        buffer[..values.len()].copy_from_slice(values);
        Ok(())
    })
}

/// Writes numbers and behind them ids.
pub(super) fn put_ids(start: &[f64], ids: &[Id]) -> Result<()> {
    SCRATCH.with(|s| {
        let buffer = &mut s.borrow_mut();
        grow(buffer, start.len() + ids.len())?;
        buffer[..start.len()].copy_from_slice(start);
        for (place, &id) in buffer[start.len()..].iter_mut().zip(ids) {
            *place = id as f64;
        }
        Ok(())
    })
}

/// Makes room for `length` numbers; contents are kept. The address, 0 when there is no memory for it.
#[wasm_bindgen]
pub fn scratch(length: u32) -> *const f64 {
    if !HOOKED.get() {
        HOOKED.set(true);
        std::panic::set_hook(Box::new(|info| PANIC.with(|p| *p.borrow_mut() = info.to_string())));
    }
    SCRATCH.with(|s| {
        let buffer = &mut s.borrow_mut();
        let done = grow(buffer, (length as usize).max(LEAST));
        report(done.map(|_| buffer.as_ptr()), std::ptr::null())
    })
}

#[wasm_bindgen]
pub fn scratch_header() -> *const u32 {
    HEADER.as_ptr() as *const u32
}
