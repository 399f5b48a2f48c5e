//! Near-duplicates between two columns: the texts of one are indexed, those of the other look them
//! up, and nothing is compared within a column.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::{Array, LargeStringArray};
use rayon::prelude::*;

use super::bounds::Threshold;
use super::counts::GramCounts;
use super::grams::Grams;
use super::outline::GramSet;
use super::search::{Scratch, Sets, Source, Texts};
use super::{MAX_PAIRS, Pair, check};
use crate::Error;

/// Texts that are outlined, and then added to the index or looked up in it, at the same time.
const CHUNK_TEXTS: usize = 4096;

/// How much is held in memory.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Grams of indexed texts; those of further texts are made anew for each comparison.
    held_grams: usize,
    /// Pairs that are found; more are refused.
    pairs: usize,
}

/// 128 MB of grams.
const LIMITS: Limits = Limits { held_grams: 1 << 24, pairs: MAX_PAIRS };

/// Every pair of a row of `train`, left, and a row of `test`, right, whose n-gram sets have a
/// Jaccard similarity of `threshold` or more; ascending by row. Memory grows with the pairs and
/// with the outlines of `test`; of `train` a chunk at a time is outlined.
///
/// Texts and n-grams are those of [`super::near_duplicates`]; `None` is never paired.
///
/// # Errors
/// [`Error::OutOfRange`] unless 0 < `threshold` ≤ 1 and 1 ≤ `ngram` ≤ [`super::MAX_NGRAM`];
/// [`Error::TooManyPairsAcross`] for more than 2^27 pairs.
pub fn contamination(
    train: &[Option<&str>],
    test: &[Option<&str>],
    threshold: f64,
    ngram: usize,
) -> Result<Vec<Pair>, Error> {
    let [train, test] = [train, test].map(|texts| texts.iter().copied().collect());
    contamination_column(&train, &test, threshold, ngram)
}

/// [`contamination`] of text columns; nulls are never paired.
///
/// # Errors
/// As [`contamination`].
pub fn contamination_column(
    train: &LargeStringArray,
    test: &LargeStringArray,
    threshold: f64,
    ngram: usize,
) -> Result<Vec<Pair>, Error> {
    check("train", train.len(), ngram)?;
    check("test", test.len(), ngram)?;
    across(train, test, Threshold::new(threshold)?, ngram, LIMITS)
}

fn across(
    train: &LargeStringArray,
    test: &LargeStringArray,
    threshold: Threshold,
    ngram: usize,
    limits: Limits,
) -> Result<Vec<Pair>, Error> {
    let grams = Grams::new(train.iter().chain(test).flatten(), ngram);
    let outlines = Source::Made(GramCounts::for_others(test.iter().flatten(), &grams));
    let texts = |column| Texts { column, grams: &grams, outlines: &outlines, threshold };
    let test = Indexed::new(texts(test), limits.held_grams)?;
    pairs(texts(train), &test, limits.pairs)
}

/// The pairs of a row of `train` and an indexed one, unless there are more than `most`.
fn pairs(train: Texts, test: &Indexed, most: usize) -> Result<Vec<Pair>, Error> {
    let (mut found, number_found) = (Vec::new(), AtomicUsize::new(0));
    let rows: Vec<u32> = train.rows().collect();
    for chunk in rows.chunks(CHUNK_TEXTS) {
        let outlines = train.outlines(chunk)?;
        let pairs_of = |scratch: &mut Scratch, (set, &left): (usize, &u32)| {
            let similar = test.similar(train.get(left), outlines.get(set), scratch);
            let pairs: Vec<Pair> =
                similar.map(|(right, similarity)| Pair { left, right, similarity }).collect();
            if number_found.fetch_add(pairs.len(), Relaxed) + pairs.len() > most {
                return Err(Error::TooManyPairsAcross { most });
            }
            Ok(pairs)
        };
        let pairs: Result<Vec<Vec<Pair>>, Error> =
            chunk.par_iter().enumerate().map_init(Scratch::default, pairs_of).collect();
        found.extend(pairs?.into_iter().flatten());
    }
    Ok(found)
}

/// The texts of a column, to be found by those of another.
struct Indexed<'a> {
    sets: Sets<'a>,
    /// Rows of empty texts, which equal each other and have no gram to be found by.
    empty: Vec<u32>,
}

impl<'a> Indexed<'a> {
    fn new(texts: Texts<'a>, held_grams: usize) -> Result<Self, Error> {
        let (empty, rows): (Vec<u32>, Vec<u32>) =
            texts.rows().partition(|&row| texts.get(row).is_empty());
        let mut sets = Sets::new(texts);
        for chunk in rows.chunks(CHUNK_TEXTS) {
            let outlines = texts.outlines(chunk)?;
            for (set, &row) in chunk.iter().enumerate() {
                sets.add(row, outlines.get(set));
            }
        }
        sets.hold(held_grams);
        Ok(Self { sets, empty })
    }

