//! What is kept of each gram set: its size, its few rarest grams, and bits that tell sets apart.

use std::hash::Hasher;

use rayon::prelude::*;
use rustc_hash::FxHasher;

use super::bounds::Threshold;
use super::counts::{GramCounts, scattered};
use super::grams::Grams;

/// Sets that one thread outlines at a time.
const CHUNK_SETS: usize = 256;

/// One gram set, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Grams in the set.
    pub size: u32,
    /// Grams that other sets may have.
    pub shareable: u32,
    /// Equal for equal sets.
    pub hash: u64,
    /// One bit for each gram, which others may share.
    pub signature: [u64; 2],
}

impl Outline {
    fn of(set: &[u64], shareable: usize) -> Self {
        let mut hasher = FxHasher::default();
        let mut signature = [0; 2];
        for &gram in set {
            hasher.write_u64(gram);
            let bit = scattered(gram) % 128;
            signature[bit as usize / 64] |= 1 << (bit % 64);
        }
        let (size, shareable) = (set.len() as u32, shareable as u32);
        Self { size, shareable, hash: hasher.finish(), signature }
    }

    /// The most grams that two sets can share: each bit that only one has stands for a gram that
    /// only it has.
    pub fn most_shared(&self, other: &Self) -> usize {
        let without = |own: &Self, other: &Self| {
            let bits = own.signature.iter().zip(other.signature);
            let alone: u32 = bits.map(|(own, other)| (own & !other).count_ones()).sum();
            (own.size as usize).saturating_sub(alone as usize)
        };
        without(self, other).min(without(other, self))
    }
}

/// A gram set as far as the filters see it.
#[derive(Debug, Clone, Copy)]
pub struct GramSet<'a> {
    pub outline: &'a Outline,
    /// See [`Outlines`].
    pub prefix: &'a [u64],
}

impl<'a> GramSet<'a> {
    /// The grams in the prefix, each with the number of grams of the set from it on, in the common
    /// order, that others may have.
    pub fn entries(self) -> impl Iterator<Item = (u64, u32)> + 'a {
        let shareable = self.outline.shareable;
        let prefix = (0..).zip(self.prefix);
        prefix.map(move |(position, &gram)| (gram, shareable.saturating_sub(position)))
    }
}

/// Outlines of gram sets, and the prefix of each.
///
/// All sets order their grams alike (by count, then by number), so with k = `fewest_shared` two
/// similar sets share one of the first size − k + 1 grams of each: its prefix. Grams that occur
/// nowhere else come first in the order and are left out.
#[derive(Default)]
pub struct Outlines {
    pub sets: Vec<Outline>,
    prefixes: Lists,
}

impl Outlines {
    pub fn new(texts: &[&str], grams: &Grams, counts: &GramCounts, threshold: Threshold) -> Self {
        let chunks: Vec<Self> = texts
            .par_chunks(CHUNK_SETS)
            .map(|texts| {
                let mut chunk = Self::default();
                let (mut set, mut ranked) = (Vec::new(), Vec::new());
                for text in texts {
                    grams.put_set(text, &mut set);
                    let shareable = put_prefix(&set, counts, threshold, &mut ranked);
                    chunk.push(Outline::of(&set, shareable), ranked.iter().map(|&(_, gram)| gram));
                }
                chunk
            })
            .collect();
        let mut all = Self::default();
        for chunk in chunks {
            all.append(&chunk);
        }
        all
    }

    pub fn push(&mut self, outline: Outline, prefix: impl Iterator<Item = u64>) {
        self.sets.push(outline);
        self.prefixes.push(prefix);
    }

    fn append(&mut self, other: &Self) {
        self.sets.extend(&other.sets);
        self.prefixes.append(&other.prefixes);
    }

    /// A set with its prefix, in the common order.
    pub fn get(&self, set: usize) -> GramSet<'_> {
        GramSet { outline: &self.sets[set], prefix: self.prefixes.get(set) }
    }
}

/// Lists of grams, one behind the other: a `Vec` for each would take more than most of them hold.
#[derive(Default)]
pub struct Lists {
    grams: Vec<u64>,
    /// Where each list ends in `grams`.
    ends: Vec<usize>,
}

impl Lists {
    pub fn push(&mut self, list: impl Iterator<Item = u64>) {
        self.grams.extend(list);
        self.ends.push(self.grams.len());
    }

    fn append(&mut self, other: &Self) {
        let before = self.grams.len();
        self.grams.extend(&other.grams);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    pub fn get(&self, list: usize) -> &[u64] {
        let start = if list == 0 { 0 } else { self.ends[list - 1] };
        &self.grams[start..self.ends[list]]
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many grams there are in all lists together.
    pub fn num_grams(&self) -> usize {
        self.grams.len()
    }
}

/// Puts the prefix of a set into `ranked`, each gram with its count; gives how many grams of the
/// set others may have.
fn put_prefix(
    set: &[u64],
    counts: &GramCounts,
    threshold: Threshold,
    ranked: &mut Vec<(u8, u64)>,
) -> usize {
    ranked.clear();
    ranked.extend(set.iter().filter_map(|&gram| Some((counts.if_shareable(gram)?, gram))));
    let (size, shareable) = (set.len(), ranked.len());
    let length = (size + 1 - threshold.fewest_shared(size)).saturating_sub(size - shareable);
    if length < shareable {
        ranked.select_nth_unstable(length);
        ranked.truncate(length);
    }
    ranked.sort_unstable();
    shareable
}
