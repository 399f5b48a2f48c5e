//! Chinese word segmentation, token for token that of jieba 0.42.1 (Sun Junyi, MIT).
//!
//! A text is cut into blocks of Han characters, ASCII letters, digits and a few signs; all else
//! stands alone. In a block the most probable way through the words of the dictionary is taken;
//! what it leaves as single characters is cut again by a hidden Markov model.
//!
//! One thing differs: a word set to frequency 0 is split in the words of the model for this
//! [`Segmenter`] only. jieba splits it for all of the process.

mod block;
mod column;
mod dictionary;
mod hmm;
mod image;
mod letters;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
mod trie;

use rustc_hash::FxHashSet;

use self::block::{Block, Rules};
use self::column::Place;
pub use self::dictionary::MAX_FREQUENCY;
use self::dictionary::{Dictionary, read_dictionary, read_user_words};
use self::hmm::Hmm;
use self::letters::{is_block, is_space};
use crate::Error;

/// Which words are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The most probable words, which together are the text.
    Default,
    /// Every word at every position, longer and shorter ones; the model is not used.
    All,
    /// The default, each longer word preceded by the words of two and three characters within it.
    Search,
}

/// A dictionary, the model for words it lacks, and the words never to be found by the model.
pub struct Segmenter {
    dictionary: Dictionary,
    hmm: Hmm,
    use_hmm: bool,
    split: FxHashSet<Vec<char>>,
}

/// A token as a range of bytes.
pub type Span = (usize, usize);

impl Segmenter {
    /// With the dictionary of the file that `tools/dictionary.py` writes.
    ///
    /// # Errors
    /// [`Error::DictionaryImage`] if the bytes are not such a file.
    pub fn new(image: &[u8], use_hmm: bool) -> Result<Self, Error> {
        let (hmm, words) = image::read_model(image)?;
        Ok(Self::from_parts(image::read_words(words)?, hmm, use_hmm))
    }

    /// With the model of that file and the dictionary of a text file in jieba's format; `name` is
    /// the name of the text file, for errors.
    ///
    /// # Errors
    /// As [`Self::new`]; [`Error::DictionaryLine`] for a line in another format;
    /// [`Error::OutOfRange`] if no word has a frequency above 0.
    pub fn with_dictionary(
        image: &[u8],
        (name, text): (&str, &[u8]),
        use_hmm: bool,
    ) -> Result<Self, Error> {
        let (hmm, _) = image::read_model(image)?;
        Ok(Self::from_parts(read_dictionary(name, text)?, hmm, use_hmm))
    }

    fn from_parts(dictionary: Dictionary, hmm: Hmm, use_hmm: bool) -> Self {
        Self { dictionary, hmm, use_hmm, split: FxHashSet::default() }
    }

    /// The tokens of one text.
    #[must_use]
    pub fn cut(&self, text: &str, mode: Mode) -> Vec<String> {
        let mut tokens = Vec::new();
        self.each_token(text, mode, &mut Block::default(), |token| tokens.push(token.to_owned()));
        tokens
    }

