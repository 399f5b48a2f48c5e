use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use fastnlp_core::segment::{self, Mode};
use pyo3::prelude::*;

use crate::convert::{ArrowColumn, Column, texts, to_python};
use crate::error::BindingResult;

/// A segmenter that any number of threads read while none changes it. The lock is taken without
/// the GIL, so that no thread waits for both.
#[pyclass(frozen)]
struct Segmenter(RwLock<segment::Segmenter>);

impl Segmenter {
    fn read(&self) -> RwLockReadGuard<'_, segment::Segmenter> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, segment::Segmenter> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Segmenter {
    #[new]
    fn new(
        py: Python<'_>,
        image: &[u8],
        dictionary: Option<(&str, &[u8])>,
        hmm: bool,
    ) -> BindingResult<Self> {
        let segmenter = py.detach(|| match dictionary {
            None => segment::Segmenter::new(image, hmm),
            Some(text) => segment::Segmenter::with_dictionary(image, text, hmm),
        })?;
        Ok(Self(RwLock::new(segmenter)))
    }

    fn add_user_words(&self, py: Python<'_>, name: &str, text: &[u8]) -> BindingResult<()> {
        Ok(py.detach(|| self.write().add_user_words(name, text))?)
    }

    fn add_word(&self, py: Python<'_>, word: &str, freq: Option<u64>) -> BindingResult<()> {
        Ok(py.detach(|| self.write().add_word(word, freq))?)
    }

    fn suggest_joined(&self, py: Python<'_>, word: &str) -> BindingResult<u64> {
        Ok(py.detach(|| self.read().suggest_joined(word))?)
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 hands over owned values only
    fn suggest_split(&self, py: Python<'_>, parts: Vec<String>) -> BindingResult<u64> {
        Ok(py.detach(|| self.read().suggest_split(&parts))?)
    }

    fn cut(&self, py: Python<'_>, text: &str, mode: &str) -> Vec<String> {
        let mode = parse_mode(mode);
        py.detach(|| self.read().cut(text, mode))
    }

    fn cut_column(&self, py: Python<'_>, column: Column, mode: &str) -> BindingResult<ArrowColumn> {
        let (texts, mode) = (texts("texts", column)?, parse_mode(mode));
        Ok(to_python(py.detach(|| self.read().cut_column(&texts, mode))))
    }

    fn tokenize<'t>(
        &self,
        py: Python<'_>,
        text: &'t str,
        search: bool,
    ) -> Vec<(&'t str, usize, usize)> {
        py.detach(|| self.read().tokenize(text, search))
    }

    fn tokenize_column(
        &self,
        py: Python<'_>,
        column: Column,
        search: bool,
    ) -> BindingResult<ArrowColumn> {
        let texts = texts("texts", column)?;
        Ok(to_python(py.detach(|| self.read().tokenize_column(&texts, search))))
    }

    fn encode_column(
        &self,
        py: Python<'_>,
        column: Column,
    ) -> BindingResult<(ArrowColumn, ArrowColumn)> {
        let texts = texts("texts", column)?;
        let (ids, vocabulary) = py.detach(|| self.read().encode_column(&texts));
        Ok((to_python(ids), to_python(vocabulary)))
    }
}

/// The typed wrapper passes one of three names.
fn parse_mode(mode: &str) -> Mode {
    match mode {
        "all" => Mode::All,
        "search" => Mode::Search,
        _ => Mode::Default,
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Segmenter>()
}
