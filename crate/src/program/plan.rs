//! Every value's place. Views share their root's; results have arrays of their own, made at each run; all other results of instructions
//! lie in one arena, where a place is used again once nobody reads it (best fit over what is free, neighbours joined).

use super::emit::{self, Location};
use super::fold::form_of;
use super::group::Group;
use super::ir::*;
use super::run::{Bound, Ending, Executable, Fresh, From, Output, PlaceAtEnd, Ready};
use super::settle::Settled;
use crate::error::{Error, Result};
use crate::memory::array::Array;
use crate::memory::pool::Buffer;
use crate::updates::Update;
use std::collections::{BTreeMap, BTreeSet};

/// Cache lines: a vector never crosses the end of its place.
const ALIGN: usize = 64;
/// Arguments and results of so many numbers need no tensor: TypeScript writes and reads them where the program does.
const FEW: usize = 64;

fn is_few(known: &Known) -> bool {
    (1..=FEW).contains(&known.count())
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

/// What instructions read and write, by roots: their last readers.
fn last_reads(program: &Program, roots: &[Variable]) -> Vec<usize> {
    let mut last = vec![0; program.variables.len()];
    for (at, step) in program.steps.iter().enumerate().filter(|(_, step)| !is_free(step, roots)) {
        for &v in step.inputs().iter().chain(step.outputs()) {
            last[roots[v as usize] as usize] = at;
        }
    }
    last
}

/// The arena offset of every root that lies there; `kept` ones have their place to themselves.
fn arena_places(program: &Program, roots: &[Variable], fresh: &[bool], kept: &[bool]) -> (Vec<Option<usize>>, usize) {
    let last = last_reads(program, roots);
    let mut dying: Vec<Vec<Variable>> = vec![Vec::new(); program.steps.len()];
    let mut arena = Arena::default();
    let mut places = vec![None; program.variables.len()];
    for (at, step) in program.steps.iter().enumerate().filter(|(_, step)| !is_free(step, roots)) {
        for &v in step.outputs() {
            let root = roots[v as usize];
            let here = matches!(program.known(root).source, Source::Computed) && !fresh[root as usize];
            if here && places[root as usize].is_none() {
                places[root as usize] = Some(arena.take(program.known(root).bytes()));
                if !kept[root as usize] {
                    dying[last[root as usize]].push(root);
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

pub fn plan(settled: Settled) -> Result<Executable> {
    let Settled { program, roots, fresh, .. } = settled;
    // What becomes the contents of a tensor that lives on, or its gradient, needs an array; so do results of many numbers.
    let mut lives_on = program.flags(program.results().skip(program.outputs.len()));
    fresh.iter().filter(|&&v| !is_few(program.known(v))).for_each(|&v| lives_on[v as usize] = true);
    let is_fresh = program.flags(fresh.iter().copied().filter(|&v| lives_on[v as usize]));
    let stays_inside = program.flags(fresh.iter().copied().filter(|&v| !lives_on[v as usize]));
    let (places, arena_bytes) = arena_places(&program, &roots, &is_fresh, &stays_inside);
    let arena = Buffer::new(arena_bytes.max(1))?;
    let at = |place: usize| {
        // SAFETY: the arena is as long as its places need.
        unsafe { arena.pointer().add(place) }
    };

    // Who reads and writes the numbers of a root that is not in the arena.
    let mut aimed: BTreeMap<Variable, Vec<Array>> = BTreeMap::new();
    let mut borrowed = |root: Variable| {
        let known = program.known(root);
        let array = Array::borrowed(known.dtype, &known.dims);
        match places[root as usize] {
            Some(place) => array.aim(at(place)),
            None => aimed.entry(root).or_default().push(array.clone()),
        }
        array
    };
    let mut arrays: Vec<Option<Array>> = Vec::with_capacity(program.variables.len());
    for variable in 0..program.variables.len() as Variable {
        let known = program.known(variable);
        arrays.push(match &known.source {
            Source::Literal(array) => Some(array.clone()),
            Source::Computed if roots[variable as usize] != variable => None,
            // A value inside a group that nobody else reads is nowhere in memory.
            Source::Computed if places[variable as usize].is_none() && !is_fresh[variable as usize] => None,
            _ => Some(borrowed(variable)),
        });
    }
    let mut steps = Vec::with_capacity(program.steps.len());
    let mut groups = 0;
    for step in &program.steps {
        match step {
            Step::Evaluate(e) => {
                let form = form_of(e.op).ok_or_else(|| Error::value("a composite op was recorded").in_op(e.op))?;
                if roots[e.output as usize] != e.output {
                    let Some(input) = &arrays[e.inputs[0] as usize] else { continue };
                    let view = form.view(&[input], &e.params).ok_or_else(|| Error::value("a view is none").in_op(e.op))?;
                    arrays[e.output as usize] = Some(view?);
                    continue;
                }
                steps.push(Ready::Kernel { op: e.op, form, inputs: e.inputs.clone(), output: e.output, params: e.params.clone() });
            }
            Step::Group(_) => {
                steps.push(Ready::Emitted { function: groups });
                groups += 1;
            }
            Step::Copy { input, output } => steps.push(Ready::Copy { input: *input, output: *output }),
            Step::Update(change) => {
                let update = Update::from_code(change.update)?;
                // Each with a buffer of its own: a kernel writes to what nobody else sees.
                let tensors = change.before.iter().map(|&v| borrowed(roots[v as usize])).collect();
                for (&before, &after) in change.before.iter().zip(&change.after) {
                    arrays[after as usize] = arrays[before as usize].clone();
                }
                let options = change.options..change.options + update.options.len();
                steps.push(Ready::Update { update, tensors, gradient: change.gradient, options });
            }
        }
    }

    let updated: BTreeSet<Variable> = program
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Update(change) => Some(change.before.iter().map(|&v| roots[v as usize])),
            Step::Evaluate(_) | Step::Copy { .. } | Step::Group(_) => None,
        })
        .flatten()
        .collect();
    // Emitted code finds the addresses of what each run looks up in a list.
    let places_listed: BTreeMap<Variable, usize> = aimed.keys().enumerate().map(|(place, &root)| (root, place)).collect();
    let addresses: Box<[u32]> = vec![0; places_listed.len()].into();
    let listed = |root: Variable| places_listed[&root];
    let emitted: Vec<&Group> = program
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Group(group) => Some(group),
            Step::Evaluate(_) | Step::Copy { .. } | Step::Update(_) => None,
        })
        .collect();
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
        let module = emit::module(&program, &emitted, &array, &location);
        module.ok_or_else(|| Error::value("a group has no formula"))?
    };

    let mut bound = Vec::new();
    let mut made = Vec::new();
    for (&root, arrays) in &aimed {
        let known = program.known(root);
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
    let output = |v: Variable| if stays_inside[v as usize] { Ok(Output::Inside(v)) } else { index(v).map(Output::Fresh).ok_or_else(lost) };
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
    let functions = vec![None; groups];
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