    /// The tokens of one text with where they start and end, counted in code points; in search
    /// mode if `search`, else in default mode.
    #[must_use]
    pub fn tokenize<'t>(&self, text: &'t str, search: bool) -> Vec<(&'t str, usize, usize)> {
        let mut tokens = Vec::new();
        let mut place = Place::default();
        self.each_span(text, search, &mut Block::default(), |(from, to)| {
            let start = place.code_point(text, from);
            tokens.push((&text[from..to], start, place.code_point(text, to)));
        });
        tokens
    }

    /// Adds every word of a user dictionary in jieba's format, in the order of the file.
    ///
    /// # Errors
    /// [`Error::DictionaryLine`] for a line in another format; then no word is added.
    pub fn add_user_words(&mut self, name: &str, text: &[u8]) -> Result<(), Error> {
        for (word, frequency) in read_user_words(name, text)? {
            self.add_word(word, frequency)?;
        }
        Ok(())
    }

    /// Sets the frequency of a word; None gives it [`Self::suggest_joined`]. At 0 the word is
    /// deleted, and split where the model finds it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an empty word, or a frequency above [`MAX_FREQUENCY`].
    pub fn add_word(&mut self, word: &str, frequency: Option<u64>) -> Result<(), Error> {
        let frequency = match frequency {
            Some(frequency) => frequency,
            None => self.suggest_joined(word)?,
        };
        if frequency > MAX_FREQUENCY {
            return Err(Error::OutOfRange {
                argument: "freq",
                expected: "a frequency from 0 to 2^53",
                found: frequency.to_string(),
            });
        }
        if frequency == 0 {
            self.split.insert(letters_of(word)?);
        }
        self.dictionary.set(word, frequency);
        Ok(())
    }

    /// The frequency from which on a word is not cut, as long as the model is not asked.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an empty word.
    pub fn suggest_joined(&self, word: &str) -> Result<u64, Error> {
        let letters = letters_of(word)?;
        let mut spans = Vec::new();
        self.cut_tiles(word, None, &mut Block::default(), |span| spans.push(span));
        let parts = spans.into_iter().map(|(start, end)| &word[start..end]);
        let expected = self.expected_count(parts);
        Ok((expected + 1).max(self.dictionary.frequency(&letters).unwrap_or(1)))
    }

    /// The frequency below which a word is cut into these parts, as long as the model is not asked.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the parts hold no character.
    pub fn suggest_split(&self, parts: &[String]) -> Result<u64, Error> {
        let letters = letters_of(&parts.concat())?;
        let expected = self.expected_count(parts.iter().map(String::as_str));
        Ok(expected.min(self.dictionary.frequency(&letters).unwrap_or(0)))
    }

    /// How often the parts follow each other if they are independent.
    fn expected_count<'p>(&self, parts: impl Iterator<Item = &'p str>) -> u64 {
        let total = self.dictionary.total();
        let share = parts.fold(1.0, |share, part| {
            let letters: Vec<char> = part.chars().collect();
            share * (self.dictionary.frequency(&letters).unwrap_or(1) as f64 / total)
        });
        (share * total) as u64
    }

    /// Gives `token` the tokens in jieba's order.
    fn each_token(&self, text: &str, mode: Mode, block: &mut Block, mut token: impl FnMut(&str)) {
        match mode {
            Mode::All => self.cut_all(text, block, token),
            Mode::Default | Mode::Search => {
                let search = mode == Mode::Search;
                self.each_span(text, search, block, |(start, end)| token(&text[start..end]));
            }
        }
    }

    fn each_span(&self, text: &str, search: bool, block: &mut Block, mut token: impl FnMut(Span)) {
        let hmm = self.use_hmm.then_some(&self.hmm);
        self.cut_tiles(text, hmm, block, |span| {
            if search {
                self.each_gram(text, span, &mut token);
            }
            token(span);
        });
    }

    /// The default mode: each token begins where the one before ended.
    fn cut_tiles(
        &self,
        text: &str,
        hmm: Option<&Hmm>,
        block: &mut Block,
        mut token: impl FnMut(Span),
    ) {
        let rules = Rules { dictionary: &self.dictionary, hmm, split: &self.split };
        let mut start = 0;
        while start < text.len() {
            let end = block.read(text, start);
            block.cut(&rules, |end| {
                token((start, end));
                start = end;
            });
            start = end;
            while let Some(length) = outside_len(&text[start..]) {
                token((start, start + length));
                start += length;
            }
        }
    }

    fn cut_all(&self, text: &str, block: &mut Block, mut token: impl FnMut(&str)) {
        let mut start = 0;
        while start < text.len() {
            start = block.read(text, start);
            block.cut_all(text, &self.dictionary, &mut token);
            let rest = &text[start..];
            let outside = &rest[..rest.find(is_block).unwrap_or(rest.len())];
            if !outside.is_empty() {
                split_spaces(outside, &mut token);
            }
            start += outside.len();
        }
    }

    /// The words of two, then those of three characters within a longer token.
    fn each_gram(&self, text: &str, (start, end): Span, gram: &mut impl FnMut(Span)) {
        let token = &text[start..end];
        if token.len() <= 2 {
            return;
        }
        let (mut offsets, letters): (Vec<usize>, Vec<char>) = token.char_indices().unzip();
        offsets.push(token.len());
        for size in [2, 3].into_iter().filter(|&size| letters.len() > size) {
            for (at, window) in letters.windows(size).enumerate() {
                if self.dictionary.is_word(window) {
                    gram((start + offsets[at], start + offsets[at + size]));
                }
            }
        }
    }
}

fn letters_of(word: &str) -> Result<Vec<char>, Error> {
    if word.is_empty() {
        return Err(Error::OutOfRange {
            argument: "word",
            expected: "at least one character",
            found: "an empty word".to_owned(),
        });
    }
    Ok(word.chars().collect())
}

/// Bytes of the first token if it is outside of a block: a character, or CR and LF together.
fn outside_len(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|&first| !is_block(first))?;
    Some(if text.starts_with("\r\n") { 2 } else { first.len_utf8() })
}

/// Splits at each white space as Python's `re.split("(\r\n|\s)", …)` does: the white space is given
/// too, and so are the empty strings between.
fn split_spaces(text: &str, mut token: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(found) = rest.find(is_space) {
        let (before, space) = rest.split_at(found);
        let length = outside_len(space).expect("white space is outside of blocks");
        token(before);
        token(&space[..length]);
        rest = &space[length..];
    }
    token(rest);
}
