//! Character n-grams as numbers that are equal exactly when the grams are.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

/// Three characters of 21 bits fill a number.
pub const PACKED_CHARS: usize = 3;
const CHAR_BITS: u32 = 21;

/// Makes the n-grams of texts, again at each use: holding them would take ten times the texts.
pub struct Grams<'a> {
    ngram: usize,
    /// Longer grams are numbered beforehand. A hash would be faster and could collide, which
    /// would count two different grams as one and break the bounds of the join.
    numbers: FxHashMap<&'a str, u64>,
}

impl<'a> Grams<'a> {
    /// For these texts only.
    pub fn new(texts: impl Iterator<Item = &'a str>, ngram: usize) -> Self {
        let mut numbers = FxHashMap::default();
        if ngram > PACKED_CHARS {
            for gram in texts.flat_map(|text| slices(text, ngram)) {
                let next = numbers.len() as u64;
                numbers.entry(gram).or_insert(next);
            }
        }
        Self { ngram, numbers }
    }

    /// Puts the n-gram set of a text into `set`: ascending, each once. A text shorter than `ngram`
    /// is one gram that equals no longer one; an empty text has none.
    pub fn put_set(&self, text: &str, set: &mut Vec<u64>) {
        set.clear();
        self.each(text, |gram| set.push(gram));
        set.sort_unstable();
        set.dedup();
    }

    /// The set in a list of its own.
    pub fn set(&self, text: &str) -> Vec<u64> {
        let mut set = Vec::new();
        self.put_set(text, &mut set);
        set
    }

    /// Visits the n-grams of a text in order, repeats included.
    pub fn each(&self, text: &str, mut visit: impl FnMut(u64)) {
        if self.ngram > PACKED_CHARS {
            slices(text, self.ngram).for_each(|gram| visit(self.numbers[gram]));
            return;
        }
        let mask = (1u64 << (CHAR_BITS * self.ngram as u32)) - 1;
        let (mut gram, mut chars) = (0, 0);
        for char in text.chars() {
            // + 1, so that 0 is no character: padding in front of a short text.
            gram = (gram << CHAR_BITS | (u64::from(char) + 1)) & mask;
            chars += 1;
            if chars >= self.ngram {
                visit(gram);
            }
        }
        if (1..self.ngram).contains(&chars) {
            visit(gram);
        }
    }
}

fn slices(text: &str, ngram: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(start, _)| start);
    let ends = text.char_indices().map(|(end, _)| end).skip(ngram).chain([text.len()]);
    starts.zip(ends).map(|(start, end)| &text[start..end])
}

/// |a ∩ b|, or None as soon as it cannot reach `overlap`.
pub fn shared_grams(a: &[u64], b: &[u64], overlap: usize) -> Option<usize> {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        if shared + (a.len() - i).min(b.len() - j) < overlap {
            return None;
        }
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    (shared >= overlap).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(texts: &[&str], ngram: usize) -> Vec<Vec<u64>> {
        let grams = Grams::new(texts.iter().copied(), ngram);
        texts.iter().map(|text| grams.set(text)).collect()
    }

    #[test]
    fn repeats_count_once_and_short_texts_are_one_gram() {
        for ngram in [3, 4] {
            let sets = sets(&["", "好", "好吃", "哈哈哈哈哈", "好吃不贵"], ngram);
            let longest = if ngram == 3 { 2 } else { 1 };
            assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 1, longest]);
        }
    }

    #[test]
    fn padding_is_no_character() {
        for ngram in [2, 3, 4] {
            let sets = sets(&["a", "\0a", "b\0a", "\0a\0b"], ngram);
            let mut distinct = sets.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), sets.len(), "{sets:?}");
        }
    }

    #[test]
    fn the_largest_character_fits() {
        let sets = sets(&["\u{10ffff}\u{10ffff}\u{10ffff}", "\u{10ffff}"], 3);
        assert_ne!(sets[0], sets[1]);
    }
}
