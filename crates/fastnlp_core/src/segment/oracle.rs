//! jieba's functions written down once more, as slowly and as close to its Python as can be.

use std::collections::HashMap;

use super::hmm::{FIRST_HAN, Hmm};
use super::letters::{is_block, is_han, is_space};

/// jieba's `FREQ` and `total`, read from `word frequency` lines.
pub struct Oracle<'h> {
    frequencies: HashMap<String, u64>,
    total: u64,
    hmm: &'h Hmm,
}

impl<'h> Oracle<'h> {
    pub fn new(lines: &str, hmm: &'h Hmm) -> Self {
        let mut oracle = Self { frequencies: HashMap::new(), total: 0, hmm };
        for line in lines.lines() {
            let (word, frequency) = line.split_once(' ').unwrap();
            oracle.add_word(word, frequency.parse().unwrap());
        }
        oracle
    }

    pub fn add_word(&mut self, word: &str, frequency: u64) {
        self.frequencies.insert(word.to_owned(), frequency);
        self.total += frequency;
        let letters: Vec<char> = word.chars().collect();
        for end in 1..=letters.len() {
            self.frequencies.entry(text_of(&letters[..end])).or_insert(0);
        }
    }

    fn frequency(&self, letters: &[char]) -> u64 {
        self.frequencies.get(&text_of(letters)).copied().unwrap_or(0)
    }

    /// `Tokenizer.cut(text, HMM=use_hmm)`.
    pub fn cut(&self, text: &str, use_hmm: bool) -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        for piece in letters.chunk_by(|a, b| is_block(*a) == is_block(*b)) {
            if is_block(piece[0]) {
                tokens.extend(self.cut_block(piece, use_hmm));
            } else {
                tokens.extend(split_outside(piece, |between| {
                    between.iter().map(char::to_string).collect()
                }));
            }
        }
        tokens
    }

    /// `Tokenizer.cut(text, cut_all=True)`.
    pub fn cut_all(&self, text: &str) -> Vec<String> {
        let letters: Vec<char> = text.chars().collect();
        let mut tokens = Vec::new();
        for piece in letters.chunk_by(|a, b| is_block(*a) == is_block(*b)) {
            if is_block(piece[0]) {
                tokens.extend(self.all_of_block(piece));
            } else {
                tokens.extend(split_outside(piece, |between| vec![text_of(between)]));
            }
        }
        tokens
    }

    /// `Tokenizer.cut_for_search(text)`.
    pub fn cut_for_search(&self, text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        for token in self.cut(text, true) {
            let letters: Vec<char> = token.chars().collect();
            for size in [2, 3] {
                if letters.len() > size {
                    let grams = letters.windows(size).filter(|gram| self.frequency(gram) > 0);
                    tokens.extend(grams.map(text_of));
                }
            }
            tokens.push(token);
        }
        tokens
    }

    /// `get_DAG`: the last letters of the words that begin at each letter.
    fn graph(&self, letters: &[char]) -> Vec<Vec<usize>> {
        let ends_from = |start: usize| {
            let ends = start..letters.len();
            let words: Vec<usize> =
                ends.filter(|&end| self.frequency(&letters[start..=end]) > 0).collect();
            if words.is_empty() { vec![start] } else { words }
        };
        (0..letters.len()).map(ends_from).collect()
    }

    /// `calc`: the last letter of the word that the best way takes from each letter.
    fn route(&self, letters: &[char]) -> Vec<(f64, usize)> {
        let mut route = vec![(0.0, 0); letters.len() + 1];
        for (start, ends) in self.graph(letters).into_iter().enumerate().rev() {
            let scored = ends.into_iter().map(|end| {
                let frequency = self.frequency(&letters[start..=end]).max(1) as f64;
                (frequency.ln() - (self.total as f64).ln() + route[end + 1].0, end)
            });
            route[start] = scored.reduce(|a, b| if b >= a { b } else { a }).unwrap();
        }
        route
    }

    /// `__cut_DAG` and `__cut_DAG_NO_HMM`.
    fn cut_block(&self, letters: &[char], use_hmm: bool) -> Vec<String> {
        let route = self.route(letters);
        let (mut tokens, mut buffer, mut at) = (Vec::new(), Vec::new(), 0);
        while at < letters.len() {
            let end = route[at].1 + 1;
            let is_buffered = end - at == 1 && (use_hmm || letters[at].is_ascii_alphanumeric());
            if is_buffered {
                buffer.push(letters[at]);
            } else {
                tokens.extend(self.flush(&mut buffer, use_hmm));
                tokens.push(text_of(&letters[at..end]));
            }
            at = end;
        }
        tokens.extend(self.flush(&mut buffer, use_hmm));
        tokens
    }

    fn flush(&self, buffer: &mut Vec<char>, use_hmm: bool) -> Vec<String> {
        let letters = std::mem::take(buffer);
        if letters.is_empty() {
            return vec![];
        }
        if !use_hmm {
            return vec![text_of(&letters)];
        }
        if self.frequency(&letters) > 0 {
            return letters.iter().map(char::to_string).collect();
        }
        let mut tokens = Vec::new();
        for piece in letters.chunk_by(|a, b| is_han(*a) == is_han(*b)) {
            tokens.extend(if is_han(piece[0]) {
                self.viterbi(piece)
            } else {
                split_numbers(piece)
            });
        }
        tokens
    }

    /// `finalseg.viterbi` and `finalseg.__cut`, with whole paths of state letters.
    fn viterbi(&self, letters: &[char]) -> Vec<String> {
        let row = |state: char| "BMES".find(state).unwrap();
        let emitted = |letter: char, state| {
            self.hmm.emission[letter as usize - FIRST_HAN as usize][row(state)]
        };
        let best = |scored: Vec<(f64, String)>| {
            let last = |path: &str| path.chars().last();
            let greater =
                |a: &(f64, String), b: &(f64, String)| (b.0, last(&b.1)) > (a.0, last(&a.1));
            scored.into_iter().reduce(|a, b| if greater(&a, &b) { b } else { a }).unwrap()
        };
        let first = |state: char| {
            (self.hmm.start[row(state)] + emitted(letters[0], state), state.to_string())
        };
        let mut paths: Vec<(f64, String)> = "BMES".chars().map(first).collect();
        for &letter in &letters[1..] {
            let reach = |state: char| {
                let from = [("B", "ES"), ("M", "MB"), ("E", "BM"), ("S", "SE")];
                let from = from.iter().find(|(to, _)| to.starts_with(state)).unwrap().1;
                let scored = from.chars().map(|before| {
                    let (score, path) = &paths[row(before)];
                    let moved = score + self.hmm.transition[row(before)][row(state)];
                    (moved + emitted(letter, state), path.clone())
                });
                let (score, path) = best(scored.collect());
                (score, format!("{path}{state}"))
            };
            paths = "BMES".chars().map(reach).collect();
        }
        let (_, states) = best(vec![paths[2].clone(), paths[3].clone()]);
        let (mut tokens, mut begin) = (Vec::new(), 0);
        for (at, state) in states.chars().enumerate() {
            match state {
                'B' => begin = at,
                'E' => tokens.push(text_of(&letters[begin..=at])),
                'S' => tokens.push(letters[at].to_string()),
                _ => {}
            }
        }
        tokens
    }

    /// `__cut_all`.
    fn all_of_block(&self, letters: &[char]) -> Vec<String> {
        let (mut tokens, mut buffer) = (Vec::new(), String::new());
        let mut old_end: Option<usize> = None;
        for (start, ends) in self.graph(letters).into_iter().enumerate() {
            let is_joined = letters[start].is_ascii_alphanumeric();
            if !buffer.is_empty() && !is_joined {
                tokens.push(std::mem::take(&mut buffer));
            }
            if ends.len() == 1 && old_end.is_none_or(|old| start > old) {
                let word = text_of(&letters[start..=ends[0]]);
                if is_joined {
                    buffer.push_str(&word);
                } else {
                    tokens.push(word);
                }
                old_end = Some(ends[0]);
            } else {
                for end in ends.into_iter().filter(|&end| end > start) {
                    tokens.push(text_of(&letters[start..=end]));
                    old_end = Some(end);
                }
            }
        }
        tokens.extend((!buffer.is_empty()).then_some(buffer));
        tokens
    }
}

