//! Arrow in and out over the PyCapsule interface.

use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::{
    Array, ArrayRef, Float64Array, LargeBinaryArray, LargeListArray, LargeStringArray, RecordBatch,
    StructArray, UInt64Array, make_array,
};
use fastnlp_core::columns;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::error::BindingResult;

const SCHEMA: &std::ffi::CStr = c"arrow_schema";
const ARRAY: &std::ffi::CStr = c"arrow_array";

type Capsules<'py> = (Bound<'py, PyCapsule>, Bound<'py, PyCapsule>);

/// A column as Python hands it over: the chunks of an Arrow array or stream, at least one, so that
/// their type is known. pyarrow takes streams apart.
pub struct Column(Vec<ArrayRef>);

impl<'py> FromPyObject<'_, 'py> for Column {
    type Error = PyErr;

    fn extract(column: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if column.hasattr("__arrow_c_array__")? {
            return Ok(Self(vec![taken_over(&column)?]));
        }
        let pyarrow = column.py().import("pyarrow")?;
        let stream = pyarrow.call_method1("chunked_array", (column,))?;
        let chunks = stream.getattr("chunks")?;
        let chunks = chunks.try_iter()?.map(|chunk| taken_over(&chunk?));
        let mut chunks = chunks.collect::<PyResult<Vec<_>>>()?;
        if chunks.is_empty() {
            let none = pyarrow.call_method1("nulls", (0, stream.getattr("type")?))?;
            chunks.push(taken_over(&none)?);
        }
        Ok(Self(chunks))
    }
}

/// A column on its way to Python, where `pa.array` takes it over.
#[pyclass(frozen)]
pub struct ArrowColumn(ArrayRef);

#[pymethods]
impl ArrowColumn {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        #[expect(unused, reason = "the interface lets it be")] requested_schema: Option<
            &Bound<'py, PyAny>,
        >,
    ) -> BindingResult<Capsules<'py>> {
        let (array, schema) = to_ffi(&self.0.to_data()).expect("our types are known to C");
        let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
        Ok((schema, PyCapsule::new_with_value(py, array, ARRAY)?))
    }
}

/// A text column (see [`columns::texts`]).
pub fn texts(name: &str, Column(chunks): Column) -> BindingResult<LargeStringArray> {
    Ok(columns::texts(name, &chunks)?)
}

/// A `list<string>` column.
pub fn text_lists(name: &str, Column(chunks): Column) -> BindingResult<LargeListArray> {
    Ok(columns::text_lists(name, &chunks)?)
}

/// A `list<uint32>` column.
pub fn id_lists(name: &str, Column(chunks): Column) -> BindingResult<LargeListArray> {
    Ok(columns::id_lists(name, &chunks)?)
}

/// A binary column.
pub fn bytes(name: &str, Column(chunks): Column) -> BindingResult<LargeBinaryArray> {
    Ok(columns::bytes(name, &chunks)?)
}

/// A column of float64.
pub fn floats(name: &str, Column(chunks): Column) -> BindingResult<Float64Array> {
    Ok(columns::floats(name, &chunks)?)
}

/// A column of uint64.
pub fn counts(name: &str, Column(chunks): Column) -> BindingResult<UInt64Array> {
    Ok(columns::counts(name, &chunks)?)
}

/// An array on its way to Python.
pub fn to_python(array: impl Array + 'static) -> ArrowColumn {
    ArrowColumn(Arc::new(array))
}

/// A table on its way to Python, as the C interface knows it: one column of structs.
pub fn table_to_python(table: RecordBatch) -> ArrowColumn {
    to_python(StructArray::from(table))
}

/// The array behind two capsules; the one that holds it is empty then.
fn taken_over(object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let (schema, array): Capsules = object.call_method0("__arrow_c_array__")?.extract()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: a capsule of this name points to this struct, and lives until the end of this block.
    let (array, schema) = unsafe { (FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
    if array.is_released() {
        return Err(PyTypeError::new_err("its Arrow data was taken over before"));
    }
    // SAFETY: as above; whoever made the capsules vouches that the two belong together.
    let data = unsafe { from_ffi(array, schema) };
    Ok(make_array(data.map_err(|error| PyTypeError::new_err(error.to_string()))?))
}
