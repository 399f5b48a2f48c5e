use arrow_array::{Float64Array, UInt64Array};
use fastnlp_core::neardup::{self, Counts, Find, Pair};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::convert::{ArrowColumn, Column, bytes, texts as text_column, to_python};
use crate::error::BindingResult;

/// Columns left, right and similarity of the pairs, or of the clusters, left being the kept row.
#[pyfunction]
fn near_duplicates(
    py: Python<'_>,
    texts: Column,
    threshold: f64,
    ngram: usize,
    clusters: bool,
    outlines: Option<Column>,
) -> BindingResult<[ArrowColumn; 3]> {
    let texts = text_column("texts", texts)?;
    let outlines = outlines.map(|outlines| bytes("outlines", outlines)).transpose()?;
    let find = if clusters { Find::Clusters } else { Find::Pairs };
    let found = py.detach(|| {
        neardup::near_duplicates_column(&texts, outlines.as_ref(), threshold, ngram, find)
    })?;
    Ok(columns(&found))
}

/// Columns row of `train`, row of `test` and similarity.
#[pyfunction]
fn contamination(
    py: Python<'_>,
    train: Column,
    test: Column,
    threshold: f64,
    ngram: usize,
) -> BindingResult<[ArrowColumn; 3]> {
    let (train, test) = (text_column("train", train)?, text_column("test", test)?);
    let found = py.detach(|| neardup::contamination_column(&train, &test, threshold, ngram))?;
    Ok(columns(&found))
}

/// How often the n-grams of some texts occur: opaque bytes.
#[pyfunction]
fn ngram_counts(py: Python<'_>, texts: Column, ngram: usize) -> BindingResult<Bound<'_, PyBytes>> {
    let texts = text_column("texts", texts)?;
    Ok(PyBytes::new(py, &py.detach(|| neardup::ngram_counts(&texts, ngram))?))
}

/// The outline of each text, for `near_duplicates`: opaque bytes. `counts` are `bytes`, one after
/// another.
#[pyfunction]
fn outline_texts(
    py: Python<'_>,
    texts: Column,
    counts: &Bound<'_, PyAny>,
    threshold: f64,
    ngram: usize,
) -> BindingResult<ArrowColumn> {
    let texts = text_column("texts", texts)?;
    let counts = sum(counts)?;
    Ok(to_python(py.detach(|| neardup::outline_texts(&texts, &counts, threshold, ngram))?))
}

/// The sum of counts, of which one at a time is held.
fn sum(parts: &Bound<'_, PyAny>) -> BindingResult<Counts> {
    let mut refused = None;
    let parts = parts.try_iter()?.map_while(|part| {
        let part = part.and_then(|part| Ok(part.extract::<PyBackedBytes>()?));
        part.map_err(|error| refused = Some(error)).ok()
    });
    let sum = Counts::sum(parts);
    refused.map_or(Ok(sum?), |error| Err(error.into()))
}

fn columns(pairs: &[Pair]) -> [ArrowColumn; 3] {
    let rows = |row: fn(&Pair) -> u32| {
        UInt64Array::from_iter_values(pairs.iter().map(|pair| u64::from(row(pair))))
    };
    let similarity = Float64Array::from_iter_values(pairs.iter().map(|pair| pair.similarity));
    [to_python(rows(|pair| pair.left)), to_python(rows(|pair| pair.right)), to_python(similarity)]
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(contamination, module)?)?;
    module.add_function(wrap_pyfunction!(near_duplicates, module)?)?;
    module.add_function(wrap_pyfunction!(ngram_counts, module)?)?;
    module.add_function(wrap_pyfunction!(outline_texts, module)?)
}