fn text_of(letters: &[char]) -> String {
    letters.iter().collect()
}

/// `re_skip_default.split`, what is between white space cut by `between`.
fn split_outside(letters: &[char], between: impl Fn(&[char]) -> Vec<String>) -> Vec<String> {
    let (mut tokens, mut at, mut start) = (Vec::new(), 0, 0);
    while at < letters.len() {
        let length = if letters[at..].starts_with(&['\r', '\n']) { 2 } else { 1 };
        if is_space(letters[at]) {
            tokens.extend(between(&letters[start..at]));
            tokens.push(text_of(&letters[at..at + length]));
            start = at + length;
        }
        at += length;
    }
    tokens.extend(between(&letters[start..]));
    tokens
}

/// `finalseg.re_skip.split`: the longest number or word at each place, all else in one piece.
fn split_numbers(letters: &[char]) -> Vec<String> {
    let is_match = |text: &str| {
        let text = text.strip_suffix('%').unwrap_or(text);
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
        let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        is_word(text)
            || text.split_once('.').is_some_and(|(word, rest)| is_word(word) && is_number(rest))
    };
    let (mut tokens, mut other, mut at) = (Vec::new(), String::new(), 0);
    while at < letters.len() {
        let ends = (at + 1..=letters.len()).rev();
        match ends.map(|end| text_of(&letters[at..end])).find(|text| is_match(text)) {
            None => {
                other.push(letters[at]);
                at += 1;
            }
            Some(token) => {
                tokens.extend((!other.is_empty()).then(|| std::mem::take(&mut other)));
                at += token.len();
                tokens.push(token);
            }
        }
    }
    tokens.extend((!other.is_empty()).then_some(other));
    tokens
}
