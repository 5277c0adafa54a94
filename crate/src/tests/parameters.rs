//! Optimizer steps through the engine: what a kernel test cannot see.

use crate::engine::Engine;
use crate::error::ErrorCode;
use crate::memory::array::Array;
use crate::memory::values::{Id, NONE};
use crate::session::AMBIENT;
use crate::updates::UPDATES;

/// One step of the update `name`, options not given being 0.
fn step(e: &Engine, name: &str, [p, g]: [Id; 2], state: &[Id], given: &[(&str, f64)]) -> crate::error::Result<()> {
    let number = UPDATES.iter().position(|update| update.name == name).unwrap();
    let update = &UPDATES[number];
    assert!(given.iter().all(|(name, _)| update.options.iter().any(|field| field.name == *name)));
    let value = |name| given.iter().find(|(given, _)| *given == name).map_or(0.0, |(_, value)| *value);
    let options: Vec<f64> = update.options.iter().map(|field| value(field.name)).collect();
    e.update(number as u32, p, g, state, &options)
}

fn plain(e: &Engine, values: &[f32]) -> Id {
    e.new_value(Array::from_slice(values, &[values.len()]).unwrap()).unwrap()
}

fn parameter(e: &Engine, values: &[f32]) -> Id {
    let id = plain(e, values);
    e.track(AMBIENT, id).unwrap()
}

fn read(e: &Engine, id: Id) -> Vec<f64> {
    e.concrete_under(id, true).unwrap().to_vec()
}

#[test]
fn hyperparameters_reach_a_float32_kernel_unrounded() {
    let e = Engine::new();
    let (p, g, m, v) = (parameter(&e, &[0.0]), plain(&e, &[1.0]), plain(&e, &[0.0]), plain(&e, &[0.0]));
    let options = [("lr", 1e-3), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8), ("step", 1.0)];
    step(&e, "adam", [p, g], &[m, v, NONE], &options).unwrap();
    // 1 - beta in float32 would be 1.3e-5 off.
    assert_eq!(read(&e, v), [(1.0 - 0.999f64) as f32 as f64]);
    assert_eq!(read(&e, m), [(1.0 - 0.9f64) as f32 as f64]);
}

#[test]
fn amsgrad_and_maximize_reach_the_kernel() {
    let e = Engine::new();
    let (p, g) = (parameter(&e, &[0.0]), plain(&e, &[2.0]));
    let state = [0.0, 0.0, 0.0].map(|x| plain(&e, &[x]));
    step(&e, "adam", [p, g], &state, &[("lr", 0.5), ("step", 1.0), ("maximize", 1.0)]).unwrap();
    assert_eq!((read(&e, p), read(&e, state[2])), (vec![0.5], vec![4.0]));
    step(&e, "sgd", [p, g], &[NONE], &[("lr", 0.25), ("maximize", 1.0)]).unwrap();
    assert_eq!(read(&e, p), [1.0]);
}

#[test]
fn a_step_that_does_not_fit_is_refused_before_anything_is_written() {
    let e = Engine::new();
    let (p, long) = (parameter(&e, &[1.0, 2.0]), plain(&e, &[1.0, 2.0, 3.0]));
    let fits = plain(&e, &[1.0, 1.0]);
    assert_eq!(e.prepare_update(p, long).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(e.prepare_update(long, fits).unwrap_err().code, ErrorCode::Shape);
    e.prepare_update(p, fits).unwrap();
    let options = [("lr", 1.0), ("momentum", 0.5)];
    assert_eq!(step(&e, "sgd", [p, fits], &[long], &options).unwrap_err().code, ErrorCode::Shape);
    assert_eq!(step(&e, "sgd", [p, fits], &[p], &options).unwrap_err().code, ErrorCode::Value);
    assert_eq!(step(&e, "adam", [p, fits], &[NONE, NONE, NONE], &options[..1]).unwrap_err().code, ErrorCode::Value);
    assert_eq!(read(&e, p), [1.0, 2.0]);
}
