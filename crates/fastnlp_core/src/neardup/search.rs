//! Similar sets: candidates through an index over prefixes, then the exact count.

use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use super::bounds::Threshold;
use super::grams::{Grams, shared_grams};
use super::index::Index;
use super::outline::{Outline, Outlines};
use super::{Fold, Pair};
use crate::Error;

/// Sets that are compared with the kept ones at the same time.
const BLOCK_SETS: usize = 4096;

/// The gram sets of some texts, as far as they are held.
pub struct Sets<'a> {
    texts: &'a [&'a str],
    grams: &'a Grams<'a>,
    threshold: Threshold,
    outlines: Vec<Outline>,
    equal: Fold,
    largest: usize,
    index: Index,
}

/// Room for one search after another.
#[derive(Default)]
struct Scratch {
    /// For each size of a partner, from the least possible on: how many grams it must share.
    overlaps: Vec<usize>,
    candidates: Vec<u32>,
    own: Vec<u64>,
    other: Vec<u64>,
}

impl<'a> Sets<'a> {
    /// The sets of `texts`, which should be distinct, and their outlines.
    pub fn new(
        texts: &'a [&'a str],
        grams: &'a Grams<'a>,
        threshold: Threshold,
        outlines: Outlines,
    ) -> Self {
        let hashes: Vec<u64> = outlines.sets.iter().map(|outline| outline.hash).collect();
        let equal = Fold::new(&hashes, |a, b| {
            let [a, b] = [a, b].map(|set| grams.set(texts[set as usize]));
            a == b
        });
        let index = Index::new(outlines.entries(|set| equal.first_of(set) == set), texts.len());
        let outlines = outlines.sets;
        let largest = outlines.iter().map(|outline| outline.size as usize).max().unwrap_or(0);
        Self { texts, grams, threshold, outlines, equal, largest, index }
    }

    /// For each set the first one that is equal to it: itself, if it is the first.
    pub fn firsts(&self) -> Vec<u32> {
        (0..self.texts.len() as u32).map(|set| self.equal.first_of(set)).collect()
    }

    /// All pairs of sets that differ, in no particular order.
    ///
    /// # Errors
    /// [`Error::TooManyPairs`] if there are more than `most`.
    pub fn pairs(mut self, most: usize) -> Result<Vec<Pair>, Error> {
        for (set, outline) in (0..).zip(&self.outlines) {
            self.index.add(set, outline);
        }
        let found = AtomicUsize::new(0);
        let sets = 0..self.texts.len() as u32;
        sets.into_par_iter()
            .map_init(Scratch::default, |scratch, set| {
                let pairs: Vec<Pair> = self.similar(set, 0..set, scratch).collect();
                if found.fetch_add(pairs.len(), Relaxed) + pairs.len() > most {
                    return Err(Error::TooManyPairs { most });
                }
                Ok(pairs)
            })
            .try_fold(Vec::new, |mut all, pairs| {
                all.extend(pairs?);
                Ok(all)
            })
            .try_reduce(Vec::new, |mut all, more| {
                all.extend(more);
                Ok(all)
            })
    }

    /// One pair for each set that is not kept, `left` being its kept set; ascending by set. Of
    /// equal sets only the first is looked at.
    ///
    /// Greedy, in the order of the sets: one that no earlier kept set is similar to is kept; any
    /// other belongs to the earliest such set. So each member is within the threshold of its kept
    /// set, and a chain of small changes does not end up in one cluster. Only kept sets are
    /// indexed: a template that 100,000 texts fill in has five billion pairs, but one kept set.
    pub fn stars(mut self) -> Vec<Pair> {
        let mut members = Vec::new();
        let mut scratch = Scratch::default();
        for first in (0..self.texts.len()).step_by(BLOCK_SETS) {
            let first_set = first as u32;
            let block = first_set..self.texts.len().min(first + BLOCK_SETS) as u32;
            // What was kept before the block is earlier than anything kept in it.
            let stars: Vec<Option<Pair>> = block
                .clone()
                .into_par_iter()
                .map_init(Scratch::default, |scratch, set| {
                    self.similar(set, 0..first_set, scratch).next()
                })
                .collect();
            for (set, star) in block.zip(stars) {
                let star = star.or_else(|| self.similar(set, first_set..set, &mut scratch).next());
                match star {
                    Some(star) => members.push(star),
                    None => self.index.add(set, &self.outlines[set as usize]),
                }
            }
        }
        members
    }

    /// The sets in `among` that were added to the index and are similar to `set`, ascending.
    fn similar<'s>(
        &'s self,
        set: u32,
        among: Range<u32>,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = Pair> + 's {
        let size = self.outlines[set as usize].size as usize;
        let least = self.threshold.fewest_shared(size);
        self.put_overlaps(size, least, &mut scratch.overlaps);
        self.put_candidates(set, least, among, scratch);
        let Scratch { overlaps, candidates, own, other } = scratch;
        if !candidates.is_empty() {
            self.grams.put_set(self.texts[set as usize], own);
        }
        candidates.iter().filter_map(move |&left| {
            self.grams.put_set(self.texts[left as usize], other);
            let size = self.outlines[left as usize].size as usize;
            let shared = shared_grams(own, other, overlaps[size - least])?;
            let similarity = shared as f64 / (own.len() + other.len() - shared) as f64;
            Some(Pair { left, right: set, similarity })
        })
    }

    /// How many grams a set of `size` must share with partners of `least` grams and more.
    fn put_overlaps(&self, size: usize, least: usize, overlaps: &mut Vec<usize>) {
        overlaps.clear();
        let possible = |other: usize| other <= size || self.threshold.passes(size, other);
        let sizes = (least..=self.largest).take_while(|&other| possible(other));
        overlaps.extend(sizes.map(|other| self.threshold.overlap(size + other)));
    }

    /// Partners that share a gram of their prefixes early enough, and enough bits.
    fn put_candidates(&self, set: u32, least: usize, among: Range<u32>, scratch: &mut Scratch) {
        let Scratch { overlaps, candidates, .. } = scratch;
        candidates.clear();
        for (remaining, postings) in self.index.partners(set, among) {
            for posting in postings {
                // Both sets are in the same order, so what they share stands from here on, if this
                // is the first gram they share; if it is not, the first one passes as well.
                let most = remaining.min(posting.remaining) as usize;
                let overlap = overlaps.get((posting.size as usize).wrapping_sub(least));
                if overlap.is_some_and(|&overlap| most >= overlap) {
                    candidates.push(posting.set);
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let outline = &self.outlines[set as usize];
        candidates.retain(|&other| {
            let other = &self.outlines[other as usize];
            outline.most_shared(other) >= overlaps[other.size as usize - least]
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::counts::GramCounts;
    use super::*;

    /// The letters from `start` on: sets of one-character grams.
    fn letters(start: u8, count: u8) -> String {
        (start..start + count).map(|offset| char::from(b'A' + offset)).collect()
    }

    fn sets<'a>(texts: &'a [&'a str], grams: &'a Grams<'a>, threshold: f64) -> Sets<'a> {
        let (threshold, counts) =
            (Threshold::new(threshold).unwrap(), GramCounts::new(texts, grams));
        Sets::new(texts, grams, threshold, Outlines::new(texts, grams, &counts, threshold))
    }

    fn stars(texts: &[String], threshold: f64) -> Vec<(u32, u32)> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let grams = Grams::new(&texts, 1);
        let stars = sets(&texts, &grams, threshold).stars();
        stars.iter().map(|star| (star.left, star.right)).collect()
    }

    fn windows(starts: &[u8]) -> Vec<String> {
        starts.iter().map(|&start| letters(start, 4)).collect()
    }

    #[test]
    fn a_chain_is_cut_where_it_leaves_the_kept_set() {
        assert_eq!(stars(&windows(&[0, 1, 2, 3]), 0.6), [(0, 1), (2, 3)]);
    }

    #[test]
    fn the_earliest_star_takes_a_set() {
        assert_eq!(stars(&windows(&[0, 2, 1]), 0.6), [(0, 2)]);
    }

    #[test]
    fn a_template_filled_in_often_has_one_kept_set() {
        let own = |number: u32| char::from_u32(0x4e00 + number).unwrap();
        let texts: Vec<String> =
            (0..20_000).map(|number| format!("{}{}", letters(0, 40), own(number))).collect();
        let stars = stars(&texts, 0.9);
        assert_eq!(stars.len(), 19_999);
        assert!(stars.iter().all(|&(kept, _)| kept == 0));
    }

    #[test]
    fn more_pairs_than_allowed_are_refused() {
        let texts: Vec<String> = (0..5).map(|own| format!("abc{own}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let grams = Grams::new(&texts, 1);
        let pairs = |most| sets(&texts, &grams, 0.6).pairs(most);
        assert_eq!(pairs(10).unwrap().len(), 10);
        assert_eq!(pairs(9).unwrap_err(), Error::TooManyPairs { most: 9 });
    }
}
