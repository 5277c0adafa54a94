//! The ambient tape: rows that go, rows that move, and what it knows of graphs that were swept or outdated.

use super::support::*;
use crate::engine::Engine;
use crate::error::ErrorCode;
use crate::memory::values::{Id, NONE};
use crate::session::AMBIENT;
use crate::sweep::Status;
use crate::tape;

fn flags(e: &Engine, node: usize) -> u8 {
    e.session().grad_tape(AMBIENT).unwrap().0.flags[node]
}

/// So many dead rows between living ones that the tape wants to be compacted.
const MANY: usize = 5000;

/// Records `MANY` rows behind which a living one stands, and lets go of them.
fn dead_rows_before(e: &Engine, x: Id, last: impl FnOnce() -> Id) -> Id {
    let dead: Vec<Id> = (0..MANY).map(|_| apply(e, [x], |[x]| -x)).collect();
    let last = last();
    drop_all(e, &dead);
    last
}

#[test]
fn rows_that_nobody_can_reach_release_their_values_and_go_from_the_end_at_once() {
    let e = Engine::new();
    let x = leaf(&e, 2.0);
    let (length, values) = (rows(&e), alive(&e));
    let mut y = apply(&e, [x], |[x]| x.exp());
    for _ in 0..50 {
        let next = apply(&e, [y], |[y]| y * y);
        // The graph holds it.
        drop_all(&e, &[y]);
        y = next;
    }
    assert_eq!(rows(&e), length + 51);
    drop_all(&e, &[y]);
    assert_eq!((rows(&e), alive(&e)), (length, values));
    drop_all(&e, &[x]);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
}

#[test]
fn dead_rows_in_the_middle_go_when_they_outnumber_the_living_and_graphs_survive_the_move() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let a = apply(&e, [x], |[x]| x * x);
    let y = dead_rows_before(&e, x, || apply(&e, [a, x], |[a, x]| a * x));
    assert!(rows(&e) > MANY);
    let z = apply(&e, [y], |[y]| y + y);
    assert_eq!(rows(&e), 5);
    assert_eq!([x, a, y, z].map(|id| node(&e, id)), [1, 2, 3, 4]);
    // 2 x³
    assert_eq!(gradients(&e, e.sweep(AMBIENT, &[z], &[NONE], &[x, a], 0)), [Some(54.0), Some(6.0)]);
    drop_all(&e, &[x, a, y, z]);
    e.session().end_frame(0);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
}

#[test]
fn a_tape_is_not_compacted_while_a_sweep_holds_numbers_of_its_nodes() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let called = handle(&e, || {
        let output = number(&e, 10.0).checked()?;
        e.record_callback(AMBIENT, &[x], &[output], 1).map(|ids| ids[0])
    });
    let z = dead_rows_before(&e, x, || apply(&e, [called, x], |[y, x]| y * x));
    let Ok(Status::Callback { cotangents, .. }) = e.sweep(AMBIENT, &[z], &[NONE], &[x], 0) else { panic!("not suspended") };
    assert_eq!(at(&e, cotangents[0]), 3.0);
    let during = apply(&e, [x], |[x]| x + x);
    assert!(rows(&e) > MANY);
    let pulled = apply(&e, [cotangents[0]], |[c]| c * c.constant(7.0));
    // d(y x) = 7 · 3 along the pullback, and 10.
    assert_eq!(gradients(&e, e.resume(&[pulled])), [Some(31.0)]);
    drop_all(&e, &[pulled]);
    let after = apply(&e, [x], |[x]| x + x);
    assert!(rows(&e) < 10);
    drop_all(&e, &[x, called, z, during, after]);
    e.session().end_frame(0);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
}

#[test]
fn what_was_computed_from_a_swept_graph_is_spent() {
    let e = Engine::new();
    let x = leaf(&e, 3.0);
    let swept = apply(&e, [x], |[x]| x * x);
    let (before, apart) = (apply(&e, [swept], |[s]| s + s), apply(&e, [x], |[x]| x + x));
    gradients(&e, e.sweep(AMBIENT, &[swept], &[NONE], &[x], 0));
    let after = apply(&e, [swept], |[s]| -s);
    e.session().grad_tape(AMBIENT).unwrap().0.mark_spent();
    let spent = [x, swept, before, after, apart].map(|id| flags(&e, node(&e, id)) & tape::SPENT != 0);
    assert_eq!(spent, [false, true, true, true, false]);
    for id in [swept, before, after] {
        assert_eq!(refused(e.sweep(AMBIENT, &[id], &[NONE], &[x], 0)), ErrorCode::Value);
    }
    assert_eq!(gradients(&e, e.sweep(AMBIENT, &[apart], &[NONE], &[x], 0)), [Some(2.0)]);
    drop_all(&e, &[x, swept, before, after, apart]);
    e.session().end_frame(0);
    assert_eq!((rows(&e), alive(&e)), (1, 0));
}

#[test]
fn what_was_computed_before_a_parameter_was_written_to_is_outdated() {
    let e = Engine::new();
    let (x, two) = (leaf(&e, 3.0), variable(&e, 2.0));
    let old = apply(&e, [x], |[x]| x * x);
    e.assign(x, two).unwrap();
    let new = apply(&e, [x], |[x]| x * x);
    let mixed = apply(&e, [old, new], |[a, b]| a + b);
    e.session().grad_tape(AMBIENT).unwrap().0.mark_outdated();
    let outdated = [old, new, mixed].map(|id| flags(&e, node(&e, id)) & tape::OUTDATED != 0);
    assert_eq!(outdated, [true, false, true]);
    // The graphs keep the numbers they were computed from.
    assert_eq!(gradients(&e, e.sweep(AMBIENT, &[mixed], &[NONE], &[x], 0)), [Some(6.0 + 4.0)]);
}

#[test]
fn writes_are_remembered_when_the_rows_move() {
    let e = Engine::new();
    let (x, two) = (leaf(&e, 3.0), variable(&e, 2.0));
    let old = dead_rows_before(&e, x, || apply(&e, [x], |[x]| x * x));
    e.assign(x, two).unwrap();
    let new = apply(&e, [x], |[x]| x * x);
    assert!(rows(&e) < 10, "compacted");
    e.session().grad_tape(AMBIENT).unwrap().0.mark_outdated();
    assert_eq!([old, new].map(|id| flags(&e, node(&e, id)) & tape::OUTDATED != 0), [true, false]);
}
