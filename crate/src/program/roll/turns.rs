//! Where a sequence repeats itself.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// A stretch of `turns` times `period` steps, from the step `start` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Region {
    pub start: usize,
    pub period: usize,
    pub turns: usize,
}

impl Region {
    /// Fewer are not worth a loop.
    pub const LEAST_TURNS: usize = 4;

    /// The step at a position of a turn.
    pub fn at(&self, turn: usize, position: usize) -> usize {
        self.start + turn * self.period + position
    }

    pub fn end(&self) -> usize {
        self.at(self.turns, 0)
    }

    /// The same without its first turns.
    pub fn without(self, turns: usize) -> Region {
        let turns = turns.min(self.turns);
        Region { start: self.at(turns, 0), turns: self.turns - turns, ..self }
    }

    /// The same with `count` turns in one.
    pub fn with_turns_of(self, count: usize) -> Region {
        Region { period: self.period * count, turns: self.turns / count, ..self }
    }

    pub fn overlaps(&self, other: Region) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    /// How many steps a loop leaves out.
    fn saved(&self) -> usize {
        (self.turns - 1) * self.period
    }
}

/// Steps that are looked at together when periods are guessed, and how many guesses are followed.
const TOGETHER: usize = 4;
const GUESSES: usize = 12;

/// Stretches that may be loops, those first that leave out most steps; they overlap. A period is guessed by the distance of equal steps,
/// those most steps speak for first: so the turns of the outermost loop are found, whatever repeats itself within them.
pub fn candidates(signatures: &[u64]) -> Vec<Region> {
    let mut last: FxHashMap<u64, usize> = FxHashMap::default();
    let mut votes: FxHashMap<usize, usize> = FxHashMap::default();
    for (at, together) in signatures.windows(TOGETHER.min(signatures.len().max(1))).enumerate() {
        let mut hasher = FxHasher::default();
        together.hash(&mut hasher);
        if let Some(before) = last.insert(hasher.finish(), at) {
            *votes.entry(at - before).or_default() += 1;
        }
    }
    let mut periods: Vec<(usize, usize)> = votes.into_iter().map(|(period, votes)| (votes * period, period)).collect();
    periods.sort_unstable_by(|a, b| b.cmp(a));
    let mut found: Vec<Region> = periods.iter().take(GUESSES).flat_map(|&(_, period)| runs(signatures, period)).collect();
    found.sort_unstable_by_key(|region| (std::cmp::Reverse(region.saved()), region.period, region.start));
    found
}

/// Stretches that do not overlap, in order: of each candidate what those before it leave.
pub fn choose(candidates: impl Iterator<Item = Region>) -> Vec<Region> {
    let mut chosen: Vec<Region> = Vec::new();
    for candidate in candidates {
        let mut start = candidate.start;
        let mut parts = Vec::new();
        let taken = chosen.iter().filter(|other| other.end() > candidate.start && other.start < candidate.end());
        for (from, to) in taken.map(|other| (other.start, other.end())).chain([(candidate.end(), candidate.end())]) {
            let turns = from.saturating_sub(start) / candidate.period;
            if turns >= Region::LEAST_TURNS {
                parts.push(Region { start, turns, ..candidate });
            }
            start = start.max(to);
        }
        chosen.extend(parts);
        chosen.sort_unstable_by_key(|region| region.start);
    }
    chosen
}

/// The stretches in which every step is like the one a period before.
fn runs(signatures: &[u64], period: usize) -> Vec<Region> {
    let mut runs = Vec::new();
    let last = signatures.len() - period;
    let mut start = 0;
    for at in 0..=last {
        if at < last && signatures[at] == signatures[at + period] {
            continue;
        }
        let turns = (at - start + period) / period;
        if at > start && turns >= Region::LEAST_TURNS {
            runs.push(Region { start, period, turns });
        }
        start = at + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(signatures: &[u64]) -> Vec<Region> {
        choose(candidates(signatures).into_iter())
    }

    #[test]
    fn the_turns_of_the_outer_loop_are_found() {
        // Twenty turns of 1 2 2 2 3, between other steps.
        let mut steps = vec![7, 8];
        (0..20).for_each(|_| steps.extend([1, 2, 2, 2, 3]));
        steps.extend([9, 9, 6]);
        assert_eq!(regions(&steps), [Region { start: 2, period: 5, turns: 20 }]);
    }

    #[test]
    fn two_loops_one_behind_the_other() {
        let mut steps = Vec::new();
        (0..10).for_each(|_| steps.extend([1, 2, 3]));
        (0..10).for_each(|_| steps.extend([4, 5, 6, 7]));
        assert_eq!(regions(&steps), [Region { start: 0, period: 3, turns: 10 }, Region { start: 30, period: 4, turns: 10 }]);
    }

    #[test]
    fn nothing_repeats_itself_in_a_short_sequence() {
        for length in 0..4 {
            assert_eq!(regions(&vec![1; length]), []);
        }
        assert_eq!(regions(&[1, 2, 3, 4, 5, 6]), []);
    }

    #[test]
    fn what_a_longer_one_leaves_of_a_loop_is_found() {
        // Forward, then segments that go forward again and back.
        let (segments, inner) = (10, 10);
        let mut steps = Vec::new();
        (0..segments * inner).for_each(|_| steps.extend([1, 2, 3]));
        for _ in 0..segments {
            (0..inner).for_each(|_| steps.extend([1, 2, 3]));
            (0..inner).for_each(|_| steps.extend([4, 5, 6, 7]));
        }
        assert_eq!(regions(&steps), [Region { start: 0, period: 3, turns: 100 }, Region { start: 300, period: 70, turns: 10 }]);
    }
}
