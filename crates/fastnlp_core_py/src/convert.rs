//! Arrow in and out over the PyCapsule interface: the only use of pyo3-arrow.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, LargeBinaryArray, LargeListArray, LargeStringArray, UInt64Array,
    new_empty_array,
};
use fastnlp_core::columns;
use pyo3::prelude::*;
use pyo3_arrow::PyArray;
use pyo3_arrow::input::AnyArray;

use crate::error::BindingResult;

/// A column as Python hands it over: one Arrow array, or a stream of chunks.
pub struct Column(AnyArray);

impl<'a, 'py> FromPyObject<'a, 'py> for Column {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        object.extract().map(Self)
    }
}

/// A text column (see [`columns::texts`]).
pub fn texts(name: &str, column: Column) -> BindingResult<LargeStringArray> {
    Ok(columns::texts(name, &chunks(column)?)?)
}

/// A `list<string>` column.
pub fn text_lists(name: &str, column: Column) -> BindingResult<LargeListArray> {
    Ok(columns::text_lists(name, &chunks(column)?)?)
}

/// A `list<uint32>` column.
pub fn id_lists(name: &str, column: Column) -> BindingResult<LargeListArray> {
    Ok(columns::id_lists(name, &chunks(column)?)?)
}

/// A binary column.
pub fn bytes(name: &str, column: Column) -> BindingResult<LargeBinaryArray> {
    Ok(columns::bytes(name, &chunks(column)?)?)
}

/// A column of float64.
pub fn floats(name: &str, column: Column) -> BindingResult<Float64Array> {
    Ok(columns::floats(name, &chunks(column)?)?)
}

/// A column of uint64.
pub fn counts(name: &str, column: Column) -> BindingResult<UInt64Array> {
    Ok(columns::counts(name, &chunks(column)?)?)
}

/// An array on its way to Python.
pub fn to_python(array: impl Array + 'static) -> PyArray {
    PyArray::from_array_ref(Arc::new(array))
}

/// The chunks of a column, at least one, so that its type is known.
fn chunks(column: Column) -> BindingResult<Vec<ArrayRef>> {
    let (chunks, field) = column.0.into_chunked_array()?.into_inner();
    if chunks.is_empty() {
        return Ok(vec![new_empty_array(field.data_type())]);
    }
    Ok(chunks)
}
