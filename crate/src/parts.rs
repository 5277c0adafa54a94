//! Parts of the ambient tape that are described as numbers, to be moved out of memory, and made again from such a description: see
//! ts/memory/parts.ts. A description has
//!
//! - how many values, boundaries, handles and nodes there are;
//! - of each value: its slot, the address of its buffer (0: an outline), whether all who lie in that belong to the part (2: it is a handle itself), the
//!   elements in the buffer, and a layout (dtype, rank, dims, strides, offset);
//! - of each boundary, what the part is computed from and does not contain: an id that names it (0: a parameter that is gone, -1: the epitaph),
//!   and how often it was written to, -1 when it is no parameter;
//! - of each handle: its id, its node, its value, and its gradient (0: none), which may be given back as minus the id of a handle;
//! - the nodes, which are handed back as they are.
//!
//! Nodes and values are counted from 1; a boundary is a negative number; of a value that only dims and dtype are asked of, the number is negative.

use crate::dtype::DType;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::room::{list_of, repeated, room_for};
use crate::memory::values::{Id, Value, NONE};
use crate::opcode::Reads;
use crate::session::{LevelKind, Session, AMBIENT};
use crate::shape::{Dims, Strides};
use crate::sweep_state::Leaving;
use crate::tape::{self, Tape};
use std::collections::btree_map::Entry;
use std::collections::BTreeMap;

/// The largest part that is moved: its description is one list.
const MOST_NODES: usize = 1 << 16;

const DEAD_LEAF: f64 = 0.0;
const EPITAPH: f64 = -1.0;
/// In place of the number of writes.
const NO_LEAF: f64 = -1.0;

/// Writes lists of numbers, fallibly.
#[derive(Default)]
struct Writer(Vec<f64>);

impl Writer {
    fn put(&mut self, numbers: &[f64]) -> Result<()> {
        room_for(&mut self.0, numbers.len())?;
        self.0.extend_from_slice(numbers);
        Ok(())
    }
}

struct Reader<'a>(&'a [f64]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [f64]> {
        if count > self.0.len() {
            return Err(Error::value("a description of a part of a graph that ends early"));
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    fn one(&mut self) -> Result<f64> {
        Ok(self.take(1)?[0])
    }
}

impl Session {
    /// Finds what only the first `cold` of the ids refer to, which are handles of the root. Returns how many parts there are.
    pub fn closed_parts(&mut self, ids: &[Id], cold: usize) -> Result<usize> {
        self.leaving = None;
        if cold == 0 {
            return Ok(0);
        }
        let mut handles: Vec<(u32, Id)> = list_of(cold)?;
        let mut nodes: Vec<u32> = list_of(cold)?;
        let mut names = BTreeMap::new();
        for (i, &id) in ids.iter().enumerate() {
            let Ok(slot) = self.slot(id) else { continue };
            let Some(Value::Tracked { level: AMBIENT, node, gradient, .. }) = slot.value else { continue };
            if i < cold
                && slot.handle
                && slot.scope == 0
                && slot.references == 0
                && self.values.twin(id) == NONE
                && self.goes(node, gradient)
            {
                handles.push((node, id));
                nodes.push(node);
            }
            names.insert(node, id);
        }
        handles.sort_unstable();
        let tape = self.grad_tape(AMBIENT)?.0;
        let mut named = repeated(false, tape.len())?;
        names.keys().for_each(|&node| named[node as usize] = true);
        tape.mark_spent();
        tape.mark_outdated();
        let parts = tape.closed(&nodes, &named)?;
        let count = parts.len();
        self.leaving = Some(Leaving { parts, handles, names });
        Ok(count)
    }

    /// Whether a tensor's gradient can go with it: that of a parameter, unless it is recorded.
    fn goes(&self, node: u32, gradient: Id) -> bool {
        gradient == NONE || self.is_leaf(node) && self.values.array(gradient).is_some()
    }

