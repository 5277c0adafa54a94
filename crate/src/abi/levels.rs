//! Levels: opening and closing transforms, wrapping values for them, sweeping back.

use super::*;
use crate::codes::{level_kind, sweep_status};
use crate::memory::values::Value;
use crate::session::{LevelKind, AMBIENT};
use crate::sweep::Status;

/// Opens a level of a `level_kind`, a batch level for the number of examples in scratch; returns its number. Fails when too many are open.
#[wasm_bindgen]
pub fn level_push(kind: u32) -> u32 {
    let kind = match kind {
        level_kind::GRAD => LevelKind::Grad(with_engine(|engine| engine.session().fresh_tape())),
        level_kind::DUAL => LevelKind::Dual,
        level_kind::BATCH => match numbers_at(0, 1) {
            Ok(numbers) => LevelKind::Batch { size: numbers[0] as usize },
            Err(error) => return report(Err(error), 0),
        },
        _ => return report(Err(Error::value(format!("level kind {kind} does not exist"))), 0),
    };
    with_engine(|engine| report(engine.session().open(kind), 0))
}

/// Closes a level and those above it.
#[wasm_bindgen]
pub fn level_pop(level: u32) {
    tidying(|engine| engine.session().close(level));
}

/// How many levels are open, the ambient one among them.
#[wasm_bindgen]
pub fn level_depth() -> u32 {
    with_engine(|engine| engine.session().levels.len() as u32)
}

/// The `level_kind` of an open level. Scratch: the number of examples of a batch level.
#[wasm_bindgen]
pub fn level_kind(level: u32) -> u32 {
    let kind = |engine: &Engine| match engine.session().level(level)?.kind {
        LevelKind::Grad(_) => Ok(level_kind::GRAD),
        LevelKind::Dual => Ok(level_kind::DUAL),
        LevelKind::Batch { size } => put(&[size as f64]).map(|_| level_kind::BATCH),
    };
    with_engine(|engine| report(kind(engine), 0))
}

/// One more than the highest grad level that any of the ids in scratch carries, at any depth, and that records; 1 if none does. With
/// `duals` levels of forward mode count as well.
#[wasm_bindgen]
pub fn recording_level(count: u32, duals: u32) -> u32 {
    let highest = |engine: &Engine| -> Result<u32> {
        let mut ids = ids_at(0, count as usize)?;
        let session = engine.session();
        let mut top = 0;
        while let Some(id) = ids.pop() {
            match *session.value(id)? {
                Value::Concrete(_) | Value::Outline(..) => {}
                Value::Dual { level, primal, tangent, .. } => {
                    ids.extend([primal, tangent].into_iter().filter(|&id| id != NONE));
                    if duals != 0 && tangent != NONE && level > session.forward_floor {
                        top = top.max(level);
                    }
                }
                Value::Batched { inner, .. } => ids.push(inner),
                Value::Tracked { level, primal, .. } => {
                    ids.push(primal);
                    if level > session.recording_floor {
                        top = top.max(level);
                    }
                }
            }
        }
        Ok(top + 1)
    };
    with_engine(|engine| report(highest(engine), 0))
}

/// Whether operations on values of `level`, of reverse or forward mode, have derivatives now.
#[wasm_bindgen]
pub fn records(level: u32) -> u32 {
    with_engine(|engine| {
        let session = engine.session();
        let floor = match session.level(level).map(|level| &level.kind) {
            Ok(LevelKind::Dual) => session.forward_floor,
            _ => session.recording_floor,
        };
        (level > floor) as u32
    })
}

/// While a custom rule runs at `level`, values of that level and of those above, as far as they are open, are not to be seen by it;
/// returns the highest. `unguard` undoes it.
#[wasm_bindgen]
pub fn guard(level: u32) -> u32 {
    with_engine(|engine| {
        let levels = &mut engine.session().levels;
        levels.iter_mut().skip(level as usize - 1).for_each(|level| level.guards += 1);
        levels.len() as u32
    })
}

