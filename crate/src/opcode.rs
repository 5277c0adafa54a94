//! The number of an op: a leaf, so that errors, the tape and the recorder can name one without knowing the table (`ops/`).

/// A row number of the op table. The numbers reach TypeScript through the generated `ts/opcodes.ts`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Op(pub u16);
