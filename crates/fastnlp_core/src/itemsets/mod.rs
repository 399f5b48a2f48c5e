//! Frequent itemsets, association rules and their significance.
//!
//! [`frequent_itemsets`] numbers the items (`transactions`), searches depth first (`search`,
//! `closed`) and sorts what was found into a table (`found`); [`association_rules`] reads such a
//! table. [`count_itemsets`] counts itemsets that are known. [`fisher_exact`] and
//! [`benjamini_hochberg`] say which rules chance alone explains.

mod bits;
mod closed;
mod correction;
mod counting;
mod fisher;
mod found;
mod frequent;
mod metrics;
mod redundancy;
mod row_set;
mod rows;
mod rules;
mod search;
mod subsets;
mod table;
mod transactions;

pub use correction::{benjamini_hochberg, benjamini_hochberg_column};
pub use counting::count_itemsets;
pub use fisher::fisher_exact;
pub use frequent::{Kind, MiningOptions, frequent_itemsets};
pub use metrics::{Metric, RuleSupports};
pub use rules::{ItemsetColumns, RuleOptions, association_rules};
