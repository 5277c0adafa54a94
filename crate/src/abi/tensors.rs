//! Making, reading and releasing tensors; applying ops; scopes.

use super::*;
use crate::codes::{meta_flag, truth};
use crate::dtype::{DType, Element};
use crate::memory::array::Array;
use crate::memory::pool;
use crate::memory::values::Value;
use crate::op::Op;
use crate::session::AMBIENT;
use crate::shape::{dims_from, show};
use crate::tape;
use crate::with_type;

fn op_from(code: u32) -> Result<Op> {
    Op::from_code(code).ok_or_else(|| Error::value(format!("op number {code} does not exist")))
}

/// A tensor of the dims in scratch, its elements to be written at `data_pointer`.
#[wasm_bindgen]
pub fn tensor_new(dtype: u32, rank: u32) -> u32 {
    handle(|engine| engine.new_value(Array::new(DType::from_code(dtype as f64)?, &dims_from(&numbers_at(0, rank as usize)?)?)?))
}

/// A small tensor from numbers that lie in scratch behind its dims.
#[wasm_bindgen]
pub fn tensor_from(dtype: u32, rank: u32, count: u32) -> u32 {
    handle(|engine| {
        let mut array = Array::new(DType::from_code(dtype as f64)?, &dims_from(&numbers_at(0, rank as usize)?)?)?;
        if array.len() != count as usize {
            return Err(Error::shape(format!("{count} numbers do not fill shape {}", show(&array.dims))));
        }
        let numbers = numbers_at(rank as usize, count as usize)?;
        with_type!(array.dtype, T: any => {
            array.slice_mut::<T>().iter_mut().zip(&numbers).for_each(|(to, &number)| *to = T::from_f64(number));
        });
        engine.new_value(array)
    })
}

/// A tensor of the dims in scratch with the same number everywhere.
#[wasm_bindgen]
pub fn tensor_full(dtype: u32, rank: u32, value: f64) -> u32 {
    handle(|engine| engine.new_value(Array::filled(DType::from_code(dtype as f64)?, &dims_from(&numbers_at(0, rank as usize)?)?, value)?))
}

/// Where the elements of a fresh tensor lie.
#[wasm_bindgen]
pub fn data_pointer(id: u32) -> *const u8 {
    with_engine(|engine| report(engine.concrete_under(id, false).map(|array| array.address()), std::ptr::null()))
}

thread_local! {
    /// What `read` and `read_stored` point at, kept until `read_done`.
    pub(super) static READING: RefCell<Option<Array>> = const { RefCell::new(None) };
}

/// The address of the elements in order. Scratch: dtype, count. What it points at is held until `read_done`.
#[wasm_bindgen]
pub fn read(id: u32) -> *const u8 {
    READING.with(|r| *r.borrow_mut() = None);
    let read = |engine: &Engine| -> Result<*const u8> {
        let array = engine.concrete_under(id, false)?.into_ordered()?;
        put(&[array.dtype as u8 as f64, array.len() as f64])?;
        let address = array.address();
        READING.with(|r| *r.borrow_mut() = Some(array));
        Ok(address)
    };
    with_engine(|engine| report(read(engine), std::ptr::null()))
}

/// What `read` pointed at was copied.
#[wasm_bindgen]
pub fn read_done() {
    READING.with(|r| *r.borrow_mut() = None);
}

/// The number of a tensor of one element. NaN with an error waiting is failure: a NaN that was read leaves none.
#[wasm_bindgen]
pub fn item(id: u32) -> f64 {
    let number = with_engine(|engine| {
        engine.read_session().concrete_under(id, false).and_then(|array| match array.len() {
            1 => Ok(array.first()),
            _ => Err(Error::shape(format!(
                "item() needs a tensor with one element, this one has shape {}; use toArray() or data(), or index it with at()",
                show(&array.dims)
            ))),
        })
    });
    if matches!(number, Ok(value) if value.is_nan()) {
        clear_error();
    }
    report(number, f64::NAN)
}

/// A `truth`: for checks of arguments, which look at all examples of a batch and through derivatives.
#[wasm_bindgen]
pub fn all_true(id: u32) -> u32 {
    with_engine(|engine| {
        report(
            engine.concrete_under(id, true).and_then(|array| Ok(array.ordered(DType::Bool)?.slice::<u8>().iter().all(|&v| v != 0))).map(
                |all| {
                    if all {
                        truth::ALL
                    } else {
                        truth::NOT_ALL
                    }
                },
            ),
            truth::FAILED,
        )
    })
}

