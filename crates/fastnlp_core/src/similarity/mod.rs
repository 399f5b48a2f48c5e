//! Row-wise similarity of two columns.

mod jaccard;

pub use jaccard::{jaccard, jaccard_column};
