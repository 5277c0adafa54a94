//! What a sweep knows of itself while it waits, tapes that outlive their level, parts of a tape about to be moved: plain data over ids and nodes, which the session keeps.
//! What is done with it stands in `sweep/`.

use crate::dtype::DType;
use crate::memory::array::{Array, Layout};
use crate::memory::values::Id;
use crate::tape::{Closed, Tape};
use std::collections::BTreeMap;

/// Which tape a sweep reads.
#[derive(Clone, Copy)]
pub enum Source {
    Level { level: u32, epoch: u32 },
    Parked(u32),
}

pub enum Waiting {
    Nothing,
    /// The node whose pullback is TypeScript's.
    Callback(usize),
    Hook(usize),
}

pub struct Sweep {
    pub source: Source,
    pub flags: u32,
    /// The nodes it started from, held: with them all it will visit, whatever a hook disposes.
    pub seeds: Vec<u32>,
    /// Cotangents by node, held; NONE = symbolic zero.
    pub adjoint: Vec<Id>,
    /// How many of them are not NONE: the loop ends with the last.
    pub pending: usize,
    pub position: usize,
    /// Node and place in `results` of what is asked for, the last node first: the sweep meets them in this order.
    pub wanted: Vec<(u32, usize)>,
    pub next_wanted: usize,
    pub results: Vec<Id>,
    /// Cotangents of the outputs of callback nodes, until the sweep reaches the node itself.
    pub collected: BTreeMap<u32, Vec<Id>>,
    pub waiting: Waiting,
}

/// The tape of a level that closed, kept for a pullback (`vjp`).
pub struct Parked {
    pub tape: Tape,
    pub outputs: Vec<u32>,
    pub wanted: Vec<u32>,
    /// Sweeps under way over it: it outlives them.
    pub sweeps: u32,
    pub freed: bool,
    /// What is about to be moved out of memory, or is: buffers with all that lie in them.
    pub away: Vec<Away>,
    /// Where the numbers lie until they were copied.
    pub leaving: Vec<Array>,
}

/// Values of one tape, and of nothing else, that lie in one row.
pub struct Away {
    /// As many elements as it has room for.
    pub count: usize,
    pub dtype: DType,
    pub members: Vec<(Id, Layout)>,
}

/// Parts that can be moved out, until anything else happens.
pub struct Leaving {
    pub parts: Closed,
    /// Nodes and the ids that are handles of them, sorted.
    pub handles: Vec<(u32, Id)>,
    /// What stays, by node.
    pub names: BTreeMap<u32, Id>,
}
