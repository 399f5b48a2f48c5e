//! The call that finds itemsets: checks its options, searches, gives a table.

use std::str::FromStr;

use arrow_array::{LargeListArray, RecordBatch};

use super::closed;
use super::found::{Budget, Path};
use super::search::{self, Limits};
use super::table::itemset_table;
use super::transactions::Transactions;
use crate::Error;

const ADVICE: &str = "raise min_support, set max_length, or allow more memory";

/// Which frequent itemsets to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every one.
    All,
    /// Those that no further item can join without losing a row.
    Closed,
    /// Those that no further item can join and stay frequent.
    Maximal,
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "all" => Ok(Self::All),
            "closed" => Ok(Self::Closed),
            "maximal" => Ok(Self::Maximal),
            _ => Err(Error::OutOfRange {
                argument: "kind",
                expected: "'all', 'closed' or 'maximal'",
                found: format!("'{name}'"),
            }),
        }
    }
}

/// What counts as frequent, and how much of it to report.
#[derive(Debug, Clone, Copy)]
pub struct MiningOptions {
    /// Share of the rows an itemset must be in, in (0, 1].
    pub min_support: f64,
    /// Longest itemset to report; what is closed or maximal does not depend on it.
    pub max_length: Option<usize>,
    /// Which itemsets to report.
    pub kind: Kind,
    /// Bytes the call may take beside its input.
    pub max_memory: Option<usize>,
}

/// The itemsets in at least `min_support` of the rows of a `large_list<large_string>` column, as
/// a table `items: large_list<large_string>, count: uint64, support: float64`.
///
/// Items stand in text order; itemsets by length, then falling count, then items in text order.
/// A null row is a transaction without items; an item that a row repeats counts once.
///
/// # Errors
/// [`Error::OutOfRange`] for an option outside its range, [`Error::NullValue`] for a null item,
/// [`Error::MemoryLimit`] when the itemsets do not fit `max_memory`.
pub fn frequent_itemsets(
    transactions: &LargeListArray,
    options: MiningOptions,
) -> Result<RecordBatch, Error> {
    check(options)?;
    let budget = Budget::new(options.max_memory, ADVICE);
    let transactions = Transactions::read(transactions, options.min_support, &budget)?;
    let limits = Limits {
        min_count: transactions.min_count,
        max_length: options.max_length.unwrap_or(usize::MAX),
        budget: &budget,
    };
    let num_rows = transactions.num_rows as u32;
    let (rows, path) = (&transactions.rows, &Path::default());
    let num_items = rows.num_items() as u32;
    let parts = match options.kind {
        Kind::All => search::side_by_side(rows, path, num_rows, limits),
        Kind::Closed => closed::side_by_side(rows, num_items, path, limits, false),
        Kind::Maximal => closed::side_by_side(rows, num_items, path, limits, true),
    }?;
    itemset_table(&parts, &transactions.texts, num_rows, &budget)
}

