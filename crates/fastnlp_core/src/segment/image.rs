//! The packed dictionary file that `tools/dictionary.py` writes: the model, then the words.
//!
//! All numbers are little endian. After [`MAGIC`] come the start, transition and emission
//! logarithms of the model (f64); the total of all frequencies, how many distinct frequencies,
//! words and bytes of text follow (u64 each); the logarithm of the total (f64); the distinct
//! frequencies (u64) and their logarithms (f64); for each word the index of its frequency (u16); the
//! words as UTF-8, each ended by a line feed.

use super::dictionary::{Dictionary, MAX_FREQUENCY};
use super::hmm::{Hmm, NUM_HAN, NUM_STATES};
use crate::Error;

/// First bytes of the file; the number is the version of its layout.
pub const MAGIC: &[u8; 16] = b"fastnlp words 1\n";

/// Reads the model; gives the bytes after it too, for [`read_words`].
///
/// # Errors
/// [`Error::DictionaryImage`] if the bytes are not what the tool writes.
pub fn read_model(bytes: &[u8]) -> Result<(Hmm, &[u8]), Error> {
    let mut reader = Reader { bytes };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(damaged("another file, or another version of it"));
    }
    let states = |numbers: &[f64]| [numbers[0], numbers[1], numbers[2], numbers[3]];
    let start = states(&reader.f64s(NUM_STATES)?);
    let transition = reader.f64s(NUM_STATES * NUM_STATES)?;
    let emission = reader.f64s(NUM_HAN * NUM_STATES)?;
    let transition = [0, 1, 2, 3].map(|from| states(&transition[from * NUM_STATES..]));
    let emission = emission.chunks_exact(NUM_STATES).map(states).collect();
    Ok((Hmm { start, transition, emission }, reader.bytes))
}

/// Reads the words from the bytes after the model.
///
/// # Errors
/// [`Error::DictionaryImage`] if the bytes are not what the tool writes.
pub fn read_words(bytes: &[u8]) -> Result<Dictionary, Error> {
    let mut reader = Reader { bytes };
    let header = reader.u64s(4)?;
    let [num_frequencies, num_words, text_len] = [1, 2, 3].map(|field| header[field] as usize);
    let log_total = reader.f64s(1)?[0];
    let mut dictionary = Dictionary::new();
    let frequencies = reader.u64s(num_frequencies)?;
    let logarithms = reader.f64s(num_frequencies)?;
    let mut ids = Vec::with_capacity(num_frequencies);
    for (frequency, logarithm) in frequencies.into_iter().zip(logarithms) {
        if frequency > MAX_FREQUENCY {
            return Err(damaged("a frequency is too large"));
        }
        ids.push(dictionary.declare(frequency, logarithm));
    }
    let indexes = reader.take(num_words.saturating_mul(2))?.chunks_exact(2);
    let text = std::str::from_utf8(reader.take(text_len)?).map_err(|_| damaged("not UTF-8"))?;
    for (word, index) in text.split_terminator('\n').zip(indexes) {
        let index = u16::from_le_bytes([index[0], index[1]]);
        let id = ids.get(usize::from(index)).ok_or_else(|| damaged("an unknown frequency"))?;
        dictionary.set_declared(word, *id);
    }
    dictionary.set_total(header[0], log_total);
    Ok(dictionary)
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let (taken, rest) =
            self.bytes.split_at_checked(length).ok_or_else(|| damaged("too short"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u64s(&mut self, count: usize) -> Result<Vec<u64>, Error> {
        let bytes = self.take(count.saturating_mul(8))?;
        let number =
            |eight: &[u8]| eight.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        Ok(bytes.chunks_exact(8).map(number).collect())
    }

    fn f64s(&mut self, count: usize) -> Result<Vec<f64>, Error> {
        Ok(self.u64s(count)?.into_iter().map(f64::from_bits).collect())
    }
}

fn damaged(reason: &'static str) -> Error {
    Error::DictionaryImage { reason }
}
