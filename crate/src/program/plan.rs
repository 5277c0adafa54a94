//! Every value's place. Views share their root's; results have arrays of their own, made at each run; all other results of instructions
//! lie in one arena, where a place is used again once nobody reads it (best fit over what is free, neighbours joined).

use super::emit::{self, Location};
use super::fold::form_of;
use super::group::Group;
use super::ir::*;
use super::layout::Lies;
use super::repeat::{Advance, Move, Repeat, LONGEST_MOVE};
use super::run::{Bound, Ending, Executable, Fresh, From, Output, PlaceAtEnd, Ready, Shift};
use super::settle::Settled;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::pool::Buffer;
use crate::shape::few;
use crate::updates::Update;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};

/// Cache lines: a vector never crosses the end of its place.
const ALIGN: usize = 64;
fn is_few(known: &Known) -> bool {
    (1..=FEW_NUMBERS).contains(&known.count())
}

/// Free parts of the arena.
#[derive(Default)]
struct Arena {
    free: BTreeMap<usize, usize>,
    bytes: usize,
}

impl Arena {
    fn take(&mut self, bytes: usize) -> usize {
        let size = bytes.max(1).div_ceil(ALIGN) * ALIGN;
        let best = self.free.iter().filter(|(_, &free)| free >= size).min_by_key(|(_, &free)| free).map(|(&at, &free)| (at, free));
        if let Some((at, free)) = best {
            self.free.remove(&at);
            if free > size {
                self.free.insert(at + size, free - size);
            }
            return at;
        }
        // What is free at the end grows.
        if let Some((&at, &free)) = self.free.last_key_value() {
            if at + free == self.bytes {
                self.free.remove(&at);
                self.bytes = at + size;
                return at;
            }
        }
        self.bytes += size;
        self.bytes - size
    }

    fn give(&mut self, at: usize, bytes: usize) {
        let (mut at, mut size) = (at, bytes.max(1).div_ceil(ALIGN) * ALIGN);
        if let Some((&before, &free)) = self.free.range(..at).next_back() {
            if before + free == at {
                self.free.remove(&before);
                (at, size) = (before, size + free);
            }
        }
        if let Some(free) = self.free.remove(&(at + size)) {
            size += free;
        }
        self.free.insert(at, size);
    }
}

/// A view takes no time.
fn is_free(step: &Step, roots: &[Variable]) -> bool {
    matches!(step, Step::Evaluate(e) if roots[e.output as usize] != e.output)
}

/// What is done at one point of a run: what is read and written there, by roots.
#[derive(Default)]
struct Event {
    read: Vec<Variable>,
    written: Vec<Variable>,
}

/// All points of a run, in order; those of a loop's first turn stand for all its turns. What a loop reads of what is outside, what it hands on
/// and what it collects is there until its end.
fn events(program: &Program, roots: &[Variable]) -> Vec<Event> {
    fn add(steps: &[Step], roots: &[Variable], events: &mut Vec<Event>) {
        let root = |&v: &Variable| roots[v as usize];
        for step in steps.iter().filter(|step| !is_free(step, roots)) {
            let Step::Loop(made) = step else {
                events.push(Event { read: step.inputs().iter().map(root).collect(), written: step.outputs().iter().map(root).collect() });
                continue;
            };
            let inputs: Vec<Variable> = step.inputs().iter().map(root).collect();
            let handed_on: Vec<Variable> = made.carried.iter().map(|carried| carried.inside).collect();
            let of_body: FxHashSet<Variable> = made.body.iter().flat_map(Step::outputs).map(root).collect();
            let collected = made.moving.iter().filter(|moving| of_body.contains(&moving.inside)).map(|moving| root(&moving.from));
            let held: Vec<Variable> = handed_on.into_iter().chain(collected).collect();
            events.push(Event { read: inputs.clone(), written: held.clone() });
            add(&made.body, roots, events);
            let next = made.carried.iter().map(|carried| root(&carried.next)).chain(made.test.iter().map(|(_, v)| root(v)));
            events.push(Event { read: inputs.into_iter().chain(held).chain(next).collect(), written: Vec::new() });
        }
    }
    let mut events = Vec::with_capacity(program.steps.len());
    add(&program.steps, roots, &mut events);
    events
}

/// Where things lie that have no place of their own in the arena.
struct Elsewhere<'a> {
    /// In an array of their own.
    fresh: &'a [bool],
    /// In the arena, and nobody gets their place after them.
    kept: &'a [bool],
    /// In the array of something else, further on with each turn of a loop.
    moving: &'a [bool],
}

