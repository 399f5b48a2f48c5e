//! Which sets have a gram in their prefix.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::outline::GramSet;

/// A set under a gram of its prefix, with what the filters need to know of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Posting {
    pub set: u32,
    pub size: u32,
    /// Grams of the set from this one on, in the common order, that others may have.
    pub remaining: u32,
}

/// The postings of each gram, in the order in which [`Index::add`] took their sets.
#[derive(Default)]
pub struct Index {
    runs: FxHashMap<u64, Run>,
    rooms: Rooms,
    postings: usize,
}

impl Index {
    /// Adds a set, whose number must be above those added before.
    pub fn add(&mut self, number: u32, set: GramSet) {
        for (gram, remaining) in set.entries() {
            let run = self.runs.entry(gram).or_default();
            self.rooms.push(run, Posting { set: number, size: set.outline.size, remaining });
            self.postings += 1;
        }
    }

    /// For each gram in the prefix of a set: its `remaining`, and the postings of those `among`.
    pub fn partners(
        &self,
        set: GramSet<'_>,
        among: Range<u32>,
    ) -> impl Iterator<Item = (u32, &[Posting])> {
        set.entries().filter_map(move |(gram, remaining)| {
            let postings = self.rooms.of(*self.runs.get(&gram)?);
            let up_to = |set| postings.partition_point(|posting| posting.set < set);
            let first = if among.start == 0 { 0 } else { up_to(among.start) };
            let last = if among.end == u32::MAX { postings.len() } else { up_to(among.end) };
            Some((remaining, &postings[first..last]))
        })
    }

    /// How many postings it holds.
    pub fn len(&self) -> usize {
        self.postings
    }
}

/// Where the postings of a gram lie.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: u32,
    length: u32,
}

impl Run {
    fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.length as usize
    }
}

/// One list in which every run lies in one piece, with room for a power of two of postings. Most
/// grams have one posting: a list for each would take four times as much.
#[derive(Default)]
struct Rooms {
    postings: Vec<Posting>,
    /// Where rooms of 1, 2, 4, … lie that their run has outgrown.
    left: [Vec<u32>; u32::BITS as usize],
}

impl Rooms {
    fn of(&self, run: Run) -> &[Posting] {
        &self.postings[run.range()]
    }

    fn push(&mut self, run: &mut Run, posting: Posting) {
        if run.length == 0 || run.length.is_power_of_two() {
            self.double(run);
        }
        run.length += 1;
        self.postings[run.range().end - 1] = posting;
    }

    fn double(&mut self, run: &mut Run) {
        let outgrown = run.length.checked_ilog2().map(|size| size as usize);
        let size = outgrown.map_or(0, |size| size + 1);
        let start = self.left[size].pop().unwrap_or_else(|| self.append(size));
        self.postings.copy_within(run.range(), start as usize);
        if let Some(outgrown) = outgrown {
            self.left[outgrown].push(run.start);
        }
        run.start = start;
    }

    fn append(&mut self, size: usize) -> u32 {
        let start = self.postings.len();
        self.postings.resize(start + (1 << size), Posting::default());
        start.try_into().expect("2^32 postings are 50 GB, which no caller's texts come near")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_run_holds_what_was_pushed_to_it(order in prop::collection::vec(0usize..6, 0..200)) {
            let (mut rooms, mut runs) = (Rooms::default(), [Run::default(); 6]);
            let mut expected = vec![Vec::new(); 6];
            for (set, &run) in (0..).zip(&order) {
                rooms.push(&mut runs[run], Posting { set, ..Posting::default() });
                expected[run].push(set);
            }
            for (run, expected) in runs.iter().zip(expected) {
                let found: Vec<u32> = rooms.of(*run).iter().map(|posting| posting.set).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
