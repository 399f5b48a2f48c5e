//! All pairs of similar sets: candidates through an index over prefixes, then the exact count.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use super::Pair;
use super::bounds::Threshold;
use super::grams::GramSet;
use super::prefix::{Prefix, prefixes};
use crate::Error;

/// Sets probed by one task; each task has a counter per set.
const TASK_SETS: usize = 8192;

/// In a [`Probe`], a partner that can no longer reach the threshold.
const RULED_OUT: u32 = u32::MAX;

/// The pairs of `sets` that pass `threshold`, in no particular order; rows are positions in
/// `sets`, which must be distinct.
///
/// # Errors
/// [`Error::TooManyPairs`] if there are more than `most_pairs`.
pub fn join(
    sets: &[&GramSet],
    threshold: Threshold,
    most_pairs: usize,
) -> Result<Vec<Pair>, Error> {
    let mut ranked: Vec<Ranked> = (0..)
        .zip(sets.iter().zip(prefixes(sets, threshold)))
        .filter(|(_, (_, prefix))| !prefix.grams.is_empty())
        .map(|(row, (grams, prefix))| Ranked { row, grams, prefix })
        .collect();
    ranked.sort_by_key(|set| set.grams.len());
    let index = Index::new(&ranked);
    let tasks = ranked.len().div_ceil(TASK_SETS);
    let found = AtomicUsize::new(0);
    let probe_task = |task: usize| {
        let first = task * TASK_SETS;
        let mut probe = Probe::new(&ranked, &index, threshold);
        for rank in first..ranked.len().min(first + TASK_SETS) {
            let before = probe.pairs.len();
            probe.run(rank);
            let more = probe.pairs.len() - before;
            if found.fetch_add(more, Relaxed) + more > most_pairs {
                return Err(Error::TooManyPairs { most: most_pairs });
            }
        }
        Ok(probe.pairs)
    };
    let parts: Result<Vec<Vec<Pair>>, Error> = (0..tasks).into_par_iter().map(probe_task).collect();
    Ok(parts?.concat())
}

/// A set in the order of size, which is its rank.
struct Ranked<'a> {
    row: u32,
    grams: &'a GramSet,
    prefix: Prefix,
}

/// Which sets have a gram in their prefix, and where in it.
struct Index {
    /// (rank, position in its prefix), gram by gram, ascending by rank.
    postings: Vec<(u32, u32)>,
    /// For each rank and each gram of its prefix: the postings of smaller ranks.
    partners: Vec<Vec<Range<usize>>>,
}

impl Index {
    fn new(ranked: &[Ranked]) -> Self {
        let mut entries: Vec<(u64, u32, u32)> = (0..)
            .zip(ranked)
            .flat_map(|(rank, set)| {
                (0..).zip(&set.prefix.grams).map(move |(position, &gram)| (gram, rank, position))
            })
            .collect();
        entries.par_sort_unstable();
        let mut partners: Vec<Vec<Range<usize>>> =
            ranked.iter().map(|set| vec![0..0; set.prefix.grams.len()]).collect();
        let mut start = 0;
        for (end, &(gram, rank, position)) in entries.iter().enumerate() {
            if entries[start].0 != gram {
                start = end;
            }
            partners[rank as usize][position as usize] = start..end;
        }
        let postings = entries.into_iter().map(|(_, rank, position)| (rank, position)).collect();
        Self { postings, partners }
    }
}

/// Looks for the partners of one set after another.
struct Probe<'a> {
    ranked: &'a [Ranked<'a>],
    index: &'a Index,
    threshold: Threshold,
    /// For each rank, how many prefix grams it was found to share, or [`RULED_OUT`].
    shared: Vec<u32>,
    /// Ranks whose count is not 0.
    touched: Vec<u32>,
    pairs: Vec<Pair>,
}

impl<'a> Probe<'a> {
    fn new(ranked: &'a [Ranked<'a>], index: &'a Index, threshold: Threshold) -> Self {
        let (shared, touched, pairs) = (vec![0; ranked.len()], Vec::new(), Vec::new());
        Self { ranked, index, threshold, shared, touched, pairs }
    }

    /// Adds the pairs of set `rank` with the sets before it.
    fn run(&mut self, rank: usize) {
        let set = &self.ranked[rank];
        let least_size = self.threshold.fewest_shared(set.grams.len());
        for (position, partners) in self.index.partners[rank].iter().enumerate() {
            let postings = &self.index.postings[partners.clone()];
            let too_small =
                |&(rank, _): &(u32, u32)| self.ranked[rank as usize].grams.len() < least_size;
            let first = postings.partition_point(too_small);
            for &(partner, partner_position) in &postings[first..] {
                self.count(set, position, partner as usize, partner_position as usize);
            }
        }
        while let Some(partner) = self.touched.pop() {
            let shared = std::mem::take(&mut self.shared[partner as usize]);
            if shared != RULED_OUT {
                self.pairs.extend(self.verified(set, &self.ranked[partner as usize]));
            }
        }
    }

    /// Notes that `set` and `partner` share the gram at these positions of their prefixes.
    fn count(&mut self, set: &Ranked, position: usize, partner: usize, partner_position: usize) {
        let shared = &mut self.shared[partner];
        if *shared == RULED_OUT {
            return;
        }
        if *shared == 0 {
            self.touched.push(partner as u32);
        }
        *shared += 1;
        // Both sets are in the same order, so only what stands behind both positions can follow.
        let partner = &self.ranked[partner];
        let behind =
            (set.prefix.shareable - position).min(partner.prefix.shareable - partner_position) - 1;
        if (*shared as usize + behind)
            < self.threshold.overlap(set.grams.len() + partner.grams.len())
        {
            *shared = RULED_OUT;
        }
    }

    fn verified(&self, a: &Ranked, b: &Ranked) -> Option<Pair> {
        let sizes = a.grams.len() + b.grams.len();
        let shared = shared_grams(a.grams, b.grams, self.threshold.overlap(sizes))?;
        Some(Pair {
            left: a.row.min(b.row),
            right: a.row.max(b.row),
            similarity: shared as f64 / (sizes - shared) as f64,
        })
    }
}

/// |a ∩ b|, or None as soon as it cannot reach `overlap`.
pub fn shared_grams(a: &[u64], b: &[u64], overlap: usize) -> Option<usize> {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        if shared + (a.len() - i).min(b.len() - j) < overlap {
            return None;
        }
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    (shared >= overlap).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_pairs_than_allowed_are_refused() {
        let sets: Vec<GramSet> = (0..5).map(|own| vec![10, 11, 12, 13 + own]).collect();
        let sets: Vec<&GramSet> = sets.iter().collect();
        let threshold = Threshold::new(0.6).unwrap();
        assert_eq!(join(&sets, threshold, 10).unwrap().len(), 10);
        assert_eq!(join(&sets, threshold, 9).unwrap_err(), Error::TooManyPairs { most: 9 });
    }
}
