//! The few rarest grams of each set: two sets can only be similar if they share one of these.

use rayon::prelude::*;

use super::bounds::Threshold;
use super::grams::GramSet;

/// How often grams occur, in cells that several grams may share: a cell never counts too few, so
/// a gram whose cell says 1 occurs in no other set.
struct GramCounts {
    cells: Vec<u16>,
    shift: u32,
}

impl GramCounts {
    fn new(sets: &[&GramSet]) -> Self {
        let grams: usize = sets.iter().map(|set| set.len()).sum();
        let bits = grams.max(2).next_power_of_two().ilog2();
        let mut counts = Self { cells: vec![0; 1 << bits], shift: u64::BITS - bits };
        for &gram in sets.iter().copied().flatten() {
            let cell = counts.cell(gram);
            counts.cells[cell] = counts.cells[cell].saturating_add(1);
        }
        counts
    }

    /// Fibonacci hashing: the top bits of the product depend on all bits of the gram.
    fn cell(&self, gram: u64) -> usize {
        (gram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    fn get(&self, gram: u64) -> u16 {
        self.cells[self.cell(gram)]
    }
}

/// What the join needs of one set.
pub struct Prefix {
    /// The rarest grams that occur elsewhere too, rarest first; empty if the set has no partner.
    pub grams: Vec<u64>,
    /// How many grams of the set may occur elsewhere.
    pub shareable: usize,
}

/// The prefix of each set. All sets order their grams alike (by count, then by number), so with
/// k = `fewest_shared` two similar sets share one of the first size − k + 1 grams of each.
pub fn prefixes(sets: &[&GramSet], threshold: Threshold) -> Vec<Prefix> {
    let counts = GramCounts::new(sets);
    sets.par_iter().map(|set| prefix(set, &counts, threshold)).collect()
}

fn prefix(set: &GramSet, counts: &GramCounts, threshold: Threshold) -> Prefix {
    let mut ranked: Vec<(u16, u64)> =
        set.iter().map(|&gram| (counts.get(gram), gram)).filter(|&(count, _)| count > 1).collect();
    let shareable = ranked.len();
    if shareable == 0 {
        return Prefix { grams: Vec::new(), shareable };
    }
    // Grams that occur nowhere else come first in the order and need no entry.
    let alone = set.len() - shareable;
    let length = (set.len() - threshold.fewest_shared(set.len()) + 1).saturating_sub(alone);
    if length < ranked.len() {
        ranked.select_nth_unstable(length);
        ranked.truncate(length);
    }
    ranked.sort_unstable();
    Prefix { grams: ranked.into_iter().map(|(_, gram)| gram).collect(), shareable }
}