/// Rank + 1. Scratch: dtype, `meta_flag`s, dims.
#[wasm_bindgen]
pub fn meta(id: u32) -> u32 {
    with_engine(|engine| {
        let read = || -> Result<u32> {
            let (dims, dtype) = (engine.dims(id)?, engine.dtype(id)?);
            let mut session = engine.session();
            let (mut flags, mut next) = (0, id);
            loop {
                next = match *session.value(next)? {
                    Value::Concrete(_) | Value::Outline(..) => break,
                    Value::Tracked { level: AMBIENT, node, primal, .. } => {
                        flags |= meta_flag::REQUIRES_GRAD;
                        if session.grad_tape(AMBIENT)?.0.op[node as usize] == tape::LEAF {
                            flags |= meta_flag::LEAF;
                        }
                        primal
                    }
                    Value::Tracked { primal, .. } | Value::Dual { primal, .. } => {
                        flags |= meta_flag::IN_TRANSFORM;
                        primal
                    }
                    Value::Batched { inner, .. } => {
                        flags |= meta_flag::IN_TRANSFORM;
                        inner
                    }
                }
            }
            let mut values: SmallVec<[f64; 16]> = SmallVec::from_slice(&[dtype as u8 as f64, flags as f64]);
            values.extend(dims.iter().map(|&d| d as f64));
            put(&values)?;
            Ok(dims.len() as u32 + 1)
        };
        report(read(), 0)
    })
}

/// An op of one input without parameters.
#[wasm_bindgen]
pub fn op1(op: u32, a: u32) -> u32 {
    handle(|engine| engine.bind(op_from(op)?, &[a], &[]))
}

/// An op of two inputs without parameters.
#[wasm_bindgen]
pub fn op2(op: u32, a: u32, b: u32) -> u32 {
    handle(|engine| engine.bind(op_from(op)?, &[a, b], &[]))
}

/// A binary op with a JavaScript number, which adopts the tensor's dtype where that can hold it.
#[wasm_bindgen]
pub fn op2s(op: u32, a: u32, value: f64, swapped: u32) -> u32 {
    handle(|engine| {
        let dtype = match engine.dtype(a)? {
            DType::Int32 | DType::Bool if value.fract() != 0.0 || !value.is_finite() || value.abs() > i32::MAX as f64 => DType::Float32,
            DType::Bool => DType::Int32,
            dtype => dtype,
        };
        let number = engine.new_value(Array::scalar(dtype, value)?)?;
        let inputs = if swapped != 0 { [number, a] } else { [a, number] };
        engine.bind(op_from(op)?, &inputs, &[])
    })
}

/// One input and up to four parameters, past the scratch buffer: most ops over axes are called like this.
#[wasm_bindgen]
pub fn op1p(op: u32, a: u32, count: u32, p: f64, q: f64, r: f64, s: f64) -> u32 {
    handle(|engine| engine.bind(op_from(op)?, &[a], &[p, q, r, s][..(count as usize).min(4)]))
}

/// Any op. Scratch: the ids of the inputs, the parameters.
#[wasm_bindgen]
pub fn opn(op: u32, inputs: u32, params: u32) -> u32 {
    handle(|engine| {
        let (ids, numbers) = (ids_at(0, inputs as usize)?, numbers_at(inputs as usize, params as usize)?);
        engine.bind(op_from(op)?, &ids, &numbers)
    })
}

/// Lets go of a handle.
#[wasm_bindgen]
pub fn dispose(id: u32) {
    tidying(|engine| engine.session().drop_handle(id));
}

/// Opens a scope; returns how many are open.
#[wasm_bindgen]
pub fn scope_push() -> u32 {
    with_engine(|engine| report(engine.session().push_scope(), 0))
}

/// Closes the innermost scope: what was made in it goes, apart from the ids in scratch, which move to the next.
#[wasm_bindgen]
pub fn scope_pop(kept: u32) -> u32 {
    tidying(|engine| status(ids_at(0, kept as usize).and_then(|kept| engine.session().pop_scope(&kept))))
}

/// How many scopes are open.
#[wasm_bindgen]
pub fn depth() -> u32 {
    with_engine(|engine| engine.session().scopes.len() as u32)
}

/// Scratch: tensors, their bytes, the most bytes so far, bytes of the whole memory.
#[wasm_bindgen]
pub fn memory_stats() -> u32 {
    let (bytes, peak) = pool::usage();
    let tensors = with_engine(|engine| engine.session().values.concrete());
    #[cfg(target_arch = "wasm32")]
    let whole = core::arch::wasm32::memory_size(0) as f64 * 65536.0;
    #[cfg(not(target_arch = "wasm32"))]
    let whole = 0.0;
    status(put(&[tensors as f64, bytes as f64, peak as f64, whole]))
}

/// Makes the memory large enough for so many bytes of tensors more.
#[wasm_bindgen]
pub fn reserve(bytes: f64) -> u32 {
    if !(0.0..=u32::MAX as f64).contains(&bytes) {
        return status(Err(Error::value(format!("reserve({bytes}): expected a number of bytes from 0 to 2^32 - 1"))));
    }
    status(pool::reserve(bytes as usize))
}
