//! Character n-grams as numbers that are equal exactly when the grams are.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// The n-grams of one text: ascending, each once.
pub type GramSet = Vec<u64>;

/// Three characters of 21 bits fill a number.
const PACKED_CHARS: usize = 3;
const CHAR_BITS: u32 = 21;

/// The n-gram set of each text. A text shorter than `ngram` is one gram that equals no longer
/// one; an empty text has none.
pub fn gram_sets(texts: &[&&str], ngram: usize) -> Vec<GramSet> {
    if ngram <= PACKED_CHARS {
        return texts.par_iter().map(|text| packed(text, ngram)).collect();
    }
    // Longer grams are numbered as they come. A hash would be faster and could collide, which
    // would count two different grams as one and break the bounds of the join.
    let mut numbers = FxHashMap::default();
    texts.iter().map(|text| numbered(text, ngram, &mut numbers)).collect()
}

fn packed(text: &str, ngram: usize) -> GramSet {
    let mask = (1u64 << (CHAR_BITS * ngram as u32)) - 1;
    let mut grams = Vec::with_capacity(text.len() / 2);
    let (mut gram, mut chars) = (0, 0);
    for char in text.chars() {
        // + 1, so that 0 is no character: padding in front of a short text.
        gram = (gram << CHAR_BITS | (u64::from(char) + 1)) & mask;
        chars += 1;
        if chars >= ngram {
            grams.push(gram);
        }
    }
    if (1..ngram).contains(&chars) {
        grams.push(gram);
    }
    as_set(grams)
}

fn numbered<'a>(text: &'a str, ngram: usize, numbers: &mut FxHashMap<&'a str, u64>) -> GramSet {
    let mut number_of = |gram| {
        let next = numbers.len() as u64;
        *numbers.entry(gram).or_insert(next)
    };
    let starts = text.char_indices().map(|(start, _)| start);
    let ends = text.char_indices().map(|(end, _)| end).skip(ngram).chain([text.len()]);
    as_set(starts.zip(ends).map(|(start, end)| number_of(&text[start..end])).collect())
}

fn as_set(mut grams: Vec<u64>) -> GramSet {
    grams.sort_unstable();
    grams.dedup();
    grams.shrink_to_fit();
    grams
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(texts: &[&str], ngram: usize) -> Vec<usize> {
        let texts: Vec<&&str> = texts.iter().collect();
        gram_sets(&texts, ngram).iter().map(Vec::len).collect()
    }

    #[test]
    fn repeats_count_once_and_short_texts_are_one_gram() {
        for ngram in [3, 4] {
            assert_eq!(sizes(&["", "好", "好吃", "哈哈哈哈哈", "好吃不贵"], ngram), {
                let longest = if ngram == 3 { 2 } else { 1 };
                [0, 1, 1, 1, longest]
            });
        }
    }

    #[test]
    fn padding_is_no_character() {
        for ngram in [2, 3, 4] {
            let sets = gram_sets(&[&"a", &"\0a", &"b\0a", &"\0a\0b"], ngram);
            let mut distinct = sets.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), sets.len(), "{sets:?}");
        }
    }

    #[test]
    fn the_largest_character_fits() {
        let sets = gram_sets(&[&"\u{10ffff}\u{10ffff}\u{10ffff}", &"\u{10ffff}"], 3);
        assert_ne!(sets[0], sets[1]);
    }
}
