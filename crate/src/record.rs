//! The record of a run: every op that was evaluated below all transforms, and every write: updates of optimizers, `assign`, what goes into
//! `.grad`. It is the flat program behind `trace`, and what a compiled function replays.
//!
//! It is in single assignment form. A *variable* is a value that never changes; a *place* is a tensor that may be written to (a plain
//! one, a parameter), and for each the record knows which variable it holds now. A write makes a new variable.

use crate::memory::values::{Id, NONE};
use crate::opcode::Op;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

pub type Variables = SmallVec<[Id; 4]>;

/// What an instruction does.
#[derive(Clone, Copy)]
pub enum Action {
    Op(Op),
    /// The update of this number.
    Update(u32),
    /// The input takes the place of the target's numbers.
    Assign,
    /// The first input is added to `.grad` of the target: to the second, if there was one.
    Accumulate,
    /// The input, or nothing, becomes `.grad` of the target.
    SetGradient,
    /// A loop of `Record::loops`: of the state before to the state after.
    While(usize),
}

/// All its variables are held until the record is freed.
pub struct Instruction {
    pub action: Action,
    /// The tensor that is written to, or whose gradient is; NONE of an op.
    pub target: Id,
    pub inputs: Variables,
    pub outputs: Variables,
    pub params: SmallVec<[f64; 4]>,
}

impl Instruction {
    /// All its variables.
    pub fn held(self) -> impl Iterator<Item = Id> {
        self.inputs.into_iter().chain(self.outputs)
    }
}

/// A loop of a record.
pub struct While {
    /// The state before the first turn, as a turn finds it, and as it leaves it.
    pub first: Variables,
    pub inside: Variables,
    pub next: Variables,
    pub instructions: Vec<Instruction>,
    /// So many instructions decide whether there is another turn, and this is what they decide.
    pub test: (usize, Id),
    /// The most turns there may be.
    pub most: usize,
    /// What was recorded before, while it is open.
    pub before: Vec<Instruction>,
}

impl While {
    /// Everything that it holds.
    pub fn held(self) -> impl Iterator<Item = Id> {
        let instructions = self.before.into_iter().chain(self.instructions).flat_map(Instruction::held);
        instructions.chain(self.first).chain(self.inside).chain(self.next).chain((self.test.1 != NONE).then_some(self.test.1))
    }
}

#[derive(Default)]
pub struct Record {
    pub is_on: bool,
    /// It is on for a program that is run again, on other numbers.
    pub replays: bool,
    pub instructions: Vec<Instruction>,
    /// Loops whose number of turns depends on numbers, and those that are being recorded, the innermost last.
    pub loops: Vec<While>,
    pub open: Vec<While>,
    /// Where something begins that is computed a second time rather than remembered.
    pub reruns: Vec<usize>,
    /// Which variable an id stands for, where that is another one: copies of a value are the same variable, and what
    /// is written to is another one from then on. Both are held.
    pub variables: FxHashMap<Id, Id>,
    /// The variables that depend on something, as flags.
    pub dependence: FxHashMap<Id, u32>,
    /// The parameters there were when it began, and those of them that it was told of.
    pub outside: FxHashSet<Id>,
    pub known: FxHashSet<Id>,
}
