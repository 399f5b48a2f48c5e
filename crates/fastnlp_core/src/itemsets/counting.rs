//! How often given itemsets occur: the second pass over a partitioned database. Savasere,
//! Omiecinski, Navathe (1995), "An efficient algorithm for mining association rules in large
//! databases".
//!
//! Itemsets stand in an order in which those with the same beginning are neighbours, so that the
//! rows of a beginning are found once.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::{Array, LargeListArray, UInt64Array};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::row_set::RowSet;
use super::transactions::{ensure_few_rows, null_item};
use crate::Error;
use crate::columns::row_range;

const TRANSACTIONS: &str = "transactions";
const ITEMSETS: &str = "itemsets";

/// For each row of `itemsets`, the transactions that hold all its items; both columns are
/// `large_list<large_string>`.
///
/// A null transaction holds no item, a null itemset has no count, and the empty itemset is in every
/// transaction. An item that a row repeats counts once. Time O(values of both columns), and one
/// intersection of sets of rows for each distinct beginning of an itemset.
///
/// # Errors
/// [`Error::Value`] for a null item, [`Error::OutOfRange`] for more than 2³² - 1 transactions.
pub fn count_itemsets(
    transactions: &LargeListArray,
    itemsets: &LargeListArray,
) -> Result<UInt64Array, Error> {
    ensure_few_rows(TRANSACTIONS, transactions)?;
    let number_of = number_items(itemsets)?;
    let holders = Holders::read(transactions, &number_of)?;
    let mut sorted: Vec<(Vec<u32>, usize)> = (0..itemsets.len())
        .filter(|&row| itemsets.is_valid(row))
        .map(|row| (holders.ranks(itemsets, row, &number_of), row))
        .collect();
    sorted.par_sort_unstable();
    let counted: Vec<(usize, u64)> = sorted
        .par_chunk_by(|left, right| left.0.first() == right.0.first())
        .flat_map_iter(|branch| {
            let mut path = Path { holders: &holders, steps: Vec::new() };
            branch.iter().map(move |(items, row)| (*row, path.count(items)))
        })
        .collect();
    let mut counts: Vec<Option<u64>> = vec![None; itemsets.len()];
    for (row, count) in counted {
        counts[row] = Some(count);
    }
    Ok(counts.into())
}

/// Every item of the itemsets by the number of its first appearance.
fn number_items(itemsets: &LargeListArray) -> Result<FxHashMap<&str, u32>, Error> {
    let values = itemsets.values().as_string::<i64>();
    let mut number_of: FxHashMap<&str, u32> = FxHashMap::default();
    for row in (0..itemsets.len()).filter(|&row| itemsets.is_valid(row)) {
        for position in row_range(itemsets, row) {
            if values.is_null(position) {
                return Err(null_item(ITEMSETS, row));
            }
            let next = number_of.len() as u32;
            number_of.entry(values.value(position)).or_insert(next);
        }
    }
    Ok(number_of)
}

/// The transactions that hold each item, ascending; items by rank, the rarest first.
struct Holders {
    num_rows: usize,
    rows: Vec<RowSet>,
    /// Rank of each number.
    rank_of: Vec<u32>,
}

impl Holders {
    fn read(column: &LargeListArray, number_of: &FxHashMap<&str, u32>) -> Result<Self, Error> {
        let values = column.values().as_string::<i64>();
        let mut by_number: Vec<Vec<u32>> = vec![Vec::new(); number_of.len()];
        for row in (0..column.len()).filter(|&row| column.is_valid(row)) {
            for position in row_range(column, row) {
                if values.is_null(position) {
                    return Err(null_item(TRANSACTIONS, row));
                }
                let Some(&number) = number_of.get(values.value(position)) else { continue };
                let rows = &mut by_number[number as usize];
                if rows.last() != Some(&(row as u32)) {
                    rows.push(row as u32);
                }
            }
        }
        let mut numbers: Vec<u32> = (0..by_number.len() as u32).collect();
        numbers.sort_by_key(|&number| by_number[number as usize].len());
        let mut rank_of = vec![0; numbers.len()];
        for (rank, &number) in numbers.iter().enumerate() {
            rank_of[number as usize] = rank as u32;
        }
        let num_rows = column.len();
        let rows = |&number: &u32| std::mem::take(&mut by_number[number as usize]);
        let rows = numbers.iter().map(rows).map(|rows| RowSet::new(rows, num_rows)).collect();
        Ok(Self { num_rows, rows, rank_of })
    }

