//! Python binding: convert, release the GIL, map errors; nothing is computed here.
// The macros of pyo3 generate `unsafe` blocks and undocumented items of their own.
#![allow(unsafe_code, missing_docs)]

mod convert;
mod error;
mod itemsets;
mod neardup;
mod segment;
mod similarity;
mod text;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    itemsets::register(module)?;
    neardup::register(module)?;
    segment::register(module)?;
    similarity::register(module)?;
    text::register(module)
}