    /// The description of a part, empty when it has to stay.
    pub fn describe_part(&self, index: usize) -> Result<Vec<f64>> {
        let (Some(leaving), LevelKind::Grad(tape)) = (&self.leaving, &self.level(AMBIENT)?.kind) else { return Ok(Vec::new()) };
        let part = leaving.parts.part(index);
        let [first, .., last] = [part[0], part[part.len() - 1]];
        let from = leaving.handles.partition_point(|handle| handle.0 < first);
        let to = leaving.handles.partition_point(|handle| handle.0 <= last);
        let handles = &leaving.handles[from..to];
        if part.len() > MOST_NODES || !tape.is_closed(part, handles)? {
            return Ok(Vec::new());
        }
        self.describe_nodes(tape, part, handles, &leaving.names)
    }

    fn describe_nodes(&self, tape: &Tape, part: &[u32], handles: &[(u32, Id)], names: &BTreeMap<u32, Id>) -> Result<Vec<f64>> {
        let handles = handles.iter().filter_map(|&(node, id)| part.binary_search(&node).ok().map(|place| (place, id)));
        let mut values: BTreeMap<Id, (usize, u32)> = BTreeMap::new();
        let mut order: Vec<Id> = Vec::new();
        let mut number = |id: Id| -> Result<f64> {
            if id == NONE {
                return Ok(0.0);
            }
            let next = values.len() + 1;
            let (number, count) = match values.entry(id) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    room_for(&mut order, 1)?;
                    order.push(id);
                    entry.insert((next, 0))
                }
            };
            *count += 1;
            Ok(*number as f64)
        };
        let (mut of_handles, mut count) = (Writer::default(), 0);
        for (place, id) in handles {
            let Value::Tracked { primal, gradient, .. } = *self.value(id)? else { return Ok(Vec::new()) };
            of_handles.put(&[id as f64, place as f64 + 1.0, number(primal)?, number(gradient)?])?;
            count += 1;
        }
        let mut boundaries: Vec<u32> = Vec::new();
        let mut nodes = Writer::default();
        for &node in part {
            let n = node as usize;
            let (sources, params) = (tape.sources(n), tape.params(n));
            nodes.put(&[tape.op[n] as f64, tape.flags[n] as f64, tape.tag[n] as f64, sources.len() as f64, params.len() as f64])?;
            for (id, outline) in tape.held(n) {
                let number = number(id)?;
                nodes.put(&[if outline { -number } else { number }])?;
            }
            for &source in sources {
                let named = match part.binary_search(&source) {
                    _ if source == 0 => 0.0,
                    Ok(place) => place as f64 + 1.0,
                    Err(_) => {
                        let known = boundaries.iter().position(|&b| b == source);
                        let place = known.unwrap_or(boundaries.len());
                        if known.is_none() {
                            room_for(&mut boundaries, 1)?;
                            boundaries.push(source);
                        }
                        -(place as f64) - 1.0
                    }
                };
                nodes.put(&[named])?;
            }
            nodes.put(params)?;
        }
        let mut all = Writer::default();
        all.put(&[order.len() as f64, boundaries.len() as f64, count as f64, part.len() as f64])?;
        self.describe_values(&order, &values, &mut all)?;
        for node in boundaries {
            let n = node as usize;
            let (name, writes) = match tape.op[n] {
                _ if tape.is_epitaph(node) => (EPITAPH, 0.0),
                tape::LEAF if tape.slot[n] == NONE => (DEAD_LEAF, 0.0),
                tape::LEAF => (tape.slot[n] as f64, tape.writes(n)),
                _ => match names.get(&node) {
                    Some(&id) => (id as f64, NO_LEAF),
                    None => return Ok(Vec::new()),
                },
            };
            all.put(&[name, writes])?;
        }
        all.put(&of_handles.0)?;
        all.put(&nodes.0)?;
        Ok(all.0)
    }

    fn describe_values(&self, order: &[Id], values: &BTreeMap<Id, (usize, u32)>, all: &mut Writer) -> Result<()> {
        // Values that nobody outside refers to, by buffer.
        let mut own: BTreeMap<usize, usize> = BTreeMap::new();
        for (&id, &(_, count)) in values {
            let slot = self.slot(id)?;
            if let (Some(Value::Concrete(array)), false) = (&slot.value, slot.handle || slot.references != count) {
                *own.entry(array.buffer_address()).or_default() += 1;
            }
        }
        for &id in order {
            match self.value(id)? {
                Value::Concrete(array) => {
                    let address = array.buffer_address();
                    let alone = match self.slot(id)?.handle {
                        true => 2.0,
                        false => (own.get(&address) == Some(&array.sharers())) as u32 as f64,
                    };
                    all.put(&[id as f64, address as f64, alone, array.whole().len() as f64])?;
                    all.put(&[array.dtype as u8 as f64, array.dims.len() as f64])?;
                    array.dims.iter().try_for_each(|&d| all.put(&[d as f64]))?;
                    array.strides.iter().try_for_each(|&s| all.put(&[s as f64]))?;
                    all.put(&[array.offset as f64])?;
                }
                Value::Outline(dtype, dims) => {
                    all.put(&[id as f64, 0.0, 0.0, 0.0, *dtype as u8 as f64, dims.len() as f64])?;
                    dims.iter().try_for_each(|&d| all.put(&[d as f64]))?;
                    dims.iter().try_for_each(|_| all.put(&[0.0]))?;
                    all.put(&[0.0])?;
                }
                _ => return Err(Error::value("a value of a transform in the graph of the root")),
            }
        }
        Ok(())
    }
}

