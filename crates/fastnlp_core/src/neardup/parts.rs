//! Near-duplicates of a corpus in parts: each part outlines its own texts, once what all parts
//! counted gives them one common order of grams. The parts' outlines then replace everything but
//! the join itself.

use std::hash::{Hash, Hasher};
use std::iter;

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::{Array, LargeBinaryArray, LargeStringArray};
use rustc_hash::FxHasher;

use super::bounds::Threshold;
use super::counts::GramCounts;
use super::grams::{Grams, PACKED_CHARS};
use super::outline::{GramSet, Outline, Outlines};
use crate::Error;

/// Words of an outline before its prefix.
const FIXED_WORDS: usize = 5;
const WORD_BYTES: usize = 8;

/// How often the n-grams of a part's texts occur, for [`outline_texts`].
///
/// # Errors
/// [`Error::OutOfRange`] unless 1 ≤ `ngram` ≤ 3: longer grams have no number that all parts share.
pub fn ngram_counts(texts: &LargeStringArray, ngram: usize) -> Result<Vec<u8>, Error> {
    Ok(GramCounts::new(texts.iter().flatten(), &packed(ngram)?).cells().to_vec())
}

/// What parts of a corpus counted, together.
pub struct Counts(GramCounts);

impl Counts {
    /// Of the results of [`ngram_counts`] for all parts of the corpus, in any order.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for counts that are none.
    pub fn sum<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let mut lengths = Vec::new();
        let parts = parts.into_iter().inspect(|part| lengths.push(part.as_ref().len()));
        GramCounts::sum(parts).map(Self).ok_or_else(|| Error::OutOfRange {
            argument: "counts",
            expected: "the results of ngram_counts, a power of two of bytes each",
            found: format!("{lengths:?} bytes"),
        })
    }
}

/// The outline of each text, for [`super::near_duplicates_column`]: opaque bytes, null where the
/// text is.
///
/// # Errors
/// As [`ngram_counts`]; [`Error::OutOfRange`] also unless 0 < `threshold` ≤ 1.
pub fn outline_texts(
    texts: &LargeStringArray,
    Counts(counts): &Counts,
    threshold: f64,
    ngram: usize,
) -> Result<LargeBinaryArray, Error> {
    let (threshold, grams) = (Threshold::new(threshold)?, packed(ngram)?);
    let given: Vec<&str> = texts.iter().flatten().collect();
    let outlines = Outlines::new(&given, &grams, counts, threshold);
    let made_for = u64::from(hash((threshold, ngram))) | u64::from(hash(counts.cells())) << 32;
    let mut column = LargeBinaryBuilder::new();
    let mut row = Vec::new();
    let mut set = 0;
    for text in texts {
        if text.is_none() {
            column.append_null();
            continue;
        }
        let GramSet { outline, prefix } = outlines.get(set);
        let Outline { size, shareable, hash, signature: [low, high] } = *outline;
        let sizes = u64::from(size) | u64::from(shareable) << 32;
        let words = [made_for, sizes, hash, low, high];
        row.clear();
        row.extend(words.iter().chain(prefix).flat_map(|word| word.to_le_bytes()));
        column.append_value(&row);
        set += 1;
    }
    Ok(column.finish())
}

/// Outlines that [`outline_texts`] gave.
pub struct Given<'a> {
    column: &'a LargeBinaryArray,
    arguments: u32,
    /// What the first of them was made for, as all must be.
    made_for: Option<u64>,
}

impl<'a> Given<'a> {
    pub fn new(column: &'a LargeBinaryArray, threshold: Threshold, ngram: usize) -> Self {
        let first = column.iter().flatten().next();
        let made_for = first.and_then(words).map(|[made_for, ..]| made_for);
        Self { column, arguments: hash((threshold, ngram)), made_for }
    }

    /// The outlines of some texts, each with the row where it stands.
    ///
    /// # Errors
    /// [`Error::Value`] for a row that is none, or was made for other texts, arguments or counts.
    pub fn read<'t>(&self, sets: impl Iterator<Item = (u32, &'t str)>) -> Result<Outlines, Error> {
        let mut outlines = Outlines::default();
        for (row, text) in sets {
            let row = row as usize;
            let found = if self.column.is_null(row) { &[] } else { self.column.value(row) };
            let outline = self.outline(found, text).map_err(|found| foreign(row, found))?;
            let prefix = found[FIXED_WORDS * WORD_BYTES..].chunks_exact(WORD_BYTES);
            outlines.push(outline, prefix.map(word));
        }
        Ok(outlines)
    }

    /// The outline in a row, or what that holds instead.
    fn outline(&self, found: &[u8], text: &str) -> Result<Outline, String> {
        let [made_for, sizes, hash, low, high] = words(found).ok_or("no outline")?;
        if made_for as u32 != self.arguments {
            return Err("one for another threshold or ngram".to_owned());
        }
        if self.made_for != Some(made_for) {
            return Err("one made with other counts than an earlier row's".to_owned());
        }
        let (size, shareable) = (sizes as u32, (sizes >> 32) as u32);
        if size as usize > text.len() || shareable > size {
            return Err(format!("one of a text with {size} n-grams"));
        }
        Ok(Outline { size, shareable, hash, signature: [low, high] })
    }
}

fn words(row: &[u8]) -> Option<[u64; FIXED_WORDS]> {
    if !row.len().is_multiple_of(WORD_BYTES) || row.len() < FIXED_WORDS * WORD_BYTES {
        return None;
    }
    Some(std::array::from_fn(|place| word(&row[place * WORD_BYTES..][..WORD_BYTES])))
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

fn foreign(row: usize, found: String) -> Error {
    Error::Value {
        column: "outlines",
        row,
        expected: "the outline of this row's text",
        found,
        advice: "make all outlines with the threshold and ngram of this call and the counts of all parts",
    }
}

fn hash(value: impl Hash) -> u32 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

fn packed(ngram: usize) -> Result<Grams<'static>, Error> {
    if (1..=PACKED_CHARS).contains(&ngram) {
        return Ok(Grams::new(iter::empty(), ngram));
    }
    let expected = "a number of characters from 1 to 3";
    Err(Error::OutOfRange { argument: "ngram", expected, found: ngram.to_string() })
}
