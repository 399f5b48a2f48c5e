use arrow_array::{Float64Array, UInt64Array};
use fastnlp_core::neardup::{self, Find, Pair};
use pyo3::prelude::*;
use pyo3_arrow::PyArray;

use crate::convert::{Column, texts as text_column, to_python};
use crate::error::BindingResult;

/// Columns left, right and similarity of the pairs, or of the clusters, left being the kept row.
#[pyfunction]
fn near_duplicates(
    py: Python<'_>,
    texts: Column,
    threshold: f64,
    ngram: usize,
    clusters: bool,
) -> BindingResult<[PyArray; 3]> {
    let texts = text_column("texts", texts)?;
    let find = if clusters { Find::Clusters } else { Find::Pairs };
    Ok(columns(&py.detach(|| neardup::near_duplicates_column(&texts, threshold, ngram, find))?))
}

fn columns(pairs: &[Pair]) -> [PyArray; 3] {
    let rows = |row: fn(&Pair) -> u32| {
        UInt64Array::from_iter_values(pairs.iter().map(|pair| u64::from(row(pair))))
    };
    let similarity = Float64Array::from_iter_values(pairs.iter().map(|pair| pair.similarity));
    [to_python(rows(|pair| pair.left)), to_python(rows(|pair| pair.right)), to_python(similarity)]
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(near_duplicates, module)?)
}
