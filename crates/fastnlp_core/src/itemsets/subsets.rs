//! A table of itemsets, and the way from an itemset to its subsets.

use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeListArray, LargeStringArray};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::rules::ItemsetColumns;
use crate::Error;
use crate::columns::{row_range, same_length};

const COLUMN: &str = "itemsets";
const ADVICE: &str = "pass the table as frequent_itemsets gives it";

/// From the items of an itemset, ascending, to its row.
pub(super) type Lookup<'a> = FxHashMap<&'a [u32], u32>;

/// Itemsets over numbered items.
pub(super) struct Itemsets {
    /// The items in text order; the number of an item is its position.
    pub texts: LargeStringArray,
    items: Vec<u32>,
    ends: Vec<usize>,
    pub supports: Vec<f64>,
    /// Empty when they are not needed.
    pub counts: Vec<u64>,
}

impl Itemsets {
    /// Reads the columns; the counts only if there is a number of transactions to compare with.
    pub fn read(columns: ItemsetColumns, num_transactions: Option<u64>) -> Result<Self, Error> {
        same_length(("items", columns.items.len()), ("support", columns.support.len()))?;
        check_items(columns.items)?;
        check_supports(columns)?;
        let (texts, numbers) = numbered(columns.items.values().as_string::<i64>());
        let mut itemsets = Self {
            texts,
            items: Vec::with_capacity(numbers.len()),
            ends: Vec::with_capacity(columns.items.len()),
            supports: columns.support.values().to_vec(),
            counts: Vec::new(),
        };
        for row in 0..columns.items.len() {
            let mut items = numbers[row_range(columns.items, row)].to_vec();
            items.sort_unstable();
            items.dedup();
            itemsets.items.extend(items);
            itemsets.ends.push(itemsets.items.len());
        }
        if let Some(total) = num_transactions {
            itemsets.counts = counts(columns, total)?;
        }
        Ok(itemsets)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The items of an itemset, ascending.
    pub fn items(&self, row: u32) -> &[u32] {
        let row = row as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.items[start..self.ends[row]]
    }

    /// What the items of an itemset take in a table: their numbers, offsets and texts.
    pub fn bytes(&self, row: u32) -> usize {
        let text_bytes = |&item: &u32| self.texts.value_length(item as usize) as usize;
        self.items(row).iter().map(|item| 12 + text_bytes(item)).sum()
    }

    /// # Errors
    /// [`Error::RepeatedItemset`] if an itemset stands in two rows.
    pub fn lookup(&self) -> Result<Lookup<'_>, Error> {
        let mut lookup = Lookup::default();
        lookup.reserve(self.len());
        for row in 0..self.len() as u32 {
            if let Some(first) = lookup.insert(self.items(row), row) {
                let itemset = self.shown(self.items(row));
                return Err(Error::RepeatedItemset {
                    row: row as usize,
                    first: first as usize,
                    itemset,
                });
            }
        }
        Ok(lookup)
    }

    /// Checks that every non-empty subset of an itemset is an itemset too, and in as many
    /// transactions at least. Subsets that lack one item are enough: they have subsets themselves.
    pub fn ensure_complete(&self, lookup: &Lookup) -> Result<(), Error> {
        let error = (0..self.len() as u32).into_par_iter().find_map_first(|row| {
            let items = self.items(row);
            let mut subsets = (0..items.len()).filter(|_| items.len() > 1).map(|left_out| {
                let mut subset = items.to_vec();
                subset.remove(left_out);
                subset
            });
            subsets.find_map(|subset| self.check_subset(row, &subset, lookup).err())
        });
        error.map_or(Ok(()), Err)
    }

    fn check_subset(&self, row: u32, subset: &[u32], lookup: &Lookup) -> Result<(), Error> {
        let (itemset, shown) = (|| self.shown(self.items(row)), || self.shown(subset));
        let Some(&smaller) = lookup.get(subset) else {
            let (itemset, subset) = (itemset(), shown());
            return Err(Error::MissingSubset { row: row as usize, itemset, subset });
        };
        if let Some(&count) = self.counts.get(row as usize)
            && count > self.counts[smaller as usize]
        {
            return Err(Error::Value {
                column: COLUMN,
                row: row as usize,
                expected: "a count of at most that of each subset",
                found: format!("{count} for {} and less for {}", itemset(), shown()),
                advice: ADVICE,
            });
        }
        Ok(())
    }

    fn shown(&self, items: &[u32]) -> String {
        let texts: Vec<&str> = items.iter().map(|&item| self.texts.value(item as usize)).collect();
        format!("{texts:?}")
    }
}

fn check_items(items: &LargeListArray) -> Result<(), Error> {
    let values = items.values();
    let bad = (0..items.len()).find_map(|row| {
        let null_item = || row_range(items, row).any(|position| values.is_null(position));
        if items.is_null(row) {
            Some((row, "null"))
        } else if values.null_count() > 0 && null_item() {
            Some((row, "a null item"))
        } else {
            None
        }
    });
    bad.map_or(Ok(()), |(row, found)| Err(value_error(row, "a list of texts in `items`", found)))
}

fn check_supports(columns: ItemsetColumns) -> Result<(), Error> {
    let outside = |share: Option<f64>| share.is_none_or(|share| !(0.0..=1.0).contains(&share));
    match columns.support.iter().position(outside) {
        None => Ok(()),
        Some(row) => {
            let found = columns.support.iter().nth(row).flatten();
            let found = found.map_or("null".to_owned(), |share| share.to_string());
            Err(value_error(row, "a share in [0, 1] in `support`", found))
        }
    }
}

fn counts(columns: ItemsetColumns, total: u64) -> Result<Vec<u64>, Error> {
    let column = columns.count.ok_or(Error::OutOfRange {
        argument: COLUMN,
        expected: "a column `count`, from which p-values are computed",
        found: "none".to_owned(),
    })?;
    same_length(("items", columns.items.len()), ("count", column.len()))?;
    let outside = |count: Option<u64>| count.is_none_or(|count| count > total);
    if let Some(row) = column.iter().position(outside) {
        let found =
            if column.is_null(row) { "null".to_owned() } else { column.value(row).to_string() };
        return Err(value_error(row, "at most num_transactions in `count`", found));
    }
    Ok(column.values().to_vec())
}

fn value_error(row: usize, expected: &'static str, found: impl Into<String>) -> Error {
    Error::Value { column: COLUMN, row, expected, found: found.into(), advice: ADVICE }
}

/// The distinct texts in text order, and the position among them of each value.
fn numbered(values: &LargeStringArray) -> (LargeStringArray, Vec<u32>) {
    let mut number_of: FxHashMap<&str, u32> = FxHashMap::default();
    let mut texts: Vec<&str> = Vec::new();
    let mut numbers: Vec<u32> = Vec::with_capacity(values.len());
    for text in values.iter().map(Option::unwrap_or_default) {
        numbers.push(*number_of.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() as u32 - 1
        }));
    }
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_unstable_by_key(|&first| texts[first]);
    let mut position_of = vec![0; texts.len()];
    for (position, &first) in order.iter().enumerate() {
        position_of[first] = position as u32;
    }
    for number in &mut numbers {
        *number = position_of[*number as usize];
    }
    (order.iter().map(|&first| Some(texts[first])).collect(), numbers)
}
