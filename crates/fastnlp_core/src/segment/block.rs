//! One run of letters that the dictionary may hold, cut into words: jieba's `__cut_DAG`,
//! `__cut_DAG_NO_HMM` and `__cut_all`.

use rustc_hash::FxHashSet;

use super::dictionary::Dictionary;
use super::hmm::Hmm;
use super::letters::{is_alphanumeric, is_block, is_han, run_len, split_ascii};

/// The block being cut, and working memory that is reused from block to block.
#[derive(Default)]
pub struct Block {
    letters: Vec<char>,
    /// Byte position of each letter in the text, and of the end.
    offsets: Vec<usize>,
    /// The best way from each letter to the end of the block.
    route: Vec<Step>,
    before: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Step {
    score: f64,
    length: usize,
}

/// What decides how a block is cut.
pub struct Rules<'a> {
    pub dictionary: &'a Dictionary,
    pub hmm: Option<&'a Hmm>,
    /// Words of the model, never of the dictionary, that are cut into single letters.
    pub split: &'a FxHashSet<Vec<char>>,
}

impl Block {
    /// Reads the block that begins at byte `start` (it may be empty); gives its end.
    pub fn read(&mut self, text: &str, start: usize) -> usize {
        self.letters.clear();
        self.offsets.clear();
        self.offsets.push(start);
        let mut end = start;
        for letter in text[start..].chars().take_while(|&letter| is_block(letter)) {
            end += letter.len_utf8();
            self.letters.push(letter);
            self.offsets.push(end);
        }
        end
    }

    /// Gives `token` the byte position at which each word ends.
    pub fn cut(&mut self, rules: &Rules, mut token: impl FnMut(usize)) {
        self.find_route(rules.dictionary);
        let mut at = 0;
        while at < self.letters.len() {
            let length = self.route[at].length;
            if length > 1 {
                at += length;
                token(self.offsets[at]);
                continue;
            }
            let first = at;
            if let Some(hmm) = rules.hmm {
                at += self.singles_len(first, |_| true);
                self.cut_singles(first, at, rules, hmm, &mut token);
            } else {
                at += self.singles_len(first, is_alphanumeric).max(1);
                token(self.offsets[at]);
            }
        }
    }

    /// Every word at every position; letters and digits that stand alone are joined, over words
    /// between them too, as jieba's buffer does.
    pub fn cut_all(&self, text: &str, dictionary: &Dictionary, mut token: impl FnMut(&str)) {
        let slice = |from: usize, to: usize| &text[self.offsets[from]..self.offsets[to]];
        let mut covered = 0;
        let mut joined = String::new();
        for (at, &letter) in self.letters.iter().enumerate() {
            if !is_alphanumeric(letter) && !joined.is_empty() {
                token(&joined);
                joined.clear();
            }
            let mut ends = dictionary.words(&self.letters[at..]).map(|(length, _)| at + length);
            let (first, second) = (ends.next().unwrap_or(at + 1), ends.next());
            if second.is_none() && at >= covered {
                covered = first;
                if is_alphanumeric(letter) {
                    joined.push_str(slice(at, first));
                } else {
                    token(slice(at, first));
                }
                continue;
            }
            let ends = std::iter::once(first).chain(second).chain(ends);
            for end in ends.filter(|&end| end > at + 1) {
                token(slice(at, end));
                covered = end;
            }
        }
        if !joined.is_empty() {
            token(&joined);
        }
    }

    /// Dynamic programming from the right over the logarithms of the frequencies, added in jieba's
    /// order; of equal scores the longer word wins, as `max` over (score, end) has it.
    fn find_route(&mut self, dictionary: &Dictionary) {
        let num_letters = self.letters.len();
        self.route.clear();
        self.route.resize(num_letters + 1, Step { score: 0.0, length: 0 });
        for at in (0..num_letters).rev() {
            let mut best = Step { score: f64::NEG_INFINITY, length: 0 };
            for (length, weight) in dictionary.words(&self.letters[at..]) {
                let score = weight + self.route[at + length].score;
                if score >= best.score {
                    best = Step { score, length };
                }
            }
            if best.length == 0 {
                let score = dictionary.unknown_weight() + self.route[at + 1].score;
                best = Step { score, length: 1 };
            }
            self.route[at] = best;
        }
    }

    /// How many steps of one letter of a class follow each other from `first` on.
    fn singles_len(&self, first: usize, class: impl Fn(char) -> bool) -> usize {
        let steps = self.letters[first..].iter().zip(&self.route[first..]);
        steps.take_while(|(letter, step)| step.length == 1 && class(**letter)).count()
    }

    /// Looks for words in letters that the route left alone, unless they are a word together.
    fn cut_singles(
        &mut self,
        first: usize,
        end: usize,
        rules: &Rules,
        hmm: &Hmm,
        token: &mut impl FnMut(usize),
    ) {
        let letters = &self.letters[first..end];
        let offsets = &self.offsets[first + 1..=end];
        if letters.len() == 1 || rules.dictionary.is_word(letters) {
            offsets.iter().copied().for_each(token);
            return;
        }
        let mut at = 0;
        while at < letters.len() {
            let run = &letters[at..];
            if !is_han(run[0]) {
                let run = &run[..run_len(run, |letter| !is_han(letter))];
                split_ascii(run, |length| {
                    at += length;
                    token(offsets[at - 1]);
                });
                continue;
            }
            let run = &run[..run_len(run, is_han)];
            hmm.cut(run, &mut self.before, |length| {
                let word = at..at + length;
                at = word.end;
                if !rules.split.is_empty() && rules.split.contains(&letters[word.clone()]) {
                    offsets[word].iter().copied().for_each(&mut *token);
                } else {
                    token(offsets[at - 1]);
                }
            });
        }
    }
}