/// The arena offset of every root that lies there.
fn arena_places(program: &Program, roots: &[Variable], elsewhere: &Elsewhere) -> (Vec<Option<usize>>, usize) {
    let events = events(program, roots);
    let mut last = vec![0; program.variables.len()];
    for (at, event) in events.iter().enumerate() {
        event.read.iter().chain(&event.written).for_each(|&root| last[root as usize] = at);
    }
    let mut dying: Vec<Vec<Variable>> = vec![Vec::new(); events.len()];
    let mut arena = Arena::default();
    let mut places = vec![None; program.variables.len()];
    for (at, event) in events.iter().enumerate() {
        for &root in &event.written {
            let (v, is_computed) = (root as usize, matches!(program.known(root).source, Source::Computed));
            if is_computed && !elsewhere.fresh[v] && !elsewhere.moving[v] && places[v].is_none() {
                places[v] = Some(arena.take(program.known(root).bytes()));
                if !elsewhere.kept[v] {
                    dying[last[v]].push(root);
                }
            }
        }
        for &root in &dying[at] {
            if let Some(place) = places[root as usize] {
                arena.give(place, program.known(root).bytes());
            }
        }
    }
    (places, arena.bytes)
}

/// All groups, in the order of the functions that are made of them.
fn groups_of(steps: &[Step]) -> Vec<&Group> {
    let mut groups = Vec::new();
    for step in steps {
        match step {
            Step::Group(group) => groups.push(group),
            Step::Loop(made) => groups.extend(groups_of(&made.body)),
            Step::Evaluate(_) | Step::Copy { .. } | Step::Update(_) => {}
        }
    }
    groups
}

/// Steps while they are made ready.
struct Making<'a> {
    program: &'a Program,
    roots: &'a [Variable],
    /// Who reads and writes the numbers of a root that is not in the arena.
    aimed: BTreeMap<Variable, Vec<Array>>,
    places: &'a [Option<usize>],
    arena: &'a Buffer,
    groups: usize,
}

impl Making<'_> {
    /// An array over the numbers of a root.
    fn borrowed(&mut self, root: Variable) -> Array {
        let known = self.program.known(root);
        let array = Array::borrowed(known.dtype, &known.dims);
        match self.places[root as usize] {
            // SAFETY: the arena is as long as its places need.
            Some(place) => array.aim(unsafe { self.arena.pointer().add(place) }),
            None => self.aimed.entry(root).or_default().push(array.clone()),
        }
        array
    }

    /// An array that each turn of a loop aims at another part of something.
    fn moving(&mut self, v: Variable, lies: &Lies) -> Array {
        let whole = Array::borrowed(self.program.known(v).dtype, &lies.dims);
        let part = whole.view(few(&lies.dims), few(&lies.strides), lies.offset);
        self.aimed.entry(v).or_default().push(part.clone());
        part
    }

    fn steps(&mut self, steps: &[Step], arrays: &mut [Option<Array>]) -> Result<Vec<Ready>> {
        let mut ready = Vec::with_capacity(steps.len());
        for step in steps {
            match step {
                Step::Evaluate(e) => {
                    let form = form_of(e.op).ok_or_else(|| Error::value("a composite op was recorded").in_op(e.op))?;
                    if self.roots[e.output as usize] != e.output {
                        let Some(input) = &arrays[e.inputs[0] as usize] else { continue };
                        let view = form.view(&[input], &e.params).ok_or_else(|| Error::value("a view is none").in_op(e.op))?;
                        arrays[e.output as usize] = Some(view?);
                        continue;
                    }
                    ready.push(Ready::Kernel { op: e.op, form, inputs: e.inputs.clone(), output: e.output, params: e.params.clone() });
                }
                Step::Group(_) => {
                    ready.push(Ready::Emitted { function: self.groups });
                    self.groups += 1;
                }
                Step::Copy { input, output } => ready.push(Ready::Copy { input: *input, output: *output }),
                Step::Update(change) => {
                    let update = Update::from_code(change.update)?;
                    // Each with a buffer of its own: a kernel writes to what nobody else sees.
                    let tensors = change.before.iter().map(|&v| self.borrowed(self.roots[v as usize])).collect();
                    let options = change.options..change.options + update.options.len();
                    ready.push(Ready::Update { update, tensors, gradient: change.gradient, options });
                }
                Step::Loop(made) => ready.push(self.repeat(made, arrays)?),
            }
        }
        Ok(ready)
    }

    fn repeat(&mut self, made: &Loop, arrays: &mut [Option<Array>]) -> Result<Ready> {
        let copy = |input: Variable, output: Variable| Ready::Copy { input, output };
        let first = made.carried.iter().map(|carried| copy(carried.first, carried.inside)).collect();
        let (to_test, others) = made.body.split_at(made.test.map_or(0, |(at, _)| at));
        let mut body = self.steps(to_test, arrays)?;
        let test = made.test.map(|(_, v)| (body.len(), v));
        body.extend(self.steps(others, arrays)?);
        let next = made.carried.iter().map(|carried| copy(carried.next, carried.inside)).collect();
        let shifts = made.moving.iter().map(|Moving { inside, from, step, .. }| {
            let known = self.program.known(*from);
            let size = known.dtype.size() as isize;
            // Positions in a literal are counted from where its own layout begins.
            let back = known.literal().map_or(0, |array| array.offset as isize);
            Shift { of: *inside, from: *from, back: back * size, step: step * size, listed: 0, aimed: Vec::new() }
        });
        Ok(Ready::Loop { turns: made.turns, test, first, body, next, shifts: shifts.collect() })
    }
}