impl Engine {
    /// Makes a part again. In place of slot, address, mark and count each value has the handle of the row in which it lies, 0 for an outline. Returns
    /// the handles, of the root, in their order. A failure leaves nothing.
    pub fn restore_part(&self, description: &[f64]) -> Result<Vec<Id>> {
        let mut session = self.session();
        let mark = session.frame.len();
        let (mut nodes, mut handles) = (Vec::new(), Vec::new());
        let result = session.restore(&mut Reader(description), &mut nodes, &mut handles);
        // What the handles do not need goes again; after a failure all of it.
        if result.is_err() {
            handles.drain(..).for_each(|id| session.drop_handle(id));
        }
        for node in nodes.into_iter().rev() {
            // The ambient tape is always there.
            let _ = session.release_node(AMBIENT, node);
        }
        session.end_frame(mark);
        result.map(|_| handles)
    }
}

impl Session {
    fn restore(&mut self, from: &mut Reader, nodes: &mut Vec<u32>, handles: &mut Vec<Id>) -> Result<()> {
        let [of_values, of_boundaries, of_handles, of_nodes] = from.take(4)? else { return Ok(()) };
        let mut values: Vec<Id> = list_of(*of_values as usize)?;
        for _ in 0..*of_values as usize {
            let [row, dtype, rank] = from.take(3)? else { return Ok(()) };
            let dims: Dims = from.take(*rank as usize)?.iter().map(|&d| d as usize).collect();
            let strides: Strides = from.take(*rank as usize)?.iter().map(|&s| s as isize).collect();
            let offset = from.one()? as usize;
            let value = match *row as Id {
                NONE => Value::Outline(DType::from_code(*dtype)?, dims),
                row => {
                    let array: &Array = self.concrete_under(row, false)?;
                    Value::Concrete(array.view(dims, strides, offset))
                }
            };
            values.push(self.insert(value)?);
        }
        let mut boundaries: Vec<(u32, bool)> = list_of(*of_boundaries as usize)?;
        for _ in 0..*of_boundaries as usize {
            let [name, writes] = from.take(2)? else { return Ok(()) };
            boundaries.push(self.boundary(*name, *writes, nodes)?);
        }
        let described = from.take(4 * *of_handles as usize)?;
        let before = nodes.len();
        room_for(nodes, *of_nodes as usize)?;
        for _ in 0..*of_nodes as usize {
            let node = self.restore_node(from, &values, &boundaries, &nodes[before..])?;
            nodes.push(node);
        }
        room_for(handles, *of_handles as usize)?;
        for handle in described.chunks_exact(4) {
            let node = match handle[1] as usize {
                0 => self.grad_tape(AMBIENT)?.0.epitaph()?,
                place => nodes[before + place - 1],
            };
            let id = self.rewrap(AMBIENT, values[handle[2] as usize - 1], node)?;
            handles.push(self.expose(id, true)?);
            let gradient = match handle[3] {
                0.0 => NONE,
                number if number > 0.0 => values[number as usize - 1],
                id => -id as Id,
            };
            self.retain(gradient);
            self.set_gradient(id, gradient);
            if self.is_leaf(node) {
                self.grad_tape(AMBIENT)?.0.slot[node as usize] = id;
                if self.inspector.records() {
                    self.inspector.record.outside.insert(id);
                }
            }
        }
        Ok(())
    }

