//! The tape of one grad level: a struct of arrays, one row per recorded op, in topological order by construction.
//! Node 0 is "inactive". No pointers, no boxes, no recursion.
//!
//! Nodes are counted (by the tracked values and the later nodes that refer to them): a graph nobody can reach any more
//! frees its values at once, which is what keeps the ambient tape of a PyTorch-style loop short. Dead rows at the end are cut
//! off; dead rows in the middle go when they outnumber the living (`compact`).

mod closed;

pub use closed::Closed;

use crate::error::Result;
use crate::memory::room::{is_counting, repeated, room_to};
use crate::memory::values::{Id, Value, Values, NONE};
use crate::opcode::{Op, Reads};

/// What a node is, besides an op of the table.
pub const LEAF: u16 = u16::MAX;
/// A node whose pullback is a function of TypeScript's; each of its outputs is an `OUTPUT` node that has it as source.
pub const CALLBACK: u16 = u16::MAX - 1;
pub const OUTPUT: u16 = u16::MAX - 2;
/// A second handle of a value: its cotangent is the first one's. Holds no values.
pub const ALIAS: u16 = u16::MAX - 3;

/// Marks a value of which the tape needs dims and dtype only. Ids are below 2^31.
const OUTLINE: Id = 1 << 31;

fn marked(id: Id, read: bool) -> Id {
    if read || id == NONE {
        id
    } else {
        id | OUTLINE
    }
}

fn plain(id: Id) -> Id {
    id & !OUTLINE
}

pub const DEAD: u8 = 1;
/// A sweep without `retainGraph` went over it: its values are gone.
pub const CONSUMED: u8 = 2;
pub const RETAIN_GRADIENT: u8 = 4;
pub const HOOKED: u8 = 8;
/// Computed from a consumed node (or consumed itself): only its value can still be wanted.
pub const SPENT: u8 = 16;
/// Computed from the numbers a leaf had before it was last written to.
pub const OUTDATED: u8 = 32;

/// The longest tape that is kept for another level.
const KEPT: usize = 4096;

/// What goes when nodes go: values to release, and pullbacks and hooked tensors TypeScript may forget.
#[derive(Default)]
pub struct Released {
    /// In pieces, none of them long, so that releasing needs no large block when memory is short.
    pieces: Vec<Vec<Id>>,
    pub callbacks: Vec<u32>,
    pub hooked: Vec<Id>,
}

impl Released {
    const PIECE: usize = 1024;

    pub fn push(&mut self, id: Id) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < piece.capacity() => piece.push(id),
            _ => {
                let mut piece = Vec::with_capacity(Self::PIECE);
                piece.push(id);
                self.pieces.push(piece);
            }
        }
    }

    /// The next value, and whether it was held for its dims and dtype only.
    pub fn pop(&mut self) -> Option<(Id, bool)> {
        loop {
            if let Some(id) = self.pieces.last_mut()?.pop() {
                return Some((plain(id), id != plain(id)));
            }
            if self.pieces.len() == 1 {
                return None;
            }
            self.pieces.pop();
        }
    }
}

pub struct Tape {
    pub op: Vec<u16>,
    pub flags: Vec<u8>,
    references: Vec<u32>,
    /// The primal output, held.
    output: Vec<Id>,
    /// The tracked value, not held: NONE once it died.
    pub slot: Vec<Id>,
    /// The user's line, as a number TypeScript understands; 0 unless anomaly detection is on.
    pub tag: Vec<u32>,
    first_input: Vec<u32>,
    first_param: Vec<u32>,
    input: Vec<Id>,
    source: Vec<u32>,
    param: Vec<f64>,
    dead: usize,
    work: Vec<u32>,
    /// A consumed node without inputs that stands for the whole history of a spent scalar; 0 until one is needed.
    epitaph: u32,
    /// Nodes from here on may be spent without being marked so.
    unmarked: usize,
    /// The length of the tape when a leaf was last written to. Each leaf keeps its own as its first parameter; the second counts the writes.
    last_write: usize,
}