/// Tells loops where what they move is listed, and who reads or writes it.
fn set_shifts(steps: &mut [Ready], of: &dyn Fn(Variable) -> (usize, Vec<Array>)) {
    for step in steps {
        if let Ready::Loop { shifts, body, .. } = step {
            shifts.iter_mut().for_each(|shift| (shift.listed, shift.aimed) = of(shift.of));
            set_shifts(body, of);
        }
    }
}

/// A loop as one function, if its body is emitted code and it hands on few bytes.
fn repeat_of<'a>(
    step: &Ready,
    array: &dyn Fn(Variable) -> Option<&'a Array>,
    location: &dyn Fn(Variable) -> Option<Location>,
    place: &dyn Fn(usize) -> u32,
) -> Option<Repeat> {
    let Ready::Loop { turns, test, first, shifts, body, next } = step else { return None };
    let number = |step: &Ready| if let Ready::Emitted { function } = step { Some(*function as u32) } else { None };
    let copied = |step: &Ready| {
        let Ready::Copy { input, output } = step else { return None };
        let (from, to) = (array(*input)?, array(*output)?);
        let is_plain = from.is_contiguous() && to.is_contiguous() && to.bytes() <= LONGEST_MOVE;
        is_plain.then_some(Move { from: location(*input)?, to: location(*output)?, bytes: to.bytes() as u32 })
    };
    let advance = |shift: &Shift| {
        let first = location(shift.from)?;
        Some(Advance { place: place(shift.listed), first, back: i32::try_from(shift.back).ok()?, step: i32::try_from(shift.step).ok()? })
    };
    Some(Repeat {
        turns: u32::try_from(*turns).ok()?,
        test: match test {
            Some((at, v)) => Some((*at, location(*v)?)),
            None => None,
        },
        functions: body.iter().map(number).collect::<Option<_>>()?,
        first: first.iter().map(copied).collect::<Option<_>>()?,
        next: next.iter().map(copied).collect::<Option<_>>()?,
        advances: shifts.iter().map(advance).collect::<Option<_>>()?,
    })
}

