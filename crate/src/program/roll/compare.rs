//! What the turns of a stretch have in common.

use super::turns::Region;
use super::{Operand, Rolled, Seen, FARTHEST};
use crate::program::ir::*;
use crate::program::layout::Lies;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

pub(super) struct Reading<'a> {
    program: &'a Program,
    seen: &'a Seen,
    rolled: Vec<Rolled>,
    /// Of a solid step: the loop that it is in.
    of_loop: Vec<Option<usize>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(program: &'a Program, seen: &'a Seen) -> Reading<'a> {
        Reading { program, seen, rolled: Vec::new(), of_loop: vec![None; seen.solids.len()] }
    }

    /// The loops, and which of them a solid step is in.
    pub(super) fn found(self) -> (Vec<Rolled>, Vec<Option<usize>>) {
        (self.rolled, self.of_loop)
    }

    pub(super) fn signatures(&self) -> Vec<u64> {
        self.seen.solids.iter().map(|&at| self.signature(at)).collect()
    }

    fn solid(&self, at: usize) -> Option<&'a Evaluation> {
        match &self.program.steps[self.seen.solids[at]] {
            Step::Evaluate(e) => Some(e),
            _ => None,
        }
    }

    /// Equal for steps that may be the same in two turns.
    fn signature(&self, at: usize) -> u64 {
        let mut hasher = FxHasher::default();
        let Step::Evaluate(e) = &self.program.steps[at] else {
            (u64::MAX, at).hash(&mut hasher);
            return hasher.finish();
        };
        e.op.0.hash(&mut hasher);
        e.params.iter().for_each(|p| p.to_bits().hash(&mut hasher));
        let known = self.program.known(e.output);
        (known.dtype as u8, &known.dims[..]).hash(&mut hasher);
        for &v in &e.inputs {
            let lies = &self.seen.lies[v as usize];
            (self.program.known(v).dtype as u8, &lies.dims, &lies.strides).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Whether two steps do the same, whatever they read.
    fn alike(&self, a: &Evaluation, b: &Evaluation) -> bool {
        let known = |v: Variable| self.program.known(v);
        let outputs = known(a.output).dtype == known(b.output).dtype && known(a.output).dims == known(b.output).dims;
        let params = a.params.len() == b.params.len() && a.params.iter().zip(&b.params).all(|(p, q)| p.to_bits() == q.to_bits());
        let inputs = a.inputs.len() == b.inputs.len()
            && a.inputs.iter().zip(&b.inputs).all(|(&p, &q)| {
                let (x, y) = (&self.seen.lies[p as usize], &self.seen.lies[q as usize]);
                known(p).dtype == known(q).dtype && x.dims == y.dims && x.strides == y.strides
            });
        a.op == b.op && outputs && params && inputs
    }

    /// Finds out how much of a region is a loop: turns that are not like the others are left out at either end. Whether anything is.
    pub(super) fn verify(&mut self, mut region: Region) -> bool {
        let mut is_any = false;
        for _ in 0..MOST_CUTS {
            if region.turns < Region::LEAST_TURNS {
                break;
            }
            match self.operands(region) {
                Ok(rolled) => {
                    self.of_loop[region.start..region.end()].fill(Some(self.rolled.len()));
                    self.rolled.push(rolled);
                    return true;
                }
                // The rest may be a loop of its own.
                Err(turn) if turn >= Region::LEAST_TURNS => {
                    is_any |= self.verify(Region { turns: turn, ..region });
                    region = region.without(turn);
                }
                Err(turn) => region = region.without(turn.max(1)),
            }
        }
        is_any
    }

    /// Loops of whose turns only every second, third or so is looked at from outside, as loops of so much longer turns.
    pub(super) fn every_so_often(&self) -> Vec<Region> {
        let mut turns: Vec<Vec<usize>> = vec![Vec::new(); self.rolled.len()];
        let mut look = |v: Variable| {
            if let Some((of, turn, _)) = self.in_loop(self.seen.roots[v as usize]) {
                turns[of].push(turn);
            }
        };
        for (at, &step) in self.seen.solids.iter().enumerate() {
            let region = self.of_loop[at].map(|of| self.rolled[of].region);
            let is_outside = |v: &Variable| region.is_none_or(|region| self.in_region(region, self.seen.roots[*v as usize]).is_none());
            self.program.steps[step].inputs().into_iter().filter(is_outside).for_each(&mut look);
        }
        self.program.results().for_each(&mut look);
        let longer = |(of, mut turns): (usize, Vec<usize>)| {
            let region = self.rolled[of].region;
            turns.sort_unstable();
            // What only the last turn leaves needs no room. From where on all turns are looked at, the loop is another.
            let inner = turns.iter().take_while(|&&turn| turn + 1 < region.turns);
            let first = *inner.clone().next()?;
            let (mut apart, mut end) = (0, 0);
            for turn in inner {
                let next = greatest_common_divisor(apart, turn - first);
                if next == 1 {
                    break;
                }
                (apart, end) = (next, turn + 1);
            }
            let part = Region { turns: end, ..region };
            (apart > 1 && end / apart >= Region::LEAST_TURNS).then(|| part.with_turns_of(apart))
        };
        turns.into_iter().enumerate().filter_map(longer).collect()
    }

    /// What the operands of all turns are; else the first turn that is unlike the others.
    fn operands(&self, region: Region) -> std::result::Result<Rolled, usize> {
        let mut before: FxHashMap<usize, Vec<Variable>> = FxHashMap::default();
        let mut operands = Vec::with_capacity(region.period);
        for at in 0..region.period {
            let steps: Vec<&Evaluation> =
                (0..region.turns).map(|turn| self.solid(region.at(turn, at)).ok_or(turn)).collect::<std::result::Result<_, usize>>()?;
            if let Some(turn) = (1..region.turns).find(|&turn| !self.alike(steps[0], steps[turn])) {
                return Err(turn);
            }
            let slots = 0..steps[0].inputs.len();
            let of_slot = |slot: usize| {
                let given: Vec<Variable> = steps.iter().map(|e| e.inputs[slot]).collect();
                self.operand(region, at, &given, &mut before)
            };
            operands.push(slots.map(of_slot).collect::<std::result::Result<_, usize>>()?);
        }
        // A chain has no gaps.
        let is_whole = before.values().all(|chain| !chain.contains(&MISSING));
        if is_whole {
            Ok(Rolled { region, operands, before })
        } else {
            Err(1)
        }
    }

    /// The turn of a region, and the position in it, that computes a root.
    fn in_region(&self, region: Region, root: Variable) -> Option<(usize, usize)> {
        let at = self.seen.position[root as usize]?.checked_sub(region.start)?;
        (at < region.end() - region.start).then_some((at / region.period, at % region.period))
    }

    /// The loop that computes a root, and where in it.
    fn in_loop(&self, root: Variable) -> Option<(usize, usize, usize)> {
        let of = self.of_loop[self.seen.position[root as usize]?]?;
        self.in_region(self.rolled[of].region, root).map(|(turn, at)| (of, turn, at))
    }

    /// What the operands `given`, one for each turn, are in common.
    fn operand(
        &self,
        region: Region,
        at: usize,
        given: &[Variable],
        before: &mut FxHashMap<usize, Vec<Variable>>,
    ) -> std::result::Result<Operand, usize> {
        let root = |turn: usize| self.seen.roots[given[turn] as usize];
        let offset = |turn: usize| self.seen.lies[given[turn] as usize].offset as isize;
        let middle = region.turns / 2;
        let all = |holds: &dyn Fn(usize) -> bool| match (0..region.turns).find(|&turn| !holds(turn)) {
            Some(turn) => Err(turn),
            None => Ok(()),
        };
        if let Some((turn, position)) = self.in_region(region, root(middle)) {
            let back = middle - turn;
            if back == 0 {
                // Of an earlier step: a later one would be a turn back.
                debug_assert!(position < at);
                all(&|turn| self.in_region(region, root(turn)) == Some((turn, position)) && offset(turn) == offset(0))?;
                return Ok(Operand::Own);
            }
            if back > FARTHEST.min(middle) {
                return Err(0);
            }
            let is_before =
                |turn: usize| self.in_region(region, root(turn)) == Some((turn - back, position)) && offset(turn) == offset(back);
            all(&|turn| turn < back || is_before(turn))?;
            let chain = before.entry(position).or_default();
            chain.resize(chain.len().max(back), MISSING);
            let output = self.solid(region.at(0, position)).ok_or(0_usize)?.output;
            for turn in 0..back {
                // What the first turns take was there before the loop.
                if self.in_region(region, root(turn)).is_some() {
                    return Err(turn);
                }
                let first = self.as_if_computed(given[turn], given[back], output).ok_or(turn)?;
                let place = &mut chain[back - turn - 1];
                if *place != MISSING && *place != first {
                    return Err(turn);
                }
                *place = first;
            }
            return Ok(Operand::Before { position, back });
        }
        if root(0) == root(middle) {
            let step = offset(1) - offset(0);
            all(&|turn| root(turn) == root(0) && offset(turn) == offset(0) + turn as isize * step)?;
            return Ok(if step == 0 { Operand::Same(given[0]) } else { Operand::Part { root: root(0), step } });
        }
        if let Some((of, from, position)) = self.in_loop(root(middle)) {
            let step = match self.in_loop(root(middle - 1)) {
                Some((_, from_before, _)) => from as isize - from_before as isize,
                None => return Err(middle - 1),
            };
            let from = |turn: usize| from as isize + (turn as isize - middle as isize) * step;
            let fits = |turn: usize| self.in_loop(root(turn)) == Some((of, from(turn) as usize, position)) && offset(turn) == offset(0);
            all(&fits)?;
            return Ok(Operand::OfTurn { of, position, first: from(0) as usize, step });
        }
        all(&|turn| given[turn] == root(turn) && self.program.known(given[turn]).literal().is_some())?;
        Ok(Operand::Literals(given.to_vec()))
    }

    /// What a step whose result is `output` would have computed, when `first` is read as `later`, a part of such a result, is.
    fn as_if_computed(&self, first: Variable, later: Variable, output: Variable) -> Option<Variable> {
        let (lies, root) = (&self.seen.lies[first as usize], self.seen.roots[first as usize]);
        let (known, whole) = (self.program.known(output), self.program.known(root));
        if is_whole(&self.seen.lies[later as usize], &known.dims) {
            return Some(if is_whole(lies, &whole.dims) && whole.dims == known.dims { root } else { first });
        }
        let fits = whole.literal().is_none() && whole.dims == known.dims && lies.offset == self.seen.lies[later as usize].offset;
        fits.then_some(root)
    }
}

const MISSING: Variable = Variable::MAX;

/// Whether a view is all of an array with these dims, as it is.
fn is_whole(lies: &Lies, dims: &[usize]) -> bool {
    lies.offset == 0 && lies.dims == dims && lies.is_contiguous()
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// So often a region is cut where its turns are not alike.
const MOST_CUTS: usize = 16;
