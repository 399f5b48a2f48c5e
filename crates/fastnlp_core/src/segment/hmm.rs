//! The hidden Markov model that finds words the dictionary lacks (jieba's `finalseg`).
//!
//! Viterbi (1967), "Error bounds for convolutional codes and an asymptotically optimum decoding
//! algorithm". States: a character is the Beginning, Middle or End of a word, or a Single.

use super::letters::is_han;

pub const NUM_STATES: usize = 4;
pub const FIRST_HAN: char = '\u{4E00}';
pub const NUM_HAN: usize = 0x9FD5 - 0x4E00 + 1;
const B: usize = 0;
const M: usize = 1;
const E: usize = 2;
const S: usize = 3;

/// Logarithms of probabilities, the states in the order B, M, E, S.
pub struct Hmm {
    pub start: [f64; NUM_STATES],
    pub transition: [[f64; NUM_STATES]; NUM_STATES],
    /// By Han character, from [`FIRST_HAN`] on.
    pub emission: Vec<[f64; NUM_STATES]>,
}

impl Hmm {
    /// Cuts a run of Han characters; calls `token` with the length of each word. `before` is
    /// working memory.
    ///
    /// Scores are added in jieba's order, and of equal scores the one that comes from the state
    /// with the later letter wins, as its `max` over (score, letter) has it. A run may begin with
    /// M or E: what an unlikely beginning costs absorbs all other scores.
    pub fn cut(&self, letters: &[char], before: &mut Vec<u8>, mut token: impl FnMut(usize)) {
        let last = self.best_states(letters, before);
        let mut state = last;
        for step in before.iter_mut().rev() {
            let came_from = (*step >> (2 * state)) & 3;
            *step = state as u8;
            state = usize::from(came_from);
        }
        let mut length = 0;
        for &state in before.iter() {
            length += 1;
            if usize::from(state) >= E {
                token(length);
                length = 0;
            }
        }
    }

    /// The best last state; `before[i]` packs, two bits a state, from where each state was reached.
    fn best_states(&self, letters: &[char], before: &mut Vec<u8>) -> usize {
        before.clear();
        before.push(0);
        let first = self.emitted(letters[0]);
        let mut score = [B, M, E, S].map(|state| self.start[state] + first[state]);
        for &letter in &letters[1..] {
            let emitted = self.emitted(letter);
            let reach = |state: usize, low: usize, high: usize| {
                let low_score = score[low] + self.transition[low][state] + emitted[state];
                let high_score = score[high] + self.transition[high][state] + emitted[state];
                if high_score >= low_score { (high_score, high) } else { (low_score, low) }
            };
            let reached = [reach(B, E, S), reach(M, B, M), reach(E, B, M), reach(S, E, S)];
            score = reached.map(|(score, _)| score);
            let packed = reached.iter().rev().fold(0, |bits, &(_, from)| (bits << 2) | from as u8);
            before.push(packed);
        }
        if score[S] >= score[E] { S } else { E }
    }

    fn emitted(&self, letter: char) -> &[f64; NUM_STATES] {
        debug_assert!(is_han(letter), "only Han runs are cut by the model");
        &self.emission[letter as usize - FIRST_HAN as usize]
    }
}
