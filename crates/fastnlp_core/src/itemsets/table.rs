//! Found itemsets as one sorted table.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::{
    ArrayRef, Float64Array, LargeListArray, LargeStringArray, RecordBatch, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};
use rayon::prelude::*;

use super::found::{Budget, Found, Level};
use crate::Error;

/// The parts of a search as `items, count, support`; ordered by length, falling count, items.
pub(super) fn itemset_table(
    parts: &[Found],
    texts: &LargeStringArray,
    num_rows: u32,
    budget: &Budget,
) -> Result<RecordBatch, Error> {
    let all_levels = || parts.iter().flat_map(|part| &part.levels);
    let num_itemsets = all_levels().map(|level| level.counts.len()).sum();
    let num_names = all_levels().map(|level| level.names.len()).sum();
    let longest = parts.iter().map(|part| part.levels.len()).max().unwrap_or(0);
    let mut names: Vec<u32> = Vec::with_capacity(num_names);
    let mut counts: Vec<u64> = Vec::with_capacity(num_itemsets);
    let mut lengths: Vec<usize> = Vec::with_capacity(num_itemsets);
    for length in 1..=longest {
        let level = level(parts, length);
        for position in sorted_positions(&level, length) {
            names.extend_from_slice(itemset(&level, length, position));
            counts.push(level.counts[position].into());
            lengths.push(length);
        }
    }
    budget.charge(text_bytes(texts, &names))?;
    let items = lists_of(texts, &names, lengths);
    let supports: Float64Array =
        counts.iter().map(|&count| Some(count as f64 / f64::from(num_rows))).collect();
    Ok(batch(vec![
        ("items", Arc::new(items) as ArrayRef),
        ("count", Arc::new(UInt64Array::from(counts))),
        ("support", Arc::new(supports)),
    ]))
}

/// Lists of texts, given by their names and the length of each list.
pub(super) fn lists_of(
    texts: &LargeStringArray,
    names: &[u32],
    lengths: Vec<usize>,
) -> LargeListArray {
    let mut items = LargeStringBuilder::with_capacity(names.len(), text_bytes(texts, names));
    for &name in names {
        items.append_value(texts.value(name as usize));
    }
    let field = Arc::new(Field::new_list_field(DataType::LargeUtf8, true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    LargeListArray::new(field, offsets, Arc::new(items.finish()), None)
}

fn text_bytes(texts: &LargeStringArray, names: &[u32]) -> usize {
    names.iter().map(|&name| texts.value_length(name as usize) as usize).sum()
}

/// A table of columns that have as many rows by construction.
pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable)
        .expect("columns are built with one row per result")
}

/// The itemsets of one length.
fn level(parts: &[Found], length: usize) -> Level {
    let levels: Vec<&Level> = parts.iter().filter_map(|part| part.levels.get(length - 1)).collect();
    Level {
        names: levels.iter().map(|level| &level.names[..]).collect::<Vec<_>>().concat(),
        counts: levels.iter().map(|level| &level.counts[..]).collect::<Vec<_>>().concat(),
    }
}

fn itemset(level: &Level, length: usize, position: usize) -> &[u32] {
    &level.names[position * length..][..length]
}

/// Sorts by count alone first: itemsets are far apart in memory, and few have the same count.
fn sorted_positions(level: &Level, length: usize) -> Vec<usize> {
    let counts = level.counts.iter().map(|&count| Reverse(count));
    let mut keys: Vec<(Reverse<u32>, usize)> = counts.zip(0..).collect();
    keys.par_sort_unstable();
    keys.par_chunk_by_mut(|a, b| a.0 == b.0).for_each(|equal| {
        equal.sort_unstable_by(|a, b| itemset(level, length, a.1).cmp(itemset(level, length, b.1)));
    });
    keys.into_iter().map(|(_, position)| position).collect()
}