/// Undoes `guard`.
#[wasm_bindgen]
pub fn unguard(level: u32, highest: u32) {
    tidying(|engine| {
        let levels = &mut engine.session().levels;
        let count = (highest + 1 - level) as usize;
        levels.iter_mut().skip(level as usize - 1).take(count).for_each(|level| level.guards = level.guards.saturating_sub(1));
    });
}

/// After a throw: closes the scopes above `scope`, and the levels that were opened in them.
#[wasm_bindgen]
pub fn unwind(scope: u32) {
    tidying(|engine| {
        let mut session = engine.session();
        if let Some(outermost) = session.scopes.get(scope as usize) {
            let levels = outermost.levels;
            session.close(levels + 1);
        }
        while session.scopes.len() as u32 > scope {
            // There is a scope to pop, so this cannot fail.
            let _ = session.pop_scope(&[]);
        }
    });
}

/// One more than the highest level among the ids in scratch; 1 for plain values. Fails for a level that a custom rule may not see.
#[wasm_bindgen]
pub fn top_level(count: u32) -> u32 {
    with_engine(|engine| {
        let result = ids_at(0, count as usize).and_then(|ids| {
            let top = engine.top_level(&ids)?;
            if top > 0 && engine.session().levels[top as usize - 1].guards > 0 {
                return Err(engine.closed_over(top, &ids));
            }
            Ok(top + 1)
        });
        report(result, 0)
    })
}

/// Makes a value a leaf of a grad level.
#[wasm_bindgen]
pub fn track(level: u32, id: u32) -> u32 {
    handle(|engine| {
        let dtype = engine.dtype(id)?;
        if !dtype.is_float() {
            return Err(Error::dtype(format!(
                "derivatives exist with respect to float32 and float64 tensors, this one is {dtype}; cast it, or leave it out of argnums"
            )));
        }
        engine.track(level, id)
    })
}

/// The value one level down from `level`; a second handle of what is not of that level.
#[wasm_bindgen]
pub fn untrack(level: u32, id: u32) -> u32 {
    handle(|engine| {
        let session = engine.session();
        Ok(match session.value(id)? {
            Value::Tracked { level: l, primal, .. } | Value::Dual { level: l, primal, .. } if *l == level => *primal,
            _ => id,
        })
    })
}

/// A dual value of a level of forward mode.
#[wasm_bindgen]
pub fn dual(level: u32, primal: u32, tangent: u32) -> u32 {
    handle(|engine| engine.make_dual(level, primal, tangent))
}

/// Scratch: a handle for the tangent of a dual value, 0 for a symbolic zero.
#[wasm_bindgen]
pub fn tangent_of(level: u32, id: u32) -> u32 {
    let tangent = |engine: &Engine| -> Result<Id> {
        match engine.session().value(id)? {
            Value::Dual { level: l, tangent, .. } if *l == level => Ok(*tangent),
            value if value.level() > level => Err(Error::value(
                "the tangent of a value that belongs to a transform inside is not known yet; return it from that transform first",
            )),
            _ => Ok(NONE),
        }
    };
    with_engine(|engine| {
        status(tangent(engine).and_then(|tangent| match tangent {
            NONE => put(&[NONE as f64]),
            tangent => expose(engine, false, || Ok(tangent)).and_then(|handle| put(&[handle as f64])),
        }))
    })
}

/// A value whose axis counts the examples of a batch level.
#[wasm_bindgen]
pub fn batch(level: u32, id: u32, axis: u32) -> u32 {
    handle(|engine| engine.make_batched(level, id, axis as usize))
}

/// The whole batch, its examples along `axis`.
#[wasm_bindgen]
pub fn unbatch(level: u32, id: u32, axis: u32) -> u32 {
    handle(|engine| engine.unbatch(level, id, axis as usize))
}

