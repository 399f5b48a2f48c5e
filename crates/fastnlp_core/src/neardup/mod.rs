//! Near-duplicate texts: pairs by the exact Jaccard similarity of their character n-grams.
//!
//! Broder (1997), "On the resemblance and containment of documents", for the measure; Xiao, Wang,
//! Lin and Yu (2008), "Efficient similarity joins for near duplicate detection" (`PPJoin`), for the
//! prefix, length and position filters. The filters only skip pairs that cannot reach the
//! threshold, so the result equals comparing every text with every other.

mod bounds;
mod contamination;
mod counts;
mod grams;
mod index;
mod outline;
mod pairs;
mod parts;
mod search;
mod stars;

use arrow_array::{Array, LargeBinaryArray, LargeStringArray};

use crate::Error;
use crate::columns::same_length;
use bounds::Threshold;
pub use contamination::{contamination, contamination_column};
use counts::GramCounts;
use grams::Grams;
use pairs::pairs;
use parts::Given;
pub use parts::{Counts, ngram_counts, outline_texts};
use search::{Source, Texts};
use stars::{SIZES, Sizes, stars};

/// The longest n-gram that is accepted.
pub const MAX_NGRAM: usize = 16;

/// The most pairs of distinct n-gram sets, or of rows of two columns: two gigabytes of them. A
/// template that 20,000 texts fill in differently makes more, as the number of pairs grows with the
/// square of the texts.
const MAX_PAIRS: usize = 1 << 27;

/// Two rows and how similar they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The earlier row of a column, or a row of the first of two columns.
    pub left: u32,
    /// The later row, or a row of the second column.
    pub right: u32,
    /// Jaccard similarity of the two n-gram sets.
    pub similarity: f64,
}

/// What [`near_duplicates`] looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Every pair at or above the threshold among the *distinct* n-gram sets, each named by its
    /// first row, and one pair (first row, row, 1.0) for each further row with the same set. So
    /// the list stays small where many rows are equal, and every pair can be had from it.
    Pairs,
    /// Stars around the rows to keep: one entry for each row that its kept row, `left`, makes
    /// superfluous. A row that no earlier kept row is similar to is kept; any other belongs to the
    /// earliest such row.
    Clusters,
}

/// The pairs of texts whose n-gram sets have a Jaccard similarity of `threshold` or more, or the
/// stars they make; ascending by row.
///
/// A text shorter than `ngram` characters is one gram of its own; empty texts equal each other.
/// `None` is never paired.
///
/// # Errors
/// [`Error::OutOfRange`] unless 0 < `threshold` ≤ 1 and 1 ≤ `ngram` ≤ [`MAX_NGRAM`];
/// [`Error::TooManyPairs`] for more than 2^27 pairs of distinct n-gram sets, never for clusters.
pub fn near_duplicates(
    texts: &[Option<&str>],
    threshold: f64,
    ngram: usize,
    find: Find,
) -> Result<Vec<Pair>, Error> {
    near_duplicates_column(&texts.iter().copied().collect(), None, threshold, ngram, find)
}

/// [`near_duplicates`] of a text column; nulls are never paired. `outlines` are those that
/// [`outline_texts`] gave of the texts, or None to make them here.
///
/// # Errors
/// As [`near_duplicates`]; [`Error::Lengths`] and [`Error::Value`] for outlines of other texts.
pub fn near_duplicates_column(
    texts: &LargeStringArray,
    outlines: Option<&LargeBinaryArray>,
    threshold: f64,
    ngram: usize,
    find: Find,
) -> Result<Vec<Pair>, Error> {
    find_all(texts, outlines, Threshold::new(threshold)?, ngram, find, SIZES)
}

fn find_all(
    texts: &LargeStringArray,
    outlines: Option<&LargeBinaryArray>,
    threshold: Threshold,
    ngram: usize,
    find: Find,
    sizes: Sizes,
) -> Result<Vec<Pair>, Error> {
    check("texts", texts.len(), ngram)?;
    let grams = Grams::new(texts.iter().flatten(), ngram);
    let outlines = match outlines {
        Some(column) => {
            same_length(("texts", texts.len()), ("outlines", column.len()))?;
            Source::Given(Given::new(column, threshold, ngram))
        }
        None => Source::Made(GramCounts::new(texts.iter().flatten(), &grams)),
    };
    let texts = Texts { column: texts, grams: &grams, outlines: &outlines, threshold };
    match find {
        Find::Pairs => pairs(texts, MAX_PAIRS),
        Find::Clusters => stars(texts, sizes),
    }
}

