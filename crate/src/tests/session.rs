//! Levels, scopes, frames and references: who holds what, and that everything goes.

use super::support::*;
use crate::engine::Engine;
use crate::error::ErrorCode;
use crate::memory::array::Array;
use crate::memory::values::NONE;
use crate::session::{LevelKind, AMBIENT, MOST_LEVELS};
use crate::tape::Tape;
use crate::var::Var;

#[test]
fn a_scope_releases_its_handles_apart_from_those_it_keeps() {
    let e = Engine::new();
    e.session().push_scope().unwrap();
    assert_eq!(e.session().push_scope().unwrap(), 2);
    let (kept, lost) = (variable(&e, 1.0), variable(&e, 2.0));
    e.session().pop_scope(&[kept]).unwrap();
    assert_eq!(at(&e, kept), 1.0);
    assert_eq!(refused(e.concrete_under(lost, false)), ErrorCode::Disposed);
    // It is the parent's now.
    e.session().pop_scope(&[]).unwrap();
    assert_eq!(refused(e.concrete_under(kept, false)), ErrorCode::Disposed);
    assert_eq!(alive(&e), 0);
    assert_eq!(refused(e.session().pop_scope(&[])), ErrorCode::Value);
}

#[test]
fn what_the_outermost_scope_keeps_is_the_roots_which_no_scope_releases() {
    let e = Engine::new();
    let before = variable(&e, 0.0);
    e.session().push_scope().unwrap();
    let kept = variable(&e, 1.0);
    // Keeping what is not the scope's own changes nothing.
    e.session().pop_scope(&[kept, before]).unwrap();
    e.session().push_scope().unwrap();
    e.session().pop_scope(&[]).unwrap();
    assert_eq!((at(&e, kept), at(&e, before)), (1.0, 0.0));
    drop_all(&e, &[kept, before]);
    assert_eq!(alive(&e), 0);
}

#[test]
fn a_scope_leaves_what_a_tape_holds() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    e.session().push_scope().unwrap();
    let factor = variable(&e, 5.0);
    let y = apply(&e, [x, factor], |[x, factor]| x * factor);
    e.session().pop_scope(&[y]).unwrap();
    assert_eq!(refused(e.concrete_under(factor, false)), ErrorCode::Disposed);
    let swept = e.sweep(AMBIENT, &[y], &[NONE], &[x], 0);
    assert_eq!(gradients(&e, swept), [Some(5.0)]);
    drop_all(&e, &[x, y]);
    e.session().end_frame(0);
    assert_eq!(alive(&e), 0);
}

#[test]
fn a_frame_lets_go_of_all_but_what_was_retained() {
    let e = Engine::new();
    let result = e.framed(|| (number(&e, 2.0) * number(&e, 3.0) + number(&e, 1.0)).checked()).unwrap();
    assert_eq!((alive(&e), at(&e, result)), (1, 7.0));
    e.session().release(result);
    assert_eq!(alive(&e), 0);
    // Nor is anything left of a formula that is refused in the middle.
    let short = e.framed(|| {
        let pair = Var::new(&e, e.new_value(Array::from_slice(&[1.0f64, 2.0], &[2]).unwrap())?);
        (pair + number(&e, 1.0)).reshape(&[3]).exp().checked()
    });
    assert_eq!((refused(short), alive(&e)), (ErrorCode::Shape, 0));
}

#[test]
fn a_value_that_only_the_frame_holds_becomes_the_handle_and_one_that_others_hold_is_copied() {
    let e = Engine::new();
    let mut id = NONE;
    let first = handle(&e, || {
        id = number(&e, 1.0).checked()?;
        Ok(id)
    });
    assert_eq!(first, id);
    // A handle is never given out twice: each is released on its own.
    let second = handle(&e, || Ok(first));
    assert_ne!(second, first);
    drop_all(&e, &[first]);
    assert_eq!(at(&e, second), 1.0);
    drop_all(&e, &[second]);
    assert_eq!(alive(&e), 0);
}

#[test]
fn a_variable_is_copied_once_for_all_who_hold_its_value_and_the_copy_keeps_it() {
    let e = Engine::new();
    let v = variable(&e, 1.0);
    let [a, b] = [0, 1].map(|_| e.session().hold(v).unwrap());
    assert!(a == b && a != v);
    e.session().end_frame(0);
    let sharing = |id| e.concrete_under(id, false).unwrap().buffer_address();
    assert_eq!(sharing(a), sharing(v));
    let two = variable(&e, 2.0);
    e.assign(v, two).unwrap();
    assert_eq!((at(&e, v), at(&e, a)), (2.0, 1.0));
    let c = e.session().hold(v).unwrap();
    e.session().end_frame(0);
    assert!(c != a && at(&e, c) == 2.0);
    // A value that is no variable is held as it is.
    assert_eq!(e.session().hold(a).unwrap(), a);
    [a, a, a, c].into_iter().for_each(|id| e.session().release(id));
    drop_all(&e, &[v, two]);
    assert_eq!(alive(&e), 0);
}

