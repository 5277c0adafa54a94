//! Damaged derivative rules, for the harness that asks whether the tests would notice (cargo feature `mutants`, never in a
//! release). One rule is damaged at a time, at the two places where rules are applied: `dual.rs` and `sweep.rs`.

use crate::error::Result;
use crate::op::{Op, Terms, Wanted};
use crate::var::Var;
use std::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Forward,
    Reverse,
}

/// What is done to the term that input `input` of `op` contributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Times 1.001
    Factor,
    Sign,
    Dropped,
    /// The rule of the next input is used.
    Swapped,
    /// The cotangent keeps the broadcast shape: only its first slice is delivered.
    NotUnbroadcast,
}

#[derive(Clone, Copy)]
pub struct Mutation {
    pub op: Op,
    pub input: usize,
    pub mode: Mode,
    pub damage: Damage,
}

thread_local! {
    static MUTATION: Cell<Option<Mutation>> = const { Cell::new(None) };
}

pub fn set(mutation: Option<Mutation>) {
    MUTATION.set(mutation);
}

fn at(op: Op, input: usize, mode: Mode) -> Option<Damage> {
    MUTATION.get().filter(|m| m.op == op && m.input == input && m.mode == mode).map(|m| m.damage)
}

/// Which input's rule is applied.
pub fn rule_for(op: Op, input: usize, count: usize, mode: Mode) -> usize {
    if at(op, input, mode) == Some(Damage::Swapped) {
        (input + 1) % count
    } else {
        input
    }
}

/// The term as the damaged rule gives it.
pub fn damaged<'a>(op: Op, input: usize, mode: Mode, term: Option<Var<'a>>) -> Option<Var<'a>> {
    match at(op, input, mode) {
        Some(Damage::Factor) => term.map(|t| t * 1.001),
        Some(Damage::Sign) => term.map(|t| -t),
        Some(Damage::Dropped) => None,
        _ => term,
    }
}

/// The terms of reverse mode with one of them damaged: `terms` gives those that are wanted.
pub fn reverse<'a>(op: Op, x: &[Var<'a>], terms: impl Fn(Wanted) -> Result<Terms<'a>>, wanted: Wanted) -> Result<Terms<'a>> {
    let plain = terms(wanted)?;
    let damage = |(i, term): (usize, Option<Var<'a>>)| {
        if !wanted[i] {
            return Ok(None);
        }
        let which = rule_for(op, i, x.len(), Mode::Reverse);
        let term = if which == i {
            term
        } else {
            let only: Vec<bool> = (0..x.len()).map(|j| j == which).collect();
            terms(&only)?.into_iter().nth(which).flatten()
        };
        let dims = x[i].dims();
        Ok(damaged(op, i, Mode::Reverse, term).map(|t| undone(op, i, t, &dims)))
    };
    plain.into_iter().enumerate().map(damage).collect()
}

/// A broadcast cotangent of which only the first slice along each stretched axis is kept, instead of their sum.
pub fn undone<'a>(op: Op, input: usize, term: Var<'a>, dims: &[usize]) -> Var<'a> {
    if at(op, input, Mode::Reverse) != Some(Damage::NotUnbroadcast) {
        return term;
    }
    let have = term.dims();
    let lead = have.len().saturating_sub(dims.len());
    let mut cut = term;
    for i in 0..have.len() {
        if have[i] > 1 && (i < lead || dims[i - lead] == 1) {
            cut = crate::ops::support::slice_axis(cut, i, 0, 1);
        }
    }
    cut
}
