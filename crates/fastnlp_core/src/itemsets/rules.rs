//! Association rules. Agrawal, Imieliński, Swami (1993), "Mining association rules between sets
//! of items in large databases".

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, LargeListArray, RecordBatch, UInt64Array};
use rayon::prelude::*;

use super::fisher::fisher_exact;
use super::found::Budget;
use super::metrics::{Metric, RuleSupports};
use super::redundancy::is_redundant;
use super::subsets::{Itemsets, Lookup};
use super::table::{batch, lists_of};
use crate::Error;

const ADVICE: &str = "raise min_threshold, mine fewer itemsets, or allow more memory";
/// Itemsets whose rules are made in one go.
const CHUNK: usize = 512;
/// 2^k rules of an itemset with k items are numbered in a u32.
const LONGEST_ITEMSET: usize = 31;
/// A rule three times over (found, in a growing vector, then joined), its scores, its p-value twice
/// (before and after its check), the lengths and ends of its two lists.
const BYTES_PER_RULE: usize = 216;

/// Which rules to keep, and what to say about them.
#[derive(Debug, Clone, Copy)]
pub struct RuleOptions {
    /// The metric that is compared with `min_threshold`.
    pub metric: Metric,
    /// Rules that score less are left out.
    pub min_threshold: f64,
    /// Judge by the support whatever `metric` says, for itemsets whose subsets are not there.
    pub support_only: bool,
    /// Rows that were mined; needed for p-values only.
    pub num_transactions: Option<u64>,
    /// Bytes the call may take beside its input.
    pub max_memory: Option<usize>,
}

/// A table of itemsets, as [`super::frequent_itemsets`] gives it.
#[derive(Clone, Copy)]
pub struct ItemsetColumns<'a> {
    /// `large_list<large_string>`.
    pub items: &'a LargeListArray,
    /// Share of the transactions.
    pub support: &'a Float64Array,
    /// Number of transactions; needed for p-values only.
    pub count: Option<&'a UInt64Array>,
}

/// A rule: the items of an itemset whose bit is set in `mask`, and the others.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub itemset: u32,
    pub mask: u32,
    /// Antecedent and consequent among the itemsets; None if judged by the support alone.
    parts: Option<(u32, u32)>,
}

/// Every rule between the parts of an itemset that scores `min_threshold` or more, as a table of
/// `antecedent`, `consequent`, the twelve [`Metric`]s and, given `num_transactions`, `p_value` and `redundant`.
///
/// Rules stand in the order of their itemsets; those of one itemset by their antecedent, read as a
/// binary number whose lowest digit is the first item in text order.
///
/// # Errors
/// [`Error::Value`] and [`Error::RepeatedItemset`] for an itemset that cannot be used,
/// [`Error::MissingSubset`] when the support of a part is unknown (closed or maximal itemsets),
/// [`Error::MemoryLimit`] when the rules do not fit `max_memory`.
pub fn association_rules(
    columns: ItemsetColumns,
    options: RuleOptions,
) -> Result<RecordBatch, Error> {
    check(options)?;
    let itemsets = Itemsets::read(columns, options.num_transactions)?;
    let lookup = itemsets.lookup()?;
    if !options.support_only {
        itemsets.ensure_complete(&lookup)?;
    }
    let rules = rules(&itemsets, &lookup, options)?;
    rule_table(&itemsets, &lookup, &rules, options)
}

