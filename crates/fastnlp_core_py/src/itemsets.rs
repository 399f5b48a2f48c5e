use fastnlp_core::itemsets::{self, ItemsetColumns, MiningOptions, RuleOptions};
use pyo3::prelude::*;

use crate::convert::{ArrowColumn, Column, counts, floats, table_to_python, text_lists, to_python};
use crate::error::BindingResult;

/// The itemsets in at least `min_support` of the rows of a `list<string>` column.
#[pyfunction]
fn frequent_itemsets(
    py: Python<'_>,
    transactions: Column,
    min_support: f64,
    max_length: Option<usize>,
    kind: &str,
    max_memory: Option<usize>,
) -> BindingResult<ArrowColumn> {
    let transactions = text_lists("transactions", transactions)?;
    let options = MiningOptions { min_support, max_length, kind: kind.parse()?, max_memory };
    let itemsets = py.detach(|| itemsets::frequent_itemsets(&transactions, options))?;
    Ok(table_to_python(itemsets))
}

/// The rows of a `list<string>` column that hold all items of each row of another.
#[pyfunction]
fn count_itemsets(
    py: Python<'_>,
    transactions: Column,
    itemsets: Column,
) -> BindingResult<ArrowColumn> {
    let transactions = text_lists("transactions", transactions)?;
    let candidates = text_lists("itemsets", itemsets)?;
    Ok(to_python(py.detach(|| itemsets::count_itemsets(&transactions, &candidates))?))
}

/// The rules between the parts of itemsets; what they are judged by comes as (metric, threshold).
#[pyfunction]
fn association_rules(
    py: Python<'_>,
    items: Column,
    support: Column,
    count: Option<Column>,
    judged_by: (&str, f64, bool),
    num_transactions: Option<u64>,
    max_memory: Option<usize>,
) -> BindingResult<ArrowColumn> {
    let items = text_lists("itemsets", items)?;
    let support = floats("itemsets", support)?;
    let count = count.map(|count| counts("itemsets", count)).transpose()?;
    let (metric, min_threshold, support_only) = judged_by;
    let metric = metric.parse()?;
    let options = RuleOptions { metric, min_threshold, support_only, num_transactions, max_memory };
    let columns = ItemsetColumns { items: &items, support: &support, count: count.as_ref() };
    Ok(table_to_python(py.detach(|| itemsets::association_rules(columns, options))?))
}

/// The q-value of each p-value.
#[pyfunction]
fn benjamini_hochberg(py: Python<'_>, p_values: Column) -> BindingResult<ArrowColumn> {
    let p_values = floats("p_values", p_values)?;
    Ok(to_python(py.detach(|| itemsets::benjamini_hochberg_column(&p_values))?))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(frequent_itemsets, module)?)?;
    module.add_function(wrap_pyfunction!(count_itemsets, module)?)?;
    module.add_function(wrap_pyfunction!(association_rules, module)?)?;
    module.add_function(wrap_pyfunction!(benjamini_hochberg, module)?)
}
