//! The number of an op, and what its rule reads: a leaf, so that errors, the tape and the recorder can speak of ops without knowing the
//! table (`ops/`).

/// A row number of the op table. The numbers reach TypeScript through the generated `ts/opcodes.ts`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Op(pub u16);

/// The numbers that a rule may read in reverse mode; of the others it knows dims and dtype, and a tape need not keep them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reads {
    /// Of inputs from this one on.
    pub inputs_from: usize,
    pub output: bool,
}

impl Reads {
    pub const ALL: Reads = Reads { inputs_from: 0, output: true };
    const NO_INPUT: usize = usize::MAX;

    pub const fn of(inputs: bool, output: bool) -> Reads {
        Reads { inputs_from: if inputs { 0 } else { Reads::NO_INPUT }, output }
    }

    pub const fn and(self, other: Reads) -> Reads {
        let inputs_from = if self.inputs_from < other.inputs_from { self.inputs_from } else { other.inputs_from };
        Reads { inputs_from, output: self.output || other.output }
    }

    pub fn any_input(self) -> bool {
        self.inputs_from != Reads::NO_INPUT
    }
}
