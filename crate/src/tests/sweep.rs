//! The backward pass: that it stops for TypeScript and goes on, what it refuses, and that it leaves nothing behind.

use super::support::*;
use crate::codes::sweep_flag::{ACCUMULATE, RETAIN_GRAPH};
use crate::engine::Engine;
use crate::error::{ErrorCode, Result};
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, NONE};
use crate::session::{LevelKind, AMBIENT};
use crate::sweep::Status;
use crate::tape::{Tape, HOOKED};

/// A number with a pullback of TypeScript's.
fn callback(e: &Engine, inputs: &[Id], value: f64) -> Id {
    handle(e, || {
        let output = number(e, value).checked()?;
        e.record_callback(AMBIENT, inputs, &[output], 7).map(|ids| ids[0])
    })
}

/// The cotangent a suspended sweep hands to a pullback.
fn at_callback(e: &Engine, status: Result<Status>) -> f64 {
    let Ok(Status::Callback { number: 7, cotangents, .. }) = status else { panic!("not at the pullback") };
    at(e, cotangents[0])
}

fn sweeping(e: &Engine) -> (usize, bool) {
    let session = e.session();
    (session.sweeps.len(), session.is_sweeping())
}

fn hook(e: &Engine, id: Id) {
    let node = node(e, id);
    let mut session = e.session();
    let tape = session.grad_tape(AMBIENT).unwrap().0;
    tape.flags[node] |= HOOKED;
    tape.slot[node] = id;
}

fn gradient(e: &Engine, id: Id) -> Option<f64> {
    let held = match e.session().value(id).unwrap() {
        Value::Tracked { gradient, .. } => *gradient,
        _ => NONE,
    };
    (held != NONE).then(|| at(e, held))
}

#[test]
fn a_sweep_stops_at_a_pullback_of_typescripts_and_goes_on_with_what_it_returned() {
    let e = Engine::new();
    let (x, y) = (leaf(&e, 3.0), leaf(&e, 4.0));
    let f = callback(&e, &[x, y], 10.0);
    let z = apply(&e, [f, x], |[f, x]| f * x);
    assert_eq!(at_callback(&e, e.sweep(AMBIENT, &[z], &[NONE], &[x, y], 0)), 3.0);
    assert_eq!(sweeping(&e), (1, true));
    let given = variable(&e, 100.0);
    // Of y nothing: a symbolic zero.
    assert_eq!(gradients(&e, e.resume(&[given, NONE])), [Some(110.0), None]);
    assert_eq!(sweeping(&e), (0, false));
    drop_all(&e, &[x, y, f, z, given]);
    e.session().end_frame(0);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
    // TypeScript may forget the pullback.
    let mut dead = e.session().take_dead_callbacks();
    dead.dedup();
    assert_eq!(dead, [7]);
    assert_eq!(refused(e.resume(&[])), ErrorCode::Value);
}

#[test]
fn what_a_pullback_returns_must_fit_and_the_sweep_ends_if_it_does_not() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let f = callback(&e, &[x], 10.0);
    let pair = handle(&e, || e.new_value(Array::from_slice(&[1.0f64, 2.0], &[2]).unwrap()));
    let before = alive(&e);
    for (given, code) in [(vec![pair], ErrorCode::Shape), (vec![], ErrorCode::Value)] {
        at_callback(&e, e.sweep(AMBIENT, &[f], &[NONE], &[x], RETAIN_GRAPH));
        assert_eq!(refused(e.resume(&given)), code);
        e.session().end_frame(0);
        assert_eq!((sweeping(&e), alive(&e)), ((0, false), before));
    }
}

#[test]
fn an_abandoned_sweep_gives_back_what_it_held_and_its_graph_can_be_swept_again() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let f = callback(&e, &[x], 10.0);
    let z = apply(&e, [f, x], |[f, x]| f * x);
    let before = alive(&e);
    at_callback(&e, e.sweep(AMBIENT, &[z], &[NONE], &[x], RETAIN_GRAPH));
    e.session().abandon_sweep();
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), before));
    assert_eq!(at_callback(&e, e.sweep(AMBIENT, &[z], &[NONE], &[x], 0)), 3.0);
    let given = variable(&e, 1.0);
    assert_eq!(gradients(&e, e.resume(&[given])), [Some(11.0)]);
}

