use fastnlp_core::text;
use pyo3::prelude::*;

use crate::convert::{ArrowColumn, Column, texts, to_python};
use crate::error::BindingResult;

/// The normalised column, and a column of counts per step.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "pyo3 hands over lists as owned values")]
fn normalize(
    py: Python<'_>,
    column: Column,
    steps: Vec<String>,
    elongation_limit: usize,
) -> BindingResult<(ArrowColumn, Vec<ArrowColumn>)> {
    let (column, steps) = (texts("column", column)?, text::steps(&steps, elongation_limit)?);
    let normalized = py.detach(|| text::normalize_column(&column, &steps));
    let counts = normalized.counts.into_iter().map(to_python).collect();
    Ok((to_python(normalized.texts), counts))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(normalize, module)?)
}
