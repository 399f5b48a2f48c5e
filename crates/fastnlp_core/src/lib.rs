//! Segmentation, frequent itemsets, near-duplicates and similarity over Arrow columns.
//!
//! Kernels take slices and strings; beside each stands one `*_column` function that takes and
//! returns Arrow arrays and keeps nulls. No Python here: the binding lives in `fastnlp_core_py`.

#![forbid(unsafe_code)]

pub mod columns;
pub mod error;
pub mod itemsets;
pub mod neardup;
pub mod segment;
pub mod similarity;
pub mod text;

pub use error::Error;