#[test]
fn sweeps_inside_a_suspended_one_end_before_it_goes_on() {
    let e = Engine::new();
    let (x, y) = (leaf(&e, 3.0), leaf(&e, 5.0));
    let (f, g) = (callback(&e, &[x], 10.0), callback(&e, &[y], 20.0));
    at_callback(&e, e.sweep(AMBIENT, &[f], &[NONE], &[x], 0));
    at_callback(&e, e.sweep(AMBIENT, &[g], &[NONE], &[y], 0));
    assert_eq!(sweeping(&e), (2, true));
    let square = apply(&e, [y], |[y]| y * y);
    assert_eq!(gradients(&e, e.sweep(AMBIENT, &[square], &[NONE], &[y], 0)), [Some(10.0)]);
    let (one, two) = (variable(&e, 1.0), variable(&e, 2.0));
    assert_eq!(gradients(&e, e.resume(&[two])), [Some(2.0)], "the innermost first");
    assert_eq!(gradients(&e, e.resume(&[one])), [Some(1.0)]);
    drop_all(&e, &[x, y, f, g, square, one, two]);
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), 0));
}

#[test]
fn a_hook_sees_the_cotangent_and_may_give_another() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let y = apply(&e, [x], |[x]| x * x);
    let z = apply(&e, [y], |[y]| y + y);
    hook(&e, y);
    let replacement = variable(&e, 10.0);
    for (given, expected) in [(NONE, 12.0), (replacement, 60.0)] {
        let Ok(Status::Hook { tensor, cotangent }) = e.sweep(AMBIENT, &[z], &[NONE], &[x], RETAIN_GRAPH) else { panic!("no hook") };
        assert_eq!((tensor, at(&e, cotangent)), (y, 2.0));
        assert_eq!(gradients(&e, e.resume(&[given])), [Some(expected)]);
    }
    drop_all(&e, &[x, y, z, replacement]);
    e.session().end_frame(0);
    assert_eq!(alive(&e), 0);
    assert_eq!(e.session().take_dead_hooks(), [y]);
}

#[test]
fn a_hook_may_dispose_of_everything_the_sweep_still_needs() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let y = apply(&e, [x], |[x]| x * x);
    let z = apply(&e, [y], |[y]| y * y);
    hook(&e, y);
    assert!(matches!(e.sweep(AMBIENT, &[z], &[NONE], &[x], 0), Ok(Status::Hook { .. })));
    drop_all(&e, &[y, z]);
    // 4 x³
    assert_eq!(gradients(&e, e.resume(&[NONE])), [Some(108.0)]);
    drop_all(&e, &[x]);
    e.session().end_frame(0);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
}

#[test]
fn a_cotangent_of_another_shape_is_refused_before_anything_is_swept() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let y = apply(&e, [x], |[x]| x * x);
    let pair = handle(&e, || e.new_value(Array::from_slice(&[1.0f64, 2.0], &[2]).unwrap()));
    let before = alive(&e);
    assert_eq!(refused(e.sweep(AMBIENT, &[y], &[pair], &[x], 0)), ErrorCode::Shape);
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), before));
    assert_eq!(gradients(&e, e.sweep(AMBIENT, &[y], &[NONE], &[x], 0)), [Some(6.0)]);
}

#[test]
fn adding_up_is_all_or_nothing() {
    let e = Engine::new();
    let (x, plain) = (leaf(&e, 3.0), variable(&e, 1.0));
    let swept = apply(&e, [x], |[x]| x * x);
    let sum = apply(&e, [swept, x], |[s, x]| s + x);
    gradients(&e, e.sweep(AMBIENT, &[swept], &[NONE], &[], ACCUMULATE));
    assert_eq!(gradient(&e, x), Some(6.0));
    // x would get its 1 before the consumed part is met.
    assert_eq!(refused(e.sweep(AMBIENT, &[sum], &[NONE], &[], ACCUMULATE)), ErrorCode::Value);
    assert_eq!(refused(e.sweep(AMBIENT, &[plain], &[NONE], &[], ACCUMULATE)), ErrorCode::NotDifferentiable);
    assert_eq!((gradient(&e, x), sweeping(&e)), (Some(6.0), (0, false)));
    let fresh = apply(&e, [x], |[x]| x + x);
    gradients(&e, e.sweep(AMBIENT, &[fresh], &[NONE], &[], ACCUMULATE));
    assert_eq!(gradient(&e, x), Some(8.0));
    drop_all(&e, &[x, plain, swept, sum, fresh]);
    e.session().end_frame(0);
    assert_eq!(alive(&e), 0);
}