impl Tape {
    pub fn new() -> Tape {
        // Row 0 stands for "inactive".
        Tape {
            op: vec![LEAF],
            flags: vec![0],
            references: vec![1],
            output: vec![NONE],
            slot: vec![NONE],
            tag: vec![0],
            first_input: vec![0, 0],
            first_param: vec![0, 0],
            input: Vec::new(),
            source: Vec::new(),
            param: Vec::new(),
            dead: 0,
            work: Vec::new(),
            epitaph: 0,
            unmarked: 1,
            last_write: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.op.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// Room for so much more in every column. The one that is asked first grows last: where it has room, all have.
    #[inline]
    fn room_for(&mut self, nodes: usize, inputs: usize, params: usize) -> Result<()> {
        fn has<T>(column: &Vec<T>, more: usize) -> bool {
            column.capacity() - column.len() >= more
        }
        if has(&self.op, nodes) && has(&self.source, inputs) && has(&self.param, params) && !is_counting() {
            return Ok(());
        }
        self.grow(nodes, inputs, params)
    }

    #[cold]
    fn grow(&mut self, nodes: usize, inputs: usize, params: usize) -> Result<()> {
        let total = |length: usize, more: usize| if more == 0 { length } else { (length + more).max(2 * length).max(16) };
        let rows = total(self.len(), nodes);
        room_to(&mut self.flags, rows)?;
        room_to(&mut self.references, rows)?;
        room_to(&mut self.output, rows)?;
        room_to(&mut self.slot, rows)?;
        room_to(&mut self.tag, rows)?;
        room_to(&mut self.first_input, rows + 1)?;
        room_to(&mut self.first_param, rows + 1)?;
        let ids = total(self.input.len(), inputs);
        room_to(&mut self.input, ids)?;
        room_to(&mut self.source, ids)?;
        let numbers = total(self.param.len(), params);
        room_to(&mut self.param, numbers)?;
        room_to(&mut self.op, rows)
    }

    /// Appends a node; the caller has retained `inputs` and `output` for it. Counts the sources.
    pub fn push(&mut self, op: u16, inputs: &[Id], sources: &[u32], output: Id, params: &[f64], tag: u32, reads: Reads) -> Result<u32> {
        self.room_for(1, inputs.len().max(sources.len()), params.len())?;
        if self.len() < self.last_write {
            self.cut_writes();
        }
        let node = self.op.len() as u32;
        self.op.push(op);
        self.flags.push(0);
        self.references.push(1);
        self.output.push(marked(output, reads.output));
        self.slot.push(NONE);
        self.tag.push(tag);
        self.input.extend(inputs.iter().enumerate().map(|(i, &id)| marked(id, i >= reads.inputs_from)));
        self.source.extend_from_slice(sources);
        self.param.extend_from_slice(params);
        self.first_input.push(self.input.len() as u32);
        self.first_param.push(self.param.len() as u32);
        for &source in sources {
            if source != 0 {
                self.references[source as usize] += 1;
            }
        }
        Ok(node)
    }

    fn input_range(&self, node: usize) -> std::ops::Range<usize> {
        self.first_input[node] as usize..self.first_input[node + 1] as usize
    }

    /// The inputs; of some only dims and dtype may be there.
    pub fn inputs(&self, node: usize) -> impl Iterator<Item = Id> + '_ {
        self.input[self.input_range(node)].iter().map(|&id| plain(id))
    }

    pub fn output(&self, node: usize) -> Id {
        plain(self.output[node])
    }

    /// The nodes that made the inputs; 0 = inactive.
    pub fn sources(&self, node: usize) -> &[u32] {
        &self.source[self.input_range(node)]
    }

    pub fn params(&self, node: usize) -> &[f64] {
        &self.param[self.first_param[node] as usize..self.first_param[node + 1] as usize]
    }

    pub fn retain_node(&mut self, node: u32) {
        if node != 0 {
            self.references[node as usize] += 1;
        }
    }

    /// A tracked value that referred to `node` died (NONE: any other reference to it).
    pub fn slot_died(&mut self, node: u32, slot: Id, released: &mut Released) {
        if slot != NONE && self.slot[node as usize] == slot {
            self.slot[node as usize] = NONE;
            if self.flags[node as usize] & HOOKED != 0 {
                released.hooked.push(slot);
            }
        }
        self.release_node(node, released);
    }

    fn release_node(&mut self, node: u32, released: &mut Released) {
        // The common case: later nodes still need it.
        if let Some(references) = self.references.get_mut(node as usize).filter(|references| **references > 1) {
            *references -= 1;
            return;
        }
        self.work.push(node);
        while let Some(node) = self.work.pop() {
            let n = node as usize;
            if node == 0 || self.flags[n] & DEAD != 0 {
                continue;
            }
            self.references[n] -= 1;
            if self.references[n] > 0 {
                continue;
            }
            self.drop_values(n, released);
            self.flags[n] |= DEAD;
            self.dead += 1;
            for i in self.input_range(n) {
                if self.source[i] != 0 {
                    self.work.push(self.source[i]);
                }
            }
        }
        self.trim();
    }

    /// Releases the values a node holds; its place in the graph stays.
    pub fn consume(&mut self, node: usize, released: &mut Released) {
        self.drop_values(node, released);
        self.flags[node] |= CONSUMED;
        self.unmarked = self.unmarked.min(node);
    }

    /// Whether a sweep from the seeds would meet a node that an earlier one consumed. What the pullback of a callback wants is not known
    /// before it runs.
    pub fn meets_consumed(&self, seeds: impl Iterator<Item = u32>) -> Result<bool> {
        let mut reached = Vec::new();
        let (mut node, mut open) = (0, 0);
        for seed in seeds {
            let seed = seed as usize;
            if seed >= reached.len() {
                room_to(&mut reached, seed + 1)?;
                reached.resize(seed + 1, false);
            }
            open += usize::from(!std::mem::replace(&mut reached[seed], true));
            node = node.max(seed);
        }
        while open > 0 && node > 0 {
            if reached[node] {
                open -= 1;
                if self.op[node] != LEAF && self.flags[node] & CONSUMED != 0 {
                    return Ok(true);
                }
                let sources = if self.op[node] == CALLBACK { &[] } else { self.sources(node) };
                for &source in sources {
                    open += usize::from(source != 0 && !std::mem::replace(&mut reached[source as usize], true));
                }
            }
            node -= 1;
        }
        Ok(false)
    }

    /// Marks every node that is consumed or was computed from one that is.
    pub fn mark_spent(&mut self) {
        for node in self.unmarked..self.len() {
            let from_spent = self.sources(node).iter().any(|&s| self.flags[s as usize] & (CONSUMED | SPENT) != 0);
            if self.op[node] != LEAF && (from_spent || self.flags[node] & CONSUMED != 0) {
                self.flags[node] |= SPENT;
            }
        }
        self.unmarked = self.len();
    }

    /// A leaf got other numbers: what was computed from it so far is outdated.
    pub fn written(&mut self, leaf: usize) {
        self.last_write = self.len();
        let position = self.first_param[leaf] as usize;
        self.param[position] = self.len() as f64;
        self.param[position + 1] += 1.0;
    }

    fn written_at(&self, leaf: usize) -> usize {
        self.params(leaf)[0] as usize
    }

    /// The rows at the end that a write came after were cut off: what is pushed in their place comes after the write.
    #[cold]
    fn cut_writes(&mut self) {
        for node in 1..self.len() {
            if self.op[node] == LEAF && self.written_at(node) > self.len() {
                let position = self.first_param[node] as usize;
                self.param[position] = self.len() as f64;
            }
        }
        self.last_write = self.len();
    }

    /// Marks every node that was computed from numbers which a leaf no longer has.
    pub fn mark_outdated(&mut self) {
        for node in 1..self.len() {
            if self.op[node] == LEAF || self.flags[node] & DEAD != 0 {
                continue;
            }
            let outdated = |&s: &u32| {
                let s = s as usize;
                self.flags[s] & OUTDATED != 0 || s != 0 && self.op[s] == LEAF && node < self.written_at(s)
            };
            if self.sources(node).iter().any(outdated) {
                self.flags[node] |= OUTDATED;
            }
        }
    }

    /// A node a spent scalar may refer to in place of its own, whose ancestors then go: a program that keeps the loss of
    /// every step must not keep the rows of every graph. Going backward from it is refused as from any consumed node.
    pub fn epitaph(&mut self) -> Result<u32> {
        if self.epitaph == 0 {
            self.epitaph = self.push(OUTPUT, &[], &[], NONE, &[], 0, Reads::ALL)?;
            self.flags[self.epitaph as usize] |= CONSUMED | SPENT;
        }
        Ok(self.epitaph)
    }

    fn drop_values(&mut self, node: usize, released: &mut Released) {
        if self.op[node] == CALLBACK {
            released.callbacks.push(self.params(node)[0] as u32);
        }
        for i in self.input_range(node) {
            let id = std::mem::replace(&mut self.input[i], NONE);
            if id != NONE {
                released.push(id);
            }
        }
        let id = std::mem::replace(&mut self.output[node], NONE);
        if id != NONE {
            released.push(id);
        }
    }

    fn trim(&mut self) {
        while self.len() > 1 && self.flags[self.len() - 1] & DEAD != 0 {
            let n = self.len() - 1;
            self.op.pop();
            self.flags.pop();
            self.references.pop();
            self.output.pop();
            self.slot.pop();
            self.tag.pop();
            self.input.truncate(self.first_input[n] as usize);
            self.source.truncate(self.first_input[n] as usize);
            self.param.truncate(self.first_param[n] as usize);
            self.first_input.pop();
            self.first_param.pop();
            self.dead -= 1;
        }
        self.unmarked = self.unmarked.min(self.len());
    }

    /// Everything the tape holds, for a level that closes. A short tape comes back empty, to be used again.
    pub fn release_all(mut self, released: &mut Released) -> Option<Tape> {
        for n in 1..self.len() {
            if self.op[n] == CALLBACK {
                released.callbacks.push(self.params(n)[0] as u32);
            }
        }
        if self.op.capacity().max(self.input.capacity()).max(self.param.capacity()) > KEPT {
            // The columns themselves become the list: no memory is needed to release them.
            released.pieces.extend([self.input, self.output]);
            return None;
        }
        self.input.drain(..).chain(self.output.drain(1..)).filter(|&id| id != NONE).for_each(|id| released.push(id));
        self.clear();
        Some(self)
    }

    /// As `new` makes it; the columns keep their room.
    fn clear(&mut self) {
        self.op.truncate(1);
        self.flags.truncate(1);
        self.references.truncate(1);
        self.output.truncate(1);
        self.slot.truncate(1);
        self.tag.truncate(1);
        self.first_input.truncate(2);
        self.first_param.truncate(2);
        self.input.clear();
        self.source.clear();
        self.param.clear();
        self.work.clear();
        (self.dead, self.epitaph, self.unmarked, self.last_write) = (0, 0, 1, 0);
    }

    pub fn wants_compaction(&self) -> bool {
        self.dead > 4096 && self.dead * 2 > self.len()
    }

    /// Moves the living nodes together and renumbers them everywhere they are named: here, and in the tracked values of
    /// this level. Not during a sweep, which holds node numbers. Without memory for it nothing changes.
    pub fn compact(&mut self, level: u32, values: &mut Values) -> Result<()> {
        let mut renumbered = repeated(0u32, self.len())?;
        let mut fresh = Tape::new();
        fresh.grow(self.len() - self.dead, self.input.len(), self.param.len())?;
        for n in 1..self.len() {
            if self.flags[n] & DEAD != 0 {
                continue;
            }
            let sources: Vec<u32> = self.sources(n).iter().map(|&s| renumbered[s as usize]).collect();
            // With their marks.
            let inputs = &self.input[self.input_range(n)];
            let node = fresh.push(self.op[n], inputs, &[], self.output[n], self.params(n), self.tag[n], Reads::ALL)? as usize;
            fresh.source.extend_from_slice(&sources);
            fresh.flags[node] = self.flags[n];
            fresh.references[node] = self.references[n];
            fresh.slot[node] = self.slot[n];
            renumbered[n] = node as u32;
        }
        let mut last = (0, 0);
        for node in 1..fresh.len() {
            if fresh.op[node] == LEAF {
                let written = fresh.written_at(node).min(self.len());
                if written != last.0 {
                    let before = (1..written).rev().find(|&n| renumbered[n] != 0);
                    last = (written, before.map_or(0, |n| renumbered[n] as usize + 1));
                }
                let position = fresh.first_param[node] as usize;
                fresh.param[position] = last.1 as f64;
                fresh.last_write = fresh.last_write.max(last.1);
            }
        }
        fresh.epitaph = renumbered[self.epitaph as usize];
        values.for_each_mut(|value| {
            if let Value::Tracked { level: l, node, .. } = value {
                if *l == level {
                    *node = renumbered[*node as usize];
                }
            }
        });
        *self = fresh;
        Ok(())
    }
}

impl Default for Tape {
    fn default() -> Self {
        Tape::new()
    }
}

/// The op of a node that is one of the table.
pub fn table_op(code: u16) -> Option<Op> {
    Op::from_code(code as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(mut released: Released) -> Vec<Id> {
        std::iter::from_fn(|| released.pop()).map(|(id, _)| id).collect()
    }

    #[test]
    fn a_short_tape_comes_back_as_a_new_one() {
        let mut tape = Tape::new();
        let mut released = Released::default();
        let leaf = tape.push(LEAF, &[], &[], NONE, &[0.0, 0.0], 0, Reads::ALL).unwrap();
        let a = tape.push(3, &[7, 8], &[leaf, 0], 9, &[1.5], 4, Reads::ALL).unwrap();
        tape.push(CALLBACK, &[10], &[a], NONE, &[77.0], 0, Reads::ALL).unwrap();
        tape.written(leaf as usize);
        tape.consume(a as usize, &mut released);
        tape.epitaph().unwrap();
        tape.mark_spent();
        let mut tape = tape.release_all(&mut released).unwrap();
        assert_eq!(released.callbacks, [77]);
        let mut ids = drained(released);
        ids.sort_unstable();
        assert_eq!(ids, [7, 8, 9, 10]);

        assert!(tape.is_empty());
        let leaf = tape.push(LEAF, &[], &[], NONE, &[0.0, 0.0], 0, Reads::ALL).unwrap();
        let a = tape.push(5, &[11], &[leaf], 12, &[2.5, 3.5], 0, Reads::ALL).unwrap();
        assert_eq!((leaf, a), (1, 2));
        assert_eq!((tape.inputs(2).collect::<Vec<_>>(), tape.sources(2), tape.params(2)), (vec![11], &[1][..], &[2.5, 3.5][..]));
        tape.mark_spent();
        tape.mark_outdated();
        assert_eq!(tape.flags, [0, 0, 0]);
        // Its epitaph is one of its own.
        assert_eq!(tape.epitaph().unwrap(), 3);
        let mut released = Released::default();
        [a, leaf].iter().for_each(|&node| tape.slot_died(node, NONE, &mut released));
        assert_eq!(drained(released), [12, 11]);
    }

    #[test]
    fn a_long_tape_goes_as_it_is() {
        let mut tape = Tape::new();
        for node in 0..=KEPT as u32 {
            tape.push(3, &[node + 1], &[0], NONE, &[], 0, Reads::ALL).unwrap();
        }
        let mut released = Released::default();
        assert!(tape.release_all(&mut released).is_none());
        assert_eq!(drained(released).into_iter().filter(|&id| id != NONE).count(), KEPT + 1);
    }
}
