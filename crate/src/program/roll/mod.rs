//! Loops. A record is straight: what a loop of the user's did stands there once for each turn, forward and, in reverse order, backward. Where a
//! long stretch of a program does the same again and again it becomes a loop, whatever made it: `scan`, a `for`, a sweep over either.
//!
//! Two turns are the same when their steps are, one by one, and each operand of the second stands to the second as that of the first does to
//! the first. What an operand may be says `Operand`. Views are looked through: an operand is a part of what some step computed.

mod body;
mod compare;
mod rewrite;
mod turns;

use super::ir::{Program, Step, Variable};
use super::layout::{layouts, Layouts, Lies};
use crate::error::Result;
use compare::Reading;
use rewrite::Writing;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::Cell;
use turns::{candidates, choose, Region};

/// Shorter programs stay straight: their code is small, and what stands side by side can be fused.
pub const SHORTEST_ROLLED: usize = 1536;

thread_local! {
    static SHORTEST: Cell<usize> = const { Cell::new(SHORTEST_ROLLED) };
}

/// Test mode: from how many steps on programs get loops.
pub fn roll_from(steps: usize) {
    SHORTEST.set(steps);
}

/// Values from up to so many turns ago are handed on from turn to turn.
const FARTHEST: usize = 4;

/// What an operand is, seen from the turn that reads it.
enum Operand {
    /// The same in every turn, and not computed in any.
    Same(Variable),
    /// Computed in this turn.
    Own,
    /// Computed by the step at `position`, so many turns `back`.
    Before { position: usize, back: usize },
    /// A part of one array outside, so many elements further on with each turn.
    Part { root: Variable, step: isize },
    /// What the step at `position` of an earlier loop computed in its turn `first`, and so many turns on from there.
    OfTurn { of: usize, position: usize, first: usize, step: isize },
    /// Literals, one for each turn.
    Literals(Vec<Variable>),
}

/// A region whose turns are the same.
struct Rolled {
    region: Region,
    /// Of each step of a turn.
    operands: Vec<Vec<Operand>>,
    /// What the step at a position would have computed in the turns before the first: one turn back, two, and so on.
    before: FxHashMap<usize, Vec<Variable>>,
}

pub fn roll(program: &mut Program) -> Result<()> {
    if program.steps.len() < SHORTEST.get() {
        return Ok(());
    }
    let results = program.flags(program.results());
    let Layouts { roots, lies } = layouts(program, &results);
    let seen = Seen::new(program, roots, lies);
    let reading = search(program, &seen);
    let (rolled, of_loop) = reading.found();
    if !rolled.is_empty() {
        Writing::new(program, seen, rolled, of_loop).write();
    }
    Ok(())
}

/// So many times the search begins anew with what it has learnt.
const ATTEMPTS: usize = 12;

/// Finds the loops. A stretch that looked like one and is none makes room for others; one whose turns are looked at later every so many turns
/// only gets so much longer turns, so that no more of them is kept than that.
fn search<'a>(program: &'a Program, seen: &'a Seen) -> Reading<'a> {
    let mut rejected: FxHashSet<Region> = FxHashSet::default();
    let mut longer: Vec<Region> = Vec::new();
    let mut reading = Reading::new(program, seen);
    let candidates = candidates(&reading.signatures());
    for _ in 0..ATTEMPTS {
        let wanted = candidates.iter().filter(|region| !rejected.contains(region));
        reading = Reading::new(program, seen);
        let mut is_done = true;
        for region in choose(longer.iter().chain(wanted).copied()) {
            if !reading.verify(region) {
                is_done = false;
                longer.retain(|other| *other != region);
                rejected.extend(candidates.iter().filter(|other| other.period == region.period && other.overlaps(region)));
            }
        }
        let more = if is_done { reading.every_so_often() } else { Vec::new() };
        is_done &= more.is_empty();
        longer.retain(|other| !more.iter().any(|region| region.overlaps(*other)));
        longer.extend(more);
        if is_done {
            break;
        }
    }
    reading
}

/// What is known of a straight program.
struct Seen {
    roots: Vec<Variable>,
    lies: Vec<Lies>,
    /// The step that makes a variable.
    maker: Vec<usize>,
    /// The steps that are no views.
    solids: Vec<usize>,
    /// Of a root: which of the solid steps makes it.
    position: Vec<Option<usize>>,
}

impl Seen {
    fn new(program: &Program, roots: Vec<Variable>, lies: Vec<Lies>) -> Seen {
        let count = program.variables.len();
        let (mut maker, mut position, mut solids) = (vec![usize::MAX; count], vec![None; count], Vec::new());
        for (at, step) in program.steps.iter().enumerate() {
            step.outputs().iter().for_each(|&v| maker[v as usize] = at);
            let is_view = matches!(step, Step::Evaluate(e) if roots[e.output as usize] != e.output);
            if !is_view {
                step.outputs().iter().for_each(|&v| position[v as usize] = Some(solids.len()));
                solids.push(at);
            }
        }
        Seen { roots, lies, maker, solids, position }
    }
}
