//! The core without WebAssembly: nested modes, perturbation confusion, long chains, memory.

use crate::engine::Engine;
use crate::memory::values::{Id, NONE};
use crate::ops;
use crate::session::LevelKind;
use crate::sweep::Status;
use crate::tape::Tape;
use crate::tests::support::{number, read};
use crate::var::Var;

/// d f / d x by reverse mode, as a value of the level outside.
fn reverse<'a>(f: &dyn Fn(Var<'a>) -> Var<'a>, x: Var<'a>) -> Var<'a> {
    let engine = x.engine;
    let level = engine.session().open(LevelKind::Grad(Tape::new())).unwrap();
    let leaf = engine.track(level, x.id).unwrap();
    let y = f(Var::new(engine, leaf)).checked().unwrap();
    let Status::Done(gradients) = engine.sweep(level, &[y], &[NONE], &[leaf], 0).unwrap() else { panic!("suspended") };
    engine.session().close(level);
    match gradients[0] {
        NONE => x.constant(0.0),
        id => {
            engine.session().frame.push(id);
            Var::new(engine, id)
        }
    }
}

/// d f / d x by forward mode.
fn forward<'a>(f: &dyn Fn(Var<'a>) -> Var<'a>, x: Var<'a>) -> Var<'a> {
    let engine = x.engine;
    let level = engine.session().open(LevelKind::Dual).unwrap();
    let dual = engine.make_dual(level, x.id, x.constant(1.0).id).unwrap();
    let y = f(Var::new(engine, dual)).checked().unwrap();
    let tangent = match engine.session().value(y).unwrap() {
        crate::memory::values::Value::Dual { level: l, tangent, .. } if *l == level => *tangent,
        _ => NONE,
    };
    engine.session().close(level);
    if tangent == NONE {
        x.constant(0.0)
    } else {
        Var::new(engine, tangent)
    }
}

type Derivative = for<'a, 'f> fn(&'f dyn Fn(Var<'a>) -> Var<'a>, Var<'a>) -> Var<'a>;
const MODES: [(&str, Derivative); 2] = [("reverse", reverse), ("forward", forward)];

fn tanh(x: Var) -> Var {
    x.apply(ops::Tanh, &[])
}

#[test]
fn second_derivatives_agree_in_all_four_nestings() {
    let x = 0.7f64;
    let t = x.tanh();
    // d²/dx² tanh(x)·x = 2(1-t²) - 2t(1-t²)x
    let expected = 2.0 * (1.0 - t * t) - 2.0 * t * (1.0 - t * t) * x;
    for (outer_name, outer) in MODES {
        for (inner_name, inner) in MODES {
            let engine = Engine::new();
            let got = read(outer(&|x| inner(&|x| tanh(x) * x, x), number(&engine, x)));
            assert!((got - expected).abs() < 1e-14, "{outer_name} over {inner_name}: {got} instead of {expected}");
        }
    }
}

#[test]
fn third_derivative_in_all_eight_nestings() {
    for (_, a) in MODES {
        for (_, b) in MODES {
            for (_, c) in MODES {
                let engine = Engine::new();
                let got = read(a(&|x| b(&|x| c(&|x| x * x * x * x.exp(), x), x), number(&engine, 0.5)));
                let (x, e) = (0.5f64, 0.5f64.exp());
                // (x³ eˣ)''' = eˣ (x³ + 9x² + 18x + 6)
                let expected = e * (x * x * x + 9.0 * x * x + 18.0 * x + 6.0);
                assert!((got - expected).abs() < 1e-11, "{got} instead of {expected}");
            }
        }
    }
}

#[test]
fn no_perturbation_confusion() {
    for (_, outer) in MODES {
        for (_, inner) in MODES {
            let engine = Engine::new();
            let x = number(&engine, 3.0);
            let y = number(&engine, 5.0);
            // d/dx [x · d/dy (x + y)] = 1
            assert_eq!(read(outer(&|x| x * inner(&|y| x + y, y), x)), 1.0);
            // d/dx [x · d/dy (x · y)] = 2x
            assert_eq!(read(outer(&|x| x * inner(&|y| x * y, y), x)), 6.0);
            // d/dx [x · d/dy y² at y = x] = 4x
            assert_eq!(read(outer(&|x| x * inner(&|y| y * y, x), x)), 12.0);
        }
    }
}

#[test]
fn a_chain_of_a_million_ops_runs_forward_backward_and_is_freed() {
    let engine = Engine::new();
    let before = engine.session().values.concrete();
    let scope = engine.session().push_scope().unwrap();
    let leaf = number(&engine, 1.0).id;
    let level = engine.session().open(LevelKind::Grad(Tape::new())).unwrap();
    let x = engine.track(level, leaf).unwrap();
    let mark = engine.session().frame.len();
    let mut y = x;
    engine.session().retain(y);
    for _ in 0..1_000_000 {
        let next = engine.framed(|| engine.bind(ops::Neg, &[y], &[])).unwrap();
        engine.session().release(y);
        y = next;
    }
    let Status::Done(gradients) = engine.sweep(level, &[y], &[NONE], &[x], 0).unwrap() else { panic!("suspended") };
    assert_eq!(engine.concrete_under(gradients[0], false).unwrap().first(), 1.0);
    engine.session().release(gradients[0]);
    engine.session().release(y);
    engine.session().end_frame(mark);
    engine.session().close(level);
    engine.session().end_frame(0);
    engine.session().pop_scope(&[]).unwrap();
    assert_eq!(scope, 1);
    assert_eq!(engine.session().values.concrete(), before);
}

#[test]
fn values_of_a_closed_level_are_refused() {
    let engine = Engine::new();
    let x = number(&engine, 1.0);
    let level = engine.session().open(LevelKind::Dual).unwrap();
    let escaped: Id = engine.make_dual(level, x.id, NONE).unwrap();
    engine.session().close(level);
    let again = engine.session().open(LevelKind::Dual).unwrap();
    assert_eq!(again, level);
    assert_eq!(engine.bind(ops::Neg, &[escaped], &[]).unwrap_err().code, crate::error::ErrorCode::Escaped);
}