#[test]
fn a_sweep_whose_level_closes_while_it_waits_is_refused_and_leaves_nothing() {
    let e = Engine::new();
    let x = variable(&e, 3.0);
    let level = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
    let tracked = handle(&e, || e.track(level, x));
    let f = handle(&e, || {
        let output = number(&e, 10.0).checked()?;
        e.record_callback(level, &[tracked], &[output], 7).map(|ids| ids[0])
    });
    at_callback(&e, e.sweep(level, &[f], &[NONE], &[tracked], 0));
    e.session().close(level);
    let reopened = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
    assert_eq!(reopened, level);
    assert_eq!(refused(e.resume(&[x])), ErrorCode::Value);
    drop_all(&e, &[x, tracked, f]);
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), 0));
}

/// x² and the tape it was computed on, parked; and x.
fn parked(e: &Engine) -> (u32, Id) {
    let x = variable(e, 3.0);
    let level = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
    let tracked = handle(e, || e.track(level, x));
    let y = apply(e, [tracked], |[x]| x * x);
    let number = e.park(level, &[y], &[tracked]).unwrap();
    drop_all(e, &[tracked, y]);
    (number, x)
}

#[test]
fn a_parked_tape_outlives_its_level_and_is_swept_as_often_as_one_likes() {
    let e = Engine::new();
    let (number, x) = parked(&e);
    let two = variable(&e, 2.0);
    assert_eq!(gradients(&e, e.sweep_parked(number, &[NONE], RETAIN_GRAPH)), [None], "no cotangent is zero");
    for _ in 0..2 {
        assert_eq!(gradients(&e, e.sweep_parked(number, &[two], RETAIN_GRAPH)), [Some(12.0)]);
    }
    assert_eq!(gradients(&e, e.sweep_parked(number, &[two], 0)), [Some(12.0)]);
    assert_eq!(refused(e.sweep_parked(number, &[two], 0)), ErrorCode::Value, "its values are gone");
    e.free_parked(number);
    assert_eq!(refused(e.sweep_parked(number, &[two], 0)), ErrorCode::Value);
    drop_all(&e, &[x, two]);
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), 0));
}

#[test]
fn the_number_of_a_parked_tape_is_never_given_again() {
    let e = Engine::new();
    let numbers: Vec<u32> = (0..3)
        .map(|_| {
            let (number, x) = parked(&e);
            e.free_parked(number);
            drop_all(&e, &[x]);
            number
        })
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    e.free_parked(1);
    assert_eq!(alive(&e), 0);
}

#[test]
fn a_parked_tape_that_is_released_during_a_sweep_stays_until_that_ends() {
    let e = Engine::new();
    let x = variable(&e, 3.0);
    let level = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
    let tracked = handle(&e, || e.track(level, x));
    let f = handle(&e, || {
        let output = number(&e, 10.0).checked()?;
        e.record_callback(level, &[tracked], &[output], 7).map(|ids| ids[0])
    });
    let y = apply(&e, [f, tracked], |[f, x]| f * x);
    let parked = e.park(level, &[y], &[tracked]).unwrap();
    drop_all(&e, &[tracked, f, y]);
    let one = variable(&e, 1.0);
    assert_eq!(at_callback(&e, e.sweep_parked(parked, &[one], RETAIN_GRAPH)), 3.0);
    e.free_parked(parked);
    assert_eq!(refused(e.sweep_parked(parked, &[one], 0)), ErrorCode::Value);
    assert_eq!(gradients(&e, e.resume(&[one])), [Some(11.0)]);
    assert!(e.session().parked.is_empty());
    drop_all(&e, &[x, one]);
    e.session().end_frame(0);
    assert_eq!((sweeping(&e), alive(&e)), ((0, false), 0));
}
