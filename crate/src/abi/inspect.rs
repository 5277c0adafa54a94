//! Debugging, recording and profiling.

use super::*;
use crate::codes::action;
use crate::record::Action;
use crate::session::Session;

/// Looks for NaN from now on: `check_flag`s.
#[wasm_bindgen]
pub fn debug(flags: u32) {
    with_engine(|engine| engine.session().inspector.flags = flags);
}

/// Stored with the nodes recorded from now on.
#[wasm_bindgen]
pub fn set_tag(tag: u32) {
    with_engine(|engine| engine.session().inspector.tag = tag);
}

/// The tag of the node whose derivative failed the NaN check last; 0 = none.
#[wasm_bindgen]
pub fn failed_tag() -> u32 {
    with_engine(|engine| std::mem::take(&mut engine.session().inspector.tag_of_failure))
}

/// Records every evaluation and every write from now on; not 0 for a program that is run again, on other numbers.
#[wasm_bindgen]
pub fn record_start(replays: u32) {
    with_engine(|engine| engine.session().start_record(replays != 0));
}

/// What comes next is computed a second time on purpose: a program is not to remember what came before for it.
#[wasm_bindgen]
pub fn record_rerun() {
    tidying(|engine| {
        let record = &mut engine.session().inspector.record;
        if record.is_on {
            record.reruns.push(record.instructions.len());
        }
    });
}

/// Ends it; returns how many instructions there are.
#[wasm_bindgen]
pub fn record_stop() -> u32 {
    tidying(|engine| {
        let record = &mut engine.session().inspector.record;
        record.is_on = false;
        record.replays = false;
        record.instructions.len() as u32
    })
}

/// Scratch: an `action`, the number of its op or update, the tensor written to, how many inputs, outputs and params, these.
#[wasm_bindgen]
pub fn record_read(index: u32) -> u32 {
    let values = with_engine(|engine| {
        let session = engine.session();
        let instruction = session.inspector.record.instructions.get(index as usize);
        instruction.map(|i| {
            let (action, number) = match i.action {
                Action::Op(op) => (action::OP, op.0 as u32),
                Action::Update(number) => (action::UPDATE, number),
                Action::Assign => (action::ASSIGN, 0),
                Action::Accumulate => (action::ACCUMULATE, 0),
                Action::SetGradient => (action::SET_GRADIENT, 0),
                Action::While(number) => (action::WHILE, number as u32),
            };
            let counts = [i.inputs.len(), i.outputs.len(), i.params.len()];
            let mut values = vec![action as f64, number as f64, i.target as f64];
            values.extend(counts.map(|count| count as f64));
            values.extend(i.inputs.iter().chain(&i.outputs).map(|&id| id as f64));
            values.extend(&i.params);
            values
        })
    });
    status(match values {
        Some(values) => put(&values),
        None => Err(Error::index(format!("the record has no instruction {index}"))),
    })
}

/// Asks the record in a frame of its own.
fn recorded(ask: impl FnOnce(&mut Session) -> Result<u32>) -> u32 {
    with_engine(|engine| {
        let mut session = engine.session();
        let mark = session.frame.len();
        let answer = ask(&mut session);
        session.end_frame(mark);
        report(answer, 0)
    })
}

/// Begins a loop whose number of turns depends on numbers, `most` at most. Scratch: the state; then handles for it, as a turn finds it.
#[wasm_bindgen]
pub fn record_while_begin(count: u32, most: f64) -> u32 {
    let state = ids_at(0, count as usize);
    recorded(|session| {
        let handles = session.begin_while(&state?, most.min(u32::MAX as f64) as usize)?;
        put_ids(&[], &handles).map(|_| 1)
    })
}

/// What was recorded since decides, by this number, whether there is another turn.
#[wasm_bindgen]
pub fn record_while_test(condition: u32) -> u32 {
    recorded(|session| session.test_while(condition).map(|_| 1))
}

/// A turn ends with the state in scratch. Nothing is recorded from here on, for the loop to be run.
#[wasm_bindgen]
pub fn record_while_end(count: u32) -> u32 {
    let state = ids_at(0, count as usize);
    recorded(|session| session.end_while(&state?).map(|_| 1))
}

/// The loop was run. Scratch: the state it left; then handles for that as the record knows it.
#[wasm_bindgen]
pub fn record_while_finish(count: u32) -> u32 {
    let state = ids_at(0, count as usize);
    recorded(|session| {
        let handles = session.finish_while(&state?)?;
        put_ids(&[], &handles).map(|_| 1)
    })
}