    /// Row and similarity of the texts similar to this one, ascending by row.
    fn similar<'s>(
        &'s self,
        text: &str,
        set: GramSet,
        scratch: &'s mut Scratch,
    ) -> impl Iterator<Item = (u32, f64)> + 's {
        let empty = if text.is_empty() { self.empty.as_slice() } else { &[] };
        let similar = self.sets.similar(text, set, 0..self.sets.len(), scratch);
        empty.iter().map(|&row| (row, 1.0)).chain(similar)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{gram_set, similarity, texts};
    use super::*;

    fn limited(
        train: &[String],
        test: &[String],
        threshold: f64,
        ngram: usize,
        limits: Limits,
    ) -> Result<Vec<Pair>, Error> {
        let [train, test] = [train, test].map(|texts| texts.iter().map(Some).collect());
        across(&train, &test, Threshold::new(threshold).unwrap(), ngram, limits)
    }

    fn by_brute_force(
        train: &[String],
        test: &[String],
        threshold: f64,
        ngram: usize,
    ) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (left, a) in (0..).zip(train) {
            for (right, b) in (0..).zip(test) {
                let similarity = similarity(&gram_set(a, ngram), &gram_set(b, ngram));
                if similarity >= threshold {
                    pairs.push(Pair { left, right, similarity });
                }
            }
        }
        pairs
    }

    #[test]
    fn every_copy_has_its_own_pair_and_a_null_has_none() {
        let train = [Some("您好"), Some(""), None, Some("您好")];
        let test = [None, Some(""), Some("您好"), Some("")];
        let pairs = contamination(&train, &test, 1.0, 3).unwrap();
        let rows: Vec<(u32, u32)> = pairs.iter().map(|pair| (pair.left, pair.right)).collect();
        assert_eq!(rows, [(0, 2), (1, 1), (1, 3), (3, 2)]);
        assert!(pairs.iter().all(|pair| pair.similarity == 1.0));
    }

    #[test]
    fn the_result_does_not_depend_on_threads() {
        let texts: Vec<String> = (0..9_000).map(|row| format!("好吃{row}元{}", row % 7)).collect();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| limited(&texts, &texts[5_000..], 0.8, 3, LIMITS).unwrap())
        };
        let alone = with_threads(1);
        let is_found = |rows: (u32, u32)| {
            alone.binary_search_by_key(&rows, |pair| (pair.left, pair.right)).is_ok()
        };
        assert!((0..4_000).all(|row| is_found((row + 5_000, row))));
        assert_eq!(alone, with_threads(3));
    }

    #[test]
    fn a_template_that_fills_a_column_is_not_compared_within_it() {
        let filled = |number: u32| {
            format!("您好，请问有什么可以帮您{}", char::from_u32(0x4e00 + number).unwrap())
        };
        let train: Vec<String> = (0..20_000).map(filled).collect();
        let test = [filled(20_000), filled(3)];
        let pairs = limited(&train, &test, 0.8, 3, Limits { pairs: 40_000, ..LIMITS }).unwrap();
        assert_eq!(pairs.len(), 40_000);
    }

    #[test]
    fn more_pairs_than_allowed_are_refused() {
        let texts = ["您好".to_owned(), "您好".to_owned()];
        let at_most = |pairs| limited(&texts, &texts, 0.8, 3, Limits { pairs, ..LIMITS });
        assert_eq!(at_most(4).unwrap().len(), 4);
        assert_eq!(
            at_most(3).unwrap_err().to_string(),
            "train: more than 3 pairs of a row of train and a row of test reach the threshold; \
             raise it, or compare smaller parts of the columns"
        );
    }

    #[test]
    fn arguments_outside_their_range_are_refused() {
        let message = contamination(&[], &[], 0.8, 17).unwrap_err().to_string();
        assert_eq!(message, "ngram: expected a number of characters from 1 to 16, got 17");
        assert!(contamination(&[], &[], 0.0, 3).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn equals_comparing_every_text_of_one_column_with_every_one_of_the_other(
            train in texts(), test in texts(), threshold in 0.2..=1.0f64, ngram in 1usize..6,
            held_grams in 0usize..100,
        ) {
            let limits = Limits { held_grams, ..LIMITS };
            let found = limited(&train, &test, threshold, ngram, limits).unwrap();
            prop_assert_eq!(found, by_brute_force(&train, &test, threshold, ngram));
        }
    }
}
