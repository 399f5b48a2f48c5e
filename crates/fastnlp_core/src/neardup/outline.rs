//! What is kept of each gram set: its size, its few rarest grams, and bits that tell sets apart.

use std::hash::Hasher;

use rayon::prelude::*;
use rustc_hash::FxHasher;

use super::bounds::Threshold;
use super::counts::{GramCounts, scattered};
use super::grams::Grams;

/// One gram set, in brief.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Grams in the set.
    pub size: u32,
    /// One bit for each gram, which others may share.
    pub signature: u128,
    /// Equal for equal sets.
    pub hash: u64,
}

impl Outline {
    /// The most grams that two sets can share: each bit that only one has stands for a gram that
    /// only it has.
    pub fn most_shared(&self, other: &Self) -> usize {
        let without = |own: &Self, other: &Self| {
            own.size as usize - (own.signature & !other.signature).count_ones() as usize
        };
        without(self, other).min(without(other, self))
    }
}

/// A gram in the prefix of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub gram: u64,
    pub set: u32,
    /// Grams of the set from this one on, in the common order, that others may have.
    pub remaining: u32,
}

/// Outlines of the texts' gram sets, and the entries of their prefixes.
///
/// All sets order their grams alike (by count, then by number), so with k = `fewest_shared` two
/// similar sets share one of the first size − k + 1 grams of each: its prefix. Grams that occur
/// nowhere else come first in the order and need no entry.
pub fn outlines(texts: &[&str], grams: &Grams, threshold: Threshold) -> (Vec<Outline>, Vec<Entry>) {
    let counts = GramCounts::new(texts, grams);
    let outlined: Vec<(Vec<Outline>, Vec<Entry>)> = texts
        .par_chunks(1024)
        .enumerate()
        .map(|(chunk, texts)| {
            let mut buffers = Buffers::default();
            let mut entries = Vec::new();
            let outlines = (chunk as u32 * 1024..).zip(texts).map(|(set, text)| {
                grams.put_set(text, &mut buffers.grams);
                buffers.put_prefix(set, &counts, threshold, &mut entries);
                outline(&buffers.grams)
            });
            (outlines.collect(), entries)
        })
        .collect();
    let (outlines, entries): (Vec<_>, Vec<_>) = outlined.into_iter().unzip();
    (outlines.concat(), entries.concat())
}

fn outline(set: &[u64]) -> Outline {
    let mut hasher = FxHasher::default();
    let mut signature = 0;
    for &gram in set {
        hasher.write_u64(gram);
        signature |= 1 << (scattered(gram) % u64::from(u128::BITS));
    }
    Outline { size: set.len() as u32, signature, hash: hasher.finish() }
}

#[derive(Default)]
struct Buffers {
    grams: Vec<u64>,
    ranked: Vec<(u8, u64)>,
}

impl Buffers {
    /// Adds the prefix of `self.grams` to `entries`.
    fn put_prefix(
        &mut self,
        set: u32,
        counts: &GramCounts,
        threshold: Threshold,
        entries: &mut Vec<Entry>,
    ) {
        let size = self.grams.len();
        let counted = self.grams.iter().map(|&gram| (counts.get(gram), gram));
        self.ranked.clear();
        self.ranked.extend(counted.filter(|&(count, _)| count > 1));
        let shareable = self.ranked.len();
        let length = (size + 1 - threshold.fewest_shared(size)).saturating_sub(size - shareable);
        if length < shareable {
            self.ranked.select_nth_unstable(length);
            self.ranked.truncate(length);
        }
        self.ranked.sort_unstable();
        entries.extend((0..).zip(&self.ranked).map(|(position, &(_, gram))| Entry {
            gram,
            set,
            remaining: shareable as u32 - position,
        }));
    }
}