/// There is no such loop after all.
#[wasm_bindgen]
pub fn record_while_drop() {
    tidying(|engine| engine.session().drop_while());
}

/// What the record calls the numbers behind a handle.
#[wasm_bindgen]
pub fn record_variable(id: u32) -> u32 {
    recorded(|session| session.variable(id))
}

/// The same for a tensor that may be written to. Fails for other values.
#[wasm_bindgen]
pub fn record_place(id: u32) -> u32 {
    recorded(|session| session.held_variable(id))
}

/// Scratch: what the record calls the gradient of a parameter, 0 without one.
#[wasm_bindgen]
pub fn record_gradient(id: u32) -> u32 {
    recorded(|session| session.gradient_variable(id).and_then(|variable| put(&[variable as f64])).map(|_| 1))
}

/// Says that the next run may find other numbers in a variable: `dependence` flags.
#[wasm_bindgen]
pub fn record_mark(variable: u32, flags: u32) {
    with_engine(|engine| engine.session().mark_variable(variable, flags));
}

/// The `dependence` flags of the numbers behind a handle.
#[wasm_bindgen]
pub fn record_dependence(id: u32) -> u32 {
    recorded(|session| session.dependence(id))
}

/// A handle for a value of the record.
#[wasm_bindgen]
pub fn record_value(id: u32) -> u32 {
    handle(|engine| engine.session().alias(id))
}

/// Forgets the record.
#[wasm_bindgen]
pub fn record_free() {
    tidying(|engine| engine.session().free_record());
}

/// Counts calls, time and bytes of each op from now on.
#[wasm_bindgen]
pub fn profile_start() {
    with_engine(|engine| {
        let mut session = engine.session();
        session.inspector.costs.clear();
        session.inspector.set_profiling(true);
    });
}

/// Stops counting.
#[wasm_bindgen]
pub fn profile_stop() {
    tidying(|engine| engine.session().inspector.set_profiling(false));
}

/// How many ops have costs.
#[wasm_bindgen]
pub fn profile_rows() -> u32 {
    with_engine(|engine| engine.session().inspector.costs.len() as u32)
}

/// Scratch: op, calls, milliseconds, bytes.
#[wasm_bindgen]
pub fn profile_read(index: u32) -> u32 {
    let row = with_engine(|engine| {
        engine.session().inspector.costs.iter().nth(index as usize).map(|(&op, c)| [op as f64, c.calls as f64, c.milliseconds, c.bytes])
    });
    status(match row {
        Some(row) => put(&row),
        None => Err(Error::index(format!("the profile has no row {index}"))),
    })
}

/// Test mode: the request for memory after the next `count` ones is refused, once; u32::MAX ends that. Returns how many were left.
#[wasm_bindgen]
pub fn fail_after(count: u32) -> u32 {
    crate::memory::room::fail_after(count)
}

/// Panics: how tests see what a bug of ours would do.
#[wasm_bindgen]
pub fn trap() {
    panic!("a panic on request");
}

/// Damages one derivative rule: mode 0 forward, 1 reverse; damage 0 factor, 1 sign, 2 dropped, 3 swapped, 4 not un-broadcast,
/// 5 none. Returns 0 for an op without rules of its own.
#[cfg(feature = "mutants")]
#[wasm_bindgen]
pub fn mutate(op: u32, input: u32, mode: u32, damage: u32) -> u32 {
    use crate::level::mutants::{set, Damage, Mode, Mutation};
    use crate::op::{Kind, Op, Rule};
    let Some(op) = Op::from_code(op) else { return 0 };
    let row = op.row();
    let inputs = match &row.kind {
        Kind::Composite(_) => 0,
        Kind::Primitive { rule, .. } => match rule {
            Rule::Zero => 0,
            Rule::Linear(_) | Rule::Joined(_) | Rule::Part(_) => 1,
            Rule::Elementwise(_) | Rule::Multilinear { .. } | Rule::Custom { .. } => row.inputs.least,
        },
    };
    let damage = match damage {
        0 => Some(Damage::Factor),
        1 => Some(Damage::Sign),
        2 => Some(Damage::Dropped),
        3 => Some(Damage::Swapped),
        4 => Some(Damage::NotUnbroadcast),
        _ => None,
    };
    let mode = if mode == 0 { Mode::Forward } else { Mode::Reverse };
    set(damage.map(|damage| Mutation { op, input: input as usize, mode, damage }));
    inputs
}
