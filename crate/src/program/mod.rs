//! A recorded run as a program that is run again: what `compile` replays. The record (`record.rs`) becomes instructions in single
//! assignment form (`lower`), passes make them fewer (a file each), `settle` says where results are written, `plan` gives every value its
//! place in one arena, and `run` does the rest at each call: look up tensors, run kernels, hand out results.

/// The same computation twice is done once.
mod common;
/// What a run costs.
pub mod cost;
/// What nobody reads is not computed.
mod dead;
/// Groups as WebAssembly functions.
mod emit;
/// What is known already is not computed.
mod fold;
/// Evaluations as graphs of instructions.
mod formula;
/// Which evaluations are fused.
mod group;
/// What is something else under another name.
mod identity;
/// What a program is made of.
pub mod ir;
/// Which variables are views.
mod layout;
/// From a record to a program.
pub mod lower;
/// Every value's place.
mod plan;
/// Loops as functions.
mod repeat;
/// Loops.
mod roll;
/// A replay.
pub mod run;
/// Which results are written where: in place, into arrays of their own, or both.
mod settle;
/// Programs as text.
mod show;
/// Code of emitted functions.
mod writer;

use crate::error::Result;
use ir::Program;
use run::Executable;

/// A program that is ready to run, and what became of it on the way, as text.
pub struct Compiled {
    pub executable: Executable,
    pub stages: Vec<(&'static str, String)>,
    pub cost: cost::Cost,
}

/// All passes in their order, and the plan.
/// With `emitted`, what can be is fused into functions of a WebAssembly module, which the host has to make and link before the first run.
pub fn compile(mut program: Program, listed: bool, emitted: bool) -> Result<Compiled> {
    let mut stages = Vec::new();
    let mut note = |name: &'static str, program: &Program| {
        if listed {
            stages.push((name, program.to_string()));
        }
    };
    note("recorded", &program);
    for (name, pass) in PASSES {
        pass(&mut program)?;
        note(name, &program);
    }
    let mut settled = settle::settle(program)?;
    if emitted {
        settled = group::group(settled);
    }
    note(if emitted { "fused" } else { "settled" }, &settled.program);
    let cost = cost::cost(&settled.program, &settled.roots);
    let executable = plan::plan(settled)?;
    Ok(Compiled { executable, stages, cost })
}

type Pass = fn(&mut Program) -> Result<()>;

pub use roll::{roll_from, SHORTEST_ROLLED};

const PASSES: [(&str, Pass); 6] = [
    ("dead code", dead::remove),
    ("constant folding", fold::fold),
    ("identities", identity::simplify),
    ("common subexpressions", common::merge),
    ("dead code again", dead::remove),
    ("loops", roll::roll),
];
