use fastnlp_core::similarity;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;

use crate::convert::{Column, id_lists, to_python};
use crate::error::BindingResult;

/// Row-wise Jaccard similarity of two `list<uint32>` columns.
#[pyfunction]
fn jaccard(py: Python<'_>, left: Column, right: Column) -> BindingResult<PyArray> {
    let (left, right) = (id_lists("left", left)?, id_lists("right", right)?);
    Ok(to_python(py.detach(|| similarity::jaccard_column(&left, &right))?))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(jaccard, module)?)
}