fn check(options: MiningOptions) -> Result<(), Error> {
    if !(options.min_support > 0.0 && options.min_support <= 1.0) {
        return Err(Error::OutOfRange {
            argument: "min_support",
            expected: "a share of the transactions in (0, 1]",
            found: options.min_support.to_string(),
        });
    }
    if options.max_length == Some(0) {
        return Err(Error::OutOfRange {
            argument: "max_length",
            expected: "at least 1, or none",
            found: "0".to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::{BTreeMap, BTreeSet};

    use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt64Type;
    use proptest::prelude::*;

    use super::*;

    type Itemset = (Vec<String>, u64);

    fn column(rows: &[Option<Vec<&str>>]) -> LargeListArray {
        let mut lists = LargeListBuilder::new(LargeStringBuilder::new());
        for row in rows {
            lists.append_option(row.as_ref().map(|row| row.iter().map(|item| Some(*item))));
        }
        lists.finish()
    }

    fn options(min_support: f64) -> MiningOptions {
        MiningOptions { min_support, max_length: None, kind: Kind::All, max_memory: None }
    }

    fn mine(rows: &[Option<Vec<&str>>], options: MiningOptions) -> Result<Vec<Itemset>, Error> {
        let table = frequent_itemsets(&column(rows), options)?;
        let counts = table["count"].as_primitive::<UInt64Type>();
        let items = table["items"].as_list::<i64>().iter().flatten().map(|items| {
            let items = items.as_string::<i64>().iter().flatten();
            items.map(str::to_owned).collect()
        });
        Ok(items.zip(counts.values().iter().copied()).collect())
    }

    /// Every subset of every row, counted and sorted as the table promises.
    fn brute_force(
        rows: &[Vec<String>],
        min_count: u64,
        max_length: Option<usize>,
    ) -> Vec<Itemset> {
        let mut count_of: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for row in rows {
            let items: Vec<&String> = row.iter().collect::<BTreeSet<_>>().into_iter().collect();
            for mask in 1..1u32 << items.len() {
                let chosen = items.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
                let itemset = chosen.map(|(_, &item)| item.clone()).collect();
                *count_of.entry(itemset).or_default() += 1;
            }
        }
        let mut frequent: Vec<Itemset> = count_of.into_iter().collect();
        frequent.retain(|(items, count)| {
            *count >= min_count && max_length.is_none_or(|longest| items.len() <= longest)
        });
        frequent.sort_by_key(|(items, count)| (items.len(), Reverse(*count), items.clone()));
        frequent
    }

    /// The itemsets without a superset of one more item and, if closed, the same count.
    fn without_better(all: &[Itemset], kind: Kind, max_length: Option<usize>) -> Vec<Itemset> {
        let mut best: BTreeMap<Vec<String>, u64> = all.iter().cloned().collect();
        for (items, count) in all {
            for left_out in 0..items.len() {
                let mut subset = items.clone();
                subset.remove(left_out);
                if kind == Kind::Maximal || best.get(&subset) == Some(count) {
                    best.remove(&subset);
                }
            }
        }
        let short = |items: &[String]| max_length.is_none_or(|longest| items.len() <= longest);
        let kept = all.iter().filter(|(items, _)| best.contains_key(items) && short(items));
        kept.cloned().collect()
    }

    #[test]
    fn a_null_row_counts_as_a_transaction_and_a_repeated_item_once() {
        let rows = [Some(vec!["tea", "tea"]), None, Some(vec![]), Some(vec!["tea", "milk"])];
        let table = frequent_itemsets(&column(&rows), options(0.5)).unwrap();
        assert_eq!(mine(&rows, options(0.5)).unwrap(), vec![(vec!["tea".to_owned()], 2)]);
        assert_eq!(
            table["support"].as_primitive::<arrow_array::types::Float64Type>().value(0),
            0.5
        );
    }

    #[test]
    fn an_item_in_every_row_is_part_of_itemsets() {
        let rows = [Some(vec!["a", "b"]), Some(vec!["a"])];
        let expected = [
            (vec!["a".to_owned()], 2),
            (vec!["b".to_owned()], 1),
            (vec!["a".to_owned(), "b".to_owned()], 1),
        ];
        assert_eq!(mine(&rows, options(0.5)).unwrap(), expected);
    }

    #[test]
    fn no_rows_and_no_frequent_items_give_no_itemsets() {
        assert_eq!(mine(&[], options(0.5)).unwrap(), vec![]);
        assert_eq!(mine(&[Some(vec!["a"]), Some(vec!["b"]), None], options(0.5)).unwrap(), vec![]);
    }

    #[test]
    fn a_support_outside_its_range_is_refused() {
        for (min_support, shown) in [(0.0, "0"), (1.5, "1.5"), (f64::NAN, "NaN")] {
            let message = mine(&[], options(min_support)).unwrap_err().to_string();
            let expected =
                format!("min_support: expected a share of the transactions in (0, 1], got {shown}");
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn a_result_that_does_not_fit_says_what_to_do() {
        let items: Vec<String> = (0..24).map(|item| format!("item {item}")).collect();
        let row = Some(items.iter().map(String::as_str).collect::<Vec<_>>());
        let limited = MiningOptions { max_memory: Some(1 << 20), ..options(1.0) };
        let message = mine(&[row], limited).unwrap_err().to_string();
        assert_eq!(
            message,
            "max_memory: the result does not fit in 1048576 bytes; \
             raise min_support, set max_length, or allow more memory"
        );
    }

    /// Rows over few items, which become bit columns at once, and over many, which do not.
    fn item_rows() -> impl Strategy<Value = Vec<Vec<String>>> {
        prop_oneof![Just((9u32, 14)), Just((200, 60))].prop_flat_map(|(num_items, num_rows)| {
            let item = (0..num_items).prop_map(|item| format!("好{item}"));
            prop::collection::vec(prop::collection::vec(item, 0..9), 1..num_rows)
        })
    }

    proptest! {
        #[test]
        fn equals_the_count_of_every_subset(
            rows in item_rows(),
            min_count in 1usize..4,
            max_length in prop::option::of(1usize..5),
        ) {
            let lists: Vec<Option<Vec<&str>>> =
                rows.iter().map(|row| Some(row.iter().map(String::as_str).collect())).collect();
            let min_count = min_count.min(rows.len());
            let min_support = min_count as f64 / rows.len() as f64;
            let options = MiningOptions { max_length, ..options(min_support) };
            let expected = brute_force(&rows, min_count as u64, max_length);
            prop_assert_eq!(mine(&lists, options).unwrap(), expected);
        }

        #[test]
        fn closed_and_maximal_itemsets_have_no_superset_as_good(
            rows in item_rows(),
            min_count in 1usize..4,
            max_length in prop::option::of(1usize..5),
        ) {
            let lists: Vec<Option<Vec<&str>>> =
                rows.iter().map(|row| Some(row.iter().map(String::as_str).collect())).collect();
            let min_count = min_count.min(rows.len());
            let options = options(min_count as f64 / rows.len() as f64);
            let everything = brute_force(&rows, min_count as u64, None);
            for kind in [Kind::Closed, Kind::Maximal] {
                let expected = without_better(&everything, kind, max_length);
                let options = MiningOptions { max_length, kind, ..options };
                prop_assert_eq!(mine(&lists, options).unwrap(), expected);
            }
        }
    }
}
