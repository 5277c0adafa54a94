//! Recorded runs that are run again.

use super::scratch::{numbers_into, Ids};
use super::*;
use crate::codes::replay;
use crate::memory::array::Array;
use crate::memory::room::list_of;
use crate::memory::values::Value;
use crate::program::lower::{lower, Bindings, PlaceIds};
use crate::program::run::{Call, From, Outcome, Output};
use crate::program::{compile, Compiled};
use crate::session::AMBIENT;
use crate::tape;
use std::collections::BTreeMap;

thread_local! {
    static PROGRAMS: RefCell<(u32, BTreeMap<u32, Compiled>)> = const { RefCell::new((0, BTreeMap::new())) };
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A program of the record, which has ended and is not freed. Scratch: how many inputs, keys, outputs and places there are, the variables
/// of the former three, and of each place its tensor, its variable before and after, and those of its gradient. With `listed` not 0 the
/// stages of the compilation are kept as text; with `emitted` it needs a module, `program_code`, to be linked. Returns its number.
#[wasm_bindgen]
pub fn program_compile(listed: u32, emitted: u32) -> u32 {
    with_engine(|engine| report(compile_record(engine, listed != 0, emitted != 0), 0))
}

fn compile_record(engine: &Engine, listed: bool, emitted: bool) -> Result<u32> {
    let counts = ids_at(0, 4)?;
    let mut from = 4;
    let mut next = |count: usize| {
        from += count;
        ids_at(from - count, count).map(|ids| ids.to_vec())
    };
    let (inputs, keys, outputs) = (next(counts[0] as usize)?, next(counts[1] as usize)?, next(counts[2] as usize)?);
    let mut places = list_of(counts[3] as usize)?;
    for _ in 0..counts[3] {
        let ids = next(5)?;
        places.push(PlaceIds { tensor: ids[0], before: ids[1], after: ids[2], gradient_before: ids[3], gradient_after: ids[4] });
    }
    let program = lower(&engine.read_session(), &Bindings { inputs, keys, outputs, places })?;
    let compiled = compile(program, listed, emitted)?;
    PROGRAMS.with_borrow_mut(|(last, programs)| {
        *last += 1;
        programs.insert(*last, compiled);
        Ok(*last)
    })
}

/// The module that a program needs: how many bytes, 0 when it needs none. Scratch: where they lie, how many functions there are.
#[wasm_bindgen]
pub fn program_code(program: u32) -> u32 {
    let found = PROGRAMS.with_borrow(|(_, programs)| {
        programs.get(&program).map(|Compiled { executable, .. }| {
            let code = &executable.code;
            ([code.as_ptr() as usize as f64, executable.functions.len() as f64], code.len() as u32)
        })
    });
    match found {
        Some((places, length)) => report(put(&places).map(|_| length), 0),
        None => 0,
    }
}

/// Links it. Scratch: the places of its functions in the engine's table.
#[wasm_bindgen]
pub fn program_link(program: u32, count: u32) -> u32 {
    let link = || {
        let places = ids_at(0, count as usize)?;
        PROGRAMS.with_borrow_mut(|(_, programs)| {
            let Some(Compiled { executable, .. }) = programs.get_mut(&program) else {
                return Err(Error::value("there is no such program"));
            };
            executable.code = Vec::new();
            for (function, &place) in executable.functions.iter_mut().zip(&places) {
                // SAFETY: a function pointer is a place in the table, and TypeScript has put a function of this type there.
                *function = Some(unsafe { std::mem::transmute::<usize, extern "C" fn()>(place as usize) });
            }
            Ok(())
        })
    };
    with_engine(|_| status(link()))
}

/// Where TypeScript may write an argument and read a result that is a few numbers, of all arguments and then of all results. Scratch: of each
/// the address, 0 where that must be a tensor, the dtype, the rank and the dims.
#[wasm_bindgen]
pub fn program_boundary(program: u32) -> u32 {
    let described = PROGRAMS.with_borrow(|(_, programs)| {
        let Some(Compiled { executable, .. }) = programs.get(&program) else {
            return Err(Error::value("there is no such program"));
        };
        let mut numbers = list_of(8 * (executable.inputs + executable.outputs.len()))?;
        let mut describe = |place: Option<&Array>| match place {
            None => numbers.extend([0.0, 0.0, 0.0]),
            Some(array) => {
                numbers.extend([array.address() as usize as f64, array.dtype as u8 as f64, array.dims.len() as f64]);
                numbers.extend(array.dims.iter().map(|&dim| dim as f64));
            }
        };
        for input in 0..executable.inputs as u32 {
            let bound = executable.bound.iter().find(|bound| bound.from == From::Input(input));
            describe(bound.and_then(|bound| bound.inbox.as_ref()));
        }
        for output in &executable.outputs {
            describe(match output {
                Output::Inside(variable) => executable.arrays[*variable as usize].as_ref(),
                Output::Fresh(_) | Output::View { .. } | Output::OfArgument { .. } => None,
            });
        }
        put(&numbers)
    });
    status(described)
}

/// Runs it. Scratch: the ids of arguments (0 where the numbers were written), of keys and of places, the options of all updates. Returns a
/// `replay`; when it is done, scratch has handles for the outputs: 0 for those that are to be read, where `with_tensors` is 0.
#[wasm_bindgen]
pub fn program_run(program: u32, with_tensors: u32) -> u32 {
    let run = |engine: &Engine| {
        PROGRAMS.with_borrow_mut(|(_, programs)| {
            let Some(Compiled { executable, .. }) = programs.get_mut(&program) else {
                return Err(Error::value("there is no such program"));
            };
            let length = executable.inputs + executable.keys + executable.ends.len() + executable.options;
            let mut given = std::mem::take(&mut executable.given);
            numbers_into(&mut given, length)?;
            let call = Call::new(executable, &given);
            let mark = engine.session().frame.len();
            let result = engine.replay(executable, &call, with_tensors != 0).and_then(|outcome| hand_out(engine, outcome));
            engine.session().end_frame(mark);
            executable.given = given;
            result
        })
    };
    with_engine(|engine| report(run(engine), replay::FAILED))
}

fn hand_out(engine: &Engine, outcome: Outcome) -> Result<u32> {
    let outputs = match outcome {
        Outcome::Other => return Ok(replay::OTHER),
        Outcome::Derivatives => return Ok(replay::DERIVATIVES),
        Outcome::Done(outputs) => outputs,
    };
    let mut session = engine.session();
    if outputs.iter().all(|&id| id == NONE) {
        return Ok(replay::DONE);
    }
    let handles = outputs.into_iter().map(|id| if id == NONE { Ok(NONE) } else { session.expose(id, false) }).collect::<Result<Ids>>()?;
    drop(session);
    put_ids(&[], &handles)?;
    Ok(replay::DONE)
}

/// Test mode: from how many recorded steps on programs get loops.
#[wasm_bindgen]
pub fn program_roll_from(steps: u32) {
    crate::program::roll_from(steps as usize);
}

/// From how many on they do.
#[wasm_bindgen]
pub fn program_roll_default() -> u32 {
    crate::program::SHORTEST_ROLLED as u32
}

/// Forgets a program.
#[wasm_bindgen]
pub fn program_free(program: u32) {
    tidying(|_| PROGRAMS.with_borrow_mut(|(_, programs)| drop(programs.remove(&program))));
}

/// Scratch: how many instructions a run has, the bytes of its arena, how many groups, floating-point operations and bytes moved.
#[wasm_bindgen]
pub fn program_stats(program: u32) -> u32 {
    let stats = PROGRAMS.with_borrow(|(_, programs)| {
        programs.get(&program).map(|Compiled { executable, cost, .. }| {
            [executable.steps.len() as f64, executable.arena_bytes as f64, cost.groups as f64, cost.flops, cost.bytes]
        })
    });
    status(stats.map_or_else(|| Err(Error::value("there is no such program")), |stats| put(&stats)))
}

/// Lays out the text of a stage of the compilation, its name in the first line: its length in bytes, 0 when there is none.
#[wasm_bindgen]
pub fn program_text(program: u32, stage: u32) -> u32 {
    let text = PROGRAMS.with_borrow(|(_, programs)| {
        let (name, text) = programs.get(&program)?.stages.get(stage as usize)?;
        Some(format!("{name}\n{text}"))
    });
    TEXT.with_borrow_mut(|last| {
        *last = text.unwrap_or_default();
        last.len() as u32
    })
}

/// Where it lies, as UTF-8.
#[wasm_bindgen]
pub fn program_text_pointer() -> *const u8 {
    TEXT.with_borrow(|text| text.as_ptr())
}

/// Whether `backward()` could still go over the graph behind a tensor.
#[wasm_bindgen]
pub fn graph_waits(id: u32) -> u32 {
    with_engine(|engine| {
        let mut session = engine.session();
        let node = match session.value(id) {
            Ok(Value::Tracked { level: AMBIENT, node, .. }) => *node as usize,
            _ => return 0,
        };
        let Ok((tape, _)) = session.grad_tape(AMBIENT) else { return 0 };
        (tape.op[node] != tape::LEAF && !tape.meets_consumed(std::iter::once(node as u32)).unwrap_or(true)) as u32
    })
}

/// The table of functions. It is exported because this asks for it; TypeScript takes it from the exports.
#[wasm_bindgen(js_name = "__function_table")]
pub fn function_table() -> JsValue {
    wasm_bindgen::function_table()
}