fn check(options: RuleOptions) -> Result<(), Error> {
    if options.min_threshold.is_nan() {
        return Err(Error::OutOfRange {
            argument: "min_threshold",
            expected: "a number",
            found: "NaN".to_owned(),
        });
    }
    match options.num_transactions {
        Some(total) if options.support_only => Err(Error::OutOfRange {
            argument: "num_transactions",
            expected: "none with support_only, which knows too little for p-values",
            found: total.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The rules to keep, in order.
fn rules(itemsets: &Itemsets, lookup: &Lookup, options: RuleOptions) -> Result<Vec<Rule>, Error> {
    let budget = Budget::new(options.max_memory, ADVICE);
    let judge = if options.support_only { Metric::Support } else { options.metric };
    let rows: Vec<u32> = (0..itemsets.len() as u32).collect();
    let of_chunk = |chunk: &[u32]| -> Result<Vec<Rule>, Error> {
        let mut kept = Vec::new();
        for &row in chunk {
            let bytes_per_rule = BYTES_PER_RULE + itemsets.bytes(row);
            let candidates = candidates(itemsets, lookup, row, options.support_only)?;
            for rule in candidates {
                if score(itemsets, rule, judge) >= options.min_threshold {
                    budget.charge(bytes_per_rule)?;
                    kept.push(rule);
                }
            }
        }
        Ok(kept)
    };
    let chunks: Result<Vec<Vec<Rule>>, Error> = rows.par_chunks(CHUNK).map(of_chunk).collect();
    Ok(chunks?.concat())
}

/// Every rule of one itemset.
fn candidates<'a>(
    itemsets: &'a Itemsets,
    lookup: &'a Lookup,
    itemset: u32,
    support_only: bool,
) -> Result<impl Iterator<Item = Rule> + 'a, Error> {
    let items = itemsets.items(itemset);
    if items.len() > LONGEST_ITEMSET {
        return Err(Error::Value {
            column: "itemsets",
            row: itemset as usize,
            expected: "at most 31 items",
            found: format!("{}, of which 2^{} rules can be made", items.len(), items.len()),
            advice: "mine with a max_length",
        });
    }
    let all = (1u32 << items.len()) - 1;
    let mut part: Vec<u32> = Vec::with_capacity(items.len());
    let mut row_of = move |mask: u32| {
        part.clear();
        part.extend((0..items.len()).filter(|bit| mask >> bit & 1 == 1).map(|bit| items[bit]));
        lookup[part.as_slice()]
    };
    Ok((1..all.max(1)).map(move |mask| {
        let parts = (!support_only).then(|| (row_of(mask), row_of(all ^ mask)));
        Rule { itemset, mask, parts }
    }))
}

/// NaN where a metric other than the support is asked for and only the support is known.
fn score(itemsets: &Itemsets, rule: Rule, metric: Metric) -> f64 {
    let support = |row: u32| itemsets.supports[row as usize];
    match rule.parts {
        None if metric == Metric::Support => support(rule.itemset),
        None => f64::NAN,
        Some((antecedent, consequent)) => metric.score(RuleSupports {
            antecedent: support(antecedent),
            consequent: support(consequent),
            both: support(rule.itemset),
        }),
    }
}

fn rule_table(
    itemsets: &Itemsets,
    lookup: &Lookup,
    rules: &[Rule],
    options: RuleOptions,
) -> Result<RecordBatch, Error> {
    let mut columns =
        vec![("antecedent", side(itemsets, rules, 1)), ("consequent", side(itemsets, rules, 0))];
    for (metric, name) in Metric::ALL {
        let scores: Vec<f64> =
            rules.par_iter().map(|&rule| score(itemsets, rule, metric)).collect();
        columns.push((name, Arc::new(Float64Array::from(scores))));
    }
    if let Some(total) = options.num_transactions {
        columns.push(("p_value", Arc::new(p_values(itemsets, rules, total)?)));
        let redundant: Vec<bool> =
            rules.par_iter().map(|&rule| is_redundant(itemsets, lookup, rule, total)).collect();
        columns.push(("redundant", Arc::new(BooleanArray::from(redundant))));
    }
    Ok(batch(columns))
}

fn p_values(itemsets: &Itemsets, rules: &[Rule], total: u64) -> Result<Float64Array, Error> {
    // None where the counts cannot be those of `total` transactions.
    let p_values: Vec<Option<f64>> = rules
        .par_iter()
        .map(|&rule| {
            let (left, right, both) = counts(itemsets, rule);
            (both >= left.saturating_sub(total - right))
                .then(|| fisher_exact(total, left, right, both))
        })
        .collect();
    let Some(contradiction) = p_values.iter().position(Option::is_none) else {
        return Ok(p_values.into_iter().collect());
    };
    let rule = rules[contradiction];
    let (left, right, both) = counts(itemsets, rule);
    Err(Error::Value {
        column: "itemsets",
        row: rule.itemset as usize,
        expected: "counts of the same transactions",
        found: format!("parts in {left} and {right} of {total}, and both in {both}"),
        advice: "pass the number of rows that were mined as num_transactions",
    })
}

/// Transactions with the antecedent, with the consequent and with both.
fn counts(itemsets: &Itemsets, rule: Rule) -> (u64, u64, u64) {
    let (antecedent, consequent) = rule.parts.expect("options with p-values need the parts");
    let count = |row: u32| itemsets.counts[row as usize];
    (count(antecedent), count(consequent), count(rule.itemset))
}

/// The items of each rule whose bit in the mask is `bit`.
fn side(itemsets: &Itemsets, rules: &[Rule], bit: u32) -> ArrayRef {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(rules.len());
    for rule in rules {
        let start = items.len();
        let candidates = itemsets.items(rule.itemset).iter().enumerate();
        items.extend(
            candidates.filter(|(place, _)| rule.mask >> place & 1 == bit).map(|(_, &item)| item),
        );
        lengths.push(items.len() - start);
    }
    Arc::new(lists_of(&itemsets.texts, &items, lengths))
}