/// Hands the outcome of a sweep to TypeScript: a `sweep_status`.
fn deliver(engine: &Engine, result: Result<Status>) -> u32 {
    let suspended = matches!(result, Ok(Status::Callback { .. } | Status::Hook { .. }));
    let outcome = result.and_then(|status| {
        let mut session = engine.session();
        let mut hand_out =
            |ids: &[Id]| ids.iter().map(|&id| if id == NONE { Ok(NONE) } else { session.expose(id, false) }).collect::<Result<Vec<Id>>>();
        Ok(match status {
            Status::Done(gradients) => {
                put_ids(&[], &hand_out(&gradients)?)?;
                sweep_status::DONE
            }
            Status::Callback { number, create_graph, inputs, cotangents } => {
                let header = [number as f64, create_graph as u32 as f64, inputs.len() as f64, cotangents.len() as f64];
                let ids: Vec<Id> = inputs.into_iter().chain(cotangents).collect();
                put_ids(&header, &hand_out(&ids)?)?;
                sweep_status::CALLBACK
            }
            Status::Hook { tensor, cotangent } => {
                put_ids(&[tensor as f64], &hand_out(&[cotangent])?)?;
                sweep_status::HOOK
            }
        })
    });
    if outcome.is_err() && suspended {
        // Nobody will resume it.
        engine.session().abandon_sweep();
    }
    report(outcome, sweep_status::FAILED)
}

/// A sweep makes values outside of any frame's end; this is the frame.
fn swept(f: impl FnOnce(&Engine) -> Result<Status>) -> u32 {
    with_engine(|engine| {
        let mark = engine.session().frame.len();
        let result = f(engine);
        if let Ok(Status::Done(gradients)) = &result {
            // The sweep's references are the frame's now.
            engine.session().frame.extend(gradients.iter().filter(|&&id| id != NONE));
        }
        let status = deliver(engine, result);
        engine.session().end_frame(mark);
        status
    })
}

/// Starts a sweep with `sweep_flag`s. Scratch: output ids, a cotangent for each (0 = ones), ids whose gradients are wanted.
#[wasm_bindgen]
pub fn sweep(level: u32, outputs: u32, wanted: u32, flags: u32) -> u32 {
    let (n, w) = (outputs as usize, wanted as usize);
    swept(|engine| engine.sweep(level, &ids_at(0, n)?, &ids_at(n, n)?, &ids_at(2 * n, w)?, flags))
}

/// Goes on with what a pullback or hook returned. Scratch: gradients of the pullback's inputs (0 = none), or a new cotangent (0 = the old).
#[wasm_bindgen]
pub fn sweep_resume(count: u32) -> u32 {
    swept(|engine| match ids_at(0, count as usize) {
        Ok(given) => engine.resume(&given),
        Err(error) => {
            engine.session().abandon_sweep();
            Err(error)
        }
    })
}

/// Drops the innermost suspended sweep: its pullback or hook threw.
#[wasm_bindgen]
pub fn sweep_abandon() {
    tidying(|engine| engine.session().abandon_sweep());
}

/// Closes a grad level and keeps its tape; returns a number for `sweep_parked`. Scratch: outputs, inputs.
#[wasm_bindgen]
pub fn level_park(level: u32, outputs: u32, wanted: u32) -> u32 {
    let (n, w) = (outputs as usize, wanted as usize);
    with_engine(|engine| report(ids_at(0, n).and_then(|outputs| engine.park(level, &outputs, &ids_at(n, w)?)), 0))
}

/// Sweeps a parked tape, as `sweep`. Scratch: cotangents.
#[wasm_bindgen]
pub fn sweep_parked(parked: u32, outputs: u32, flags: u32) -> u32 {
    swept(|engine| engine.sweep_parked(parked, &ids_at(0, outputs as usize)?, flags))
}

/// The numbers of a parked tape, in rows: returns how many. Scratch: address and bytes of each. Nothing has changed yet.
#[wasm_bindgen]
pub fn parked_buffers(parked: u32) -> u32 {
    with_engine(|engine| {
        let found = engine.parked_buffers(parked).and_then(|places| {
            let numbers: Vec<f64> = places.iter().flat_map(|&(address, bytes)| [address as usize as f64, bytes as f64]).collect();
            put(&numbers).map(|_| places.len() as u32)
        });
        report(found, 0)
    })
}

