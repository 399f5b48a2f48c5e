//! The character classes of jieba's regular expressions.

/// jieba's `[\u4E00-\u9FD5]`: what the hidden Markov model knows.
pub fn is_han(letter: char) -> bool {
    ('\u{4E00}'..='\u{9FD5}').contains(&letter)
}

/// jieba's `[a-zA-Z0-9]`.
pub fn is_alphanumeric(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}

/// jieba's `re_han_default`: a run of these is looked up in the dictionary, all else stands alone.
pub fn is_block(letter: char) -> bool {
    is_han(letter)
        || is_alphanumeric(letter)
        || matches!(letter, '+' | '#' | '&' | '.' | '_' | '%' | '-')
}

/// Python's `\s`, which holds four separators that Unicode does not count as white space.
pub fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&letter)
}

/// Splits ASCII letters of a block as jieba's `([a-zA-Z0-9]+(?:\.\d+)?%?)` does; calls `token` with
/// the length of each piece.
pub fn split_ascii(mut letters: &[char], mut token: impl FnMut(usize)) {
    while let Some(&first) = letters.first() {
        let length = if is_alphanumeric(first) {
            number_or_word_len(letters)
        } else {
            run_len(letters, |letter| !is_alphanumeric(letter))
        };
        token(length);
        letters = &letters[length..];
    }
}

fn number_or_word_len(letters: &[char]) -> usize {
    let mut length = run_len(letters, is_alphanumeric);
    if letters.get(length) == Some(&'.') {
        match run_len(&letters[length + 1..], |letter| letter.is_ascii_digit()) {
            0 => {}
            digits => length += 1 + digits,
        }
    }
    length + usize::from(letters.get(length) == Some(&'%'))
}

/// How many of the first letters are in a class.
pub fn run_len(letters: &[char], class: impl Fn(char) -> bool) -> usize {
    letters.iter().take_while(|&&letter| class(letter)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_decimals_and_percent_sign() {
        let letters: Vec<char> = "3.14.15%-a_b%%1.".chars().collect();
        let mut lengths = Vec::new();
        split_ascii(&letters, |length| lengths.push(length));
        assert_eq!(lengths, [4, 1, 3, 1, 1, 1, 2, 1, 1, 1]);
    }

    #[test]
    fn white_space_is_that_of_python() {
        assert!("\t\x0b\x1c\x1f\u{85}\u{a0}\u{2028}\u{3000}".chars().all(is_space));
        assert!(!"\u{200b}\u{feff}\0".chars().any(is_space));
    }
}
