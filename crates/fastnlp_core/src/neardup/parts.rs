//! Near-duplicates of a corpus in parts: each part outlines its own texts, once what all parts
//! counted gives them one common order of grams. The parts' outlines then replace everything but
//! the join itself.

use std::hash::{Hash, Hasher};

use arrow_array::builder::LargeBinaryBuilder;
use arrow_array::{Array, LargeBinaryArray, LargeStringArray};
use rustc_hash::FxHasher;

use super::bounds::Threshold;
use super::counts::GramCounts;
use super::grams::{Grams, PACKED_CHARS};
use super::outline::{Outline, Outlines};
use crate::Error;

/// Words of an outline before its prefix.
const FIXED_WORDS: usize = 5;
const WORD_BYTES: usize = 8;

/// How often the n-grams of a part's texts occur, for [`outline_texts`].
///
/// # Errors
/// [`Error::OutOfRange`] unless 1 ≤ `ngram` ≤ 3: longer grams have no number that all parts share.
pub fn ngram_counts(texts: &LargeStringArray, ngram: usize) -> Result<Vec<u8>, Error> {
    let texts: Vec<&str> = texts.iter().flatten().collect();
    Ok(GramCounts::new(&texts, &packed(ngram)?).cells().to_vec())
}

/// The outline of each text, for [`super::near_duplicates_column`]: opaque bytes, null where the
/// text is. `counts` come from all parts of the corpus, in any order.
///
/// # Errors
/// As [`ngram_counts`]; [`Error::OutOfRange`] also for counts that are none, and unless
/// 0 < `threshold` ≤ 1.
pub fn outline_texts(
    texts: &LargeStringArray,
    counts: &[&[u8]],
    threshold: f64,
    ngram: usize,
) -> Result<LargeBinaryArray, Error> {
    let (threshold, grams) = (Threshold::new(threshold)?, packed(ngram)?);
    let counts = GramCounts::sum(counts).ok_or_else(|| Error::OutOfRange {
        argument: "counts",
        expected: "the results of ngram_counts, a power of two of bytes each",
        found: format!("{:?} bytes", counts.iter().map(|part| part.len()).collect::<Vec<_>>()),
    })?;
    let given: Vec<&str> = texts.iter().flatten().collect();
    let outlines = Outlines::new(&given, &grams, &counts, threshold);
    let made_for = u64::from(hash((threshold, ngram))) | u64::from(hash(counts.cells())) << 32;
    let mut column = LargeBinaryBuilder::new();
    let mut row = Vec::new();
    let mut set = 0;
    for text in texts {
        if text.is_none() {
            column.append_null();
            continue;
        }
        let Outline { size, shareable, hash, signature: [low, high] } = outlines.sets[set];
        let sizes = u64::from(size) | u64::from(shareable) << 32;
        let words = [made_for, sizes, hash, low, high];
        row.clear();
        row.extend(words.iter().chain(outlines.prefix(set)).flat_map(|word| word.to_le_bytes()));
        column.append_value(&row);
        set += 1;
    }
    Ok(column.finish())
}

/// Outlines that [`outline_texts`] gave, of texts and the rows where they stand.
///
/// # Errors
/// [`Error::Value`] for a row that is none, or was made for other texts, arguments or counts.
pub fn read<'t>(
    column: &LargeBinaryArray,
    sets: impl Iterator<Item = (usize, &'t str)>,
    threshold: Threshold,
    ngram: usize,
) -> Result<Outlines, Error> {
    let mut outlines = Outlines::default();
    let mut first = None;
    for (row, text) in sets {
        let words = if column.is_null(row) { None } else { words(column.value(row)) };
        let Some([made_for, sizes, hash, low, high]) = words else {
            return Err(foreign(row, "no outline".to_owned()));
        };
        if made_for as u32 != self::hash((threshold, ngram)) {
            return Err(foreign(row, "one for another threshold or ngram".to_owned()));
        }
        if *first.get_or_insert(made_for) != made_for {
            return Err(foreign(
                row,
                "one made with other counts than an earlier row's".to_owned(),
            ));
        }
        let (size, shareable) = (sizes as u32, (sizes >> 32) as u32);
        if size as usize > text.len() || shareable > size {
            return Err(foreign(row, format!("one of a text with {size} n-grams")));
        }
        let outline = Outline { size, shareable, hash, signature: [low, high] };
        let prefix = column.value(row)[FIXED_WORDS * WORD_BYTES..].chunks_exact(WORD_BYTES);
        outlines.push(outline, prefix.map(word));
    }
    Ok(outlines)
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
        return Ok(Grams::new(&[], ngram));
    }
    let expected = "a number of characters from 1 to 3";
    Err(Error::OutOfRange { argument: "ngram", expected, found: ngram.to_string() })
}