/// Forgets them: they were copied.
#[wasm_bindgen]
pub fn parked_out(parked: u32) {
    tidying(|engine| engine.move_parked_out(parked));
}

/// Room for what was forgotten. Scratch: the addresses to fill, in the same order.
#[wasm_bindgen]
pub fn parked_in(parked: u32) -> u32 {
    with_engine(|engine| {
        status(engine.move_parked_in(parked).and_then(|places| put(&places.iter().map(|&p| p as usize as f64).collect::<Vec<f64>>())))
    })
}

/// Releases a parked tape.
#[wasm_bindgen]
pub fn parked_free(parked: u32) {
    tidying(|engine| engine.free_parked(parked));
}

/// One node for a function with a pullback of TypeScript's. Scratch: inputs, then outputs; afterwards the tracked outputs.
#[wasm_bindgen]
pub fn record_callback(level: u32, inputs: u32, outputs: u32, callback: u32) -> u32 {
    let (n, m) = (inputs as usize, outputs as usize);
    with_engine(|engine| {
        let mark = engine.session().frame.len();
        let recorded = ids_at(0, n).and_then(|inputs| engine.record_callback(level, &inputs, &ids_at(n, m)?, callback));
        let result = recorded.and_then(|ids| {
            let mut session = engine.session();
            ids.into_iter().map(|id| session.expose(id, false)).collect::<Result<Vec<Id>>>()
        });
        engine.session().end_frame(mark);
        status(result.and_then(|ids| put_ids(&[], &ids)))
    })
}

/// Numbers of pullbacks that no node needs any more, in scratch; returns how many.
#[wasm_bindgen]
pub fn dead_callbacks() -> u32 {
    let numbers = tidying(|engine| engine.session().take_dead_callbacks());
    let count = numbers.len() as u32;
    report(put_ids(&[], &numbers).map(|_| count), 0)
}

/// Ids of hooked tensors that died since the last call, in scratch; returns how many.
#[wasm_bindgen]
pub fn dead_hooks() -> u32 {
    let ids = with_engine(|engine| engine.session().take_dead_hooks());
    let count = ids.len() as u32;
    report(put_ids(&[], &ids).map(|_| count), 0)
}

/// Grad levels up to `floor` stop recording; returns the floor before.
#[wasm_bindgen]
pub fn set_recording(floor: u32) -> u32 {
    tidying(|engine| std::mem::replace(&mut engine.session().recording_floor, floor))
}

/// Levels of forward mode up to `floor` stop giving tangents; returns the floor before.
#[wasm_bindgen]
pub fn set_forward(floor: u32) -> u32 {
    tidying(|engine| std::mem::replace(&mut engine.session().forward_floor, floor))
}

/// A leaf of the ambient level, owned by the root: parameters outlive scopes.
#[wasm_bindgen]
pub fn require_grad(id: u32) -> u32 {
    with_engine(|engine| {
        report(
            expose(engine, true, || {
                let dtype = engine.dtype(id)?;
                if !dtype.is_float() {
                    return Err(Error::dtype(format!(
                        "only float32 and float64 tensors can require a gradient, this one is {dtype}; cast it first"
                    )));
                }
                if engine.top_level(&[id])? > 0 {
                    return Err(Error::value(
                        "requiresGrad needs a plain tensor: detach() it first, and create parameters outside of grad, jvp and vmap",
                    ));
                }
                engine.track(AMBIENT, id)
            }),
            NONE,
        )
    })
}

/// A second handle for a value, owned by the root: state that outlives the scope it was made in.
#[wasm_bindgen]
pub fn root_alias(id: u32) -> u32 {
    with_engine(|engine| report(expose(engine, true, || engine.session().alias(id)), NONE))
}