fn check(column: &'static str, rows: usize, ngram: usize) -> Result<(), Error> {
    if !(1..=MAX_NGRAM).contains(&ngram) {
        let expected = "a number of characters from 1 to 16";
        return Err(Error::OutOfRange { argument: "ngram", expected, found: ngram.to_string() });
    }
    if u32::try_from(rows).is_err() {
        let (expected, found) = ("fewer than 2^32 rows", rows.to_string());
        return Err(Error::OutOfRange { argument: column, expected, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Found {
        pairs: Vec<Pair>,
        members: Vec<Pair>,
    }

    fn found(texts: &[&str], threshold: f64, ngram: usize) -> Found {
        let texts: Vec<Option<&str>> = texts.iter().copied().map(Some).collect();
        let find = |find| near_duplicates(&texts, threshold, ngram, find).unwrap();
        Found { pairs: find(Find::Pairs), members: find(Find::Clusters) }
    }

    pub fn gram_set(text: &str, ngram: usize) -> BTreeSet<Vec<char>> {
        let chars: Vec<char> = text.chars().collect();
        if chars.is_empty() {
            return BTreeSet::new();
        }
        chars.windows(ngram.min(chars.len())).map(<[char]>::to_vec).collect()
    }

    pub fn similarity(a: &BTreeSet<Vec<char>>, b: &BTreeSet<Vec<char>>) -> f64 {
        let (shared, union) = (a.intersection(b).count(), a.union(b).count());
        if union == 0 { 1.0 } else { shared as f64 / union as f64 }
    }

    /// All pairs and the greedy stars, by comparing every row with every other.
    fn by_brute_force(texts: &[String], threshold: f64, ngram: usize) -> (Vec<Pair>, Vec<Pair>) {
        let sets: Vec<_> = texts.iter().map(|text| gram_set(text, ngram)).collect();
        let (mut pairs, mut members) = (Vec::new(), Vec::new());
        let mut taken = vec![false; sets.len()];
        for left in 0..sets.len() {
            for right in left + 1..sets.len() {
                let similarity = similarity(&sets[left], &sets[right]);
                if similarity < threshold {
                    continue;
                }
                let pair = Pair { left: left as u32, right: right as u32, similarity };
                pairs.push(pair);
                if !taken[left] && !taken[right] {
                    taken[right] = true;
                    members.push(pair);
                }
            }
        }
        members.sort_unstable_by_key(|member| member.right);
        (pairs, members)
    }

    /// Every pair of rows, from the pairs of first rows and the rows equal to them.
    fn expanded(pairs: &[Pair], rows: usize) -> Vec<Pair> {
        let mut equal: Vec<Vec<u32>> = (0..rows as u32).map(|row| vec![row]).collect();
        let (same, different): (Vec<Pair>, Vec<Pair>) =
            pairs.iter().partition(|pair| pair.similarity == 1.0);
        for pair in same {
            equal[pair.left as usize].push(pair.right);
        }
        let mut all = Vec::new();
        let mut push = |a: u32, b: u32, similarity| {
            all.push(Pair { left: a.min(b), right: a.max(b), similarity });
        };
        for group in &equal {
            for (i, &a) in group.iter().enumerate() {
                group[..i].iter().for_each(|&b| push(a, b, 1.0));
            }
        }
        for pair in different {
            for &a in &equal[pair.left as usize] {
                equal[pair.right as usize].iter().for_each(|&b| push(a, b, pair.similarity));
            }
        }
        all.sort_unstable_by_key(|pair| (pair.left, pair.right));
        all
    }

    #[test]
    fn equal_rows_are_paired_with_the_first_only() {
        let many = vec!["很好，很满意"; 1000];
        let result = found(&many, 0.8, 3);
        assert_eq!(result.pairs.len(), 999);
        assert!(result.pairs.iter().all(|pair| pair.left == 0 && pair.similarity == 1.0));
        assert_eq!(result.members, result.pairs);
    }

    #[test]
    fn texts_that_differ_in_repeats_only_are_equal() {
        let result = found(&["哈哈哈", "哈哈哈哈哈", "哈哈"], 0.8, 3);
        assert_eq!(result.pairs, [Pair { left: 0, right: 1, similarity: 1.0 }]);
    }

    #[test]
    fn nulls_are_never_paired_and_empty_texts_are_equal() {
        let texts = [None, Some(""), None, Some("")];
        let pairs = near_duplicates(&texts, 1.0, 3, Find::Pairs).unwrap();
        assert_eq!(pairs, [Pair { left: 1, right: 3, similarity: 1.0 }]);
    }

    #[test]
    fn a_pair_exactly_at_the_threshold_is_found() {
        // 4 of 5 trigrams are shared: 0.8 is not a binary fraction.
        let result = found(&["abcdefg", "abcdef"], 0.8, 3);
        assert_eq!(result.pairs, [Pair { left: 0, right: 1, similarity: 0.8 }]);
    }

    #[test]
    fn the_result_does_not_depend_on_threads() {
        let texts: Vec<String> = (0..9_000).map(|row| format!("好吃{row}元{}", row % 7)).collect();
        let views: Vec<&str> = texts.iter().map(String::as_str).collect();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| found(&views, 0.6, 3))
        };
        let alone = with_threads(1);
        assert!(!alone.pairs.is_empty());
        assert_eq!(alone, with_threads(3));
    }

    #[test]
    fn an_ngram_outside_its_range_is_refused() {
        let message = near_duplicates(&[], 0.8, 17, Find::Pairs).unwrap_err().to_string();
        assert_eq!(message, "ngram: expected a number of characters from 1 to 16, got 17");
        assert!(near_duplicates(&[], 0.8, 0, Find::Clusters).is_err());
    }

    pub fn texts() -> impl Strategy<Value = Vec<String>> {
        let emoji = prop::sample::select(vec!["😂", "👨‍👩‍👧", "👍🏽", "❤️", "哈哈哈", "\0"]);
        let piece = prop_oneof![
            4 => "[abc]{0,4}",
            4 => "[很好吃]{0,4}",
            1 => emoji.prop_map(str::to_owned),
        ];
        prop::collection::vec(prop::collection::vec(piece, 0..5).prop_map(|p| p.concat()), 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn equals_comparing_every_text_with_every_other(
            texts in texts(), threshold in 0.2..=1.0f64, ngram in 1usize..6,
        ) {
            let views: Vec<&str> = texts.iter().map(String::as_str).collect();
            let result = found(&views, threshold, ngram);
            let (pairs, members) = by_brute_force(&texts, threshold, ngram);
            prop_assert_eq!(expanded(&result.pairs, texts.len()), pairs);
            prop_assert_eq!(result.members, members);
        }

        #[test]
        fn stars_do_not_depend_on_the_sizes_of_chunks_and_blocks(
            texts in texts(), threshold in 0.2..=1.0f64, ngram in 1usize..6,
            chunk in 1usize..20, block in 1usize..100,
        ) {
            let column: LargeStringArray = texts.iter().map(Some).collect();
            let sizes = Sizes { chunk, block };
            let bounded = Threshold::new(threshold).unwrap();
            let found = find_all(&column, None, bounded, ngram, Find::Clusters, sizes).unwrap();
            prop_assert_eq!(found, by_brute_force(&texts, threshold, ngram).1);
        }

        #[test]
        fn outlines_made_in_parts_change_nothing(
            texts in texts(), threshold in 0.2..=1.0f64, ngram in 1usize..=3, parts in 1usize..5,
        ) {
            let parts: Vec<LargeStringArray> = texts
                .chunks(texts.len().div_ceil(parts).max(1))
                .map(|part| part.iter().map(Some).collect())
                .collect();
            let counts: Vec<_> =
                parts.iter().map(|part| ngram_counts(part, ngram).unwrap()).collect();
            let counts = Counts::sum(&counts).unwrap();
            let outlines: LargeBinaryArray = parts
                .iter()
                .map(|part| outline_texts(part, &counts, threshold, ngram).unwrap())
                .flat_map(|part| part.iter().map(|row| row.map(<[u8]>::to_vec)).collect::<Vec<_>>())
                .collect();
            let column: LargeStringArray = texts.iter().map(Some).collect();
            for find in [Find::Pairs, Find::Clusters] {
                let of = |outlines| near_duplicates_column(&column, outlines, threshold, ngram, find);
                prop_assert_eq!(of(Some(&outlines)), of(None));
            }
        }
    }
}