    /// The node that a name stands for, and whether it was written to since.
    fn boundary(&mut self, name: f64, writes: f64, nodes: &mut Vec<u32>) -> Result<(u32, bool)> {
        if name == EPITAPH {
            return Ok((self.grad_tape(AMBIENT)?.0.epitaph()?, false));
        }
        if name == DEAD_LEAF {
            room_for(nodes, 1)?;
            let node = self.grad_tape(AMBIENT)?.0.push(tape::LEAF, &[], &[], NONE, &[0.0, 0.0], 0, Reads::ALL)?;
            nodes.push(node);
            return Ok((node, false));
        }
        let Value::Tracked { level: AMBIENT, node, .. } = *self.value(name as Id)? else {
            return Err(Error::value("a part of a graph was computed from what is no part of one"));
        };
        let tape = self.grad_tape(AMBIENT)?.0;
        Ok((node, tape.op[node as usize] == tape::LEAF && tape.writes(node as usize) != writes))
    }

    fn restore_node(&mut self, from: &mut Reader, values: &[Id], boundaries: &[(u32, bool)], nodes: &[u32]) -> Result<u32> {
        let [op, flags, tag, of_sources, of_params] = from.take(5)? else { return Ok(0) };
        let count = *of_sources as usize;
        let held = from.take(count + 1)?;
        let id = |number: f64| if number == 0.0 { NONE } else { values[number.abs() as usize - 1] };
        let mut flags = *flags as u8;
        let mut sources: Vec<u32> = list_of(count)?;
        for &source in from.take(count)? {
            sources.push(match source {
                s if s > 0.0 => nodes[s as usize - 1],
                s if s < 0.0 => {
                    let (node, outdated) = boundaries[-s as usize - 1];
                    flags |= if outdated { tape::OUTDATED } else { 0 };
                    node
                }
                _ => 0,
            });
        }
        let mut params: Vec<f64> = from.take(*of_params as usize)?.to_vec();
        if *op as u16 == tape::LEAF {
            // What was computed from it before it was written to knows that it is outdated.
            params[0] = 0.0;
        }
        let mut inputs: Vec<Id> = list_of(count)?;
        inputs.extend(held[..count].iter().map(|&number| id(number)));
        let output = id(held[count]);
        // Marked from the first on, as `record` marks them.
        let reads = Reads { inputs_from: held[..count].iter().take_while(|&&number| number <= 0.0).count(), output: held[count] >= 0.0 };
        let all = |ids: &[Id]| ids.iter().copied().filter(|&id| id != NONE).collect::<Vec<Id>>();
        let kept = all(&inputs).into_iter().chain(all(&[output]));
        kept.clone().for_each(|id| self.retain(id));
        let pushed = self.grad_tape(AMBIENT)?.0.push(*op as u16, &inputs, &sources, output, &params, *tag as u32, reads);
        let node = match pushed {
            Ok(node) => node,
            Err(error) => {
                kept.for_each(|id| self.release(id));
                return Err(error);
            }
        };
        let unread: Vec<Id> = all(&inputs[..reads.inputs_from.min(count)]);
        unread.into_iter().for_each(|id| self.values.needs_outline(id));
        if !reads.output {
            self.values.needs_outline(output);
        }
        self.grad_tape(AMBIENT)?.0.flags[node as usize] = flags;
        Ok(node)
    }
}
