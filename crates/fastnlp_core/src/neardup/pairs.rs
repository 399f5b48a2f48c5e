//! All pairs of similar rows.

use std::hash::Hash;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Pair;
use super::outline::Outlines;
use super::search::{Scratch, Sets, Texts};
use crate::Error;

/// Sets that are added to the index, and then compared with those before them, at the same time.
const CHUNK_SETS: usize = 4096;

/// All pairs of rows whose sets differ, each set named by its first row, and each further row of a
/// set with that first row; ascending.
///
/// # Errors
/// [`Error::TooManyPairs`] if there are more than `most` of sets that differ, and those of
/// [`Texts::outlines`].
pub fn pairs(texts: Texts, most: usize) -> Result<Vec<Pair>, Error> {
    let rows: Vec<u32> = texts.rows().collect();
    let keys: Vec<&str> = rows.iter().map(|&row| texts.get(row)).collect();
    let distinct = Fold::new(&keys, |_, _| true);
    let firsts: Vec<u32> = distinct.first.iter().map(|&first| rows[first as usize]).collect();
    let outlines = texts.outlines(&firsts)?;
    // Texts that differ can have the same grams (哈哈哈 and 哈哈哈哈), so sets are folded as well.
    let hashes: Vec<u64> = outlines.sets.iter().map(|outline| outline.hash).collect();
    let equal = Fold::new(&hashes, |a, b| {
        let [a, b] = [a, b].map(|set| texts.grams.set(texts.get(firsts[set as usize])));
        a == b
    });
    let mut found = pairs_of_sets(texts, &firsts, &outlines, &equal.first, most)?;
    let first_row = |text: u32| firsts[equal.first_of(text) as usize];
    let of_rows = rows.iter().zip(&distinct.group).map(|(&row, &text)| (first_row(text), row));
    let repeated = of_rows.filter(|(first, row)| first != row);
    found.extend(repeated.map(|(left, right)| Pair { left, right, similarity: 1.0 }));
    found.par_sort_unstable_by_key(|pair| (pair.left, pair.right));
    Ok(found)
}

/// The pairs among the `sets` at some positions of `rows`, in no particular order.
fn pairs_of_sets(
    texts: Texts,
    rows: &[u32],
    outlines: &Outlines,
    positions: &[u32],
    most: usize,
) -> Result<Vec<Pair>, Error> {
    let mut sets = Sets::new(texts);
    let (mut found, number_found) = (Vec::new(), AtomicUsize::new(0));
    for chunk in positions.chunks(CHUNK_SETS) {
        let first = sets.len();
        for &position in chunk {
            sets.add(rows[position as usize], outlines.get(position as usize));
        }
        let pairs_of = |scratch: &mut Scratch, (number, &position): (usize, &u32)| {
            let (right, set) = (rows[position as usize], outlines.get(position as usize));
            let similar = sets.similar(texts.get(right), set, 0..first + number as u32, scratch);
            let pairs: Vec<Pair> =
                similar.map(|(left, similarity)| Pair { left, right, similarity }).collect();
            if number_found.fetch_add(pairs.len(), Relaxed) + pairs.len() > most {
                return Err(Error::TooManyPairs { most });
            }
            Ok(pairs)
        };
        let pairs: Result<Vec<Vec<Pair>>, Error> =
            chunk.par_iter().enumerate().map_init(Scratch::default, pairs_of).collect();
        found.extend(pairs?.into_iter().flatten());
    }
    Ok(found)
}

/// Equal values as groups, numbered in order of first sight.
struct Fold {
    /// Position of each group's first value, ascending.
    first: Vec<u32>,
    /// Group of each value.
    group: Vec<u32>,
}

impl Fold {
    /// Values are equal if their keys are and `same` says so of their positions.
    fn new<K: Hash + Eq + Copy>(keys: &[K], same: impl Fn(u32, u32) -> bool) -> Self {
        let mut first: Vec<u32> = Vec::new();
        // Different values with equal keys stand under 0, 1, 2, …
        let mut groups: FxHashMap<(K, u32), u32> = FxHashMap::default();
        let group_of = |(position, &key): (u32, &K)| {
            let mut place = 0;
            loop {
                let group = *groups.entry((key, place)).or_insert_with(|| {
                    first.push(position);
                    first.len() as u32 - 1
                });
                let earliest = first[group as usize];
                if earliest == position || same(earliest, position) {
                    return group;
                }
                place += 1;
            }
        };
        let group = (0..).zip(keys).map(group_of).collect();
        Self { first, group }
    }

    fn first_of(&self, position: u32) -> u32 {
        self.first[self.group[position as usize] as usize]
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::LargeStringArray;

    use super::super::bounds::Threshold;
    use super::super::counts::GramCounts;
    use super::super::grams::Grams;
    use super::super::search::Source;
    use super::*;

    #[test]
    fn more_pairs_than_allowed_are_refused() {
        let column: LargeStringArray = (0..5).map(|own| Some(format!("abc{own}"))).collect();
        let grams = Grams::new(column.iter().flatten(), 1);
        let outlines = Source::Made(GramCounts::new(column.iter().flatten(), &grams));
        let threshold = Threshold::new(0.6).unwrap();
        let texts = Texts { column: &column, grams: &grams, outlines: &outlines, threshold };
        assert_eq!(pairs(texts, 10).unwrap().len(), 10);
        assert_eq!(pairs(texts, 9).unwrap_err(), Error::TooManyPairs { most: 9 });
    }
}