#[test]
fn who_writes_to_a_variable_gets_a_buffer_of_its_own_only_while_others_hold_its_value() {
    let e = Engine::new();
    let (v, gradient) = (variable(&e, 1.0), variable(&e, 2.0));
    let place = |id| e.concrete_under(id, false).unwrap().buffer_address();
    let before = place(v);
    e.prepare_update(v, gradient).unwrap();
    assert_eq!(place(v), before);
    let held = e.session().hold(v).unwrap();
    e.session().end_frame(0);
    e.prepare_update(v, gradient).unwrap();
    assert_eq!((place(held), at(&e, held), at(&e, v)), (before, 1.0, 1.0));
    assert_ne!(place(v), before);
    e.session().release(held);
    drop_all(&e, &[v, gradient]);
    assert_eq!(alive(&e), 0);
}

#[test]
fn closing_a_level_closes_those_above_and_never_the_ambient_one() {
    let e = Engine::new();
    let open = |kind| e.session().open(kind).unwrap();
    assert_eq!([open(LevelKind::Dual), open(LevelKind::Grad(Tape::new())), open(LevelKind::Dual)], [2, 3, 4]);
    e.session().close(3);
    assert_eq!(e.session().levels.len(), 2);
    e.session().close(0);
    assert_eq!(e.session().levels.len(), AMBIENT as usize);
    assert!(e.session().grad_tape(AMBIENT).is_ok());
    assert_eq!(refused(e.session().level(2).map(|_| ())), ErrorCode::Escaped);
}

#[test]
fn an_epoch_is_never_used_twice_and_tells_levels_of_one_depth_apart() {
    let e = Engine::new();
    let x = variable(&e, 1.0);
    let mut epochs = Vec::new();
    for _ in 0..3 {
        let level = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
        let tracked = handle(&e, || e.track(level, x));
        epochs.push(e.session().level(level).unwrap().epoch);
        e.session().close(level);
        let again = e.session().open(LevelKind::Grad(Tape::new())).unwrap();
        assert_eq!(again, level);
        assert_eq!(refused(e.session().value(tracked).map(|_| ())), ErrorCode::Escaped);
        epochs.push(e.session().level(again).unwrap().epoch);
        e.session().close(again);
        drop_all(&e, &[tracked]);
    }
    epochs.dedup();
    assert!(epochs.len() == 6 && epochs.is_sorted(), "{epochs:?}");
    drop_all(&e, &[x]);
    assert_eq!(alive(&e), 0);
}

#[test]
fn one_level_too_many_is_refused_and_the_others_go_on() {
    let e = Engine::new();
    while e.session().levels.len() < MOST_LEVELS {
        e.session().open(LevelKind::Dual).unwrap();
    }
    assert_eq!(refused(e.session().open(LevelKind::Dual)), ErrorCode::Value);
    e.session().close(MOST_LEVELS as u32);
    assert_eq!(e.session().open(LevelKind::Dual).unwrap(), MOST_LEVELS as u32);
}

#[test]
fn wrappers_of_all_levels_hold_what_they_wrap_and_let_go_of_it() {
    let e = Engine::new();
    let x = handle(&e, || e.new_value(Array::from_slice(&[1.0f64, 2.0, 3.0], &[3]).unwrap()));
    let open = |kind| e.session().open(kind).unwrap();
    let (batch, dual, grad) = (open(LevelKind::Batch { size: 3 }), open(LevelKind::Dual), open(LevelKind::Grad(Tape::new())));
    let wrapped = handle(&e, || {
        let batched = e.make_batched(batch, x, 0)?;
        e.track(grad, e.make_dual(dual, batched, batched)?)
    });
    drop_all(&e, &[x]);
    assert_eq!(e.concrete_under(wrapped, true).unwrap().to_vec(), [1.0, 2.0, 3.0]);
    assert!(e.dims(wrapped).unwrap().is_empty());
    // One example has no number of its own.
    assert_eq!(refused(e.concrete_under(wrapped, false)), ErrorCode::Traced);
    drop_all(&e, &[wrapped]);
    assert_eq!(alive(&e), 0);
    assert_eq!(e.session().grad_tape(grad).unwrap().0.len(), 1);
}
