//! Transactions as rows of small numbers, with the infrequent items gone.

use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeListArray, LargeStringArray};
use rustc_hash::FxHashMap;

use super::found::Budget;
use super::rows::Rows;
use crate::Error;
use crate::columns::row_range;

const COLUMN: &str = "transactions";
/// The number of a value, its place in the rows, and its row among the occurrences of its item.
const BYTES_PER_VALUE: usize = 12;
/// The end of a row.
const BYTES_PER_ROW: usize = 8;

/// What the search starts from.
pub(super) struct Transactions {
    /// Rows of the column, the empty ones included.
    pub num_rows: usize,
    /// Rows an itemset must be in.
    pub min_count: u32,
    /// The frequent items in text order; an item's name in the result is its position here.
    pub texts: LargeStringArray,
    /// The transactions over the frequent items.
    pub rows: Rows,
}

impl Transactions {
    /// Numbers the items and drops those in fewer than `min_support` of the rows. A null row is a
    /// transaction without items; an item that a row repeats counts once.
    pub fn read(column: &LargeListArray, min_support: f64, budget: &Budget) -> Result<Self, Error> {
        ensure_few_rows(COLUMN, column)?;
        let num_rows = column.len();
        budget.charge(column.values().len() * BYTES_PER_VALUE + num_rows * BYTES_PER_ROW)?;
        let min_count = smallest_count(num_rows, min_support);
        let items = NumberedItems::read(column)?;
        let (names, texts) = items.frequent(min_count);
        let rows = items.rows(column, &names);
        Ok(Self { num_rows, min_count, texts, rows })
    }
}

/// The smallest count whose share of `num_rows` reaches `min_support`, at least 1. The share is
/// compared as it will be reported, so that 7 of 100 rows do reach a support of 0.07.
fn smallest_count(num_rows: usize, min_support: f64) -> u32 {
    let reaches = |count: u32| f64::from(count) / num_rows as f64 >= min_support;
    let mut count = (min_support * num_rows as f64).ceil() as u32;
    while count > 1 && reaches(count - 1) {
        count -= 1;
    }
    while count > 0 && !reaches(count) {
        count += 1;
    }
    count.max(1)
}

/// Every item by the number of its first appearance.
struct NumberedItems<'a> {
    /// The number of each value of the column, row after row.
    numbers: Vec<u32>,
    texts: Vec<&'a str>,
    /// Rows that hold the item.
    counts: Vec<u32>,
}

impl<'a> NumberedItems<'a> {
    fn read(column: &'a LargeListArray) -> Result<Self, Error> {
        let values = column.values().as_string::<i64>();
        let mut items = Self { numbers: Vec::new(), texts: Vec::new(), counts: Vec::new() };
        let mut number_of: FxHashMap<&str, u32> = FxHashMap::default();
        // The last row that held an item, so that a repeated item counts once.
        let mut last_row: Vec<usize> = Vec::new();
        for row in (0..column.len()).filter(|&row| column.is_valid(row)) {
            for position in row_range(column, row) {
                if values.is_null(position) {
                    return Err(null_item(COLUMN, row));
                }
                let text = values.value(position);
                let number = *number_of.entry(text).or_insert_with(|| {
                    items.texts.push(text);
                    items.counts.push(0);
                    last_row.push(usize::MAX);
                    items.texts.len() as u32 - 1
                });
                items.numbers.push(number);
                if last_row[number as usize] != row {
                    last_row[number as usize] = row;
                    items.counts[number as usize] += 1;
                }
            }
        }
        Ok(items)
    }

    /// The numbers of the frequent items in text order, and their texts.
    fn frequent(&self, min_count: u32) -> (Vec<u32>, LargeStringArray) {
        let mut numbers: Vec<u32> = (0..self.texts.len() as u32)
            .filter(|&number| self.counts[number as usize] >= min_count)
            .collect();
        numbers.sort_unstable_by_key(|&number| self.texts[number as usize]);
        let texts = numbers.iter().map(|&number| Some(self.texts[number as usize])).collect();
        (numbers, texts)
    }

    /// The rows over the frequent items, the most frequent one being item 0.
    fn rows(&self, column: &LargeListArray, frequent: &[u32]) -> Rows {
        let count = |&name: &u32| self.counts[frequent[name as usize] as usize];
        let mut names: Vec<u32> = (0..frequent.len() as u32).collect();
        names.sort_by_key(|name| std::cmp::Reverse(count(name)));
        let mut item_of = vec![None; self.texts.len()];
        for (item, &name) in names.iter().enumerate() {
            item_of[frequent[name as usize] as usize] = Some(item as u32);
        }
        let supports = names.iter().map(count).collect();
        let mut rows = Rows::new(names, supports);
        let mut numbers = self.numbers.iter();
        let mut row: Vec<u32> = Vec::new();
        for index in (0..column.len()).filter(|&row| column.is_valid(row)) {
            let length = row_range(column, index).len();
            row.clear();
            row.extend(numbers.by_ref().take(length).filter_map(|&n| item_of[n as usize]));
            row.sort_unstable();
            row.dedup();
            rows.push(row.iter().copied());
        }
        rows
    }
}

/// Refuses a column whose rows 32 bits cannot number.
pub(super) fn ensure_few_rows(
    argument: &'static str,
    column: &LargeListArray,
) -> Result<(), Error> {
    if u32::try_from(column.len()).is_ok() {
        return Ok(());
    }
    Err(Error::OutOfRange {
        argument,
        expected: "at most 4294967295 rows",
        found: column.len().to_string(),
    })
}

pub(super) fn null_item(column: &'static str, row: usize) -> Error {
    Error::Value {
        column,
        row,
        expected: "texts",
        found: "a null item".to_owned(),
        advice: "remove the null items first",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_compared_as_it_is_reported() {
        // 0.07 * 100 is above 7 in floating point, and 7 / 100 is 0.07.
        assert_eq!(smallest_count(100, 0.07), 7);
        assert_eq!(smallest_count(10, 1.0), 10);
        assert_eq!(smallest_count(10, 0.11), 2);
        assert_eq!(smallest_count(10, 1e-9), 1);
        assert_eq!(smallest_count(0, 0.5), 1);
    }
}