pub fn plan(settled: Settled) -> Result<Executable> {
    let Settled { program, roots, fresh, lies } = settled;
    // What becomes the contents of a tensor that lives on, or its gradient, needs an array; so do results of many numbers.
    let mut lives_on = program.flags(program.results().skip(program.outputs.len()));
    fresh.iter().filter(|&&v| !is_few(program.known(v))).for_each(|&v| lives_on[v as usize] = true);
    let is_fresh = program.flags(fresh.iter().copied().filter(|&v| lives_on[v as usize]));
    let stays_inside = program.flags(fresh.iter().copied().filter(|&v| !lives_on[v as usize]));
    let of_loops = program.steps.iter().filter_map(|step| if let Step::Loop(made) = step { Some(&made.moving) } else { None });
    let is_moving = program.flags(of_loops.flatten().map(|moving| moving.inside));
    let elsewhere = Elsewhere { fresh: &is_fresh, kept: &stays_inside, moving: &is_moving };
    let (places, arena_bytes) = arena_places(&program, &roots, &elsewhere);
    let arena = Buffer::new(arena_bytes.max(1))?;
    let mut making = Making { program: &program, roots: &roots, aimed: BTreeMap::new(), places: &places, arena: &arena, groups: 0 };
    let mut arrays: Vec<Option<Array>> = Vec::with_capacity(program.variables.len());
    for variable in 0..program.variables.len() as Variable {
        let known = program.known(variable);
        let v = variable as usize;
        arrays.push(match &known.source {
            Source::Literal(array) => Some(array.clone()),
            Source::Computed if roots[v] != variable => None,
            Source::Computed if is_moving[v] => Some(making.moving(variable, &lies[v])),
            // A value inside a group that nobody else reads is nowhere in memory.
            Source::Computed if places[v].is_none() && !is_fresh[v] => None,
            _ => Some(making.borrowed(variable)),
        });
    }
    // Before all steps: views of what an update leaves may stand anywhere.
    for step in &program.steps {
        if let Step::Update(change) = step {
            change.before.iter().zip(&change.after).for_each(|(&before, &after)| arrays[after as usize] = arrays[before as usize].clone());
        }
    }
    let mut steps = making.steps(&program.steps, &mut arrays)?;
    let Making { aimed, groups, .. } = making;

    let updated: BTreeSet<Variable> = program
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Update(change) => Some(change.before.iter().map(|&v| roots[v as usize])),
            Step::Evaluate(_) | Step::Copy { .. } | Step::Group(_) | Step::Loop(_) => None,
        })
        .flatten()
        .collect();
    // Emitted code finds the addresses of what each run looks up in a list.
    let places_listed: BTreeMap<Variable, usize> = aimed.keys().enumerate().map(|(place, &root)| (root, place)).collect();
    let addresses: Box<[u32]> = vec![0; places_listed.len()].into();
    let listed = |root: Variable| places_listed[&root];
    set_shifts(&mut steps, &|root| (listed(root), aimed[&root].clone()));
    let emitted = groups_of(&program.steps);
    let mut repeats = Vec::new();
    let code = if emitted.is_empty() {
        Vec::new()
    } else {
        let array = |v: Variable| arrays[v as usize].as_ref();
        let location = |v: Variable| {
            let (root, array) = (roots[v as usize], arrays[v as usize].as_ref()?);
            let bytes = (array.offset * array.dtype.size()) as u32;
            Some(match places_listed.get(&root) {
                Some(&place) => Location::Listed { place: (&raw const addresses[place]) as usize as u32, bytes },
                None => Location::Fixed(array.address() as usize as u32),
            })
        };
        let place = |listed: usize| (&raw const addresses[listed]) as usize as u32;
        for step in &mut steps {
            if let Some(repeat) = repeat_of(step, &array, &location, &place) {
                *step = Ready::Emitted { function: groups + repeats.len() };
                repeats.push(repeat);
            }
        }
        let module = emit::module(&program, &emitted, &repeats, &array, &location);
        module.ok_or_else(|| Error::value("a group has no formula"))?
    };

    let mut bound = Vec::new();
    let mut made = Vec::new();
    for (&root, arrays) in &aimed {
        let known = program.known(root);
        if is_moving[root as usize] {
            continue;
        }
        let from = match known.source {
            Source::Input(i) => From::Input(i),
            Source::Place(i) => From::Place(i),
            Source::Gradient(i) => From::Gradient(i),
            Source::Key(i) => From::Key(i),
            Source::Computed | Source::Literal(_) => {
                made.push(Fresh {
                    variable: root,
                    dtype: known.dtype,
                    dims: known.dims.clone(),
                    listed: listed(root),
                    aimed: arrays.clone(),
                });
                continue;
            }
        };
        let is_updated = updated.contains(&root);
        let inbox = match from {
            From::Input(_) if is_few(known) => Some(Array::new(known.dtype, &known.dims)?),
            _ => None,
        };
        let (dims, listed) = (known.dims.clone(), listed(root));
        bound.push(Bound { from, dtype: known.dtype, dims, is_updated, inbox, listed, aimed: arrays.clone() });
    }
    let index = |variable: Variable| made.iter().position(|fresh| fresh.variable == variable);
    let lost = || Error::value("a result of the program has no place");
    let output = |v: Variable| {
        if stays_inside[v as usize] {
            return Ok(Output::Inside(v));
        }
        let root = roots[v as usize];
        let view = || lies[v as usize].layout();
        match program.known(root).source {
            Source::Input(argument) => Ok(Output::OfArgument { argument, view: view() }),
            _ if root != v => Ok(Output::View { of: index(root).ok_or_else(lost)?, view: view() }),
            _ => index(v).map(Output::Fresh).ok_or_else(lost),
        }
    };
    let outputs = program.outputs.iter().map(|&v| output(v)).collect::<Result<Vec<_>>>()?;
    let mut ends = Vec::new();
    for place in &program.places {
        let after = place.after.map(|v| index(v).ok_or_else(lost)).transpose()?;
        let gradient = match place.gradient_after {
            GradientAfter::Untouched => Ending::Untouched,
            GradientAfter::None => Ending::None,
            GradientAfter::Some(v) => Ending::Fresh(index(v).ok_or_else(lost)?),
        };
        ends.push(PlaceAtEnd { is_parameter: place.is_parameter, gradient_before: place.gradient_before, after, gradient });
    }
    let (inputs, keys, options) = (program.inputs, program.keys, program.options);
    let functions = vec![None; groups + repeats.len()];
    Ok(Executable {
        steps,
        arrays,
        bound,
        fresh: made,
        ends,
        outputs,
        arena,
        arena_bytes,
        inputs,
        keys,
        options,
        given: Vec::new(),
        addresses,
        code,
        functions,
    })
}
