//! Which sets have a gram in their prefix.

use std::ops::Range;

use rayon::prelude::*;

use super::outline::{Entry, Outline};

/// A set under a gram of its prefix, with what the filters need to know of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Posting {
    pub set: u32,
    pub size: u32,
    /// As in [`Entry`].
    pub remaining: u32,
}

/// A gram in the prefix of a set, by its number in the index.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    gram: u32,
    remaining: u32,
}

/// The postings of each gram, with room for all sets and filled by [`Index::add`] in their order.
pub struct Index {
    postings: Vec<Posting>,
    /// Where the room of each gram starts, and at the end where the last one ends.
    starts: Vec<usize>,
    /// How many postings of each gram were added.
    filled: Vec<u32>,
    /// The grams of each set; grams of one set only are left out.
    own: Vec<Own>,
    own_starts: Vec<usize>,
}

impl Index {
    /// An index without postings, for sets with these entries.
    pub fn new(mut entries: Vec<Entry>, sets: usize) -> Self {
        entries.par_sort_unstable();
        let groups = || entries.chunk_by(|a, b| a.gram == b.gram).filter(|group| group.len() > 1);
        let mut own_starts = vec![0; sets + 1];
        let mut starts = vec![0];
        for group in groups() {
            starts.push(starts[starts.len() - 1] + group.len());
            for entry in group {
                own_starts[entry.set as usize + 1] += 1;
            }
        }
        for set in 0..sets {
            own_starts[set + 1] += own_starts[set];
        }
        let room = own_starts[sets];
        let mut own = vec![Own::default(); room];
        let mut next = own_starts.clone();
        for (gram, group) in (0..).zip(groups()) {
            for entry in group {
                let place = &mut next[entry.set as usize];
                own[*place] = Own { gram, remaining: entry.remaining };
                *place += 1;
            }
        }
        let filled = vec![0; starts.len() - 1];
        Self { postings: vec![Posting::default(); room], starts, filled, own, own_starts }
    }

    /// Adds a set, which must come after those added before.
    pub fn add(&mut self, set: u32, outline: &Outline) {
        for at in self.own_range(set) {
            let Own { gram, remaining } = self.own[at];
            let filled = &mut self.filled[gram as usize];
            self.postings[self.starts[gram as usize] + *filled as usize] =
                Posting { set, size: outline.size, remaining };
            *filled += 1;
        }
    }

    /// For each gram of a set: its `remaining`, and the postings of the sets in `among`.
    pub fn partners(&self, set: u32, among: Range<u32>) -> impl Iterator<Item = (u32, &[Posting])> {
        self.own[self.own_range(set)].iter().map(move |own| {
            let start = self.starts[own.gram as usize];
            let postings = &self.postings[start..start + self.filled[own.gram as usize] as usize];
            let up_to = |set| postings.partition_point(|posting| posting.set < set);
            let first = if among.start == 0 { 0 } else { up_to(among.start) };
            (own.remaining, &postings[first..up_to(among.end)])
        })
    }

    fn own_range(&self, set: u32) -> Range<usize> {
        self.own_starts[set as usize]..self.own_starts[set as usize + 1]
    }
}