    /// The items of an itemset by rank, ascending, each once.
    fn ranks(
        &self,
        itemsets: &LargeListArray,
        row: usize,
        number_of: &FxHashMap<&str, u32>,
    ) -> Vec<u32> {
        let values = itemsets.values().as_string::<i64>();
        let number = |position| number_of[values.value(position)];
        let positions = row_range(itemsets, row);
        let mut ranks: Vec<u32> =
            positions.map(|position| self.rank_of[number(position) as usize]).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }
}

/// The way to the itemset counted last: its items, each with the rows that hold it and all before.
struct Path<'a> {
    holders: &'a Holders,
    steps: Vec<(u32, Cow<'a, RowSet>)>,
}

impl Path<'_> {
    fn count(&mut self, items: &[u32]) -> u64 {
        let steps = self.steps.iter().zip(items);
        let shared = steps.take_while(|(step, item)| step.0 == **item).count();
        self.steps.truncate(shared);
        for &item in &items[shared..] {
            let holders = &self.holders.rows[item as usize];
            let rows = match self.steps.last() {
                None => Cow::Borrowed(holders),
                Some((_, rows)) => Cow::Owned(rows.intersection(holders)),
            };
            self.steps.push((item, rows));
        }
        self.steps.last().map_or(self.holders.num_rows, |(_, rows)| rows.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
    use proptest::prelude::*;

    use super::*;

    type Lists = Vec<Option<Vec<String>>>;

    fn column(rows: &[Option<Vec<String>>]) -> LargeListArray {
        let mut lists = LargeListBuilder::new(LargeStringBuilder::new());
        for row in rows {
            lists.append_option(row.as_ref().map(|row| row.iter().map(Some)));
        }
        lists.finish()
    }

    fn lists(rows: &[Option<&[&str]>]) -> LargeListArray {
        let owned = |row: &&[&str]| row.iter().map(|item| (*item).to_owned()).collect();
        column(&rows.iter().map(|row| row.as_ref().map(owned)).collect::<Vec<_>>())
    }

    #[test]
    fn nulls_empty_itemsets_and_repeats_have_a_meaning() {
        let transactions = lists(&[Some(&["tea", "milk", "tea"]), None, Some(&["tea"]), Some(&[])]);
        let itemsets = lists(&[
            Some(&["milk", "tea"]),
            Some(&[]),
            None,
            Some(&["tea", "tea"]),
            Some(&["salt", "tea"]),
        ]);
        let counts = count_itemsets(&transactions, &itemsets).unwrap();
        assert_eq!(counts, UInt64Array::from(vec![Some(1), Some(4), None, Some(2), Some(0)]));
    }

    #[test]
    fn without_transactions_every_count_is_zero() {
        let counts = count_itemsets(&lists(&[]), &lists(&[Some(&["a"]), Some(&[])])).unwrap();
        assert_eq!(counts, UInt64Array::from(vec![0, 0]));
        assert_eq!(count_itemsets(&lists(&[]), &lists(&[])).unwrap().len(), 0);
    }

    #[test]
    fn a_null_item_is_named_by_column_and_row() {
        let mut builder = LargeListBuilder::new(LargeStringBuilder::new());
        builder.append_value([Some("a")]);
        builder.append_value([Some("a"), None]);
        let (bad, good) = (builder.finish(), lists(&[Some(&["a"])]));
        for (transactions, itemsets, column) in
            [(&bad, &good, "transactions"), (&good, &bad, "itemsets")]
        {
            let message = count_itemsets(transactions, itemsets).unwrap_err().to_string();
            let expected = format!(
                "{column}[1]: expected texts, got a null item; remove the null items first"
            );
            assert_eq!(message, expected);
        }
    }

    fn some_lists(num_items: u32, longest: usize, rows: usize) -> impl Strategy<Value = Lists> {
        let item = (0..num_items).prop_map(|item| format!("好{item}"));
        let list = prop::option::weighted(0.9, prop::collection::vec(item, 0..longest));
        prop::collection::vec(list, 0..rows)
    }

    proptest! {
        #[test]
        fn equals_a_look_at_every_row(
            transactions in some_lists(8, 7, 60),
            itemsets in some_lists(9, 5, 60),
        ) {
            let holds = |row: &Option<Vec<String>>, itemset: &Vec<String>| {
                let row = row.as_deref().unwrap_or_default();
                itemset.iter().all(|item| row.contains(item))
            };
            let count = |itemset| transactions.iter().filter(|row| holds(row, itemset)).count();
            let expected: UInt64Array =
                itemsets.iter().map(|itemset| itemset.as_ref().map(|i| count(i) as u64)).collect();
            let counts = count_itemsets(&column(&transactions), &column(&itemsets)).unwrap();
            prop_assert_eq!(counts, expected);
        }
    }
}
