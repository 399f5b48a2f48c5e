//! Words, their frequencies and what a word weighs.

use rustc_hash::FxHashMap;

use super::trie::{ABSENT, FrequencyId, PREFIX, Trie};
use crate::Error;

/// Frequencies up to here are exact as f64, in which all weights are computed.
pub const MAX_FREQUENCY: u64 = 1 << 53;

/// jieba's `FREQ` and `total`: every word with its frequency, every prefix of a word with 0.
pub struct Dictionary {
    trie: Trie,
    /// By [`FrequencyId`]; a dictionary of 349,045 words has 5,087 distinct frequencies.
    frequencies: Vec<u64>,
    /// Natural logarithm of each frequency.
    logarithms: Vec<f64>,
    ids: FxHashMap<u64, FrequencyId>,
    /// Sum over all words ever set. Wide enough never to overflow.
    total: u128,
    log_total: f64,
}

impl Dictionary {
    /// No words yet: to be filled by [`Self::set`].
    pub fn new() -> Self {
        Self {
            trie: Trie::new(),
            frequencies: vec![0, 0],
            logarithms: vec![f64::NEG_INFINITY; 2],
            ids: FxHashMap::from_iter([(0, PREFIX)]),
            total: 0,
            log_total: f64::NEG_INFINITY,
        }
    }

    /// Declares a frequency with its logarithm, so that it is the same on every platform.
    pub fn declare(&mut self, frequency: u64, logarithm: f64) -> FrequencyId {
        let id = self.frequencies.len() as FrequencyId;
        self.frequencies.push(frequency);
        self.logarithms.push(logarithm);
        self.ids.insert(frequency, id);
        id
    }

    /// Overrides what the total has become by [`Self::set`].
    pub fn set_total(&mut self, total: u64, logarithm: f64) {
        self.total = u128::from(total);
        self.log_total = logarithm;
    }

    /// Gives `word` a frequency, a declared one, without counting it in the total.
    pub fn set_declared(&mut self, word: &str, frequency: FrequencyId) {
        self.trie.set(word, frequency);
    }

    /// Gives `word`, which is not empty, a frequency and adds it to the total, as jieba does even
    /// if the word had one before.
    pub fn set(&mut self, word: &str, frequency: u64) {
        let id = match self.ids.get(&frequency) {
            Some(&id) => id,
            None => self.declare(frequency, (frequency as f64).ln()),
        };
        self.trie.set(word, id);
        if frequency > 0 {
            self.total += u128::from(frequency);
            self.log_total = (self.total as f64).ln();
        }
    }

    /// The sum of all frequencies.
    pub fn total(&self) -> f64 {
        self.total as f64
    }

    /// The frequency of a word, 0 of a prefix of a word, None of anything else.
    pub fn frequency(&self, letters: &[char]) -> Option<u64> {
        let id = self.trie.get(letters);
        (id != ABSENT).then(|| self.frequencies[id as usize])
    }

    /// Whether these letters are a word, of a frequency above 0.
    pub fn is_word(&self, letters: &[char]) -> bool {
        self.trie.get(letters) > PREFIX
    }

    /// Length and weight of each word that begins with the first letter.
    pub fn words(&self, letters: &[char]) -> impl Iterator<Item = (usize, f64)> {
        let entries = (1..).zip(self.trie.prefixes(letters));
        let words = entries.filter(|&(_, id)| id > PREFIX);
        words.map(|(length, id)| (length, self.logarithms[id as usize] - self.log_total))
    }

    /// The weight of a letter that is no word: as if its frequency were 1.
    pub fn unknown_weight(&self) -> f64 {
        0.0 - self.log_total
    }
}

/// Reads a main dictionary in jieba's format, `word frequency [tag]` a line.
///
/// # Errors
/// [`Error::DictionaryLine`] for a line in another form, [`Error::OutOfRange`] if no word has a
/// frequency above 0.
pub fn read_dictionary(file: &str, bytes: &[u8]) -> Result<Dictionary, Error> {
    let mut dictionary = Dictionary::new();
    for (number, line) in lines(bytes) {
        let read = line.ok().and_then(|line| {
            let mut fields = line.split(' ');
            let word = fields.next().filter(|word| !word.is_empty())?;
            Some((word, parse_frequency(fields.next()?)?))
        });
        let (word, frequency) =
            read.ok_or_else(|| bad_line(file, number, "`word frequency [tag]`", line))?;
        dictionary.set(word, frequency);
    }
    if dictionary.total == 0 {
        return Err(Error::OutOfRange {
            argument: "dictionary",
            expected: "at least one word with a frequency above 0",
            found: format!("none in {file}"),
        });
    }
    Ok(dictionary)
}

/// Reads a user dictionary in jieba's format, `word [frequency] [tag]` a line, as its pattern
/// `^(.+?)( [0-9]+)?( [a-z]+)?$` does: the word may hold spaces. Empty lines are skipped.
///
/// # Errors
/// [`Error::DictionaryLine`] for a line that is not UTF-8, or too large a frequency.
pub fn read_user_words<'b>(
    file: &str,
    bytes: &'b [u8],
) -> Result<Vec<(&'b str, Option<u64>)>, Error> {
    let mut words = Vec::new();
    for (number, line) in lines(bytes) {
        let error = || bad_line(file, number, "`word [frequency] [tag]`", line);
        let text = line.map_err(|_| error())?.trim_start_matches('\u{feff}');
        if text.is_empty() {
            continue;
        }
        let (untagged, _) = split_last(text, |c| c.is_ascii_lowercase());
        let (word, digits) = split_last(untagged, |c| c.is_ascii_digit());
        let frequency = match digits {
            Some(digits) => Some(parse_frequency(digits).ok_or_else(error)?),
            None => None,
        };
        words.push((word, frequency));
    }
    Ok(words)
}

/// Cuts off a last field ` …` whose characters are all of one class, unless nothing would be left.
fn split_last(line: &str, class: impl Fn(char) -> bool) -> (&str, Option<&str>) {
    match line.rsplit_once(' ') {
        Some((rest, field))
            if !rest.is_empty() && !field.is_empty() && field.chars().all(class) =>
        {
            (rest, Some(field))
        }
        _ => (line, None),
    }
}

fn parse_frequency(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|&frequency| frequency <= MAX_FREQUENCY)
}

type Line<'b> = Result<&'b str, &'b [u8]>;

/// The lines with their numbers from 1, stripped of what Python's `bytes.strip` strips.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Line<'_>)> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let is_space = |c: char| matches!(c, ' ' | '\t'..='\r');
    (1..).zip(bytes.split(|&byte| byte == b'\n')).map(move |(number, line)| {
        let text = std::str::from_utf8(line).map_err(|_| line);
        (number, text.map(|line| line.trim_matches(is_space)))
    })
}

fn bad_line(file: &str, line: usize, expected: &'static str, found: Line) -> Error {
    let found = match found {
        Ok(text) => format!("{text:?}"),
        Err(bytes) => format!("bytes that are not UTF-8: {}", bytes.escape_ascii()),
    };
    Error::DictionaryLine { file: file.to_owned(), line, expected, found }
}
