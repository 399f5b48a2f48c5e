//! The only match from `Error` to a Python exception (declared in `fastnlp_core/errors.py`).

use fastnlp_core::Error;
use pyo3::prelude::*;

/// A core error on its way to Python.
pub enum BindingError {
    Core(Error),
    Python(PyErr),
}

pub type BindingResult<T> = Result<T, BindingError>;

impl From<Error> for BindingError {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<PyErr> for BindingError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<BindingError> for PyErr {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Python(error) => error,
            BindingError::Core(error) => {
                let message = error.to_string();
                Python::attach(|py| exception(py, class_name(&error), &message))
            }
        }
    }
}

fn class_name(error: &Error) -> &'static str {
    match error {
        Error::ColumnType { .. } => "ColumnTypeError",
        Error::NotUtf8 { .. }
        | Error::Malformed { .. }
        | Error::Lengths { .. }
        | Error::NotAscending { .. }
        | Error::OutOfRange { .. }
        | Error::UnknownStep { .. }
        | Error::RepeatedStep { .. }
        | Error::Value { .. }
        | Error::RepeatedItemset { .. }
        | Error::MissingSubset { .. }
        | Error::DictionaryLine { .. }
        | Error::DictionaryImage { .. } => "InputError",
        Error::MemoryLimit { .. }
        | Error::TooManyPairs { .. }
        | Error::TooManyPairsAcross { .. } => "MemoryLimitError",
    }
}

fn exception(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let created = py
        .import("fastnlp_core.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((message,)));
    match created {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}
