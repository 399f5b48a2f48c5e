//! Which rows to keep: stars instead of chains, found without listing the pairs.
//!
//! Only kept sets are indexed. A template that 100,000 texts fill in has five billion pairs, but
//! one kept set.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Pair;
use super::bounds::Threshold;
use super::grams::GramSet;
use super::join::shared_grams;
use super::prefix::{Prefix, prefixes};

/// Sets that are compared with the index at the same time.
const BLOCK_SETS: usize = 4096;

/// One entry for each set that is not kept, `left` being its kept set; ascending by set. Rows are
/// positions in `sets`, which must be distinct.
///
/// Greedy, in input order: a set that no earlier kept set is similar to is kept; any other belongs
/// to the earliest such set. So each member is within the threshold of its kept set, and a chain of
/// small changes does not end up in one cluster.
pub fn stars(sets: &[&GramSet], threshold: Threshold) -> Vec<Pair> {
    let prefixes = prefixes(sets, threshold);
    let mut kept = Kept { sets, prefixes: &prefixes, threshold, having: FxHashMap::default() };
    let mut members = Vec::new();
    for first in (0..sets.len()).step_by(BLOCK_SETS) {
        let block = first..sets.len().min(first + BLOCK_SETS);
        let stars: Vec<Option<Pair>> =
            block.clone().into_par_iter().map(|set| kept.earliest_similar(set)).collect();
        // What was kept before the block is earlier than anything kept in it.
        let mut new = Kept { having: FxHashMap::default(), ..kept };
        for (set, star) in block.zip(stars) {
            match star.or_else(|| new.earliest_similar(set)) {
                Some(star) => members.push(star),
                None => new.add(set),
            }
        }
        let new = new.having;
        for (gram, sets) in new {
            kept.having.entry(gram).or_default().extend(sets);
        }
    }
    members
}

/// The sets that are kept, by the grams of their prefixes.
struct Kept<'a> {
    sets: &'a [&'a GramSet],
    prefixes: &'a [Prefix],
    threshold: Threshold,
    having: FxHashMap<u64, Vec<u32>>,
}

impl Kept<'_> {
    fn add(&mut self, set: usize) {
        for &gram in &self.prefixes[set].grams {
            self.having.entry(gram).or_default().push(set as u32);
        }
    }

    /// The first kept set that `set` is similar to.
    fn earliest_similar(&self, set: usize) -> Option<Pair> {
        let grams = self.sets[set];
        let fewest = self.threshold.fewest_shared(grams.len());
        let mut candidates: Vec<u32> = self.prefixes[set]
            .grams
            .iter()
            .filter_map(|gram| self.having.get(gram))
            .flatten()
            .copied()
            .filter(|&kept| self.sets[kept as usize].len() >= fewest)
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.into_iter().find_map(|kept| self.star(kept, set))
    }

    fn star(&self, kept: u32, set: usize) -> Option<Pair> {
        let (a, b) = (self.sets[kept as usize], self.sets[set]);
        let sizes = a.len() + b.len();
        let shared = shared_grams(a, b, self.threshold.overlap(sizes))?;
        let similarity = shared as f64 / (sizes - shared) as f64;
        Some(Pair { left: kept, right: set as u32, similarity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of numbers from 0, overlapping so that a threshold of 0.6 needs 3 of 5.
    fn members(starts: &[u64]) -> Vec<(u32, u32)> {
        let sets: Vec<GramSet> = starts.iter().map(|&start| (start..start + 4).collect()).collect();
        let sets: Vec<&GramSet> = sets.iter().collect();
        let stars = stars(&sets, Threshold::new(0.6).unwrap());
        stars.iter().map(|star| (star.left, star.right)).collect()
    }

    #[test]
    fn a_chain_is_cut_where_it_leaves_the_kept_row() {
        assert_eq!(members(&[0, 1, 2, 3]), [(0, 1), (2, 3)]);
    }

    #[test]
    fn the_earliest_star_takes_a_row() {
        assert_eq!(members(&[0, 2, 1]), [(0, 2)]);
    }

    #[test]
    fn a_template_filled_in_often_has_one_kept_row() {
        let template: GramSet = (0..40).collect();
        let sets: Vec<GramSet> = (0..20_000)
            .map(|own| template.iter().copied().chain([1_000 + own]).collect())
            .collect();
        let sets: Vec<&GramSet> = sets.iter().collect();
        let stars = stars(&sets, Threshold::new(0.9).unwrap());
        assert_eq!(stars.len(), 19_999);
        assert!(stars.iter().all(|star| star.left == 0));
    }
}
