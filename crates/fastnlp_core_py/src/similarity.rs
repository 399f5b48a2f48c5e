use fastnlp_core::similarity;
use pyo3::prelude::*;

use crate::convert::{ArrowColumn, Column, id_lists, to_python};
use crate::error::BindingResult;

/// Row-wise Jaccard similarity of two `list<uint32>` columns.
#[pyfunction]
fn jaccard(py: Python<'_>, left: Column, right: Column) -> BindingResult<ArrowColumn> {
    let (left, right) = (id_lists("left", left)?, id_lists("right", right)?);
    Ok(to_python(py.detach(|| similarity::jaccard_column(&left, &right))?))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(jaccard, module)?)
}
